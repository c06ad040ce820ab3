//! Searching: one plan per index, evaluated split by split into small results that merge in any order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{self, AtomicBool};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde_json::{Map, Value, json};
use tantivy::query::{Bm25StatisticsProvider, EnableScoring, Scorer, Weight};
use tantivy::schema::Field;
use tantivy::{DocId, DocSet, TERMINATED, Term};

use crate::aggs::{AggContext, Aggs, CompileFilter, FetchedHit, HitAddress, Partials, RenderOptions, SegmentContext};
use crate::cache::{Key, PartialAnswer};
use crate::clock::Timestamp;
use crate::collapse::{self, Collapse, Group, GroupColumn};
use crate::doc_id;
use crate::ecs;
use crate::engine::{Engine, EngineError};
use crate::error::QueryError;
use crate::highlight::Highlight;
use crate::hit_fields::{FieldsOf, HitField, fields_of};
use crate::limits::{DOCVALUE_FIELDS_MAX, RESULT_WINDOW_MAX, SAMPLE_DOCS_MAX, TOTAL_HITS_DEFAULT};
use crate::manifest::IndexUuid;
use crate::mapping::{MappedField, Mapping, internal};
use crate::profile::{IndexProfile, Profiler, Stage};
use crate::query::{BoolQuery, DocumentText, Query, QueryContext};
use crate::rescore::Rescore;
use crate::resolve::{Allowed, ResolveOptions, Targets};
use crate::scan::Match;
use crate::sort::{self, SortBy, SortColumns, SortKey, SortValue};
use crate::source::values_at;
use crate::source_filter::SourceFilter;
use crate::split::{Split, SplitId};

/// Documents between two looks at the deadline and at cancellation.
const CHECK_EVERY_DOCS: u32 = 4_096;

/// Documents handed to the aggregations at a time.
const BLOCK_DOCS: usize = 1_024;

/// Which hits are counted exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackTotalHits {
    /// All.
    All,
    /// None: the answer has no total.
    None,
    /// Exactly up to that many, then "at least".
    UpTo(u64),
}

/// A question to one or more indices.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// Which documents.
    pub query: Query,
    /// Which of them are hits, after the aggregations saw all.
    pub post_filter: Option<Query>,
    /// What is counted about them.
    pub aggs: Option<Aggs>,
    /// Hits skipped.
    pub from: usize,
    /// Hits answered.
    pub size: usize,
    /// Order of the hits; empty = relevance.
    pub sort: Vec<SortKey>,
    /// Sort values of the last hit of the page before.
    pub search_after: Option<Vec<Value>>,
    /// Exactness of the total.
    pub track_total_hits: TrackTotalHits,
    /// Whether scores are computed although hits are sorted by something else.
    pub track_scores: bool,
    /// Hits with a lower score are none.
    pub min_score: Option<f32>,
    /// What hits show of their documents.
    pub source: SourceFilter,
    /// Fields that hits show beside their document, flat and as lists.
    pub fields: Vec<HitField>,
    /// Which of the hits that share a value is shown.
    pub collapse: Option<Collapse>,
    /// Factors of the scores of indices, by name; the first that names an index counts.
    pub index_boosts: Vec<(String, f32)>,
    /// Matches of one index after which its search ends, as if there were no more.
    pub terminate_after: Option<u64>,
    /// Whether the answer says where the time went.
    pub profile: bool,
    /// What is marked in the texts of hits.
    pub highlight: Option<Highlight>,
    /// Passes that score the best hits anew, one after the other.
    pub rescore: Vec<Rescore>,
    /// Whether hits show how their score came about.
    pub explain: bool,
    /// Time after which the answer is what was found until then.
    pub timeout: Option<Duration>,
    /// Set by the caller to give the search up.
    pub cancel: Cancel,
    /// Names of aggregations in the answer carry their type (`sterms#name`).
    pub typed_keys: bool,
}

impl Default for SearchRequest {
    /// The ten best matches of everything, totals exact to 10,000: what an empty search body asks.
    fn default() -> Self {
        Self {
            query: Query::match_all(),
            post_filter: None,
            aggs: None,
            from: 0,
            size: 10,
            sort: Vec::new(),
            search_after: None,
            track_total_hits: TrackTotalHits::UpTo(TOTAL_HITS_DEFAULT),
            track_scores: false,
            min_score: None,
            source: SourceFilter::All,
            fields: Vec::new(),
            collapse: None,
            index_boosts: Vec::new(),
            terminate_after: None,
            profile: false,
            highlight: None,
            rescore: Vec::new(),
            explain: false,
            timeout: None,
            cancel: Cancel::default(),
            typed_keys: false,
        }
    }
}

/// A switch that gives a search up; its clones are one switch.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Gives the search up; it ends with [`QueryError::Cancelled`] within a few thousand documents.
    pub fn cancel(&self) {
        self.0.store(true, atomic::Ordering::Relaxed);
    }

    /// Whether it was given up.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(atomic::Ordering::Relaxed)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct SearchResponse {
    /// Number of matches, and whether there are at least that many rather than exactly.
    pub total: Option<Total>,
    /// The best score, where scores were computed.
    pub max_score: Option<f32>,
    /// The page of hits.
    pub hits: Vec<Hit>,
    /// `aggregations`.
    pub aggs: Option<Value>,
    /// Indices asked.
    pub shards: usize,
    /// Indices that could not answer whole, with the reason.
    pub failures: Vec<ShardFailure>,
    /// Whether the time ran out.
    pub timed_out: bool,
    /// Whether an index had more matches than [`SearchRequest::terminate_after`].
    pub terminated_early: bool,
    /// Where the time went, if that was asked.
    pub profile: Option<Vec<IndexProfile>>,
    /// Whether no split was read for it: everything came from the cache.
    pub is_cached: bool,
}

/// A number of matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Counted matches.
    pub value: u64,
    /// Whether there may be more.
    pub is_lower_bound: bool,
}

/// What is missing from an answer.
#[derive(Clone, Debug)]
pub struct ShardFailure {
    /// The index.
    pub index: String,
    /// Why.
    pub error: QueryError,
}

