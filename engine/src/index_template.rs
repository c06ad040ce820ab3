//! Index templates: what a new index or data stream gets, by patterns of its name.
//!
//! A template is composed of component templates, in their order, and of parts of its own; the later wins, field by field. Of the
//! templates that match a name the one with the highest priority is taken, alone. Templates change nothing that exists. The built-in
//! data streams are not theirs: log lines fit one mapping only ([`crate::ecs`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::alias::Alias;
use crate::date_name;
use crate::ecs;
use crate::engine::{Engine, EngineError, State};
use crate::index_options::IndexOptions;
use crate::lifecycle::StreamLifecycle;
use crate::manifest::Edit;
use crate::mapping::{FieldType, Mapping, simple_match};
use crate::query::Query;
use crate::template::is_builtin_stream;

/// Begins the names under which legacy templates are kept among the others. No index template's name has a slash.
const LEGACY: &str = "_template/";

/// What a new index gets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TemplateParts {
    /// Settings by their dotted names.
    pub settings: Map<String, Value>,
    /// A `mappings` object.
    pub mappings: Map<String, Value>,
    /// Aliases by name.
    pub aliases: BTreeMap<String, Alias>,
    /// How long a data stream keeps its documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<StreamLifecycle>,
}

/// Parts that index templates are composed of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComponentTemplate {
    /// The parts.
    pub parts: TemplateParts,
    /// The body as it is shown.
    pub shown: Value,
}

/// An index template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexTemplate {
    /// Patterns with `*` of the names it is for.
    pub patterns: Vec<String>,
    /// Names of component templates, in order.
    pub composed_of: Vec<String>,
    /// Those of them that need not exist.
    pub optional: Vec<String>,
    /// The highest wins.
    pub priority: u64,
    /// Whether the names are data streams.
    pub is_data_stream: bool,
    /// Whether wildcards leave those streams out.
    #[serde(default)]
    pub is_hidden: bool,
    /// Whether a write may create what it names.
    pub allows_auto_create: bool,
    /// Parts of its own.
    pub parts: TemplateParts,
    /// The body as it is shown.
    pub shown: Value,
}

/// All templates, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Templates {
    pub(crate) index: BTreeMap<String, IndexTemplate>,
    pub(crate) component: BTreeMap<String, ComponentTemplate>,
}

/// What a name gets from its template.
#[derive(Clone, Debug)]
pub struct Composed {
    /// The template.
    pub template: String,
    /// Whether the name is a data stream's.
    pub is_data_stream: bool,
    /// Whether a write may create it.
    pub allows_auto_create: bool,
    /// All parts together.
    pub parts: TemplateParts,
}

impl IndexTemplate {
    fn matches(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| simple_match(pattern, name))
    }

    /// The `order` of a legacy template.
    pub fn order(&self) -> i64 {
        self.shown["order"].as_i64().unwrap_or(0)
    }
}

impl TemplateParts {
    /// Puts later parts over these.
    pub fn overlay(&mut self, later: &TemplateParts) {
        self.settings.extend(later.settings.clone());
        overlay_mapping(&mut self.mappings, &later.mappings);
        self.aliases.extend(later.aliases.clone());
        self.lifecycle = later.lifecycle.clone().or(self.lifecycle.take());
    }

    /// The mapping; that of a data stream has `@timestamp`.
    ///
    /// # Errors
    /// [`EngineError::Mapping`] where it is none, [`EngineError::IllegalArgument`] for a `@timestamp` that is no date.
    pub fn mapping(&self, is_data_stream: bool) -> Result<Mapping, EngineError> {
        let mut mapping = Mapping::from_json_with(&Value::Object(self.mappings.clone()), IndexOptions::with_analysis(&self.settings)?)?;
        let timestamp = ecs::FIELDS[ecs::TIMESTAMP.0 as usize].name;
        if is_data_stream {
            match mapping.field(timestamp).map(|it| it.kind) {
                Some(FieldType::Date) => {}
                None => drop(mapping.add(timestamp, FieldType::Date)?),
                Some(other) => {
                    return Err(EngineError::IllegalArgument(format!(
                        "data stream timestamp field [{timestamp}] is of type [{}], but [date] is expected",
                        other.name()
                    )));
                }
            }
        }
        Ok(mapping)
    }
}

