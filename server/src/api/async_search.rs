//! `_async_search`: a search whose answer may be fetched later. Ours answer at once, so there is never one under way; what is asked to be kept
//! is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::scroll::keep_alive;
use super::search::{self, CancelOnDrop};
use crate::contexts::Held;

/// How long an answer is kept unless the request says otherwise.
const KEEP_ALIVE_DEFAULT: Duration = Duration::from_secs(86_400);

/// Answers `POST /{index}/_async_search`.
///
/// # Errors
/// As a search; 429 for too many kept answers.
pub async fn submit(mut call: Call) -> Outcome {
    let index = call.part("index").to_owned();
    let is_kept = call.params.flag("keep_on_completion")?.unwrap_or(false);
    let time = call.params.take("keep_alive").map(|it| keep_alive(&it, "keep_alive")).transpose()?.unwrap_or(KEEP_ALIVE_DEFAULT);
    if let Some(text) = call.params.take("wait_for_completion_timeout") {
        keep_alive(&text, "wait_for_completion_timeout")?;
    }
    call.params.ignore(&["ccs_minimize_roundtrips"]);
    let body = call.object()?;
    let search = search::parse(&index, body, &mut call.params, &call.path)?;
    let metrics = call.app.metrics().clone();
    let guard = CancelOnDrop::new(search.request.cancel.clone(), metrics.clone());
    let (began, began_ms) = (Instant::now(), jiff::Timestamp::now().as_millisecond());
    let contexts = call.app.clone();
    let response = call.app.search(move |engine| search::run(engine, &contexts.contexts(), &search)).await;
    guard.finish();
    metrics.search_duration.observe(began.elapsed().as_secs_f64());
    let mut answer = json!({
        "is_partial": false,
        "is_running": false,
        "start_time_in_millis": began_ms,
        "expiration_time_in_millis": began_ms + time.as_millis() as i64,
        "completion_time_in_millis": began_ms + began.elapsed().as_millis() as i64,
        "response": response?,
    });
    if is_kept {
        let id = call.app.contexts().keep(Held::Answer(Arc::new(answer.clone())), time)?;
        answer["id"] = id.into();
    }
    Ok(Reply::Json(answer))
}

/// Answers `GET /_async_search/{id}`.
///
/// # Errors
/// 404 for an id that is unknown or whose time is over.
pub async fn get(mut call: Call) -> Outcome {
    let time = call.params.take("keep_alive").map(|it| keep_alive(&it, "keep_alive")).transpose()?;
    call.params.ignore(&["wait_for_completion_timeout", "typed_keys", "rest_total_hits_as_int"]);
    call.params.finish(&call.path)?;
    kept(&call, time).map(Reply::Json)
}

/// Answers `GET /_async_search/status/{id}`.
///
/// # Errors
/// As [`get`].
pub async fn status(mut call: Call) -> Outcome {
    let time = call.params.take("keep_alive").map(|it| keep_alive(&it, "keep_alive")).transpose()?;
    call.params.finish(&call.path)?;
    let mut answer = kept(&call, time)?;
    if let Value::Object(object) = &mut answer {
        let response = object.remove("response").unwrap_or_default();
        object.insert("_shards".to_owned(), response["_shards"].clone());
        object.insert("completion_status".to_owned(), 200.into());
    }
    Ok(Reply::Json(answer))
}

/// Answers `DELETE /_async_search/{id}`.
///
/// # Errors
/// 404 for an id that is unknown or whose time is over.
pub async fn delete(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let id = call.part("id");
    if call.app.contexts().free(id, |it| matches!(it, Held::Answer(_))) { Ok(Reply::Json(json!({ "acknowledged": true }))) } else { Err(missing(id)) }
}

fn kept(call: &Call, time: Option<Duration>) -> Result<Value, ApiError> {
    let id = call.part("id");
    let Some(Held::Answer(answer)) = call.app.contexts().get(id, time) else { return Err(missing(id)) };
    let mut answer = Value::clone(&answer);
    let left = call.app.contexts().expires_in(id).unwrap_or_default();
    answer["id"] = id.into();
    answer["expiration_time_in_millis"] = (jiff::Timestamp::now().as_millisecond() + left.as_millis() as i64).into();
    Ok(answer)
}

fn missing(id: &str) -> ApiError {
    ApiError::new(404, "resource_not_found_exception", id.to_owned())
}
