//! The query tree: Elasticsearch's query DSL as typed clauses, and what tantivy is asked for each.
//!
//! A [`Query`] is built from JSON ([`Query::from_json`]) or by the constructors ([`Query::term`], …), knows nothing of an
//! index, and is compiled against the mapping of one index ([`Query::compile`]). One file per clause: a *kind* (a unit
//! struct in [`CLAUSES`]) reads the JSON under its name, a *clause* carries its parameters, writes them again and compiles.
//! What a clause means for a field of some type stands in `field.rs`, once for all clauses.
//!
//! Depth and number of clauses are limited while the tree is built, so that neither compiling nor dropping it can overflow
//! the stack.
//!
//! ```
//! use sekisho_engine::query::Query;
//! let query = Query::from_json(&serde_json::json!({ "term": { "source.ip": "10.0.0.0/8" } })).unwrap();
//! assert_eq!(query.canonical(), Query::term("source.ip", "10.0.0.0/8").canonical());
//! ```

mod body;
mod clip;
mod context;
pub mod kql;

// Clauses, in the order of `CLAUSES`.
mod bool;
mod boosting;
mod combined_fields;
mod constant_score;
mod dis_max;
mod distance_feature;
mod exists;
mod function_score;
mod fuzzy;
mod ids;
mod intervals;
mod match_all;
mod match_bool_prefix;
mod match_phrase;
mod match_phrase_prefix;
mod match_text;
mod multi_match;
mod prefix;
mod query_string;
mod range;
mod regexp;
mod simple_query_string;
mod span;
mod term;
mod terms;
mod terms_set;
mod wildcard;

// What clauses share.
mod field;
mod lucene;
mod minimum_should_match;
mod pattern;
mod places;
mod scoring;
mod term_pattern;
mod value;

// Queries of our own in tantivy's sense.
mod dictionary;
mod exclusion;
mod guard;
mod rescored;
mod scan;
mod slice;
mod verified;

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::error::QueryError;
use crate::limits::{CLAUSES_MAX, QUERY_DEPTH_MAX};
use crate::mapping::Mapping;

pub use bool::BoolQuery;
pub use context::{DocumentText, QueryContext};
pub use range::RangeQuery;

pub(crate) use body::{Body, Parser};
pub(crate) use clip::Clip;
pub(crate) use context::Compiler;
pub(crate) use term_pattern::TermPattern;

/// A query as tantivy takes it.
pub(crate) type TantivyQuery = Box<dyn tantivy::query::Query>;

/// Every clause a query body may name, in the order of the compatibility table.
pub(crate) const CLAUSES: &[&dyn ClauseKind] = &[
    &bool::Bool,
    &boosting::Boosting,
    &combined_fields::CombinedFields,
    &constant_score::ConstantScore,
    &dis_max::DisMax,
    &distance_feature::DistanceFeature,
    &exists::Exists,
    &function_score::FunctionScore,
    &fuzzy::Fuzzy,
    &ids::Ids,
    &intervals::Intervals,
    &kql::Kql,
    &match_text::Match,
    &match_all::MatchAll,
    &match_bool_prefix::MatchBoolPrefix,
    &match_all::MatchNone,
    &match_phrase::MatchPhrase,
    &match_phrase_prefix::MatchPhrasePrefix,
    &multi_match::MultiMatch,
    &prefix::Prefix,
    &query_string::QueryString,
    &range::Range,
    &regexp::Regexp,
    &simple_query_string::SimpleQueryString,
    &span::Span::Containing,
    &span::Span::First,
    &span::Span::Multi,
    &span::Span::Near,
    &span::Span::Not,
    &span::Span::Or,
    &span::Span::Term,
    &span::Span::Within,
    &term::Term,
    &terms::Terms,
    &terms_set::TermsSet,
    &wildcard::Wildcard,
];

/// The names of all clauses, in the order of the compatibility table.
pub fn clause_names() -> impl Iterator<Item = &'static str> {
    CLAUSES.iter().map(|it| it.name())
}

/// One clause as a query body names it. Implementors are unit structs, one per file.
pub(crate) trait ClauseKind: Sync {
    /// The key in the body, such as `"term"`; also the name of its file of cases.
    fn name(&self) -> &'static str;
    /// Turns the JSON under that key into a query, or says which key is wrong and why.
    fn parse(&self, body: &Value, parser: &mut Parser) -> Result<Query, QueryError>;
}

