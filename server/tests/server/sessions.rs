//! A conversation across streams, from lines sent as a firewall sends them.

use serde_json::{Value, json};

use super::door::Door;

/// A line of session 4711 between the same two ends; columns by their place.
fn line(kind: &str, subtype: &str, clock: &str, count: usize, columns: &[(usize, &str)]) -> String {
    let time = format!("2026/11/20 {clock}");
    let mut texts = vec![String::new(); count];
    let shared = [
        (0, "1"),
        (1, &*time),
        (2, "0018"),
        (3, kind),
        (4, subtype),
        (5, "2561"),
        (6, &*time),
        (7, "10.0.0.5"),
        (8, "192.0.2.80"),
        (9, "0.0.0.0"),
        (10, "0.0.0.0"),
        (11, "web"),
        (12, "acme\\\\jdoe"),
        (14, "web-browsing"),
        (15, "vsys1"),
        (16, "Trust"),
        (17, "Untrust"),
        (22, "4711"),
        (23, "1"),
        (24, "50123"),
        (25, "80"),
        (26, "0"),
        (27, "0"),
        (28, "0x0"),
        (29, "tcp"),
    ];
    for (index, text) in shared.iter().chain(columns) {
        texts[*index] = (*text).to_owned();
    }
    format!("<14>Nov 20 12:00:00 fw-1 {}\n", texts.join(","))
}

fn end(clock: &str, start: &str, seconds: &str, bytes_back: &str) -> String {
    let start = format!("2026/11/20 {start}");
    line(
        "TRAFFIC",
        "end",
        clock,
        60,
        &[(30, "allow"), (31, "50000"), (32, "2000"), (33, bytes_back), (34, "90"), (35, &start), (36, seconds), (46, "tcp-fin"), (52, "fw-1")],
    )
}

