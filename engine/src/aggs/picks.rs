//! `include` and `exclude`: which values of a field make buckets. As whole values, as a pattern of keywords, or as one of several parts into
//! which a hash divides the values, so that a client can go through very many of them in several requests.

use std::collections::HashSet;

use serde_json::Value;
use tantivy::BitSet;

use crate::aggs::AggContext;
use crate::aggs::body::{Body, did_you_mean};
use crate::aggs::partial::ValueKind;
use crate::aggs::source::{Source, SourcePlan, Values};
use crate::columns::{FieldColumn, Key};
use crate::error::QueryError;
use crate::limits;
use crate::mapping::ColumnKind;

/// Which values make buckets, as a request says it.
#[derive(Clone, Debug)]
pub(crate) struct Picks {
    /// The aggregation's name, for messages.
    agg: String,
    include: Option<Pick>,
    exclude: Option<Pick>,
}

/// `include` or `exclude`.
#[derive(Clone, Debug)]
enum Pick {
    /// Values in full.
    Values(Vec<Value>),
    /// An anchored pattern of keywords.
    Pattern(regex::bytes::Regex),
    /// The values whose hash leaves that remainder.
    Part(Part),
}

/// One of several parts of all values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    number: i64,
    parts: i64,
}

impl Picks {
    /// Reads `include` and `exclude`.
    pub(crate) fn parse(body: &Body<'_>) -> Result<Self, QueryError> {
        let pick = |key: &str| body.get(key).map(|it| Pick::parse(body, key, it)).transpose();
        let (include, exclude) = (pick("include")?, pick("exclude")?);
        if matches!(exclude, Some(Pick::Part(_))) {
            return Err(body.bad("exclude", body.get("exclude").unwrap_or(&Value::Null)));
        }
        if matches!(include, Some(Pick::Part(_))) && exclude.is_some() {
            return Err(QueryError::IllegalArgument("Cannot specify any excludes when using a partition-based include".to_owned()));
        }
        Ok(Self { agg: body.name.to_owned(), include, exclude })
    }

    /// The picks in keys of a field.
    ///
    /// # Errors
    /// A pattern where the values are no texts.
    pub(crate) fn resolve(&self, source: &Source, plan: &SourcePlan, ctx: &AggContext<'_>) -> Result<ResolvedPicks, QueryError> {
        let pick = |it: &Option<Pick>| it.as_ref().map(|it| it.resolve(&self.agg, source, plan, ctx)).transpose();
        Ok(ResolvedPicks { include: pick(&self.include)?, exclude: pick(&self.exclude)? })
    }
}

impl Pick {
    fn parse(body: &Body<'_>, key: &str, value: &Value) -> Result<Self, QueryError> {
        match value {
            Value::Array(list) => Ok(Pick::Values(list.clone())),
            Value::String(pattern) => {
                let length = pattern.chars().count();
                if length > limits::REGEX_CHARS_MAX {
                    return Err(QueryError::IllegalArgument(format!(
                        "The length of regex [{length}] used in the [{key}] of [{}] has exceeded the allowed maximum of [{}]. This maximum can be set by \
                         changing the [index.max_regex_length] index level setting.",
                        body.name,
                        limits::REGEX_CHARS_MAX
                    )));
                }
                let anchored = format!("^(?s:{pattern})$");
                let regex = regex::bytes::RegexBuilder::new(&anchored)
                    .size_limit(1 << 20)
                    .build()
                    .map_err(|why| QueryError::IllegalArgument(format!("invalid regular expression [{pattern}] in [{key}]: {why}")))?;
                Ok(Pick::Pattern(regex))
            }
            Value::Object(map) => {
                const KNOWN: [&str; 2] = ["partition", "num_partitions"];
                if let Some(unknown) = map.keys().find(|it| !KNOWN.contains(&it.as_str())) {
                    return Err(QueryError::XContentParse(format!("[{key}] unknown field [{unknown}]{}", did_you_mean(unknown, KNOWN.into_iter()))));
                }
                let number = |name: &str| match map.get(name) {
                    Some(it) => it.as_i64().ok_or_else(|| body.bad(key, value)),
                    None => Err(QueryError::IllegalArgument(format!("Missing [{name}] parameter for partition-based include"))),
                };
                let part = Part { number: number("partition")?, parts: number("num_partitions")? };
                if part.number < 0 || part.number >= part.parts {
                    return Err(QueryError::IllegalArgument(format!(
                        "[partition] must be at least 0 and less than [num_partitions], found [{}] of [{}]",
                        part.number, part.parts
                    )));
                }
                Ok(Pick::Part(part))
            }
            _ => Err(body.bad(key, value)),
        }
    }

