//! Scans: exactly the matches of one moment, and what becomes of operations on documents that changed since.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use sekisho_engine::query::Query;
use sekisho_engine::{
    Condition, Engine, EngineOptions, PRIMARY_TERM, ResolveOptions, SearchRequest, TrackTotalHits, WriteAction, WriteOp, WriteResult,
};
use serde_json::json;

fn open(dir: &tempfile::TempDir) -> Engine {
    Engine::open(EngineOptions { background: false, ..EngineOptions::new(dir.path()) }).unwrap()
}

fn op(id: Option<String>, action: WriteAction, condition: Condition) -> WriteOp {
    WriteOp { index: "notes".to_owned(), id, action, condition }
}

fn numbered(n: u32) -> WriteAction {
    WriteAction::Index(format!(r#"{{"n":{n}}}"#).into_bytes())
}

fn count(engine: &Engine) -> u64 {
    let targets = engine.resolve("notes", ResolveOptions::default()).unwrap();
    engine.search(&targets, &SearchRequest { track_total_hits: TrackTotalHits::All, ..SearchRequest::default() }).unwrap().total.unwrap().value
}

#[test]
fn deleting_what_a_scan_found_leaves_exactly_the_rest_over_splits_refreshes_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    // Ids given and made, in splits on disk, in memory and in the tail.
    for round in 0..6 {
        let id = |n: u32| n.is_multiple_of(3).then(|| format!("id{round}-{n}"));
        engine.write((0..50).map(|n| op(id(n), numbered(n), Condition::None)).collect()).unwrap().1.wait().unwrap();
        match round {
            0 | 1 => engine.commit().unwrap(),
            2..=4 => engine.refresh(None).unwrap(),
            _ => {}
        }
    }
    assert_eq!(count(&engine), 300);
    let targets = engine.resolve("notes", ResolveOptions::default()).unwrap();
    let request = SearchRequest { query: Query::from_json(&json!({ "range": { "n": { "lt": 20 } } })).unwrap(), ..SearchRequest::default() };
    let scan = engine.scan(&targets, &request, None).unwrap();
    assert_eq!(scan.len(), 120);
    assert_eq!(engine.scan(&targets, &request, Some(7)).unwrap().len(), 7);
    let found = scan.read(0..scan.len(), true).unwrap();
    assert!(found.iter().all(|it| it.source["n"].as_u64().unwrap() < 20));
    assert!(found.windows(2).all(|it| it[0].seq < it[1].seq), "in the order of writing");
    for (at, batch) in found.chunks(17).enumerate() {
        let delete = |it: &sekisho_engine::StoredDocument| {
            op(Some(it.id.clone()), WriteAction::Delete, Condition::LastWrite { seq: it.seq, term: PRIMARY_TERM })
        };
        let (results, written) = engine.write(batch.iter().map(delete).collect()).unwrap();
        written.wait().unwrap();
        assert!(results.iter().all(|it| matches!(it, WriteResult::Deleted(_))), "{results:?}");
        // Splits change under the work.
        if at.is_multiple_of(2) {
            engine.refresh(None).unwrap();
        }
        if at == 3 {
            engine.force_merge(&targets.uuids()[0], 1).unwrap();
        }
    }
    assert_eq!(count(&engine), 180);
    assert!(engine.scan(&targets, &request, None).unwrap().is_empty());
    drop((scan, engine));
    assert_eq!(count(&open(&dir)), 180);
}

#[test]
fn documents_that_changed_since_are_conflicts_and_stay() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    let ids = ["a", "b", "c"];
    engine.write(ids.iter().map(|it| op(Some((*it).to_owned()), numbered(1), Condition::None)).collect()).unwrap().1.wait().unwrap();
    let targets = engine.resolve("notes", ResolveOptions::default()).unwrap();
    let scan = engine.scan(&targets, &SearchRequest::default(), None).unwrap();
    engine
        .write(vec![op(Some("b".to_owned()), numbered(2), Condition::None), op(Some("c".to_owned()), WriteAction::Delete, Condition::None)])
        .unwrap()
        .1
        .wait()
        .unwrap();
    let found = scan.read(0..3, false).unwrap();
    let deletes =
        found.iter().map(|it| op(Some(it.id.clone()), WriteAction::Delete, Condition::LastWrite { seq: it.seq, term: PRIMARY_TERM })).collect();
    let (results, _) = engine.write(deletes).unwrap();
    assert!(matches!(results[0], WriteResult::Deleted(_)), "{results:?}");
    assert!(results[1..].iter().all(|it| matches!(it, WriteResult::Conflict { .. })), "{results:?}");
    assert_eq!(engine.get(&targets, "b").unwrap().unwrap().source["n"], 2);
}
