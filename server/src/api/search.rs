//! `_search`: the body and URL forms of a search, and its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_engine::aggs::Aggs;
use sekisho_engine::limits::TOTAL_HITS_DEFAULT;
use sekisho_engine::query::{BoolQuery, Query};
use sekisho_engine::{
    Cancel, FieldsOf, Highlight, Hit, HitField, Rescore, ResolveOptions, SearchRequest, SearchResponse, SortBy, SortKey, SourceFilter, TrackTotalHits,
};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Params, Reply};
use super::error::ApiError;
use super::scroll;
use crate::app::{resolve_options, targets};
use crate::contexts::{Held, OwnContexts};
use crate::metrics::Metrics;
use crate::security::Scope;

/// A search as HTTP says it.
#[derive(Default)]
pub struct SearchCall {
    /// Index expression.
    pub index: String,
    /// How it is read.
    pub options: ResolveOptions,
    /// What is asked.
    pub request: SearchRequest,
    /// `hits.total` as a number.
    pub total_as_int: bool,
    /// Hits show `_version`.
    pub version: bool,
    /// Hits show `_seq_no` and `_primary_term`.
    pub seq_no: bool,
    /// Whether hits show the scores of the named queries that they match.
    pub scored_names: bool,
    /// Searches inside of the groups of a collapse, by name.
    pub inner: Vec<(String, SearchCall)>,
    /// Index expressions whose scores are multiplied, with the factors.
    pub index_boosts: Vec<(String, f32)>,
    /// The point in time that is searched, in the place of an index, and its new time to live.
    pub pit: Option<(String, Option<Duration>)>,
    /// How many of a hit's sort values are shown.
    pub sort_values: usize,
    /// The time that the scroll which this begins lives.
    pub scroll: Option<Duration>,
    /// The part of all documents that is searched; goes into the query once the whole request was read.
    slice: Option<Query>,
}

/// Answers `_search`.
///
/// # Errors
/// As Elasticsearch: 400 for what is not understood, 404 for an index that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let index = call.part("index").to_owned();
    let body = call.object()?;
    let keep_alive = call.params.take("scroll").map(|it| scroll::keep_alive(&it, "scroll")).transpose()?;
    let wants_cache = call.params.has("request_cache");
    let mut search = parse(&index, body, &mut call.params, &call.path)?;
    search.scroll = keep_alive;
    super::collapse::check(&search)?;
    if keep_alive.is_some() && wants_cache && search.request.size > 0 {
        return Err(ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: [request_cache] cannot be used in a scroll context;",
        ));
    }
    if keep_alive.is_some() && search.pit.is_some() {
        return Err(ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: using [point in time] is not allowed in a scroll context;",
        ));
    }
    let metrics = call.app.metrics().clone();
    let guard = CancelOnDrop::new(search.request.cancel.clone(), metrics.clone());
    let began = Instant::now();
    let app = call.app.clone();
    let answer = call
        .app
        .search(move |engine| match search.scroll {
            Some(keep_alive) => scroll::begin(engine, &app.contexts(), search, keep_alive),
            None => run(engine, &app.contexts(), &search),
        })
        .await;
    guard.finish();
    metrics.search_duration.observe(began.elapsed().as_secs_f64());
    answer.map(Reply::Json)
}

/// Gives a search up when the connection that asked is gone: the future of its request is dropped then, and this with it.
pub(super) struct CancelOnDrop {
    cancel: Cancel,
    metrics: Arc<Metrics>,
    is_finished: bool,
}

impl CancelOnDrop {
    pub(super) fn new(cancel: Cancel, metrics: Arc<Metrics>) -> Self {
        Self { cancel, metrics, is_finished: false }
    }

    /// The search has ended by itself.
    pub(super) fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if !self.is_finished {
            self.cancel.cancel();
            self.metrics.searches_cancelled.inc();
        }
    }
}

