//! `_search_shards`: where a search would run, which is here.

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::index::infos;
use super::node::NODE;
use crate::app::{resolve_options, targets};

/// Answers `_search_shards`: an index is one shard.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&["local", "preference", "routing", "master_timeout"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    if let Some(key) = call.object()?.keys().find(|it| *it != "slice") {
        return Err(ApiError::parsing(format!("request does not support [{key}]")));
    }
    call.app
        .blocking(move |engine| {
            let infos = infos(engine, &targets(engine, &expression, options)?);
            let shard = |index: &str| {
                json!([{ "state": "STARTED", "primary": true, "node": NODE, "relocating_node": null, "shard": 0, "index": index, "allocation_id": { "id": NODE } }])
            };
            let shards: Vec<Value> = infos.iter().map(|it| shard(&it.name)).collect();
            let aliases = engine.aliases();
            let mut indices = Map::new();
            for info in &infos {
                let named = expression.split(',').filter(|it| aliases.get(*it).is_some_and(|it| it.contains_key(&info.name))).collect::<Vec<_>>();
                let filters: Option<Vec<&Value>> = named.iter().map(|it| aliases[*it][&info.name].filter.as_ref()).collect();
                let mut shown = json!({});
                if !named.is_empty() {
                    shown["aliases"] = json!(named);
                }
                // One alias without a filter lets all through.
                match filters.as_deref() {
                    Some([]) | None => {}
                    Some([one]) => shown["filter"] = (*one).clone(),
                    Some(several) => shown["filter"] = json!({ "bool": { "should": several, "adjust_pure_negative": true, "boost": 1.0 } }),
                }
                indices.insert(info.name.clone(), shown);
            }
            Ok(Reply::Json(json!({ "nodes": { NODE: { "name": NODE, "attributes": {} } }, "indices": indices, "shards": shards })))
        })
        .await
}
