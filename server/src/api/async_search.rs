//! `_async_search`: a search that is asked for first and fetched later.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sekisho_engine::Cancel;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::call::{Call, Outcome, Params, Reply};
use super::error::ApiError;
use super::search::{self, SearchCall};
use crate::app::App;
use crate::contexts::CONTEXTS_MAX;

/// How long a request waits for its search, unless it says so itself.
const WAIT: Duration = Duration::from_secs(1);

/// How long an answer is kept, unless the request says so itself.
const KEEP_ALIVE: Duration = Duration::from_secs(5 * 24 * 3_600);

/// Longest answer that is kept: as Elasticsearch's `search.max_async_search_response_size`. A larger one is an error when it is fetched.
const ANSWER_BYTES_MAX: usize = 10 << 20;

/// A search in the background. Dropped, it is given up.
pub struct AsyncSearch {
    cancel: Cancel,
    started_ms: u64,
    expires_ms: Mutex<u64>,
    /// Empty while the search runs.
    outcome: watch::Receiver<Option<Result<Value, ApiError>>>,
}

impl Drop for AsyncSearch {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Begins a search, and answers it if it ends in time.
///
/// # Errors
/// As `_search`, for what is found wrong before the search runs; 429 where too many are kept.
pub async fn submit(mut call: Call) -> Outcome {
    let index = call.part("index").to_owned();
    let wait = wait(&mut call.params)?.unwrap_or(WAIT);
    let keep_alive = keep_alive(&mut call.params)?.unwrap_or(KEEP_ALIVE);
    let keep = call.params.flag("keep_on_completion")?.unwrap_or(false);
    let body = call.object()?;
    let search = search::parse(&index, body, &mut call.params, &call.path)?;
    let started_ms = now_ms();
    let cancel = search.request.cancel.clone();
    let mut outcome = run(&call.app, search);
    let search = |outcome: &watch::Receiver<Option<Result<Value, ApiError>>>| AsyncSearch {
        cancel: cancel.clone(),
        started_ms,
        expires_ms: Mutex::new(started_ms + keep_alive.as_millis() as u64),
        outcome: outcome.clone(),
    };
    // The guard gives the search up when the client goes away while it waits for the first answer.
    let first = search(&outcome);
    let is_done = tokio::time::timeout(wait, outcome.wait_for(Option::is_some)).await.is_ok();
    if is_done && !keep {
        return first.show(None, started_ms).map(Reply::Json);
    }
    let kept =
        call.app.async_searches().open_swept(first, keep_alive).ok_or_else(|| {
            ApiError::new(429, "es_rejected_execution_exception", format!("[{CONTEXTS_MAX}] searches are kept already; delete some"))
        })?;
    let open = call.app.async_searches().peek(&kept, Instant::now()).ok_or_else(|| ApiError::not_found(&kept))?;
    open.show(Some(&kept), started_ms).map(Reply::Json)
}

fn run(app: &App, search: SearchCall) -> watch::Receiver<Option<Result<Value, ApiError>>> {
    let (done, outcome) = watch::channel(None);
    let app = app.clone();
    tokio::spawn(async move {
        let answer = search::answer(&app, search).await;
        let answer = answer.and_then(|answer| {
            let bytes = serde_json::to_vec(&answer).map_or(0, |it| it.len());
            if bytes <= ANSWER_BYTES_MAX {
                return Ok(answer);
            }
            Err(ApiError::illegal_argument(format!(
                "Can't store an async search response larger than [{ANSWER_BYTES_MAX}] bytes. This limit can be set by changing the [search.max_async_search_response_size] setting."
            )))
        });
        // Nobody may be waiting any more.
        drop(done.send(Some(answer)));
    });
    outcome
}

impl AsyncSearch {
    /// The answer, or as much as is known of it.
    fn show(&self, id: Option<&str>, now_ms: u64) -> Result<Value, ApiError> {
        let outcome = self.outcome.borrow().clone();
        let mut shown = json!({
            "is_partial": !matches!(outcome, Some(Ok(_))),
            "is_running": outcome.is_none(),
            "start_time_in_millis": self.started_ms,
            "expiration_time_in_millis": *self.expires_ms.lock().unwrap_or_else(PoisonError::into_inner),
        });
        if let Some(id) = id {
            shown["id"] = id.into();
        }
        match outcome {
            None => {
                shown["response"] = json!({
                    "took": now_ms.saturating_sub(self.started_ms), "timed_out": false,
                    "_shards": { "total": 0, "successful": 0, "skipped": 0, "failed": 0 },
                    "hits": { "total": { "value": 0, "relation": "gte" }, "max_score": null, "hits": [] },
                });
            }
            Some(Ok(answer)) => {
                shown["completion_time_in_millis"] = (self.started_ms + answer["took"].as_u64().unwrap_or_default()).into();
                shown["response"] = answer;
            }
            // Before it has an id, a search that fails is answered as any other.
            Some(Err(error)) if id.is_none() => return Err(error),
            Some(Err(error)) => shown["error"] = error.error(),
        }
        Ok(shown)
    }
}

/// The answer of a search that was begun earlier.
///
/// # Errors
/// 404 for an id that was never given, is deleted or has expired.
pub async fn get(mut call: Call) -> Outcome {
    let wait = wait(&mut call.params)?;
    let keep_alive = keep_alive(&mut call.params)?;
    call.params.ignore(&["typed_keys"]);
    call.params.finish(&call.path)?;
    let (id, open) = find(&call, keep_alive)?;
    if let Some(wait) = wait {
        let mut outcome = open.outcome.clone();
        // Whether it has ended is shown either way.
        drop(tokio::time::timeout(wait, outcome.wait_for(Option::is_some)).await);
    }
    open.show(Some(&id), now_ms()).map(Reply::Json)
}

/// How far a search is, without its answer.
///
/// # Errors
/// As [`get`].
pub async fn status(mut call: Call) -> Outcome {
    let keep_alive = keep_alive(&mut call.params)?;
    call.params.finish(&call.path)?;
    let (id, open) = find(&call, keep_alive)?;
    let mut shown = open.show(Some(&id), now_ms())?;
    if let Some(object) = shown.as_object_mut() {
        if let Some(Value::Object(mut response)) = object.remove("response")
            && let Some(shards) = response.remove("_shards")
        {
            object.insert("_shards".to_owned(), shards);
        }
        object.remove("error");
        if let Some(outcome) = &*open.outcome.borrow() {
            object.insert("completion_status".to_owned(), outcome.as_ref().map_or_else(|error| error.status, |_| 200).into());
        }
    }
    Ok(Reply::Json(shown))
}

/// Gives a search up, or forgets its answer.
///
/// # Errors
/// As [`get`].
pub async fn delete(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let (id, _) = find(&call, None)?;
    if let Some(search) = call.app.async_searches().close(&id, Instant::now()) {
        search.cancel.cancel();
    }
    Ok(Reply::Json(json!({ "acknowledged": true })))
}

fn find(call: &Call, keep_alive: Option<Duration>) -> Result<(String, std::sync::Arc<AsyncSearch>), ApiError> {
    let id = call.part("id").to_owned();
    let (searches, now) = (call.app.async_searches(), Instant::now());
    let open = match keep_alive {
        Some(_) => searches.get(&id, keep_alive, now),
        None => searches.peek(&id, now),
    };
    let open = open.ok_or_else(|| ApiError::not_found(&id))?;
    if let Some(keep_alive) = keep_alive {
        *open.expires_ms.lock().unwrap_or_else(PoisonError::into_inner) = now_ms() + keep_alive.as_millis() as u64;
    }
    Ok((id, open))
}

fn wait(params: &mut Params) -> Result<Option<Duration>, ApiError> {
    params.take("wait_for_completion_timeout").or_else(|| params.take("wait_for_completion")).map(|it| search::duration(&it)).transpose()
}

fn keep_alive(params: &mut Params) -> Result<Option<Duration>, ApiError> {
    let Some(text) = params.take("keep_alive") else { return Ok(None) };
    let keep_alive = search::duration(&text)?;
    if keep_alive < Duration::from_secs(60) {
        ApiError::validation(&[&format!("[keep_alive] must be greater or equals than one minute, got:{text}")])?;
    }
    if keep_alive > KEEP_ALIVE {
        return Err(ApiError::illegal_argument(format!("[keep_alive] must not be longer than [5d], got [{text}]")));
    }
    Ok(Some(keep_alive))
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis() as u64)
}
