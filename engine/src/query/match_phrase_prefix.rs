//! `match_phrase_prefix`: as `match_phrase`, the last word being the beginning of one.

use serde_json::{Map, Value, json};

use super::context::nothing;
use super::match_text::analyser;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct MatchPhrasePrefix;

#[derive(Debug)]
struct MatchPhrasePrefixClause {
    field: String,
    query: String,
    slop: usize,
}

impl ClauseKind for MatchPhrasePrefix {
    fn name(&self) -> &'static str {
        "match_phrase_prefix"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "query")?;
        let query = body.text("query")?.ok_or_else(|| QueryError::IllegalArgument("[match_phrase_prefix] requires query value".to_owned()))?;
        let slop = body.count("slop")?.unwrap_or(0);
        // All words that begin so are looked at.
        body.ignore(&["max_expansions", "zero_terms_query"]);
        analyser(&mut body)?;
        let options = body.finish()?;
        Ok(Query::new(MatchPhrasePrefixClause { field: field.to_owned(), query, slop }).with_options(&options))
    }
}

impl Clause for MatchPhrasePrefixClause {
    fn name(&self) -> &'static str {
        MatchPhrasePrefix.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut inner = Map::from_iter([("query".to_owned(), json!(self.query))]);
        if self.slop > 0 {
            inner.insert("slop".to_owned(), json!(self.slop));
        }
        Map::from_iter([(self.field.clone(), Value::Object(inner))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        Ok(compiler.matching_phrase(&self.field, &self.query, self.slop, true)?.unwrap_or_else(nothing))
    }
}
