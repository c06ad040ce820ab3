//! `boosting`: the matches of `positive`; those that also fit `negative` score less.

use serde_json::{Map, Value, json};
use tantivy::query::{BooleanQuery, BoostQuery, Occur};

use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery, TimeBounds, context};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Boosting;

#[derive(Debug)]
struct BoostingClause {
    positive: Query,
    negative: Query,
    negative_boost: f32,
}

impl ClauseKind for Boosting {
    fn name(&self) -> &'static str {
        "boosting"
    }

    fn parse(&self, body: &Value, parser: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let missing = |key: &str| QueryError::Parsing(format!("[boosting] query requires '{key}' query to be set"));
        let positive = parser.query(body.take("positive").ok_or_else(|| missing("positive"))?)?;
        let negative = parser.query(body.take("negative").ok_or_else(|| missing("negative"))?)?;
        let negative_boost = body.float("negative_boost")?.filter(|it| *it >= 0.0);
        let negative_boost = negative_boost
            .ok_or_else(|| QueryError::Parsing("[boosting] query requires 'negative_boost' to be set to be a positive value".to_owned()))?;
        let options = body.finish()?;
        Ok(Query::new(BoostingClause { positive, negative, negative_boost }).with_options(&options))
    }
}

impl Clause for BoostingClause {
    fn name(&self) -> &'static str {
        Boosting.name()
    }

    fn body(&self) -> Map<String, Value> {
        Map::from_iter([
            ("positive".to_owned(), self.positive.to_json()),
            ("negative".to_owned(), self.negative.to_json()),
            ("negative_boost".to_owned(), json!(self.negative_boost)),
        ])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let positive = self.positive.build(compiler)?;
        let negative = self.negative.build(compiler)?;
        if context::is_empty(&positive) || context::is_empty(&negative) {
            return Ok(positive);
        }
        // Two disjoint halves: matches of both at the lower score, the others at their own.
        let demoted: TantivyQuery =
            Box::new(BooleanQuery::new(vec![(Occur::Must, positive.box_clone()), (Occur::Must, super::bool::filtering(negative.box_clone()))]));
        let others: TantivyQuery = Box::new(BooleanQuery::new(vec![(Occur::Must, positive), (Occur::MustNot, super::exclusion::excluded(negative))]));
        let demoted: TantivyQuery = Box::new(BoostQuery::new(demoted, self.negative_boost));
        Ok(Box::new(BooleanQuery::new(vec![(Occur::Should, demoted), (Occur::Should, others)])))
    }

    fn children(&self) -> Vec<&Query> {
        vec![&self.positive, &self.negative]
    }

    fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        self.positive.time_bounds(field, compiler)
    }
}
