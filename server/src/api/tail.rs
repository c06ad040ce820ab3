//! `GET /_sekisho/tail`: what arrives from now on and matches a query, as server-sent events. It is no log of its own: each beat asks the
//! indices for what became visible since the beat before, so a tail sees what a search would see, a refresh later.
//!
//! Within an index, what becomes visible does so in the order of its sequence numbers; between indices it does not. So the place of a tail
//! is one number for each index, and goes out as the id of every message: a browser that lost its connection sends it back as
//! `Last-Event-ID` and misses nothing that still fits into one beat.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Frame;
use sekisho_engine::query::Query;
use sekisho_engine::{Hit, ResolveOptions, SearchRequest, SortKey, SourceFilter, TrackTotalHits, View};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::source::source_filter;
use crate::app::{App, resolve_options};
use crate::security::Scope;

/// Time between two questions: about what a refresh takes.
const BEAT: Duration = Duration::from_secs(1);

/// Events of one message. More than a person reads in a second; what is more is left out, and the message says so.
const EVENTS_MAX: usize = 500;

/// A comment after so much silence, so that proxies keep the connection, and so that we notice when nobody is there.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// A tail ends after this time. A browser comes back by itself, with its place, and is asked for its rights again.
const LIFE_MAX: Duration = Duration::from_secs(600);

/// The place of a tail in each index, by its name: the sequence number of the last document that was looked at.
type Place = BTreeMap<String, u64>;

/// What a tail asks, beat after beat.
#[derive(Clone)]
struct Question {
    index: String,
    options: ResolveOptions,
    query: Query,
    source: SourceFilter,
}

/// Answers `?index=…&query={a query as JSON}` with events until the connection closes; `_source_includes` bounds what they show.
///
/// # Errors
/// 400 without `index`, or for a query that is none; 404 for an index that does not exist; 429 for too many tails.
pub async fn handle(mut call: Call) -> Outcome {
    let (index, query) = (call.params.take("index"), call.params.take("query"));
    let source = source_filter(&mut call.params).unwrap_or(SourceFilter::All);
    let options = resolve_options(&mut call.params)?;
    call.params.finish(&call.path)?;
    let index = index.ok_or_else(|| ApiError::illegal_argument("what is followed is named by [index]"))?;
    let query = match query {
        None => Query::match_all(),
        Some(text) => {
            let body: Value = serde_json::from_str(&text).map_err(|error| ApiError::parsing(format!("[query] is not JSON: {error}")))?;
            Query::from_json(&body)?
        }
    };
    let seat = call.app.tail_seat()?;
    let question = Question { index, options, query, source };
    let resumed = call.headers.get("last-event-id").and_then(|it| it.to_str().ok()).and_then(place_of);
    // The first beat is answered for: what is wrong with the question is an error, and no empty stream.
    let first = beat(&call.app, &question, resumed).await?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(follow(call.app, question, first, sender, seat));
    Ok(Reply::Events(Messages(receiver)))
}

/// Sends messages until nobody takes them, the server stops, or the tail has lived long enough.
async fn follow(app: App, question: Question, first: Beat, sender: mpsc::Sender<Bytes>, _seat: OwnedSemaphorePermit) {
    let began = Instant::now();
    let mut place = first.place.clone();
    let mut next = Some(first.message());
    let mut said = Instant::now();
    loop {
        if let Some(message) = next.take() {
            if sender.send(message).await.is_err() {
                return;
            }
            said = Instant::now();
        }
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(BEAT) => {}
        }
        if !app.is_ready() || began.elapsed() > LIFE_MAX {
            return;
        }
        match beat(&app, &question, Some(place.clone())).await {
            Ok(found) => {
                if !found.hits.is_empty() || found.is_partial {
                    next = Some(found.message());
                } else if said.elapsed() > SILENCE_MAX {
                    next = Some(Bytes::from_static(b": still here\n\n"));
                }
                place = found.place;
            }
            // Too much to do right now: the next beat finds what this one would have.
            Err(error) if error.status == 429 => {}
            // The browser comes back with the place of its last message, and is answered with the error.
            Err(error) => {
                tracing::debug!(reason = error.reason, "a tail ended");
                return;
            }
        }
    }
}

