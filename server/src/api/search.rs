//! `_search`: the body and URL forms of a search, and its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_engine::aggs::Aggs;
use sekisho_engine::limits::TOTAL_HITS_DEFAULT;
use sekisho_engine::query::{BoolQuery, Query};
use sekisho_engine::{Cancel, Engine, Hit, ResolveOptions, SearchRequest, SearchResponse, SortKey, SourceFilter, TrackTotalHits, View};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Params, Reply};
use super::error::ApiError;
use crate::app::{App, resolve_options, targets};
use crate::metrics::Metrics;

/// Longest time that a scroll or a point in time stays open unused, as Elasticsearch's `search.max_keep_alive`.
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// A search as HTTP says it.
#[derive(Clone)]
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
    /// Fields that hits show as lists, by patterns.
    pub fields: Vec<String>,
    /// The point in time that is asked instead of indices.
    pub pit: Option<Pit>,
}

/// A point in time as a search names it.
#[derive(Clone)]
pub struct Pit {
    id: String,
    keep_alive: Option<Duration>,
    /// What it is, once it was looked up.
    view: Option<Arc<View>>,
}

/// Answers `_search`.
///
/// # Errors
/// As Elasticsearch: 400 for what is not understood, 404 for an index that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let index = call.part("index").to_owned();
    let body = call.object()?;
    let scroll = call.params.take("scroll").map(|it| keep_alive(&it)).transpose()?;
    let search = parse(&index, body, &mut call.params, &call.path)?;
    let metrics = call.app.metrics().clone();
    let began = Instant::now();
    let outcome = match scroll {
        Some(keep_alive) => super::scroll::begin(&call.app, search, keep_alive).await,
        None => answer(&call.app, search).await,
    };
    metrics.search_duration.observe(began.elapsed().as_secs_f64());
    outcome.map(Reply::Json)
}

/// Runs a search; it is given up when nobody waits for its answer any more.
///
/// # Errors
/// As [`handle`].
pub(super) async fn answer(app: &App, mut search: SearchCall) -> Result<Value, ApiError> {
    search.look_up(app)?;
    let guard = CancelOnDrop::new(search.request.cancel.clone(), app.metrics().clone());
    let answer = app.search(move |engine| run(engine, &search)).await;
    guard.finish();
    answer
}

impl SearchCall {
    /// Finds the point in time that is named.
    ///
    /// # Errors
    /// 404 where there is none.
    pub(super) fn look_up(&mut self, app: &App) -> Result<(), ApiError> {
        if let Some(pit) = &mut self.pit {
            let view = app.points_in_time().get(&pit.id, pit.keep_alive, Instant::now());
            pit.view = Some(view.ok_or_else(|| ApiError::context_missing(&pit.id))?);
        }
        Ok(())
    }
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
    let mut call = SearchCall {
        index: index.to_owned(),
        options,
        request: SearchRequest::default(),
        total_as_int: false,
        version: false,
        seq_no: false,
        fields: Vec::new(),
        pit: None,
    };
    let names_shard_doc = body.get("sort").is_some_and(names_shard_doc);
    let slice = body.get("slice").map(slice).transpose()?;
    read_body(&mut call, body)?;
    read_params(&mut call, params)?;
    params.finish(path)?;
    call.request.fields = std::mem::take(&mut call.fields);
    match &call.pit {
        Some(_) => {
            if !call.index.is_empty() {
                ApiError::validation(&["[indices] cannot be used with point in time. Do not specify any index with point in time."])?;
            }
            let sort = &mut call.request.sort;
            // What ties is told apart, so that the next page begins behind the very last hit; a client that gives fewer values knows better.
            let has_place = call.request.search_after.as_ref().is_none_or(|it| it.len() == sort.len() + 1);
            if !sort.is_empty() && has_place && !names_shard_doc {
                sort.push(SortKey::doc());
            }
        }
        None if names_shard_doc => ApiError::validation(&["[_shard_doc] sort field cannot be used without [point in time]"])?,
        None => {}
    }
    if let Some(slice) = slice {
        call.request.query = BoolQuery::new().must(call.request.query.clone()).filter(slice).build();
    }
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

fn pit(value: &Value) -> Result<Pit, ApiError> {
    let object = value.as_object().ok_or_else(|| ApiError::parsing("[pit] must be an object with [id]"))?;
    let mut pit = Pit { id: String::new(), keep_alive: None, view: None };
    for (key, value) in object {
        match (key.as_str(), value) {
            ("id", Value::String(id)) => pit.id.clone_from(id),
            ("keep_alive", Value::String(text)) => pit.keep_alive = Some(keep_alive(text)?),
            _ => return Err(ApiError::new(400, "x_content_parse_exception", format!("[pit] unknown field [{key}] or value [{value}]"))),
        }
    }
    if pit.id.is_empty() {
        return Err(ApiError::illegal_argument("Required [id]"));
    }
    Ok(pit)
}

fn read_body(call: &mut SearchCall, body: Map<String, Value>) -> Result<(), ApiError> {
    let request = &mut call.request;
    for (key, value) in body {
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
            "timeout" => request.timeout = value.as_str().map(duration).transpose()?,
            "version" => call.version = flag(&value, "version")?,
            "seq_no_primary_term" => call.seq_no = flag(&value, "seq_no_primary_term")?,
            "fields" | "docvalue_fields" => call.fields.extend(field_patterns(&value, &key)?),
            "stored_fields" if matches!(value.as_str(), Some("_none_")) => request.source = SourceFilter::None,
            "pit" => call.pit = Some(pit(&value)?),
            // Read before.
            "slice" => {}
            "profile" | "explain" if value == Value::Bool(false) => {}
            // Hints that change nothing here.
            "terminate_after" if value == json!(0) => {}
            _ => return Err(ApiError::parsing(format!("Unknown key for a {} in [{key}].", token(&value)))),
        }
    }
    Ok(())
}

