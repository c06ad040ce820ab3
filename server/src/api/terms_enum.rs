//! `_terms_enum`: the values of a field that begin with some letters, for completion while a person types.

use sekisho_engine::TermsQuestion;
use sekisho_engine::query::Query;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::search;
use crate::app::{resolve_options, targets};

/// Values of one answer, as Elasticsearch has it.
const TERMS_MAX: u64 = 10_000;

/// Answers `{terms, complete}`.
///
/// # Errors
/// 400 for a body without a field, or a field that is not a keyword; 404 for an index that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let index = call.part("index").to_owned();
    let options = resolve_options(&mut call.params)?;
    call.params.finish(&call.path)?;
    let mut question = TermsQuestion { size: 10, ..TermsQuestion::default() };
    for (key, value) in call.object()? {
        match (key.as_str(), &value) {
            ("field", Value::String(it)) => question.field.clone_from(it),
            ("string", Value::String(it)) => question.prefix.clone_from(it),
            ("search_after", Value::String(it)) => question.after = Some(it.clone()),
            ("case_insensitive", Value::Bool(it)) => question.case_insensitive = *it,
            ("size", Value::Number(it)) => match it.as_u64() {
                Some(size @ 1..=TERMS_MAX) => question.size = size as usize,
                _ => return Err(ApiError::illegal_argument(format!("[size] must be between 1 and [{TERMS_MAX}], got [{it}]"))),
            },
            // Says which shards can be left out, not which values; ours take milliseconds.
            ("index_filter", query) => drop(Query::from_json(query)?),
            ("timeout", Value::String(it)) => drop(search::duration(it)?),
            ("string" | "search_after", Value::Null) => {}
            (key, value) => {
                return Err(ApiError::new(400, "x_content_parse_exception", format!("[terms_enum] unknown field [{key}] or value [{value}]")));
            }
        }
    }
    if question.field.is_empty() {
        return Err(ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: field cannot be null;"));
    }
    call.app
        .search(move |engine| {
            let targets = targets(engine, &index, options)?;
            let terms = engine.terms_enum(&targets, &question)?;
            let shards = json!({ "total": targets.len(), "successful": targets.len(), "failed": 0 });
            Ok(Reply::Json(json!({ "_shards": shards, "terms": terms, "complete": true })))
        })
        .await
}
