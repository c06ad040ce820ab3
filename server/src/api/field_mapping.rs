//! `_mapping/field`: the mapping of single fields, by their whole names.

use sekisho_engine::ResolveOptions;
use sekisho_engine::mapping::simple_match;
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::index::infos;
use crate::app::{resolve_options, targets};

/// Answers `GET _mapping/field/{fields}`. A field that no index has is left out.
///
/// # Errors
/// 404 for an index that does not exist.
pub async fn handle(mut call: Call) -> Outcome {
    let options = ResolveOptions { allow_closed: true, ..resolve_options(&mut call.params)? };
    let shows_defaults = call.params.flag("include_defaults")?.unwrap_or(false);
    call.params.ignore(&["local", "master_timeout"]);
    call.params.finish(&call.path)?;
    let (expression, fields) = (call.part("index").to_owned(), call.part("name").to_owned());
    call.app
        .blocking(move |engine| {
            let mut answer = Map::new();
            for info in infos(engine, &targets(engine, &expression, options)?) {
                let mut found = Map::new();
                flatten("", &info.mapping.to_json()["properties"], &mut found);
                let is_asked = |name: &str| fields.split(',').any(|it| simple_match(it, name));
                let shown: Map<String, Value> = found
                    .into_iter()
                    .filter(|it| is_asked(&it.0))
                    .map(|(name, mut mapping)| {
                        let leaf = name.rsplit('.').next().unwrap_or_default().to_owned();
                        if shows_defaults && mapping["type"] == "text" && mapping.get("analyzer").is_none() {
                            mapping["analyzer"] = "default".into();
                        }
                        let shown = json!({ "full_name": name, "mapping": { leaf: mapping } });
                        (name, shown)
                    })
                    .collect();
                answer.insert(info.name, json!({ "mappings": shown }));
            }
            Ok(Reply::Json(Value::Object(answer)))
        })
        .await
}

/// Fields below `properties` and `fields` by their whole names. Objects have no mapping of their own here.
fn flatten(prefix: &str, properties: &Value, found: &mut Map<String, Value>) {
    for (name, field) in properties.as_object().into_iter().flatten() {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        flatten(&name, &field["properties"], found);
        flatten(&name, &field["fields"], found);
        if field.get("type").is_some_and(|it| it != "object") {
            found.insert(name, field.clone());
        }
    }
}
