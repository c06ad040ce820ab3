//! `exists`: a field has a value. An object exists where some field below it does.

use serde_json::{Map, Value, json};

use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Exists;

#[derive(Debug)]
struct ExistsClause {
    field: String,
}

impl ClauseKind for Exists {
    fn name(&self) -> &'static str {
        "exists"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let Some(field) = body.text("field")? else {
            return Err(QueryError::Parsing("[exists] must be provided with a [field]".to_owned()));
        };
        let options = body.finish()?;
        Ok(Query::exists(&field).with_options(&options))
    }
}

impl Query {
    /// Documents that have a value of `field`.
    pub fn exists(field: &str) -> Self {
        Self::new(ExistsClause { field: field.to_owned() })
    }
}

impl Clause for ExistsClause {
    fn name(&self) -> &'static str {
        Exists.name()
    }

    fn body(&self) -> Map<String, Value> {
        Map::from_iter([("field".to_owned(), json!(self.field))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        compiler.exists(&self.field)
    }
}
