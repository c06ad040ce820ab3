//! `_nodes` and what `_cat` says of nodes and shards: there is one of the first, and one of the second for each index.

use axum::http::header::HOST;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;

/// The name and id of the one node.
pub const NODE: &str = "sekisho";

/// Roles that it has, of those that Elasticsearch knows.
pub const ROLES: [&str; 4] = ["data", "data_content", "data_hot", "master"];

/// Parts of what is told of a node, that may be asked for alone.
const INFO: [&str; 14] = [
    "_all",
    "aggregations",
    "http",
    "indices",
    "ingest",
    "jvm",
    "modules",
    "os",
    "plugins",
    "process",
    "settings",
    "thread_pool",
    "transport",
    "search_pipelines",
];

/// Figures of a node that may be asked for; those of the process are at `/metrics`.
const STATS: [&str; 15] = [
    "_all",
    "adaptive_selection",
    "breaker",
    "discovery",
    "fs",
    "http",
    "indexing_pressure",
    "indices",
    "ingest",
    "jvm",
    "os",
    "process",
    "script",
    "thread_pool",
    "transport",
];

/// Whether the one node is among those that are named.
fn is_here(names: &str) -> bool {
    names.split(',').any(|it| matches!(it, "" | "_all" | "_local" | "_master" | "_cluster_manager" | "*" | NODE))
}

/// Answers `_nodes`: who we are and where. Clients that look for more nodes find the address that they asked.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn info(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "flat_settings"]);
    call.params.finish(&call.path)?;
    // One part names nodes or figures, whichever it is.
    let named = call.part("id").to_owned();
    let is_of_figures = call.part("metric").is_empty() && named.split(',').all(|it| INFO.contains(&it));
    let metrics = if is_of_figures { named.clone() } else { call.part("metric").to_owned() };
    if let Some(other) = metrics.split(',').find(|it| !it.is_empty() && !INFO.contains(it)) {
        return Err(ApiError::illegal_argument(format!("request [{}] contains unrecognized metric: [{other}]", call.path)));
    }
    if !is_of_figures && !is_here(&named) {
        return Ok(Reply::Json(none()));
    }
    let address = call.headers.get(HOST).and_then(|it| it.to_str().ok()).unwrap_or("localhost:9200").to_owned();
    let mut node = json!({
        "name": NODE, "transport_address": address, "host": NODE, "ip": "127.0.0.1", "version": call.app.version(), "build_flavor": "default",
        "build_type": "sekisho", "build_hash": env!("CARGO_PKG_VERSION"), "roles": ROLES, "attributes": {}, "settings": {},
        "http": { "bound_address": [address], "publish_address": address, "max_content_length_in_bytes": super::router::BODY_BYTES_MAX },
        "process": { "refresh_interval_in_millis": 1000, "id": std::process::id(), "mlockall": false }, "plugins": [], "modules": [],
    });
    if !metrics.is_empty() && metrics != "_all" {
        let is_shown = |key: &String| metrics.split(',').any(|it| it == key) || !INFO.contains(&key.as_str());
        node.as_object_mut().expect("it was made as one").retain(|key, _| is_shown(key));
    }
    Ok(Reply::Json(one(node)))
}

/// Answers `_nodes/stats`: documents, bytes and the disk. Figures of the process are at `/metrics`.
///
/// # Errors
/// 503 while the log is read.
pub async fn stats(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "level", "fields", "groups", "types", "completion_fields", "fielddata_fields", "include_segment_file_sizes"]);
    call.params.finish(&call.path)?;
    if !is_here(call.part("id")) {
        return Ok(Reply::Json(none()));
    }
    let metrics = call.part("metric").to_owned();
    if let Some(other) = metrics.split(',').find(|it| !it.is_empty() && !STATS.contains(it)) {
        return Err(ApiError::illegal_argument(format!("request [{}] contains unrecognized metric: [{other}]", call.path)));
    }
    let has = move |figures: &str| metrics.is_empty() || metrics.split(',').any(|it| it == "_all" || it == figures);
    call.app
        .blocking(move |engine| {
            let indices = engine.indices();
            let sum = |of: fn(&sekisho_engine::IndexInfo) -> u64| indices.iter().map(of).sum::<u64>();
            let figures = json!({
                "docs": { "count": sum(|it| it.docs), "deleted": sum(|it| it.docs_deleted) }, "shard_stats": { "total_count": indices.len() },
                "store": { "size_in_bytes": sum(|it| it.bytes) }, "segments": { "count": sum(|it| it.splits as u64) },
                "translog": { "size_in_bytes": engine.log_bytes() },
            });
            let mut node = json!({ "timestamp": engine.now().0, "name": NODE, "host": NODE, "ip": "127.0.0.1", "roles": ROLES });
            if has("indices") {
                node["indices"] = figures;
            }
            if has("fs") {
                node["fs"] = engine.disk().space.map_or_else(
                    || json!({}),
                    |it| {
                        let bytes =
                            json!({ "total_in_bytes": it.used + it.available, "free_in_bytes": it.available, "available_in_bytes": it.available });
                        json!({ "timestamp": engine.now().0, "total": bytes })
                    },
                );
            }
            Ok(Reply::Json(one(node)))
        })
        .await
}

fn none() -> Value {
    json!({ "_nodes": { "total": 0, "successful": 0, "failed": 0 }, "cluster_name": "sekisho", "nodes": {} })
}

fn one(node: Value) -> Value {
    json!({ "_nodes": { "total": 1, "successful": 1, "failed": 0 }, "cluster_name": "sekisho", "nodes": { NODE: node } })
}
