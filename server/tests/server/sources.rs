//! The loss ledger as clients see it, over restarts; and lines that a newer release understands.

use std::sync::Arc;

use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::{Format, FormatId, Parsed};
use sekisho_engine::row::Row;
use sekisho_engine::{Engine, EngineOptions};
use sekisho_ingest::{Envelope, PanosSyslog, Transport};
use serde_json::{Value, json};

use super::door::{Door, send_syslog};
use super::process::{Process, request};

fn system(number: u64) -> String {
    format!(
        "<14>Nov 20 12:00:00 fw-1 1,2026/11/20 12:00:00,0018,SYSTEM,general,2562,2026/11/20 12:00:00,,general,,0,0,general,low,\"x\",{number},0x0\n"
    )
}

#[test]
fn gaps_are_told_by_device_and_survive_a_stop() {
    let directory = tempfile::tempdir().unwrap();
    let process = Process::start(directory.path());
    let lines = [1, 2, 5, 6].map(system).concat() + "<13>Nov 20 12:00:00 switch-7 link: up\n";
    send_syslog(&process.syslog_tcp, lines.as_bytes()).unwrap();
    let all = process.json("GET", "/_sekisho/sources", "");
    let names: Vec<_> =
        all["sources"].as_array().unwrap().iter().map(|it| (it["name"].clone(), it["lines"].clone(), it["missing"].clone())).collect();
    assert_eq!(names, [(json!("0018"), json!(4), json!(2)), (json!("switch-7"), json!(1), json!(0))]);
    assert_eq!(process.terminate().code(), Some(0));

    let process = Process::start(directory.path());
    // The fourth comes late, the seventh never.
    send_syslog(&process.syslog_tcp, [8, 4].map(system).concat().as_bytes()).unwrap();
    let one = process.json("GET", "/_sekisho/sources/0018", "");
    let gaps: Vec<_> = one["sequences"]["SYSTEM"]["gaps"].as_array().unwrap().iter().map(|it| (it["from"].clone(), it["to"].clone())).collect();
    assert_eq!(gaps, [(json!(3), json!(3)), (json!(7), json!(7))]);
    let seventh = &one["sequences"]["SYSTEM"]["gaps"][1];
    assert!(seventh["since"].as_str() < seventh["seen"].as_str(), "one of before the stop, one of after it: {seventh}");
    assert_eq!((&one["lines"], &one["releases"], &one["hostname"], &one["kind"]), (&json!(6), &json!(["10.2"]), &json!("fw-1"), &json!("serial")));
    assert_eq!(one["streams"]["panos-system"]["lines"], 6);
    let figures = String::from_utf8(request(&process.http, "GET", "/metrics", "").unwrap().1).unwrap();
    for line in
        ["sekisho_source_lines_total{source=\"0018\",stream=\"panos-system\"} 6", "sekisho_source_missing{source=\"0018\",log_type=\"SYSTEM\"} 2"]
    {
        assert!(figures.contains(line), "{line}\n{figures}");
    }
    assert_eq!(request(&process.http, "GET", "/_sekisho/sources/nobody", "").unwrap().0, 404);
}

/// A parser of before: it understands nothing.
struct Nothing;

impl Format for Nothing {
    fn id(&self) -> FormatId {
        PanosSyslog::ID
    }

    fn parse(&self, record: &[u8]) -> Parsed {
        let mut row = Row::default();
        row.push_date(ecs::TIMESTAMP, Timestamp(0));
        row.push_str(ecs::EVENT_ORIGINAL, &String::from_utf8_lossy(record));
        Parsed { stream: "syslog-unparsed", row }
    }
}

#[test]
fn what_this_release_understands_moves_to_its_stream_and_the_rest_stays() {
    let directory = tempfile::tempdir().unwrap();
    let lines = ["\u{1}\u{2}".to_owned(), system(1), "<13>Nov 20 12:00:00 switch-7 link: up".to_owned(), system(2)];
    keep_unparsed(directory.path(), &lines);

    let process = Process::start(directory.path());
    let count = |stream: &str| process.json("GET", &format!("/{stream}/_count?ignore_unavailable=true"), "")["count"].clone();
    assert_eq!((count("syslog-unparsed"), count("panos-system")), (json!(4), json!(0)));
    for (moved, left) in [(json!({ "panos-system": 2, "syslog": 1 }), 1), (json!({}), 1)] {
        let answer = process.json("POST", "/_sekisho/reprocess", "");
        assert_eq!((&answer["moved"], &answer["left"]), (&moved, &json!(left)), "{answer}");
        assert_eq!((count("syslog-unparsed"), count("panos-system"), count("syslog")), (json!(1), json!(2), json!(1)));
    }
    process.kill();
    let process = Process::start(directory.path());
    let count = |stream: &str| process.json("GET", &format!("/{stream}/_count"), "")["count"].clone();
    assert_eq!((count("syslog-unparsed"), count("panos-system"), count("syslog")), (json!(1), json!(2), json!(1)));
}

/// A data directory in which a release that understood nothing kept these lines.
fn keep_unparsed(data_dir: &std::path::Path, lines: &[String]) {
    let engine = Engine::open(EngineOptions::new(data_dir).with_format(Arc::new(Nothing))).unwrap();
    let records: Vec<Vec<u8>> = lines.iter().map(|it| Envelope::new(Transport::Tcp).encode(it.trim_end().as_bytes())).collect();
    engine.append_records(PanosSyslog::ID, &records).unwrap().wait().unwrap();
    engine.commit().unwrap();
}

#[cfg(feature = "pipelines")]
#[test]
fn a_line_that_is_understood_later_closes_its_gap_and_passes_todays_site_rules() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("panos-system.vrl"), ".tags = [\"ruled\"]\n").unwrap();
    let door = Door::open_with(|config| {
        config.pipelines_dir = directory.path().to_owned();
        keep_unparsed(&config.data_dir, &[system(3), system(4)]);
    });
    let missing = || door.json("GET", "/_sekisho/sources/0018", &Value::Null)["sequences"]["SYSTEM"]["missing"].clone();
    door.syslog([2, 6].map(system).concat().as_bytes());
    assert_eq!(missing(), 3);
    assert_eq!(door.json("POST", "/_sekisho/reprocess", &Value::Null)["moved"], json!({ "panos-system": 2 }));
    assert_eq!(missing(), 1);
    let ruled = door.json("POST", "/panos-system/_count", &json!({ "query": { "term": { "tags": "ruled" } } }));
    assert_eq!(ruled["count"], 4, "those that came and those that moved");
    assert_eq!(door.json("GET", "/_sekisho/sources/0018", &Value::Null)["lines"], 2, "what was counted when it came is not counted again");
}

#[test]
fn a_devices_time_zone_is_a_setting() {
    let door = Door::open_with(|config| config.device_time_zones = "0018=Asia/Tokyo".parse().unwrap());
    door.syslog(system(1).as_bytes());
    door.json("POST", "/_refresh", &Value::Null);
    let found = door.json("POST", "/panos-system/_search", &json!({}));
    assert_eq!(found["hits"]["hits"][0]["_source"]["@timestamp"], "2026-11-20T03:00:00.000Z");
}
