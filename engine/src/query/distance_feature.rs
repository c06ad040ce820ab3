//! `distance_feature`: documents with a value, scored by how near it is to a point in time.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::context::Target;
use super::rescored::{BoostMode, Combination, Part, Rescored, ScoreMode};
use super::scoring::{Distance, length, point};
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery, context};
use crate::error::QueryError;
use crate::mapping::FieldType;

/// The kind.
pub(crate) struct DistanceFeature;

#[derive(Debug)]
struct DistanceFeatureClause {
    field: String,
    origin: Value,
    pivot: Value,
}

impl ClauseKind for DistanceFeature {
    fn name(&self) -> &'static str {
        "distance_feature"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let missing = |key: &str| QueryError::IllegalArgument(format!("Required [{key}]"));
        let field = body.text("field")?.ok_or_else(|| missing("field"))?;
        let origin = body.scalar("origin")?.ok_or_else(|| missing("origin"))?;
        let pivot = body.scalar("pivot")?.ok_or_else(|| missing("pivot"))?;
        let options = body.finish()?;
        Ok(Query::new(DistanceFeatureClause { field, origin, pivot }).with_options(&options))
    }
}

impl Clause for DistanceFeatureClause {
    fn name(&self) -> &'static str {
        DistanceFeature.name()
    }

    fn body(&self) -> Map<String, Value> {
        let Value::Object(body) = json!({ "field": self.field, "origin": self.origin, "pivot": self.pivot }) else { return Map::new() };
        body
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let field = match compiler.target(&self.field) {
            Target::Field(field) if field.kind == FieldType::Date && field.doc_values => field.clone(),
            Target::Unknown => return Ok(context::nothing()),
            _ => {
                return Err(QueryError::IllegalArgument(format!(
                    "Illegal data type of field [{}]: [distance_feature] can only be run on a date field.",
                    self.field
                )));
            }
        };
        let (origin, pivot) = (point(&field, Some(&self.origin), compiler)?, length(&field, &self.pivot)?);
        if pivot <= 0.0 {
            return Err(QueryError::IllegalArgument(format!("[distance_feature] pivot must be more than 0, found [{}]", self.pivot)));
        }
        let inner = super::field::constant(compiler.exists(&self.field)?);
        if context::is_empty(&inner) {
            return Ok(inner);
        }
        let part = Part { filter: context::everything(), function: Some(Arc::new(Distance { field, origin, pivot })), weight: 1.0 };
        // The boost stands in the inner query's score, so that it is kept.
        let combination = Combination { score_mode: ScoreMode::Multiply, boost_mode: BoostMode::Multiply, max_boost: f64::MAX, min_score: None };
        Ok(Box::new(Rescored::new(inner, vec![part], combination, compiler.context.documents.clone())))
    }

    fn uses_now(&self) -> bool {
        // The score depends on it; what matches does not, and scores are never kept.
        false
    }
}
