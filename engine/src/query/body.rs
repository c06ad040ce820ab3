//! Reading query bodies: which keys a clause takes, with Elasticsearch's sentences for what does not fit.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{CLAUSES, Query};
use crate::error::QueryError;
use crate::limits::{CLAUSES_MAX, QUERY_DEPTH_MAX};

/// Clauses that Elasticsearch has and this engine has not, with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("nested", "there are no nested fields"),
    ("has_child", "there are no join fields"),
    ("has_parent", "there are no join fields"),
    ("parent_id", "there are no join fields"),
    ("geo_bounding_box", "there are no geo fields"),
    ("geo_distance", "there are no geo fields"),
    ("geo_polygon", "there are no geo fields"),
    ("geo_shape", "there are no geo fields"),
    ("shape", "there are no geo fields"),
    ("knn", "there are no vectors"),
    ("sparse_vector", "there are no vectors"),
    ("text_expansion", "there are no vectors"),
    ("semantic", "there are no vectors"),
    ("script", "there are no scripts"),
    ("script_score", "there are no scripts"),
    ("percolate", "queries are not stored"),
    ("more_like_this", "ask for the words with [match] or [terms]"),
    ("field_masking_span", "the words of a span are of one field"),
    ("span_gap", "give [span_near] a [slop]"),
    ("span_field_masking", "the words of a span are of one field"),
    ("rank_feature", "there are no such fields"),
    ("wrapper", "send the query itself"),
    ("pinned", "order by [function_score]"),
    ("type", "there are no types"),
];

/// Levels and clauses of the body read so far.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    depth: usize,
    clauses: usize,
}

/// What every clause may carry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) boost: Option<f32>,
    pub(crate) name: Option<Arc<str>>,
}

impl Parser {
    /// Reads `{"<clause>": {…}}`.
    pub(crate) fn query(&mut self, body: &Value) -> Result<Query, QueryError> {
        let Some(object) = body.as_object() else {
            return Err(QueryError::Parsing("[_na] query malformed, must start with start_object".to_owned()));
        };
        let mut keys = object.iter();
        let Some((name, inner)) = keys.next() else {
            return Err(QueryError::IllegalArgument("query malformed, empty clause found".to_owned()));
        };
        if let Some((other, _)) = keys.next() {
            return Err(QueryError::Parsing(format!("[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME] [{other}]")));
        }
        if let Some((_, why)) = REFUSED.iter().find(|it| it.0 == name) {
            return Err(QueryError::Parsing(format!("[{name}] queries are not supported: {why}")));
        }
        let Some(kind) = CLAUSES.iter().find(|it| it.name() == name) else {
            let near = nearest(name, CLAUSES.iter().map(|it| it.name()));
            let hint = near.map_or(String::new(), |it| format!(" did you mean [{it}]?"));
            return Err(QueryError::Parsing(format!("unknown query [{name}]{hint}")));
        };
        if !inner.is_object() {
            return Err(QueryError::Parsing(format!("[{name}] query malformed, no start_object after query name")));
        }
        self.count(1)?;
        // The innermost clause is no nesting: thirty `bool` around a `term` are allowed, as in Elasticsearch.
        if self.depth > QUERY_DEPTH_MAX {
            return Err(QueryError::TooManyClauses(format!(
                "The nested depth of the query exceeds the maximum nested depth for bool queries set in [{QUERY_DEPTH_MAX}]"
            )));
        }
        self.depth += 1;
        let query = kind.parse(inner, self)?;
        self.depth -= 1;
        query.checked()
    }

    /// Reads one query or a list of queries.
    pub(crate) fn queries(&mut self, body: &Value) -> Result<Vec<Query>, QueryError> {
        match body {
            Value::Array(items) => items.iter().map(|it| self.query(it)).collect(),
            one => Ok(vec![self.query(one)?]),
        }
    }

    /// Counts clauses before they are built.
    pub(crate) fn count(&mut self, clauses: usize) -> Result<(), QueryError> {
        self.clauses += clauses;
        if self.clauses > CLAUSES_MAX {
            return Err(QueryError::TooManyClauses(format!("Query contains too many nested clauses; maxClauseCount is set to {CLAUSES_MAX}")));
        }
        Ok(())
    }
}

/// The keys of one object of a body. Each key that the clause knows is taken; what is left is an error.
pub(crate) struct Body<'a> {
    clause: &'static str,
    left: Vec<(&'a str, &'a Value)>,
    options: Options,
}

impl<'a> Body<'a> {
    /// The object under a clause's name.
    pub(crate) fn new(clause: &'static str, value: &'a Value) -> Result<Self, QueryError> {
        let object = value.as_object().ok_or_else(|| QueryError::Parsing(format!("[{clause}] query malformed, no start_object after query name")))?;
        Self::of_object(clause, object)
    }

    fn of_object(clause: &'static str, object: &'a Map<String, Value>) -> Result<Self, QueryError> {
        let mut body = Self { clause, left: object.iter().map(|(key, value)| (key.as_str(), value)).collect(), options: Options::default() };
        if let Some(value) = body.take("boost") {
            body.options.boost = Some(body.number("boost", value)? as f32);
            if body.options.boost.is_some_and(|it| it < 0.0 || !it.is_finite()) {
                return Err(QueryError::IllegalArgument(format!(
                    "negative [boost] are not allowed in [{clause}], use a value between 0 and 1 to deboost"
                )));
            }
        }
        if let Some(value) = body.take("_name") {
            body.options.name = Some(body.string("_name", value)?.into());
        }
        Ok(body)
    }

