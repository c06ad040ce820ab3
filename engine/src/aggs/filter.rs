//! `filter`: one bucket of the documents that match a query.

use serde_json::{Map, Value};
use tantivy::query::Query;
use tantivy::{BitSet, DocId};

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::grouping::Grouping;
use crate::aggs::partial::{Partial, ValueKind};
use crate::aggs::render::Renderer;
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext, slots};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Filter {
    query: Value,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "filter"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        Ok(Box::new(Filter { query: body.whole() }))
    }
}

impl Aggregation for Filter {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(FilterPlan { query: slots::compile(&self.query, ctx)? }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        render_single(partial, subs, renderer)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "filter"
    }

    fn is_single_bucket(&self) -> bool {
        true
    }
}

/// The JSON of an aggregation with exactly one bucket.
pub(crate) fn render_single(partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
    let mut row = Map::new();
    if let Some(slot) = slots::of(partial, 1).slots.pop() {
        row.insert("doc_count".to_owned(), slot.count.into());
        subs.render_into(slot.subs, &mut row, renderer)?;
    }
    Ok(row)
}

pub(crate) struct FilterPlan {
    pub(crate) query: Box<dyn Query>,
}

impl Plan for FilterPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let matching = slots::matching(&*self.query, segment.reader)?;
        Ok(Box::new(FilterCollector { matching, grouping: Grouping::new(segment, parents, Some((0, 0)), subs)? }))
    }
}

struct FilterCollector {
    matching: BitSet,
    grouping: Grouping,
}

impl Collector for FilterCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        self.grouping.begin(docs.len());
        for (&doc, &bucket) in docs.iter().zip(buckets) {
            if self.matching.contains(doc) {
                self.grouping.add(bucket, 0, doc);
            }
        }
        self.grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        slots::finish(self.grouping, buckets, 1, &ValueKind::Unmapped)
    }
}
