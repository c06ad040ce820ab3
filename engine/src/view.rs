//! Indices as they were at one moment: what scroll and points in time search.
//!
//! A view holds the splits it was made of, so nothing that is written, merged or deleted later changes what it finds; their files stay on
//! disk as long. A cursor goes through all hits of a request in such a view, some thousand at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::resolve::Targets;
use crate::search::{Candidate, Hit, SearchRequest, SearchResponse, Snapshot, check_window, window_max};
use crate::sort::{SortBy, SortKey, SortValue};

/// Hits that a cursor finds at once: each time it goes over all matches, so few of them are many times.
const CURSOR_HITS: usize = 20_000;

/// Indices at one moment.
pub struct View {
    engine: Engine,
    snapshots: Vec<Snapshot>,
    now: Timestamp,
}

impl Engine {
    /// Keeps indices as they are now, with everything that was acknowledged before.
    ///
    /// # Errors
    /// [`QueryError::Damaged`] when what was written last can't be made searchable.
    pub fn freeze(&self, targets: &Targets) -> Result<View, QueryError> {
        let (snapshots, now) = self.freeze_snapshots(targets)?;
        Ok(View { engine: self.clone(), snapshots, now })
    }

    pub(crate) fn search_view(&self, view: &View, request: &SearchRequest) -> Result<SearchResponse, QueryError> {
        self.search_snapshots(&view.snapshots, view.now, request)
    }
}

impl View {
    /// Answers a question to the indices as they were.
    ///
    /// # Errors
    /// As [`Engine::search`].
    pub fn search(&self, request: &SearchRequest) -> Result<SearchResponse, QueryError> {
        self.check_window(request)?;
        self.engine.search_view(self, request)
    }

    /// Refuses a page that no index shows.
    pub(crate) fn check_window(&self, request: &SearchRequest) -> Result<(), QueryError> {
        check_window(request, window_max(&self.snapshots))
    }

    /// The highest sequence number of each index, by its name; an index without documents is left out.
    pub fn newest(&self) -> BTreeMap<String, u64> {
        self.snapshots.iter().filter_map(|it| Some((it.name.clone(), it.seq_max()?))).collect()
    }

    /// Answers a question to the documents of one of the indices that have a higher sequence number than `last`. The request must be sorted
    /// by [`SortKey::doc`], the highest first; what is older is not walked over. Totals and aggregations mean nothing here.
    ///
    /// # Errors
    /// As [`Engine::search`].
    pub fn search_newer(&self, index: &str, last: Option<u64>, request: &SearchRequest) -> Result<Vec<Hit>, QueryError> {
        check_window(request, window_max(&self.snapshots))?;
        let snapshots: Vec<Snapshot> = self.snapshots.iter().filter(|it| it.name == index).map(|it| it.newer_than(last)).collect();
        let mut hits = self.engine.search_snapshots(&snapshots, self.now, request)?.hits;
        hits.retain(|it| Some(it.seq) > last);
        Ok(hits)
    }

    /// Number of indices.
    pub fn indices(&self) -> usize {
        self.snapshots.len()
    }
}

/// All hits of a request, page by page, in its order; ties are in the order of writing.
pub struct Cursor {
    view: Arc<View>,
    request: SearchRequest,
    found: VecDeque<Candidate>,
    /// Sort values of the last hit that was found.
    last: Option<Vec<SortValue>>,
    is_at_end: bool,
}

impl Cursor {
    /// Before the first hit. The request's size, page, total and aggregations mean nothing here.
    pub fn new(view: Arc<View>, mut request: SearchRequest) -> Self {
        if request.sort.is_empty() {
            request.sort.push(SortKey::score());
        }
        if !request.sort.iter().any(|it| it.by == SortBy::Doc) {
            request.sort.push(SortKey::doc());
        }
        Self { view, request, found: VecDeque::new(), last: None, is_at_end: false }
    }

    /// The next hits; fewer than asked for at the end, and none behind it.
    ///
    /// # Errors
    /// As [`Engine::search`]; the hits come again with the next call.
    pub fn next(&mut self, size: usize) -> Result<Vec<Hit>, QueryError> {
        let View { engine, snapshots, now } = &*self.view;
        while self.found.len() < size && !self.is_at_end {
            let keep = CURSOR_HITS.max(size);
            let more = engine.best_hits(snapshots, *now, &self.request, self.last.clone(), keep)?;
            self.is_at_end = more.len() < keep;
            if let Some(last) = more.last() {
                self.last = Some(last.values.clone());
            }
            self.found.extend(more);
        }
        let size = size.min(self.found.len());
        let page = &self.found.make_contiguous()[..size];
        let hits = engine.read_hits(snapshots, *now, &self.request, page)?;
        self.found.drain(..size);
        Ok(hits)
    }
}
