//! `match_phrase`: the words of a text follow each other; the value itself on fields that are not analysed.

use serde_json::{Map, Value, json};

use super::context::{Target, everything, nothing};
use super::match_text::analyser;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct MatchPhrase;

#[derive(Debug)]
struct MatchPhraseClause {
    field: String,
    query: String,
    slop: usize,
    none_is_all: bool,
}

impl ClauseKind for MatchPhrase {
    fn name(&self) -> &'static str {
        "match_phrase"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "query")?;
        let query = body.text("query")?.ok_or_else(|| QueryError::IllegalArgument("[match_phrase] requires query value".to_owned()))?;
        let slop = body.count("slop")?.unwrap_or(0);
        let none_is_all = body.text("zero_terms_query")?.is_some_and(|it| it.eq_ignore_ascii_case("all"));
        analyser(&mut body)?;
        let options = body.finish()?;
        Ok(Query::new(MatchPhraseClause { field: field.to_owned(), query, slop, none_is_all }).with_options(&options))
    }
}

impl Query {
    /// Documents in whose `field` the text's words follow each other.
    pub fn match_phrase(field: &str, text: &str) -> Self {
        Self::new(MatchPhraseClause { field: field.to_owned(), query: text.to_owned(), slop: 0, none_is_all: false })
    }
}

impl Clause for MatchPhraseClause {
    fn name(&self) -> &'static str {
        MatchPhrase.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut inner = Map::from_iter([("query".to_owned(), json!(self.query))]);
        if self.slop > 0 {
            inner.insert("slop".to_owned(), json!(self.slop));
        }
        if self.none_is_all {
            inner.insert("zero_terms_query".to_owned(), json!("all"));
        }
        Map::from_iter([(self.field.clone(), Value::Object(inner))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let query = compiler.matching_phrase(&self.field, &self.query, self.slop, false)?;
        match query {
            Some(query) => Ok(query),
            None => Ok(if self.none_is_all { everything() } else { nothing() }),
        }
    }
}

impl Compiler<'_> {
    /// Documents in whose field a text's words follow each other; `None` where the text has no words.
    pub(crate) fn matching_phrase(&self, name: &str, text: &str, slop: usize, last_is_prefix: bool) -> Result<Option<TantivyQuery>, QueryError> {
        let analysed = match self.target(name) {
            Target::Field(field) => self.analyse(field, text).map(|words| (field, words)),
            _ => None,
        };
        match analysed {
            None if last_is_prefix => self.pattern(name, "prefix", text, &super::pattern::Pattern::prefix_of(text, false)?).map(Some),
            None => self.term(name, &json!(text), false).map(Some),
            Some((_, words)) if words.is_empty() => Ok(None),
            Some((field, words)) => {
                self.spend(1)?;
                self.phrase(field, words, slop, last_is_prefix).map(Some)
            }
        }
    }
}
