//! `histogram`: a bucket per interval of a number.

use serde_json::{Map, Value};
use tantivy::DocId;

use crate::aggs::body::{Body, number_of};
use crate::aggs::cells::Budget;
use crate::aggs::grouping::{Group, Grouping};
use crate::aggs::order::Order;
use crate::aggs::partial::{Bucket, Keyed, Partial, ValueKind};
use crate::aggs::render::{Renderer, ValueFormat, check_kind, number_text};
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::columns::{FieldColumn, Key, Repeats};
use crate::error::QueryError;
use crate::limits;
use crate::mapping::ColumnKind;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Histogram {
    source: Source,
    grid: Grid,
    min_doc_count: u64,
    keyed: bool,
    /// `None`: by key.
    order: Option<Order>,
    extended_bounds: (Option<f64>, Option<f64>),
    hard_bounds: (Option<f64>, Option<f64>),
}

/// Where buckets start: `offset + n · interval`.
#[derive(Clone, Copy, Debug)]
struct Grid {
    interval: f64,
    offset: f64,
}

impl Grid {
    fn number(self, value: f64) -> i64 {
        // Saturates, so that an infinite value has a bucket too.
        ((value - self.offset) / self.interval).floor() as i64
    }

    fn start(self, number: i64) -> f64 {
        number as f64 * self.interval + self.offset
    }
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "histogram"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&[
            "field",
            "missing",
            "value_type",
            "format",
            "interval",
            "offset",
            "min_doc_count",
            "keyed",
            "order",
            "extended_bounds",
            "hard_bounds",
        ])?;
        let interval = body.f64("interval")?.ok_or_else(|| body.lacks("interval"))?;
        if interval <= 0.0 {
            return Err(QueryError::IllegalArgument("[interval] must be >0 for histogram aggregation [".to_owned() + body.name + "]"));
        }
        let offset = body.f64("offset")?.unwrap_or(0.0);
        Ok(Box::new(Histogram {
            source: Source::parse(body)?,
            grid: Grid { interval, offset: offset.rem_euclid(interval) },
            min_doc_count: body.u64("min_doc_count")?.unwrap_or(0),
            keyed: body.bool("keyed")?.unwrap_or(false),
            order: body.get("order").map(|it| Order::parse(it, subs)).transpose()?,
            extended_bounds: parse_bounds(body, "extended_bounds")?,
            hard_bounds: parse_bounds(body, "hard_bounds")?,
        }))
    }
}

fn parse_bounds(body: &Body<'_>, key: &str) -> Result<(Option<f64>, Option<f64>), QueryError> {
    let Some(value) = body.get(key) else { return Ok((None, None)) };
    let Value::Object(map) = value else { return Err(body.bad(key, value)) };
    let bound = |name: &str| map.get(name).filter(|it| !it.is_null()).map(|it| number_of(it).ok_or_else(|| body.bad(key, it))).transpose();
    let (min, max) = (bound("min")?, bound("max")?);
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Err(QueryError::IllegalArgument(format!(
            "[{key}.min][{min}] cannot be greater than [{key}.max][{max}] for histogram aggregation [{}]",
            body.name
        )));
    }
    Ok((min, max))
}