/// A clause with its parameters.
pub(crate) trait Clause: fmt::Debug + Send + Sync + 'static {
    /// The key in the body.
    fn name(&self) -> &'static str;
    /// The JSON under that key, in one fixed form: equal clauses write equal text. `boost` and `_name` are the query's.
    fn body(&self) -> Map<String, Value>;
    /// The clause against one mapping.
    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError>;
    /// The queries directly below.
    fn children(&self) -> Vec<&Query> {
        Vec::new()
    }
    /// Clauses that the tree counts for this one, without its children.
    fn weight(&self) -> usize {
        1
    }
    /// Bounds that every matching document's values of the date field `field` respect.
    fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        let _ = (field, compiler);
        TimeBounds::default()
    }
    /// The clause as a split of that time sees it; `None` where it is the same.
    fn clip(&self, clip: &Clip<'_>) -> Option<Query> {
        let _ = clip;
        None
    }
    /// Whether what matches depends on scores.
    fn needs_scores(&self) -> bool {
        self.children().iter().any(|it| it.needs_scores())
    }
    /// Whether the clause means something else a millisecond later.
    fn uses_now(&self) -> bool {
        self.children().iter().any(|it| it.uses_now())
    }
}

/// Inclusive bounds in UTC milliseconds; `None` is unbounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeBounds {
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
}

impl TimeBounds {
    /// What both demand.
    pub(crate) fn and(self, other: Self) -> Self {
        let tightest = |a: Option<i64>, b: Option<i64>, pick: fn(i64, i64) -> i64| match (a, b) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (it, None) | (None, it) => it,
        };
        Self { from: tightest(self.from, other.from, i64::max), to: tightest(self.to, other.to, i64::min) }
    }

    /// What holds where either does.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { from: self.from.zip(other.from).map(|(a, b)| a.min(b)), to: self.to.zip(other.to).map(|(a, b)| a.max(b)) }
    }
}

/// A question to an index; cheap to clone.
///
/// Two queries are equal when their [canonical](Query::canonical) texts are.
#[derive(Clone)]
pub struct Query {
    clause: Arc<dyn Clause>,
    boost: f32,
    name: Option<Arc<str>>,
    /// Levels of clauses, this one included.
    depth: usize,
    /// Clauses in the tree, this one included.
    clauses: usize,
}

impl Query {
    /// Reads the JSON under a body's `query` key.
    ///
    /// # Errors
    /// As Elasticsearch words them: `unknown query [xyz]`, a key that a clause does not know, more than
    /// [`QUERY_DEPTH_MAX`] levels or [`CLAUSES_MAX`] clauses.
    pub fn from_json(body: &Value) -> Result<Self, QueryError> {
        Parser::default().query(body)
    }

    /// The query as the JSON that [`Query::from_json`] reads.
    pub fn to_json(&self) -> Value {
        let mut body = self.clause.body();
        #[expect(clippy::float_cmp, reason = "one is the value that was set when nothing was")]
        if self.boost != 1.0 {
            body.insert("boost".to_owned(), json!(self.boost));
        }
        if let Some(name) = &self.name {
            body.insert("_name".to_owned(), json!(&**name));
        }
        json!({ self.clause.name(): body })
    }

    /// One text for all ways to write the query; the key of caches. A query that [uses now](Query::uses_now) means something
    /// else a moment later under the same text.
    pub fn canonical(&self) -> String {
        self.to_json().to_string()
    }

    /// Whether the answer depends on the time at which it is asked (`now-15m`).
    pub fn uses_now(&self) -> bool {
        self.clause.uses_now()
    }

    /// Whether what matches depends on scores, which then have to be those of the whole index.
    pub fn needs_scores(&self) -> bool {
        self.clause.needs_scores()
    }

    /// The query against one index's mapping, for tantivy. Splits built under an older mapping are asked with the newest one.
    ///
    /// A query that cannot match in this index is a [`tantivy::query::EmptyQuery`].
    ///
    /// # Errors
    /// [`QueryError::QueryShard`] where a value does not fit its field, [`QueryError::TooManyClauses`] where field patterns
    /// expand to too many.
    pub fn compile(&self, context: &QueryContext<'_>) -> Result<TantivyQuery, QueryError> {
        self.build(&Compiler::new(context))
    }

    /// Inclusive bounds in UTC milliseconds that every match's value of the date field `field` respects, as far as the
    /// query's conjunctions tell; used to leave out splits. `None` is unbounded.
    pub fn time_range(&self, field: &str, mapping: &Mapping, now: Timestamp) -> (Option<i64>, Option<i64>) {
        let context = QueryContext { mapping, now, index: "", documents: Arc::new(context::NoDocuments) };
        let bounds = self.clause.time_bounds(field, &Compiler::new(&context));
        (bounds.from, bounds.to)
    }

