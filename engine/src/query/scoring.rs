//! The functions of `function_score` and `distance_feature`: the value of a field, distances from a point, chance.

use serde_json::{Map, Value, json};
use tantivy::SegmentReader;

use super::context::Target;
use super::rescored::{Function, Value as ScoreValue};
use super::{Body, Compiler};
use crate::aggs::parse_duration;
use crate::columns::FieldColumn;
use crate::datetime::Rounding;
use crate::error::QueryError;
use crate::mapping::{FieldType, MappedField, internal};

/// A function as a body names it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ScoreFunction {
    /// `field_value_factor`.
    FieldValue { field: String, factor: f64, modifier: Modifier, missing: Option<f64> },
    /// `random_score`; without a seed every search has its own.
    Random { seed: Option<i64> },
    /// `gauss`, `exp`, `linear`.
    Decay(Box<DecayOptions>),
}

/// What a decay function is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DecayOptions {
    shape: Shape,
    field: String,
    /// Where the score is highest; now, for dates.
    origin: Option<Value>,
    /// The distance at which the score has fallen to `decay`.
    scale: Value,
    /// The distance up to which it does not fall.
    offset: Option<Value>,
    decay: f64,
    mode: MultiMode,
}

/// What is done to a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modifier {
    None,
    Log,
    Log1p,
    Log2p,
    Ln,
    Ln1p,
    Ln2p,
    Square,
    Sqrt,
    Reciprocal,
}

const MODIFIERS: [(&str, Modifier); 10] = [
    ("none", Modifier::None),
    ("log", Modifier::Log),
    ("log1p", Modifier::Log1p),
    ("log2p", Modifier::Log2p),
    ("ln", Modifier::Ln),
    ("ln1p", Modifier::Ln1p),
    ("ln2p", Modifier::Ln2p),
    ("square", Modifier::Square),
    ("sqrt", Modifier::Sqrt),
    ("reciprocal", Modifier::Reciprocal),
];

/// How a score falls with the distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Gauss,
    Exp,
    Linear,
}

pub(crate) const SHAPES: [(&str, Shape); 3] = [("gauss", Shape::Gauss), ("exp", Shape::Exp), ("linear", Shape::Linear)];

/// Which of several distances counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MultiMode {
    Min,
    Max,
    Avg,
    Sum,
}

const MULTI_MODES: [(&str, MultiMode); 4] = [("min", MultiMode::Min), ("max", MultiMode::Max), ("avg", MultiMode::Avg), ("sum", MultiMode::Sum)];

impl Modifier {
    fn apply(self, value: f64) -> f64 {
        match self {
            Modifier::None => value,
            Modifier::Log => value.log10(),
            Modifier::Log1p => (value + 1.0).log10(),
            Modifier::Log2p => (value + 2.0).log10(),
            Modifier::Ln => value.ln(),
            Modifier::Ln1p => value.ln_1p(),
            Modifier::Ln2p => (value + 1.0).ln_1p(),
            Modifier::Square => value * value,
            Modifier::Sqrt => value.sqrt(),
            Modifier::Reciprocal => 1.0 / value,
        }
    }
}

fn named<T: Copy>(list: &[(&str, T)], name: &str, what: &str) -> Result<T, QueryError> {
    let found = list.iter().find(|it| it.0 == name.to_ascii_lowercase());
    found.map(|it| it.1).ok_or_else(|| QueryError::IllegalArgument(format!("unknown {what} [{name}]")))
}

