//! `_cluster`: health, settings, state and sums of the one node that there is.

use sekisho_engine::{DiskStage, IndexInfo, ResolveOptions};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::index::infos;
use super::node::NODE;
use super::{alias, setting};
use crate::app::{resolve_options, targets};
use crate::security::Scope;

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

/// Red where a split could not be opened, yellow where something was lost from the log or the disk is above its first watermark, else green.
pub(super) fn health_of(engine: &Scope, indices: &[IndexInfo]) -> Value {
    let damaged = indices.iter().filter(|it| it.damaged > 0).count();
    let status = if damaged > 0 {
        "red"
    } else if engine.recovery().damage.is_empty() && engine.disk().stage == DiskStage::Roomy {
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

/// Answers `GET _cluster/settings`: there are none.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn settings(mut call: Call) -> Outcome {
    call.params.ignore(&["flat_settings", "include_defaults", "master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    Ok(Reply::Json(json!({ "persistent": {}, "transient": {} })))
}

/// Answers `PUT _cluster/settings`. Settings of the process are its flags, variables and file; none changes by a request.
///
/// # Errors
/// 400 for every setting; taking one back, which is never there, succeeds.
pub async fn put_settings(mut call: Call) -> Outcome {
    call.params.ignore(&["flat_settings", "master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    let body = call.object()?;
    if body.is_empty() {
        return super::condition::invalid("no settings to update");
    }
    for (scope, settings) in &body {
        let Some(settings) = settings.as_object().filter(|_| matches!(scope.as_str(), "persistent" | "transient")) else {
            return Err(ApiError::parsing(format!("unknown key [{scope}]; expected [persistent] or [transient] with an object")));
        };
        if let Some(name) = settings.iter().find(|it| !it.1.is_null()).map(|it| it.0) {
            return Err(ApiError::illegal_argument(format!("{scope} setting [{name}], not recognized")));
        }
    }
    Ok(Reply::Json(json!({ "acknowledged": true, "persistent": {}, "transient": {} })))
}

/// Answers `_cluster/state`: names, settings, mappings and aliases. Shards have no places to be told.
///
/// # Errors
/// 400 for a part that there is none of, 404 for an index that does not exist.
pub async fn state(mut call: Call) -> Outcome {
    let options = ResolveOptions { allow_closed: true, expand_closed: true, ..resolve_options(&mut call.params)? };
    call.params.ignore(&["flat_settings", "local", "master_timeout", "wait_for_metadata_version", "wait_for_timeout"]);
    call.params.finish(&call.path)?;
    let wanted = match call.part("metric") {
        "" | "_all" => "version,master_node,nodes,metadata".to_owned(),
        metrics => metrics.to_owned(),
    };
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let infos = infos(engine, &targets(engine, &expression, options)?);
            let mut answer = json!({ "cluster_name": "sekisho", "cluster_uuid": "sekisho" });
            for metric in wanted.split(',') {
                match metric {
                    "version" => answer["version"] = 1.into(),
                    "master_node" => answer["master_node"] = NODE.into(),
                    "nodes" => answer["nodes"] = json!({ NODE: { "name": NODE } }),
                    "metadata" => {
                        let one = |it: &IndexInfo| {
                            let aliases: Vec<String> =
                                alias::aliases_of(engine, &it.name).as_object().into_iter().flat_map(|it| it.keys().cloned()).collect();
                            let settings = setting::show(&super::index::settings_of(it), false);
                            let state = if it.is_closed { "close" } else { "open" };
                            (
                                it.name.clone(),
                                json!({ "state": state, "settings": settings, "mappings": { "_doc": it.mapping.to_json() }, "aliases": aliases }),
                            )
                        };
                        let indices: Map<String, Value> = infos.iter().map(one).collect();
                        answer["metadata"] = json!({ "cluster_uuid": "sekisho", "templates": {}, "indices": indices });
                    }
                    other => return Err(ApiError::illegal_argument(format!("there is no [{other}] in the state of one node"))),
                }
            }
            Ok(Reply::Json(answer))
        })
        .await
}

/// Answers `_cluster/stats`: sums over all indices.
///
/// # Errors
/// 503 while the log is read.
pub async fn stats(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "include_remotes"]);
    call.params.finish(&call.path)?;
    let version = call.app.version().to_owned();
    call.app
        .blocking(move |engine| {
            let infos = engine.indices();
            let sum = |of: fn(&IndexInfo) -> u64| infos.iter().map(of).sum::<u64>();
            let indices = json!({
                "count": infos.len(), "shards": { "total": infos.len(), "primaries": infos.len(), "replication": 0.0 },
                "docs": { "count": sum(|it| it.docs), "deleted": sum(|it| it.docs_deleted) },
                "store": { "size_in_bytes": sum(|it| it.bytes) }, "segments": { "count": sum(|it| it.splits as u64) },
            });
            Ok(Reply::Json(json!({
                "_nodes": { "total": 1, "successful": 1, "failed": 0 }, "cluster_name": "sekisho", "cluster_uuid": "sekisho",
                "timestamp": engine.now().0, "status": health_of(engine, &infos)["status"], "indices": indices,
                "nodes": { "count": { "total": 1, "data": 1, "master": 1 }, "versions": [version] },
            })))
        })
        .await
}
