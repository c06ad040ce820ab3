//! Keeps tantivy's exclusions within the contract of its own scorers.
//!
//! `Exclude` asks its scorers for documents that lie before the one they stand on, which `DocSet::seek_danger` does not
//! promise to answer: a phrase's scorer panics in debug builds (tantivy 0.27.0). The wrapper answers such questions itself
//! from the position it knows.

use std::sync::Arc;

use tantivy::query::{AllScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, SegmentReader};

use super::TantivyQuery;

/// A query that stands under `must_not`.
pub(crate) fn excluded(query: TantivyQuery) -> TantivyQuery {
    Box::new(Excluded { inner: Arc::from(query) })
}

#[derive(Clone, Debug)]
struct Excluded {
    inner: Arc<dyn Query>,
}

impl Query for Excluded {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(ExcludedWeight { inner: self.inner.weight(scoring)? }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a tantivy::Term, bool)) {
        self.inner.query_terms(visitor);
    }
}

struct ExcludedWeight {
    inner: Box<dyn Weight>,
}

impl Weight for ExcludedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let inner = self.inner.scorer(reader, boost)?;
        // tantivy recognises these two by their type.
        if inner.is::<AllScorer>() || inner.is::<EmptyScorer>() {
            return Ok(inner);
        }
        Ok(Box::new(Steady { inner, next: None }))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.inner.explain(reader, doc)
    }
}

struct Steady {
    inner: Box<dyn Scorer>,
    /// The next match is not before this document; known instead of `inner.doc()` after a search that found nothing.
    next: Option<DocId>,
}

impl DocSet for Steady {
    fn advance(&mut self) -> DocId {
        self.inner.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.inner.seek(target)
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        match self.next {
            Some(next) if target < next => return SeekDangerResult::SeekLowerBound(next),
            Some(_) => {}
            None if target < self.inner.doc() => return SeekDangerResult::SeekLowerBound(self.inner.doc()),
            None if target == self.inner.doc() => return SeekDangerResult::Found,
            None => {}
        }
        let found = self.inner.seek_danger(target);
        self.next = match found {
            SeekDangerResult::Found => None,
            SeekDangerResult::SeekLowerBound(next) => Some(next),
        };
        found
    }

    fn doc(&self) -> DocId {
        self.inner.doc()
    }

    fn size_hint(&self) -> u32 {
        self.inner.size_hint()
    }

    fn cost(&self) -> u64 {
        self.inner.cost()
    }
}

impl Scorer for Steady {
    fn score(&mut self) -> Score {
        self.inner.score()
    }
}
