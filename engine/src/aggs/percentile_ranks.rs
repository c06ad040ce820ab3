//! `percentile_ranks`: what percentage of a field's numbers lies at or below given values.

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::Partial;
use crate::aggs::percentiles::{QuantilesPlan, check_methods, of, put};
use crate::aggs::render::{Renderer, ValueFormat};
use crate::aggs::source::{Accepts, Source};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan, partial::ValueKind};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct PercentileRanks {
    source: Source,
    values: Vec<f64>,
    keyed: bool,
    is_hdr: bool,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "percentile_ranks"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "value_type", "format", "values", "keyed", "tdigest", "hdr"])?;
        let mut values = body.numbers("values")?.ok_or_else(|| body.lacks("values"))?;
        if values.is_empty() {
            return Err(QueryError::IllegalArgument(format!("[values] must not be empty: [{}]", body.name)));
        }
        check_methods(body)?;
        values.sort_by(f64::total_cmp);
        Ok(Box::new(PercentileRanks {
            source: Source::parse(body)?,
            values,
            keyed: body.bool("keyed")?.unwrap_or(true),
            is_hdr: body.get("hdr").is_some(),
        }))
    }
}

impl Aggregation for PercentileRanks {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        Ok(Box::new(QuantilesPlan { source: self.source.plan(Accepts::Numbers, ctx)? }))
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let values = of(&partial).1;
        // Percentages are plain numbers, whatever the field is.
        let format = ValueFormat::new(&ValueKind::Double, None, jiff::tz::TimeZone::UTC);
        Ok(put(self.values.iter().map(|it| (*it, values.rank_of(*it))).collect(), self.keyed, &format))
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        if self.is_hdr { "hdr_percentile_ranks" } else { "tdigest_percentile_ranks" }
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        key.and_then(|it| it.parse().ok()).is_some_and(|it: f64| self.values.contains(&it))
    }

    fn measure(&self, partial: &Partial, key: Option<&str>) -> f64 {
        let value = key.and_then(|it| it.parse().ok());
        value.and_then(|it| of(partial).1.rank_of(it)).unwrap_or(f64::NAN)
    }
}
