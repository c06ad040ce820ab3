//! Syslog of everything that is no firewall: servers, switches, power supplies. RFC 3164 and RFC 5424 lines become documents of the
//! stream `syslog` under Elastic Common Schema names, so that one address serves the whole machine room.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::row::Row;

use crate::panos::Zone;
use crate::syslog::header::Header;

/// The stream of these lines.
pub(crate) const STREAM: &str = "syslog";

/// Values of structured data that one document keeps.
const STRUCTURED_DATA_MAX: usize = 64;

/// RFC 5424 §6.2.1, table 1.
const FACILITIES: [&str; 24] = [
    "kernel",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "printer",
    "network news",
    "uucp",
    "clock",
    "authpriv",
    "ftp",
    "ntp",
    "log audit",
    "log alert",
    "cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

/// RFC 5424 §6.2.1, table 2.
const SEVERITIES: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];

/// Whether a header says enough to call its message syslog: a priority, or a time.
pub(crate) fn is_syslog(header: &Header<'_>) -> bool {
    header.priority.is_some() || header.time.is_some() || header.version.is_some()
}

/// Adds what header and message say. `received_at` stands in for a missing time, and tells the year that RFC 3164 leaves out.
pub(crate) fn push(row: &mut Row, header: &Header<'_>, text: &str, zone: &Zone, received_at: Timestamp) {
    let time = header.time.and_then(|it| read_time(it, zone, received_at));
    row.push_date(ecs::TIMESTAMP, time.unwrap_or(received_at));
    row.push_str(ecs::EVENT_KIND, "event");
    row.push_str(ecs::EVENT_DATASET, "syslog");
    row.push_str(ecs::SEKISHO_PARSER, "syslog");
    let message = text[header.body..].trim_start_matches('\u{feff}');
    if !message.is_empty() {
        row.push_str(ecs::MESSAGE, message);
    }
    if let Some(priority) = header.priority {
        let (facility, severity) = (usize::from(priority >> 3), usize::from(priority & 7));
        row.push_i64(ecs::LOG_SYSLOG_PRIORITY, i64::from(priority));
        row.push_i64(ecs::LOG_SYSLOG_FACILITY_CODE, facility as i64);
        row.push_str(ecs::LOG_SYSLOG_FACILITY_NAME, FACILITIES[facility]);
        row.push_i64(ecs::LOG_SYSLOG_SEVERITY_CODE, severity as i64);
        row.push_str(ecs::LOG_SYSLOG_SEVERITY_NAME, SEVERITIES[severity]);
        row.push_str(ecs::LOG_LEVEL, SEVERITIES[severity]);
    }
    if let Some(host) = header.hostname {
        row.push_str(ecs::LOG_SYSLOG_HOSTNAME, host);
        row.push_str(ecs::HOST_HOSTNAME, host);
        row.push_lower(ecs::HOST_NAME, host);
        if let Ok(address) = host.parse::<IpAddr>() {
            row.push_ip(ecs::HOST_IP, address);
        }
    }
    if let Some(name) = header.appname {
        row.push_str(ecs::LOG_SYSLOG_APPNAME, name);
        row.push_str(ecs::PROCESS_NAME, name);
    }
    if let Some(id) = header.procid {
        row.push_str(ecs::LOG_SYSLOG_PROCID, id);
        if let Some(number) = id.parse::<u32>().ok().filter(|_| id.bytes().all(|it| it.is_ascii_digit())) {
            row.push_i64(ecs::PROCESS_PID, i64::from(number));
        }
    }
    for (field, value) in [(ecs::LOG_SYSLOG_VERSION, header.version), (ecs::LOG_SYSLOG_MSGID, header.msgid)] {
        if let Some(value) = value {
            row.push_str(field, value);
        }
    }
    if let Some(data) = header.structured_data {
        for value in structured_data(data).take(STRUCTURED_DATA_MAX) {
            row.push_str(ecs::LOG_SYSLOG_STRUCTURED_DATA, &value);
        }
    }
}

/// `id.name=value` of each parameter of `[id name="value" …]…`; an element without parameters is its id.
fn structured_data(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = text;
    let mut id = "";
    let mut is_bare = false;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(' ');
            if let Some(after) = rest.strip_prefix('[') {
                let end = after.find([' ', ']']).unwrap_or(after.len());
                (id, rest) = after.split_at(end);
                is_bare = true;
            } else if let Some(after) = rest.strip_prefix(']') {
                rest = after;
                if std::mem::take(&mut is_bare) {
                    return Some(Cow::Borrowed(id));
                }
            } else {
                let (name, after) = rest.split_once("=\"")?;
                let end = closing_quote(after)?;
                rest = &after[end + 1..];
                is_bare = false;
                return Some(Cow::Owned(format!("{id}.{name}={}", unescape(&after[..end]))));
            }
        }
    })
}

/// Where a value ends; quotes in it are escaped by a backslash.
fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|it| {
        let is_end = it == b'"' && !is_escaped;
        is_escaped = it == b'\\' && !is_escaped;
        is_end
    })
}

/// RFC 5424 §6.3.3: a backslash escapes a quote, a bracket and itself; before anything else it is a backslash.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_escape = letter == '\\' && matches!(letters.peek(), Some('"' | '\\' | ']'));
        plain.extend(if is_escape { letters.next() } else { Some(letter) });
    }
    Cow::Owned(plain)
}

