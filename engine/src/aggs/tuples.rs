//! Buckets by several values at once, which `composite` and `multi_terms` share: each combination of a document's values is a tuple.
//!
//! In a segment tuples of raw values are numbered as they appear; what leaves it is an encoding whose byte order is the order of the
//! tuples, so that partial results add up like those of any keyed aggregation.

use std::collections::HashMap;

use tantivy::DocId;

use crate::aggs::cells::Budget;
use crate::aggs::grouping::{Group, Grouping};
use crate::aggs::partial::{Bucket, Keyed, Partial, ValueKind, merge_lists};
use crate::aggs::render::check_kind;
use crate::aggs::rounding::Rounding;
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggPlan, Collector, Plan, SegmentContext};
use crate::columns::{FieldColumn, Key, Repeats};
use crate::error::QueryError;
use crate::mapping::ColumnKind;

/// One place of the tuples.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) source: Source,
    pub(crate) shape: Shape,
    /// Whether documents without a value have a place without one; else they are in no bucket.
    pub(crate) missing_bucket: bool,
}

/// What becomes of a value.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// It stands for itself.
    Value,
    /// The start of its interval of time.
    Time(Rounding),
    /// The start of its interval of this length.
    Number(f64),
}

/// Plans a collection of tuples.
pub(crate) fn plan(places: &[Place], ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
    let place = |it: &Place| {
        let accepts = match it.shape {
            Shape::Value => Accepts::Any,
            Shape::Time(_) => Accepts::Dates,
            Shape::Number(_) => Accepts::Numbers,
        };
        Ok(PlannedPlace { source: it.source.plan(accepts, ctx)?, place: it.clone() })
    };
    Ok(Box::new(TuplesPlan { places: places.iter().map(place).collect::<Result<_, QueryError>>()? }))
}

/// A tuple with its bucket.
pub(crate) struct Row {
    /// `None`: no value in this place.
    pub(crate) keys: Vec<Option<Key>>,
    pub(crate) bucket: Bucket,
}

/// Kinds and rows of a partial result, ascending.
///
/// # Errors
/// Indices that disagree about a field's type.
pub(crate) fn of(partial: Partial, places: &[Place]) -> Result<(Vec<ValueKind>, Vec<Row>), QueryError> {
    let Partial::Tuples { kinds, keyed } = partial else { return Ok((vec![ValueKind::Unmapped; places.len()], Vec::new())) };
    for (kind, place) in kinds.iter().zip(places) {
        check_kind(kind, &place.source.field)?;
    }
    let mut widened = false;
    let mut rows: Vec<Row> = keyed
        .buckets
        .into_iter()
        .map(|bucket| {
            let mut keys = keys_of(&bucket.key);
            for (key, kind) in keys.iter_mut().zip(&kinds) {
                // Indices that map the field as long and as double: all keys become doubles.
                if let (Some(Key::I64(it)), ValueKind::Double) = (&*key, kind) {
                    *key = Some(Key::from_f64(*it as f64));
                    widened = true;
                }
            }
            Row { keys, bucket }
        })
        .collect();
    if widened {
        for row in &mut rows {
            row.bucket.key = Key::Bytes(encode(&row.keys).into());
        }
        rows.sort_by(|a, b| a.bucket.key.cmp(&b.bucket.key));
        rows.dedup_by(|next, kept| {
            let same = next.bucket.key == kept.bucket.key;
            if same {
                kept.bucket.count += next.bucket.count;
                merge_lists(&mut kept.bucket.subs, std::mem::take(&mut next.bucket.subs));
            }
            same
        });
    }
    Ok((kinds, rows))
}

/// The tuple of a bucket's key.
pub(crate) fn keys_of(key: &Key) -> Vec<Option<Key>> {
    if let Key::Bytes(it) = key { decode(it) } else { Vec::new() }
}

struct PlannedPlace {
    place: Place,
    source: SourcePlan,
}

struct TuplesPlan {
    places: Vec<PlannedPlace>,
}

impl Plan for TuplesPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let place = |it: &PlannedPlace| {
            let kind = match it.place.shape {
                Shape::Number(_) if !it.source.is_unmapped() => ValueKind::Double,
                _ => it.source.kind.clone(),
            };
            let (shape, missing_bucket) = (it.place.shape.clone(), it.place.missing_bucket);
            Ok(SegmentPlace { kind, values: it.source.open(segment)?, shape, missing_bucket, lists: Vec::new() })
        };
        Ok(Box::new(TuplesCollector {
            places: self.places.iter().map(place).collect::<Result<_, QueryError>>()?,
            numbers: HashMap::new(),
            tuples: Vec::new(),
            charged: 0,
            // No bounds: how many tuples there will be is not known.
            grouping: Grouping::new(segment, parents, Some((0, u64::MAX)), subs)?,
        }))
    }
}

