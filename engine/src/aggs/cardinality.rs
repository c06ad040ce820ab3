//! `cardinality`: how many distinct values; exact up to `precision_threshold`, then within about one percent.
//!
//! Keywords are hashed once per distinct value, never per document: a segment collects ordinals in a bit set per bucket, or, where
//! buckets × dictionary is too large for that, looks hashes up in a table by ordinal.

use serde_json::{Map, Value};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::distinct::{Distinct, DistinctBuilder, THRESHOLD_DEFAULT, THRESHOLD_MAX, hash_bytes, hash_number};
use crate::aggs::partial::Partial;
use crate::aggs::render::Renderer;
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::columns::{FieldColumn, Key, Repeats};
use crate::error::QueryError;
use crate::mapping::ColumnKind;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Cardinality {
    source: Source,
    threshold: usize,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "cardinality"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "precision_threshold", "rehash", "execution_hint"])?;
        if let Some(it) = body.f64("precision_threshold")?.filter(|it| *it < 0.0) {
            return Err(QueryError::IllegalArgument(format!(
                "[precisionThreshold] must be greater than or equal to 0. Found [{it}] in [{}]",
                body.name
            )));
        }
        let threshold = body.u64("precision_threshold")?.map_or(THRESHOLD_DEFAULT, |it| THRESHOLD_MAX.min(it as usize));
        Ok(Box::new(Cardinality { source: Source::parse(body)?, threshold }))
    }
}

impl Aggregation for Cardinality {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(CardinalityPlan { source: self.source.plan(Accepts::Any, ctx)?, threshold: self.threshold }))
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        Ok(Map::from_iter([("value".to_owned(), count(&partial).into())]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "cardinality"
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        matches!(key, None | Some("value"))
    }

    fn measure(&self, partial: &Partial, _key: Option<&str>) -> f64 {
        count(partial) as f64
    }
}

fn count(partial: &Partial) -> u64 {
    if let Partial::Distinct { set, .. } = partial { set.count() } else { 0 }
}

struct CardinalityPlan {
    source: SourcePlan,
    threshold: usize,
}

/// Bits of all buckets' sets together: 16 MB.
const BITS_MAX: usize = 1 << 27;

/// Below this many bits a set is cheaper than anything else, whatever the segment's size.
const BITS_MIN: usize = 1 << 18;

impl Plan for CardinalityPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, _subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let values = self.source.open(segment)?;
        let threshold = self.threshold;
        let Some((base, last)) = values.bounds() else {
            return Ok(Box::new(BitsCollector { values, threshold, base: 0, words: 0, bits: Vec::new() }));
        };
        let bits_max = BITS_MIN.max(BITS_MAX.min(segment.reader.max_doc() as usize * 256));
        let width = usize::try_from(last - base).ok().and_then(|it| it.checked_add(1));
        let words = width.map(|it| it.div_ceil(64));
        match words.filter(|it| it.checked_mul(64).and_then(|it| it.checked_mul(parents)).is_some_and(|it| it <= bits_max)) {
            Some(words) => Ok(Box::new(BitsCollector { values, threshold, base, words, bits: Vec::new() })),
            None => {
                let hashes = if values.column.kind() == ColumnKind::Ordinal { Some(hashes_by_ordinal(&values)?) } else { None };
                Ok(Box::new(HashCollector { values, threshold, hashes, builders: Vec::new() }))
            }
        }
    }
}

fn hash_key(key: &Key) -> u64 {
    match key {
        Key::I64(it) => hash_number(*it as u64),
        // A whole double is the same value as the whole number, where indices map the field differently.
        Key::F64(it) => hash_double(it.get()),
        Key::Bytes(it) => hash_bytes(it),
    }
}

fn hash_double(value: f64) -> u64 {
    let whole = value as i64;
    if whole as f64 == value && whole.unsigned_abs() < 1 << 53 { hash_number(whole as u64) } else { hash_number(value.to_bits()) }
}

