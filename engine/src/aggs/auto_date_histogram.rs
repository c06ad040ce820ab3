//! `auto_date_histogram`: a date histogram whose interval is chosen so that there are at most so many buckets.
//!
//! Units nest: seconds, minutes, hours, days, months, years of one time zone. A segment keeps its documents until it knows their first and
//! last time, then counts in the finest unit that Elasticsearch would keep; results of segments are added up in the coarser unit of both,
//! and the answer takes several units per bucket where that is needed. The unit depends on the first and last time of all documents only.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::date_histogram::parse_zone;
use crate::aggs::grouping::{Group, Grouping};
use crate::aggs::partial::{Bucket, Keyed, Partial, ValueKind, merge_lists};
use crate::aggs::render::{Renderer, ValueFormat, check_kind};
use crate::aggs::rounding::{Interval, Rounding};
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, BLOCK_DOCS, Collector, Plan, SegmentContext};
use crate::columns::{FieldColumn, Key, Repeats};
use crate::datetime::{parse_time_zone, time_zone_text};
use crate::error::QueryError;
use crate::limits;

pub(crate) struct Kind;

/// A unit, and how many of it one bucket may have.
struct Unit {
    name: &'static str,
    short: &'static str,
    interval: Interval,
    /// Milliseconds, at least.
    length: i64,
    multiples: &'static [usize],
}

/// From fine to coarse, as Elasticsearch has them.
const UNITS: [Unit; 6] = [
    Unit { name: "second", short: "s", interval: Interval::Fixed(1_000), length: 1_000, multiples: &[1, 5, 10, 30] },
    Unit { name: "minute", short: "m", interval: Interval::Fixed(60_000), length: 60_000, multiples: &[1, 5, 10, 30] },
    Unit { name: "hour", short: "h", interval: Interval::Fixed(3_600_000), length: 3_600_000, multiples: &[1, 3, 12] },
    Unit { name: "day", short: "d", interval: Interval::Day, length: 82_800_000, multiples: &[1, 7] },
    Unit { name: "month", short: "M", interval: Interval::Month, length: 28 * 82_800_000, multiples: &[1, 3] },
    Unit { name: "year", short: "y", interval: Interval::Year, length: 365 * 82_800_000, multiples: &[1, 5, 10, 20, 50, 100] },
];

/// Buckets asked for at most: so many that their most multiples of a unit are no more than the buckets of one answer.
const BUCKETS_ASKED_MAX: u64 = (limits::BUCKETS_MAX / 30) as u64;

#[derive(Clone, Debug)]
struct AutoDateHistogram {
    source: Source,
    zone: TimeZone,
    buckets: usize,
    finest: usize,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "auto_date_histogram"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "time_zone", "buckets", "minimum_interval"])?;
        let buckets = body.u64("buckets")?.unwrap_or(10);
        if buckets == 0 {
            return Err(QueryError::IllegalArgument("buckets must be greater than 0 for [auto_date_histogram]".to_owned()));
        }
        if buckets > BUCKETS_ASKED_MAX {
            return Err(QueryError::IllegalArgument(format!("buckets must be less than {BUCKETS_ASKED_MAX}")));
        }
        let finest = match body.str("minimum_interval")? {
            None => 0,
            Some(name) => UNITS.iter().position(|it| it.name == name).ok_or_else(|| {
                QueryError::IllegalArgument(format!("minimum_interval must be one of [year, month, day, hour, minute, second], found [{name}]"))
            })?,
        };
        Ok(Box::new(AutoDateHistogram { source: Source::parse(body)?, zone: parse_zone(body)?, buckets: buckets as usize, finest }))
    }
}

/// Buckets of one unit, which is made coarser as others join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AutoDates {
    zone: String,
    /// Buckets wanted, at most.
    wanted: u32,
    /// Position in [`UNITS`].
    unit: u8,
    /// First and last time of the documents.
    first: i64,
    last: i64,
    pub(crate) keyed: Keyed,
}

impl AutoDates {
    /// Adds the buckets of other documents.
    pub(crate) fn merge(&mut self, mut theirs: AutoDates) {
        self.keyed.kind.merge(std::mem::take(&mut theirs.keyed.kind));
        if theirs.keyed.buckets.is_empty() {
            return;
        }
        if self.keyed.buckets.is_empty() {
            theirs.keyed.kind = std::mem::take(&mut self.keyed.kind);
            *self = theirs;
            return;
        }
        (self.first, self.last) = (self.first.min(theirs.first), self.last.max(theirs.last));
        let zone = parse_time_zone(&self.zone).unwrap_or(TimeZone::UTC);
        let unit = unit_for(self.unit.max(theirs.unit) as usize, self.wanted as usize, (self.first, self.last), &zone);
        self.coarsen(unit, &zone);
        theirs.coarsen(unit, &zone);
        theirs.keyed.kind = ValueKind::Unmapped;
        self.keyed.merge(theirs.keyed);
    }

