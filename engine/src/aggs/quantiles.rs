//! The distribution of numbers: every value while they are few, then a histogram with relative error.
//!
//! Up to [`EXACT_MAX`] values are kept and quantiles interpolate between neighbours. More become counts of bins that are
//! 1/256 of their magnitude wide (the leading bits of the double: no logarithm per value), so an answer is within
//! 0.4 % of a true value at that rank. Which of the two depends on the number of values alone and bins add up, so the
//! answer has the same bits whatever was merged in which order, which a t-digest cannot promise.

use serde::{Deserialize, Serialize};

use crate::columns::{FieldColumn, OrderedF64};

/// Values that are kept as they are.
pub(crate) const EXACT_MAX: usize = 4_096;

/// Bits of the double's mantissa that name a bin.
const MANTISSA_BITS: u32 = 8;
const SHIFT: u32 = 52 - MANTISSA_BITS;

/// A distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Quantiles {
    /// Sorted values.
    Exact(Vec<OrderedF64>),
    /// Sorted bins with their counts, and the extreme values.
    Bins { bins: Vec<(u32, u64)>, min: OrderedF64, max: OrderedF64 },
}

impl Default for Quantiles {
    fn default() -> Self {
        Quantiles::Exact(Vec::new())
    }
}

impl Quantiles {
    /// The distribution of `values`, in any order.
    pub(crate) fn from_values(mut values: Vec<OrderedF64>) -> Self {
        values.sort_unstable();
        let mut quantiles = Quantiles::Exact(values);
        quantiles.shrink();
        quantiles
    }

    /// Adds another distribution.
    pub(crate) fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (Quantiles::Exact(mine), Quantiles::Exact(theirs)) => {
                mine.extend(theirs);
                mine.sort_unstable();
                self.shrink();
            }
            (Quantiles::Bins { .. }, Quantiles::Exact(theirs)) => {
                if let Some(theirs) = to_bins(&theirs) {
                    self.merge(theirs);
                }
            }
            (Quantiles::Exact(mine), theirs @ Quantiles::Bins { .. }) => {
                let mine = to_bins(mine);
                *self = theirs;
                if let Some(mine) = mine {
                    self.merge(mine);
                }
            }
            (Quantiles::Bins { bins, min, max }, Quantiles::Bins { bins: theirs, min: their_min, max: their_max }) => {
                *bins = add(bins, &theirs);
                *min = (*min).min(their_min);
                *max = (*max).max(their_max);
            }
        }
    }

    /// The value below which `percent` of the values lie; `None` without values.
    pub(crate) fn at(&self, percent: f64) -> Option<f64> {
        let fraction = (percent / 100.0).clamp(0.0, 1.0);
        match self {
            Quantiles::Exact(values) => {
                let rank = fraction * (values.len().checked_sub(1)? as f64);
                let (low, high) = (values[rank.floor() as usize].get(), values[rank.ceil() as usize].get());
                Some(if low == high { low } else { low + (high - low) * rank.fract() })
            }
            Quantiles::Bins { bins, min, max } => {
                let count: u64 = bins.iter().map(|it| it.1).sum();
                let rank = fraction * (count - 1) as f64;
                if rank <= 0.0 {
                    return Some(min.get());
                }
                if rank >= (count - 1) as f64 {
                    return Some(max.get());
                }
                let mut before = 0.0;
                for &(bin, count) in bins {
                    let count = count as f64;
                    if rank < before + count {
                        let (low, high) = bounds(bin);
                        let value = low + (high - low) * ((rank - before + 0.5) / count).min(1.0);
                        return Some(value.clamp(min.get(), max.get()));
                    }
                    before += count;
                }
                Some(max.get())
            }
        }
    }

    /// The smallest or, with `largest`, the largest value between two bounds.
    pub(crate) fn extreme_within(&self, low: f64, high: f64, largest: bool) -> Option<f64> {
        let fits = |it: &f64| (low..=high).contains(it);
        let values: Vec<f64> = match self {
            Quantiles::Exact(values) => values.iter().map(|it| it.get()).filter(fits).collect(),
            Quantiles::Bins { bins, .. } => bins.iter().map(|it| bounds(it.0).0).filter(fits).collect(),
        };
        if largest { values.last().copied() } else { values.first().copied() }
    }

    /// The median of the distances from the median; `None` without values.
    pub(crate) fn median_deviation(&self) -> Option<f64> {
        let median = self.at(50.0)?;
        match self {
            Quantiles::Exact(values) => Quantiles::from_values(values.iter().map(|it| OrderedF64::new((it.get() - median).abs())).collect()).at(50.0),
            Quantiles::Bins { bins, .. } => {
                // Each bin stands at its middle.
                let distance = |&(bin, count): &(u32, u64)| {
                    let (low, high) = bounds(bin);
                    (OrderedF64::new((low + (high - low) / 2.0 - median).abs()), count)
                };
                let mut distances: Vec<(OrderedF64, u64)> = bins.iter().map(distance).collect();
                distances.sort_unstable();
                let half = distances.iter().map(|it| it.1).sum::<u64>().div_ceil(2);
                let mut before = 0;
                let middle = distances.iter().find(|it| {
                    before += it.1;
                    before >= half
                });
                middle.map(|it| it.0.get())
            }
        }
    }

    /// The percentage of values that are at most `value`; `None` without values.
    pub(crate) fn rank_of(&self, value: f64) -> Option<f64> {
        let key = OrderedF64::new(value);
        match self {
            Quantiles::Exact(values) if values.is_empty() => None,
            Quantiles::Exact(values) => Some(100.0 * values.partition_point(|it| *it <= key) as f64 / values.len() as f64),
            Quantiles::Bins { bins, min, max } => {
                if key < *min {
                    return Some(0.0);
                }
                if key >= *max {
                    return Some(100.0);
                }
                let total: u64 = bins.iter().map(|it| it.1).sum();
                let bin = bin_of(value);
                let below: u64 = bins.iter().take_while(|it| it.0 < bin).map(|it| it.1).sum();
                let inside = bins.iter().find(|it| it.0 == bin).map_or(0.0, |&(bin, count)| {
                    let (low, high) = bounds(bin);
                    count as f64 * ((value - low) / (high - low)).clamp(0.0, 1.0)
                });
                Some(100.0 * (below as f64 + inside) / total as f64)
            }
        }
    }

    fn shrink(&mut self) {
        if let Quantiles::Exact(values) = self
            && values.len() > EXACT_MAX
            && let Some(bins) = to_bins(values)
        {
            *self = bins;
        }
    }
}

