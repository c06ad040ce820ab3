//! Splunk's HTTP Event Collector, with bodies as its clients send them.

use std::io::Write as _;

use serde_json::{Value, json};

use super::door::Door;

const LINE: &str =
    "<14>Nov 20 12:00:00 fw-1 1,2026/11/20 12:00:00,0018,SYSTEM,general,2562,2026/11/20 12:00:00,,general,,0,0,general,low,\"x\",1,0x0";

fn answer(door: &Door, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> (u16, Value) {
    let answer = door.send("POST", path, headers, body);
    (answer.status, answer.json())
}

fn found(door: &Door, index: &str) -> Vec<Value> {
    door.json("POST", "/_refresh", &Value::Null);
    let found =
        door.json("POST", &format!("/{index}/_search?ignore_unavailable=true"), &json!({ "sort": [{ "@timestamp": { "unmapped_type": "date" } }] }));
    found["hits"]["hits"].as_array().unwrap().iter().map(|it| it["_source"].clone()).collect()
}

#[test]
fn lines_go_to_their_streams_and_other_events_become_documents() {
    let door = Door::open();
    let success = (200, json!({ "text": "Success", "code": 0 }));
    let events = [
        json!({ "event": LINE, "host": "ignored for lines" }),
        json!({ "time": 1_795_176_000.25, "host": "web-1", "sourcetype": "access", "event": { "status": 200, "host": { "name": "its own" } }, "fields": { "site": "north" } }),
        json!({ "time": "1795176001", "event": "no log line at all", "index": "notes" }),
    ];
    // One behind the other with and without anything between, as clients write them; no type, as some of them send it.
    let body = format!("{}{}\r\n {}", events[0], events[1], events[2]);
    assert_eq!(answer(&door, "/services/collector?channel=5", &[("content-type", "application/x-www-form-urlencoded")], body), success);
    let raw = format!("{LINE}\r\n\n{LINE}\nplain words\n");
    assert_eq!(answer(&door, "/services/collector/raw?index=notes&host=h&time=1795176002", &[("content-type", "text/plain")], raw), success);

    assert_eq!(found(&door, "panos-system").len(), 3);
    assert_eq!(found(&door, "panos-system")[0]["event"]["original"], LINE);
    let document = &found(&door, "hec")[0];
    assert_eq!((&document["@timestamp"], &document["status"], &document["site"]), (&json!("2026-11-20T12:00:00.250Z"), &json!(200), &json!("north")));
    assert_eq!((&document["host"]["name"], &document["splunk"]["sourcetype"]), (&json!("its own"), &json!("access")));
    let notes: Vec<_> = found(&door, "notes").into_iter().map(|it| (it["message"].clone(), it["host"]["name"].clone())).collect();
    assert_eq!(notes, [(json!("no log line at all"), Value::Null), (json!("plain words"), json!("h"))]);
    let figures = door.send("GET", "/metrics", &[], Vec::new()).text();
    assert!(figures.contains("sekisho_syslog_received_total{transport=\"hec\"} 3"), "{figures}");
}

#[test]
fn what_is_wrong_is_told_in_its_shape_and_nothing_of_the_request_is_written() {
    let door = Door::open();
    let first = json!({ "event": "fine" }).to_string();
    for (path, body, status, expected) in [
        ("event", String::new(), 400, json!({ "text": "No data", "code": 5 })),
        ("raw", " \n\n".to_owned(), 400, json!({ "text": "No data", "code": 5 })),
        ("event", format!("{first}{{\"event\":"), 400, json!({ "text": "Invalid data format", "code": 6, "invalid-event-number": 1 })),
        ("event", format!("{first}[1]"), 400, json!({ "text": "Invalid data format", "code": 6, "invalid-event-number": 1 })),
        ("event", format!("{first}{{\"host\":\"x\"}}"), 400, json!({ "text": "Event field is required", "code": 12, "invalid-event-number": 1 })),
        ("event", "{\"event\":\" \"}".to_owned(), 400, json!({ "text": "Event field cannot be blank", "code": 13, "invalid-event-number": 0 })),
        ("event", "{\"event\":1,\"time\":\"soon\"}".to_owned(), 400, json!({ "text": "Invalid data format", "code": 6, "invalid-event-number": 0 })),
        ("event", "{\"event\":1,\"time\":1e300}".to_owned(), 400, json!({ "text": "Invalid data format", "code": 6, "invalid-event-number": 0 })),
        ("ack", "{}".to_owned(), 400, json!({ "text": "ACK is disabled", "code": 14 })),
    ] {
        assert_eq!(answer(&door, &format!("/services/collector/{path}"), &[], body.clone()), (status, expected), "{body}");
    }
    assert!(found(&door, "hec").is_empty());
    let health = door.send("GET", "/services/collector/health", &[], Vec::new());
    assert_eq!((health.status, health.json()["code"].clone()), (200, json!(17)));
}

#[test]
fn a_document_that_its_index_refuses_is_named_and_the_rest_is_written() {
    let door = Door::open();
    let body = format!(
        "{}{}{}{}",
        json!({ "event": { "count": 1 } }),
        json!({ "event": LINE }),
        json!({ "event": { "count": "many" } }),
        json!({ "event": { "count": 3 } })
    );
    let (status, answer) = answer(&door, "/services/collector", &[], body);
    assert_eq!((status, &answer["code"], &answer["invalid-event-number"]), (400, &json!(6), &json!(2)), "{answer}");
    assert!(answer["reason"].as_str().unwrap().contains("count"), "{answer}");
    assert_eq!((found(&door, "hec").len(), found(&door, "panos-system").len()), (2, 1));
    // A name that no index can have.
    let (status, answer) = super::hec::answer(&door, "/services/collector?index=Not%20A%20Name", &[], json!({ "event": { "n": 1 } }).to_string());
    assert_eq!((status, &answer["code"]), (400, &json!(6)), "{answer}");
}

#[test]
fn a_token_is_asked_for_where_one_is_set() {
    let door = Door::open_with(|config| config.hec_token = "11111111-2222".to_owned());
    let event = json!({ "event": "x" }).to_string();
    for (authorization, status, code) in [
        (None, 401, 2),
        (Some("Bearer 11111111-2222"), 401, 3),
        (Some("Splunk 11111111-2223"), 403, 4),
        (Some("Splunk 11111111-222"), 403, 4),
        (Some("Splunk 11111111-2222"), 200, 0),
        (Some("splunk 11111111-2222"), 200, 0),
        // x:11111111-2222
        (Some("Basic eDoxMTExMTExMS0yMjIy"), 200, 0),
        (Some("Basic eDp5"), 403, 4),
    ] {
        let headers: Vec<_> = authorization.map(|it| ("authorization", it)).into_iter().collect();
        for path in ["event", "raw"] {
            let (given, body) = answer(&door, &format!("/services/collector/{path}"), &headers, event.clone());
            assert_eq!((given, &body["code"]), (status, &json!(code)), "{authorization:?}");
        }
    }
}

#[test]
fn bodies_come_packed_with_gzip_and_zstandard() {
    let door = Door::open();
    let body = "{\"create\":{}}\n{\"n\":1}\n".repeat(1_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    for (encoding, packed) in [("gzip", gzip.finish().unwrap()), ("zstd", zstd::encode_all(body.as_bytes(), 3).unwrap())] {
        let headers = [("content-encoding", encoding), ("content-type", "application/x-ndjson")];
        let (status, answer) = answer(&door, &format!("/{encoding}/_bulk"), &headers, packed.clone());
        assert_eq!((status, &answer["errors"]), (200, &json!(false)), "{answer}");
        assert_eq!(found(&door, encoding).len(), 10);
        // Cut packages are no requests.
        let cut = door.send("POST", &format!("/{encoding}/_bulk"), &headers, &packed[..packed.len() / 2]);
        assert_eq!(cut.status, 400, "{}", cut.text());
    }
    let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(b' '), 300 << 20), 3).unwrap();
    assert!(bomb.len() < 1 << 20);
    let refused = door.send("POST", "/x/_bulk", &[("content-encoding", "zstd"), ("content-type", "application/x-ndjson")], bomb);
    assert_eq!(refused.status, 413, "{}", refused.text());
    let unknown = door.send("POST", "/x/_bulk", &[("content-encoding", "br"), ("content-type", "application/x-ndjson")], "x");
    assert_eq!(unknown.status, 415);
}
