//! `wildcard`: a value fits a pattern of `*` and `?`. On analysed text, a token does.

use serde_json::{Map, Value, json};

use super::pattern::Pattern;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Wildcard;

#[derive(Debug)]
struct WildcardClause {
    field: String,
    value: String,
    case_insensitive: bool,
}

impl ClauseKind for Wildcard {
    fn name(&self) -> &'static str {
        "wildcard"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "value")?;
        let value = match body.text("value")? {
            Some(it) => Some(it),
            None => body.text("wildcard")?,
        };
        let value = value.ok_or_else(|| QueryError::IllegalArgument("value cannot be null".to_owned()))?;
        let case_insensitive = body.flag("case_insensitive")?.unwrap_or(false);
        // How matches are scored makes no difference: they all score the same.
        body.ignore(&["rewrite"]);
        let options = body.finish()?;
        Ok(Query::new(WildcardClause { field: field.to_owned(), value, case_insensitive }).with_options(&options))
    }
}

impl Query {
    /// Documents with a value of `field` that fits a pattern of `*` (any text) and `?` (any character).
    pub fn wildcard(field: &str, value: &str) -> Self {
        Self::new(WildcardClause { field: field.to_owned(), value: value.to_owned(), case_insensitive: false })
    }
}

impl Clause for WildcardClause {
    fn name(&self) -> &'static str {
        Wildcard.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut inner = Map::new();
        inner.insert("value".to_owned(), json!(self.value));
        if self.case_insensitive {
            inner.insert("case_insensitive".to_owned(), json!(true));
        }
        Map::from_iter([(self.field.clone(), Value::Object(inner))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        compiler.pattern(&self.field, "wildcard", &self.value, &Pattern::wildcard(&compiler.normal(&self.field, &self.value), self.case_insensitive)?)
    }
}