struct SegmentPlace {
    kind: ValueKind,
    values: Values,
    shape: Shape,
    missing_bucket: bool,
    /// Per document of the block its raw values.
    lists: Vec<Vec<Option<u64>>>,
}

impl SegmentPlace {
    fn read(&mut self, docs: &[DocId]) {
        let Self { values, shape, lists, .. } = self;
        lists.iter_mut().for_each(Vec::clear);
        lists.resize(docs.len().max(lists.len()), Vec::new());
        let is_double = values.column.kind() == ColumnKind::F64;
        values.each(docs, Repeats::Drop, |at, raw| {
            let raw = match shape {
                Shape::Value => raw,
                Shape::Time(rounding) => FieldColumn::raw_of_i64(rounding.round(FieldColumn::i64(raw))),
                Shape::Number(interval) => {
                    let value = if is_double { FieldColumn::f64(raw) } else { FieldColumn::i64(raw) as f64 };
                    // The sum turns a negative zero into zero.
                    FieldColumn::raw_of_f64((value / *interval).floor() * *interval + 0.0)
                }
            };
            lists[at].push(Some(raw));
        });
        for list in lists.iter_mut().take(docs.len()) {
            list.sort_unstable();
            list.dedup();
            if list.is_empty() && self.missing_bucket {
                list.push(None);
            }
        }
    }

    /// The keys of raw values, which must be ascending.
    fn keys(&self, raws: &[u64]) -> Result<Vec<Key>, QueryError> {
        match self.shape {
            Shape::Value => self.values.keys(raws),
            Shape::Time(_) => Ok(raws.iter().map(|it| Key::I64(FieldColumn::i64(*it))).collect()),
            Shape::Number(_) => Ok(raws.iter().map(|it| Key::from_f64(FieldColumn::f64(*it))).collect()),
        }
    }
}

type Tuple = Box<[Option<u64>]>;

struct TuplesCollector {
    places: Vec<SegmentPlace>,
    numbers: HashMap<Tuple, u32>,
    tuples: Vec<Tuple>,
    charged: usize,
    grouping: Grouping,
}

/// Bytes of a numbered tuple beside its values: map entry, list entry, counters.
const TUPLE_BYTES: usize = 80;

impl TuplesCollector {
    fn number(&mut self, tuple: &[Option<u64>]) -> u32 {
        if let Some(it) = self.numbers.get(tuple) {
            return *it;
        }
        let number = self.tuples.len() as u32;
        self.tuples.push(tuple.into());
        self.numbers.insert(tuple.into(), number);
        number
    }

    fn charge(&mut self, budget: &Budget) -> Result<(), QueryError> {
        let new = self.tuples.len() - self.charged;
        self.charged = self.tuples.len();
        budget.charge(new * (TUPLE_BYTES + 2 * self.places.len() * size_of::<Option<u64>>()))
    }
}