    fn coarsen(&mut self, unit: usize, zone: &TimeZone) {
        if usize::from(self.unit) >= unit {
            return;
        }
        self.unit = unit as u8;
        let rounding = rounding(unit, zone);
        self.keyed.buckets.iter_mut().for_each(|it| {
            if let Key::I64(at) = it.key {
                it.key = Key::I64(rounding.round(at));
            }
        });
        self.keyed.buckets.dedup_by(|next, kept| {
            let same = next.key == kept.key;
            if same {
                join(kept, next);
            }
            same
        });
    }
}

fn join(kept: &mut Bucket, next: &mut Bucket) {
    kept.count += next.count;
    merge_lists(&mut kept.subs, std::mem::take(&mut next.subs));
}

fn rounding(unit: usize, zone: &TimeZone) -> Rounding {
    Rounding { interval: UNITS[unit].interval, zone: zone.clone(), offset: 0 }
}

/// The finest unit from `from` on in which the time between needs at most `wanted` buckets of the most multiples.
fn unit_for(from: usize, wanted: usize, (first, last): (i64, i64), zone: &TimeZone) -> usize {
    let fits = |unit: usize| {
        let most = wanted.saturating_mul(UNITS[unit].multiples.iter().copied().max().unwrap_or(1));
        // Much too many are not counted one by one.
        if last.saturating_sub(first) / UNITS[unit].length > (2 * most).saturating_add(10) as i64 {
            return false;
        }
        let rounding = rounding(unit, zone);
        let end = rounding.round(last);
        let mut at = rounding.round(first);
        // The last bucket is one too.
        let mut needed = 1;
        while at < end {
            needed += 1;
            at = rounding.next(at);
        }
        needed <= most
    };
    (from..UNITS.len()).find(|it| fits(*it)).unwrap_or(UNITS.len() - 1)
}

