//! `terms`: a field has one of these values.

use serde_json::{Map, Value, json};

use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;
use crate::limits::TERMS_MAX;

/// The kind.
pub(crate) struct Terms;

#[derive(Debug)]
struct TermsClause {
    field: String,
    values: Vec<Value>,
}

impl ClauseKind for Terms {
    fn name(&self) -> &'static str {
        "terms"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let mut fields = body.rest().into_iter();
        let options = body.finish()?;
        let Some((field, values)) = fields.next() else {
            return Err(QueryError::Parsing(
                "[terms] query requires a field name, followed by array of terms or a document lookup specification".to_owned(),
            ));
        };
        if fields.next().is_some() {
            return Err(QueryError::Parsing("[terms] query does not support multiple fields".to_owned()));
        }
        let values = match values {
            Value::Array(values) => values,
            Value::Object(_) => return Err(QueryError::Parsing(format!("[terms] query does not support a terms lookup for field [{field}]"))),
            _ => return Err(QueryError::Parsing(format!("[terms] query does not support [{field}]: an array of terms is expected"))),
        };
        if values.len() > TERMS_MAX {
            return Err(QueryError::IllegalArgument(format!(
                "The number of terms [{}] used in the Terms Query request has exceeded the allowed maximum of [{TERMS_MAX}]. This maximum can be set by changing the [index.max_terms_count] index level setting.",
                values.len()
            )));
        }
        for value in values {
            match value {
                Value::Null => return Err(QueryError::Parsing("No value specified for terms query".to_owned())),
                Value::Array(_) | Value::Object(_) => {
                    return Err(QueryError::Parsing(format!("[terms] query for field [{field}] takes numbers, strings and booleans only")));
                }
                _ => {}
            }
        }
        Ok(Query::new(TermsClause { field: field.to_owned(), values: values.clone() }).with_options(&options))
    }
}

impl Query {
    /// Documents whose `field` has one of these values.
    pub fn terms<V: Into<Value>>(field: &str, values: impl IntoIterator<Item = V>) -> Self {
        Self::new(TermsClause { field: field.to_owned(), values: values.into_iter().map(Into::into).collect() })
    }
}

impl Clause for TermsClause {
    fn name(&self) -> &'static str {
        Terms.name()
    }

    fn body(&self) -> Map<String, Value> {
        Map::from_iter([(self.field.clone(), json!(self.values))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        compiler.terms(&self.field, &self.values)
    }

    fn uses_now(&self) -> bool {
        self.values.iter().any(|it| it.as_str().is_some_and(|it| it.starts_with("now")))
    }
}