impl Aggregation for Histogram {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let source = self.source.plan(Accepts::Numbers, ctx)?;
        Ok(Box::new(HistogramPlan { source, grid: self.grid, hard_bounds: self.hard_bounds }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let keyed = if let Partial::Keyed(it) = partial { it } else { Keyed::default() };
        check_kind(&keyed.kind, &self.source.field)?;
        let format = ValueFormat::new(&keyed.kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let mut buckets = keyed.buckets;
        if self.min_doc_count == 0 {
            buckets = self.fill(buckets)?;
        } else {
            buckets.retain(|it| it.count >= self.min_doc_count);
        }
        renderer.take_buckets(buckets.len())?;
        if let Some(order) = &self.order {
            buckets = order.top(buckets, usize::MAX, subs).0;
        }
        let (mut list, mut named) = (Vec::new(), Map::new());
        for bucket in buckets {
            let start = self.grid.start(number(&bucket.key));
            let mut row = Map::new();
            format.put_number("key", Some(start), &mut row);
            row.insert("doc_count".to_owned(), bucket.count.into());
            subs.render_into(bucket.subs, &mut row, renderer)?;
            if self.keyed {
                let name = format.text_of_number(start).unwrap_or_else(|| number_text(start));
                named.insert(name, Value::Object(row));
            } else {
                list.push(Value::Object(row));
            }
        }
        let buckets = if self.keyed { Value::Object(named) } else { Value::Array(list) };
        Ok(Map::from_iter([("buckets".to_owned(), buckets)]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "histogram"
    }
}

/// Buckets are keyed by their number on the grid, which every index computes alike; as a double, which is what it was computed
/// as, because whole-number keys of a field that another index maps as double would become doubles too.
fn key_of(number: i64) -> Key {
    Key::from_f64(number as f64)
}

fn number(key: &Key) -> i64 {
    key.as_f64().map_or(0, |it| it as i64)
}

impl Histogram {
    fn fill(&self, buckets: Vec<Bucket>) -> Result<Vec<Bucket>, QueryError> {
        let bounds = (self.extended_bounds.0.map(|it| self.grid.number(it)), self.extended_bounds.1.map(|it| self.grid.number(it)));
        let (first, last) = (buckets.first().map(|it| number(&it.key)), buckets.last().map(|it| number(&it.key)));
        let first = first.into_iter().chain(bounds.0).min();
        let last = last.max(bounds.1);
        let (Some(first), Some(last)) = (first, last) else { return Ok(buckets) };
        if last.saturating_sub(first) >= limits::BUCKETS_MAX as i64 {
            return Err(QueryError::TooManyBuckets { limit: limits::BUCKETS_MAX });
        }
        let mut rest = buckets.into_iter().peekable();
        let mut filled = Vec::new();
        for at in first..=last {
            let bucket = rest.next_if(|it| number(&it.key) == at);
            filled.push(bucket.unwrap_or(Bucket { key: key_of(at), count: 0, subs: Vec::new() }));
        }
        Ok(filled)
    }
}

struct HistogramPlan {
    source: SourcePlan,
    grid: Grid,
    hard_bounds: (Option<f64>, Option<f64>),
}

impl Plan for HistogramPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let values = self.source.open(segment)?;
        let number = |raw| FieldColumn::raw_of_i64(self.grid.number(values.column.number(raw)));
        let is_number = |raw| !values.column.number(raw).is_nan();
        let bounds = values.bounds().map(|(min, max)| if is_number(min) && is_number(max) { (number(min), number(max)) } else { (0, u64::MAX) });
        let grouping = Grouping::new(segment, parents, bounds, subs)?;
        let kind = if self.source.is_unmapped() { ValueKind::Unmapped } else { self.source.kind.clone() };
        Ok(Box::new(HistogramCollector { kind, values, grid: self.grid, hard_bounds: self.hard_bounds, grouping }))
    }
}

struct HistogramCollector {
    kind: ValueKind,
    values: Values,
    grid: Grid,
    hard_bounds: (Option<f64>, Option<f64>),
    grouping: Grouping,
}

impl Collector for HistogramCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let Self { values, grid, hard_bounds, grouping, .. } = self;
        let is_double = values.column.kind() == ColumnKind::F64;
        grouping.begin(docs.len());
        // A document with several values in one bucket counts once there; its values come sorted.
        let mut last = (usize::MAX, 0);
        values.each(docs, Repeats::Drop, |at, raw| {
            let value = if is_double { FieldColumn::f64(raw) } else { FieldColumn::i64(raw) as f64 };
            if value.is_nan() {
                return;
            }
            let number = grid.number(value);
            if std::mem::replace(&mut last, (at, number)) == (at, number) {
                return;
            }
            let start = grid.start(number);
            if hard_bounds.0.is_none_or(|it| start >= it) && hard_bounds.1.is_none_or(|it| start < it) {
                grouping.add(buckets[at], FieldColumn::raw_of_i64(number), docs[at]);
            }
        });
        grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { kind, grouping, .. } = *self;
        let bucket = |it: Group| Bucket { key: key_of(FieldColumn::i64(it.key)), count: it.count, subs: it.subs };
        let rows = grouping.finish(buckets)?.into_iter();
        Ok(rows.map(|row| Partial::Keyed(Keyed { kind: kind.clone(), buckets: row.into_iter().map(bucket).collect() })).collect())
    }
}