/// Reads a search from body and URL; where both say something the URL wins.
///
/// # Errors
/// 400 naming the key or parameter that is not understood.
pub fn parse(index: &str, body: Map<String, Value>, params: &mut Params, path: &str) -> Result<SearchCall, ApiError> {
    let options = resolve_options(params)?;
    let mut call = SearchCall { index: index.to_owned(), options, sort_values: usize::MAX, ..SearchCall::default() };
    let names_shard_doc = body.get("sort").is_some_and(names_shard_doc);
    read_body(&mut call, body).map_err(ApiError::of_request)?;
    read_params(&mut call, params).map_err(ApiError::of_request)?;
    params.finish(path)?;
    if call.pit.is_some() {
        if !index.is_empty() {
            return Err(ApiError::new(
                400,
                "action_request_validation_exception",
                "Validation Failed: 1: [indices] cannot be used with point in time. Do not specify any index with point in time.;",
            ));
        }
        // Ties are kept apart, so that the next page begins exactly behind this one.
        // A client that pages without the tie-break gets none.
        let sort = &mut call.request.sort;
        let has_place = call.request.search_after.as_ref().is_none_or(|it| it.len() == sort.len() + 1);
        if !sort.is_empty() && has_place && !sort.iter().any(|it| it.by == SortBy::Doc) {
            sort.push(SortKey::doc());
        }
    } else if names_shard_doc {
        return Err(ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: [_shard_doc] sort field cannot be used without [point in time];",
        ));
    }
    if let Some(slice) = call.slice.take() {
        call.request.query = BoolQuery::new().must(call.request.query.clone()).filter(slice).build();
    }
    super::collapse::check(&call)?;
    Ok(call)
}

/// Whether a sort names the tie-break of points in time itself.
fn names_shard_doc(sort: &Value) -> bool {
    match sort {
        Value::String(name) => name == "_shard_doc",
        Value::Array(items) => items.iter().any(names_shard_doc),
        Value::Object(keys) => keys.contains_key("_shard_doc"),
        _ => false,
    }
}

fn slice(value: &Value) -> Result<Query, ApiError> {
    let object = value.as_object().ok_or_else(|| ApiError::parsing("[slice] must be an object with [id] and [max]"))?;
    if let Some(key) = object.keys().find(|it| !matches!(it.as_str(), "id" | "max" | "field")) {
        return Err(ApiError::new(400, "x_content_parse_exception", format!("[slice] unknown field [{key}]")));
    }
    if object.get("field").is_some_and(|it| !matches!(it.as_str(), Some("_id" | "_seq_no"))) {
        return Err(ApiError::illegal_argument("[slice] by a field of documents is not supported; leave [field] out"));
    }
    let number =
        |key: &str| object.get(key).and_then(Value::as_i64).ok_or_else(|| ApiError::parsing(format!("[slice] needs a whole number [{key}]")));
    Ok(Query::slice(number("id")?, number("max")?)?)
}

