//! `_validate/query`: whether a query can be asked, without asking it.

use sekisho_engine::query::Query;
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Params, Reply};
use super::error::ApiError;
use crate::app::{resolve_options, targets};

/// Answers `{valid, _shards}`, and with `explain` what each index makes of the query.
///
/// # Errors
/// 400 for what is not a query body, 404 for an index that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let index = call.part("index").to_owned();
    let options = resolve_options(&mut call.params)?;
    let explain = call.params.flag("explain")?.unwrap_or(false) | call.params.flag("rewrite")?.unwrap_or(false);
    call.params.flag("all_shards")?;
    let body = call.object()?;
    let query = query(body, &mut call.params);
    call.params.finish(&call.path)?;
    call.app
        .search(move |engine| {
            let targets = targets(engine, &index, options)?;
            let query = match query {
                Ok(query) => query,
                // What can't be read is not valid; that is the answer, not an error.
                Err(error) => {
                    let mut answer = json!({ "valid": false });
                    if explain {
                        answer["error"] = format!("{}[{}]", error.kind, error.reason).into();
                    }
                    return Ok(Reply::Json(answer));
                }
            };
            let found = engine.validate(&targets, &query)?;
            let mut answer = json!({ "valid": found.iter().all(|it| it.outcome.is_ok()), "_shards": shards(found.len()) });
            if explain {
                let show = |it: &sekisho_engine::Validation| match &it.outcome {
                    Ok(text) => json!({ "index": it.index, "valid": true, "explanation": text }),
                    Err(error) => json!({ "index": it.index, "valid": false, "error": format!("{}: {error}", error.es_type()) }),
                };
                answer["explanations"] = found.iter().map(show).collect();
            }
            Ok(Reply::Json(answer))
        })
        .await
}

fn shards(count: usize) -> Value {
    json!({ "total": count, "successful": count, "failed": 0 })
}

/// The query of a body that has nothing else, or of the URL.
///
/// # Errors
/// 400 for what is not understood.
pub(super) fn query(body: Map<String, Value>, params: &mut Params) -> Result<Query, ApiError> {
    if let Some(key) = body.keys().find(|it| *it != "query") {
        return Err(ApiError::parsing(format!("request does not support [{key}]")));
    }
    if let Some(text) = super::search::url_query(params)? {
        return Ok(text);
    }
    Ok(body.get("query").map(Query::from_json).transpose()?.unwrap_or_else(Query::match_all))
}
