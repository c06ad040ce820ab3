//! Partial answers by split: an immutable split never answers the same question twice.
//!
//! The key is (split, deletions in it, question); the question is a canonical text of query and aggregations with the time range
//! clipped to the split, so that a dashboard whose window slides pays only for the splits at the window's edges. Bounded in
//! bytes; the least useful entries go first.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::aggs::Partials;
use crate::split::SplitId;

/// Bytes of all partial answers kept, roughly: a dashboard's panels over a hundred splits are a few megabytes.
const CACHE_BYTES_MAX: u64 = 64 << 20;

/// Partial answers that the cache is laid out for.
const CACHE_ENTRIES: usize = 16_384;

/// Which question to which split.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) split: SplitId,
    /// Number of deleted documents: it only grows, so it tells one state of a split from another.
    pub(crate) deleted: usize,
    /// Number of fields of the mapping: a field that is mapped later changes what a query means.
    pub(crate) fields: usize,
    pub(crate) question: Arc<str>,
}

/// What one split answered: the number of matches, and the partial aggregations.
#[derive(Clone, Debug)]
pub(crate) struct PartialAnswer {
    pub(crate) count: u64,
    pub(crate) aggs: Option<Arc<Partials>>,
}

pub(crate) struct PartialCache(Cache<Key, PartialAnswer, Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<Key, PartialAnswer> for Weight {
    fn weight(&self, key: &Key, answer: &PartialAnswer) -> u64 {
        (size_of::<(Key, PartialAnswer)>() + key.question.len() + answer.aggs.as_ref().map_or(0, |it| it.memory_bytes())) as u64
    }
}

impl PartialCache {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(CACHE_ENTRIES, CACHE_BYTES_MAX, Weight))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<PartialAnswer> {
        self.0.get(key)
    }

    pub(crate) fn insert(&self, key: Key, answer: PartialAnswer) {
        self.0.insert(key, answer);
    }
}
