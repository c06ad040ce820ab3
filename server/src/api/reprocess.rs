//! `POST /_sekisho/reprocess`: lines kept in `syslog-unparsed` are taken through the parser again. The answer is in `docs/sources.md`.

use tokio::sync::Semaphore;

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::sources::ledger;
use crate::reprocess::{self, ReprocessError};

/// One at a time: two would look at the same lines.
static RUNNING: Semaphore = Semaphore::const_new(1);

/// Answers `POST /_sekisho/reprocess` when all of it is durable and searchable. What is done stays done when the client goes away.
///
/// # Errors
/// 429 while another one runs.
pub async fn handle(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let Ok(_permit) = RUNNING.try_acquire() else {
        return Err(ApiError::new(429, "es_rejected_execution_exception", "lines are being reprocessed already"));
    };
    let (ledger, rules) = (ledger(&call)?.clone(), call.app.site_rules().cloned().unwrap_or_default());
    let done = call.app.blocking(move |engine| reprocess::run(engine.unlimited()?, &rules, &ledger).map_err(ApiError::from)).await?;
    Ok(Reply::Json(serde_json::json!({ "looked_at": done.looked_at, "moved": done.moved, "left": done.left })))
}

impl From<ReprocessError> for ApiError {
    fn from(error: ReprocessError) -> Self {
        match error {
            ReprocessError::Engine(error) => error.into(),
            ReprocessError::Query(error) => error.into(),
        }
    }
}
