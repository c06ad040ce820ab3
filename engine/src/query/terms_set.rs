//! `terms_set`: documents that have at least so many of the values, the number being one of their own fields, or given.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tantivy::query::{EnableScoring, Explanation, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, SegmentReader, TERMINATED};

use super::bool::{Parts, combine, required};
use super::context::Target;
use super::minimum_should_match::MinimumShouldMatch;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery, context};
use crate::columns::FieldColumn;
use crate::error::QueryError;
use crate::limits::CLAUSES_MAX;
use crate::mapping::MappedField;

/// The kind.
pub(crate) struct TermsSet;

#[derive(Debug)]
struct TermsSetClause {
    field: String,
    terms: Vec<Value>,
    minimum: Minimum,
}

/// Where the number of values stands that must be there.
#[derive(Debug)]
enum Minimum {
    Field(String),
    Fixed(MinimumShouldMatch),
}

impl ClauseKind for TermsSet {
    fn name(&self) -> &'static str {
        "terms_set"
    }

    fn parse(&self, body: &Value, parser: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "terms")?;
        let terms = match body.take("terms") {
            Some(Value::Array(terms)) if !terms.iter().any(|it| it.is_array() || it.is_object() || it.is_null()) => terms.clone(),
            _ => return Err(QueryError::Parsing(format!("[terms_set] field [{field}] needs a list of [terms]"))),
        };
        parser.count(terms.len().min(CLAUSES_MAX + 1))?;
        if body.take("minimum_should_match_script").is_some() {
            return Err(QueryError::IllegalArgument("[minimum_should_match_script] is not supported: there are no scripts".to_owned()));
        }
        let minimum = match (body.text("minimum_should_match_field")?, body.take("minimum_should_match")) {
            (Some(_), Some(_)) => return Err(QueryError::IllegalArgument("[terms_set] takes one kind of minimum_should_match".to_owned())),
            (Some(field), None) => Minimum::Field(field),
            (None, Some(it)) => Minimum::Fixed(MinimumShouldMatch::from_json(it)?),
            (None, None) => return Err(QueryError::IllegalArgument("No minimum should match has been specified".to_owned())),
        };
        let options = body.finish()?;
        Ok(Query::new(TermsSetClause { field: field.to_owned(), terms, minimum }).with_options(&options))
    }
}

impl Clause for TermsSetClause {
    fn name(&self) -> &'static str {
        TermsSet.name()
    }

    fn body(&self) -> Map<String, Value> {
        let (key, value) = match &self.minimum {
            Minimum::Field(field) => ("minimum_should_match_field", json!(field)),
            Minimum::Fixed(it) => ("minimum_should_match", json!(it.text())),
        };
        Map::from_iter([(self.field.clone(), json!({ "terms": self.terms, key: value }))])
    }

    fn weight(&self) -> usize {
        1 + self.terms.len()
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let terms = self.terms.iter().map(|it| compiler.term(&self.field, it, false)).collect::<Result<Vec<_>, _>>()?;
        let name = match &self.minimum {
            Minimum::Field(name) => name,
            Minimum::Fixed(minimum) => {
                let required = required(Some(minimum), terms.len(), false).max(1);
                return Ok(combine(Parts { should: terms, required, ..Parts::default() }));
            }
        };
        let field = match compiler.target(name) {
            Target::Field(field) if field.kind.is_numeric() && field.doc_values => field.clone(),
            _ => return Err(QueryError::QueryShard(format!("failed to find minimum_should_match field [{name}]"))),
        };
        let terms: Vec<Arc<dyn tantivy::query::Query>> = terms.into_iter().filter(|it| !context::is_empty(it)).map(Arc::from).collect();
        if terms.is_empty() {
            return Ok(context::nothing());
        }
        Ok(Box::new(EnoughOf { terms: terms.into(), field }))
    }
}

/// Documents that match at least as many of the queries as their field says.
#[derive(Clone)]
struct EnoughOf {
    terms: Arc<[Arc<dyn tantivy::query::Query>]>,
    field: MappedField,
}

impl fmt::Debug for EnoughOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnoughOf").field("terms", &self.terms).field("field", &self.field.name).finish()
    }
}

impl tantivy::query::Query for EnoughOf {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let terms = self.terms.iter().map(|it| it.weight(scoring)).collect::<tantivy::Result<_>>()?;
        Ok(Box::new(EnoughOfWeight { terms, field: self.field.clone() }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a tantivy::Term, bool)) {
        self.terms.iter().for_each(|it| it.query_terms(visitor));
    }
}

struct EnoughOfWeight {
    terms: Vec<Box<dyn Weight>>,
    field: MappedField,
}

impl Weight for EnoughOfWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let terms = self.terms.iter().map(|it| it.scorer(reader, boost)).collect::<tantivy::Result<_>>()?;
        let mut scorer = EnoughOfScorer { terms, required: FieldColumn::open(reader, &self.field)?, doc: 0 };
        scorer.find();
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(tantivy::TantivyError::InvalidArgument(format!("Document #({doc}) does not match")));
        }
        Ok(Explanation::new("enough of the terms", scorer.score()))
    }
}

struct EnoughOfScorer {
    terms: Vec<Box<dyn Scorer>>,
    required: FieldColumn,
    doc: DocId,
}

impl EnoughOfScorer {
    /// Goes to the first document from here that has enough.
    fn find(&mut self) -> DocId {
        loop {
            self.doc = self.terms.iter().map(|it| it.doc()).min().unwrap_or(TERMINATED);
            if self.doc == TERMINATED {
                return TERMINATED;
            }
            let found = self.terms.iter().filter(|it| it.doc() == self.doc).count();
            let required = self.required.raw_values(self.doc).min().map(|it| self.required.number(it));
            // Without a number there is none that is enough.
            if required.is_some_and(|it| found as f64 >= it.max(1.0)) {
                return self.doc;
            }
            self.step();
        }
    }

    /// Moves whoever stands on this document.
    fn step(&mut self) {
        let doc = self.doc;
        for term in self.terms.iter_mut().filter(|it| it.doc() == doc) {
            term.advance();
        }
    }
}

impl DocSet for EnoughOfScorer {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        self.step();
        self.find()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target <= self.doc {
            return self.doc;
        }
        for term in self.terms.iter_mut().filter(|it| it.doc() < target) {
            term.seek(target);
        }
        self.find()
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        let found = self.seek(target);
        if found == target { SeekDangerResult::Found } else { SeekDangerResult::SeekLowerBound(found) }
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.terms.iter().map(|it| it.size_hint()).max().unwrap_or(0)
    }

    fn cost(&self) -> u64 {
        self.terms.iter().map(|it| it.cost()).sum()
    }
}

impl Scorer for EnoughOfScorer {
    fn score(&mut self) -> Score {
        let doc = self.doc;
        self.terms.iter_mut().filter(|it| it.doc() == doc).map(|it| it.score()).sum()
    }
}
