//! `global`: one bucket of all documents, whatever the query.

use serde_json::{Map, Value};
use tantivy::DocId;
use tantivy::fastfield::AliveBitSet;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::filter::render_single;
use crate::aggs::partial::{Partial, Slot, Slots, ValueKind};
use crate::aggs::render::Renderer;
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, BLOCK_DOCS, Collector, Collectors, Plan, SegmentContext};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Global;

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "global"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&[])?;
        Ok(Box::new(Global))
    }
}

impl Aggregation for Global {
    fn plan(&self, _ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(GlobalPlan))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        render_single(partial, subs, renderer)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "global"
    }

    fn is_single_bucket(&self) -> bool {
        true
    }
}

struct GlobalPlan;

impl Plan for GlobalPlan {
    fn collector(&self, segment: &SegmentContext<'_>, _parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let alive = segment.reader.alive_bitset().cloned();
        Ok(Box::new(GlobalCollector { max_doc: segment.reader.max_doc(), alive, subs: subs.collectors(segment, 1)? }))
    }
}

/// Takes nothing from the query; walks the segment when it finishes.
struct GlobalCollector {
    max_doc: DocId,
    alive: Option<AliveBitSet>,
    subs: Collectors,
}

impl Collector for GlobalCollector {
    fn collect(&mut self, _docs: &[DocId], _buckets: &[u32], _budget: &Budget) -> Result<(), QueryError> {
        Ok(())
    }

    fn finish(mut self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        debug_assert_eq!(buckets, [0], "only at the top level");
        let (budget, zeros) = (Budget::new(), vec![0; BLOCK_DOCS]);
        let (mut count, mut docs) = (0, Vec::with_capacity(BLOCK_DOCS));
        for from in (0..self.max_doc).step_by(BLOCK_DOCS) {
            let block = from..self.max_doc.min(from + BLOCK_DOCS as u32);
            docs.clear();
            docs.extend(block.filter(|it| self.alive.as_ref().is_none_or(|alive| alive.is_alive(*it))));
            count += docs.len() as u64;
            self.subs.collect(&docs, &zeros[..docs.len()], &budget)?;
        }
        let subs = self.subs.finish(&[0])?.pop().unwrap_or_default();
        Ok(vec![Partial::Slots(Slots { kind: ValueKind::Unmapped, slots: vec![Slot { count, subs }] })])
    }
}
