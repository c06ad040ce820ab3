//! Views and scrolls: what was there at their moment is shown whatever happens since, each document once.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::BTreeSet;

use sekisho_engine::query::{BoolQuery, Query};
use sekisho_engine::{
    Cancel, Condition, Engine, EngineOptions, ResolveOptions, SearchRequest, SortKey, Targets, TrackTotalHits, WriteAction, WriteOp,
};
use serde_json::json;

fn open(dir: &tempfile::TempDir) -> Engine {
    Engine::open(EngineOptions { background: false, ..EngineOptions::new(dir.path()) }).unwrap()
}

fn write(engine: &Engine, numbers: std::ops::Range<u32>) {
    let op = |n: u32| {
        let day = 1 + n % 28;
        let document = json!({ "n": n, "rank": n % 7, "@timestamp": format!("2026-02-{day:02}T00:00:00Z"), "word": if n.is_multiple_of(3) { "red" } else { "blue" } });
        WriteOp {
            index: "notes".to_owned(),
            id: Some(format!("{n}")),
            action: WriteAction::Index(document.to_string().into_bytes()),
            condition: Condition::None,
        }
    };
    engine.write(numbers.map(op).collect()).unwrap().1.wait().unwrap();
}

fn delete(engine: &Engine, numbers: impl Iterator<Item = u32>) {
    let op = |n: u32| WriteOp { index: "notes".to_owned(), id: Some(format!("{n}")), action: WriteAction::Delete, condition: Condition::None };
    engine.write(numbers.map(op).collect()).unwrap().1.wait().unwrap();
}

fn targets(engine: &Engine) -> Targets {
    engine.resolve("notes", ResolveOptions::default()).unwrap()
}

fn filled(dir: &tempfile::TempDir) -> Engine {
    let engine = open(dir);
    write(&engine, 0..100);
    engine.commit().unwrap();
    write(&engine, 100..150);
    engine.refresh(None).unwrap();
    write(&engine, 150..200);
    engine
}

/// Everything changes: documents are deleted, replaced, added; splits are written and merged.
fn disturb(engine: &Engine) {
    delete(engine, (0..200).step_by(2));
    write(engine, 190..250);
    engine.commit().unwrap();
    engine.force_merge(&targets(engine).uuids()[0], 1).unwrap();
}

#[test]
fn a_view_stays_as_it_was_through_writes_merges_and_the_end_of_its_index() {
    let dir = tempfile::tempdir().unwrap();
    let engine = filled(&dir);
    let view = engine.view(&targets(&engine)).unwrap();
    let request =
        SearchRequest { size: 300, track_total_hits: TrackTotalHits::All, sort: vec![SortKey::field("n", false)], ..SearchRequest::default() };
    let before = engine.search_view(&view, &request).unwrap();
    assert_eq!(before.total.unwrap().value, 200);
    disturb(&engine);
    engine.delete_index("notes").unwrap();
    let after = engine.search_view(&view, &request).unwrap();
    assert_eq!(after.hits.len(), 200);
    for (number, (before, after)) in before.hits.iter().zip(&after.hits).enumerate() {
        assert_eq!((&before.id, before.seq, &before.source), (&after.id, after.seq, &after.source), "hit {number}");
    }
}

#[test]
fn a_scroll_shows_every_hit_once_in_every_order() {
    let dir = tempfile::tempdir().unwrap();
    let engine = filled(&dir);
    let red = Query::from_json(&json!({ "match": { "word": "red" } })).unwrap();
    for (sort, query) in [
        (json!(["_doc"]), Query::match_all()),
        (json!(["_doc"]), red.clone()),
        (json!([]), red.clone()),
        (json!([{ "rank": "desc" }]), Query::match_all()),
        (json!([{ "@timestamp": "desc" }]), Query::match_all()),
        (json!([{ "@timestamp": "desc" }, "_doc"]), red),
        (json!([{ "none": { "order": "asc", "unmapped_type": "long" } }]), Query::match_all()),
    ] {
        let request = SearchRequest { query, size: 17, sort: SortKey::parse(&sort).unwrap(), ..SearchRequest::default() };
        let all = engine.search(&targets(&engine), &SearchRequest { size: 1_000, ..request.clone() }).unwrap();
        let mut scroll = engine.scroll(engine.view(&targets(&engine)).unwrap(), request);
        let mut shown = Vec::new();
        loop {
            let page = scroll.next_page(Cancel::default()).unwrap();
            assert_eq!(page.total, all.total, "{sort}");
            assert!(page.hits.len() <= 17);
            if page.hits.is_empty() {
                break;
            }
            shown.extend(page.hits.into_iter().map(|it| it.id));
            assert!(shown.len() <= all.hits.len(), "{sort}: more than there is");
        }
        let expected: Vec<String> = all.hits.into_iter().map(|it| it.id).collect();
        if sort == json!(["_doc"]) {
            assert_eq!(BTreeSet::from_iter(&shown), BTreeSet::from_iter(&expected), "{sort}");
            assert_eq!(shown.len(), expected.len());
        } else {
            assert_eq!(shown, expected, "{sort}");
        }
        assert!(scroll.next_page(Cancel::default()).unwrap().hits.is_empty(), "{sort}: the end stays the end");
    }
}

#[test]
fn a_page_that_was_cancelled_is_shown_when_it_is_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let engine = filled(&dir);
    let request = SearchRequest { size: 150, sort: vec![SortKey::doc()], ..SearchRequest::default() };
    let mut scroll = engine.scroll(engine.view(&targets(&engine)).unwrap(), request);
    let first = scroll.next_page(Cancel::default()).unwrap();
    let cancelled = Cancel::default();
    cancelled.cancel();
    scroll.next_page(cancelled).unwrap_err();
    let second = scroll.next_page(Cancel::default()).unwrap();
    let shown: BTreeSet<&String> = first.hits.iter().chain(&second.hits).map(|it| &it.id).collect();
    assert_eq!((second.hits.len(), shown.len()), (50, 200));
}

#[test]
fn slices_are_parts_of_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let engine = filled(&dir);
    let mut shown = BTreeSet::new();
    for id in 0..3 {
        let query = BoolQuery::new().must(Query::match_all()).filter(Query::slice(id, 3).unwrap()).build();
        let request = SearchRequest { query, size: 1_000, ..SearchRequest::default() };
        let found = engine.search(&targets(&engine), &request).unwrap();
        assert_eq!(found.total.unwrap().value, found.hits.len() as u64);
        assert!(found.hits.len() > 50, "{}", found.hits.len());
        for hit in found.hits {
            assert!(shown.insert(hit.id), "a document in two slices");
        }
    }
    assert_eq!(shown.len(), 200);
    for (id, max) in [(-1, 2), (2, 2), (0, 1), (0, 1_025)] {
        Query::slice(id, max).unwrap_err();
    }
}
