//! `serial_diff`: how much a value differs from the one some buckets before.

use super::path::Path;
use super::{Bucket, GapPolicy, Parent, Pipeline, PipelineKind, simple_value};
use crate::aggs::body::Body;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Debug)]
struct SerialDiff {
    path: Path,
    gaps: GapPolicy,
    lag: usize,
}

impl PipelineKind for Kind {
    fn name(&self) -> &'static str {
        "serial_diff"
    }

    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError> {
        body.only(&["buckets_path", "gap_policy", "lag", "format"])?;
        let lag = body.u64("lag")?.unwrap_or(1);
        if lag == 0 {
            return Err(QueryError::Parsing(format!("Lag must be a positive, non-zero integer. Value supplied was 0 in [{}].", body.name)));
        }
        let lag = usize::try_from(lag).unwrap_or(usize::MAX);
        Ok(Pipeline::Parent(Box::new(SerialDiff { path: Path::of(body)?, gaps: GapPolicy::parse(body)?, lag })))
    }
}

impl Parent for SerialDiff {
    fn paths(&self) -> Vec<&Path> {
        vec![&self.path]
    }

    fn needs_histogram(&self) -> bool {
        true
    }

    fn apply(&self, name: &str, buckets: &mut Vec<Bucket>) -> Result<(), QueryError> {
        let values: Vec<f64> = buckets.iter().map(|it| self.gaps.value(&it.body, &self.path)).collect::<Result<_, _>>()?;
        for (at, bucket) in buckets.iter_mut().enumerate().skip(self.lag) {
            let difference = values[at] - values[at - self.lag];
            if !difference.is_nan() {
                bucket.body.insert(name.to_owned(), simple_value(difference));
            }
        }
        Ok(())
    }
}
