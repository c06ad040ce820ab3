//! The parser through its one door: a record in, a stream and a document out. Real lines are in `panos/`; these are made up, one claim each.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::{Format as _, Parsed};
use sekisho_engine::mapping::FieldId;
use sekisho_engine::row::Datum;
use sekisho_ingest::{Envelope, PanosSyslog, Transport};

const RECEIVED_AT: Timestamp = Timestamp(1_764_000_000_000);

fn envelope() -> Envelope<'static> {
    Envelope { received_at: RECEIVED_AT, ..Envelope::new(Transport::Tcp) }
}

fn parse(line: impl AsRef<[u8]>) -> Parsed {
    PanosSyslog::new().parse(&envelope().encode(line.as_ref()))
}

/// A line of `count` columns; those named have text, the others none.
fn line(count: usize, columns: &[(usize, &str)]) -> String {
    let mut texts = vec![""; count];
    for (index, text) in
        [(0, "1"), (1, "2024/07/15 12:00:00"), (2, "0018"), (3, "THREAT"), (4, "vulnerability"), (6, "2024/07/15 12:00:01")].iter().chain(columns)
    {
        texts[*index] = text;
    }
    texts.join(",")
}

fn all(parsed: &Parsed, field: FieldId) -> Vec<String> {
    let values = parsed.row.values().filter(|it| it.0 == field).map(|it| it.1);
    values.map(|it| if let Datum::Str(text) = it { text.to_owned() } else { format!("{it:?}") }).collect()
}

#[test]
fn the_time_is_high_resolution_then_received_and_local_times_follow_the_zone() {
    let berlin = |line: &str| {
        let record = Envelope { time_zone: Some("Europe/Berlin"), ..envelope() }.encode(line.as_bytes());
        PanosSyslog::new().parse(&record).row.date(ecs::TIMESTAMP).unwrap().to_string()
    };
    assert_eq!(berlin(&line(123, &[(107, "2024-07-15T12:00:02.345+09:00")])), "2024-07-15T03:00:02.345Z");
    assert_eq!(berlin(&line(123, &[(107, "1970-01-01T01:00:00.000+01:00")])), "2024-07-15T10:00:00.000Z");
    assert_eq!(berlin(&line(40, &[])), "2024-07-15T10:00:00.000Z");
}

#[test]
fn the_stream_follows_the_subtype() {
    for (subtype, stream) in [("url", "panos-url"), ("spyware", "panos-threat"), ("something-new", "panos-threat"), ("", "panos-threat")] {
        assert_eq!(parse(line(123, &[(4, subtype)])).stream, stream, "{subtype}");
    }
    assert_eq!(parse(line(117, &[(3, "TRAFFIC"), (4, "end")])).stream, "panos-traffic");
}

#[test]
fn a_line_cut_in_a_quoted_url_is_parsed_up_to_there_and_says_so() {
    let cut = line(32, &[(4, "url"), (30, "block-url"), (31, "\"www.example.com/a,b")]);
    let parsed = parse(&cut);
    assert_eq!(parsed.stream, "panos-url");
    assert_eq!(parsed.row.str(ecs::PANOS_ACTION), Some("block-url"));
    assert_eq!(parsed.row.str(ecs::URL_ORIGINAL), Some("www.example.com/a,b"));
    assert_eq!(all(&parsed, ecs::ERROR_MESSAGE), ["line cut in column 31: its quote is not closed"]);
}

#[test]
fn a_line_cut_before_its_action_is_unparsed_with_what_it_has() {
    let parsed = parse(line(20, &[]));
    assert_eq!(parsed.stream, "syslog-unparsed");
    assert_eq!(all(&parsed, ecs::ERROR_MESSAGE), ["line cut after 20 of at least 31 columns"]);
    assert_eq!(parsed.row.str(ecs::OBSERVER_SERIAL_NUMBER), Some("0018"));
    assert_eq!(parsed.row.date(ecs::TIMESTAMP), Some(RECEIVED_AT));
}

#[test]
fn columns_of_a_newer_release_are_kept() {
    let parsed = parse(line(127, &[(124, "new"), (126, "\"a,b\"")]));
    assert_eq!(all(&parsed, ecs::PANOS_EXTRA), ["new", "a,b"]);
}

