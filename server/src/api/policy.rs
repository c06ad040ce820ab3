//! `_ilm`: policies that indices name in their setting `index.lifecycle.name`.
//!
//! Two actions of a policy do something here: `rollover` starts new indices, `delete` deletes old documents. What moves, copies or shrinks shards
//! has nothing to move; it is taken, kept and shown, so that templates of shippers install. `wait_for_snapshot` is refused: documents would
//! be deleted without the copy that it asks for.

use sekisho_engine::mapping::simple_match;
use sekisho_engine::{IndexInfo, Policy, Rollover};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::index::infos;
use crate::app::{resolve_options, targets};
use crate::security::Scope;
use crate::unit;

/// The phases with their actions, as Elasticsearch has them.
const PHASES: &[(&str, &[&str])] = &[
    ("hot", &["set_priority", "unfollow", "rollover", "readonly", "downsample", "shrink", "forcemerge", "searchable_snapshot"]),
    ("warm", &["set_priority", "unfollow", "readonly", "downsample", "allocate", "migrate", "shrink", "forcemerge"]),
    ("cold", &["set_priority", "unfollow", "readonly", "downsample", "searchable_snapshot", "allocate", "migrate", "freeze"]),
    ("frozen", &["unfollow", "searchable_snapshot"]),
    ("delete", &["wait_for_snapshot", "delete"]),
];

/// Answers `GET _ilm/policy`.
///
/// # Errors
/// 404 for a policy that does not exist.
pub async fn get(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let policies = engine.policies();
            let patterns: Vec<&str> = names.split(',').filter(|it| !it.is_empty()).collect();
            if let Some(missing) = patterns.iter().find(|it| !it.contains('*') && !policies.contains_key(**it)) {
                return Err(not_found(missing));
            }
            let is_asked = |name: &str| patterns.is_empty() || patterns.iter().any(|it| simple_match(it, name));
            let shown: Map<String, Value> =
                policies.into_iter().filter(|it| is_asked(&it.0)).map(|(name, it)| (name.clone(), show(engine, &name, it))).collect();
            Ok(Reply::Json(Value::Object(shown)))
        })
        .await
}

/// Answers `PUT _ilm/policy/{name}`.
///
/// # Errors
/// 400 for what is not understood, and for `wait_for_snapshot`.
pub async fn put(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    let (name, policy) = (call.part("name").to_owned(), parse(&call.object()?)?);
    if name.starts_with('_') || name.contains([',', ' ']) {
        return Err(ApiError::illegal_argument(format!("invalid policy name [{name}]: must not start with '_' or contain spaces or ','")));
    }
    call.app.blocking(move |engine| Ok(engine.put_policy(&name, policy)?)).await?;
    Ok(Reply::Json(json!({ "acknowledged": true })))
}

/// Answers `DELETE _ilm/policy/{name}`.
///
/// # Errors
/// 404 for a policy that does not exist, 400 for one that an index names.
pub async fn delete(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    let name = call.part("name").to_owned();
    call.app.blocking(move |engine| Ok(engine.delete_policy(&name)?)).await?;
    Ok(Reply::Json(json!({ "acknowledged": true })))
}

/// Answers `GET _ilm/status`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn status(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    let mode = |engine: &Scope| if engine.are_policies_stopped() { "STOPPED" } else { "RUNNING" };
    call.app.blocking(move |engine| Ok(Reply::Json(json!({ "operation_mode": mode(engine) })))).await
}

/// Answers `POST _ilm/start`.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn start(call: Call) -> Outcome {
    set_stopped(call, false).await
}

/// Answers `POST _ilm/stop`: policies wait. Lifecycles of data streams and the defaults go on.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn stop(call: Call) -> Outcome {
    set_stopped(call, true).await
}

/// Answers `GET {index}/_ilm/explain`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn explain(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    let only_managed = call.params.flag("only_managed")?.unwrap_or(false);
    let only_errors = call.params.flag("only_errors")?.unwrap_or(false);
    call.params.ignore(&["master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let (now, policies) = (engine.now().0, engine.policies());
            let mut indices = Map::new();
            for info in infos(engine, &targets(engine, &expression, options)?) {
                let name = policy_name(&info);
                let has_failed = name.is_some_and(|it| !policies.contains_key(it));
                if (only_managed || only_errors) && name.is_none() || only_errors && !has_failed {
                    continue;
                }
                let shown = match name {
                    None => json!({ "index": info.name, "managed": false }),
                    Some(name) => explained(&info, name, policies.get(name), now),
                };
                indices.insert(info.name, shown);
            }
            Ok(Reply::Json(json!({ "indices": indices })))
        })
        .await
}