/// A found document.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The (backing) index.
    pub index: String,
    /// Explicit or derived id.
    pub id: String,
    /// Relevance, where it was computed.
    pub score: Option<f32>,
    /// Values it was sorted by, as they are answered.
    pub sort: Option<Vec<Value>>,
    /// The document, as far as the request shows it.
    pub source: Option<Map<String, Value>>,
    /// Values of the fields asked for, by name.
    pub fields: Map<String, Value>,
    /// Marked parts of its texts, by field.
    pub highlight: Map<String, Value>,
    /// How its score came about, where that was asked: `{value, description, details}`.
    pub explanation: Option<Value>,
    /// The queries with a name that it matches, with their scores.
    pub matched_queries: Vec<(String, f32)>,
    /// What the inner searches of its group found, in the order of [`Collapse::inner`].
    pub inner: Vec<SearchResponse>,
    /// Writes of this id, from 1.
    pub version: u64,
    /// Sequence number in the log.
    pub seq: u64,
}

/// An index as one search sees it: the splits stay as they are, whatever is written meanwhile.
pub(crate) struct Snapshot {
    pub(crate) name: String,
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) splits: Vec<Arc<Split>>,
    /// Splits that could not be opened: the answer lacks them, and says so.
    damaged: usize,
    /// What documents must match to be seen through the aliases that were named.
    filter: Option<Query>,
    /// Of which indices queries may read documents.
    readable: Option<Allowed>,
}

impl Snapshot {
    /// The highest sequence number that is seen; none where nothing is.
    pub(crate) fn seq_max(&self) -> Option<u64> {
        self.splits.iter().map(|it| it.meta.seq_max).max()
    }

    /// The splits that may have documents with a higher sequence number than `last`.
    pub(crate) fn newer_than(&self, last: Option<u64>) -> Self {
        let splits = self.splits.iter().filter(|it| Some(it.meta.seq_max) > last).cloned().collect();
        Self {
            name: self.name.clone(),
            mapping: self.mapping.clone(),
            splits,
            damaged: self.damaged,
            filter: self.filter.clone(),
            readable: self.readable.clone(),
        }
    }

    /// A query of this index as it is seen.
    fn seen(&self, request: &SearchRequest) -> Query {
        let query = match &self.filter {
            Some(filter) => BoolQuery::new().must(request.query.clone()).filter(filter.clone()).build(),
            None => request.query.clone(),
        };
        match request.index_boosts.iter().find(|it| it.0 == self.name) {
            Some((_, boost)) => query.scaled(*boost),
            None => query,
        }
    }
}

impl Engine {
    /// Answers a question. Writes that were acknowledged before an idle index was asked are seen; on an index that is searched
    /// all the time, those of the last 200 ms may not be.
    ///
    /// # Errors
    /// [`QueryError`] when the request does not fit any index, or was cancelled. An index that fails by itself is a
    /// [`ShardFailure`] of the answer.
    pub fn search(&self, targets: &Targets, request: &SearchRequest) -> Result<SearchResponse, QueryError> {
        let view = self.freeze(targets)?;
        view.check_window(request)?;
        self.search_view(&view, request)
    }

    /// The indices as they are now, with everything that was acknowledged before.
    pub(crate) fn freeze_snapshots(&self, targets: &Targets) -> Result<(Vec<Snapshot>, Timestamp), QueryError> {
        let now = self.inner.clock.now();
        self.refresh_idle(targets, now)?;
        Ok((self.snapshots(targets, now), now))
    }

    /// Answers a question to indices as they were.
    pub(crate) fn search_snapshots(&self, snapshots: &[Snapshot], now: Timestamp, request: &SearchRequest) -> Result<SearchResponse, QueryError> {
        if let Some(aggs) = request.aggs.as_ref().filter(|it| !it.samples().is_empty()) {
            let found = self.find_samples(snapshots, now, request, aggs)?;
            // What a sampler is planned with holds no sample any more to be found.
            let request = SearchRequest { aggs: Some(aggs.with_samples(&found)), ..request.clone() };
            return self.search_sampled(snapshots, now, &request);
        }
        self.search_sampled(snapshots, now, request)
    }

    /// The sequence numbers of the documents that samplers take: the best of each index.
    fn find_samples(
        &self,
        snapshots: &[Snapshot],
        now: Timestamp,
        request: &SearchRequest,
        aggs: &Aggs,
    ) -> Result<BTreeMap<String, Vec<u64>>, QueryError> {
        let by_score = SearchRequest {
            post_filter: None,
            sort: Vec::new(),
            search_after: None,
            collapse: None,
            rescore: Vec::new(),
            terminate_after: None,
            profile: false,
            ..request.clone()
        };
        let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (name, sample) in aggs.samples() {
            let numbers = found.entry(name.to_owned()).or_default();
            for snapshot in snapshots {
                let keep = if sample.diverse_by.is_some() { SAMPLE_DOCS_MAX } else { sample.size };
                let mut best = self.best_hits(std::slice::from_ref(snapshot), now, &by_score, None, keep)?;
                if let Some((field, most)) = &sample.diverse_by {
                    let by = Collapse { field: field.clone(), inner: Vec::new() };
                    let mut counts = HashMap::new();
                    let mut diverse = Vec::new();
                    for hit in best {
                        let group = GroupColumn::open(&by, &hit.split.reader, &snapshot.mapping)?.group(hit.doc)?;
                        let count: &mut usize = counts.entry(group).or_default();
                        *count += 1;
                        if *count <= *most && diverse.len() < sample.size {
                            diverse.push(hit);
                        }
                    }
                    best = diverse;
                }
                numbers.extend(best.iter().map(|it| it.seq));
            }
        }
        Ok(found)
    }

    fn search_sampled(&self, snapshots: &[Snapshot], now: Timestamp, request: &SearchRequest) -> Result<SearchResponse, QueryError> {
        let page = request.from + request.size;
        let window = request.rescore.iter().map(|it| it.window).max().unwrap_or(0);
        let search = Search { keep: if page > 0 { page.max(window) } else { 0 }, ..Search::new(self, request, now) };
        let mut merged = Found::default();
        let mut failures = Vec::new();
        let mut is_cached = true;
        for snapshot in snapshots {
            if snapshot.damaged > 0 {
                failures.push(ShardFailure {
                    index: snapshot.name.clone(),
                    error: QueryError::Damaged(format!("{} damaged splits are left out", snapshot.damaged)),
                });
            }
            let found = search.index(snapshot)?;
            if let Some(reason) = search.damage.lock().unwrap_or_else(PoisonError::into_inner).take() {
                failures.push(ShardFailure { index: snapshot.name.clone(), error: QueryError::Damaged(reason) });
            }
            is_cached &= found.is_cached;
            merged.merge(found, &search);
        }
        let hits = search.fetch(snapshots, &merged.hits)?;
        let max_score = merged.max_score;
        let aggs = match &request.aggs {
            Some(aggs) => {
                let options = RenderOptions { typed_keys: request.typed_keys, now };
                Some(aggs.render(
                    merged.aggs.unwrap_or_default(),
                    &options,
                    &mut |hit| search.fetch_for_aggs(snapshots, hit),
                    &mut |query, aggs| search.ask_all(snapshots, query, aggs),
                )?)
            }
            None => None,
        };
        let total = match request.track_total_hits {
            TrackTotalHits::None => None,
            TrackTotalHits::All => Some(Total { value: merged.count, is_lower_bound: false }),
            TrackTotalHits::UpTo(limit) => Some(Total { value: merged.count.min(limit), is_lower_bound: merged.count > limit }),
        };
        let (timed_out, terminated_early) = (merged.timed_out, merged.terminated_early);
        let profile = search.profiler.finish();
        Ok(SearchResponse { total, max_score, hits, aggs, shards: snapshots.len(), failures, timed_out, terminated_early, profile, is_cached })
    }

