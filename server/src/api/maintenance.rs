//! What makes writes visible, durable in splits, or splits fewer: `_refresh`, `_flush`, `_forcemerge`.

use std::collections::BTreeSet;

use sekisho_engine::WriteResult;
use serde_json::json;

use super::call::{Call, Outcome, Params, Reply};
use super::condition::invalid;
use super::error::ApiError;
use super::index::infos;
use crate::app::{resolve_options, targets};
use crate::security::Scope;

/// What a write's `refresh` parameter asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshAfter {
    /// Nothing.
    No,
    /// The answer comes when the write is visible.
    Yes,
}

impl RefreshAfter {
    /// Takes `refresh` of a request.
    ///
    /// # Errors
    /// 400 for other values than true, false and `wait_for`.
    pub fn take(params: &mut Params) -> Result<Self, ApiError> {
        match params.take("refresh").as_deref() {
            None | Some("false") => Ok(Self::No),
            // A refresh now is cheaper for everyone than waiting for the next one.
            Some("" | "true" | "wait_for") => Ok(Self::Yes),
            Some(other) => Err(ApiError::illegal_argument(format!("Unknown value for refresh: [{other}]."))),
        }
    }

    /// Makes written documents visible.
    ///
    /// # Errors
    /// When the log fails.
    pub fn run(self, engine: &Scope, results: &[WriteResult]) -> Result<(), ApiError> {
        let written = |it: &WriteResult| match it {
            WriteResult::Created(it) | WriteResult::Updated(it) | WriteResult::Deleted(it) => Some(it.index.clone()),
            WriteResult::NotFound(_)
            | WriteResult::Noop(_)
            | WriteResult::Missing { .. }
            | WriteResult::Conflict { .. }
            | WriteResult::Refused { .. }
            | WriteResult::Illegal { .. }
            | WriteResult::Failed { .. } => None,
        };
        let names: BTreeSet<String> = results.iter().filter_map(written).collect();
        if self == Self::Yes && !names.is_empty() {
            engine.refresh_named(&names)?;
        }
        Ok(())
    }
}

/// Answers `_refresh`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn refresh(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.finish(&call.path)?;
    let index = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &index, options)?;
            engine.refresh(Some(targets.uuids()))?;
            Ok(shards(targets.len()))
        })
        .await
}

/// Answers `_flush`: everything goes to splits on disk.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn flush(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&["force", "wait_if_ongoing"]);
    call.params.finish(&call.path)?;
    let index = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &index, options)?;
            engine.commit()?;
            Ok(shards(targets.len()))
        })
        .await
}

/// Answers `_cache/clear`. Partial answers are kept within a bound of memory and are never stale, so there is nothing to free by hand.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn clear_cache(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&["fielddata", "fields", "query", "request"]);
    call.params.finish(&call.path)?;
    let index = call.part("index").to_owned();
    call.app.blocking(move |engine| Ok(shards(targets(engine, &index, options)?.len()))).await
}

/// Answers `_forcemerge`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn force_merge(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    let asked = call.params.number("max_num_segments")?;
    let is_for_deleted = call.params.flag("only_expunge_deletes")?.unwrap_or(false);
    if is_for_deleted && asked.is_some() {
        return invalid("cannot set only_expunge_deletes and max_num_segments at the same time, those two parameters are mutually exclusive");
    }
    let splits_max = asked.unwrap_or(1).max(1) as usize;
    call.params.ignore(&["flush", "wait_for_completion", "primary_only"]);
    call.params.finish(&call.path)?;
    let index = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &index, options)?;
            for info in infos(engine, &targets).iter().filter(|it| !is_for_deleted || it.docs_deleted > 0) {
                engine.force_merge(&info.uuid, splits_max)?;
            }
            Ok(shards(targets.len()))
        })
        .await
}

fn shards(count: usize) -> Reply {
    Reply::Json(json!({ "_shards": { "total": count, "successful": count, "failed": 0 } }))
}
