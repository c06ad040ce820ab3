//! `/`: who we are. A browser is sent to the dashboard.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use serde_json::json;

use super::call::{Call, Outcome, Reply};

/// Whether a browser asks for something to show.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("text/html"))
}

/// Answers `/`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn handle(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    if wants_page(&call.headers) {
        return Ok(Reply::Redirect("/ui/"));
    }
    Ok(Reply::Json(json!({
        "name": "sekisho", "cluster_name": "sekisho", "cluster_uuid": "sekisho",
        "version": {
            // Clients read the version to choose what to send; this is the dialect, the product's own stands below.
            "number": call.app.version(), "build_flavor": "default", "build_type": "sekisho", "build_hash": env!("CARGO_PKG_VERSION"), "build_snapshot": false,
            "lucene_version": "9.11.1", "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
        },
        "sekisho": { "version": env!("CARGO_PKG_VERSION") },
        "tagline": "You Know, for Search",
    })))
}
