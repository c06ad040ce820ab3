//! `_field_caps`: what can be done with which field, over several indices.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_engine::aggs::Aggs;
use sekisho_engine::limits::BUCKETS_MAX;
use sekisho_engine::mapping::simple_match;
use sekisho_engine::query::Query;
use sekisho_engine::{SearchRequest, Targets, TrackTotalHits};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;
use crate::app::{resolve_options, targets};
use crate::security::Scope;

/// Metadata fields that every index has: name, type, whether it can be aggregated.
const METADATA: &[(&str, &str, bool)] =
    &[("_id", "_id", false), ("_index", "_index", true), ("_source", "_source", false), ("_seq_no", "_seq_no", true)];

/// What one type of one field is good for, and in which indices it has it.
#[derive(Default)]
struct Capability {
    is_metadata: bool,
    indices: Vec<String>,
    /// Those of them in which it can't be searched.
    not_searchable: Vec<String>,
    /// Those of them in which it can't be aggregated.
    not_aggregatable: Vec<String>,
}

/// By field and type.
type Capabilities = BTreeMap<String, BTreeMap<&'static str, Capability>>;

/// What `filters` can say. No field is of the type nested.
const FILTERS: &[&str] = &["+metadata", "-metadata", "-parent", "-multifield", "-nested"];

/// What `filters` and `types` let through.
struct Shown {
    /// Of [`FILTERS`].
    filters: Vec<&'static str>,
    /// None lets all through.
    types: Option<Vec<String>>,
}

impl Shown {
    fn parse(filters: Option<&str>, types: Option<&str>) -> Result<Self, ApiError> {
        let filter = |given: &str| {
            // A plus in a URL is a blank.
            let given = given.replace(' ', "+");
            let known = FILTERS.iter().copied().find(|it| *it == given);
            known.ok_or_else(|| ApiError::illegal_argument(format!("Unknown field caps filter [{given}]")))
        };
        let filters = filters.into_iter().flat_map(|it| it.split(',')).map(filter).collect::<Result<_, _>>()?;
        Ok(Self { filters, types: types.map(|it| it.split(',').map(str::to_owned).collect()) })
    }

    fn has(&self, filter: &str) -> bool {
        self.filters.contains(&filter)
    }

    fn is_of_type(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|it| it.iter().any(|it| it == kind))
    }

    fn field(&self, kind: &str, is_multi_field: bool) -> bool {
        let is_left_out = self.has("+metadata") || is_multi_field && self.has("-multifield");
        !is_left_out && self.is_of_type(kind)
    }

    fn parents(&self) -> bool {
        !self.has("-parent") && self.field("object", false)
    }

    fn metadata(&self, kind: &str) -> bool {
        !self.has("-metadata") && self.is_of_type(kind)
    }
}

/// Notes what an index can do with a field.
fn note(fields: &mut Capabilities, name: &str, kind: &'static str, index: &str, (is_searchable, is_aggregatable): (bool, bool)) {
    let capability = fields.entry(name.to_owned()).or_default().entry(kind).or_default();
    capability.is_metadata = METADATA.iter().any(|it| it.0 == name);
    let lists =
        [(true, &mut capability.indices), (!is_searchable, &mut capability.not_searchable), (!is_aggregatable, &mut capability.not_aggregatable)];
    for (_, list) in lists.into_iter().filter(|it| it.0) {
        if list.last().is_none_or(|it| it != index) {
            list.push(index.to_owned());
        }
    }
}

