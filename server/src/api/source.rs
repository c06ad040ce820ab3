//! `_source`: a document and nothing around it, and the URL parameters by which requests choose a part of one.

use sekisho_engine::SourceFilter;
use serde_json::{Map, Value};

use super::call::{Call, Outcome, Params, Reply};
use super::document;
use super::error::ApiError;

/// Answers `GET /{index}/_source/{id}` and, without a body, `HEAD`.
///
/// # Errors
/// 404 for an index or a document that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let filter = source_filter(&mut call.params).unwrap_or(SourceFilter::All);
    call.params.ignore(&["preference", "realtime", "refresh", "routing"]);
    call.params.finish(&call.path)?;
    let (index, id) = (call.part("index").to_owned(), call.part("id").to_owned());
    if filter == SourceFilter::None {
        return Err(ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: fetching source can not be disabled;"));
    }
    call.app
        .search(move |engine| {
            let found = engine.get(&document::one_index(engine, &index)?, &id)?;
            match found.and_then(|it| filter.apply(it.source)) {
                Some(source) => Ok(Reply::Json(Value::Object(source))),
                None => Err(ApiError::new(404, "resource_not_found_exception", format!("Document not found [{index}]/[{id}]"))),
            }
        })
        .await
}

/// Takes `_source`, `_source_includes` and `_source_excludes`; `None` where the URL says nothing.
pub fn source_filter(params: &mut Params) -> Option<SourceFilter> {
    let list = |it: String| it.split(',').map(str::to_owned).collect::<Vec<_>>();
    let whole = match params.take("_source").as_deref() {
        None => None,
        Some("true" | "") => Some(SourceFilter::All),
        Some("false") => Some(SourceFilter::None),
        Some(fields) => Some(SourceFilter::Fields { includes: list(fields.to_owned()), excludes: Vec::new() }),
    };
    let (includes, excludes) = (params.take("_source_includes"), params.take("_source_excludes"));
    if includes.is_none() && excludes.is_none() {
        return whole;
    }
    let named = match whole {
        Some(SourceFilter::Fields { includes, .. }) => includes,
        _ => Vec::new(),
    };
    Some(SourceFilter::Fields { includes: includes.map_or(named, list), excludes: excludes.map(list).unwrap_or_default() })
}

/// `_source` of a document's answer, where the filter shows one.
pub fn show(answer: &mut Map<String, Value>, filter: &SourceFilter, source: Map<String, Value>) {
    if let Some(source) = filter.apply(source) {
        answer.insert("_source".to_owned(), Value::Object(source));
    }
}
