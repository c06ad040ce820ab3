//! `median_absolute_deviation`: the median of the distances from the median; exact with few values, as `percentiles` is.

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::Partial;
use crate::aggs::percentiles::{self, QuantilesPlan};
use crate::aggs::render::{Renderer, ValueFormat};
use crate::aggs::source::{Accepts, Source};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct MedianAbsoluteDeviation {
    source: Source,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "median_absolute_deviation"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "compression", "execution_hint"])?;
        if body.f64("compression")?.is_some_and(|it| it <= 0.0) {
            return Err(QueryError::IllegalArgument("[compression] must be greater than 0".to_owned()));
        }
        Ok(Box::new(MedianAbsoluteDeviation { source: Source::parse(body)? }))
    }
}

impl Aggregation for MedianAbsoluteDeviation {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(QuantilesPlan { source: self.source.plan(Accepts::Numbers, ctx)? }))
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let (kind, values) = percentiles::of(&partial);
        let format = ValueFormat::new(&kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let mut out = Map::new();
        format.put_number("value", values.median_deviation(), &mut out);
        Ok(out)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "median_absolute_deviation"
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        matches!(key, None | Some("value"))
    }

    fn measure(&self, partial: &Partial, _key: Option<&str>) -> f64 {
        percentiles::of(partial).1.median_deviation().unwrap_or(f64::NAN)
    }
}
