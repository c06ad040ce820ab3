//! `moving_fn`: a function of the values in a window that moves along the buckets. The function is one of Elasticsearch's `MovingFunctions`,
//! by name: the script is read, not run.

use super::path::Path;
use super::{Bucket, GapPolicy, Parent, Pipeline, PipelineKind, simple_value};
use crate::aggs::body::Body;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Debug)]
struct MovingFn {
    path: Path,
    gaps: GapPolicy,
    window: i64,
    shift: i64,
    function: Function,
    /// Windows with no more values than these have no result.
    more_than: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Max,
    Min,
    Sum,
    StdDev,
    UnweightedAvg,
    LinearWeightedAvg,
    Ewma(f64),
    /// Level and trend.
    Holt {
        alpha: f64,
        beta: f64,
    },
    HoltWinters(Seasonal),
}

/// Level, trend and season.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seasonal {
    alpha: f64,
    beta: f64,
    gamma: f64,
    period: usize,
    multiplicative: bool,
}

impl PipelineKind for Kind {
    fn name(&self) -> &'static str {
        "moving_fn"
    }

    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError> {
        body.only(&["buckets_path", "gap_policy", "window", "shift", "script", "format"])?;
        let window = body.f64("window")?.ok_or_else(|| body.lacks("window"))? as i64;
        if window < 1 {
            return Err(QueryError::IllegalArgument("[window] must be a positive, non-zero integer.".to_owned()));
        }
        let shift = body.f64("shift")?.unwrap_or(0.0) as i64;
        let script = super::expression::source(body)?.0;
        let (more_than, call) = condition(script);
        let function = Function::parse(&call).ok_or_else(|| {
            QueryError::IllegalArgument(format!(
                "[{script}] is no function of [moving_fn] here; there are MovingFunctions.max, min, sum, stdDev, unweightedAvg, linearWeightedAvg, ewma, \
                 holt and holtWinters of (values, …), and no other scripts"
            ))
        })?;
        Ok(Pipeline::Parent(Box::new(MovingFn { path: Path::of(body)?, gaps: GapPolicy::parse(body)?, window, shift, function, more_than })))
    }
}

/// Takes off what Elasticsearch's documentation puts around `holtWinters`: `if (values.length > 5*2) { … }`; the number, and what is inside.
fn condition(script: &str) -> (usize, String) {
    let dense: String = script.chars().filter(|it| !it.is_whitespace()).collect();
    let inside = || {
        let (number, call) = dense.strip_prefix("if(values.length>")?.strip_suffix('}')?.split_once("){")?;
        let number = number.split('*').map(|it| it.parse::<usize>().ok()).try_fold(1_usize, |product, it| product.checked_mul(it?))?;
        Some((number, call.to_owned()))
    };
    inside().unwrap_or((0, dense.clone()))
}

impl Function {
    /// Reads `MovingFunctions.name(values, argument)`.
    fn parse(script: &str) -> Option<Self> {
        let script: String = script.chars().filter(|it| !it.is_whitespace()).collect();
        let script = script.strip_prefix("return").unwrap_or(&script);
        let call = script.strip_suffix(';').unwrap_or(script).strip_prefix("MovingFunctions.")?;
        let (name, arguments) = call.strip_suffix(')')?.split_once("(values")?;
        match (name, arguments) {
            ("max", "") => Some(Self::Max),
            ("min", "") => Some(Self::Min),
            ("sum", "") => Some(Self::Sum),
            ("unweightedAvg", "") => Some(Self::UnweightedAvg),
            ("linearWeightedAvg", "") => Some(Self::LinearWeightedAvg),
            ("stdDev", ",MovingFunctions.unweightedAvg(values)") => Some(Self::StdDev),
            ("ewma", argument) => {
                let alpha: f64 = argument.strip_prefix(',')?.trim_end_matches(['d', 'f']).parse().ok()?;
                (0.0..=1.0).contains(&alpha).then_some(Self::Ewma(alpha))
            }
            ("holt", arguments) => {
                let [alpha, beta] = numbers(arguments)?;
                Some(Self::Holt { alpha, beta })
            }
            ("holtWinters", arguments) => {
                let (arguments, multiplicative) = arguments.rsplit_once(',')?;
                let [alpha, beta, gamma, period] = numbers(arguments)?;
                let multiplicative = multiplicative.parse().ok()?;
                let period = (period >= 1.0 && period.fract() == 0.0).then_some(period as usize)?;
                Some(Self::HoltWinters(Seasonal { alpha, beta, gamma, period, multiplicative }))
            }
            _ => None,
        }
    }

    /// Whether so many values are too few, and how many it takes.
    fn lacks(self, values: usize) -> Option<usize> {
        match self {
            Self::HoltWinters(it) if values > 0 => Some(it.period.saturating_mul(2)).filter(|it| *it > values),
            _ => None,
        }
    }

    fn of(self, values: &[f64]) -> f64 {
        let count = values.len() as f64;
        let sum = values.iter().fold(0.0, |sum, it| sum + it);
        match self {
            Self::Sum => sum,
            _ if values.is_empty() => f64::NAN,
            Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::UnweightedAvg => sum / count,
            Self::StdDev => (values.iter().map(|it| (it - sum / count).powi(2)).sum::<f64>() / count).sqrt(),
            // The weights' sum begins at 1 in Elasticsearch, and whoever compares expects it to.
            Self::LinearWeightedAvg => {
                let weighted: f64 = values.iter().zip(1..).map(|(value, weight)| value * f64::from(weight)).sum();
                weighted / (1.0 + count * (count + 1.0) / 2.0)
            }
            Self::Holt { alpha, beta } => {
                let (mut level, mut trend) = (values[0], 0.0);
                for value in &values[1..] {
                    let before = level;
                    level = alpha * value + (1.0 - alpha) * (level + trend);
                    trend = beta * (level - before) + (1.0 - beta) * trend;
                }
                level
            }
            Self::HoltWinters(it) => it.forecast(values),
            Self::Ewma(alpha) => values[1..].iter().fold(values[0], |mean, it| it * alpha + mean * (1.0 - alpha)),
        }
    }
}

