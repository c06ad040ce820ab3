//! `missing`: one bucket of the documents without a value of a field.

use serde_json::{Map, Value};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::filter::render_single;
use crate::aggs::grouping::Grouping;
use crate::aggs::partial::{Partial, ValueKind};
use crate::aggs::render::Renderer;
use crate::aggs::source::{Accepts, Source, SourcePlan};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext, slots};
use crate::columns::FieldColumn;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Missing {
    source: Source,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "missing"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field"])?;
        Ok(Box::new(Missing { source: Source::of_field(body.kind, body.field()?) }))
    }
}

impl Aggregation for Missing {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(MissingPlan { source: self.source.plan(Accepts::Any, ctx)? }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        render_single(partial, subs, renderer)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "missing"
    }

    fn is_single_bucket(&self) -> bool {
        true
    }
}

struct MissingPlan {
    source: SourcePlan,
}

impl Plan for MissingPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let column = self.source.open(segment)?.column;
        Ok(Box::new(MissingCollector { column, grouping: Grouping::new(segment, parents, Some((0, 0)), subs)? }))
    }
}

struct MissingCollector {
    column: FieldColumn,
    grouping: Grouping,
}

impl Collector for MissingCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        self.grouping.begin(docs.len());
        for (&doc, &bucket) in docs.iter().zip(buckets) {
            if !self.column.has_value(doc) {
                self.grouping.add(bucket, 0, doc);
            }
        }
        self.grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        slots::finish(self.grouping, buckets, 1, &ValueKind::Unmapped)
    }
}
