//! `_license` and `_xpack`: what clients ask before they use more than searches and writes.

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};

/// Answers `GET _license`. Nothing here is bound to a licence; `basic` is the name for that which clients know.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn license(mut call: Call) -> Outcome {
    call.params.ignore(&["local", "accept_enterprise"]);
    call.params.finish(&call.path)?;
    Ok(Reply::Json(json!({ "license": { "status": "active", "uid": "sekisho", "type": "basic", "issued_to": "sekisho", "issuer": "sekisho" } })))
}

/// Answers `GET _xpack`: which of Elastic's further features there are.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn features(mut call: Call) -> Outcome {
    call.params.ignore(&["categories", "accept_enterprise"]);
    call.params.finish(&call.path)?;
    let has_users = call.app.guard().store().is_some();
    let all = [
        ("data_streams", true),
        ("ilm", true),
        ("security", has_users),
        ("eql", false),
        ("ml", false),
        ("rollup", false),
        ("sql", false),
        ("watcher", false),
    ];
    let features: Map<String, Value> =
        all.into_iter().map(|(name, is_there)| (name.to_owned(), json!({ "available": is_there, "enabled": is_there }))).collect();
    Ok(Reply::Json(json!({ "license": { "uid": "sekisho", "type": "basic", "mode": "basic", "status": "active" }, "features": features })))
}
