//! `filter_path`: the parts of an answer that a client wants, as `hits.hits._id`, `**.reason`, `-took`.

use serde_json::{Map, Value};

/// Keeps what the comma-separated patterns ask for.
pub fn apply(answer: Value, patterns: &str) -> Value {
    let (excludes, includes): (Vec<&str>, Vec<&str>) =
        patterns.split(',').map(str::trim).filter(|it| !it.is_empty()).partition(|it| it.starts_with('-'));
    let split = |pattern: &&str| pattern.trim_start_matches('-').split('.').map(str::to_owned).collect::<Vec<_>>();
    let includes: Vec<Vec<String>> = includes.iter().map(split).collect();
    let excludes: Vec<Vec<String>> = excludes.iter().map(split).collect();
    let kept = if includes.is_empty() { Some(answer) } else { include(answer, &includes.iter().map(Vec::as_slice).collect::<Vec<_>>()) };
    let kept = kept.unwrap_or_else(|| Value::Object(Map::new()));
    if excludes.is_empty() {
        kept
    } else {
        exclude(kept, &excludes.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap_or_else(|| Value::Object(Map::new()))
    }
}

/// Where the patterns go on below a key: the rest of each, and whether one ends here.
fn below<'a>(key: &str, patterns: &[&'a [String]]) -> (Vec<&'a [String]>, bool) {
    let mut rest = Vec::new();
    let mut ends = false;
    for pattern in patterns {
        let mut pattern: &[String] = pattern;
        while let [head, tail @ ..] = pattern {
            if head == "**" {
                // Any number of keys: this one and more, or none.
                rest.push(pattern);
                ends |= tail.is_empty();
                pattern = tail;
                continue;
            }
            if sekisho_engine::mapping::simple_match(head, key) {
                if tail.is_empty() { ends = true } else { rest.push(tail) }
            }
            break;
        }
    }
    (rest, ends)
}

fn include(value: Value, patterns: &[&[String]]) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let kept: Map<String, Value> = object
                .into_iter()
                .filter_map(|(key, value)| {
                    let (rest, ends) = below(&key, patterns);
                    let value = if ends { Some(value) } else { include(value, &rest) }?;
                    Some((key, value))
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        // Lists have no key of their own.
        Value::Array(items) => {
            let kept: Vec<Value> = items.into_iter().filter_map(|it| include(it, patterns)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
    }
}

fn exclude(value: Value, patterns: &[&[String]]) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let was_empty = object.is_empty();
            let kept: Map<String, Value> = object
                .into_iter()
                .filter_map(|(key, value)| {
                    let (rest, ends) = below(&key, patterns);
                    if ends { None } else { exclude(value, &rest).map(|value| (key, value)) }
                })
                .collect();
            (was_empty || !kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(|it| exclude(it, patterns)).collect())),
        leaf => Some(leaf),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_keep_and_leave_out() {
        let answer = json!({ "took": 1, "hits": { "total": { "value": 2 }, "hits": [{ "_id": "a", "_source": { "x": 1 } }, { "_id": "b" }] } });
        for (patterns, expected) in [
            ("took", json!({ "took": 1 })),
            ("hits.hits._id", json!({ "hits": { "hits": [{ "_id": "a" }, { "_id": "b" }] } })),
            ("**.value", json!({ "hits": { "total": { "value": 2 } } })),
            ("hits.*._id", json!({ "hits": { "hits": [{ "_id": "a" }, { "_id": "b" }] } })),
            ("-hits", json!({ "took": 1 })),
            ("hits,-hits.hits", json!({ "hits": { "total": { "value": 2 } } })),
            ("nothing", json!({})),
        ] {
            assert_eq!(apply(answer.clone(), patterns), expected, "{patterns}");
        }
    }
}
