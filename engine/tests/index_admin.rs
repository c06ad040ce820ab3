//! Settings and closed indices over restarts.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use sekisho_engine::{Condition, Engine, EngineError, EngineOptions, ResolveOptions, WriteAction, WriteOp, WriteResult};
use serde_json::{Value, json};

fn open(dir: &tempfile::TempDir) -> Engine {
    Engine::open(EngineOptions { background: false, ..EngineOptions::new(dir.path()) }).unwrap()
}

fn write(engine: &Engine, body: &str) -> WriteResult {
    let op = WriteOp { index: "a".to_owned(), id: None, action: WriteAction::Index(body.as_bytes().to_vec()), condition: Condition::None };
    let (mut results, written) = engine.write(vec![op]).unwrap();
    written.wait().unwrap();
    results.remove(0)
}

#[test]
fn a_closed_index_stays_closed_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    engine.create_index("a", None, Value::Null).unwrap();
    assert!(matches!(write(&engine, r#"{"n":1}"#), WriteResult::Created(_)));
    let uuids = engine.resolve("a", ResolveOptions::default()).unwrap().uuids().to_vec();
    engine.close_indices(&uuids).unwrap();
    drop(engine);
    let engine = open(&dir);
    assert!(matches!(engine.resolve("a", ResolveOptions::default()), Err(EngineError::IndexClosed(_))));
    assert!(engine.resolve("*", ResolveOptions::default()).unwrap().is_empty());
    assert!(matches!(write(&engine, "{}"), WriteResult::Failed { .. }));
    engine.open_indices(&uuids).unwrap();
    assert!(matches!(write(&engine, r#"{"n":2,"new":"field"}"#), WriteResult::Created(_)));
    drop(engine);
    let info = open(&dir).indices().remove(0);
    assert_eq!((info.docs, info.is_closed), (2, false));
}

#[test]
fn settings_outlive_a_restart_and_the_fields_that_a_mapping_learns_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    engine.create_index("a", None, json!({ "index.codec": "default" })).unwrap();
    let uuids = engine.resolve("a", ResolveOptions::default()).unwrap().uuids().to_vec();
    write(&engine, r#"{"learnt":1}"#);
    let change = |name: &str, value: Value| engine.put_settings(&uuids, json!({ name: value }).as_object().unwrap(), false).unwrap();
    change("index.priority", "5".into());
    engine.commit().unwrap();
    change("index.codec", Value::Null);
    drop(engine);
    let info = open(&dir).indices().remove(0);
    assert_eq!(info.settings, json!({ "index.priority": "5" }));
    assert!(info.mapping.field("learnt").is_some());
}
