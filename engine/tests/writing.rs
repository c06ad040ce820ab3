//! Writes through the public door: ids and versions, refusals, restarts with and without a commit.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use sekisho_engine::{Condition, Engine, EngineOptions, WriteAction, WriteOp, WriteResult};

fn open(dir: &tempfile::TempDir) -> Engine {
    Engine::open(EngineOptions { background: false, ..EngineOptions::new(dir.path()) }).unwrap()
}

fn op(index: &str, id: Option<&str>, action: WriteAction) -> WriteOp {
    WriteOp { index: index.to_owned(), id: id.map(str::to_owned), action, condition: Condition::None }
}

fn put(id: &str, body: &str) -> WriteOp {
    op("notes", Some(id), WriteAction::Index(body.as_bytes().to_vec()))
}

/// What became of each operation, in a word with its version.
fn write(engine: &Engine, ops: Vec<WriteOp>) -> Vec<String> {
    let (results, written) = engine.write(ops).unwrap();
    written.wait().unwrap();
    let word = |result: &WriteResult| match result {
        WriteResult::Created(it) => format!("created {}", it.version),
        WriteResult::Updated(it) => format!("updated {}", it.version),
        WriteResult::Deleted(it) => format!("deleted {}", it.version),
        WriteResult::NotFound(_) => "not found".to_owned(),
        WriteResult::Noop(it) => format!("noop {}", it.version),
        WriteResult::Missing { .. } => "missing".to_owned(),
        WriteResult::Conflict { reason, .. } => format!("conflict: {reason}"),
        WriteResult::Refused { error, .. } => format!("refused: {error}"),
        WriteResult::Illegal { reason, .. } => format!("illegal: {reason}"),
        WriteResult::Failed { error, .. } => format!("failed: {error}"),
    };
    results.iter().map(word).collect()
}

fn docs(engine: &Engine, name: &str) -> u64 {
    engine.refresh(None).unwrap();
    engine.indices().iter().find(|it| it.name == name).map_or(0, |it| it.docs)
}

#[test]
fn ids_are_replaced_counted_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    assert_eq!(write(&engine, vec![put("a", "{}"), put("a", "{}"), put("b", "{}")]), ["created 1", "updated 2", "created 1"]);
    engine.refresh(None).unwrap();
    let again = vec![
        put("a", "{}"),
        op("notes", Some("b"), WriteAction::Create(b"{}".to_vec())),
        op("notes", Some("b"), WriteAction::Delete),
        op("notes", Some("c"), WriteAction::Delete),
    ];
    assert_eq!(
        write(&engine, again),
        ["updated 3", "conflict: [b]: version conflict, document already exists (current version [1])", "deleted 2", "not found"]
    );
    assert_eq!(docs(&engine, "notes"), 1);
}