/// Collects values in bounded memory.
///
/// Values wait in a list and are counted when it is full, thousands at a time: with a builder per bucket the counters of all of them
/// do not fit a cache, those of one do.
#[derive(Debug, Default)]
pub(crate) struct QuantilesBuilder {
    pending: Vec<OrderedF64>,
    /// Counts by bin from `first_bin` on; empty while all values are pending.
    counts: Vec<u32>,
    first_bin: u32,
    extremes: Option<(OrderedF64, OrderedF64)>,
}

/// Values that wait once counting has begun.
const BATCH: usize = 1_024;

impl QuantilesBuilder {
    /// Adds a value; gives the bytes of memory that took.
    #[inline]
    pub(crate) fn add(&mut self, value: f64) -> usize {
        if self.pending.len() == self.pending.capacity() {
            return self.add_slowly(value);
        }
        self.pending.push(OrderedF64::new(value));
        0
    }

    fn add_slowly(&mut self, value: f64) -> usize {
        let before = self.memory_bytes();
        if self.extremes.is_some() || self.pending.len() >= EXACT_MAX {
            self.count_pending();
            self.pending = Vec::with_capacity(BATCH);
        }
        self.pending.push(OrderedF64::new(value));
        self.memory_bytes().saturating_sub(before)
    }

    /// The distribution.
    pub(crate) fn finish(mut self) -> Quantiles {
        if self.extremes.is_none() {
            return Quantiles::from_values(self.pending);
        }
        self.count_pending();
        let Some((min, max)) = self.extremes else { return Quantiles::default() };
        let first = self.first_bin;
        let filled = self.counts.iter().enumerate().filter(|it| *it.1 > 0);
        Quantiles::Bins { bins: filled.map(|(at, count)| (first + at as u32, u64::from(*count))).collect(), min, max }
    }

    fn memory_bytes(&self) -> usize {
        self.pending.capacity() * size_of::<OrderedF64>() + self.counts.capacity() * size_of::<u32>()
    }

