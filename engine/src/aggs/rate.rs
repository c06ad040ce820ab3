//! `rate`: documents, values or their sum per unit of time, below a date histogram: the length of each bucket is looked at as it is.

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::Partial;
use crate::aggs::render::{Renderer, Span, ValueFormat};
use crate::aggs::rounding::Interval;
use crate::aggs::source::Source;
use crate::aggs::summary::{self, Needs};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Rate {
    name: String,
    source: Source,
    /// `None`: per bucket.
    unit: Option<(String, Interval)>,
    /// Values are summed, not counted.
    is_sum: bool,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "rate"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "unit", "mode"])?;
        let unit = match body.str("unit")? {
            None => None,
            Some(name) => {
                let interval = Interval::calendar(name).ok_or_else(|| QueryError::IllegalArgument(format!("Unsupported unit {name}")))?;
                Some((name.to_owned(), interval))
            }
        };
        let has_field = body.get("field").is_some();
        let is_sum = match body.str("mode")? {
            Some(_) if !has_field => {
                return Err(QueryError::IllegalArgument("The mode parameter is only supported with field or script".to_owned()));
            }
            None | Some("sum") => has_field,
            Some("value_count") => false,
            Some(other) => return Err(QueryError::IllegalArgument(format!("Unsupported rate mode [{other}]"))),
        };
        // Every document is in one index, so counting that field's values counts documents.
        let source = if has_field { Source::parse(body)? } else { Source::of_field("rate", "_index".to_owned()) };
        Ok(Box::new(Rate { name: body.name.to_owned(), source, unit, is_sum }))
    }
}

impl Rate {
    /// How many units a bucket is long.
    fn units(&self, span: Option<Span>) -> Result<f64, QueryError> {
        let Some(span) = span else {
            return Err(QueryError::IllegalArgument(format!(
                "The rate aggregation can only be used inside a date histogram aggregation: [{}]",
                self.name
            )));
        };
        let Some((name, unit)) = &self.unit else { return Ok(1.0) };
        match (unit.months(), span.interval.months()) {
            (Some(unit), Some(months)) => Ok(months as f64 / unit as f64),
            (Some(_), None) => Err(QueryError::IllegalArgument(format!(
                "Cannot use month-based rate unit [{name}] with non-month based calendar interval histogram, only week, day, hour, minute and second are supported for this histogram"
            ))),
            (None, _) => Ok((span.end - span.start) as f64 / unit.length_ms() as f64),
        }
    }
}

impl Aggregation for Rate {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        if self.is_sum { summary::plan(&self.source, Needs { sum: true, ..Needs::default() }, ctx) } else { summary::plan_count(&self.source, ctx) }
    }

    fn render(&self, partial: Partial, _subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let stats = summary::of(&partial);
        let number = if self.is_sum { stats.sum.value() } else { stats.count as f64 };
        let rate = number / self.units(renderer.span)?;
        let format = ValueFormat::new(&stats.kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let mut out = Map::from_iter([("value".to_owned(), rate.into())]);
        if self.source.format.is_some() {
            format.put_number("value", Some(rate), &mut out);
        }
        Ok(out)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "rate"
    }
}