    /// The best hits behind `after`, more than one answer has, by the request's sort: for a cursor, which reads them page by page.
    pub(crate) fn best_hits(
        &self,
        snapshots: &[Snapshot],
        now: Timestamp,
        request: &SearchRequest,
        after: Option<Vec<SortValue>>,
        keep: usize,
    ) -> Result<Vec<Candidate>, QueryError> {
        let request = SearchRequest { aggs: None, track_total_hits: TrackTotalHits::None, ..request.clone() };
        let search = Search { keep, after, ..Search::new(self, &request, now) };
        let mut merged = Found::default();
        for snapshot in snapshots {
            let found = search.index(snapshot)?;
            if let Some(reason) = search.damage.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Err(QueryError::Damaged(reason));
            }
            merged.merge(found, &search);
        }
        Ok(merged.hits)
    }

    /// The request's query as an index is asked it.
    pub(crate) fn compile_for(
        &self,
        snapshot: &Snapshot,
        now: Timestamp,
        request: &SearchRequest,
    ) -> Result<Box<dyn tantivy::query::Query>, QueryError> {
        Search::new(self, request, now).compile(&snapshot.seen(request), snapshot)
    }

    /// How a document's score for the request's query came about; `None` where it does not match.
    pub(crate) fn explain_in(
        &self,
        snapshot: &Snapshot,
        split: &Arc<Split>,
        doc: DocId,
        now: Timestamp,
        request: &SearchRequest,
    ) -> Result<Option<Value>, QueryError> {
        let search = Search::new(self, request, now);
        let plan =
            IndexPlan { snapshot, name: snapshot.name.as_str().into(), statistics: Statistics(&snapshot.splits), after: None, newest_first: false };
        let weight = search.weight(&plan, split, &snapshot.seen(request), true)?;
        let mut scorer = weight.scorer(&split.reader, 1.0)?;
        let at = if scorer.doc() < doc { scorer.seek(doc) } else { scorer.doc() };
        if at != doc {
            return Ok(None);
        }
        let score = scorer.score();
        // Not every query can say how it came to its score; the score it has.
        Ok(Some(crate::inspect::explanation_json(score, weight.explain(&split.reader, doc).ok().as_ref())))
    }

    /// Reads the documents of hits.
    pub(crate) fn read_hits(
        &self,
        snapshots: &[Snapshot],
        now: Timestamp,
        request: &SearchRequest,
        hits: &[Candidate],
    ) -> Result<Vec<Hit>, QueryError> {
        let request = SearchRequest { from: 0, size: hits.len(), ..request.clone() };
        Search::new(self, &request, now).fetch(snapshots, hits)
    }

    /// Every match of the request's query, in the order of index names and of writing.
    pub(crate) fn matches(&self, targets: &Targets, request: &SearchRequest) -> Result<Vec<Match>, QueryError> {
        let now = self.inner.clock.now();
        // What was acknowledged before is gone over, however often the index is searched.
        self.refresh(Some(targets.uuids())).map_err(|error| QueryError::Damaged(error.to_string()))?;
        let snapshots = self.snapshots(targets, now);
        let search = Search { deadline: None, ..Search::new(self, request, now) };
        let mut all = Vec::new();
        for snapshot in &snapshots {
            if snapshot.damaged > 0 {
                return Err(QueryError::Damaged(format!("index [{}] lacks [{}] damaged splits", snapshot.name, snapshot.damaged)));
            }
            let found = search.matches_of(snapshot)?;
            if let Some(reason) = search.damage.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Err(QueryError::Damaged(reason));
            }
            all.extend(found);
        }
        Ok(all)
    }

    /// Refreshes the indices that nobody has searched lately: the background only looks after the others.
    fn refresh_idle(&self, targets: &Targets, now: Timestamp) -> Result<(), QueryError> {
        let idle: Vec<IndexUuid> = {
            let mut state = self.inner.state();
            let mut idle = Vec::new();
            for uuid in targets.uuids() {
                let Some(index) = state.indices.get_mut(uuid) else { continue };
                let active = index.searched.is_some_and(|it| now.0 - it.0 < crate::engine::SEARCH_IDLE_MS);
                index.searched = Some(now);
                if index.is_dirty() && (!active || self.inner.is_stepped) {
                    idle.push(uuid.clone());
                }
            }
            idle
        };
        if idle.is_empty() {
            return Ok(());
        }
        self.refresh(Some(&idle)).map_err(|error| QueryError::Damaged(error.to_string()))
    }

    pub(crate) fn snapshots(&self, targets: &Targets, _now: Timestamp) -> Vec<Snapshot> {
        let state = self.inner.state();
        let snapshot = |uuid: &IndexUuid| {
            let index = state.indices.get(uuid)?;
            // Splits of one list are all open under one mapping, which may be older than the index's newest: the refresh moves both.
            let mapping = index.splits.first().map_or_else(|| index.record.mapping.clone(), |it| it.mapping.clone());
            Some(Snapshot {
                name: index.record.name.clone(),
                mapping,
                splits: index.splits.clone(),
                damaged: state.damaged_splits(uuid),
                filter: targets.filter(uuid).cloned(),
                readable: targets.readable().cloned(),
            })
        };
        targets.uuids().iter().filter_map(snapshot).collect()
    }
}

/// The narrowest `index.max_result_window` of some indices.
pub(crate) fn window_max(snapshots: &[Snapshot]) -> usize {
    snapshots.iter().map(|it| it.mapping.options.result_window_max.unwrap_or(RESULT_WINDOW_MAX)).min().unwrap_or(RESULT_WINDOW_MAX)
}

