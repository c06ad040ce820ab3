//! `_data_stream`: names for series of backing indices.

use sekisho_engine::mapping::simple_match;
use sekisho_engine::{IndexInfo, RuleOrigin};
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::lifecycle;
use super::policy::policy_name;
use crate::app::resolve_options;

/// Answers `GET _data_stream`.
///
/// # Errors
/// 404 for a name that does not exist.
pub async fn get(mut call: Call) -> Outcome {
    let expand_hidden = resolve_options(&mut call.params)?.expand_hidden;
    call.params.ignore(&["include_defaults", "master_timeout", "verbose"]);
    call.params.finish(&call.path)?;
    let patterns = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let (infos, lifecycles) = (engine.indices(), engine.stream_lifecycles());
            let streams = engine.data_streams();
            let patterns: Vec<&str> = if patterns.is_empty() { vec!["*"] } else { patterns.split(',').collect() };
            for name in patterns.iter().filter(|it| !it.contains('*')) {
                if !streams.contains_key(*name) {
                    return Err(ApiError::index_not_found(name));
                }
            }
            let shown: Vec<Value> = streams
                .iter()
                .filter(|(name, backing)| {
                    let is_shown = expand_hidden || !is_hidden(&infos, backing);
                    patterns.iter().any(|it| simple_match(it, name) && (is_shown || !it.contains('*')))
                })
                .map(|(name, backing)| {
                    let uuid = |index: &String| infos.iter().find(|it| it.name == *index).map(|it| it.uuid.clone());
                    let indices: Vec<Value> = backing.iter().map(|it| json!({ "index_name": it, "index_uuid": uuid(it) })).collect();
                    let template = engine.template_for(name).map_or_else(|| "sekisho-builtin".to_owned(), |it| it.template);
                    let policy = backing.last().and_then(|index| infos.iter().find(|it| it.name == *index)).and_then(policy_name);
                    let mut shown = json!({
                        "name": name, "timestamp_field": { "name": "@timestamp" }, "indices": indices, "generation": generation(backing),
                        "status": "GREEN", "template": template, "hidden": is_hidden(&infos, backing), "system": false, "prefer_ilm": true,
                    });
                    if let Some(policy) = policy {
                        shown["ilm_policy"] = policy.into();
                    }
                    if lifecycles.contains_key(name) {
                        shown["lifecycle"] = lifecycle::show(engine, name, &engine.stream_rule(name), false);
                    }
                    let is_ilm = matches!(engine.stream_rule(name).origin, RuleOrigin::Policy(_));
                    shown["next_generation_managed_by"] = if is_ilm { "Index Lifecycle Management" } else { "Data stream lifecycle" }.into();
                    shown
                })
                .collect();
            Ok(Reply::Json(json!({ "data_streams": shown })))
        })
        .await
}

/// Answers `GET _data_stream/_stats` and `GET _data_stream/{name}/_stats`: backing indices, bytes on disk, and the newest `@timestamp` in
/// milliseconds, 0 where there is none.
///
/// # Errors
/// 404 for a name that does not exist.
pub async fn stats(mut call: Call) -> Outcome {
    call.params.ignore(&["expand_wildcards"]);
    call.params.finish(&call.path)?;
    let patterns = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let patterns: Vec<&str> = if patterns.is_empty() { vec!["*"] } else { patterns.split(',').collect() };
            let mut streams = engine.retention();
            if let Some(name) = patterns.iter().find(|name| !name.contains('*') && !streams.iter().any(|it| it.stream == **name)) {
                return Err(ApiError::index_not_found(name));
            }
            streams.retain(|it| patterns.iter().any(|pattern| simple_match(pattern, &it.stream)));
            let indices: usize = streams.iter().map(|it| it.indices).sum();
            let shown = streams.iter().map(|it| {
                let newest = it.time.map_or(0, |it| it.1.0);
                json!({ "data_stream": it.stream, "backing_indices": it.indices, "store_size_bytes": it.bytes, "maximum_timestamp": newest })
            });
            Ok(Reply::Json(json!({
                "_shards": { "total": indices, "successful": indices, "failed": 0 }, "data_stream_count": streams.len(), "backing_indices": indices,
                "total_store_size_bytes": streams.iter().map(|it| it.bytes).sum::<u64>(), "data_streams": shown.collect::<Vec<_>>(),
            })))
        })
        .await
}

/// Answers `PUT _data_stream/{name}`: a built-in stream, or one that an index template makes.
///
/// # Errors
/// 400 for a name that no template makes a stream.
pub async fn create(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "master_timeout"]);
    call.params.finish(&call.path)?;
    let name = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            match engine.template_for(&name).filter(|it| it.is_data_stream) {
                Some(composed) => engine.create_composed(&name, composed)?,
                None if sekisho_engine::is_builtin_stream(&name) => engine.create_data_stream(&name, None)?,
                None => {
                    return Err(ApiError::illegal_argument(format!(
                        "no matching index template found for data stream [{name}]; the built-in ones are {:?}",
                        sekisho_engine::BUILTIN_STREAMS
                    )));
                }
            }
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// Answers `DELETE _data_stream/{name}`.
///
/// # Errors
/// 404 for a name that does not exist.
pub async fn delete(mut call: Call) -> Outcome {
    call.params.ignore(&["expand_wildcards", "master_timeout"]);
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let streams = engine.data_streams();
            for pattern in names.split(',') {
                let matching: Vec<&String> = streams.keys().filter(|it| simple_match(pattern, it)).collect();
                if matching.is_empty() && !pattern.contains('*') {
                    return Err(ApiError::index_not_found(pattern));
                }
                for name in matching {
                    engine.delete_data_stream(name)?;
                }
            }
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// The number of the newest backing index, with which its name ends; older ones may be gone.
fn generation(backing: &[String]) -> u64 {
    backing.last().and_then(|it| it.rsplit('-').next()).and_then(|it| it.parse().ok()).unwrap_or(1)
}

/// Whether wildcards leave a stream out: where the index that it writes to is hidden.
fn is_hidden(infos: &[IndexInfo], backing: &[String]) -> bool {
    let written = backing.last().and_then(|index| infos.iter().find(|it| it.name == *index));
    written.is_some_and(|it| it.settings.get("index.hidden").and_then(Value::as_str) == Some("true"))
}
