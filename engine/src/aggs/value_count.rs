//! `value_count`: how many values a field has, of any type.

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::Partial;
use crate::aggs::render::Renderer;
use crate::aggs::source::Source;
use crate::aggs::summary;
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct ValueCount {
    source: Source,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "value_count"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&Source::KEYS)?;
        Ok(Box::new(ValueCount { source: Source::parse(body)? }))
    }
}

impl Aggregation for ValueCount {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        summary::plan_count(&self.source, ctx)
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        Ok(Map::from_iter([("value".to_owned(), summary::of(&partial).count.into())]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "value_count"
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        matches!(key, None | Some("value"))
    }

    fn measure(&self, partial: &Partial, _key: Option<&str>) -> f64 {
        summary::of(partial).count as f64
    }
}
