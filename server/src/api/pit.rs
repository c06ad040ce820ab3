//! `_pit`: an index as it is now, for searches to come; and OpenSearch's names for the same.

use std::sync::Arc;

use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::scroll::keep_alive;
use crate::app::{resolve_options, targets};
use crate::contexts::Held;

/// Answers `POST /{index}/_pit`.
///
/// # Errors
/// 400 without `keep_alive`; 404 for an index that does not exist; 429 for too many.
pub async fn open(call: Call) -> Outcome {
    opened(call, |id, shards| json!({ "id": id, "_shards": shards })).await
}

/// Answers OpenSearch's `POST /{index}/_search/point_in_time`.
///
/// # Errors
/// As [`open`].
pub async fn open_point_in_time(call: Call) -> Outcome {
    let created_ms = jiff::Timestamp::now().as_millisecond();
    opened(call, move |id, shards| json!({ "pit_id": id, "_shards": shards, "creation_time": created_ms })).await
}

async fn opened(mut call: Call, answer: impl FnOnce(String, Value) -> Value) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    let time = call.params.take("keep_alive");
    call.params.ignore(&["preference", "routing", "allow_partial_search_results", "allow_partial_pit_creation", "max_concurrent_shard_requests"]);
    call.params.finish(&call.path)?;
    if let Some(key) = call.object()?.keys().next() {
        return Err(ApiError::illegal_argument(format!("[{key}] is not supported here")));
    }
    let Some(time) = time else {
        return Err(ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: [keep_alive] is not specified;"));
    };
    let time = keep_alive(&time, "keep_alive")?;
    let index = call.part("index").to_owned();
    let view = call.app.search(move |engine| Ok(engine.freeze(&targets(engine, &index, options)?)?)).await?;
    let shards = json!({ "total": view.indices(), "successful": view.indices(), "skipped": 0, "failed": 0 });
    let id = call.app.contexts().keep(Held::Pit(Arc::new(view)), time)?;
    Ok(Reply::Json(answer(id, shards)))
}

fn is_pit(held: &Held) -> bool {
    matches!(held, Held::Pit(_))
}

/// Answers `DELETE /_pit`.
///
/// # Errors
/// 400 without an id.
pub async fn close(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let body = call.object()?;
    let Some(id) = body.get("id").and_then(Value::as_str).filter(|_| body.len() == 1) else {
        return Err(ApiError::illegal_argument("the body must be an object with [id] alone"));
    };
    let freed = call.app.contexts().free(id, is_pit);
    Ok(Reply::Status(if freed { 200 } else { 404 }, json!({ "succeeded": freed, "num_freed": u8::from(freed) })))
}

/// Answers OpenSearch's `DELETE /_search/point_in_time`.
///
/// # Errors
/// 400 without ids.
pub async fn close_points_in_time(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let contexts = call.app.contexts();
    let one = |id: &str, successful: bool| json!({ "successful": successful, "pit_id": id });
    if call.path.ends_with("/_all") {
        let pits: Vec<Value> = contexts.free_all(is_pit).iter().map(|it| one(it, true)).collect();
        return Ok(Reply::Json(json!({ "pits": pits })));
    }
    let body = call.object()?;
    let ids: Option<Vec<&str>> = match body.get("pit_id") {
        Some(Value::Array(ids)) => ids.iter().map(Value::as_str).collect(),
        Some(Value::String(id)) => Some(vec![id]),
        _ => None,
    };
    let ids = ids.ok_or_else(|| ApiError::illegal_argument("[pit_id] must be a list of strings"))?;
    let pits: Vec<Value> = ids.iter().map(|it| one(it, contexts.free(it, is_pit))).collect();
    Ok(Reply::Json(json!({ "pits": pits })))
}
