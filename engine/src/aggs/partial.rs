//! What an aggregation knows of some documents, in a form that can be added up, cached and sent: no ordinals, no plans, only values.
//!
//! Adding is associative and commutative to the bit (whole-number counts, exact sums, sets, bins): whatever the segments, and in
//! whatever order they answer, the result has the same bits. `Partial::None` is the neutral element.

use serde::{Deserialize, Serialize};

use crate::aggs::auto_date_histogram::AutoDates;
use crate::aggs::distinct::Distinct;
use crate::aggs::exact_sum::ExactSum;
use crate::aggs::quantiles::Quantiles;
use crate::aggs::string_stats::StringStats;
use crate::aggs::top_hits::TopHits;
use crate::aggs::weighted_avg::Weighted;
use crate::columns::{Key, OrderedF64};
use crate::mapping::{FieldType, MappedField};

/// Partial results of sibling aggregations, in the order of the request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partials(pub(crate) Vec<Partial>);

impl Partials {
    /// Adds the results of other documents.
    pub fn merge(&mut self, other: Partials) {
        merge_lists(&mut self.0, other.0);
    }

    /// Adds many results, pairwise, so that long bucket lists are copied a logarithmic number of times.
    pub fn merge_all(mut all: Vec<Partials>) -> Partials {
        while all.len() > 1 {
            let mut halved = Vec::with_capacity(all.len().div_ceil(2));
            let mut rest = all.into_iter();
            while let Some(mut first) = rest.next() {
                if let Some(second) = rest.next() {
                    first.merge(second);
                }
                halved.push(first);
            }
            all = halved;
        }
        all.pop().unwrap_or_default()
    }

    /// Bytes of memory, roughly: for a cache's budget.
    pub fn memory_bytes(&self) -> usize {
        self.0.iter().map(Partial::memory_bytes).sum::<usize>() + size_of::<Self>()
    }
}

/// The partial result of one aggregation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Partial {
    /// No document was seen.
    #[default]
    None,
    /// Buckets that the values make.
    Keyed(Keyed),
    /// Buckets that the values of several fields make; keys are encoded tuples.
    Tuples { kinds: Vec<ValueKind>, keyed: Keyed },
    /// Buckets that the request makes.
    Slots(Slots),
    /// Numbers of a numeric field.
    Stats(Box<Stats>),
    /// Distinct values.
    Distinct { set: Distinct, threshold: u32 },
    /// A distribution of numbers.
    Quantiles { kind: ValueKind, values: Quantiles },
    /// The first documents in an order.
    TopHits(TopHits),
    /// Sums under a weighted mean.
    Weighted(Box<Weighted>),
    /// Lengths and characters of texts.
    Strings(Box<StringStats>),
    /// Buckets of time in a unit that depends on how long the time is.
    AutoDates(Box<AutoDates>),
}

/// Buckets by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Keyed {
    /// What the keys are.
    pub(crate) kind: ValueKind,
    /// Ascending by key, each key once.
    pub(crate) buckets: Vec<Bucket>,
}

/// A bucket with its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) key: Key,
    pub(crate) count: u64,
    pub(crate) subs: Vec<Partial>,
}

/// Buckets by position.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slots {
    /// What the values are that ranges compare.
    pub(crate) kind: ValueKind,
    pub(crate) slots: Vec<Slot>,
}

/// A bucket without a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) count: u64,
    pub(crate) subs: Vec<Partial>,
}

/// Numbers of a field. What the aggregation does not ask for stays at its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stats {
    pub(crate) kind: ValueKind,
    pub(crate) count: u64,
    pub(crate) sum: Total,
    pub(crate) min: Option<OrderedF64>,
    pub(crate) max: Option<OrderedF64>,
    /// Sum of the squares.
    pub(crate) squares: ExactSum,
}

/// An exact sum of whole numbers and of doubles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Total {
    pub(crate) whole: i128,
    pub(crate) real: ExactSum,
}

impl Total {
    /// The sum, rounded to the nearest double.
    pub(crate) fn value(&self) -> f64 {
        if self.real == ExactSum::default() {
            return self.whole as f64;
        }
        // Both kinds meet only where indices map a field differently; whole sums beyond 2^53 are rounded once more there.
        let mut all = self.real.clone();
        all.add(self.whole as f64);
        all.value()
    }
}

/// What the values of a field are, as far as the answer shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ValueKind {
    /// No index has the field.
    #[default]
    Unmapped,
    Keyword,
    Ip,
    Boolean,
    Long,
    Double,
    /// A date with the format of its mapping.
    Date(Option<String>),
    /// Indices disagree.
    Conflict,
}