/// Answers `POST {index}/_ilm/remove`: the indices name no policy any more.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn remove(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            let taken = ["index.lifecycle.name", "index.lifecycle.rollover_alias", "index.lifecycle.indexing_complete"];
            engine.put_settings(targets.uuids(), &taken.map(|it| (it.to_owned(), Value::Null)).into_iter().collect(), false)?;
            Ok(Reply::Json(json!({ "has_failures": false, "failed_indexes": [] })))
        })
        .await
}

async fn set_stopped(mut call: Call, is_stopped: bool) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout"]);
    call.params.finish(&call.path)?;
    call.app.blocking(move |engine| Ok(engine.stop_policies(is_stopped)?)).await?;
    Ok(Reply::Json(json!({ "acknowledged": true })))
}

/// The policy that an index names.
pub fn policy_name(info: &IndexInfo) -> Option<&str> {
    info.settings.get("index.lifecycle.name").and_then(Value::as_str).filter(|it| !it.is_empty())
}

/// Where an index is on its way through a policy. There are two places: it is written to, or it waits for its deletion.
fn explained(info: &IndexInfo, name: &str, policy: Option<&Policy>, now: i64) -> Value {
    let since = info.rolled_over.unwrap_or(info.created);
    let mut shown = json!({
        "index": info.name, "managed": true, "policy": name, "index_creation_date_millis": info.created.0,
        "time_since_index_creation": unit::show_age(now - info.created.0), "lifecycle_date_millis": since.0, "age": unit::show_age(now - since.0),
    });
    let (phase, action, step) = match policy {
        None => {
            shown["step_info"] = json!({ "type": "illegal_argument_exception", "reason": format!("policy [{name}] does not exist") });
            ("new", "complete", "ERROR")
        }
        Some(it) if it.rollover.is_some() && info.rolled_over.is_none() => ("hot", "rollover", "check-rollover-ready"),
        Some(_) => ("hot", "complete", "complete"),
    };
    for (key, value) in [("phase", phase), ("action", action), ("step", step)] {
        shown[key] = value.into();
        shown[format!("{key}_time_millis")] = since.0.into();
    }
    if let Some(policy) = policy {
        shown["phase_execution"] = json!({ "policy": name, "version": policy.version, "modified_date_in_millis": policy.modified.0 });
    }
    shown
}

fn not_found(name: &str) -> ApiError {
    sekisho_engine::EngineError::NoPolicy(name.to_owned()).into()
}

fn show(engine: &Scope, name: &str, policy: Policy) -> Value {
    let (mut indices, mut streams) = (Vec::new(), std::collections::BTreeSet::new());
    for info in engine.indices().into_iter().filter(|it| policy_name(it) == Some(name)) {
        streams.extend(info.stream);
        indices.push(info.name);
    }
    let names_it =
        |it: &&(String, sekisho_engine::IndexTemplate)| it.1.parts.settings.get("index.lifecycle.name").and_then(Value::as_str) == Some(name);
    let templates: Vec<(String, sekisho_engine::IndexTemplate)> = engine.index_templates().into_iter().collect();
    let templates: Vec<&String> = templates.iter().filter(names_it).map(|it| &it.0).collect();
    json!({
        "version": policy.version, "modified_date": policy.modified.to_string(), "policy": policy.shown,
        "in_use_by": { "indices": indices, "data_streams": streams, "composable_templates": templates },
    })
}

