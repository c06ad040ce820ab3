//! `_sekisho/retention`: what is kept of each stream, why, and until when; the same to change it, and to do what is due at once.

use sekisho_engine::{DiskStage, Removal, Retention, RuleOrigin, StreamLifecycle, StreamRetention};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::lifecycle::{chosen, retention_ms, show_rollover};
use crate::unit;

/// Answers `GET _sekisho/retention`: every stream that the requester sees, and how full the disk is.
///
/// # Errors
/// 400 for unknown parameters.
pub async fn get(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let asked = chosen(engine, if names.is_empty() { "*" } else { &names })?;
            let now = engine.now().0;
            let streams: Vec<Value> = engine.retention().iter().filter(|it| asked.contains(&it.stream)).map(|it| show(it, now)).collect();
            let (disk, watermarks) = (engine.disk(), engine.watermarks());
            let disk = json!({
                "stage": match disk.stage {
                    DiskStage::Roomy => "ok",
                    DiskStage::High => "high",
                    DiskStage::Flood => "flood",
                },
                "used_bytes": disk.space.map(|it| it.used), "available_bytes": disk.space.map(|it| it.available),
                "used_percent": disk.space.map(|it| it.percent().round()), "high_percent": watermarks.high_percent, "flood_percent": watermarks.flood_percent,
            });
            Ok(Reply::Json(json!({ "streams": streams, "disk": disk })))
        })
        .await
}

/// Answers `PUT _sekisho/retention/{name}`: `age` (`30d`) and `bytes` (`50gb`, or a number), each or null; `enabled: false` keeps everything.
/// It comes before a policy that the stream's indices name.
///
/// # Errors
/// 400 for what is not understood, 404 for a stream that does not exist.
pub async fn put(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    let lifecycle = parse(&call.object()?)?;
    call.app
        .blocking(move |engine| {
            engine.put_stream_lifecycle(&chosen(engine, &names)?, Some(&lifecycle))?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// Answers `DELETE _sekisho/retention/{name}`: what the policy or the defaults say counts again.
///
/// # Errors
/// 404 for a stream that does not exist.
pub async fn delete(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            engine.put_stream_lifecycle(&chosen(engine, &names)?, None)?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// Answers `POST _sekisho/retention/_run`: deletes what is due, or with `dry_run` tells what that is.
///
/// # Errors
/// 403 for anyone from whom something is withheld.
pub async fn run(mut call: Call) -> Outcome {
    let is_dry = call.params.flag("dry_run")?.unwrap_or(false);
    call.params.finish(&call.path)?;
    call.app
        .blocking(move |engine| {
            let engine = engine.unlimited()?;
            let removed = if is_dry { engine.plan_retention() } else { engine.run_retention()? };
            let one = |it: &Removal| {
                json!({
                    "index": it.index, "data_stream": it.stream, "whole_index": it.is_whole_index, "splits": it.splits, "docs": it.docs,
                    "bytes": it.bytes, "reason": it.reason.name(),
                })
            };
            Ok(Reply::Json(json!({ "dry_run": is_dry, "removed": removed.iter().map(one).collect::<Vec<_>>() })))
        })
        .await
}

fn parse(body: &Map<String, Value>) -> Result<StreamLifecycle, ApiError> {
    let mut lifecycle = StreamLifecycle { is_first: true, ..StreamLifecycle::default() };
    let Retention { age_ms, bytes } = &mut lifecycle.retention;
    for (key, value) in body {
        match (key.as_str(), value) {
            ("age", Value::String(text)) => *age_ms = Some(retention_ms(text)?),
            ("bytes", Value::String(text)) => *bytes = Some(unit::parse_bytes(text).map_err(|it| ApiError::illegal_argument(it.to_string()))?),
            ("bytes", Value::Number(number)) => {
                *bytes = Some(number.as_u64().ok_or_else(|| ApiError::illegal_argument(format!("[bytes] must be a whole number, not [{number}]")))?);
            }
            ("enabled", Value::Bool(it)) => lifecycle.is_enabled = *it,
            ("age" | "bytes" | "enabled", Value::Null) => {}
            (key, _) => return Err(ApiError::new(400, "x_content_parse_exception", format!("[retention] unknown field [{key}] or value"))),
        }
    }
    if lifecycle.retention.bytes == Some(0) {
        return Err(ApiError::illegal_argument("[bytes] must be greater than zero"));
    }
    Ok(lifecycle)
}

fn show(it: &StreamRetention, now: i64) -> Value {
    let (source, policy) = match &it.rule.origin {
        RuleOrigin::Stream => ("data_stream", None),
        RuleOrigin::Policy(name) => ("policy", Some(name)),
        RuleOrigin::Default => ("default", None),
        RuleOrigin::Nothing => ("none", None),
    };
    let Retention { age_ms, bytes } = it.rule.retention;
    json!({
        "name": it.stream, "age": age_ms.map(unit::show_ms), "age_ms": age_ms, "bytes_max": bytes, "source": source, "policy": policy,
        "rollover": show_rollover(&it.rule.rollover), "docs": it.docs, "bytes": it.bytes, "indices": it.indices,
        "oldest": it.time.map(|it| it.0.to_string()), "newest": it.time.map(|it| it.1.to_string()),
        "next_removal": it.next_removal.map(|it| it.to_string()),
        "next_removal_days": it.next_removal.map(|it| ((it.0 - now).max(0) as f64 / 86_400_000.0 * 10.0).round() / 10.0),
    })
}
