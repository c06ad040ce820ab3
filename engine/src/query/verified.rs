//! Conditions that postings cannot decide, verified on the stored document: phrases and whole texts of fields whose postings
//! have no positions.
//!
//! Leaving positions out saves a third of the bytes per event, and few queries need them. The candidates are the documents
//! that have all the words; each is loaded from the segment's store and its text looked at. Candidates come in ascending
//! order, so neighbours share a decompressed block.

use std::fmt;
use std::sync::Arc;

use tantivy::query::{ConstScoreQuery, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::document::Value as _;
use tantivy::store::StoreReader;
use tantivy::{DocId, DocSet, Score, SeekDangerResult, SegmentReader, TERMINATED, TantivyDocument};

use super::places::Places;
use super::{DocumentText, TantivyQuery};
use crate::analysis;
use crate::mapping::{MappedField, internal};

/// Decompressed blocks of the store that one scorer keeps.
const STORE_BLOCKS: usize = 4;

/// What a text has to fulfil.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    /// The whole text is this.
    Whole(String),
    /// The words follow each other.
    Phrase(Phrase),
    /// The words stand so.
    Places(Places),
}

/// Words in order.
#[derive(Clone, Debug)]
pub(crate) struct Phrase {
    pub(crate) words: Vec<String>,
    /// How many positions the words may be moved by in all.
    pub(crate) slop: usize,
    /// Whether the last word is the beginning of one.
    pub(crate) last_is_prefix: bool,
}

impl Check {
    fn fits(&self, text: &str, field: &MappedField) -> bool {
        // A value that is not analysed is one word.
        let words = || analysis::tokens_of(field, text, false).unwrap_or_else(|| vec![text.to_owned()]);
        match self {
            Check::Whole(whole) => text == whole,
            Check::Phrase(phrase) => phrase.fits(&words()),
            Check::Places(places) => places.fit(&words()),
        }
    }
}

impl Phrase {
    /// Whether the words of a text contain the phrase.
    pub(crate) fn fits(&self, text: &[String]) -> bool {
        let last = self.words.len().saturating_sub(1);
        let is = |at: usize, word: &String| {
            if self.last_is_prefix && at == last { word.starts_with(&self.words[at]) } else { *word == self.words[at] }
        };
        if self.slop == 0 {
            return text.windows(self.words.len()).any(|window| window.iter().enumerate().all(|(at, word)| is(at, word)));
        }
        // A word's position less its place in the phrase: a phrase without gaps has one such number for all its words, and
        // the spread of the numbers is what Lucene calls slop.
        let mut places: Vec<Vec<usize>> = Vec::with_capacity(self.words.len());
        for at in 0..self.words.len() {
            let found: Vec<usize> = text.iter().enumerate().filter(|it| is(at, it.1)).map(|it| it.0 + self.words.len() - at).collect();
            if found.is_empty() {
                return false;
            }
            places.push(found);
        }
        self.spread_fits(&places)
    }

    /// Whether one number of each list lies within `slop` of the others, each standing for another word of the text.
    fn spread_fits(&self, places: &[Vec<usize>]) -> bool {
        let mut at = vec![0; places.len()];
        loop {
            let values = || places.iter().zip(&at).map(|(list, at)| list[*at]);
            let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
            if high - low <= self.slop {
                let mut positions: Vec<usize> = values().enumerate().map(|(word, value)| value + word).collect();
                positions.sort_unstable();
                if positions.windows(2).all(|it| it[0] != it[1]) {
                    return true;
                }
            }
            // Only moving the lowest number can bring them closer.
            let lowest = values().position(|it| it == low).unwrap_or(0);
            at[lowest] += 1;
            if at[lowest] == places[lowest].len() {
                return false;
            }
        }
    }
}

/// The candidates that fulfil a check on their text.
#[derive(Clone)]
pub(crate) struct VerifiedQuery {
    candidates: Arc<dyn Query>,
    field: MappedField,
    check: Arc<Check>,
    documents: Arc<dyn DocumentText>,
}

impl VerifiedQuery {
    pub(crate) fn new(candidates: TantivyQuery, field: &MappedField, check: Check, documents: Arc<dyn DocumentText>) -> Self {
        // The candidates' scores say nothing; a constant one also spares computing them.
        let candidates = Arc::new(ConstScoreQuery::new(candidates, 1.0));
        Self { candidates, field: field.clone(), check: Arc::new(check), documents }
    }
}

impl fmt::Debug for VerifiedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedQuery").field("candidates", &self.candidates).field("check", &self.check).finish_non_exhaustive()
    }
}

impl Query for VerifiedQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let candidates = self.candidates.weight(scoring)?;
        Ok(Box::new(VerifiedWeight { candidates, field: self.field.clone(), check: self.check.clone(), documents: self.documents.clone() }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a tantivy::Term, bool)) {
        self.candidates.query_terms(visitor);
    }
}

