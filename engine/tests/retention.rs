//! What is kept no longer goes, all of it and nothing else: by age, by size, by policies; over restarts and crashes.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::Path;
use std::sync::Arc;

use sekisho_engine::clock::{Clock as _, ManualClock, SystemClock, Timestamp};
use sekisho_engine::fs::{Fs, RealFs, SimFs};
use sekisho_engine::{
    Alias, Condition, Engine, EngineOptions, IndexTemplate, Policy, RemovalReason, ResolveOptions, Retention, RetentionDefaults, Rollover,
    RuleOrigin, SearchRequest, StreamLifecycle, TemplateParts, TrackTotalHits, WriteAction, WriteOp, WriteResult,
};
use serde_json::json;

const DAY_MS: i64 = 86_400_000;
const START_MS: i64 = 1_790_000_000_000;
const STREAM: &str = "panos-traffic";

fn open_on(fs: Arc<dyn Fs>, dir: &Path, clock: &Arc<ManualClock>, retention: RetentionDefaults) -> Engine {
    Engine::open(EngineOptions { fs, clock: clock.clone(), background: false, threads: 1, retention, ..EngineOptions::new(dir) }).unwrap()
}

fn open(dir: &Path, clock: &Arc<ManualClock>, retention: RetentionDefaults) -> Engine {
    open_on(Arc::new(RealFs), dir, clock, retention)
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp(START_MS)))
}

fn by_age(days: i64) -> RetentionDefaults {
    RetentionDefaults { ages_ms: vec![("*".to_owned(), days * DAY_MS)], ..RetentionDefaults::default() }
}

/// Writes documents of one moment, `days` after the start, and puts them into a split of their own on disk.
fn write(engine: &Engine, index: &str, days: i64, count: usize) {
    let time = START_MS + days * DAY_MS;
    let op = |at: usize| WriteOp {
        index: index.to_owned(),
        id: None,
        action: WriteAction::Create(format!(r#"{{"@timestamp":{time},"message":"{days} {at}"}}"#).into_bytes()),
        condition: Condition::None,
    };
    let (results, written) = engine.write((0..count).map(op).collect()).unwrap();
    assert!(results.iter().all(|it| matches!(it, WriteResult::Created(_))), "{results:?}");
    written.wait().unwrap();
    engine.commit().unwrap();
}

fn count(engine: &Engine, name: &str) -> u64 {
    let targets = engine.resolve(name, ResolveOptions { ignore_unavailable: true, ..ResolveOptions::default() }).unwrap();
    let request = SearchRequest { size: 0, track_total_hits: TrackTotalHits::All, ..SearchRequest::default() };
    engine.search(&targets, &request).unwrap().total.unwrap().value
}

fn set_day(clock: &ManualClock, days: i64) {
    clock.set(Timestamp(START_MS + days * DAY_MS));
}

#[test]
fn a_split_goes_when_its_newest_document_is_too_old_and_not_a_moment_before() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, by_age(7));
    write(&engine, STREAM, 0, 3);
    write(&engine, STREAM, 1, 2);
    clock.set(Timestamp(START_MS + 7 * DAY_MS - 1));
    assert!(engine.plan_retention().is_empty() && engine.run_retention().unwrap().is_empty());
    clock.set(Timestamp(START_MS + 7 * DAY_MS));
    let plan = engine.plan_retention();
    assert_eq!(count(&engine, STREAM), 5, "a plan deletes nothing");
    let removals = engine.run_retention().unwrap();
    // The index was rolled over before, and half of the old one stays.
    assert_eq!(removals.iter().map(|it| (it.splits, it.docs, it.reason, it.is_whole_index)).collect::<Vec<_>>(), [(1, 3, RemovalReason::Age, false)]);
    assert_eq!(plan.iter().map(|it| it.docs).collect::<Vec<_>>(), [3]);
    assert_eq!(count(&engine, STREAM), 2);
    drop(engine);
    let engine = open(dir.path(), &clock, by_age(7));
    assert_eq!((count(&engine, STREAM), engine.recovery().replayed), (2, 0));
    set_day(&clock, 8);
    let removals = engine.run_retention().unwrap();
    assert_eq!(removals.iter().map(|it| (it.docs, it.is_whole_index)).collect::<Vec<_>>(), [(2, true)]);
    assert_eq!(engine.data_streams()[STREAM].len(), 1);
    assert!(engine.data_streams()[STREAM][0].ends_with("-000002"), "the write index stays, empty");
    assert_eq!(engine.removed().0, 2, "since the start");
}

