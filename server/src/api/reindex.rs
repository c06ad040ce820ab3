//! `_reindex`: documents of some indices copied into another, on this server. Not from a remote one, and not through scripts.

use sekisho_engine::{Condition, ResolveOptions, SourceFilter, StoredDocument, WriteAction, WriteOp};
use serde_json::{Map, Value};

use super::by_query::{Options, Work, bytes, scan};
use super::call::{Call, Outcome, Params};
use super::condition::invalid;
use super::error::ApiError;
use super::search::{self, CancelOnDrop};

/// Where documents go.
struct Destination {
    index: String,
    is_create: bool,
    /// `version_type`: unless it is internal, the documents' own versions are kept, and must be higher than those present.
    or_equal: Option<bool>,
}

/// Answers `POST _reindex`.
///
/// # Errors
/// 400 for a body that is not understood, 404 for a source that does not exist, 409 for conflicts unless `conflicts=proceed`.
pub async fn handle(mut call: Call) -> Outcome {
    let mut options = Options::take(&mut call.params)?;
    call.params.ignore(&["require_alias"]);
    call.params.finish(&call.path)?;
    let mut body = call.object()?;
    options.read(&mut body)?;
    let (source, destination) = (section(&mut body, "source")?, section(&mut body, "dest")?);
    if body.remove("script").is_some() {
        return Err(ApiError::illegal_argument("[script] is not supported: there is no scripting"));
    }
    if let Some(key) = body.keys().next() {
        return Err(ApiError::new(400, "x_content_parse_exception", format!("[reindex] unknown field [{key}]")));
    }
    let destination = parse_destination(destination)?;
    let (index, shown, body) = parse_source(source)?;
    let search = search::parse(&index, body, &mut Params::default(), &call.path)?;
    let guard = CancelOnDrop::new(search.request.cancel.clone(), call.app.metrics().clone());
    let answer = call
        .app
        .search(move |engine| {
            // Checked before anything is copied: an index that is read and written at once would be gone over with no end in sight.
            let read = engine.resolve(&search.index, search.options)?;
            let written = engine.resolve(&destination.index, ResolveOptions { ignore_unavailable: true, ..ResolveOptions::default() })?;
            if written.uuids().iter().any(|it| read.uuids().contains(it)) {
                return invalid(&format!("reindex cannot write into an index its reading from [{}]", destination.index));
            }
            let scan = scan(engine, &search, &options)?;
            let op = |it: StoredDocument| {
                let source = bytes(&shown.apply(it.source).unwrap_or_default());
                let condition = match destination.or_equal {
                    None => Condition::None,
                    Some(or_equal) => Condition::External { version: it.version, or_equal },
                };
                let action = if destination.is_create { WriteAction::Create(source) } else { WriteAction::Index(source) };
                WriteOp { index: destination.index.clone(), id: Some(it.id), action, condition }
            };
            Work { engine, scan: &scan, options: &options, sources: true }.run(op, &search.request)
        })
        .await;
    guard.finish();
    answer
}

fn section(body: &mut Map<String, Value>, key: &str) -> Result<Map<String, Value>, ApiError> {
    match body.remove(key) {
        Some(Value::Object(section)) => Ok(section),
        Some(_) => Err(ApiError::parsing(format!("[reindex] [{key}] must be an object"))),
        None => invalid(&format!("[{key}] is missing")),
    }
}

/// The index expression, what is copied of each document, and the body of a search.
fn parse_source(source: Map<String, Value>) -> Result<(String, SourceFilter, Map<String, Value>), ApiError> {
    let (mut index, mut shown, mut body) = (String::new(), SourceFilter::All, Map::new());
    for (key, value) in source {
        match (key.as_str(), value) {
            ("index", Value::String(it)) => index = it,
            ("index", Value::Array(items)) => {
                let names: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                index = names.ok_or_else(|| ApiError::parsing("[source.index] must be a name or a list of names"))?.join(",");
            }
            ("query", value) => drop(body.insert("query".to_owned(), value)),
            ("_source", value) => shown = SourceFilter::parse(&value)?,
            // Documents of one batch: how many are in memory at a time is ours to choose.
            ("size", Value::Number(_)) => {}
            ("remote", _) => return Err(ApiError::illegal_argument("[source.remote] is not supported: documents come from this server only")),
            (key, _) => return Err(ApiError::illegal_argument(format!("[reindex] [source] does not support [{key}]"))),
        }
    }
    if index.is_empty() {
        return invalid("use _all if you really want to copy from all existing indexes");
    }
    if shown == SourceFilter::None {
        return Err(ApiError::illegal_argument("[source._source] of [false] leaves nothing to copy"));
    }
    Ok((index, shown, body))
}

fn parse_destination(section: Map<String, Value>) -> Result<Destination, ApiError> {
    let mut destination = Destination { index: String::new(), is_create: false, or_equal: None };
    for (key, value) in section {
        match (key.as_str(), value.as_str().unwrap_or_default()) {
            ("index", name) => destination.index = name.to_owned(),
            ("op_type", "index") | ("version_type", "internal") | ("pipeline", "_none") => {}
            ("op_type", "create") => destination.is_create = true,
            ("version_type", "external" | "external_gt") => destination.or_equal = Some(false),
            ("version_type", "external_gte") => destination.or_equal = Some(true),
            (key, _) => return Err(ApiError::illegal_argument(format!("[reindex] [dest] does not support [{key}] of [{value}]"))),
        }
    }
    if destination.index.is_empty() {
        return invalid("index is missing");
    }
    if destination.is_create && destination.or_equal.is_some() {
        return invalid("create operations only support internal versioning. use index instead");
    }
    Ok(destination)
}
