//! An event as a program sees it, and what the program changed in it.
//!
//! Fields are nested objects under their ECS names, times are timestamps, addresses are strings, fields of several values are arrays.
//! Comparing everything afterwards would cost more than most programs, so the target notes which of the outermost keys were touched.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sekisho_engine::ecs;
use sekisho_engine::mapping::{FieldId, FieldType, MappedField};
use sekisho_engine::row::{Datum, Row, ip_text};
use vrl::compiler::{SecretTarget, Target, TargetValue};
use vrl::path::{OwnedSegment, OwnedTargetPath, PathPrefix};
use vrl::value::{KeyString, ObjectMap, Secrets, Value};

use crate::amendment::{Amendment, MAPPING};
use crate::limits::AMENDMENT_BYTES_MAX;

/// Fields that programs can't change: what was received, and what we say of it.
pub(super) const READ_ONLY: &[&str] = &["event.original", "event.ingested", "sekisho"];

/// An event that a program works on.
#[derive(Debug)]
pub(super) struct Event {
    target: TargetValue,
    touched: Touched,
}

/// The outermost keys that may have changed.
#[derive(Debug)]
enum Touched {
    All,
    Keys(BTreeSet<KeyString>),
}

/// Why changes can't be taken over. The event then goes through without any of them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChangeError {
    /// A value that its field can't hold.
    #[error("field [{field}] can't hold {got}: it is of type {want}")]
    BadValue {
        /// The field.
        field: String,
        /// The value's type; the value itself may be secret.
        got: &'static str,
        /// The field's type.
        want: &'static str,
    },
    /// The event has no time any more.
    #[error("field [@timestamp] can't be removed and has one value")]
    NoTime,
    /// The event is no object any more.
    #[error("the event must be an object")]
    NotObject,
    /// Too much.
    #[error("changes of more than {AMENDMENT_BYTES_MAX} bytes")]
    TooLarge,
}

impl Event {
    /// A row as a program sees it.
    pub(super) fn new(row: &Row) -> Self {
        let mut values: BTreeMap<FieldId, Vec<Value>> = BTreeMap::new();
        for (field, datum) in row.values() {
            values.entry(field).or_default().push(to_value(MAPPING.by_id(field).kind, datum));
        }
        let mut object = ObjectMap::new();
        for (field, mut values) in values {
            let field = MAPPING.by_id(field);
            let value = if field.list || values.len() > 1 { Value::Array(values) } else { values.pop().unwrap_or(Value::Null) };
            insert(&mut object, &field.name, value);
        }
        let target = TargetValue { value: Value::Object(object), metadata: Value::Object(ObjectMap::new()), secrets: Secrets::new() };
        Self { target, touched: Touched::Keys(BTreeSet::new()) }
    }

    /// What the program changed in the row that the event was made of.
    pub(super) fn changes(&self, row: &Row) -> Result<Amendment, ChangeError> {
        let Value::Object(object) = &self.target.value else { return Err(ChangeError::NotObject) };
        let is_touched = |name: &str| match &self.touched {
            Touched::All => true,
            Touched::Keys(keys) => keys.iter().any(|it| name.strip_prefix(it.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))),
        };
        let mut leaves = BTreeMap::new();
        object.iter().filter(|it| is_touched(it.0.as_str())).for_each(|(name, it)| flatten(name.as_str().to_owned(), it, &mut leaves));

