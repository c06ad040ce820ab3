//! What becomes of fields that a mapping does not know: added by the type of their value, by a template, kept in `_source` only, refused.
//!
//! Follows Elasticsearch's "Dynamic mapping", "Dynamic templates" and `enabled`: detection first, then the first template that matches says
//! how the field is mapped. Templates are kept as they were given and read when a new field comes, which is rare.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::datetime::DateFormat;
use crate::mapping::{Dynamic, MappingError, simple_match};

/// The rules of one mapping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DynamicRules {
    /// Whether text that looks like a date is one.
    date_detection: bool,
    /// Whether text that looks like a number is one.
    numeric_detection: bool,
    /// Formats of dates that are looked for; none: Elasticsearch's own two.
    #[serde(skip_serializing_if = "Option::is_none")]
    date_formats: Option<Vec<String>>,
    /// `dynamic_templates` as given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    templates: Vec<Value>,
    /// Objects whose contents are not looked at.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    disabled: BTreeSet<String>,
    /// Objects with a rule of their own for what is below them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    objects: BTreeMap<String, Dynamic>,
    /// Objects below which everything is a keyword (`flattened`).
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    keywords: BTreeSet<String>,
    /// What objects say of themselves that are of a type of their own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    kinds: BTreeMap<String, Map<String, Value>>,
    /// `_meta` as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Value>,
}

impl Default for DynamicRules {
    fn default() -> Self {
        Self {
            date_detection: true,
            numeric_detection: false,
            date_formats: None,
            templates: Vec::new(),
            disabled: BTreeSet::new(),
            objects: BTreeMap::new(),
            keywords: BTreeSet::new(),
            kinds: BTreeMap::new(),
            meta: None,
        }
    }
}

/// Keys of a template that say which fields it is for.
const CONDITIONS: [&str; 7] = ["match_mapping_type", "unmatch_mapping_type", "match", "unmatch", "path_match", "path_unmatch", "match_pattern"];

/// The names of types that detection gives.
const DETECTED: [&str; 7] = ["string", "long", "double", "boolean", "date", "object", "binary"];

