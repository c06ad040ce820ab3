//! `_resolve/index`: what an expression names.

use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::index::infos;
use crate::app::{resolve_options, targets};

/// Answers `_resolve/index/{expression}`.
///
/// # Errors
/// 404 for a name that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let infos = infos(engine, &targets(engine, &expression, options)?);
            let plain: Vec<Value> =
                infos.iter().filter(|it| it.stream.is_none()).map(|it| json!({ "name": it.name, "attributes": ["open"] })).collect();
            let streams = engine.data_streams();
            let named = |it: &String| infos.iter().any(|info| info.stream.as_ref() == Some(it));
            let streams: Vec<Value> = streams
                .iter()
                .filter(|it| named(it.0))
                .map(|(name, backing)| json!({ "name": name, "backing_indices": backing, "timestamp_field": "@timestamp" }))
                .collect();
            Ok(Reply::Json(json!({ "indices": plain, "aliases": [], "data_streams": streams })))
        })
        .await
}