        let mut changes = Amendment::default();
        for field in MAPPING.fields().iter().filter(|it| is_touched(&it.name) && !is_read_only(&it.name)) {
            let mut new = Row::default();
            for value in leaves.remove(&field.name).unwrap_or_default() {
                push(&mut new, field, value)?;
            }
            let old = row.values().filter(|it| it.0 == field.id).map(|it| it.1);
            if !old.eq(new.values().map(|it| it.1)) {
                if field.id == ecs::TIMESTAMP && new.len() != 1 {
                    return Err(ChangeError::NoTime);
                }
                let target = changes.replace(field.id);
                new.values().for_each(|(field, it)| match it {
                    Datum::Str(it) => target.push_str(field, it),
                    Datum::I64(it) => target.push_i64(field, it),
                    Datum::F64(it) => target.push_f64(field, it),
                    Datum::Ip(it) => target.push_ip(field, IpAddr::V6(it)),
                });
            }
        }
        leaves.retain(|name, _| !is_read_only(name));
        add_labels(&leaves, row, &mut changes);
        if !changes.is_empty() && changes.to_json().len() > AMENDMENT_BYTES_MAX {
            return Err(ChangeError::TooLarge);
        }
        Ok(changes)
    }

    fn touch(&mut self, path: &OwnedTargetPath) {
        if path.prefix == PathPrefix::Metadata {
            return;
        }
        match (path.path.segments.first(), &mut self.touched) {
            (Some(OwnedSegment::Field(key)), Touched::Keys(keys)) => {
                if !keys.contains(key) {
                    keys.insert(key.clone());
                }
            }
            (Some(OwnedSegment::Field(_)), Touched::All) => {}
            (Some(OwnedSegment::Index(_)) | None, touched) => *touched = Touched::All,
        }
    }
}

/// Fields that no mapping knows stay searchable as `sekisho.labels: "name=value"`.
fn add_labels(leaves: &BTreeMap<String, Vec<&Value>>, row: &Row, changes: &mut Amendment) {
    let texts = |name: &str, values: &[&Value]| values.iter().filter_map(|it| text(it).map(|it| format!("{name}={it}"))).collect::<Vec<_>>();
    let new: Vec<(&String, Vec<String>)> = leaves.iter().map(|(name, values)| (name, texts(name, values))).filter(|it| !it.1.is_empty()).collect();
    if new.is_empty() {
        return;
    }
    let old = row.values().filter(|it| it.0 == ecs::SEKISHO_LABELS).filter_map(|it| if let Datum::Str(text) = it.1 { Some(text) } else { None });
    // A later program that sets the same name means it instead of the earlier value.
    let is_replaced = |label: &str| new.iter().any(|(name, _)| label.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('=')));
    let kept: Vec<&str> = old.filter(|it| !is_replaced(it)).collect();
    let target = changes.replace(ecs::SEKISHO_LABELS);
    let all = kept.into_iter().chain(new.iter().flat_map(|it| it.1.iter().map(String::as_str)));
    all.for_each(|it| target.push_str(ecs::SEKISHO_LABELS, it));
}

