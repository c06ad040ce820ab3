//! `weighted_avg`: the mean of a field's numbers, each counted as often as another field says.
//!
//! A document without a value or without a weight does not count, unless `missing` stands in; one with two weights is refused.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::exact_sum::ExactSum;
use crate::aggs::partial::Partial;
use crate::aggs::render::Renderer;
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::columns::Repeats;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct WeightedAvg {
    value: Source,
    weight: Source,
}

/// Sums under a weighted mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weighted {
    products: ExactSum,
    weights: ExactSum,
}

impl Weighted {
    pub(crate) fn merge(&mut self, theirs: Weighted) {
        self.products.merge(theirs.products);
        self.weights.merge(theirs.weights);
    }
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "weighted_avg"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["value", "weight"])?;
        let source = |key: &str| {
            let value = body.get(key).ok_or_else(|| QueryError::IllegalArgument(format!("[{key}] is required in [{}]", body.name)))?;
            let inner = Body::new(body.kind, body.name, value)?;
            inner.only(&["field", "missing"])?;
            Source::parse(&inner)
        };
        Ok(Box::new(WeightedAvg { value: source("value")?, weight: source("weight")? }))
    }
}

impl Aggregation for WeightedAvg {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let (value, weight) = (self.value.plan(Accepts::Numbers, ctx)?, self.weight.plan(Accepts::Numbers, ctx)?);
        Ok(Box::new(WeightedPlan { value, weight }))
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        Ok(Map::from_iter([("value".to_owned(), value(&partial).map_or(Value::Null, Value::from))]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "weighted_avg"
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        matches!(key, None | Some("value"))
    }

    fn measure(&self, partial: &Partial, _key: Option<&str>) -> f64 {
        value(partial).unwrap_or(f64::NAN)
    }
}

fn value(partial: &Partial) -> Option<f64> {
    let Partial::Weighted(it) = partial else { return None };
    Some(it.products.value() / it.weights.value()).filter(|it| it.is_finite())
}

struct WeightedPlan {
    value: SourcePlan,
    weight: SourcePlan,
}

impl Plan for WeightedPlan {
    fn collector(&self, segment: &SegmentContext<'_>, _parents: usize, _subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        Ok(Box::new(WeightedCollector { value: self.value.open(segment)?, weight: self.weight.open(segment)?, sums: Vec::new() }))
    }
}

struct WeightedCollector {
    value: Values,
    weight: Values,
    sums: Vec<Weighted>,
}

impl Collector for WeightedCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let wanted = buckets.iter().max().map_or(0, |it| *it as usize + 1);
        if wanted > self.sums.len() {
            budget.charge((wanted - self.sums.len()) * (size_of::<Weighted>() + 128))?;
            self.sums.resize(wanted, Weighted::default());
        }
        let Self { value, weight, sums } = self;
        let mut weights: Vec<Option<u64>> = vec![None; docs.len()];
        let mut has_several = false;
        weight.each(docs, Repeats::Keep, |at, raw| has_several |= weights[at].replace(raw).is_some());
        if has_several {
            return Err(QueryError::IllegalArgument(
                "Encountered more than one weight for a single document. Use a script to combine multiple weights-per-doc into a single value."
                    .to_owned(),
            ));
        }
        let (values, weights_of) = (value.column.clone(), weight.column.clone());
        value.each(docs, Repeats::Keep, |at, raw| {
            if let Some(weight) = weights[at].map(|it| weights_of.number(it)) {
                let sums = &mut sums[buckets[at] as usize];
                sums.products.add(values.number(raw) * weight);
                sums.weights.add(weight);
            }
        });
        Ok(())
    }

    fn finish(mut self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let mut take = |bucket: usize| {
            let mut sums = self.sums.get_mut(bucket).map(std::mem::take).unwrap_or_default();
            // Canonical digits, so that equal sums have equal bytes.
            sums.products.carry();
            sums.weights.carry();
            Partial::Weighted(Box::new(sums))
        };
        Ok(buckets.iter().map(|it| take(*it as usize)).collect())
    }
}