impl Templates {
    /// The template of a name.
    fn matching(&self, name: &str) -> Option<(&String, &IndexTemplate)> {
        // Of equal priorities none can match the same name; were there two, the first name would win.
        self.index.iter().filter(|it| !it.0.starts_with(LEGACY) && it.1.matches(name)).rev().max_by_key(|it| it.1.priority)
    }

    fn compose(&self, template: &IndexTemplate) -> TemplateParts {
        let mut parts = TemplateParts::default();
        for component in template.composed_of.iter().filter_map(|it| self.component.get(it)) {
            parts.overlay(&component.parts);
        }
        parts.overlay(&template.parts);
        if template.is_hidden {
            parts.settings.insert("index.hidden".to_owned(), "true".into());
        }
        parts
    }

    /// What a name gets; nothing where no template is for it.
    pub(crate) fn for_name(&self, name: &str) -> Option<Composed> {
        if is_builtin_stream(name) {
            return None;
        }
        let Some((found, template)) = self.matching(name) else { return self.legacy_for_name(name) };
        Some(Composed {
            template: found.clone(),
            is_data_stream: template.is_data_stream,
            allows_auto_create: template.allows_auto_create,
            parts: self.compose(template),
        })
    }

    /// What a name gets from legacy templates: all that match count, the later order over the earlier.
    fn legacy_for_name(&self, name: &str) -> Option<Composed> {
        let mut found: Vec<(&String, &IndexTemplate)> = self.index.iter().filter(|it| it.0.starts_with(LEGACY) && it.1.matches(name)).collect();
        found.sort_by_key(|it| it.1.order());
        let template = found.last()?.0.trim_start_matches(LEGACY).to_owned();
        let mut parts = TemplateParts::default();
        found.iter().for_each(|it| parts.overlay(&it.1.parts));
        Some(Composed { template, is_data_stream: false, allows_auto_create: true, parts })
    }

    fn check(&self, name: &str, template: &IndexTemplate) -> Result<(), EngineError> {
        let invalid = |reason: String| Err(EngineError::InvalidTemplate(format!("index template [{name}] invalid, cause [{reason}]")));
        if template.patterns.is_empty() || template.patterns.iter().any(String::is_empty) {
            return invalid("index patterns are missing".to_owned());
        }
        if let Some(kept) = template.patterns.iter().find(|it| is_builtin_stream(it)) {
            return invalid(format!("index pattern [{kept}] is kept for the built-in data streams, whose mapping is that of the log lines"));
        }
        let missing: Vec<&str> = template
            .composed_of
            .iter()
            .filter(|it| !self.component.contains_key(*it) && !template.optional.contains(it))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            return invalid(format!("index template [{name}] specifies component templates [{}] that do not exist", missing.join(", ")));
        }
        for (other, existing) in self.index.iter().filter(|it| it.0 != name && !it.0.starts_with(LEGACY) && it.1.priority == template.priority) {
            let overlaps = existing.patterns.iter().any(|a| template.patterns.iter().any(|b| overlap(a.as_bytes(), b.as_bytes())));
            if overlaps {
                return Err(EngineError::IllegalArgument(format!(
                    "index template [{name}] has index patterns {:?} matching patterns from existing templates [{other}] with patterns ({other} => {:?}) that have the same priority [{}], multiple index templates may not match during index creation, please use a different priority",
                    template.patterns, existing.patterns, template.priority
                )));
            }
        }
        let parts = self.compose(template);
        if parts.lifecycle.is_some() && !template.is_data_stream {
            return Err(EngineError::IllegalArgument(format!(
                "index template [{name}] specifies lifecycle configuration that can only be used in combination with a data stream"
            )));
        }
        check_parts(&parts, template.is_data_stream)
    }
}

