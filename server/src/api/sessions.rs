//! `/_sekisho/sessions`: the whole conversation behind an event. The shape of the answer is in `docs/sessions.md`.

use sekisho_engine::limits::RESULT_WINDOW_MAX;
use sekisho_engine::query::Query;
use sekisho_engine::{Engine, Hit, ResolveOptions, SearchRequest, SourceFilter, TrackTotalHits};
use serde_json::json;

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::search;
use crate::conversation::{self, Event};

/// Streams whose events have session keys.
const STREAMS: &str = "panos-*";

/// The field that events of one conversation share.
const KEY: &str = "sekisho.session.key";

/// Conversations that one answer tells; the newest are kept.
const CONVERSATIONS_MAX: usize = 100;

/// Answers `GET /_sekisho/sessions/{key}`: every conversation under the key, newest first; with `time`, the one nearest to it.
///
/// # Errors
/// 404 where no event has the key.
pub async fn by_key(mut call: Call) -> Outcome {
    let time = call.params.take("time");
    call.params.finish(&call.path)?;
    let time = time.map(|it| time_ms(&it)).transpose()?;
    let key = call.part("key").to_owned();
    call.app.search(move |engine| answer(engine, &key, time.map_or(Choice::All, Choice::Nearest))).await
}

/// Answers `GET /_sekisho/sessions?index=…&id=…`: the conversation that the event is part of.
///
/// # Errors
/// 400 without both; 404 where there is no such event, or it is part of no session.
pub async fn by_event(mut call: Call) -> Outcome {
    let (index, id) = (call.params.take("index"), call.params.take("id"));
    call.params.finish(&call.path)?;
    let (Some(index), Some(id)) = (index, id) else {
        return Err(ApiError::illegal_argument("an event is named by [index] and [id]"));
    };
    call.app
        .search(move |engine| {
            let request = SearchRequest { query: Query::ids([id.as_str()]), size: 1, fields: vec![KEY.to_owned()], ..SearchRequest::default() };
            let targets = engine.resolve(&index, ResolveOptions { allow_no_indices: false, ..ResolveOptions::default() })?;
            let missing = |what: &str| ApiError::new(404, "resource_not_found_exception", format!("event [{id}] of [{index}] {what}"));
            let hit = engine.search(&targets, &request)?.hits.into_iter().next().ok_or_else(|| missing("does not exist"))?;
            let key = hit.fields.get(KEY).and_then(|it| it[0].as_str()).ok_or_else(|| missing("is part of no session"))?;
            answer(engine, key, Choice::Holding(hit.index.clone(), hit.id.clone()))
        })
        .await
}

/// Which conversations of a key are told.
enum Choice {
    All,
    Nearest(i64),
    Holding(String, String),
}

fn answer(engine: &Engine, key: &str, choice: Choice) -> Outcome {
    let request = SearchRequest {
        query: Query::from_json(&json!({ "term": { KEY: key } }))?,
        size: RESULT_WINDOW_MAX,
        // Newest first, so that what does not fit is the oldest.
        sort: search::sort(&json!([{ "@timestamp": "desc" }]))?,
        track_total_hits: TrackTotalHits::All,
        source: SourceFilter::All,
        ..SearchRequest::default()
    };
    let response = engine.search(&engine.resolve(STREAMS, ResolveOptions::default())?, &request)?;
    if let Some(failure) = response.failures.into_iter().next() {
        return Err(failure.error.into());
    }
    let total = response.total.map_or(0, |it| it.value);
    let events: Vec<Event> = response.hits.into_iter().map(event).collect();
    if events.is_empty() {
        return Err(ApiError::new(404, "resource_not_found_exception", format!("no event has the session key [{key}]")));
    }
    let is_truncated = (events.len() as u64) < total;
    let mut conversations = conversation::part(events);
    conversations.reverse();
    match choice {
        Choice::All => {}
        Choice::Nearest(time_ms) => {
            let nearest = conversations.iter().map(|it| it.gap(time_ms)).min();
            conversations.retain(|it| Some(it.gap(time_ms)) == nearest);
            conversations.truncate(1);
        }
        Choice::Holding(index, id) => conversations.retain(|it| it.holds(&index, &id)),
    }
    let told: Vec<_> = conversations.iter().take(CONVERSATIONS_MAX).map(conversation::Conversation::to_json).collect();
    Ok(Reply::Json(json!({
        "key": key,
        "events_total": total,
        "is_truncated": is_truncated || conversations.len() > CONVERSATIONS_MAX,
        "conversations": told,
    })))
}

fn event(hit: Hit) -> Event {
    let time_ms = hit.sort.as_deref().and_then(|it| it.first()?.as_i64()).unwrap_or_default();
    Event { time_ms, index: hit.index, id: hit.id, source: hit.source.unwrap_or_default() }
}

/// Milliseconds since 1970, or RFC 3339.
fn time_ms(text: &str) -> Result<i64, ApiError> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|it| it.as_millisecond()).map_err(|_| ApiError::illegal_argument(format!("[time] is neither milliseconds nor RFC 3339: [{text}]")))
}
