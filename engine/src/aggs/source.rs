//! The values an aggregation reads: a field, what stands in for documents without one, and what both mean under a mapping.

use std::net::IpAddr;

use serde_json::Value;
use tantivy::DocId;

use crate::aggs::body::{Body, number_of};
use crate::aggs::partial::ValueKind;
use crate::aggs::{AggContext, SegmentContext};
use crate::columns::{BlockReader, FieldColumn, Key, Repeats};
use crate::datetime::{DateFormat, Rounding};
use crate::decimal_format::DecimalFormat;
use crate::error::QueryError;
use crate::mapping::{ColumnKind, MappedField};
use crate::row::ip_bytes;

/// `field`, `missing`, `value_type` and `format` of a request.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The aggregation's type, for messages.
    agg: &'static str,
    pub(crate) field: String,
    missing: Option<Value>,
    value_type: Option<ValueKind>,
    pub(crate) format: Option<RequestFormat>,
}

/// `format` of a request. Whether it is one of dates or of numbers depends on the values.
#[derive(Clone, Debug)]
pub(crate) struct RequestFormat {
    text: String,
    date: Result<DateFormat, String>,
}

impl RequestFormat {
    /// The text as a format of numbers.
    pub(crate) fn decimal(&self) -> DecimalFormat {
        DecimalFormat::parse(&self.text)
    }

    /// The text as a format of dates.
    ///
    /// # Errors
    /// [`QueryError::IllegalArgument`] where it is none.
    pub(crate) fn date(&self) -> Result<&DateFormat, QueryError> {
        self.date.as_ref().map_err(|why| QueryError::IllegalArgument(why.clone()))
    }
}

/// Which fields an aggregation can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// All with a column.
    Any,
    /// Numbers, dates and booleans.
    Numbers,
    /// Dates, and numbers as milliseconds.
    Dates,
    /// Addresses.
    Addresses,
}