impl ValueKind {
    /// The kind of a mapped field's values.
    pub(crate) fn of(field: &MappedField) -> Self {
        match field.kind {
            FieldType::Keyword | FieldType::Wildcard | FieldType::Text | FieldType::MatchOnlyText => ValueKind::Keyword,
            FieldType::Ip => ValueKind::Ip,
            FieldType::Boolean => ValueKind::Boolean,
            FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => ValueKind::Long,
            FieldType::Double | FieldType::Float => ValueKind::Double,
            FieldType::Date => ValueKind::Date(field.format.clone()),
        }
    }

    /// The kind that values of both kinds have.
    pub(crate) fn merge(&mut self, other: Self) {
        use ValueKind::{Boolean, Conflict, Date, Double, Ip, Keyword, Long, Unmapped};
        let mine = std::mem::take(self);
        *self = match (mine, other) {
            (Unmapped, it) | (it, Unmapped) => it,
            (Conflict, _) | (_, Conflict) => Conflict,
            // Two formats: the smaller text, so that the order of merging does not matter.
            (Date(a), Date(b)) => Date(a.min(b)),
            (a, b) if a == b => a,
            (Keyword | Ip, _) | (_, Keyword | Ip) => Conflict,
            (Double, _) | (_, Double) => Double,
            (Long | Boolean | Date(_), Long | Boolean | Date(_)) => Long,
        };
    }
}

impl Partial {
    /// Adds the result of other documents. Both are of one aggregation, so they are of one variant.
    pub(crate) fn merge(&mut self, other: Partial) {
        match (&mut *self, other) {
            (_, Partial::None) => {}
            (Partial::None, it) => *self = it,
            (Partial::Keyed(mine), Partial::Keyed(theirs)) => mine.merge(theirs),
            (Partial::Tuples { kinds, keyed }, Partial::Tuples { kinds: their_kinds, keyed: theirs }) => {
                kinds.iter_mut().zip(their_kinds).for_each(|(mine, theirs)| mine.merge(theirs));
                keyed.merge(theirs);
            }
            (Partial::Slots(mine), Partial::Slots(theirs)) => {
                mine.kind.merge(theirs.kind);
                for (at, slot) in theirs.slots.into_iter().enumerate() {
                    match mine.slots.get_mut(at) {
                        Some(it) => {
                            it.count += slot.count;
                            merge_lists(&mut it.subs, slot.subs);
                        }
                        None => mine.slots.push(slot),
                    }
                }
            }
            (Partial::Stats(mine), Partial::Stats(theirs)) => mine.merge(*theirs),
            (Partial::Distinct { set, threshold }, Partial::Distinct { set: theirs, .. }) => set.merge(theirs, *threshold as usize),
            (Partial::Quantiles { kind, values }, Partial::Quantiles { kind: their_kind, values: theirs }) => {
                kind.merge(their_kind);
                values.merge(theirs);
            }
            (Partial::TopHits(mine), Partial::TopHits(theirs)) => mine.merge(theirs),
            (Partial::Weighted(mine), Partial::Weighted(theirs)) => mine.merge(*theirs),
            (Partial::Strings(mine), Partial::Strings(theirs)) => mine.merge(*theirs),
            (Partial::AutoDates(mine), Partial::AutoDates(theirs)) => mine.merge(*theirs),
            (mine, theirs) => unreachable!("partial results of different aggregations: {mine:?} and {theirs:?}"),
        }
    }

    fn memory_bytes(&self) -> usize {
        let lists = |subs: &[Partial]| subs.iter().map(Partial::memory_bytes).sum::<usize>();
        size_of::<Self>()
            + match self {
                Partial::None => 0,
                Partial::Keyed(it) | Partial::Tuples { keyed: it, .. } => {
                    it.buckets.iter().map(|it| size_of::<Bucket>() + key_bytes(&it.key) + lists(&it.subs)).sum()
                }
                Partial::Slots(it) => it.slots.iter().map(|it| size_of::<Slot>() + lists(&it.subs)).sum(),
                Partial::Stats(_) => size_of::<Stats>() + 64,
                Partial::Distinct { set: Distinct::Exact(it), .. } => it.len() * 8,
                Partial::Distinct { set: Distinct::Sketch(it), .. } => it.len(),
                Partial::Quantiles { values: Quantiles::Exact(it), .. } => it.len() * 8,
                Partial::Quantiles { values: Quantiles::Bins { bins, .. }, .. } => bins.len() * 16,
                Partial::TopHits(it) => it.hits.len() * 128,
                Partial::Weighted(_) => size_of::<Weighted>() + 128,
                Partial::AutoDates(it) => {
                    size_of::<AutoDates>() + it.keyed.buckets.iter().map(|it| size_of::<Bucket>() + lists(&it.subs)).sum::<usize>()
                }
                Partial::Strings(it) => size_of::<StringStats>() + it.characters.len() * 16,
            }
    }
}

fn key_bytes(key: &Key) -> usize {
    if let Key::Bytes(it) = key { it.len() } else { 0 }
}

