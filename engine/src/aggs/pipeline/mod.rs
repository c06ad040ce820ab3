//! Pipeline aggregations: computed from the results of others, after those are complete.
//!
//! They work on the answer as it is written: a parent pipeline (`derivative`, `bucket_script` …) changes the buckets that it stands in, a
//! sibling pipeline (`avg_bucket` …) adds a result beside the aggregation that it reads. So no partial result knows of them, and they give
//! the same bits as their inputs do. Scripts are an arithmetic of numbers ([`expression`]) and the moving functions by name; there is no
//! general scripting.

mod bucket_script;
mod bucket_selector;
mod bucket_sort;
mod cumulative_sum;
mod derivative;
mod expression;
mod moving_fn;
mod over_buckets;
mod path;
mod serial_diff;

use std::fmt::Debug;

use serde_json::{Map, Value};

use self::path::Path;
use crate::aggs::body::Body;
use crate::decimal_format::DecimalFormat;
use crate::error::QueryError;

/// Every pipeline aggregation, in the order of the compatibility table.
pub(crate) const PIPELINES: &[&dyn PipelineKind] = &[
    &derivative::Kind,
    &cumulative_sum::Kind,
    &serial_diff::Kind,
    &moving_fn::Kind,
    &bucket_script::Kind,
    &bucket_selector::Kind,
    &bucket_sort::Kind,
    &over_buckets::Kind::Avg,
    &over_buckets::Kind::Min,
    &over_buckets::Kind::Max,
    &over_buckets::Kind::Sum,
    &over_buckets::Kind::Stats,
    &over_buckets::Kind::ExtendedStats,
    &over_buckets::Kind::Percentiles,
];

/// A kind of pipeline aggregation.
pub(crate) trait PipelineKind: Sync {
    /// The key in the body, e.g. `"derivative"`.
    fn name(&self) -> &'static str;

    /// Turns the JSON under that key into a pipeline.
    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError>;
}

/// A parsed pipeline aggregation.
#[derive(Debug)]
pub(crate) enum Pipeline {
    /// Stands in a bucket aggregation and changes its buckets.
    Parent(Box<dyn Parent>),
    /// Stands beside a bucket aggregation and adds a result.
    Sibling(Box<dyn Sibling>),
}

/// A pipeline that changes the buckets it stands in.
pub(crate) trait Parent: Debug + Send + Sync {
    /// What it reads of each bucket.
    fn paths(&self) -> Vec<&Path>;

    /// Whether the buckets must be those of a histogram, one behind the other without gaps.
    fn needs_histogram(&self) -> bool {
        false
    }

    /// The type as `typed_keys` names it.
    fn typed_name(&self) -> &'static str {
        "simple_value"
    }

    /// Changes the buckets; `name` is what a value is put under.
    fn apply(&self, name: &str, buckets: &mut Vec<Bucket>) -> Result<(), QueryError>;
}

/// A pipeline that reads the buckets beside it.
pub(crate) trait Sibling: Debug + Send + Sync {
    /// What it reads.
    fn path(&self) -> &Path;

    /// What a bucket without a value counts for.
    fn gaps(&self) -> GapPolicy;

    /// The type as `typed_keys` names it.
    fn typed_name(&self) -> &'static str;

    /// Its result from the values of the buckets, with their keys as text.
    fn result(&self, values: &[(String, f64)]) -> Map<String, Value>;
}

/// A bucket of an answer; `name` is its key where the answer names buckets.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: Option<String>,
    pub(crate) body: Map<String, Value>,
}

/// What a bucket without a value counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum GapPolicy {
    /// It has none.
    #[default]
    Skip,
    /// Zero.
    InsertZeros,
    /// None, but an empty bucket's value counts where there is one.
    KeepValues,
}

impl GapPolicy {
    /// Reads `gap_policy`.
    pub(crate) fn parse(body: &Body<'_>) -> Result<Self, QueryError> {
        match body.str("gap_policy")? {
            None | Some("skip") => Ok(Self::Skip),
            Some("insert_zeros") => Ok(Self::InsertZeros),
            Some("keep_values") => Ok(Self::KeepValues),
            Some(other) => {
                Err(QueryError::IllegalArgument(format!("Invalid gap policy: [{other}], accepted values: [insert_zeros, skip, keep_values]")))
            }
        }
    }

    /// The value of a path in a bucket; NaN for a gap that stays one.
    ///
    /// # Errors
    /// Where the path leads to something that is not one number.
    pub(crate) fn value(self, bucket: &Map<String, Value>, path: &Path) -> Result<f64, QueryError> {
        Ok(self.fill(bucket, path.value(bucket)?, path.is_count()))
    }

    /// What counts for a value that was found in a bucket or not; a number of documents is no gap where it is zero.
    fn fill(self, bucket: &Map<String, Value>, value: Option<f64>, is_count: bool) -> f64 {
        let value = value.unwrap_or(f64::NAN);
        let is_empty = bucket.get("doc_count").and_then(Value::as_u64) == Some(0) && !is_count;
        if value.is_finite() && !(is_empty && self != Self::KeepValues) {
            return value;
        }
        if self == Self::InsertZeros { 0.0 } else { f64::NAN }
    }
}

