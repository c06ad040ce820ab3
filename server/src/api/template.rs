//! Index and component templates: `_index_template` and `_component_template`. The older `_template` is in [`super::legacy_template`].

use std::collections::BTreeMap;

use sekisho_engine::mapping::simple_match;
use sekisho_engine::{Alias, ComponentTemplate, Composed, IndexTemplate, TemplateParts};
use serde_json::{Map, Value, json};

use super::alias;
use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::{lifecycle, setting};
use crate::security::Scope;

/// Answers `PUT _index_template/{name}`.
///
/// # Errors
/// 400 for a body that is not understood, and for patterns that another template of the same priority has.
pub async fn put_index(mut call: Call) -> Outcome {
    let create = take_put(&mut call)?;
    let name = call.part("name").to_owned();
    let template = parse_index(call.object()?)?;
    call.app.blocking(move |engine| Ok(engine.put_index_template(&name, template, create)?)).await?;
    Ok(Reply::Json(json!({ "acknowledged": true })))
}

/// Answers `PUT _component_template/{name}`.
///
/// # Errors
/// 400 for a body that is not understood.
pub async fn put_component(mut call: Call) -> Outcome {
    let create = take_put(&mut call)?;
    let name = call.part("name").to_owned();
    let template = parse_component(call.object()?)?;
    call.app.blocking(move |engine| Ok(engine.put_component_template(&name, template, create)?)).await?;
    Ok(Reply::Json(json!({ "acknowledged": true })))
}

/// Answers `GET _index_template` and, without a body, `HEAD`.
///
/// # Errors
/// 404 for a name that does not exist.
pub async fn get_index(mut call: Call) -> Outcome {
    let flat = take_get(&mut call)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let found = chosen(engine.index_templates(), &names, "index template")?;
            let one = |(name, it): (String, IndexTemplate)| json!({ "name": name, "index_template": shown(it.shown, &it.parts, flat) });
            Ok(Reply::Json(json!({ "index_templates": found.into_iter().map(one).collect::<Vec<_>>() })))
        })
        .await
}

/// Answers `GET _component_template` and, without a body, `HEAD`.
///
/// # Errors
/// 404 for a name that does not exist.
pub async fn get_component(mut call: Call) -> Outcome {
    let flat = take_get(&mut call)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let found = chosen(engine.component_templates(), &names, "component template")?;
            let one = |(name, it): (String, ComponentTemplate)| json!({ "name": name, "component_template": shown(it.shown, &it.parts, flat) });
            Ok(Reply::Json(json!({ "component_templates": found.into_iter().map(one).collect::<Vec<_>>() })))
        })
        .await
}

/// Answers `DELETE _index_template/{name}`.
///
/// # Errors
/// 404 for a name that does not exist.
pub async fn delete_index(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "master_timeout"]);
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let found = to_delete(engine.index_templates().into_keys(), &names, "index_template")?;
            engine.delete_index_templates(&found)?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// Answers `DELETE _component_template/{name}`.
///
/// # Errors
/// 404 for a name that does not exist, 400 for one that an index template is composed of.
pub async fn delete_component(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "master_timeout"]);
    call.params.finish(&call.path)?;
    let names = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let found = to_delete(engine.component_templates().into_keys(), &names, "component_template")?;
            engine.delete_component_templates(&found)?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

/// Answers `POST _index_template/_simulate_index/{name}`: what an index of that name would get.
///
/// # Errors
/// 400 for a body: templates that are not stored can't be simulated.
pub async fn simulate_index(mut call: Call) -> Outcome {
    call.params.ignore(&["master_timeout", "include_defaults", "create", "cause"]);
    call.params.finish(&call.path)?;
    if !call.object()?.is_empty() {
        return Err(ApiError::illegal_argument(
            "simulating a template that is not stored is not supported; put it first, then simulate without a body",
        ));
    }
    let name = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let Some(Composed { parts, .. }) = engine.template_for(&name) else { return Ok(Reply::Json(json!({}))) };
            let overlapping: Vec<Value> =
                engine.overlapping_templates(&name).into_iter().map(|(name, patterns)| json!({ "name": name, "index_patterns": patterns })).collect();
            let aliases: Map<String, Value> = parts.aliases.iter().map(|(alias, it)| (alias.replace("{index}", &name), alias::to_json(it))).collect();
            let mut template = json!({ "settings": setting::show(&parts.settings, false), "mappings": parts.mappings, "aliases": aliases });
            if let Some(it) = &parts.lifecycle {
                template["lifecycle"] = json!({ "enabled": it.is_enabled, "data_retention": it.retention.age_ms.map(crate::unit::show_ms) });
            }
            Ok(Reply::Json(json!({ "template": template, "overlapping": overlapping })))
        })
        .await
}

