//! `range`: a bucket per range of a number; ranges may overlap.

use serde_json::{Map, Value};

use crate::aggs::body::{Body, number_of};
use crate::aggs::partial::Partial;
use crate::aggs::ranges::{self, Range, RangeRequest, RangesPlan};
use crate::aggs::render::{Renderer, number_text};
use crate::aggs::source::{Accepts, Source};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::columns::Key;
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct RangeAgg {
    source: Source,
    ranges: Vec<(RangeRequest, Range)>,
    keyed: bool,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "range"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "ranges", "keyed"])?;
        let number = |it: &Option<Value>| it.as_ref().map(|it| number_of(it).map(Key::from_f64).ok_or_else(|| body.bad("ranges", it))).transpose();
        let ranges = ranges::parse(body, false)?
            .into_iter()
            .map(|it| {
                let range = Range { from: number(&it.from)?, to: number(&it.to)? };
                Ok((it, range))
            })
            .collect::<Result<_, QueryError>>()?;
        Ok(Box::new(RangeAgg { source: Source::parse(body)?, ranges, keyed: body.bool("keyed")?.unwrap_or(false) }))
    }
}

impl Aggregation for RangeAgg {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let source = self.source.plan(Accepts::Numbers, ctx)?;
        Ok(Box::new(RangesPlan { source, ranges: self.ranges.iter().map(|it| it.1.clone()).collect() }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        renderer.take_buckets(self.ranges.len())?;
        let (mut list, mut named) = (Vec::new(), Map::new());
        for (request, range, slot) in ranges::in_answer_order(partial, self.ranges.clone()) {
            let (from, to) = (range.from.and_then(|it| it.as_f64()), range.to.and_then(|it| it.as_f64()));
            let text = |it: Option<f64>| it.map_or_else(|| "*".to_owned(), number_text);
            let key = request.key.unwrap_or_else(|| format!("{}-{}", text(from), text(to)));
            let mut row = Map::new();
            if !self.keyed {
                row.insert("key".to_owned(), key.clone().into());
            }
            from.into_iter().for_each(|it| drop(row.insert("from".to_owned(), it.into())));
            to.into_iter().for_each(|it| drop(row.insert("to".to_owned(), it.into())));
            row.insert("doc_count".to_owned(), slot.count.into());
            subs.render_into(slot.subs, &mut row, renderer)?;
            if self.keyed {
                named.insert(key, Value::Object(row));
            } else {
                list.push(Value::Object(row));
            }
        }
        let buckets = if self.keyed { Value::Object(named) } else { Value::Array(list) };
        Ok(Map::from_iter([("buckets".to_owned(), buckets)]))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "range"
    }
}
