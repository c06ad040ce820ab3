//! `boxplot`: smallest, largest and quartiles of a field's numbers, and the whiskers of the box; as exact as `percentiles`.

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::Partial;
use crate::aggs::percentiles::{QuantilesPlan, of};
use crate::aggs::render::{Renderer, ValueFormat};
use crate::aggs::source::{Accepts, Source};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Boxplot {
    source: Source,
}

/// What is answered, in its order.
const NAMES: [&str; 7] = ["min", "max", "q1", "q2", "q3", "lower", "upper"];

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "boxplot"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "compression", "execution_hint"])?;
        body.f64("compression")?;
        Ok(Box::new(Boxplot { source: Source::parse(body)? }))
    }
}

/// The numbers behind [`NAMES`]; `None` without values.
fn numbers(partial: &Partial) -> Option<[f64; 7]> {
    let (_, values) = of(partial);
    let at = |percent: f64| values.at(percent);
    let (min, q1, q2, q3, max) = (at(0.0)?, at(25.0)?, at(50.0)?, at(75.0)?, at(100.0)?);
    // The whiskers reach to the farthest values within one and a half boxes.
    let reach = 1.5 * (q3 - q1);
    let (low, high) = (q1 - reach, q3 + reach);
    let lower = if min >= low { min } else { values.extreme_within(low, high, false).unwrap_or(q1) };
    let upper = if max <= high { max } else { values.extreme_within(low, high, true).unwrap_or(q3) };
    Some([min, max, q1, q2, q3, lower, upper])
}

impl Aggregation for Boxplot {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(QuantilesPlan { source: self.source.plan(Accepts::Numbers, ctx)? }))
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let format = ValueFormat::new(&of(&partial).0, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let found = numbers(&partial);
        let mut row = Map::new();
        for (at, name) in NAMES.iter().enumerate() {
            format.put_number(name, found.map(|it| it[at]), &mut row);
        }
        Ok(row)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "boxplot"
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        key.is_some_and(|it| NAMES.contains(&it))
    }

    fn measure(&self, partial: &Partial, key: Option<&str>) -> f64 {
        let at = NAMES.iter().position(|it| Some(*it) == key);
        at.and_then(|at| Some(numbers(partial)?[at])).unwrap_or(f64::NAN)
    }
}
