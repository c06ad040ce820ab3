//! `fields` and `docvalue_fields` of hits: which values a hit shows beside its document, flat and as lists, in which format.
//!
//! Both read the stored document. `fields` gives values in the document's order as the mapping understands them (`"80"` of a number is 80,
//! a date in the mapping's format); `docvalue_fields` gives them as a column would: sorted, keywords once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::datetime::DateFormat;
use crate::decimal_format::DecimalFormat;
use crate::error::QueryError;
use crate::mapping::{ColumnKind, FieldType, MappedField, Mapping, simple_match};
use crate::row::{ip_bytes, ip_text};
use crate::sort::fielddata_refused;
use crate::source::values_at;

/// Which of the two lists of a request names a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldsOf {
    /// `fields`.
    Document,
    /// `docvalue_fields`.
    Columns,
}

/// One entry of `fields` or `docvalue_fields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitField {
    /// A name, or a pattern with `*`.
    pattern: String,
    /// A date format, or for columns of numbers a decimal one.
    format: Option<String>,
    /// Whether values that no mapping knows are shown as well.
    include_unmapped: bool,
    of: FieldsOf,
}

impl HitField {
    /// The values of fields by a pattern, in the mapping's format.
    pub fn named(pattern: &str) -> Self {
        Self { pattern: pattern.to_owned(), format: None, include_unmapped: false, of: FieldsOf::Document }
    }

    /// Which list of the request names it.
    pub(crate) fn of(&self) -> FieldsOf {
        self.of
    }

    /// Reads one entry: a pattern, or `{field, format, include_unmapped}`.
    ///
    /// # Errors
    /// [`QueryError::XContentParse`] for other shapes.
    pub fn parse(value: &Value, of: FieldsOf) -> Result<Self, QueryError> {
        let refuse = |what: String| QueryError::XContentParse(format!("[fields] {what}"));
        let object = match value {
            Value::String(pattern) => return Ok(Self { of, ..Self::named(pattern) }),
            Value::Object(object) => object,
            other => return Err(refuse(format!("must be a list of names or of objects with [field], found [{other}]"))),
        };
        let mut entry = Self { of, ..Self::named("") };
        for (key, value) in object {
            match (key.as_str(), value) {
                ("field", Value::String(it)) => entry.pattern = it.clone(),
                // What the format of the mapping is called in requests of version 6.
                ("format", Value::String(it)) if it == "use_field_mapping" => {}
                ("format", Value::String(it)) => entry.format = Some(it.clone()),
                ("format", Value::Null) => {}
                ("include_unmapped", Value::Bool(it)) if of == FieldsOf::Document => entry.include_unmapped = *it,
                (key, _) => return Err(refuse(format!("unknown field [{key}] or value of a wrong type"))),
            }
        }
        if entry.pattern.is_empty() {
            return Err(QueryError::IllegalArgument("Required [field]".to_owned()));
        }
        Ok(entry)
    }

    /// The mapped fields that the entry names.
    fn matching<'a>(&'a self, mapping: &'a Mapping) -> impl Iterator<Item = &'a MappedField> {
        mapping.matching(&self.pattern)
    }

    /// Whether an index can answer the entry.
    ///
    /// # Errors
    /// [`QueryError::IllegalArgument`] for a field named without a pattern that has no columns, or a format that the field's type has not.
    pub(crate) fn check(&self, mapping: &Mapping) -> Result<(), QueryError> {
        for field in self.matching(mapping) {
            self.presentation(field)?;
        }
        Ok(())
    }

    /// How the values of a field are shown; `None` where a pattern took in a field that has none to show.
    fn presentation(&self, field: &MappedField) -> Result<Option<Presentation>, QueryError> {
        let name = &field.name;
        if self.of == FieldsOf::Columns && field.column_kind().is_none() {
            return match field.kind.is_text() {
                _ if self.pattern.contains('*') => Ok(None),
                true => Err(fielddata_refused(name)),
                false => Err(QueryError::IllegalArgument(format!(
                    "Can't load fielddata on [{name}] because fielddata is unsupported on fields of type [{}]. Use doc values instead.",
                    field.kind.name()
                ))),
            };
        }
        let unformatted = || QueryError::IllegalArgument(format!("Field [{name}] of type [{}] doesn't support formats.", field.kind.name()));
        let date = |text: &str| DateFormat::parse(text).map_err(QueryError::IllegalArgument);
        Ok(Some(match (field.kind, self.format.as_deref()) {
            (FieldType::Date, format) => {
                let mapped = field.format.as_deref().and_then(|it| DateFormat::parse(it).ok()).unwrap_or_else(DateFormat::default_es);
                let shown = format.map(date).transpose()?.unwrap_or_else(|| mapped.clone());
                Presentation::Date { mapped, shown }
            }
            (_, None) => Presentation::Plain,
            (FieldType::Boolean | FieldType::Keyword | FieldType::Wildcard | FieldType::Ip | FieldType::Text | FieldType::MatchOnlyText, Some(_)) => {
                return Err(unformatted());
            }
            (_, Some(format)) if self.of == FieldsOf::Columns => Presentation::Decimal(DecimalFormat::parse(format)),
            (_, Some(_)) => return Err(unformatted()),
        }))
    }