struct VerifiedWeight {
    candidates: Box<dyn Weight>,
    field: MappedField,
    check: Arc<Check>,
    documents: Arc<dyn DocumentText>,
}

impl VerifiedWeight {
    fn verifier(&self, reader: &SegmentReader) -> tantivy::Result<Verifier> {
        let store = reader.get_store_reader(STORE_BLOCKS)?;
        Ok(Verifier { store, field: self.field.clone(), check: self.check.clone(), documents: self.documents.clone() })
    }
}

impl Weight for VerifiedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let candidates = self.candidates.scorer(reader, boost)?;
        let mut scorer = VerifiedScorer { candidates, verifier: self.verifier(reader)? };
        scorer.settle();
        Ok(Box::new(scorer))
    }

    fn scorer_danger(&self, reader: &SegmentReader, target: DocId, boost: Score) -> tantivy::Result<(SeekDangerResult, Box<dyn Scorer>)> {
        let (found, candidates) = self.candidates.scorer_danger(reader, target, boost)?;
        let scorer = VerifiedScorer { candidates, verifier: self.verifier(reader)? };
        let found = scorer.confirm(found, target);
        Ok((found, Box::new(scorer)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(tantivy::TantivyError::InvalidArgument(format!("Document #({doc}) does not match")));
        }
        Ok(Explanation::new("verified on the document", 1.0))
    }
}

struct Verifier {
    store: StoreReader,
    field: MappedField,
    check: Arc<Check>,
    documents: Arc<dyn DocumentText>,
}

impl Verifier {
    fn fits(&self, doc: DocId) -> bool {
        match self.store.get::<TantivyDocument>(doc) {
            Ok(document) => match document.get_first(internal::SOURCE).and_then(|it| it.as_bytes()) {
                Some(stored) => self.documents.texts(stored, &self.field).iter().any(|text| self.check.fits(text, &self.field)),
                None => false,
            },
            Err(why) => {
                self.documents.damaged(&why.to_string());
                false
            }
        }
    }
}

struct VerifiedScorer {
    candidates: Box<dyn Scorer>,
    verifier: Verifier,
}

impl VerifiedScorer {
    /// Goes on from the present candidate to the first that fits.
    fn settle(&mut self) -> DocId {
        let mut doc = self.candidates.doc();
        while doc != TERMINATED && !self.verifier.fits(doc) {
            doc = self.candidates.advance();
        }
        doc
    }

    fn confirm(&self, found: SeekDangerResult, target: DocId) -> SeekDangerResult {
        match found {
            SeekDangerResult::Found if !self.verifier.fits(target) => SeekDangerResult::SeekLowerBound(target + 1),
            other => other,
        }
    }
}

impl DocSet for VerifiedScorer {
    fn advance(&mut self) -> DocId {
        if self.candidates.doc() == TERMINATED {
            return TERMINATED;
        }
        self.candidates.advance();
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.candidates.doc() {
            return self.candidates.doc();
        }
        self.candidates.seek(target);
        self.settle()
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        let found = self.candidates.seek_danger(target);
        self.confirm(found, target)
    }

    fn doc(&self) -> DocId {
        self.candidates.doc()
    }

    fn size_hint(&self) -> u32 {
        self.candidates.size_hint()
    }

    fn cost(&self) -> u64 {
        // Loading a document costs some hundred times what a posting does.
        self.candidates.cost().saturating_mul(200)
    }
}

impl Scorer for VerifiedScorer {
    fn score(&mut self) -> Score {
        self.candidates.score()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(phrase: &str, slop: usize, last_is_prefix: bool, text: &str) -> bool {
        let words = |it: &str| it.split(' ').map(str::to_owned).collect::<Vec<_>>();
        Phrase { words: words(phrase), slop, last_is_prefix }.fits(&words(text))
    }

    #[test]
    fn words_of_a_phrase_follow_each_other() {
        assert!(fits("a b", 0, false, "x a b y"));
        assert!(!fits("a b", 0, false, "a x b"));
        assert!(!fits("a b c", 0, false, "a b"));
        assert!(fits("a a b", 0, false, "a a a b"));
        assert!(fits("a b", 0, true, "x a by"));
        assert!(!fits("a b", 0, true, "ab by"));
    }

    #[test]
    fn slop_moves_words() {
        assert!(fits("a b", 1, false, "a x b"));
        assert!(!fits("a b", 1, false, "a x x b"));
        assert!(!fits("a b", 1, false, "b a"));
        assert!(fits("a b", 2, false, "b a"));
        assert!(fits("a b c", 2, false, "a x b x c"));
        assert!(!fits("a a", 5, false, "x a x"));
        assert!(fits("a a", 1, false, "a x a"));
    }
}
