//! `/metrics`: the figures in Prometheus' text form.

use super::call::{Call, Outcome, Reply};

/// Answers `/metrics`.
///
/// # Errors
/// 500 when the figures can't be written.
pub async fn handle(call: Call) -> Outcome {
    let metrics = call.app.metrics().clone();
    let text = call.app.blocking(move |engine| Ok(metrics.render(engine))).await?;
    Ok(Reply::Text(200, "application/openmetrics-text; version=1.0.0; charset=utf-8", text))
}
