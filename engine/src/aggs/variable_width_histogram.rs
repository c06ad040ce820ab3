//! `variable_width_histogram`: at most so many buckets of numbers that lie near each other.
//!
//! Every distinct value is a bucket until the results are added up; then the two neighbours whose centres are nearest become one, again and
//! again. So the buckets depend on the values alone, where Elasticsearch's depend on what each shard saw first; `shard_size` and
//! `initial_buffer`, which tune that, mean nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::{Keyed, Partial, ValueKind, merge_lists};
use crate::aggs::picks::Picks;
use crate::aggs::render::{Renderer, ValueFormat, check_kind};
use crate::aggs::source::{Accepts, Source};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::columns::OrderedF64;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct VariableWidthHistogram {
    source: Source,
    picks: Picks,
    buckets: usize,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "variable_width_histogram"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "buckets", "shard_size", "initial_buffer"])?;
        let positive = |key: &str| match body.u64(key)? {
            Some(0) => Err(QueryError::IllegalArgument(format!("{key} must be greater than 0 for [{}]", body.name))),
            given => Ok(given),
        };
        let buckets = positive("buckets")?.unwrap_or(10);
        positive("shard_size")?;
        positive("initial_buffer")?;
        Ok(Box::new(VariableWidthHistogram {
            source: Source::parse(body)?,
            picks: Picks::parse(body)?,
            buckets: usize::try_from(buckets).unwrap_or(usize::MAX),
        }))
    }
}

/// Values that lie near each other.
struct Cluster {
    min: f64,
    max: f64,
    /// The mean of the documents' values.
    centre: f64,
    count: u64,
    subs: Vec<Partial>,
}

impl Cluster {
    fn absorb(&mut self, right: Cluster) {
        let count = self.count + right.count;
        self.centre += (right.centre - self.centre) * (right.count as f64 / count as f64);
        self.count = count;
        self.max = right.max;
        merge_lists(&mut self.subs, right.subs);
    }
}

/// The values of buckets in at most `most` clusters, ascending.
fn clusters(keyed: Keyed, most: usize) -> Vec<Cluster> {
    let single = |it: crate::aggs::partial::Bucket| {
        let value = it.key.as_f64().filter(|it| it.is_finite())?;
        Some(Cluster { min: value, max: value, centre: value, count: it.count, subs: it.subs })
    };
    let mut all: Vec<Option<Cluster>> = keyed.buckets.into_iter().filter_map(single).map(Some).collect();
    let mut left = all.len();
    // The neighbours of each that is left, and the gap to the right one, smallest first.
    let mut before: Vec<Option<usize>> = (0..left).map(|it| it.checked_sub(1)).collect();
    let mut after: Vec<Option<usize>> = (0..left).map(|it| Some(it + 1).filter(|it| *it < left)).collect();
    let centre = |all: &[Option<Cluster>], at: usize| all[at].as_ref().map_or(f64::NAN, |it| it.centre);
    let gap = |all: &[Option<Cluster>], at: usize, next: usize| OrderedF64::new(centre(all, next) - centre(all, at));
    let mut gaps: BTreeSet<(OrderedF64, usize)> = (1..left).map(|next| (gap(&all, next - 1, next), next - 1)).collect();
    while left > most.max(1)
        && let Some((_, at)) = gaps.pop_first()
        && let Some(next) = after[at]
    {
        let [outer_left, outer_right] = [before[at], after[next]];
        for (it, right) in [(outer_left, at), (Some(next), outer_right.unwrap_or(next))] {
            if let Some(it) = it.filter(|it| *it != right) {
                gaps.remove(&(gap(&all, it, right), it));
            }
        }
        if let (Some(right), Some(cluster)) = (all[next].take(), all[at].as_mut()) {
            cluster.absorb(right);
        }
        left -= 1;
        after[at] = outer_right;
        if let Some(it) = outer_right {
            before[it] = Some(at);
            gaps.insert((gap(&all, at, it), at));
        }
        if let Some(it) = outer_left {
            gaps.insert((gap(&all, it, at), it));
        }
    }
    all.into_iter().flatten().collect()
}

impl Aggregation for VariableWidthHistogram {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        self.picks.plan(&self.source, self.source.plan(Accepts::Numbers, ctx)?, ctx)
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let keyed = if let Partial::Keyed(it) = partial { it } else { Keyed::default() };
        check_kind(&keyed.kind, &self.source.field)?;
        let kind = if keyed.kind == ValueKind::Long { ValueKind::Double } else { keyed.kind.clone() };
        let format = ValueFormat::new(&kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let clusters = clusters(keyed, self.buckets);
        renderer.take_buckets(clusters.len())?;
        let mut rows = Vec::with_capacity(clusters.len());
        for cluster in clusters {
            let mut row = Map::new();
            for (name, number) in [("min", cluster.min), ("key", cluster.centre), ("max", cluster.max)] {
                format.put_number(name, Some(number), &mut row);
            }
            row.insert("doc_count".to_owned(), cluster.count.into());
            subs.render_into(cluster.subs, &mut row, renderer)?;
            rows.push(Value::Object(row));
        }
        Ok(Map::from_iter([("buckets".to_owned(), Value::Array(rows))]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "variable_width_histogram"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggs::partial::Bucket;
    use crate::columns::Key;

    /// Joins the nearest neighbours by looking at all of them each time.
    fn naive(values: &[(f64, u64)], most: usize) -> Vec<(f64, u64)> {
        let mut all = values.to_vec();
        while all.len() > most {
            let gap = |at: &usize| OrderedF64::new(all[at + 1].0 - all[*at].0);
            let at = (0..all.len() - 1).min_by_key(gap).unwrap();
            let right = all.remove(at + 1);
            let count = all[at].1 + right.1;
            all[at] = (all[at].0 + (right.0 - all[at].0) * (right.1 as f64 / count as f64), count);
        }
        all
    }

    #[test]
    fn nearest_neighbours_join_first() {
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for round in 0..200 {
            let mut values: Vec<(f64, u64)> = (0..next(40)).map(|_| (next(1_000) as f64 / 8.0, 1 + next(5))).collect();
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            values.dedup_by_key(|it| it.0);
            let bucket = |it: &(f64, u64)| Bucket { key: Key::from_f64(it.0), count: it.1, subs: Vec::new() };
            let keyed = Keyed { kind: ValueKind::Double, buckets: values.iter().map(bucket).collect() };
            let most = 1 + next(10) as usize;
            let found: Vec<(f64, u64)> = clusters(keyed, most).iter().map(|it| (it.centre, it.count)).collect();
            assert_eq!(found, naive(&values, most), "round {round}");
        }
    }
}