#[test]
fn bytes_that_are_no_utf_8_are_replaced_in_fields_and_kept_in_the_record() {
    let mut bytes = line(40, &[(12, "acme\\j?rg"), (16, "Trust")]).into_bytes();
    let at = bytes.iter().position(|it| *it == b'?').unwrap();
    bytes[at] = 0xf6;
    let parsed = parse(&bytes);
    assert_eq!(parsed.row.str(ecs::USER_NAME), Some("j\u{fffd}rg"));
    assert_eq!(parsed.row.str(ecs::OBSERVER_INGRESS_ZONE), Some("Trust"));
    assert_eq!(Envelope::decode(&envelope().encode(&bytes)).unwrap().1, bytes);
}

#[test]
fn a_line_that_the_receiver_cut_is_marked() {
    let record = Envelope { is_truncated: true, ..envelope() }.encode(line(123, &[]).as_bytes());
    let parsed = PanosSyslog::new().parse(&record);
    assert_eq!(parsed.row.get(ecs::SEKISHO_TRUNCATED), Some(Datum::I64(1)));
    assert_eq!(all(&parsed, ecs::ERROR_MESSAGE), ["line cut by the receiver"]);
}

#[test]
fn the_header_host_stands_in_for_a_missing_device_name() {
    let host = |columns: &[(usize, &str)]| {
        parse(format!("<14>Nov  3 07:01:51 relay {}", line(123, columns))).row.str(ecs::OBSERVER_HOSTNAME).map(str::to_owned)
    };
    assert_eq!(host(&[]).as_deref(), Some("relay"));
    assert_eq!(host(&[(59, "fw 1")]).as_deref(), Some("fw 1"));
}

#[test]
fn the_lines_of_one_session_share_a_key_whoever_is_the_source() {
    let client: &[(usize, &str)] = &[(7, "10.0.0.1"), (8, "192.0.2.7"), (15, "vsys1"), (22, "4711"), (24, "50000"), (25, "443")];
    let answer: &[(usize, &str)] = &[(7, "192.0.2.7"), (8, "10.0.0.1"), (15, "vsys1"), (22, "4711"), (24, "443"), (25, "50000")];
    let key = |columns: &[(usize, &str)], more: &[(usize, &str)]| {
        parse(line(117, &[columns, more].concat())).row.str(ecs::SEKISHO_SESSION_KEY).map(str::to_owned)
    };
    let expected = key(client, &[(3, "TRAFFIC"), (4, "end")]);
    assert_eq!(expected.as_deref(), Some("25ec4d8f375ca1bb"), "the key is stored: it must never change");
    assert_eq!(key(client, &[(4, "url")]), expected);
    assert_eq!(key(answer, &[]), expected);
    for other in [(22, "4712"), (15, "vsys2"), (2, "0019"), (25, "444"), (8, "192.0.2.8")] {
        assert_ne!(key(client, &[other]), expected, "{other:?}");
    }
    assert_eq!(key(client, &[(22, "0")]), None);
}

#[test]
fn what_a_session_ends_with_follows_from_its_start() {
    let parsed = parse(line(117, &[(3, "TRAFFIC"), (4, "end"), (30, "allow"), (35, "2024/07/15 11:58:00"), (36, "61")]));
    assert_eq!(parsed.row.get(ecs::EVENT_DURATION), Some(Datum::I64(61_000_000_000)));
    assert_eq!(parsed.row.date(ecs::EVENT_END).unwrap().to_string(), "2024-07-15T11:59:01.000Z");
    assert_eq!(all(&parsed, ecs::EVENT_TYPE), ["allowed", "connection", "end"]);
}

#[test]
fn a_line_of_another_layout_gives_few_errors() {
    let columns: Vec<(usize, &str)> = [1, 6, 7, 8, 21, 23, 24, 25, 28, 32].iter().map(|it| (*it, "x")).chain([(1, "2024/07/15 12:00:00")]).collect();
    let errors = all(&parse(line(123, &columns)), ecs::ERROR_MESSAGE);
    assert_eq!(errors.len(), 8, "{errors:?}");
    assert_eq!(errors[0], "column 6 is not a time");
}
