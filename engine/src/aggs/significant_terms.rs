//! `significant_terms`: the values that are more frequent among the documents found than among all.
//!
//! The values of the documents found are counted exactly, as `terms` does. How often the same values are in all documents (or in those of
//! `background_filter`) is asked of the same snapshot when the answer is written: one `terms` aggregation with those values.

use serde_json::{Map, Value, json};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::partial::{Bucket, Keyed, Partial, Slot, Slots, ValueKind};
use crate::aggs::picks::Picks;
use crate::aggs::render::{Renderer, ValueFormat, check_kind};
use crate::aggs::significance::{Frequencies, Heuristic};
use crate::aggs::source::{Accepts, Source};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext, slots};
use crate::error::QueryError;
use crate::mapping::FieldType;

pub(crate) struct Kind;

/// Values whose frequency among all documents is asked for: the most frequent of those found.
const CANDIDATES_MAX: usize = 10_000;

#[derive(Clone, Debug)]
struct SignificantTerms {
    source: Source,
    picks: Picks,
    size: usize,
    min_doc_count: u64,
    background: Option<Value>,
    heuristic: Heuristic,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "significant_terms"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        let known = [
            "field",
            "format",
            "size",
            "shard_size",
            "min_doc_count",
            "shard_min_doc_count",
            "execution_hint",
            "include",
            "exclude",
            "background_filter",
        ];
        body.only(&[known.as_slice(), &Heuristic::NAMES].concat())?;
        let size = body.u64("size")?.unwrap_or(10);
        if size == 0 {
            return Err(QueryError::IllegalArgument(format!("[size] must be greater than 0. Found [0] in [{}]", body.name)));
        }
        // All values are collected anyway, so how many a shard should send means nothing; it is still checked.
        body.u64("shard_size")?;
        body.u64("shard_min_doc_count")?;
        Ok(Box::new(SignificantTerms {
            source: Source::parse(body)?,
            picks: Picks::parse(body)?,
            size: usize::try_from(size).unwrap_or(usize::MAX),
            min_doc_count: body.u64("min_doc_count")?.unwrap_or(3),
            background: body.get("background_filter").cloned(),
            heuristic: Heuristic::parse(body)?,
        }))
    }
}

impl Aggregation for SignificantTerms {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        if let Some(filter) = &self.background {
            // Refused before work is done.
            slots::compile(filter, ctx)?;
        }
        let source = self.source.plan(Accepts::Any, ctx)?;
        if source.kind == ValueKind::Double {
            return Err(QueryError::IllegalArgument("No support for examining floating point numerics".to_owned()));
        }
        Ok(Box::new(CountedPlan { inner: self.picks.plan(&self.source, source, ctx)? }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let found = slots::of(partial, 1).slots.pop().unwrap_or_default();
        let keyed = match found.subs.into_iter().next() {
            Some(Partial::Keyed(it)) => it,
            _ => Keyed::default(),
        };
        check_kind(&keyed.kind, &self.source.field)?;
        let mut candidates = keyed.buckets;
        candidates.retain(|it| it.count >= self.min_doc_count);
        candidates.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        candidates.truncate(CANDIDATES_MAX);
        let field_type = if keyed.kind == ValueKind::Ip { FieldType::Ip } else { FieldType::Keyword };
        let keys: Vec<Value> = candidates.iter().map(|it| it.key.to_json(field_type)).collect();
        let (all, counts) = self.background(&keys, renderer)?;
        let mut scored: Vec<(f64, u64, Bucket)> = Vec::new();
        for (bucket, in_all) in candidates.into_iter().zip(counts) {
            let frequencies = Frequencies { found: bucket.count, found_of: found.count, all: in_all, all_of: all };
            let score = self.heuristic.score(&frequencies);
            if score > 0.0 {
                scored.push((score, in_all, bucket));
            }
        }
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.2.count.cmp(&a.2.count)).then_with(|| a.2.key.cmp(&b.2.key)));
        scored.truncate(self.size);
        renderer.take_buckets(scored.len())?;
        let format = ValueFormat::new(&keyed.kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let mut rows = Vec::with_capacity(scored.len());
        for (score, in_all, bucket) in scored {
            let mut row = Map::new();
            format.put_key(&bucket.key, &mut row);
            row.insert("doc_count".to_owned(), bucket.count.into());
            row.insert("score".to_owned(), score.into());
            row.insert("bg_count".to_owned(), in_all.into());
            subs.render_into(bucket.subs, &mut row, renderer)?;
            rows.push(Value::Object(row));
        }
        Ok(Map::from_iter([
            ("doc_count".to_owned(), found.count.into()),
            ("bg_count".to_owned(), all.into()),
            ("buckets".to_owned(), Value::Array(rows)),
        ]))
    }

    fn typed_name(&self, partial: &Partial) -> &'static str {
        let kind = match partial {
            Partial::Slots(it) => match it.slots.first().and_then(|it| it.subs.first()) {
                Some(Partial::Keyed(it)) => &it.kind,
                _ => &ValueKind::Unmapped,
            },
            _ => &ValueKind::Unmapped,
        };
        match kind {
            ValueKind::Unmapped | ValueKind::Conflict => "umsigterms",
            ValueKind::Keyword | ValueKind::Ip => "sigsterms",
            ValueKind::Boolean | ValueKind::Long | ValueKind::Date(_) | ValueKind::Double => "siglterms",
        }
    }
}

impl SignificantTerms {
    /// How many documents the background has, and how many of them have each of the values.
    fn background(&self, keys: &[Value], renderer: &mut Renderer<'_>) -> Result<(u64, Vec<u64>), QueryError> {
        let terms = json!({ "field": self.source.field, "include": keys, "size": keys.len().max(1) });
        let aggs = json!({ "of": { "terms": terms } });
        let (all, answer) = (renderer.ask)(self.background.as_ref(), &aggs)?;
        let buckets = answer["of"]["buckets"].as_array().cloned().unwrap_or_default();
        let counts: std::collections::HashMap<String, u64> =
            buckets.iter().map(|it| (it["key"].to_string(), it["doc_count"].as_u64().unwrap_or_default())).collect();
        Ok((all, keys.iter().map(|it| counts.get(&it.to_string()).copied().unwrap_or(0)).collect()))
    }
}

/// Counts the documents of each parent beside what an inner plan collects of them.
struct CountedPlan {
    inner: Box<dyn Plan>,
}

impl Plan for CountedPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        Ok(Box::new(CountedCollector { inner: self.inner.collector(segment, parents, subs)?, counts: Vec::new() }))
    }
}

struct CountedCollector {
    inner: Box<dyn Collector>,
    counts: Vec<u64>,
}

impl Collector for CountedCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let wanted = buckets.iter().max().map_or(0, |it| *it as usize + 1);
        if wanted > self.counts.len() {
            budget.charge((wanted - self.counts.len()) * size_of::<u64>())?;
            self.counts.resize(wanted, 0);
        }
        buckets.iter().for_each(|it| self.counts[*it as usize] += 1);
        self.inner.collect(docs, buckets, budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { inner, counts } = *self;
        let partials = inner.finish(buckets)?;
        let count = |bucket: &u32| counts.get(*bucket as usize).copied().unwrap_or(0);
        let slot = |(bucket, partial): (&u32, Partial)| {
            Partial::Slots(Slots { kind: ValueKind::Unmapped, slots: vec![Slot { count: count(bucket), subs: vec![partial] }] })
        };
        Ok(buckets.iter().zip(partials).map(slot).collect())
    }
}
