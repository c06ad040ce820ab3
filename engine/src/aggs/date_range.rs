//! `date_range`: a bucket per range of time, given as dates, date math or milliseconds; ranges may overlap.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::{Partial, ValueKind};
use crate::aggs::ranges::{self, Range, RangeRequest, RangesPlan};
use crate::aggs::render::{Renderer, ValueFormat, check_kind};
use crate::aggs::source::{Accepts, Source, date_at, date_format};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::clock::Timestamp;
use crate::columns::Key;
use crate::datetime::{DateFormat, parse_time_zone};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct DateRange {
    source: Source,
    ranges: Vec<RangeRequest>,
    zone: TimeZone,
    keyed: bool,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "date_range"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "time_zone", "ranges", "keyed"])?;
        Ok(Box::new(DateRange {
            source: Source::parse(body)?,
            ranges: ranges::parse(body, false)?,
            zone: body.str("time_zone")?.map_or(Ok(TimeZone::UTC), parse_time_zone).map_err(QueryError::IllegalArgument)?,
            keyed: body.bool("keyed")?.unwrap_or(false),
        }))
    }
}

impl DateRange {
    fn resolve(&self, format: &DateFormat, now: Timestamp) -> Result<Vec<(RangeRequest, Range)>, QueryError> {
        // A number is read in the format first, as Elasticsearch does: of a date in seconds it is seconds, of the default a year.
        let at = |it: &Value| match it {
            Value::Number(number) => {
                let text = Value::String(number.as_f64().map_or(0, |it| it as i64).to_string());
                date_at(&text, format, &self.zone, now).or_else(|_| date_at(it, format, &self.zone, now))
            }
            _ => date_at(it, format, &self.zone, now),
        };
        let time = |it: &Option<Value>| it.as_ref().map(|it| at(it).map(Key::I64)).transpose().map_err(QueryError::Parsing);
        self.ranges.iter().map(|it| Ok((it.clone(), Range { from: time(&it.from)?, to: time(&it.to)? }))).collect()
    }
}

impl Aggregation for DateRange {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let source = self.source.plan(Accepts::Dates, ctx)?;
        let ranges = self.resolve(&source.date_format(self.source.format.as_ref()), ctx.now)?;
        Ok(Box::new(RangesPlan { source, ranges: ranges.into_iter().map(|it| it.1).collect() }))
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        renderer.take_buckets(self.ranges.len())?;
        let kind = match &partial {
            Partial::Slots(it) => it.kind.clone(),
            _ => ValueKind::Unmapped,
        };
        check_kind(&kind, &self.source.field)?;
        let kind = if let ValueKind::Date(_) = kind { kind } else { ValueKind::Date(None) };
        let format = ValueFormat::new(&kind, self.source.format.as_ref(), self.zone.clone());
        let mapped = if let ValueKind::Date(it) = &kind { it.as_deref() } else { None };
        let ranges = self.resolve(&date_format(self.source.format.as_ref(), mapped), renderer.options.now)?;
        let (mut list, mut named) = (Vec::new(), Map::new());
        for (request, range, slot) in ranges::in_answer_order(partial, ranges) {
            let text = |it: &Option<Key>| it.as_ref().map_or_else(|| "*".to_owned(), |it| format.name_of(it));
            let key = request.key.unwrap_or_else(|| format!("{}-{}", text(&range.from), text(&range.to)));
            let mut row = Map::new();
            if !self.keyed {
                row.insert("key".to_owned(), key.clone().into());
            }
            for (name, bound) in [("from", &range.from), ("to", &range.to)] {
                if let Some(bound) = bound {
                    format.put_number(name, bound.as_f64(), &mut row);
                }
            }
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
        "date_range"
    }
}
