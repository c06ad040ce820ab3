//! `terms`: a bucket per value of a field.
//!
//! Exact: every value of every segment is kept until the results are added up, so `doc_count_error_upper_bound` is 0. A document
//! counts once per distinct value. With a `min_doc_count` of 0 the values of all documents make buckets, matches or not.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::{Budget, Cells};
use crate::aggs::grouping::{Group, Grouping};
use crate::aggs::order::Order;
use crate::aggs::partial::{Bucket, Keyed, Partial, ValueKind};
use crate::aggs::picks::{Allowed, Picks, ResolvedPicks};
use crate::aggs::render::{Renderer, ValueFormat, check_kind};
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::columns::{Key, Repeats};
use crate::error::QueryError;
use crate::limits;
use crate::row::ip_bytes;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Terms {
    source: Source,
    size: usize,
    min_doc_count: u64,
    order: Order,
    picks: Picks,
    show_error: bool,
    /// The question for the values of all documents, where those without a match make buckets too.
    all: Option<Value>,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "terms"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&[
            "field",
            "missing",
            "value_type",
            "format",
            "size",
            "shard_size",
            "min_doc_count",
            "shard_min_doc_count",
            "order",
            "include",
            "exclude",
            "show_term_doc_count_error",
            "execution_hint",
            "collect_mode",
        ])?;
        let size = body.u64("size")?.unwrap_or(10);
        if size == 0 {
            return Err(QueryError::IllegalArgument(format!("[size] must be greater than 0. Found [0] in [{}]", body.name)));
        }
        // All values are collected anyway, so how many a shard should send means nothing; it is still checked.
        if body.u64("shard_size")? == Some(0) {
            return Err(QueryError::IllegalArgument(format!("[shardSize] must be greater than 0. Found [0] in [{}]", body.name)));
        }
        body.u64("shard_min_doc_count")?;
        Ok(Box::new(Terms {
            source: Source::parse(body)?,
            size: usize::try_from(size).unwrap_or(usize::MAX),
            min_doc_count: body.u64("min_doc_count")?.unwrap_or(1),
            order: body.get("order").map_or_else(|| Ok(Order::by_count()), |it| Order::parse(it, subs))?,
            picks: Picks::parse(body)?,
            show_error: body.bool("show_term_doc_count_error")?.unwrap_or(false),
            all: (body.u64("min_doc_count")? == Some(0)).then(|| all_values(body)),
        }))
    }
}

/// The aggregation that finds every value of the field.
fn all_values(body: &Body<'_>) -> Value {
    let mut terms = body.whole();
    for other in ["min_doc_count", "shard_size", "shard_min_doc_count", "order", "show_term_doc_count_error"] {
        terms.as_object_mut().map(|it| it.remove(other));
    }
    terms["size"] = limits::BUCKETS_MAX.into();
    json!({ "of": { "terms": terms } })
}

impl Terms {
    /// Adds an empty bucket for each value that only documents outside of the query have.
    fn add_empty(&self, keyed: &mut Keyed, all: &Value, renderer: &mut Renderer<'_>) -> Result<(), QueryError> {
        let answer = renderer.ask_once(all)?;
        let known: HashSet<Key> = keyed.buckets.iter().map(|it| it.key.clone()).collect();
        let rows = answer["of"]["buckets"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let keys = rows.iter().filter_map(|it| key_of(&it["key"], &keyed.kind)).filter(|it| !known.contains(it));
        let empty: Vec<Bucket> = keys.map(|key| Bucket { key, count: 0, subs: Vec::new() }).collect();
        keyed.buckets.extend(empty);
        keyed.buckets.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(())
    }
}

/// A key of an answer as a key of values of that kind.
fn key_of(value: &Value, kind: &ValueKind) -> Option<Key> {
    match kind {
        ValueKind::Ip => Some(Key::Bytes(ip_bytes(value.as_str()?.parse().ok()?).into())),
        ValueKind::Keyword => Some(Key::Bytes(value.as_str()?.as_bytes().into())),
        ValueKind::Double => Some(Key::from_f64(value.as_f64()?)),
        ValueKind::Long | ValueKind::Boolean | ValueKind::Date(_) => Some(Key::I64(value.as_i64()?)),
        ValueKind::Unmapped | ValueKind::Conflict => None,
    }
}

impl Aggregation for Terms {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        self.picks.plan(&self.source, self.source.plan(Accepts::Any, ctx)?, ctx)
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let mut keyed = if let Partial::Keyed(it) = partial { it } else { Keyed::default() };
        check_kind(&keyed.kind, &self.source.field)?;
        if let Some(all) = &self.all {
            self.add_empty(&mut keyed, all, renderer)?;
        }
        let mut buckets = keyed.buckets;
        buckets.retain(|it| it.count >= self.min_doc_count);
        let (buckets, other) = self.order.top(buckets, self.size, subs);
        renderer.take_buckets(buckets.len())?;
        let format = ValueFormat::new(&keyed.kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let mut rows = Vec::with_capacity(buckets.len());
        for bucket in buckets {
            let mut row = Map::new();
            format.put_key(&bucket.key, &mut row);
            row.insert("doc_count".to_owned(), bucket.count.into());
            if self.show_error {
                row.insert("doc_count_error_upper_bound".to_owned(), 0.into());
            }
            subs.render_into(bucket.subs, &mut row, renderer)?;
            rows.push(Value::Object(row));
        }
        let mut out = Map::new();
        out.insert("doc_count_error_upper_bound".to_owned(), json!(0));
        out.insert("sum_other_doc_count".to_owned(), other.into());
        out.insert("buckets".to_owned(), Value::Array(rows));
        Ok(out)
    }