fn story(door: &Door) -> (String, Value) {
    let threat = door.json("POST", "/panos-threat/_search", &json!({}));
    let hit = &threat["hits"]["hits"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key = text(&hit["_source"]["sekisho"]["session"]["key"]);
    (key, door.json("GET", &format!("/_sekisho/sessions?index={}&id={}", text(&hit["_index"]), text(&hit["_id"])), &Value::Null))
}

#[test]
fn an_event_tells_the_whole_conversation_and_not_the_next_one_of_its_id() {
    let door = Door::open();
    let lines = [
        line("TRAFFIC", "start", "12:00:01", 60, &[(30, "allow"), (31, "120"), (32, "60"), (33, "60"), (35, "2026/11/20 12:00:00"), (36, "0")]),
        line(
            "THREAT",
            "url",
            "12:00:05",
            60,
            &[(30, "alert"), (31, "\"www.example.com/a?b\""), (32, "(9999)"), (33, "games"), (34, "informational")],
        ),
        line("THREAT", "vulnerability", "12:00:06", 60, &[(30, "alert"), (31, "\"x\""), (32, "Bad Thing(30001)"), (34, "high")]),
        end("12:01:10", "12:00:00", "60", "48000"),
        end("12:31:10", "12:30:00", "60", "7"),
    ];
    door.syslog(lines.concat().as_bytes());
    door.json("POST", "/_refresh", &Value::Null);
    let (key, answer) = story(&door);
    assert_eq!((&answer["events_total"], answer["conversations"].as_array().unwrap().len()), (&json!(5), 1), "{answer}");
    let found = &answer["conversations"][0];
    for (path, expected) in [
        ("/start", json!("2026-11-20T12:00:00.000Z")),
        ("/is_open", json!(false)),
        ("/observer/serial_number", json!("0018")),
        ("/flow_id", json!("4711")),
        ("/source/ip", json!("10.0.0.5")),
        ("/source/zone", json!("Trust")),
        ("/destination/port", json!(80)),
        ("/applications", json!(["web-browsing"])),
        ("/end_reason", json!("tcp-fin")),
        ("/bytes", json!({ "total": 50_000, "to_destination": 2_000, "to_source": 48_000 })),
        ("/counted_at", json!("end")),
        ("/threats/0/name", json!("Bad Thing")),
        ("/threats/0/severity", json!("high")),
        ("/urls/0/original", json!("www.example.com/a?b")),
        ("/detected_but_allowed", json!({ "threats": 1, "bytes_to_source": 48_000 })),
    ] {
        assert_eq!(found.pointer(path), Some(&expected), "{path}");
    }
    let times: Vec<&str> = found["events"].as_array().unwrap().iter().map(|it| it["_source"]["@timestamp"].as_str().unwrap()).collect();
    assert_eq!(times.len(), 4);
    assert!(times.is_sorted());

    let all = door.json("GET", &format!("/_sekisho/sessions/{key}"), &Value::Null);
    let bytes: Vec<&Value> = all["conversations"].as_array().unwrap().iter().map(|it| &it["bytes"]["to_source"]).collect();
    assert_eq!(bytes, [&json!(7), &json!(48_000)]);
    let nearest = door.json("GET", &format!("/_sekisho/sessions/{key}?time=2026-11-20T12:40:00Z"), &Value::Null);
    assert_eq!(nearest["conversations"][0]["bytes"]["to_source"], 7);
    assert_eq!(nearest["conversations"].as_array().unwrap().len(), 1);
}

#[test]
fn an_event_among_more_than_one_answer_holds_is_found_by_its_own_time() {
    let door = Door::open();
    let url = |time: &str, number: usize| {
        line("THREAT", "url", time, 60, &[(30, "alert"), (31, &format!("\"www.example.com/{number}\"")), (32, "(9999)"), (33, "games")])
    };
    let old = url("10:00:00", 0);
    let newer: String = (1..=10_050).map(|number| url(&format!("{:02}:{:02}:00", 12 + number % 10, number % 60), number)).collect();
    door.syslog((old + &newer).as_bytes());
    door.json("POST", "/_refresh", &Value::Null);
    let found = door.json("POST", "/panos-url/_search", &json!({ "sort": [{ "@timestamp": "asc" }], "size": 1 }));
    let hit = &found["hits"]["hits"][0];
    let answer =
        door.json("GET", &format!("/_sekisho/sessions?index={}&id={}", hit["_index"].as_str().unwrap(), hit["_id"].as_str().unwrap()), &Value::Null);
    assert_eq!((&answer["events_total"], &answer["is_truncated"]), (&json!(10_051), &json!(true)));
    assert_eq!(answer["conversations"].as_array().unwrap().len(), 1);
    assert_eq!(answer["conversations"][0]["urls"][0]["original"], "www.example.com/0");
}

#[test]
fn what_is_no_session_is_told() {
    let door = Door::open();
    let flood = line("THREAT", "flood", "12:00:01", 60, &[(22, "0"), (30, "drop"), (32, "Flood(8501)"), (34, "critical")]);
    door.syslog(flood.as_bytes());
    door.json("POST", "/_refresh", &Value::Null);
    let hit = door.json("POST", "/panos-threat/_search", &json!({}))["hits"]["hits"][0].clone();
    let of_event = format!("/_sekisho/sessions?index={}&id={}", hit["_index"].as_str().unwrap(), hit["_id"].as_str().unwrap());
    for (uri, status, reason) in [
        (of_event.as_str(), 404, "is part of no session"),
        ("/_sekisho/sessions?index=panos-threat&id=none", 404, "does not exist"),
        ("/_sekisho/sessions?index=nothing&id=x", 404, "no such index"),
        ("/_sekisho/sessions?id=x", 400, "[index] and [id]"),
        ("/_sekisho/sessions/0123456789abcdef", 404, "no event has the session key"),
        ("/_sekisho/sessions/0123456789abcdef?time=noon", 400, "neither milliseconds nor RFC 3339"),
        ("/_sekisho/sessions/0123456789abcdef?when=now", 400, "unrecognized parameter: [when]"),
    ] {
        let answer = door.send("GET", uri, &[], Vec::new());
        assert_eq!(answer.status, status, "{uri} {}", answer.text());
        assert!(answer.json()["error"]["reason"].as_str().unwrap().contains(reason), "{uri} {}", answer.text());
    }
}
