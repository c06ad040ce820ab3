//! What a firewall keeps between lines: sequence numbers, session ids, its release; and the head of every line.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::columns::{Columns, push_number, push_padded};
use super::signatures::Severity;
use super::site::{FIREWALLS, Firewall};

/// Log types with sequence numbers of their own; URL lines are THREAT and share its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogType {
    Traffic,
    Threat,
    System,
    Config,
}

impl LogType {
    fn name(self) -> &'static str {
        match self {
            Self::Traffic => "TRAFFIC",
            Self::Threat => "THREAT",
            Self::System => "SYSTEM",
            Self::Config => "CONFIG",
        }
    }
}

/// A PAN-OS release line; the column count follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    V10_2,
    V11_1,
}

impl Release {
    /// Column 5: 256 × major + minor.
    fn config_version(self) -> u64 {
        match self {
            Self::V10_2 => 2562,
            Self::V11_1 => 2817,
        }
    }
}

/// Both firewalls' running state.
#[derive(Debug, Clone)]
pub(crate) struct Devices {
    upgrades_ms: [i64; 2],
    sequence: [[u64; 4]; 2],
    sessions: [u32; 2],
}

impl Devices {
    /// Sequence numbers start where a box that booted a season before the window would be: boot second × 2³².
    pub(crate) fn new(start_ms: i64, span_ms: i64) -> Self {
        let boot_s = |firewall: usize| (start_ms / 1000 - 100 * 86_400 + 977 * firewall as i64).unsigned_abs();
        let first = |firewall: usize| std::array::from_fn(|log| (boot_s(firewall) << 32) + 40_961 * (log as u64 + 1));
        Self {
            upgrades_ms: std::array::from_fn(|it| start_ms + span_ms / 1000 * FIREWALLS[it].upgraded_per_mille),
            sequence: std::array::from_fn(first),
            sessions: [18_211, 402_733],
        }
    }

    /// A fresh session id; they wrap after a few million, as a firewall's do.
    pub(crate) fn open_session(&mut self, firewall: usize) -> u32 {
        let id = &mut self.sessions[firewall];
        *id = *id % 4_194_302 + 1;
        *id
    }

    pub(crate) fn release(&self, firewall: usize, at_ms: i64) -> Release {
        if at_ms >= self.upgrades_ms[firewall] { Release::V11_1 } else { Release::V10_2 }
    }

    /// The next sequence number of this firewall and log type: without gaps, so that completeness can be proved.
    pub(crate) fn next_sequence(&mut self, firewall: usize, log: LogType) -> u64 {
        let number = &mut self.sequence[firewall][log as usize];
        *number += 1;
        *number
    }

    /// The syslog header and columns 0 to 6.
    pub(crate) fn begin<'a>(&self, line: &'a mut Vec<u8>, head: &Head<'_>) -> Columns<'a> {
        let firewall: &Firewall = &FIREWALLS[head.firewall];
        let received = civil(head.at_ms);
        line.push(b'<');
        push_number(line, priority(head.severity));
        line.push(b'>');
        push_rfc3164(line, received);
        line.push(b' ');
        line.extend_from_slice(firewall.name.as_bytes());
        line.push(b' ');
        let mut row = Columns::new(line);
        row.text("1").next();
        row.device_time(received).next().text(firewall.serial).next().text(head.log.name()).next().text(head.subtype);
        row.next().number(self.release(head.firewall, head.at_ms).config_version());
        // The data plane writes first; the management plane stamps the line on arrival.
        row.next().time(head.at_ms - 300);
        row
    }
}

/// What the head of a line says.
pub(crate) struct Head<'a> {
    pub(crate) firewall: usize,
    pub(crate) log: LogType,
    pub(crate) subtype: &'a str,
    pub(crate) severity: Severity,
    pub(crate) at_ms: i64,
}

/// Facility user (1), syslog severity from the log's: PAN-OS sends critical as 2 and informational as 6.
fn priority(severity: Severity) -> u64 {
    8 + match severity {
        Severity::Critical => 2,
        Severity::High => 3,
        Severity::Medium => 4,
        Severity::Low => 5,
        Severity::Informational => 6,
    }
}

fn civil(at_ms: i64) -> DateTime {
    Offset::UTC.to_datetime(Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// `Nov  3 07:01:51`: the day padded with a blank (RFC 3164 §4.1.2).
fn push_rfc3164(line: &mut Vec<u8>, at: DateTime) {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    line.extend_from_slice(MONTHS[usize::from(at.month().unsigned_abs()) - 1].as_bytes());
    line.extend_from_slice(if at.day() < 10 { b"  " } else { b" " });
    push_number(line, u64::from(at.day().unsigned_abs()));
    line.push(b' ');
    push_clock(line, at);
}

fn push_clock(line: &mut Vec<u8>, at: DateTime) {
    push_padded(line, u32::from(at.hour().unsigned_abs()), 2);
    line.push(b':');
    push_padded(line, u32::from(at.minute().unsigned_abs()), 2);
    line.push(b':');
    push_padded(line, u32::from(at.second().unsigned_abs()), 2);
}

fn push_date(line: &mut Vec<u8>, at: DateTime, separator: u8) {
    push_padded(line, u32::from(at.year().unsigned_abs()), 4);
    line.push(separator);
    push_padded(line, u32::from(at.month().unsigned_abs()), 2);
    line.push(separator);
    push_padded(line, u32::from(at.day().unsigned_abs()), 2);
}

impl Columns<'_> {
    /// `2026/11/23 06:54:21`: device local time; these firewalls run on UTC.
    pub(crate) fn time(&mut self, at_ms: i64) -> &mut Self {
        self.device_time(civil(at_ms))
    }

    fn device_time(&mut self, at: DateTime) -> &mut Self {
        self.bytes(|line| {
            push_date(line, at, b'/');
            line.push(b' ');
            push_clock(line, at);
        })
    }

    /// `2026-11-23T06:54:21.123+00:00`, the column that carries the true moment.
    pub(crate) fn high_resolution(&mut self, at_ms: i64) -> &mut Self {
        let at = civil(at_ms);
        self.bytes(|line| {
            push_date(line, at, b'-');
            line.push(b'T');
            push_clock(line, at);
            line.push(b'.');
            push_padded(line, at_ms.rem_euclid(1000) as u32, 3);
            line.extend_from_slice(b"+00:00");
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::options::END_MS_DEFAULT;

    #[test]
    fn a_line_begins_as_a_firewall_writes_it() {
        let devices = Devices::new(END_MS_DEFAULT - 1_000_000, 1_000_000);
        let mut line = Vec::new();
        let at_ms = END_MS_DEFAULT - 20 * 86_400_000 + 7123;
        let head = Head { firewall: 0, log: LogType::Traffic, subtype: "end", severity: Severity::Informational, at_ms };
        devices.begin(&mut line, &head).at(8).high_resolution(at_ms);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "<14>Nov  3 00:00:07 fw-lab-01 1,2026/11/03 00:00:07,012801099471,TRAFFIC,end,2562,2026/11/03 00:00:06,,\
             2026-11-03T00:00:07.123+00:00"
        );
    }

    #[test]
    fn sequence_numbers_have_no_gaps_and_need_sixty_four_bits() {
        let mut devices = Devices::new(END_MS_DEFAULT, 1000);
        let first = devices.next_sequence(1, LogType::Threat);
        assert_eq!(devices.next_sequence(1, LogType::Threat), first + 1);
        assert!(first > 1 << 60);
        assert_ne!(devices.next_sequence(0, LogType::Threat), first + 2);
    }
}