    fn typed_name(&self, partial: &Partial) -> &'static str {
        match partial {
            Partial::Keyed(it) => match it.kind {
                ValueKind::Unmapped | ValueKind::Conflict => "umterms",
                ValueKind::Keyword | ValueKind::Ip => "sterms",
                ValueKind::Boolean | ValueKind::Long | ValueKind::Date(_) => "lterms",
                ValueKind::Double => "dterms",
            },
            _ => "umterms",
        }
    }
}

impl Picks {
    /// Plans a bucket per picked value.
    pub(crate) fn plan(&self, source: &Source, plan: SourcePlan, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(TermsPlan { picks: self.resolve(source, &plan, ctx)?, source: plan }))
    }
}

struct TermsPlan {
    source: SourcePlan,
    picks: ResolvedPicks,
}

impl Plan for TermsPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let values = self.source.open(segment)?;
        let allowed = self.picks.allowed(&values)?;
        let grouping = Grouping::new(segment, parents, values.bounds(), subs)?;
        Ok(Box::new(TermsCollector { kind: self.source.kind.clone(), values, allowed, grouping }))
    }
}

struct TermsCollector {
    kind: ValueKind,
    values: Values,
    allowed: Allowed,
    grouping: Grouping,
}

impl Collector for TermsCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let Self { values, allowed, grouping, .. } = self;
        let buckets = &buckets[..docs.len()];
        grouping.begin(docs.len());
        if let (Allowed::All, Some(raws)) = (&*allowed, values.full(docs)) {
            return grouping.add_full(docs, buckets, raws, budget);
        }
        match (&*allowed, grouping.is_leaf()) {
            (Allowed::All, true) => match &mut grouping.cells {
                Cells::Dense { base, width, counts } => {
                    let (base, width) = (*base, *width);
                    values.each(docs, Repeats::Drop, |at, raw| counts[buckets[at] as usize * width + (raw - base) as usize] += 1);
                }
                cells @ Cells::Sparse { .. } => values.each(docs, Repeats::Drop, |at, raw| {
                    cells.add(buckets[at], raw);
                }),
            },
            (Allowed::All, false) => values.each(docs, Repeats::Drop, |at, raw| grouping.add(buckets[at], raw, docs[at])),
            (some, _) => values.each(docs, Repeats::Drop, |at, raw| {
                if some.contains(raw) {
                    grouping.add(buckets[at], raw, docs[at]);
                }
            }),
        }
        grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { kind, values, grouping, .. } = *self;
        let rows = grouping.finish(buckets)?;
        // Each distinct value leaves the dictionary once, however many parents have it.
        let mut raws: Vec<u64> = rows.iter().flatten().map(|it| it.key).collect();
        raws.sort_unstable();
        raws.dedup();
        let keys = values.keys(&raws)?;
        let stand_in_is_out_of_order = values.missing().is_some();
        let partial = |row: Vec<Group>| {
            let mut buckets: Vec<Bucket> = row
                .into_iter()
                .map(|it| Bucket { key: keys[raws.partition_point(|raw| *raw < it.key)].clone(), count: it.count, subs: it.subs })
                .collect();
            if stand_in_is_out_of_order {
                buckets.sort_unstable_by(|a, b| a.key.cmp(&b.key));
            }
            Partial::Keyed(Keyed { kind: kind.clone(), buckets })
        };
        Ok(rows.into_iter().map(partial).collect())
    }
}
