//! Single documents: `_doc` and `_create`.

use sekisho_engine::query::Query;
use sekisho_engine::{ResolveOptions, SearchRequest, SourceFilter, WriteAction, WriteOp, WriteResult};
use serde_json::{Value, json};

use super::bulk::item;
use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::maintenance::RefreshAfter;

/// Answers `POST /{index}/_doc`: a document whose id is made.
///
/// # Errors
/// As the operation's item of `_bulk`.
pub async fn append(mut call: Call) -> Outcome {
    let is_create = is_create(&mut call)?;
    let source = call.body.to_vec();
    // Without an id nothing can be replaced: data streams take it like a `create`.
    let action =
        if is_create || sekisho_engine::is_builtin_stream(call.part("index")) { WriteAction::Create(source) } else { WriteAction::Index(source) };
    write(call, None, action).await
}

/// Answers `PUT /{index}/_doc/{id}`: adds or replaces.
///
/// # Errors
/// As the operation's item of `_bulk`.
pub async fn put(mut call: Call) -> Outcome {
    let is_create = is_create(&mut call)?;
    let (id, source) = (call.part("id").to_owned(), call.body.to_vec());
    write(call, Some(id), if is_create { WriteAction::Create(source) } else { WriteAction::Index(source) }).await
}

/// Answers `PUT /{index}/_create/{id}`: adds, 409 where the id exists.
///
/// # Errors
/// As the operation's item of `_bulk`.
pub async fn create(call: Call) -> Outcome {
    let (id, source) = (call.part("id").to_owned(), call.body.to_vec());
    write(call, Some(id), WriteAction::Create(source)).await
}

/// Answers `DELETE /{index}/_doc/{id}`.
///
/// # Errors
/// 404 for an index that does not exist; a document that does not is `result: not_found` with status 404.
pub async fn delete(call: Call) -> Outcome {
    let id = call.part("id").to_owned();
    write(call, Some(id), WriteAction::Delete).await
}

/// Answers `GET /{index}/_doc/{id}`: sees every acknowledged write.
///
/// # Errors
/// 404 for an index that does not exist; a document that does not is `found: false` with status 404.
pub async fn get(mut call: Call) -> Outcome {
    let source = match call.params.take("_source").as_deref() {
        None | Some("true" | "") => SourceFilter::All,
        Some("false") => SourceFilter::None,
        Some(fields) => SourceFilter::Fields { includes: fields.split(',').map(str::to_owned).collect(), excludes: Vec::new() },
    };
    call.params.ignore(&["preference", "realtime", "refresh", "routing"]);
    call.params.finish(&call.path)?;
    let (index, id) = (call.part("index").to_owned(), call.part("id").to_owned());
    call.app
        .search(move |engine| {
            let targets = engine.resolve(&index, ResolveOptions { allow_no_indices: false, ..ResolveOptions::default() })?;
            engine.refresh(Some(targets.uuids()))?;
            let request = SearchRequest { query: Query::ids([id.as_str()]), size: 1, source, ..SearchRequest::default() };
            let Some(hit) = engine.search(&targets, &request)?.hits.into_iter().next() else {
                return Ok(Reply::Status(404, json!({ "_index": index, "_id": id, "found": false })));
            };
            let mut answer =
                json!({ "_index": hit.index, "_id": hit.id, "_version": hit.version, "_seq_no": hit.seq, "_primary_term": 1, "found": true });
            if let Some(source) = hit.source {
                answer["_source"] = Value::Object(source);
            }
            Ok(Reply::Json(answer))
        })
        .await
}

fn is_create(call: &mut Call) -> Result<bool, ApiError> {
    match call.params.take("op_type").as_deref() {
        None | Some("index") => Ok(false),
        Some("create") => Ok(true),
        Some(other) => Err(ApiError::illegal_argument(format!("opType must be 'create' or 'index', found: [{other}]"))),
    }
}

async fn write(mut call: Call, id: Option<String>, action: WriteAction) -> Outcome {
    let refresh = RefreshAfter::take(&mut call.params)?;
    call.params.ignore(&["timeout", "wait_for_active_shards"]);
    call.params.finish(&call.path)?;
    let op = WriteOp { index: call.part("index").to_owned(), id, action };
    call.app
        .blocking(move |engine| {
            let (results, written) = engine.write(vec![op])?;
            written.wait()?;
            refresh.run(engine, &results)?;
            let result = results.first().ok_or_else(|| ApiError::new(500, "exception", "a write without a result"))?;
            match result {
                WriteResult::Refused { error, .. } => Err(error.into()),
                WriteResult::Illegal { reason, .. } => Err(ApiError::illegal_argument(reason)),
                WriteResult::Failed { error, .. } => Err((&**error).into()),
                WriteResult::Conflict { index, id, version } => Err(ApiError::new(
                    409,
                    "version_conflict_engine_exception",
                    format!("[{id}]: version conflict, document already exists (current version [{version}])"),
                )
                .with("index", index.as_str())),
                WriteResult::Created(_) | WriteResult::Updated(_) | WriteResult::Deleted(_) | WriteResult::NotFound(_) => {
                    let mut answer = item(result);
                    let status = answer["status"].as_u64().unwrap_or(200) as u16;
                    if let Some(answer) = answer.as_object_mut() {
                        answer.remove("status");
                    }
                    Ok(Reply::Status(status, answer))
                }
            }
        })
        .await
}
