//! `top_metrics`: values of the first document in an order: `top_hits` that shows fields only.

use serde_json::{Map, Value, json};

use crate::aggs::body::Body;
use crate::aggs::partial::Partial;
use crate::aggs::render::Renderer;
use crate::aggs::top_hits::TopHitsPlan;
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;
use crate::hit_fields::{HitField, fields_of};
use crate::sort::{SortBy, SortKey, SortValue};

pub(crate) struct Kind;

/// The largest `size` (Elasticsearch's `index.top_metrics_max_size`).
const SIZE_MAX: u64 = 10;

#[derive(Clone, Debug)]
struct TopMetrics {
    metrics: Vec<String>,
    /// One key, as in Elasticsearch.
    sort: Vec<SortKey>,
    size: usize,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "top_metrics"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["metrics", "sort", "size"])?;
        let list: Vec<&Value> = match body.get("metrics") {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(single) => vec![single],
            None => Vec::new(),
        };
        if list.is_empty() {
            return Err(body.lacks("metrics"));
        }
        let metric = |it: &&Value| {
            let metric = Body::new(body.kind, body.name, it)?;
            metric.only(&["field"])?;
            metric.field()
        };
        let sort = SortKey::parse(body.get("sort").ok_or_else(|| body.lacks("sort"))?)?;
        if sort.len() != 1 {
            return Err(QueryError::IllegalArgument("only one sort is supported for [top_metrics]".to_owned()));
        }
        if sort.iter().any(|it| it.by == SortBy::Score) {
            return Err(QueryError::IllegalArgument(format!("top_metrics [{}] can't know [_score]; sort by a field", body.name)));
        }
        let size = body.u64("size")?.unwrap_or(1);
        if !(1..=SIZE_MAX).contains(&size) {
            return Err(QueryError::IllegalArgument(format!("[top_metrics.size] must not be more than [{SIZE_MAX}] but was [{size}]")));
        }
        Ok(Box::new(TopMetrics { metrics: list.iter().map(metric).collect::<Result<_, _>>()?, sort, size: size as usize }))
    }
}

impl Aggregation for TopMetrics {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(TopHitsPlan::new(&self.sort, self.size, ctx)?))
    }

    fn render(&self, partial: Partial, _subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let hits = if let Partial::TopHits(it) = partial { it.hits } else { Vec::new() };
        let fields: Vec<HitField> = self.metrics.iter().map(|it| HitField::named(it)).collect();
        let mut top = Vec::with_capacity(hits.len());
        // A document without the value that is sorted by is no candidate.
        for hit in hits.iter().filter(|it| !it.values.contains(&SortValue::Missing)) {
            let fetched = (renderer.fetch)(&hit.address)?;
            let shown = fields_of(&fields, &fetched.source, &fetched.mapping)?;
            let value = |it: &String| shown.get(it).map_or(Value::Null, first);
            let metrics: Map<String, Value> = self.metrics.iter().map(|it| (it.clone(), value(it))).collect();
            let sort = |(key, value): (&SortKey, &SortValue)| key.to_json(key.resolve(&fetched.mapping).ok().flatten(), value);
            let sort: Vec<Value> = self.sort.iter().zip(&hit.values).map(sort).collect();
            top.push(json!({ "sort": sort, "metrics": metrics }));
        }
        Ok(Map::from_iter([("top".to_owned(), Value::Array(top))]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "top_metrics"
    }
}

/// The first of a field's values.
fn first(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.first().map_or(Value::Null, first),
        single => single.clone(),
    }
}
