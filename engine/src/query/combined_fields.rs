//! `combined_fields`: the words of a text, each in some of several fields, as if these were one: `multi_match` across fields by another name.

use serde_json::Value;

use super::match_text::MatchOptions;
use super::multi_match::{FieldList, across_fields};
use super::{Body, ClauseKind, Parser, Query};
use crate::error::QueryError;

/// The kind.
pub(crate) struct CombinedFields;

impl ClauseKind for CombinedFields {
    fn name(&self) -> &'static str {
        "combined_fields"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let query = body.scalar("query")?.ok_or_else(|| QueryError::IllegalArgument("Required [query]".to_owned()))?;
        if body.peek("fields").is_none() {
            return Err(QueryError::IllegalArgument("Required [fields]".to_owned()));
        }
        let fields = FieldList::take(&mut body)?;
        if let Some(key) = ["fuzziness", "lenient", "analyzer", "prefix_length"].into_iter().find(|it| body.peek(it).is_some()) {
            return Err(QueryError::XContentParse(format!("[combined_fields] unknown field [{key}]")));
        }
        let options = MatchOptions::take(&mut body, self.name())?;
        let common = body.finish()?;
        Ok(across_fields(query, fields, options).with_options(&common))
    }
}