/// A pipeline with its name.
#[derive(Debug)]
pub(crate) struct PipelineNode {
    pub(crate) name: String,
    /// The key in the body, e.g. `"derivative"`.
    pub(crate) kind: &'static str,
    pub(crate) meta: Option<Value>,
    pub(crate) pipeline: Pipeline,
    /// How its numbers look as text, where the request wants that.
    pub(crate) format: Option<DecimalFormat>,
}

impl PipelineNode {
    fn first_names(&self) -> Vec<&str> {
        match &self.pipeline {
            Pipeline::Parent(it) => it.paths().iter().map(|it| it.first()).collect(),
            Pipeline::Sibling(it) => vec![it.path().first()],
        }
    }

    fn key(&self, typed_keys: bool) -> String {
        let typed_name = match &self.pipeline {
            Pipeline::Parent(it) => it.typed_name(),
            Pipeline::Sibling(it) => it.typed_name(),
        };
        if typed_keys { format!("{typed_name}#{}", self.name) } else { self.name.clone() }
    }
}

/// Puts pipelines in an order in which each stands behind those it reads.
///
/// # Errors
/// A path that names nothing beside it; pipelines that wait for each other.
pub(crate) fn in_order(mut waiting: Vec<PipelineNode>, names: &[&str]) -> Result<Vec<PipelineNode>, QueryError> {
    for node in &waiting {
        for first in node.first_names() {
            if !path::is_of_bucket(first) && !names.contains(&first) && !waiting.iter().any(|it| it.name == first) {
                return Err(QueryError::ActionRequestValidation(format!("Validation Failed: 1: No aggregation found for path [{first}];")));
            }
        }
    }
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_free = |node: &PipelineNode| node.first_names().iter().all(|first| !waiting.iter().any(|it| it.name == *first));
        let Some(at) = waiting.iter().position(is_free) else {
            return Err(QueryError::IllegalArgument(format!("Cyclical dependency found with pipeline aggregator [{}]", waiting[0].name)));
        };
        ordered.push(waiting.remove(at));
    }
    Ok(ordered)
}

/// Lets the parent pipelines among these work on an aggregation's answer.
///
/// # Errors
/// Where there are no buckets to work on.
pub(crate) fn change_buckets(pipelines: &[PipelineNode], answer: &mut Map<String, Value>, typed_keys: bool) -> Result<(), QueryError> {
    for node in pipelines {
        let Pipeline::Parent(parent) = &node.pipeline else { continue };
        let (mut buckets, is_named) = match answer.remove("buckets") {
            Some(Value::Array(list)) => (list.into_iter().filter_map(|it| bucket(None, it)).collect::<Vec<_>>(), false),
            Some(Value::Object(named)) => (named.into_iter().filter_map(|(name, it)| bucket(Some(name), it)).collect(), true),
            _ => return Err(QueryError::IllegalArgument(format!("[{}] stands in an aggregation that has no buckets", node.name))),
        };
        let key = node.key(typed_keys);
        parent.apply(&key, &mut buckets)?;
        if let Some(format) = &node.format {
            for it in &mut buckets {
                if let Some(Value::Object(value)) = it.body.get_mut(&key) {
                    put_texts(format, value);
                }
            }
        }
        if let Some(meta) = &node.meta {
            for it in &mut buckets {
                if let Some(Value::Object(value)) = it.body.get_mut(&key) {
                    value.insert("meta".to_owned(), meta.clone());
                }
            }
        }
        let buckets = if is_named {
            Value::Object(buckets.into_iter().map(|it| (it.name.unwrap_or_default(), Value::Object(it.body))).collect())
        } else {
            Value::Array(buckets.into_iter().map(|it| Value::Object(it.body)).collect())
        };
        answer.insert("buckets".to_owned(), buckets);
    }
    Ok(())
}

/// Adds the results of the sibling pipelines among these to the answers beside them.
///
/// # Errors
/// Where a path leads to something that is not one number.
pub(crate) fn add_siblings(pipelines: &[PipelineNode], answers: &mut Map<String, Value>, typed_keys: bool) -> Result<(), QueryError> {
    for node in pipelines {
        let Pipeline::Sibling(sibling) = &node.pipeline else { continue };
        let mut result = Map::new();
        if let Some(meta) = &node.meta {
            result.insert("meta".to_owned(), meta.clone());
        }
        let mut numbers = sibling.result(&sibling.path().values(answers, sibling.gaps())?);
        node.format.iter().for_each(|it| put_texts(it, &mut numbers));
        result.extend(numbers);
        answers.insert(node.key(typed_keys), Value::Object(result));
    }
    Ok(())
}

fn bucket(name: Option<String>, value: Value) -> Option<Bucket> {
    let Value::Object(body) = value else { return None };
    Some(Bucket { name, body })
}

/// `{"value": …}`, null where the number is none.
pub(crate) fn simple_value(value: f64) -> Value {
    serde_json::json!({ "value": if value.is_finite() { Value::from(value) } else { Value::Null } })
}

/// Puts the text of every number in a result beside it; how many there were has none.
fn put_texts(format: &DecimalFormat, result: &mut Map<String, Value>) {
    if let Some(Value::Object(values)) = result.get_mut("values") {
        put_texts(format, values);
    }
    let texts: Vec<(String, Value)> = result
        .iter()
        .filter(|(name, _)| name.as_str() != "count")
        .filter_map(|(name, value)| Some((format!("{name}_as_string"), Value::String(format.format(value.as_f64()?)))))
        .collect();
    result.extend(texts);
}
