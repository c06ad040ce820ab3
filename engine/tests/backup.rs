//! Backups: a copy made while others write, merge and delete is one that a start finds whole.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sekisho_engine::fs::{Fs, RealFs};
use sekisho_engine::{Condition, Engine, EngineError, EngineOptions, ResolveOptions, SearchRequest, TrackTotalHits, WriteAction, WriteOp};

fn open(dir: &Path) -> Engine {
    Engine::open(EngineOptions { background: false, ..EngineOptions::new(dir) }).unwrap()
}

fn write(engine: &Engine, ids: impl Iterator<Item = u32>) {
    let op = |n: u32| WriteOp {
        index: "notes".to_owned(),
        id: Some(n.to_string()),
        action: WriteAction::Index(format!(r#"{{"n":{n}}}"#).into_bytes()),
        condition: Condition::None,
    };
    engine.write(ids.map(op).collect()).unwrap().1.wait().unwrap();
}

fn delete(engine: &Engine, id: u32) {
    let op = WriteOp { index: "notes".to_owned(), id: Some(id.to_string()), action: WriteAction::Delete, condition: Condition::None };
    engine.write(vec![op]).unwrap().1.wait().unwrap();
}

/// The numbers of all documents, sorted.
fn numbers(engine: &Engine) -> Vec<u64> {
    engine.refresh(None).unwrap();
    let targets = engine.resolve("notes", ResolveOptions::default()).unwrap();
    let request = SearchRequest { size: 10_000, track_total_hits: TrackTotalHits::All, ..SearchRequest::default() };
    let found = engine.search(&targets, &request).unwrap();
    let mut numbers: Vec<u64> = found.hits.iter().map(|it| it.source.as_ref().unwrap()["n"].as_u64().unwrap()).collect();
    assert_eq!(found.total.unwrap().value as usize, numbers.len());
    numbers.sort_unstable();
    numbers
}

fn fs() -> Arc<dyn Fs> {
    Arc::new(RealFs)
}

#[test]
fn a_backup_is_a_data_directory_with_everything_acknowledged_before_it() {
    let place = tempfile::tempdir().unwrap();
    let (data, copy, restored) = (place.path().join("data"), place.path().join("copy"), place.path().join("restored"));
    let engine = open(&data);
    write(&engine, 0..50);
    engine.commit().unwrap();
    // In a split on disk and deleted since; in a split in memory; in the log alone.
    delete(&engine, 7);
    write(&engine, 50..60);
    engine.refresh(None).unwrap();
    write(&engine, 60..70);
    let backup = engine.backup(&copy).unwrap();
    assert_eq!((backup.indices, backup.damage.len()), (1, 0));
    write(&engine, 70..80);
    assert!(matches!(engine.backup(&copy), Err(EngineError::IllegalArgument(_))), "a backup overwrites nothing");
    drop(engine);

    let expected: Vec<u64> = (0..70).filter(|it| *it != 7).collect();
    assert_eq!(Engine::restore(&fs(), &copy, &restored).unwrap(), backup);
    let verified = Engine::verify(&fs(), &restored).unwrap();
    assert_eq!((verified.splits, verified.bytes, verified.damage.len()), (backup.splits, backup.bytes, 0));
    for directory in [&restored, &copy] {
        let engine = open(directory);
        assert_eq!(engine.recovery().damage, Vec::<String>::new());
        assert_eq!(numbers(&engine), expected);
        // And it goes on: sequence numbers do not begin anew.
        write(&engine, 100..101);
        drop(engine);
        let engine = open(directory);
        assert_eq!((numbers(&engine).len(), engine.recovery().damage.len()), (expected.len() + 1, 0));
    }
}

#[test]
fn backups_made_while_splits_are_merged_away_are_whole() {
    let place = tempfile::tempdir().unwrap();
    let engine = open(&place.path().join("data"));
    let acknowledged = std::sync::atomic::AtomicU32::new(0);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..400 {
                write(&engine, round * 10..round * 10 + 10);
                acknowledged.store(round * 10 + 10, Ordering::SeqCst);
                engine.commit().unwrap();
                if round % 3 == 2 {
                    let targets = engine.resolve("notes", ResolveOptions::default()).unwrap();
                    for uuid in targets.uuids() {
                        engine.force_merge(uuid, 1).unwrap();
                    }
                }
                if is_done.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        for round in 0..5 {
            while acknowledged.load(Ordering::SeqCst) < 50 * (round + 1) {
                std::thread::yield_now();
            }
            let before = acknowledged.load(Ordering::SeqCst);
            let copy = place.path().join(format!("copy{round}"));
            let backup = engine.backup(&copy).unwrap();
            assert_eq!(backup.damage, Vec::<String>::new());
            assert_eq!(Engine::verify(&fs(), &copy).unwrap().damage, Vec::<String>::new());
            let found = numbers(&open(&copy));
            assert!(found.len() >= before as usize, "{} of {before}", found.len());
            assert!(found.iter().zip(0..).all(|(found, expected)| *found == expected), "no document is missing in between");
        }
        is_done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn damage_is_told_and_kept_out() {
    let place = tempfile::tempdir().unwrap();
    let (data, copy) = (place.path().join("data"), place.path().join("copy"));
    let engine = open(&data);
    write(&engine, 0..10);
    engine.commit().unwrap();
    write(&engine, 10..20);
    engine.commit().unwrap();
    let mut splits: Vec<_> = std::fs::read_dir(data.join("splits")).unwrap().map(|it| it.unwrap().path()).collect();
    splits = std::fs::read_dir(&splits[0]).unwrap().map(|it| it.unwrap().path()).collect();
    splits.sort();
    assert_eq!(splits.len(), 2);
    let hurt = std::fs::read_dir(&splits[0]).unwrap().map(|it| it.unwrap().path()).find(|it| it.extension().is_some_and(|it| it == "store")).unwrap();
    let mut bytes = std::fs::read(&hurt).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&hurt, bytes).unwrap();

    let backup = engine.backup(&copy).unwrap();
    assert_eq!((backup.damage.len(), backup.splits), (1, 1), "{backup:?}");
    drop(engine);
    assert_eq!(Engine::verify(&fs(), &data).unwrap().damage.len(), 1);
    assert_eq!(Engine::verify(&fs(), &copy).unwrap().damage.len(), 0);
    assert_eq!(numbers(&open(&copy)), (10..20).collect::<Vec<u64>>());
}

#[test]
fn what_is_no_whole_backup_is_not_restored() {
    let place = tempfile::tempdir().unwrap();
    let (data, copy, target) = (place.path().join("data"), place.path().join("copy"), place.path().join("target"));
    let engine = open(&data);
    write(&engine, 0..10);
    engine.backup(&copy).unwrap();
    assert!(matches!(Engine::restore(&fs(), &data, &target), Err(EngineError::IllegalArgument(_))), "a data directory is no backup");
    assert!(matches!(Engine::restore(&fs(), &copy, &data), Err(EngineError::IllegalArgument(_))), "nothing is overwritten");
    assert!(matches!(Engine::verify(&fs(), place.path()), Err(EngineError::DataDir(_))));
    std::fs::remove_dir_all(copy.join("splits")).unwrap();
    assert!(matches!(Engine::restore(&fs(), &copy, &target), Err(EngineError::Damaged(_))));
}
