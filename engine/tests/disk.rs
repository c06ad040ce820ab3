//! A disk that gets full: warned at the first watermark, no writes above the second, and all well again by itself.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sekisho_engine::clock::{ManualClock, Timestamp};
use sekisho_engine::{
    Condition, DiskSpace, DiskStage, Engine, EngineError, EngineOptions, RemovalReason, RetentionDefaults, Space, WriteAction, WriteOp, WriteResult,
};

const START_MS: i64 = 1_790_000_000_000;

/// A disk of a million bytes, of which so many are in use.
#[derive(Debug, Default)]
struct Filled(AtomicU64);

impl Space for Filled {
    fn of(&self, _: &Path) -> io::Result<DiskSpace> {
        match self.0.load(Ordering::SeqCst) {
            u64::MAX => Err(io::ErrorKind::TimedOut.into()),
            used => Ok(DiskSpace { used, available: 1_000_000 - used }),
        }
    }
}

struct Machine {
    engine: Engine,
    clock: Arc<ManualClock>,
    disk: Arc<Filled>,
    _dir: tempfile::TempDir,
}

impl Machine {
    fn new(retention: RetentionDefaults) -> Self {
        let (clock, disk, dir) = (Arc::new(ManualClock::new(Timestamp(START_MS))), Arc::new(Filled::default()), tempfile::tempdir().unwrap());
        let options =
            EngineOptions { clock: clock.clone(), space: disk.clone(), background: false, threads: 1, retention, ..EngineOptions::new(dir.path()) };
        Self { engine: Engine::open(options).unwrap(), clock, disk, _dir: dir }
    }

    /// So many percent are in use, and time goes by until somebody looks.
    fn fill(&self, percent: u64) {
        self.disk.0.store(percent * 10_000, Ordering::SeqCst);
        self.clock.advance(Duration::from_secs(5));
    }

    fn write(&self, index: &str) -> WriteResult {
        let source = format!(r#"{{"@timestamp":{START_MS}}}"#);
        let op = WriteOp { index: index.to_owned(), id: None, action: WriteAction::Create(source.into_bytes()), condition: Condition::None };
        let (mut results, written) = self.engine.write(vec![op]).unwrap();
        written.wait().unwrap();
        results.remove(0)
    }

    fn is_taken(&self) -> bool {
        matches!(self.write("a"), WriteResult::Created(_))
    }
}

#[test]
fn above_the_second_watermark_nothing_is_written_until_below_the_first() {
    let machine = Machine::new(RetentionDefaults::default());
    for (percent, is_taken, stage) in [
        (89, true, DiskStage::Roomy),
        (90, true, DiskStage::High),
        (94, true, DiskStage::High),
        (95, false, DiskStage::Flood),
        // Not at once again: it would be full at once again.
        (92, false, DiskStage::Flood),
        (89, true, DiskStage::Roomy),
    ] {
        machine.fill(percent);
        assert_eq!((machine.is_taken(), machine.engine.disk().stage), (is_taken, stage), "at {percent} percent");
    }
}

#[test]
fn it_is_said_as_elasticsearch_says_it() {
    let machine = Machine::new(RetentionDefaults::default());
    machine.fill(99);
    let WriteResult::Failed { error, .. } = machine.write("a") else { panic!("taken") };
    assert!(matches!(*error, EngineError::Blocked(ref by) if by.is_passing()));
    assert_eq!(
        error.to_string(),
        "index [a] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"
    );
    assert!(machine.engine.indices().is_empty(), "nor is an index made for it");
}

#[test]
fn a_disk_that_does_not_answer_changes_nothing() {
    let machine = Machine::new(RetentionDefaults::default());
    for (percent, is_taken) in [(10, true), (99, false)] {
        machine.fill(percent);
        assert_eq!(machine.is_taken(), is_taken);
        machine.disk.0.store(u64::MAX, Ordering::SeqCst);
        machine.clock.advance(Duration::from_secs(60));
        assert_eq!(machine.is_taken(), is_taken);
    }
}

#[test]
fn above_the_first_watermark_streams_with_a_limit_lose_their_oldest_early_but_never_more_than_half() {
    let probe = Machine::new(RetentionDefaults::default());
    assert!(matches!(probe.write("panos-url"), WriteResult::Created(_)));
    probe.engine.commit().unwrap();
    let split = probe.engine.retention()[0].bytes;
    // Four splits fit, and two are less than half.
    let machine = Machine::new(RetentionDefaults { bytes: vec![("panos-url".to_owned(), 5 * split)], ..RetentionDefaults::default() });
    for _ in 0..4 {
        for stream in ["panos-url", "panos-threat"] {
            assert!(matches!(machine.write(stream), WriteResult::Created(_)));
        }
        machine.engine.commit().unwrap();
    }
    assert!(machine.engine.run_retention().unwrap().is_empty());
    machine.fill(99);
    // A minute has not gone by since.
    machine.engine.maintain().unwrap();
    let docs = |stream: &str| machine.engine.retention().into_iter().find(|it| it.stream == stream).unwrap().docs;
    assert_eq!((docs("panos-url"), docs("panos-threat")), (3, 4));
    assert!(machine.engine.plan_retention().is_empty());
}

#[test]
fn only_as_much_goes_as_the_disk_needs() {
    let machine = Machine::new(RetentionDefaults { bytes: vec![("*".to_owned(), 10_000_000)], ..RetentionDefaults::default() });
    for _ in 0..6 {
        assert!(matches!(machine.write("panos-url"), WriteResult::Created(_)));
        machine.engine.commit().unwrap();
    }
    let bytes = machine.engine.retention()[0].bytes;
    let own = sekisho_engine::StreamLifecycle {
        retention: sekisho_engine::Retention { age_ms: None, bytes: Some(bytes) },
        ..sekisho_engine::StreamLifecycle::default()
    };
    machine.engine.put_stream_lifecycle(&["panos-url".to_owned()], Some(&own)).unwrap();
    // Ten bytes too many: one split is enough.
    machine.disk.0.store(900_010, Ordering::SeqCst);
    machine.clock.advance(Duration::from_secs(5));
    let removals = machine.engine.run_retention().unwrap();
    assert_eq!(removals.iter().map(|it| (it.docs, it.reason)).collect::<Vec<_>>(), [(1, RemovalReason::Disk)]);
}
