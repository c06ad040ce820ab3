//! What `range`, `date_range` and `ip_range` share: ranges of a field's values, which may overlap; from inclusive, to exclusive.

use serde_json::Value;
use tantivy::DocId;

use crate::aggs::body::{Body, token};
use crate::aggs::cells::Budget;
use crate::aggs::grouping::Grouping;
use crate::aggs::partial::{Partial, Slot, ValueKind};
use crate::aggs::source::{SourcePlan, Values};
use crate::aggs::{AggPlan, Collector, Plan, SegmentContext, slots};
use crate::columns::{Key, Repeats};
use crate::error::QueryError;

/// A range as the request gives it.
#[derive(Clone, Debug)]
pub(crate) struct RangeRequest {
    pub(crate) key: Option<String>,
    pub(crate) from: Option<Value>,
    pub(crate) to: Option<Value>,
    /// `ip_range` only: a CIDR block in place of both.
    pub(crate) mask: Option<String>,
}

/// A range in values of the field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) from: Option<Key>,
    pub(crate) to: Option<Key>,
}

/// Ranges of one aggregation; each is compared with each value.
const RANGES_MAX: usize = 1_024;

/// Reads `ranges`.
pub(crate) fn parse(body: &Body<'_>, with_mask: bool) -> Result<Vec<RangeRequest>, QueryError> {
    let list = match body.get("ranges") {
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(Value::Array(_)) | None => {
            return Err(QueryError::IllegalArgument(format!("No [ranges] specified for the [{}] aggregation", body.name)));
        }
        Some(other) => return Err(body.bad("ranges", other)),
    };
    if list.len() > RANGES_MAX {
        return Err(QueryError::IllegalArgument(format!("more than [{RANGES_MAX}] ranges in [{}]", body.name)));
    }
    let known: &[&str] = if with_mask { &["key", "from", "to", "mask"] } else { &["key", "from", "to"] };
    list.iter()
        .map(|it| {
            let Value::Object(map) = it else {
                return Err(QueryError::Parsing(format!("Expected [START_OBJECT] under [ranges], but got a [{}] in [{}]", token(it), body.name)));
            };
            if let Some(unknown) = map.keys().find(|it| !known.contains(&it.as_str())) {
                return Err(QueryError::XContentParse(format!("[range] unknown field [{unknown}] in [{}]", body.name)));
            }
            let value = |key: &str| map.get(key).filter(|it| !it.is_null()).cloned();
            let text = |key: &str| value(key).map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
            Ok(RangeRequest { key: text("key"), from: value("from"), to: value("to"), mask: text("mask") })
        })
        .collect()
}

/// The order of ranges in the answer: by start, then by end; an open start is first, an open end last.
pub(crate) fn answer_order(ranges: &[Range]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ranges.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&ranges[a], &ranges[b]);
        let ends = (a.to.is_none(), &a.to).cmp(&(b.to.is_none(), &b.to));
        a.from.cmp(&b.from).then(ends)
    });
    order
}

/// The slots of a result in the order of the answer, with the ranges they are for.
pub(crate) fn in_answer_order(partial: Partial, ranges: Vec<(RangeRequest, Range)>) -> Vec<(RangeRequest, Range, Slot)> {
    let plain: Vec<Range> = ranges.iter().map(|it| it.1.clone()).collect();
    let slots = slots::of(partial, ranges.len()).slots;
    let mut rows: Vec<_> = ranges.into_iter().zip(slots).map(|((request, range), slot)| Some((request, range, slot))).collect();
    answer_order(&plain).into_iter().filter_map(|at| rows[at].take()).collect()
}

/// Ranges planned for one index.
pub(crate) struct RangesPlan {
    pub(crate) source: SourcePlan,
    pub(crate) ranges: Vec<Range>,
}

impl Plan for RangesPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let values = self.source.open(segment)?;
        let bounds = self.ranges.iter().map(|it| RawRange::new(it, &values)).collect::<Result<Vec<_>, _>>()?;
        let grouping = Grouping::new(segment, parents, Some((0, self.ranges.len() as u64 - 1)), subs)?;
        Ok(Box::new(RangesCollector { kind: self.source.kind.clone(), values, ranges: bounds, grouping }))
    }
}

/// A range of raw values, the end excluded.
struct RawRange {
    from: u64,
    /// `None`: open.
    to: Option<u64>,
    /// No raw value is in it.
    is_empty: bool,
    /// Raw value of a stand-in that the dictionary does not have, if that is in the range; such an ordinal has no place in the order.
    stand_in: Option<u64>,
}

impl RawRange {
    fn new(range: &Range, values: &Values) -> Result<Self, QueryError> {
        let column = &values.column;
        let from = range.from.as_ref().map_or(Ok(Some(0)), |it| column.raw_at_least(it))?;
        let to = range.to.as_ref().map_or(Ok(None), |it| column.raw_at_least(it))?;
        let in_range = |key: &Key| range.from.as_ref().is_none_or(|it| key >= it) && range.to.as_ref().is_none_or(|it| key < it);
        let foreign = values.foreign_stand_in();
        Ok(Self {
            from: from.unwrap_or(0),
            // All ordinals but the foreign stand-in's, which comes after the last.
            to: to.or(foreign.map(|it| it.0)),
            is_empty: from.is_none(),
            stand_in: foreign.filter(|it| in_range(it.1)).map(|it| it.0),
        })
    }

    #[inline]
    fn contains(&self, raw: u64) -> bool {
        !self.is_empty && raw >= self.from && self.to.is_none_or(|it| raw < it) || self.stand_in == Some(raw)
    }
}

struct RangesCollector {
    kind: ValueKind,
    values: Values,
    ranges: Vec<RawRange>,
    grouping: Grouping,
}

impl Collector for RangesCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let Self { values, ranges, grouping, .. } = self;
        grouping.begin(docs.len());
        // A document with several values in one range counts once there.
        let mut last = vec![usize::MAX; ranges.len()];
        values.each(docs, Repeats::Drop, |at, raw| {
            for (slot, range) in ranges.iter().enumerate() {
                if range.contains(raw) && last[slot] != at {
                    last[slot] = at;
                    grouping.add(buckets[at], slot as u64, docs[at]);
                }
            }
        });
        grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        slots::finish(self.grouping, buckets, self.ranges.len(), &self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_starts_come_first_and_open_ends_last() {
        let range = |from: Option<i64>, to: Option<i64>| Range { from: from.map(Key::I64), to: to.map(Key::I64) };
        let ranges = [range(Some(5), None), range(Some(5), Some(9)), range(None, Some(7)), range(None, None), range(Some(1), Some(2))];
        assert_eq!(answer_order(&ranges), [2, 3, 4, 1, 0]);
    }
}
