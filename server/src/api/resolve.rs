//! `_resolve/index`: what an expression names.

use sekisho_engine::ResolveOptions;
use sekisho_engine::mapping::simple_match;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::index::infos;
use crate::app::{resolve_options, targets};

/// Answers `_resolve/index/{expression}`.
///
/// # Errors
/// 404 for a name that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let infos = infos(engine, &targets(engine, &expression, ResolveOptions { ignore_aliases: true, ignore_unavailable: true, ..options })?);
            // An expression that names nothing at all is refused with what it lacks.
            targets(engine, &expression, options)?;
            let plain: Vec<Value> = infos
                .iter()
                .filter(|it| it.stream.is_none())
                .map(|it| json!({ "name": it.name, "attributes": [if it.is_closed { "closed" } else { "open" }] }))
                .collect();
            let patterns: Vec<&str> = expression.split(',').collect();
            let is_named = |it: &str| patterns.iter().any(|pattern| *pattern == "_all" || simple_match(pattern, it));
            let aliases: Vec<Value> = engine
                .aliases()
                .into_iter()
                .filter(|it| is_named(&it.0))
                .map(|(name, members)| json!({ "name": name, "indices": members.into_keys().collect::<Vec<_>>() }))
                .collect();
            let streams = engine.data_streams();
            let named = |it: &String| infos.iter().any(|info| info.stream.as_ref() == Some(it));
            let streams: Vec<Value> = streams
                .iter()
                .filter(|it| named(it.0))
                .map(|(name, backing)| json!({ "name": name, "backing_indices": backing, "timestamp_field": "@timestamp" }))
                .collect();
            Ok(Reply::Json(json!({ "indices": plain, "aliases": aliases, "data_streams": streams })))
        })
        .await
}
