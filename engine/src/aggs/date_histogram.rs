//! `date_histogram`: a bucket per interval of time, fixed or by the calendar, in a time zone.
//!
//! In a segment, times are compared with the bucket of the document before (documents lie sorted by time) and only a miss is
//! rounded, or looked up in the table of the segment's bucket starts. Empty buckets appear when the answer is written.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::grouping::Grouping;
use crate::aggs::order::Order;
use crate::aggs::partial::{Bucket, Keyed, Partial, ValueKind};
use crate::aggs::render::{Renderer, Span, ValueFormat, check_kind};
use crate::aggs::rounding::{Interval, Rounding, parse_duration};
use crate::aggs::source::{Accepts, Source, SourcePlan, Values, date_at, date_format};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::clock::Timestamp;
use crate::columns::{FieldColumn, Key, Repeats};
use crate::datetime::{DateFormat, parse_time_zone};
use crate::error::QueryError;
use crate::limits;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct DateHistogram {
    name: String,
    source: Source,
    rounding: Rounding,
    min_doc_count: u64,
    keyed: bool,
    /// `None`: by key.
    order: Option<Order>,
    extended_bounds: Option<Bounds>,
    hard_bounds: Option<Bounds>,
}

/// `{"min": …, "max": …}` as given; dates depend on the field's format.
#[derive(Clone, Debug)]
struct Bounds {
    min: Option<Value>,
    max: Option<Value>,
}

/// Bucket starts of a segment that are kept in a table; a finer histogram in a zone with clock changes rounds each miss.
const TABLE_MAX: usize = 1 << 16;

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "date_histogram"
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
            "fixed_interval",
            "calendar_interval",
            "interval",
            "time_zone",
            "offset",
            "min_doc_count",
            "keyed",
            "order",
            "extended_bounds",
            "hard_bounds",
        ])?;
        Ok(Box::new(DateHistogram {
            name: body.name.to_owned(),
            source: Source::parse(body)?,
            rounding: Rounding { interval: parse_interval(body)?, zone: parse_zone(body)?, offset: parse_offset(body)? },
            min_doc_count: body.u64("min_doc_count")?.unwrap_or(0),
            keyed: body.bool("keyed")?.unwrap_or(false),
            order: body.get("order").map(|it| Order::parse(it, subs)).transpose()?,
            extended_bounds: parse_bounds(body, "extended_bounds")?,
            hard_bounds: parse_bounds(body, "hard_bounds")?,
        }))
    }
}

/// `time_zone`; UTC without.
pub(crate) fn parse_zone(body: &Body<'_>) -> Result<TimeZone, QueryError> {
    match body.get("time_zone") {
        None => Ok(TimeZone::UTC),
        Some(Value::String(it)) => parse_time_zone(it).map_err(QueryError::IllegalArgument),
        Some(Value::Number(it)) => parse_time_zone(&format!("{it:+}")).map_err(QueryError::IllegalArgument),
        Some(other) => Err(body.bad("time_zone", other)),
    }
}

/// `offset` in milliseconds; none without.
pub(crate) fn parse_offset(body: &Body<'_>) -> Result<i64, QueryError> {
    match body.get("offset") {
        None => Ok(0),
        Some(Value::Number(it)) => it.as_i64().ok_or_else(|| body.bad("offset", &Value::Number(it.clone()))),
        Some(it) => it.as_str().and_then(parse_duration).ok_or_else(|| body.bad("offset", it)),
    }
}

