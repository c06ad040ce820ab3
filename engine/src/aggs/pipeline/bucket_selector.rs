//! `bucket_selector`: only the buckets for which a condition holds.

use super::bucket_script::Script;
use super::path::Path;
use super::{Bucket, Parent, Pipeline, PipelineKind};
use crate::aggs::body::Body;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Debug)]
struct BucketSelector {
    script: Script,
}

impl PipelineKind for Kind {
    fn name(&self) -> &'static str {
        "bucket_selector"
    }

    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError> {
        body.only(&["buckets_path", "gap_policy", "script"])?;
        Ok(Pipeline::Parent(Box::new(BucketSelector { script: Script::parse(body)? })))
    }
}

impl Parent for BucketSelector {
    fn paths(&self) -> Vec<&Path> {
        self.script.paths()
    }

    fn apply(&self, _name: &str, buckets: &mut Vec<Bucket>) -> Result<(), QueryError> {
        // A gap compares as false with everything.
        let mut kept = Vec::with_capacity(buckets.len());
        for bucket in buckets.drain(..) {
            if self.script.value(&self.script.scope(&bucket)?) == 1.0 {
                kept.push(bucket);
            }
        }
        *buckets = kept;
        Ok(())
    }
}
