//! Stored documents: the input bytes with the number of their format, and the way back to JSON and to text.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tantivy::schema::Field;
use tantivy::schema::document::{DeserializeError, DocumentDeserialize, DocumentDeserializer, ValueDeserialize, ValueDeserializer};

use crate::format::{Format, FormatId};
use crate::mapping::Mapping;

/// The bytes that a split stores for a document: one byte format number, then the record.
pub(crate) fn encode(format: FormatId, record: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(record.len() + 1);
    stored.push(format.0);
    stored.extend_from_slice(record);
    stored
}

/// The formats that an engine understands, by number.
#[derive(Clone, Default)]
pub struct Formats(BTreeMap<FormatId, Arc<dyn Format>>);

impl Formats {
    /// Registers a format.
    ///
    /// # Panics
    /// When two formats share a number: a mistake of the program that embeds the engine.
    pub fn with(mut self, format: Arc<dyn Format>) -> Self {
        assert_ne!(format.id(), FormatId::JSON, "format number 0 is the engine's own JSON");
        let replaced = self.0.insert(format.id(), format);
        assert!(replaced.is_none(), "two formats share a number");
        self
    }

    /// The format of that number.
    pub fn get(&self, id: FormatId) -> Option<&Arc<dyn Format>> {
        self.0.get(&id)
    }

    /// The document behind stored bytes, as `_source` shows it. A record whose format is not registered (a data directory opened by
    /// a program that lacks the parser) is an empty document.
    pub fn to_json(&self, stored: &[u8], mapping: &Mapping) -> Map<String, Value> {
        let Some((&format, record)) = stored.split_first() else { return Map::new() };
        if FormatId(format) == FormatId::JSON {
            return match serde_json::from_slice(record) {
                Ok(Value::Object(document)) => document,
                _ => Map::new(),
            };
        }
        match self.get(FormatId(format)) {
            Some(format) => format.parse(record).row.to_json(mapping),
            None => Map::new(),
        }
    }
}

impl std::fmt::Debug for Formats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The `_source` bytes of a document, read from a split's document store.
pub(crate) struct Stored(pub(crate) Vec<u8>);

impl DocumentDeserialize for Stored {
    fn deserialize<'de, D>(mut deserializer: D) -> Result<Self, DeserializeError>
    where
        D: DocumentDeserializer<'de>,
    {
        let field: Option<(Field, StoredBytes)> = deserializer.next_field()?;
        Ok(Stored(field.map(|it| it.1.0).unwrap_or_default()))
    }
}

struct StoredBytes(Vec<u8>);

impl ValueDeserialize for StoredBytes {
    fn deserialize<'de, D>(deserializer: D) -> Result<Self, DeserializeError>
    where
        D: ValueDeserializer<'de>,
    {
        deserializer.deserialize_bytes().map(StoredBytes)
    }
}

/// The values at a dotted path of a JSON document: dots may be nesting or part of a key, lists are walked.
pub(crate) fn values_at<'a>(document: &'a Map<String, Value>, path: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    collect_at(document, path, &mut found);
    found
}

fn collect_at<'a>(object: &'a Map<String, Value>, path: &str, found: &mut Vec<&'a Value>) {
    if let Some(value) = object.get(path) {
        flatten(value, found);
    }
    for (at, _) in path.match_indices('.') {
        let (head, rest) = (&path[..at], &path[at + 1..]);
        match object.get(head) {
            Some(Value::Object(inner)) => collect_at(inner, rest, found),
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_object).for_each(|inner| collect_at(inner, rest, found)),
            _ => {}
        }
    }
}

fn flatten<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| flatten(it, found)),
        Value::Null | Value::Object(_) => {}
        value => found.push(value),
    }
}
