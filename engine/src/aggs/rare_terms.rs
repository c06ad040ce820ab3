//! `rare_terms`: the values that few documents have, rarest first.
//!
//! Exact, where Elasticsearch filters approximately: every value of every segment is known, so `precision` means nothing.

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::order::Order;
use crate::aggs::partial::{Keyed, Partial, ValueKind};
use crate::aggs::picks::Picks;
use crate::aggs::render::{Renderer, ValueFormat, check_kind};
use crate::aggs::source::{Accepts, Source};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;

pub(crate) struct Kind;

/// The largest `max_doc_count`, as in Elasticsearch.
const DOC_COUNT_MAX: u64 = 100;

#[derive(Clone, Debug)]
struct RareTerms {
    source: Source,
    picks: Picks,
    max_doc_count: u64,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "rare_terms"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "max_doc_count", "precision", "include", "exclude"])?;
        let max_doc_count = body.u64("max_doc_count")?.unwrap_or(1);
        if !(1..=DOC_COUNT_MAX).contains(&max_doc_count) {
            return Err(QueryError::IllegalArgument(format!(
                "[max_doc_count] must be between 1 and {DOC_COUNT_MAX}. Found [{max_doc_count}] in [{}]",
                body.name
            )));
        }
        if body.f64("precision")?.is_some_and(|it| it < 0.00001) {
            return Err(QueryError::IllegalArgument("[precision] must be greater than 0.00001".to_owned()));
        }
        Ok(Box::new(RareTerms { source: Source::parse(body)?, picks: Picks::parse(body)?, max_doc_count }))
    }
}

impl Aggregation for RareTerms {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let source = self.source.plan(Accepts::Any, ctx)?;
        if source.kind == ValueKind::Double {
            return Err(QueryError::IllegalArgument("RareTerms aggregation does not support floating point fields.".to_owned()));
        }
        self.picks.plan(&self.source, source, ctx)
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let mut keyed = if let Partial::Keyed(it) = partial { it } else { Keyed::default() };
        check_kind(&keyed.kind, &self.source.field)?;
        keyed.buckets.retain(|it| it.count <= self.max_doc_count);
        renderer.take_buckets(keyed.buckets.len())?;
        let (buckets, _) = Order::rarest().top(keyed.buckets, usize::MAX, subs);
        let format = ValueFormat::new(&keyed.kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let mut rows = Vec::with_capacity(buckets.len());
        for bucket in buckets {
            let mut row = Map::new();
            format.put_key(&bucket.key, &mut row);
            row.insert("doc_count".to_owned(), bucket.count.into());
            subs.render_into(bucket.subs, &mut row, renderer)?;
            rows.push(Value::Object(row));
        }
        Ok(Map::from_iter([("buckets".to_owned(), Value::Array(rows))]))
    }

    fn typed_name(&self, partial: &Partial) -> &'static str {
        match partial {
            Partial::Keyed(it) => match it.kind {
                ValueKind::Unmapped | ValueKind::Conflict => "umrareterms",
                ValueKind::Keyword | ValueKind::Ip => "srareterms",
                ValueKind::Boolean | ValueKind::Long | ValueKind::Date(_) | ValueKind::Double => "lrareterms",
            },
            _ => "umrareterms",
        }
    }
}
