//! `profile` of a search: the times that were measured, in the shape that Elasticsearch's are read in.

use sekisho_engine::query::Query;
use sekisho_engine::{IndexProfile, Spent, Stage};
use serde_json::{Map, Value, json};

/// What Elasticsearch breaks the time of a query down to, in its order. What is not a step of its own here stays zero.
const BREAKDOWN: [(&str, Option<Stage>); 9] = [
    ("set_min_competitive_score", None),
    ("match", None),
    ("next_doc", Some(Stage::NextDoc)),
    ("advance", None),
    ("score", None),
    ("compute_max_score", None),
    ("shallow_advance", None),
    ("create_weight", Some(Stage::CreateWeight)),
    ("build_scorer", Some(Stage::BuildScorer)),
];

/// The value of `profile`.
pub(super) fn render(indices: &[IndexProfile], query: &Query) -> Value {
    json!({ "shards": indices.iter().map(|it| index(it, query)).collect::<Vec<_>>() })
}

fn index(profile: &IndexProfile, query: &Query) -> Value {
    let spent = |stage: Stage| profile.stages.get(&stage).copied().unwrap_or_default();
    let mut breakdown = Map::new();
    let mut total = 0;
    for (name, stage) in BREAKDOWN {
        let Spent { nanos, count } = stage.map(spent).unwrap_or_default();
        total += nanos;
        breakdown.insert(name.to_owned(), nanos.into());
        breakdown.insert(format!("{name}_count"), count.into());
    }
    let (collect, fetch) = (spent(Stage::Collect), spent(Stage::Fetch));
    let query = json!({ "type": query.kind(), "description": profile.query, "time_in_nanos": total, "breakdown": breakdown });
    json!({
        "id": format!("[sekisho][{}][0]", profile.index),
        "node_id": "sekisho",
        "shard_id": 0,
        "index": profile.index,
        "cluster": "(local)",
        "searches": [{
            "query": [query],
            "rewrite_time": 0,
            "collector": [{ "name": "QueryPhaseCollector", "reason": "search_query_phase", "time_in_nanos": collect.nanos }],
        }],
        "aggregations": [],
        "fetch": {
            "type": "fetch",
            "description": "",
            "time_in_nanos": fetch.nanos,
            "breakdown": { "load_stored_fields": fetch.nanos, "load_stored_fields_count": fetch.count },
        },
    })
}