pub(super) fn read_body(call: &mut SearchCall, body: Map<String, Value>) -> Result<(), ApiError> {
    let mut stored_fields = None;
    let names_source = body.contains_key("_source");
    for (key, value) in body {
        let request = &mut call.request;
        match key.as_str() {
            "query" => request.query = Query::from_json(&value)?,
            "post_filter" => request.post_filter = Some(Query::from_json(&value)?),
            "aggs" | "aggregations" => request.aggs = Some(Aggs::from_json(&value)?).filter(|it| !it.is_empty()),
            "from" => request.from = count(&value, "from")?,
            "size" => request.size = count(&value, "size")?,
            "sort" => request.sort = sort(&value)?,
            "search_after" => match value {
                Value::Array(values) => request.search_after = Some(values),
                other => return Err(ApiError::parsing(format!("Unknown key for a {} in [search_after].", token(&other)))),
            },
            "_source" => request.source = SourceFilter::parse(&value)?,
            "track_total_hits" => request.track_total_hits = track_total_hits(&value)?,
            "track_scores" => request.track_scores = flag(&value, "track_scores")?,
            "min_score" => request.min_score = Some(value.as_f64().ok_or_else(|| ApiError::parsing("[min_score] must be a number"))? as f32),
            "timeout" => request.timeout = timeout(&value)?,
            "pit" => call.pit = Some(pit(&value)?),
            "highlight" => request.highlight = Some(Highlight::parse(&value)?),
            "slice" => call.slice = Some(slice(&value)?),
            "version" => call.version = flag(&value, "version")?,
            "seq_no_primary_term" => call.seq_no = flag(&value, "seq_no_primary_term")?,
            "fields" => request.fields.extend(hit_fields(&value, &key, FieldsOf::Document)?),
            "docvalue_fields" => request.fields.extend(hit_fields(&value, &key, FieldsOf::Columns)?),
            "stored_fields" => stored_fields = Some(stored(&value)?),
            // Grafana always sends the key.
            "script_fields" | "runtime_mappings" | "ext" if value.as_object().is_some_and(Map::is_empty) => {}
            "explain" => request.explain = flag(&value, "explain")?,
            "profile" => request.profile = flag(&value, "profile")?,
            "collapse" => super::collapse::read(call, &value)?,
            "indices_boost" => call.index_boosts = index_boosts(&value)?,
            "terminate_after" => request.terminate_after = terminate_after(count(&value, "terminate_after")?),
            // Groups of searches that somebody else counts.
            "stats" if value.as_array().is_some_and(|it| it.iter().all(Value::is_string)) => {}
            "rescore" => request.rescore = Rescore::parse(&value)?,
            "suggest" | "runtime_mappings" | "script_fields" | "knn" | "rank" | "retriever" | "ext" | "inner_hits" => {
                return Err(ApiError::illegal_argument(format!("[{key}] of a search is not supported")));
            }
            _ => return Err(ApiError::parsing(format!("Unknown key for a {} in [{key}].", token(&value)))),
        }
    }
    // Stored fields alone are shown without the document, which is none of them here.
    match stored_fields {
        Some(Stored::Source) => {}
        Some(Stored::Nothing) => call.request.source = SourceFilter::None,
        Some(Stored::Fields) if !names_source => call.request.source = SourceFilter::None,
        Some(Stored::Fields) | None => {}
    }
    Ok(())
}

