//! The engine in another program: open a folder, add documents, ask, print.
//!
//! `cargo run --release -p sekisho-engine --example embedded [FOLDER]`

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
// An example talks to a person on a terminal.
#![allow(clippy::print_stdout)]

use sekisho_engine::aggs::Aggs;
use sekisho_engine::query::Query;
use sekisho_engine::{Condition, Engine, EngineOptions, ResolveOptions, SearchRequest, SortKey, WriteAction, WriteOp};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("sekisho-embedded"), Into::into);
    let engine = Engine::open(EngineOptions::new(&folder))?;

    // Documents are JSON. An index is created by its first document and learns its fields from what it is given.
    let visits = [
        json!({ "@timestamp": "2026-11-23T06:54:21Z", "who": "Hanako", "from": "Kyoto", "horses": 2 }),
        json!({ "@timestamp": "2026-11-23T07:10:00Z", "who": "Taro", "from": "Edo", "horses": 0 }),
        json!({ "@timestamp": "2026-11-23T09:30:00Z", "who": "Jiro", "from": "Edo", "horses": 1 }),
    ];
    let ops = visits
        .iter()
        .enumerate()
        .map(|(at, it)| WriteOp {
            index: "checkpoint".to_owned(),
            id: Some(at.to_string()),
            action: WriteAction::Index(it.to_string().into_bytes()),
            condition: Condition::None,
        })
        .collect();
    let (results, written) = engine.write(ops)?;
    // Nothing is acknowledged before this returns; after it, not even a power cut takes it away.
    written.wait()?;
    println!("{} documents are on disk in {}", results.len(), folder.display());

    // A question in Elasticsearch's query language, or built from Rust.
    let request = SearchRequest {
        query: Query::term("from.keyword", "Edo"),
        aggs: Some(Aggs::from_json(&json!({ "horses": { "sum": { "field": "horses" } } }))?),
        sort: vec![SortKey::field("@timestamp", true)],
        ..SearchRequest::default()
    };
    let targets = engine.resolve("checkpoint", ResolveOptions::default())?;
    let answer = engine.search(&targets, &request)?;
    for hit in &answer.hits {
        println!("{} {}", hit.id, serde_json::Value::Object(hit.source.clone().unwrap_or_default()));
    }
    println!("horses from Edo: {}", answer.aggs.unwrap_or_default()["horses"]["value"]);

    engine.commit()?;
    Ok(())
}