/// The time of a header: ISO 8601, or `Nov  3 07:01:51` with a year or fractions where somebody added them. Without a year it is the one
/// that brings the time nearest to the receipt; without an offset the zone is the device's.
fn read_time(text: &str, zone: &Zone, received_at: Timestamp) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(time.as_millisecond()));
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return instant(local, zone);
    }
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (mut month, mut day, mut year, mut clock) = (None, None, None, None);
    for token in text.split_ascii_whitespace() {
        let token = token.trim_end_matches(':');
        if let Some(at) = MONTHS.iter().position(|it| *it == token) {
            month = Some(at as i8 + 1);
        } else if token.contains(':') {
            clock = Some(token);
        } else if token.len() == 4 {
            year = Some(token.parse::<i16>().ok()?);
        } else {
            day = Some(token.parse::<i8>().ok()?);
        }
    }
    let mut parts = clock?.splitn(3, ':');
    let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (second, fraction) = parts.next().map(|it| it.split_once('.').unwrap_or((it, "0")))?;
    // A leap second is the last of its minute.
    let second = second.parse::<i8>().ok()?.min(59);
    let millisecond = format!("{fraction:0<3}").get(..3)?.parse::<i32>().ok()?;
    let on = |year: i16| instant(DateTime::new(year, month?, day?, hour, minute, second, millisecond * 1_000_000).ok()?, zone);
    match year {
        Some(year) => on(year),
        None => {
            let received = jiff::Timestamp::from_millisecond(received_at.0).ok()?.to_zoned(TimeZone::UTC).year();
            (received.saturating_sub(1)..=received.saturating_add(1)).filter_map(on).min_by_key(|it| it.0.abs_diff(received_at.0))
        }
    }
}

fn instant(local: DateTime, zone: &Zone) -> Option<Timestamp> {
    let zone = match zone {
        Zone::Utc => &TimeZone::UTC,
        Zone::Named(zone) => zone,
    };
    Some(Timestamp(zone.to_ambiguous_timestamp(local).compatible().ok()?.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syslog::header;
    use sekisho_engine::mapping::Mapping;
    use serde_json::{Value, json};

    /// 2026-01-02T00:00:00Z.
    const RECEIVED_AT: Timestamp = Timestamp(1_767_312_000_000);

    fn document(line: &str, zone: &Zone) -> Value {
        let mut row = Row::default();
        push(&mut row, &header::scan(line), line, zone, RECEIVED_AT);
        Value::Object(row.to_json(&Mapping::builtin()))
    }

    fn check(line: &str, expected: &[(&str, Value)]) {
        let document = document(line, &Zone::Utc);
        for (path, value) in expected {
            assert_eq!(document.pointer(path), Some(value), "{line} {path} in {document}");
        }
    }

    #[test]
    fn the_examples_of_the_rfcs_are_read() {
        check(
            "<34>Oct 11 22:14:15 mymachine su[123]: 'su root' failed for lonvick on /dev/pts/8",
            &[
                ("/@timestamp", json!("2025-10-11T22:14:15.000Z")),
                ("/log/syslog/facility", json!({ "code": 4, "name": "auth" })),
                ("/log/syslog/severity", json!({ "code": 2, "name": "critical" })),
                ("/log/level", json!("critical")),
                ("/host/hostname", json!("mymachine")),
                ("/process", json!({ "name": "su", "pid": 123 })),
                ("/message", json!("'su root' failed for lonvick on /dev/pts/8")),
            ],
        );
        check(
            "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 8710 ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"App\\\"li\\]cation\"][bare@1] \u{feff}An event",
            &[
                ("/@timestamp", json!("2003-10-11T22:14:15.003Z")),
                ("/log/syslog/version", json!("1")),
                ("/log/syslog/msgid", json!("ID47")),
                ("/log/syslog/structured_data", json!(["exampleSDID@32473.iut=3", "exampleSDID@32473.eventSource=App\"li]cation", "bare@1"])),
                ("/process", json!({ "name": "evntslog", "pid": 8710 })),
                ("/message", json!("An event")),
            ],
        );
        check("<13>Use the BFG!", &[("/message", json!("Use the BFG!")), ("/@timestamp", json!("2026-01-02T00:00:00.000Z"))]);
    }

    #[test]
    fn the_year_is_the_nearest_and_the_zone_the_devices() {
        for (time, expected) in [
            ("Dec 31 23:59:59", "2025-12-31T23:59:59.000Z"),
            ("Jan  2 00:00:01", "2026-01-02T00:00:01.000Z"),
            ("Jan 2 2024 00:00:01.25", "2024-01-02T00:00:01.250Z"),
            ("Mar 30 02:00:00", "2026-03-30T02:00:00.000Z"),
            ("2026-01-01T09:00:00+09:00", "2026-01-01T00:00:00.000Z"),
            ("Feb 30 10:00:00", "2026-01-02T00:00:00.000Z"),
            ("Jan 2 25:00:00", "2026-01-02T00:00:00.000Z"),
        ] {
            check(&format!("<13>{time} host app: text"), &[("/@timestamp", json!(expected))]);
        }
        let tokyo = Zone::Named(TimeZone::get("Asia/Tokyo").unwrap());
        assert_eq!(document("<13>Jan  2 09:00:00 host app: text", &tokyo)["@timestamp"], "2026-01-02T00:00:00.000Z");
    }

    #[test]
    fn damaged_structured_data_gives_what_it_has() {
        for (text, expected) in [
            ("[a b=\"c\" d=\"e]", vec!["a.b=c"]),
            ("[a", vec![]),
            ("[]", vec![""]),
            ("[a b=\"\\\\\"]", vec!["a.b=\\"]),
            ("[a b=\"\\n\"]", vec!["a.b=\\n"]),
        ] {
            assert_eq!(structured_data(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
