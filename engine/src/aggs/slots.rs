//! What the aggregations with buckets named in the request share: ranges, filters, `missing`.

use serde_json::Value;
use tantivy::query::{EnableScoring, Query};
use tantivy::{BitSet, SegmentReader};

use crate::aggs::AggContext;
use crate::aggs::grouping::Grouping;
use crate::aggs::partial::{Partial, Slot, Slots, ValueKind};
use crate::error::QueryError;

/// The partial results of a grouping whose keys are the positions 0..`slots`.
pub(crate) fn finish(grouping: Grouping, parents: &[u32], slots: usize, kind: &ValueKind) -> Result<Vec<Partial>, QueryError> {
    let rows = grouping.finish(parents)?;
    let partial = |row: Vec<crate::aggs::grouping::Group>| {
        let mut list = vec![Slot::default(); slots];
        for group in row {
            list[group.key as usize] = Slot { count: group.count, subs: group.subs };
        }
        Partial::Slots(Slots { kind: kind.clone(), slots: list })
    };
    Ok(rows.into_iter().map(partial).collect())
}

/// The slots of a partial result, `count` of them also where no document was seen.
pub(crate) fn of(partial: Partial, count: usize) -> Slots {
    let mut slots = if let Partial::Slots(it) = partial { it } else { Slots::default() };
    slots.slots.resize(count, Slot::default());
    slots
}

/// Compiles the query of a filter against an index.
pub(crate) fn compile(query: &Value, ctx: &AggContext<'_>) -> Result<Box<dyn Query>, QueryError> {
    (ctx.compile_filter)(query)
}

/// The documents of a segment that match, deleted ones perhaps included.
pub(crate) fn matching(query: &dyn Query, reader: &SegmentReader) -> Result<BitSet, QueryError> {
    let mut matching = BitSet::with_max_value(reader.max_doc());
    let weight = query.weight(EnableScoring::disabled_from_schema(reader.schema()))?;
    weight.for_each_no_score(reader, &mut |docs| {
        for doc in docs {
            matching.insert(*doc);
        }
    })?;
    Ok(matching)
}