/// Answers `_field_caps`.
///
/// # Errors
/// 404 for an index that does not exist, 400 without `fields`.
pub async fn handle(mut call: Call) -> Outcome {
    let options = resolve_options(&mut call.params)?;
    let mut patterns: Vec<String> = call.params.take("fields").map(|it| it.split(',').map(str::to_owned).collect()).unwrap_or_default();
    let with_unmapped = call.params.flag("include_unmapped")?.unwrap_or(false);
    let shown = Shown::parse(call.params.take("filters").as_deref(), call.params.take("types").as_deref())?;
    if call.params.flag("include_empty_fields")? == Some(false) {
        return Err(ApiError::illegal_argument("[include_empty_fields=false] is not supported: it is not kept which fields no document has"));
    }
    call.params.finish(&call.path)?;
    let mut filter = None;
    for (key, value) in call.object()? {
        match (key.as_str(), value) {
            ("fields", Value::String(it)) => patterns.push(it),
            ("fields", Value::Array(items)) => patterns.extend(items.iter().filter_map(Value::as_str).map(str::to_owned)),
            ("index_filter", query) => filter = Some(Query::from_json(&query)?),
            ("runtime_mappings", Value::Object(fields)) if fields.is_empty() => {}
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
            let matching = filter.map(|it| indices_with(engine, &targets, it)).transpose()?;
            let mut fields = Capabilities::new();
            let mut indices = Vec::new();
            for info in engine.indices().into_iter().filter(|it| targets.uuids().contains(&it.uuid)) {
                if matching.as_ref().is_some_and(|it| !it.contains(&info.name)) {
                    continue;
                }
                let is_wanted = |name: &str| patterns.iter().any(|it| simple_match(it, name));
                for field in info.mapping.fields().iter().filter(|it| is_wanted(&it.name)) {
                    // Text has no column that could be searched instead.
                    let is_searchable = field.index || field.column_kind().is_some();
                    if shown.field(field.kind.name(), field.multi_field_of.is_some()) {
                        note(&mut fields, &field.name, field.kind.name(), &info.name, (is_searchable, field.column_kind().is_some()));
                    }
                    if !shown.parents() {
                        continue;
                    }
                    let parents = field.name.match_indices('.').map(|(dot, _)| &field.name[..dot]);
                    for parent in parents.filter(|it| field.multi_field_of.is_none() && is_wanted(it) && info.mapping.field(it).is_none()) {
                        note(&mut fields, parent, "object", &info.name, (false, false));
                    }
                }
                for (name, kind, is_aggregatable) in METADATA.iter().filter(|it| is_wanted(it.0) && shown.metadata(it.1)) {
                    note(&mut fields, name, kind, &info.name, (*name != "_source", *is_aggregatable));
                }
                indices.push(info.name);
            }
            if with_unmapped {
                for types in fields.values_mut() {
                    let lacks = |it: &&String| !types.values().any(|kind| kind.indices.contains(*it));
                    let without: Vec<String> = indices.iter().filter(lacks).cloned().collect();
                    if !without.is_empty() {
                        let unmapped =
                            Capability { not_searchable: without.clone(), not_aggregatable: without.clone(), indices: without, is_metadata: false };
                        types.insert("unmapped", unmapped);
                    }
                }
            }
            let fields: Map<String, Value> = fields.into_iter().map(|(name, types)| (name, render(types))).collect();
            Ok(Reply::Json(json!({ "indices": indices, "fields": fields })))
        })
        .await
}

/// The names of the indices that have a document that matches, as they are seen through these targets.
fn indices_with(engine: &Scope, targets: &Targets, query: Query) -> Result<BTreeSet<String>, ApiError> {
    let aggs = Aggs::from_json(&json!({ "indices": { "terms": { "field": "_index", "size": BUCKETS_MAX } } }))?;
    let request = SearchRequest { query, size: 0, aggs: Some(aggs), track_total_hits: TrackTotalHits::None, ..SearchRequest::default() };
    let answer = engine.search(targets, &request)?.aggs.unwrap_or_default();
    let names = answer["indices"]["buckets"].as_array().into_iter().flatten().filter_map(|it| it["key"].as_str().map(str::to_owned));
    Ok(names.collect())
}

fn render(types: BTreeMap<&'static str, Capability>) -> Value {
    let is_conflict = types.len() > 1;
    let entry = |(kind, it): (&'static str, Capability)| {
        let (is_searchable, is_aggregatable) = (it.not_searchable.is_empty(), it.not_aggregatable.is_empty());
        let mut body = json!({ "type": kind, "metadata_field": it.is_metadata, "searchable": is_searchable, "aggregatable": is_aggregatable });
        // Elasticsearch names the indices only where they disagree.
        for (key, list) in [("non_searchable_indices", it.not_searchable), ("non_aggregatable_indices", it.not_aggregatable)] {
            if !list.is_empty() && list.len() < it.indices.len() {
                body[key] = list.into();
            }
        }
        if is_conflict {
            body["indices"] = it.indices.into();
        }
        (kind.to_owned(), body)
    };
    Value::Object(types.into_iter().map(entry).collect())
}
