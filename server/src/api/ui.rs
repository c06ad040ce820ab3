//! `/ui/`: the dashboard, from the binary.

use super::call::{Call, Outcome, Reply};
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
    sekisho_ui::asset(path)
        .map(Reply::Asset)
        .ok_or_else(|| ApiError::new(404, "resource_not_found_exception", format!("the dashboard has no [{path}]")))
}