/// Refuses parts that no index could get.
fn check_parts(parts: &TemplateParts, is_data_stream: bool) -> Result<(), EngineError> {
    parts.mapping(is_data_stream)?;
    for filter in parts.aliases.values().filter_map(|it| it.filter.as_ref()) {
        Query::from_json(filter).map_err(EngineError::Query)?;
    }
    Ok(())
}

/// Whether some name matches both patterns.
fn overlap(a: &[u8], b: &[u8]) -> bool {
    // Row by row from the ends, so that many stars cost no more than few: `row[j]` is whether `a[i..]` and `b[j..]` overlap.
    let mut row: Vec<bool> = vec![false; b.len() + 1];
    for i in (0..=a.len()).rev() {
        let below = row.clone();
        for j in (0..=b.len()).rev() {
            row[j] = match (a.get(i), b.get(j)) {
                (None, None) => true,
                (Some(b'*'), _) => below[j] || j < b.len() && row[j + 1],
                (_, Some(b'*')) => row[j + 1] || i < a.len() && below[j],
                (Some(x), Some(y)) => x == y && below[j + 1],
                (None, Some(_)) | (Some(_), None) => false,
            };
        }
    }
    row[0]
}

/// Puts a later mapping over an earlier one: objects are merged, a field is replaced whole.
fn overlay_mapping(into: &mut Map<String, Value>, later: &Map<String, Value>) {
    for (key, value) in later {
        match (key.as_str(), into.get_mut(key), value) {
            // All of them count; how those of one name replace each other is the mapping's to say.
            ("dynamic_templates", Some(Value::Array(earlier)), Value::Array(later)) => earlier.extend(later.iter().cloned()),
            ("properties", Some(Value::Object(fields)), Value::Object(later)) => {
                for (name, later) in later {
                    let is_object = |it: &Value| it.get("type").is_none_or(|it| it == &json!("object"));
                    match (fields.get_mut(name), later) {
                        (Some(Value::Object(field)), Value::Object(inner)) if is_object(later) && !field.contains_key("type") => {
                            overlay_mapping(field, inner)
                        }
                        _ => drop(fields.insert(name.clone(), later.clone())),
                    }
                }
            }
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

impl Engine {
    /// Adds a component template, or replaces it.
    ///
    /// # Errors
    /// [`EngineError::IllegalArgument`] where it exists and `create` asks that it does not; a part that no index could get.
    pub fn put_component_template(&self, name: &str, template: ComponentTemplate, create: bool) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        {
            let state = self.inner.state();
            if create && state.templates.component.contains_key(name) {
                return Err(EngineError::IllegalArgument(format!("component template [{name}] already exists")));
            }
            check_parts(&template.parts, false)?;
            // Templates that are composed of it must go on making sense.
            let mut templates = state.templates.clone();
            templates.component.insert(name.to_owned(), template.clone());
            for (user, it) in templates.index.iter().filter(|it| it.1.composed_of.iter().any(|it| it == name)) {
                check_parts(&templates.compose(it), it.is_data_stream).map_err(|error| {
                    EngineError::IllegalArgument(format!(
                        "updating component template [{name}] results in invalid composable template [{user}]: {error}"
                    ))
                })?;
            }
        }
        self.inner.publish(vec![Edit::PutComponentTemplate { name: name.to_owned(), template: template.clone() }])?;
        self.inner.state().templates.component.insert(name.to_owned(), template);
        Ok(())
    }

    /// Adds an index template, or replaces it.
    ///
    /// # Errors
    /// [`EngineError::InvalidTemplate`], [`EngineError::IllegalArgument`] for an overlap at the same priority or where it exists and
    /// `create` asks that it does not.
    pub fn put_index_template(&self, name: &str, template: IndexTemplate, create: bool) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        {
            let state = self.inner.state();
            if name.contains('/') {
                return Err(EngineError::InvalidTemplate(format!("index template [{name}] invalid, cause [name must not contain a slash]")));
            }
            if create && state.templates.index.contains_key(name) {
                return Err(EngineError::IllegalArgument(format!("index template [{name}] already exists")));
            }
            state.templates.check(name, &template)?;
        }
        self.inner.publish(vec![Edit::PutIndexTemplate { name: name.to_owned(), template: template.clone() }])?;
        self.inner.state().templates.index.insert(name.to_owned(), template);
        Ok(())
    }

    /// Adds a legacy template, or replaces it. Its parts count where no index template is for a name; all that match do.
    ///
    /// # Errors
    /// [`EngineError::InvalidTemplate`], [`EngineError::IllegalArgument`] where it exists and `create` asks that it does not.
    pub fn put_legacy_template(&self, name: &str, template: IndexTemplate, create: bool) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        let kept = format!("{LEGACY}{name}");
        {
            let state = self.inner.state();
            if create && state.templates.index.contains_key(&kept) {
                return Err(EngineError::IllegalArgument(format!("index_template [{name}] already exists")));
            }
            if template.patterns.is_empty() || template.patterns.iter().any(|it| it.is_empty() || is_builtin_stream(it)) {
                return Err(EngineError::InvalidTemplate(format!("index_template [{name}] invalid, cause [index patterns are missing or kept]")));
            }
            check_parts(&template.parts, false)?;
        }
        self.inner.publish(vec![Edit::PutIndexTemplate { name: kept.clone(), template: template.clone() }])?;
        self.inner.state().templates.index.insert(kept, template);
        Ok(())
    }

    /// Removes legacy templates that exist.
    ///
    /// # Errors
    /// [`EngineError::Manifest`].
    pub fn delete_legacy_templates(&self, names: &[String]) -> Result<(), EngineError> {
        self.delete_index_templates(&names.iter().map(|it| format!("{LEGACY}{it}")).collect::<Vec<_>>())
    }

    /// All legacy templates.
    pub fn legacy_templates(&self) -> BTreeMap<String, IndexTemplate> {
        let state = self.inner.state();
        state.templates.index.iter().filter_map(|(name, it)| Some((name.strip_prefix(LEGACY)?.to_owned(), it.clone()))).collect()
    }

    /// Removes index templates that exist; what they made stays as it is.
    ///
    /// # Errors
    /// [`EngineError::IllegalArgument`] for the only one that says what a data stream's next index is like; [`EngineError::Manifest`].
    pub fn delete_index_templates(&self, names: &[String]) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        {
            let state = self.inner.state();
            let mut left = state.templates.clone();
            left.index.retain(|it, _| !names.contains(it));
            let makes = |templates: &Templates, stream: &str| templates.matching(stream).is_some_and(|it| it.1.is_data_stream);
            let is_orphan = |it: &&String| !is_builtin_stream(it) && makes(&state.templates, it) && !makes(&left, it);
            let users: Vec<&str> = state.streams.keys().filter(is_orphan).map(String::as_str).collect();
            if !users.is_empty() {
                return Err(EngineError::IllegalArgument(format!(
                    "unable to remove composable templates [{}] as they are in use by a data streams [{}]",
                    names.join(", "),
                    users.join(", ")
                )));
            }
        }
        self.inner.publish(names.iter().map(|name| Edit::DropIndexTemplate { name: name.clone() }).collect())?;
        let mut state = self.inner.state();
        names.iter().for_each(|it| drop(state.templates.index.remove(it)));
        Ok(())
    }

    /// Removes component templates that exist.
    ///
    /// # Errors
    /// [`EngineError::IllegalArgument`] while an index template is composed of one.
    pub fn delete_component_templates(&self, names: &[String]) -> Result<(), EngineError> {
        let _metadata = self.inner.metadata_lock();
        {
            let state = self.inner.state();
            let uses = |it: &(&String, &IndexTemplate)| it.1.composed_of.iter().any(|it| names.contains(it));
            let users: Vec<&str> = state.templates.index.iter().filter(uses).map(|it| it.0.as_str()).collect();
            if !users.is_empty() {
                return Err(EngineError::IllegalArgument(format!(
                    "component templates [{}] cannot be removed as they are still in use by index templates [{}]",
                    names.join(", "),
                    users.join(", ")
                )));
            }
        }
        self.inner.publish(names.iter().map(|name| Edit::DropComponentTemplate { name: name.clone() }).collect())?;
        let mut state = self.inner.state();
        names.iter().for_each(|it| drop(state.templates.component.remove(it)));
        Ok(())
    }

    /// All index templates.
    pub fn index_templates(&self) -> BTreeMap<String, IndexTemplate> {
        let state = self.inner.state();
        state.templates.index.iter().filter(|it| !it.0.starts_with(LEGACY)).map(|(name, it)| (name.clone(), it.clone())).collect()
    }

    /// All component templates.
    pub fn component_templates(&self) -> BTreeMap<String, ComponentTemplate> {
        self.inner.state().templates.component.clone()
    }

    /// What an index or a data stream of that name would get; nothing where no template is for it, and for the built-in streams.
    pub fn template_for(&self, name: &str) -> Option<Composed> {
        let name = date_name::fill(name, self.now()).unwrap_or(Cow::Borrowed(name));
        self.inner.state().templates.for_name(&name)
    }

    /// Names of other templates that match the name and lose to the one that is taken, with their patterns.
    pub fn overlapping_templates(&self, name: &str) -> Vec<(String, Vec<String>)> {
        let state = self.inner.state();
        let taken = state.templates.matching(name).map(|it| it.0.clone());
        let is_other = |it: &(&String, &IndexTemplate)| {
            Some(it.0) != taken.as_ref() && !it.0.starts_with(LEGACY) && it.1.patterns.iter().any(|it| simple_match(it, name))
        };
        state.templates.index.iter().filter(is_other).map(|(name, it)| (name.clone(), it.patterns.clone())).collect()
    }
}