    /// A clause keyed by its field: `{"<field>": {…}}`, or `{"<field>": short}` where the value alone stands under `key`.
    pub(crate) fn of_field(clause: &'static str, value: &'a Value, key: &'static str) -> Result<(&'a str, Self), QueryError> {
        let mut outer = Self::new(clause, value)?;
        let mut fields = std::mem::take(&mut outer.left).into_iter();
        let Some((field, inner)) = fields.next() else {
            return Err(QueryError::IllegalArgument(format!("[{clause}] query malformed, no field given")));
        };
        if let Some((other, _)) = fields.next() {
            return Err(QueryError::Parsing(format!("[{clause}] query doesn't support multiple fields, found [{field}] and [{other}]")));
        }
        let mut body = match inner {
            Value::Object(object) => Self::of_object(clause, object)?,
            Value::Array(_) => return Err(QueryError::Parsing(format!("[{clause}] query does not support array of values"))),
            short => Self { clause, left: vec![(key, short)], options: Options::default() },
        };
        body.options.boost = body.options.boost.or(outer.options.boost);
        body.options.name = body.options.name.or(outer.options.name);
        Ok((field, body))
    }

    /// A key that stays.
    pub(crate) fn peek(&self, key: &str) -> Option<&'a Value> {
        self.left.iter().find(|it| it.0 == key).map(|it| it.1)
    }

    /// Takes a key.
    pub(crate) fn take(&mut self, key: &str) -> Option<&'a Value> {
        let at = self.left.iter().position(|it| it.0 == key)?;
        Some(self.left.remove(at).1)
    }

    /// Takes a key whose value is one number, text or boolean.
    pub(crate) fn scalar(&mut self, key: &str) -> Result<Option<Value>, QueryError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Null) => Err(QueryError::IllegalArgument("value cannot be null".to_owned())),
            Some(Value::Array(_) | Value::Object(_)) => Err(QueryError::Parsing(format!("[{}] query does not support array of values", self.clause))),
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// Takes a key whose value is text; numbers and booleans are taken as they are written.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, QueryError> {
        Ok(self.scalar(key)?.map(|it| scalar_text(&it)))
    }

    /// Takes a key whose value is true or false.
    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, QueryError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(it)) => Ok(Some(*it)),
            Some(Value::String(it)) if it == "true" => Ok(Some(true)),
            Some(Value::String(it)) if it == "false" => Ok(Some(false)),
            Some(other) => {
                Err(QueryError::IllegalArgument(format!("Failed to parse value [{}] as only [true] or [false] are allowed.", scalar_text(other))))
            }
        }
    }

    /// Takes a key whose value is a whole number of at least zero.
    pub(crate) fn count(&mut self, key: &str) -> Result<Option<usize>, QueryError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = self.number(key, value)?;
        if number < 0.0 {
            return Err(QueryError::IllegalArgument(format!("[{}] requires [{key}] to be at least 0, found [{number}]", self.clause)));
        }
        Ok(Some(number as usize))
    }

    /// Takes a key whose value is a floating-point number.
    pub(crate) fn float(&mut self, key: &str) -> Result<Option<f32>, QueryError> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => Ok(Some(self.number(key, value)? as f32)),
        }
    }

    /// Takes keys that change nothing here.
    pub(crate) fn ignore(&mut self, keys: &[&str]) {
        self.left.retain(|it| !keys.contains(&it.0));
    }

    /// Keys that are left.
    pub(crate) fn rest(&mut self) -> Vec<(&'a str, &'a Value)> {
        std::mem::take(&mut self.left)
    }

    /// The options that every clause has; an error where a key is left.
    pub(crate) fn finish(self) -> Result<Options, QueryError> {
        match self.left.first() {
            None => Ok(self.options),
            Some((key, _)) => Err(QueryError::Parsing(format!("[{}] query does not support [{key}]", self.clause))),
        }
    }

    /// As [`Body::finish`], in the words of Elasticsearch's newer parsers, which know the keys they would take.
    pub(crate) fn finish_with_hint(self, keys: &[&'static str]) -> Result<Options, QueryError> {
        match self.left.first() {
            None => Ok(self.options),
            Some((key, _)) => {
                let hint = nearest(key, keys.iter().copied()).map_or(String::new(), |it| format!(" did you mean [{it}]?"));
                Err(QueryError::XContentParse(format!("[{}] unknown field [{key}]{hint}", self.clause)))
            }
        }
    }

    fn number(&self, key: &str, value: &Value) -> Result<f64, QueryError> {
        let number = match value {
            Value::Number(it) => it.as_f64(),
            Value::String(it) => it.parse().ok(),
            _ => None,
        };
        number
            .filter(|it| it.is_finite())
            .ok_or_else(|| QueryError::Parsing(format!("[{}] failed to parse field [{key}]: [{}] is not a number", self.clause, scalar_text(value))))
    }

    fn string(&self, key: &str, value: &Value) -> Result<String, QueryError> {
        value.as_str().map(str::to_owned).ok_or_else(|| QueryError::Parsing(format!("[{}] [{key}] must be a string", self.clause)))
    }
}

/// A value as the text that Elasticsearch makes of it.
pub(crate) fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(it) => it.clone(),
        other => other.to_string(),
    }
}

/// The candidate that differs from `name` in at most a third of its letters.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A long name is no slip of the finger, and the comparison is quadratic.
    if name.len() > 64 {
        return None;
    }
    let limit = (name.chars().count() / 3).max(1);
    candidates.map(|it| (super::fuzzy::distance(name, it), it)).filter(|it| it.0 <= limit).min_by_key(|it| it.0).map(|it| it.1)
}
