//! `regexp`: a regular expression in Lucene's syntax fits a whole value. On analysed text, a token.

use serde_json::{Map, Value, json};

use super::pattern::{Flags, Pattern};
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Regexp;

#[derive(Debug)]
struct RegexpClause {
    field: String,
    value: String,
    case_insensitive: bool,
    flags: Option<String>,
}

impl ClauseKind for Regexp {
    fn name(&self) -> &'static str {
        "regexp"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "value")?;
        let value = body.text("value")?;
        let value = value.ok_or_else(|| QueryError::IllegalArgument("value cannot be null".to_owned()))?;
        let case_insensitive = body.flag("case_insensitive")?.unwrap_or(false);
        let flags = body.text("flags")?;
        if let Some(flags) = &flags {
            Flags::parse(flags)?;
        }
        // The automaton is never determinised, so that its number of states needs no limit from the caller.
        body.ignore(&["flags_value", "max_determinized_states"]);
        // How matches are scored makes no difference: they all score the same.
        body.ignore(&["rewrite"]);
        let options = body.finish()?;
        Ok(Query::new(RegexpClause { field: field.to_owned(), value, case_insensitive, flags }).with_options(&options))
    }
}

impl Query {
    /// Documents with a value of `field` that a regular expression in Lucene's syntax fits as a whole.
    pub fn regexp(field: &str, value: &str) -> Self {
        Self::new(RegexpClause { field: field.to_owned(), value: value.to_owned(), case_insensitive: false, flags: None })
    }
}

impl Clause for RegexpClause {
    fn name(&self) -> &'static str {
        Regexp.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut inner = Map::new();
        inner.insert("value".to_owned(), json!(self.value));
        if self.case_insensitive {
            inner.insert("case_insensitive".to_owned(), json!(true));
        }
        if let Some(flags) = &self.flags {
            inner.insert("flags".to_owned(), json!(flags));
        }
        Map::from_iter([(self.field.clone(), Value::Object(inner))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let flags = self.flags.as_deref().map_or(Ok(Flags::ALL), Flags::parse)?;
        compiler.pattern(&self.field, "regexp", &self.value, &Pattern::regexp(&self.value, flags, self.case_insensitive)?)
    }
}
