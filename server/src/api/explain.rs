//! `_explain`: why a document matches a query, or that it does not.

use sekisho_engine::SourceFilter;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::{search, validate};
use crate::app::{resolve_options, targets};

/// Answers `{_index, _id, matched, explanation}`.
///
/// # Errors
/// 400 for a body without a query; 404 for an index that does not exist. A document that does not is 404 without an error.
pub async fn handle(mut call: Call) -> Outcome {
    let (index, id) = (call.part("index").to_owned(), call.part("id").to_owned());
    let options = resolve_options(&mut call.params)?;
    let shown = search::source_params(&mut call.params);
    call.params.ignore(&["preference", "routing"]);
    let body = call.object()?;
    if !body.contains_key("query") && !call.params.has("q") {
        return Err(ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: query is missing;"));
    }
    let query = validate::query(body, &mut call.params)?;
    call.params.finish(&call.path)?;
    call.app
        .search(move |engine| {
            let targets = targets(engine, &index, options)?;
            let Some(found) = engine.explain(&targets, &id, &query)? else {
                return Ok(Reply::Status(404, json!({ "_index": index, "_id": id, "matched": false })));
            };
            let mut answer = json!({ "_index": found.index, "_id": found.id, "matched": found.explanation.is_some() });
            answer["explanation"] = found.explanation.unwrap_or_else(|| json!({ "value": 0.0, "description": "no matching term", "details": [] }));
            if shown != SourceFilter::None
                && let Some(document) = engine.get(&targets, &id)?
            {
                let source = shown.apply(document.source).map_or(Value::Null, Value::Object);
                answer["get"] = json!({ "_seq_no": document.seq, "_primary_term": 1, "found": true, "_source": source });
            }
            Ok(Reply::Json(answer))
        })
        .await
}
