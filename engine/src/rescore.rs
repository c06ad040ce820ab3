//! `rescore`: a second, usually dearer query that orders the best hits of the first anew.
//!
//! Only the scores of the first hits of each index, the window, are combined with the second query's; the others keep theirs times the
//! first query's weight. Nothing here finds hits: what the second query matches alone is no hit.

use serde_json::{Map, Value};

use crate::error::QueryError;
use crate::limits::RESCORE_WINDOW_MAX;
use crate::query::Query;

/// One pass over the best hits.
#[derive(Clone, Debug, PartialEq)]
pub struct Rescore {
    /// Hits of each index that are looked at.
    pub window: usize,
    /// The second query.
    pub query: Query,
    /// Factor of the scores so far.
    pub query_weight: f32,
    /// Factor of the second query's scores.
    pub rescore_weight: f32,
    mode: Mode,
}

/// How two scores become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Total,
    Multiply,
    Avg,
    Max,
    Min,
}

/// Elasticsearch's window.
const WINDOW_DEFAULT: usize = 10;

/// Passes of one search.
const PASSES_MAX: usize = 16;

impl Rescore {
    /// Reads `rescore`: one pass or a list of them.
    ///
    /// # Errors
    /// As Elasticsearch: a window beyond [`RESCORE_WINDOW_MAX`], a key or mode that is none, no query.
    pub fn parse(value: &Value) -> Result<Vec<Self>, QueryError> {
        let list = match value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        if list.len() > PASSES_MAX {
            return Err(QueryError::IllegalArgument(format!("more than [{PASSES_MAX}] passes in [rescore]")));
        }
        list.iter().map(Self::pass).collect()
    }

    fn pass(value: &Value) -> Result<Self, QueryError> {
        let object = object(value, "rescore")?;
        let mut window = WINDOW_DEFAULT;
        let mut pass = None;
        for (key, value) in object {
            match key.as_str() {
                "window_size" => {
                    let given = number(value, "rescore", key)?;
                    if given < 0.0 || given.fract() != 0.0 {
                        return Err(QueryError::XContentParse(format!("[rescore] failed to parse field [window_size]: [{value}]")));
                    }
                    window = given as usize;
                }
                "query" => pass = Some(Self::query_pass(value)?),
                other => return Err(QueryError::Parsing(format!("Unknown RescorerBuilder [{other}]"))),
            }
        }
        let pass = pass.ok_or_else(|| QueryError::Parsing("missing rescore type".to_owned()))?;
        if window > RESCORE_WINDOW_MAX {
            return Err(QueryError::IllegalArgument(format!(
                "Rescore window [{window}] is too large. It must be less than [{RESCORE_WINDOW_MAX}]. This prevents allocating massive heaps for storing the results to be rescored. This limit can be set by changing the [index.max_rescore_window] index level setting."
            )));
        }
        Ok(Self { window, ..pass })
    }

    fn query_pass(value: &Value) -> Result<Self, QueryError> {
        let mut query = None;
        let (mut query_weight, mut rescore_weight, mut mode) = (1.0, 1.0, Mode::Total);
        for (key, value) in object(value, "query")? {
            match key.as_str() {
                "rescore_query" => query = Some(Query::from_json(value)?),
                "query_weight" => query_weight = number(value, "query", key)? as f32,
                "rescore_query_weight" => rescore_weight = number(value, "query", key)? as f32,
                "score_mode" => {
                    mode = match value.as_str() {
                        Some("total") => Mode::Total,
                        Some("multiply") => Mode::Multiply,
                        Some("avg") => Mode::Avg,
                        Some("max") => Mode::Max,
                        Some("min") => Mode::Min,
                        _ => return Err(QueryError::IllegalArgument(format!("illegal score_mode [{value}]"))),
                    }
                }
                other => return Err(QueryError::XContentParse(format!("[query] unknown field [{other}]"))),
            }
        }
        let query = query.ok_or_else(|| QueryError::IllegalArgument("Required [rescore_query]".to_owned()))?;
        Ok(Self { window: WINDOW_DEFAULT, query, query_weight, rescore_weight, mode })
    }

    /// The score of a hit that has `first` so far and that the second query gives `second`, if it matches it.
    pub(crate) fn combine(&self, first: f32, second: Option<f32>) -> f32 {
        let first = first * self.query_weight;
        let Some(second) = second.map(|it| it * self.rescore_weight) else { return first };
        match self.mode {
            Mode::Total => first + second,
            Mode::Multiply => first * second,
            Mode::Avg => (first + second) / 2.0,
            Mode::Max => first.max(second),
            Mode::Min => first.min(second),
        }
    }
}

fn object<'v>(value: &'v Value, what: &str) -> Result<&'v Map<String, Value>, QueryError> {
    value.as_object().ok_or_else(|| QueryError::XContentParse(format!("[{what}] must be an object, found [{value}]")))
}

fn number(value: &Value, what: &str, key: &str) -> Result<f64, QueryError> {
    let refuse = || QueryError::XContentParse(format!("[{what}] failed to parse field [{key}]: [{value}]"));
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scores_are_combined_as_the_mode_says() {
        for (mode, expected) in [("total", 7.0), ("multiply", 12.0), ("avg", 3.5), ("max", 4.0), ("min", 3.0)] {
            let query = json!({ "rescore_query": { "match_all": {} }, "query_weight": 3, "rescore_query_weight": 2, "score_mode": mode });
            let pass = Rescore::parse(&json!({ "query": query })).unwrap().remove(0);
            assert_eq!((pass.combine(1.0, Some(2.0)), pass.combine(1.0, None)), (expected, 3.0), "{mode}");
        }
    }

    #[test]
    fn what_is_no_pass_is_refused() {
        for body in [
            json!({}),
            json!([1]),
            json!({ "query": {} }),
            json!({ "window_size": -1, "query": { "rescore_query": { "match_all": {} } } }),
            json!({ "window_size": 10_001, "query": { "rescore_query": { "match_all": {} } } }),
            json!({ "query": { "rescore_query": { "match_all": {} }, "score_mode": "sum" } }),
            json!({ "script": {} }),
        ] {
            assert!(Rescore::parse(&body).is_err(), "{body}");
        }
    }
}
