//! `match_all` and `match_none`.

use serde_json::{Map, Value};

use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery, context};
use crate::error::QueryError;

/// Every document.
pub(crate) struct MatchAll;

/// No document.
pub(crate) struct MatchNone;

impl ClauseKind for MatchAll {
    fn name(&self) -> &'static str {
        "match_all"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        Ok(Query::match_all().with_options(&Body::new(self.name(), body)?.finish_with_hint(&["boost", "_name"])?))
    }
}

impl ClauseKind for MatchNone {
    fn name(&self) -> &'static str {
        "match_none"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        Ok(Query::match_none().with_options(&Body::new(self.name(), body)?.finish_with_hint(&["boost", "_name"])?))
    }
}

impl Query {
    /// Every document.
    pub fn match_all() -> Self {
        Self::new(AllClause)
    }

    /// No document.
    pub fn match_none() -> Self {
        Self::new(NoneClause)
    }
}

#[derive(Debug)]
struct AllClause;

#[derive(Debug)]
struct NoneClause;

impl Clause for AllClause {
    fn name(&self) -> &'static str {
        "match_all"
    }

    fn body(&self) -> Map<String, Value> {
        Map::new()
    }

    fn compile(&self, _: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        Ok(context::everything())
    }
}

impl Clause for NoneClause {
    fn name(&self) -> &'static str {
        "match_none"
    }

    fn body(&self) -> Map<String, Value> {
        Map::new()
    }

    fn compile(&self, _: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        Ok(context::nothing())
    }
}
