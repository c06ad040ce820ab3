//! From partial results to the JSON that Elasticsearch answers with.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::aggs::partial::ValueKind;
use crate::aggs::rounding::Interval;
use crate::aggs::source::{RequestFormat, date_format};
use crate::aggs::top_hits::FetchHit;
use crate::clock::Timestamp;
use crate::columns::{Key, bytes_text};
use crate::datetime::DateFormat;
use crate::decimal_format::DecimalFormat;
use crate::error::QueryError;
use crate::limits;
use crate::mapping::FieldType;

/// How an answer is to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct RenderOptions {
    /// Names carry the type: `sterms#zones`.
    pub typed_keys: bool,
    /// What `now` means in bounds: the time the plan was made with.
    pub now: Timestamp,
}

/// Asks the indices of a search once more: how many documents match a query, or are there at all, and what aggregations find in them.
pub type AskAll<'a> = dyn FnMut(Option<&Value>, &Value) -> Result<(u64, Value), QueryError> + 'a;

/// An answer being written.
pub(crate) struct Renderer<'a> {
    pub(crate) options: RenderOptions,
    /// Reads the documents of `top_hits`.
    pub(crate) fetch: &'a mut FetchHit<'a>,
    /// Asks for what results are compared with.
    pub(crate) ask: &'a mut AskAll<'a>,
    /// The bucket of time that is being written; where date histograms are in each other, the innermost.
    pub(crate) span: Option<Span>,
    buckets: usize,
    /// What was answered to questions of buckets that ask the same.
    answers: HashMap<String, Arc<Value>>,
}

/// A bucket of a date histogram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Milliseconds of the first moment, and of the first behind it.
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) interval: Interval,
}

impl<'a> Renderer<'a> {
    /// An empty answer.
    pub(crate) fn new(options: RenderOptions, fetch: &'a mut FetchHit<'a>, ask: &'a mut AskAll<'a>) -> Self {
        Self { options, fetch, ask, span: None, buckets: 0, answers: HashMap::new() }
    }

    /// What aggregations find in all documents; asked once per answer.
    ///
    /// # Errors
    /// As a search.
    pub(crate) fn ask_once(&mut self, aggs: &Value) -> Result<Arc<Value>, QueryError> {
        let question = aggs.to_string();
        if let Some(answer) = self.answers.get(&question) {
            return Ok(answer.clone());
        }
        let answer = Arc::new((self.ask)(None, aggs)?.1);
        self.answers.insert(question, answer.clone());
        Ok(answer)
    }

    /// Counts buckets that are about to be written.
    ///
    /// # Errors
    /// More than [`limits::BUCKETS_MAX`] in the answer.
    pub(crate) fn take_buckets(&mut self, count: usize) -> Result<(), QueryError> {
        self.buckets = self.buckets.saturating_add(count);
        if self.buckets > limits::BUCKETS_MAX {
            return Err(QueryError::TooManyBuckets { limit: limits::BUCKETS_MAX });
        }
        Ok(())
    }
}

/// How values of one kind look.
pub(crate) struct ValueFormat {
    kind: ValueKind,
    date: DateFormat,
    zone: TimeZone,
    /// For numbers, where the request has a format.
    decimal: Option<DecimalFormat>,
}

impl ValueFormat {
    /// The format of `kind`'s values: the request's, else the mapping's.
    pub(crate) fn new(kind: &ValueKind, request: Option<&RequestFormat>, zone: TimeZone) -> Self {
        let mapped = if let ValueKind::Date(it) = kind { it.as_deref() } else { None };
        let decimal = request.filter(|_| matches!(kind, ValueKind::Long | ValueKind::Double)).map(RequestFormat::decimal);
        Self { kind: kind.clone(), date: date_format(request, mapped), zone, decimal }
    }

    /// Writes `key` and, where the kind has one, `key_as_string`.
    pub(crate) fn put_key(&self, key: &Key, into: &mut Map<String, Value>) {
        let text = self.text_of(key);
        into.insert("key".to_owned(), key.to_json(self.field_type()));
        if let Some(text) = text {
            into.insert("key_as_string".to_owned(), Value::String(text));
        }
    }

    /// The text of a key: `key_as_string`; `None` for keywords and plain numbers.
    pub(crate) fn text_of(&self, key: &Key) -> Option<String> {
        match (&self.kind, key) {
            (ValueKind::Boolean, Key::I64(it)) => Some((*it != 0).to_string()),
            (ValueKind::Date(_), Key::I64(it)) => Some(self.date(*it)),
            _ => self.decimal.as_ref().zip(key.as_f64()).map(|(format, it)| format.format(it)),
        }
    }

    /// The key as a name: in keyed answers and in messages.
    pub(crate) fn name_of(&self, key: &Key) -> String {
        self.text_of(key).unwrap_or_else(|| match key {
            Key::I64(it) => it.to_string(),
            Key::F64(it) => number_text(it.get()),
            Key::Bytes(it) => bytes_text(self.field_type(), it),
        })
    }

    /// The key as one JSON value: booleans as such, dates as text.
    pub(crate) fn value_of(&self, key: &Key) -> Value {
        match (&self.kind, key) {
            (ValueKind::Boolean, Key::I64(it)) => Value::Bool(*it != 0),
            (ValueKind::Date(_), Key::I64(it)) => Value::String(self.date(*it)),
            _ => key.to_json(self.field_type()),
        }
    }

    /// The text of a number that was computed from values: dates and booleans have one.
    pub(crate) fn text_of_number(&self, value: f64) -> Option<String> {
        match self.kind {
            ValueKind::Boolean => Some((value != 0.0).to_string()),
            ValueKind::Date(_) => Some(self.date(value as i64)),
            _ => self.decimal.as_ref().map(|it| it.format(value)),
        }
    }

    /// A date in the format and zone.
    pub(crate) fn date(&self, millis: i64) -> String {
        self.date.format_date(Timestamp(millis), &self.zone)
    }

    /// Puts `<name>: value` and `<name>_as_string` where the kind has a text; null without a value.
    pub(crate) fn put_number(&self, name: &str, value: Option<f64>, into: &mut Map<String, Value>) {
        let value = value.filter(|it| it.is_finite());
        into.insert(name.to_owned(), value.map_or(Value::Null, Value::from));
        if let Some(text) = value.and_then(|it| self.text_of_number(it)) {
            into.insert(format!("{name}_as_string"), Value::String(text));
        }
    }

    fn field_type(&self) -> FieldType {
        if self.kind == ValueKind::Ip { FieldType::Ip } else { FieldType::Keyword }
    }
}

/// A double as Elasticsearch names buckets by it: always with a decimal point.
pub(crate) fn number_text(value: f64) -> String {
    Value::from(value).to_string()
}

/// Elasticsearch's refusal where indices map a field to kinds that don't add up.
pub(crate) fn check_kind(kind: &ValueKind, field: &str) -> Result<(), QueryError> {
    if *kind == ValueKind::Conflict {
        return Err(QueryError::IllegalArgument(format!(
            "Merging/Reducing the aggregations failed when computing the aggregation because the field [{field}] you gave in the aggregation query \
             existed as two different types in two different indices"
        )));
    }
    Ok(())
}
