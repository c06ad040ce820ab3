//! `_search_shards`: where a search would run. Every index is one shard, and all are here.

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::node::NODE;
use crate::app::{resolve_options, targets};

/// Answers `{nodes, indices, shards}`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let index = call.part("index").to_owned();
    let options = resolve_options(&mut call.params)?;
    // Which copy is asked makes no difference where there is one.
    call.params.ignore(&["preference", "routing", "local", "master_timeout"]);
    call.params.finish(&call.path)?;
    if let Some(key) = call.object()?.keys().find(|it| *it != "slice") {
        return Err(super::error::ApiError::parsing(format!("request does not support [{key}]")));
    }
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &index, options)?;
            let mut indices = Map::new();
            let mut shards = Vec::new();
            for info in engine.indices().into_iter().filter(|it| targets.uuids().contains(&it.uuid)) {
                shards.push(json!([{
                    "state": "STARTED", "primary": true, "node": NODE, "relocating_node": null, "shard": 0, "index": info.name,
                    "allocation_id": { "id": info.uuid.to_string() },
                }]));
                let filter = targets.filter(&info.uuid).map(|it| json!({ "filter": it.to_json() }));
                indices.insert(info.name, filter.unwrap_or_else(|| json!({})));
            }
            let nodes = json!({ NODE: { "name": NODE, "ephemeral_id": NODE, "transport_address": "127.0.0.1:9300", "attributes": {}, "roles": ["data", "ingest", "master"] } });
            Ok(Reply::Json(json!({ "nodes": nodes, "indices": Value::Object(indices), "shards": shards })))
        })
        .await
}
