//! `_mget`: documents by id, each with its own answer.

use sekisho_engine::SourceFilter;
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::condition::invalid;
use super::document;
use super::error::ApiError;
use super::source::source_filter;
use crate::security::Scope;

/// Documents of one request, as Elasticsearch's clients bound their own; refused beyond it.
pub const DOCS_MAX: usize = 10_000;

/// One document asked for.
#[derive(Debug, PartialEq)]
struct Item {
    index: String,
    id: String,
    source: SourceFilter,
}

/// Answers `_mget`.
///
/// # Errors
/// 400 for a body that is not understood; an index or a document that does not exist is its item's answer.
pub async fn handle(mut call: Call) -> Outcome {
    let default_source = source_filter(&mut call.params).unwrap_or(SourceFilter::All);
    call.params.ignore(&["preference", "realtime", "refresh", "routing"]);
    call.params.finish(&call.path)?;
    let items = parse(call.part("index"), &call.object()?, &default_source)?;
    call.app.search(move |engine| Ok(Reply::Json(json!({ "docs": items.iter().map(|it| answer(engine, it)).collect::<Vec<_>>() })))).await
}

fn answer(engine: &Scope, item: &Item) -> Value {
    let Item { index, id, source } = item;
    let found = document::one_index(engine, index).and_then(|targets| Ok(engine.get(&targets, id)?));
    match found {
        Ok(Some(found)) => document::found(found, source),
        Ok(None) => json!({ "_index": index, "_id": id, "found": false }),
        Err(error) => json!({ "_index": index, "_id": id, "error": error.error() }),
    }
}

fn parse(default_index: &str, body: &Map<String, Value>, default_source: &SourceFilter) -> Result<Vec<Item>, ApiError> {
    let mut items = Vec::new();
    for (key, value) in body {
        let Value::Array(list) = value else {
            return Err(ApiError::parsing(format!("unexpected value for [{key}], expected START_ARRAY")));
        };
        for value in list {
            items.push(match key.as_str() {
                "docs" => item(default_index, value, default_source)?,
                "ids" => Item { index: default_index.to_owned(), id: id_of(value)?, source: default_source.clone() },
                other => return Err(ApiError::parsing(format!("unknown key [{other}] for a START_ARRAY, expected [docs] or [ids]"))),
            });
        }
    }
    if items.is_empty() {
        return invalid("no documents to get");
    }
    if items.iter().any(|it| it.index.is_empty()) {
        return invalid("index is missing for doc 0");
    }
    if items.len() > DOCS_MAX {
        return Err(ApiError::illegal_argument(format!("[_mget] takes at most [{DOCS_MAX}] documents, found [{}]", items.len())));
    }
    Ok(items)
}

fn item(default_index: &str, value: &Value, default_source: &SourceFilter) -> Result<Item, ApiError> {
    let Value::Object(object) = value else { return Err(ApiError::parsing("docs array element should include an object")) };
    let (mut index, mut id, mut source) = (default_index.to_owned(), None, default_source.clone());
    for (key, value) in object {
        match (key.as_str(), value) {
            ("_index", Value::String(it)) => index.clone_from(it),
            ("_id", value) => id = Some(id_of(value)?),
            ("_source", value) => source = SourceFilter::parse(value)?,
            ("routing" | "_routing", _) => {}
            (key, _) => return Err(ApiError::parsing(format!("unknown key [{key}] for a document of [_mget]"))),
        }
    }
    match id {
        Some(id) => Ok(Item { index, id, source }),
        None => invalid("id is missing for doc 0"),
    }
}

fn id_of(value: &Value) -> Result<String, ApiError> {
    match value {
        Value::String(it) => Ok(it.clone()),
        Value::Number(it) => Ok(it.to_string()),
        other => Err(ApiError::parsing(format!("an id is text or a number, found [{other}]"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_docs_are_read_with_their_defaults() {
        let read = |body: Value| parse("a", body.as_object().unwrap(), &SourceFilter::All);
        let expected = |index: &str, id: &str, source| Item { index: index.to_owned(), id: id.to_owned(), source };
        assert_eq!(read(json!({ "ids": ["1", 2] })).unwrap(), [expected("a", "1", SourceFilter::All), expected("a", "2", SourceFilter::All)]);
        assert_eq!(read(json!({ "docs": [{ "_index": "b", "_id": "1", "_source": false }] })).unwrap(), [expected("b", "1", SourceFilter::None)]);
        for refused in [
            json!({}),
            json!({ "ids": [] }),
            json!({ "ids": "1" }),
            json!({ "docs": [{}] }),
            json!({ "docs": [{ "_id": "1", "x": 1 }] }),
            json!({ "x": [1] }),
        ] {
            assert!(read(refused.clone()).is_err(), "{refused}");
        }
    }
}
