//! `/ui/`: the dashboard, from the binary.

use super::call::{Call, Outcome, Reply, StaticFile};
use super::error::ApiError;

/// Answers `/ui/…`.
///
/// # Errors
/// 404 for a file that the dashboard does not have.
pub async fn handle(call: Call) -> Outcome {
    if call.path == "/ui" {
        return Ok(Reply::Redirect("/ui/"));
    }
    let path = call.part("path");
    file(path).map(Reply::File).ok_or_else(|| ApiError::new(404, "resource_not_found_exception", format!("the dashboard has no [{path}]")))
}

/// A file of the dashboard.
fn file(_path: &str) -> Option<&'static StaticFile> {
    // The dashboard's crate has no files yet.
    None
}
