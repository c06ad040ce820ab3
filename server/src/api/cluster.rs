//! `_cluster/health`.

use sekisho_engine::{Engine, IndexInfo};
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::index::infos;
use crate::app::{resolve_options, targets};

/// Answers `_cluster/health`. One node is all there is, so there is nothing to wait for.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn health(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&[
        "level",
        "local",
        "master_timeout",
        "timeout",
        "wait_for_active_shards",
        "wait_for_events",
        "wait_for_no_initializing_shards",
        "wait_for_no_relocating_shards",
        "wait_for_nodes",
        "wait_for_status",
    ]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            Ok(Reply::Json(health_of(engine, &infos(engine, &targets))))
        })
        .await
}

/// Red where a split could not be opened, yellow where something was lost from the log, else green.
pub(super) fn health_of(engine: &Engine, indices: &[IndexInfo]) -> Value {
    let damaged = indices.iter().filter(|it| it.damaged > 0).count();
    let status = if damaged > 0 {
        "red"
    } else if engine.recovery().damage.is_empty() {
        "green"
    } else {
        "yellow"
    };
    let active = indices.len() - damaged;
    json!({
        "cluster_name": "sekisho", "status": status, "timed_out": false, "number_of_nodes": 1, "number_of_data_nodes": 1,
        "active_primary_shards": active, "active_shards": active, "relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": damaged, "unassigned_primary_shards": damaged,
        "delayed_unassigned_shards": 0, "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": if indices.is_empty() { 100.0 } else { active as f64 * 100.0 / indices.len() as f64 },
    })
}
