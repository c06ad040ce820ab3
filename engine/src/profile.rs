//! `profile`: where the time of a search went, per index, as it was measured.
//!
//! Splits of an index are searched by several threads at once; what is shown is the sum over them, so it may be more than `took`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A part of a search whose time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Making a query of an index ready: terms are looked up, patterns expanded.
    CreateWeight,
    /// Opening the lists of matching documents of a split.
    BuildScorer,
    /// Going through the matches, with their scores and sort values.
    NextDoc,
    /// Counting and aggregating.
    Collect,
    /// Reading the documents of the page.
    Fetch,
}

/// What one stage took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Nanoseconds, added over threads.
    pub nanos: u64,
    /// How often.
    pub count: u64,
}

/// What a search spent on one index.
#[derive(Clone, Debug, Default)]
pub struct IndexProfile {
    /// The index.
    pub index: String,
    /// What the index was asked.
    pub query: String,
    /// Nanoseconds and calls by stage.
    pub stages: BTreeMap<Stage, Spent>,
}

/// Collects times from all threads of a search; without anybody who wants them it costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Profiler(Option<Mutex<BTreeMap<String, IndexProfile>>>);

impl Profiler {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self(is_wanted.then(Mutex::default))
    }

    /// Notes what an index is asked.
    pub(crate) fn asked(&self, index: &str, query: impl FnOnce() -> String) {
        if let Some(indices) = &self.0 {
            let mut indices = indices.lock().unwrap_or_else(PoisonError::into_inner);
            indices.insert(index.to_owned(), IndexProfile { index: index.to_owned(), query: query(), stages: BTreeMap::new() });
        }
    }

    /// Runs `work` and adds its time.
    pub(crate) fn time<T>(&self, index: &str, stage: Stage, work: impl FnOnce() -> T) -> T {
        let Some(indices) = &self.0 else { return work() };
        let began = Instant::now();
        let result = work();
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut indices = indices.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = indices.entry(index.to_owned()).or_default().stages.entry(stage).or_default();
        spent.nanos += nanos;
        spent.count += 1;
        result
    }

    /// What was measured, by index; `None` where nobody wanted it.
    pub(crate) fn finish(self) -> Option<Vec<IndexProfile>> {
        Some(self.0?.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect())
    }
}
