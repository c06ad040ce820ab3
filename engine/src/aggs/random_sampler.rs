//! `random_sampler`: Elasticsearch estimates results from a random part of the documents; here all are counted, which is the number that its
//! estimates are scaled towards. So `probability` and `seed` are checked and answered, and change nothing.

use serde_json::{Map, Value};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::filter::render_single;
use crate::aggs::grouping::Grouping;
use crate::aggs::partial::{Partial, ValueKind};
use crate::aggs::render::Renderer;
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext, slots};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct RandomSampler {
    probability: f64,
    seed: Option<i64>,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "random_sampler"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["probability", "seed", "shard_seed"])?;
        let probability = body.f64("probability")?.ok_or_else(|| QueryError::IllegalArgument("Required [probability]".to_owned()))?;
        if !(probability > 0.0 && probability <= 0.5 || probability == 1.0) {
            return Err(QueryError::IllegalArgument(format!(
                "[probability] must be between 0.0 and 0.5 or exactly 1.0, was [{probability:?}] in [{}]",
                body.name
            )));
        }
        body.f64("shard_seed")?;
        Ok(Box::new(RandomSampler { probability, seed: body.f64("seed")?.map(|it| it as i64) }))
    }
}

impl Aggregation for RandomSampler {
    fn plan(&self, _ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(AllPlan))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let mut out = Map::new();
        self.seed.into_iter().for_each(|it| drop(out.insert("seed".to_owned(), it.into())));
        out.insert("probability".to_owned(), self.probability.into());
        out.extend(render_single(partial, subs, renderer)?);
        Ok(out)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "random_sampler"
    }

    fn is_single_bucket(&self) -> bool {
        true
    }
}

struct AllPlan;

impl Plan for AllPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        Ok(Box::new(AllCollector { grouping: Grouping::new(segment, parents, Some((0, 0)), subs)? }))
    }
}

struct AllCollector {
    grouping: Grouping,
}

impl Collector for AllCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        self.grouping.begin(docs.len());
        docs.iter().zip(buckets).for_each(|(doc, bucket)| self.grouping.add(*bucket, 0, *doc));
        self.grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        slots::finish(self.grouping, buckets, 1, &ValueKind::Unmapped)
    }
}
