//! `filters`: a bucket per query, named or in order, and one for documents that match none.

use serde_json::{Map, Value};
use tantivy::query::Query;
use tantivy::{BitSet, DocId};

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::grouping::Grouping;
use crate::aggs::partial::{Partial, ValueKind};
use crate::aggs::render::Renderer;
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext, slots};
use crate::error::QueryError;
use crate::limits;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Filters {
    queries: Vec<Value>,
    /// `None`: anonymous.
    names: Option<Vec<String>>,
    has_other: bool,
    /// Named filters answered as a list of buckets with `key`.
    keyed: bool,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "filters"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["filters", "other_bucket", "other_bucket_key", "keyed"])?;
        let (queries, mut names) = match body.get("filters") {
            Some(Value::Object(map)) => (map.values().cloned().collect::<Vec<_>>(), Some(map.keys().cloned().collect::<Vec<_>>())),
            Some(Value::Array(list)) => (list.clone(), None),
            Some(other) => return Err(body.bad("filters", other)),
            None => return Err(QueryError::IllegalArgument("[filters] cannot be empty".to_owned())),
        };
        if queries.is_empty() {
            return Err(QueryError::IllegalArgument("[filters] cannot be empty".to_owned()));
        }
        if queries.len() > limits::CLAUSES_MAX {
            return Err(QueryError::IllegalArgument(format!("[filters] has more than [{}] filters", limits::CLAUSES_MAX)));
        }
        let key = body.str("other_bucket_key")?;
        // A key alone asks for the bucket, as in Elasticsearch.
        let has_other = body.bool("other_bucket")?.unwrap_or(key.is_some());
        if let Some(names) = names.as_mut().filter(|_| has_other) {
            names.push(key.unwrap_or("_other_").to_owned());
        }
        Ok(Box::new(Filters { queries, names, has_other, keyed: body.bool("keyed")?.unwrap_or(true) }))
    }
}

impl Filters {
    fn slots(&self) -> usize {
        self.queries.len() + usize::from(self.has_other)
    }
}

impl Aggregation for Filters {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let queries = self.queries.iter().map(|it| slots::compile(it, ctx)).collect::<Result<_, _>>()?;
        Ok(Box::new(FiltersPlan { queries, has_other: self.has_other }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let slots = slots::of(partial, self.slots()).slots;
        renderer.take_buckets(slots.len())?;
        let (mut list, mut named) = (Vec::new(), Map::new());
        for (at, slot) in slots.into_iter().enumerate() {
            let name = self.names.as_ref().map(|it| it[at].clone());
            let mut row = Map::new();
            if let Some(name) = name.as_ref().filter(|_| !self.keyed) {
                row.insert("key".to_owned(), name.clone().into());
            }
            row.insert("doc_count".to_owned(), slot.count.into());
            subs.render_into(slot.subs, &mut row, renderer)?;
            match name.filter(|_| self.keyed) {
                Some(name) => named.insert(name, Value::Object(row)).map_or((), drop),
                None => list.push(Value::Object(row)),
            }
        }
        let buckets = if self.names.is_some() && self.keyed { Value::Object(named) } else { Value::Array(list) };
        Ok(Map::from_iter([("buckets".to_owned(), buckets)]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "filters"
    }
}

struct FiltersPlan {
    queries: Vec<Box<dyn Query>>,
    has_other: bool,
}

impl Plan for FiltersPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let matching = self.queries.iter().map(|it| slots::matching(&**it, segment.reader)).collect::<Result<Vec<_>, _>>()?;
        let last = matching.len() as u64 - u64::from(!self.has_other);
        let grouping = Grouping::new(segment, parents, Some((0, last)), subs)?;
        Ok(Box::new(FiltersCollector { matching, has_other: self.has_other, grouping }))
    }
}

struct FiltersCollector {
    matching: Vec<BitSet>,
    has_other: bool,
    grouping: Grouping,
}

impl Collector for FiltersCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        self.grouping.begin(docs.len());
        for (&doc, &bucket) in docs.iter().zip(buckets) {
            let mut is_other = self.has_other;
            for (at, matching) in self.matching.iter().enumerate() {
                if matching.contains(doc) {
                    self.grouping.add(bucket, at as u64, doc);
                    is_other = false;
                }
            }
            if is_other {
                self.grouping.add(bucket, self.matching.len() as u64, doc);
            }
        }
        self.grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let slots = self.matching.len() + usize::from(self.has_other);
        slots::finish(self.grouping, buckets, slots, &ValueKind::Unmapped)
    }
}
