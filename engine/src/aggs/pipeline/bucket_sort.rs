//! `bucket_sort`: the buckets in another order, and some of them.

use std::cmp::Ordering;

use serde_json::Value;

use super::path::Path;
use super::{Bucket, GapPolicy, Parent, Pipeline, PipelineKind};
use crate::aggs::body::Body;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Debug)]
struct BucketSort {
    /// Paths, and whether the largest stands first.
    keys: Vec<(Path, bool)>,
    from: usize,
    size: usize,
    gaps: GapPolicy,
}

impl PipelineKind for Kind {
    fn name(&self) -> &'static str {
        "bucket_sort"
    }

    fn parse(&self, body: &Body<'_>) -> Result<Pipeline, QueryError> {
        body.only(&["sort", "from", "size", "gap_policy"])?;
        let mut keys = Vec::new();
        match body.get("sort") {
            None => {}
            Some(Value::Array(list)) => list.iter().try_for_each(|it| parse_key(body, it, &mut keys))?,
            Some(one) => parse_key(body, one, &mut keys)?,
        }
        let number = |key| Ok::<_, QueryError>(body.u64(key)?.map(|it| usize::try_from(it).unwrap_or(usize::MAX)));
        let (from, size) = (number("from")?.unwrap_or(0), number("size")?);
        if size == Some(0) {
            return Err(QueryError::IllegalArgument("[size] must be a positive integer: [0]".to_owned()));
        }
        if keys.is_empty() && size.is_none() && from == 0 {
            return Err(QueryError::IllegalArgument(format!(
                "[{}] is configured to perform nothing. Please set either of [sort, size, from] to use bucket_sort",
                body.name
            )));
        }
        Ok(Pipeline::Parent(Box::new(BucketSort { keys, from, size: size.unwrap_or(usize::MAX), gaps: GapPolicy::parse(body)? })))
    }
}

fn parse_key(body: &Body<'_>, value: &Value, keys: &mut Vec<(Path, bool)>) -> Result<(), QueryError> {
    let order = |it: &Value| match it.as_str() {
        Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        _ => Err(body.bad("sort", it)),
    };
    match value {
        Value::String(path) => keys.push((Path::parse(path)?, false)),
        Value::Object(map) => {
            for (path, how) in map {
                let descending = match how {
                    Value::Object(options) if options.keys().all(|it| it == "order") => options.get("order").map_or(Ok(false), order)?,
                    Value::String(_) => order(how)?,
                    other => return Err(body.bad("sort", other)),
                };
                keys.push((Path::parse(path)?, descending));
            }
        }
        other => return Err(body.bad("sort", other)),
    }
    Ok(())
}

impl BucketSort {
    fn compare(&self, a: &[f64], b: &[f64]) -> Ordering {
        let mut orders = self.keys.iter().zip(a.iter().zip(b)).map(|((_, descending), (a, b))| match (a.is_nan(), b.is_nan()) {
            (false, false) if *descending => b.total_cmp(a),
            (false, false) => a.total_cmp(b),
            // What has no value stands last in either direction.
            (a, b) => a.cmp(&b),
        });
        orders.find(|it| it.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl Parent for BucketSort {
    fn paths(&self) -> Vec<&Path> {
        self.keys.iter().map(|it| &it.0).collect()
    }

    fn apply(&self, _name: &str, buckets: &mut Vec<Bucket>) -> Result<(), QueryError> {
        // Keys that are text have no number: their place in the order of texts stands for it.
        let mut texts: Vec<String> = buckets.iter().filter_map(|it| it.body.get("key")?.as_str().map(str::to_owned)).collect();
        texts.sort_unstable();
        let value = |it: &Bucket, path: &Path| match it.body.get("key") {
            Some(Value::String(key)) if path.is_key() => Ok(texts.partition_point(|it| it < key) as f64),
            Some(Value::Number(key)) if path.is_key() => Ok(key.as_f64().unwrap_or(f64::NAN)),
            _ => self.gaps.value(&it.body, path),
        };
        let values = |it: &Bucket| self.keys.iter().map(|(path, _)| value(it, path)).collect::<Result<Vec<f64>, QueryError>>();
        let mut keyed = std::mem::take(buckets).into_iter().map(|it| Ok((values(&it)?, it))).collect::<Result<Vec<_>, QueryError>>()?;
        if !self.keys.is_empty() {
            keyed.retain(|it| it.0.iter().any(|it| !it.is_nan()));
            keyed.sort_by(|a, b| self.compare(&a.0, &b.0));
        }
        buckets.extend(keyed.into_iter().skip(self.from).take(self.size).map(|it| it.1));
        Ok(())
    }
}
