//! `POST /_sekisho/backup`: a copy of all data while the server works. `docs/backup.md` says how it is used.

use std::path::Path;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::sources::ledger;
use crate::backup;

/// One at a time: two would only be in each other's way.
static RUNNING: Semaphore = Semaphore::const_new(1);

/// Answers `POST /_sekisho/backup` when the backup is durable. The body may name it, `{"name": "…"}`; without that its name is the time.
/// What is begun is finished when the client goes away.
///
/// # Errors
/// 400 where the server has no `backup_dir`, for a name that is no plain one, and when the name is taken; 429 while another one runs.
pub async fn handle(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let body = call.object()?;
    if let Some(other) = body.keys().find(|it| *it != "name") {
        return Err(ApiError::illegal_argument(format!("unknown key [{other}], expected [name]")));
    }
    let name = match body.get("name") {
        None => jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ").to_string(),
        Some(Value::String(name)) if is_plain(name) => name.clone(),
        Some(other) => {
            return Err(ApiError::illegal_argument(format!("[name] must be letters, digits, dots, hyphens and underscores, got [{other}]")));
        }
    };
    let place = call.app.backup_place().ok_or_else(|| ApiError::new(503, "cluster_block_exception", "the server is starting"))?.clone();
    let Some(directory) = place.backup_dir else {
        return Err(ApiError::illegal_argument("this server has no folder for backups: give it one with [backup_dir]"));
    };
    let Ok(_permit) = RUNNING.try_acquire() else {
        return Err(ApiError::new(429, "es_rejected_execution_exception", "a backup is being made already"));
    };
    let ledger = ledger(&call)?.clone();
    let to = directory.join(&name);
    let made = call.app.blocking(move |engine| Ok(backup::make(engine.unlimited()?, &ledger, &place.data_dir, &to)?)).await?;
    let mut answer = serde_json::to_value(&made).expect("plain data");
    answer["name"] = json!(name);
    Ok(Reply::Json(answer))
}

/// Whether it is the name of a folder, and nothing that leads elsewhere.
fn is_plain(name: &str) -> bool {
    let is_of_letters = name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_'));
    is_of_letters && !name.starts_with('.') && !name.is_empty() && name.len() <= 128 && Path::new(name).components().count() == 1
}
