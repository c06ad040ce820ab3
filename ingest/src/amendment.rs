//! What site rules changed in an event, kept with the record that it was made of.
//!
//! Rules, lists and databases change, and `_source` is parsed again whenever it is shown: a document would change behind its index if
//! rules ran there. So they run once, when a line is received, and what they did is written down here. Replay and `_source` read it
//! back: the same record gives the same row for ever. Builds without the `pipelines` feature read it too.
//!
//! An amended record is the record as received with this before it, without padding:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, `2`; a record without amendment begins with the envelope's `1` |
//! | 4 | length of the amendment, little endian |
//! | n | JSON object: field name → list of its new values; an empty list removes the field. Dates are UTC milliseconds |
//! | rest | the record as received ([`crate::envelope`]) |

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use sekisho_engine::ecs;
use sekisho_engine::mapping::{FieldId, FieldType, MappedField, Mapping};
#[cfg(feature = "pipelines")]
use sekisho_engine::row::ip_text;
use sekisho_engine::row::{Datum, Row};
use serde_json::{Map, Value};

use crate::envelope::EnvelopeError;

/// First byte of an amended record; the envelope's own version is never this.
const VERSION: u8 = 2;

/// The fields that parsers and rules know.
pub(crate) static MAPPING: LazyLock<Arc<Mapping>> = LazyLock::new(Mapping::builtin);

/// New values of some fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Amendment {
    /// The fields whose old values go.
    replaced: BTreeSet<FieldId>,
    /// What they have instead.
    values: Row,
}

impl Amendment {
    /// Whether nothing changes.
    #[cfg(feature = "pipelines")]
    pub(crate) fn is_empty(&self) -> bool {
        self.replaced.is_empty()
    }

    /// The fields that change.
    #[cfg(feature = "pipelines")]
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.replaced.iter().map(|it| MAPPING.by_id(*it).name.as_str())
    }

    /// Begins a field anew: its old values go, those pushed to the row that is returned are its new ones.
    #[cfg(feature = "pipelines")]
    pub(crate) fn replace(&mut self, field: FieldId) -> &mut Row {
        self.replaced.insert(field);
        self.values.remove(field);
        &mut self.values
    }

    /// Adds a value to a field of a row that has been amended so far.
    #[cfg(feature = "pipelines")]
    pub(crate) fn add_str(&mut self, so_far: &Row, field: FieldId, value: &str) {
        let before = so_far.values().filter(|it| it.0 == field);
        let mut values = Row::default();
        before.for_each(|(field, it)| push(&mut values, field, it));
        values.push_str(field, value);
        let target = self.replace(field);
        values.values().for_each(|(field, it)| push(target, field, it));
    }

    /// Takes over what came later.
    #[cfg(feature = "pipelines")]
    pub(crate) fn merge(&mut self, later: &Amendment) {
        for &field in &later.replaced {
            let target = self.replace(field);
            later.values.values().filter(|it| it.0 == field).for_each(|(field, it)| push(target, field, it));
        }
    }

    /// Changes a row.
    pub(crate) fn apply(&self, row: &mut Row) {
        self.replaced.iter().for_each(|it| row.remove(*it));
        self.values.values().for_each(|(field, it)| push(row, field, it));
    }

    /// What is stored of it.
    #[cfg(feature = "pipelines")]
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut object = Map::new();
        for &field in &self.replaced {
            let values = self.values.values().filter(|it| it.0 == field).map(|it| stored_value(it.1));
            object.insert(MAPPING.by_id(field).name.clone(), Value::Array(values.collect()));
        }
        Value::Object(object).to_string().into_bytes()
    }

    /// Reads what was stored. A field of another release, or a value that does not fit its type, is left out.
    fn from_json(stored: &[u8]) -> Option<Self> {
        let object: Map<String, Value> = serde_json::from_slice(stored).ok()?;
        let mut amendment = Self::default();
        for (name, values) in &object {
            let (Some(field), Value::Array(values)) = (MAPPING.field(name), values) else { continue };
            amendment.replaced.insert(field.id);
            values.iter().for_each(|it| push_stored(&mut amendment.values, field, it));
        }
        Some(amendment)
    }
}

/// The record with an amendment before it.
#[cfg(feature = "pipelines")]
pub(crate) fn join(stored: &[u8], record: &[u8]) -> Vec<u8> {
    let mut amended = Vec::with_capacity(5 + stored.len() + record.len());
    amended.push(VERSION);
    amended.extend_from_slice(&(stored.len() as u32).to_le_bytes());
    amended.extend_from_slice(stored);
    amended.extend_from_slice(record);
    amended
}

/// Takes a record apart into its amendment, where it has one, and the record as received.
pub(crate) fn split(record: &[u8]) -> Result<(Option<&[u8]>, &[u8]), EnvelopeError> {
    let Some((&VERSION, rest)) = record.split_first() else { return Ok((None, record)) };
    let (&length, rest) = rest.split_first_chunk::<4>().ok_or(EnvelopeError::Cut)?;
    let (stored, record) = rest.split_at_checked(u32::from_le_bytes(length) as usize).ok_or(EnvelopeError::Cut)?;
    Ok((Some(stored), record))
}