    /// All of these.
    pub fn and(queries: Vec<Query>) -> Self {
        queries.into_iter().fold(BoolQuery::new(), BoolQuery::must).build()
    }

    /// The name of the outermost clause, such as `bool`.
    pub fn kind(&self) -> &'static str {
        self.clause.name()
    }

    /// The name given as `_name`, if any.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The query with its score multiplied.
    #[must_use]
    pub fn boosted(mut self, boost: f32) -> Self {
        self.boost = boost;
        self
    }

    /// The query with its score multiplied once more.
    #[must_use]
    pub fn scaled(mut self, factor: f32) -> Self {
        self.boost *= factor;
        self
    }

    /// The queries of the tree that have a name.
    pub fn named(&self) -> Vec<&Query> {
        let mut named: Vec<&Query> = self.clause.children().into_iter().flat_map(Query::named).collect();
        if self.name.is_some() {
            named.insert(0, self);
        }
        named
    }

    pub(crate) fn new(clause: impl Clause) -> Self {
        let children = clause.children();
        let depth = 1 + children.iter().map(|it| it.depth).max().unwrap_or(0);
        let clauses = clause.weight() + children.iter().map(|it| it.clauses).sum::<usize>();
        // What is built around a tree that went over a limit is that tree's error.
        if let Some(over) = children.into_iter().find(|it| it.clause.name() == TooLarge::NAME) {
            return over.clone();
        }
        // The tree ends here: it is never deeper than the limit, whoever builds it, so that dropping it needs a bounded stack.
        if depth > QUERY_DEPTH_MAX + 1 || clauses > CLAUSES_MAX {
            let over = if depth > QUERY_DEPTH_MAX + 1 { TooLarge::Deep } else { TooLarge::Many };
            return Self { clause: Arc::new(over), boost: 1.0, name: None, depth: 1, clauses: 1 };
        }
        Self { clause: Arc::new(clause), boost: 1.0, name: None, depth, clauses }
    }

    pub(crate) fn with_options(mut self, options: &body::Options) -> Self {
        if let Some(boost) = options.boost {
            self.boost *= boost;
        }
        if let Some(name) = &options.name {
            self.name = Some(name.clone());
        }
        self
    }

    pub(crate) fn build(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let query = self.clause.compile(compiler)?;
        #[expect(clippy::float_cmp, reason = "one is the value that was set when nothing was")]
        if self.boost != 1.0 && !context::is_empty(&query) {
            return Ok(Box::new(tantivy::query::BoostQuery::new(query, self.boost)));
        }
        Ok(query)
    }

    pub(crate) fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        self.clause.time_bounds(field, compiler)
    }

    /// The error of a tree that went over a limit while it was built.
    pub(crate) fn checked(self) -> Result<Self, QueryError> {
        match self.clause.name() {
            TooLarge::NAME => match self.clause.compile(&Compiler::new(&QueryContext::for_errors())) {
                Err(why) => Err(why),
                Ok(_) => Ok(self),
            },
            _ => Ok(self),
        }
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical())
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

/// Stands where a tree went over a limit; asking it is the error.
#[derive(Debug)]
enum TooLarge {
    Deep,
    Many,
}

impl TooLarge {
    const NAME: &'static str = "too_large";

    fn error(&self) -> QueryError {
        QueryError::TooManyClauses(match self {
            TooLarge::Deep => format!("The nested depth of the query exceeds the maximum nested depth for bool queries set in [{QUERY_DEPTH_MAX}]"),
            TooLarge::Many => format!("Query contains too many nested clauses; maxClauseCount is set to {CLAUSES_MAX}"),
        })
    }
}

impl Clause for TooLarge {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn body(&self) -> Map<String, Value> {
        Map::new()
    }

    fn compile(&self, _: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        Err(self.error())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_clause_stands_twice_in_the_list() {
        let names: HashSet<_> = CLAUSES.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), CLAUSES.len());
    }

    #[test]
    fn a_tree_built_too_deep_is_refused_and_dropped_in_peace() {
        let mut query = Query::match_all();
        for _ in 0..100_000 {
            query = BoolQuery::new().must(query).build();
        }
        assert!(matches!(query.checked(), Err(QueryError::TooManyClauses(_))));
    }

    #[test]
    fn time_bounds_meet_and_join() {
        let (a, b) = (TimeBounds { from: Some(1), to: None }, TimeBounds { from: Some(3), to: Some(5) });
        assert_eq!(a.and(b), TimeBounds { from: Some(3), to: Some(5) });
        assert_eq!(a.or(b), TimeBounds { from: Some(1), to: None });
    }
}
