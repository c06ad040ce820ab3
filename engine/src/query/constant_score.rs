//! `constant_score`: a filter whose matches all score the same.

use serde_json::{Map, Value};
use tantivy::query::ConstScoreQuery;

use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery, TimeBounds, context};
use crate::error::QueryError;

/// The kind.
pub(crate) struct ConstantScore;

#[derive(Debug)]
struct ConstantScoreClause {
    filter: Query,
}

impl ClauseKind for ConstantScore {
    fn name(&self) -> &'static str {
        "constant_score"
    }

    fn parse(&self, body: &Value, parser: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let Some(filter) = body.take("filter") else {
            return Err(QueryError::Parsing("[constant_score] requires a 'filter' element".to_owned()));
        };
        if filter.is_array() {
            return Err(QueryError::Parsing("unexpected token [START_ARRAY]".to_owned()));
        }
        let filter = parser.query(filter)?;
        let options = body.finish()?;
        Ok(Query::new(ConstantScoreClause { filter }).with_options(&options))
    }
}

impl Query {
    /// The same documents, each with score one.
    pub fn constant_score(filter: Query) -> Self {
        Self::new(ConstantScoreClause { filter })
    }
}

impl Clause for ConstantScoreClause {
    fn name(&self) -> &'static str {
        ConstantScore.name()
    }

    fn body(&self) -> Map<String, Value> {
        Map::from_iter([("filter".to_owned(), self.filter.to_json())])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let filter = self.filter.build(compiler)?;
        if context::is_empty(&filter) {
            return Ok(filter);
        }
        Ok(Box::new(ConstScoreQuery::new(filter, 1.0)))
    }

    fn children(&self) -> Vec<&Query> {
        vec![&self.filter]
    }

    fn clip(&self, clip: &super::Clip<'_>) -> Option<Query> {
        self.filter.clipped(clip).map(Query::constant_score)
    }

    fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        self.filter.time_bounds(field, compiler)
    }
}
