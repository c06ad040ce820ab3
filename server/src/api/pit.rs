//! `_pit`: indices as they were at one moment, for searches that follow; also under OpenSearch's name, `_search/point_in_time`.

use std::time::Instant;

use sekisho_engine::View;
use sekisho_engine::query::Query;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::{scroll, search};
use crate::app::{App, resolve_options, targets};
use crate::contexts::{CONTEXTS_MAX, OpenContext};

/// Opens a point in time.
///
/// # Errors
/// 400 without `keep_alive`, 404 for an index that does not exist, 429 where too many are open.
pub async fn open(call: Call) -> Outcome {
    let app = call.app.clone();
    let (view, keep_alive) = take(call).await?;
    let shards = shards(&view);
    let id = app.points_in_time().open_swept(view, keep_alive).ok_or_else(too_many)?;
    Ok(Reply::Json(json!({ "id": id, "_shards": shards })))
}

/// Opens a point in time, in OpenSearch's shape.
///
/// # Errors
/// As [`open`].
pub async fn open_opensearch(call: Call) -> Outcome {
    let app = call.app.clone();
    let (view, keep_alive) = take(call).await?;
    let shards = shards(&view);
    let id = app.points_in_time().open_swept(view, keep_alive).ok_or_else(too_many)?;
    let opened = list(&app).into_iter().find(|it| it.id == id).map_or(0, |it| it.opened_ms);
    Ok(Reply::Json(json!({ "pit_id": id, "_shards": shards, "creation_time": opened })))
}

async fn take(mut call: Call) -> Result<(View, std::time::Duration), ApiError> {
    let index = call.part("index").to_owned();
    let Some(keep_alive) = call.params.take("keep_alive") else {
        ApiError::validation(&["[keep_alive] is not specified"])?;
        return Err(ApiError::illegal_argument("[keep_alive] is not specified"));
    };
    let keep_alive = search::keep_alive(&keep_alive)?;
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&["preference", "routing", "allow_partial_search_results", "allow_partial_pit_creation", "max_concurrent_shard_requests"]);
    call.params.finish(&call.path)?;
    for (key, value) in call.object()? {
        match key.as_str() {
            // Says which shards can be left out, not which documents: we look at splits by time in any case.
            "index_filter" => drop(Query::from_json(&value)?),
            _ => return Err(ApiError::new(400, "x_content_parse_exception", format!("[open_point_in_time_request] unknown field [{key}]"))),
        }
    }
    let view = call.app.blocking(move |engine| Ok(engine.view(&targets(engine, &index, options)?)?)).await?;
    Ok((view, keep_alive))
}

fn shards(view: &View) -> Value {
    let failed = view.damaged_indices();
    json!({ "total": view.indices(), "successful": view.indices() - failed, "skipped": 0, "failed": failed })
}

fn too_many() -> ApiError {
    ApiError::new(
        429,
        "es_rejected_execution_exception",
        format!("[{CONTEXTS_MAX}] points in time are open already; close some, or ask for shorter ones"),
    )
}

fn list(app: &App) -> Vec<OpenContext> {
    app.points_in_time().list(Instant::now())
}

/// Closes a point in time.
///
/// # Errors
/// 400 for a body without an id.
pub async fn close(call: Call) -> Outcome {
    let ids = scroll::ids_of(call.object()?, "id")?;
    call.params.finish(&call.path)?;
    if ids.is_empty() {
        return Err(ApiError::illegal_argument("Required [id]"));
    }
    let freed = ids.iter().filter(|it| call.app.points_in_time().close(it, Instant::now()).is_some()).count();
    Ok(Reply::Status(if freed > 0 { 200 } else { 404 }, json!({ "succeeded": true, "num_freed": freed })))
}

/// Closes points in time, in OpenSearch's shape.
///
/// # Errors
/// 400 for a body without ids.
pub async fn close_opensearch(call: Call) -> Outcome {
    let ids = scroll::ids_of(call.object()?, "pit_id")?;
    call.params.finish(&call.path)?;
    if ids.is_empty() {
        ApiError::validation(&["no pit ids specified"])?;
    }
    let closed = |id: String| {
        let successful = call.app.points_in_time().close(&id, Instant::now()).is_some();
        json!({ "successful": successful, "pit_id": id })
    };
    Ok(Reply::Json(json!({ "pits": ids.into_iter().map(closed).collect::<Vec<_>>() })))
}

/// Closes all points in time, in OpenSearch's shape.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn close_all_opensearch(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let closed: Vec<Value> = call.app.points_in_time().close_all().into_iter().map(|id| json!({ "successful": true, "pit_id": id })).collect();
    Ok(Reply::Json(json!({ "pits": closed })))
}

/// All points in time, in OpenSearch's shape.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn list_opensearch(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let show = |it: OpenContext| json!({ "pit_id": it.id, "creation_time": it.opened_ms, "keep_alive": it.keep_alive.as_millis() as u64 });
    Ok(Reply::Json(json!({ "pits": list(&call.app).into_iter().map(show).collect::<Vec<_>>() })))
}