fn parse(body: &Map<String, Value>) -> Result<Policy, ApiError> {
    let unknown = |what: &str, key: &str| ApiError::new(400, "x_content_parse_exception", format!("[{what}] unknown field [{key}] or value"));
    if let Some(key) = body.keys().find(|it| *it != "policy") {
        return Err(unknown("put_lifecycle_request", key));
    }
    let Some(Value::Object(given)) = body.get("policy") else { return Err(ApiError::illegal_argument("Required [policy]")) };
    let mut policy = Policy::default();
    let mut shown = given.clone();
    for (key, value) in given {
        match (key.as_str(), value) {
            ("phases", Value::Object(phases)) => {
                for (name, phase) in phases {
                    let Some((phase_name, actions)) = PHASES.iter().find(|it| it.0 == name) else {
                        return Err(ApiError::illegal_argument(format!("Timeseries lifecycle does not support phase [{name}]")));
                    };
                    let Value::Object(phase) = phase else { return Err(unknown("phases", name)) };
                    parse_phase(phase_name, actions, phase, &mut policy)?;
                    shown["phases"][name].as_object_mut().map(|it| it.entry("min_age").or_insert_with(|| "0ms".into()));
                }
            }
            ("_meta", Value::Object(_)) | ("deprecated", Value::Bool(_)) => {}
            (key, _) => return Err(unknown("lifecycle_policy", key)),
        }
    }
    if !given.contains_key("phases") {
        return Err(ApiError::illegal_argument("Required [phases]"));
    }
    policy.shown = Value::Object(shown);
    Ok(policy)
}

fn parse_phase(name: &str, actions: &[&str], phase: &Map<String, Value>, policy: &mut Policy) -> Result<(), ApiError> {
    let mut min_age_ms = 0;
    for (key, value) in phase {
        match (key.as_str(), value) {
            ("min_age", Value::String(text)) => min_age_ms = unit::parse_ms(text).map_err(|it| ApiError::illegal_argument(it.to_string()))?,
            ("min_age", Value::Number(number)) if number.as_u64() == Some(0) => {}
            ("actions", Value::Object(given)) => {
                if let Some(other) = given.keys().find(|it| !actions.contains(&it.as_str())) {
                    return Err(ApiError::illegal_argument(format!("invalid action [{other}] defined in phase [{name}]")));
                }
            }
            (key, _) => return Err(ApiError::new(400, "x_content_parse_exception", format!("[{name}] unknown field [{key}] or value"))),
        }
    }
    let actions = phase.get("actions").and_then(Value::as_object);
    if let Some(rollover) = actions.and_then(|it| it.get("rollover")) {
        policy.rollover = Some(parse_rollover(rollover.as_object().unwrap_or(&Map::new()))?);
    }
    if actions.is_some_and(|it| it.contains_key("wait_for_snapshot")) {
        return Err(ApiError::illegal_argument(
            "[wait_for_snapshot] is not supported: documents would be deleted without the copy that it waits for; make backups with [sekisho backup]",
        ));
    }
    if actions.is_some_and(|it| it.contains_key("delete")) {
        policy.delete_after_ms = Some(min_age_ms);
    }
    Ok(())
}

/// Reads the conditions of a rollover.
///
/// # Errors
/// 400 for what is not understood and where there is no upper limit.
pub fn parse_rollover(conditions: &Map<String, Value>) -> Result<Rollover, ApiError> {
    let mut rollover = Rollover { docs_min: 1, ..Rollover::default() };
    for (key, value) in conditions {
        let text = value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
        let ms = || unit::parse_ms(&text).map_err(|it| ApiError::illegal_argument(it.to_string()));
        let bytes = || unit::parse_bytes(&text).map_err(|it| ApiError::illegal_argument(it.to_string()));
        let count = || text.parse::<u64>().map_err(|_| ApiError::illegal_argument(format!("[{key}] must be a whole number, not [{text}]")));
        let lower = |limit: Option<u64>, it: u64| Some(limit.map_or(it, |limit| limit.min(it)));
        match key.as_str() {
            "max_age" => rollover.age_ms = Some(ms()?),
            // An index has one shard here: both say the same.
            "max_size" | "max_primary_shard_size" => rollover.bytes = lower(rollover.bytes, bytes()?),
            "max_docs" | "max_primary_shard_docs" => rollover.docs = lower(rollover.docs, count()?),
            "min_docs" | "min_primary_shard_docs" => rollover.docs_min = rollover.docs_min.max(count()?),
            "min_age" | "min_size" | "min_primary_shard_size" => {
                return Err(ApiError::illegal_argument(format!("[{key}] is not supported: of lower limits only [min_docs] is")));
            }
            key => return Err(ApiError::new(400, "x_content_parse_exception", format!("[rollover] unknown field [{key}]"))),
        }
    }
    if rollover.age_ms.is_none() && rollover.bytes.is_none() && rollover.docs.is_none() {
        return Err(ApiError::illegal_argument("At least one max_* rollover condition must be set."));
    }
    Ok(rollover)
}
