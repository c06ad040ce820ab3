//! `buckets_path`: where in an answer a number stands, as `sales>total`, `stats.avg`, `percentiles[99.9]`, `by_zone['DMZ']>bytes`, `_count`.

use serde_json::{Map, Value};

use super::GapPolicy;
use crate::aggs::body::Body;
use crate::error::QueryError;

/// Properties of a bucket itself.
const OF_BUCKET: [&str; 3] = ["_count", "_key", "_bucket_count"];

/// Whether a name is a property of the bucket and no aggregation's.
pub(crate) fn is_of_bucket(name: &str) -> bool {
    OF_BUCKET.contains(&name)
}

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// The aggregation, with what follows its dot still on it: names may have dots.
    name: String,
    /// What stands in brackets.
    key: Option<String>,
}

impl Path {
    /// Reads a path.
    pub(crate) fn parse(text: &str) -> Result<Self, QueryError> {
        let step = |it: &str| {
            let it = it.trim();
            let (name, key) = match it.strip_suffix(']').and_then(|it| it.split_once('[')) {
                Some((name, key)) => (name, Some(key.trim_matches(['\'', '"']).to_owned())),
                None => (it, None),
            };
            if name.is_empty() {
                Err(QueryError::IllegalArgument(format!("Invalid path element [{it}] in path [{text}]")))
            } else {
                Ok(Step { name: name.to_owned(), key })
            }
        };
        Ok(Self { steps: text.split('>').map(step).collect::<Result<_, _>>()? })
    }

    /// Reads the `buckets_path` of a pipeline that has one.
    pub(crate) fn of(body: &Body<'_>) -> Result<Self, QueryError> {
        match body.get("buckets_path") {
            Some(Value::String(text)) => Self::parse(text),
            Some(Value::Array(list)) if list.len() == 1 => Self::parse(list[0].as_str().unwrap_or_default()),
            Some(other) => Err(body.bad("buckets_path", other)),
            None => Err(body.lacks("buckets_path")),
        }
    }

    /// The aggregation that it begins with.
    pub(crate) fn first(&self) -> &str {
        let name = &self.steps[0].name;
        if is_of_bucket(name) { name } else { name.split('.').next().unwrap_or(name) }
    }

    /// Whether it is the bucket's key.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self.steps.as_slice(), [step] if step.name == "_key")
    }

    /// Whether it is the number of documents, which an empty bucket has too.
    pub(crate) fn is_count(&self) -> bool {
        self.steps.last().is_some_and(|it| it.name == "_count")
    }

    /// The number in a bucket; `None` where nothing is there.
    ///
    /// # Errors
    /// Where something is there that is not one number.
    pub(crate) fn value(&self, bucket: &Map<String, Value>) -> Result<Option<f64>, QueryError> {
        value(&self.steps, bucket)
    }

    /// The numbers in all buckets of the aggregation that it leads through, with the buckets' keys as text; buckets without one are left out.
    ///
    /// # Errors
    /// As [`Path::value`].
    pub(crate) fn values(&self, answers: &Map<String, Value>, gaps: GapPolicy) -> Result<Vec<(String, f64)>, QueryError> {
        let mut at = answers;
        for (number, step) in self.steps.iter().enumerate() {
            let Some(answer) = find(at, &step.name).and_then(Value::as_object) else { return Ok(Vec::new()) };
            let rest = &self.steps[number + 1..];
            match (answer.get("buckets"), &step.key) {
                (Some(buckets), Some(key)) => match bucket_of(buckets, key) {
                    Some(bucket) => at = bucket,
                    None => return Ok(Vec::new()),
                },
                (Some(buckets), None) => {
                    let filled = buckets_of(buckets).map(|(key, it)| Ok((key, gaps.fill(it, value(rest, it)?, self.is_count()))));
                    return filled.filter(|it| it.as_ref().map_or(true, |(_, number): &(String, f64)| !number.is_nan())).collect();
                }
                _ => at = answer,
            }
        }
        Ok(Vec::new())
    }
}