fn read_params(call: &mut SearchCall, params: &mut Params) -> Result<(), ApiError> {
    let request = &mut call.request;
    if let Some(text) = params.take("q") {
        let mut options = json!({ "query": text });
        for (param, option) in
            [("df", "default_field"), ("default_operator", "default_operator"), ("lenient", "lenient"), ("analyze_wildcard", "analyze_wildcard")]
        {
            if let Some(value) = params.take(param) {
                options[option] = value.parse::<bool>().map_or(Value::String(value), Value::Bool);
            }
        }
        request.query = Query::from_json(&json!({ "query_string": options }))?;
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
    let list = |it: String| it.split(',').map(str::to_owned).collect::<Vec<_>>();
    match params.take("_source").as_deref() {
        None => {}
        Some("true" | "") => request.source = SourceFilter::All,
        Some("false") => request.source = SourceFilter::None,
        Some(fields) => request.source = SourceFilter::Fields { includes: list(fields.to_owned()), excludes: Vec::new() },
    }
    let (includes, excludes) = (params.take("_source_includes"), params.take("_source_excludes"));
    if includes.is_some() || excludes.is_some() {
        request.source = SourceFilter::Fields { includes: includes.map(list).unwrap_or_default(), excludes: excludes.map(list).unwrap_or_default() };
    }
    if let Some(text) = params.take("timeout") {
        request.timeout = Some(duration(&text)?);
    }
    request.typed_keys = params.flag("typed_keys")?.unwrap_or(false);
    request.track_scores = params.flag("track_scores")?.unwrap_or(request.track_scores);
    call.version = params.flag("version")?.unwrap_or(call.version);
    call.seq_no = params.flag("seq_no_primary_term")?.unwrap_or(call.seq_no);
    call.total_as_int = params.flag("rest_total_hits_as_int")?.unwrap_or(false);
    if call.total_as_int {
        match call.request.track_total_hits {
            TrackTotalHits::UpTo(limit) if limit != TOTAL_HITS_DEFAULT => {
                return Err(ApiError::illegal_argument(format!(
                    "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, got {limit}"
                )));
            }
            TrackTotalHits::UpTo(_) => call.request.track_total_hits = TrackTotalHits::All,
            _ => {}
        }
    }
    match params.take("search_type").as_deref() {
        None | Some("query_then_fetch" | "dfs_query_then_fetch") => {}
        Some(other) => return Err(ApiError::illegal_argument(format!("No search type for [{other}]"))),
    }
    // Where a search runs, and what is kept of it, is ours to choose.
    params.ignore(&[
        "preference",
        "routing",
        "request_cache",
        "batched_reduce_size",
        "max_concurrent_shard_requests",
        "pre_filter_shard_size",
        "ccs_minimize_roundtrips",
        "allow_partial_search_results",
    ]);
    Ok(())
}

/// Runs a search; the answer as JSON.
///
/// # Errors
/// As [`handle`].
pub fn run(engine: &Engine, call: &SearchCall) -> Result<Value, ApiError> {
    let began = Instant::now();
    let response = match call.pit.as_ref().and_then(|it| it.view.as_deref()) {
        Some(view) => engine.search_view(view, &call.request)?,
        None => engine.search(&targets(engine, &call.index, call.options)?, &call.request)?,
    };
    Ok(render(call, response, began.elapsed()))
}

pub(super) fn render(call: &SearchCall, response: SearchResponse, took: Duration) -> Value {
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
    let mut shards =
        json!({ "total": response.shards, "successful": response.shards - response.failures.len(), "skipped": 0, "failed": response.failures.len() });
    if !response.failures.is_empty() {
        let failure = |it: &sekisho_engine::ShardFailure| json!({ "shard": 0, "index": it.index, "node": "sekisho", "reason": { "type": it.error.es_type(), "reason": it.error.to_string() } });
        shards["failures"] = response.failures.iter().map(failure).collect();
    }
    let mut answer = json!({ "took": took.as_millis() as u64, "timed_out": response.timed_out, "_shards": shards, "hits": hits });
    if let Some(aggs) = response.aggs {
        answer["aggregations"] = aggs;
    }
    if let Some(pit) = &call.pit {
        answer["pit_id"] = pit.id.clone().into();
    }
    answer
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
    if let Some(sort) = hit.sort {
        out.insert("sort".to_owned(), Value::Array(sort));
    }
    Value::Object(out)
}

pub(super) fn sort(value: &Value) -> Result<Vec<SortKey>, ApiError> {
    let keys = SortKey::parse(value)?;
    // Sorting by nothing but the score is what happens without a sort.
    Ok(if keys == [SortKey::score()] { Vec::new() } else { keys })
}

fn field_patterns(value: &Value, key: &str) -> Result<Vec<String>, ApiError> {
    let refuse = || ApiError::parsing(format!("[{key}] must be a list of names or objects with [field]"));
    let pattern = |it: &Value| match it {
        Value::String(name) => Ok(name.clone()),
        Value::Object(object) => object.get("field").and_then(Value::as_str).map(str::to_owned).ok_or_else(refuse),
        _ => Err(refuse()),
    };
    value.as_array().ok_or_else(refuse)?.iter().map(pattern).collect()
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

/// How long something stays open after its last use, at most a day.
pub(super) fn keep_alive(text: &str) -> Result<Duration, ApiError> {
    let time = duration(text)?;
    if time > KEEP_ALIVE_MAX {
        return Err(ApiError::illegal_argument(format!(
            "Keep alive for request ({text}) is too large. It must be less than (1d). This limit can be set by changing the [search.max_keep_alive] cluster level setting."
        )));
    }
    Ok(time)
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
