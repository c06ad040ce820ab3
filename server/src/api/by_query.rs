//! `_delete_by_query` and `_update_by_query`: every match of a query, deleted or written again. Without scripts an update changes
//! nothing but the version, and takes up what the mapping has learnt since.

use std::collections::BTreeSet;
use std::time::Instant;

use sekisho_engine::{Condition, PRIMARY_TERM, Scan, SearchRequest, StoredDocument, WriteAction, WriteOp, WriteResult};
use serde_json::{Map, Value, json};

use super::bulk::item;
use super::call::{Call, Outcome, Params, Reply};
use super::condition::invalid;
use super::error::ApiError;
use super::search::{self, CancelOnDrop, SearchCall};
use crate::app::targets;
use crate::security::Scope;

/// Documents of one batch unless `scroll_size` says otherwise, as in Elasticsearch.
const BATCH_DOCS: usize = 1_000;

/// Answers `POST /{index}/_delete_by_query`.
///
/// # Errors
/// 400 without a query, 404 for an index that does not exist, 409 for documents that change meanwhile unless `conflicts=proceed`.
pub async fn delete(call: Call) -> Outcome {
    handle(call, true).await
}

/// Answers `POST /{index}/_update_by_query`.
///
/// # Errors
/// 400 for a script, 404 for an index that does not exist, 409 for documents that change meanwhile unless `conflicts=proceed`.
pub async fn update(call: Call) -> Outcome {
    handle(call, false).await
}

async fn handle(mut call: Call, is_delete: bool) -> Outcome {
    let mut options = Options::take(&mut call.params)?;
    let mut body = call.object()?;
    options.read(&mut body)?;
    let has_query = body.contains_key("query") || call.params.has("q");
    if let Some(key) = body.keys().find(|it| *it != "query") {
        let reason = match key.as_str() {
            "script" => "[script] is not supported: there is no scripting".to_owned(),
            key => format!("[{}] does not support [{key}]", if is_delete { "delete_by_query" } else { "update_by_query" }),
        };
        return Err(ApiError::illegal_argument(reason));
    }
    let index = call.part("index").to_owned();
    let search = search::parse(&index, body, &mut call.params, &call.path)?;
    if search.request.from > 0 {
        return invalid("from is not supported in this context");
    }
    // Every match is gone over; what would leave some out is not passed by.
    let limits = [("terminate_after", search.request.terminate_after.is_some()), ("min_score", search.request.min_score.is_some())];
    if let Some((name, _)) = limits.iter().find(|it| it.1) {
        return Err(ApiError::illegal_argument(format!("[{name}] is not supported here; use [max_docs] or a query")));
    }
    if is_delete && !has_query {
        return invalid("query is missing");
    }
    let guard = CancelOnDrop::new(search.request.cancel.clone(), call.app.metrics().clone());
    let answer = call
        .app
        .search(move |engine| {
            let scan = scan(engine, &search, &options)?;
            let op = |it: StoredDocument| {
                let action = if is_delete { WriteAction::Delete } else { WriteAction::Index(bytes(&it.source)) };
                WriteOp { index: it.index, id: Some(it.id), action, condition: Condition::LastWrite { seq: it.seq, term: PRIMARY_TERM } }
            };
            Work { engine, scan: &scan, options: &options, sources: !is_delete }.run(op, &search.request)
        })
        .await;
    guard.finish();
    answer
}

/// What `_delete_by_query`, `_update_by_query` and `_reindex` have in common.
pub struct Options {
    /// Documents at most.
    pub docs_max: Option<usize>,
    /// Whether a conflict is counted instead of being the end.
    pub proceed: bool,
    refresh: bool,
    batch: usize,
    began: Instant,
}

impl Options {
    /// Takes the URL parameters.
    ///
    /// # Errors
    /// 400 for values that are none, and for what would need a task to go on in the background.
    pub fn take(params: &mut Params) -> Result<Self, ApiError> {
        let mut options = Self { docs_max: None, proceed: false, refresh: false, batch: BATCH_DOCS, began: Instant::now() };
        for name in ["max_docs", "size"] {
            if let Some(docs) = params.number(name)? {
                options.docs_max = Some(at_least_one(docs, "max_docs")?);
            }
        }
        if let Some(batch) = params.number("scroll_size")? {
            options.batch = at_least_one(batch, "scroll_size")?.min(10_000);
        }
        if let Some(word) = params.take("conflicts") {
            options.proceed = conflicts(&word)?;
        }
        // What waits for a refresh gets one.
        options.refresh = match params.take("refresh").as_deref() {
            None | Some("false") => false,
            Some("" | "true" | "wait_for") => true,
            Some(other) => return Err(ApiError::illegal_argument(format!("Unknown value for refresh: [{other}]."))),
        };
        if params.flag("wait_for_completion")? == Some(false) {
            return Err(ApiError::illegal_argument(
                "[wait_for_completion=false] is not supported: there are no tasks; the answer comes when it is done",
            ));
        }
        match params.take("requests_per_second").as_deref() {
            None | Some("-1" | "-1.0") => {}
            Some(other) => return Err(ApiError::illegal_argument(format!("[requests_per_second] of [{other}] is not supported; use -1"))),
        }
        match params.take("pipeline").as_deref() {
            None | Some("_none") => {}
            Some(other) => return Err(ApiError::illegal_argument(format!("pipeline with id [{other}] does not exist"))),
        }
        if params.has("sort") {
            return Err(ApiError::illegal_argument("[sort] is not supported here: documents are gone over in the order of their writing"));
        }
        params.ignore(&["slices", "scroll", "timeout", "search_timeout", "wait_for_active_shards", "request_cache", "routing"]);
        Ok(options)
    }

