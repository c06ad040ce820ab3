//! `range`: a field's value lies between bounds. Dates take date math, a format and a time zone.

use serde_json::{Map, Value, json};

use super::body::scalar_text;
use super::{Body, Clause, ClauseKind, Clip, Compiler, Parser, Query, TantivyQuery, TimeBounds};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Range;

/// One end of a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edge {
    Open,
    Included(Value),
    Excluded(Value),
}

/// A range on one field, built step by step: `RangeQuery::new("bytes").gte(10).lt(20).build()`.
#[derive(Clone, Debug)]
pub struct RangeQuery {
    pub(crate) field: String,
    pub(crate) lower: Edge,
    pub(crate) upper: Edge,
    pub(crate) format: Option<String>,
    pub(crate) time_zone: Option<String>,
}

impl RangeQuery {
    /// All values of `field`.
    pub fn new(field: &str) -> Self {
        Self { field: field.to_owned(), lower: Edge::Open, upper: Edge::Open, format: None, time_zone: None }
    }

    /// At least this value.
    #[must_use]
    pub fn gte(self, value: impl Into<Value>) -> Self {
        Self { lower: Edge::Included(value.into()), ..self }
    }

    /// More than this value.
    #[must_use]
    pub fn gt(self, value: impl Into<Value>) -> Self {
        Self { lower: Edge::Excluded(value.into()), ..self }
    }

    /// At most this value.
    #[must_use]
    pub fn lte(self, value: impl Into<Value>) -> Self {
        Self { upper: Edge::Included(value.into()), ..self }
    }

    /// Less than this value.
    #[must_use]
    pub fn lt(self, value: impl Into<Value>) -> Self {
        Self { upper: Edge::Excluded(value.into()), ..self }
    }

    /// The format of dates given as text.
    #[must_use]
    pub fn format(self, format: &str) -> Self {
        Self { format: Some(format.to_owned()), ..self }
    }

    /// The zone of dates that name none.
    #[must_use]
    pub fn time_zone(self, zone: &str) -> Self {
        Self { time_zone: Some(zone.to_owned()), ..self }
    }

    /// The query.
    pub fn build(self) -> Query {
        Query::new(self)
    }
}

impl Query {
    /// Starts a range on one field.
    pub fn range(field: &str) -> RangeQuery {
        RangeQuery::new(field)
    }
}

impl ClauseKind for Range {
    fn name(&self) -> &'static str {
        "range"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        if let Some((field, inner)) = body.as_object().and_then(|it| it.iter().find(|it| !matches!(it.0.as_str(), "boost" | "_name")))
            && !inner.is_object()
        {
            return Err(QueryError::Parsing(format!("[range] query does not support [{field}]")));
        }
        let (field, mut body) = Body::of_field(self.name(), body, "")?;
        let mut range = RangeQuery::new(field);
        // The old form: bounds in `from` and `to`, whether they belong to the range in two flags.
        let include_lower = body.flag("include_lower")?.unwrap_or(true);
        let include_upper = body.flag("include_upper")?.unwrap_or(true);
        for (key, upper, included) in [
            ("from", false, include_lower),
            ("to", true, include_upper),
            ("gte", false, true),
            ("gt", false, false),
            ("lte", true, true),
            ("lt", true, false),
        ] {
            let Some(value) = body.take(key) else { continue };
            let edge = match value {
                Value::Null => Edge::Open,
                Value::Array(_) | Value::Object(_) => {
                    return Err(QueryError::Parsing(format!("[range] query does not support [{key}] of this type")));
                }
                value if included => Edge::Included(value.clone()),
                value => Edge::Excluded(value.clone()),
            };
            if upper { range.upper = edge } else { range.lower = edge }
        }
        range.format = body.text("format")?;
        range.time_zone = body.text("time_zone")?;
        if let Some(relation) = body.text("relation")?
            && !["intersects", "contains", "within"].contains(&relation.to_lowercase().as_str())
        {
            return Err(QueryError::IllegalArgument(format!("[range] query does not support relation [{relation}]")));
        }
        let options = body.finish()?;
        Ok(Query::new(range).with_options(&options))
    }
}

impl Clause for RangeQuery {
    fn name(&self) -> &'static str {
        Range.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut inner = Map::new();
        for (edge, included, excluded) in [(&self.lower, "gte", "gt"), (&self.upper, "lte", "lt")] {
            match edge {
                Edge::Open => {}
                Edge::Included(value) => drop(inner.insert(included.to_owned(), value.clone())),
                Edge::Excluded(value) => drop(inner.insert(excluded.to_owned(), value.clone())),
            }
        }
        for (key, value) in [("format", &self.format), ("time_zone", &self.time_zone)] {
            if let Some(value) = value {
                inner.insert(key.to_owned(), json!(value));
            }
        }
        Map::from_iter([(self.field.clone(), Value::Object(inner))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        compiler.range(self)
    }

    fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        if self.field == field { compiler.range_time_bounds(self) } else { TimeBounds::default() }
    }

    fn clip(&self, clip: &Clip<'_>) -> Option<Query> {
        if self.field != clip.field {
            return None;
        }
        let bounds = clip.compiler.strict_time_bounds(self)?;
        if bounds.from.is_some_and(|it| it > clip.newest) || bounds.to.is_some_and(|it| it < clip.oldest) {
            return Some(Query::match_none());
        }
        let from = bounds.from.filter(|it| *it > clip.oldest);
        let to = bounds.to.filter(|it| *it < clip.newest);
        if from.is_none() && to.is_none() {
            return Some(Query::match_all());
        }
        // Bounds in milliseconds: `now-15m` would be another question each time, and an end that does not cut says nothing.
        let mut clipped = RangeQuery::new(&self.field).format("epoch_millis");
        if let Some(from) = from {
            clipped = clipped.gte(from);
        }
        if let Some(to) = to {
            clipped = clipped.lte(to);
        }
        Some(clipped.build())
    }

    fn uses_now(&self) -> bool {
        [&self.lower, &self.upper].into_iter().any(|edge| match edge {
            Edge::Open => false,
            Edge::Included(value) | Edge::Excluded(value) => scalar_text(value).starts_with("now"),
        })
    }
}
