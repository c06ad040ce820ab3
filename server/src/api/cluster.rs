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
    let level = call.params.take("level").unwrap_or_else(|| "cluster".to_owned());
    if !matches!(level.as_str(), "cluster" | "indices" | "shards") {
        return Err(ApiError::illegal_argument(format!("level parameter must be one of [cluster] or [indices] or [shards] but was [{level}]")));
    }
    // The status never changes by waiting: what it waits for in vain is told at once.
    let awaited = call.params.take("wait_for_status").map(|it| it.to_ascii_lowercase());
    if let Some(other) = awaited.as_deref().filter(|it| !STATUSES.contains(it)) {
        return Err(ApiError::illegal_argument(format!("unknown cluster health status [{other}]")));
    }
    call.params.ignore(&[
        "local",
        "master_timeout",
        "timeout",
        "wait_for_active_shards",
        "wait_for_events",
        "wait_for_no_initializing_shards",
        "wait_for_no_relocating_shards",
        "wait_for_nodes",
        "cluster_manager_timeout",
    ]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            let infos = infos(engine, &targets);
            let mut health = health_of(engine, &infos);
            if level != "cluster" {
                health["indices"] = infos.iter().map(|it| (it.name.clone(), index_health(it, level == "shards"))).collect::<Map<_, _>>().into();
            }
            let rank = |status: &str| STATUSES.iter().position(|it| *it == status);
            let is_late = awaited.is_some_and(|it| rank(health["status"].as_str().unwrap_or_default()) > rank(&it));
            health["timed_out"] = is_late.into();
            Ok(Reply::Status(if is_late { 408 } else { 200 }, health))
        })
        .await
}

/// States of health, best first.
const STATUSES: [&str; 3] = ["green", "yellow", "red"];

