//! `terms`: a bucket per value of a field.
//!
//! Exact: every value of every segment is kept until the results are added up, so `doc_count_error_upper_bound` is 0. A document
//! counts once per distinct value.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use tantivy::{BitSet, DocId};

use crate::aggs::body::Body;
use crate::aggs::cells::{Budget, Cells};
use crate::aggs::grouping::Grouping;
use crate::aggs::order::Order;
use crate::aggs::partial::{Bucket, Keyed, Partial, ValueKind};
use crate::aggs::render::{Renderer, ValueFormat, check_kind};
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::columns::{FieldColumn, Key, Repeats};
use crate::error::QueryError;
use crate::limits;
use crate::mapping::ColumnKind;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Terms {
    source: Source,
    size: usize,
    min_doc_count: u64,
    order: Order,
    picks: Picks,
    show_error: bool,
}

/// Which values make buckets.
#[derive(Clone, Debug)]
pub(crate) struct Picks {
    include: Option<Pick>,
    exclude: Option<Pick>,
}

impl Picks {
    /// Reads `include` and `exclude`.
    pub(crate) fn parse(body: &Body<'_>) -> Result<Self, QueryError> {
        let pick = |key: &str| body.get(key).map(|it| parse_pick(body, key, it)).transpose();
        Ok(Self { include: pick("include")?, exclude: pick("exclude")? })
    }

    /// Plans a bucket per picked value.
    pub(crate) fn plan(&self, source: &Source, plan: SourcePlan, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let pick = |it: &Option<Pick>| it.as_ref().map(|it| it.resolve(source, &plan, ctx)).transpose();
        Ok(Box::new(TermsPlan { include: pick(&self.include)?, exclude: pick(&self.exclude)?, source: plan }))
    }
}

/// `include` or `exclude`.
#[derive(Clone, Debug)]
enum Pick {
    /// Values in full.
    Values(Vec<Value>),
    /// An anchored pattern of keywords.
    Pattern(regex::bytes::Regex),
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
        body.u64("shard_size")?;
        body.u64("shard_min_doc_count")?;
        Ok(Box::new(Terms {
            source: Source::parse(body)?,
            size: usize::try_from(size).unwrap_or(usize::MAX),
            min_doc_count: body.u64("min_doc_count")?.unwrap_or(1),
            order: body.get("order").map_or_else(|| Ok(Order::by_count()), |it| Order::parse(it, subs))?,
            picks: Picks::parse(body)?,
            show_error: body.bool("show_term_doc_count_error")?.unwrap_or(false),
        }))
    }
}

fn parse_pick(body: &Body<'_>, key: &str, value: &Value) -> Result<Pick, QueryError> {
    match value {
        Value::Array(list) => Ok(Pick::Values(list.clone())),
        Value::String(pattern) => {
            if pattern.chars().count() > limits::REGEX_CHARS_MAX {
                return Err(QueryError::IllegalArgument(format!("the regular expression in [{key}] is longer than [{}]", limits::REGEX_CHARS_MAX)));
            }
            let anchored = format!("^(?s:{pattern})$");
            let regex = regex::bytes::RegexBuilder::new(&anchored)
                .size_limit(1 << 20)
                .build()
                .map_err(|why| QueryError::IllegalArgument(format!("invalid regular expression [{pattern}] in [{key}]: {why}")))?;
            Ok(Pick::Pattern(regex))
        }
        _ => Err(body.bad(key, value)),
    }
}

