//! `_update`: some fields of one document. Scripts are refused: there is no language to run.

use sekisho_engine::{SourceFilter, Update, WriteAction};
use serde_json::{Map, Value};

use super::call::{Call, Outcome};
use super::condition::invalid;
use super::document::{self, Write};
use super::error::ApiError;
use super::source::source_filter;

/// Answers `POST /{index}/_update/{id}`.
///
/// # Errors
/// 400 for a body that is not understood, 404 `document_missing_exception`, 409 where the document is not the expected one.
pub async fn handle(mut call: Call) -> Outcome {
    let from_url = source_filter(&mut call.params);
    // A document that changes between reading and writing is read again, so there is no conflict to try again after.
    call.params.number("retry_on_conflict")?;
    call.params.ignore(&["lang", "routing"]);
    let write = Write::take(&mut call)?;
    let (update, from_body) = parse(call.object()?)?;
    let id = call.part("id").to_owned();
    if update.upsert.is_some() && write.expects_last_write() {
        return invalid("upsert requests don't support `if_seq_no` and `if_primary_term`");
    }
    document::write(call, Some(id), WriteAction::Update(Box::new(update)), Write { shown: from_url.or(from_body), ..write }).await
}

/// Reads the body of an update, and which part of the result it wants to see.
///
/// # Errors
/// 400 naming the key that is not understood.
pub fn parse(body: Map<String, Value>) -> Result<(Update, Option<SourceFilter>), ApiError> {
    let mut update = Update { doc: None, upsert: None, doc_as_upsert: false, detect_noop: true };
    let mut shown = None;
    for (key, value) in body {
        match (key.as_str(), value) {
            ("doc", Value::Object(doc)) => update.doc = Some(doc),
            ("upsert", Value::Object(doc)) => update.upsert = Some(doc),
            ("doc_as_upsert", Value::Bool(it)) => update.doc_as_upsert = it,
            ("detect_noop", Value::Bool(it)) => update.detect_noop = it,
            ("_source", value) => shown = Some(SourceFilter::parse(&value)?),
            ("scripted_upsert", Value::Bool(false)) => {}
            ("script" | "scripted_upsert", _) => {
                return Err(ApiError::illegal_argument("[script] is not supported: there is no scripting; send the changed fields as [doc]"));
            }
            ("doc" | "upsert" | "doc_as_upsert" | "detect_noop", value) => {
                return Err(ApiError::new(
                    400,
                    "x_content_parse_exception",
                    format!("[UpdateRequest] failed to parse field [{key}]: found [{value}]"),
                ));
            }
            (key, _) => return Err(ApiError::new(400, "x_content_parse_exception", format!("[UpdateRequest] unknown field [{key}]"))),
        }
    }
    match &update {
        Update { doc: None, doc_as_upsert: true, .. } => invalid("doc must be specified if doc_as_upsert is enabled"),
        Update { doc: None, .. } => invalid("script or doc is missing"),
        Update { doc: Some(_), .. } => Ok((update, shown.filter(|it| *it != SourceFilter::None))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_understood_is_named() {
        for (body, named) in [
            (json!({}), "script or doc is missing"),
            (json!({ "upsert": {} }), "script or doc is missing"),
            (json!({ "doc_as_upsert": true }), "doc must be specified"),
            (json!({ "script": "ctx._source.n++" }), "[script] is not supported"),
            (json!({ "doc": [] }), "failed to parse field [doc]"),
            (json!({ "n": 1 }), "unknown field [n]"),
        ] {
            let error = parse(body.as_object().unwrap().clone()).unwrap_err();
            assert_eq!(error.status, 400);
            assert!(error.reason.contains(named), "{}", error.reason);
        }
    }
}
