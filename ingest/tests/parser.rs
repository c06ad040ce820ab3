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

/// A line of another type: after the seven columns that all share come these.
fn of_type(name: &str, subtype: &str, columns: &str) -> String {
    format!("<14>Jul 15 12:00:00 relay 1,2024/07/15 12:00:00,0018,{name},{subtype},2561,2024/07/15 12:00:01,{columns}")
}

#[test]
fn every_type_has_its_stream_whatever_its_letters_and_an_unknown_one_says_so() {
    let rest = ",".repeat(40);
    for (name, stream) in [
        ("SYSTEM", "panos-system"),
        ("config", "panos-config"),
        ("GLOBALPROTECT", "panos-globalprotect"),
        ("USERID", "panos-userid"),
        ("HIPMATCH", "panos-hipmatch"),
        ("HIP-MATCH", "panos-hipmatch"),
        ("DECRYPTION", "panos-decryption"),
        ("AUTHENTICATION", "panos-authentication"),
        ("AUTH", "panos-authentication"),
        ("CORRELATION", "panos-correlation"),
        ("IPTAG", "panos-iptag"),
        ("GTP", "panos-gtp"),
        ("SCTP", "panos-sctp"),
        ("START", "panos-tunnel"),
        ("END", "panos-tunnel"),
        ("WEATHER", "syslog-unparsed"),
    ] {
        let parsed = parse(of_type(name, "x", &rest));
        assert_eq!(parsed.stream, stream, "{name}");
        assert_eq!(parsed.row.str(ecs::PANOS_TYPE), Some(name));
        assert_eq!(parsed.row.str(ecs::ERROR_MESSAGE).is_some(), stream == "syslog-unparsed", "{name}");
    }
}

#[test]
fn an_audit_line_has_its_own_header() {
    let parsed = parse("Apr 11 20:06:15 fw-1 0111,2024/04/11 20:06:14,audit,2561,gui-op,acme\\jdoe,\"<show><a,b/></show>\",success");
    assert_eq!(parsed.stream, "panos-audit");
    for (field, expected) in [
        (ecs::OBSERVER_SERIAL_NUMBER, "0111"),
        (ecs::OBSERVER_HOSTNAME, "fw-1"),
        (ecs::EVENT_CODE, "gui-op"),
        (ecs::PANOS_ADMIN, "acme\\jdoe"),
        (ecs::USER_NAME, "jdoe"),
        (ecs::PANOS_CMD, "<show><a,b/></show>"),
        (ecs::EVENT_OUTCOME, "success"),
    ] {
        assert_eq!(parsed.row.str(field), Some(expected));
    }
    assert_eq!(parsed.row.date(ecs::TIMESTAMP).unwrap().to_string(), "2024-04-11T20:06:14.000Z");
}

#[test]
fn both_layouts_of_config_are_told_apart_by_their_shape() {
    let head = "192.0.2.9,,set,admin,Web,Succeeded, vsys  vsys1,";
    for columns in [
        "77,0x8000000000000000,0,0,0,0,,fw-7,0,why,0,2024-07-15T12:00:02.000+09:00,\"was,{\"\"a\"\"}\",is",
        "\"was,{\"\"a\"\"}\",is,77,0x8000000000000000,0,0,0,0,,fw-7,0,why,0,2024-07-15T12:00:02.000+09:00",
    ] {
        let row = parse(of_type("CONFIG", "0", &format!("{head}{columns}"))).row;
        for (field, expected) in [
            (ecs::PANOS_PATH, " vsys  vsys1"),
            (ecs::PANOS_SEQUENCE_NUMBER, "77"),
            (ecs::PANOS_BEFORE_CHANGE_DETAIL, "was,{\"a\"}"),
            (ecs::PANOS_AFTER_CHANGE_DETAIL, "is"),
            (ecs::OBSERVER_HOSTNAME, "fw-7"),
            (ecs::PANOS_COMMENT, "why"),
            (ecs::EVENT_ACTION, "cmd-set"),
            (ecs::EVENT_OUTCOME, "success"),
        ] {
            assert_eq!(row.str(field), Some(expected), "{columns}");
        }
        assert_eq!(row.date(ecs::TIMESTAMP).unwrap().to_string(), "2024-07-15T03:00:02.000Z");
        assert_eq!(row.get(ecs::PANOS_EXTRA), None);
    }
}

#[test]
fn a_login_to_globalprotect_has_only_the_public_address() {
    let columns =
        "vsys1,portal-prelogin,before-login,,,acme\\jdoe,DE,PC-9,192.0.2.7,0.0.0.0,0.0.0.0,0.0.0.0,id,,5.1,Windows,\"OS 10, 64-bit\",1,,,,failure,,3";
    let parsed = parse(of_type("GLOBALPROTECT", "0", columns));
    let row = &parsed.row;
    assert_eq!((row.get(ecs::SOURCE_IP), row.str(ecs::HOST_NAME), row.str(ecs::EVENT_OUTCOME)), (None, Some("pc-9"), Some("failure")));
    assert!(row.get(ecs::CLIENT_IP).is_some());
    assert_eq!(row.get(ecs::EVENT_DURATION), Some(Datum::I64(3_000_000_000)));
    assert_eq!(row.str(ecs::HOST_OS_FULL), Some("OS 10, 64-bit"));
}

