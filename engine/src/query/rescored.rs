//! A tantivy query whose documents are those of another, with scores that functions of their columns make: the machinery of
//! `function_score` and `distance_feature`.
//!
//! A scorer can't fail. A value that a function can't take is reported to the search ([`DocumentText::refused`]), which then answers with that.

use std::fmt;
use std::sync::Arc;

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, SegmentReader, TERMINATED};

use super::{DocumentText, TantivyQuery};

/// The value of a function for a document of one segment, or why it has none.
pub(crate) type Value = Box<dyn FnMut(DocId) -> Result<f64, String> + Send>;

/// A function of a document's columns.
pub(crate) trait Function: fmt::Debug + Send + Sync + 'static {
    /// The function for one segment.
    fn value(&self, reader: &SegmentReader) -> tantivy::Result<Value>;
}

/// A function, the documents it counts for, and its weight.
pub(crate) struct Part {
    pub(crate) filter: TantivyQuery,
    pub(crate) function: Option<Arc<dyn Function>>,
    pub(crate) weight: f64,
}

/// How the values of several functions become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScoreMode {
    Multiply,
    Sum,
    Avg,
    First,
    Max,
    Min,
}

/// How that value and the query's score become the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BoostMode {
    Multiply,
    Replace,
    Sum,
    Avg,
    Max,
    Min,
}

/// How scores are put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Combination {
    pub(crate) score_mode: ScoreMode,
    pub(crate) boost_mode: BoostMode,
    /// What the functions give at most.
    pub(crate) max_boost: f64,
    /// Documents with a lower score are no matches.
    pub(crate) min_score: Option<f32>,
}

/// The query.
#[derive(Clone)]
pub(crate) struct Rescored {
    inner: Arc<dyn Query>,
    parts: Arc<[Part]>,
    combination: Combination,
    documents: Arc<dyn DocumentText>,
}

impl Rescored {
    pub(crate) fn new(inner: TantivyQuery, parts: Vec<Part>, combination: Combination, documents: Arc<dyn DocumentText>) -> Self {
        Self { inner: Arc::from(inner), parts: parts.into(), combination, documents }
    }
}

impl fmt::Debug for Rescored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rescored").field("inner", &self.inner).field("combination", &self.combination).finish_non_exhaustive()
    }
}

impl Query for Rescored {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let scoring = match scoring {
            // Nobody looks at the scores, so the matches are the inner query's.
            EnableScoring::Disabled { .. } if self.combination.min_score.is_none() => return self.inner.weight(scoring),
            EnableScoring::Disabled { searcher_opt: Some(searcher), .. } => EnableScoring::enabled_from_searcher(searcher),
            scoring => scoring,
        };
        let mut parts = Vec::new();
        for part in self.parts.iter() {
            parts.push(WeightedPart { filter: part.filter.weight(without_scores(scoring))?, function: part.function.clone(), weight: part.weight });
        }
        let inner = self.inner.weight(scoring)?;
        Ok(Box::new(RescoredWeight { inner, parts, combination: self.combination, documents: self.documents.clone() }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a tantivy::Term, bool)) {
        self.inner.query_terms(visitor);
    }
}

fn without_scores(scoring: EnableScoring<'_>) -> EnableScoring<'_> {
    match scoring {
        EnableScoring::Enabled { searcher, .. } => EnableScoring::disabled_from_searcher(searcher),
        disabled => disabled,
    }
}

struct WeightedPart {
    filter: Box<dyn Weight>,
    function: Option<Arc<dyn Function>>,
    weight: f64,
}

struct RescoredWeight {
    inner: Box<dyn Weight>,
    parts: Vec<WeightedPart>,
    combination: Combination,
    documents: Arc<dyn DocumentText>,
}

impl Weight for RescoredWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut parts = Vec::new();
        for part in &self.parts {
            let function = part.function.as_ref().map(|it| it.value(reader)).transpose()?;
            parts.push(OpenPart { filter: part.filter.scorer(reader, 1.0)?, function, weight: part.weight });
        }
        let inner = self.inner.scorer(reader, boost)?;
        let mut scorer = RescoredScorer { inner, parts, combination: self.combination, documents: self.documents.clone(), known: None };
        scorer.skip_low();
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(tantivy::TantivyError::InvalidArgument(format!("Document #({doc}) does not match")));
        }
        let mut explanation = Explanation::new("function score, of:", scorer.score());
        explanation.add_detail(self.inner.explain(reader, doc)?);
        Ok(explanation)
    }
}