#[test]
fn a_bad_document_keeps_no_other_from_being_written() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    assert_eq!(
        write(&engine, vec![put("a", r#"{"n": 1}"#), put("b", r#"{"n": "x"}"#), put("c", "[]"), put("d", r#"{"n": 2}"#)])[1..3],
        ["refused: failed to parse field [n] of type [long]: For input string: \"x\"", "refused: failed to parse: document is not an object"]
    );
    assert_eq!(docs(&engine, "notes"), 2);
}

#[test]
fn data_streams_take_new_documents_with_a_timestamp_only() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    let create = |body: &str| op("panos-threat", None, WriteAction::Create(body.as_bytes().to_vec()));
    let results = write(
        &engine,
        vec![create(r#"{"@timestamp":"2026-11-23T00:00:00Z"}"#), create("{}"), op("panos-threat", Some("x"), WriteAction::Index(b"{}".to_vec()))],
    );
    assert_eq!(results[0], "created 1");
    assert_eq!(results[1], "refused: data stream timestamp field [@timestamp] is missing");
    assert!(results[2].starts_with("illegal: only write ops"), "{results:?}");
}

#[test]
fn everything_is_there_after_a_restart_with_and_without_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..6_u64 {
        let engine = open(&dir);
        assert_eq!(docs(&engine, "notes"), if round == 0 { 0 } else { 2 + round }, "round {round}");
        let expected = if round == 0 { "created 1".to_owned() } else { format!("updated {}", round + 1) };
        let ops = vec![
            put("same", &format!(r#"{{"round":{round}}}"#)),
            put(&format!("own{round}"), "{}"),
            put("gone", "{}"),
            op("notes", Some("gone"), WriteAction::Delete),
            put("kept", "{}"),
        ];
        assert_eq!(write(&engine, ops)[0], expected);
        match round % 3 {
            0 => {}
            1 => engine.refresh(None).unwrap(),
            _ => engine.commit().unwrap(),
        }
        let replayed = engine.recovery().replayed;
        assert_eq!(replayed > 0, round % 3 != 0 && round > 0 || round == 4, "round {round} replayed {replayed}");
    }
}

#[test]
fn merges_keep_every_document_and_drop_the_deleted() {
    let dir = tempfile::tempdir().unwrap();
    {
        let engine = open(&dir);
        for batch in 0..20 {
            write(&engine, (0..10).map(|it| put(&format!("{}", (batch * 7 + it) % 100), r#"{"t":"2026-01-01"}"#)).collect());
            engine.commit().unwrap();
            engine.maintain().unwrap();
        }
        let info = engine.indices().remove(0);
        assert_eq!(info.docs, 100);
        assert!(info.splits < 14, "{} splits", info.splits);
    }
    let engine = open(&dir);
    assert_eq!(docs(&engine, "notes"), 100);
    assert!(engine.recovery().damage.is_empty());
}

#[test]
fn a_second_engine_on_one_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(&dir);
    let second = Engine::open(EngineOptions::new(dir.path()));
    assert!(second.err().unwrap().to_string().contains("in use"));
}

/// The document with that id as the engine gives it at once, in a line.
fn got(engine: &Engine, id: &str) -> String {
    let targets = engine.resolve("notes", sekisho_engine::ResolveOptions::default()).unwrap();
    engine.get(&targets, id).unwrap().map_or("none".to_owned(), |it| format!("{} {}", it.version, serde_json::Value::Object(it.source)))
}

fn update(id: &str, doc: &str) -> WriteOp {
    let doc = serde_json::from_str(doc).unwrap();
    op(
        "notes",
        Some(id),
        WriteAction::Update(Box::new(sekisho_engine::Update { doc: Some(doc), upsert: None, doc_as_upsert: false, detect_noop: true })),
    )
}

#[test]
fn updates_build_on_the_tail_on_splits_and_on_a_replayed_log() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4_u64 {
        let engine = open(&dir);
        if round == 0 {
            assert_eq!(write(&engine, vec![put("a", r#"{"kept":1}"#)]), ["created 1"]);
        }
        let change = format!(r#"{{"round{round}":{round}}}"#);
        assert_eq!(
            write(&engine, vec![update("a", &change), update("a", &change), update("b", "{}")]),
            [format!("updated {}", round + 2), format!("noop {}", round + 2), "missing".to_owned()]
        );
        match round {
            0 => {}
            1 => engine.refresh(None).unwrap(),
            _ => engine.commit().unwrap(),
        }
    }
    assert_eq!(got(&open(&dir), "a"), r#"5 {"kept":1,"round0":0,"round1":1,"round2":2,"round3":3}"#);
}

#[test]
fn documents_without_an_id_of_their_own_are_found_changed_and_deleted_by_the_derived_one() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    let (results, _) = engine.write((0..4).map(|n| op("notes", None, WriteAction::Index(format!(r#"{{"n":{n}}}"#).into_bytes()))).collect()).unwrap();
    let ids: Vec<String> = results
        .iter()
        .map(|it| match it {
            WriteResult::Created(it) => it.id.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    let delete = |id: &str| op("notes", Some(id), WriteAction::Delete);
    // In the tail.
    assert_eq!(got(&engine, &ids[0]), r#"1 {"n":0}"#);
    assert_eq!(write(&engine, vec![delete(&ids[0]), delete(&ids[0])]), ["deleted 2", "not found"]);
    assert_eq!(got(&engine, &ids[0]), "none");
    // In a split.
    engine.refresh(None).unwrap();
    assert_eq!(got(&engine, &ids[1]), r#"1 {"n":1}"#);
    assert_eq!(
        write(&engine, vec![delete(&ids[1]), delete(&ids[1]), delete(&ids[0]), update(&ids[2], r#"{"m":1}"#)]),
        ["deleted 2", "not found", "not found", "updated 2"]
    );
    assert_eq!(got(&engine, &ids[2]), r#"2 {"n":2,"m":1}"#);
    assert_eq!(docs(&engine, "notes"), 2);
    // And as the log tells it, from before and after a commit.
    drop(engine);
    let engine = open(&dir);
    assert_eq!(docs(&engine, "notes"), 2);
    engine.commit().unwrap();
    assert_eq!(write(&engine, vec![delete(&ids[3]), delete(&ids[1])]), ["deleted 2", "not found"]);
    drop(engine);
    let engine = open(&dir);
    assert_eq!(docs(&engine, "notes"), 1);
    assert_eq!([&ids[0], &ids[1], &ids[2], &ids[3]].map(|it| got(&engine, it)), ["none", "none", r#"2 {"n":2,"m":1}"#, "none"]);
}

#[test]
fn of_writers_that_count_together_none_loses_a_count() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(EngineOptions::new(dir.path())).unwrap();
    write(&engine, vec![put("counter", r#"{"n":0}"#)]);
    let count = |writer: &Engine| {
        let targets = writer.resolve("notes", sekisho_engine::ResolveOptions::default()).unwrap();
        for _ in 0..25 {
            loop {
                let found = writer.get(&targets, "counter").unwrap().unwrap();
                let next = format!(r#"{{"n":{}}}"#, found.source["n"].as_u64().unwrap() + 1);
                let op = WriteOp { condition: Condition::LastWrite { seq: found.seq, term: 1 }, ..put("counter", &next) };
                match write(writer, vec![op])[0].as_str() {
                    it if it.starts_with("updated") => break,
                    it => assert!(it.starts_with("conflict"), "{it}"),
                }
            }
            writer.refresh(None).unwrap();
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| count(&engine)))));
    assert_eq!(got(&engine, "counter"), r#"101 {"n":100}"#);
}