/// `,0.3,0.1`: a number each.
fn numbers<const N: usize>(arguments: &str) -> Option<[f64; N]> {
    let numbers: Vec<f64> = arguments.strip_prefix(',')?.split(',').map(|it| it.trim_end_matches(['d', 'f']).parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok().filter(|it: &[f64; N]| it.iter().all(|it| it.is_finite()))
}

impl Seasonal {
    /// The next value, of at least two periods. Step by step as Elasticsearch does it, its signs included: whoever compares expects that.
    fn forecast(self, values: &[f64]) -> f64 {
        let Self { alpha, beta, gamma, period, multiplicative } = self;
        // A season of nothing would be divided by.
        let padding = if multiplicative { 1e-10 } else { 0.0 };
        let values: Vec<f64> = values.iter().map(|it| it + padding).collect();
        let length = period as f64;
        let mut level = values[..period].iter().sum::<f64>() / length;
        let mut trend = (0..period).map(|at| (values[at + period] - values[at]) / length).sum::<f64>() / length;
        let mut season: Vec<f64> = values[..period].iter().map(|it| if level == 0.0 { 0.0 } else { it / level }).collect();
        // The first step begins without a trend.
        let (mut last_level, mut last_trend) = (level, 0.0);
        for at in period..values.len() {
            let (value, seasonal) = (values[at], season[at - period]);
            let known = if multiplicative { value / seasonal } else { value - seasonal };
            level = alpha * known + (1.0 - alpha) * (last_level + last_trend);
            trend = beta * (level - last_level) + (1.0 - beta) * last_trend;
            let fresh = if multiplicative { value / (last_level + last_trend) } else { value - (last_level - last_trend) };
            season.push(gamma * fresh + (1.0 - gamma) * seasonal);
            (last_level, last_trend) = (level, trend);
        }
        let seasonal = season[values.len() - period];
        if multiplicative { (level + trend) * seasonal } else { level + trend + seasonal }
    }
}

impl Parent for MovingFn {
    fn paths(&self) -> Vec<&Path> {
        vec![&self.path]
    }

    fn needs_histogram(&self) -> bool {
        true
    }

    fn apply(&self, name: &str, buckets: &mut Vec<Bucket>) -> Result<(), QueryError> {
        let all: Vec<f64> = buckets.iter().map(|it| self.gaps.value(&it.body, &self.path)).collect::<Result<_, _>>()?;
        let values: Vec<f64> = all.iter().copied().filter(|it| !it.is_nan()).collect();
        let clamp = |at: i64| at.clamp(0, values.len() as i64) as usize;
        for (index, (bucket, _)) in buckets.iter_mut().zip(&all).filter(|it| !it.1.is_nan()).enumerate() {
            let end = (index as i64).saturating_add(self.shift);
            let (start, end) = (clamp(end.saturating_sub(self.window)), clamp(end));
            let window = &values[start..end];
            if window.len() <= self.more_than && self.more_than > 0 {
                bucket.body.insert(name.to_owned(), simple_value(f64::NAN));
                continue;
            }
            if let Some(needed) = self.function.lacks(window.len()) {
                return Err(QueryError::IllegalArgument(format!(
                    "Holt-Winters aggregation requires at least (2 * period == 2 * {} == {needed}) data-points to function.  Only [{}] were provided.",
                    needed / 2,
                    window.len()
                )));
            }
            bucket.body.insert(name.to_owned(), simple_value(self.function.of(window)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_read_by_name_and_give_their_numbers() {
        let values = [1.0, 2.0, 3.0, 6.0];
        for (script, expected) in [
            ("MovingFunctions.max(values)", 6.0),
            ("MovingFunctions.min(values)", 1.0),
            ("return MovingFunctions.sum(values);", 12.0),
            ("MovingFunctions.unweightedAvg( values )", 3.0),
            ("MovingFunctions.linearWeightedAvg(values)", 38.0 / 11.0),
            ("MovingFunctions.stdDev(values, MovingFunctions.unweightedAvg(values))", 3.5_f64.sqrt()),
            ("MovingFunctions.ewma(values, 0.5)", 4.125),
            ("MovingFunctions.holt(values, 0.5, 0.5)", 4.46875),
            ("MovingFunctions.holtWinters(values, 0.5, 0.5, 0.5, 1, false)", 7.1875),
        ] {
            assert_eq!(Function::parse(script).unwrap().of(&values), expected, "{script}");
        }
        for script in [
            "values.length",
            "MovingFunctions.max(other)",
            "MovingFunctions.ewma(values)",
            "MovingFunctions.ewma(values, 2)",
            "MovingFunctions.holt(values, 1)",
            "MovingFunctions.holtWinters(values, 1, 1, 1, 0, true)",
            "System.exit(1)",
            "",
        ] {
            assert_eq!(Function::parse(script), None, "{script}");
        }
        assert!(Function::Max.of(&[]).is_nan());
        assert_eq!(Function::Sum.of(&[]), 0.0);
    }
}
