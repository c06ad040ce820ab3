//! Index settings: which there are, which may change, and the two shapes in which they are told.
//!
//! Most of Elasticsearch's are about shards, copies and caches that we do not have; they are taken, kept and given back, and change
//! nothing. A setting that promises an effect which is not there is refused, and so is a name that nobody knows.

use serde_json::{Map, Value, json};

use super::error::ApiError;

/// When a setting may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// At creation, and later.
    Dynamic,
    /// At creation only.
    Final,
}

/// Which values a setting takes.
#[derive(Clone, Copy, Debug)]
enum Takes {
    /// Any.
    Any,
    /// A whole number in these bounds.
    Number(i64, i64),
    /// True or false.
    Bool,
    /// A name or a list of names.
    Names,
    /// A time, or -1.
    Time,
    /// Only this one, because another would promise what is not there.
    Only(&'static [&'static str]),
}

/// Settings by name without `index.`; a name that ends in `.` stands for all below it.
const SETTINGS: &[(&str, Change, Takes)] = &[
    ("number_of_shards", Change::Final, Takes::Number(1, 1024)),
    ("number_of_replicas", Change::Dynamic, Takes::Number(0, 1024)),
    ("auto_expand_replicas", Change::Dynamic, Takes::Any),
    ("refresh_interval", Change::Dynamic, Takes::Time),
    ("codec", Change::Final, Takes::Any),
    ("mode", Change::Final, Takes::Only(&["standard"])),
    ("hidden", Change::Dynamic, Takes::Bool),
    ("priority", Change::Dynamic, Takes::Any),
    // Names a policy; which there are is the lifecycle endpoints' to say.
    ("lifecycle.", Change::Dynamic, Takes::Any),
    ("max_result_window", Change::Dynamic, Takes::Number(1, 10_000_000)),
    ("default_pipeline", Change::Dynamic, Takes::Only(&["_none"])),
    ("final_pipeline", Change::Dynamic, Takes::Only(&["_none"])),
    ("blocks.read_only", Change::Dynamic, Takes::Bool),
    ("blocks.read_only_allow_delete", Change::Dynamic, Takes::Bool),
    ("blocks.read", Change::Dynamic, Takes::Bool),
    ("blocks.write", Change::Dynamic, Takes::Bool),
    ("blocks.metadata", Change::Dynamic, Takes::Bool),
    ("query.default_field", Change::Dynamic, Takes::Names),
    ("queries.cache.enabled", Change::Final, Takes::Any),
    ("requests.cache.enable", Change::Dynamic, Takes::Any),
    ("load_fixed_bitset_filters_eagerly", Change::Final, Takes::Any),
    ("number_of_routing_shards", Change::Final, Takes::Any),
    ("routing_partition_size", Change::Final, Takes::Only(&["1"])),
    ("routing.", Change::Dynamic, Takes::Any),
    ("allocation.", Change::Dynamic, Takes::Any),
    ("unassigned.", Change::Dynamic, Takes::Any),
    ("merge.", Change::Dynamic, Takes::Any),
    ("translog.", Change::Dynamic, Takes::Any),
    ("search.slowlog.", Change::Dynamic, Takes::Any),
    ("search.idle.after", Change::Dynamic, Takes::Time),
    ("indexing.slowlog.", Change::Dynamic, Takes::Any),
    ("gc_deletes", Change::Dynamic, Takes::Time),
    // Limits of single requests, which are ours whatever is said here; what goes over one is told so.
    ("max_docvalue_fields_search", Change::Dynamic, Takes::Number(0, i64::MAX)),
    ("max_inner_result_window", Change::Dynamic, Takes::Number(1, i64::MAX)),
    ("max_rescore_window", Change::Dynamic, Takes::Number(1, i64::MAX)),
    ("max_script_fields", Change::Dynamic, Takes::Number(0, i64::MAX)),
    ("max_refresh_listeners", Change::Dynamic, Takes::Number(0, i64::MAX)),
    ("max_terms_count", Change::Dynamic, Takes::Number(1, i64::MAX)),
    ("max_regex_length", Change::Dynamic, Takes::Number(1, i64::MAX)),
    ("analyze.max_token_count", Change::Dynamic, Takes::Number(1, i64::MAX)),
    ("highlight.max_analyzed_offset", Change::Dynamic, Takes::Number(-1, i64::MAX)),
    ("soft_deletes.", Change::Final, Takes::Any),
    ("shard.check_on_startup", Change::Final, Takes::Any),
    // Fields are sorted and limited as the engine does it, whatever is said here.
    ("sort.", Change::Final, Takes::Any),
    ("mapping.total_fields.limit", Change::Dynamic, Takes::Number(1, i64::MAX)),
    ("mapping.total_fields.ignore_dynamic_beyond_limit", Change::Dynamic, Takes::Bool),
    ("mapping.depth.limit", Change::Dynamic, Takes::Any),
    ("mapping.nested_fields.limit", Change::Dynamic, Takes::Any),
    ("mapping.nested_objects.limit", Change::Dynamic, Takes::Any),
    ("mapping.field_name_length.limit", Change::Dynamic, Takes::Any),
    // Which there are is the engine's to say.
    ("analysis.", Change::Final, Takes::Any),
    ("mapping.coerce", Change::Final, Takes::Only(&["true"])),
    ("mapping.ignore_malformed", Change::Final, Takes::Bool),
];

