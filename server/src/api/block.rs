//! `PUT /{index}/_block/{block}` and its reverse: what keeps an index from being read, written or changed.

use sekisho_engine::Block;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::index::infos;
use crate::app::{resolve_options, targets};

/// Answers `PUT /{index}/_block/{block}`.
///
/// # Errors
/// 400 for a block that does not exist or is not given by hand, 404 for an index that does not exist.
pub async fn add(call: Call) -> Outcome {
    set(call, "true".into(), "blocked").await
}

/// Answers `DELETE /{index}/_block/{block}`.
///
/// # Errors
/// As [`add`].
pub async fn remove(call: Call) -> Outcome {
    set(call, Value::Null, "unblocked").await
}

async fn set(mut call: Call, value: Value, done: &'static str) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&["timeout", "master_timeout"]);
    call.params.finish(&call.path)?;
    let name = call.part("block");
    let block = match Block::ALL.into_iter().find(|it| it.name() == name) {
        Some(Block::ReadOnlyAllowDelete) => {
            return Err(ApiError::illegal_argument(format!("[{name}] block can't be set or removed by this request")));
        }
        Some(block) => block,
        None => return Err(ApiError::illegal_argument(format!("No block found with name {name}"))),
    };
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &expression, options)?;
            engine.put_settings(targets.uuids(), &[(block.setting().to_owned(), value)].into_iter().collect(), false)?;
            let indices: Vec<Value> = infos(engine, &targets).into_iter().map(|it| json!({ "name": it.name, done: true })).collect();
            Ok(Reply::Json(json!({ "acknowledged": true, "shards_acknowledged": true, "indices": indices })))
        })
        .await
}
