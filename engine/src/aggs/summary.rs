//! What the numeric metrics share: count, sum, extremes and squares of a field's numbers, each only where it is asked for.

use tantivy::DocId;

use crate::aggs::cells::Budget;
use crate::aggs::exact_sum::ExactSum;
use crate::aggs::partial::{Partial, Stats, Total, ValueKind};
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggPlan, Collector, Plan, SegmentContext};
use crate::columns::{FieldColumn, OrderedF64, Repeats};
use crate::error::QueryError;
use crate::mapping::ColumnKind;

/// What a metric needs to know of the numbers; their count is always known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) sum: bool,
    pub(crate) extremes: bool,
    pub(crate) squares: bool,
}

/// Plans a metric over the numbers of a field.
pub(crate) fn plan(source: &Source, needs: Needs, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
    Ok(Box::new(SummaryPlan { source: source.plan(Accepts::Numbers, ctx)?, needs }))
}

/// Plans a count of the values of any field.
pub(crate) fn plan_count(source: &Source, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
    Ok(Box::new(SummaryPlan { source: source.plan(Accepts::Any, ctx)?, needs: Needs::default() }))
}

/// The numbers of a partial result; none where no document was seen.
pub(crate) fn of(partial: &Partial) -> Stats {
    if let Partial::Stats(it) = partial { (**it).clone() } else { Stats::default() }
}

impl Stats {
    /// The mean; `None` without values.
    pub(crate) fn avg(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.value() / self.count as f64)
    }

    /// The lowest value.
    pub(crate) fn lowest(&self) -> Option<f64> {
        self.min.map(OrderedF64::get)
    }

    /// The highest value.
    pub(crate) fn highest(&self) -> Option<f64> {
        self.max.map(OrderedF64::get)
    }
}

struct SummaryPlan {
    source: SourcePlan,
    needs: Needs,
}

impl Plan for SummaryPlan {
    fn collector(&self, segment: &SegmentContext<'_>, _parents: usize, _subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let values = self.source.open(segment)?;
        let kind = self.source.kind.clone();
        Ok(Box::new(SummaryCollector {
            kind,
            values,
            needs: self.needs,
            counts: Vec::new(),
            sums: Sums::default(),
            squares: Vec::new(),
            extremes: Vec::new(),
        }))
    }
}

/// One entry per bucket in each list that is needed.
struct SummaryCollector {
    kind: ValueKind,
    values: Values,
    needs: Needs,
    counts: Vec<u64>,
    sums: Sums,
    squares: Vec<ExactSum>,
    /// Lowest and highest raw value.
    extremes: Vec<(u64, u64)>,
}

#[derive(Default)]
struct Sums {
    whole: Vec<i128>,
    real: Vec<ExactSum>,
}

impl SummaryCollector {
    fn is_double(&self) -> bool {
        self.values.column.kind() == ColumnKind::F64
    }

    fn grow(&mut self, buckets: usize, budget: &Budget) -> Result<(), QueryError> {
        if buckets <= self.counts.len() {
            return Ok(());
        }
        let exact_bytes = size_of::<ExactSum>() + 64;
        let sum_bytes = if self.is_double() { exact_bytes } else { size_of::<i128>() };
        let bytes = size_of::<u64>()
            + if self.needs.sum { sum_bytes } else { 0 }
            + if self.needs.squares { exact_bytes } else { 0 }
            + if self.needs.extremes { size_of::<(u64, u64)>() } else { 0 };
        budget.charge(bytes * (buckets - self.counts.len()))?;
        self.counts.resize(buckets, 0);
        if self.needs.sum && self.is_double() {
            self.sums.real.resize(buckets, ExactSum::default());
        } else if self.needs.sum {
            self.sums.whole.resize(buckets, 0);
        }
        if self.needs.squares {
            self.squares.resize(buckets, ExactSum::default());
        }
        if self.needs.extremes {
            self.extremes.resize(buckets, (u64::MAX, 0));
        }
        Ok(())
    }
}

impl Collector for SummaryCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let highest = buckets.iter().max().map_or(0, |it| *it as usize + 1);
        self.grow(highest, budget)?;
        let is_double = self.is_double();
        // A keyword's repeated value is one value of the document, a number's is two: as doc values are in Elasticsearch.
        let repeats = if self.values.column.kind() == ColumnKind::Ordinal { Repeats::Drop } else { Repeats::Keep };
        let Self { values, needs, counts, sums, squares, extremes, .. } = self;
        values.each(docs, repeats, |at, raw| {
            let bucket = buckets[at] as usize;
            counts[bucket] += 1;
            if needs.sum {
                if is_double {
                    sums.real[bucket].add(FieldColumn::f64(raw));
                } else {
                    sums.whole[bucket] += i128::from(FieldColumn::i64(raw));
                }
            }
            if needs.extremes {
                let (min, max) = &mut extremes[bucket];
                *min = raw.min(*min);
                *max = raw.max(*max);
            }
            if needs.squares {
                let value = if is_double { FieldColumn::f64(raw) } else { FieldColumn::i64(raw) as f64 };
                squares[bucket].add(value * value);
            }
        });
        Ok(())
    }

    fn finish(mut self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let mut take = |bucket: usize| {
            let mut stats = Stats { kind: self.kind.clone(), count: self.counts.get(bucket).copied().unwrap_or(0), ..Stats::default() };
            if stats.count > 0 {
                let number = |raw| OrderedF64::new(self.values.column.number(raw));
                let mut real = self.sums.real.get_mut(bucket).map(std::mem::take).unwrap_or_default();
                // Canonical digits, so that equal sums have equal bytes.
                real.carry();
                stats.sum = Total { whole: self.sums.whole.get(bucket).copied().unwrap_or(0), real };
                stats.squares = self.squares.get_mut(bucket).map(std::mem::take).unwrap_or_default();
                stats.squares.carry();
                let extremes = self.extremes.get(bucket);
                stats.min = extremes.map(|it| number(it.0));
                stats.max = extremes.map(|it| number(it.1));
            }
            Partial::Stats(Box::new(stats))
        };
        Ok(buckets.iter().map(|it| take(*it as usize)).collect())
    }
}
