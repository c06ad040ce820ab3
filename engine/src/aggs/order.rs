//! The order of a terms aggregation's buckets: by count, by key, by a metric below; ties always by ascending key.

use std::cmp::Ordering;

use serde_json::Value;

use crate::aggs::Aggs;
use crate::aggs::partial::{Bucket, Partial};
use crate::error::QueryError;

/// Criteria, the first decides.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    criteria: Vec<Criterion>,
}

#[derive(Clone, Debug)]
struct Criterion {
    by: By,
    descending: bool,
}

#[derive(Clone, Debug)]
enum By {
    Count,
    Key,
    /// Positions of the aggregations on the way, and the metric's key.
    Measure {
        path: Vec<usize>,
        key: Option<String>,
    },
}

/// Criteria of one order; Elasticsearch has no limit of its own.
const CRITERIA_MAX: usize = 16;

impl Order {
    /// By count, highest first.
    pub(crate) fn by_count() -> Self {
        Self { criteria: vec![Criterion { by: By::Count, descending: true }] }
    }

    /// By count, lowest first.
    pub(crate) fn rarest() -> Self {
        Self { criteria: vec![Criterion { by: By::Count, descending: false }] }
    }

    /// Reads `{"path": "desc"}` or a list of such.
    pub(crate) fn parse(value: &Value, subs: &Aggs) -> Result<Self, QueryError> {
        let list = match value {
            Value::Array(list) => list.iter().collect(),
            single => vec![single],
        };
        let mut criteria = Vec::new();
        for value in list {
            let Value::Object(map) = value else {
                return Err(QueryError::Parsing(format!("[order] must be an object or a list of objects, but was [{value}]")));
            };
            for (path, direction) in map {
                let descending = match direction.as_str().map(str::to_ascii_lowercase).as_deref() {
                    Some("asc") => false,
                    Some("desc") => true,
                    _ => return Err(QueryError::Parsing(format!("Unknown order direction [{direction}]"))),
                };
                criteria.push(Criterion { by: parse_path(path, subs)?, descending });
            }
        }
        if criteria.is_empty() || criteria.len() > CRITERIA_MAX {
            return Err(QueryError::Parsing(format!("Must specify between 1 and {CRITERIA_MAX} fields for [order]")));
        }
        Ok(Self { criteria })
    }

    /// The first `size` buckets in order, and the documents of the others.
    pub(crate) fn top(&self, buckets: Vec<Bucket>, size: usize, subs: &Aggs) -> (Vec<Bucket>, u64) {
        let total: u64 = buckets.iter().map(|it| it.count).sum();
        let mut measured: Vec<(Vec<f64>, Bucket)> = buckets.into_iter().map(|it| (self.measures(&it, subs), it)).collect();
        if size < measured.len() && size > 0 {
            measured.select_nth_unstable_by(size - 1, |a, b| self.compare(a, b));
        }
        measured.truncate(size);
        measured.sort_unstable_by(|a, b| self.compare(a, b));
        let kept: u64 = measured.iter().map(|it| it.1.count).sum();
        (measured.into_iter().map(|it| it.1).collect(), total - kept)
    }

    fn measures(&self, bucket: &Bucket, subs: &Aggs) -> Vec<f64> {
        let paths = self.criteria.iter().filter_map(|it| if let By::Measure { path, key } = &it.by { Some((path, key)) } else { None });
        paths.map(|(path, key)| measure(subs, &bucket.subs, path, key.as_deref())).collect()
    }

