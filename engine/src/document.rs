//! JSON documents: from `_source` to typed values under a mapping, with Elasticsearch's dynamic rules.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::analysis;
use crate::clock::Timestamp;
use crate::datetime::DateFormat;
use crate::limits::DOCUMENT_DEPTH_MAX;
use crate::mapping::{Dynamic, FieldType, MappedField, Mapping, MappingError};
use crate::row::Row;

/// Why a document was refused. All are answered with 400.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DocumentError {
    /// A value that does not fit its field; `document_parsing_exception`.
    #[error("failed to parse field [{field}] of type [{kind}]: {reason}")]
    Field {
        /// Dotted name.
        field: String,
        /// Its type.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The document as a whole can't be used; `document_parsing_exception`.
    #[error("{0}")]
    Document(String),
    /// A new field that the mapping refuses under `dynamic: strict`; `strict_dynamic_mapping_exception`.
    #[error("mapping set to strict, dynamic introduction of [{field}] within [{parent}] is not allowed")]
    Strict {
        /// The field's last name.
        field: String,
        /// The object it stands in; `_doc` for the root.
        parent: String,
    },
    /// A new field that does not fit the mapping; `illegal_argument_exception`.
    #[error(transparent)]
    Mapping(#[from] MappingError),
}

/// A document's typed values.
pub(crate) struct TypedDocument {
    pub(crate) row: Row,
    /// The mapping with the fields that the document brought, where it brought any.
    pub(crate) grown: Option<Mapping>,
}

/// Types a document under a mapping.
pub(crate) fn parse(mapping: &Mapping, document: &Map<String, Value>) -> Result<TypedDocument, DocumentError> {
    let mut parser = Parser { mapping: Cow::Borrowed(mapping), row: Row::with_capacity(256, 32), path: String::new() };
    parser.object(document, 0)?;
    let grown = match parser.mapping {
        Cow::Owned(mapping) => Some(mapping),
        Cow::Borrowed(_) => None,
    };
    Ok(TypedDocument { row: parser.row, grown })
}

struct Parser<'a> {
    mapping: Cow<'a, Mapping>,
    row: Row,
    /// Dotted path of the value being read.
    path: String,
}

impl Parser<'_> {
    fn object(&mut self, object: &Map<String, Value>, depth: usize) -> Result<(), DocumentError> {
        if depth >= DOCUMENT_DEPTH_MAX {
            return Err(DocumentError::Document(format!(
                "Limit of mapping depth [{DOCUMENT_DEPTH_MAX}] has been exceeded due to object field [{}]",
                self.path
            )));
        }
        for (key, value) in object {
            if key.is_empty() || key.split('.').any(str::is_empty) {
                return Err(DocumentError::Document(format!("field name cannot be an empty string or contain empty parts: [{key}]")));
            }
            let before = self.path.len();
            if before > 0 {
                self.path.push('.');
            }
            self.path.push_str(key);
            self.value(value, depth)?;
            self.path.truncate(before);
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), DocumentError> {
        match value {
            Value::Null => Ok(()),
            _ if self.mapping.is_disabled(&self.path) => Ok(()),
            Value::Object(inner) => {
                if let Some(field) = self.mapping.field(&self.path).filter(|_| !self.mapping.is_flattened(&self.path)) {
                    return malformed(field, format!("found an object where a value of type [{}] is expected", field.kind.name()));
                }
                self.object(inner, depth + 1)
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item, depth + 1)),
            leaf => self.leaf(leaf),
        }
    }

    fn leaf(&mut self, value: &Value) -> Result<(), DocumentError> {
        if self.mapping.field(&self.path).is_none() {
            if self.mapping.is_object(&self.path) && !self.mapping.is_flattened(&self.path) {
                return Err(DocumentError::Document(format!(
                    "object mapping for [{0}] tried to parse field [{0}] as object, but found a concrete value",
                    self.path
                )));
            }
            match self.mapping.dynamic_rule(&self.path) {
                Dynamic::False => return Ok(()),
                Dynamic::Strict => {
                    let (parent, field) = self.path.rsplit_once('.').unwrap_or(("_doc", &self.path));
                    return Err(DocumentError::Strict { field: field.to_owned(), parent: parent.to_owned() });
                }
                Dynamic::True => self.introduce(value)?,
            }
        }
        // A template may have said that it is not looked at, or there was no room for it.
        let Some(field) = self.mapping.field(&self.path).cloned() else { return Ok(()) };
        push(&mut self.row, &field, value)?;
        let subs: Vec<MappedField> = self.mapping.multi_fields(field.id).cloned().collect();
        for sub in subs {
            push(&mut self.row, &sub, value)?;
        }
        Ok(())
    }

    /// Dynamic mapping: <https://www.elastic.co/guide/en/elasticsearch/reference/8.15/dynamic-field-mapping.html>.
    fn introduce(&mut self, value: &Value) -> Result<(), DocumentError> {
        match self.mapping.to_mut().introduce(&self.path, value) {
            Err(MappingError::TooManyFields(_)) if self.mapping.options.ignores_beyond_limit => Ok(()),
            other => Ok(other?),
        }
    }
}

/// Adds one value to the row, or refuses it, or leaves it out where the field says so.
fn push(row: &mut Row, field: &MappedField, value: &Value) -> Result<(), DocumentError> {
    match typed(row, field, value) {
        Ok(()) => Ok(()),
        Err(_) if field.ignore_malformed => Ok(()),
        Err(reason) => malformed(field, reason),
    }
}

fn malformed(field: &MappedField, reason: String) -> Result<(), DocumentError> {
    Err(DocumentError::Field { field: field.name.clone(), kind: field.kind.name(), reason })
}

