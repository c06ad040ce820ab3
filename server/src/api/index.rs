//! Indices: create, look at, delete.

use sekisho_engine::mapping::Mapping;
use sekisho_engine::{AliasAction, Engine, IndexInfo, ResolveOptions, Targets};
use serde_json::{Map, Value, json};

use super::alias;
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
    let (mut mapping, mut settings, mut aliases) = (None, Value::Null, Vec::new());
    for (key, value) in call.object()? {
        match key.as_str() {
            "mappings" => {
                mapping = Some(
                    Mapping::from_json(&value)
                        .map_err(|error| ApiError::new(400, "mapper_parsing_exception", format!("Failed to parse mapping: {error}")))?,
                )
            }
            "settings" if value.is_object() => settings = value,
            "aliases" => aliases = alias::by_name(&value)?,
            key => return Err(ApiError::parsing(format!("unknown key [{key}] for create index"))),
        }
    }
    call.app
        .blocking(move |engine| {
            let name = engine.create_index(&name, mapping, settings)?;
            let add = |(alias, settings)| AliasAction::Add { targets: vec![name.clone()], alias, settings };
            if let Err(error) = engine.update_aliases(&aliases.into_iter().map(add).collect::<Vec<_>>()) {
                // An index without the aliases that were asked for is not what was asked for.
                engine.delete_index(&name)?;
                return Err(error.into());
            }
            Ok(Reply::Json(json!({ "acknowledged": true, "shards_acknowledged": true, "index": name })))
        })
        .await
}

/// Answers `GET /{index}` and, without a body, `HEAD`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn get(mut call: Call) -> Outcome {
    described(
        &mut call,
        |engine, info| json!({ "aliases": alias::aliases_of(engine, &info.name), "mappings": info.mapping.to_json(), "settings": settings_of(info) }),
    )
    .await
}

/// Answers `GET /{index}/_settings`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn settings(mut call: Call) -> Outcome {
    described(&mut call, |_, info| json!({ "settings": settings_of(info) })).await
}

/// Answers `DELETE /{index}`: indices by name or pattern. Data streams have their own endpoint.
///
/// # Errors
/// 404 for an index that does not exist, 400 for a data stream or its write index.
pub async fn delete(mut call: Call) -> Outcome {
    let options = ResolveOptions { ignore_aliases: true, allow_closed: true, ..resolve_options(&mut call.params)? };
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
            if let Some(name) = expression.split(',').find(|it| engine.aliases().contains_key(*it)) {
                return Err(ApiError::illegal_argument(format!(
                    "The provided expression [{name}] matches an alias, specify the corresponding concrete indices instead."
                )));
            }
            for info in infos(engine, &targets(engine, &expression, options)?) {
                engine.delete_index(&info.name)?;
            }
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

async fn described(call: &mut Call, describe: fn(&Engine, &IndexInfo) -> Value) -> Outcome {
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    call.params.ignore(&["flat_settings", "include_defaults", "local", "master_timeout", "features"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            let described: Map<String, Value> = infos(engine, &targets).iter().map(|it| (it.name.clone(), describe(engine, it))).collect();
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
