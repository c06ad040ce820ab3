//! `composite`: all combinations of the values of several sources, page by page in the order of the sources.
//!
//! Every combination is known when the answer is written, so a page is a part of the sorted list that begins after `after`.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::aggs::body::{Body, number_of};
use crate::aggs::date_histogram::{parse_interval, parse_offset, parse_zone};
use crate::aggs::partial::{Partial, ValueKind};
use crate::aggs::render::{Renderer, ValueFormat};
use crate::aggs::rounding::Rounding;
use crate::aggs::source::{Source, date_at, date_format};
use crate::aggs::tuples::{self, Place, Row, Shape};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::columns::Key;
use crate::error::QueryError;
use crate::limits;
use crate::row::ip_bytes;

pub(crate) struct Kind;

/// Sources of one aggregation; combinations multiply with each.
const SOURCES_MAX: usize = 32;

#[derive(Clone, Debug)]
struct Composite {
    names: Vec<String>,
    places: Vec<Place>,
    orders: Vec<PlaceOrder>,
    size: usize,
    /// The last key of the page before, by source.
    after: Option<Vec<Value>>,
}

#[derive(Clone, Copy, Debug)]
struct PlaceOrder {
    descending: bool,
    missing_last: bool,
}

impl PlaceOrder {
    fn compare(self, a: Option<&Key>, b: Option<&Key>) -> Ordering {
        let ordering = match (a, b) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return if self.missing_last { Ordering::Greater } else { Ordering::Less },
            (Some(_), None) => return if self.missing_last { Ordering::Less } else { Ordering::Greater },
            (Some(a), Some(b)) => a.cmp(b),
        };
        if self.descending { ordering.reverse() } else { ordering }
    }
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "composite"
    }

    fn is_bucket(&self) -> bool {
        true
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["sources", "size", "after"])?;
        let list: Vec<&Value> = match body.get("sources") {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(single @ Value::Object(_)) => vec![single],
            Some(other) => return Err(body.bad("sources", other)),
            None => return Err(QueryError::IllegalArgument("Required [sources]".to_owned())),
        };
        if list.is_empty() {
            return Err(QueryError::IllegalArgument("Composite [sources] cannot be null or empty".to_owned()));
        }
        if list.len() > SOURCES_MAX {
            return Err(QueryError::IllegalArgument(format!("Composite [sources] must be between 1 and {SOURCES_MAX}, got [{}]", list.len())));
        }
        let size = body.u64("size")?.unwrap_or(10);
        if size == 0 {
            return Err(QueryError::IllegalArgument(format!("[size] must be greater than 0. Found [0] in [{}]", body.name)));
        }
        if size > limits::BUCKETS_MAX as u64 {
            return Err(QueryError::TooManyBuckets { limit: limits::BUCKETS_MAX });
        }
        let (mut names, mut places, mut orders) = (Vec::<String>::new(), Vec::new(), Vec::new());
        for value in list {
            let (name, place, order) = parse_source(body, value)?;
            if names.contains(&name) {
                return Err(QueryError::IllegalArgument(format!("Composite source names must be unique, found duplicates: [{name}]")));
            }
            names.push(name);
            places.push(place);
            orders.push(order);
        }
        let after = body.get("after").map(|it| parse_after(body, it, &names)).transpose()?;
        Ok(Box::new(Composite { names, places, orders, size: size as usize, after }))
    }
}

fn parse_source(body: &Body<'_>, value: &Value) -> Result<(String, Place, PlaceOrder), QueryError> {
    let single = |it: &Value| it.as_object().filter(|it| it.len() == 1).and_then(|it| it.iter().next()).map(|it| (it.0.clone(), it.1.clone()));
    let (name, definition) = single(value).ok_or_else(|| body.bad("sources", value))?;
    let (kind, inner) = single(&definition).ok_or_else(|| body.bad("sources", value))?;
    let known: &[&str] = match kind.as_str() {
        "terms" => &[],
        "histogram" => &["interval"],
        "date_histogram" => &["interval", "fixed_interval", "calendar_interval", "time_zone", "offset", "format"],
        _ => return Err(QueryError::Parsing(format!("invalid source type: {kind}"))),
    };
    let inner = Body::new(body.kind, &name, &inner)?;
    inner.only(&[&["field", "order", "missing_bucket", "missing_order", "value_type"], known].concat())?;
    let source = Source::parse(&inner)?;
    let shape = match kind.as_str() {
        "histogram" => match inner.f64("interval")?.ok_or_else(|| inner.lacks("interval"))? {
            it if it > 0.0 => Shape::Number(it),
            _ => return Err(QueryError::IllegalArgument("[interval] must be greater than 0 for [histogram] source".to_owned())),
        },
        "date_histogram" => Shape::Time(Rounding { interval: parse_interval(&inner)?, zone: parse_zone(&inner)?, offset: parse_offset(&inner)? }),
        _ => Shape::Value,
    };
    let descending = match inner.str("order")? {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => return Err(QueryError::IllegalArgument(format!("Unknown order [{other}] in source [{name}]"))),
    };
    let missing_bucket = inner.bool("missing_bucket")?.unwrap_or(false);
    let missing_last = match inner.str("missing_order")? {
        None | Some("default") => descending,
        _ if !missing_bucket => return Err(QueryError::IllegalArgument("[missing_order] requires [missing_bucket]".to_owned())),
        Some("first") => false,
        Some("last") => true,
        Some(other) => return Err(QueryError::IllegalArgument(format!("Unknown missing order [{other}] in source [{name}]"))),
    };
    Ok((name, Place { source, shape, missing_bucket }, PlaceOrder { descending, missing_last }))
}

