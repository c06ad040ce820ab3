//! `/_sekisho/sessions`: the whole conversation behind an event. The shape of the answer is in `docs/sessions.md`.

use sekisho_engine::limits::RESULT_WINDOW_MAX;
use sekisho_engine::query::Query;
use sekisho_engine::{Hit, HitField, ResolveOptions, SearchRequest, SourceFilter, TrackTotalHits};
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::search;
use crate::conversation::{self, Event};
use crate::security::Scope;

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
            let request = SearchRequest {
                query: Query::ids([id.as_str()]),
                size: 1,
                sort: search::sort(&json!([{ "@timestamp": "desc" }]))?,
                fields: vec![HitField::named(KEY)],
                ..SearchRequest::default()
            };
            let targets = engine.resolve(&index, ResolveOptions { allow_no_indices: false, ..ResolveOptions::default() })?;
            let missing = |what: &str| ApiError::new(404, "resource_not_found_exception", format!("event [{id}] of [{index}] {what}"));
            let hit = engine.search(&targets, &request)?.hits.into_iter().next().ok_or_else(|| missing("does not exist"))?;
            let key = hit.fields.get(KEY).and_then(|it| it[0].as_str()).ok_or_else(|| missing("is part of no session"))?;
            answer(engine, key, Choice::Holding(time_of(&hit), hit.index.clone(), hit.id.clone()))
        })
        .await
}

/// Which conversations of a key are told.
enum Choice {
    All,
    Nearest(i64),
    /// The one with the event of this time, index and id.
    Holding(i64, String, String),
}

impl Choice {
    /// The time that is asked for, where one is.
    fn time_ms(&self) -> Option<i64> {
        match self {
            Self::All => None,
            Self::Nearest(time_ms) | Self::Holding(time_ms, ..) => Some(*time_ms),
        }
    }
}

/// At most `size` events with the key that also match `filter`, by time in this order; and how many there are.
fn events(engine: &Scope, key: &str, filter: &Value, order: &str, size: usize) -> Result<(Vec<Event>, u64), ApiError> {
    let request = SearchRequest {
        query: Query::from_json(&json!({ "bool": { "filter": [{ "term": { KEY: key } }, filter] } }))?,
        size,
        sort: search::sort(&json!([{ "@timestamp": order }]))?,
        track_total_hits: TrackTotalHits::All,
        source: SourceFilter::All,
        ..SearchRequest::default()
    };
    let response = engine.search(&engine.resolve(STREAMS, ResolveOptions::default())?, &request)?;
    match response.failures.into_iter().next() {
        Some(failure) => Err(failure.error.into()),
        None => Ok((response.hits.into_iter().map(event).collect(), response.total.map_or(0, |it| it.value))),
    }
}

fn answer(engine: &Scope, key: &str, choice: Choice) -> Outcome {
    // Newest first, so that what does not fit is the oldest; where a time is asked for, what is farthest from it on either side.
    let (mut found, total) = events(engine, key, &json!({ "match_all": {} }), "desc", RESULT_WINDOW_MAX)?;
    if let Some(time_ms) = choice.time_ms().filter(|_| (found.len() as u64) < total) {
        let side = |bound: &str, order| events(engine, key, &json!({ "range": { "@timestamp": { bound: time_ms } } }), order, RESULT_WINDOW_MAX / 2);
        found = [side("lte", "desc")?.0, side("gt", "asc")?.0].concat();
    }
    if found.is_empty() {
        return Err(ApiError::new(404, "resource_not_found_exception", format!("no event has the session key [{key}]")));
    }
    let is_truncated = (found.len() as u64) < total;
    let mut conversations = conversation::part(found);
    conversations.reverse();
    match choice {
        Choice::All => {}
        Choice::Nearest(time_ms) => {
            let nearest = conversations.iter().map(|it| it.gap(time_ms)).min();
            conversations.retain(|it| Some(it.gap(time_ms)) == nearest);
            conversations.truncate(1);
        }
        Choice::Holding(_, index, id) => conversations.retain(|it| it.holds(&index, &id)),
    }
    let told: Vec<_> = conversations.iter().take(CONVERSATIONS_MAX).map(conversation::Conversation::to_json).collect();
    Ok(Reply::Json(json!({
        "key": key,
        "events_total": total,
        "is_truncated": is_truncated || conversations.len() > CONVERSATIONS_MAX,
        "conversations": told,
    })))
}

/// `@timestamp` of a hit of a search that sorts by it, UTC milliseconds.
fn time_of(hit: &Hit) -> i64 {
    hit.sort.as_deref().and_then(|it| it.first()?.as_i64()).unwrap_or_default()
}

fn event(hit: Hit) -> Event {
    Event { time_ms: time_of(&hit), index: hit.index, id: hit.id, source: hit.source.unwrap_or_default() }
}

/// Milliseconds since 1970, or RFC 3339.
fn time_ms(text: &str) -> Result<i64, ApiError> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|it| it.as_millisecond()).map_err(|_| ApiError::illegal_argument(format!("[time] is neither milliseconds nor RFC 3339: [{text}]")))
}