pub(crate) fn check_window(request: &SearchRequest, window_max: usize) -> Result<(), QueryError> {
    let window = request.from.saturating_add(request.size);
    if window > window_max {
        return Err(QueryError::IllegalArgument(format!(
            "Result window is too large, from + size must be less than or equal to: [{window_max}] but was [{window}]. See the scroll api for a more efficient way to request large data sets. This limit can be set by changing the [index.max_result_window] index level setting."
        )));
    }
    if !request.rescore.is_empty() {
        let other = [("sort", !request.sort.is_empty()), ("collapse", request.collapse.is_some())];
        if let Some((name, _)) = other.iter().find(|it| it.1) {
            return Err(QueryError::IllegalArgument(format!("Cannot use [{name}] option in conjunction with [rescore].")));
        }
    }
    let columns = request.fields.iter().filter(|it| it.of() == FieldsOf::Columns).count();
    if columns > DOCVALUE_FIELDS_MAX {
        return Err(QueryError::IllegalArgument(format!(
            "Trying to retrieve too many docvalue_fields. Must be less than or equal to: [{DOCVALUE_FIELDS_MAX}] but was [{columns}]. This limit can be set by changing the [index.max_docvalue_fields_search] index level setting."
        )));
    }
    if let Some(after) = &request.search_after {
        if request.from > 0 {
            return Err(QueryError::IllegalArgument("`from` parameter must be set to 0 when `search_after` is used".to_owned()));
        }
        if after.len() != request.sort.len() {
            return Err(QueryError::IllegalArgument(format!("search_after has {} value(s) but sort has {}.", after.len(), request.sort.len())));
        }
    }
    Ok(())
}

/// What all splits of one search share.
struct Search<'a> {
    engine: &'a Engine,
    request: &'a SearchRequest,
    now: Timestamp,
    deadline: Option<Instant>,
    /// Hits of one split that can be on the page.
    keep: usize,
    /// Only hits behind these sort values, in the place of the request's own.
    after: Option<Vec<SortValue>>,
    /// Set by a query that could not read a document it had to verify: the answer would lack it.
    damage: Arc<Mutex<Option<String>>>,
    /// Set by a query that can't be asked of a document it met.
    refusal: Arc<Mutex<Option<String>>>,
    profiler: Profiler,
}

/// What has been found so far.
#[derive(Default)]
struct Found {
    count: u64,
    hits: Vec<Candidate>,
    max_score: Option<f32>,
    aggs: Option<Partials>,
    timed_out: bool,
    terminated_early: bool,
    is_cached: bool,
}

/// A hit before its document is read.
pub(crate) struct Candidate {
    pub(crate) values: Vec<SortValue>,
    score: f32,
    seq: u64,
    doc: DocId,
    split: Arc<Split>,
    index: Arc<str>,
    /// What it shares with the hits that it stands for.
    group: Option<Group>,
}

impl Found {
    fn merge(&mut self, other: Found, search: &Search<'_>) {
        self.count += other.count;
        self.timed_out |= other.timed_out;
        self.terminated_early |= other.terminated_early;
        self.max_score = match (self.max_score, other.max_score) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.hits.extend(other.hits);
        search.keep_best(&mut self.hits);
        match (&mut self.aggs, other.aggs) {
            (Some(aggs), Some(other)) => aggs.merge(other),
            (None, other) => self.aggs = other,
            (Some(_), None) => {}
        }
    }
}

/// How the matches of a split are gone through.
struct Walk<'a> {
    keys: &'a [SortKey],
    columns: &'a SortColumns<'a>,
    groups: Option<&'a GroupColumn>,
    needs_scores: bool,
    /// Matches after which it ends.
    most: u64,
}

/// One index's plan.
struct IndexPlan<'a> {
    snapshot: &'a Snapshot,
    name: Arc<str>,
    statistics: Statistics<'a>,
    after: Option<Vec<SortValue>>,
    /// Whether the hits are the newest first and nothing else decides: splits have that order.
    newest_first: bool,
}

impl<'a> Search<'a> {
    fn new(engine: &'a Engine, request: &'a SearchRequest, now: Timestamp) -> Self {
        let deadline = request.timeout.map(|it| Instant::now() + it);
        Self {
            engine,
            request,
            now,
            deadline,
            keep: 0,
            after: None,
            damage: Arc::default(),
            refusal: Arc::default(),
            profiler: Profiler::new(request.profile),
        }
    }

    fn index(&self, snapshot: &'a Snapshot) -> Result<Found, QueryError> {
        let request = self.request;
        let mut fields = Vec::new();
        for key in &request.sort {
            fields.push(key.resolve(&snapshot.mapping)?);
        }
        let after = match &request.search_after {
            _ if self.after.is_some() => self.after.clone(),
            Some(values) => Some(
                request.sort.iter().zip(&fields).zip(values).map(|((key, field), value)| key.parse_value(*field, value)).collect::<Result<_, _>>()?,
            ),
            None => None,
        };
        let by_time = SortBy::Field(ecs::FIELDS[ecs::TIMESTAMP.0 as usize].name.to_owned());
        // Ties are in the order of writing anyway, which is what a second key `_doc` asks for.
        let newest_first = match request.sort.as_slice() {
            // The first hits of groups may be anywhere.
            _ if request.collapse.is_some() => false,
            [key] => is_newest_first(key, &by_time),
            [key, tie] => is_newest_first(key, &by_time) && tie.by == SortBy::Doc && !tie.descending,
            _ => false,
        };
        let plan = IndexPlan { snapshot, name: snapshot.name.as_str().into(), statistics: Statistics(&snapshot.splits), after, newest_first };
        // Planned once even where there is no split, so that a bad request is refused by an empty index as well.
        self.compile(&snapshot.seen(request), snapshot)?;
        request.rescore.iter().try_for_each(|it| self.compile(&it.query, snapshot).map(drop))?;
        if let Some(aggs) = &request.aggs {
            aggs.plan(&self.agg_context(snapshot, &|query| self.compile_json(query, snapshot)))?;
        }
        for field in &request.fields {
            field.check(&snapshot.mapping)?;
        }
        if let Some(collapse) = &request.collapse {
            collapse.resolve(&snapshot.mapping)?;
        }
        self.profiler.asked(&snapshot.name, || snapshot.seen(request).canonical());
        let mut splits: Vec<&Arc<Split>> = snapshot.splits.iter().collect();
        splits.sort_by_key(|it| std::cmp::Reverse(it.meta.time));
        if let Some(most) = request.terminate_after {
            return self.first_matches(&plan, &splits, most);
        }
        let found =
            self.engine.inner.pool.install(|| splits.par_iter().map(|split| self.split(&plan, split, None)).collect::<Result<Vec<_>, _>>())?;
        let mut merged = Found { is_cached: true, ..Found::default() };
        for one in found {
            merged.is_cached &= one.is_cached;
            merged.merge(one, self);
        }
        self.rescore(&plan, &mut merged)?;
        self.check_refusal()?;
        Ok(merged)
    }