fn name_of<T: PartialEq>(list: &[(&'static str, T)], value: &T) -> &'static str {
    list.iter().find(|it| it.1 == *value).map_or("", |it| it.0)
}

impl ScoreFunction {
    /// The keys that name functions.
    pub(crate) const KEYS: [&'static str; 6] = ["field_value_factor", "random_score", "gauss", "exp", "linear", "script_score"];

    /// Reads the function under one of [`ScoreFunction::KEYS`].
    pub(crate) fn parse(key: &str, value: &Value) -> Result<Self, QueryError> {
        match key {
            "field_value_factor" => {
                let mut body = Body::new("field_value_factor", value)?;
                let field =
                    body.text("field")?.ok_or_else(|| QueryError::Parsing("[field_value_factor] required field 'field' missing".to_owned()))?;
                let factor = body.float("factor")?.map_or(1.0, f64::from);
                let modifier = body.text("modifier")?.map_or(Ok(Modifier::None), |it| named(&MODIFIERS, &it, "modifier"))?;
                let missing = body.float("missing")?.map(f64::from);
                body.finish()?;
                Ok(Self::FieldValue { field, factor, modifier, missing })
            }
            "random_score" => {
                let mut body = Body::new("random_score", value)?;
                let seed = match body.take("seed") {
                    None => None,
                    Some(Value::Number(it)) => Some(it.as_i64().unwrap_or_default()),
                    // A text is a seed by its bytes.
                    Some(Value::String(it)) => Some(it.bytes().fold(0_i64, |hash, byte| hash.wrapping_mul(31).wrapping_add(i64::from(byte)))),
                    Some(other) => return Err(QueryError::Parsing(format!("random_score seed must be an int, long or string, not [{other}]"))),
                };
                // The order of writing is what tells documents apart, whichever field is named.
                body.ignore(&["field"]);
                body.finish()?;
                Ok(Self::Random { seed })
            }
            "script_score" => Err(QueryError::IllegalArgument("[script_score] is not supported: there are no scripts".to_owned())),
            shape => Self::parse_decay(named(&SHAPES, shape, "function")?, shape, value),
        }
    }

    fn parse_decay(shape: Shape, name: &str, value: &Value) -> Result<Self, QueryError> {
        let object = value.as_object().ok_or_else(|| QueryError::Parsing(format!("[{name}] must be an object with a field")))?;
        let (mut mode, mut found) = (MultiMode::Min, None);
        for (key, value) in object {
            match (key.as_str(), value) {
                ("multi_value_mode", Value::String(it)) => mode = named(&MULTI_MODES, it, "multi_value_mode")?,
                (field, Value::Object(_)) if found.is_none() => found = Some((field, value)),
                (key, _) => return Err(QueryError::Parsing(format!("malformed score function [{name}]: unexpected [{key}]"))),
            }
        }
        let Some((field, value)) = found else {
            return Err(QueryError::Parsing(format!("malformed score function score parameters: [{name}] needs a field")));
        };
        let mut body = Body::new("decay", value)?;
        let (origin, scale, offset) = (body.scalar("origin")?, body.scalar("scale")?, body.scalar("offset")?);
        let decay = body.float("decay")?.map_or(0.5, f64::from);
        body.finish()?;
        let scale = scale.ok_or_else(|| QueryError::Parsing("[scale] must be set for field data".to_owned()))?;
        if !(decay > 0.0 && decay < 1.0) {
            return Err(QueryError::IllegalArgument(format!("decay must be in the range (0..1), found [{decay}]")));
        }
        Ok(Self::Decay(Box::new(DecayOptions { shape, field: field.to_owned(), origin, scale, offset, decay, mode })))
    }

    /// The name and JSON that [`ScoreFunction::parse`] reads.
    pub(crate) fn to_json(&self) -> (&'static str, Value) {
        let mut body = Map::new();
        match self {
            Self::FieldValue { field, factor, modifier, missing } => {
                body.insert("field".to_owned(), json!(field));
                body.insert("factor".to_owned(), json!(factor));
                body.insert("modifier".to_owned(), json!(name_of(&MODIFIERS, modifier)));
                missing.iter().for_each(|it| drop(body.insert("missing".to_owned(), json!(it))));
                ("field_value_factor", Value::Object(body))
            }
            Self::Random { seed } => {
                seed.iter().for_each(|it| drop(body.insert("seed".to_owned(), json!(it))));
                ("random_score", Value::Object(body))
            }
            Self::Decay(options) => {
                let DecayOptions { shape, field, origin, scale, offset, decay, mode } = &**options;
                origin.iter().for_each(|it| drop(body.insert("origin".to_owned(), it.clone())));
                body.insert("scale".to_owned(), scale.clone());
                offset.iter().for_each(|it| drop(body.insert("offset".to_owned(), it.clone())));
                body.insert("decay".to_owned(), json!(decay));
                (name_of(&SHAPES, shape), json!({ field.as_str(): body, "multi_value_mode": name_of(&MULTI_MODES, mode) }))
            }
        }
    }

    /// Whether the function gives something else a moment later.
    pub(crate) fn uses_now(&self) -> bool {
        match self {
            Self::FieldValue { .. } => false,
            Self::Random { seed } => seed.is_none(),
            Self::Decay(options) => options.origin.as_ref().is_none_or(|it| it.as_str().is_some_and(|it| it.starts_with("now"))),
        }
    }

    /// The function under one mapping.
    pub(crate) fn compile(&self, compiler: &Compiler<'_>) -> Result<std::sync::Arc<dyn Function>, QueryError> {
        match self {
            Self::FieldValue { field, factor, modifier, missing } => {
                let mapped = match number_field(field, compiler) {
                    Ok(it) => Some(it),
                    // An index without the field is asked as if no document had it, if that says something.
                    Err(_) if missing.is_some() && matches!(compiler.target(field), Target::Unknown) => None,
                    Err(why) => return Err(why),
                };
                Ok(std::sync::Arc::new(FieldValue { field: mapped, name: field.clone(), factor: *factor, modifier: *modifier, missing: *missing }))
            }
            Self::Random { seed } => Ok(std::sync::Arc::new(Random { seed: seed.unwrap_or(compiler.context.now.0) })),
            Self::Decay(options) => {
                let DecayOptions { shape, field, origin, scale, offset, decay, mode } = &**options;
                let field = number_field(field, compiler)?;
                let origin = point(&field, origin.as_ref(), compiler)?;
                let scale = length(&field, scale)?;
                if scale <= 0.0 {
                    return Err(QueryError::IllegalArgument("scale must be > 0.0.".to_owned()));
                }
                let offset = offset.as_ref().map_or(Ok(0.0), |it| length(&field, it))?;
                Ok(std::sync::Arc::new(Decay { field, shape: *shape, origin, scale, offset, decay: *decay, mode: *mode }))
            }
        }
    }
}

fn number_field(name: &str, compiler: &Compiler<'_>) -> Result<MappedField, QueryError> {
    match compiler.target(name) {
        Target::Field(field) if field.kind.is_numeric() && field.doc_values => Ok(field.clone()),
        Target::Field(field) => Err(QueryError::IllegalArgument(format!(
            "field [{name}] is of type [{}], but only numeric and date fields are supported.",
            field.kind.name()
        ))),
        _ => Err(QueryError::QueryShard(format!("Unable to find a field mapper for field [{name}]. No 'missing' value defined."))),
    }
}

/// A place on a field's scale; for dates it may be relative to now.
pub(crate) fn point(field: &MappedField, value: Option<&Value>, compiler: &Compiler<'_>) -> Result<f64, QueryError> {
    let now = compiler.context.now;
    let lacks = || QueryError::IllegalArgument(format!("[origin] is not a place of field [{}]", field.name));
    match (field.kind, value) {
        (FieldType::Date, None) => Ok(now.0 as f64),
        (FieldType::Date, Some(Value::String(text))) => {
            let format = super::field::date_format(field, None)?;
            format.parse_date(text, Rounding::Down, &jiff::tz::TimeZone::UTC, now).map(|it| it.0 as f64).map_err(QueryError::Parsing)
        }
        (_, Some(Value::Number(it))) => it.as_f64().ok_or_else(lacks),
        (_, Some(Value::String(it))) => it.parse().map_err(|_| lacks()),
        _ => Err(lacks()),
    }
}

/// A distance on a field's scale; for dates a time such as `10d`.
pub(crate) fn length(field: &MappedField, value: &Value) -> Result<f64, QueryError> {
    let refuse = || QueryError::IllegalArgument(format!("[{value}] is not a distance of field [{}]", field.name));
    match (field.kind, value) {
        (FieldType::Date, Value::String(text)) => parse_duration(text).map(|it| it as f64).ok_or_else(refuse),
        (_, Value::Number(it)) => it.as_f64().ok_or_else(refuse),
        (_, Value::String(it)) => it.parse().map_err(|_| refuse()),
        _ => Err(refuse()),
    }
}

#[derive(Debug)]
struct FieldValue {
    field: Option<MappedField>,
    name: String,
    factor: f64,
    modifier: Modifier,
    missing: Option<f64>,
}

impl Function for FieldValue {
    fn value(&self, reader: &SegmentReader) -> tantivy::Result<ScoreValue> {
        let column = self.field.as_ref().map(|it| FieldColumn::open(reader, it)).transpose()?;
        let (name, factor, modifier, missing) = (self.name.clone(), self.factor, self.modifier, self.missing);
        Ok(Box::new(move |doc| {
            let found = column.as_ref().and_then(|it| it.raw_values(doc).min().map(|raw| it.number(raw)));
            let value = found.or(missing).ok_or_else(|| format!("Missing value for field [{name}]"))?;
            let result = modifier.apply(value * factor);
            if result.is_nan() || result < 0.0 || result.is_infinite() {
                return Err(format!(
                    "field value function must not produce negative or infinite scores, but got: [{result}] for field value: [{value}]"
                ));
            }
            Ok(result)
        }))
    }
}

#[derive(Debug)]
struct Random {
    seed: i64,
}

impl Function for Random {
    fn value(&self, reader: &SegmentReader) -> tantivy::Result<ScoreValue> {
        let seqs = reader.fast_fields().u64(internal::NAMES[1])?;
        let seed = self.seed as u64;
        Ok(Box::new(move |doc| {
            // SplitMix64's finisher: neighbours in the log get numbers that have nothing to do with each other.
            let mut hash = seqs.first(doc).unwrap_or_default().wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            hash ^= hash >> 31;
            Ok((hash >> 40) as f64 / f64::from(1 << 24))
        }))
    }
}

#[derive(Debug)]
struct Decay {
    field: MappedField,
    shape: Shape,
    origin: f64,
    scale: f64,
    offset: f64,
    decay: f64,
    mode: MultiMode,
}

impl Function for Decay {
    fn value(&self, reader: &SegmentReader) -> tantivy::Result<ScoreValue> {
        let column = FieldColumn::open(reader, &self.field)?;
        let Self { shape, origin, scale, offset, decay, mode, .. } = *self;
        Ok(Box::new(move |doc| {
            let distances = column.raw_values(doc).map(|raw| ((column.number(raw) - origin).abs() - offset).max(0.0));
            let (mut count, mut result) = (0_u32, None);
            for distance in distances {
                count += 1;
                result = Some(match (result, mode) {
                    (None, _) => distance,
                    (Some(it), MultiMode::Min) => f64::min(it, distance),
                    (Some(it), MultiMode::Max) => f64::max(it, distance),
                    (Some(it), MultiMode::Avg | MultiMode::Sum) => it + distance,
                });
            }
            // A document without a value is as good as one at the origin.
            let Some(mut distance) = result else { return Ok(1.0) };
            if mode == MultiMode::Avg {
                distance /= f64::from(count);
            }
            Ok(match shape {
                Shape::Gauss => (distance * distance * decay.ln() / (scale * scale)).exp(),
                Shape::Exp => (distance * decay.ln() / scale).exp(),
                Shape::Linear => {
                    let reach = scale / (1.0 - decay);
                    ((reach - distance) / reach).max(0.0)
                }
            })
        }))
    }
}

/// `pivot / (pivot + distance)`.
#[derive(Debug)]
pub(crate) struct Distance {
    pub(crate) field: MappedField,
    pub(crate) origin: f64,
    pub(crate) pivot: f64,
}

impl Function for Distance {
    fn value(&self, reader: &SegmentReader) -> tantivy::Result<ScoreValue> {
        let column = FieldColumn::open(reader, &self.field)?;
        let (origin, pivot) = (self.origin, self.pivot);
        Ok(Box::new(move |doc| {
            let nearest = column.raw_values(doc).map(|raw| (column.number(raw) - origin).abs()).min_by(f64::total_cmp);
            Ok(nearest.map_or(0.0, |it| pivot / (pivot + it)))
        }))
    }
}
