//! Real firewall lines from public test sets, sent over TCP: each is found by its own text, in the right stream.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::door::Door;

/// A line and what is expected of it.
struct Sample {
    id: String,
    raw: String,
    stream: Option<String>,
}

fn samples() -> Vec<Sample> {
    let directory =
        std::env::var("SEKISHO_SAMPLES").map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples/panos"), PathBuf::from);
    let path = directory.join("expected.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; SEKISHO_SAMPLES names the directory", path.display()));
    let sample = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        Sample { id: text("id"), raw: text("raw"), stream: line["expect"]["_stream"].as_str().map(str::to_owned) }
    };
    text.lines().map(sample).collect()
}

#[test]
fn every_sample_line_is_found_by_its_text_in_its_stream() {
    let samples = samples();
    assert!(samples.len() >= 208, "samples are missing");
    let door = Door::open();
    let bytes: Vec<u8> = samples.iter().flat_map(|it| [it.raw.as_bytes(), b"\n"].concat()).collect();
    door.syslog(&bytes);
    door.json("POST", "/_refresh", &Value::Null);
    assert_eq!(door.json("GET", "/panos-*,syslog*/_count", &Value::Null)["count"], samples.len());
    let mut misses = Vec::new();
    for sample in &samples {
        for clause in ["term", "match_phrase"] {
            let query = json!({ "query": { clause: { "event.original": sample.raw } }, "size": 20 });
            let answer = door.json("POST", "/panos-*,syslog*/_search", &query);
            let hits = answer["hits"]["hits"].as_array().unwrap();
            // A phrase is also found in longer lines that contain it.
            let exact: Vec<&Value> = hits.iter().filter(|it| it["_source"]["event"]["original"] == sample.raw.as_str()).collect();
            let [hit] = exact.as_slice() else {
                misses.push(format!("{} by {clause}: {} hits", sample.id, exact.len()));
                continue;
            };
            let index = hit["_index"].as_str().unwrap();
            let expected = match &sample.stream {
                Some(stream) => vec![stream.as_str()],
                None => vec!["panos-", "syslog"],
            };
            if !expected.iter().any(|it| index.starts_with(&format!(".ds-{it}"))) {
                misses.push(format!("{}: in [{index}] instead of {expected:?}", sample.id));
            }
        }
    }
    assert!(misses.is_empty(), "{} misses:\n{}", misses.len(), misses.join("\n"));
}
