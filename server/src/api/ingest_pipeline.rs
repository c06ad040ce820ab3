//! `_ingest/pipeline`: there are none, since site rules do their work before events are stored. What would make one is refused, because
//! events would then pass it unchanged.

use serde_json::json;

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;

/// Answers `GET _ingest/pipeline`.
///
/// # Errors
/// 404 with an empty object for a name, as where it does not exist.
pub async fn get(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "cluster_manager_timeout", "summary"]);
    call.params.finish(&call.path)?;
    let is_named = call.part("id").split(',').any(|it| !it.is_empty() && !it.contains('*'));
    Ok(Reply::Status(if is_named { 404 } else { 200 }, json!({})))
}

/// Answers `PUT _ingest/pipeline/{id}`.
///
/// # Errors
/// 400, naming what does its work here.
pub async fn put(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "cluster_manager_timeout", "timeout", "if_version"]);
    call.params.finish(&call.path)?;
    Err(unsupported())
}

/// Answers `DELETE _ingest/pipeline/{id}`.
///
/// # Errors
/// 404 for a name.
pub async fn delete(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "cluster_manager_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    match call.part("id") {
        "*" => Ok(Reply::Json(json!({ "acknowledged": true }))),
        id => Err(ApiError::new(404, "resource_not_found_exception", format!("pipeline [{id}] is missing"))),
    }
}

/// Answers `POST _ingest/pipeline/_simulate`.
///
/// # Errors
/// 400, naming what does its work here.
pub async fn simulate(mut call: Call) -> Outcome {
    call.params.ignore(&["verbose"]);
    call.params.finish(&call.path)?;
    Err(unsupported())
}

fn unsupported() -> ApiError {
    ApiError::illegal_argument("ingest pipelines are not supported; site rules change events before they are stored (docs/site-rules.md)")
}
