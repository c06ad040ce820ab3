//! `cumulative_sum`: the sum of a value up to each bucket.

use super::path::Path;
use super::{Bucket, GapPolicy, Parent, Pipeline, PipelineKind, simple_value};
use crate::aggs::body::Body;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Debug)]
struct CumulativeSum {
    path: Path,
}

impl PipelineKind for Kind {
    fn name(&self) -> &'static str {
        "cumulative_sum"
    }

    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError> {
        body.only(&["buckets_path", "format"])?;
        Ok(Pipeline::Parent(Box::new(CumulativeSum { path: Path::of(body)? })))
    }
}

impl Parent for CumulativeSum {
    fn paths(&self) -> Vec<&Path> {
        vec![&self.path]
    }

    fn needs_histogram(&self) -> bool {
        true
    }

    fn apply(&self, name: &str, buckets: &mut Vec<Bucket>) -> Result<(), QueryError> {
        let mut sum = 0.0;
        for Bucket { body, .. } in buckets {
            sum += GapPolicy::InsertZeros.value(body, &self.path)?;
            body.insert(name.to_owned(), simple_value(sum));
        }
        Ok(())
    }
}