fn read_params(call: &mut SearchCall, params: &mut Params) -> Result<(), ApiError> {
    let request = &mut call.request;
    if let Some(query) = url_query(params)? {
        request.query = query;
    }
    if let Some(size) = params.number("size")? {
        request.size = count(&size.into(), "size")?;
    }
    if let Some(from) = params.number("from")? {
        request.from = count(&from.into(), "from")?;
    }
    if let Some(keys) = params.take("sort") {
        let key = |it: &str| match it.rsplit_once(':') {
            Some((field, order)) => json!({ field: order }),
            None => json!(it),
        };
        request.sort = sort(&keys.split(',').map(key).collect::<Vec<_>>().into())?;
    }
    if let Some(value) = params.take("track_total_hits") {
        request.track_total_hits = track_total_hits(&serde_json::from_str(&value).unwrap_or(Value::String(value)))?;
    }
    if ["_source", "_source_includes", "_source_excludes"].iter().any(|it| params.has(it)) {
        request.source = source_params(params);
    }
    if let Some(text) = params.take("timeout") {
        request.timeout = Some(duration(&text)?);
    }
    for (name, of) in [("docvalue_fields", FieldsOf::Columns), ("fields", FieldsOf::Document)] {
        if let Some(list) = params.take(name) {
            let list: Vec<&str> = list.split(',').collect();
            request.fields.extend(hit_fields(&json!(list), name, of)?);
        }
    }
    if let Some(list) = params.take("stored_fields") {
        let list: Vec<&str> = list.split(',').collect();
        if !matches!(stored(&json!(list))?, Stored::Source) {
            request.source = SourceFilter::None;
        }
    }
    if let Some(most) = params.number("terminate_after")? {
        request.terminate_after = terminate_after(count(&most.into(), "terminate_after")?);
    }
    if let Some(text) = params.take("min_score") {
        let refuse = |_| ApiError::illegal_argument(format!("Failed to parse float parameter [min_score] with value [{text}]"));
        request.min_score = Some(text.parse().map_err(refuse)?);
    }
    call.scored_names = params.flag("include_named_queries_score")?.unwrap_or(false);
    request.typed_keys = params.flag("typed_keys")?.unwrap_or(false);
    request.explain = params.flag("explain")?.unwrap_or(request.explain);
    params.ignore(&["stats"]);
    request.track_scores = params.flag("track_scores")?.unwrap_or(request.track_scores);
    call.version = params.flag("version")?.unwrap_or(call.version);
    call.seq_no = params.flag("seq_no_primary_term")?.unwrap_or(call.seq_no);
    call.total_as_int = params.flag("rest_total_hits_as_int")?.unwrap_or(false);
    if call.total_as_int {
        match call.request.track_total_hits {
            TrackTotalHits::UpTo(limit) if limit != TOTAL_HITS_DEFAULT => {
                return Err(inexact_total(limit));
            }
            TrackTotalHits::UpTo(_) => call.request.track_total_hits = TrackTotalHits::All,
            _ => {}
        }
    }
    match params.take("search_type").as_deref() {
        None | Some("query_then_fetch" | "dfs_query_then_fetch") => {}
        Some(other) => return Err(ApiError::illegal_argument(format!("No search type for [{other}]"))),
    }
    // Where a search runs, in how many parts, and what is kept of it, is ours to choose; what is said of it has to make sense.
    for (name, at, least) in [
        ("batched_reduce_size", "batchedReduceSize", 2),
        ("max_concurrent_shard_requests", "maxConcurrentShardRequests", 1),
        ("pre_filter_shard_size", "preFilterShardSize", 1),
    ] {
        if params.number(name)?.is_some_and(|it| it < least) {
            return Err(ApiError::illegal_argument(format!("{at} must be >= {least}")));
        }
    }
    for name in ["request_cache", "ccs_minimize_roundtrips", "allow_partial_search_results"] {
        params.flag(name)?;
    }
    params.ignore(&["preference", "routing"]);
    Ok(())
}

/// The refusal of a total as one number where it may be more.
pub(super) fn inexact_total(limit: u64) -> ApiError {
    ApiError::illegal_argument(format!("[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, got {limit}"))
}

/// The query of `q` and the parameters that belong to it.
///
/// # Errors
/// 400 for what is not understood.
pub(super) fn url_query(params: &mut Params) -> Result<Option<Query>, ApiError> {
    let Some(text) = params.take("q") else { return Ok(None) };
    let mut options = json!({ "query": text });
    for (param, option) in [
        ("df", "default_field"),
        ("default_operator", "default_operator"),
        ("lenient", "lenient"),
        ("analyze_wildcard", "analyze_wildcard"),
        ("analyzer", "analyzer"),
    ] {
        if let Some(value) = params.take(param) {
            options[option] = value.parse::<bool>().map_or(Value::String(value), Value::Bool);
        }
    }
    Ok(Some(Query::from_json(&json!({ "query_string": options }))?))
}

/// What `_source` and its relatives in the URL show; nothing of a document where none is there.
pub(super) fn source_params(params: &mut Params) -> SourceFilter {
    let list = |it: String| it.split(',').map(str::to_owned).collect::<Vec<_>>();
    let named = params.take("_source");
    let (includes, excludes) = (params.take("_source_includes"), params.take("_source_excludes"));
    if includes.is_some() || excludes.is_some() {
        return SourceFilter::Fields { includes: includes.map(list).unwrap_or_default(), excludes: excludes.map(list).unwrap_or_default() };
    }
    match named.as_deref() {
        None | Some("false") => SourceFilter::None,
        Some("true" | "") => SourceFilter::All,
        Some(fields) => SourceFilter::Fields { includes: list(fields.to_owned()), excludes: Vec::new() },
    }
}

