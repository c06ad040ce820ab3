//! Single documents: `_doc` and `_create`.

use sekisho_engine::{PRIMARY_TERM, ResolveOptions, SourceFilter, StoredDocument, Targets, WriteAction, WriteOp, WriteResult};
use serde_json::{Map, Value, json};

use super::bulk::item;
use super::call::{Call, Outcome, Reply};
use super::condition::Expectation;
use super::error::ApiError;
use super::maintenance::RefreshAfter;
use super::source::{show, source_filter};
use crate::security::Scope;

/// Answers `POST /{index}/_doc`: a document whose id is made.
///
/// # Errors
/// As the operation's item of `_bulk`.
pub async fn append(mut call: Call) -> Outcome {
    is_create(&mut call)?;
    // Without an id nothing can be replaced, so it is a `create`, which data streams take too.
    let action = WriteAction::Create(call.body.to_vec());
    let options = Write::take(&mut call)?;
    write(call, None, action, options).await
}

/// Answers `PUT /{index}/_doc/{id}`: adds or replaces.
///
/// # Errors
/// As the operation's item of `_bulk`.
pub async fn put(mut call: Call) -> Outcome {
    let is_create = is_create(&mut call)?;
    let (id, source) = (call.part("id").to_owned(), call.body.to_vec());
    let options = Write::take(&mut call)?;
    write(call, Some(id), if is_create { WriteAction::Create(source) } else { WriteAction::Index(source) }, options).await
}

/// Answers `PUT /{index}/_create/{id}`: adds, 409 where the id exists.
///
/// # Errors
/// As the operation's item of `_bulk`.
pub async fn create(mut call: Call) -> Outcome {
    let (id, source) = (call.part("id").to_owned(), call.body.to_vec());
    let options = Write::take(&mut call)?;
    write(call, Some(id), WriteAction::Create(source), options).await
}

/// Answers `DELETE /{index}/_doc/{id}`.
///
/// # Errors
/// 404 for an index that does not exist; a document that does not is `result: not_found` with status 404.
pub async fn delete(mut call: Call) -> Outcome {
    let id = call.part("id").to_owned();
    let options = Write::take(&mut call)?;
    write(call, Some(id), WriteAction::Delete, options).await
}

/// Answers `GET /{index}/_doc/{id}`: sees every acknowledged write.
///
/// # Errors
/// 404 for an index that does not exist, 409 for another version than the expected one; a document that does not exist is
/// `found: false` with status 404.
pub async fn get(mut call: Call) -> Outcome {
    let mut filter = source_filter(&mut call.params).unwrap_or(SourceFilter::All);
    match call.params.take("stored_fields").as_deref() {
        None => {}
        // No field is stored by itself; asking for stored fields leaves `_source` out, as in Elasticsearch.
        Some(_) if filter == SourceFilter::All => filter = SourceFilter::None,
        Some(_) => {}
    }
    let expected = call.params.number("version")?;
    call.params.ignore(&["preference", "realtime", "refresh", "routing", "version_type"]);
    call.params.finish(&call.path)?;
    let (index, id) = (call.part("index").to_owned(), call.part("id").to_owned());
    call.app
        .search(move |engine| {
            let Some(document) = engine.get(&one_index(engine, &index)?, &id)? else {
                return Ok(Reply::Status(404, json!({ "_index": index, "_id": id, "found": false })));
            };
            if expected.is_some_and(|it| u64::try_from(it) != Ok(document.version)) {
                let reason = format!(
                    "[{id}]: version conflict, current version [{}] is different than the one provided [{}]",
                    document.version,
                    expected.unwrap_or_default()
                );
                return Err(conflict(&document.index, reason));
            }
            Ok(Reply::Json(found(document, &filter)))
        })
        .await
}

/// The indices that a document is looked up in: one index, or what backs one stream.
///
/// # Errors
/// 404 for an index that does not exist.
pub fn one_index(engine: &Scope, name: &str) -> Result<Targets, ApiError> {
    let found = engine.resolve(name, ResolveOptions { allow_no_indices: false, ..ResolveOptions::default() })?;
    match engine.aliases().get(name) {
        Some(members) if members.len() > 1 => {
            let members: Vec<&str> = members.keys().map(String::as_str).collect();
            Err(ApiError::illegal_argument(format!(
                "alias [{name}] has more than one index associated with it [{}], can't execute a single index op",
                members.join(", ")
            )))
        }
        _ => Ok(found),
    }
}