fn typed(row: &mut Row, field: &MappedField, value: &Value) -> Result<(), String> {
    match field.kind {
        FieldType::Keyword | FieldType::Wildcard => {
            let text = text_of(value);
            if field.ignore_above.is_some_and(|limit| text.chars().count() > limit as usize) {
                return Ok(());
            }
            if text.len() > TERM_BYTES_MAX && field.index {
                return Err(format!("immense term: the value is longer than {TERM_BYTES_MAX} bytes"));
            }
            row.push_str(field.id, &analysis::normal(field, &text));
        }
        FieldType::Text | FieldType::MatchOnlyText => row.push_str(field.id, &text_of(value)),
        FieldType::Long => row.push_i64(field.id, whole(value, i64::MIN, i64::MAX)?),
        FieldType::Integer => row.push_i64(field.id, whole(value, i32::MIN.into(), i32::MAX.into())?),
        FieldType::Short => row.push_i64(field.id, whole(value, i16::MIN.into(), i16::MAX.into())?),
        FieldType::Byte => row.push_i64(field.id, whole(value, i8::MIN.into(), i8::MAX.into())?),
        FieldType::Double | FieldType::Float => {
            let number = match value {
                Value::Number(number) => number.as_f64(),
                Value::String(text) => text.trim().parse().ok(),
                _ => None,
            };
            let number = number.filter(|it| it.is_finite()).ok_or_else(|| format!("[{}] is not a finite number", text_of(value)))?;
            row.push_f64(field.id, number);
        }
        FieldType::Boolean => match value {
            Value::Bool(it) => row.push_bool(field.id, *it),
            Value::String(it) if it == "true" => row.push_bool(field.id, true),
            Value::String(it) if it == "false" || it.is_empty() => row.push_bool(field.id, false),
            _ => return Err(format!("Failed to parse value [{}] as only [true] or [false] are allowed.", text_of(value))),
        },
        FieldType::Date => {
            let format = match &field.format {
                Some(format) => DateFormat::parse(format).map_err(|it| it.to_string())?,
                None => DateFormat::default_es(),
            };
            let at: Timestamp = format.parse_value(value).ok_or_else(|| format!("failed to parse date field [{}]", text_of(value)))?;
            row.push_date(field.id, at);
        }
        FieldType::Ip => {
            let address: IpAddr =
                value.as_str().and_then(|it| it.trim().parse().ok()).ok_or_else(|| format!("'{}' is not an IP string literal.", text_of(value)))?;
            row.push_ip(field.id, address);
        }
    }
    Ok(())
}

/// Bytes of an indexed keyword, Lucene's limit of a term.
const TERM_BYTES_MAX: usize = 32_766;

/// A scalar as keyword text: numbers and booleans as JSON writes them.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// A whole number; a fraction is cut off, as Elasticsearch's `coerce` does.
fn whole(value: &Value, min: i64, max: i64) -> Result<i64, String> {
    let refuse = || format!("For input string: \"{}\"", text_of(value));
    let number = match value {
        Value::Number(number) => match number.as_i64() {
            Some(it) => it,
            None => truncated(number.as_f64().ok_or_else(refuse)?).ok_or_else(|| format!("Value [{number}] is out of range for a long"))?,
        },
        Value::String(text) => {
            let text = text.trim();
            match text.parse() {
                Ok(it) => it,
                Err(_) => truncated(text.parse().map_err(|_| refuse())?).ok_or_else(refuse)?,
            }
        }
        _ => return Err(refuse()),
    };
    if (min..=max).contains(&number) { Ok(number) } else { Err(format!("Value [{number}] is out of range")) }
}

fn truncated(number: f64) -> Option<i64> {
    // 2^63 itself is not an i64; every f64 below it in magnitude is.
    (number.is_finite() && number.abs() < 9_223_372_036_854_775_808.0).then_some(number.trunc() as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse_json(mapping: &Mapping, document: Value) -> Result<TypedDocument, DocumentError> {
        parse(mapping, document.as_object().unwrap())
    }

    #[test]
    fn dynamic_fields_get_elasticsearchs_types() {
        let document = json!({ "n": 1, "f": 1.5, "b": true, "t": "hello", "d": "2026-11-23T06:54:21Z", "o": { "k": ["x", "y"] }, "z": null });
        let typed = parse_json(&Mapping::dynamic(), document).unwrap();
        let mapping = typed.grown.unwrap();
        let kinds: Vec<_> = mapping.fields().iter().map(|it| (it.name.as_str(), it.kind.name())).collect();
        assert_eq!(
            kinds,
            [
                ("n", "long"),
                ("f", "float"),
                ("b", "boolean"),
                ("t", "text"),
                ("t.keyword", "keyword"),
                ("d", "date"),
                ("o.k", "text"),
                ("o.k.keyword", "keyword")
            ]
        );
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_with_the_fields_name() {
        let mapping = Mapping::from_json(&json!({ "properties": { "a": { "type": "ip" } } })).unwrap();
        let error = parse_json(&mapping, json!({ "a": "nowhere" })).err().unwrap();
        assert_eq!(error.to_string(), "failed to parse field [a] of type [ip]: 'nowhere' is not an IP string literal.");
    }

    #[test]
    fn strict_mappings_refuse_new_fields() {
        let mapping = Mapping::from_json(&json!({ "dynamic": "strict" })).unwrap();
        assert!(
            matches!(parse_json(&mapping, json!({ "a": { "b": 1 } })), Err(DocumentError::Strict { field, parent }) if field == "b" && parent == "a")
        );
    }

    #[test]
    fn dots_in_names_are_objects() {
        let typed = parse_json(&Mapping::dynamic(), json!({ "a.b": 1, "a": { "c": 2 } })).unwrap();
        assert!(typed.grown.unwrap().is_object("a"));
    }
}
