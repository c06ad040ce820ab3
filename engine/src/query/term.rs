//! `term`: a field has exactly this value. A block of addresses (`10.0.0.0/8`) is a value of an `ip` field.

use serde_json::{Map, Value, json};

use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery, TimeBounds};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Term;

#[derive(Debug)]
struct TermClause {
    field: String,
    value: Value,
    case_insensitive: bool,
}

impl ClauseKind for Term {
    fn name(&self) -> &'static str {
        "term"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "value")?;
        // `term` was the key before `value`, and is still understood.
        let value = match body.scalar("value")? {
            Some(it) => it,
            None => body.scalar("term")?.ok_or_else(|| QueryError::IllegalArgument("value cannot be null".to_owned()))?,
        };
        let case_insensitive = body.flag("case_insensitive")?.unwrap_or(false);
        let options = body.finish()?;
        Ok(Query::new(TermClause { field: field.to_owned(), value, case_insensitive }).with_options(&options))
    }
}

impl Query {
    /// Documents whose `field` has this value.
    pub fn term(field: &str, value: impl Into<Value>) -> Self {
        Self::new(TermClause { field: field.to_owned(), value: value.into(), case_insensitive: false })
    }
}

impl Clause for TermClause {
    fn name(&self) -> &'static str {
        Term.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut inner = Map::new();
        inner.insert("value".to_owned(), self.value.clone());
        if self.case_insensitive {
            inner.insert("case_insensitive".to_owned(), json!(true));
        }
        Map::from_iter([(self.field.clone(), Value::Object(inner))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        compiler.term(&self.field, &self.value, self.case_insensitive)
    }

    fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        if self.field == field { compiler.term_time_bounds(field, &self.value) } else { TimeBounds::default() }
    }

    fn uses_now(&self) -> bool {
        self.value.as_str().is_some_and(|it| it.starts_with("now"))
    }
}
