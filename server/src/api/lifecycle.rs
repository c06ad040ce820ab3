//! `_data_stream/{name}/_lifecycle` and `{index}/_lifecycle/explain`: how long a data stream keeps its documents, in Elasticsearch's words.
//!
//! Policies (`_ilm`) are `policy.rs`'s, our own view of both `retention.rs`'s.

use sekisho_engine::mapping::simple_match;
use sekisho_engine::{IndexInfo, Retention, RuleOrigin, StreamLifecycle, StreamRule};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::index::infos;
use crate::app::{resolve_options, targets};
use crate::security::Scope;
use crate::unit;

/// Answers `GET _data_stream/{name}/_lifecycle`.
///
/// # Errors
/// 404 for a stream that does not exist.
pub async fn get(mut call: Call) -> Outcome {
    let shows_defaults = call.params.flag("include_defaults")?.unwrap_or(false);
    call.params.ignore(&["master_timeout", "expand_wildcards"]);
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let one = |name: String| {
                let rule = engine.stream_rule(&name);
                json!({ "name": name, "lifecycle": show(engine, &name, &rule, shows_defaults) })
            };
            let shown: Vec<Value> = chosen(engine, &names)?.into_iter().map(one).collect();
            Ok(Reply::Json(json!({ "data_streams": shown, "global_retention": {} })))
        })
        .await
}

/// Answers `PUT _data_stream/{name}/_lifecycle`.
///
/// # Errors
/// 400 for a downsampling and for what is not understood, 404 for a stream that does not exist.
pub async fn put(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout", "expand_wildcards"]);
    call.params.finish(&call.path)?;
    let (names, given) = (call.part("name").to_owned(), parse(&call.object()?)?);
    call.app
        .blocking(move |engine| {
            for name in chosen(engine, &names)? {
                // Elasticsearch has no limit by size: ours stays.
                let bytes = engine.stream_lifecycles().get(&name).and_then(|it| it.retention.bytes);
                let retention = Retention { bytes, ..given.retention };
                engine.put_stream_lifecycle(&[name], Some(&StreamLifecycle { retention, ..given.clone() }))?;
            }
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// Answers `DELETE _data_stream/{name}/_lifecycle`: the defaults count again.
///
/// # Errors
/// 404 for a stream that does not exist.
pub async fn delete(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "timeout", "expand_wildcards"]);
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            engine.put_stream_lifecycle(&chosen(engine, &names)?, None)?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// Answers `GET {index}/_lifecycle/explain`.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn explain(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    let shows_defaults = call.params.flag("include_defaults")?.unwrap_or(false);
    call.params.ignore(&["master_timeout"]);
    call.params.finish(&call.path)?;
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let now = engine.now().0;
            let one = |info: IndexInfo| {
                let mut shown = Map::new();
                let rule = info.stream.as_ref().map(|it| engine.stream_rule(it)).filter(|it| !matches!(it.origin, RuleOrigin::Policy(_)));
                shown.insert("index".to_owned(), info.name.clone().into());
                shown.insert("managed_by_lifecycle".to_owned(), rule.is_some().into());
                if let (Some(rule), Some(stream)) = (rule, &info.stream) {
                    shown.insert("index_creation_date_millis".to_owned(), info.created.0.into());
                    shown.insert("time_since_index_creation".to_owned(), unit::show_age(now - info.created.0).into());
                    if let Some(rolled) = info.rolled_over {
                        let age = unit::show_age(now - rolled.0);
                        shown.insert("rollover_date_millis".to_owned(), rolled.0.into());
                        shown.insert("time_since_rollover".to_owned(), age.clone().into());
                        shown.insert("generation_time".to_owned(), age.into());
                    }
                    shown.insert("lifecycle".to_owned(), show(engine, stream, &rule, shows_defaults));
                }
                (info.name, Value::Object(shown))
            };
            let indices: Map<String, Value> = infos(engine, &targets(engine, &expression, options)?).into_iter().map(one).collect();
            Ok(Reply::Json(json!({ "indices": indices })))
        })
        .await
}