    fn resolve(&self, agg: &str, source: &Source, plan: &SourcePlan, ctx: &AggContext<'_>) -> Result<Picked, QueryError> {
        match self {
            // A value that can't be one of the field's values picks nothing, as in Elasticsearch.
            Pick::Values(list) => Ok(Picked::Keys(list.iter().filter_map(|it| source.key_of(it, &plan.kind, ctx)).collect())),
            Pick::Pattern(regex) if matches!(plan.kind, ValueKind::Keyword | ValueKind::Unmapped) => Ok(Picked::Pattern(regex.clone())),
            Pick::Pattern(_) => Err(QueryError::IllegalArgument(format!(
                "Aggregation [{agg}] cannot support regular expression style include/exclude settings as they can only be applied to string fields. \
                 Use an array of values for include/exclude clauses on field [{}]",
                source.field
            ))),
            Pick::Part(part) => Ok(Picked::Part(*part)),
        }
    }
}

impl Part {
    /// Whether a key is in this part. The hashes are Elasticsearch's, so that a part has the values there that it has here.
    // Source: `IncludeExclude` of Elasticsearch 7 and 8 (murmur3 of texts, a bit mixer of numbers).
    fn contains(self, key: &Key) -> bool {
        let hash = match key {
            Key::Bytes(it) => i64::from(murmur3(it) as i32),
            Key::I64(it) => mixed(*it),
            Key::F64(it) => mixed(sortable(it.get())),
        };
        hash.rem_euclid(self.parts) == self.number
    }
}

/// MurmurHash3 (x86, 32 bits) with the seed of partitions.
fn murmur3(bytes: &[u8]) -> u32 {
    const SEED: u32 = 31;
    let scrambled = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, tail) = bytes.as_chunks::<4>();
    let mut hash = SEED;
    for word in words {
        hash = (hash ^ scrambled(u32::from_le_bytes(*word))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        hash ^= scrambled(tail.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)));
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

/// The bit mixer of whole numbers.
fn mixed(number: i64) -> i64 {
    let mut z = number as u64;
    z = (z ^ z >> 32).wrapping_mul(0x4cd6_944c_5cc2_0b6d);
    z = (z ^ z >> 29).wrapping_mul(0xfc12_c5b1_9d32_59e9);
    (z ^ z >> 32) as i64
}

/// A double as a whole number of the same order, as Lucene stores it.
fn sortable(number: f64) -> i64 {
    let bits = number.to_bits() as i64;
    bits ^ (bits >> 63 & i64::MAX)
}

/// The picks in keys of one index's field.
pub(crate) struct ResolvedPicks {
    include: Option<Picked>,
    exclude: Option<Picked>,
}

/// `include` or `exclude` in the terms of a field.
enum Picked {
    Keys(Vec<Key>),
    Pattern(regex::bytes::Regex),
    Part(Part),
}

