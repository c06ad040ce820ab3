//! `_count`: the number of matches, always exact.

use sekisho_engine::{SearchRequest, SourceFilter, TrackTotalHits};
use serde_json::json;

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::search;
use crate::app::targets;

/// Answers `_count`.
///
/// # Errors
/// As `_search`.
pub async fn handle(mut call: Call) -> Outcome {
    let index = call.part("index").to_owned();
    let body = call.object()?;
    if let Some(key) = body.keys().find(|it| *it != "query") {
        return Err(ApiError::parsing(format!("request does not support [{key}]")));
    }
    let search = search::parse(&index, body, &mut call.params, &call.path)?;
    let request = SearchRequest { size: 0, track_total_hits: TrackTotalHits::All, source: SourceFilter::None, ..search.request };
    let (index, options) = (search.index, search.options);
    call.app
        .search(move |engine| {
            let response = engine.search(&targets(engine, &index, options)?, &request)?;
            let failed = response.failures.len();
            let count = response.total.map_or(0, |it| it.value);
            Ok(Reply::Json(json!({ "count": count, "_shards": { "total": response.shards, "successful": response.shards - failed, "skipped": 0, "failed": failed } })))
        })
        .await
}
