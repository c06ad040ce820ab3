//! Aliases through the public door: what they are after a restart, and what becomes of them when their members go.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use sekisho_engine::{Alias, AliasAction, Engine, EngineError, EngineOptions, ResolveOptions, SearchRequest, TemplateParts};
use serde_json::{Value, json};

fn open(dir: &tempfile::TempDir) -> Engine {
    Engine::open(EngineOptions { background: false, ..EngineOptions::new(dir.path()) }).unwrap()
}

fn add(target: &str, alias: &str, filter: Option<Value>) -> AliasAction {
    AliasAction::Add { targets: vec![target.to_owned()], alias: alias.to_owned(), settings: Alias { filter, ..Alias::default() } }
}

/// Aliases and members, in a line.
fn listed(engine: &Engine) -> String {
    let of = |(alias, members): (String, std::collections::BTreeMap<String, Alias>)| {
        format!("{alias}={}", members.into_keys().collect::<Vec<_>>().join("+"))
    };
    engine.aliases().into_iter().map(of).collect::<Vec<_>>().join(" ")
}

#[test]
fn aliases_outlive_a_restart_and_go_with_their_last_member() {
    let dir = tempfile::tempdir().unwrap();
    {
        let engine = open(&dir);
        engine.create_index("a", None, Value::Null).unwrap();
        engine.create_index("b", None, Value::Null).unwrap();
        engine.create_data_stream("panos-threat", None).unwrap();
        let filter = json!({ "term": { "n": 1 } });
        engine
            .update_aliases(&[add("a", "both", Some(filter)), add("b", "both", None), add("b", "only", None), add("panos-threat", "stream", None)])
            .unwrap();
    }
    let engine = open(&dir);
    assert_eq!(listed(&engine), "both=a+b only=b stream=panos-threat");
    assert_eq!(engine.aliases()["both"]["a"].filter, Some(json!({ "term": { "n": 1 } })));
    engine.delete_index("b").unwrap();
    assert_eq!(listed(&engine), "both=a stream=panos-threat");
    engine.roll_over("panos-threat", None, &TemplateParts::default()).unwrap();
    let backing = engine.data_streams()["panos-threat"][0].clone();
    engine.delete_index(&backing).unwrap();
    assert_eq!(listed(&engine), "both=a stream=panos-threat", "a stream that has indices left keeps its aliases");
    engine.delete_data_stream("panos-threat").unwrap();
    // A new index of the name is another index.
    engine.create_index("b", None, Value::Null).unwrap();
    drop(engine);
    assert_eq!(listed(&open(&dir)), "both=a");
}

#[test]
fn a_refused_change_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    engine.create_index("a", None, Value::Null).unwrap();
    for refused in [add("missing", "x", None), add("a", "a", None), add("a", "X", None), add("a", "x", Some(json!({ "nonsense": 1 })))] {
        assert!(engine.update_aliases(&[add("a", "fine", None), refused.clone(), AliasAction::RemoveIndex("a".to_owned())]).is_err(), "{refused:?}");
        assert_eq!(listed(&engine), "");
    }
    assert!(matches!(engine.resolve("fine", ResolveOptions::default()), Err(EngineError::IndexNotFound(_))));
    // The name of an index that goes in the same step is free.
    engine.create_index("b", None, Value::Null).unwrap();
    engine.update_aliases(&[add("b", "a", None), AliasAction::RemoveIndex("a".to_owned())]).unwrap();
    let found = engine.resolve("a", ResolveOptions::default()).unwrap();
    assert_eq!(found.uuids(), engine.resolve("b", ResolveOptions::default()).unwrap().uuids());
    assert_eq!(engine.search(&found, &SearchRequest::default()).unwrap().shards, 1);
}
