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
}

impl PipelineKind for Kind {
    fn name(&self) -> &'static str {
        "moving_fn"
    }

    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError> {
        body.only(&["buckets_path", "gap_policy", "window", "shift", "script", "format"])?;
        let window = body.u64("window")?.ok_or_else(|| body.lacks("window"))?;
        if window == 0 {
            return Err(QueryError::IllegalArgument("[window] must be a positive, non-zero integer.".to_owned()));
        }
        let shift = body.f64("shift")?.unwrap_or(0.0) as i64;
        let script = super::expression::source(body)?.0;
        let function = Function::parse(script).ok_or_else(|| {
            QueryError::IllegalArgument(format!(
                "[{script}] is no function of [moving_fn] here; there are MovingFunctions.max, min, sum, stdDev, unweightedAvg, linearWeightedAvg and ewma of (values, …), \
                 and no other scripts"
            ))
        })?;
        let window = i64::try_from(window).unwrap_or(i64::MAX);
        Ok(Pipeline::Parent(Box::new(MovingFn { path: Path::of(body)?, gaps: GapPolicy::parse(body)?, window, shift, function })))
    }
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
            Self::Ewma(alpha) => values[1..].iter().fold(values[0], |mean, it| it * alpha + mean * (1.0 - alpha)),
        }
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
        let all: Vec<f64> = buckets.iter().map(|it| self.gaps.value(&it.body, &self.path)).collect();
        let values: Vec<f64> = all.iter().copied().filter(|it| !it.is_nan()).collect();
        let clamp = |at: i64| at.clamp(0, values.len() as i64) as usize;
        for (index, (bucket, _)) in buckets.iter_mut().zip(&all).filter(|it| !it.1.is_nan()).enumerate() {
            let end = (index as i64).saturating_add(self.shift);
            let (start, end) = (clamp(end.saturating_sub(self.window)), clamp(end));
            bucket.body.insert(name.to_owned(), simple_value(self.function.of(&values[start..end])));
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
        ] {
            assert_eq!(Function::parse(script).unwrap().of(&values), expected, "{script}");
        }
        for script in
            ["values.length", "MovingFunctions.max(other)", "MovingFunctions.ewma(values)", "MovingFunctions.ewma(values, 2)", "System.exit(1)", ""]
        {
            assert_eq!(Function::parse(script), None, "{script}");
        }
        assert!(Function::Max.of(&[]).is_nan());
        assert_eq!(Function::Sum.of(&[]), 0.0);
    }
}