fn parse_after(body: &Body<'_>, value: &Value, names: &[String]) -> Result<Vec<Value>, QueryError> {
    let Value::Object(map) = value else { return Err(body.bad("after", value)) };
    if map.len() != names.len() {
        return Err(QueryError::IllegalArgument(format!("[after] has {} value(s) but [sources] has {}", map.len(), names.len())));
    }
    let of_source = |it: &String| map.get(it).cloned().ok_or_else(|| QueryError::IllegalArgument(format!("Missing value for [after.{it}]")));
    names.iter().map(of_source).collect()
}

/// A value of `after` as a key.
fn after_key(value: &Value, kind: &ValueKind, name: &str, place: &Place, renderer: &Renderer<'_>) -> Result<Option<Key>, QueryError> {
    let bad = || QueryError::IllegalArgument(format!("Invalid value [{value}] for [after.{name}]"));
    if value.is_null() {
        return if place.missing_bucket { Ok(None) } else { Err(bad()) };
    }
    let key = match kind {
        ValueKind::Keyword | ValueKind::Unmapped | ValueKind::Conflict => value.as_str().map(|it| Key::Bytes(it.as_bytes().into())),
        ValueKind::Ip => value.as_str().and_then(|it| it.parse().ok()).map(|it| Key::Bytes(ip_bytes(it).into())),
        ValueKind::Boolean => value.as_bool().map(i64::from).or_else(|| value.as_str()?.parse().ok().map(|it: bool| it.into())).map(Key::I64),
        ValueKind::Long => value.as_i64().or_else(|| value.as_str()?.parse().ok()).map(Key::I64),
        ValueKind::Double => number_of(value).map(Key::from_f64),
        ValueKind::Date(mapped) => {
            let format = date_format(place.source.format.as_ref(), mapped.as_deref());
            let zone = if let Shape::Time(it) = &place.shape { it.zone.clone() } else { jiff::tz::TimeZone::UTC };
            date_at(value, &format, &zone, renderer.options.now).ok().map(Key::I64)
        }
    };
    key.map(Some).ok_or_else(bad)
}

impl Composite {
    fn compare(&self, a: &[Option<Key>], b: &[Option<Key>]) -> Ordering {
        let places = a.iter().zip(b).zip(&self.orders);
        places.map(|((a, b), order)| order.compare(a.as_ref(), b.as_ref())).find(|it| it.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl Aggregation for Composite {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        tuples::plan(&self.places, ctx)
    }

    fn render(&self, partial: Partial, subs: &Aggs, renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let (kinds, mut rows) = tuples::of(partial, &self.places)?;
        if let Some(after) = self.after.as_ref().filter(|_| !rows.is_empty()) {
            let places = after.iter().zip(&kinds).zip(self.names.iter().zip(&self.places));
            let after = places.map(|((value, kind), (name, place))| after_key(value, kind, name, place, renderer)).collect::<Result<Vec<_>, _>>()?;
            rows.retain(|it| self.compare(&it.keys, &after).is_gt());
        }
        if self.size < rows.len() {
            rows.select_nth_unstable_by(self.size, |a, b| self.compare(&a.keys, &b.keys));
            rows.truncate(self.size);
        }
        rows.sort_unstable_by(|a, b| self.compare(&a.keys, &b.keys));
        renderer.take_buckets(rows.len())?;
        let format = |(kind, place): (&ValueKind, &Place)| {
            let zone = if let Shape::Time(it) = &place.shape { it.zone.clone() } else { jiff::tz::TimeZone::UTC };
            // Without a format of the request dates are milliseconds.
            let kind = if matches!(kind, ValueKind::Date(_)) && place.source.format.is_none() { &ValueKind::Long } else { kind };
            ValueFormat::new(kind, place.source.format.as_ref(), zone)
        };
        let formats: Vec<ValueFormat> = kinds.iter().zip(&self.places).map(format).collect();
        let (mut out, mut buckets) = (Map::new(), Vec::with_capacity(rows.len()));
        let last = rows.len().saturating_sub(1);
        for (at, Row { keys, bucket }) in rows.into_iter().enumerate() {
            let value = |(key, format): (Option<Key>, &ValueFormat)| key.map_or(Value::Null, |it| format.value_of(&it));
            let key: Map<String, Value> = self.names.iter().cloned().zip(keys.into_iter().zip(&formats).map(value)).collect();
            if at == last {
                out.insert("after_key".to_owned(), Value::Object(key.clone()));
            }
            let mut row = Map::new();
            row.insert("key".to_owned(), Value::Object(key));
            row.insert("doc_count".to_owned(), bucket.count.into());
            subs.render_into(bucket.subs, &mut row, renderer)?;
            buckets.push(Value::Object(row));
        }
        out.insert("buckets".to_owned(), Value::Array(buckets));
        Ok(out)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "composite"
    }
}
