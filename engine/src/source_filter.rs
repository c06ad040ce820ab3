//! `_source` filtering: which fields of a document a hit shows.

use serde_json::{Map, Value};

use crate::error::QueryError;
use crate::mapping::simple_match;

/// What a hit shows of its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceFilter {
    /// All of it.
    All,
    /// Nothing, not even `_source`.
    None,
    /// Fields by patterns with `*`; a pattern that names an object takes what is in it.
    Fields {
        /// Patterns to show; empty = all.
        includes: Vec<String>,
        /// Patterns to leave out, which win.
        excludes: Vec<String>,
    },
}

impl SourceFilter {
    /// Reads `_source` of a search body: a boolean, a pattern, a list, or `{includes, excludes}`.
    ///
    /// # Errors
    /// [`QueryError::Parsing`] for other shapes.
    pub fn parse(value: &Value) -> Result<Self, QueryError> {
        match value {
            Value::Bool(true) => Ok(Self::All),
            Value::Bool(false) => Ok(Self::None),
            Value::String(_) | Value::Array(_) => Ok(Self::Fields { includes: patterns(value)?, excludes: Vec::new() }),
            Value::Object(object) => {
                let (mut includes, mut excludes) = (Vec::new(), Vec::new());
                for (key, value) in object {
                    match key.as_str() {
                        "includes" | "include" => includes = patterns(value)?,
                        "excludes" | "exclude" => excludes = patterns(value)?,
                        _ => return Err(QueryError::Parsing(format!("Unknown key for a VALUE_STRING in [{key}]."))),
                    }
                }
                Ok(Self::Fields { includes, excludes })
            }
            other => {
                Err(QueryError::Parsing(format!("Expected one of [VALUE_BOOLEAN, VALUE_STRING, START_ARRAY, START_OBJECT] but found [{other}]")))
            }
        }
    }

    /// The part of a document that passes; `None` where hits have no `_source` at all.
    pub fn apply(&self, document: Map<String, Value>) -> Option<Map<String, Value>> {
        match self {
            Self::All => Some(document),
            Self::None => None,
            Self::Fields { includes, excludes } => Some(filter(document, "", includes, excludes)),
        }
    }
}

fn patterns(value: &Value) -> Result<Vec<String>, QueryError> {
    let refuse = || QueryError::Parsing(format!("_source patterns must be strings, not [{value}]"));
    match value {
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(items) => items.iter().map(|it| it.as_str().map(str::to_owned).ok_or_else(refuse)).collect(),
        _ => Err(refuse()),
    }
}

fn filter(object: Map<String, Value>, prefix: &str, includes: &[String], excludes: &[String]) -> Map<String, Value> {
    let mut kept = Map::new();
    for (key, value) in object {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        if excludes.iter().any(|it| covers(it, &path)) {
            continue;
        }
        let included = includes.is_empty() || includes.iter().any(|it| covers(it, &path));
        // What is included whole still has to lose what is excluded inside it.
        let inner = if included { &[][..] } else { includes };
        match filter_value(value, &path, included, inner, excludes) {
            Some(value) => kept.insert(key, value),
            None => None,
        };
    }
    kept
}

fn filter_value(value: Value, path: &str, included: bool, includes: &[String], excludes: &[String]) -> Option<Value> {
    match value {
        Value::Object(inner) => {
            let inner = filter(inner, path, includes, excludes);
            (included || !inner.is_empty()).then_some(Value::Object(inner))
        }
        Value::Array(items) => {
            let items: Vec<Value> = items.into_iter().filter_map(|it| filter_value(it, path, included, includes, excludes)).collect();
            (included || !items.is_empty()).then_some(Value::Array(items))
        }
        leaf => included.then_some(leaf),
    }
}

/// Whether a pattern names the path or something above it.
fn covers(pattern: &str, path: &str) -> bool {
    simple_match(pattern, path) || path.match_indices('.').any(|(at, _)| simple_match(pattern, &path[..at]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(filter: Value, expected: Value) {
        let document = json!({ "a": { "b": 1, "c": [{ "d": 2, "e": 3 }] }, "f": 4 });
        let kept = SourceFilter::parse(&filter).unwrap().apply(document.as_object().unwrap().clone());
        assert_eq!(kept.map_or(Value::Null, Value::Object), expected, "{filter}");
    }

    #[test]
    fn patterns_choose_fields_and_objects() {
        check(json!(true), json!({ "a": { "b": 1, "c": [{ "d": 2, "e": 3 }] }, "f": 4 }));
        check(json!(false), Value::Null);
        check(json!("a.b"), json!({ "a": { "b": 1 } }));
        check(json!(["a.c.*"]), json!({ "a": { "c": [{ "d": 2, "e": 3 }] } }));
        check(json!({ "excludes": ["a.c"] }), json!({ "a": { "b": 1 }, "f": 4 }));
        check(json!({ "includes": ["a"], "excludes": ["*.e"] }), json!({ "a": { "b": 1, "c": [{ "d": 2 }] } }));
        check(json!("nothing"), json!({}));
    }
}
