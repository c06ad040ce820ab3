//! `_template`: what there was before index templates. Older shippers still put theirs here.
//!
//! All that match a name count, the higher `order` over the lower, unless an index template is for that name.

use sekisho_engine::IndexTemplate;
use sekisho_engine::mapping::simple_match;
use serde_json::{Map, Value, json};

use super::alias;
use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use super::setting;
use super::template::{names, parse_parts, take_get, take_put, to_delete};

/// Answers `PUT _template/{name}`.
///
/// # Errors
/// 400 for a body that is not understood, and for a name that is taken where `create` asks that it is not.
pub async fn put(mut call: Call) -> Outcome {
    let order = call.params.number("order")?;
    let create = take_put(&mut call)?;
    let name = call.part("name").to_owned();
    let template = parse(call.object()?, order)?;
    call.app.blocking(move |engine| Ok(engine.put_legacy_template(&name, template, create)?)).await?;
    Ok(Reply::Json(json!({ "acknowledged": true })))
}

/// Answers `GET _template` and, without a body, `HEAD`.
///
/// # Errors
/// 404 with an empty object for a name that does not exist.
pub async fn get(mut call: Call) -> Outcome {
    let is_flat = take_get(&mut call)?;
    let patterns = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let is_asked = |name: &str| patterns.is_empty() || patterns.split(',').any(|it| simple_match(it, name));
            let found: Map<String, Value> =
                engine.legacy_templates().into_iter().filter(|it| is_asked(&it.0)).map(|(name, it)| (name, shown(&it, is_flat))).collect();
            let is_missing = found.is_empty() && patterns.split(',').any(|it| !it.is_empty() && !it.contains('*'));
            Ok(Reply::Status(if is_missing { 404 } else { 200 }, found.into()))
        })
        .await
}

/// Answers `DELETE _template/{name}`.
///
/// # Errors
/// 404 for a name that does not exist.
pub async fn delete(mut call: Call) -> Outcome {
    call.params.ignore(&["timeout", "master_timeout", "cluster_manager_timeout"]);
    call.params.finish(&call.path)?;
    let patterns = call.part("name").to_owned();
    call.app
        .blocking(move |engine| {
            let found = to_delete(engine.legacy_templates().into_keys(), &patterns, "index_template")?;
            engine.delete_legacy_templates(&found)?;
            Ok(Reply::Json(json!({ "acknowledged": true })))
        })
        .await
}

fn shown(template: &IndexTemplate, is_flat: bool) -> Value {
    let mut body = template.shown.clone();
    let aliases: Map<String, Value> = template.parts.aliases.iter().map(|(name, it)| (name.clone(), alias::to_json(it))).collect();
    body["settings"] = setting::show(&template.parts.settings, is_flat);
    body["mappings"] = Value::Object(template.parts.mappings.clone());
    body["aliases"] = Value::Object(aliases);
    body
}

fn parse(body: Map<String, Value>, order: Option<i64>) -> Result<IndexTemplate, ApiError> {
    let mut template = IndexTemplate { allows_auto_create: true, ..IndexTemplate::default() };
    let mut shown = json!({ "order": order.unwrap_or(0), "index_patterns": [] });
    let mut parts = Map::new();
    for (key, value) in body {
        match (key.as_str(), &value) {
            ("index_patterns" | "template", it) => template.patterns = names(&key, it)?,
            ("order" | "version", Value::Number(it)) if it.is_i64() => shown[&key] = value,
            ("settings" | "mappings" | "aliases", Value::Object(_)) => drop(parts.insert(key, value)),
            (_, Value::Null) => {}
            (key, _) => return Err(ApiError::parsing(format!("unknown key [{key}] in the template "))),
        }
    }
    if template.patterns.is_empty() {
        return super::condition::invalid("index patterns are missing");
    }
    template.parts = parse_parts(&parts, "in the template")?;
    shown["index_patterns"] = json!(template.patterns);
    template.shown = shown;
    Ok(template)
}
