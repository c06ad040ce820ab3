//! `sampler` and `diversified_sampler`: one bucket of the best documents of each index, the latter with at most so many that share a value.
//!
//! Collectors see no scores, so the search finds the documents first ([`Aggs::samples`]) and the aggregations are planned anew with their
//! numbers ([`Aggs::with_samples`]); from then on the bucket is a filter. That is why a sampler stands at the top only: the sample is of the
//! query's documents, not of a bucket's.
//!
//! [`Aggs::samples`]: crate::aggs::Aggs::samples
//! [`Aggs::with_samples`]: crate::aggs::Aggs::with_samples

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tantivy::query::Query;

use crate::aggs::body::Body;
use crate::aggs::filter::{FilterPlan, render_single};
use crate::aggs::partial::Partial;
use crate::aggs::render::Renderer;
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan, slots};
use crate::error::QueryError;
use crate::limits::SAMPLE_DOCS_MAX;

/// Which of the two.
pub(crate) enum Kind {
    Plain,
    Diversified,
}

/// Which documents a sampler takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Documents of each index.
    pub(crate) size: usize,
    /// A field, and how many documents of an index may have the same value of it.
    pub(crate) diverse_by: Option<(String, usize)>,
}

#[derive(Clone, Debug)]
struct Sampler {
    sample: Sample,
    /// Sequence numbers of the documents, once they are found.
    found: Option<Arc<[u64]>>,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::Plain => "sampler",
            Kind::Diversified => "diversified_sampler",
        }
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        let positive = |key: &str, default: u64| match body.u64(key)?.unwrap_or(default) {
            0 => Err(QueryError::IllegalArgument(format!("{key} must be greater than 0 for [{}]", body.name))),
            given => Ok(usize::try_from(given).unwrap_or(usize::MAX)),
        };
        let diverse_by = match self {
            Kind::Plain => {
                body.only(&["shard_size"])?;
                None
            }
            Kind::Diversified => {
                // How a shard would find the documents is ours to choose.
                body.only(&["shard_size", "field", "max_docs_per_value", "execution_hint"])?;
                Some((body.field()?, positive("max_docs_per_value", 1)?))
            }
        };
        let size = positive("shard_size", 100)?;
        if size > SAMPLE_DOCS_MAX {
            return Err(QueryError::IllegalArgument(format!("[shard_size] must be at most [{SAMPLE_DOCS_MAX}], found [{size}] in [{}]", body.name)));
        }
        Ok(Box::new(Sampler { sample: Sample { size, diverse_by }, found: None }))
    }
}

impl Aggregation for Sampler {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let query: Box<dyn Query> = match &self.found {
            Some(numbers) => slots::compile(&json!({ "terms": { "_seq_no": numbers.as_ref() } }), ctx)?,
            None => slots::compile(&json!({ "match_none": {} }), ctx)?,
        };
        Ok(Box::new(FilterPlan { query }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        render_single(partial, subs, renderer)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "sampler"
    }

    fn is_single_bucket(&self) -> bool {
        true
    }

    fn sample(&self) -> Option<&Sample> {
        Some(&self.sample)
    }

    fn with_sample(&self, found: &[u64]) -> Option<Box<dyn Aggregation>> {
        Some(Box::new(Self { found: Some(found.into()), ..self.clone() }))
    }
}
