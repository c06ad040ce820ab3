//! `multi_terms`: a bucket per combination of the values of several fields.
//!
//! Exact like `terms`. A document without a value of one of the fields is in no bucket, unless `missing` stands in.

use serde_json::{Map, Value, json};

use crate::aggs::body::Body;
use crate::aggs::order::Order;
use crate::aggs::partial::Partial;
use crate::aggs::render::{Renderer, ValueFormat};
use crate::aggs::source::Source;
use crate::aggs::tuples::{self, Place, Shape};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;

pub(crate) struct Kind;

/// Fields of one aggregation; combinations multiply with each.
const FIELDS_MAX: usize = 32;

#[derive(Clone, Debug)]
struct MultiTerms {
    places: Vec<Place>,
    size: usize,
    min_doc_count: u64,
    order: Order,
    show_error: bool,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "multi_terms"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["terms", "size", "shard_size", "min_doc_count", "shard_min_doc_count", "order", "show_term_doc_count_error", "collect_mode"])?;
        let list = match body.get("terms") {
            Some(Value::Array(list)) => list,
            Some(other) => return Err(body.bad("terms", other)),
            None => return Err(body.lacks("terms")),
        };
        if !(2..=FIELDS_MAX).contains(&list.len()) {
            return Err(QueryError::IllegalArgument(format!(
                "The [terms] parameter in the aggregation [{}] must be present and have at least 2 and at most {FIELDS_MAX} fields or scripts.",
                body.name
            )));
        }
        let place = |it: &Value| {
            let body = Body::new(body.kind, body.name, it)?;
            body.only(&Source::KEYS)?;
            Ok(Place { source: Source::parse(&body)?, shape: Shape::Value, missing_bucket: false })
        };
        let size = body.u64("size")?.unwrap_or(10);
        if size == 0 {
            return Err(QueryError::IllegalArgument(format!("[size] must be greater than 0. Found [0] in [{}]", body.name)));
        }
        body.u64("shard_size")?;
        body.u64("shard_min_doc_count")?;
        Ok(Box::new(MultiTerms {
            places: list.iter().map(place).collect::<Result<_, QueryError>>()?,
            size: usize::try_from(size).unwrap_or(usize::MAX),
            min_doc_count: body.u64("min_doc_count")?.unwrap_or(1),
            order: body.get("order").map_or_else(|| Ok(Order::by_count()), |it| Order::parse(it, subs))?,
            show_error: body.bool("show_term_doc_count_error")?.unwrap_or(false),
        }))
    }
}

impl Aggregation for MultiTerms {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        tuples::plan(&self.places, ctx)
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let (kinds, rows) = tuples::of(partial, &self.places)?;
        let buckets = rows.into_iter().map(|it| it.bucket).filter(|it| it.count >= self.min_doc_count).collect();
        let (buckets, other) = self.order.top(buckets, self.size, subs);
        renderer.take_buckets(buckets.len())?;
        let format = |(kind, place): (_, &Place)| ValueFormat::new(kind, place.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let formats: Vec<ValueFormat> = kinds.iter().zip(&self.places).map(format).collect();
        let mut list = Vec::with_capacity(buckets.len());
        for bucket in buckets {
            let keys = tuples::keys_of(&bucket.key);
            let (mut values, mut names) = (Vec::new(), Vec::new());
            for (key, format) in keys.iter().flatten().zip(&formats) {
                values.push(format.value_of(key));
                names.push(format.name_of(key));
            }
            let mut row = Map::new();
            row.insert("key".to_owned(), Value::Array(values));
            row.insert("key_as_string".to_owned(), names.join("|").into());
            row.insert("doc_count".to_owned(), bucket.count.into());
            if self.show_error {
                row.insert("doc_count_error_upper_bound".to_owned(), 0.into());
            }
            subs.render_into(bucket.subs, &mut row, renderer)?;
            list.push(Value::Object(row));
        }
        let out = [("doc_count_error_upper_bound", json!(0)), ("sum_other_doc_count", other.into()), ("buckets", Value::Array(list))];
        Ok(out.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "multi_terms"
    }
}