/// How a new field is to be mapped.
pub(crate) enum Introduced {
    /// As Elasticsearch does by itself: this type's name, with the format of a date that is not the usual one.
    Detected(&'static str, Option<String>),
    /// As a template says: the body of the field's mapping, with a `type`.
    Mapped(Map<String, Value>),
}

impl DynamicRules {
    /// Takes a key of a `mappings` object; whether it is one of these rules.
    pub(crate) fn take(&mut self, key: &str, value: &Value) -> Result<bool, MappingError> {
        let flag = || match value {
            Value::Bool(it) => Ok(*it),
            Value::String(it) if it == "true" => Ok(true),
            Value::String(it) if it == "false" => Ok(false),
            _ => Err(MappingError::Parse(format!("Failed to parse value [{value}] as only [true] or [false] are allowed."))),
        };
        match key {
            "date_detection" => self.date_detection = flag()?,
            "numeric_detection" => self.numeric_detection = flag()?,
            "dynamic_date_formats" | "date_formats" => {
                let list = value.as_array().and_then(|it| it.iter().map(|it| it.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>());
                let list = list.ok_or_else(|| MappingError::Parse(format!("[{key}] must be a list of formats")))?;
                for format in &list {
                    DateFormat::parse(format).map_err(MappingError::Parse)?;
                }
                self.date_formats = Some(list);
            }
            "dynamic_templates" => {
                let list = value
                    .as_array()
                    .ok_or_else(|| MappingError::Parse("Dynamic template syntax error. An array of named objects is expected.".to_owned()))?;
                list.iter().try_for_each(check_template)?;
                // A template of a known name takes its place, as `_mapping` does it.
                for template in list {
                    match self.templates.iter_mut().find(|it| name_of(it) == name_of(template)) {
                        Some(known) => *known = template.clone(),
                        None => self.templates.push(template.clone()),
                    }
                }
            }
            "_meta" => self.meta = Some(value.clone()).filter(|it| !it.is_null()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes `dynamic` and `enabled` of an object field.
    pub(crate) fn take_object(&mut self, path: &str, dynamic: Option<Dynamic>, enabled: Option<bool>) {
        if let Some(dynamic) = dynamic {
            self.objects.insert(path.to_owned(), dynamic);
        }
        match enabled {
            Some(false) => drop(self.disabled.insert(path.to_owned())),
            Some(true) => drop(self.disabled.remove(path)),
            None => {}
        }
    }

    /// Keeps what an object of a type of its own says of itself, to show it.
    pub(crate) fn take_kind<'a>(&mut self, path: &str, said: impl Iterator<Item = (&'a String, &'a Value)>) {
        self.kinds.insert(path.to_owned(), said.map(|(key, value)| (key.clone(), value.clone())).collect());
    }

    /// Takes an object below which everything is a keyword, whatever other rules say.
    pub(crate) fn take_keywords(&mut self, path: &str, said: &Map<String, Value>) {
        self.keywords.insert(path.to_owned());
        self.objects.insert(path.to_owned(), Dynamic::True);
        self.take_kind(path, said.iter());
    }

    /// The type of a field that is there and can't be asked: what is in `_source` only, and an object of keywords as a whole.
    pub(crate) fn opaque(&self, path: &str) -> Option<&str> {
        if self.kinds.is_empty() {
            return None;
        }
        let kind_of = |path: &str| self.kinds.get(path)?.get("type")?.as_str();
        ancestors(path).find_map(|it| kind_of(it).filter(|_| self.disabled.contains(it) || it == path && self.keywords.contains(it)))
    }

    /// Whether a path is below an object of keywords. Those are keys, not objects: `app` and `app.name` may stand side by side.
    pub(crate) fn is_keyword(&self, path: &str) -> bool {
        !self.keywords.is_empty() && ancestors(path).any(|it| self.keywords.contains(it))
    }

    /// Whether a path is an object whose contents are not looked at, or below one.
    pub(crate) fn is_disabled(&self, path: &str) -> bool {
        !self.disabled.is_empty() && ancestors(path).any(|it| self.disabled.contains(it))
    }

    /// What happens to an unknown field there, where an object above it says so.
    pub(crate) fn dynamic_at(&self, path: &str) -> Option<Dynamic> {
        if self.objects.is_empty() {
            return None;
        }
        ancestors(path).find_map(|it| self.objects.get(it).copied())
    }

    /// How a new field with this value is mapped.
    pub(crate) fn introduce(&self, path: &str, value: &Value) -> Introduced {
        if self.is_keyword(path) {
            return Introduced::Mapped(Map::from_iter([("type".to_owned(), "keyword".into())]));
        }
        let (detected, format) = self.detect(value);
        match self.templates.iter().find_map(|it| apply(it, path, detected)) {
            Some(mapping) => Introduced::Mapped(mapping),
            None => Introduced::Detected(detected, format),
        }
    }

    fn detect(&self, value: &Value) -> (&'static str, Option<String>) {
        match value {
            Value::Bool(_) => ("boolean", None),
            Value::Number(number) if number.is_f64() => ("double", None),
            Value::Number(_) => ("long", None),
            Value::String(text) => {
                if self.numeric_detection && text.parse::<i64>().is_ok() {
                    return ("long", None);
                }
                if self.numeric_detection && text.parse::<f64>().is_ok_and(f64::is_finite) {
                    return ("double", None);
                }
                match &self.date_formats {
                    _ if !self.date_detection => ("string", None),
                    None if looks_like_date(text) => ("date", None),
                    None => ("string", None),
                    Some(formats) => {
                        let fits = |it: &&String| DateFormat::parse(it).is_ok_and(|it| it.parse_value(value).is_some());
                        formats.iter().find(fits).map_or(("string", None), |it| ("date", Some(it.clone())))
                    }
                }
            }
            _ => ("object", None),
        }
    }

    /// Adds the rules to the body of a `mappings` object.
    pub(crate) fn put_json(&self, body: &mut Map<String, Value>) {
        if let Some(meta) = &self.meta {
            body.insert("_meta".to_owned(), meta.clone());
        }
        if let Some(formats) = &self.date_formats {
            body.insert("dynamic_date_formats".to_owned(), json!(formats));
        }
        if !self.templates.is_empty() {
            body.insert("dynamic_templates".to_owned(), Value::Array(self.templates.clone()));
        }
        if !self.date_detection {
            body.insert("date_detection".to_owned(), false.into());
        }
        if self.numeric_detection {
            body.insert("numeric_detection".to_owned(), true.into());
        }
    }

    /// Objects that say something of themselves, with what they say.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&String, Map<String, Value>)> {
        let dynamic = |it: &Dynamic| match it {
            Dynamic::True => "true",
            Dynamic::False => "false",
            Dynamic::Strict => "strict",
        };
        let ruled = self.objects.iter().map(move |(path, it)| (path, Map::from_iter([("dynamic".to_owned(), dynamic(it).into())])));
        let disabled = self
            .disabled
            .iter()
            .map(|path| (path, Map::from_iter([("type".to_owned(), Value::from("object")), ("enabled".to_owned(), Value::from(false))])));
        // What an object of a type of its own says comes last and so stands.
        ruled.chain(disabled).filter(|it| !self.kinds.contains_key(it.0)).chain(self.kinds.iter().map(|(path, said)| (path, said.clone())))
    }
}

/// The path and those above it, the nearest first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |it| it.rsplit_once('.').map(|it| it.0))
}

/// Date detection of dynamic mapping: `strict_date_optional_time` needs at least a full date; a bare number is no date.
fn looks_like_date(text: &str) -> bool {
    text.len() >= 10 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit) && matches!(text.as_bytes()[4], b'-' | b'/') && {
        let format = if text.as_bytes()[4] == b'-' { "strict_date_optional_time" } else { "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd" };
        DateFormat::parse(format).is_ok_and(|it| it.parse_value(&Value::from(text)).is_some())
    }
}

fn name_of(template: &Value) -> Option<&String> {
    template.as_object()?.keys().next()
}

fn check_template(template: &Value) -> Result<(), MappingError> {
    let refuse = |why: String| Err(MappingError::Parse(why));
    let Some((name, Value::Object(body))) = template.as_object().filter(|it| it.len() == 1).and_then(|it| it.iter().next()) else {
        return refuse("A dynamic template must be defined with a name".to_owned());
    };
    if let Some(key) = body.keys().find(|it| *it != "mapping" && !CONDITIONS.contains(&it.as_str())) {
        return refuse(match key.as_str() {
            "runtime" => format!("dynamic template [{name}]: [runtime] fields are not supported"),
            key => format!("Illegal dynamic template parameter: [{key}]"),
        });
    }
    if !body.get("mapping").is_some_and(Value::is_object) {
        return refuse(format!("dynamic template [{name}] must have a [mapping]"));
    }
    if !CONDITIONS.iter().any(|it| *it != "match_pattern" && body.contains_key(*it)) {
        return refuse(format!("template [{name}] must have match, path_match or match_mapping_type set"));
    }
    for key in ["match_mapping_type", "unmatch_mapping_type"] {
        for kind in texts(body.get(key)) {
            if kind != "*" && !DETECTED.contains(&kind) {
                return refuse(format!(
                    "No field type matched on [{kind}], possible values are [object, string, long, double, boolean, date, binary]"
                ));
            }
        }
    }
    if is_regex(body) {
        for pattern in texts(body.get("match")).into_iter().chain(texts(body.get("unmatch"))) {
            if let Err(error) = Regex::new(pattern) {
                return refuse(format!("Pattern [{pattern}] of type [regex] is invalid. Cannot create dynamic template [{name}]. {error}"));
            }
        }
    }
    Ok(())
}

fn is_regex(body: &Map<String, Value>) -> bool {
    body.get("match_pattern").and_then(Value::as_str) == Some("regex")
}

/// A text, or a list of texts.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The mapping that a template gives a field, if it is for it.
fn apply(template: &Value, path: &str, detected: &str) -> Option<Map<String, Value>> {
    let body = template.as_object()?.values().next()?.as_object()?;
    let name = path.rsplit_once('.').map_or(path, |it| it.1);
    let fits_name = |pattern: &&str| {
        if is_regex(body) { Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|it| it.is_match(name)) } else { simple_match(pattern, name) }
    };
    let fits_path = |pattern: &&str| simple_match(pattern, path);
    let fits_type = |kind: &&str| *kind == "*" || *kind == detected;
    let is_met = |key: &str, fits: &dyn Fn(&&str) -> bool| !body.contains_key(key) || texts(body.get(key)).iter().any(fits);
    let is_for = is_met("match_mapping_type", &fits_type)
        && is_met("match", &fits_name)
        && is_met("path_match", &fits_path)
        && !texts(body.get("unmatch_mapping_type")).iter().any(fits_type)
        && !texts(body.get("unmatch")).iter().any(fits_name)
        && !texts(body.get("path_unmatch")).iter().any(fits_path);
    if !is_for {
        return None;
    }
    let default = if detected == "string" { "text" } else { detected };
    let mut mapping = filled(body.get("mapping")?, name, default).as_object()?.clone();
    mapping.entry("type").or_insert_with(|| default.into());
    Some(mapping)
}

