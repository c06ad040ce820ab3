//! `top_hits`: the first documents of a bucket, in an order of fields.
//!
//! A partial result holds addresses and sort values only; documents are read when the answer is written, so at most `from + size` per
//! bucket and however many segments. Relevance is not known here: without `sort` the order is that of writing, and an order by
//! `_score` is refused rather than made up.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tantivy::DocId;
use tantivy::columnar::Column;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::partial::Partial;
use crate::aggs::render::Renderer;
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::columns::{FieldColumn, Key};
use crate::error::QueryError;
use crate::hit_fields::{FieldsOf, HitField, fields_of};
use crate::limits;
use crate::mapping::{ColumnKind, MappedField, Mapping, internal};
use crate::sort::{Missing, Mode, SortBy, SortKey, SortValue};
use crate::source_filter::SourceFilter;

pub(crate) struct Kind;

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HitAddress {
    /// Name of the index.
    pub index: String,
    /// Number of the split.
    pub split: u64,
    /// Document within the split.
    pub doc: DocId,
    /// Sequence number in the log.
    pub seq: u64,
}

/// A document that was read for an answer.
pub struct FetchedHit {
    /// `_id`.
    pub id: String,
    /// `_version`.
    pub version: u64,
    /// The whole document.
    pub source: Map<String, Value>,
    /// The mapping of its index.
    pub mapping: Arc<Mapping>,
}

/// Reads a document.
pub type FetchHit<'a> = dyn FnMut(&HitAddress) -> Result<FetchedHit, QueryError> + 'a;

#[derive(Clone, Debug)]
struct TopHitsAgg {
    from: usize,
    size: usize,
    /// Empty: the order of writing.
    sort: Vec<SortKey>,
    source: SourceFilter,
    fields: Vec<HitField>,
    version: bool,
    seq_no: bool,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "top_hits"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&[
            "from",
            "size",
            "sort",
            "_source",
            "fields",
            "docvalue_fields",
            "stored_fields",
            "track_scores",
            "version",
            "seq_no_primary_term",
        ])?;
        let count = |key: &str, default: u64| Ok::<_, QueryError>(usize::try_from(body.u64(key)?.unwrap_or(default)).unwrap_or(usize::MAX));
        let (from, size) = (count("from", 0)?, count("size", 3)?);
        let window = from.saturating_add(size);
        if window > limits::INNER_RESULT_WINDOW_MAX {
            return Err(QueryError::IllegalArgument(format!(
                "Top hits result window is too large, the top hits aggregator [{}]'s from + size must be less than or equal to: [{}] but was [{window}]. \
                 This limit can be set by changing the [index.max_inner_result_window] index level setting.",
                body.name,
                limits::INNER_RESULT_WINDOW_MAX
            )));
        }
        let sort = body.get("sort").map(SortKey::parse).transpose()?.unwrap_or_default();
        if let Some(mode) = sort.iter().filter_map(|it| it.mode).find(|it| it.computes()) {
            return Err(QueryError::IllegalArgument(format!("{} [{}] can't sort by mode [{mode:?}]; only by min and max", body.kind, body.name)));
        }
        if sort.iter().any(|it| it.by == SortBy::Score) || body.bool("track_scores")? == Some(true) {
            return Err(QueryError::IllegalArgument(format!("top_hits [{}] can't know [_score]; sort by fields", body.name)));
        }
        let mut fields = Vec::new();
        for (key, of) in [("fields", FieldsOf::Document), ("docvalue_fields", FieldsOf::Columns)] {
            let list = match body.get(key) {
                Some(Value::Array(list)) => list.as_slice(),
                None => &[],
                Some(other) => return Err(body.bad(key, other)),
            };
            for field in list {
                fields.push(HitField::parse(field, of)?);
            }
        }
        Ok(Box::new(TopHitsAgg {
            from,
            size,
            sort,
            source: body.get("_source").map_or(Ok(SourceFilter::All), SourceFilter::parse)?,
            fields,
            version: body.bool("version")?.unwrap_or(false),
            seq_no: body.bool("seq_no_primary_term")?.unwrap_or(false),
        }))
    }
}

