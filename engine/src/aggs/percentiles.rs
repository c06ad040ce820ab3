//! `percentiles`: the values below which given percentages of a field's numbers lie. Exact with few values, within 0.4 % with many.

use serde_json::{Map, Value, json};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::Budget;
use crate::aggs::partial::{Partial, ValueKind};
use crate::aggs::quantiles::{Quantiles, QuantilesBuilder};
use crate::aggs::render::{Renderer, ValueFormat, number_text};
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::columns::{FieldColumn, Repeats};
use crate::error::QueryError;
use crate::mapping::ColumnKind;

pub(crate) struct Kind;

/// The percentages of a request that names none.
const PERCENTS_DEFAULT: [f64; 7] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];

#[derive(Clone, Debug)]
struct Percentiles {
    source: Source,
    percents: Vec<f64>,
    keyed: bool,
    is_hdr: bool,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "percentiles"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "percents", "keyed", "tdigest", "hdr"])?;
        if body.is_null("percents") {
            return Err(body.bad("percents", &Value::Null));
        }
        let percents = body.numbers("percents")?.unwrap_or_else(|| PERCENTS_DEFAULT.to_vec());
        if percents.is_empty() {
            return Err(QueryError::IllegalArgument(format!("[percents] must not be empty: [{}]", body.name)));
        }
        if let Some(bad) = percents.iter().find(|it| !(0.0..=100.0).contains(*it)) {
            return Err(QueryError::IllegalArgument(format!("percent must be in [0,100], got [{bad}]: [{}]", body.name)));
        }
        check_methods(body)?;
        let mut percents = percents;
        percents.sort_by(f64::total_cmp);
        Ok(Box::new(Percentiles {
            source: Source::parse(body)?,
            percents,
            keyed: body.bool("keyed")?.unwrap_or(true),
            is_hdr: body.get("hdr").is_some(),
        }))
    }
}

/// Both of Elasticsearch's methods are accepted with their parameters; ours has the same accuracy whatever they say.
pub(crate) fn check_methods(body: &Body<'_>) -> Result<(), QueryError> {
    if let Some(value) = body.get("tdigest") {
        let tdigest = Body::new("tdigest", body.name, value)?;
        tdigest.only(&["compression", "execution_hint"])?;
        if let Some(compression) = tdigest.f64("compression")?.filter(|it| *it < 0.0) {
            return Err(QueryError::IllegalArgument(format!("[compression] must be greater than or equal to 0. Found [{compression:?}]")));
        }
    }
    if let Some(value) = body.get("hdr") {
        const DIGITS: &str = "number_of_significant_value_digits";
        let hdr = Body::new("hdr", body.name, value)?;
        hdr.only(&[DIGITS])?;
        if hdr.is_null(DIGITS) {
            return Err(hdr.bad(DIGITS, &Value::Null));
        }
        if hdr.f64(DIGITS)?.is_some_and(|it| !(0.0..=5.0).contains(&it)) {
            return Err(QueryError::IllegalArgument(format!("[numberOfSignificantValueDigits] must be between 0 and 5: [{}]", body.name)));
        }
    }
    if body.get("tdigest").is_some() && body.get("hdr").is_some() {
        return Err(QueryError::IllegalArgument("Only one percentiles method should be declared.".to_owned()));
    }
    Ok(())
}

/// The kind and distribution of a partial result.
pub(crate) fn of(partial: &Partial) -> (ValueKind, Quantiles) {
    match partial {
        Partial::Quantiles { kind, values } => (kind.clone(), values.clone()),
        _ => (ValueKind::Unmapped, Quantiles::default()),
    }
}

/// Writes pairs of number and result, by name or as a list.
pub(crate) fn put(rows: Vec<(f64, Option<f64>)>, keyed: bool, format: &ValueFormat) -> Map<String, Value> {
    let (mut named, mut list) = (Map::new(), Vec::new());
    for (key, value) in rows {
        let value = value.filter(|it| it.is_finite());
        let text = value.and_then(|it| format.text_of_number(it));
        let json = value.map_or(Value::Null, Value::from);
        if keyed {
            named.insert(number_text(key), json);
            text.into_iter().for_each(|it| drop(named.insert(format!("{}_as_string", number_text(key)), it.into())));
        } else {
            let mut row = Map::from_iter([("key".to_owned(), key.into()), ("value".to_owned(), json)]);
            text.into_iter().for_each(|it| drop(row.insert("value_as_string".to_owned(), it.into())));
            list.push(Value::Object(row));
        }
    }
    Map::from_iter([("values".to_owned(), if keyed { Value::Object(named) } else { json!(list) })])
}

impl Aggregation for Percentiles {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(QuantilesPlan { source: self.source.plan(Accepts::Numbers, ctx)? }))
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let (kind, values) = of(&partial);
        let format = ValueFormat::new(&kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        Ok(put(self.percents.iter().map(|it| (*it, values.at(*it))).collect(), self.keyed, &format))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        if self.is_hdr { "hdr_percentiles" } else { "tdigest_percentiles" }
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        key.and_then(|it| it.parse().ok()).is_some_and(|it: f64| self.percents.contains(&it))
    }

    fn measure(&self, partial: &Partial, key: Option<&str>) -> f64 {
        let percent = key.and_then(|it| it.parse().ok());
        match partial {
            Partial::Quantiles { values, .. } => percent.and_then(|it| values.at(it)).unwrap_or(f64::NAN),
            _ => f64::NAN,
        }
    }
}

/// Collects the distribution of a field's numbers.
pub(crate) struct QuantilesPlan {
    pub(crate) source: SourcePlan,
}

impl Plan for QuantilesPlan {
    fn collector(&self, segment: &SegmentContext<'_>, _parents: usize, _subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        let values = self.source.open(segment)?;
        Ok(Box::new(QuantilesCollector { kind: self.source.kind.clone(), values, builders: Vec::new() }))
    }
}

struct QuantilesCollector {
    kind: ValueKind,
    values: Values,
    builders: Vec<QuantilesBuilder>,
}

impl Collector for QuantilesCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let is_double = self.values.column.kind() == ColumnKind::F64;
        let Self { values, builders, .. } = self;
        let wanted = buckets.iter().max().map_or(0, |it| *it as usize + 1);
        if wanted > builders.len() {
            budget.charge((wanted - builders.len()) * size_of::<QuantilesBuilder>())?;
            builders.resize_with(wanted, QuantilesBuilder::default);
        }
        let mut grown = 0;
        values.each(docs, Repeats::Keep, |at, raw| {
            let value = if is_double { FieldColumn::f64(raw) } else { FieldColumn::i64(raw) as f64 };
            grown += builders[buckets[at] as usize].add(value);
        });
        budget.charge(grown)
    }

    fn finish(mut self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let kind = self.kind.clone();
        let mut values_of = |bucket: u32| self.builders.get_mut(bucket as usize).map(std::mem::take).unwrap_or_default().finish();
        Ok(buckets.iter().map(|it| Partial::Quantiles { kind: kind.clone(), values: values_of(*it) }).collect())
    }
}