#[test]
fn files_of_what_was_deleted_are_gone() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, by_age(7));
    write(&engine, STREAM, 0, 3);
    let splits = || walk(&dir.path().join("splits"));
    assert!(splits() > 0);
    set_day(&clock, 30);
    engine.run_retention().unwrap();
    assert_eq!(splits(), 0);
}

fn walk(path: &Path) -> usize {
    let entries = std::fs::read_dir(path).into_iter().flatten().map(|it| it.unwrap().path());
    entries.map(|it| if it.is_dir() { walk(&it) } else { 1 }).sum()
}

#[test]
fn maintenance_does_it_by_itself_once_a_minute() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, by_age(7));
    write(&engine, STREAM, 0, 1);
    set_day(&clock, 7);
    engine.maintain().unwrap();
    assert_eq!(count(&engine, STREAM), 0);
    // Not again within the minute, and at once where the clock went back.
    write(&engine, STREAM, -1, 1);
    engine.maintain().unwrap();
    assert_eq!(count(&engine, STREAM), 1);
    clock.set(Timestamp(START_MS + 7 * DAY_MS - 1));
    engine.maintain().unwrap();
    assert_eq!(count(&engine, STREAM), 0);
}

#[test]
fn above_the_limit_in_bytes_the_oldest_goes_first() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, RetentionDefaults::default());
    // The older documents come later.
    for days in [3, 1, 2] {
        write(&engine, STREAM, days, 10);
    }
    let bytes = engine.retention()[0].bytes;
    let limit = |bytes| StreamLifecycle { retention: Retention { bytes: Some(bytes), ..Retention::default() }, ..StreamLifecycle::default() };
    engine.put_stream_lifecycle(&[STREAM.to_owned()], Some(&limit(bytes))).unwrap();
    assert!(engine.run_retention().unwrap().is_empty(), "what is as large as the limit stays");
    engine.put_stream_lifecycle(&[STREAM.to_owned()], Some(&limit(bytes - 1))).unwrap();
    let removals = engine.run_retention().unwrap();
    assert_eq!(removals.iter().map(|it| (it.docs, it.reason)).collect::<Vec<_>>(), [(10, RemovalReason::Size)]);
    let oldest = engine.retention()[0].time.unwrap().0;
    assert_eq!(oldest, Timestamp(START_MS + 2 * DAY_MS));
}

#[test]
fn a_device_whose_clock_runs_ahead_does_not_keep_its_split_for_ever() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, by_age(7));
    write(&engine, STREAM, 30_000, 1);
    set_day(&clock, 1);
    engine.run_retention().unwrap();
    assert_eq!(engine.data_streams()[STREAM].len(), 2, "rolled over at the age of a day");
    set_day(&clock, 7);
    engine.run_retention().unwrap();
    assert_eq!(count(&engine, STREAM), 1);
    set_day(&clock, 8);
    engine.run_retention().unwrap();
    assert_eq!(count(&engine, STREAM), 0);
}

#[test]
fn the_streams_own_word_comes_before_the_default_and_outlives_a_restart() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, by_age(7));
    for stream in [STREAM, "panos-url", "panos-threat"] {
        write(&engine, stream, 0, 1);
    }
    let own = |is_enabled, days: Option<i64>| StreamLifecycle {
        is_enabled,
        retention: Retention { age_ms: days.map(|it| it * DAY_MS), bytes: None },
        is_first: false,
    };
    engine.put_stream_lifecycle(&["panos-url".to_owned()], Some(&own(true, Some(2)))).unwrap();
    engine.put_stream_lifecycle(&["panos-threat".to_owned()], Some(&own(false, None))).unwrap();
    assert!(engine.put_stream_lifecycle(&["none".to_owned()], None).is_err());
    drop(engine);
    let engine = open(dir.path(), &clock, by_age(7));
    set_day(&clock, 2);
    engine.run_retention().unwrap();
    assert_eq!([STREAM, "panos-url", "panos-threat"].map(|it| count(&engine, it)), [1, 0, 1]);
    set_day(&clock, 1_000);
    engine.run_retention().unwrap();
    assert_eq!([STREAM, "panos-url", "panos-threat"].map(|it| count(&engine, it)), [0, 0, 1]);
    assert_eq!(engine.stream_rule("panos-threat").origin, RuleOrigin::Stream);
    // A stream that is deleted and comes again says nothing any more.
    engine.delete_data_stream("panos-url").unwrap();
    write(&engine, "panos-url", 0, 1);
    assert_eq!(engine.stream_rule("panos-url").origin, RuleOrigin::Default);
}