impl Aggregation for TopHitsAgg {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        for field in &self.fields {
            field.check(ctx.mapping)?;
        }
        Ok(Box::new(TopHitsPlan::new(&self.sort, self.from + self.size, ctx)?))
    }

    fn render(&self, partial: Partial, _subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let top = if let Partial::TopHits(it) = partial { it } else { TopHits::default() };
        let mut hits = Vec::new();
        for hit in top.hits.iter().skip(self.from).take(self.size) {
            let fetched = (renderer.fetch)(&hit.address)?;
            let fields = fields_of(&self.fields, &fetched.source, &fetched.mapping)?;
            let mut row = Map::new();
            row.insert("_index".to_owned(), hit.address.index.clone().into());
            row.insert("_id".to_owned(), fetched.id.into());
            if self.version {
                row.insert("_version".to_owned(), fetched.version.into());
            }
            if self.seq_no {
                row.insert("_seq_no".to_owned(), hit.address.seq.into());
                row.insert("_primary_term".to_owned(), 1.into());
            }
            row.insert("_score".to_owned(), Value::Null);
            self.source.apply(fetched.source).into_iter().for_each(|it| drop(row.insert("_source".to_owned(), it.into())));
            if !fields.is_empty() {
                row.insert("fields".to_owned(), fields.into());
            }
            if !self.sort.is_empty() {
                let value = |(key, value): (&SortKey, &SortValue)| key.to_json(key.resolve(&fetched.mapping).ok().flatten(), value);
                row.insert("sort".to_owned(), self.sort.iter().zip(&hit.values).map(value).collect());
            }
            hits.push(Value::Object(row));
        }
        let body = json!({ "total": { "value": top.total, "relation": "eq" }, "max_score": null, "hits": hits });
        Ok(Map::from_iter([("hits".to_owned(), body)]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "top_hits"
    }
}

/// The first documents seen so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TopHits {
    /// Documents of the bucket.
    total: u64,
    /// How many are kept.
    keep: u32,
    /// Per sort key: whether the largest is first, and whether documents without a value are.
    directions: Vec<(bool, bool)>,
    /// In order.
    pub(crate) hits: Vec<TopHit>,
}

/// A document's place in the order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TopHit {
    pub(crate) values: Vec<SortValue>,
    pub(crate) address: HitAddress,
}

impl TopHits {
    pub(crate) fn merge(&mut self, theirs: TopHits) {
        self.total += theirs.total;
        let keys: Vec<SortKey> = self
            .directions
            .iter()
            .map(|&(descending, missing_first)| SortKey {
                missing: if missing_first { Missing::First } else { Missing::Last },
                ..SortKey::field("", descending)
            })
            .collect();
        self.hits.extend(theirs.hits);
        self.hits.sort_by(|a, b| {
            // The sequence number is unique in a log; several logs are told apart by index and split.
            let place = |it: &TopHit| (it.address.seq, it.address.split, it.address.doc);
            crate::sort::compare(&keys, &a.values, &b.values)
                .then_with(|| place(a).cmp(&place(b)))
                .then_with(|| a.address.index.cmp(&b.address.index))
        });
        self.hits.truncate(self.keep as usize);
    }
}

/// A sort key against one mapping.
#[derive(Clone, Debug)]
struct PlannedKey {
    key: SortKey,
    field: Option<MappedField>,
    /// What documents without a value are taken to have.
    missing: SortValue,
}

/// Plans the first `keep` documents in an order.
pub(crate) struct TopHitsPlan {
    keys: Vec<PlannedKey>,
    keep: usize,
    index: String,
}

impl TopHitsPlan {
    pub(crate) fn new(sort: &[SortKey], keep: usize, ctx: &AggContext<'_>) -> Result<Self, QueryError> {
        let key = |key: &SortKey| {
            let field = key.resolve(ctx.mapping)?.cloned();
            let missing = match &key.missing {
                Missing::Value(value) => key.parse_value(field.as_ref(), value)?,
                Missing::First | Missing::Last => SortValue::Missing,
            };
            Ok(PlannedKey { key: key.clone(), field, missing })
        };
        let keys = sort.iter().map(key).collect::<Result<_, QueryError>>()?;
        Ok(Self { keys, keep, index: ctx.index.to_owned() })
    }
}

impl Plan for TopHitsPlan {
    fn collector(&self, segment: &SegmentContext<'_>, _parents: usize, _subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let keys = self.keys.iter().map(|it| SegmentKey::open(it, segment)).collect::<Result<_, _>>()?;
        let seqs = segment.reader.fast_fields().u64(internal::NAMES[1])?;
        Ok(Box::new(TopHitsCollector { keys, seqs, keep: self.keep, index: self.index.clone(), split: segment.split, buckets: Vec::new() }))
    }
}

/// A sort key in one segment. Documents are compared by numbers whose order is the order of the values; only the values of the kept
/// ones are read.
struct SegmentKey {
    planned: PlannedKey,
    column: FieldColumn,
    /// The place of documents without a value; `None` where they are first or last.
    missing: Option<u64>,
    /// The key is the sequence number.
    by_seq: bool,
    take_max: bool,
}

impl SegmentKey {
    fn open(planned: &PlannedKey, segment: &SegmentContext<'_>) -> Result<Self, QueryError> {
        let column = match &planned.field {
            Some(field) => FieldColumn::open(segment.reader, field)?,
            None => FieldColumn::empty(match &planned.missing {
                SortValue::I64(_) => ColumnKind::I64,
                SortValue::F64(_) => ColumnKind::F64,
                SortValue::Bytes(_) | SortValue::Missing => ColumnKind::Ordinal,
            }),
        };
        let missing = match &planned.missing {
            SortValue::Missing => None,
            SortValue::I64(it) => Some(FieldColumn::raw_of_i64(*it)),
            SortValue::F64(it) => Some(FieldColumn::raw_of_f64(*it)),
            // Ordinals are doubled, so that there is room between two of them.
            SortValue::Bytes(it) => match column.ordinal_of(it)? {
                Some(ordinal) => Some(2 * ordinal + 1),
                None => Some(2 * column.raw_at_least(&Key::Bytes(it.as_slice().into()))?.unwrap_or(column.terms())),
            },
        };
        let key = &planned.key;
        let take_max = key.mode.map_or(key.descending, |it| it == Mode::Max);
        Ok(Self { by_seq: key.by == SortBy::Doc, planned: planned.clone(), column, missing, take_max })
    }