/// The parts that an index of that name gets: from its template, and over them those that the request gives.
///
/// # Errors
/// 400 where the template makes the name a data stream.
pub fn parts_of(engine: &Scope, name: &str, given: &TemplateParts) -> Result<TemplateParts, ApiError> {
    let mut parts = match engine.template_for(name) {
        Some(composed) if composed.is_data_stream => {
            return Err(ApiError::illegal_argument(format!(
                "cannot create index with name [{name}], because it matches with template [{}] that creates data streams only, use create data stream api instead",
                composed.template
            )));
        }
        Some(composed) => composed.parts,
        None => TemplateParts::default(),
    };
    parts.aliases = parts.aliases.into_iter().map(|(alias, settings)| (alias.replace("{index}", name), settings)).collect();
    parts.overlay(given);
    Ok(parts)
}

/// Reads `settings`, `mappings` and `aliases` of a body.
///
/// # Errors
/// 400 naming what is not understood.
pub fn parse_parts(body: &Map<String, Value>, what: &str) -> Result<TemplateParts, ApiError> {
    let mut parts = TemplateParts::default();
    for (key, value) in body {
        match (key.as_str(), value) {
            ("settings", value) => parts.settings = setting::parse(value)?,
            ("mappings", Value::Object(mappings)) if mappings.get("_doc").is_some_and(Value::is_object) => {
                return Err(ApiError::illegal_argument(
                    "The mapping definition cannot be nested under a type [_doc] unless include_type_name is set to true.",
                ));
            }
            ("mappings", Value::Object(mappings)) => parts.mappings = mappings.clone(),
            ("aliases", value) => parts.aliases = alias::by_name(value)?.into_iter().collect::<BTreeMap<String, Alias>>(),
            ("lifecycle", Value::Object(given)) => parts.lifecycle = Some(lifecycle::parse(given)?),
            (key, _) => return Err(ApiError::parsing(format!("unknown key [{key}] {what}"))),
        }
    }
    Ok(parts)
}

pub(super) fn take_put(call: &mut Call) -> Result<bool, ApiError> {
    let create = call.params.flag("create")?.unwrap_or(false);
    call.params.ignore(&["timeout", "master_timeout", "cluster_manager_timeout", "cause"]);
    call.params.finish(&call.path)?;
    Ok(create)
}

pub(super) fn take_get(call: &mut Call) -> Result<bool, ApiError> {
    let flat = call.params.flag("flat_settings")?.unwrap_or(false);
    call.params.ignore(&["local", "master_timeout", "cluster_manager_timeout", "include_defaults"]);
    call.params.finish(&call.path)?;
    Ok(flat)
}

/// The templates that names and patterns choose.
fn chosen<T>(templates: BTreeMap<String, T>, names: &str, what: &str) -> Result<Vec<(String, T)>, ApiError> {
    let patterns: Vec<&str> = names.split(',').filter(|it| !it.is_empty()).collect();
    if let Some(missing) = patterns.iter().find(|it| !it.contains('*') && !templates.contains_key(**it)) {
        return Err(ApiError::new(404, "resource_not_found_exception", format!("{what} matching [{missing}] not found")));
    }
    Ok(templates.into_iter().filter(|it| patterns.is_empty() || patterns.iter().any(|pattern| simple_match(pattern, &it.0))).collect())
}