/// A document that was found, as `_doc` and `_mget` answer it.
pub fn found(document: StoredDocument, filter: &SourceFilter) -> Value {
    let mut answer = Map::new();
    answer.insert("_index".to_owned(), document.index.into());
    answer.insert("_id".to_owned(), document.id.into());
    answer.insert("_version".to_owned(), document.version.into());
    answer.insert("_seq_no".to_owned(), document.seq.into());
    answer.insert("_primary_term".to_owned(), PRIMARY_TERM.into());
    answer.insert("found".to_owned(), true.into());
    show(&mut answer, filter, document.source);
    Value::Object(answer)
}

fn conflict(index: &str, reason: String) -> ApiError {
    ApiError::new(409, "version_conflict_engine_exception", reason).with("index", index)
}

fn is_create(call: &mut Call) -> Result<bool, ApiError> {
    match call.params.take("op_type").as_deref() {
        None | Some("index") => Ok(false),
        Some("create") => Ok(true),
        Some(other) => Err(ApiError::illegal_argument(format!("opType must be 'create' or 'index', found: [{other}]"))),
    }
}

/// What the URL of a single write says beside the document.
pub struct Write {
    /// Whether the answer waits until searches see it.
    pub refresh: RefreshAfter,
    /// What is expected of the present document.
    pub expectation: Expectation,
    /// The part of the resulting document that the answer shows, as `get`.
    pub shown: Option<SourceFilter>,
    /// Whether the name must be an alias's.
    pub require_alias: bool,
}

impl Write {
    /// Takes the URL parameters; what is left is refused.
    ///
    /// # Errors
    /// 400 for values that are none.
    pub fn take(call: &mut Call) -> Result<Self, ApiError> {
        let write = Self {
            refresh: RefreshAfter::take(&mut call.params)?,
            expectation: Expectation::take(&mut call.params)?,
            shown: None,
            require_alias: call.params.flag("require_alias")?.unwrap_or(false),
        };
        match call.params.take("pipeline").as_deref() {
            None | Some("_none") => {}
            Some(other) => return Err(ApiError::illegal_argument(format!("pipeline with id [{other}] does not exist"))),
        }
        call.params.ignore(&["timeout", "wait_for_active_shards", "routing"]);
        call.params.finish(&call.path)?;
        Ok(write)
    }

    /// Whether the present document's last write must be a certain one.
    pub fn expects_last_write(&self) -> bool {
        self.expectation.seq.is_some() || self.expectation.term.is_some()
    }
}

/// Does one write and answers what became of it.
///
/// # Errors
/// As the operation's item of `_bulk`.
pub async fn write(call: Call, id: Option<String>, action: WriteAction, write: Write) -> Outcome {
    let condition = write.expectation.of_write(&action)?;
    let op = WriteOp { index: call.part("index").to_owned(), id, action, condition };
    call.app
        .blocking(move |engine| {
            if write.require_alias && !engine.aliases().contains_key(&op.index) {
                return Err(no_alias(&op.index));
            }
            let (results, written) = engine.write(vec![op])?;
            written.wait()?;
            write.refresh.run(engine, &results)?;
            let result = results.first().ok_or_else(|| ApiError::new(500, "exception", "a write without a result"))?;
            let document = match result {
                WriteResult::Refused { error, .. } => return Err(error.into()),
                WriteResult::Illegal { reason, .. } => return Err(ApiError::illegal_argument(reason)),
                WriteResult::Failed { error, .. } => return Err((&**error).into()),
                WriteResult::Missing { index, id } => return Err(missing(index, id)),
                WriteResult::Conflict { index, reason, .. } => return Err(conflict(index, reason.clone())),
                WriteResult::Created(it)
                | WriteResult::Updated(it)
                | WriteResult::Noop(it)
                | WriteResult::Deleted(it)
                | WriteResult::NotFound(it) => it,
            };
            let mut answer = item(result);
            let status = answer["status"].as_u64().unwrap_or(200) as u16;
            if let Some(answer) = answer.as_object_mut() {
                answer.remove("status");
            }
            if let Some(filter) = &write.shown
                && let Some(stored) = engine.get(&one_index(engine, &document.index)?, &document.id)?
            {
                let mut shown = found(stored, filter);
                if let Some(shown) = shown.as_object_mut() {
                    ["_index", "_id", "_version"].iter().for_each(|key| drop(shown.remove(*key)));
                }
                answer["get"] = shown;
            }
            Ok(Reply::Status(status, answer))
        })
        .await
}

/// 404 for a write that asks for an alias and names none.
pub fn no_alias(name: &str) -> ApiError {
    let reason = format!("no such index [{name}] and [require_alias] request flag is [true] and [{name}] is not an alias");
    let mut error = ApiError::index_not_found(name);
    error.reason = reason;
    error
}

/// 404 for an update of a document that does not exist.
pub fn missing(index: &str, id: &str) -> ApiError {
    ApiError::new(404, "document_missing_exception", format!("[{id}]: document missing")).with("index", index)
}
