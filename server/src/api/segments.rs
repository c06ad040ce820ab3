//! `_segments`, `_recovery` and `_shard_stores`: an index is one shard, and was opened where it is.

use sekisho_engine::{IndexInfo, ResolveOptions};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::index::infos;
use super::node::NODE;
use crate::app::{resolve_options, targets};

/// Answers `GET _segments`: how many there are; what each holds is not kept by segment.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn segments(mut call: Call) -> Outcome {
    call.params.ignore(&["verbose", "include_vector_formats"]);
    let options = resolve_options(&mut call.params)?;
    of_each(call, options, true, |it| {
        let routing = json!({ "state": "STARTED", "primary": true, "node": NODE });
        let shard = json!({ "routing": routing, "num_committed_segments": it.splits, "num_search_segments": it.splits, "segments": {} });
        json!({ "shards": { "0": [shard] } })
    })
    .await
}

/// Answers `GET _recovery`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn recovery(mut call: Call) -> Outcome {
    let is_of_running = call.params.flag("active_only")?.unwrap_or(false);
    call.params.ignore(&["detailed"]);
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    of_each(call, options, false, move |it| {
        if is_of_running {
            return json!({ "shards": [] });
        }
        let node = json!({ "id": NODE, "name": NODE, "host": "127.0.0.1", "ip": "127.0.0.1" });
        let index = json!({
            "size": { "total_in_bytes": it.bytes, "reused_in_bytes": it.bytes, "recovered_in_bytes": 0, "percent": "100.0%" },
            "files": { "total": 0, "reused": 0, "recovered": 0, "percent": "100.0%" }, "total_time_in_millis": 0,
            "source_throttle_time_in_millis": 0, "target_throttle_time_in_millis": 0,
        });
        json!({ "shards": [{
            "id": 0, "type": "EXISTING_STORE", "stage": "DONE", "primary": true, "start_time_in_millis": it.created.0, "total_time_in_millis": 0,
            "source": { "bootstrap_new_history_uuid": false }, "target": node, "index": index,
            "translog": { "recovered": 0, "total": 0, "percent": "100.0%", "total_on_start": 0, "total_time_in_millis": 0 },
            "verify_index": { "check_index_time_in_millis": 0, "total_time_in_millis": 0 },
        }] })
    })
    .await
}

/// Answers `GET _shard_stores`: indices whose one copy is damaged, or those of the state that is asked for.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn shard_stores(mut call: Call) -> Outcome {
    let status = call.params.take("status").unwrap_or_else(|| "yellow,red".to_owned());
    if let Some(other) = status.split(',').find(|it| !matches!(*it, "green" | "yellow" | "red" | "all")) {
        return Err(ApiError::illegal_argument(format!("unknown cluster health status [{other}]")));
    }
    let options = resolve_options(&mut call.params)?;
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let is_shown = |it: &IndexInfo| status.split(',').any(|status| status == "all" || status == if it.damaged > 0 { "red" } else { "green" });
            let stores = json!({ "shards": { "0": { "stores": [{ NODE: { "name": NODE }, "allocation_id": NODE, "allocation": "primary" }] } } });
            let shown = infos(engine, &targets(engine, &expression, options)?).into_iter().filter(is_shown);
            let indices: Map<String, Value> = shown.map(|it| (it.name, stores.clone())).collect();
            Ok(Reply::Json(json!({ "indices": indices })))
        })
        .await
}

async fn of_each(call: Call, options: ResolveOptions, has_shell: bool, show: impl Fn(&IndexInfo) -> Value + Send + 'static) -> Outcome {
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let infos = infos(engine, &targets(engine, &expression, options)?);
            let indices: Map<String, Value> = infos.iter().map(|it| (it.name.clone(), show(it))).collect();
            if !has_shell {
                return Ok(Reply::Json(Value::Object(indices)));
            }
            let shards = json!({ "total": infos.len(), "successful": infos.len(), "failed": 0 });
            Ok(Reply::Json(json!({ "_shards": shards, "indices": indices })))
        })
        .await
}