fn value(steps: &[Step], bucket: &Map<String, Value>) -> Result<Option<f64>, QueryError> {
    let Some((step, rest)) = steps.split_first() else { return Ok(None) };
    if rest.is_empty() {
        let of_bucket = |key: &str| Ok(bucket.get(key).and_then(Value::as_f64));
        match step.name.as_str() {
            "_count" => return of_bucket("doc_count"),
            "_key" => return of_bucket("key"),
            "_bucket_count" => return Ok(bucket.get("buckets").and_then(count_of)),
            _ => {}
        }
        if let Some(Value::Object(answer)) = find(bucket, &step.name) {
            return if step.key.is_none() { single(answer, &step.name) } else { Ok(metric(answer, step.key.as_deref())) };
        }
        // `stats.avg`: what follows a dot is the metric's, where no aggregation has the whole as its name.
        let split = |(dot, _): (usize, &str)| Some((find(bucket, &step.name[..dot])?.as_object()?, &step.name[dot + 1..]));
        let Some((answer, name)) = step.name.match_indices('.').find_map(split) else { return Ok(None) };
        return Ok(if name == "_bucket_count" { answer.get("buckets").and_then(count_of) } else { metric(answer, Some(name)) });
    }
    let Some(answer) = find(bucket, &step.name).and_then(Value::as_object) else { return Ok(None) };
    match (&step.key, answer.get("buckets")) {
        (Some(key), Some(buckets)) => bucket_of(buckets, key).map_or(Ok(None), |it| value(rest, it)),
        (None, Some(_)) if rest[0].name == "_bucket_count" => value(rest, answer),
        (None, Some(buckets)) if count_of(buckets) != Some(0.0) => Err(no_number(&format!("got: [Object[]] at aggregation [{}]", step.name))),
        (None, Some(_)) | (Some(_), None) => Ok(None),
        (None, None) => value(rest, answer),
    }
}

/// The only number of an answer.
fn single(answer: &Map<String, Value>, name: &str) -> Result<Option<f64>, QueryError> {
    if let Some(value) = answer.get("value") {
        return Ok(value.as_f64());
    }
    let class = match answer.get("buckets") {
        Some(buckets) if answer.contains_key("sum_other_doc_count") => match buckets.get(0).map(|it| &it["key"]) {
            Some(Value::String(_)) => "StringTerms",
            Some(Value::Number(it)) if it.is_f64() => "DoubleTerms",
            Some(_) => "LongTerms",
            None => "UnmappedTerms",
        },
        Some(_) => "InternalMultiBucketAggregation",
        None if answer.contains_key("hits") => "InternalTopHits",
        None if answer.contains_key("doc_count") => "InternalSingleBucketAggregation",
        None => return Err(no_number(&format!("but [{name}] contains multiple values. Please specify which to use."))),
    };
    Err(no_number(&format!("got: [{class}] at aggregation [{name}]")))
}

fn no_number(why: &str) -> QueryError {
    QueryError::AggregationExecution(format!("buckets_path must reference either a number value or a single value numeric metric aggregation, {why}"))
}

/// The number of a metric: its only one, or the one of that name.
fn metric(answer: &Map<String, Value>, name: Option<&str>) -> Option<f64> {
    let Some(name) = name else { return answer.get("value")?.as_f64() };
    if let Some(value) = answer.get(name).filter(|it| it.is_number()) {
        return value.as_f64();
    }
    if let Some(values) = answer.get("values") {
        let wanted: Option<f64> = name.parse().ok();
        return match values {
            Value::Object(named) => named.iter().find(|it| it.0 == name || (wanted.is_some() && it.0.parse().ok() == wanted))?.1.as_f64(),
            Value::Array(list) => list.iter().find(|it| it["key"].as_f64() == wanted)?["value"].as_f64(),
            _ => None,
        };
    }
    answer.get("top")?.get(0)?.get("metrics")?.get(name)?.as_f64()
}

