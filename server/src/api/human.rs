//! `human=true`: beside each `…_in_bytes` and `…_in_millis` stands what it means to a person.
//!
//! Documents are left as they are, whatever their fields are called.

use serde_json::{Map, Value};

use super::cat::{bytes_text, millis_text};

/// Keys below which there is a user's data.
const FOREIGN: [&str; 6] = ["_source", "fields", "hits", "aggregations", "mappings", "_meta"];

/// Writes a figure for people.
type Write = fn(u64) -> String;

/// What the end of a key says about its figure, and how that is written for people.
const FIGURES: [(&str, Write); 2] = [("_in_bytes", bytes_text), ("_in_millis", millis_text)];

/// Adds what is for people.
pub fn add(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(add),
        Value::Object(object) => {
            let mut more = Map::new();
            for (key, value) in object.iter_mut() {
                for (suffix, text) in FIGURES {
                    if let (Some(name), Some(figure)) = (key.strip_suffix(suffix), value.as_u64()) {
                        more.insert(name.to_owned(), text(figure).into());
                    }
                }
                if !FOREIGN.contains(&key.as_str()) {
                    add(value);
                }
            }
            for (key, value) in more {
                object.entry(key).or_insert(value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_told_twice_and_documents_are_left_alone() {
        let mut value =
            json!({ "store": [{ "size_in_bytes": 1536 }], "took_in_millis": 1500, "hits": { "hits": [{ "_source": { "x_in_bytes": 1 } }] } });
        add(&mut value);
        let expected = json!({
            "store": [{ "size_in_bytes": 1536, "size": "1.5kb" }], "took_in_millis": 1500, "took": "1.5s",
            "hits": { "hits": [{ "_source": { "x_in_bytes": 1 } }] },
        });
        assert_eq!(value, expected);
    }
}