    /// Scores the best hits of an index anew, pass by pass.
    fn rescore(&self, plan: &IndexPlan<'a>, found: &mut Found) -> Result<(), QueryError> {
        for pass in &self.request.rescore {
            let window = pass.window.min(found.hits.len());
            let mut by_split: BTreeMap<SplitId, Vec<usize>> = BTreeMap::new();
            for (at, hit) in found.hits.iter().enumerate().take(window) {
                by_split.entry(hit.split.meta.id).or_default().push(at);
            }
            let mut second = vec![None; found.hits.len()];
            for mut places in by_split.into_values() {
                self.check()?;
                places.sort_unstable_by_key(|at| found.hits[*at].doc);
                let split = &found.hits[places[0]].split;
                let mut scorer = self.weight(plan, split, &pass.query, true)?.scorer(&split.reader, 1.0)?;
                for at in places {
                    let doc = found.hits[at].doc;
                    let reached = if scorer.doc() < doc { scorer.seek(doc) } else { scorer.doc() };
                    if reached == doc {
                        second[at] = Some(scorer.score());
                    }
                }
            }
            for (hit, second) in found.hits.iter_mut().zip(second) {
                hit.score = pass.combine(hit.score, second);
                hit.values = vec![SortValue::F64(hit.score.into())];
            }
            self.keep_best(&mut found.hits);
            found.max_score = found.hits.first().map(|it| it.score);
        }
        Ok(())
    }