/// Runs a search; the answer as JSON.
///
/// # Errors
/// As [`handle`].
pub fn run(engine: &Scope, contexts: &OwnContexts<'_>, call: &SearchCall) -> Result<Value, ApiError> {
    let began = Instant::now();
    let boosted = boosted(engine, call)?;
    let request = boosted.as_ref().unwrap_or(&call.request);
    if let Some((id, keep_alive)) = &call.pit {
        let Some(Held::Pit(view)) = contexts.get(id, *keep_alive) else {
            return Err(ApiError::context_missing(id));
        };
        let mut answer = render(call, view.search(request)?, began.elapsed());
        answer["pit_id"] = id.as_str().into();
        return Ok(answer);
    }
    let targets = targets(engine, &call.index, call.options)?;
    let response = engine.search(&targets, request)?;
    Ok(render(call, response, began.elapsed()))
}

/// The request with the factors of its indices by their own names, where it has some.
pub(super) fn boosted(engine: &Scope, call: &SearchCall) -> Result<Option<SearchRequest>, ApiError> {
    if call.index_boosts.is_empty() {
        return Ok(None);
    }
    let indices = engine.indices();
    let mut index_boosts = Vec::new();
    for (expression, boost) in &call.index_boosts {
        let targets = targets(engine, expression, call.options)?;
        let names = indices.iter().filter(|it| targets.uuids().contains(&it.uuid)).map(|it| (it.name.clone(), *boost));
        index_boosts.extend(names);
    }
    Ok(Some(SearchRequest { index_boosts, ..call.request.clone() }))
}

/// `[{"index": 1.5}]`, or one object.
fn index_boosts(value: &Value) -> Result<Vec<(String, f32)>, ApiError> {
    let refuse = || ApiError::parsing("Expected [START_OBJECT] in [indices_boost] with the name of an index and its number");
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut boosts = Vec::new();
    for item in items {
        let object = item.as_object().ok_or_else(refuse)?;
        if value.is_array() && object.len() != 1 {
            return Err(refuse());
        }
        for (name, boost) in object {
            let boost = boost.as_f64().ok_or_else(refuse)? as f32;
            if boost < 0.0 {
                return Err(ApiError::illegal_argument(format!("negative [indices_boost] of [{name}] is not allowed")));
            }
            boosts.push((name.clone(), boost));
        }
    }
    Ok(boosts)
}

/// A number of matches; zero is none.
fn terminate_after(count: usize) -> Option<u64> {
    (count > 0).then_some(count as u64)
}

/// What `stored_fields` shows.
enum Stored {
    /// No document, as with `_none_`.
    Nothing,
    /// The document itself.
    Source,
    /// Fields of which a separate copy would be stored: no index has any.
    Fields,
}

fn stored(value: &Value) -> Result<Stored, ApiError> {
    let refuse = || ApiError::parsing("[stored_fields] must be a name or a list of names");
    let names: Vec<&str> = match value {
        Value::String(name) => vec![name],
        Value::Array(items) => items.iter().map(|it| it.as_str().ok_or_else(refuse)).collect::<Result<_, _>>()?,
        _ => return Err(refuse()),
    };
    match names.as_slice() {
        ["_none_"] => Ok(Stored::Nothing),
        names if names.contains(&"_none_") => Err(ApiError::illegal_argument("cannot combine _none_ with other fields")),
        names if names.iter().any(|it| matches!(*it, "_source" | "*")) => Ok(Stored::Source),
        _ => Ok(Stored::Fields),
    }
}

/// `{"id", "keep_alive"}`.
fn pit(value: &Value) -> Result<(String, Option<Duration>), ApiError> {
    let refuse = || ApiError::parsing("[pit] must be an object with [id] and, if wanted, [keep_alive]");
    let object = value.as_object().ok_or_else(refuse)?;
    if object.keys().any(|it| it != "id" && it != "keep_alive") {
        return Err(refuse());
    }
    let id = object.get("id").and_then(Value::as_str).ok_or_else(refuse)?;
    let keep_alive = match object.get("keep_alive") {
        None | Some(Value::Null) => None,
        Some(value) => Some(scroll::keep_alive(value.as_str().ok_or_else(refuse)?, "keep_alive")?),
    };
    Ok((id.to_owned(), keep_alive))
}