impl Source {
    /// The keys that [`Source::parse`] reads.
    pub(crate) const KEYS: [&'static str; 4] = ["field", "missing", "value_type", "format"];

    /// Reads the source of an aggregation.
    pub(crate) fn parse(body: &Body<'_>) -> Result<Self, QueryError> {
        let value_type = body
            .str("value_type")?
            .map(|it| match it {
                "string" => Ok(ValueKind::Keyword),
                "long" | "number" | "numeric" => Ok(ValueKind::Long),
                "double" => Ok(ValueKind::Double),
                "boolean" => Ok(ValueKind::Boolean),
                "date" => Ok(ValueKind::Date(None)),
                "ip" => Ok(ValueKind::Ip),
                _ => Err(QueryError::IllegalArgument(format!("Unknown value type [{it}]"))),
            })
            .transpose()?;
        let format = body.str("format")?.map(parse_format);
        Ok(Self { agg: body.kind, field: body.field()?, missing: body.get("missing").cloned(), value_type, format })
    }

    /// The source of a body whose `format` is read elsewhere or means nothing.
    pub(crate) fn of_field(agg: &'static str, field: String) -> Self {
        Self { agg, field, missing: None, value_type: None, format: None }
    }

    /// Finds the field in a mapping.
    ///
    /// # Errors
    /// A field without a column, of a type that the aggregation can't read, or a `missing` that is no value of the field.
    pub(crate) fn plan(&self, accepts: Accepts, ctx: &AggContext<'_>) -> Result<SourcePlan, QueryError> {
        if self.field == "_index" && accepts == Accepts::Any {
            let name = Key::Bytes(ctx.index.as_bytes().into());
            return Ok(SourcePlan { field: None, kind: ValueKind::Keyword, missing: Some(name) });
        }
        let Some(field) = ctx.mapping.field(&self.field) else {
            if let Some(kind) = ctx.mapping.opaque(&self.field) {
                let reason = format!("Field [{}] of type [{kind}] is not supported for aggregation [{}]", self.field, self.agg);
                return Err(QueryError::IllegalArgument(reason));
            }
            let mut kind = self.value_type.clone().unwrap_or_default();
            if let (ValueKind::Unmapped, Some(missing)) = (&kind, &self.missing) {
                kind = guess(missing, accepts);
            }
            let missing = self.missing.as_ref().map(|it| self.missing_key(it, &kind, ctx)).transpose()?;
            // Without documents that have a value the kind is a guess, which another index may correct.
            let kind = if missing.is_some() { kind } else { ValueKind::Unmapped };
            return Ok(SourcePlan { field: None, kind, missing });
        };
        if field.column_kind().is_none() {
            return Err(no_column(field, ctx.index));
        }
        let kind = ValueKind::of(field);
        let fits = match accepts {
            Accepts::Any => true,
            Accepts::Numbers => field.kind.is_numeric(),
            Accepts::Dates => matches!(kind, ValueKind::Date(_) | ValueKind::Long),
            Accepts::Addresses => kind == ValueKind::Ip,
        };
        if !fits {
            return Err(QueryError::IllegalArgument(format!(
                "Field [{}] of type [{}] is not supported for aggregation [{}]",
                self.field,
                field.kind.name(),
                self.agg
            )));
        }
        if let Some(format) = &self.format {
            match kind {
                ValueKind::Date(_) => drop(format.date()?),
                _ if accepts == Accepts::Dates => drop(format.date()?),
                ValueKind::Keyword | ValueKind::Ip | ValueKind::Boolean => {
                    return Err(QueryError::IllegalArgument(format!(
                        "Field [{}] of type [{}] does not support custom formats",
                        self.field,
                        field.kind.name()
                    )));
                }
                ValueKind::Unmapped | ValueKind::Long | ValueKind::Double | ValueKind::Conflict => {}
            }
        }
        let missing = self.missing.as_ref().map(|it| self.missing_key(it, &kind, ctx)).transpose()?;
        Ok(SourcePlan { field: Some(field.clone()), kind, missing })
    }

    /// A value of a request as a key of the field; `None` where it can't be one of the field's values.
    pub(crate) fn key_of(&self, value: &Value, kind: &ValueKind, ctx: &AggContext<'_>) -> Option<Key> {
        // A fraction is no whole number: unlike a stand-in, it is not rounded.
        if *kind == ValueKind::Long && number_of(value).is_some_and(|it| it.fract() != 0.0) {
            return None;
        }
        self.missing_key(value, kind, ctx).ok()
    }

    fn missing_key(&self, value: &Value, kind: &ValueKind, ctx: &AggContext<'_>) -> Result<Key, QueryError> {
        let bad = || QueryError::IllegalArgument(format!("failed to parse [missing] value [{value}] for field [{}] of [{}]", self.field, self.agg));
        let text = || match value {
            Value::String(it) => it.clone(),
            other => other.to_string(),
        };
        match kind {
            ValueKind::Keyword | ValueKind::Unmapped | ValueKind::Conflict => Ok(Key::Bytes(text().into_bytes().into())),
            ValueKind::Ip => text().parse::<IpAddr>().map(|it| Key::Bytes(ip_bytes(it).into())).map_err(|_| bad()),
            ValueKind::Boolean => match text().as_str() {
                "true" | "1" => Ok(Key::I64(1)),
                "false" | "0" => Ok(Key::I64(0)),
                _ => Err(bad()),
            },
            ValueKind::Long => match value.as_i64() {
                Some(it) => Ok(Key::I64(it)),
                None => number_of(value).map(|it| Key::I64(it as i64)).ok_or_else(bad),
            },
            ValueKind::Double => number_of(value).map(Key::from_f64).ok_or_else(bad),
            ValueKind::Date(format) => {
                date_of(value, &date_format(self.format.as_ref(), format.as_deref()), ctx).map(Key::I64).map_err(QueryError::Parsing)
            }
        }
    }
}

/// The values of an aggregation under one mapping.
#[derive(Clone, Debug)]
pub(crate) struct SourcePlan {
    field: Option<MappedField>,
    pub(crate) kind: ValueKind,
    missing: Option<Key>,
}

impl SourcePlan {
    /// Opens the column in a segment.
    pub(crate) fn open(&self, segment: &SegmentContext<'_>) -> Result<Values, QueryError> {
        let column = match &self.field {
            Some(field) => FieldColumn::open(segment.reader, field)?,
            None => FieldColumn::empty(match self.kind {
                ValueKind::Keyword | ValueKind::Ip | ValueKind::Unmapped | ValueKind::Conflict => ColumnKind::Ordinal,
                ValueKind::Boolean | ValueKind::Long | ValueKind::Date(_) => ColumnKind::I64,
                ValueKind::Double => ColumnKind::F64,
            }),
        };
        let missing_raw = match &self.missing {
            None => None,
            Some(Key::I64(it)) => Some(FieldColumn::raw_of_i64(*it)),
            Some(Key::F64(it)) => Some(FieldColumn::raw_of_f64(it.get())),
            // A stand-in that the segment does not have gets the ordinal after the last.
            Some(Key::Bytes(it)) => Some(column.ordinal_of(it)?.unwrap_or(column.terms())),
        };
        Ok(Values { column, missing: self.missing.clone(), missing_raw, reader: BlockReader::default() })
    }

    /// The format of the values' dates: the request's, or the mapping's.
    pub(crate) fn date_format(&self, request: Option<&RequestFormat>) -> DateFormat {
        let mapped = if let ValueKind::Date(it) = &self.kind { it.as_deref() } else { None };
        date_format(request, mapped)
    }

    /// Whether the documents of a segment have values at all.
    pub(crate) fn is_unmapped(&self) -> bool {
        self.field.is_none() && self.missing.is_none()
    }
}

/// The values of an aggregation in one segment.
pub(crate) struct Values {
    pub(crate) column: FieldColumn,
    missing: Option<Key>,
    missing_raw: Option<u64>,
    reader: BlockReader,
}

impl Values {
    /// Calls `each(position in docs, raw value)` for all values of a block of documents.
    #[inline]
    pub(crate) fn each(&mut self, docs: &[DocId], repeats: Repeats, each: impl FnMut(usize, u64)) {
        self.reader.each(&self.column, docs, self.missing_raw, repeats, each);
    }

