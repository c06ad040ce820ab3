//! `ids`: documents by `_id`.

use serde_json::{Map, Value, json};

use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;
use crate::limits::TERMS_MAX;

/// The kind.
pub(crate) struct Ids;

#[derive(Debug)]
struct IdsClause {
    values: Vec<String>,
}

impl ClauseKind for Ids {
    fn name(&self) -> &'static str {
        "ids"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let items = match body.take("values") {
            Some(Value::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => return Err(QueryError::IllegalArgument("[ids] requires providing at least one id: [values] is missing".to_owned())),
        };
        if items.len() > TERMS_MAX {
            return Err(QueryError::IllegalArgument(format!("[ids] takes at most [{TERMS_MAX}] values, found [{}]", items.len())));
        }
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Value::String(it) => values.push(it.clone()),
                Value::Number(it) => values.push(it.to_string()),
                _ => {
                    return Err(QueryError::Parsing(
                        "[ids] failed to parse field [values]: illegal value for id, expecting string or number".to_owned(),
                    ));
                }
            }
        }
        let options = body.finish_with_hint(&["values", "boost", "_name"])?;
        Ok(Query::new(IdsClause { values }).with_options(&options))
    }
}

impl Query {
    /// Documents with one of these `_id`s.
    pub fn ids<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Self {
        Self::new(IdsClause { values: values.into_iter().map(Into::into).collect() })
    }
}

impl Clause for IdsClause {
    fn name(&self) -> &'static str {
        Ids.name()
    }

    fn body(&self) -> Map<String, Value> {
        Map::from_iter([("values".to_owned(), json!(self.values))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        Ok(compiler.ids(self.values.iter().map(String::as_str)))
    }
}
