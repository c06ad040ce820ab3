//! `match_bool_prefix`: as `match`, the last word being the beginning of one; what search boxes send while somebody types.

use serde_json::{Map, Value, json};

use super::match_text::MatchOptions;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct MatchBoolPrefix;

#[derive(Debug)]
struct MatchBoolPrefixClause {
    field: String,
    query: String,
    options: MatchOptions,
}

impl ClauseKind for MatchBoolPrefix {
    fn name(&self) -> &'static str {
        "match_bool_prefix"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "query")?;
        let query = body.text("query")?.ok_or_else(|| QueryError::IllegalArgument("[match_bool_prefix] requires query value".to_owned()))?;
        let options = MatchOptions { last_is_prefix: true, ..MatchOptions::take(&mut body, self.name())? };
        let common = body.finish()?;
        Ok(Query::new(MatchBoolPrefixClause { field: field.to_owned(), query, options }).with_options(&common))
    }
}

impl Clause for MatchBoolPrefixClause {
    fn name(&self) -> &'static str {
        MatchBoolPrefix.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut inner = Map::from_iter([("query".to_owned(), json!(self.query))]);
        self.options.write(&mut inner);
        Map::from_iter([(self.field.clone(), Value::Object(inner))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        compiler.matching(&self.field, &json!(self.query), &self.options)
    }
}
