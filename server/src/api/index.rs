//! Indices: create, look at, delete.

use sekisho_engine::mapping::simple_match;
use sekisho_engine::{IndexInfo, ResolveOptions, Targets};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::condition::invalid;
use super::error::ApiError;
use super::{alias, setting, template};
use crate::app::{resolve_options, targets};
use crate::security::Scope;

/// Answers `PUT /{index}`.
///
/// # Errors
/// 400 for a bad name or mapping, and for a name that is taken.
pub async fn create(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "master_timeout", "wait_for_active_shards"]);
    call.params.finish(&call.path)?;
    let name = call.part("index").to_owned();
    let given = template::parse_parts(&call.object()?, "for create index")?;
    if given.lifecycle.is_some() {
        return Err(ApiError::parsing("unknown key [lifecycle] for create index"));
    }
    call.app
        .blocking(move |engine| {
            let parts = template::parts_of(engine, &name, &given)?;
            let mapping = parts.mapping(false).map_err(|error| match ApiError::from(error) {
                error if error.kind == "mapper_parsing_exception" => {
                    ApiError::new(error.status, error.kind, format!("Failed to parse mapping: {}", error.reason))
                }
                error => error,
            })?;
            let name = engine.create_index_with(&name, Some(mapping), Value::Object(parts.settings), &parts.aliases)?;
            Ok(Reply::Json(json!({ "acknowledged": true, "shards_acknowledged": true, "index": name })))
        })
        .await
}

/// Answers `GET /{index}` and, without a body, `HEAD`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn get(mut call: Call) -> Outcome {
    let flat = call.params.flag("flat_settings")?.unwrap_or(false);
    let features = call.params.take("features").unwrap_or_else(|| "aliases,mappings,settings".to_owned());
    described(&mut call, move |engine, info| {
        let mut shown = Map::new();
        for feature in features.split(',') {
            match feature {
                "aliases" => drop(shown.insert("aliases".to_owned(), alias::aliases_of(engine, &info.name))),
                "mappings" => drop(shown.insert("mappings".to_owned(), info.mapping.to_json())),
                "settings" => drop(shown.insert("settings".to_owned(), setting::show(&settings_of(info), flat))),
                other => return Err(ApiError::illegal_argument(format!("Invalid features specified: [{other}]"))),
            }
        }
        if let Some(stream) = &info.stream {
            shown.insert("data_stream".to_owned(), stream.as_str().into());
        }
        Ok(Value::Object(shown))
    })
    .await
}

/// Answers `GET /{index}/_settings`, all or by name.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn settings(mut call: Call) -> Outcome {
    let flat = call.params.flag("flat_settings")?.unwrap_or(false);
    let names = call.part("name").to_owned();
    described(&mut call, move |_, info| {
        let is_asked = |name: &str| names.is_empty() || names == "_all" || names.split(',').any(|it| simple_match(it, name));
        let settings = settings_of(info).into_iter().filter(|it| is_asked(&it.0)).collect();
        Ok(json!({ "settings": setting::show(&settings, flat) }))
    })
    .await
}

/// Answers `PUT /{index}/_settings`.
///
/// # Errors
/// 400 for a setting that does not exist or can't be changed, 404 for an index that does not exist.
pub async fn put_settings(mut call: Call) -> Outcome {
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    let keep = call.params.flag("preserve_existing")?.unwrap_or(false);
    call.params.ignore(&["timeout", "master_timeout", "flat_settings", "reopen"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    let mut body = call.object()?;
    // Both `{"settings": {…}}` and the settings themselves are taken.
    let changes = setting::parse(&body.remove("settings").unwrap_or(Value::Object(body)))?;
    if changes.is_empty() {
        return invalid("no settings to update");
    }
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            let finals = setting::finals(&changes);
            if !finals.is_empty() {
                let indices: Vec<String> = infos(engine, &targets).into_iter().map(|it| format!("{}/{}", it.name, it.uuid)).collect();
                return Err(ApiError::illegal_argument(format!(
                    "Can't update non dynamic settings [[{}]] for open indices [[{}]]",
                    finals.join(", "),
                    indices.join(", ")
                )));
            }
            engine.put_settings(targets.uuids(), &changes, keep)?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// Answers `POST /{index}/_close`.
///
/// # Errors
/// 404 for an index that does not exist, 400 for one that a data stream writes to.
pub async fn close(mut call: Call) -> Outcome {
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    call.params.ignore(&["timeout", "master_timeout", "wait_for_active_shards"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            engine.close_indices(targets.uuids())?;
            let indices: Map<String, Value> = infos(engine, &targets).into_iter().map(|it| (it.name, json!({ "closed": true }))).collect();
            Ok(Reply::Json(json!({ "acknowledged": true, "shards_acknowledged": true, "indices": indices })))
        })
        .await
}

/// Answers `POST /{index}/_open`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn open(mut call: Call) -> Outcome {
    // Wildcards mean the closed ones here.
    let expands_closed = !call.params.has("expand_wildcards");
    let given = resolve_options(&mut call.params)?;
    let options = ResolveOptions { allow_closed: true, expand_closed: given.expand_closed || expands_closed, ..given };
    call.params.ignore(&["timeout", "master_timeout", "wait_for_active_shards"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            engine.open_indices(targets(engine, &expression, options)?.uuids())?;
            Ok(Reply::Json(json!({ "acknowledged": true, "shards_acknowledged": true })))
        })
        .await
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

async fn described(call: &mut Call, describe: impl Fn(&Scope, &IndexInfo) -> Result<Value, ApiError> + Send + 'static) -> Outcome {
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    call.params.ignore(&["include_defaults", "local", "master_timeout"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            engine.check_metadata(&targets)?;
            let mut described = Map::new();
            for info in infos(engine, &targets) {
                described.insert(info.name.clone(), describe(engine, &info)?);
            }
            Ok(Reply::Json(Value::Object(described)))
        })
        .await
}

/// The facts of resolved indices, by name.
pub fn infos(engine: &Scope, targets: &Targets) -> Vec<IndexInfo> {
    engine.indices().into_iter().filter(|it| targets.uuids().contains(&it.uuid)).collect()
}

/// The settings of an index: those that every index has, and over them those that were given.
pub fn settings_of(info: &IndexInfo) -> Map<String, Value> {
    let mut settings = Map::new();
    for (name, value) in [
        ("index.uuid", info.uuid.clone()),
        ("index.provided_name", info.name.clone()),
        ("index.creation_date", info.created.0.to_string()),
        ("index.number_of_shards", "1".to_owned()),
        ("index.number_of_replicas", "0".to_owned()),
    ] {
        settings.insert(name.to_owned(), value.into());
    }
    if info.is_closed {
        settings.insert("index.verified_before_close".to_owned(), "true".into());
    }
    // Kept by an older release in the shape in which they were given.
    settings.extend(setting::parse(&info.settings).unwrap_or_default());
    settings
}
