//! `derivative`: how much a value grew since the bucket before.

use serde_json::Value;

use super::path::Path;
use super::{Bucket, GapPolicy, Parent, Pipeline, PipelineKind, simple_value};
use crate::aggs::body::Body;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Debug)]
struct Derivative {
    path: Path,
    gaps: GapPolicy,
    /// Milliseconds that `normalized_value` is per.
    unit_ms: Option<f64>,
}

impl PipelineKind for Kind {
    fn name(&self) -> &'static str {
        "derivative"
    }

    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError> {
        body.only(&["buckets_path", "gap_policy", "unit", "format"])?;
        let unit_ms = body.str("unit")?.map(unit_ms).transpose()?;
        Ok(Pipeline::Parent(Box::new(Derivative { path: Path::of(body)?, gaps: GapPolicy::parse(body)?, unit_ms })))
    }
}

/// A calendar unit's or fixed time's length; months and longer at their mean.
fn unit_ms(text: &str) -> Result<f64, QueryError> {
    const DAY_MS: f64 = 86_400_000.0;
    let invalid = || QueryError::IllegalArgument(format!("failed to parse setting [unit] with value [{text}] as a time value"));
    let digits = text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    let count: f64 = if digits == 0 { 1.0 } else { text[..digits].parse().map_err(|_| invalid())? };
    let unit = match &text[digits..] {
        "ms" => 1.0,
        "s" | "second" => 1_000.0,
        "m" | "minute" => 60_000.0,
        "h" | "hour" => 3_600_000.0,
        "d" | "day" => DAY_MS,
        "w" | "week" => 7.0 * DAY_MS,
        "M" | "month" => 30.0 * DAY_MS,
        "q" | "quarter" => 90.0 * DAY_MS,
        "y" | "year" => 365.0 * DAY_MS,
        _ => return Err(invalid()),
    };
    Ok(count * unit)
}

impl Parent for Derivative {
    fn paths(&self) -> Vec<&Path> {
        vec![&self.path]
    }

    fn needs_histogram(&self) -> bool {
        true
    }

    fn typed_name(&self) -> &'static str {
        "derivative"
    }

    fn apply(&self, name: &str, buckets: &mut Vec<Bucket>) -> Result<(), QueryError> {
        let mut last: Option<(f64, f64)> = None;
        for Bucket { body, .. } in buckets {
            let now = self.gaps.value(body, &self.path)?;
            let key = body.get("key").and_then(Value::as_f64).unwrap_or(f64::NAN);
            if let Some((before, before_key)) = last {
                let mut value = simple_value(now - before);
                if let Some(unit_ms) = self.unit_ms {
                    let normalized = (now - before) / ((key - before_key) / unit_ms);
                    value["normalized_value"] = if normalized.is_finite() { normalized.into() } else { Value::Null };
                }
                body.insert(name.to_owned(), value);
            }
            last = Some((now, key));
        }
        Ok(())
    }
}
