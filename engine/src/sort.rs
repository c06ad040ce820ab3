//! Sort orders: what a request says, the columns they read, and the values hits are compared and answered by.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tantivy::DocId;
use tantivy::columnar::{BytesColumn, Column};
use tantivy::index::SegmentReader;

use crate::clock::Timestamp;
use crate::datetime::DateFormat;
use crate::decimal_format::DecimalFormat;
use crate::error::QueryError;
use crate::mapping::{ColumnKind, FieldType, MappedField, Mapping, internal};
use crate::row::ip_text;

/// One key of a sort order.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// What to sort by.
    pub by: SortBy,
    /// Whether the largest value stands first.
    pub descending: bool,
    /// Where documents without a value stand.
    pub missing: Missing,
    /// Type to assume where an index does not map the field; without it that is an error.
    pub unmapped_type: Option<FieldType>,
    /// Date format of the answered values; milliseconds without.
    pub format: Option<String>,
    /// Which of several values counts: the smallest when ascending, the largest when descending, unless said otherwise.
    pub mode: Option<Mode>,
}

/// What a sort key reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// Relevance.
    Score,
    /// The order of the index, `_doc`: here the order of sequence numbers.
    Doc,
    /// A field.
    Field(String),
}

/// Where documents without a value stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// After all others, in both directions.
    Last,
    /// Before all others.
    First,
    /// As if they had this value.
    Value(Value),
}

/// Which of several values of a document counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// Their sum; numbers only, as the next two.
    Sum,
    /// Their mean.
    Avg,
    /// The one in the middle.
    Median,
}

impl Mode {
    /// Whether the value that counts need not be one of the document's.
    pub(crate) fn computes(self) -> bool {
        matches!(self, Mode::Sum | Mode::Avg | Mode::Median)
    }

    /// What counts of several numbers.
    fn of(self, mut numbers: Vec<f64>) -> Option<f64> {
        if numbers.is_empty() {
            return None;
        }
        let count = numbers.len();
        Some(match self {
            Mode::Min => numbers.into_iter().fold(f64::INFINITY, f64::min),
            Mode::Max => numbers.into_iter().fold(f64::NEG_INFINITY, f64::max),
            Mode::Sum => numbers.iter().sum(),
            Mode::Avg => numbers.iter().sum::<f64>() / count as f64,
            Mode::Median => {
                numbers.sort_by(f64::total_cmp);
                (numbers[(count - 1) / 2] + numbers[count / 2]) / 2.0
            }
        })
    }
}

/// A value that hits are compared by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SortValue {
    /// No value; stands where [`Missing`] says.
    Missing,
    /// Whole number, boolean, date, sequence number.
    I64(i64),
    /// Floating-point number, score.
    F64(f64),
    /// Keyword, or the 16 bytes of an address.
    Bytes(Vec<u8>),
}

impl SortKey {
    /// Sorts by relevance, best first: what Elasticsearch does without `sort`.
    pub fn score() -> Self {
        Self::new(SortBy::Score, true)
    }

    /// Sorts by the order of writing, which no two documents share.
    pub fn doc() -> Self {
        Self::new(SortBy::Doc, false)
    }

    /// Sorts by a field.
    pub fn field(name: &str, descending: bool) -> Self {
        Self::new(SortBy::Field(name.to_owned()), descending)
    }

    fn new(by: SortBy, descending: bool) -> Self {
        Self { by, descending, missing: Missing::Last, unmapped_type: None, format: None, mode: None }
    }

    /// Reads a `sort` of a search body in all its shapes: a name, `{name: "desc"}`, `{name: {order, missing, unmapped_type, format, mode}}`,
    /// an object with several keys, a list of these.
    ///
    /// # Errors
    /// [`QueryError::Parsing`] names what is not understood.
    pub fn parse(value: &Value) -> Result<Vec<SortKey>, QueryError> {
        let mut keys = Vec::new();
        match value {
            Value::Array(items) => {
                for item in items {
                    keys.extend(Self::parse_one(item)?);
                }
            }
            other => keys.extend(Self::parse_one(other)?),
        }
        Ok(keys)
    }