    fn check_refusal(&self) -> Result<(), QueryError> {
        match self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(reason) => Err(QueryError::IllegalArgument(reason)),
            None => Ok(()),
        }
    }

    /// Searches split after split until `most` documents matched.
    fn first_matches(&self, plan: &IndexPlan<'a>, splits: &[&Arc<Split>], most: u64) -> Result<Found, QueryError> {
        let mut merged = Found::default();
        for split in splits {
            merged.merge(self.split(plan, split, Some(most - merged.count))?, self);
            if merged.terminated_early {
                break;
            }
        }
        self.check_refusal()?;
        Ok(merged)
    }

    fn matches_of(&self, snapshot: &'a Snapshot) -> Result<Vec<Match>, QueryError> {
        let name: Arc<str> = snapshot.name.as_str().into();
        let query = snapshot.seen(self.request);
        // Planned once even where there is no split, so that a bad request is refused by an empty index as well.
        self.compile(&query, snapshot)?;
        let plan = IndexPlan { snapshot, name: name.clone(), statistics: Statistics(&snapshot.splits), after: None, newest_first: false };
        let mut found = Vec::new();
        for split in &snapshot.splits {
            self.check()?;
            let weight = self.weight(&plan, split, &query, query.needs_scores())?;
            let mut scorer = weight.scorer(&split.reader, 1.0)?;
            let seqs = split.reader.fast_fields().u64(internal::NAMES[1])?;
            let mut doc = scorer.doc();
            while doc != TERMINATED {
                if !split.reader.is_deleted(doc) {
                    let seq = seqs.first(doc).unwrap_or_default();
                    found.push(Match { index: name.clone(), mapping: snapshot.mapping.clone(), split: split.clone(), doc, seq });
                    if found.len() % CHECK_EVERY_DOCS as usize == 0 {
                        self.check()?;
                    }
                }
                doc = scorer.advance();
            }
        }
        self.check_refusal()?;
        found.sort_unstable_by_key(|it| it.seq);
        Ok(found)
    }

    /// Searches one split; with `most`, its first matches only.
    fn split(&self, plan: &IndexPlan<'a>, split: &Arc<Split>, most: Option<u64>) -> Result<Found, QueryError> {
        self.check()?;
        let request = self.request;
        let mapping = &plan.snapshot.mapping;
        let query = plan.snapshot.seen(request);
        let query = match split.meta.time {
            Some((oldest, newest)) if split.meta.is_time_sorted => {
                query.clip(ecs::FIELDS[ecs::TIMESTAMP.0 as usize].name, oldest, newest, mapping, self.now)
            }
            _ => query,
        };
        let wants_count = request.track_total_hits != TrackTotalHits::None || most.is_some();
        let wants_hits = self.keep > 0;
        let mut found = Found::default();
        if wants_count || request.aggs.is_some() {
            let answer =
                self.profiler.time(&plan.snapshot.name, Stage::Collect, || self.count_and_aggregate(plan, split, &query, most, &mut found))?;
            found.count = answer.count;
            found.aggs = answer.aggs.map(|it| (*it).clone());
        } else {
            found.is_cached = true;
        }
        if wants_hits {
            found.is_cached = false;
            self.collect_hits(plan, split, &query, most, &mut found)?;
        }
        Ok(found)
    }

    /// The number of hits and the partial aggregations of one split, from the cache or by reading it.
    fn count_and_aggregate(
        &self,
        plan: &IndexPlan<'a>,
        split: &Arc<Split>,
        query: &Query,
        most: Option<u64>,
        found: &mut Found,
    ) -> Result<PartialAnswer, QueryError> {
        let request = self.request;
        let post_filter = request.post_filter.as_ref();
        let question = [
            Some(query.canonical()),
            post_filter.map(Query::canonical),
            request.aggs.as_ref().map(Aggs::canonical),
            request.min_score.map(|it| it.to_string()),
            // A setting that may change says what a query without fields asks.
            Some(split.mapping.options.default_fields.join(",")),
        ];
        // What depends on the time of asking can't be answered from the cache.
        let cacheable = most.is_none()
            && !query.uses_now()
            && !post_filter.is_some_and(Query::uses_now)
            && !request.aggs.as_ref().is_some_and(Aggs::mentions_now);
        let question: Vec<String> = question.into_iter().map(Option::unwrap_or_default).collect();
        let key = Key {
            split: split.meta.id,
            deleted: split.meta.deleted.len(),
            fields: split.mapping.fields().len(),
            question: question.join("\n").into(),
        };
        if cacheable && let Some(answer) = self.engine.inner.cache.get(&key) {
            found.is_cached = true;
            return Ok(answer);
        }
        let answer = self.read(plan, split, query, most, found)?;
        if cacheable && !found.timed_out {
            self.engine.inner.cache.insert(key, answer.clone());
        }
        Ok(answer)
    }

    fn read(
        &self,
        plan: &IndexPlan<'a>,
        split: &Arc<Split>,
        query: &Query,
        most: Option<u64>,
        found: &mut Found,
    ) -> Result<PartialAnswer, QueryError> {
        let most = most.unwrap_or(u64::MAX);
        let request = self.request;
        let snapshot = plan.snapshot;
        let filter_scores = request.post_filter.as_ref().is_some_and(Query::needs_scores);
        let needs_scores = request.min_score.is_some() || query.needs_scores() || filter_scores;
        let weight = self.weight(plan, split, query, needs_scores)?;
        let hits = match &request.post_filter {
            Some(filter) => {
                let both = BoolQuery::new().must(query.clone()).filter(filter.clone()).build();
                Some(self.weight(plan, split, &both, needs_scores)?)
            }
            None => None,
        };
        let counted = hits.as_ref().unwrap_or(&weight);
        let Some(aggs) = &request.aggs else {
            let count = match request.min_score {
                Some(min) => self.count_scored(&**counted, split, min)?,
                None => u64::from(counted.count(&split.reader)?),
            };
            found.terminated_early |= count > most;
            return Ok(PartialAnswer { count: count.min(most), aggs: None });
        };
        let compile = |query: &Value| self.compile_json(query, snapshot);
        let aggs = aggs.plan(&self.agg_context(snapshot, &compile))?;
        let mut collector = aggs.collector(&SegmentContext { reader: &split.reader, split: split.meta.id.0 })?;
        let mut scorer = weight.scorer(&split.reader, 1.0)?;
        let mut docs = Vec::with_capacity(BLOCK_DOCS);
        let mut count = 0;
        let mut doc = scorer.doc();
        while doc != TERMINATED {
            if !split.reader.is_deleted(doc) && request.min_score.is_none_or(|min| scorer.score() >= min) {
                if count + docs.len() as u64 == most {
                    found.terminated_early = true;
                    collector.collect(&docs)?;
                    count += docs.len() as u64;
                    break;
                }
                docs.push(doc);
            }
            doc = scorer.advance();
            if docs.len() == BLOCK_DOCS || doc == TERMINATED {
                count += docs.len() as u64;
                collector.collect(&docs)?;
                docs.clear();
                if self.is_late() {
                    found.timed_out = true;
                    break;
                }
                self.check()?;
            }
        }
        let partial = collector.finish()?;
        if hits.is_some() {
            count = u64::from(counted.count(&split.reader)?).min(most);
        }
        Ok(PartialAnswer { count, aggs: Some(Arc::new(partial)) })
    }

    fn count_scored(&self, weight: &dyn Weight, split: &Split, min: f32) -> Result<u64, QueryError> {
        let mut count = 0;
        weight.for_each(&split.reader, &mut |doc, score| count += u64::from(score >= min && !split.reader.is_deleted(doc)))?;
        Ok(count)
    }

    fn collect_hits(&self, plan: &IndexPlan<'a>, split: &Arc<Split>, query: &Query, most: Option<u64>, found: &mut Found) -> Result<(), QueryError> {
        let request = self.request;
        let by_score = request.sort.is_empty() || request.sort.iter().any(|it| it.by == SortBy::Score);
        let filter_scores = request.post_filter.as_ref().is_some_and(Query::needs_scores);
        let needs_scores = by_score || request.track_scores || request.min_score.is_some() || query.needs_scores() || filter_scores;
        let query = match &request.post_filter {
            Some(filter) => BoolQuery::new().must(query.clone()).filter(filter.clone()).build(),
            None => query.clone(),
        };
        let query = match plan.after.as_ref().map(|it| &it[0]) {
            // The order is the order of time: what is newer than the page before was on it, and need not be walked over.
            Some(SortValue::I64(last)) if plan.newest_first => {
                let time = ecs::FIELDS[ecs::TIMESTAMP.0 as usize].name;
                BoolQuery::new().must(query).filter(Query::range(time).lte(*last).format("epoch_millis").build()).build()
            }
            _ => query,
        };
        let index = &plan.snapshot.name;
        let weight = self.profiler.time(index, Stage::CreateWeight, || self.weight(plan, split, &query, needs_scores))?;
        let default_sort = [SortKey::score()];
        let keys: &[SortKey] = if request.sort.is_empty() { &default_sort } else { &request.sort };
        let columns = SortColumns::open(keys, &split.reader, &plan.snapshot.mapping)?;
        let groups = request.collapse.as_ref().map(|it| GroupColumn::open(it, &split.reader, &plan.snapshot.mapping)).transpose()?;
        let scorer = self.profiler.time(index, Stage::BuildScorer, || weight.scorer(&split.reader, 1.0))?;
        self.profiler.time(index, Stage::NextDoc, || {
            let walk = Walk { keys, columns: &columns, groups: groups.as_ref(), needs_scores, most: most.unwrap_or(u64::MAX) };
            self.walk(plan, split, &walk, scorer, found)
        })
    }

    /// Goes through the matches of a split and keeps the best.
    fn walk(
        &self,
        plan: &IndexPlan<'a>,
        split: &Arc<Split>,
        walk: &Walk<'_>,
        mut scorer: Box<dyn Scorer>,
        found: &mut Found,
    ) -> Result<(), QueryError> {
        let request = self.request;
        let &Walk { keys, columns, groups, needs_scores, most } = walk;
        // The order of the split is the order of the hits: the first matches are the page, and so are those that tie with its last.
        let stop_early = plan.newest_first && split.meta.is_time_sorted && !needs_scores;
        let mut best: Vec<Candidate> = Vec::new();
        let mut looked_at = 0;
        let mut matched = 0;
        let mut doc = scorer.doc();
        while doc != TERMINATED {
            looked_at += 1;
            if looked_at % CHECK_EVERY_DOCS == 0 {
                self.check()?;
                if self.is_late() {
                    found.timed_out = true;
                    break;
                }
            }
            if !split.reader.is_deleted(doc) {
                let score = if needs_scores { scorer.score() } else { 0.0 };
                if request.min_score.is_none_or(|min| score >= min) {
                    if matched == most {
                        break;
                    }
                    matched += 1;
                    found.max_score = if needs_scores { Some(found.max_score.map_or(score, |it| it.max(score))) } else { None };
                    let values = columns.values(doc, score);
                    let is_after = plan.after.as_ref().is_none_or(|after| sort::compare(keys, &values, after) == Ordering::Greater);
                    if is_after {
                        if stop_early && best.len() >= self.keep && keys[0].compare(&values[0], &best[self.keep - 1].values[0]) == Ordering::Greater {
                            break;
                        }
                        let group = groups.map(|it| it.group(doc)).transpose()?;
                        best.push(Candidate { values, score, seq: columns.seq(doc), doc, split: split.clone(), index: plan.name.clone(), group });
                        // Sorting at twice the size keeps the cost per match constant on average.
                        if !stop_early && best.len() >= 2 * self.keep.max(64) {
                            self.keep_best(&mut best);
                        }
                    }
                }
            }
            doc = scorer.advance();
        }
        self.keep_best(&mut best);
        found.hits = best;
        Ok(())
    }

    /// Sorts candidates and keeps those that can be on the page.
    fn keep_best(&self, hits: &mut Vec<Candidate>) {
        let default_sort = [SortKey::score()];
        let keys: &[SortKey] = if self.request.sort.is_empty() { &default_sort } else { &self.request.sort };
        hits.sort_by(|a, b| sort::compare(keys, &a.values, &b.values).then_with(|| a.seq.cmp(&b.seq)));
        collapse::keep_first(hits, |it| it.group.as_ref());
        hits.truncate(self.keep);
    }

    fn fetch(&self, snapshots: &[Snapshot], candidates: &[Candidate]) -> Result<Vec<Hit>, QueryError> {
        let request = self.request;
        let mappings: BTreeMap<&str, &Arc<Mapping>> = snapshots.iter().map(|it| (it.name.as_str(), &it.mapping)).collect();
        let mut markers = BTreeMap::new();
        if let Some(highlight) = &request.highlight {
            for snapshot in snapshots.iter().filter(|snapshot| candidates.iter().any(|it| *it.index == snapshot.name)) {
                let terms = |query: &Query| {
                    let mut terms = Vec::new();
                    self.compile(query, snapshot)?.query_terms(&mut |term, _| terms.push(term.clone()));
                    Ok(terms)
                };
                markers.insert(snapshot.name.as_str(), highlight.marker(&request.query, &snapshot.mapping, &terms)?);
            }
        }
        let named: Vec<&Query> = request.post_filter.iter().chain([&request.query]).flat_map(Query::named).collect();
        let mut stores = BTreeMap::new();
        let mut hits = Vec::new();
        for candidate in candidates.iter().skip(request.from).take(request.size) {
            let split = &candidate.split;
            let mapping = mappings[&*candidate.index];
            let (source, mut fields, highlight) = if request.source == SourceFilter::None && request.fields.is_empty() && request.highlight.is_none()
            {
                (None, Map::new(), Map::new())
            } else {
                let store = match stores.entry(split.meta.id) {
                    std::collections::btree_map::Entry::Occupied(it) => it.into_mut(),
                    std::collections::btree_map::Entry::Vacant(it) => it.insert(split.store()?),
                };
                let read = || Ok::<_, QueryError>(self.engine.inner.formats.to_json(&Split::stored(store, candidate.doc)?, mapping));
                let document = self.profiler.time(&candidate.index, Stage::Fetch, read)?;
                let fields = fields_of(&request.fields, &document, mapping)?;
                let highlight = markers.get(&*candidate.index).map_or_else(Map::new, |it| it.mark(&document));
                (request.source.apply(document), fields, highlight)
            };
            let (id, version) = split.explicit_id(candidate.doc)?.unwrap_or_else(|| (doc_id::encode(candidate.seq), 1));
            let sort = (!request.sort.is_empty()).then(|| {
                let value = |(key, value): (&SortKey, &SortValue)| key.to_json(key.resolve(mapping).ok().flatten(), value);
                request.sort.iter().zip(&candidate.values).map(value).collect()
            });
            let scored = request.sort.is_empty() || request.track_scores || request.sort.iter().any(|it| it.by == SortBy::Score);
            let score = scored.then_some(candidate.score);
            let snapshot = snapshots.iter().find(|it| *it.name == *candidate.index);
            let explanation = match snapshot.filter(|_| request.explain) {
                Some(snapshot) => self.engine.explain_in(snapshot, split, candidate.doc, self.now, request)?.map(|first| match score {
                    Some(score) if !request.rescore.is_empty() => {
                        json!({ "value": score, "description": "scored again by [rescore], beginning with:", "details": [first] })
                    }
                    _ => first,
                }),
                None => None,
            };
            let matched_queries = match snapshot.filter(|_| !named.is_empty()) {
                Some(snapshot) => self.matched_queries(snapshot, split, candidate.doc, &named)?,
                None => Vec::new(),
            };
            let mut inner = Vec::new();
            if let (Some(collapse), Some(group)) = (&request.collapse, &candidate.group) {
                let field = mapping.field(&collapse.field);
                fields.insert(collapse.field.clone(), Value::Array(vec![Collapse::shown(group, field)]));
                let members = collapse.members(group, field);
                for search in &collapse.inner {
                    inner.push(self.search_group(snapshots, search, members.clone())?);
                }
            }
            hits.push(Hit {
                index: candidate.index.to_string(),
                id,
                score,
                sort,
                source,
                fields,
                highlight,
                explanation,
                matched_queries,
                inner,
                version,
                seq: candidate.seq,
            });
        }
        Ok(hits)
    }

    /// Which of the queries a document matches, with their scores.
    fn matched_queries(&self, snapshot: &Snapshot, split: &Arc<Split>, doc: DocId, named: &[&Query]) -> Result<Vec<(String, f32)>, QueryError> {
        let plan =
            IndexPlan { snapshot, name: snapshot.name.as_str().into(), statistics: Statistics(&snapshot.splits), after: None, newest_first: false };
        let mut matched = Vec::new();
        for query in named {
            let mut scorer = self.weight(&plan, split, query, true)?.scorer(&split.reader, 1.0)?;
            let at = if scorer.doc() < doc { scorer.seek(doc) } else { scorer.doc() };
            if let Some(name) = query.name().filter(|_| at == doc) {
                matched.push((name.to_owned(), scorer.score()));
            }
        }
        Ok(matched)
    }

    /// Answers an inner search: among the documents of one group that the request matches.
    fn search_group(&self, snapshots: &[Snapshot], search: &SearchRequest, members: Query) -> Result<SearchResponse, QueryError> {
        let outer = self.request;
        let mut query = BoolQuery::new().must(outer.query.clone()).filter(members);
        if let Some(filter) = &outer.post_filter {
            query = query.filter(filter.clone());
        }
        let request = SearchRequest {
            query: query.build(),
            index_boosts: outer.index_boosts.clone(),
            cancel: outer.cancel.clone(),
            timeout: outer.timeout,
            track_total_hits: TrackTotalHits::All,
            ..search.clone()
        };
        check_window(&request, window_max(snapshots))?;
        self.engine.search_snapshots(snapshots, self.now, &request)
    }

    /// What aggregations find in all documents, or in those that match a query.
    fn ask_all(&self, snapshots: &[Snapshot], query: Option<&Value>, aggs: &Value) -> Result<(u64, Value), QueryError> {
        let request = SearchRequest {
            query: query.map_or_else(|| Ok(Query::match_all()), Query::from_json)?,
            aggs: Some(Aggs::from_json(aggs)?),
            size: 0,
            track_total_hits: TrackTotalHits::All,
            cancel: self.request.cancel.clone(),
            ..SearchRequest::default()
        };
        let answer = self.engine.search_snapshots(snapshots, self.now, &request)?;
        Ok((answer.total.map_or(0, |it| it.value), answer.aggs.unwrap_or_default()))
    }

    /// Reads a document that a `top_hits` aggregation shows.
    fn fetch_for_aggs(&self, snapshots: &[Snapshot], hit: &HitAddress) -> Result<FetchedHit, QueryError> {
        let split = |snapshot: &'_ Snapshot| snapshot.splits.iter().find(|it| it.meta.id.0 == hit.split).cloned();
        let found = snapshots.iter().find_map(|snapshot| Some((snapshot, split(snapshot)?)));
        // A cached result is of a split of this very snapshot, which keeps it open.
        let (snapshot, split) = found.ok_or_else(|| QueryError::Damaged(format!("split {:016x} of a hit is not open", hit.split)))?;
        let source = self.engine.inner.formats.to_json(&Split::stored(&split.store()?, hit.doc)?, &snapshot.mapping);
        let (id, version) = split.explicit_id(hit.doc)?.unwrap_or_else(|| (doc_id::encode(hit.seq), 1));
        Ok(FetchedHit { id, version, source, mapping: snapshot.mapping.clone() })
    }

    fn agg_context<'b>(&self, snapshot: &'b Snapshot, compile_filter: &'b CompileFilter<'b>) -> AggContext<'b> {
        AggContext { mapping: &snapshot.mapping, now: self.now, index: &snapshot.name, compile_filter }
    }

    fn compile(&self, query: &Query, snapshot: &Snapshot) -> Result<Box<dyn tantivy::query::Query>, QueryError> {
        let documents = Arc::new(Texts {
            engine: self.engine.clone(),
            mapping: snapshot.mapping.clone(),
            readable: snapshot.readable.clone(),
            damage: self.damage.clone(),
            refusal: self.refusal.clone(),
        });
        query.compile(&QueryContext { mapping: &snapshot.mapping, now: self.now, index: &snapshot.name, documents })
    }

    fn compile_json(&self, query: &Value, snapshot: &Snapshot) -> Result<Box<dyn tantivy::query::Query>, QueryError> {
        self.compile(&Query::from_json(query)?, snapshot)
    }

    fn weight(&self, plan: &IndexPlan<'a>, split: &Arc<Split>, query: &Query, scores: bool) -> Result<Box<dyn Weight>, QueryError> {
        let query = self.compile(query, plan.snapshot)?;
        let scoring = if scores {
            EnableScoring::enabled_from_statistics_provider(&plan.statistics, &split.searcher)
        } else {
            EnableScoring::disabled_from_searcher(&split.searcher)
        };
        Ok(query.weight(scoring)?)
    }

    fn check(&self) -> Result<(), QueryError> {
        if self.request.cancel.is_cancelled() { Err(QueryError::Cancelled("the client closed the connection")) } else { Ok(()) }
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|it| Instant::now() > it)
    }
}

