//! The JSON under an aggregation's type, read key by key with Elasticsearch's errors.
//!
//! Clients send numbers as strings and booleans as strings (Grafana does), so the getters take both.

use serde_json::{Map, Value};

use crate::error::QueryError;

/// The body of one aggregation.
pub(crate) struct Body<'a> {
    /// The aggregation's type, for messages.
    pub(crate) kind: &'static str,
    /// The name the request gave it, for messages.
    pub(crate) name: &'a str,
    map: &'a Map<String, Value>,
}

impl<'a> Body<'a> {
    /// Wraps a body.
    ///
    /// # Errors
    /// When it is not an object.
    pub(crate) fn new(kind: &'static str, name: &'a str, value: &'a Value) -> Result<Self, QueryError> {
        let Value::Object(map) = value else {
            return Err(QueryError::Parsing(format!("Expected [START_OBJECT] under [{kind}], but got a [{}] in [{name}]", token(value))));
        };
        Ok(Self { kind, name, map })
    }

    /// Refuses keys outside of `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), QueryError> {
        for key in self.map.keys() {
            if !known.contains(&key.as_str()) {
                return Err(QueryError::XContentParse(format!("[{}] unknown field [{key}]{}", self.kind, did_you_mean(key, known.iter().copied()))));
            }
        }
        Ok(())
    }

    /// The body itself, where it is a query.
    pub(crate) fn whole(&self) -> Value {
        Value::Object(self.map.clone())
    }

    /// The value of a key; JSON's null is absence.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|it| !it.is_null())
    }

    /// Whether a key is there with JSON's null, where that means something else than absence.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(Value::is_null)
    }

    /// A text.
    pub(crate) fn str(&self, key: &str) -> Result<Option<&'a str>, QueryError> {
        self.get(key).map(|it| it.as_str().ok_or_else(|| self.bad(key, it))).transpose()
    }

    /// `field`, which must be there.
    pub(crate) fn field(&self) -> Result<String, QueryError> {
        let field = self.str("field")?.ok_or_else(|| self.lacks("field"))?;
        Ok(field.to_owned())
    }

    /// A boolean.
    pub(crate) fn bool(&self, key: &str) -> Result<Option<bool>, QueryError> {
        self.get(key)
            .map(|it| match it {
                Value::Bool(it) => Ok(*it),
                Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
                _ => Err(self.bad(key, it)),
            })
            .transpose()
    }

    /// A whole number of at least 0.
    pub(crate) fn u64(&self, key: &str) -> Result<Option<u64>, QueryError> {
        self.get(key)
            .map(|it| {
                let number = number_of(it).filter(|it| it.fract() == 0.0).ok_or_else(|| self.bad(key, it))?;
                if number < 0.0 {
                    return Err(QueryError::IllegalArgument(format!("[{key}] must be greater than or equal to 0. Found [{it}] in [{}]", self.name)));
                }
                Ok(number as u64)
            })
            .transpose()
    }

    /// A number.
    pub(crate) fn f64(&self, key: &str) -> Result<Option<f64>, QueryError> {
        self.get(key).map(|it| number_of(it).ok_or_else(|| self.bad(key, it))).transpose()
    }

    /// A list of numbers.
    pub(crate) fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, QueryError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let list: Vec<&Value> = match value {
            Value::Array(list) => list.iter().collect(),
            single => vec![single],
        };
        list.into_iter().map(|it| number_of(it).ok_or_else(|| self.bad(key, it))).collect::<Result<_, _>>().map(Some)
    }

    /// The error for a key that must be there.
    pub(crate) fn lacks(&self, key: &str) -> QueryError {
        // Elasticsearch's words for it name the alternative that there is not here.
        let fields = if key == "field" { "field, script" } else { key };
        QueryError::IllegalArgument(format!("Required one of fields [{fields}], but none were specified. in [{}]", self.name))
    }

    /// The error for a value of the wrong type.
    pub(crate) fn bad(&self, key: &str, value: &Value) -> QueryError {
        QueryError::XContentParse(format!("[{}] failed to parse field [{key}]: [{value}] in [{}]", self.kind, self.name))
    }
}

/// A number, also one written as text.
pub(crate) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(it) => it.as_f64(),
        Value::String(it) => it.trim().parse().ok().filter(|it: &f64| it.is_finite()),
        _ => None,
    }
}

/// Elasticsearch's name of a JSON token.
pub(crate) fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

/// ` did you mean [x]?` for the nearest of `known`, where one is near enough to be meant.
pub(crate) fn did_you_mean<'k>(given: &str, known: impl Iterator<Item = &'k str>) -> String {
    let limit = (given.chars().count() / 3).max(1);
    match known.map(|it| (distance(given, it), it)).filter(|it| it.0 <= limit).min() {
        Some((_, it)) => format!(" did you mean [{it}]?"),
        None => String::new(),
    }
}

/// Levenshtein distance of two short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    // Names are ASCII words of a few letters; a long foreign one need not be compared beyond what can be near.
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        assert_eq!(did_you_mean("trems", ["terms", "range"].into_iter()), "");
        assert_eq!(did_you_mean("term", ["terms", "range"].into_iter()), " did you mean [terms]?");
        assert_eq!(did_you_mean("date_histgram", ["histogram", "date_histogram"].into_iter()), " did you mean [date_histogram]?");
        assert_eq!(did_you_mean("significant_terms", ["terms", "min"].into_iter()), "");
    }
}