/// A template's mapping with `{name}` and `{dynamic_type}` filled in.
fn filled(value: &Value, name: &str, dynamic_type: &str) -> Value {
    let fill = |text: &str| text.replace("{name}", name).replace("{dynamic_type}", dynamic_type).replace("{dynamicType}", dynamic_type);
    match value {
        Value::String(text) => fill(text).into(),
        Value::Array(list) => list.iter().map(|it| filled(it, name, dynamic_type)).collect(),
        Value::Object(map) => map.iter().map(|(key, it)| (fill(key), filled(it, name, dynamic_type))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(body: Value) -> DynamicRules {
        let mut rules = DynamicRules::default();
        for (key, value) in body.as_object().unwrap() {
            assert!(rules.take(key, value).unwrap(), "{key}");
        }
        rules
    }

    fn kind(rules: &DynamicRules, path: &str, value: Value) -> String {
        match rules.introduce(path, &value) {
            Introduced::Detected(kind, format) => format!("{kind}{}", format.map(|it| format!(" {it}")).unwrap_or_default()),
            Introduced::Mapped(body) => Value::Object(body).to_string(),
        }
    }

    #[test]
    fn types_are_detected_as_the_rules_say() {
        let default = DynamicRules::default();
        for (value, expected) in [
            (json!("2026-11-20"), "date"),
            (json!("x"), "string"),
            (json!("7"), "string"),
            (json!(7), "long"),
            (json!(7.5), "double"),
            (json!(true), "boolean"),
        ] {
            assert_eq!(kind(&default, "f", value), expected);
        }
        let other = rules(json!({ "date_detection": false, "numeric_detection": "true" }));
        for (value, expected) in [(json!("2026-11-20"), "string"), (json!("7"), "long"), (json!("7.5"), "double"), (json!("NaN"), "string")] {
            assert_eq!(kind(&other, "f", value), expected);
        }
        let formats = rules(json!({ "dynamic_date_formats": ["MM/dd/yyyy"] }));
        assert_eq!(kind(&formats, "f", json!("11/20/2026")), "date MM/dd/yyyy");
        assert_eq!(kind(&formats, "f", json!("2026-11-20")), "string");
    }

    #[test]
    fn the_first_template_that_fits_maps_the_field() {
        let it = rules(json!({ "dynamic_templates": [
            { "ids": { "match_pattern": "regex", "match": "^id_\\d+$", "mapping": { "type": "keyword" } } },
            { "labels": { "path_match": "labels.*", "path_unmatch": "*.raw", "mapping": { "type": "keyword", "ignore_above": 10 } } },
            { "texts": { "match_mapping_type": "string", "unmatch": ["plain*", "x"], "mapping": { "fields": { "{name}_raw": { "type": "keyword" } } } } },
            { "numbers": { "match_mapping_type": ["long", "double"], "mapping": { "type": "{dynamic_type}", "index": false } } },
        ] }));
        for (path, value, expected) in [
            ("id_12", json!(5), r#"{"type":"keyword"}"#),
            ("labels.a", json!(5), r#"{"ignore_above":10,"type":"keyword"}"#),
            ("a.b", json!("t"), r#"{"fields":{"b_raw":{"type":"keyword"}},"type":"text"}"#),
            ("plain1", json!("t"), "string"),
            ("n", json!(2.5), r#"{"index":false,"type":"double"}"#),
            ("n", json!(true), "boolean"),
        ] {
            let found = kind(&it, path, value);
            let same = serde_json::from_str::<Value>(&found).ok().zip(serde_json::from_str::<Value>(expected).ok()).is_some_and(|(a, b)| a == b);
            assert!(found == expected || same, "{path}: {found}");
        }
    }

    #[test]
    fn templates_that_can_fit_nothing_are_refused() {
        for template in [
            json!({}),
            json!({ "a": { "mapping": {} } }),
            json!({ "a": { "match": "x" } }),
            json!({ "a": { "match": "x", "mapping": {}, "nonsense": 1 } }),
            json!({ "a": { "match_mapping_type": "text", "mapping": {} } }),
            json!({ "a": { "match_pattern": "regex", "match": "(", "mapping": {} } }),
            json!({ "a": { "match": "x", "runtime": {} } }),
        ] {
            assert!(DynamicRules::default().take("dynamic_templates", &json!([template])).is_err(), "{template}");
        }
    }
}
