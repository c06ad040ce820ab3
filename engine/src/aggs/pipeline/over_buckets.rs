//! `avg_bucket`, `min_bucket`, `max_bucket`, `sum_bucket`, `stats_bucket`, `extended_stats_bucket`, `percentiles_bucket`: one result over the
//! values that another aggregation's buckets have.

use serde_json::{Map, Value, json};

use super::path::Path;
use super::{GapPolicy, Pipeline, PipelineKind, Sibling};
use crate::aggs::body::Body;
use crate::error::QueryError;

/// Which result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Avg,
    Min,
    Max,
    Sum,
    Stats,
    ExtendedStats,
    Percentiles,
}

/// Elasticsearch's default.
const PERCENTS: [f64; 7] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];

#[derive(Debug)]
struct OverBuckets {
    kind: Kind,
    path: Path,
    gaps: GapPolicy,
    percents: Vec<f64>,
    keyed: bool,
    sigma: f64,
}

impl PipelineKind for Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Avg => "avg_bucket",
            Self::Min => "min_bucket",
            Self::Max => "max_bucket",
            Self::Sum => "sum_bucket",
            Self::Stats => "stats_bucket",
            Self::ExtendedStats => "extended_stats_bucket",
            Self::Percentiles => "percentiles_bucket",
        }
    }

    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError> {
        let own: &[&'static str] = match self {
            Self::Percentiles => &["percents", "keyed"],
            Self::ExtendedStats => &["sigma"],
            _ => &[],
        };
        body.only(&[&["buckets_path", "gap_policy", "format"], own].concat())?;
        let percents = match body.get("percents") {
            None => PERCENTS.to_vec(),
            Some(value) => {
                let number = |it: &Value| it.as_f64().filter(|it| (0.0..=100.0).contains(it));
                let list = value.as_array().and_then(|it| it.iter().map(number).collect::<Option<Vec<_>>>());
                list.filter(|it| !it.is_empty()).ok_or_else(|| body.bad("percents", value))?
            }
        };
        let sigma = body.f64("sigma")?.unwrap_or(2.0);
        if sigma < 0.0 {
            return Err(QueryError::IllegalArgument(format!("sigma must be a non-negative double, found [{sigma}]")));
        }
        let keyed = body.bool("keyed")?.unwrap_or(true);
        Ok(Pipeline::Sibling(Box::new(OverBuckets { kind: *self, path: Path::of(body)?, gaps: GapPolicy::parse(body)?, percents, keyed, sigma })))
    }
}

impl OverBuckets {
    fn extreme(&self, values: &[(String, f64)], best: fn(f64, f64) -> f64) -> Map<String, Value> {
        let value = values.iter().map(|it| it.1).reduce(best);
        let keys: Vec<&str> = values.iter().filter(|it| Some(it.1) == value).map(|it| it.0.as_str()).collect();
        Map::from_iter([("value".to_owned(), value.map_or(Value::Null, Value::from)), ("keys".to_owned(), json!(keys))])
    }
}

impl Sibling for OverBuckets {
    fn path(&self) -> &Path {
        &self.path
    }

    fn gaps(&self) -> GapPolicy {
        self.gaps
    }

    fn typed_name(&self) -> &'static str {
        match self.kind {
            Kind::Avg | Kind::Sum => "simple_value",
            Kind::Min | Kind::Max => "bucket_metric_value",
            Kind::Stats => "stats_bucket",
            Kind::ExtendedStats => "extended_stats_bucket",
            Kind::Percentiles => "percentiles_bucket",
        }
    }

    fn result(&self, values: &[(String, f64)]) -> Map<String, Value> {
        let numbers: Vec<f64> = values.iter().map(|it| it.1).collect();
        let count = numbers.len() as f64;
        // From +0: the sum of nothing is not -0.
        let sum = numbers.iter().fold(0.0, |sum, it| sum + it);
        let or_null = |it: f64| if numbers.is_empty() || !it.is_finite() { Value::Null } else { it.into() };
        let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let stats =
            [("count", Value::from(numbers.len())), ("min", or_null(min)), ("max", or_null(max)), ("avg", or_null(sum / count)), ("sum", sum.into())];
        let mut out: Map<String, Value> = stats.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        match self.kind {
            Kind::Avg => Map::from_iter([("value".to_owned(), or_null(sum / count))]),
            Kind::Sum => Map::from_iter([("value".to_owned(), sum.into())]),
            Kind::Min => self.extreme(values, f64::min),
            Kind::Max => self.extreme(values, f64::max),
            Kind::Stats => out,
            Kind::ExtendedStats => {
                let mean = sum / count;
                let squares: f64 = numbers.iter().map(|it| it * it).sum();
                let deviations: f64 = numbers.iter().map(|it| (it - mean).powi(2)).sum();
                let (variance, sampling) = (deviations / count, deviations / (count - 1.0));
                let bound = |deviation: f64, side: f64| or_null(mean + side * self.sigma * deviation);
                let more = [
                    ("sum_of_squares", or_null(squares)),
                    ("variance", or_null(variance)),
                    ("variance_population", or_null(variance)),
                    ("variance_sampling", or_null(sampling)),
                    ("std_deviation", or_null(variance.sqrt())),
                    ("std_deviation_population", or_null(variance.sqrt())),
                    ("std_deviation_sampling", or_null(sampling.sqrt())),
                    (
                        "std_deviation_bounds",
                        json!({
                            "upper": bound(variance.sqrt(), 1.0),
                            "lower": bound(variance.sqrt(), -1.0),
                            "upper_population": bound(variance.sqrt(), 1.0),
                            "lower_population": bound(variance.sqrt(), -1.0),
                            "upper_sampling": bound(sampling.sqrt(), 1.0),
                            "lower_sampling": bound(sampling.sqrt(), -1.0),
                        }),
                    ),
                ];
                out.extend(more.map(|(name, value)| (name.to_owned(), value)));
                out
            }
            Kind::Percentiles => {
                let mut sorted = numbers.clone();
                sorted.sort_by(f64::total_cmp);
                // The nearest of the values, as Elasticsearch takes it; nothing is interpolated.
                let at =
                    |percent: f64| sorted.get((percent / 100.0 * (count - 1.0)).round().max(0.0) as usize).map_or(Value::Null, |it| Value::from(*it));
                let values = if self.keyed {
                    Value::Object(self.percents.iter().map(|it| (Value::from(*it).to_string(), at(*it))).collect())
                } else {
                    self.percents.iter().map(|it| json!({ "key": it, "value": at(*it) })).collect()
                };
                Map::from_iter([("values".to_owned(), values)])
            }
        }
    }
}
