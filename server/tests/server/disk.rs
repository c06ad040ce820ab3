//! A full disk, from outside: HTTP is refused with what clients understand, syslog over TCP waits, and it goes on by itself.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sekisho_engine::clock::{ManualClock, Timestamp};
use sekisho_engine::{DiskSpace, Space};
use serde_json::{Value, json};

use super::door::Door;

/// Percent in use.
#[derive(Debug)]
struct Percent(AtomicU64);

impl Space for Percent {
    fn of(&self, _: &Path) -> io::Result<DiskSpace> {
        let used = self.0.load(Ordering::SeqCst);
        Ok(DiskSpace { used, available: 100 - used })
    }
}

struct Machine {
    door: Door,
    clock: Arc<ManualClock>,
    disk: Arc<Percent>,
}

impl Machine {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_790_000_000_000)));
        let disk = Arc::new(Percent(AtomicU64::new(10)));
        let (our_clock, our_disk) = (clock.clone(), disk.clone());
        let door = Door::open_over(|it| {
            it.clock = our_clock;
            it.space = our_disk;
        });
        Self { door, clock, disk }
    }

    fn fill(&self, percent: u64) {
        self.disk.0.store(percent, Ordering::SeqCst);
        self.clock.advance(Duration::from_secs(5));
    }

    /// Waits until the background has seen it.
    fn wait_for_stage(&self, stage: &str) {
        wait(|| self.door.json("GET", "/_sekisho/retention", &Value::Null)["disk"]["stage"] == stage);
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.door.send("GET", "/metrics", &[], "").text();
        let line = text.lines().find(|it| it.split(['{', ' ']).next() == Some(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

fn wait(mut is_there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_there() {
        assert!(began.elapsed() < Duration::from_secs(30), "it never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_full_disk_is_a_warning_first_and_then_429_and_passes_by_itself() {
    let machine = Machine::new();
    let health = || machine.door.json("GET", "/_cluster/health", &Value::Null)["status"].clone();
    machine.door.json("POST", "/a/_doc", &json!({ "n": 1 }));
    assert_eq!((health(), machine.metric("sekisho_disk_above_high_watermark")), (json!("green"), 0.0));
    machine.fill(91);
    machine.wait_for_stage("high");
    assert_eq!((health(), machine.metric("sekisho_disk_above_high_watermark")), (json!("yellow"), 1.0));
    machine.door.json("POST", "/a/_doc", &json!({ "n": 2 }));
    machine.fill(96);
    machine.wait_for_stage("flood");
    assert!(machine.metric("sekisho_disk_writes_refused") > 0.0);
    let answer = machine.door.send("POST", "/a/_doc", &[], r#"{"n":3}"#);
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["type"]), (429, &json!("cluster_block_exception")));
    assert_eq!(
        error["reason"],
        "index [a] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"
    );
    let bulk =
        machine.door.send("POST", "/_bulk", &[], "{\"index\":{\"_index\":\"a\"}}\n{\"n\":4}\n{\"delete\":{\"_index\":\"a\",\"_id\":\"x\"}}\n").json();
    assert_eq!(bulk["items"][0]["index"]["status"], 429);
    assert_eq!(bulk["items"][1]["delete"]["status"], 429);
    // What is there is read as ever, and deleting an index makes room.
    machine.door.json("POST", "/a/_refresh", &Value::Null);
    assert_eq!(machine.door.json("GET", "/a/_count", &Value::Null)["count"], 2);
    assert_eq!(machine.door.json("GET", "/_nodes/stats", &Value::Null)["nodes"]["sekisho"]["fs"]["total"]["available_in_bytes"], 4);
    machine.door.json("DELETE", "/a", &Value::Null);
    machine.fill(50);
    machine.door.json("POST", "/a/_doc", &json!({ "n": 5 }));
    assert_eq!(health(), "green");
}

#[test]
fn syslog_over_tcp_waits_for_room_and_loses_nothing() {
    let machine = Machine::new();
    machine.fill(97);
    machine.wait_for_stage("flood");
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| machine.door.syslog(b"<14>Nov 24 00:00:01 host app: held back\n"));
        wait(|| machine.metric("sekisho_ingest_batches_refused_total") > 0.0);
        assert!(!sender.is_finished(), "acknowledged without being stored");
        machine.fill(80);
        sender.join().unwrap();
    });
    machine.door.json("POST", "/syslog/_refresh", &Value::Null);
    assert_eq!(machine.door.json("GET", "/syslog/_count", &Value::Null)["count"], 1);
    assert!(machine.metric("sekisho_ingest_lines_dropped_total") < 0.5);
}
