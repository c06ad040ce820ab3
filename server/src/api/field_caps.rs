//! `_field_caps`: what can be done with which field, over several indices.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use crate::app::{resolve_options, targets};

/// Metadata fields that every index has: name, type, whether it can be aggregated.
const METADATA: &[(&str, &str, bool)] =
    &[("_id", "_id", false), ("_index", "_index", true), ("_source", "_source", false), ("_seq_no", "_seq_no", true)];

/// What one type of one field is good for, and in which indices it has it.
#[derive(Default)]
struct Capability {
    is_searchable: bool,
    is_aggregatable: bool,
    is_metadata: bool,
    indices: Vec<String>,
}

/// Answers `_field_caps`.
///
/// # Errors
/// 404 for an index that does not exist, 400 without `fields`.
pub async fn handle(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    let mut patterns: Vec<String> = call.params.take("fields").map(|it| it.split(',').map(str::to_owned).collect()).unwrap_or_default();
    call.params.ignore(&["include_unmapped", "filters", "types", "include_empty_fields"]);
    call.params.finish(&call.path)?;
    for (key, value) in call.object()? {
        match (key.as_str(), value) {
            ("fields", Value::String(it)) => patterns.push(it),
            ("fields", Value::Array(items)) => patterns.extend(items.iter().filter_map(Value::as_str).map(str::to_owned)),
            // A filter on which indices have matching documents; all are named here, which is allowed.
            ("index_filter" | "runtime_mappings", Value::Object(_)) => {}
            (key, _) => return Err(ApiError::parsing(format!("[field_caps_request] unknown field [{key}]"))),
        }
    }
    if patterns.is_empty() {
        return Err(ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: no fields specified;"));
    }
    let index = call.part("index").to_owned();
    call.app
        .blocking(move |engine| {
            let targets = targets(engine, &index, options)?;
            let mut fields: BTreeMap<String, BTreeMap<&'static str, Capability>> = BTreeMap::new();
            let mut indices = Vec::new();
            for info in engine.indices().into_iter().filter(|it| targets.uuids().contains(&it.uuid)) {
                for field in patterns.iter().flat_map(|it| info.mapping.matching(it)) {
                    let capability = fields.entry(field.name.clone()).or_default().entry(field.kind.name()).or_default();
                    capability.is_searchable |= field.index || field.doc_values;
                    capability.is_aggregatable |= field.column_kind().is_some();
                    capability.indices.push(info.name.clone());
                }
                for (name, kind, is_aggregatable) in
                    METADATA.iter().filter(|it| patterns.iter().any(|pattern| sekisho_engine::mapping::simple_match(pattern, it.0)))
                {
                    let capability = fields.entry((*name).to_owned()).or_default().entry(kind).or_default();
                    capability.is_searchable = *name != "_source";
                    capability.is_aggregatable = *is_aggregatable;
                    capability.is_metadata = true;
                    capability.indices.push(info.name.clone());
                }
                indices.push(info.name);
            }
            let fields: Map<String, Value> = fields.into_iter().map(|(name, types)| (name, render(types))).collect();
            Ok(Reply::Json(json!({ "indices": indices, "fields": fields })))
        })
        .await
}

fn render(types: BTreeMap<&'static str, Capability>) -> Value {
    let is_conflict = types.len() > 1;
    let entry = |(kind, it): (&'static str, Capability)| {
        let mut body = json!({ "type": kind, "metadata_field": it.is_metadata, "searchable": it.is_searchable, "aggregatable": it.is_aggregatable });
        // Elasticsearch names the indices only where they disagree.
        if is_conflict {
            body["indices"] = it.indices.into();
        }
        (kind.to_owned(), body)
    };
    Value::Object(types.into_iter().map(entry).collect())
}