    fn parse_one(value: &Value) -> Result<Vec<SortKey>, QueryError> {
        match value {
            Value::String(name) => Ok(vec![Self::named(name)]),
            Value::Object(keys) => keys.iter().map(|(name, options)| Self::with_options(name, options)).collect(),
            other => Err(QueryError::Parsing(format!("malformed sort format, either start with array, object, or an actual string: [{other}]"))),
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "_score" => Self::score(),
            "_doc" | "_shard_doc" => Self::new(SortBy::Doc, false),
            field => Self::field(field, false),
        }
    }

    fn with_options(name: &str, options: &Value) -> Result<Self, QueryError> {
        let mut key = Self::named(name);
        match options {
            Value::String(order) => key.descending = parse_order(order)?,
            Value::Object(_) if matches!(name, "_script" | "_geo_distance") => {
                return Err(QueryError::IllegalArgument(format!("sort by [{name}] is not supported")));
            }
            Value::Object(options) => key.read_options(name, options)?,
            other => return Err(QueryError::Parsing(format!("[{name}] sort: expected an order or an object but got [{other}]"))),
        }
        Ok(key)
    }

    fn read_options(&mut self, name: &str, options: &Map<String, Value>) -> Result<(), QueryError> {
        for (option, value) in options {
            match (option.as_str(), value) {
                (option, _) if self.by == SortBy::Score && option != "order" => {
                    return Err(QueryError::XContentParse(format!("[_score] unknown field [{option}]")));
                }
                ("order", Value::String(order)) => self.descending = parse_order(order)?,
                ("missing", Value::String(it)) if it == "_last" => self.missing = Missing::Last,
                ("missing", Value::String(it)) if it == "_first" => self.missing = Missing::First,
                ("missing", value) => self.missing = Missing::Value(value.clone()),
                ("unmapped_type", Value::String(it)) => {
                    let known = crate::mapping::FIELD_TYPES.iter().find(|(type_name, _)| type_name == it).map(|it| it.1);
                    self.unmapped_type = Some(known.ok_or_else(|| QueryError::IllegalArgument(format!("No mapper found for type [{it}]")))?);
                }
                ("format", Value::String(it)) => self.format = Some(it.clone()),
                ("mode", Value::String(it)) if it == "min" => self.mode = Some(Mode::Min),
                ("mode", Value::String(it)) if it == "max" => self.mode = Some(Mode::Max),
                ("mode", Value::String(it)) if it == "sum" => self.mode = Some(Mode::Sum),
                ("mode", Value::String(it)) if it == "avg" => self.mode = Some(Mode::Avg),
                ("mode", Value::String(it)) if it == "median" => self.mode = Some(Mode::Median),
                ("mode", Value::String(it)) => return Err(QueryError::IllegalArgument(format!("Unknown SortMode [{it}]"))),
                ("nested" | "nested_path" | "nested_filter", _) => {
                    return Err(QueryError::IllegalArgument(format!("sort by [{name}]: [{option}] is not supported, there are no nested fields")));
                }
                ("ignore_unmapped", Value::Bool(true)) => self.unmapped_type = Some(FieldType::Long),
                // The numeric types compare alike here, whatever an index maps the field to.
                ("numeric_type", Value::String(it)) if matches!(it.as_str(), "long" | "double" | "date") => {}
                ("numeric_type", Value::String(it)) => {
                    return Err(QueryError::IllegalArgument(format!("invalid value for [numeric_type], must be [long, double, date], got {it}")));
                }
                (option, value) => {
                    return Err(QueryError::XContentParse(format!("[field_sort] unknown field [{option}] or value [{value}] in sort by [{name}]")));
                }
            }
        }
        Ok(())
    }

    /// Compares two values of this key, the one that stands first being less.
    pub fn compare(&self, a: &SortValue, b: &SortValue) -> Ordering {
        let missing_first = matches!(self.missing, Missing::First);
        let order = match (a, b) {
            (SortValue::Missing, SortValue::Missing) => return Ordering::Equal,
            (SortValue::Missing, _) => return if missing_first { Ordering::Less } else { Ordering::Greater },
            (_, SortValue::Missing) => return if missing_first { Ordering::Greater } else { Ordering::Less },
            (SortValue::I64(a), SortValue::I64(b)) => a.cmp(b),
            (SortValue::F64(a), SortValue::F64(b)) => a.total_cmp(b),
            // One index maps the field to a whole number, another to a floating-point one.
            (SortValue::I64(a), SortValue::F64(b)) => (*a as f64).total_cmp(b),
            (SortValue::F64(a), SortValue::I64(b)) => a.total_cmp(&(*b as f64)),
            (SortValue::Bytes(a), SortValue::Bytes(b)) => a.cmp(b),
            // A number in one index, text in another: numbers stand first. Elasticsearch refuses; an order is more useful.
            (SortValue::Bytes(_), _) => Ordering::Greater,
            (_, SortValue::Bytes(_)) => Ordering::Less,
        };
        if self.descending { order.reverse() } else { order }
    }