/// Changes a row as a stored amendment says. One that can't be read is told in `error.message`: the line itself is whole.
pub(crate) fn apply_stored(stored: &[u8], row: &mut Row) {
    match Amendment::from_json(stored) {
        Some(amendment) => amendment.apply(row),
        None => row.push_str(ecs::ERROR_MESSAGE, "what site rules changed can't be read"),
    }
}

fn push(row: &mut Row, field: FieldId, value: Datum<'_>) {
    match value {
        Datum::Str(it) => row.push_str(field, it),
        Datum::I64(it) => row.push_i64(field, it),
        Datum::F64(it) => row.push_f64(field, it),
        Datum::Ip(it) => row.push_ip(field, it.into()),
    }
}

#[cfg(feature = "pipelines")]
fn stored_value(value: Datum<'_>) -> Value {
    match value {
        Datum::Str(it) => it.into(),
        Datum::I64(it) => it.into(),
        Datum::F64(it) => it.into(),
        Datum::Ip(it) => ip_text(it).into(),
    }
}

fn push_stored(row: &mut Row, field: &MappedField, value: &Value) {
    match (field.kind, value) {
        (FieldType::Ip, Value::String(text)) => {
            if let Ok(it) = text.parse::<IpAddr>() {
                row.push_ip(field.id, it);
            }
        }
        (FieldType::Double | FieldType::Float, Value::Number(it)) => {
            if let Some(it) = it.as_f64() {
                row.push_f64(field.id, it);
            }
        }
        (FieldType::Keyword | FieldType::Wildcard | FieldType::Text | FieldType::MatchOnlyText, Value::String(it)) => row.push_str(field.id, it),
        (FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte | FieldType::Boolean | FieldType::Date, Value::Number(it)) => {
            if let Some(it) = it.as_i64() {
                row.push_i64(field.id, it);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_amendment_is_itself() {
        assert_eq!(split(b"\x01rest"), Ok((None, &b"\x01rest"[..])));
        assert_eq!(split(b""), Ok((None, &b""[..])));
    }

    #[test]
    fn a_cut_amendment_is_an_error_and_not_a_panic() {
        let record = [&[VERSION][..], &3_u32.to_le_bytes(), b"{}"].concat();
        (1..=record.len()).for_each(|end| assert_eq!(split(&record[..end]), Err(EnvelopeError::Cut), "{end} bytes"));
        assert_eq!(split(&[VERSION, 255, 255, 255, 255]), Err(EnvelopeError::Cut));
    }

    #[test]
    fn fields_are_replaced_removed_and_kept() {
        let mut row = Row::default();
        row.push_str(ecs::RULE_NAME, "old");
        row.push_i64(ecs::SOURCE_PORT, 1);
        row.push_str(ecs::USER_NAME, "kept");
        apply_stored(br#"{"rule.name":["a"],"source.port":[],"source.ip":["192.0.2.1"],"of.another.release":[1],"event.start":["x"]}"#, &mut row);
        assert_eq!((row.str(ecs::RULE_NAME), row.get(ecs::SOURCE_PORT), row.str(ecs::USER_NAME)), (Some("a"), None, Some("kept")));
        assert_eq!(row.get(ecs::SOURCE_IP), Some(Datum::Ip("::ffff:192.0.2.1".parse().unwrap())));
        assert_eq!(row.len(), 3);
    }

    #[test]
    fn an_unreadable_amendment_is_told_and_costs_nothing_else() {
        let mut row = Row::default();
        row.push_str(ecs::RULE_NAME, "old");
        apply_stored(b"{", &mut row);
        assert_eq!((row.str(ecs::RULE_NAME), row.str(ecs::ERROR_MESSAGE)), (Some("old"), Some("what site rules changed can't be read")));
    }

    #[test]
    #[cfg(feature = "pipelines")]
    fn what_is_stored_is_read_back() {
        let mut amendment = Amendment::default();
        amendment.replace(ecs::SOURCE_IP).push_ip(ecs::SOURCE_IP, "2001:db8::1".parse().unwrap());
        amendment.replace(ecs::EVENT_START).push_i64(ecs::EVENT_START, -5);
        amendment.add_str(&Row::default(), ecs::TAGS, "one");
        let mut so_far = Row::default();
        amendment.apply(&mut so_far);
        amendment.add_str(&so_far, ecs::TAGS, "two");
        amendment.replace(ecs::RULE_NAME);
        let record = join(&amendment.to_json(), b"\x01line");
        let (stored, received) = split(&record).unwrap();
        assert_eq!(received, b"\x01line");
        let (mut expected, mut found) = (Row::default(), Row::default());
        expected.push_str(ecs::RULE_NAME, "gone");
        found.push_str(ecs::RULE_NAME, "gone");
        amendment.apply(&mut expected);
        apply_stored(stored.unwrap(), &mut found);
        assert_eq!(expected.to_json(&MAPPING), found.to_json(&MAPPING));
        assert_eq!(found.values().filter(|it| it.0 == ecs::TAGS).count(), 2);
        assert_eq!(found.str(ecs::RULE_NAME), None);
    }
}
