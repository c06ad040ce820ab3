//! `_mapping`: the fields of indices.

use sekisho_engine::ResolveOptions;
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use crate::app::{resolve_options, targets};

/// Answers `GET _mapping`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn get(mut call: Call) -> Outcome {
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    call.params.ignore(&["master_timeout", "local"]);
    call.params.finish(&call.path)?;
    let index = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &index, options)?;
            engine.check_metadata(&targets)?;
            let of = |info: &sekisho_engine::IndexInfo| targets.uuids().contains(&info.uuid);
            let mappings: Map<String, Value> =
                engine.indices().into_iter().filter(of).map(|it| (it.name, json!({ "mappings": it.mapping.to_json() }))).collect();
            Ok(Reply::Json(Value::Object(mappings)))
        })
        .await
}

/// Answers `PUT /{index}/_mapping`: adds fields.
///
/// # Errors
/// 400 for a changed type, 404 for an index that does not exist.
pub async fn put(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&["timeout", "master_timeout", "write_index_only"]);
    call.params.finish(&call.path)?;
    let (index, body) = (call.part("index").to_owned(), Value::Object(call.object()?));
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &index, options)?;
            let names: Vec<String> = engine.indices().into_iter().filter(|it| targets.uuids().contains(&it.uuid)).map(|it| it.name).collect();
            names.iter().try_for_each(|name| engine.put_mapping(name, &body))?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}
