//! `max`: the highest number; null without one.

use serde_json::{Map, Value};

use crate::aggs::body::Body;
use crate::aggs::partial::{Partial, Stats};
use crate::aggs::render::{Renderer, ValueFormat};
use crate::aggs::source::Source;
use crate::aggs::summary::{self, Needs};
use crate::aggs::{AggContext, AggKind, Aggregation, Aggs, Plan};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct Max {
    source: Source,
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "max"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&Source::KEYS)?;
        Ok(Box::new(Max { source: Source::parse(body)? }))
    }
}

impl Aggregation for Max {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        summary::plan(&self.source, Needs { extremes: true, ..Needs::default() }, ctx)
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let stats = summary::of(&partial);
        let format = ValueFormat::new(&stats.kind, self.source.format.as_ref(), jiff::tz::TimeZone::UTC);
        let mut out = Map::new();
        format.put_number("value", value(&stats), &mut out);
        Ok(out)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "max"
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        matches!(key, None | Some("value"))
    }

    fn measure(&self, partial: &Partial, _key: Option<&str>) -> f64 {
        value(&summary::of(partial)).unwrap_or(f64::NAN)
    }
}

fn value(stats: &Stats) -> Option<f64> {
    stats.highest()
}