pub(crate) fn merge_lists(mine: &mut Vec<Partial>, theirs: Vec<Partial>) {
    if mine.is_empty() {
        *mine = theirs;
        return;
    }
    mine.iter_mut().zip(theirs).for_each(|(a, b)| a.merge(b));
}

impl Keyed {
    /// Adds the buckets of other documents.
    pub(crate) fn merge(&mut self, mut theirs: Keyed) {
        self.kind.merge(std::mem::take(&mut theirs.kind));
        if self.kind == ValueKind::Double {
            // Indices that map the field as long and as double: all keys become doubles.
            self.widen();
            theirs.widen();
        }
        if theirs.buckets.is_empty() {
            return;
        }
        let mine = std::mem::take(&mut self.buckets);
        let mut merged = Vec::with_capacity(mine.len().max(theirs.buckets.len()));
        let (mut left, mut right) = (mine.into_iter().peekable(), theirs.buckets.into_iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            match a.key.cmp(&b.key) {
                std::cmp::Ordering::Less => merged.extend(left.next()),
                std::cmp::Ordering::Greater => merged.extend(right.next()),
                std::cmp::Ordering::Equal => {
                    if let (Some(mut a), Some(b)) = (left.next(), right.next()) {
                        a.count += b.count;
                        merge_lists(&mut a.subs, b.subs);
                        merged.push(a);
                    }
                }
            }
        }
        merged.extend(left);
        merged.extend(right);
        self.buckets = merged;
    }

    fn widen(&mut self) {
        if !self.buckets.iter().any(|it| matches!(it.key, Key::I64(_))) {
            return;
        }
        for bucket in &mut self.buckets {
            if let Key::I64(it) = bucket.key {
                bucket.key = Key::from_f64(it as f64);
            }
        }
        // Different whole numbers beyond 2^53 can be one double.
        self.buckets.sort_by(|a, b| a.key.cmp(&b.key));
        self.buckets.dedup_by(|next, kept| {
            let same = next.key == kept.key;
            if same {
                kept.count += next.count;
                merge_lists(&mut kept.subs, std::mem::take(&mut next.subs));
            }
            same
        });
    }
}

impl Stats {
    fn merge(&mut self, theirs: Stats) {
        self.kind.merge(theirs.kind);
        self.count += theirs.count;
        self.sum.whole += theirs.sum.whole;
        self.sum.real.merge(theirs.sum.real);
        self.squares.merge(theirs.squares);
        self.min = match (self.min, theirs.min) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.max = self.max.max(theirs.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(kind: ValueKind, keys: &[(Key, u64)]) -> Partial {
        let buckets = keys.iter().map(|(key, count)| Bucket { key: key.clone(), count: *count, subs: Vec::new() }).collect();
        Partial::Keyed(Keyed { kind, buckets })
    }

    #[test]
    fn long_and_double_keys_meet_as_doubles_in_either_order() {
        let long = keyed(ValueKind::Long, &[(Key::I64(1), 2), (Key::I64(3), 1)]);
        let double = keyed(ValueKind::Double, &[(Key::from_f64(1.0), 5), (Key::from_f64(2.5), 1)]);
        let expected = keyed(ValueKind::Double, &[(Key::from_f64(1.0), 7), (Key::from_f64(2.5), 1), (Key::from_f64(3.0), 1)]);
        for (a, b) in [(&long, &double), (&double, &long)] {
            let mut merged = a.clone();
            merged.merge(b.clone());
            assert_eq!(merged, expected);
        }
    }

    #[test]
    fn a_partial_survives_the_wire() {
        let mut stats = Stats { count: 3, kind: ValueKind::Double, min: Some(OrderedF64::new(-2.5)), ..Stats::default() };
        stats.sum.real.add(0.1);
        stats.sum.whole = i128::MIN;
        let subs = vec![Partial::Stats(Box::new(stats)), Partial::None];
        let bucket = Bucket { key: Key::Bytes(b"DMZ".as_slice().into()), count: 7, subs };
        let partials = Partials(vec![Partial::Keyed(Keyed { kind: ValueKind::Keyword, buckets: vec![bucket] })]);
        let bytes = postcard::to_stdvec(&partials).unwrap();
        assert_eq!(postcard::from_bytes::<Partials>(&bytes).unwrap(), partials);
    }

    #[test]
    fn a_keyword_and_a_number_conflict() {
        let mut merged = keyed(ValueKind::Keyword, &[(Key::Bytes(b"80".as_slice().into()), 1)]);
        merged.merge(keyed(ValueKind::Long, &[(Key::I64(80), 1)]));
        let Partial::Keyed(it) = merged else { unreachable!("keyed stays keyed") };
        assert_eq!(it.kind, ValueKind::Conflict);
    }
}