impl Aggregation for Terms {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        self.picks.plan(&self.source, self.source.plan(Accepts::Any, ctx)?, ctx)
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let keyed = if let Partial::Keyed(it) = partial { it } else { Keyed::default() };
        check_kind(&keyed.kind, &self.source.field)?;
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

struct TermsPlan {
    source: SourcePlan,
    include: Option<Picked>,
    exclude: Option<Picked>,
}

/// `include` or `exclude` in the terms of a field.
enum Picked {
    Keys(Vec<Key>),
    Pattern(regex::bytes::Regex),
}

impl Pick {
    fn resolve(&self, source: &Source, plan: &SourcePlan, ctx: &AggContext<'_>) -> Result<Picked, QueryError> {
        match self {
            // A value that can't be one of the field's values picks nothing, as in Elasticsearch.
            Pick::Values(list) => Ok(Picked::Keys(list.iter().filter_map(|it| source.key_of(it, &plan.kind, ctx)).collect())),
            Pick::Pattern(regex) if matches!(plan.kind, ValueKind::Keyword | ValueKind::Unmapped) => Ok(Picked::Pattern(regex.clone())),
            Pick::Pattern(_) => Err(QueryError::IllegalArgument(format!(
                "Aggregation [terms] cannot support regular expression style include/exclude settings as they can only be applied to string fields. \
                 Use an array of values for include/exclude clauses on field [{}]",
                source.field
            ))),
        }
    }
}

impl Picked {
    /// The raw values of a segment that are picked; the stand-in for missing values included.
    fn raws(&self, values: &Values) -> Result<HashSet<u64>, QueryError> {
        let column = &values.column;
        let missing = values.missing();
        let mut out = HashSet::new();
        match self {
            Picked::Keys(keys) => {
                for key in keys {
                    if let Some((raw, _)) = missing.filter(|it| it.1 == key) {
                        out.insert(raw);
                    }
                    match key {
                        Key::I64(it) => out.insert(FieldColumn::raw_of_i64(*it)),
                        Key::F64(it) => out.insert(FieldColumn::raw_of_f64(it.get())),
                        Key::Bytes(it) => column.ordinal_of(it)?.is_some_and(|raw| out.insert(raw)),
                    };
                }
            }
            Picked::Pattern(regex) => {
                if let Some((raw, Key::Bytes(bytes))) = missing
                    && regex.is_match(bytes)
                {
                    out.insert(raw);
                }
                column.each_dictionary_entry(|ordinal, bytes| {
                    if regex.is_match(bytes) {
                        out.insert(ordinal);
                    }
                })?;
            }
        }
        Ok(out)
    }
}

/// The raw values that make buckets.
enum Allowed {
    All,
    /// Ordinals, the stand-in's included.
    Ordinals(BitSet),
    Numbers {
        include: Option<HashSet<u64>>,
        exclude: HashSet<u64>,
    },
}

impl Allowed {
    fn new(plan: &TermsPlan, values: &Values) -> Result<Self, QueryError> {
        if plan.include.is_none() && plan.exclude.is_none() {
            return Ok(Allowed::All);
        }
        let include = plan.include.as_ref().map(|it| it.raws(values)).transpose()?;
        let exclude = plan.exclude.as_ref().map(|it| it.raws(values)).transpose()?.unwrap_or_default();
        if values.column.kind() != ColumnKind::Ordinal {
            return Ok(Allowed::Numbers { include, exclude });
        }
        let count = values.column.terms() as u32 + 1;
        let mut ordinals = if include.is_some() { BitSet::with_max_value(count) } else { BitSet::with_max_value_and_full(count) };
        for raw in include.into_iter().flatten() {
            ordinals.insert(raw as u32);
        }
        for raw in exclude {
            ordinals.remove(raw as u32);
        }
        Ok(Allowed::Ordinals(ordinals))
    }

    #[inline]
    fn contains(&self, raw: u64) -> bool {
        match self {
            Allowed::All => true,
            Allowed::Ordinals(it) => it.contains(raw as u32),
            Allowed::Numbers { include, exclude } => include.as_ref().is_none_or(|it| it.contains(&raw)) && !exclude.contains(&raw),
        }
    }
}

impl Plan for TermsPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let values = self.source.open(segment)?;
        let allowed = Allowed::new(self, &values)?;
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
        let partial = |row: Vec<crate::aggs::grouping::Group>| {
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
