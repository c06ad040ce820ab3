//! `_search?scroll=…` and `_search/scroll`: all hits of a search, page by page, as they were at the first page.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sekisho_engine::limits::RESULT_WINDOW_MAX;
use sekisho_engine::{Cursor, SearchRequest, SearchResponse, Total, TrackTotalHits};
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::search::{self, SearchCall};
use crate::app::targets;
use crate::contexts::{Held, KEEP_ALIVE_MAX, OwnContexts, Scroll};
use crate::security::Scope;

/// Answers the first page.
///
/// # Errors
/// As a search; 400 for what a scroll can't have; 429 for too many scrolls.
pub fn begin(engine: &Scope, contexts: &OwnContexts<'_>, mut call: SearchCall, keep_alive: Duration) -> Result<Value, ApiError> {
    let began = Instant::now();
    let invalid = |reason: &str| ApiError::new(400, "action_request_validation_exception", format!("Validation Failed: 1: {reason};"));
    if call.request.from > 0 {
        return Err(invalid("using [from] is not allowed in a scroll context"));
    }
    if call.request.size == 0 {
        return Err(invalid("[size] cannot be [0] in a scroll context"));
    }
    if call.request.track_total_hits == TrackTotalHits::None {
        return Err(invalid("disabling [track_total_hits] is not allowed in a scroll context"));
    }
    if !call.request.rescore.is_empty() {
        return Err(invalid("using [rescore] is not allowed in a scroll context"));
    }
    if call.request.search_after.is_some() {
        return Err(invalid("`search_after` cannot be used in a scroll context."));
    }
    if call.request.size > RESULT_WINDOW_MAX {
        return Err(ApiError::illegal_argument(format!(
            "Batch size is too large, size must be less than or equal to: [{RESULT_WINDOW_MAX}] but was [{}]. Scroll batch sizes cost as much memory as result windows so they are controlled by the [index.max_result_window] index level setting.",
            call.request.size
        )));
    }
    if let Some(request) = search::boosted(engine, &call)? {
        call.request = request;
    }
    let view = Arc::new(engine.freeze(&targets(engine, &call.index, call.options)?)?);
    let summary = SearchRequest { size: 0, track_total_hits: TrackTotalHits::All, ..call.request.clone() };
    let mut response = view.search(&summary)?;
    let mut cursor = Cursor::new(view.clone(), call.request.clone());
    response.hits = cursor.next(call.request.size)?;
    let total = response.total.map_or(0, |it| it.value);
    // What is shown under `sort` is what was asked for, not what keeps ties apart.
    call.sort_values = call.request.sort.len();
    if call.request.sort.is_empty() {
        response.max_score = response.hits.first().and_then(|it| it.score);
    }
    let answer = search::render(&call, response, began.elapsed());
    let scroll = Scroll { call, cursor, total, shards: view.indices() };
    let id = contexts.keep(Held::Scroll(Arc::new(Mutex::new(scroll))), keep_alive)?;
    Ok(with_id(answer, id))
}

/// Answers `_search/scroll`: the next page.
///
/// # Errors
/// 404 for an id that is unknown or whose time is over.
pub async fn next(mut call: Call) -> Outcome {
    let mut body = call.object()?;
    // What the body says goes before what the URL says.
    let mut text = |key: &str, params: &mut super::call::Params| match (body.remove(key), params.take(key)) {
        (Some(Value::String(text)), _) | (None | Some(Value::Null), Some(text)) => Ok(Some(text)),
        (None | Some(Value::Null), None) => Ok(None),
        (Some(_), _) => Err(ApiError::illegal_argument(format!("[{key}] must be a string"))),
    };
    let id = text("scroll_id", &mut call.params)?.or_else(|| call.parts.get("scroll_id").cloned());
    let keep_alive = text("scroll", &mut call.params)?.map(|it| keep_alive(&it, "scroll")).transpose()?;
    let total_as_int = call.params.flag("rest_total_hits_as_int")?.unwrap_or(false);
    call.params.finish(&call.path)?;
    if let Some(key) = body.keys().next() {
        return Err(ApiError::illegal_argument(format!(
            "Unknown parameter [{key}] in request body or parameter is of the wrong type[VALUE_STRING] "
        )));
    }
    let Some(id) = id else {
        return Err(ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: scrollId is missing;"));
    };
    let Some(Held::Scroll(scroll)) = call.app.contexts().get(&id, keep_alive) else {
        return Err(ApiError::context_missing(&id));
    };
    let answer = call.app.search(move |_| {
        let began = Instant::now();
        let mut scroll = scroll.lock().map_err(|_| ApiError::new(500, "exception", "a page of this scroll failed inside; begin it anew"))?;
        let size = scroll.call.request.size;
        let hits = scroll.cursor.next(size)?;
        let response = SearchResponse {
            total: Some(Total { value: scroll.total, is_lower_bound: false }),
            max_score: hits.iter().filter_map(|it| it.score).max_by(f32::total_cmp),
            hits,
            aggs: None,
            shards: scroll.shards,
            failures: Vec::new(),
            timed_out: false,
            terminated_early: false,
            profile: None,
            is_cached: false,
        };
        // The form of the total is each request's own.
        scroll.call.total_as_int = total_as_int;
        Ok(with_id(search::render(&scroll.call, response, began.elapsed()), id))
    });
    answer.await.map(Reply::Json)
}

/// Answers `DELETE _search/scroll`.
///
/// # Errors
/// 400 without an id.
pub async fn clear(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let mut body = call.object()?;
    let listed = |value: Value| match value {
        Value::String(id) => Ok(vec![id]),
        Value::Array(ids) => ids.into_iter().map(|it| it.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>().ok_or(()),
        _ => Err(()),
    };
    let ids = match (call.parts.get("scroll_id"), body.remove("scroll_id")) {
        (_, Some(value)) => listed(value).map_err(|()| ApiError::illegal_argument("scroll_id must be a string or a list of strings"))?,
        (Some(ids), None) => ids.split(',').map(str::to_owned).collect(),
        (None, None) => return Err(ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: no scroll ids specified;")),
    };
    let is_scroll = |it: &Held| matches!(it, Held::Scroll(_));
    let contexts = call.app.contexts();
    let freed = if ids == ["_all"] { contexts.free_all(is_scroll).len() } else { ids.iter().filter(|it| contexts.free(it, is_scroll)).count() };
    Ok(Reply::Status(if freed > 0 { 200 } else { 404 }, json!({ "succeeded": true, "num_freed": freed })))
}

/// The time that a context is to live between two requests.
///
/// # Errors
/// 400 for what is no time or too long.
pub fn keep_alive(text: &str, key: &str) -> Result<Duration, ApiError> {
    let time = search::duration(text).map_err(|_| {
        ApiError::illegal_argument(format!("failed to parse setting [{key}] with value [{text}] as a time value: unit is missing or unrecognized"))
    })?;
    if time > KEEP_ALIVE_MAX {
        return Err(ApiError::illegal_argument(format!(
            "Keep alive for request ({text}) is too large. It must be less than (1d). This limit can be set by changing the [search.max_keep_alive] cluster level setting."
        )));
    }
    Ok(time)
}

fn with_id(mut answer: Value, id: String) -> Value {
    if let Value::Object(answer) = &mut answer {
        answer.insert("_scroll_id".to_owned(), id.into());
    }
    answer
}
