//! `collapse` of a search body, and the inner hits of its answer.

use sekisho_engine::Collapse;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::search::{self, SearchCall};

/// Inner searches of one request: each is run for every group on the page.
const INNER_HITS_MAX: usize = 10;

/// Hits of an inner search unless it says otherwise.
const INNER_SIZE_DEFAULT: usize = 3;

/// What an inner search of a group may say.
const INNER_KEYS: [&str; 13] = [
    "from",
    "size",
    "sort",
    "_source",
    "fields",
    "docvalue_fields",
    "stored_fields",
    "highlight",
    "explain",
    "track_scores",
    "version",
    "seq_no_primary_term",
    "collapse",
];

/// Reads `collapse` into the request.
///
/// # Errors
/// 400 for what is not understood.
pub(super) fn read(call: &mut SearchCall, value: &Value) -> Result<(), ApiError> {
    let refuse = |what: String| ApiError::new(400, "x_content_parse_exception", format!("[collapse] {what}"));
    let object = value.as_object().ok_or_else(|| refuse("must be an object".to_owned()))?;
    let mut field = None;
    for (key, value) in object {
        match (key.as_str(), value) {
            ("field", Value::String(name)) => field = Some(name.clone()),
            ("inner_hits", Value::Object(inner)) => call.inner.push(read_inner(inner)?),
            ("inner_hits", Value::Array(items)) => {
                for item in items {
                    call.inner.push(read_inner(item.as_object().ok_or_else(|| refuse("[inner_hits] must be objects".to_owned()))?)?);
                }
            }
            // How many of them run at once is ours to choose.
            ("max_concurrent_group_searches", Value::Number(it)) if it.as_u64().is_some_and(|it| it > 0) => {}
            (key, _) => return Err(refuse(format!("unknown field [{key}] or value of a wrong type"))),
        }
    }
    let field = field.ok_or_else(|| ApiError::illegal_argument("Required [field]"))?;
    if call.inner.len() > INNER_HITS_MAX {
        return Err(ApiError::illegal_argument(format!("more than [{INNER_HITS_MAX}] [inner_hits] in one collapse")));
    }
    for (at, (name, _)) in call.inner.iter().enumerate() {
        if call.inner[..at].iter().any(|it| it.0 == *name) {
            return Err(ApiError::illegal_argument(format!("[inner_hits] already contains an entry for key [{name}]")));
        }
    }
    let inner = call.inner.iter().map(|(_, it)| it.request.clone()).collect();
    call.request.collapse = Some(Collapse { field, inner });
    Ok(())
}

fn read_inner(object: &Map<String, Value>) -> Result<(String, SearchCall), ApiError> {
    let mut call = SearchCall::default();
    call.request.size = INNER_SIZE_DEFAULT;
    call.sort_values = usize::MAX;
    let (mut name, mut body) = (None, Map::new());
    for (key, value) in object {
        match (key.as_str(), value) {
            ("name", Value::String(it)) => name = Some(it.clone()),
            ("ignore_unmapped", Value::Bool(_)) => {}
            ("collapse", Value::Object(inner)) if inner.contains_key("inner_hits") => {
                return Err(ApiError::illegal_argument("inner hits of a collapse inside of inner hits are not supported"));
            }
            (key, value) if INNER_KEYS.contains(&key) => drop(body.insert(key.to_owned(), value.clone())),
            (key, _) => return Err(ApiError::new(400, "x_content_parse_exception", format!("[inner_hits] unknown field [{key}]"))),
        }
    }
    search::read_body(&mut call, body)?;
    let name = name.ok_or_else(|| ApiError::illegal_argument("[inner_hits] of [collapse] needs a [name]"))?;
    Ok((name, call))
}

/// Refuses what does not go together with a collapse.
///
/// # Errors
/// 400, in Elasticsearch's words.
pub(super) fn check(call: &SearchCall) -> Result<(), ApiError> {
    let Some(collapse) = &call.request.collapse else { return Ok(()) };
    if call.scroll.is_some() {
        return Err(ApiError::illegal_argument("cannot use `collapse` in a scroll context"));
    }
    let by = sekisho_engine::SortBy::Field(collapse.field.clone());
    if call.request.search_after.is_some() && !matches!(call.request.sort.as_slice(), [key] if key.by == by) {
        return Err(ApiError::illegal_argument(
            "Cannot use [collapse] in conjunction with [search_after] unless the search is sorted on the same field. Multiple sort fields are not allowed.",
        ));
    }
    Ok(())
}

/// The inner hits of one hit, by the names of their searches.
pub(super) fn render(call: &SearchCall, found: Vec<sekisho_engine::SearchResponse>) -> Value {
    let answers = call.inner.iter().zip(found);
    Value::Object(answers.map(|((name, inner), found)| (name.clone(), json!({ "hits": search::render_hits(inner, found) }))).collect())
}
