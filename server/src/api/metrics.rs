//! `/metrics`: the figures in Prometheus' text form.

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;

/// Answers `/metrics`.
///
/// # Errors
/// 500 when the figures can't be written.
pub async fn handle(call: Call) -> Outcome {
    call.app.metrics().request_body_bytes.set(call.app.request_bytes() as i64);
    let text = call.app.metrics().render(&call.app).map_err(|error| ApiError::new(500, "exception", error.to_string()))?;
    Ok(Reply::Text(200, "application/openmetrics-text; version=1.0.0; charset=utf-8", text))
}
