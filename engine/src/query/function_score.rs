//! `function_score`: the documents of a query, with scores that functions of their fields change.

use serde_json::{Map, Value, json};

use super::context::everything;
use super::rescored::{BoostMode, Combination, Part, Rescored, ScoreMode};
use super::scoring::ScoreFunction;
use super::{Body, Clause, ClauseKind, Clip, Compiler, Parser, Query, TantivyQuery, TimeBounds, context};
use crate::error::QueryError;

/// The kind.
pub(crate) struct FunctionScore;

#[derive(Debug)]
struct FunctionScoreClause {
    query: Query,
    functions: Vec<Weighted>,
    combination: Combination,
}

/// One entry of `functions`.
#[derive(Clone, Debug)]
struct Weighted {
    filter: Option<Query>,
    function: Option<ScoreFunction>,
    weight: Option<f32>,
}

const SCORE_MODES: [(&str, ScoreMode); 6] = [
    ("multiply", ScoreMode::Multiply),
    ("sum", ScoreMode::Sum),
    ("avg", ScoreMode::Avg),
    ("first", ScoreMode::First),
    ("max", ScoreMode::Max),
    ("min", ScoreMode::Min),
];

const BOOST_MODES: [(&str, BoostMode); 6] = [
    ("multiply", BoostMode::Multiply),
    ("replace", BoostMode::Replace),
    ("sum", BoostMode::Sum),
    ("avg", BoostMode::Avg),
    ("max", BoostMode::Max),
    ("min", BoostMode::Min),
];

impl ClauseKind for FunctionScore {
    fn name(&self) -> &'static str {
        "function_score"
    }

    fn parse(&self, body: &Value, parser: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let query = body.take("query").map_or_else(|| Ok(Query::match_all()), |it| parser.query(it))?;
        let mode = |text: Option<String>| text.unwrap_or_else(|| "multiply".to_owned()).to_ascii_lowercase();
        let score_mode = mode(body.text("score_mode")?);
        let score_mode = SCORE_MODES.iter().find(|it| it.0 == score_mode).map(|it| it.1);
        let score_mode = score_mode.ok_or_else(|| QueryError::IllegalArgument("illegal score_mode for [function_score]".to_owned()))?;
        let boost_mode = mode(body.text("boost_mode")?);
        let boost_mode = BOOST_MODES.iter().find(|it| it.0 == boost_mode).map(|it| it.1);
        let boost_mode = boost_mode.ok_or_else(|| QueryError::IllegalArgument("illegal boost_mode for [function_score]".to_owned()))?;
        let max_boost = body.float("max_boost")?.map_or(f64::MAX, f64::from);
        let min_score = body.float("min_score")?;
        let single = Weighted::take(&mut body, None)?;
        let functions = match (body.take("functions"), single) {
            (None, single) => single.into_iter().collect(),
            (Some(_), Some(_)) => {
                return Err(QueryError::Parsing(
                    "failed to parse [function_score] query. already found [functions] array, now encountering a single function. use [functions] array if you want to define several functions".to_owned(),
                ));
            }
            (Some(Value::Array(items)), None) => items.iter().map(|it| Weighted::parse(it, parser)).collect::<Result<_, _>>()?,
            (Some(_), None) => return Err(QueryError::Parsing("[function_score] [functions] must be a list".to_owned())),
        };
        let options = body.finish()?;
        let combination = Combination { score_mode, boost_mode, max_boost, min_score };
        Ok(Query::new(FunctionScoreClause { query, functions, combination }).with_options(&options))
    }
}

impl Weighted {
    /// The function among the keys of a body; `None` where there is none.
    fn take(body: &mut Body<'_>, filter: Option<Query>) -> Result<Option<Self>, QueryError> {
        let weight = body.float("weight")?;
        if let Some(weight) = weight.filter(|it| *it < 0.0) {
            return Err(QueryError::IllegalArgument(format!("[weight] cannot be negative, but was: [{weight}]")));
        }
        let mut function = None;
        for key in ScoreFunction::KEYS {
            if let Some(value) = body.take(key)
                && function.replace(ScoreFunction::parse(key, value)?).is_some()
            {
                return Err(QueryError::Parsing(format!("failed to parse [function_score] query. found [{key}] beside another function")));
            }
        }
        Ok((weight.is_some() || function.is_some()).then_some(Self { filter, function, weight }))
    }

    fn parse(value: &Value, parser: &mut Parser) -> Result<Self, QueryError> {
        let mut body = Body::new(FunctionScore.name(), value)?;
        let filter = body.take("filter").map(|it| parser.query(it)).transpose()?;
        let function = Self::take(&mut body, filter)?;
        body.finish()?;
        function.ok_or_else(|| QueryError::Parsing("an entry in functions list is missing a function.".to_owned()))
    }

    fn to_json(&self) -> Value {
        let mut body = Map::new();
        self.filter.iter().for_each(|it| drop(body.insert("filter".to_owned(), it.to_json())));
        self.weight.iter().for_each(|it| drop(body.insert("weight".to_owned(), json!(it))));
        if let Some((key, value)) = self.function.as_ref().map(ScoreFunction::to_json) {
            body.insert(key.to_owned(), value);
        }
        Value::Object(body)
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<Part, QueryError> {
        Ok(Part {
            filter: self.filter.as_ref().map_or_else(|| Ok(everything()), |it| it.build(compiler))?,
            function: self.function.as_ref().map(|it| it.compile(compiler)).transpose()?,
            weight: f64::from(self.weight.unwrap_or(1.0)),
        })
    }
}

impl Clause for FunctionScoreClause {
    fn name(&self) -> &'static str {
        FunctionScore.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("query".to_owned(), self.query.to_json());
        body.insert("functions".to_owned(), self.functions.iter().map(Weighted::to_json).collect());
        let Combination { score_mode, boost_mode, max_boost, min_score } = self.combination;
        body.insert("score_mode".to_owned(), json!(SCORE_MODES.iter().find(|it| it.1 == score_mode).map(|it| it.0)));
        body.insert("boost_mode".to_owned(), json!(BOOST_MODES.iter().find(|it| it.1 == boost_mode).map(|it| it.0)));
        if max_boost < f64::MAX {
            body.insert("max_boost".to_owned(), json!(max_boost));
        }
        min_score.iter().for_each(|it| drop(body.insert("min_score".to_owned(), json!(it))));
        body
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let query = self.query.build(compiler)?;
        let parts = self.functions.iter().map(|it| it.compile(compiler)).collect::<Result<Vec<_>, _>>()?;
        if context::is_empty(&query) {
            return Ok(query);
        }
        Ok(Box::new(Rescored::new(query, parts, self.combination, compiler.context.documents.clone())))
    }

    fn children(&self) -> Vec<&Query> {
        std::iter::once(&self.query).chain(self.functions.iter().filter_map(|it| it.filter.as_ref())).collect()
    }

    fn uses_now(&self) -> bool {
        self.children().iter().any(|it| it.uses_now()) || self.functions.iter().filter_map(|it| it.function.as_ref()).any(ScoreFunction::uses_now)
    }

    fn needs_scores(&self) -> bool {
        self.combination.min_score.is_some() || self.children().iter().any(|it| it.needs_scores())
    }

    fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        self.query.time_bounds(field, compiler)
    }

    fn clip(&self, clip: &Clip<'_>) -> Option<Query> {
        let query = self.query.clipped(clip)?;
        Some(Query::new(Self { query, functions: self.functions.clone(), combination: self.combination }))
    }
}
