//! What a message is: a PAN-OS line of a type we know, syslog of something else, or why it can't be read as either.

use crate::generic;
use crate::syslog::header::{self, Header};

use super::log_type::{LogType, TYPE};
use super::{LOG_TYPES, types};

/// A line that is parsed.
#[derive(Clone, Copy, Debug)]
pub enum Recognised<'a> {
    /// A PAN-OS line.
    Panos {
        /// Offset of the first column.
        csv: usize,
        /// Its type.
        log_type: &'static LogType,
    },
    /// Syslog of something else.
    Syslog(Header<'a>),
}

/// Why a line lands in `syslog-unparsed`. The text is its `error.message`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unparsed {
    /// A header like PAN-OS's with a type that is in no list of the vendor's.
    #[error("unknown log type {name}")]
    UnknownType {
        /// As column 3 says.
        name: String,
        /// Offset of the first column.
        csv: usize,
    },
    /// The line ends before its columns say what happened.
    #[error("line cut after {count} of at least {min} columns")]
    Cut {
        /// Columns there are.
        count: usize,
        /// Columns there must be.
        min: usize,
        /// Offset of the first column.
        csv: usize,
    },
    /// Strata Logging Service, Prisma Access: other columns.
    #[error("cloud forwarder layout")]
    CloudLayout,
    /// ArcSight's format.
    #[error("CEF format")]
    Cef,
    /// QRadar's format.
    #[error("LEEF format")]
    Leef,
    /// One JSON object.
    #[error("JSON format")]
    Json,
    /// It names a PAN-OS type and has not its columns.
    #[error("PAN-OS columns that can't be made out")]
    Garbled,
    /// Anything else.
    #[error("neither a PAN-OS line nor syslog")]
    NotSyslog,
    /// A stored record that can't be taken apart.
    #[error("damaged record: {0}")]
    DamagedRecord(#[from] crate::envelope::EnvelopeError),
}

/// Labels of [`Unparsed`] in metrics.
pub const UNPARSED_LABELS: [&str; 9] = ["unknown_type", "cut", "cloud_layout", "cef", "leef", "json", "garbled", "not_syslog", "damaged_record"];

impl Unparsed {
    /// Position in [`UNPARSED_LABELS`].
    pub fn label(&self) -> usize {
        match self {
            Unparsed::UnknownType { .. } => 0,
            Unparsed::Cut { .. } => 1,
            Unparsed::CloudLayout => 2,
            Unparsed::Cef => 3,
            Unparsed::Leef => 4,
            Unparsed::Json => 5,
            Unparsed::Garbled => 6,
            Unparsed::NotSyslog => 7,
            Unparsed::DamagedRecord(_) => 8,
        }
    }

    /// Offset of the columns where the line has PAN-OS's first ones.
    pub(super) fn csv(&self) -> Option<usize> {
        match self {
            Unparsed::UnknownType { csv, .. } | Unparsed::Cut { csv, .. } => Some(*csv),
            Unparsed::CloudLayout
            | Unparsed::Cef
            | Unparsed::Leef
            | Unparsed::Json
            | Unparsed::Garbled
            | Unparsed::NotSyslog
            | Unparsed::DamagedRecord(_) => None,
        }
    }
}

/// Longest type name that is repeated in a reason.
const NAME_LEN_MAX: usize = 32;

/// Tells what a message is by its header and first columns, without splitting the rest. A type's table may still find it cut.
///
/// # Errors
/// [`Unparsed`] is the reason why it is not a line of a supported type.
pub fn recognise(text: &str) -> Result<Recognised<'_>, Unparsed> {
    let Some(csv) = header::find_csv(text) else { return other(text) };
    let name = text[csv..].split(',').nth(TYPE).unwrap_or_default();
    if let Some(log_type) = LOG_TYPES.iter().find(|it| it.names.iter().any(|it| it.eq_ignore_ascii_case(name))) {
        return Ok(Recognised::Panos { csv, log_type });
    }
    Err(Unparsed::UnknownType { name: name.chars().take(NAME_LEN_MAX).collect(), csv })
}

