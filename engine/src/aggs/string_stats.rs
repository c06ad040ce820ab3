//! `string_stats`: lengths of keywords and the entropy of their characters.
//!
//! A segment counts ordinals; characters are counted once per distinct value. Lengths are in characters, not in UTF-16 units.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tantivy::DocId;

use crate::aggs::body::Body;
use crate::aggs::cells::{Budget, CellHasher};
use crate::aggs::partial::{Partial, ValueKind};
use crate::aggs::render::Renderer;
use crate::aggs::source::{Accepts, Source, SourcePlan, Values};
use crate::aggs::{AggContext, AggKind, AggPlan, Aggregation, Aggs, Collector, Plan, SegmentContext};
use crate::columns::{Key, Repeats};
use crate::error::QueryError;

pub(crate) struct Kind;

#[derive(Clone, Debug)]
struct StringStatsAgg {
    source: Source,
    show_distribution: bool,
}

/// What is known of some texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StringStats {
    count: u64,
    /// Shortest and longest.
    extremes: Option<(u64, u64)>,
    /// Occurrences by character.
    pub(crate) characters: BTreeMap<char, u64>,
}

impl StringStats {
    pub(crate) fn merge(&mut self, theirs: StringStats) {
        self.count += theirs.count;
        self.extremes = match (self.extremes, theirs.extremes) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        for (character, count) in theirs.characters {
            *self.characters.entry(character).or_default() += count;
        }
    }

    fn add(&mut self, text: &str, times: u64) {
        let mut length = 0;
        for character in text.chars() {
            length += 1;
            *self.characters.entry(character).or_default() += times;
        }
        self.count += times;
        self.extremes = Some(self.extremes.map_or((length, length), |it| (it.0.min(length), it.1.max(length))));
    }

    fn total(&self) -> u64 {
        self.characters.values().sum()
    }

    fn avg_length(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total() as f64 / self.count as f64)
    }

    /// Bits per character.
    fn entropy(&self) -> f64 {
        let total = self.total() as f64;
        // From zero by subtraction, so that no text at all has 0 rather than -0.
        self.characters.values().map(|it| *it as f64 / total).fold(0.0, |sum, it| sum - it * it.log2())
    }
}

impl AggKind for Kind {
    fn name(&self) -> &'static str {
        "string_stats"
    }

    fn is_bucket(&self) -> bool {
        false
    }

    fn parse(&self, body: &Body<'_>, _subs: &Aggs) -> Result<Box<dyn Aggregation>, QueryError> {
        body.only(&["field", "missing", "show_distribution"])?;
        Ok(Box::new(StringStatsAgg { source: Source::parse(body)?, show_distribution: body.bool("show_distribution")?.unwrap_or(false) }))
    }
}

impl Aggregation for StringStatsAgg {
    fn plan(&self, ctx: &AggContext<'_>) -> Result<Box<dyn Plan>, QueryError> {
        let source = self.source.plan(Accepts::Any, ctx)?;
        if !matches!(source.kind, ValueKind::Keyword | ValueKind::Unmapped) {
            return Err(QueryError::IllegalArgument(format!(
                "Field [{}] is no keyword and is not supported for aggregation [string_stats]",
                self.source.field
            )));
        }
        Ok(Box::new(StringStatsPlan { source }))
    }

    fn render(&self, partial: Partial, _subs: &Aggs, _renderer: &mut Renderer<'_>) -> Result<Map<String, Value>, QueryError> {
        let stats = if let Partial::Strings(it) = partial { *it } else { StringStats::default() };
        let mut out = Map::new();
        out.insert("count".to_owned(), stats.count.into());
        out.insert("min_length".to_owned(), stats.extremes.map_or(Value::Null, |it| it.0.into()));
        out.insert("max_length".to_owned(), stats.extremes.map_or(Value::Null, |it| it.1.into()));
        out.insert("avg_length".to_owned(), stats.avg_length().map_or(Value::Null, Value::from));
        out.insert("entropy".to_owned(), stats.entropy().into());
        if self.show_distribution {
            let total = stats.total() as f64;
            let mut characters: Vec<(char, u64)> = stats.characters.into_iter().collect();
            characters.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            let shares = characters.into_iter().map(|(character, count)| (character.to_string(), (count as f64 / total).into()));
            out.insert("distribution".to_owned(), Value::Object(shares.collect()));
        }
        Ok(out)
    }

    fn typed_name(&self, _partial: &Partial) -> &'static str {
        "string_stats"
    }

    fn has_measure(&self, key: Option<&str>) -> bool {
        matches!(key, Some("count" | "min_length" | "max_length" | "avg_length" | "entropy"))
    }

    fn measure(&self, partial: &Partial, key: Option<&str>) -> f64 {
        let Partial::Strings(stats) = partial else { return f64::NAN };
        let measure = match key {
            Some("count") => Some(stats.count as f64),
            Some("min_length") => stats.extremes.map(|it| it.0 as f64),
            Some("max_length") => stats.extremes.map(|it| it.1 as f64),
            Some("avg_length") => stats.avg_length(),
            Some("entropy") => Some(stats.entropy()),
            _ => None,
        };
        measure.unwrap_or(f64::NAN)
    }
}

struct StringStatsPlan {
    source: SourcePlan,
}

impl Plan for StringStatsPlan {
    fn collector(&self, segment: &SegmentContext<'_>, _parents: usize, _subs: &AggPlan) -> Result<Box<dyn Collector>, QueryError> {
        Ok(Box::new(StringStatsCollector { values: self.source.open(segment)?, counts: HashMap::default() }))
    }
}

struct StringStatsCollector {
    values: Values,
    /// Documents by bucket and ordinal.
    counts: HashMap<(u32, u64), u64, BuildHasherDefault<CellHasher>>,
}

/// Bytes of a count: map entry at its usual load.
const COUNT_BYTES: usize = 48;

impl Collector for StringStatsCollector {
    fn collect(&mut self, docs: &[DocId], buckets: &[u32], budget: &Budget) -> Result<(), QueryError> {
        let Self { values, counts } = self;
        let before = counts.len();
        values.each(docs, Repeats::Drop, |at, raw| *counts.entry((buckets[at], raw)).or_default() += 1);
        budget.charge((counts.len() - before) * COUNT_BYTES)
    }

    fn finish(self: Box<Self>, buckets: &[u32]) -> Result<Vec<Partial>, QueryError> {
        let Self { values, counts } = *self;
        let mut raws: Vec<u64> = counts.keys().map(|it| it.1).collect();
        raws.sort_unstable();
        raws.dedup();
        let keys = values.keys(&raws)?;
        let position: HashMap<u32, usize> = buckets.iter().enumerate().map(|(at, it)| (*it, at)).collect();
        let mut out = vec![StringStats::default(); buckets.len()];
        for ((bucket, raw), times) in counts {
            if let (Some(at), Key::Bytes(bytes)) = (position.get(&bucket), &keys[raws.partition_point(|it| *it < raw)]) {
                out[*at].add(&String::from_utf8_lossy(bytes), times);
            }
        }
        Ok(out.into_iter().map(|it| Partial::Strings(Box::new(it))).collect())
    }
}
