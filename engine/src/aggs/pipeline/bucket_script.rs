//! `bucket_script`: a number computed from others of the same bucket.

use serde_json::Value;

use super::expression::{Expression, Scope, source};
use super::path::Path;
use super::{Bucket, GapPolicy, Parent, Pipeline, PipelineKind, simple_value};
use crate::aggs::body::Body;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Debug)]
struct BucketScript {
    script: Script,
}

impl PipelineKind for Kind {
    fn name(&self) -> &'static str {
        "bucket_script"
    }

    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError> {
        body.only(&["buckets_path", "gap_policy", "script", "format"])?;
        Ok(Pipeline::Parent(Box::new(BucketScript { script: Script::parse(body)? })))
    }
}

/// An expression over paths: what `bucket_script` and `bucket_selector` have in common.
#[derive(Debug)]
pub(super) struct Script {
    /// Names and what they stand for.
    paths: Vec<(String, Path)>,
    params: Vec<(String, f64)>,
    expression: Expression,
    gaps: GapPolicy,
}

impl Script {
    pub(super) fn parse(body: &Body<'_>) -> Result<Self, QueryError> {
        let path = |name: &str, value: &Value| {
            let text = value.as_str().ok_or_else(|| body.bad("buckets_path", value))?;
            Ok::<_, QueryError>((name.to_owned(), Path::parse(text)?))
        };
        let paths = match body.get("buckets_path") {
            Some(Value::Object(map)) => map.iter().map(|(name, value)| path(name, value)).collect::<Result<_, _>>()?,
            Some(value @ Value::String(_)) => vec![path("_value", value)?],
            Some(Value::Array(list)) => list.iter().enumerate().map(|(at, value)| path(&format!("_value{at}"), value)).collect::<Result<_, _>>()?,
            Some(other) => return Err(body.bad("buckets_path", other)),
            None => return Err(body.lacks("buckets_path")),
        };
        let (text, params) = source(body)?;
        let expression = Expression::parse(text)?;
        for name in expression.names() {
            if !paths.iter().any(|it| it.0 == name) && !params.iter().any(|it| it.0 == name) {
                return Err(QueryError::IllegalArgument(format!(
                    "[{name}] in the script of [{}] is neither in [buckets_path] nor in [params]",
                    body.name
                )));
            }
        }
        Ok(Self { paths, params, expression, gaps: GapPolicy::parse(body)? })
    }

    pub(super) fn paths(&self) -> Vec<&Path> {
        self.paths.iter().map(|it| &it.1).collect()
    }

    /// What the names stand for in a bucket.
    ///
    /// # Errors
    /// Where a path leads to something that is not one number.
    pub(super) fn scope(&self, bucket: &Bucket) -> Result<Scope<'_>, QueryError> {
        let values = self.paths.iter().map(|(name, path)| Ok((name.as_str(), self.gaps.value(&bucket.body, path)?)));
        values.chain(self.params.iter().map(|(name, value)| Ok((name.as_str(), *value)))).collect()
    }

    /// The expression's value; of a condition 1 or 0.
    pub(super) fn value(&self, scope: &Scope<'_>) -> f64 {
        self.expression.value(scope)
    }
}

impl Parent for BucketScript {
    fn paths(&self) -> Vec<&Path> {
        self.script.paths()
    }

    fn apply(&self, name: &str, buckets: &mut Vec<Bucket>) -> Result<(), QueryError> {
        for bucket in buckets {
            let scope = self.script.scope(bucket)?;
            if scope.values().any(|it| it.is_nan()) {
                continue;
            }
            let value = self.script.value(&scope);
            if !value.is_nan() {
                bucket.body.insert(name.to_owned(), simple_value(value));
            }
        }
        Ok(())
    }
}
