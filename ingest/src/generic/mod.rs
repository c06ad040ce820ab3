//! Syslog of everything that is no PAN-OS firewall: servers, switches, power supplies, in RFC 3164's or RFC 5424's form.
//!
//! What the header says becomes fields, the rest is `message`; nothing is known here of what a message means. The header itself is
//! scanned by [`crate::syslog::header`], which PAN-OS lines need too: a library for it would bring a second crate of dates and not
//! know of the headers that relays stack. It never fails; who calls it has seen that there is a header.

mod structured_data;
mod time;

use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::row::Row;

use crate::panos::time::Zone;
use crate::syslog::header;

/// The stream of these lines.
pub(crate) const STREAM: &str = "syslog";

/// RFC 5424 table 1, by code; the names are those of `syslog.conf`, which people search for.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0",
    "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// RFC 5424 table 2, by code.
const SEVERITIES: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];

/// Adds what a line says to a row that holds the line and its envelope.
pub(crate) fn fill(row: &mut Row, text: &str, received_at: Timestamp, zone: &Zone) {
    let head = header::scan(text);
    let time = head.time.and_then(|it| time::read(it, received_at, zone));
    row.push_date(ecs::TIMESTAMP, time.unwrap_or(received_at));
    row.push_str(ecs::EVENT_KIND, "event");
    row.push_str(ecs::EVENT_DATASET, "syslog");
    row.push_str(ecs::SEKISHO_PARSER, "syslog");
    if let Some(priority) = head.priority {
        push_priority(row, priority);
    }
    let parts = [
        (ecs::LOG_SYSLOG_VERSION, head.version),
        (ecs::LOG_SYSLOG_HOSTNAME, head.hostname),
        (ecs::HOST_HOSTNAME, head.hostname),
        (ecs::LOG_SYSLOG_APPNAME, head.appname),
        (ecs::LOG_SYSLOG_PROCID, head.procid),
        (ecs::LOG_SYSLOG_MSGID, head.msgid),
    ];
    for (field, part) in parts {
        if let Some(part) = part {
            row.push_str(field, part);
        }
    }
    // Process ids are numbers; RFC 5424's part may be anything that tells one start of a service from the next.
    if let (Some(name), Some(pid)) = (head.appname, head.procid.and_then(|it| it.parse::<u32>().ok())) {
        row.push_str(ecs::PROCESS_NAME, name);
        row.push_i64(ecs::PROCESS_PID, i64::from(pid));
    }
    if let Some(data) = head.structured_data {
        structured_data::push(row, data);
    }
    // RFC 5424 §6.4: a message in UTF-8 begins with a byte order mark.
    let message = text[head.body..].trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r', '\0']);
    if !message.is_empty() {
        row.push_str(ecs::MESSAGE, message);
    }
}

fn push_priority(row: &mut Row, priority: u8) {
    let (facility, severity) = (usize::from(priority / 8), usize::from(priority % 8));
    row.push_i64(ecs::LOG_SYSLOG_PRIORITY, i64::from(priority));
    row.push_i64(ecs::LOG_SYSLOG_FACILITY_CODE, facility as i64);
    if let Some(name) = FACILITIES.get(facility) {
        row.push_str(ecs::LOG_SYSLOG_FACILITY_NAME, name);
    }
    row.push_i64(ecs::LOG_SYSLOG_SEVERITY_CODE, severity as i64);
    row.push_str(ecs::LOG_SYSLOG_SEVERITY_NAME, SEVERITIES[severity]);
    row.push_str(ecs::LOG_LEVEL, SEVERITIES[severity]);
}

/// Whether so much of a message is not text that no search would find it: more than one character in eight is a control character or
/// was no UTF-8.
pub(crate) fn is_binary(text: &str) -> bool {
    let is_odd = |it: &char| (it.is_control() && !matches!(it, '\t' | '\n' | '\r' | '\u{1b}')) || *it == char::REPLACEMENT_CHARACTER;
    let (mut odd, mut all) = (0_usize, 0_usize);
    for it in text.chars() {
        all += 1;
        odd += usize::from(is_odd(&it));
    }
    odd * 8 > all
}

#[cfg(test)]
mod tests {
    use super::*;
    use sekisho_engine::row::Datum;

    fn row(text: &str) -> Row {
        let mut row = Row::default();
        fill(&mut row, text, Timestamp(1_764_000_000_000), &Zone::Utc);
        row
    }

    #[test]
    fn a_bsd_header_becomes_fields() {
        let row = row("<34>Oct 11 22:14:15 mymachine su[123]: 'su root' failed for lonvick on /dev/pts/8");
        assert_eq!(row.date(ecs::TIMESTAMP).unwrap().to_string(), "2025-10-11T22:14:15.000Z");
        assert_eq!(row.str(ecs::LOG_SYSLOG_FACILITY_NAME), Some("auth"));
        assert_eq!((row.str(ecs::LOG_LEVEL), row.get(ecs::LOG_SYSLOG_SEVERITY_CODE)), (Some("critical"), Some(Datum::I64(2))));
        assert_eq!((row.str(ecs::HOST_HOSTNAME), row.str(ecs::PROCESS_NAME)), (Some("mymachine"), Some("su")));
        assert_eq!(row.get(ecs::PROCESS_PID), Some(Datum::I64(123)));
        assert_eq!(row.str(ecs::MESSAGE), Some("'su root' failed for lonvick on /dev/pts/8"));
    }

    #[test]
    fn a_tag_without_a_process_id_is_no_process() {
        let row = row("<13>Oct 11 22:14:15 ups upsmon: UPS on battery");
        assert_eq!((row.str(ecs::LOG_SYSLOG_APPNAME), row.str(ecs::PROCESS_NAME)), (Some("upsmon"), None));
    }

    #[test]
    fn an_ietf_header_becomes_fields() {
        let row = row("<165>1 2003-10-11T22:14:15.003+02:00 host evntslog 8710 ID47 [ex@32473 iut=\"3\"] \u{feff}An event");
        assert_eq!(row.date(ecs::TIMESTAMP).unwrap().to_string(), "2003-10-11T20:14:15.003Z");
        assert_eq!((row.str(ecs::LOG_SYSLOG_VERSION), row.str(ecs::LOG_SYSLOG_MSGID)), (Some("1"), Some("ID47")));
        assert_eq!(row.str(ecs::LOG_SYSLOG_STRUCTURED_DATA), Some("ex@32473.iut=3"));
        assert_eq!(row.str(ecs::MESSAGE), Some("An event"));
    }

    #[test]
    fn without_a_time_the_time_is_that_of_receipt() {
        assert_eq!(row("<13>text").date(ecs::TIMESTAMP), Some(Timestamp(1_764_000_000_000)));
        assert_eq!(row("<13>1 - - - - - -").str(ecs::MESSAGE), None);
    }

    #[test]
    fn every_priority_has_names() {
        for priority in 0..=191_u8 {
            let row = row(&format!("<{priority}>x"));
            assert!(row.str(ecs::LOG_SYSLOG_FACILITY_NAME).is_some() && row.str(ecs::LOG_LEVEL).is_some(), "{priority}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_from_text() {
        assert!(is_binary("\u{0}\u{1}\u{2}abc") && is_binary("\u{fffd}\u{fffd}x"));
        assert!(!is_binary("Grüße, 日本 \u{1b}[31mred\u{1b}[0m and one \u{fffd} of Latin-1") && !is_binary(""));
    }
}
