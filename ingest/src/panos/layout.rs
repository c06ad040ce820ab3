//! What a message is: a PAN-OS line of a type we know, or why it can't be read as one.

use crate::generic;
use crate::syslog::header;

use super::formats::{self, Named};
use super::log_type::{LogType, TYPE};
use super::{LOG_TYPES, types};

/// A line that is parsed.
#[derive(Clone, Copy, Debug)]
pub enum Recognised {
    /// The firewall's CSV.
    Csv {
        /// Offset of the first column.
        csv: usize,
        /// Its type.
        log_type: &'static LogType,
    },
    /// A PAN-OS log in another format.
    Named(Named),
    /// Syslog of something else.
    Syslog,
}

/// Why a line lands in `syslog-unparsed`. The text is its `error.message`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unparsed {
    /// A header like PAN-OS's with a type that is in no list of the vendor's.
    #[error("unknown log type {name}")]
    UnknownType {
        /// As the line says.
        name: String,
        /// Offset of the first column, in the firewall's CSV.
        csv: Option<usize>,
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
    /// Strata Logging Service, Prisma Access: a type whose columns come in an unknown order.
    #[error("cloud forwarder layout of unknown order")]
    CloudLayout,
    /// ArcSight's format, from this vendor.
    #[error("CEF cut in its header")]
    Cef,
    /// QRadar's format, from this vendor.
    #[error("LEEF cut in its header or without a log type")]
    Leef,
    /// One JSON object.
    #[error("JSON that is broken or names no log type")]
    Json,
    /// A line with a log type of PAN-OS among its first columns, which are not the right ones.
    #[error("like a PAN-OS line, but it does not begin with number, time, serial number and type")]
    BrokenPanos,
    /// Bytes that are no text.
    #[error("binary data")]
    Binary,
    /// Anything else.
    #[error("neither a PAN-OS line nor a syslog header")]
    NotPanos,
    /// A stored record that can't be taken apart.
    #[error("damaged record: {0}")]
    DamagedRecord(#[from] crate::envelope::EnvelopeError),
}

/// Labels of [`Unparsed`] in metrics.
pub const UNPARSED_LABELS: [&str; 10] =
    ["unknown_type", "cut", "cloud_layout", "cef", "leef", "json", "not_panos", "damaged_record", "broken_panos", "binary"];

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
            Unparsed::NotPanos => 6,
            Unparsed::DamagedRecord(_) => 7,
            Unparsed::BrokenPanos => 8,
            Unparsed::Binary => 9,
        }
    }

    /// Offset of the columns where the line has PAN-OS's first ones.
    pub(super) fn csv(&self) -> Option<usize> {
        match self {
            Unparsed::UnknownType { csv, .. } => *csv,
            Unparsed::Cut { csv, .. } => Some(*csv),
            Unparsed::CloudLayout
            | Unparsed::Cef
            | Unparsed::Leef
            | Unparsed::Json
            | Unparsed::BrokenPanos
            | Unparsed::Binary
            | Unparsed::NotPanos
            | Unparsed::DamagedRecord(_) => None,
        }
    }
}

/// Longest type name that is repeated in a reason.
const NAME_LEN_MAX: usize = 32;

/// The reason for a type that no table is for.
pub(super) fn unknown_type(name: &str) -> Unparsed {
    Unparsed::UnknownType { name: name.chars().take(NAME_LEN_MAX).collect(), csv: None }
}

/// Tells what a message is by its header and first columns, without splitting the rest. A type's table may still find it cut.
///
/// # Errors
/// [`Unparsed`] is the reason why it is neither a line of a supported type nor syslog.
pub fn recognise(text: &str) -> Result<Recognised, Unparsed> {
    let Some(csv) = header::find_csv(text) else { return other(text) };
    let name = nth_column(&text[csv..], TYPE);
    if let Some(log_type) = LOG_TYPES.iter().find(|it| it.names.iter().any(|it| it.eq_ignore_ascii_case(name))) {
        return Ok(Recognised::Csv { csv, log_type });
    }
    Err(Unparsed::UnknownType { name: name.chars().take(NAME_LEN_MAX).collect(), csv: Some(csv) })
}

/// A column of a line whose first ones are plain. By bytes: the standard library's search for a character is made for long texts.
fn nth_column(text: &str, index: usize) -> &str {
    let mut columns = text.as_bytes().split(|it| *it == b',');
    let Some(column) = columns.nth(index) else { return "" };
    // What stands between two commas is text as the whole is.
    str::from_utf8(column).unwrap_or_default()
}

fn other(text: &str) -> Result<Recognised, Unparsed> {
    let head = header::scan(text);
    let body = &text[head.body..];
    if header::is_audit_layout(body) {
        return Ok(Recognised::Csv { csv: head.body, log_type: &types::AUDIT });
    }
    if let Some(found) = formats::recognise(text, head.body) {
        return found.map(Recognised::Named);
    }
    if is_like_panos(body) {
        Err(Unparsed::BrokenPanos)
    } else if generic::is_binary(text) {
        Err(Unparsed::Binary)
    } else if head.is_syslog() {
        Ok(Recognised::Syslog)
    } else if body.trim_ascii_start().starts_with('{') && body.trim_ascii_end().ends_with('}') {
        Err(Unparsed::Json)
    } else {
        Err(Unparsed::NotPanos)
    }
}