    /// A value as hits show it under `sort`.
    pub fn to_json(&self, field: Option<&MappedField>, value: &SortValue) -> Value {
        match (value, field.map(|it| it.kind)) {
            (SortValue::Missing, _) => match (&self.missing, field.map(|it| it.kind)) {
                // Elasticsearch answers the extreme that put the document there; keywords answer null.
                (_, Some(FieldType::Keyword | FieldType::Wildcard | FieldType::Ip) | None) => Value::Null,
                (missing, Some(FieldType::Double | FieldType::Float)) => {
                    Value::from(if matches!(missing, Missing::First) == self.descending { "Infinity" } else { "-Infinity" })
                }
                (missing, Some(_)) => Value::from(if matches!(missing, Missing::First) == self.descending { i64::MAX } else { i64::MIN }),
            },
            (SortValue::I64(at), Some(FieldType::Date)) => match self.format.as_deref().map(DateFormat::parse) {
                Some(Ok(format)) => Value::from(format.format_date(Timestamp(*at), &jiff::tz::TimeZone::UTC)),
                _ => Value::from(*at),
            },
            (SortValue::I64(0 | 1), Some(FieldType::Boolean)) => Value::from(*value == SortValue::I64(1)),
            (SortValue::I64(it), _) => self.number(Value::from(*it), *it as f64),
            (SortValue::F64(it), _) => self.number(Value::from(*it), *it),
            (SortValue::Bytes(it), Some(FieldType::Ip)) => match <[u8; 16]>::try_from(it.as_slice()) {
                Ok(octets) => Value::from(ip_text(octets.into())),
                Err(_) => Value::Null,
            },
            (SortValue::Bytes(it), _) => Value::from(String::from_utf8_lossy(it)),
        }
    }

    /// A number in the format that was asked for.
    fn number(&self, plain: Value, number: f64) -> Value {
        match &self.format {
            Some(format) if matches!(self.by, SortBy::Field(_)) => Value::from(DecimalFormat::parse(format).format(number)),
            _ => plain,
        }
    }

    /// A value of `search_after` or `missing`, by the field's type.
    ///
    /// # Errors
    /// [`QueryError::IllegalArgument`] when it does not fit.
    pub fn parse_value(&self, field: Option<&MappedField>, value: &Value) -> Result<SortValue, QueryError> {
        let refuse = || {
            QueryError::IllegalArgument(format!(
                "Failed to parse search_after value for field [{}]: [{value}]",
                field.map_or("_score", |it| it.name.as_str())
            ))
        };
        let kind = match (&self.by, field) {
            (SortBy::Score, _) => FieldType::Double,
            (SortBy::Doc, _) => FieldType::Long,
            (SortBy::Field(_), Some(field)) => field.kind,
            (SortBy::Field(_), None) => self.unmapped_type.unwrap_or(FieldType::Long),
        };
        if value.is_null() {
            return Ok(SortValue::Missing);
        }
        match kind.column_kind() {
            Some(ColumnKind::F64) => value.as_f64().or_else(|| value.as_str().and_then(|it| it.parse().ok())).map(SortValue::F64).ok_or_else(refuse),
            Some(ColumnKind::I64) if kind == FieldType::Date => {
                // A text is a date as the answer shows it, or as the documents do.
                let format = match (self.format.as_ref().or_else(|| field?.format.as_ref()), value) {
                    (Some(format), Value::String(_)) => DateFormat::parse(format).map_err(QueryError::IllegalArgument)?,
                    _ => DateFormat::default_es(),
                };
                // The extremes that stand for a missing value come back as they were answered.
                match value.as_i64() {
                    Some(i64::MAX | i64::MIN) => Ok(SortValue::Missing),
                    Some(at) => Ok(SortValue::I64(at)),
                    None => format.parse_value(value).map(|it| SortValue::I64(it.0)).ok_or_else(refuse),
                }
            }
            Some(ColumnKind::I64) => match value {
                Value::Bool(it) => Ok(SortValue::I64(i64::from(*it))),
                _ => match value.as_i64().or_else(|| value.as_str().and_then(|it| it.parse().ok())) {
                    Some(i64::MAX | i64::MIN) => Ok(SortValue::Missing),
                    Some(it) => Ok(SortValue::I64(it)),
                    None => Err(refuse()),
                },
            },
            Some(ColumnKind::Ordinal) if kind == FieldType::Ip => {
                let address = value.as_str().and_then(|it| it.parse().ok()).ok_or_else(refuse)?;
                Ok(SortValue::Bytes(crate::row::ip_bytes(address).to_vec()))
            }
            _ => match value {
                Value::String(it) => Ok(SortValue::Bytes(it.as_bytes().to_vec())),
                other => Ok(SortValue::Bytes(other.to_string().into_bytes())),
            },
        }
    }

