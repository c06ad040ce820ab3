//! A tantivy query that asks every document in turn: for conditions on columns that no index answers.
//!
//! It is lazy. In a conjunction only the documents that the other parts let through are asked, so the cost that it announces
//! sends it to the end of the line.

use std::fmt;
use std::sync::Arc;

use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, SegmentReader, TERMINATED};

/// Whether a document of one segment matches.
pub(crate) type Predicate = Box<dyn FnMut(DocId) -> bool + Send>;

/// A condition on documents.
pub(crate) trait Condition: fmt::Debug + Send + Sync + 'static {
    /// The condition for one segment; `None` where no document can match.
    fn predicate(&self, reader: &SegmentReader) -> tantivy::Result<Option<Predicate>>;
}

/// Documents that fulfil a condition.
#[derive(Clone, Debug)]
pub(crate) struct ScanQuery {
    condition: Arc<dyn Condition>,
}

impl ScanQuery {
    pub(crate) fn new(condition: impl Condition) -> Self {
        Self { condition: Arc::new(condition) }
    }
}

impl Query for ScanQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(ScanWeight { condition: self.condition.clone() }))
    }
}

struct ScanWeight {
    condition: Arc<dyn Condition>,
}

impl Weight for ScanWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Some(predicate) = self.condition.predicate(reader)? else { return Ok(Box::new(EmptyScorer)) };
        let mut scorer = ScanScorer { predicate, doc: 0, max_doc: reader.max_doc(), score: boost };
        scorer.find(0);
        Ok(Box::new(scorer))
    }

    fn scorer_danger(&self, reader: &SegmentReader, target: DocId, boost: Score) -> tantivy::Result<(SeekDangerResult, Box<dyn Scorer>)> {
        let Some(predicate) = self.condition.predicate(reader)? else {
            return Ok((SeekDangerResult::SeekLowerBound(TERMINATED), Box::new(EmptyScorer)));
        };
        let mut scorer = ScanScorer { predicate, doc: 0, max_doc: reader.max_doc(), score: boost };
        let found = scorer.seek_danger(target);
        Ok((found, Box::new(scorer)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(tantivy::TantivyError::InvalidArgument(format!("Document #({doc}) does not match")));
        }
        Ok(Explanation::new("ScanQuery", 1.0))
    }
}

struct ScanScorer {
    predicate: Predicate,
    doc: DocId,
    max_doc: DocId,
    score: Score,
}

impl ScanScorer {
    /// Goes to the first match at or after `from`.
    fn find(&mut self, from: DocId) -> DocId {
        self.doc = (from..self.max_doc).find(|&it| (self.predicate)(it)).unwrap_or(TERMINATED);
        self.doc
    }
}

impl DocSet for ScanScorer {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED { TERMINATED } else { self.find(self.doc + 1) }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.doc { self.doc } else { self.find(target) }
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        if target >= self.max_doc {
            self.doc = TERMINATED;
            return SeekDangerResult::SeekLowerBound(TERMINATED);
        }
        self.doc = target;
        if (self.predicate)(target) { SeekDangerResult::Found } else { SeekDangerResult::SeekLowerBound(target + 1) }
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        // Nothing is known; a guess in the middle.
        self.max_doc / 2
    }

    fn cost(&self) -> u64 {
        u64::from(self.max_doc) * 8
    }
}

impl Scorer for ScanScorer {
    fn score(&mut self) -> Score {
        self.score
    }
}