    /// The raw values of a block, one per document, where every document of the segment has exactly one.
    #[inline]
    pub(crate) fn full(&mut self, docs: &[DocId]) -> Option<&[u64]> {
        self.reader.full(&self.column, docs)
    }

    /// The stand-in for documents without a value.
    pub(crate) fn missing(&self) -> Option<(u64, &Key)> {
        self.missing_raw.zip(self.missing.as_ref())
    }

    /// The stand-in where the dictionary does not have it, so that its raw value says nothing about its place in the order.
    pub(crate) fn foreign_stand_in(&self) -> Option<(u64, &Key)> {
        self.missing().filter(|it| self.column.kind() == ColumnKind::Ordinal && it.0 == self.column.terms())
    }

    /// Bounds of the raw values, the stand-in included; `None` where there are none.
    pub(crate) fn bounds(&self) -> Option<(u64, u64)> {
        match (self.column.raw_bounds(), self.missing_raw) {
            (Some((min, max)), Some(missing)) => Some((min.min(missing), max.max(missing))),
            (None, Some(missing)) => Some((missing, missing)),
            (bounds, None) => bounds,
        }
    }

    /// The keys of raw values, which must be ascending (they may repeat).
    pub(crate) fn keys(&self, raws: &[u64]) -> Result<Vec<Key>, QueryError> {
        match self.column.kind() {
            ColumnKind::I64 => Ok(raws.iter().map(|it| Key::I64(FieldColumn::i64(*it))).collect()),
            ColumnKind::F64 => Ok(raws.iter().map(|it| Key::from_f64(FieldColumn::f64(*it))).collect()),
            ColumnKind::Ordinal => {
                let known = raws.partition_point(|it| *it < self.column.terms());
                let mut keys = Vec::with_capacity(raws.len());
                self.column.each_term(&raws[..known], |it| keys.push(Key::Bytes(it.into())))?;
                keys.extend(raws[known..].iter().filter_map(|_| self.missing.clone()));
                Ok(keys)
            }
        }
    }
}

/// A format string of a request.
pub(crate) fn parse_format(text: &str) -> RequestFormat {
    RequestFormat { text: text.to_owned(), date: DateFormat::parse(text) }
}

/// The request's format, else the mapping's, else the default.
pub(crate) fn date_format(request: Option<&RequestFormat>, mapped: Option<&str>) -> DateFormat {
    match (request.and_then(|it| it.date().ok()), mapped.map(DateFormat::parse)) {
        (Some(it), _) => it.clone(),
        (None, Some(Ok(it))) => it,
        (None, _) => DateFormat::default_es(),
    }
}

/// A date of a request in milliseconds: a number, or a text with date math.
pub(crate) fn date_of(value: &Value, format: &DateFormat, ctx: &AggContext<'_>) -> Result<i64, String> {
    date_at(value, format, &jiff::tz::TimeZone::UTC, ctx.now)
}

/// As [`date_of`], for texts without a zone of their own.
pub(crate) fn date_at(value: &Value, format: &DateFormat, zone: &jiff::tz::TimeZone, now: crate::clock::Timestamp) -> Result<i64, String> {
    match value {
        Value::Number(it) => it.as_i64().or_else(|| it.as_f64().map(|it| it as i64)).ok_or_else(|| format!("failed to parse date field [{value}]")),
        Value::String(text) => match format.parse_date(text, Rounding::Down, zone, now) {
            Ok(it) => Ok(it.0),
            // Milliseconds as text are understood whatever the format is: clients send bounds so.
            Err(why) => text.parse().map_err(|_| why),
        },
        _ => Err(format!("failed to parse date field [{value}]")),
    }
}

fn guess(missing: &Value, accepts: Accepts) -> ValueKind {
    match (accepts, missing) {
        (Accepts::Any, Value::String(_)) => ValueKind::Keyword,
        (Accepts::Any, Value::Bool(_)) => ValueKind::Boolean,
        (Accepts::Any, Value::Number(it)) if it.is_i64() => ValueKind::Long,
        (Accepts::Any | Accepts::Numbers, _) => ValueKind::Double,
        (Accepts::Dates, _) => ValueKind::Date(None),
        (Accepts::Addresses, _) => ValueKind::Ip,
    }
}

/// Elasticsearch's sentences for fields that have no column.
fn no_column(field: &MappedField, index: &str) -> QueryError {
    let name = &field.name;
    QueryError::IllegalArgument(if field.kind.is_text() {
        format!(
            "Fielddata is disabled on [{name}] in [{index}]. Text fields are not optimised for operations that require per-document field data \
             like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, \
             set fielddata=true on [{name}] in order to load field data by uninverting the inverted index. Note that this can use significant \
             memory."
        )
    } else {
        format!(
            "Can't load fielddata on [{name}] because fielddata is unsupported on fields of type [{}]. Use doc values instead.",
            field.kind.name()
        )
    })
}