impl Collector for TuplesCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        self.places.iter_mut().for_each(|it| it.read(docs));
        self.grouping.begin(docs.len());
        let mut tuple = vec![None; self.places.len()];
        let mut odometer = vec![0; self.places.len()];
        for (at, (&doc, &bucket)) in docs.iter().zip(buckets).enumerate() {
            if self.places.iter().any(|it| it.lists[at].is_empty()) {
                continue;
            }
            odometer.fill(0);
            'combinations: loop {
                for (value, (place, digit)) in tuple.iter_mut().zip(self.places.iter().zip(&odometer)) {
                    *value = place.lists[at][*digit];
                }
                let number = self.number(&tuple);
                self.grouping.add(bucket, u64::from(number), doc);
                // One document can have very many combinations: the budget ends them, not the memory.
                if self.tuples.len() - self.charged > 1 << 12 {
                    self.charge(budget)?;
                }
                for (digit, place) in odometer.iter_mut().zip(&self.places).rev() {
                    *digit += 1;
                    if *digit < place.lists[at].len() {
                        continue 'combinations;
                    }
                    *digit = 0;
                }
                break;
            }
        }
        self.charge(budget)?;
        self.grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { places, tuples, grouping, .. } = *self;
        let rows = grouping.finish(buckets)?;
        let mut dictionaries = Vec::with_capacity(places.len());
        for (at, place) in places.iter().enumerate() {
            let mut raws: Vec<u64> = tuples.iter().filter_map(|it| it[at]).collect();
            raws.sort_unstable();
            raws.dedup();
            let keys = place.keys(&raws)?;
            dictionaries.push((raws, keys));
        }
        let key = |group: &Group| {
            let values = tuples[group.key as usize].iter().zip(&dictionaries);
            let keys: Vec<Option<Key>> =
                values.map(|(raw, (raws, keys))| raw.map(|raw| keys[raws.partition_point(|it| *it < raw)].clone())).collect();
            Key::Bytes(encode(&keys).into())
        };
        let kinds: Vec<ValueKind> = places.iter().map(|it| it.kind.clone()).collect();
        let partial = |row: Vec<Group>| {
            let mut buckets: Vec<Bucket> = row.into_iter().map(|it| Bucket { key: key(&it), count: it.count, subs: it.subs }).collect();
            buckets.sort_unstable_by(|a, b| a.key.cmp(&b.key));
            Partial::Tuples { kinds: kinds.clone(), keyed: Keyed { kind: ValueKind::Unmapped, buckets } }
        };
        Ok(rows.into_iter().map(partial).collect())
    }
}

/// Bytes whose order is the order of the tuples: per place a tag, then a number's raw value in big-endian order, or bytes in which
/// zeros are escaped, ended by two zeros.
pub(crate) fn encode(keys: &[Option<Key>]) -> Vec<u8> {
    let mut out = Vec::new();
    for key in keys {
        match key {
            None => out.push(0),
            Some(Key::I64(it)) => {
                out.push(1);
                out.extend(FieldColumn::raw_of_i64(*it).to_be_bytes());
            }
            Some(Key::F64(it)) => {
                out.push(2);
                out.extend(FieldColumn::raw_of_f64(it.get()).to_be_bytes());
            }
            Some(Key::Bytes(bytes)) => {
                out.push(3);
                for byte in bytes.iter() {
                    out.push(*byte);
                    if *byte == 0 {
                        out.push(0xff);
                    }
                }
                out.extend([0, 0]);
            }
        }
    }
    out
}

/// The tuple of an encoding; ends where the bytes are none.
fn decode(mut bytes: &[u8]) -> Vec<Option<Key>> {
    let mut out = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        match (tag, rest.split_first_chunk()) {
            (0, _) => {
                out.push(None);
                bytes = rest;
            }
            (1, Some((raw, rest))) => {
                out.push(Some(Key::I64(FieldColumn::i64(u64::from_be_bytes(*raw)))));
                bytes = rest;
            }
            (2, Some((raw, rest))) => {
                out.push(Some(Key::from_f64(FieldColumn::f64(u64::from_be_bytes(*raw)))));
                bytes = rest;
            }
            _ => {
                let (mut text, mut at) = (Vec::new(), 0);
                while let Some(byte) = rest.get(at) {
                    at += 1;
                    if *byte == 0 {
                        at += 1;
                        if rest.get(at - 1) != Some(&0xff) {
                            break;
                        }
                    }
                    text.push(*byte);
                }
                out.push(Some(Key::Bytes(text.into())));
                bytes = rest.get(at..).unwrap_or_default();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_encodings_is_the_order_of_tuples() {
        let bytes = |it: &[u8]| Some(Key::Bytes(it.into()));
        let tuples = [
            vec![None, Some(Key::I64(7))],
            vec![bytes(b""), Some(Key::I64(-1))],
            vec![bytes(b"\0"), None],
            vec![bytes(b"\0a"), None],
            vec![bytes(b"\0\xff"), None],
            vec![bytes(b"a"), Some(Key::I64(i64::MIN))],
            vec![bytes(b"a"), Some(Key::I64(3))],
            vec![bytes(b"a\0"), Some(Key::I64(2))],
            vec![bytes(b"ab"), Some(Key::I64(1))],
        ];
        let encoded: Vec<_> = tuples.iter().map(|it| encode(it)).collect();
        assert!(encoded.is_sorted_by(|a, b| a < b), "{encoded:?}");
        for (tuple, bytes) in tuples.iter().zip(&encoded) {
            assert_eq!(&decode(bytes), tuple);
        }
        assert_eq!(decode(&encode(&[Some(Key::from_f64(-2.5))])), [Some(Key::from_f64(-2.5))]);
    }
}
