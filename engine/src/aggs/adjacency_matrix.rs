//! `adjacency_matrix`: a bucket per filter and per pair of filters that documents match together; empty ones are left out.

use serde_json::{Map, Value};
use tantivy::query::Query;
use tantivy::{BitSet, DocId};

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::grouping::{Group, Grouping};
use crate::aggs::partial::{Bucket, Keyed, Partial, ValueKind};
use crate::aggs::render::{Renderer, ValueFormat};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext, slots};
use crate::columns::Key;
use crate::error::QueryError;

pub(crate) struct Kind;

/// Filters of one matrix: Elasticsearch's limit of old. Buckets grow with its square.
const FILTERS_MAX: usize = 100;

#[derive(Clone, Debug)]
struct AdjacencyMatrix {
    /// Ascending by name.
    filters: Vec<(String, Value)>,
    separator: String,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "adjacency_matrix"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["filters", "separator"])?;
        let map = match body.get("filters") {
            Some(Value::Object(map)) => map,
            Some(other) => return Err(body.bad("filters", other)),
            None => return Err(QueryError::IllegalArgument(format!("[filters] is required for [adjacency_matrix] aggregation [{}]", body.name))),
        };
        if map.is_empty() || map.len() > FILTERS_MAX {
            return Err(QueryError::IllegalArgument(format!(
                "Number of filters must be between 1 and the maximum of [{FILTERS_MAX}] but was [{}] in [{}]",
                map.len(),
                body.name
            )));
        }
        let mut filters: Vec<(String, Value)> = map.iter().map(|(name, it)| (name.clone(), it.clone())).collect();
        filters.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Box::new(AdjacencyMatrix { filters, separator: body.str("separator")?.unwrap_or("&").to_owned() }))
    }
}

impl Aggregation for AdjacencyMatrix {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let queries = self.filters.iter().map(|it| slots::compile(&it.1, ctx)).collect::<Result<_, _>>()?;
        let mut names = Vec::new();
        for (a, (first, _)) in self.filters.iter().enumerate() {
            for (b, (second, _)) in self.filters.iter().enumerate() {
                names.push(if a == b { first.clone() } else { format!("{first}{}{second}", self.separator) });
            }
        }
        Ok(Box::new(MatrixPlan { queries, names }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let keyed = if let Partial::Keyed(it) = partial { it } else { Keyed::default() };
        renderer.take_buckets(keyed.buckets.len())?;
        let format = ValueFormat::new(&ValueKind::Keyword, None, jiff::tz::TimeZone::UTC);
        let mut rows = Vec::with_capacity(keyed.buckets.len());
        for bucket in keyed.buckets {
            let mut row = Map::new();
            format.put_key(&bucket.key, &mut row);
            row.insert("doc_count".to_owned(), bucket.count.into());
            subs.render_into(bucket.subs, &mut row, renderer)?;
            rows.push(Value::Object(row));
        }
        Ok(Map::from_iter([("buckets".to_owned(), Value::Array(rows))]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "adjacency_matrix"
    }
}

struct MatrixPlan {
    queries: Vec<Box<dyn Query>>,
    /// By first · filters + second.
    names: Vec<String>,
}

impl Plan for MatrixPlan {
    fn collector(&self, segment: &SegmentContext<'_>, parents: usize, subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let matching = self.queries.iter().map(|it| slots::matching(&**it, segment.reader)).collect::<Result<Vec<_>, _>>()?;
        let grouping = Grouping::new(segment, parents, Some((0, self.names.len() as u64 - 1)), subs)?;
        Ok(Box::new(MatrixCollector { matching, names: self.names.clone(), grouping }))
    }
}

struct MatrixCollector {
    matching: Vec<BitSet>,
    names: Vec<String>,
    grouping: Grouping,
}

impl Collector for MatrixCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        self.grouping.begin(docs.len());
        let mut matched = Vec::new();
        for (&doc, &bucket) in docs.iter().zip(buckets) {
            matched.clear();
            matched.extend((0..self.matching.len()).filter(|it| self.matching[*it].contains(doc)));
            for (at, first) in matched.iter().enumerate() {
                for second in &matched[at..] {
                    self.grouping.add(bucket, (first * self.matching.len() + second) as u64, doc);
                }
            }
        }
        self.grouping.end(budget)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { names, grouping, .. } = *self;
        let bucket = |it: Group| Bucket { key: Key::Bytes(names[it.key as usize].as_bytes().into()), count: it.count, subs: it.subs };
        let partial = |row: Vec<Group>| {
            let mut buckets: Vec<Bucket> = row.into_iter().map(bucket).collect();
            buckets.sort_by(|a, b| a.key.cmp(&b.key));
            Partial::Keyed(Keyed { kind: ValueKind::Keyword, buckets })
        };
        Ok(grouping.finish(buckets)?.into_iter().map(partial).collect())
    }
}