fn is_read_only(name: &str) -> bool {
    READ_ONLY.iter().any(|it| name.strip_prefix(it).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

fn to_value(kind: FieldType, datum: Datum<'_>) -> Value {
    match (kind, datum) {
        (FieldType::Date, Datum::I64(it)) => DateTime::<Utc>::from_timestamp_millis(it).map_or(Value::Integer(it), Value::Timestamp),
        (FieldType::Boolean, Datum::I64(it)) => Value::Boolean(it != 0),
        (_, Datum::I64(it)) => Value::Integer(it),
        (_, Datum::F64(it)) => Value::from_f64_or_zero(it),
        (_, Datum::Str(it)) => it.into(),
        (_, Datum::Ip(it)) => ip_text(it).into(),
    }
}

fn insert(object: &mut ObjectMap, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.into(), value);
        }
        Some((head, rest)) => {
            let inner = object.entry(head.into()).or_insert_with(|| Value::Object(ObjectMap::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The values of all fields below, nulls left out. Objects in arrays give their fields several values, as Elasticsearch does. No
/// recursion: a program may nest as deep as its memory.
fn flatten<'a>(name: String, value: &'a Value, leaves: &mut BTreeMap<String, Vec<&'a Value>>) {
    let mut waiting = vec![(name, value)];
    while let Some((name, value)) = waiting.pop() {
        match value {
            Value::Object(inner) => waiting.extend(inner.iter().rev().map(|(key, it)| (format!("{name}.{key}"), it))),
            Value::Array(values) => waiting.extend(values.iter().rev().map(|it| (name.clone(), it))),
            Value::Null => {}
            leaf => leaves.entry(name).or_default().push(leaf),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Integer(it) => Some(it.to_string()),
        Value::Float(it) => Some(it.to_string()),
        Value::Boolean(it) => Some(it.to_string()),
        Value::Timestamp(it) => Some(it.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
        Value::Regex(it) => Some(it.as_str().to_owned()),
        Value::Bytes(_) | Value::String(_) => value.to_str_lossy().map(Into::into),
        Value::Object(_) | Value::Array(_) | Value::Null => None,
    }
}

/// Adds a value to a field, in the field's type.
fn push(row: &mut Row, field: &MappedField, value: &Value) -> Result<(), ChangeError> {
    let is_pushed = match field.kind {
        FieldType::Keyword | FieldType::Wildcard | FieldType::Text | FieldType::MatchOnlyText => text(value).map(|it| row.push_str(field.id, &it)),
        FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => {
            whole_number(field.kind, value).map(|it| row.push_i64(field.id, it))
        }
        FieldType::Double | FieldType::Float => decimal(value).map(|it| row.push_f64(field.id, it)),
        FieldType::Boolean => match (value, value.to_str_lossy().as_deref()) {
            (Value::Boolean(it), _) => Some(*it),
            (_, Some("true")) => Some(true),
            (_, Some("false")) => Some(false),
            _ => None,
        }
        .map(|it| row.push_bool(field.id, it)),
        FieldType::Date => time_ms(value).map(|it| row.push_i64(field.id, it)),
        FieldType::Ip => value.to_str_lossy().and_then(|it| it.trim().parse::<IpAddr>().ok()).map(|it| row.push_ip(field.id, it)),
    };
    is_pushed.ok_or_else(|| ChangeError::BadValue { field: field.name.clone(), got: kind_name(value), want: field.kind.name() })
}

fn whole_number(kind: FieldType, value: &Value) -> Option<i64> {
    let number = match value {
        Value::Integer(it) => Some(*it),
        // 2^53: beyond it a float does not say which whole number it means.
        Value::Float(it) => Some(it.into_inner()).filter(|it| it.fract() == 0.0 && it.abs() <= 9_007_199_254_740_992.0).map(|it| it as i64),
        other => other.to_str_lossy()?.trim().parse().ok(),
    }?;
    let is_held = match kind {
        FieldType::Integer => i32::try_from(number).is_ok(),
        FieldType::Short => i16::try_from(number).is_ok(),
        FieldType::Byte => i8::try_from(number).is_ok(),
        _ => true,
    };
    is_held.then_some(number)
}

fn decimal(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(it) => Some(*it as f64),
        Value::Float(it) => Some(it.into_inner()),
        other => other.to_str_lossy()?.trim().parse().ok().filter(|it: &f64| it.is_finite()),
    }
}

fn time_ms(value: &Value) -> Option<i64> {
    match value {
        Value::Timestamp(it) => Some(it.timestamp_millis()),
        other => other.to_str_lossy()?.trim().parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
    }
}

fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "this integer",
        Value::Float(_) => "this float",
        Value::Boolean(_) => "a boolean",
        Value::Timestamp(_) => "a timestamp",
        Value::Regex(_) => "a regular expression",
        Value::Bytes(_) | Value::String(_) => "this string",
        Value::Object(_) | Value::Array(_) | Value::Null => "an object",
    }
}

impl Target for Event {
    fn target_insert(&mut self, path: &OwnedTargetPath, value: Value) -> Result<(), String> {
        self.touch(path);
        self.target.target_insert(path, value)
    }

    fn target_get(&self, path: &OwnedTargetPath) -> Result<Option<&Value>, String> {
        self.target.target_get(path)
    }

    fn target_get_mut(&mut self, path: &OwnedTargetPath) -> Result<Option<&mut Value>, String> {
        self.touch(path);
        self.target.target_get_mut(path)
    }

    fn target_remove(&mut self, path: &OwnedTargetPath, compact: bool) -> Result<Option<Value>, String> {
        self.touch(path);
        self.target.target_remove(path, compact)
    }
}

impl SecretTarget for Event {
    fn get_secret(&self, key: &str) -> Option<&str> {
        self.target.get_secret(key)
    }

    fn insert_secret(&mut self, key: &str, value: &str) {
        self.target.insert_secret(key, value);
    }

    fn remove_secret(&mut self, key: &str) {
        self.target.remove_secret(key);
    }
}
