//! `stats`: count, minimum, maximum, mean and sum of the numbers.

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::{Partial, Stats};
use crate::aggs::render::{Renderer, ValueFormat};
use crate::aggs::source::Source;
use crate::aggs::summary::{self, Needs};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct StatsAgg {
    source: Source,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "stats"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&Source::KEYS)?;
        Ok(Box::new(StatsAgg { source: Source::parse(body)? }))
    }
}

impl Aggregation for StatsAgg {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        summary::plan(&self.source, Needs { sum: true, extremes: true, squares: false }, ctx)
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let stats = summary::of(&partial);
        let format = ValueFormat::new(&stats.kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let mut out = Map::new();
        put(&stats, &format, &mut out);
        Ok(out)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "stats"
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        key.is_some_and(|it| ["count", "min", "max", "avg", "sum"].contains(&it))
    }

    fn measure(&self, partial: &Partial, key: Option<&str>) -> f64 {
        measure(&summary::of(partial), key.unwrap_or_default()).unwrap_or(f64::NAN)
    }
}

/// Writes the five numbers.
pub(crate) fn put(stats: &Stats, format: &ValueFormat, out: &mut Map<String, Value>) {
    out.insert("count".to_owned(), stats.count.into());
    let numbers = [("min", stats.lowest()), ("max", stats.highest()), ("avg", stats.avg()), ("sum", Some(stats.sum.value()))];
    for (name, value) in numbers {
        out.insert(name.to_owned(), value.filter(|it| it.is_finite()).map_or(Value::Null, Value::from));
    }
    if stats.count > 0 {
        for (name, value) in numbers {
            if let Some(text) = value.and_then(|it| format.text_of_number(it)) {
                out.insert(format!("{name}_as_string"), text.into());
            }
        }
    }
}

/// One of the five numbers.
pub(crate) fn measure(stats: &Stats, key: &str) -> Option<f64> {
    match key {
        "count" => Some(stats.count as f64),
        "min" => stats.lowest(),
        "max" => stats.highest(),
        "avg" => stats.avg(),
        "sum" => Some(stats.sum.value()),
        _ => None,
    }
}