    fn compare(&self, a: &(Vec<f64>, Bucket), b: &(Vec<f64>, Bucket)) -> Ordering {
        let mut measures = a.0.iter().zip(&b.0);
        for criterion in &self.criteria {
            let ordering = match &criterion.by {
                By::Count => a.1.count.cmp(&b.1.count),
                By::Key => a.1.key.cmp(&b.1.key),
                By::Measure { .. } => match measures.next() {
                    // Buckets without a value come last in either direction.
                    Some((x, y)) if x.is_nan() || y.is_nan() => {
                        if x.is_nan() == y.is_nan() {
                            continue;
                        }
                        return x.is_nan().cmp(&y.is_nan());
                    }
                    Some((x, y)) => x.total_cmp(y),
                    None => Ordering::Equal,
                },
            };
            let ordering = if criterion.descending { ordering.reverse() } else { ordering };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        a.1.key.cmp(&b.1.key)
    }
}

fn measure(subs: &Aggs, partials: &[Partial], path: &[usize], key: Option<&str>) -> f64 {
    let Some((&at, rest)) = path.split_first() else { return f64::NAN };
    let none = Partial::None;
    let (node, partial) = (&subs.nodes[at], partials.get(at).unwrap_or(&none));
    if rest.is_empty() && !node.aggregation.is_single_bucket() {
        return node.aggregation.measure(partial, key);
    }
    let slot = if let Partial::Slots(it) = partial { it.slots.first() } else { None };
    match slot {
        Some(slot) if rest.is_empty() => slot.count as f64,
        Some(slot) => measure(&node.subs, &slot.subs, rest, key),
        None if rest.is_empty() => 0.0,
        None => measure(&node.subs, &[], rest, key),
    }
}

fn parse_path(path: &str, subs: &Aggs) -> Result<By, QueryError> {
    match path {
        "_count" => return Ok(By::Count),
        "_key" | "_term" | "_time" => return Ok(By::Key),
        _ => {}
    }
    let invalid = |what: &str| {
        QueryError::IllegalArgument(format!(
            "Invalid aggregator order path [{path}]. The provided aggregation [{what}] either does not exist, or is a pipeline aggregation and \
             cannot be used to sort the buckets."
        ))
    };
    let mut steps: Vec<&str> = path.split('>').collect();
    let last = steps.pop().unwrap_or_default();
    let (mut positions, mut subs) = (Vec::new(), subs);
    for step in steps {
        let at = subs.position(step).ok_or_else(|| invalid(step))?;
        if !subs.nodes[at].aggregation.is_single_bucket() {
            return Err(QueryError::IllegalArgument(format!(
                "Invalid aggregation order path [{path}]. Buckets can only be sorted on a sub-aggregator path that is built out of zero or more \
                 single-bucket aggregations within the path and a final single-bucket or a metrics aggregation at the path end. [{step}] is not \
                 single-bucket."
            )));
        }
        positions.push(at);
        subs = &subs.nodes[at].subs;
    }
    let (at, key) = last_step(last, subs).ok_or_else(|| invalid(last))?;
    let aggregation = &subs.nodes[at].aggregation;
    let is_count = aggregation.is_single_bucket() && matches!(key, None | Some("doc_count" | "_count"));
    if !is_count && !aggregation.has_measure(key) {
        return Err(match key {
            None => QueryError::IllegalArgument(format!(
                "Invalid aggregation order path [{path}]. When ordering on a multi-value metrics aggregation a metric name must be specified."
            )),
            Some(key) => QueryError::IllegalArgument(format!(
                "Invalid aggregation order path [{path}]. Unknown metric name [{key}] on aggregation [{}]",
                subs.nodes[at].name
            )),
        });
    }
    positions.push(at);
    Ok(By::Measure { path: positions, key: key.map(str::to_owned) })
}

/// `name`, `name.key` or `name[key]`; names may have dots themselves, so the one that exists decides.
fn last_step<'a>(step: &'a str, subs: &Aggs) -> Option<(usize, Option<&'a str>)> {
    if let Some(at) = subs.position(step) {
        return Some((at, None));
    }
    if let Some((name, key)) = step.strip_suffix(']').and_then(|it| it.split_once('[')) {
        return Some((subs.position(name)?, Some(key)));
    }
    step.match_indices('.').find_map(|(dot, _)| Some((subs.position(&step[..dot])?, Some(&step[dot + 1..]))))
}