fn hashes_by_ordinal(values: &Values) -> Result<Vec<u64>, QueryError> {
    let mut hashes = Vec::with_capacity(values.column.terms() as usize + 1);
    values.column.each_dictionary_entry(|_, bytes| hashes.push(hash_bytes(bytes)))?;
    hashes.extend(values.foreign_stand_in().map(|it| hash_key(it.1)));
    Ok(hashes)
}

fn partial(set: Distinct, threshold: usize) -> Partial {
    Partial::Distinct { set, threshold: threshold as u32 }
}

/// Bit sets of raw values, one per bucket.
struct BitsCollector {
    values: Values,
    threshold: usize,
    base: u64,
    /// 64-bit words of one bucket's set.
    words: usize,
    bits: Vec<u64>,
}

impl Collector for BitsCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let Self { values, base, words, bits, .. } = self;
        let wanted = buckets.iter().max().map_or(0, |it| (*it as usize + 1) * *words);
        if wanted > bits.len() {
            budget.charge((wanted - bits.len()) * size_of::<u64>())?;
            bits.resize(wanted, 0);
        }
        values.each(docs, Repeats::Keep, |at, raw| {
            let bit = (raw - *base) as usize;
            bits[buckets[at] as usize * *words + bit / 64] |= 1 << (bit % 64);
        });
        Ok(())
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { values, threshold, base, words, bits } = *self;
        let set_of = |bucket: u32| bits.get(bucket as usize * words..(bucket as usize + 1) * words).unwrap_or_default();
        // Values in any wanted bucket are hashed once.
        let mut any = vec![0u64; words];
        buckets.iter().for_each(|it| any.iter_mut().zip(set_of(*it)).for_each(|(a, b)| *a |= b));
        let raws: Vec<u64> = ones(&any).map(|it| base + it as u64).collect();
        let hashes: Vec<u64> = values.keys(&raws)?.iter().map(hash_key).collect();
        // Position of a value's hash: the values before it, counted per word.
        let mut before = Vec::with_capacity(words);
        let mut total = 0;
        for word in &any {
            before.push(total);
            total += word.count_ones() as usize;
        }
        let rank = |bit: usize| before[bit / 64] + (any[bit / 64] & ((1 << (bit % 64)) - 1)).count_ones() as usize;
        Ok(buckets
            .iter()
            .map(|it| partial(Distinct::from_hashes(ones(set_of(*it)).map(|bit| hashes[rank(bit)]).collect(), threshold), threshold))
            .collect())
    }
}

/// Positions of the ones, ascending.
fn ones(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(at, &word)| {
        std::iter::successors((word != 0).then_some(word), |it| Some(it & (it - 1)).filter(|it| *it != 0))
            .map(move |it| at * 64 + it.trailing_zeros() as usize)
    })
}

/// Sets of hashes, one per bucket.
struct HashCollector {
    values: Values,
    threshold: usize,
    /// By ordinal; `None` for numbers, whose hash is a few instructions.
    hashes: Option<Vec<u64>>,
    builders: Vec<DistinctBuilder>,
}

impl Collector for HashCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let is_double = self.values.column.kind() == ColumnKind::F64;
        let Self { values, threshold, hashes, builders } = self;
        let wanted = buckets.iter().max().map_or(0, |it| *it as usize + 1);
        if wanted > builders.len() {
            budget.charge((wanted - builders.len()) * size_of::<DistinctBuilder>())?;
            builders.resize_with(wanted, DistinctBuilder::default);
        }
        let mut grown = 0;
        values.each(docs, Repeats::Keep, |at, raw| {
            let hash = match hashes {
                Some(hashes) => hashes[raw as usize],
                None if is_double => hash_double(FieldColumn::f64(raw)),
                None => hash_number(FieldColumn::i64(raw) as u64),
            };
            grown += builders[buckets[at] as usize].add(hash, *threshold);
        });
        budget.charge(grown)
    }

    fn finish(mut self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let threshold = self.threshold;
        let mut set_of = |bucket: u32| self.builders.get_mut(bucket as usize).map(std::mem::take).unwrap_or_default().finish(threshold);
        Ok(buckets.iter().map(|it| partial(set_of(*it), threshold)).collect())
    }
}