/// Buckets with their keys as text.
fn buckets_of(buckets: &Value) -> Box<dyn Iterator<Item = (String, &Map<String, Value>)> + '_> {
    match buckets {
        Value::Array(list) => Box::new(list.iter().filter_map(Value::as_object).map(|it| (key_text(it), it))),
        Value::Object(named) => Box::new(named.iter().filter_map(|(name, it)| Some((name.clone(), it.as_object()?)))),
        _ => Box::new(std::iter::empty()),
    }
}

fn count_of(buckets: &Value) -> Option<f64> {
    match buckets {
        Value::Array(list) => Some(list.len() as f64),
        Value::Object(named) => Some(named.len() as f64),
        _ => None,
    }
}

/// The answer of that name, with its type before it or not.
fn find<'a>(answers: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    answers.get(name).or_else(|| answers.iter().find(|it| it.0.split_once('#').is_some_and(|it| it.1 == name)).map(|it| it.1))
}

fn bucket_of<'a>(buckets: &'a Value, key: &str) -> Option<&'a Map<String, Value>> {
    match buckets {
        Value::Object(named) => named.get(key)?.as_object(),
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_object)
            .find(|it| key_text(it) == key || matches!(it.get("key"), Some(Value::Number(it)) if it.to_string() == key)),
        _ => None,
    }
}

/// A bucket's key as text, as `keys` of `max_bucket` show it.
fn key_text(bucket: &Map<String, Value>) -> String {
    match (bucket.get("key_as_string"), bucket.get("key")) {
        (Some(Value::String(text)), _) | (None, Some(Value::String(text))) => text.clone(),
        (_, Some(key)) => key.to_string(),
        (_, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_a_path_leads_to_its_number() {
        let bucket = json!({
            "doc_count": 7, "key": 3.5,
            "total": { "value": 10.0 }, "sum#typed": { "value": 11.0 }, "a.b": { "value": 12.0 },
            "stats": { "count": 2, "avg": 1.5 }, "p": { "values": { "50.0": 4.0, "99.9": 5.0 } }, "q": { "values": [{ "key": 99.0, "value": 6.0 }] },
            "only": { "doc_count": 2, "total": { "value": 20.0 } },
            "zones": { "buckets": [{ "key": "DMZ", "doc_count": 9, "total": { "value": 30.0 } }] },
            "none": { "value": null },
        });
        let bucket = bucket.as_object().unwrap();
        for (path, expected) in [
            ("_count", Some(7.0)),
            ("_key", Some(3.5)),
            ("total", Some(10.0)),
            ("total.value", Some(10.0)),
            ("typed", Some(11.0)),
            ("a.b", Some(12.0)),
            ("stats.avg", Some(1.5)),
            ("stats[avg]", Some(1.5)),
            ("p[50]", Some(4.0)),
            ("p.99.9", Some(5.0)),
            ("q[99]", Some(6.0)),
            ("only>total", Some(20.0)),
            ("only>_count", Some(2.0)),
            ("zones['DMZ']>total", Some(30.0)),
            ("zones._bucket_count", Some(1.0)),
            ("zones['DMZ']>_count", Some(9.0)),
            ("zones['LAN']>_count", None),
            ("none", None),
            ("nowhere", None),
        ] {
            assert_eq!(Path::parse(path).unwrap().value(bucket), Ok(expected), "{path}");
        }
        for (path, expected) in [
            ("stats", "but [stats] contains multiple values. Please specify which to use."),
            ("zones", "got: [InternalMultiBucketAggregation] at aggregation [zones]"),
            ("zones>total", "got: [Object[]] at aggregation [zones]"),
            ("only", "got: [InternalSingleBucketAggregation] at aggregation [only]"),
        ] {
            let error = Path::parse(path).unwrap().value(bucket).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{path}: {error}");
        }
        assert!(Path::parse("a>>b").is_err());
    }
}
