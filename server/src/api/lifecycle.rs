//! How long data is kept: `_ilm/policy` and `_data_stream/{name}/_lifecycle`.
//!
//! Nothing is deleted by age yet, so a request for it is refused: a client that was told yes would wait for space that never comes.

use sekisho_engine::mapping::simple_match;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use crate::security::Scope;

const REFUSED: &str = "deletion by age is not supported yet, and nothing would be deleted; delete a data stream's old backing indices by name";

/// Answers `GET _ilm/policy`: there is none.
///
/// # Errors
/// 404 for a policy that is named.
pub async fn policies(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    match call.part("name") {
        "" | "*" => Ok(Reply::Json(json!({}))),
        name => Err(ApiError::new(404, "resource_not_found_exception", format!("Lifecycle policy not found: {name}"))),
    }
}

/// Answers `PUT _ilm/policy/{name}`.
///
/// # Errors
/// 400: see the module.
pub async fn put_policy(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    Err(ApiError::illegal_argument(format!("policy [{}]: {REFUSED}", call.part("name"))))
}

/// Answers `GET _data_stream/{name}/_lifecycle`: everything is kept.
///
/// # Errors
/// 404 for a stream that does not exist.
pub async fn get(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "expand_wildcards", "include_defaults"]);
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let shown: Vec<Value> =
                chosen(engine, &names)?.into_iter().map(|name| json!({ "name": name, "lifecycle": { "enabled": true } })).collect();
            Ok(Reply::Json(json!({ "data_streams": shown })))
        })
        .await
}

/// Answers `PUT _data_stream/{name}/_lifecycle`: to keep for ever is what happens.
///
/// # Errors
/// 400 for a retention or a downsampling, 404 for a stream that does not exist.
pub async fn put(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout", "expand_wildcards"]);
    call.params.finish(&call.path)?;
    let (names, body) = (call.part("name").to_owned(), call.object()?);
    if let Some(key) = body.iter().find(|it| *it.0 != "enabled" && !it.1.is_null()).map(|it| it.0) {
        return Err(ApiError::illegal_argument(format!("[{key}]: {REFUSED}")));
    }
    call.app
        .blocking(move |engine| {
            chosen(engine, &names)?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

fn chosen(engine: &Scope, names: &str) -> Result<Vec<String>, ApiError> {
    let streams = engine.data_streams();
    let mut found = Vec::new();
    for pattern in names.split(',') {
        let matching: Vec<String> = streams.keys().filter(|it| simple_match(pattern, it)).cloned().collect();
        if matching.is_empty() && !pattern.contains('*') {
            return Err(ApiError::index_not_found(pattern));
        }
        found.extend(matching);
    }
    Ok(found)
}
