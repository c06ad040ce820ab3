//! `_bulk`: many writes in one request, each with its own result.

use std::collections::BTreeMap;
use std::time::Instant;

use sekisho_engine::{Document, PRIMARY_TERM, Update, WriteAction, WriteOp, WriteResult};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::condition::Expectation;
use super::document::{missing, no_alias};
use super::error::ApiError;
use super::maintenance::RefreshAfter;
use super::update;

/// Answers `_bulk`.
///
/// # Errors
/// 400 when an action line is not understood; a document that is not is its item's error.
pub async fn handle(mut call: Call) -> Outcome {
    let default_index = call.part("index").to_owned();
    let refresh = RefreshAfter::take(&mut call.params)?;
    let is_create_default = match call.params.take("op_type").as_deref() {
        None | Some("index") => false,
        Some("create") => true,
        Some(other) => return Err(ApiError::illegal_argument(format!("opType must be 'create' or 'index', found: [{other}]"))),
    };
    match call.params.take("pipeline").as_deref() {
        None | Some("_none") => {}
        Some(other) => return Err(ApiError::illegal_argument(format!("pipeline with id [{other}] does not exist"))),
    }
    call.params.ignore(&[
        "timeout",
        "wait_for_active_shards",
        "_source",
        "_source_includes",
        "_source_excludes",
        "require_data_stream",
        "list_executed_pipelines",
    ]);
    let require_alias = call.params.flag("require_alias")?.unwrap_or(false);
    call.params.finish(&call.path)?;
    let (app, body) = (call.app, call.body);
    let metrics = app.metrics().clone();
    app.blocking(move |engine| {
        let began = Instant::now();
        let (ops, aliases_only) = parse(&body, &default_index, is_create_default, require_alias)?;
        metrics.bulk_items.inc_by(ops.len() as u64);
        let names: Vec<&'static str> = ops.iter().map(|it| action_name(&it.action)).collect();
        // Items that ask for an alias and name none are answered in their place, and not written.
        let mut refused: BTreeMap<usize, Value> = BTreeMap::new();
        let mut kept = Vec::with_capacity(ops.len());
        let aliases = if aliases_only.contains(&true) { engine.aliases() } else { BTreeMap::new() };
        for (at, op) in ops.into_iter().enumerate() {
            if aliases_only[at] && !aliases.contains_key(&op.index) {
                let error = no_alias(&op.index);
                refused.insert(at, json!({ "_index": op.index, "_id": op.id, "status": error.status, "error": error.cause() }));
            } else {
                kept.push(op);
            }
        }
        let (results, written) = engine.write(kept)?;
        written.wait()?;
        refresh.run(engine, &results)?;
        let mut errors = false;
        let mut rest = results.iter();
        let items: Vec<Value> = names
            .into_iter()
            .enumerate()
            .map(|(at, name)| {
                let item = refused.remove(&at).unwrap_or_else(|| rest.next().map_or(Value::Null, item));
                errors |= item.get("error").is_some();
                json!({ name: item })
            })
            .collect();
        Ok(Reply::Json(json!({ "errors": errors, "took": began.elapsed().as_millis() as u64, "items": items })))
    })
    .await
}

fn action_name(action: &WriteAction) -> &'static str {
    match action {
        WriteAction::Index(_) => "index",
        WriteAction::Create(_) => "create",
        WriteAction::Update(_) => "update",
        WriteAction::Delete | WriteAction::Reparse { .. } => "delete",
    }
}

/// One result in the shape of an item, with its own status.
pub fn item(result: &WriteResult) -> Value {
    let written = |document: &Document, word: &str, status: u16| {
        let shards = u8::from(word != "noop");
        json!({
            "_index": document.index, "_id": document.id, "_version": document.version, "result": word,
            "_shards": { "total": shards, "successful": shards, "failed": 0 }, "_seq_no": document.seq, "_primary_term": PRIMARY_TERM, "status": status,
        })
    };
    let failed =
        |index: &str, id: Option<&str>, error: ApiError| json!({ "_index": index, "_id": id, "status": error.status, "error": error.cause() });
    match result {
        WriteResult::Created(it) => written(it, "created", 201),
        WriteResult::Updated(it) => written(it, "updated", 200),
        WriteResult::Deleted(it) => written(it, "deleted", 200),
        WriteResult::NotFound(it) => written(it, "not_found", 404),
        WriteResult::Noop(it) => written(it, "noop", 200),
        WriteResult::Missing { index, id } => failed(index, Some(id), missing(index, id)),
        WriteResult::Conflict { index, id, reason } => {
            failed(index, Some(id), ApiError::new(409, "version_conflict_engine_exception", reason).with("index", index.as_str()))
        }
        WriteResult::Refused { index, id, error } => failed(index, id.as_deref(), error.into()),
        WriteResult::Illegal { index, id, reason } => failed(index, id.as_deref(), ApiError::illegal_argument(reason)),
        WriteResult::Failed { index, id, error } => failed(index, id.as_deref(), (&**error).into()),
    }
}

