//! `bool`: what must, may and must not match.

use serde_json::{Map, Value, json};
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur};

use super::exclusion::excluded;
use super::minimum_should_match::MinimumShouldMatch;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery, TimeBounds, context};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Bool;

/// A combination of queries, built step by step: `BoolQuery::new().must(a).must_not(b).build()`.
#[derive(Clone, Debug, Default)]
pub struct BoolQuery {
    must: Vec<Query>,
    filter: Vec<Query>,
    should: Vec<Query>,
    must_not: Vec<Query>,
    minimum_should_match: Option<MinimumShouldMatch>,
}

impl BoolQuery {
    /// A combination of nothing: every document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Must match, and adds to the score.
    #[must_use]
    pub fn must(mut self, query: Query) -> Self {
        self.must.push(query);
        self
    }

    /// Must match, without a score.
    #[must_use]
    pub fn filter(mut self, query: Query) -> Self {
        self.filter.push(query);
        self
    }

    /// May match, and adds to the score. Where nothing must match, one of these has to.
    #[must_use]
    pub fn should(mut self, query: Query) -> Self {
        self.should.push(query);
        self
    }

    /// Must not match.
    #[must_use]
    pub fn must_not(mut self, query: Query) -> Self {
        self.must_not.push(query);
        self
    }

    /// How many of the `should` queries have to match.
    #[must_use]
    pub fn minimum_should_match(mut self, count: u32) -> Self {
        self.minimum_should_match = MinimumShouldMatch::parse(&count.to_string());
        self
    }

    /// The query.
    pub fn build(self) -> Query {
        Query::new(self)
    }

    fn required(&self) -> usize {
        required(self.minimum_should_match.as_ref(), self.should.len(), !self.must.is_empty() || !self.filter.is_empty())
    }
}

impl ClauseKind for Bool {
    fn name(&self) -> &'static str {
        "bool"
    }

    fn parse(&self, body: &Value, parser: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let mut clause = BoolQuery::new();
        for (key, list) in
            [("must", &mut clause.must), ("filter", &mut clause.filter), ("should", &mut clause.should), ("must_not", &mut clause.must_not)]
        {
            if let Some(queries) = body.take(key) {
                *list = parser.queries(queries)?;
            }
        }
        if let Some(it) = body.take("minimum_should_match") {
            clause.minimum_should_match = Some(MinimumShouldMatch::from_json(it)?);
        }
        // Whether a purely negative query matches nothing; nobody sets it to false.
        body.ignore(&["adjust_pure_negative"]);
        let options = body.finish_with_hint(&["must", "filter", "should", "must_not", "minimum_should_match", "boost", "_name"])?;
        Ok(Query::new(clause).with_options(&options))
    }
}

impl Clause for BoolQuery {
    fn name(&self) -> &'static str {
        Bool.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        for (key, list) in [("must", &self.must), ("filter", &self.filter), ("should", &self.should), ("must_not", &self.must_not)] {
            if !list.is_empty() {
                body.insert(key.to_owned(), list.iter().map(Query::to_json).collect());
            }
        }
        if let Some(it) = &self.minimum_should_match {
            body.insert("minimum_should_match".to_owned(), json!(it.text()));
        }
        body
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let build = |list: &[Query]| list.iter().map(|it| it.build(compiler)).collect::<Result<Vec<_>, _>>();
        Ok(combine(Parts {
            required: self.required(),
            must: build(&self.must)?,
            filter: build(&self.filter)?,
            should: build(&self.should)?,
            must_not: build(&self.must_not)?,
        }))
    }

    fn children(&self) -> Vec<&Query> {
        self.must.iter().chain(&self.filter).chain(&self.should).chain(&self.must_not).collect()
    }

    fn clip(&self, clip: &super::Clip<'_>) -> Option<Query> {
        let mut clipped = self.clone();
        let mut changed = false;
        for list in [&mut clipped.must, &mut clipped.filter, &mut clipped.should, &mut clipped.must_not] {
            for query in list {
                if let Some(other) = query.clipped(clip) {
                    *query = other;
                    changed = true;
                }
            }
        }
        changed.then(|| Query::new(clipped))
    }

    fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        let all = self.must.iter().chain(&self.filter).map(|it| it.time_bounds(field, compiler)).fold(TimeBounds::default(), TimeBounds::and);
        if self.required() == 0 {
            return all;
        }
        let any = self.should.iter().map(|it| it.time_bounds(field, compiler)).reduce(TimeBounds::or).unwrap_or_default();
        all.and(any)
    }
}

/// What [`combine`] combines.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) must: Vec<TantivyQuery>,
    pub(crate) filter: Vec<TantivyQuery>,
    pub(crate) should: Vec<TantivyQuery>,
    pub(crate) must_not: Vec<TantivyQuery>,
    /// How many of `should` have to match.
    pub(crate) required: usize,
}

/// How many of `should` optional clauses have to match; at least one where nothing else must.
pub(crate) fn required(spec: Option<&MinimumShouldMatch>, should: usize, has_must: bool) -> usize {
    let floor = usize::from(!has_must && should > 0);
    spec.map_or(0, |it| it.required(should)).max(floor)
}

/// A query that decides about documents and not about their score.
pub(crate) fn filtering(query: TantivyQuery) -> TantivyQuery {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

/// The tantivy query for a combination, without the parts that are known to match everything or nothing.
pub(crate) fn combine(mut parts: Parts) -> TantivyQuery {
    let is_unconditional = parts.must.is_empty() && parts.filter.is_empty() && parts.should.is_empty() && parts.must_not.is_empty();
    if is_unconditional {
        return context::all_if(parts.required == 0);
    }
    if parts.must.iter().chain(&parts.filter).any(context::is_empty) || parts.must_not.iter().any(context::is_all) {
        return context::nothing();
    }
    parts.should.retain(|it| !context::is_empty(it));
    if parts.should.len() < parts.required {
        return context::nothing();
    }
    parts.must_not.retain(|it| !context::is_empty(it));
    let filters_were_given = !parts.filter.is_empty();
    parts.filter.retain(|it| !context::is_all(it));
    let is_alone = parts.must.len() == 1 && parts.filter.is_empty() && parts.should.is_empty() && parts.must_not.is_empty();
    if is_alone && !filters_were_given {
        return parts.must.remove(0);
    }
    // tantivy leaves "everything" out of a conjunction, and its score with it: a filter bears the score instead.
    let everythings = parts.must.iter().filter(|it| context::is_all(it)).count();
    let mut score = 0.0;
    if everythings > 0 && !parts.filter.is_empty() {
        parts.must.retain(|it| !context::is_all(it));
        score = everythings as f32;
    }
    let mut clauses: Vec<(Occur, TantivyQuery)> = Vec::new();
    clauses.extend(parts.must.into_iter().map(|it| (Occur::Must, it)));
    for filter in parts.filter {
        clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(filter, std::mem::take(&mut score)))));
    }
    if clauses.is_empty() && parts.required == 0 {
        if parts.must_not.is_empty() && parts.should.is_empty() {
            return filtering(context::everything());
        }
        clauses.push((Occur::Must, filtering(context::everything())));
    }
    clauses.extend(parts.should.into_iter().map(|it| (Occur::Should, it)));
    clauses.extend(parts.must_not.into_iter().map(|it| (Occur::MustNot, excluded(it))));
    Box::new(BooleanQuery::with_minimum_required_clauses(clauses, parts.required))
}
