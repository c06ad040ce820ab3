//! `_search/scroll`: the further pages of a search with `scroll`, and its end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sekisho_engine::limits::RESULT_WINDOW_MAX;
use sekisho_engine::{Cancel, Scroll, SearchRequest, TrackTotalHits};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::search::{self, SearchCall};
use crate::app::{App, targets};
use crate::contexts::CONTEXTS_MAX;

/// A scroll between its pages.
pub struct OpenScroll {
    scroll: Mutex<Scroll>,
    /// How its hits are shown.
    call: SearchCall,
}

/// Answers the first page of a search with `scroll`.
///
/// # Errors
/// 400 for what scrolls can't do, 429 where too many are open; else as `_search`.
pub async fn begin(app: &App, call: SearchCall, keep_alive: Duration) -> Result<Value, ApiError> {
    check(&call)?;
    let guard = search::CancelOnDrop::new(call.request.cancel.clone(), app.metrics().clone());
    let began = Instant::now();
    let found = app
        .search(move |engine| {
            let targets = targets(engine, &call.index, call.options)?;
            let request = SearchRequest { cancel: Cancel::default(), ..call.request.clone() };
            let mut scroll = engine.scroll(engine.view(&targets)?, request);
            let page = scroll.next_page(call.request.cancel.clone())?;
            let answer = search::render(&call, page, began.elapsed());
            Ok((answer, OpenScroll { scroll: Mutex::new(scroll), call }))
        })
        .await;
    guard.finish();
    let (mut answer, scroll) = found?;
    answer["_scroll_id"] = app.scrolls().open_swept(scroll, keep_alive).ok_or_else(too_many)?.into();
    Ok(answer)
}

fn too_many() -> ApiError {
    ApiError::new(
        429,
        "too_many_scroll_contexts_exception",
        format!(
            "Trying to create too many scroll contexts. Must be less than or equal to: [{CONTEXTS_MAX}]. This limit can be set by changing the [search.max_open_scroll_context] setting."
        ),
    )
}

fn check(call: &SearchCall) -> Result<(), ApiError> {
    let request = &call.request;
    let mut wrong = Vec::new();
    if call.pit.is_some() {
        wrong.push("using [point in time] is not allowed in a scroll context");
    }
    if request.track_total_hits != SearchRequest::default().track_total_hits && request.track_total_hits != TrackTotalHits::All {
        wrong.push("disabling [track_total_hits] is not allowed in a scroll context");
    }
    if request.from > 0 {
        wrong.push("using [from] is not allowed in a scroll context");
    }
    if request.size == 0 {
        wrong.push("[size] cannot be [0] in a scroll context");
    }
    if request.search_after.is_some() {
        wrong.push("`search_after` cannot be used in a scroll context.");
    }
    ApiError::validation(&wrong)?;
    if request.size > RESULT_WINDOW_MAX {
        return Err(ApiError::illegal_argument(format!(
            "Batch size is too large, size must be less than or equal to: [{RESULT_WINDOW_MAX}] but was [{}]. Scroll batch sizes cost as much memory as result windows so they are controlled by the [index.max_result_window] index level setting.",
            request.size
        )));
    }
    Ok(())
}

/// Answers the next page.
///
/// # Errors
/// 404 for an id that was never given, is closed or has expired.
pub async fn next(mut call: Call) -> Outcome {
    let body = call.object()?;
    let (mut ids, mut keep_alive) = (Vec::new(), None);
    for (key, value) in &body {
        match (key.as_str(), value) {
            ("scroll_id", Value::String(it)) => ids = vec![it.clone()],
            ("scroll", Value::String(it)) => keep_alive = Some(search::keep_alive(it)?),
            ("scroll_id" | "scroll", _) => return Err(ApiError::illegal_argument(format!("[{key}] must be text, found [{value}]"))),
            _ => {
                return Err(ApiError::illegal_argument(format!(
                    "Unknown parameter [{key}] in request body or parameter is of the wrong type[VALUE]"
                )));
            }
        }
    }
    let in_url = call.params.take("scroll_id").or_else(|| call.parts.get("scroll_id").cloned());
    if let Some(id) = in_url {
        ids = vec![id];
    }
    if let Some(text) = call.params.take("scroll") {
        keep_alive = Some(search::keep_alive(&text)?);
    }
    let total_as_int = call.params.flag("rest_total_hits_as_int")?.unwrap_or(false);
    call.params.finish(&call.path)?;
    let Some(id) = ids.pop() else {
        return ApiError::validation(&["scrollId is missing"]).map(|()| Reply::Empty(200));
    };
    let open = call.app.scrolls().get(&id, keep_alive, Instant::now()).ok_or_else(|| ApiError::context_missing(&id))?;
    let cancel = Cancel::default();
    let guard = search::CancelOnDrop::new(cancel.clone(), call.app.metrics().clone());
    let began = Instant::now();
    let answer = call
        .app
        .search(move |_| {
            let page = open.scroll.lock().unwrap_or_else(PoisonError::into_inner).next_page(cancel)?;
            let call = SearchCall { total_as_int: open.call.total_as_int || total_as_int, ..open.call.clone() };
            Ok(search::render(&call, page, began.elapsed()))
        })
        .await;
    guard.finish();
    let mut answer = answer?;
    answer["_scroll_id"] = id.into();
    Ok(Reply::Json(answer))
}

/// Closes scrolls, by their ids in the body or in the path; `_all` closes every one.
///
/// # Errors
/// 400 for a body that is not understood.
pub async fn close(mut call: Call) -> Outcome {
    let mut ids: Vec<String> = call.part("scroll_id").split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    ids.extend(ids_of(call.object()?, "scroll_id")?);
    if let Some(id) = call.params.take("scroll_id") {
        ids.extend(id.split(',').map(str::to_owned));
    }
    call.params.finish(&call.path)?;
    if ids.is_empty() {
        return ApiError::validation(&["no scroll ids specified"]).map(|()| Reply::Empty(200));
    }
    let scrolls = call.app.scrolls();
    let freed = if ids.iter().any(|it| it == "_all") {
        scrolls.close_all().len()
    } else {
        ids.iter().filter(|it| scrolls.close(it, Instant::now()).is_some()).count()
    };
    // "All" is done where there was none.
    let is_done = freed > 0 || ids.iter().any(|it| it == "_all");
    Ok(Reply::Status(if is_done { 200 } else { 404 }, json!({ "succeeded": true, "num_freed": freed })))
}

/// One id or a list of them under a key of a body.
pub(super) fn ids_of(body: Map<String, Value>, key: &str) -> Result<Vec<String>, ApiError> {
    let mut ids = Vec::new();
    for (found, value) in body {
        match value {
            Value::String(id) if found == key => ids.push(id),
            Value::Array(items) if found == key && items.iter().all(Value::is_string) => {
                ids.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            other if found == key => return Err(ApiError::illegal_argument(format!("[{key}] must be an id or a list of ids, found [{other}]"))),
            _ => {
                return Err(ApiError::illegal_argument(format!(
                    "Unknown parameter [{found}] in request body or parameter is of the wrong type[VALUE]"
                )));
            }
        }
    }
    Ok(ids)
}