    /// Adds the values of a document.
    fn show(&self, document: &Map<String, Value>, mapping: &Mapping, shown: &mut Map<String, Value>) -> Result<(), QueryError> {
        for field in self.matching(mapping) {
            let Some(presentation) = self.presentation(field)? else { continue };
            let name = field.multi_field_of.map_or(&field.name, |parent| &mapping.by_id(parent).name);
            let mut values: Vec<Value> = values_at(document, name).into_iter().filter_map(|it| understood(field, it)).collect();
            if self.of == FieldsOf::Columns {
                in_column_order(field, &mut values);
            }
            let values: Vec<Value> = values.into_iter().filter_map(|it| presentation.show(it)).collect();
            if !values.is_empty() {
                shown.insert(field.name.clone(), Value::Array(values));
            }
        }
        if self.include_unmapped {
            let mut leaves = BTreeMap::new();
            collect_leaves(document, "", &mut leaves);
            for (path, values) in leaves {
                if simple_match(&self.pattern, &path) && mapping.field(&path).is_none() {
                    shown.insert(path, Value::Array(values.into_iter().cloned().collect()));
                }
            }
        }
        Ok(())
    }
}

/// How the values of one field look.
enum Presentation {
    /// As JSON has them.
    Plain,
    /// Dates: read in one format, written in another.
    Date { mapped: DateFormat, shown: DateFormat },
    /// Numbers by a pattern.
    Decimal(DecimalFormat),
}

impl Presentation {
    fn show(&self, value: Value) -> Option<Value> {
        match self {
            Presentation::Plain => Some(value),
            Presentation::Date { mapped, shown } => Some(shown.format_date(mapped.parse_value(&value)?, &TimeZone::UTC).into()),
            Presentation::Decimal(format) => Some(format.format(value.as_f64()?).into()),
        }
    }
}

/// The values of all entries.
///
/// # Errors
/// As [`HitField::check`].
pub(crate) fn fields_of(entries: &[HitField], document: &Map<String, Value>, mapping: &Mapping) -> Result<Map<String, Value>, QueryError> {
    let mut shown = Map::new();
    for entry in entries {
        entry.show(document, mapping, &mut shown)?;
    }
    Ok(shown)
}

/// A value of a document as the field's type understands it; `None` for what the field ignores.
fn understood(field: &MappedField, value: &Value) -> Option<Value> {
    let text = || match value {
        Value::String(it) => it.clone(),
        other => other.to_string(),
    };
    match field.kind {
        FieldType::Keyword | FieldType::Wildcard => {
            let text = text();
            let is_short = field.ignore_above.is_none_or(|limit| text.chars().count() <= limit as usize);
            is_short.then_some(Value::String(text))
        }
        FieldType::Text | FieldType::MatchOnlyText => Some(Value::String(text())),
        FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => match value {
            Value::Number(it) if it.is_i64() => Some(value.clone()),
            // A fraction is cut off, as it is where the number is indexed.
            other => text_number(other).map(|it| Value::from(it.trunc() as i64)),
        },
        FieldType::Double | FieldType::Float => text_number(value).map(Value::from),
        FieldType::Boolean => match text().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" | "" => Some(Value::Bool(false)),
            _ => None,
        },
        FieldType::Ip => text().parse::<IpAddr>().ok().map(|it| Value::String(ip_text(ip_bytes(it).into()))),
        FieldType::Date => Some(value.clone()),
    }
}

fn text_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(it) => it.as_f64(),
        Value::String(it) => it.trim().parse().ok(),
        _ => None,
    }
}

/// Puts values in the order in which a column has them.
fn in_column_order(field: &MappedField, values: &mut Vec<Value>) {
    match field.kind.column_kind() {
        Some(ColumnKind::Ordinal) => {
            let key = |it: &Value| {
                let text = it.as_str().unwrap_or_default().to_owned();
                match text.parse::<IpAddr>() {
                    Ok(address) if field.kind == FieldType::Ip => ip_bytes(address).to_vec(),
                    _ => text.into_bytes(),
                }
            };
            values.sort_by_cached_key(key);
            values.dedup();
        }
        Some(ColumnKind::F64) => values.sort_by(|a, b| a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default())),
        Some(ColumnKind::I64) => match field.kind {
            FieldType::Date => {
                let format = field.format.as_deref().and_then(|it| DateFormat::parse(it).ok()).unwrap_or_else(DateFormat::default_es);
                values.sort_by_cached_key(|it| format.parse_value(it).map(|it| it.0));
            }
            FieldType::Boolean => values.sort_by_key(|it| it.as_bool()),
            _ => values.sort_by_key(|it| it.as_i64()),
        },
        None => {}
    }
}

