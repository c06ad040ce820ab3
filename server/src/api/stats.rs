//! `_stats`: documents and bytes of indices.

use sekisho_engine::IndexInfo;
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::index::infos;
use crate::app::{resolve_options, targets};

/// The figures that may be asked for.
const METRICS: &[&str] = &[
    "bulk",
    "completion",
    "docs",
    "fielddata",
    "flush",
    "get",
    "indexing",
    "merge",
    "query_cache",
    "recovery",
    "refresh",
    "request_cache",
    "search",
    "segments",
    "shard_stats",
    "store",
    "translog",
    "warmer",
];

/// Answers `_stats`. Other figures than documents, segments and bytes are not kept by index: asked for, they are absent.
///
/// # Errors
/// 404 for an index that does not exist, 400 for figures that there are none of.
pub async fn handle(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    call.params.ignore(&[
        "level",
        "fields",
        "completion_fields",
        "fielddata_fields",
        "groups",
        "forbid_closed_indices",
        "include_segment_file_sizes",
        "include_unloaded_segments",
    ]);
    call.params.finish(&call.path)?;
    let wanted: Vec<String> = match call.part("metric") {
        "" | "_all" => METRICS.iter().map(|it| (*it).to_owned()).collect(),
        names => names.split(',').map(str::to_owned).collect(),
    };
    if let Some(name) = wanted.iter().find(|it| !METRICS.contains(&it.as_str())) {
        // One letter that is missing or too many is what typing gets wrong.
        let near = METRICS.iter().find(|it| (it.len().abs_diff(name.len()) == 1) && is_part(it, name));
        let hint = near.map(|it| format!(" -> did you mean [{it}]?")).unwrap_or_default();
        return Err(ApiError::illegal_argument(format!("request [{}] contains unrecognized metric: [{name}]{hint}", call.path)));
    }
    let expression = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let infos = infos(engine, &targets(engine, &expression, options)?);
            let of = |infos: &[IndexInfo]| {
                let figures = figures(infos, &wanted);
                json!({ "primaries": figures, "total": figures })
            };
            let indices: Map<String, Value> = infos
                .iter()
                .map(|it| {
                    let mut stats = of(std::slice::from_ref(it));
                    stats["uuid"] = it.uuid.as_str().into();
                    stats["health"] = if it.damaged > 0 { "red" } else { "green" }.into();
                    stats["status"] = if it.is_closed { "close" } else { "open" }.into();
                    (it.name.clone(), stats)
                })
                .collect();
            let failed = infos.iter().filter(|it| it.damaged > 0).count();
            let shards = json!({ "total": infos.len(), "successful": infos.len() - failed, "failed": failed });
            Ok(Reply::Json(json!({ "_shards": shards, "_all": of(&infos), "indices": indices })))
        })
        .await
}

/// Whether the shorter of two words is the longer without some letters.
fn is_part(a: &str, b: &str) -> bool {
    let (long, short) = if a.len() > b.len() { (a, b) } else { (b, a) };
    let mut letters = long.chars();
    short.chars().all(|it| letters.any(|letter| letter == it))
}

fn figures(infos: &[IndexInfo], wanted: &[String]) -> Value {
    let sum = |of: fn(&IndexInfo) -> u64| infos.iter().map(of).sum::<u64>();
    let all = json!({
        "docs": { "count": sum(|it| it.docs), "deleted": sum(|it| it.docs_deleted) },
        "store": { "size_in_bytes": sum(|it| it.bytes), "total_data_set_size_in_bytes": sum(|it| it.bytes), "reserved_in_bytes": 0 },
        "segments": { "count": sum(|it| it.splits as u64) },
    });
    let Value::Object(all) = all else { return Value::Null };
    all.into_iter().filter(|it| wanted.contains(&it.0)).collect::<Map<_, _>>().into()
}
