//! Views and cursors: exactly the documents of one moment, each once, in order, whatever happens meanwhile.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::BTreeMap;
use std::sync::Arc;

use sekisho_engine::query::Query;
use sekisho_engine::{Condition, Cursor, Engine, EngineOptions, ResolveOptions, SearchRequest, SortKey, TrackTotalHits, View, WriteAction, WriteOp};
use serde_json::{Value, json};

fn open(dir: &tempfile::TempDir) -> Engine {
    Engine::open(EngineOptions { background: false, ..EngineOptions::new(dir.path()) }).unwrap()
}

fn write(engine: &Engine, index: &str, documents: impl Iterator<Item = Value>) {
    let op = |it: Value| WriteOp {
        index: index.to_owned(),
        id: it["id"].as_str().map(str::to_owned),
        action: WriteAction::Index(it.to_string().into_bytes()),
        condition: Condition::None,
    };
    engine.write(documents.map(op).collect()).unwrap().1.wait().unwrap();
}

fn freeze(engine: &Engine, indices: &str) -> Arc<View> {
    Arc::new(engine.freeze(&engine.resolve(indices, ResolveOptions::default()).unwrap()).unwrap())
}

fn all(mut cursor: Cursor, page: usize) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let hits = cursor.next(page).unwrap();
        if hits.is_empty() {
            return found;
        }
        assert!(hits.len() <= page);
        found.extend(hits.iter().map(|it| it.source.as_ref().unwrap()["n"].as_u64().unwrap()));
    }
}

#[test]
fn a_cursor_gives_every_document_of_its_moment_once_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    // Many ties, over two indices and splits on disk and in memory; more than a cursor finds at once.
    for round in 0..5 {
        for index in ["a", "b"] {
            write(&engine, index, (0..2_500).map(|n| json!({ "n": round * 2_500 + n, "tie": n % 3, "id": format!("{round}-{n}") })));
        }
        if round % 2 == 0 { engine.commit().unwrap() } else { engine.refresh(None).unwrap() }
    }
    let view = freeze(&engine, "a,b");
    // None of this is seen by the view.
    write(&engine, "a", (0..100).map(|n| json!({ "n": 1_000_000 + n, "tie": 0 })));
    let (_, written) = engine
        .write(
            (0..2_500)
                .map(|n| WriteOp { index: "b".to_owned(), id: Some(format!("0-{n}")), action: WriteAction::Delete, condition: Condition::None })
                .collect(),
        )
        .unwrap();
    written.wait().unwrap();
    engine.commit().unwrap();
    let uuid = engine.indices().into_iter().find(|it| it.name == "a").unwrap().uuid;
    engine.force_merge(&uuid, 1).unwrap();
    for (sort, page) in [
        (vec![], 10_000),
        (vec![SortKey::doc()], 777),
        (vec![SortKey::field("tie", true)], 10_000),
        (vec![SortKey::field("tie", false), SortKey::field("n", true)], 1_000),
    ] {
        let request = SearchRequest { sort: sort.clone(), ..SearchRequest::default() };
        let found = all(Cursor::new(view.clone(), request), page);
        let mut numbers = found.clone();
        numbers.sort_unstable();
        let expected: Vec<u64> = (0..12_500).flat_map(|n| [n, n]).collect();
        assert_eq!(numbers, expected, "{sort:?}");
        if sort.first() == Some(&SortKey::field("tie", true)) {
            assert!(found.windows(2).all(|it| it[0] % 2_500 % 3 >= it[1] % 2_500 % 3));
        }
    }
    let request = SearchRequest { query: Query::from_json(&json!({ "term": { "tie": 1 } })).unwrap(), ..SearchRequest::default() };
    let found = all(Cursor::new(view.clone(), request.clone()), 500);
    let counted = view.search(&SearchRequest { track_total_hits: TrackTotalHits::All, ..request }).unwrap().total.unwrap().value;
    assert_eq!(found.len() as u64, counted);
    assert!(found.iter().all(|it| it % 2_500 % 3 == 1));
}

#[test]
fn a_view_outlives_its_index() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    write(&engine, "a", (0..100).map(|n| json!({ "n": n })));
    engine.commit().unwrap();
    let view = freeze(&engine, "a");
    engine.delete_index("a").unwrap();
    engine.commit().unwrap();
    assert_eq!(all(Cursor::new(view.clone(), SearchRequest::default()), 30).len(), 100);
    assert!(engine.resolve("a", ResolveOptions::default()).is_err());
}

#[test]
fn what_is_newer_than_a_place_is_found_once_whatever_became_of_the_splits() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    let request = SearchRequest { sort: vec![SortKey { descending: true, ..SortKey::doc() }], size: 1_000, ..SearchRequest::default() };
    let mut place = BTreeMap::new();
    let mut seen: Vec<u64> = Vec::new();
    for round in 0..6 {
        for index in ["a", "b"] {
            // An index that is not there at first.
            if index == "a" || round >= 2 {
                write(&engine, index, (0..50).map(|n| json!({ "n": round * 50 + n, "id": format!("{round}-{n}") })));
            }
        }
        match round % 3 {
            0 => engine.refresh(None).unwrap(),
            1 => engine.commit().unwrap(),
            _ => {
                engine.commit().unwrap();
                let uuid = engine.indices().into_iter().find(|it| it.name == "a").unwrap().uuid;
                engine.force_merge(&uuid, 1).unwrap();
            }
        }
        let view = freeze(&engine, "*");
        let newest = view.newest();
        for index in newest.keys() {
            let hits = view.search_newer(index, place.get(index).copied(), &request).unwrap();
            assert!(hits.is_sorted_by(|a, b| a.seq > b.seq), "the newest first");
            seen.extend(hits.iter().map(|it| it.source.as_ref().unwrap()["n"].as_u64().unwrap()));
            assert!(view.search_newer(index, newest.get(index).copied(), &request).unwrap().is_empty());
        }
        place = newest;
    }
    seen.sort_unstable();
    let expected: Vec<u64> = (0..300).flat_map(|n| if n < 100 { vec![n] } else { vec![n, n] }).collect();
    assert_eq!(seen, expected);
}