impl ResolvedPicks {
    /// The raw values of a segment that make buckets.
    ///
    /// # Errors
    /// Damaged files.
    pub(crate) fn allowed(&self, values: &Values) -> Result<Allowed, QueryError> {
        if self.include.is_none() && self.exclude.is_none() {
            return Ok(Allowed::All);
        }
        let column = &values.column;
        let is_ordinal = column.kind() == ColumnKind::Ordinal;
        if let (Some(Picked::Part(part)), false) = (&self.include, is_ordinal) {
            return Ok(Allowed::Part { part: *part, kind: column.kind() });
        }
        let include = self.include.as_ref().map(|it| it.raws(values)).transpose()?;
        let exclude = self.exclude.as_ref().map(|it| it.raws(values)).transpose()?.unwrap_or_default();
        if !is_ordinal {
            return Ok(Allowed::Numbers { include, exclude });
        }
        let count = column.terms() as u32 + 1;
        let mut ordinals = if include.is_some() { BitSet::with_max_value(count) } else { BitSet::with_max_value_and_full(count) };
        for raw in include.into_iter().flatten() {
            ordinals.insert(raw as u32);
        }
        for raw in exclude {
            ordinals.remove(raw as u32);
        }
        Ok(Allowed::Ordinals(ordinals))
    }
}

impl Picked {
    /// The raw values of a segment that are picked; the stand-in for missing values included.
    fn raws(&self, values: &Values) -> Result<HashSet<u64>, QueryError> {
        let column = &values.column;
        let missing = values.missing();
        let mut out = HashSet::new();
        let each_entry = |is_picked: &dyn Fn(&[u8]) -> bool, out: &mut HashSet<u64>| {
            column.each_dictionary_entry(|ordinal, bytes| {
                if is_picked(bytes) {
                    out.insert(ordinal);
                }
            })
        };
        match self {
            Picked::Keys(keys) => {
                for key in keys {
                    if let Some((raw, _)) = missing.filter(|it| it.1 == key) {
                        out.insert(raw);
                    }
                    match key {
                        Key::I64(it) => out.insert(FieldColumn::raw_of_i64(*it)),
                        Key::F64(it) => out.insert(FieldColumn::raw_of_f64(it.get())),
                        Key::Bytes(it) => column.ordinal_of(it)?.is_some_and(|raw| out.insert(raw)),
                    };
                }
            }
            Picked::Pattern(regex) => {
                out.extend(missing.filter(|it| matches!(it.1, Key::Bytes(bytes) if regex.is_match(bytes))).map(|it| it.0));
                each_entry(&|it| regex.is_match(it), &mut out)?;
            }
            Picked::Part(part) => {
                out.extend(missing.filter(|it| part.contains(it.1)).map(|it| it.0));
                each_entry(&|it| part.contains(&Key::Bytes(it.into())), &mut out)?;
            }
        }
        Ok(out)
    }
}

/// The raw values that make buckets.
pub(crate) enum Allowed {
    All,
    /// Ordinals, the stand-in's included.
    Ordinals(BitSet),
    Numbers {
        include: Option<HashSet<u64>>,
        exclude: HashSet<u64>,
    },
    /// Numbers of one part.
    Part {
        part: Part,
        kind: ColumnKind,
    },
}

impl Allowed {
    #[inline]
    pub(crate) fn contains(&self, raw: u64) -> bool {
        match self {
            Allowed::All => true,
            Allowed::Ordinals(it) => it.contains(raw as u32),
            Allowed::Numbers { include, exclude } => include.as_ref().is_none_or(|it| it.contains(&raw)) && !exclude.contains(&raw),
            Allowed::Part { part, kind: ColumnKind::F64 } => part.contains(&Key::from_f64(FieldColumn::f64(raw))),
            Allowed::Part { part, .. } => part.contains(&Key::I64(FieldColumn::i64(raw))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_elasticsearch() {
        let part = |key: Key| if (Part { number: 0, parts: 2 }).contains(&key) { 0 } else { 1 };
        let text = |it: &str| Key::Bytes(it.as_bytes().into());
        assert_eq!([part(text("bcd")), part(text("abc"))], [0, 1]);
        assert_eq!([part(Key::I64(5678)), part(Key::I64(1234))], [0, 1]);
        let parts: i64 = 7;
        for number in -50..50 {
            assert_eq!((0..parts).filter(|it| Part { number: *it, parts }.contains(&Key::I64(number))).count(), 1);
        }
    }

    #[test]
    fn doubles_keep_their_order_as_whole_numbers() {
        let numbers = [f64::MIN, -1.5, -0.0, 0.0, 1e-9, 2.5, f64::MAX];
        assert!(numbers.map(sortable).is_sorted());
    }
}
