//! `GET /_sekisho/tail`: what arrives from now on and matches a query, as server-sent events. It is no log of its own: each beat asks the
//! indices for what became visible since the beat before, so a tail sees what a search would see, a refresh later.
//!
//! Within an index, what becomes visible does so in the order of its sequence numbers; between indices it does not. So the [`Place`] of a
//! tail is a number for each index where something happened lately, and one for all others. It goes out as the id of every message: a
//! browser that lost its connection sends it back as `Last-Event-ID` and misses nothing that still fits into one beat.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Frame;
use sekisho_engine::query::Query;
use sekisho_engine::{Hit, ResolveOptions, SearchRequest, SortKey, SourceFilter, TrackTotalHits, View};
use serde::{Deserialize, Serialize};
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

/// A connection that takes nothing for so long loses its seat.
const STALL_MAX: Duration = Duration::from_secs(30);

/// A tail ends after this time. A browser comes back by itself, with its place, and is asked for its rights again.
const LIFE_MAX: Duration = Duration::from_secs(600);

/// Time after which nothing of what was logged can still be waiting to become visible: many refreshes.
const SETTLED_AFTER: Duration = Duration::from_secs(30);

/// How far a tail has come, in sequence numbers of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// Everything up to here was looked at in every index; none where nothing was ever written.
    settled: Option<u64>,
    /// Indices that are further: few, so that the place fits into a header whatever the number of indices.
    indices: BTreeMap<String, u64>,
}

impl Place {
    /// The beginning: what is visible now is not shown.
    fn after(newest: &BTreeMap<String, u64>) -> Self {
        Self { settled: newest.values().copied().max(), indices: BTreeMap::new() }
    }

    fn in_index(&self, index: &str) -> Option<u64> {
        self.indices.get(index).copied().max(self.settled)
    }

    /// Everything that is visible was looked at; what was visible somewhere `settled_to` ago is everywhere.
    fn advance(&mut self, newest: &BTreeMap<String, u64>, settled_to: Option<u64>) {
        self.settled = self.settled.max(settled_to);
        self.indices = newest.iter().filter(|it| Some(*it.1) > self.settled).map(|(index, seq)| (index.clone(), *seq)).collect();
    }
}

/// The highest number that was visible, beat by beat, until it is old enough to be [settled](Place::settled).
#[derive(Default)]
struct Settling(VecDeque<(Instant, u64)>);

impl Settling {
    fn settled_to(&mut self, now: Instant, newest: &BTreeMap<String, u64>) -> Option<u64> {
        if let Some(highest) = newest.values().copied().max().filter(|highest| self.0.back().is_none_or(|it| it.1 < *highest)) {
            self.0.push_back((now, highest));
        }
        let old = self.0.iter().take_while(|it| now.duration_since(it.0) >= SETTLED_AFTER).count();
        self.0.drain(..old).next_back().map(|it| it.1)
    }
}

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
    let first = beat(&call.app, &question, resumed.clone()).await?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(follow(call.app, question, resumed, first, sender, seat));
    Ok(Reply::Events(Messages(receiver)))
}

/// Sends messages until nobody takes them, the server stops, or the tail has lived long enough.
async fn follow(app: App, question: Question, place: Option<Place>, first: Beat, sender: mpsc::Sender<Bytes>, _seat: OwnedSemaphorePermit) {
    let began = Instant::now();
    let mut place = place.unwrap_or_else(|| Place::after(&first.newest));
    let mut settling = Settling::default();
    place.advance(&first.newest, settling.settled_to(began, &first.newest));
    let mut next = Some(first.message(&place));
    let mut said = Instant::now();
    loop {
        if let Some(message) = next.take() {
            if sender.send_timeout(message, STALL_MAX).await.is_err() {
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
                place.advance(&found.newest, settling.settled_to(Instant::now(), &found.newest));
                if !found.hits.is_empty() || found.is_partial {
                    next = Some(found.message(&place));
                } else if said.elapsed() > SILENCE_MAX {
                    next = Some(Bytes::from_static(b": still here\n\n"));
                }
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
    /// The highest sequence number that is visible in each index.
    newest: BTreeMap<String, u64>,
}

impl Beat {
    fn message(&self, place: &Place) -> Bytes {
        let data = json!({ "hits": self.hits, "is_partial": self.is_partial });
        let place = serde_json::to_string(place).expect("names and numbers are JSON");
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
        return Ok(Beat { hits: Vec::new(), is_partial: false, newest });
    };
    let mut hits = Vec::new();
    let mut is_partial = false;
    for (index, seq) in &newest {
        let last = place.in_index(index);
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
    Ok(Beat { hits, is_partial, newest })
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
            newest: BTreeMap::new(),
        };
        let place = Place { settled: Some(5), indices: BTreeMap::from([("i".to_owned(), 7)]) };
        let message = String::from_utf8(beat.message(&place).to_vec()).unwrap();
        assert_eq!(message.lines().count(), 3, "{message}");
        let id = message.lines().next().unwrap().strip_prefix("id: ").unwrap();
        assert_eq!(place_of(id), Some(place));
        assert_eq!(place_of("nonsense"), None);
    }

    #[test]
    fn a_place_forgets_what_has_settled_and_nothing_else() {
        let visible = |a: u64, b: u64| BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        let began = Instant::now();
        let mut settling = Settling::default();
        let mut place = Place::after(&visible(10, 3));
        assert_eq!([place.in_index("a"), place.in_index("b"), place.in_index("new")], [Some(10); 3]);
        let mut beat = |seconds: u64, newest: BTreeMap<String, u64>| {
            let settled_to = settling.settled_to(began + Duration::from_secs(seconds), &newest);
            place.advance(&newest, settled_to);
            place.clone()
        };
        // What `b` shows later has lower numbers than what `a` showed before.
        assert_eq!(beat(1, visible(20, 3)).in_index("b"), Some(10));
        assert_eq!(beat(2, visible(20, 15)), Place { settled: Some(10), indices: visible(20, 15) });
        assert_eq!(beat(32, visible(20, 15)), Place { settled: Some(20), indices: BTreeMap::new() });
        assert_eq!(beat(33, visible(20, 21)).indices, BTreeMap::from([("b".to_owned(), 21)]));
    }
}