    fn raw(&self, doc: DocId) -> Option<u64> {
        let values = self.column.raw_values(doc);
        if self.take_max { values.max() } else { values.min() }
    }

    /// The place of a document in the order of this key: less is first.
    fn place(&self, doc: DocId, seq: u64) -> u128 {
        let raw = match self.raw(doc) {
            _ if self.by_seq => Some(seq),
            Some(raw) if self.column.kind() == ColumnKind::Ordinal => Some(2 * raw + 1),
            Some(raw) => Some(raw),
            None => self.missing,
        };
        match raw {
            None if matches!(self.planned.key.missing, Missing::First) => 0,
            None => u128::MAX,
            Some(raw) if self.planned.key.descending => u128::from(u64::MAX - raw) + 1,
            Some(raw) => u128::from(raw) + 1,
        }
    }

    fn value(&self, doc: DocId, seq: u64) -> Result<SortValue, QueryError> {
        if self.by_seq {
            return Ok(SortValue::I64(seq as i64));
        }
        Ok(match (self.raw(doc), self.column.kind()) {
            (None, _) => self.planned.missing.clone(),
            (Some(raw), ColumnKind::I64) => SortValue::I64(FieldColumn::i64(raw)),
            (Some(raw), ColumnKind::F64) => SortValue::F64(FieldColumn::f64(raw)),
            (Some(raw), ColumnKind::Ordinal) => SortValue::Bytes(self.column.bytes_of(raw)?),
        })
    }
}

struct TopHitsCollector {
    keys: Vec<SegmentKey>,
    seqs: Column<u64>,
    keep: usize,
    index: String,
    split: u64,
    buckets: Vec<TopBucket>,
}

#[derive(Default)]
struct TopBucket {
    total: u64,
    /// In order, at most `keep`.
    kept: Vec<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// By the first key, which alone decides about most documents.
    first: u128,
    rest: Vec<u128>,
    seq: u64,
    doc: DocId,
}

impl Collector for TopHitsCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let wanted = buckets.iter().max().map_or(0, |it| *it as usize + 1);
        if wanted > self.buckets.len() {
            let each = size_of::<TopBucket>() + self.keep * (size_of::<Place>() + 16 * self.keys.len());
            budget.charge((wanted - self.buckets.len()) * each)?;
            self.buckets.resize_with(wanted, TopBucket::default);
        }
        for (&doc, &bucket) in docs.iter().zip(buckets) {
            let bucket = &mut self.buckets[bucket as usize];
            bucket.total += 1;
            if self.keep == 0 {
                continue;
            }
            let worst = bucket.kept.last().filter(|_| bucket.kept.len() == self.keep);
            let by_seq = self.keys.first().is_none_or(|it| it.by_seq);
            let mut seq = if by_seq { self.seqs.first(doc).unwrap_or_default() } else { 0 };
            let first = self.keys.first().map_or(0, |it| it.place(doc, seq));
            if worst.is_some_and(|it| first > it.first) {
                continue;
            }
            if !by_seq {
                seq = self.seqs.first(doc).unwrap_or_default();
            }
            let rest = self.keys.iter().skip(1).map(|it| it.place(doc, seq)).collect();
            let place = Place { first, rest, seq, doc };
            if worst.is_some_and(|it| place.cmp(it) != Ordering::Less) {
                continue;
            }
            let at = bucket.kept.partition_point(|it| *it < place);
            bucket.kept.insert(at, place);
            bucket.kept.truncate(self.keep);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let taken: Vec<TopBucket> = buckets.iter().map(|it| self.buckets.get_mut(*it as usize).map(std::mem::take).unwrap_or_default()).collect();
        let directions: Vec<_> = self.keys.iter().map(|it| (it.planned.key.descending, matches!(it.planned.key.missing, Missing::First))).collect();
        let hit = |place: Place| {
            let values = self.keys.iter().map(|it| it.value(place.doc, place.seq)).collect::<Result<_, _>>()?;
            Ok(TopHit { values, address: HitAddress { index: self.index.clone(), split: self.split, doc: place.doc, seq: place.seq } })
        };
        taken
            .into_iter()
            .map(|bucket| {
                let hits = bucket.kept.into_iter().map(hit).collect::<Result<_, QueryError>>()?;
                Ok(Partial::TopHits(TopHits { total: bucket.total, keep: self.keep as u32, directions: directions.clone(), hits }))
            })
            .collect()
    }
}
