//! `_msearch`: several searches in one request, each with its own answer or error.

use std::time::Instant;

use sekisho_engine::limits::TOTAL_HITS_DEFAULT;
use sekisho_engine::{Cancel, TrackTotalHits};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Params, Reply};
use super::error::ApiError;
use super::search::{self, SearchCall};

/// Searches of one request.
pub const SEARCHES_MAX: usize = 1_000;

/// Answers `_msearch`.
///
/// # Errors
/// 400 when the body as a whole is not understood; what is wrong with one search is its item's error.
pub async fn handle(mut call: Call) -> Outcome {
    let default_index = call.part("index").to_owned();
    let typed_keys = call.params.flag("typed_keys")?.unwrap_or(false);
    let total_as_int = call.params.flag("rest_total_hits_as_int")?.unwrap_or(false);
    call.params.ignore(&[
        "max_concurrent_searches",
        "max_concurrent_shard_requests",
        "pre_filter_shard_size",
        "search_type",
        "ccs_minimize_roundtrips",
    ]);
    let mut shared = call.params.clone();
    let _ = crate::app::resolve_options(&mut shared)?;
    shared.finish(&call.path)?;
    let mut searches = parse(&call, &default_index, typed_keys, total_as_int)?;
    let cancel = Cancel::default();
    for search in searches.iter_mut().flatten() {
        search.request.cancel = cancel.clone();
    }
    let guard = search::CancelOnDrop::new(cancel, call.app.metrics().clone());
    let app = call.app.clone();
    let answer = call
        .app
        .search(move |engine| {
            let began = Instant::now();
            let answer = |search: Result<SearchCall, ApiError>| match search.and_then(|it| search::run(engine, &app.contexts(), &it)) {
                Ok(mut answer) => {
                    answer["status"] = json!(200);
                    answer
                }
                Err(error) => json!({ "error": error.error(), "status": error.status }),
            };
            let responses: Vec<Value> = searches.into_iter().map(answer).collect();
            Ok(Reply::Json(json!({ "took": began.elapsed().as_millis() as u64, "responses": responses })))
        })
        .await;
    guard.finish();
    answer
}

fn parse(call: &Call, default_index: &str, typed_keys: bool, total_as_int: bool) -> Result<Vec<Result<SearchCall, ApiError>>, ApiError> {
    if !call.body.ends_with(b"\n") {
        return Err(ApiError::illegal_argument("The msearch request must be terminated by a newline [\\n]"));
    }
    let mut lines = call.body.split(|it| *it == b'\n');
    let mut searches = Vec::new();
    while let Some(header) = lines.next() {
        let header: Map<String, Value> = if header.iter().all(u8::is_ascii_whitespace) {
            // The last newline ends the body; an empty line before it is an empty header.
            if lines.clone().next().is_none() {
                break;
            }
            Map::new()
        } else {
            serde_json::from_slice(header)
                .map_err(|error| ApiError::new(400, "x_content_parse_exception", format!("a header line is not a JSON object: {error}")))?
        };
        let body = lines.next().ok_or_else(|| ApiError::illegal_argument("a header line without a body"))?;
        let body: Map<String, Value> = if body.iter().all(u8::is_ascii_whitespace) {
            Map::new()
        } else {
            serde_json::from_slice(body)
                .map_err(|error| ApiError::new(400, "x_content_parse_exception", format!("a body line is not a JSON object: {error}")))?
        };
        if searches.len() == SEARCHES_MAX {
            return Err(ApiError::illegal_argument(format!("more than [{SEARCHES_MAX}] searches in one request")));
        }
        let search = one(call, default_index, header, body, typed_keys, total_as_int);
        if let Ok(TrackTotalHits::UpTo(limit)) = search.as_ref().map(|it| it.request.track_total_hits)
            && total_as_int
            && limit != TOTAL_HITS_DEFAULT
        {
            return Err(search::inexact_total(limit));
        }
        searches.push(search);
    }
    if searches.is_empty() {
        return Err(ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: no requests added;"));
    }
    Ok(searches)
}

fn one(
    call: &Call,
    default_index: &str,
    header: Map<String, Value>,
    body: Map<String, Value>,
    typed_keys: bool,
    total_as_int: bool,
) -> Result<SearchCall, ApiError> {
    let mut index = default_index.to_owned();
    // What a header says about indices is what a URL would say.
    let mut params = String::new();
    for (key, value) in &header {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            Value::Null => continue,
            other => other.to_string(),
        };
        match key.as_str() {
            "index" | "indices" => index = text,
            "type" | "types" => {}
            key => params.push_str(&format!("{key}={}&", form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>())),
        }
    }
    let mut search = search::parse(&index, body, &mut Params::parse(&params), &call.path)?;
    search.request.typed_keys = typed_keys;
    if total_as_int {
        search.total_as_int = true;
        if search.request.track_total_hits == TrackTotalHits::UpTo(TOTAL_HITS_DEFAULT) {
            search.request.track_total_hits = TrackTotalHits::All;
        }
    }
    Ok(search)
}
