//! `extended_stats`: `stats`, and how the numbers spread around their mean.

use serde_json::{Map, Value, json};

use crate::aggs::body::Body;
use crate::aggs::partial::{Partial, Stats};
use crate::aggs::render::{Renderer, ValueFormat};
use crate::aggs::source::Source;
use crate::aggs::stats;
use crate::aggs::summary::{self, Needs};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct ExtendedStats {
    source: Source,
    /// Standard deviations between the mean and the bounds.
    sigma: f64,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "extended_stats"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "sigma"])?;
        let sigma = body.f64("sigma")?.unwrap_or(2.0);
        if sigma < 0.0 {
            return Err(QueryError::IllegalArgument(format!("[sigma] must be greater than or equal to 0. Found [{sigma}] in [{}]", body.name)));
        }
        Ok(Box::new(ExtendedStats { source: Source::parse(body)?, sigma }))
    }
}

/// The spread of numbers.
struct Spread {
    avg: f64,
    population: f64,
    /// `None` below two values.
    sampling: Option<f64>,
}

impl Spread {
    fn of(stats: &Stats) -> Option<Self> {
        let (count, avg) = (stats.count as f64, stats.avg()?);
        let sum = stats.sum.value();
        // Rounding can push a spread of nothing below zero.
        let squares = (stats.squares.value() - sum * sum / count).max(0.0);
        Some(Self { avg, population: squares / count, sampling: (stats.count > 1).then(|| squares / (count - 1.0)) })
    }
}

impl Aggregation for ExtendedStats {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        summary::plan(&self.source, Needs { sum: true, extremes: true, squares: true }, ctx)
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let stats = summary::of(&partial);
        let format = ValueFormat::new(&stats.kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let spread = Spread::of(&stats);
        let of = |it: fn(&Spread) -> Option<f64>| spread.as_ref().and_then(it);
        let (population, sampling) = (of(|it| Some(it.population)), of(|it| it.sampling));
        let bound = |variance: Option<f64>, sign: f64| Some(of(|it| Some(it.avg))? + sign * self.sigma * variance?.sqrt());
        let mut out = Map::new();
        stats::put(&stats, &format, &mut out);
        let numbers = [
            ("sum_of_squares", (stats.count > 0).then(|| stats.squares.value())),
            ("variance", population),
            ("variance_population", population),
            ("variance_sampling", sampling),
            ("std_deviation", population.map(f64::sqrt)),
            ("std_deviation_population", population.map(f64::sqrt)),
            ("std_deviation_sampling", sampling.map(f64::sqrt)),
        ];
        let number = |it: Option<f64>| it.filter(|it| it.is_finite()).map_or(Value::Null, Value::from);
        numbers.into_iter().for_each(|(name, value)| drop(out.insert(name.to_owned(), number(value))));
        let bounds = json!({
            "upper": number(bound(population, 1.0)),
            "lower": number(bound(population, -1.0)),
            "upper_population": number(bound(population, 1.0)),
            "lower_population": number(bound(population, -1.0)),
            "upper_sampling": number(bound(sampling, 1.0)),
            "lower_sampling": number(bound(sampling, -1.0)),
        });
        out.insert("std_deviation_bounds".to_owned(), bounds);
        Ok(out)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "extended_stats"
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        let known =
            ["count", "min", "max", "avg", "sum", "sum_of_squares", "variance", "variance_sampling", "std_deviation", "std_deviation_sampling"];
        key.is_some_and(|it| known.contains(&it))
    }

    fn measure(&self, partial: &Partial, key: Option<&str>) -> f64 {
        let (stats, key) = (summary::of(partial), key.unwrap_or_default());
        let spread = Spread::of(&stats);
        let value = match key {
            "sum_of_squares" => Some(stats.squares.value()),
            "variance" => spread.map(|it| it.population),
            "std_deviation" => spread.map(|it| it.population.sqrt()),
            "variance_sampling" => spread.and_then(|it| it.sampling),
            "std_deviation_sampling" => spread.and_then(|it| it.sampling).map(f64::sqrt),
            _ => stats::measure(&stats, key),
        };
        value.unwrap_or(f64::NAN)
    }
}