    /// Takes the keys of the body that say the same.
    ///
    /// # Errors
    /// 400 for values that are none.
    pub fn read(&mut self, body: &mut Map<String, Value>) -> Result<(), ApiError> {
        match body.remove("max_docs") {
            None | Some(Value::Null) => {}
            Some(value) => self.docs_max = Some(at_least_one(value.as_i64().unwrap_or(0), "max_docs")?),
        }
        match body.remove("conflicts") {
            None => {}
            Some(value) => self.proceed = conflicts(value.as_str().unwrap_or_default())?,
        }
        Ok(())
    }
}

fn at_least_one(number: i64, name: &str) -> Result<usize, ApiError> {
    match usize::try_from(number) {
        Ok(it) if it > 0 => Ok(it),
        _ => invalid(&format!("[{name}] parameter should be greater than 0, found [{number}]")),
    }
}

fn conflicts(word: &str) -> Result<bool, ApiError> {
    match word {
        "proceed" => Ok(true),
        "abort" => Ok(false),
        other => Err(ApiError::illegal_argument(format!("conflicts may only be \"proceed\" or \"abort\" but was [{other}]"))),
    }
}

/// The matches of a search.
///
/// # Errors
/// As the search.
pub fn scan(engine: &Scope, search: &SearchCall, options: &Options) -> Result<Scan, ApiError> {
    Ok(engine.scan(&targets(engine, &search.index, search.options)?, &search.request, options.docs_max)?)
}

/// A document's bytes.
pub fn bytes(source: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(source).expect("a JSON value has only text keys")
}

/// Matches to go over, in batches.
pub struct Work<'a> {
    /// Where.
    pub engine: &'a Scope,
    /// What.
    pub scan: &'a Scan,
    /// How.
    pub options: &'a Options,
    /// Whether the documents are needed.
    pub sources: bool,
}

/// How many became what.
#[derive(Default)]
struct Counts {
    created: u64,
    updated: u64,
    deleted: u64,
    conflicts: u64,
    batches: u64,
}

impl Work<'_> {
    /// Does one operation for each match; stops after the batch in which one fails.
    ///
    /// # Errors
    /// When the log takes no writes, or the client is gone.
    pub fn run(&self, op: impl Fn(StoredDocument) -> WriteOp, request: &SearchRequest) -> Outcome {
        let (engine, options) = (self.engine, self.options);
        let mut counts = Counts::default();
        let mut failures = Vec::new();
        let mut touched = BTreeSet::new();
        let mut at = 0;
        while at < self.scan.len() && failures.is_empty() {
            if request.cancel.is_cancelled() {
                return Err(ApiError::new(400, "task_cancelled_exception", "task cancelled [the client closed the connection]"));
            }
            let end = (at + options.batch).min(self.scan.len());
            let ops: Vec<WriteOp> = self.scan.read(at..end, self.sources)?.into_iter().map(&op).collect();
            let (results, written) = engine.write(ops)?;
            written.wait()?;
            counts.batches += 1;
            for result in &results {
                match result {
                    WriteResult::Created(it) => {
                        counts.created += 1;
                        touched.insert(it.index.clone());
                    }
                    WriteResult::Updated(it) => {
                        counts.updated += 1;
                        touched.insert(it.index.clone());
                    }
                    WriteResult::Deleted(it) => {
                        counts.deleted += 1;
                        touched.insert(it.index.clone());
                    }
                    // Whoever deleted it was faster.
                    WriteResult::Conflict { .. } | WriteResult::NotFound(_) => {
                        counts.conflicts += 1;
                        if !options.proceed {
                            failures.push(failure(result));
                        }
                    }
                    WriteResult::Noop(_) => {}
                    WriteResult::Missing { .. } | WriteResult::Refused { .. } | WriteResult::Illegal { .. } | WriteResult::Failed { .. } => {
                        failures.push(failure(result));
                    }
                }
            }
            at = end;
        }
        if options.refresh && !touched.is_empty() {
            engine.refresh_named(&touched)?;
        }
        let status = failures.first().and_then(|it| it["status"].as_u64()).map_or(200, |it| it as u16);
        let Counts { created, updated, deleted, conflicts, batches } = counts;
        let answer = json!({
            "took": options.began.elapsed().as_millis() as u64, "timed_out": false, "total": self.scan.len(), "created": created, "updated": updated,
            "deleted": deleted, "batches": batches, "version_conflicts": conflicts, "noops": 0, "retries": { "bulk": 0, "search": 0 },
            "throttled_millis": 0, "requests_per_second": -1.0, "throttled_until_millis": 0, "failures": failures,
        });
        Ok(Reply::Status(status, answer))
    }
}

fn failure(result: &WriteResult) -> Value {
    let item = item(result);
    json!({ "index": item["_index"], "id": item["_id"], "cause": item["error"], "status": item["status"] })
}
