//! Indices: create, look at, delete.

use sekisho_engine::mapping::Mapping;
use sekisho_engine::{Engine, IndexInfo, Targets};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use crate::app::{resolve_options, targets};

/// Answers `PUT /{index}`.
///
/// # Errors
/// 400 for a bad name or mapping, and for a name that is taken.
pub async fn create(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "master_timeout", "wait_for_active_shards"]);
    call.params.finish(&call.path)?;
    let name = call.part("index").to_owned();
    let (mut mapping, mut settings) = (None, Value::Null);
    for (key, value) in call.object()? {
        match key.as_str() {
            "mappings" => {
                mapping = Some(
                    Mapping::from_json(&value)
                        .map_err(|error| ApiError::new(400, "mapper_parsing_exception", format!("Failed to parse mapping: {error}")))?,
                )
            }
            "settings" if value.is_object() => settings = value,
            "aliases" if value.as_object().is_some_and(Map::is_empty) => {}
            "aliases" => return Err(ApiError::illegal_argument("aliases are not supported yet")),
            key => return Err(ApiError::parsing(format!("unknown key [{key}] for create index"))),
        }
    }
    call.app
        .blocking(move |engine| {
            engine.create_index(&name, mapping, settings)?;
            Ok(Reply::Json(json!({ "acknowledged": true, "shards_acknowledged": true, "index": name })))
        })
        .await
}

/// Answers `GET /{index}` and, without a body, `HEAD`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn get(mut call: Call) -> Outcome {
    described(&mut call, |info| json!({ "aliases": {}, "mappings": info.mapping.to_json(), "settings": settings_of(info) })).await
}

/// Answers `GET /{index}/_settings`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn settings(mut call: Call) -> Outcome {
    described(&mut call, |info| json!({ "settings": settings_of(info) })).await
}

/// Answers `DELETE /{index}`: indices by name or pattern. Data streams have their own endpoint.
///
/// # Errors
/// 404 for an index that does not exist, 400 for a data stream or its write index.
pub async fn delete(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&["timeout", "master_timeout"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    if expression == "*" || expression == "_all" {
        return Err(ApiError::illegal_argument("Wildcard expressions or all indices are not allowed"));
    }
    call.app
        .blocking(move |engine| {
            if engine.data_streams().contains_key(&expression) {
                return Err(ApiError::illegal_argument(format!(
                    "The provided expression [{expression}] matches a data stream, specify the corresponding concrete indices instead."
                )));
            }
            for info in infos(engine, &targets(engine, &expression, options)?) {
                engine.delete_index(&info.name)?;
            }
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

async fn described(call: &mut Call, describe: fn(&IndexInfo) -> Value) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&["flat_settings", "include_defaults", "local", "master_timeout", "features"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            let described: Map<String, Value> = infos(engine, &targets).iter().map(|it| (it.name.clone(), describe(it))).collect();
            Ok(Reply::Json(Value::Object(described)))
        })
        .await
}

/// The facts of resolved indices, by name.
pub fn infos(engine: &Engine, targets: &Targets) -> Vec<IndexInfo> {
    engine.indices().into_iter().filter(|it| targets.uuids().contains(&it.uuid)).collect()
}

fn settings_of(info: &IndexInfo) -> Value {
    let mut index = json!({ "uuid": info.uuid, "provided_name": info.name, "creation_date": info.created.0.to_string(), "number_of_shards": "1", "number_of_replicas": "0" });
    // What was given at creation is shown as given.
    let given = info.settings.get("index").unwrap_or(&info.settings);
    for (key, value) in given.as_object().into_iter().flatten() {
        index[key.trim_start_matches("index.")] = value.clone();
    }
    json!({ "index": index })
}