#[test]
fn a_decrypted_session_joins_its_traffic() {
    let ends = "10.0.0.1,192.0.2.8,0.0.0.0,0.0.0.0,r,,,ssl,vsys1,Trust,Untrust,e1,e2,,,4711,1,50000,443,0,0,0x0,tcp,allow";
    let fingerprint = "A6A13E87221733B712DDBD0978DA1FFDD69503DFD1F0A86F73D86BF90B743B85";
    let tls = format!("N/A,,,,,uuid,c,s,TLS1.3,ECDHE,AES,SHA,,,,,,,,{fingerprint}");
    let decryption = parse(of_type("DECRYPTION", "0", &format!("{ends},{tls}")));
    let traffic = parse(of_type("TRAFFIC", "end", &ends.replace(",,,ssl", ",,,web-browsing")));
    assert_eq!(decryption.row.str(ecs::SEKISHO_SESSION_KEY), traffic.row.str(ecs::SEKISHO_SESSION_KEY));
    assert!(decryption.row.str(ecs::SEKISHO_SESSION_KEY).is_some());
    assert_eq!(decryption.row.str(ecs::TLS_VERSION), Some("1.3"));
    assert_eq!(decryption.row.str(ecs::TLS_VERSION_PROTOCOL), Some("tls"));
    assert_eq!(decryption.row.str(ecs::TLS_CLIENT_HASH_SHA256), Some(&*fingerprint.to_lowercase()));
    assert_eq!(decryption.row.str(ecs::EVENT_OUTCOME), Some("success"));
    let not_decrypted = parse(of_type("DECRYPTION", "0", &format!("{ends},N/A,,,,,uuid,c,s,No Decrypt")));
    assert_eq!((not_decrypted.row.str(ecs::TLS_VERSION), not_decrypted.row.str(ecs::PANOS_TLS_VERSION)), (None, Some("No Decrypt")));
}

#[test]
fn a_second_name_of_the_user_is_kept_and_the_outcome_follows_the_result() {
    let row = |result: &str| parse(of_type("AUTH", "0", &format!("vsys1,192.0.2.4,jd,acme\\jdoe,o,p,1,9,v,,sp,d,c,{result},1"))).row;
    let parsed = Parsed { stream: "", row: row("Authentication failed") };
    assert_eq!(all(&parsed, ecs::USER_NAME), ["jd", "jdoe"]);
    assert_eq!(parsed.row.str(ecs::EVENT_OUTCOME), Some("failure"));
    assert_eq!(row("auth-success").str(ecs::EVENT_OUTCOME), Some("success"));
    assert_eq!(row("MFA challenge sent").str(ecs::EVENT_OUTCOME), Some("unknown"));
}

#[test]
fn the_unmapped_tail_of_a_mobile_log_is_kept() {
    let columns = format!("10.0.0.1,192.0.2.8,,,r,,,gtp,vsys1,a,b,e1,e2,,,7,,2152,2152,,,,udp,allow,create,{}", "9".repeat(15));
    let parsed = parse(of_type("GTP", "0", &columns));
    assert_eq!(all(&parsed, ecs::PANOS_EXTRA), ["create", "999999999999999"]);
    assert_eq!(parsed.row.get(ecs::DESTINATION_PORT), Some(Datum::I64(2152)));
}

#[test]
fn a_config_line_cut_in_its_details_has_no_details_in_other_fields() {
    let head = "192.0.2.9,,set,admin,Web,Succeeded, vsys  vsys1,";
    for (columns, before, after) in
        [("\"was,{\"\"a\"\"", Some("was,{\"a\""), None), ("\"was,7\",\"is {", Some("was,7"), Some("is {")), (",\"is {", None, Some("is {"))]
    {
        let row = parse(of_type("CONFIG", "0", &format!("{head}{columns}"))).row;
        assert_eq!((row.str(ecs::PANOS_BEFORE_CHANGE_DETAIL), row.str(ecs::PANOS_AFTER_CHANGE_DETAIL)), (before, after), "{columns}");
        assert_eq!((row.str(ecs::PANOS_SEQUENCE_NUMBER), row.str(ecs::PANOS_ACTION_FLAGS)), (None, None), "{columns}");
    }
    for columns in ["77", "77,0", "77,0x8000000000000000,0", ""] {
        let row = parse(of_type("CONFIG", "0", &format!("{head}{columns}"))).row;
        assert_eq!(row.get(ecs::PANOS_BEFORE_CHANGE_DETAIL), None, "{columns}");
        assert_eq!(row.str(ecs::PANOS_SEQUENCE_NUMBER), (!columns.is_empty()).then_some("77"), "{columns}");
    }
}

#[test]
fn a_login_that_is_refused_in_other_words_is_a_failure() {
    let outcome = |result: &str| {
        let row = parse(of_type("AUTH", "0", &format!("vsys1,192.0.2.4,jd,,o,p,1,9,v,,sp,d,c,{result},1"))).row;
        row.str(ecs::EVENT_OUTCOME).map(str::to_owned)
    };
    for result in ["User is not in allowlist", "Authentication unsuccessful", "not allowed", "auth-fail", "Authentication timeout"] {
        assert_eq!(outcome(result).as_deref(), Some("failure"), "{result}");
    }
    for result in ["Authentication succeeded", "allowed", "auth-success"] {
        assert_eq!(outcome(result).as_deref(), Some("success"), "{result}");
    }
}
