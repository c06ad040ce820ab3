//! Scrolls: all hits of one search, page by page, over a view of the moment it began.
//!
//! A page in the order of the index (`sort: _doc`) goes on where the last one ended and costs what it shows. A page in any other
//! order asks the whole view for what comes after the last hit, as Elasticsearch does; nothing but the place of that hit is kept
//! between pages.

use tantivy::DocId;

use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::search::{Cancel, Place, SearchRequest, SearchResponse, Total, TrackTotalHits};
use crate::sort::{SortBy, SortKey};
use crate::view::View;

/// A search under way; the engine stays open as long as it is there.
pub struct Scroll {
    engine: Engine,
    view: View,
    request: SearchRequest,
    /// What `now` means on every page.
    now: Timestamp,
    at: At,
    total: Option<Total>,
    max_score: Option<f32>,
}

/// Where the next page begins.
enum At {
    Start,
    /// Behind a hit, in the request's order.
    After(Place),
    /// In the order of the index.
    InPlace(Cursor),
    End,
}

/// The next document to look at, in the order of the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) snapshot: usize,
    pub(crate) split: usize,
    pub(crate) doc: DocId,
}

impl Engine {
    /// Begins a scroll; the pages are of the request's size. `from` and `search_after` must not be set.
    pub fn scroll(&self, view: View, request: SearchRequest) -> Scroll {
        let request = SearchRequest { track_total_hits: TrackTotalHits::All, ..request };
        Scroll { engine: self.clone(), view, request, now: self.now(), at: At::Start, total: None, max_score: None }
    }
}

impl Scroll {
    /// The next page; without hits where all were shown. Aggregations are on the first page only. After an error the same page is
    /// asked for again.
    ///
    /// # Errors
    /// As [`Engine::search`].
    pub fn next_page(&mut self, cancel: Cancel) -> Result<SearchResponse, QueryError> {
        let is_first = matches!(self.at, At::Start);
        let mut request = SearchRequest { cancel, ..self.request.clone() };
        if !is_first {
            request.aggs = None;
            request.track_total_hits = TrackTotalHits::None;
        }
        let snapshots = &self.view.snapshots;
        let (mut page, next) = match (&self.at, is_in_place(&request)) {
            (At::End, _) => (self.engine.answer(snapshots, &SearchRequest { size: 0, ..request }, self.now, None)?.0, At::End),
            (At::Start, true) => {
                let page = self.engine.answer(snapshots, &SearchRequest { size: 0, ..request.clone() }, self.now, None)?.0;
                self.in_place(&request, Cursor::default(), page)?
            }
            (At::InPlace(cursor), _) => {
                let page = self.engine.answer(snapshots, &SearchRequest { size: 0, ..request.clone() }, self.now, None)?.0;
                self.in_place(&request, *cursor, page)?
            }
            (At::Start, false) => after(self.engine.answer(snapshots, &request, self.now, None)?),
            (At::After(place), _) => after(self.engine.answer(snapshots, &request, self.now, Some(place))?),
        };
        if is_first {
            self.total = page.total;
            self.max_score = page.max_score;
        } else {
            page.total = self.total;
            page.max_score = self.max_score;
        }
        // A page that time cut short is not where the hits end.
        if !page.timed_out {
            self.at = next;
        }
        Ok(page)
    }

    fn in_place(&self, request: &SearchRequest, cursor: Cursor, mut page: SearchResponse) -> Result<(SearchResponse, At), QueryError> {
        let (hits, next) = self.engine.hits_in_place(&self.view.snapshots, request, self.now, cursor)?;
        page.hits = hits;
        Ok((page, next.map_or(At::End, At::InPlace)))
    }
}

fn after((page, last): (SearchResponse, Option<Place>)) -> (SearchResponse, At) {
    (page, last.map_or(At::End, At::After))
}

/// Whether the hits are wanted in the order of the index, and no score has to be known.
fn is_in_place(request: &SearchRequest) -> bool {
    let in_order = matches!(request.sort.as_slice(), [SortKey { by: SortBy::Doc, descending: false, .. }]);
    in_order && !request.track_scores && request.min_score.is_none() && request.timeout.is_none()
}