/// Every value of a document by its dotted path.
fn collect_leaves<'a>(object: &'a Map<String, Value>, prefix: &str, leaves: &mut BTreeMap<String, Vec<&'a Value>>) {
    for (key, value) in object {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        collect_leaf(value, path, leaves);
    }
}

fn collect_leaf<'a>(value: &'a Value, path: String, leaves: &mut BTreeMap<String, Vec<&'a Value>>) {
    match value {
        Value::Object(inner) => collect_leaves(inner, &path, leaves),
        Value::Array(items) => items.iter().for_each(|it| collect_leaf(it, path.clone(), leaves)),
        Value::Null => {}
        leaf => leaves.entry(path).or_default().push(leaf),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(entry: Value, of: FieldsOf) -> Result<Value, QueryError> {
        let mapping = Mapping::from_json(&json!({ "properties": {
            "at": { "type": "date" },
            "day": { "type": "date", "format": "yyyy/MM/dd" },
            "n": { "type": "long" },
            "x": { "type": "double" },
            "ok": { "type": "boolean" },
            "tag": { "type": "keyword", "ignore_above": 5 },
            "text": { "type": "text" },
            "ip": { "type": "ip" },
            "open": { "type": "object", "dynamic": false },
        } }))
        .unwrap();
        let document = json!({
            "at": [1_577_836_800_000_i64, "2019-05-06T07:08:09Z"], "day": "2020/02/03", "n": ["80", 7, 7], "x": 1, "ok": "true",
            "tag": ["b", "a", "much too long", "b"], "text": "Some words", "ip": ["10.0.0.12", "10.0.0.9"], "open": { "seen": [1, "2"] },
        });
        let entry = HitField::parse(&entry, of)?;
        entry.check(&mapping)?;
        fields_of(&[entry], document.as_object().unwrap(), &mapping).map(Value::Object)
    }

    #[test]
    fn fields_are_in_the_documents_order_and_the_mappings_format() {
        let of = |entry| shown(entry, FieldsOf::Document).unwrap();
        assert_eq!(of(json!("at")), json!({ "at": ["2020-01-01T00:00:00.000Z", "2019-05-06T07:08:09.000Z"] }));
        assert_eq!(of(json!({ "field": "day" })), json!({ "day": ["2020/02/03"] }));
        assert_eq!(of(json!({ "field": "day", "format": "epoch_millis" })), json!({ "day": ["1580688000000"] }));
        assert_eq!(of(json!("t*")), json!({ "tag": ["b", "a", "b"], "text": ["Some words"] }));
        assert_eq!(of(json!("n")), json!({ "n": [80, 7, 7] }));
        assert_eq!(of(json!("x")), json!({ "x": [1.0] }));
        assert_eq!(of(json!("ok")), json!({ "ok": [true] }));
        assert_eq!(of(json!("open.*")), json!({}));
        assert_eq!(of(json!({ "field": "open.*", "include_unmapped": true })), json!({ "open.seen": [1, "2"] }));
    }

    #[test]
    fn columns_are_sorted_and_formatted() {
        let of = |entry| shown(entry, FieldsOf::Columns).unwrap();
        assert_eq!(of(json!("tag")), json!({ "tag": ["a", "b"] }));
        assert_eq!(of(json!("ip")), json!({ "ip": ["10.0.0.9", "10.0.0.12"] }));
        assert_eq!(of(json!({ "field": "at", "format": "yyyy" })), json!({ "at": ["2019", "2020"] }));
        assert_eq!(of(json!({ "field": "n", "format": "#.00" })), json!({ "n": ["7.00", "7.00", "80.00"] }));
        assert_eq!(of(json!("te*")), json!({}));
    }

    #[test]
    fn what_a_field_cannot_show_is_refused() {
        assert!(matches!(shown(json!("text"), FieldsOf::Columns), Err(QueryError::IllegalArgument(why)) if why.starts_with("Fielddata is disabled")));
        assert!(
            matches!(shown(json!({ "field": "tag", "format": "yyyy" }), FieldsOf::Document), Err(QueryError::IllegalArgument(why)) if why.contains("doesn't support formats"))
        );
        assert!(shown(json!({ "field": "at", "format": "qqqq{" }), FieldsOf::Document).is_err());
        assert!(shown(json!({ "name": "at" }), FieldsOf::Document).is_err());
    }
}