/// The operations, and for each whether it may only go to an alias.
fn parse(body: &[u8], default_index: &str, is_create_default: bool, require_alias: bool) -> Result<(Vec<WriteOp>, Vec<bool>), ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::new(400, "parse_exception", "request body is required"));
    }
    if !body.ends_with(b"\n") {
        return Err(ApiError::illegal_argument("The bulk request must be terminated by a newline [\\n]"));
    }
    let (mut ops, mut aliases_only) = (Vec::new(), Vec::new());
    let mut lines = body.split(|it| *it == b'\n').enumerate().map(|(at, line)| (at + 1, line.strip_suffix(b"\r").unwrap_or(line)));
    while let Some((number, line)) = lines.next() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let (name, options) = action(line, number)?;
        let mut index = default_index.to_owned();
        let mut id = None;
        let mut alias_only = require_alias;
        let mut is_create = name == "create" || name == "index" && is_create_default;
        let mut expectation = Expectation::default();
        for (key, value) in options {
            match (key.as_str(), value) {
                ("_index", Value::String(it)) => index = it,
                ("_id", Value::String(it)) => id = Some(it),
                // Numbers are taken as their text; null is none.
                ("_id", Value::Number(it)) => id = Some(it.to_string()),
                ("op_type", Value::String(it)) if name == "index" && matches!(it.as_str(), "index" | "create") => is_create = it == "create",
                ("_id" | "routing" | "_routing" | "pipeline", Value::Null) => {}
                ("if_seq_no", Value::Number(it)) => expectation.seq = it.as_i64(),
                ("if_primary_term", Value::Number(it)) => expectation.term = it.as_i64(),
                ("version" | "_version", Value::Number(it)) => expectation.version = it.as_i64(),
                ("version_type" | "_version_type", Value::String(it)) => expectation.version_type = Some(it),
                ("_source", Value::Bool(false)) => {}
                ("_type" | "dynamic_templates" | "require_data_stream" | "retry_on_conflict", _) => {}
                ("require_alias", Value::Bool(it)) => alias_only = it,
                ("pipeline", Value::String(it)) if it == "_none" => {}
                (key, value) => {
                    return Err(ApiError::illegal_argument(format!(
                        "Action/metadata line [{number}] contains an unknown parameter [{key}] or value [{value}]"
                    )));
                }
            }
        }
        if index.is_empty() {
            return Err(ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: index is missing;"));
        }
        let action = match name.as_str() {
            "delete" => WriteAction::Delete,
            name => {
                let (at, source) = lines
                    .next()
                    .filter(|it| !it.1.is_empty())
                    .ok_or_else(|| ApiError::illegal_argument(format!("Action/metadata line [{number}] has no document after it")))?;
                if name == "update" {
                    WriteAction::Update(Box::new(update(source, at)?))
                } else if is_create {
                    WriteAction::Create(source.to_vec())
                } else {
                    WriteAction::Index(source.to_vec())
                }
            }
        };
        let condition = expectation.of_write(&action)?;
        ops.push(WriteOp { index, id, action, condition });
        aliases_only.push(alias_only);
    }
    Ok((ops, aliases_only))
}

/// The update that a line holds.
fn update(line: &[u8], number: usize) -> Result<Update, ApiError> {
    let Ok(Value::Object(body)) = serde_json::from_slice(line) else {
        return Err(ApiError::new(
            400,
            "x_content_parse_exception",
            format!("line [{number}] of the bulk request is not an object, which an update needs"),
        ));
    };
    match update::parse(body)? {
        (update, None) => Ok(update),
        (_, Some(_)) => Err(ApiError::illegal_argument(format!("line [{number}]: [_source] of an update is not supported in _bulk; use _update"))),
    }
}

/// The action of a line and its options.
fn action(line: &[u8], number: usize) -> Result<(String, Map<String, Value>), ApiError> {
    let malformed = |what: &str| ApiError::illegal_argument(format!("Malformed action/metadata line [{number}], {what}"));
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(line) else { return Err(malformed("expected START_OBJECT")) };
    let mut keys = object.into_iter();
    let Some((name, options)) = keys.next() else { return Err(malformed("expected FIELD_NAME but found [END_OBJECT]")) };
    if keys.next().is_some() {
        return Err(malformed("expected END_OBJECT but found [FIELD_NAME]"));
    }
    if !matches!(name.as_str(), "index" | "create" | "delete" | "update") {
        return Err(malformed(&format!("expected field [create], [delete], [index] or [update] but found [{name}]")));
    }
    match options {
        Value::Object(options) => Ok((name, options)),
        _ => Err(malformed("expected START_OBJECT after the action")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_and_documents_are_told_apart() {
        let (ops, _) = parse(
            b"{\"index\":{\"_index\":\"a\",\"_id\":1}}\n{\"x\":1}\n\n{\"delete\":{\"_id\":\"2\"}}\n{\"create\":{\"_id\":null}}\n{}\n",
            "d",
            false,
            false,
        )
        .unwrap();
        let seen: Vec<_> = ops.iter().map(|it| (it.index.as_str(), it.id.as_deref(), action_name(&it.action))).collect();
        assert_eq!(seen, [("a", Some("1"), "index"), ("d", Some("2"), "delete"), ("d", None, "create")]);
    }

    #[test]
    fn a_malformed_action_refuses_the_whole_request() {
        for body in
            ["{\"index\":{\"_index\":\"a\"}}\n", "{\"foo\":{}}\n{}\n", "nonsense\n", "{\"index\":{}}\n{}\n", "{\"index\":{\"_index\":\"a\"}}\n{}"]
        {
            assert!(parse(body.as_bytes(), "", false, false).is_err(), "{body}");
        }
    }
}
