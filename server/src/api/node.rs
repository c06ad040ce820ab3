//! `_nodes` and what `_cat` says of nodes and shards: there is one of the first, and one of the second for each index.

use axum::http::header::HOST;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};

/// The name and id of the one node.
pub const NODE: &str = "sekisho";

/// Roles that it has, of those that Elasticsearch knows.
pub const ROLES: [&str; 4] = ["data", "data_content", "data_hot", "master"];

/// Answers `_nodes`: who we are and where. Clients that look for more nodes find the address that they asked.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn info(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "flat_settings"]);
    call.params.finish(&call.path)?;
    let address = call.headers.get(HOST).and_then(|it| it.to_str().ok()).unwrap_or("localhost:9200").to_owned();
    let node = json!({
        "name": NODE, "transport_address": address, "host": NODE, "ip": "127.0.0.1", "version": call.app.version(), "build_flavor": "default",
        "build_type": "sekisho", "build_hash": env!("CARGO_PKG_VERSION"), "roles": ROLES, "attributes": {}, "settings": {},
        "http": { "bound_address": [address], "publish_address": address, "max_content_length_in_bytes": super::router::BODY_BYTES_MAX },
        "process": { "refresh_interval_in_millis": 1000, "id": std::process::id(), "mlockall": false }, "plugins": [], "modules": [],
    });
    Ok(Reply::Json(one(node)))
}

/// Answers `_nodes/stats`: documents and bytes. Figures of the process are at `/metrics`.
///
/// # Errors
/// 503 while the log is read.
pub async fn stats(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "level", "fields", "groups", "types", "completion_fields", "fielddata_fields", "include_segment_file_sizes"]);
    call.params.finish(&call.path)?;
    call.app
        .blocking(move |engine| {
            let indices = engine.indices();
            let sum = |of: fn(&sekisho_engine::IndexInfo) -> u64| indices.iter().map(of).sum::<u64>();
            let figures = json!({
                "docs": { "count": sum(|it| it.docs), "deleted": sum(|it| it.docs_deleted) }, "shard_stats": { "total_count": indices.len() },
                "store": { "size_in_bytes": sum(|it| it.bytes) }, "segments": { "count": sum(|it| it.splits as u64) },
                "translog": { "size_in_bytes": engine.log_bytes() },
            });
            Ok(Reply::Json(one(
                json!({ "timestamp": engine.now().0, "name": NODE, "host": NODE, "ip": "127.0.0.1", "roles": ROLES, "indices": figures }),
            )))
        })
        .await
}

fn one(node: Value) -> Value {
    json!({ "_nodes": { "total": 1, "successful": 1, "failed": 0 }, "cluster_name": "sekisho", "nodes": { NODE: node } })
}