/// The answer of a search.
pub(super) fn render(call: &SearchCall, mut response: SearchResponse, took: Duration) -> Value {
    let failures = std::mem::take(&mut response.failures);
    let (shards, timed_out, terminated_early) = (response.shards, response.timed_out, response.terminated_early);
    let profile = response.profile.as_ref().map(|it| super::profile::render(it, &call.request.query));
    let aggs = response.aggs.take();
    let hits = render_hits(call, response);
    let mut shards = json!({ "total": shards, "successful": shards - failures.len(), "skipped": 0, "failed": failures.len() });
    if !failures.is_empty() {
        let failure = |it: &sekisho_engine::ShardFailure| json!({ "shard": 0, "index": it.index, "node": "sekisho", "reason": { "type": it.error.es_type(), "reason": it.error.to_string() } });
        shards["failures"] = failures.iter().map(failure).collect();
    }
    let mut answer = json!({ "took": took.as_millis() as u64, "timed_out": timed_out });
    if call.request.terminate_after.is_some() {
        answer["terminated_early"] = terminated_early.into();
    }
    answer["_shards"] = shards;
    answer["hits"] = hits;
    if let Some(aggs) = aggs {
        answer["aggregations"] = aggs;
    }
    if let Some(profile) = profile {
        answer["profile"] = profile;
    }
    answer
}

/// `hits` of an answer.
pub(super) fn render_hits(call: &SearchCall, response: SearchResponse) -> Value {
    let mut hits = Map::new();
    if let Some(total) = response.total {
        let total = if call.total_as_int {
            json!(total.value)
        } else {
            json!({ "value": total.value, "relation": if total.is_lower_bound { "gte" } else { "eq" } })
        };
        hits.insert("total".to_owned(), total);
    } else if call.total_as_int {
        hits.insert("total".to_owned(), json!(-1));
    }
    let is_scored = call.request.sort.is_empty() || call.request.track_scores;
    hits.insert("max_score".to_owned(), response.max_score.filter(|_| is_scored && call.request.size > 0).map_or(Value::Null, |it| json!(it)));
    hits.insert("hits".to_owned(), response.hits.into_iter().map(|hit| render_hit(call, hit)).collect());
    Value::Object(hits)
}

fn render_hit(call: &SearchCall, hit: Hit) -> Value {
    let mut out = Map::new();
    out.insert("_index".to_owned(), hit.index.into());
    out.insert("_id".to_owned(), hit.id.into());
    if call.version {
        out.insert("_version".to_owned(), hit.version.into());
    }
    if call.seq_no {
        out.insert("_seq_no".to_owned(), hit.seq.into());
        out.insert("_primary_term".to_owned(), 1.into());
    }
    out.insert("_score".to_owned(), hit.score.map_or(Value::Null, |it| json!(it)));
    if let Some(source) = hit.source {
        out.insert("_source".to_owned(), Value::Object(source));
    }
    if !hit.fields.is_empty() {
        out.insert("fields".to_owned(), Value::Object(hit.fields));
    }
    if let Some(explanation) = hit.explanation {
        out.insert("_explanation".to_owned(), explanation);
    }
    if !hit.inner.is_empty() {
        out.insert("inner_hits".to_owned(), super::collapse::render(call, hit.inner));
    }
    if !hit.matched_queries.is_empty() {
        out.insert(
            "matched_queries".to_owned(),
            if call.scored_names {
                hit.matched_queries.into_iter().map(|(name, score)| (name, json!(score))).collect()
            } else {
                hit.matched_queries.into_iter().map(|(name, _)| name).collect()
            },
        );
    }
    if !hit.highlight.is_empty() {
        out.insert("highlight".to_owned(), Value::Object(hit.highlight));
    }
    if let Some(mut sort) = hit.sort.filter(|_| call.sort_values > 0) {
        sort.truncate(call.sort_values);
        out.insert("sort".to_owned(), Value::Array(sort));
    }
    Value::Object(out)
}

