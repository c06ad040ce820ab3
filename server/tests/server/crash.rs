//! The promise: what was acknowledged is there after `kill -9`, and nothing is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::door::send_syslog;
use super::process::{Process, request};

const ROUNDS: u64 = 12;

/// What was acknowledged so far, and what must therefore be found.
#[derive(Default)]
struct Acknowledged {
    ids: Mutex<BTreeSet<String>>,
    lines: Mutex<BTreeSet<String>>,
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    let directory = tempfile::tempdir().unwrap();
    let seed = std::env::var("SEKISHO_SEED")
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or_else(|| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into());
    println!("SEKISHO_SEED={seed}");
    let mut random = Random(seed | 1);
    let acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let process = Process::start(directory.path());
        check(&process, &acknowledged, seed);
        let is_over = AtomicBool::new(false);
        let delay = Duration::from_millis(30 + random.next() % 700);
        std::thread::scope(|scope| {
            scope.spawn(|| write_documents(&process.http, round, &is_over, &acknowledged));
            scope.spawn(|| write_lines(&process.syslog_tcp, round, &is_over, &acknowledged));
            // Refreshes and commits at the same time: a crash in the middle of them is what matters.
            scope.spawn(|| publish(&process.http, &is_over));
            std::thread::sleep(delay);
            process.signal("KILL");
            is_over.store(true, Ordering::SeqCst);
        });
        process.kill();
    }
    let process = Process::start(directory.path());
    check(&process, &acknowledged, seed);
    assert!(!acknowledged.ids.lock().unwrap().is_empty() && !acknowledged.lines.lock().unwrap().is_empty(), "nothing was tried");
    assert_eq!(process.terminate().code(), Some(0));
    // After an orderly stop the next start reads nothing from the log.
    let process = Process::start(directory.path());
    check(&process, &acknowledged, seed);
}

fn write_documents(http: &str, round: u64, is_over: &AtomicBool, acknowledged: &Acknowledged) {
    let mut next = 0_u64;
    while !is_over.load(Ordering::SeqCst) {
        let ids: Vec<String> = (next..next + 40).map(|it| format!("{round}-{it}")).collect();
        next += 40;
        let body: String = ids
            .iter()
            .map(|id| format!("{{\"create\":{{\"_index\":\"crash\",\"_id\":\"{id}\"}}}}\n{{\"id\":\"{id}\",\"round\":{round}}}\n"))
            .collect();
        let Ok((200, answer)) = request(http, "POST", "/_bulk", &body) else { continue };
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["errors"], false, "{answer}");
        acknowledged.ids.lock().unwrap().extend(ids);
    }
}

fn write_lines(syslog: &str, round: u64, is_over: &AtomicBool, acknowledged: &Acknowledged) {
    let mut next = 0_u64;
    while !is_over.load(Ordering::SeqCst) {
        let lines: Vec<String> = (next..next + 100).map(|it| format!("<14>Nov 23 07:00:00 host app: line {round}-{it}")).collect();
        next += 100;
        let bytes: String = lines.iter().map(|it| format!("{it}\n")).collect();
        if send_syslog(syslog, bytes.as_bytes()).is_ok() {
            acknowledged.lines.lock().unwrap().extend(lines);
        }
    }
}

fn publish(http: &str, is_over: &AtomicBool) {
    let mut is_commit = false;
    while !is_over.load(Ordering::SeqCst) {
        let _ = request(http, "POST", if is_commit { "/_flush" } else { "/_refresh" }, "");
        is_commit = !is_commit;
    }
}

fn check(process: &Process, acknowledged: &Acknowledged, seed: u64) {
    for (index, field, expected) in [("crash", "id", &acknowledged.ids), ("syslog*", "event.original", &acknowledged.lines)] {
        let mut found: BTreeMap<String, u32> = BTreeMap::new();
        for value in every_value(process, index, field) {
            *found.entry(value).or_default() += 1;
        }
        let twice: Vec<_> = found.iter().filter(|it| *it.1 > 1).take(5).collect();
        assert!(twice.is_empty(), "seed {seed}: [{index}] has documents twice, such as {twice:?}");
        let expected = expected.lock().unwrap();
        let lost: Vec<_> = expected.iter().filter(|it| !found.contains_key(*it)).take(5).collect();
        assert!(lost.is_empty(), "seed {seed}: [{index}] has lost acknowledged documents, such as {lost:?}");
    }
}

/// The value of a field in all documents, page by page.
fn every_value(process: &Process, index: &str, field: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut after = Value::Null;
    loop {
        let mut body = json!({ "size": 5_000, "sort": ["_doc"], "_source": [field] });
        if !after.is_null() {
            body["search_after"] = after;
        }
        let answer = process.json("POST", &format!("/{index}/_search?ignore_unavailable=true"), &body.to_string());
        let hits = answer["hits"]["hits"].as_array().unwrap();
        let Some(last) = hits.last() else { return values };
        after = last["sort"].clone();
        for hit in hits {
            let value = field.split('.').fold(&hit["_source"], |at, key| &at[key]);
            values.push(value.as_str().unwrap_or_else(|| panic!("no {field} in {hit}")).to_owned());
        }
    }
}

/// xorshift64: enough to choose moments.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