fn index_health(info: &IndexInfo, has_shards: bool) -> Value {
    let (status, active, missing) = if info.damaged > 0 { ("red", 0, 1) } else { ("green", 1, 0) };
    let mut health = json!({
        "status": status, "number_of_shards": 1, "number_of_replicas": 0, "active_primary_shards": active, "active_shards": active,
        "relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": missing,
    });
    if has_shards {
        health["shards"] = json!({ "0": {
            "status": status, "primary_active": active == 1, "active_shards": active, "relocating_shards": 0, "initializing_shards": 0,
            "unassigned_shards": missing,
        } });
    }
    health
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

/// Parts of the state that are told when none is asked for.
const STATE: [&str; 7] = ["version", "master_node", "nodes", "metadata", "blocks", "routing_table", "routing_nodes"];

/// Answers `_cluster/state`: names, settings, mappings and aliases; every index is one shard on one node.
///
/// # Errors
/// 400 for a part that there is none of, 404 for an index that does not exist.
pub async fn state(mut call: Call) -> Outcome {
    let options = ResolveOptions { allow_closed: true, expand_closed: true, ..resolve_options(&mut call.params)? };
    call.params.ignore(&["flat_settings", "local", "master_timeout", "cluster_manager_timeout", "wait_for_metadata_version", "wait_for_timeout"]);
    call.params.finish(&call.path)?;
    let wanted = match call.part("metric") {
        "" | "_all" => STATE.join(","),
        metrics => metrics.to_owned(),
    };
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let infos = infos(engine, &targets(engine, &expression, options)?);
            let mut answer = json!({ "cluster_name": "sekisho", "cluster_uuid": "sekisho" });
            let shard = |it: &IndexInfo| {
                let state = if it.damaged > 0 { "UNASSIGNED" } else { "STARTED" };
                json!({ "state": state, "primary": true, "node": NODE, "relocating_node": null, "shard": 0, "index": it.name })
            };
            for metric in wanted.split(',') {
                match metric {
                    "version" => {
                        answer["version"] = 1.into();
                        answer["state_uuid"] = "sekisho".into();
                    }
                    "cluster_manager_node" => answer["cluster_manager_node"] = NODE.into(),
                    // No index can be blocked; see the setting `blocks.` of indices.
                    "blocks" => answer["blocks"] = json!({}),
                    "routing_table" => {
                        let one = |it: &IndexInfo| (it.name.clone(), json!({ "shards": { "0": [shard(it)] } }));
                        answer["routing_table"] = json!({ "indices": infos.iter().map(one).collect::<Map<_, _>>() });
                    }
                    "routing_nodes" => {
                        let (missing, started): (Vec<&IndexInfo>, Vec<&IndexInfo>) = infos.iter().partition(|it| it.damaged > 0);
                        let shards = |of: Vec<&IndexInfo>| of.into_iter().map(shard).collect::<Vec<_>>();
                        answer["routing_nodes"] = json!({ "unassigned": shards(missing), "nodes": { NODE: shards(started) } });
                    }
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

/// Answers `_cluster/allocation/explain`: why a shard is where it is. With one node there is no other place.
///
/// # Errors
/// 404 for an index that does not exist, 400 where no shard is named and none is unassigned.
pub async fn explain_allocation(mut call: Call) -> Outcome {
    call.params.ignore(&["include_disk_info", "include_yes_decisions", "master_timeout"]);
    call.params.finish(&call.path)?;
    let body = call.object()?;
    if let Some(key) = body.keys().find(|it| !matches!(it.as_str(), "index" | "shard" | "primary" | "current_node")) {
        return Err(ApiError::new(400, "x_content_parse_exception", format!("[cluster_allocation_explain] unknown field [{key}]")));
    }
    let asked = body.get("index").map(|it| it.as_str().map(str::to_owned).ok_or_else(|| ApiError::parsing("[index] must be a name"))).transpose()?;
    if asked.is_some() && body.get("shard").is_some_and(|it| it.as_u64() != Some(0) && it != "0") {
        return Err(ApiError::illegal_argument("an index has one shard, [0]"));
    }
    call.app
        .blocking(move |engine| {
            let infos = match &asked {
                Some(name) => infos(engine, &targets(engine, name, ResolveOptions { allow_closed: true, ..ResolveOptions::default() })?),
                None => engine.indices().into_iter().filter(|it| it.damaged > 0).collect(),
            };
            let Some(info) = infos.into_iter().next() else {
                return Err(ApiError::illegal_argument(
                    "No shard was specified in the request which means the response should explain a randomly-chosen unassigned shard, but there are no unassigned shards in this cluster.",
                ));
            };
            let mut answer = json!({ "index": info.name, "shard": 0, "primary": true });
            if info.damaged > 0 {
                answer["current_state"] = "unassigned".into();
                answer["can_allocate"] = "no_valid_shard_copy".into();
                answer["allocate_explanation"] = format!("[{}] parts of it are damaged; the log names them", info.damaged).into();
            } else {
                answer["current_state"] = "started".into();
                answer["current_node"] = json!({ "id": NODE, "name": NODE });
                answer["can_remain_on_current_node"] = "yes".into();
                answer["can_rebalance_cluster"] = "no".into();
                answer["can_rebalance_to_other_node"] = "no".into();
                answer["rebalance_explanation"] = "there is one node".into();
            }
            Ok(Reply::Json(answer))
        })
        .await
}

/// Answers `_cluster/reroute` without commands, which changes nothing.
///
/// # Errors
/// 400 for commands: there is no other node to move anything to.
pub async fn reroute(mut call: Call) -> Outcome {
    call.params.ignore(&["dry_run", "explain", "metric", "retry_failed", "timeout", "master_timeout"]);
    call.params.finish(&call.path)?;
    let body = call.object()?;
    if body.iter().any(|it| it.0 != "commands" || it.1.as_array().is_none_or(|it| !it.is_empty())) {
        return Err(ApiError::illegal_argument("there is one node, and nothing to move"));
    }
    Ok(Reply::Json(json!({ "acknowledged": true })))
}

/// Answers `_remote/info`: other clusters are not asked.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn remotes(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    Ok(Reply::Json(json!({})))
}