impl State {
    /// The mapping and the settings that a new backing index of a stream gets from its template, where it still has one.
    pub(crate) fn stream_template(&self, stream: &str) -> Option<Result<(Arc<Mapping>, Value), EngineError>> {
        let composed = self.templates.for_name(stream).filter(|it| it.is_data_stream)?;
        Some(composed.parts.mapping(true).map(|mapping| (Arc::new(mapping), Value::Object(composed.parts.settings))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_overlap_where_a_name_fits_both() {
        for (a, b, expected) in [
            ("logs-*", "logs-a*", true),
            ("logs-*", "*-a", true),
            ("a*b", "b*a", false),
            ("a", "a", true),
            ("a", "b", false),
            ("*", "", true),
            ("a*", "", false),
        ] {
            assert_eq!(overlap(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
            assert_eq!(overlap(b.as_bytes(), a.as_bytes()), expected, "{b} {a}");
        }
    }

    #[test]
    fn later_fields_replace_earlier_ones_and_objects_are_merged() {
        let object = |it: Value| it.as_object().unwrap().clone();
        let mut mapping =
            object(json!({ "properties": { "a": { "type": "text", "norms": false }, "o": { "properties": { "x": { "type": "long" } } } } }));
        let later =
            object(json!({ "dynamic": "strict", "properties": { "a": { "type": "keyword" }, "o": { "properties": { "y": { "type": "ip" } } } } }));
        overlay_mapping(&mut mapping, &later);
        let expected = json!({ "dynamic": "strict", "properties": { "a": { "type": "keyword" }, "o": { "properties": { "x": { "type": "long" }, "y": { "type": "ip" } } } } });
        assert_eq!(Value::Object(mapping), expected);
    }
}
