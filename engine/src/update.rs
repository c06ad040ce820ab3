//! Partial updates: a document with some of its fields changed.
//!
//! What is logged is the whole document that results, so that replay needs no other document to make it. Not scripts: there are none.

use serde_json::{Map, Value};

/// An update of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Fields to change: objects are merged, everything else is replaced.
    pub doc: Option<Map<String, Value>>,
    /// The document to write where there is none.
    pub upsert: Option<Map<String, Value>>,
    /// Whether `doc` itself is written where there is none.
    pub doc_as_upsert: bool,
    /// Whether an update that changes nothing is not written.
    pub detect_noop: bool,
}

/// What an update comes to.
#[derive(Debug, PartialEq)]
pub(crate) enum Updated {
    /// This document is to be written.
    Write(Map<String, Value>),
    /// Nothing changes.
    Noop,
    /// There is no document, and none to write in its place.
    Missing,
}

impl Update {
    /// Applies the update to the present document.
    pub(crate) fn apply(&self, present: Option<&Map<String, Value>>) -> Updated {
        match (present, &self.doc) {
            (Some(present), Some(doc)) => {
                let mut changed = present.clone();
                merge(&mut changed, doc);
                if self.detect_noop && changed == *present { Updated::Noop } else { Updated::Write(changed) }
            }
            // An `upsert` alone says nothing about a document that exists.
            (Some(_), None) => Updated::Noop,
            (None, doc) => match (&self.upsert, doc) {
                (_, Some(doc)) if self.doc_as_upsert => Updated::Write(doc.clone()),
                (Some(upsert), _) => Updated::Write(upsert.clone()),
                (None, _) => Updated::Missing,
            },
        }
    }
}

fn merge(into: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, change) in changes {
        match (into.get_mut(key), change) {
            (Some(Value::Object(into)), Value::Object(changes)) => merge(into, changes),
            (Some(value), change) => *value = change.clone(),
            (None, change) => {
                into.insert(key.clone(), change.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn doc(value: Value) -> Update {
        Update { doc: Some(object(value)), upsert: None, doc_as_upsert: false, detect_noop: true }
    }

    #[test]
    fn objects_are_merged_and_the_rest_is_replaced() {
        let present = object(json!({ "a": { "b": 1, "c": [1, 2] }, "d": { "e": 1 }, "f": 0 }));
        let update = doc(json!({ "a": { "c": [3] }, "d": "text", "g": null }));
        assert_eq!(update.apply(Some(&present)), Updated::Write(object(json!({ "a": { "b": 1, "c": [3] }, "d": "text", "f": 0, "g": null }))));
    }

    #[test]
    fn what_changes_nothing_is_not_written_unless_asked() {
        let present = object(json!({ "a": { "b": 1 }, "c": 2 }));
        assert_eq!(doc(json!({ "a": { "b": 1 } })).apply(Some(&present)), Updated::Noop);
        assert_eq!(Update { detect_noop: false, ..doc(json!({ "c": 2 })) }.apply(Some(&present)), Updated::Write(present.clone()));
    }

    #[test]
    fn a_missing_document_is_made_from_the_upsert() {
        let update = Update { upsert: Some(object(json!({ "n": 0 }))), ..doc(json!({ "n": 1 })) };
        assert_eq!(update.apply(None), Updated::Write(object(json!({ "n": 0 }))));
        assert_eq!(Update { doc_as_upsert: true, ..update }.apply(None), Updated::Write(object(json!({ "n": 1 }))));
        assert_eq!(doc(json!({ "n": 1 })).apply(None), Updated::Missing);
    }
}