/// Reads settings, nested or dotted, with or without `index.`: a flat object with dotted names and values as text, which is how
/// Elasticsearch gives them back. Null stays null: it takes a setting back.
///
/// # Errors
/// 400 for a setting that does not exist or a value that it does not take.
pub fn parse(body: &Value) -> Result<Map<String, Value>, ApiError> {
    let Value::Object(object) = body else { return Err(ApiError::parsing("[settings] must be an object")) };
    let mut flat = Map::new();
    flatten("", object, &mut flat);
    for (name, value) in &flat {
        check(name, value)?;
    }
    Ok(flat)
}

fn flatten(prefix: &str, object: &Map<String, Value>, flat: &mut Map<String, Value>) {
    for (key, value) in object {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) => flatten(&path, inner, flat),
            value => {
                let text = match value {
                    Value::String(_) | Value::Null => value.clone(),
                    // Lists stay lists, of text.
                    Value::Array(items) => items.iter().map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect(),
                    other => other.to_string().into(),
                };
                let name = if path.starts_with("index.") { path } else { format!("index.{path}") };
                flat.insert(name, text);
            }
        }
    }
}

fn find(name: &str) -> Option<&'static (&'static str, Change, Takes)> {
    let short = name.strip_prefix("index.").unwrap_or(name);
    SETTINGS.iter().find(|it| if it.0.ends_with('.') { short.starts_with(it.0) } else { short == it.0 })
}

fn check(name: &str, value: &Value) -> Result<(), ApiError> {
    let Some((_, _, takes)) = find(name) else {
        return Err(ApiError::illegal_argument(format!(
            "unknown setting [{name}] please check that any required plugins are installed, or check the breaking changes documentation for removed settings"
        )));
    };
    let text = match (value, takes) {
        (Value::String(text), _) => text,
        (Value::Array(_), Takes::Any | Takes::Names) | (Value::Null, _) => return Ok(()),
        (other, _) => &other.to_string(),
    };
    let refuse = |why: String| Err(ApiError::illegal_argument(format!("Failed to parse value [{text}] for setting [{name}]{why}")));
    match takes {
        Takes::Any | Takes::Names => Ok(()),
        Takes::Bool if matches!(text.as_str(), "true" | "false") => Ok(()),
        Takes::Bool => refuse(" as only [true] or [false] are allowed.".to_owned()),
        Takes::Number(min, max) => match text.parse::<i64>() {
            Ok(it) if (*min..=*max).contains(&it) => Ok(()),
            Ok(_) => refuse(format!(" must be >= {min} and <= {max}")),
            Err(_) => refuse(String::new()),
        },
        Takes::Time if text == "-1" || super::search::duration(text).is_ok() => Ok(()),
        Takes::Time => refuse(" as a time value: unit is missing or unrecognized".to_owned()),
        Takes::Only(values) if values.contains(&text.as_str()) => Ok(()),
        Takes::Only(values) => refuse(format!(": another value than {values:?} would have no effect here")),
    }
}

/// The names among these that can't be changed once an index is there.
pub fn finals(settings: &Map<String, Value>) -> Vec<&str> {
    settings.keys().filter(|name| find(name).is_some_and(|it| it.1 == Change::Final)).map(String::as_str).collect()
}

/// Settings as answers show them: dotted (`flat`), or nested below `index`.
pub fn show(settings: &Map<String, Value>, flat: bool) -> Value {
    if flat {
        return Value::Object(settings.clone());
    }
    let mut root = json!({});
    for (name, value) in settings {
        let mut at = &mut root;
        for part in name.split('.') {
            // A value and an object under one name (`a`, `a.b`) can't both be shown nested; no two settings are named so.
            if !at.is_object() {
                *at = json!({});
            }
            at = &mut at[part];
        }
        *at = value.clone();
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shapes_come_to_the_same() {
        let expected = json!({ "index.number_of_replicas": "0", "index.refresh_interval": "5s" });
        for body in [
            json!({ "number_of_replicas": 0, "refresh_interval": "5s" }),
            json!({ "index": { "number_of_replicas": "0", "refresh_interval": "5s" } }),
            json!({ "index.number_of_replicas": 0, "index": { "refresh_interval": "5s" } }),
        ] {
            let parsed = parse(&body).unwrap();
            assert_eq!(Value::Object(parsed.clone()), expected);
            assert_eq!(show(&parsed, false), json!({ "index": { "number_of_replicas": "0", "refresh_interval": "5s" } }));
        }
    }

    #[test]
    fn what_would_have_no_effect_or_does_not_exist_is_refused() {
        for (body, named) in [
            (json!({ "nonsense": 1 }), "unknown setting [index.nonsense]"),
            (json!({ "number_of_shards": 0 }), "must be >= 1"),
            (json!({ "refresh_interval": "5 bananas" }), "as a time value"),
            (json!({ "blocks": { "write": "yes" } }), "only [true] or [false]"),
            (json!({ "number_of_replicas": [1] }), "[index.number_of_replicas]"),
            (json!({ "mode": "time_series" }), "[index.mode]"),
        ] {
            let error = parse(&body).unwrap_err();
            assert!(error.reason.contains(named), "{}", error.reason);
        }
        assert_eq!(finals(&parse(&json!({ "number_of_shards": 1, "number_of_replicas": 1 })).unwrap()), ["index.number_of_shards"]);
    }

    #[test]
    fn no_setting_stands_twice() {
        let mut names: Vec<&str> = SETTINGS.iter().map(|it| it.0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SETTINGS.len());
    }
}
