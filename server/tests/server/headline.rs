//! The two headline numbers, asked by `_search`, against a count made from the raw lines by code that shares nothing with the parser.

use std::collections::BTreeMap;

use sekisho_benches::generate::{Generator, Options};
use serde_json::{Value, json};

use super::door::{Door, send_syslog};
use super::process::Process;

/// What a person would count in the lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Numbers {
    lines: u64,
    /// Resets by the firewall of threats other than URLs, from Untrust to DMZ.
    resets: u64,
    /// Blocked URLs from Trust to Untrust, by destination port.
    blocked: BTreeMap<u64, u64>,
}

const RESETS: [&str; 3] = ["reset-client", "reset-server", "reset-both"];
const BLOCKS: [&str; 12] = [
    "block-url",
    "block-continue",
    "block-override",
    "override-lockout",
    "deny",
    "drop",
    "drop-packet",
    "drop-all",
    "drop-all-packets",
    "reset-client",
    "reset-server",
    "reset-both",
];

/// Columns of a CSV line; a quoted one may have commas in it.
fn columns(line: &str) -> Vec<String> {
    let (mut columns, mut is_quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => columns.push(String::new()),
            letter => columns.last_mut().unwrap().push(letter),
        }
    }
    columns
}

fn count(lines: &[Vec<u8>]) -> Numbers {
    let mut numbers = Numbers { lines: lines.len() as u64, ..Numbers::default() };
    for line in lines {
        let line = std::str::from_utf8(line).unwrap();
        // The header ends before the first column, whose value is always 1.
        let columns = columns(&line[line.find(" 1,20").unwrap() + 1..]);
        if columns[3] != "THREAT" {
            continue;
        }
        let (action, from, to) = (columns[30].as_str(), columns[16].as_str(), columns[17].as_str());
        if columns[4] == "url" {
            if BLOCKS.contains(&action) && (from, to) == ("Trust", "Untrust") {
                *numbers.blocked.entry(columns[25].parse().unwrap()).or_default() += 1;
            }
        } else if RESETS.contains(&action) && (from, to) == ("Untrust", "DMZ") {
            numbers.resets += 1;
        }
    }
    numbers
}

fn ask(mut search: impl FnMut(&str, &Value) -> Value) -> Numbers {
    let between = |from: &str, to: &str, actions: &[&str]| json!([{ "term": { "observer.ingress.zone": from } }, { "term": { "observer.egress.zone": to } }, { "terms": { "panw.panos.action": actions } }]);
    let all = search("/panos-*,syslog*/_search", &json!({ "size": 0, "track_total_hits": true }));
    let resets = search(
        "/panos-threat/_search",
        &json!({ "size": 0, "track_total_hits": true, "query": { "bool": { "filter": between("Untrust", "DMZ", &RESETS) } } }),
    );
    let blocked = search(
        "/panos-url/_search",
        &json!({
            "size": 0,
            "query": { "bool": { "filter": between("Trust", "Untrust", &BLOCKS) } },
            "aggs": { "by_port": { "terms": { "field": "destination.port", "size": 10_000 } } }
        }),
    );
    let buckets = blocked["aggregations"]["by_port"]["buckets"].as_array().unwrap();
    Numbers {
        lines: all["hits"]["total"]["value"].as_u64().unwrap(),
        resets: resets["hits"]["total"]["value"].as_u64().unwrap(),
        blocked: buckets.iter().map(|it| (it["key"].as_u64().unwrap(), it["doc_count"].as_u64().unwrap())).collect(),
    }
}

fn generate(lines: u64, seed: u64) -> Vec<Vec<u8>> {
    Generator::new(&Options { lines, seed, ..Options::default() }).map(|it| it.bytes).collect()
}

fn check(lines: u64, seed: u64) {
    let lines = generate(lines, seed);
    let expected = count(&lines);
    assert!(expected.resets > 0 && expected.blocked.len() > 1, "the lines have nothing to count: {expected:?}");
    let door = Door::open();
    door.syslog(&lines.join(&b'\n'));
    door.json("POST", "/_refresh", &Value::Null);
    assert_eq!(ask(|uri, body| door.json("POST", uri, body)), expected, "from memory");
    door.json("POST", "/_flush", &Value::Null);
    assert_eq!(ask(|uri, body| door.json("POST", uri, body)), expected, "from disk");
    door.stop();
}

#[test]
fn the_headline_numbers_are_exact_for_5_000_lines() {
    check(5_000, 11);
}

#[test]
fn the_headline_numbers_are_exact_for_50_000_lines() {
    check(50_000, 12);
}

#[test]
fn the_headline_numbers_are_exact_after_a_crash_and_after_an_orderly_stop() {
    let lines = generate(20_000, 13);
    let expected = count(&lines);
    let directory = tempfile::tempdir().unwrap();
    let process = Process::start(directory.path());
    for (at, part) in lines.chunks(7_000).enumerate() {
        send_syslog(&process.syslog_tcp, &part.join(&b'\n')).unwrap();
        if at == 0 {
            // Some in splits on disk, the rest in the log only.
            process.json("POST", "/_flush", "");
        }
    }
    process.kill();
    let process = Process::start(directory.path());
    let search = |process: &Process, uri: &str, body: &Value| process.json("POST", uri, &body.to_string());
    assert_eq!(ask(|uri, body| search(&process, uri, body)), expected, "after kill -9");
    assert_eq!(process.terminate().code(), Some(0));
    let process = Process::start(directory.path());
    assert_eq!(ask(|uri, body| search(&process, uri, body)), expected, "after an orderly stop");
}
