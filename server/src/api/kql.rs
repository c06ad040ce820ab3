//! `POST /_sekisho/kql`: what a person types in the search box, as a query body. A text that is not understood is data, not a failed request:
//! the answer says what is wrong and where, so that a page can mark the place while it is typed.

use sekisho_engine::query::{Query, kql};
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;

/// Answers `{"query": …}` or `{"error": {"reason", "position"}}`, the position in characters from 0.
///
/// # Errors
/// 400 for a body that is not `{"kql": "…"}`.
pub async fn handle(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let body = call.object()?;
    let Some(text) = body.get("kql").and_then(Value::as_str).filter(|_| body.len() == 1) else {
        return Err(ApiError::illegal_argument("the body must be an object with the text [kql] alone"));
    };
    let refuse = |reason: String, position: Value| json!({ "query": null, "error": { "reason": reason, "position": position } });
    Ok(Reply::Json(match kql::to_json(text) {
        Ok(query) => match Query::from_json(&query) {
            Ok(_) => json!({ "query": query, "error": null }),
            // A tree that is too large has no place.
            Err(error) => refuse(error.to_string(), Value::Null),
        },
        Err(error) => refuse(error.reason, error.position.into()),
    }))
}