/// The interval under one of its three keys.
pub(crate) fn parse_interval(body: &Body<'_>) -> Result<Interval, QueryError> {
    let fixed = |key: &str, text: &str| match parse_duration(text) {
        Some(it) if it > 0 => Ok(Interval::Fixed(it)),
        Some(_) => Err(QueryError::IllegalArgument(format!("Zero or negative time interval not supported: [{text}] in [{key}] of [{}]", body.name))),
        None => Err(QueryError::IllegalArgument(format!(
            "failed to parse setting [date_histogram.{key}] with value [{text}] as a time value: unit is missing or unrecognized"
        ))),
    };
    match (body.get("fixed_interval"), body.get("calendar_interval"), body.get("interval")) {
        (Some(Value::String(it)), None, None) => fixed("fixedInterval", it),
        (None, Some(Value::String(it)), None) => Interval::calendar(it)
            .ok_or_else(|| QueryError::IllegalArgument(format!("The supplied interval [{it}] could not be parsed as a calendar interval."))),
        (None, None, Some(Value::String(it))) => Interval::calendar(it).map_or_else(|| fixed("interval", it), Ok),
        (None, None, Some(Value::Number(it))) => match it.as_i64() {
            Some(it) if it > 0 => Ok(Interval::Fixed(it)),
            _ => Err(body.bad("interval", &Value::Number(it.clone()))),
        },
        (None, None, None) => Err(QueryError::IllegalArgument(
            "Required one of fields [interval, calendar_interval, fixed_interval], but none were specified.".to_owned(),
        )),
        (Some(other), None, None) => Err(body.bad("fixed_interval", other)),
        (None, Some(other), None) => Err(body.bad("calendar_interval", other)),
        (None, None, Some(other)) => Err(body.bad("interval", other)),
        _ => Err(QueryError::IllegalArgument("Cannot use more than one of [interval], [calendar_interval] and [fixed_interval].".to_owned())),
    }
}

fn parse_bounds(body: &Body<'_>, key: &str) -> Result<Option<Bounds>, QueryError> {
    let Some(value) = body.get(key) else { return Ok(None) };
    let Value::Object(map) = value else { return Err(body.bad(key, value)) };
    if let Some(unknown) = map.keys().find(|it| !matches!(it.as_str(), "min" | "max")) {
        return Err(QueryError::XContentParse(format!("[bounds] unknown field [{unknown}] in [{key}] of [{}]", body.name)));
    }
    let bound = |name: &str| map.get(name).filter(|it| !it.is_null()).cloned();
    Ok(Some(Bounds { min: bound("min"), max: bound("max") }))
}