    fn count_pending(&mut self) {
        let (Some(low), Some(high)) = (self.pending.iter().min(), self.pending.iter().max()) else { return };
        let (low, high) = self.extremes.map_or((*low, *high), |it| (it.0.min(*low), it.1.max(*high)));
        self.extremes = Some((low, high));
        let (first, last) = (bin_of(low.get()), bin_of(high.get()));
        if self.counts.is_empty() {
            self.first_bin = first;
        } else if first < self.first_bin {
            self.counts.splice(0..0, std::iter::repeat_n(0, (self.first_bin - first) as usize));
            self.first_bin = first;
        }
        let wanted = (last - self.first_bin) as usize + 1;
        if wanted > self.counts.len() {
            self.counts.resize(wanted, 0);
        }
        for value in self.pending.drain(..) {
            self.counts[(bin_of(value.get()) - self.first_bin) as usize] += 1;
        }
    }
}

/// The bin of a value: its leading bits, in the order of values.
fn bin_of(value: f64) -> u32 {
    // Both zeros share a bin.
    let value = if value == 0.0 { 0.0 } else { value };
    (FieldColumn::raw_of_f64(value) >> SHIFT) as u32
}

/// The values of a bin lie between these, the first included.
fn bounds(bin: u32) -> (f64, f64) {
    let low = FieldColumn::f64(u64::from(bin) << SHIFT);
    let high = FieldColumn::f64((u64::from(bin) << SHIFT) | ((1 << SHIFT) - 1));
    (low, high)
}

fn to_bins(values: &[OrderedF64]) -> Option<Quantiles> {
    let min = *values.iter().min()?;
    let max = *values.iter().max()?;
    let mut sorted: Vec<u32> = values.iter().map(|it| bin_of(it.get())).collect();
    sorted.sort_unstable();
    let bins = sorted.chunk_by(|a, b| a == b).map(|it| (it[0], it.len() as u64)).collect();
    Some(Quantiles::Bins { bins, min, max })
}

fn add(a: &[(u32, u64)], b: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => {
                out.push(a[i]);
                i += 1;
            }
            std::cmp::Ordering::Greater => {
                out.push(b[j]);
                j += 1;
            }
            std::cmp::Ordering::Equal => {
                out.push((a[i].0, a[i].1 + b[j].1));
                i += 1;
                j += 1;
            }
        }
    }
    out.extend_from_slice(&a[i..]);
    out.extend_from_slice(&b[j..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: u64) -> Vec<f64> {
        (0..count).map(|it| ((it.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64).powi(2) / 1000.0 - 5.0).collect()
    }

    fn built(values: &[f64]) -> Quantiles {
        let mut builder = QuantilesBuilder::default();
        for value in values {
            builder.add(*value);
        }
        builder.finish()
    }

    #[test]
    fn few_values_interpolate() {
        let quantiles = built(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(quantiles.at(0.0), Some(1.0));
        assert_eq!(quantiles.at(50.0), Some(2.5));
        assert_eq!(quantiles.at(100.0), Some(4.0));
        assert_eq!(quantiles.rank_of(3.0), Some(75.0));
        assert_eq!(Quantiles::default().at(50.0), None);
    }

    #[test]
    fn many_values_are_within_the_promised_error() {
        let values = values(50_000);
        let quantiles = built(&values);
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        for percent in [0.0, 1.0, 5.0, 25.0, 50.0, 95.0, 99.0, 99.9, 100.0] {
            let exact = sorted[(percent / 100.0 * 49_999.0_f64).round() as usize];
            let found = quantiles.at(percent).unwrap();
            assert!((found - exact).abs() <= 0.006 * exact.abs(), "{percent}: {found} for {exact}");
            assert!((quantiles.rank_of(exact).unwrap() - percent).abs() < 0.5, "{percent}");
        }
    }

    #[test]
    fn merging_in_any_grouping_gives_the_same_bytes() {
        for count in [10, EXACT_MAX as u64, EXACT_MAX as u64 + 1, 30_000] {
            let mut values = values(count);
            values.push(-0.0);
            values.push(1e250);
            values.extend((0..9000).map(|it| -1e-200 * f64::from(it)).take(if count > 20_000 { 9000 } else { 0 }));
            let whole = built(&values);
            for parts in [2, 5, 9] {
                let mut merged = Quantiles::default();
                for part in values.chunks(values.len() / parts + 1).rev() {
                    merged.merge(built(part));
                }
                assert_eq!(merged, whole, "{count} {parts}");
            }
        }
    }
}