fn is_newest_first(key: &SortKey, by_time: &SortBy) -> bool {
    key.descending && key.by == *by_time && key.missing == sort::Missing::Last
}

/// Term statistics over all splits of an index, so that scores do not depend on how its documents are spread over splits.
struct Statistics<'a>(&'a [Arc<Split>]);

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        self.0.iter().map(|it| it.searcher.total_num_tokens(field)).sum()
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        self.0.iter().map(|it| it.searcher.total_num_docs()).sum()
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        self.0.iter().map(|it| it.searcher.doc_freq(term)).sum()
    }
}

/// Texts of stored documents, for queries that verify their matches.
struct Texts {
    engine: Engine,
    mapping: Arc<Mapping>,
    readable: Option<Allowed>,
    damage: Arc<Mutex<Option<String>>>,
    refusal: Arc<Mutex<Option<String>>>,
}

impl DocumentText for Texts {
    fn texts(&self, stored: &[u8], field: &MappedField) -> Vec<String> {
        let document = self.engine.inner.formats.to_json(stored, &self.mapping);
        // A multi-field has its parent's values.
        let name = field.multi_field_of.map_or(field.name.as_str(), |parent| &self.mapping.by_id(parent).name);
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        values_at(&document, name).into_iter().map(text).collect()
    }

    fn values(&self, index: &str, id: &str, path: &str) -> Result<Vec<Value>, QueryError> {
        let refuse = |error: EngineError| match error {
            EngineError::IndexNotFound(name) => QueryError::IndexNotFound(name),
            other => QueryError::IllegalArgument(other.to_string()),
        };
        let mut targets = self.engine.resolve(index, ResolveOptions { allow_no_indices: false, ..ResolveOptions::default() }).map_err(refuse)?;
        if let Some(denied) = self.readable.as_ref().and_then(|it| self.engine.narrow(&mut targets, it)) {
            return Err(QueryError::Forbidden(format!("action is unauthorized on indices [{denied}], of which the query reads a document")));
        }
        let document = self.engine.get(&targets, id).map_err(refuse)?;
        Ok(document.map_or_else(Vec::new, |it| values_at(&it.source, path).into_iter().cloned().collect()))
    }

    fn refused(&self, reason: &str) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }

    fn damaged(&self, reason: &str) {
        *self.damage.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }
}