impl Aggregation for AutoDateHistogram {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let source = self.source.plan(Accepts::Dates, ctx)?;
        Ok(Box::new(AutoPlan { source, zone: self.zone.clone(), wanted: self.buckets, finest: self.finest }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let (kind, mut buckets, unit) = match partial {
            Partial::AutoDates(it) => (it.keyed.kind, it.keyed.buckets, usize::from(it.unit)),
            _ => (ValueKind::Unmapped, Vec::new(), self.finest),
        };
        check_kind(&kind, &self.source.field)?;
        let kind = if let ValueKind::Date(_) = kind { kind } else { ValueKind::Date(None) };
        buckets = fill(buckets, &rounding(unit, &self.zone))?;
        let multiples = UNITS[unit].multiples;
        let multiple = multiples.iter().find(|it| buckets.len().div_ceil(**it) <= self.buckets).or(multiples.last()).copied().unwrap_or(1);
        let mut joined: Vec<Bucket> = Vec::new();
        for (at, mut bucket) in buckets.into_iter().enumerate() {
            match joined.last_mut().filter(|_| at % multiple > 0) {
                Some(last) => join(last, &mut bucket),
                None => joined.push(bucket),
            }
        }
        renderer.take_buckets(joined.len())?;
        let format = ValueFormat::new(&kind, self.source.format.as_ref(), self.zone.clone());
        let mut list = Vec::new();
        for bucket in joined {
            let mut row = Map::new();
            row.insert("key_as_string".to_owned(), Value::String(format.name_of(&bucket.key)));
            row.insert("key".to_owned(), bucket.key.to_json(crate::mapping::FieldType::Date));
            row.insert("doc_count".to_owned(), bucket.count.into());
            subs.render_into(bucket.subs, &mut row, renderer)?;
            list.push(Value::Object(row));
        }
        let interval = format!("{multiple}{}", UNITS[unit].short);
        Ok(Map::from_iter([("buckets".to_owned(), Value::Array(list)), ("interval".to_owned(), Value::String(interval))]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "auto_date_histogram"
    }
}

/// Puts empty buckets between the others.
fn fill(buckets: Vec<Bucket>, rounding: &Rounding) -> Result<Vec<Bucket>, QueryError> {
    let mut filled: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        while let (Some(Bucket { key: Key::I64(before), .. }), Key::I64(at)) = (filled.last(), &bucket.key) {
            let next = rounding.next(*before);
            if next >= *at {
                break;
            }
            if filled.len() >= limits::BUCKETS_MAX {
                return Err(QueryError::TooManyBuckets { limit: limits::BUCKETS_MAX });
            }
            filled.push(Bucket { key: Key::I64(next), count: 0, subs: Vec::new() });
        }
        filled.push(bucket);
    }
    Ok(filled)
}

struct AutoPlan {
    source: SourcePlan,
    zone: TimeZone,
    wanted: usize,
    finest: usize,
}

impl Plan for AutoPlan {
    fn collector(&self, segment: &SegmentContext<'_>, _parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        // The documents come before it is known how many buckets there will be.
        let grouping = Grouping::new(segment, 1, Some((0, u64::MAX)), subs)?;
        Ok(Box::new(AutoCollector {
            kind: self.source.kind.clone(),
            values: self.source.open(segment)?,
            zone: self.zone.clone(),
            wanted: self.wanted,
            finest: self.finest,
            grouping,
            kept: Vec::new(),
            ranges: Vec::new(),
        }))
    }
}

struct AutoCollector {
    kind: ValueKind,
    values: Values,
    zone: TimeZone,
    wanted: usize,
    finest: usize,
    grouping: Grouping,
    /// Documents with their parents' buckets.
    kept: Vec<(DocId, u32)>,
    /// First and last time, by parent's bucket.
    ranges: Vec<Option<(i64, i64)>>,
}

impl Collector for AutoCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let Self { values, ranges, kept, .. } = self;
        let wanted = buckets.iter().max().map_or(0, |it| *it as usize + 1);
        if wanted > ranges.len() {
            budget.charge((wanted - ranges.len()) * size_of::<Option<(i64, i64)>>())?;
            ranges.resize(wanted, None);
        }
        values.each(docs, Repeats::Keep, |at, raw| {
            let time = FieldColumn::i64(raw);
            let range = &mut ranges[buckets[at] as usize];
            *range = Some(range.map_or((time, time), |it| (it.0.min(time), it.1.max(time))));
        });
        let before = kept.capacity();
        kept.extend(docs.iter().copied().zip(buckets.iter().copied()));
        budget.charge((kept.capacity() - before) * size_of::<(DocId, u32)>())
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { kind, mut values, zone, wanted, finest, mut grouping, kept, ranges } = *self;
        let unit_of = |range: &Option<(i64, i64)>| range.map(|it| unit_for(finest, wanted, it, &zone));
        let wanted_ranges: Vec<Option<(i64, i64)>> = buckets.iter().map(|it| ranges.get(*it as usize).copied().flatten()).collect();
        // One unit for all, fine enough for each; the others are made coarser afterwards.
        let unit = wanted_ranges.iter().filter_map(unit_of).min().unwrap_or(finest);
        let (rounding, budget) = (rounding(unit, &zone), Budget::new());
        let mut is_wanted = vec![false; ranges.len()];
        buckets.iter().filter(|it| (**it as usize) < ranges.len()).for_each(|it| is_wanted[*it as usize] = true);
        for block in kept.chunks(BLOCK_DOCS) {
            let docs: Vec<DocId> = block.iter().map(|it| it.0).collect();
            grouping.begin(docs.len());
            let mut last = (usize::MAX, 0);
            values.each(&docs, Repeats::Drop, |at, raw| {
                let key = FieldColumn::raw_of_i64(rounding.round(FieldColumn::i64(raw)));
                let is_fresh = std::mem::replace(&mut last, (at, key)) != (at, key);
                if is_fresh && is_wanted[block[at].1 as usize] {
                    grouping.add(block[at].1, key, docs[at]);
                }
            });
            grouping.end(&budget)?;
        }
        let rows = grouping.finish(buckets)?;
        let partial = |(row, range): (Vec<Group>, &Option<(i64, i64)>)| {
            let Some((first, last)) = *range else { return Partial::None };
            let bucket = |it: Group| Bucket { key: Key::I64(FieldColumn::i64(it.key)), count: it.count, subs: it.subs };
            let keyed = Keyed { kind: kind.clone(), buckets: row.into_iter().map(bucket).collect() };
            let mut dates = AutoDates { zone: time_zone_text(&zone), wanted: wanted as u32, unit: unit as u8, first, last, keyed };
            dates.coarsen(unit_for(unit, wanted, (first, last), &zone), &zone);
            Partial::AutoDates(Box::new(dates))
        };
        Ok(rows.into_iter().zip(&wanted_ranges).map(partial).collect())
    }
}