#[test]
fn a_policy_counts_for_the_indices_that_name_it_until_it_is_stopped() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, RetentionDefaults::default());
    let policy = Policy { delete_after_ms: Some(3 * DAY_MS), ..Policy::default() };
    engine.put_policy("short", policy.clone()).unwrap();
    engine.put_policy("rolling", Policy { rollover: Some(Rollover { docs: Some(2), docs_min: 1, ..Rollover::default() }), ..policy }).unwrap();
    engine.create_index("plain", None, json!({ "index.lifecycle.name": "short" })).unwrap();
    engine.create_index("written", None, json!({ "index.lifecycle.name": "rolling", "index.lifecycle.rollover_alias": "w" })).unwrap();
    engine.create_index("free", None, json!({ "index.lifecycle.name": "none" })).unwrap();
    assert!(engine.delete_policy("short").unwrap_err().to_string().contains("in use by one or more indices: [plain]"));
    set_day(&clock, 3);
    engine.stop_policies(true).unwrap();
    assert!(engine.run_retention().unwrap().is_empty());
    engine.stop_policies(false).unwrap();
    assert_eq!(engine.run_retention().unwrap().iter().map(|it| it.index.as_str()).collect::<Vec<_>>(), ["plain"]);
    engine.delete_policy("short").unwrap();
    drop(engine);
    let engine = open(dir.path(), &clock, RetentionDefaults::default());
    assert_eq!(engine.policies().into_keys().collect::<Vec<_>>(), ["rolling"]);
    // It waits for its rollover.
    assert_eq!(engine.indices().into_iter().map(|it| it.name).collect::<Vec<_>>(), ["free", "written"]);
}

#[test]
fn whenever_the_disk_dies_a_deletion_is_whole_or_has_not_been() {
    let mut seen = std::collections::BTreeSet::new();
    for at in 0..40 {
        let (clock, fs, dir) = (clock(), SimFs::new(at), Path::new("/data"));
        let engine = open_on(Arc::new(fs.clone()), dir, &clock, by_age(7));
        write(&engine, STREAM, 0, 3);
        write(&engine, STREAM, 6, 2);
        set_day(&clock, 8);
        fs.fail_after(at);
        let outcome = engine.run_retention();
        assert!(outcome.is_ok() || fs.has_crashed(), "the disk works: {outcome:?}");
        let fs = fs.crash();
        drop(engine);
        let engine = open_on(Arc::new(fs.clone()), dir, &clock, by_age(7));
        assert!(engine.recovery().damage.is_empty(), "{:?}", engine.recovery().damage);
        let left = count(&engine, STREAM);
        assert!(left == 5 || left == 2, "{left} at {at}");
        assert!(outcome.is_err() || left == 2, "what was told to be gone has come back");
        seen.insert(left);
        engine.run_retention().unwrap();
        assert_eq!(count(&engine, STREAM), 2);
    }
    assert_eq!(seen.len(), 2, "crashes before and after were tried");
}

#[test]
fn an_alias_is_rolled_over_as_its_policy_says_and_its_old_indices_go() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, RetentionDefaults::default());
    let rollover = Some(Rollover { docs: Some(2), docs_min: 1, ..Rollover::default() });
    engine.put_policy("p", Policy { delete_after_ms: Some(3 * DAY_MS), rollover, ..Policy::default() }).unwrap();
    let settings = json!({ "index.lifecycle.name": "p", "index.lifecycle.rollover_alias": "logs" });
    let parts = TemplateParts { settings: settings.as_object().unwrap().clone(), ..TemplateParts::default() };
    let template = IndexTemplate { patterns: vec!["logs-*".to_owned()], allows_auto_create: true, parts, ..IndexTemplate::default() };
    engine.put_index_template("logs", template, false).unwrap();
    let is_written = Alias { is_write_index: Some(true), ..Alias::default() };
    engine.create_index_with("logs-000001", None, settings, &[("logs".to_owned(), is_written)].into_iter().collect()).unwrap();
    let names = || engine.indices().into_iter().map(|it| it.name).collect::<Vec<_>>();
    write(&engine, "logs", 0, 1);
    engine.run_retention().unwrap();
    assert_eq!(names(), ["logs-000001"], "not yet");
    write(&engine, "logs", 0, 1);
    set_day(&clock, 1);
    engine.run_retention().unwrap();
    write(&engine, "logs", 1, 1);
    assert_eq!((names(), count(&engine, "logs"), count(&engine, "logs-000002")), (vec!["logs-000001".to_owned(), "logs-000002".to_owned()], 3, 1));
    // Three days from the rollover, not from the creation; the other one is still being written to.
    clock.set(Timestamp(START_MS + 4 * DAY_MS - 1));
    assert!(engine.run_retention().unwrap().is_empty());
    drop(engine);
    let engine = open(dir.path(), &clock, RetentionDefaults::default());
    set_day(&clock, 4);
    assert_eq!(engine.run_retention().unwrap().iter().map(|it| it.index.as_str()).collect::<Vec<_>>(), ["logs-000001"]);
    set_day(&clock, 400);
    assert!(engine.run_retention().unwrap().is_empty());
    assert_eq!(count(&engine, "logs"), 1);
}