struct OpenPart {
    filter: Box<dyn Scorer>,
    function: Option<Value>,
    weight: f64,
}

impl OpenPart {
    /// The weighted value for a document; `None` where the function does not count for it. Documents come in ascending order.
    fn value(&mut self, doc: DocId) -> Option<Result<f64, String>> {
        let at = if self.filter.doc() < doc { self.filter.seek(doc) } else { self.filter.doc() };
        if at != doc {
            return None;
        }
        Some(match &mut self.function {
            Some(function) => function(doc).map(|it| it * self.weight),
            None => Ok(self.weight),
        })
    }
}

struct RescoredScorer {
    inner: Box<dyn Scorer>,
    parts: Vec<OpenPart>,
    combination: Combination,
    documents: Arc<dyn DocumentText>,
    /// The score of the document it stands on, once it was computed.
    known: Option<(DocId, Score)>,
}

impl RescoredScorer {
    fn factor(&mut self, doc: DocId) -> f64 {
        let (mut result, mut weights) = (None, 0.0);
        for part in &mut self.parts {
            let weight = part.weight;
            let value = match part.value(doc) {
                None => continue,
                Some(Ok(value)) if value >= 0.0 => value,
                Some(Ok(value)) => {
                    self.documents.refused(&format!("function score query returned an invalid score: {value}"));
                    0.0
                }
                Some(Err(why)) => {
                    self.documents.refused(&why);
                    0.0
                }
            };
            weights += weight;
            result = Some(match (result, self.combination.score_mode) {
                (None, _) => value,
                (Some(sum), ScoreMode::Sum | ScoreMode::Avg) => sum + value,
                (Some(product), ScoreMode::Multiply) => product * value,
                (Some(most), ScoreMode::Max) => f64::max(most, value),
                (Some(least), ScoreMode::Min) => f64::min(least, value),
                (Some(first), ScoreMode::First) => first,
            });
            if self.combination.score_mode == ScoreMode::First {
                break;
            }
        }
        match (result, self.combination.score_mode) {
            (Some(sum), ScoreMode::Avg) if weights > 0.0 => sum / weights,
            (Some(value), _) => value,
            (None, _) => 1.0,
        }
    }

    fn compute(&mut self) -> Score {
        let doc = self.inner.doc();
        if let Some((_, score)) = self.known.filter(|it| it.0 == doc) {
            return score;
        }
        let inner = f64::from(self.inner.score());
        // Without a function there is nothing to cap or to replace the score with but one.
        let factor = self.factor(doc).min(self.combination.max_boost);
        let score = match self.combination.boost_mode {
            BoostMode::Multiply => inner * factor,
            BoostMode::Replace => factor,
            BoostMode::Sum => inner + factor,
            BoostMode::Avg => (inner + factor) / 2.0,
            BoostMode::Max => inner.max(factor),
            BoostMode::Min => inner.min(factor),
        } as Score;
        self.known = Some((doc, score));
        score
    }

    /// Goes on to the first document from here whose score is high enough.
    fn skip_low(&mut self) -> DocId {
        if let Some(min) = self.combination.min_score {
            while self.inner.doc() != TERMINATED && self.compute() < min {
                self.inner.advance();
            }
        }
        self.inner.doc()
    }
}

impl DocSet for RescoredScorer {
    fn advance(&mut self) -> DocId {
        self.inner.advance();
        self.skip_low()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.inner.seek(target);
        self.skip_low()
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        // The inner scorer may be left in between by a search of its own that finds nothing; this one always stands on a match.
        let found = if self.inner.doc() < target { self.seek(target) } else { self.inner.doc() };
        if found == target { SeekDangerResult::Found } else { SeekDangerResult::SeekLowerBound(found) }
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

impl Scorer for RescoredScorer {
    fn score(&mut self) -> Score {
        self.compute()
    }
}
