//! `dis_max`: documents that fit one of several queries, scored by the best.

use serde_json::{Map, Value, json};
use tantivy::query::DisjunctionMaxQuery;

use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery, TimeBounds, context};
use crate::error::QueryError;

/// The kind.
pub(crate) struct DisMax;

#[derive(Debug)]
struct DisMaxClause {
    queries: Vec<Query>,
    tie_breaker: f32,
}

impl ClauseKind for DisMax {
    fn name(&self) -> &'static str {
        "dis_max"
    }

    fn parse(&self, body: &Value, parser: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let Some(queries) = body.take("queries") else {
            return Err(QueryError::Parsing("[dis_max] requires 'queries' field with at least one clause".to_owned()));
        };
        let queries = parser.queries(queries)?;
        if queries.is_empty() {
            return Err(QueryError::Parsing("[dis_max] requires 'queries' field with at least one clause".to_owned()));
        }
        let tie_breaker = body.float("tie_breaker")?.unwrap_or(0.0);
        let options = body.finish()?;
        Ok(Query::new(DisMaxClause { queries, tie_breaker }).with_options(&options))
    }
}

impl Clause for DisMaxClause {
    fn name(&self) -> &'static str {
        DisMax.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("queries".to_owned(), self.queries.iter().map(Query::to_json).collect());
        if self.tie_breaker != 0.0 {
            body.insert("tie_breaker".to_owned(), json!(self.tie_breaker));
        }
        body
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let queries = self.queries.iter().map(|it| it.build(compiler)).collect::<Result<_, _>>()?;
        Ok(best_of(queries, self.tie_breaker))
    }

    fn children(&self) -> Vec<&Query> {
        self.queries.iter().collect()
    }

    fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        self.queries.iter().map(|it| it.time_bounds(field, compiler)).reduce(TimeBounds::or).unwrap_or_default()
    }
}

/// One of these, scored by the best.
pub(crate) fn best_of(mut queries: Vec<TantivyQuery>, tie_breaker: f32) -> TantivyQuery {
    queries.retain(|it| !context::is_empty(it));
    match queries.len() {
        0 => context::nothing(),
        1 => queries.remove(0),
        _ => Box::new(DisjunctionMaxQuery::with_tie_breaker(queries, tie_breaker)),
    }
}