#[test]
fn what_can_not_be_rolled_over_keeps_nothing_else_from_it() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, by_age(7));
    engine.put_policy("p", Policy { rollover: Some(Rollover { docs: Some(1), docs_min: 1, ..Rollover::default() }), ..Policy::default() }).unwrap();
    let settings = json!({ "index.lifecycle.name": "p", "index.lifecycle.rollover_alias": "w" });
    engine.create_index_with("unnumbered", None, settings, &[("w".to_owned(), Alias::default())].into_iter().collect()).unwrap();
    write(&engine, "w", 0, 1);
    write(&engine, STREAM, 0, 1);
    set_day(&clock, 8);
    engine.run_retention().unwrap();
    assert_eq!((count(&engine, "w"), count(&engine, STREAM)), (1, 0));
}

#[test]
fn what_can_not_be_read_goes_when_all_of_it_must_be_too_old() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open(dir.path(), &clock, by_age(7));
    write(&engine, STREAM, 0, 3);
    set_day(&clock, 1);
    engine.run_retention().unwrap();
    drop(engine);
    let file = store_file(&dir.path().join("splits")).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let engine = open(dir.path(), &clock, by_age(7));
    assert_eq!(engine.indices()[0].damaged, 1);
    clock.set(Timestamp(START_MS + 8 * DAY_MS - 1));
    assert!(engine.run_retention().unwrap().is_empty());
    set_day(&clock, 8);
    assert!(engine.run_retention().unwrap()[0].is_whole_index);
    assert_eq!(engine.indices().len(), 1);
}

fn store_file(path: &Path) -> Option<std::path::PathBuf> {
    std::fs::read_dir(path)
        .unwrap()
        .map(|it| it.unwrap().path())
        .find_map(|it| if it.is_dir() { store_file(&it) } else { Some(it).filter(|it| it.extension().is_some_and(|it| it == "store")) })
}

#[test]
fn beside_writers_and_merges_nothing_goes_that_should_stay() {
    let dir = tempfile::tempdir().unwrap();
    let now = SystemClock.now().0;
    let options = EngineOptions { retention: by_age(7), ..EngineOptions::new(dir.path()) };
    let engine = Engine::open(options.clone()).unwrap();
    let writers = 3;
    let rounds = 12;
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let engine = &engine;
            scope.spawn(move || {
                for round in 0..rounds {
                    // What is too old comes in splits of its own, between those that stay.
                    for (stream, time) in [(STREAM, now), ("panos-url", now - 30 * DAY_MS)] {
                        let source = format!(r#"{{"@timestamp":{time},"message":"{writer} {round}"}}"#);
                        let action = WriteAction::Create(source.into_bytes());
                        let op = WriteOp { index: stream.to_owned(), id: None, action, condition: Condition::None };
                        let (results, written) = engine.write(vec![op]).unwrap();
                        assert!(matches!(results[0], WriteResult::Created(_)), "{results:?}");
                        written.wait().unwrap();
                    }
                    engine.commit().unwrap();
                }
            });
        }
        for _ in 0..rounds {
            engine.run_retention().unwrap();
            for index in engine.indices() {
                engine.force_merge(&index.uuid, 1).unwrap();
            }
        }
    });
    engine.commit().unwrap();
    engine.run_retention().unwrap();
    assert_eq!((count(&engine, STREAM), count(&engine, "panos-url")), (writers * rounds, 0));
    drop(engine);
    let engine = Engine::open(options).unwrap();
    assert_eq!((count(&engine, STREAM), count(&engine, "panos-url")), (writers * rounds, 0));
    assert!(engine.recovery().damage.is_empty());
}