    /// The field in an index's mapping.
    ///
    /// # Errors
    /// [`QueryError::QueryShard`] when it is not mapped and no type is assumed; [`QueryError::IllegalArgument`] for text.
    pub fn resolve<'a>(&self, mapping: &'a Mapping) -> Result<Option<&'a MappedField>, QueryError> {
        let SortBy::Field(name) = &self.by else { return Ok(None) };
        match mapping.field(name) {
            Some(field) if field.kind.is_text() => Err(fielddata_refused(name)),
            Some(field) if field.column_kind().is_none() => Err(QueryError::IllegalArgument(format!(
                "Can't load fielddata on [{name}] because fielddata is unsupported on fields of type [{}]. Use doc values instead.",
                field.kind.name()
            ))),
            Some(field) if self.mode.is_some_and(Mode::computes) && !field.kind.is_numeric() => Err(QueryError::IllegalArgument(format!(
                "we only support AVG, MEDIAN and SUM on number based fields; [{name}] is of type [{}]",
                field.kind.name()
            ))),
            Some(field) => Ok(Some(field)),
            None if self.unmapped_type.is_some() || name.starts_with('_') => Ok(None),
            None => Err(QueryError::QueryShard(format!("No mapping found for [{name}] in order to sort on"))),
        }
    }
}

/// What Elasticsearch says to a sort by, or an aggregation of, analysed text.
pub(crate) fn fielddata_refused(name: &str) -> QueryError {
    QueryError::IllegalArgument(format!(
        "Fielddata is disabled on [{name}] in [{name}]. Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, set fielddata=true on [{name}] in order to load field data by uninverting the inverted index. Note that this can use significant memory."
    ))
}

fn parse_order(order: &str) -> Result<bool, QueryError> {
    match order.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(QueryError::IllegalArgument(format!("Unknown SortOrder [{order}]"))),
    }
}

/// The columns of a sort order in one segment.
pub(crate) struct SortColumns<'a> {
    keys: Vec<(&'a SortKey, Source, SortValue)>,
    seqs: Column<u64>,
}

enum Source {
    Score,
    Doc,
    I64(Column<i64>),
    F64(Column<f64>),
    Bytes(BytesColumn),
    None,
}