impl Bounds {
    /// The bounds in milliseconds.
    fn resolve(
        &self,
        what: &str,
        name: &str,
        format: &DateFormat,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<(Option<i64>, Option<i64>), QueryError> {
        let time = |it: &Option<Value>| it.as_ref().map(|it| date_at(it, format, zone, now)).transpose().map_err(QueryError::Parsing);
        let (min, max) = (time(&self.min)?, time(&self.max)?);
        if let (Some(low), Some(high)) = (min, max)
            && low > high
        {
            return Err(QueryError::IllegalArgument(format!(
                "[{what}.min][{low}] cannot be greater than [{what}.max][{high}] for histogram aggregation [{name}]"
            )));
        }
        Ok((min, max))
    }
}

impl Aggregation for DateHistogram {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let source = self.source.plan(Accepts::Dates, ctx)?;
        let format = source.date_format(self.source.format.as_ref());
        let resolve =
            |what, it: &Option<Bounds>| it.as_ref().map(|it| it.resolve(what, &self.name, &format, &self.rounding.zone, ctx.now)).transpose();
        // Checked here, though only the answer needs them, so that a wrong bound is refused before work is done.
        resolve("extended_bounds", &self.extended_bounds)?;
        let hard_bounds = resolve("hard_bounds", &self.hard_bounds)?.unwrap_or_default();
        Ok(Box::new(DateHistogramPlan { source, rounding: self.rounding.clone(), hard_bounds }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let keyed = if let Partial::Keyed(it) = partial { it } else { Keyed::default() };
        check_kind(&keyed.kind, &self.source.field)?;
        // A number field is read as milliseconds.
        let kind = if let ValueKind::Date(_) = keyed.kind { keyed.kind } else { ValueKind::Date(None) };
        let format = ValueFormat::new(&kind, self.source.format.as_ref(), self.rounding.zone.clone());
        let mut buckets = keyed.buckets;
        if self.min_doc_count == 0 {
            let mapped = if let ValueKind::Date(it) = &kind { it.as_deref() } else { None };
            let dates = date_format(self.source.format.as_ref(), mapped);
            buckets = self.fill(buckets, &dates, renderer)?;
        } else {
            buckets.retain(|it| it.count >= self.min_doc_count);
        }
        renderer.take_buckets(buckets.len())?;
        if let Some(order) = &self.order {
            buckets = order.top(buckets, usize::MAX, subs).0;
        }
        let outer = renderer.span;
        let (mut list, mut named) = (Vec::new(), Map::new());
        for bucket in buckets {
            let mut row = Map::new();
            if let Key::I64(start) = bucket.key {
                renderer.span = Some(Span { start, end: self.rounding.next(start), interval: self.rounding.interval });
            }
            let name = format.name_of(&bucket.key);
            row.insert("key_as_string".to_owned(), Value::String(name.clone()));
            row.insert("key".to_owned(), bucket.key.to_json(crate::mapping::FieldType::Date));
            row.insert("doc_count".to_owned(), bucket.count.into());
            subs.render_into(bucket.subs, &mut row, renderer)?;
            if self.keyed {
                named.insert(name, Value::Object(row));
            } else {
                list.push(Value::Object(row));
            }
        }
        renderer.span = outer;
        let buckets = if self.keyed { Value::Object(named) } else { Value::Array(list) };
        Ok(Map::from_iter([("buckets".to_owned(), buckets)]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "date_histogram"
    }
}

impl DateHistogram {
    /// Puts empty buckets between the first and the last, and out to the extended bounds.
    fn fill(&self, buckets: Vec<Bucket>, dates: &DateFormat, renderer: &Renderer<'_>) -> Result<Vec<Bucket>, QueryError> {
        let resolved =
            self.extended_bounds.as_ref().map(|it| it.resolve("extended_bounds", &self.name, dates, &self.rounding.zone, renderer.options.now));
        let (min, max) = resolved.transpose()?.unwrap_or_default();
        let (min, max) = (min.map(|it| self.rounding.round(it)), max.map(|it| self.rounding.round(it)));
        let key = |it: Option<&Bucket>| if let Some(Bucket { key: Key::I64(key), .. }) = it { Some(*key) } else { None };
        let (first, last) = (key(buckets.first()), key(buckets.last()));
        // A bound alone, without buckets, extends nothing.
        let Some(first) = min_of(first, min) else { return Ok(buckets) };
        let Some(last) = last.max(max) else { return Ok(buckets) };
        let mut filled = Vec::with_capacity(buckets.len());
        let mut rest = buckets.into_iter().peekable();
        let mut at = first;
        while at <= last {
            match rest.next_if(|it| matches!(it.key, Key::I64(key) if key <= at)) {
                Some(bucket) => filled.push(bucket),
                None => filled.push(Bucket { key: Key::I64(at), count: 0, subs: Vec::new() }),
            }
            if filled.len() > limits::BUCKETS_MAX {
                return Err(QueryError::TooManyBuckets { limit: limits::BUCKETS_MAX });
            }
            let next = self.rounding.next(at);
            if next <= at {
                break;
            }
            at = next;
        }
        filled.extend(rest);
        Ok(filled)
    }
}

fn min_of(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

struct DateHistogramPlan {
    source: SourcePlan,
    rounding: Rounding,
    hard_bounds: (Option<i64>, Option<i64>),
}

impl Plan for DateHistogramPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let values = self.source.open(segment)?;
        // A hard bound ends between buckets: its maximum is the first moment that does not count.
        let clip = |(low, high): (i64, i64)| {
            let low = self.hard_bounds.0.map_or(low, |it| it.max(low));
            let high = self.hard_bounds.1.map_or(high, |it| it.saturating_sub(1).min(high));
            (low <= high).then_some((low, high))
        };
        let range = values.bounds().map(|it| (FieldColumn::i64(it.0), FieldColumn::i64(it.1))).and_then(clip);
        let starts = Starts::new(&self.rounding, range);
        let bounds = range.map(|(low, high)| (starts.slot(&self.rounding, low).0, starts.slot(&self.rounding, high).0));
        let grouping = Grouping::new(segment, parents, bounds, subs)?;
        let kind = self.source.kind.clone();
        let current = Current { from: i64::MAX, to: i64::MIN, slot: None };
        Ok(Box::new(DateHistogramCollector {
            kind,
            values,
            rounding: self.rounding.clone(),
            hard_bounds: self.hard_bounds,
            starts,
            current,
            grouping,
        }))
    }
}

/// How a segment's bucket starts are numbered; numbers ascend with time.
enum Starts {
    /// `start = phase + number · length`, numbers from `first`.
    Uniform {
        length: i64,
        phase: i64,
        first: i64,
    },
    Table(Vec<i64>),
    /// The number is the start itself, as a raw value.
    Rounded,
}

impl Starts {
    fn new(rounding: &Rounding, range: Option<(i64, i64)>) -> Self {
        let Some((low, high)) = range else { return Starts::Rounded };
        if let Some((length, phase)) = rounding.uniform() {
            return Starts::Uniform { length, phase, first: low.saturating_sub(phase).div_euclid(length) };
        }
        let mut table = vec![rounding.round(low)];
        let mut last = table[0];
        while table.len() <= TABLE_MAX {
            last = rounding.next(last);
            if last > high {
                return Starts::Table(table);
            }
            table.push(last);
        }
        Starts::Rounded
    }

    /// Number, start and end of the bucket of a time that is not before the first.
    fn slot(&self, rounding: &Rounding, time: i64) -> (u64, i64, i64) {
        match self {
            Starts::Uniform { length, phase, first } => {
                let number = time.saturating_sub(*phase).div_euclid(*length);
                let start = number.saturating_mul(*length).saturating_add(*phase);
                ((number - first) as u64, start, start.saturating_add(*length))
            }
            Starts::Table(table) => {
                let at = table.partition_point(|it| *it <= time).saturating_sub(1);
                (at as u64, table[at], table.get(at + 1).copied().unwrap_or_else(|| rounding.next(table[at])))
            }
            Starts::Rounded => {
                let start = rounding.round(time);
                (FieldColumn::raw_of_i64(start), start, rounding.next(start))
            }
        }
    }

    fn start(&self, number: u64) -> i64 {
        match self {
            Starts::Uniform { length, phase, first } => (number as i64).saturating_add(*first).saturating_mul(*length).saturating_add(*phase),
            Starts::Table(table) => table[number as usize],
            Starts::Rounded => FieldColumn::i64(number),
        }
    }
}

/// The bucket of the last time seen.
struct Current {
    from: i64,
    to: i64,
    /// `None`: outside of the hard bounds.
    slot: Option<u64>,
}

struct DateHistogramCollector {
    kind: ValueKind,
    values: Values,
    rounding: Rounding,
    hard_bounds: (Option<i64>, Option<i64>),
    starts: Starts,
    current: Current,
    grouping: Grouping,
}

impl Current {
    #[inline]
    fn slot_of(&mut self, time: i64, miss: impl FnOnce(i64) -> Current) -> Option<u64> {
        if !(self.from <= time && time < self.to) {
            *self = miss(time);
        }
        self.slot
    }
}

impl Collector for DateHistogramCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let Self { values, rounding, hard_bounds, starts, current, grouping, .. } = self;
        let buckets = &buckets[..docs.len()];
        let (low, high) = (hard_bounds.0.unwrap_or(i64::MIN), hard_bounds.1);
        let miss = |time: i64| {
            // The whole bucket counts or none of it, by its start.
            let start = rounding.round(time);
            if start < low || high.is_some_and(|it| start >= it) {
                return Current { from: start, to: rounding.next(start), slot: None };
            }
            let (slot, from, to) = starts.slot(rounding, time);
            Current { from, to, slot: Some(slot) }
        };
        grouping.begin(docs.len());
        // A document with several times in one bucket counts once there; its values come sorted.
        let mut last = (usize::MAX, 0);
        let mut fresh = |at: usize, raw: u64| {
            let slot = current.slot_of(FieldColumn::i64(raw), miss)?;
            (std::mem::replace(&mut last, (at, slot)) != (at, slot)).then_some(slot)
        };
        if grouping.is_leaf() {
            values.each(docs, Repeats::Drop, |at, raw| {
                if let Some(slot) = fresh(at, raw) {
                    grouping.count(buckets[at], slot);
                }
            });
        } else {
            values.each(docs, Repeats::Drop, |at, raw| {
                if let Some(slot) = fresh(at, raw) {
                    grouping.add(buckets[at], slot, docs[at]);
                }
            });
        }
        grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { kind, starts, grouping, .. } = *self;
        let rows = grouping.finish(buckets)?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let bucket = |it: crate::aggs::grouping::Group| Bucket { key: Key::I64(starts.start(it.key)), count: it.count, subs: it.subs };
                Partial::Keyed(Keyed { kind: kind.clone(), buckets: row.into_iter().map(bucket).collect() })
            })
            .collect())
    }
}