/// Whether a line is a damaged one of a firewall: a log type in capitals among the first columns, or a number and a date in front.
fn is_like_panos(body: &str) -> bool {
    const FIRST_COLUMNS: usize = 5;
    let body = body.trim_start_matches([' ', ':', '-']);
    let mut columns = body.splitn(FIRST_COLUMNS + 2, ',');
    let first = columns.next().unwrap_or_default();
    let second = columns.next().unwrap_or_default().as_bytes();
    let is_number = !first.is_empty() && first.bytes().all(|it| it.is_ascii_digit());
    if is_number && second.len() >= 8 && second[..4].iter().all(u8::is_ascii_digit) && second[4] == b'/' {
        return true;
    }
    let is_type = |name: &str| LOG_TYPES.iter().any(|it| it.names.contains(&name));
    let mut seen = body.split(',').take(FIRST_COLUMNS + 1).skip(1);
    body.matches(',').count() >= FIRST_COLUMNS && seen.any(is_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> String {
        match recognise(text) {
            Ok(Recognised::Csv { log_type, .. }) => (log_type.stream)("").to_owned(),
            Ok(Recognised::Named(it)) => format!("{} {}", it.format.parser(), (it.log_type.stream)("")),
            Ok(Recognised::Syslog) => "syslog".to_owned(),
            Err(reason) => reason.to_string(),
        }
    }

    #[test]
    fn every_layout_has_its_way_or_its_reason() {
        for (line, expected) in [
            ("<14>Nov  3 07:01:51 fw 1,2019/11/03 07:01:51,0018,TRAFFIC,end,1,", "panos-traffic"),
            ("<14>Nov  3 07:01:51 fw 1,2019/11/03 07:01:51,0018,SYSTEM,general,0,", "panos-system"),
            ("1,2019/11/03 07:01:51,0018,HIP-MATCH,general,0,", "panos-hipmatch"),
            ("1,2019/11/03 07:01:51,0018,WEATHER,sunny,0,", "unknown log type WEATHER"),
            ("Apr 11 20:06:15 192.168.0.1 01111111111,2024/04/11 20:06:15,audit,2561,gui-op,suser,\"x\"", "panos-audit"),
            ("01111111111,2024/04/11 20:06:15,audit,end,gui-op,suser,\"x\"", "panos-audit"),
            (
                "<14>1 2021-10-27T19:21:00.034Z s logforwarder - panwlogs - 2021-10-27T19:20:59.000000Z,no-serial,TRAFFIC,end,10.0",
                "panos-cloud-csv panos-traffic",
            ),
            ("2021-10-27T19:20:59.000000Z,no-serial,HIPMATCH,end,10.0", "cloud forwarder layout of unknown order"),
            ("CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC|end|3|", "panos-cef panos-traffic"),
            ("CEF:0|Palo Alto Networks|LF|2.0|", "CEF cut in its header"),
            (
                "<14>Sep 17 13:45:35 firewall.domain.local LEEF:1.0|Palo Alto Networks|PAN-OS Syslog Integration|11.1.6|allow|cat=TRAFFIC",
                "panos-leef panos-traffic",
            ),
            ("<14>Sep 17 13:45:35 host {\"LogType\":\"TRAFFIC\"}", "panos-json panos-traffic"),
            ("{\"a\":1}", "JSON that is broken or names no log type"),
            ("<14>Sep 17 13:45:35 host {\"a\":1}", "syslog"),
            ("<14>Sep 17 13:45:35 host CEF:0|Other|IDS|1|a|b|3|src=10.0.0.1", "syslog"),
            ("<34>Oct 11 22:14:15 mymachine su[123]: 'su root' failed", "syslog"),
            ("<14>\u{0}\u{1}\u{2}\u{3}", "binary data"),
            (
                "<14>Sep 16 10:00:02 PP 1,9/16/19 10:00,1801017000,TRAFFIC,start,2049,9/16/19 10:00,1.2.3.4",
                "like a PAN-OS line, but it does not begin with number, time, serial number and type",
            ),
            (
                "<14>Nov  3 07:01:51 fw 1,2019/11/03 07:01:51,00",
                "like a PAN-OS line, but it does not begin with number, time, serial number and type",
            ),
            ("<14>Nov  3 07:01:51 db START,1 of 7, END", "syslog"),
            ("no header at all", "neither a PAN-OS line nor a syslog header"),
            ("", "neither a PAN-OS line nor a syslog header"),
        ] {
            assert_eq!(outcome(line), expected, "{line}");
        }
    }

    #[test]
    fn labels_are_in_the_list() {
        assert_eq!(UNPARSED_LABELS[Unparsed::NotPanos.label()], "not_panos");
        assert_eq!(UNPARSED_LABELS[Unparsed::BrokenPanos.label()], "broken_panos");
        assert_eq!(UNPARSED_LABELS[Unparsed::Binary.label()], "binary");
        assert_eq!(UNPARSED_LABELS[Unparsed::Cut { count: 1, min: 2, csv: 0 }.label()], "cut");
        assert_eq!(UNPARSED_LABELS[Unparsed::DamagedRecord(crate::envelope::EnvelopeError::Cut).label()], "damaged_record");
    }
}