pub(super) fn to_delete(existing: impl Iterator<Item = String>, names: &str, what: &str) -> Result<Vec<String>, ApiError> {
    let existing: Vec<String> = existing.collect();
    let mut found = Vec::new();
    for pattern in names.split(',') {
        let matching: Vec<String> = existing.iter().filter(|it| simple_match(pattern, it)).cloned().collect();
        if matching.is_empty() && pattern != "*" {
            return Err(ApiError::new(404, "index_template_missing_exception", format!("{what} [{pattern}] missing")));
        }
        found.extend(matching);
    }
    Ok(found)
}

/// A template's body with its settings in the shape that is asked for.
fn shown(mut body: Value, parts: &TemplateParts, flat: bool) -> Value {
    if body["template"].get("settings").is_some() {
        body["template"]["settings"] = setting::show(&parts.settings, flat);
    }
    body
}

fn parse_index(body: Map<String, Value>) -> Result<IndexTemplate, ApiError> {
    let mut template = IndexTemplate { allows_auto_create: true, ..IndexTemplate::default() };
    let mut show = body.clone();
    show.entry("composed_of").or_insert_with(|| json!([]));
    for (key, value) in &body {
        match (key.as_str(), value) {
            ("index_patterns", value) => {
                template.patterns = names(key, value)?;
                show.insert(key.clone(), json!(template.patterns));
            }
            ("composed_of", value) => template.composed_of = names(key, value)?,
            ("ignore_missing_component_templates", value) => template.optional = names(key, value)?,
            ("priority", Value::Number(it)) => {
                template.priority = it.as_u64().ok_or_else(|| ApiError::illegal_argument("index template priority must be >= 0"))?;
            }
            ("data_stream", Value::Object(options)) => {
                let is_known = |it: &(&String, &Value)| {
                    matches!((it.0.as_str(), it.1), ("hidden", Value::Bool(_)) | ("allow_custom_routing", Value::Bool(false)))
                };
                if let Some(other) = options.iter().find(|it| !is_known(it)) {
                    return Err(ApiError::illegal_argument(format!("[data_stream] does not support [{}] of [{}]", other.0, other.1)));
                }
                template.is_data_stream = true;
                let is_hidden = options.get("hidden") == Some(&Value::Bool(true));
                template.is_hidden = is_hidden;
                show.insert(key.clone(), json!({ "hidden": is_hidden, "allow_custom_routing": false }));
            }
            ("template", Value::Object(parts)) => template.parts = parse_parts(parts, "for [template]")?,
            ("allow_auto_create", Value::Bool(it)) => template.allows_auto_create = *it,
            ("version", Value::Number(_)) | ("_meta", Value::Object(_)) | ("deprecated", Value::Bool(_)) => {}
            (_, Value::Null) => drop(show.remove(key)),
            (key, _) => return Err(ApiError::new(400, "x_content_parse_exception", format!("[index_template] unknown field [{key}] or value"))),
        }
    }
    template.shown = Value::Object(show);
    Ok(template)
}

fn parse_component(body: Map<String, Value>) -> Result<ComponentTemplate, ApiError> {
    let mut template = ComponentTemplate { shown: Value::Object(body.clone()), ..ComponentTemplate::default() };
    let mut has_parts = false;
    for (key, value) in &body {
        match (key.as_str(), value) {
            ("template", Value::Object(parts)) => {
                template.parts = parse_parts(parts, "for [template]")?;
                has_parts = true;
            }
            ("version", Value::Number(_)) | ("_meta", Value::Object(_)) | ("deprecated" | "allow_auto_create", Value::Bool(_)) => {}
            (key, _) => return Err(ApiError::new(400, "x_content_parse_exception", format!("[component_template] unknown field [{key}] or value"))),
        }
    }
    if !has_parts {
        return Err(ApiError::illegal_argument("Required [template]"));
    }
    Ok(template)
}

pub(super) fn names(key: &str, value: &Value) -> Result<Vec<String>, ApiError> {
    match value {
        Value::String(it) => Ok(it.split(',').map(str::to_owned).collect()),
        Value::Array(items) if items.iter().all(Value::is_string) => Ok(items.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()),
        _ => Err(ApiError::new(400, "x_content_parse_exception", format!("[index_template] failed to parse field [{key}]"))),
    }
}