fn other(text: &str) -> Result<Recognised<'_>, Unparsed> {
    let head = header::scan(text);
    let body = &text[head.body..];
    if header::is_audit_layout(body) {
        return Ok(Recognised::Panos { csv: head.body, log_type: &types::AUDIT });
    }
    // Relays may leave something between header and body, so these are looked for near the start and not only at it.
    let near = &text.as_bytes()[..text.len().min(400)];
    let holds = |marker: &[u8]| memchr::memmem::find(near, marker).is_some();
    Err(if holds(b"CEF:0|") || holds(b"CEF:1|") {
        Unparsed::Cef
    } else if holds(b"LEEF:1.0|") || holds(b"LEEF:2.0|") {
        Unparsed::Leef
    } else if body.starts_with('{') && body.trim_ascii_end().ends_with('}') {
        Unparsed::Json
    } else if header::is_cloud_layout(text) {
        Unparsed::CloudLayout
    } else if names_a_type(near) {
        Unparsed::Garbled
    } else if generic::is_syslog(&head) {
        return Ok(Recognised::Syslog(head));
    } else {
        Unparsed::NotSyslog
    })
}

/// Whether a column reads like the name of a PAN-OS type: such a line is one that we fail to read, and no other device's.
fn names_a_type(text: &[u8]) -> bool {
    text.split(|it| *it == b',').skip(2).any(|column| LOG_TYPES.iter().any(|it| it.names.iter().any(|it| it.as_bytes() == column)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        match recognise(text) {
            Ok(Recognised::Panos { log_type, .. }) => (log_type.stream)("").to_owned(),
            Ok(Recognised::Syslog(_)) => generic::STREAM.to_owned(),
            Err(reason) => reason.to_string(),
        }
    }

    #[test]
    fn every_layout_has_its_reason() {
        for (line, expected) in [
            ("<14>Nov  3 07:01:51 fw 1,2019/11/03 07:01:51,0018,TRAFFIC,end,1,", "panos-traffic"),
            ("<14>Nov  3 07:01:51 fw 1,2019/11/03 07:01:51,0018,SYSTEM,general,0,", "panos-system"),
            ("1,2019/11/03 07:01:51,0018,HIP-MATCH,general,0,", "panos-hipmatch"),
            ("1,2019/11/03 07:01:51,0018,WEATHER,sunny,0,", "unknown log type WEATHER"),
            ("Apr 11 20:06:15 192.168.0.1 01111111111,2024/04/11 20:06:15,audit,2561,gui-op,suser,\"x\"", "panos-audit"),
            (
                "<14>1 2021-10-27T19:21:00.034Z s logforwarder - panwlogs - 2021-10-27T19:20:59.000000Z,no-serial,TRAFFIC,end,10.0",
                "cloud forwarder layout",
            ),
            ("CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC|end|3|", "CEF format"),
            (
                "<14>Sep 17 13:45:35 firewall.domain.local LEEF:1.0|Palo Alto Networks|PAN-OS Syslog Integration|11.1.6|allow|cat=TRAFFIC",
                "LEEF format",
            ),
            ("<14>Sep 17 13:45:35 host {\"LogType\":\"TRAFFIC\"}", "JSON format"),
            ("<34>Oct 11 22:14:15 mymachine su[123]: 'su root' failed", "syslog"),
            ("<13>text", "syslog"),
            ("text", "neither a PAN-OS line nor syslog"),
            ("<14>Sep 16 10:00:02 PP 1,9/16/19 10:00,1801017000,TRAFFIC,start,2049", "PAN-OS columns that can't be made out"),
            ("", "neither a PAN-OS line nor syslog"),
        ] {
            assert_eq!(reason(line), expected, "{line}");
        }
    }

    #[test]
    fn labels_are_in_the_list() {
        assert_eq!(UNPARSED_LABELS[Unparsed::NotSyslog.label()], "not_syslog");
        assert_eq!(UNPARSED_LABELS[Unparsed::Cut { count: 1, min: 2, csv: 0 }.label()], "cut");
        assert_eq!(UNPARSED_LABELS[Unparsed::DamagedRecord(crate::envelope::EnvelopeError::Cut).label()], "damaged_record");
    }
}