/// Reads a lifecycle, as bodies and templates give it.
///
/// # Errors
/// 400 naming what is not understood.
pub fn parse(body: &Map<String, Value>) -> Result<StreamLifecycle, ApiError> {
    let mut lifecycle = StreamLifecycle::default();
    for (key, value) in body {
        match (key.as_str(), value) {
            ("enabled", Value::Bool(it)) => lifecycle.is_enabled = *it,
            ("data_retention", Value::String(text)) => lifecycle.retention.age_ms = Some(retention_ms(text)?),
            ("data_retention" | "enabled" | "downsampling", Value::Null) => {}
            ("downsampling", _) => {
                return Err(ApiError::illegal_argument("[downsampling] is not supported: documents are kept as they are or deleted"));
            }
            (key, _) => return Err(ApiError::new(400, "x_content_parse_exception", format!("[lifecycle] unknown field [{key}] or value"))),
        }
    }
    Ok(lifecycle)
}

/// Reads an age at which documents are deleted.
///
/// # Errors
/// 400 for what is no time, and for none.
pub fn retention_ms(text: &str) -> Result<i64, ApiError> {
    match unit::parse_ms(text) {
        Ok(0) => Err(ApiError::illegal_argument("Data retention must be greater than zero")),
        Ok(ms) => Ok(ms),
        Err(error) => Err(ApiError::illegal_argument(error.to_string())),
    }
}

/// A lifecycle as answers show it: what the stream says, and what counts.
pub fn show(engine: &Scope, stream: &str, rule: &StreamRule, shows_defaults: bool) -> Value {
    let own = engine.stream_lifecycles().remove(stream);
    let mut shown = Map::new();
    shown.insert("enabled".to_owned(), own.as_ref().is_none_or(|it| it.is_enabled).into());
    if let Some(ms) = own.and_then(|it| it.retention.age_ms) {
        shown.insert("data_retention".to_owned(), unit::show_ms(ms).into());
    }
    if let Some(ms) = rule.retention.age_ms.filter(|_| !matches!(rule.origin, RuleOrigin::Policy(_))) {
        let by = if shown.contains_key("data_retention") { "data_stream_configuration" } else { "default_global_retention" };
        shown.insert("effective_retention".to_owned(), unit::show_ms(ms).into());
        shown.insert("retention_determined_by".to_owned(), by.into());
    }
    if shows_defaults {
        shown.insert("rollover".to_owned(), show_rollover(&rule.rollover));
    }
    Value::Object(shown)
}

/// The limits at which a new index is started, as answers show them.
pub fn show_rollover(rollover: &sekisho_engine::Rollover) -> Value {
    let mut shown = Map::new();
    let mut put = |key: &str, value: Option<Value>| value.map(|it| shown.insert(key.to_owned(), it));
    put("max_age", rollover.age_ms.map(|it| unit::show_ms(it).into()));
    put("max_primary_shard_size", rollover.bytes.map(|it| unit::show_bytes(it).into()));
    put("max_primary_shard_docs", rollover.docs.map(Value::from));
    put("min_docs", Some(rollover.docs_min.into()));
    Value::Object(shown)
}

/// The streams that names and patterns choose.
///
/// # Errors
/// 404 for a name that does not exist.
pub fn chosen(engine: &Scope, names: &str) -> Result<Vec<String>, ApiError> {
    let streams = engine.data_streams();
    let mut found = Vec::new();
    for pattern in names.split(',') {
        let pattern = if pattern == "_all" { "*" } else { pattern };
        let matching: Vec<String> = streams.keys().filter(|it| simple_match(pattern, it)).cloned().collect();
        if matching.is_empty() && !pattern.contains('*') {
            return Err(ApiError::index_not_found(pattern));
        }
        found.extend(matching);
    }
    Ok(found)
}
