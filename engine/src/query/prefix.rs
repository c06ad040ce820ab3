//! `prefix`: a value starts with this text. On analysed text, a token does.

use serde_json::{Map, Value, json};

use super::pattern::Pattern;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Prefix;

#[derive(Debug)]
struct PrefixClause {
    field: String,
    value: String,
    case_insensitive: bool,
}

impl ClauseKind for Prefix {
    fn name(&self) -> &'static str {
        "prefix"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "value")?;
        let value = body.text("value")?;
        let value = value.ok_or_else(|| QueryError::IllegalArgument("value cannot be null".to_owned()))?;
        let case_insensitive = body.flag("case_insensitive")?.unwrap_or(false);
        // How matches are scored makes no difference: they all score the same.
        body.ignore(&["rewrite"]);
        let options = body.finish()?;
        Ok(Query::new(PrefixClause { field: field.to_owned(), value, case_insensitive }).with_options(&options))
    }
}

impl Query {
    /// Documents with a value of `field` that starts with this text.
    pub fn prefix(field: &str, value: &str) -> Self {
        Self::new(PrefixClause { field: field.to_owned(), value: value.to_owned(), case_insensitive: false })
    }
}

impl Clause for PrefixClause {
    fn name(&self) -> &'static str {
        Prefix.name()
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
        compiler.pattern(&self.field, "prefix", &self.value, &Pattern::prefix_of(&compiler.normal(&self.field, &self.value), self.case_insensitive)?)
    }
}