impl<'a> SortColumns<'a> {
    /// Opens the columns that a sort order needs.
    ///
    /// # Errors
    /// As [`SortKey::resolve`].
    pub(crate) fn open(keys: &'a [SortKey], reader: &SegmentReader, mapping: &Mapping) -> Result<Self, QueryError> {
        let fast = reader.fast_fields();
        let open = |key: &'a SortKey| {
            let field = key.resolve(mapping)?;
            let source = match (&key.by, field) {
                (SortBy::Score, _) => Source::Score,
                (SortBy::Doc, _) => Source::Doc,
                (SortBy::Field(_), None) => Source::None,
                (SortBy::Field(_), Some(field)) => {
                    let name = field.tantivy_name();
                    match (field.kind.column_kind(), field.kind) {
                        (Some(ColumnKind::I64), _) => fast.column_opt::<i64>(&name)?.map_or(Source::None, Source::I64),
                        (Some(ColumnKind::F64), _) => fast.column_opt::<f64>(&name)?.map_or(Source::None, Source::F64),
                        (_, FieldType::Ip) => fast.bytes(&name)?.map_or(Source::None, Source::Bytes),
                        _ => fast.str(&name)?.map_or(Source::None, |it| Source::Bytes(it.into())),
                    }
                }
            };
            let missing = match &key.missing {
                Missing::Value(value) => key.parse_value(field, value)?,
                _ => SortValue::Missing,
            };
            Ok((key, source, missing))
        };
        let keys = keys.iter().map(open).collect::<Result<_, QueryError>>()?;
        Ok(Self { keys, seqs: fast.u64(internal::NAMES[1])? })
    }

    /// The values of a document, in the order of the keys.
    pub(crate) fn values(&self, doc: DocId, score: f32) -> Vec<SortValue> {
        self.keys.iter().map(|(key, source, missing)| self.value(key, source, missing, doc, score)).collect()
    }

    /// The sequence number of a document: the last tie-break.
    pub(crate) fn seq(&self, doc: DocId) -> u64 {
        self.seqs.first(doc).unwrap_or_default()
    }

    fn value(&self, key: &SortKey, source: &Source, missing: &SortValue, doc: DocId, score: f32) -> SortValue {
        let take_max = key.mode.map_or(key.descending, |it| it == Mode::Max);
        let computed = key.mode.filter(|it| it.computes());
        let found = match source {
            Source::I64(column) if computed.is_some() => {
                // Elasticsearch rounds the mean of whole numbers.
                computed
                    .and_then(|mode| mode.of(column.values_for_doc(doc).map(|it| it as f64).collect()))
                    .map(|it| SortValue::I64(it.round() as i64))
            }
            Source::F64(column) if computed.is_some() => computed.and_then(|mode| mode.of(column.values_for_doc(doc).collect())).map(SortValue::F64),
            Source::Score => Some(SortValue::F64(f64::from(score))),
            Source::Doc => Some(SortValue::I64(self.seq(doc) as i64)),
            Source::I64(column) => if take_max { column.values_for_doc(doc).max() } else { column.values_for_doc(doc).min() }.map(SortValue::I64),
            Source::F64(column) => {
                let values = column.values_for_doc(doc);
                if take_max { values.max_by(f64::total_cmp) } else { values.min_by(f64::total_cmp) }.map(SortValue::F64)
            }
            Source::Bytes(column) => {
                let ords = column.term_ords(doc);
                let ord = if take_max { ords.max() } else { ords.min() };
                ord.and_then(|ord| {
                    let mut bytes = Vec::new();
                    column.ord_to_bytes(ord, &mut bytes).ok().filter(|found| *found).map(|_| SortValue::Bytes(bytes))
                })
            }
            Source::None => None,
        };
        found.unwrap_or_else(|| missing.clone())
    }
}

/// Compares the values of two hits under a sort order.
pub(crate) fn compare(keys: &[SortKey], a: &[SortValue], b: &[SortValue]) -> Ordering {
    keys.iter().zip(a.iter().zip(b)).map(|(key, (a, b))| key.compare(a, b)).find(|it| it.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_shape_of_sort_is_read() {
        for (shape, expected) in [
            (json!("a"), vec![("a", false)]),
            (json!(["a", { "b": "desc" }]), vec![("a", false), ("b", true)]),
            (json!({ "a": { "order": "desc", "unmapped_type": "boolean" }, "b": "asc" }), vec![("a", true), ("b", false)]),
        ] {
            let keys = SortKey::parse(&shape).unwrap();
            let found: Vec<_> = keys
                .iter()
                .map(|it| {
                    (
                        match &it.by {
                            SortBy::Field(name) => name.as_str(),
                            _ => "",
                        },
                        it.descending,
                    )
                })
                .collect();
            assert_eq!(found, expected, "{shape}");
        }
        assert!(SortKey::parse(&json!({ "a": { "ordr": "desc" } })).is_err());
    }

    #[test]
    fn missing_values_stand_last_in_both_directions() {
        for descending in [false, true] {
            let key = SortKey::field("a", descending);
            assert_eq!(key.compare(&SortValue::Missing, &SortValue::I64(1)), Ordering::Greater);
        }
    }
}