/// What one beat found.
struct Beat {
    hits: Vec<Value>,
    /// Whether events were left out.
    is_partial: bool,
    place: Place,
}

impl Beat {
    fn message(&self) -> Bytes {
        let data = json!({ "hits": self.hits, "is_partial": self.is_partial });
        let place = serde_json::to_string(&self.place).expect("names and numbers are JSON");
        // JSON text has no line breaks outside of its strings, and those are escaped.
        Bytes::from(format!("id: {place}\ndata: {data}\n\n"))
    }
}

/// The place that an id tells; one that is not ours is none.
fn place_of(id: &str) -> Option<Place> {
    serde_json::from_str(id).ok()
}

/// What became visible since `place`; without one, the place where it begins.
async fn beat(app: &App, question: &Question, place: Option<Place>) -> Result<Beat, ApiError> {
    let question = question.clone();
    app.search(move |scope| found(scope, &question, place)).await
}

fn found(scope: &Scope, question: &Question, place: Option<Place>) -> Result<Beat, ApiError> {
    let view = scope.freeze(&scope.resolve(&question.index, question.options)?)?;
    let newest = view.newest();
    let Some(place) = place else {
        // Nothing is searched for, but a query that this mapping refuses is refused here.
        view.search(&SearchRequest {
            size: 0,
            track_total_hits: TrackTotalHits::UpTo(1),
            query: question.query.clone(),
            ..SearchRequest::default()
        })?;
        return Ok(Beat { hits: Vec::new(), is_partial: false, place: newest });
    };
    let mut hits = Vec::new();
    let mut is_partial = false;
    for (index, seq) in &newest {
        // An index that is new since is read from its beginning.
        let last = place.get(index).copied();
        if last < Some(*seq) {
            let more = newer(&view, index, question, last)?;
            is_partial |= more.len() == EVENTS_MAX;
            hits.extend(more);
        }
    }
    hits.sort_by_key(|it| it.seq);
    // Of too many, the newest: this is about now.
    let surplus = hits.len().saturating_sub(EVENTS_MAX);
    hits.drain(..surplus);
    is_partial |= surplus > 0;
    let hits = hits.into_iter().map(|it| json!({ "_index": it.index, "_id": it.id, "_source": it.source })).collect();
    Ok(Beat { hits, is_partial, place: newest })
}

/// The newest matches of an index after its sequence number `last`.
fn newer(view: &View, index: &str, question: &Question, last: Option<u64>) -> Result<Vec<Hit>, ApiError> {
    let request = SearchRequest {
        query: question.query.clone(),
        size: EVENTS_MAX,
        sort: vec![SortKey { descending: true, ..SortKey::doc() }],
        track_total_hits: TrackTotalHits::None,
        source: question.source.clone(),
        ..SearchRequest::default()
    };
    Ok(view.search_newer(index, last, &request)?)
}

/// A body of messages as they come; dropped with the connection.
pub struct Messages(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Messages {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|it| it.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_its_place_and_is_one_event_whatever_it_holds() {
        let beat = Beat {
            hits: vec![json!({ "_index": "i", "_id": "1", "_source": { "a": "x\n\ndata: y\r" } })],
            is_partial: true,
            place: Place::from([("i".to_owned(), 7)]),
        };
        let message = String::from_utf8(beat.message().to_vec()).unwrap();
        assert_eq!(message.lines().count(), 3, "{message}");
        let id = message.lines().next().unwrap().strip_prefix("id: ").unwrap();
        assert_eq!(place_of(id), Some(beat.place));
        assert_eq!(place_of("nonsense"), None);
    }
}
