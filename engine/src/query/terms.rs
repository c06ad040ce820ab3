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
    values: Values,
}

#[derive(Debug)]
enum Values {
    Given(Vec<Value>),
    /// Those at a path of a document, as it is when the query is asked.
    Stored {
        index: String,
        id: String,
        path: String,
    },
}

impl ClauseKind for Terms {
    fn name(&self) -> &'static str {
        "terms"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let mut fields = body.rest().into_iter();
        let options = body.finish()?;
        let Some((field, value)) = fields.next() else {
            return Err(QueryError::Parsing(
                "[terms] query requires a field name, followed by array of terms or a document lookup specification".to_owned(),
            ));
        };
        if fields.next().is_some() {
            return Err(QueryError::Parsing("[terms] query does not support multiple fields".to_owned()));
        }
        let values = match value {
            Value::Array(values) => values,
            Value::Object(_) => {
                let values = lookup(value)?;
                return Ok(Query::new(TermsClause { field: field.to_owned(), values }).with_options(&options));
            }
            _ => return Err(QueryError::Parsing(format!("[terms] query does not support [{field}]: an array of terms is expected"))),
        };
        check_count(values)?;
        for value in values {
            match value {
                Value::Null => return Err(QueryError::Parsing("No value specified for terms query".to_owned())),
                Value::Array(_) | Value::Object(_) => {
                    return Err(QueryError::Parsing(format!("[terms] query for field [{field}] takes numbers, strings and booleans only")));
                }
                _ => {}
            }
        }
        Ok(Query::new(TermsClause { field: field.to_owned(), values: Values::Given(values.clone()) }).with_options(&options))
    }
}

/// Reads `{index, id, path}`.
fn lookup(body: &Value) -> Result<Values, QueryError> {
    let mut body = Body::new("terms", body)?;
    let required = |key: &str| QueryError::IllegalArgument(format!("[terms] query lookup element requires specifying the {key}."));
    let index = body.text("index")?.ok_or_else(|| required("index"))?;
    let id = body.text("id")?.ok_or_else(|| required("id"))?;
    let path = body.text("path")?.ok_or_else(|| required("path"))?;
    // There is one place where a document can be.
    body.ignore(&["routing"]);
    body.finish()?;
    Ok(Values::Stored { index, id, path })
}

fn check_count(values: &[Value]) -> Result<(), QueryError> {
    if values.len() > TERMS_MAX {
        return Err(QueryError::IllegalArgument(format!(
            "The number of terms [{}] used in the Terms Query request has exceeded the allowed maximum of [{TERMS_MAX}]. This maximum can be set by changing the [index.max_terms_count] index level setting.",
            values.len()
        )));
    }
    Ok(())
}

impl Query {
    /// Documents whose `field` has one of these values.
    pub fn terms<V: Into<Value>>(field: &str, values: impl IntoIterator<Item = V>) -> Self {
        Self::new(TermsClause { field: field.to_owned(), values: Values::Given(values.into_iter().map(Into::into).collect()) })
    }
}

impl Clause for TermsClause {
    fn name(&self) -> &'static str {
        Terms.name()
    }

    fn body(&self) -> Map<String, Value> {
        let values = match &self.values {
            Values::Given(values) => json!(values),
            Values::Stored { index, id, path } => json!({ "index": index, "id": id, "path": path }),
        };
        Map::from_iter([(self.field.clone(), values)])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        match &self.values {
            Values::Given(values) => compiler.terms(&self.field, values),
            Values::Stored { index, id, path } => {
                let values = compiler.context.documents.values(index, id, path)?;
                check_count(&values)?;
                compiler.terms(&self.field, &values)
            }
        }
    }

    fn uses_now(&self) -> bool {
        match &self.values {
            Values::Given(values) => values.iter().any(|it| it.as_str().is_some_and(|it| it.starts_with("now"))),
            // Another document may stand there a moment later.
            Values::Stored { .. } => true,
        }
    }
}