pub(super) fn sort(value: &Value) -> Result<Vec<SortKey>, ApiError> {
    let keys = SortKey::parse(value)?;
    // Sorting by nothing but the score is what happens without a sort.
    Ok(if keys == [SortKey::score()] { Vec::new() } else { keys })
}

fn hit_fields(value: &Value, key: &str, of: FieldsOf) -> Result<Vec<HitField>, ApiError> {
    let items = value.as_array().ok_or_else(|| ApiError::parsing(format!("[{key}] must be a list of names or objects with [field]")))?;
    Ok(items.iter().map(|it| HitField::parse(it, of)).collect::<Result<_, _>>()?)
}

fn count(value: &Value, key: &str) -> Result<usize, ApiError> {
    let number = value.as_i64().or_else(|| value.as_str().and_then(|it| it.parse().ok()));
    match number {
        Some(it) if it < 0 => Err(ApiError::illegal_argument(format!("[{key}] parameter cannot be negative, found [{it}]"))),
        Some(it) => Ok(it as usize),
        None => Err(ApiError::parsing(format!("[{key}] must be a whole number, found [{value}]"))),
    }
}

fn flag(value: &Value, key: &str) -> Result<bool, ApiError> {
    match value {
        Value::Bool(it) => Ok(*it),
        Value::String(it) if it == "true" => Ok(true),
        Value::String(it) if it == "false" => Ok(false),
        _ => Err(ApiError::parsing(format!("[{key}] must be true or false, found [{value}]"))),
    }
}

fn track_total_hits(value: &Value) -> Result<TrackTotalHits, ApiError> {
    match value {
        Value::Bool(true) => Ok(TrackTotalHits::All),
        Value::Bool(false) => Ok(TrackTotalHits::None),
        Value::Number(number) => match number.as_i64() {
            Some(-1) => Ok(TrackTotalHits::None),
            Some(it) if it >= 0 => Ok(TrackTotalHits::UpTo(it as u64)),
            _ => Err(ApiError::illegal_argument(format!("[track_total_hits] parameter must be positive or equals to -1, got {number}"))),
        },
        Value::String(text) => track_total_hits(
            &serde_json::from_str(text).map_err(|_| ApiError::illegal_argument(format!("[track_total_hits] is not a number: [{text}]")))?,
        ),
        _ => Err(ApiError::parsing("[track_total_hits] must be true, false or a number")),
    }
}

/// `timeout` of a body: a time, or -1 for none.
fn timeout(value: &Value) -> Result<Option<Duration>, ApiError> {
    match value {
        Value::String(text) if text != "-1" => duration(text).map(Some),
        Value::Null | Value::String(_) => Ok(None),
        Value::Number(it) if it.as_i64() == Some(-1) => Ok(None),
        other => Err(ApiError::illegal_argument(format!(
            "failed to parse setting [timeout] with value [{other}] as a time value: unit is missing or unrecognized"
        ))),
    }
}

/// A time as Elasticsearch writes it: `500ms`, `10s`, `1m`.
pub(super) fn duration(text: &str) -> Result<Duration, ApiError> {
    let refuse = || ApiError::illegal_argument(format!("failed to parse setting [timeout] with value [{text}] as a time value"));
    let digits = text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().map_err(|_| refuse())?;
    let ms = match &text[digits..] {
        "nanos" | "micros" => 1,
        "ms" => number,
        "s" => number.saturating_mul(1_000),
        "m" => number.saturating_mul(60_000),
        "h" => number.saturating_mul(3_600_000),
        "d" => number.saturating_mul(86_400_000),
        _ => return Err(refuse()),
    };
    Ok(Duration::from_millis(ms))
}

fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}
