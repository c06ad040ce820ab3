//! `query_string`: a query in Lucene's syntax, as people and dashboards write it.
//!
//! The text is parsed when the query is read (`lucene.rs`); which fields a pattern such as `source.*` means is decided when
//! the query is compiled against an index.

use serde_json::{Map, Value, json};
use tantivy::query::BoostQuery;

use super::bool::{Parts, combine, required};
use super::context::{Target, everything, is_empty, nothing};
use super::dis_max::best_of;
use super::fuzzy::{Fuzziness, Similar};
use super::lucene::{self, End, Leaf, Mark, Node};
use super::match_text::{MatchOptions, analyser, is_and, lenient};
use super::minimum_should_match::MinimumShouldMatch;
use super::multi_match::{FieldList, with_boost};
use super::pattern::{Flags, Pattern};
use super::range::{Edge, RangeQuery};
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery, TimeBounds};
use crate::analysis;
use crate::datetime::parse_time_zone;
use crate::error::QueryError;
use crate::mapping::FieldType;

/// The kind.
pub(crate) struct QueryString;

#[derive(Debug)]
struct QueryStringClause {
    query: String,
    tree: Option<Node>,
    options: TextOptions,
}

/// How a tree of leaves is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextOptions {
    pub(crate) fields: FieldList,
    /// Whether clauses that nothing marks are required.
    pub(crate) all: bool,
    /// Whether values that do not fit a field match nothing; by default only where the fields came from a pattern.
    pub(crate) lenient: Option<bool>,
    pub(crate) minimum_should_match: Option<MinimumShouldMatch>,
    pub(crate) time_zone: Option<String>,
    pub(crate) tie_breaker: f32,
    pub(crate) phrase_slop: usize,
    /// Whether words are looked for as a phrase: `type: phrase`.
    pub(crate) words_are_phrases: bool,
}

impl TextOptions {
    /// Takes the keys that `query_string` and `simple_query_string` share.
    pub(crate) fn take(body: &mut Body<'_>, clause: &str) -> Result<Self, QueryError> {
        let mut options = Self { fields: FieldList::take(body)?, ..Self::default() };
        if let Some(operator) = body.text("default_operator")? {
            options.all = is_and(&operator, clause)?;
        }
        options.lenient = body.flag("lenient")?;
        if let Some(it) = body.take("minimum_should_match") {
            options.minimum_should_match = Some(MinimumShouldMatch::from_json(it)?);
        }
        analyser(body)?;
        Ok(options)
    }

    pub(crate) fn write(&self, body: &mut Map<String, Value>) {
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        };
        set("fields", (!self.fields.is_default()).then(|| self.fields.to_json()));
        set("default_operator", self.all.then(|| json!("and")));
        set("lenient", self.lenient.map(|it| json!(it)));
        set("minimum_should_match", self.minimum_should_match.as_ref().map(|it| json!(it.text())));
        set("time_zone", self.time_zone.as_ref().map(|it| json!(it)));
        set("tie_breaker", (self.tie_breaker != 0.0).then(|| json!(self.tie_breaker)));
        set("phrase_slop", (self.phrase_slop > 0).then(|| json!(self.phrase_slop)));
        set("type", self.words_are_phrases.then(|| json!("phrase")));
    }
}

impl ClauseKind for QueryString {
    fn name(&self) -> &'static str {
        "query_string"
    }

    fn parse(&self, body: &Value, parser: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let Some(query) = body.text("query")? else {
            return Err(QueryError::Parsing("[query_string] must be provided with a [query]".to_owned()));
        };
        let mut options = TextOptions::take(&mut body, self.name())?;
        if let Some(field) = body.text("default_field")? {
            if !options.fields.is_default() {
                return Err(QueryError::IllegalArgument("cannot use [fields] parameter in conjunction with [default_field]".to_owned()));
            }
            options.fields = FieldList::one(&field)?;
        }
        options.time_zone = body.text("time_zone")?;
        if let Some(zone) = &options.time_zone {
            parse_time_zone(zone).map_err(QueryError::IllegalArgument)?;
        }
        options.tie_breaker = body.float("tie_breaker")?.unwrap_or(0.0);
        options.phrase_slop = body.count("phrase_slop")?.unwrap_or(0);
        options.words_are_phrases = match body.text("type")?.as_deref() {
            None | Some("best_fields" | "most_fields" | "cross_fields" | "bool_prefix") => false,
            Some("phrase" | "phrase_prefix") => true,
            Some(other) => return Err(QueryError::Parsing(format!("failed to parse [query_string] query type [{other}]. unknown type."))),
        };
        // Wildcards on analysed text are always brought to lower case, leading ones are always allowed, all expansions are looked at.
        body.ignore(&[
            "analyze_wildcard",
            "allow_leading_wildcard",
            "auto_generate_synonyms_phrase_query",
            "enable_position_increments",
            "escape",
            "fuzziness",
            "fuzzy_max_expansions",
            "fuzzy_prefix_length",
            "fuzzy_transpositions",
            "fuzzy_rewrite",
            "max_determinized_states",
            "quote_analyzer",
            "quote_field_suffix",
            "rewrite",
        ]);
        let common = body.finish()?;
        let tree = lucene::parse(&query, options.all)?;
        parser.count(tree.as_ref().map_or(0, Node::leaves))?;
        Ok(Query::new(QueryStringClause { query, tree, options }).with_options(&common))
    }
}

impl Query {
    /// A query in Lucene's syntax over all fields.
    ///
    /// # Errors
    /// `Failed to parse query [...]`.
    pub fn query_string(query: &str) -> Result<Self, QueryError> {
        let tree = lucene::parse(query, false)?;
        Ok(Self::new(QueryStringClause { query: query.to_owned(), tree, options: TextOptions::default() }))
    }
}

impl Clause for QueryStringClause {
    fn name(&self) -> &'static str {
        QueryString.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut body = Map::from_iter([("query".to_owned(), json!(self.query))]);
        self.options.write(&mut body);
        body
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        // No words at all is no question, and gets no answer.
        self.tree.as_ref().map_or_else(|| Ok(nothing()), |it| compiler.text_tree(it, &self.options, true))
    }

    fn weight(&self) -> usize {
        self.tree.as_ref().map_or(1, Node::leaves)
    }

    fn time_bounds(&self, field: &str, compiler: &Compiler<'_>) -> TimeBounds {
        self.tree.as_ref().map_or_else(TimeBounds::default, |it| node_time_bounds(it, field, &self.options, compiler))
    }

    fn uses_now(&self) -> bool {
        self.tree.as_ref().is_some_and(Node::uses_now)
    }
}

fn node_time_bounds(node: &Node, name: &str, options: &TextOptions, compiler: &Compiler<'_>) -> TimeBounds {
    match node {
        Node::Boosted(inner, _) => node_time_bounds(inner, name, options, compiler),
        Node::Leaf { field: Some(field), leaf } if field == name => match leaf {
            Leaf::Range { lower, upper } => compiler.range_time_bounds(&range_query(field, lower, upper, options.time_zone.as_deref())),
            Leaf::Words(text) | Leaf::Phrase { text, .. } => compiler.term_time_bounds(name, &json!(text)),
            _ => TimeBounds::default(),
        },
        Node::Leaf { .. } => TimeBounds::default(),
        Node::Group(list) => {
            let bounds = |mark| list.iter().filter(move |it| it.0 == mark).map(|it| node_time_bounds(&it.1, name, options, compiler));
            let all = bounds(Mark::Must).fold(TimeBounds::default(), TimeBounds::and);
            if list.iter().any(|it| it.0 == Mark::Must) {
                return all;
            }
            bounds(Mark::Should).reduce(TimeBounds::or).unwrap_or_default()
        }
    }
}

fn range_query(field: &str, lower: &End, upper: &End, time_zone: Option<&str>) -> RangeQuery {
    let edge = |it: &End| match it {
        End::Open => Edge::Open,
        End::Included(it) => Edge::Included(json!(it)),
        End::Excluded(it) => Edge::Excluded(json!(it)),
    };
    RangeQuery { field: field.to_owned(), lower: edge(lower), upper: edge(upper), format: None, time_zone: time_zone.map(str::to_owned) }
}

impl Compiler<'_> {
    /// A tree of leaves over its fields.
    pub(crate) fn text_tree(&self, node: &Node, options: &TextOptions, is_top: bool) -> Result<TantivyQuery, QueryError> {
        match node {
            Node::Boosted(inner, boost) => Ok(with_boost(self.text_tree(inner, options, is_top)?, *boost)),
            Node::Leaf { field, leaf } => self.text_leaf(field.as_deref(), leaf, options, is_top),
            Node::Group(list) => {
                let mut parts = Parts::default();
                for (mark, node) in list {
                    let query = self.text_tree(node, options, false)?;
                    match mark {
                        Mark::Must => parts.must.push(query),
                        Mark::Should => parts.should.push(query),
                        Mark::MustNot => parts.must_not.push(query),
                    }
                }
                let spec = options.minimum_should_match.as_ref().filter(|_| is_top);
                parts.required = required(spec, parts.should.len(), !parts.must.is_empty());
                Ok(combine(parts))
            }
        }
    }

    fn text_leaf(&self, field: Option<&str>, leaf: &Leaf, options: &TextOptions, is_top: bool) -> Result<TantivyQuery, QueryError> {
        match leaf {
            Leaf::All => return Ok(everything()),
            Leaf::Exists(name) => return self.exists(name),
            _ => {}
        }
        let given;
        let list = match field {
            Some(name) => {
                given = FieldList::exactly(name);
                &given
            }
            None => &options.fields,
        };
        let expanded = self.expand(list);
        let is_lenient = options.lenient.unwrap_or(expanded.is_from_pattern);
        let mut queries = Vec::new();
        for (name, boost) in expanded.fields {
            let result = self.text_on_field(&name, leaf, options, is_top);
            let query = if is_lenient { lenient(result)? } else { result? };
            if !is_empty(&query) {
                self.spend(1)?;
                queries.push(with_boost(query, boost));
            }
        }
        Ok(best_of(queries, options.tie_breaker))
    }

    fn text_on_field(&self, name: &str, leaf: &Leaf, options: &TextOptions, is_top: bool) -> Result<TantivyQuery, QueryError> {
        let field = match self.target(name) {
            Target::Field(field) => Some(field),
            _ => None,
        };
        let kind = field.map(|it| it.kind);
        // Terms of analysed text are in lower case, mostly.
        let normal = |text: &str| field.map_or_else(|| text.to_owned(), |it| analysis::normal(it, text).into_owned());
        match leaf {
            Leaf::All | Leaf::Exists(_) => Ok(everything()),
            Leaf::Words(text) if options.words_are_phrases => {
                Ok(self.matching_phrase(name, text, options.phrase_slop, false)?.unwrap_or_else(nothing))
            }
            Leaf::Words(text) => {
                let words = MatchOptions { all: options.all, ..MatchOptions::default() };
                self.matching(name, &json!(text), &words)
            }
            Leaf::Sequence(words) => {
                let text = words.join(" ");
                let spec = options.minimum_should_match.clone().filter(|_| is_top);
                if options.words_are_phrases {
                    return Ok(self.matching_phrase(name, &text, options.phrase_slop, false)?.unwrap_or_else(nothing));
                }
                if kind.is_none_or(FieldType::is_text) {
                    let together = MatchOptions { all: options.all, minimum_should_match: spec, ..MatchOptions::default() };
                    return self.matching(name, &json!(text), &together);
                }
                let each = words.iter().map(|it| self.term(name, &json!(it), false)).collect::<Result<Vec<_>, _>>()?;
                let parts = match options.all {
                    true => Parts { must: each, ..Parts::default() },
                    false => Parts { required: required(spec.as_ref(), each.len(), false), should: each, ..Parts::default() },
                };
                // A keyword may have the space in it (Elasticsearch looks for nothing else); several numbers cannot be meant as one.
                match kind {
                    Some(FieldType::Keyword | FieldType::Wildcard) => Ok(best_of(vec![self.term(name, &json!(text), false)?, combine(parts)], 0.0)),
                    _ => Ok(combine(parts)),
                }
            }
            Leaf::Phrase { text, slop } => Ok(self.matching_phrase(name, text, slop.unwrap_or(options.phrase_slop), false)?.unwrap_or_else(nothing)),
            Leaf::Wildcard(text) => {
                let text = normal(text);
                self.pattern(name, "wildcard", &text, &Pattern::wildcard(&text, false)?)
            }
            Leaf::Prefix(text) => {
                let text = normal(text);
                self.pattern(name, "prefix", &text, &Pattern::prefix_of(&text, false)?)
            }
            Leaf::Regexp(text) => {
                let text = normal(text);
                self.pattern(name, "regexp", &text, &Pattern::regexp(&text, Flags::ALL, false)?)
            }
            Leaf::Fuzzy { text, edits } => {
                let fuzziness = edits.map_or(Fuzziness::AUTO, Fuzziness::Edits);
                let text = normal(text);
                self.pattern(name, "fuzzy", &text, &Pattern::similar(Similar::new(&text, fuzziness, 0, true)))
            }
            Leaf::Range { lower, upper } => {
                let zone = options.time_zone.as_deref().filter(|_| kind == Some(FieldType::Date));
                self.range(&range_query(name, lower, upper, zone))
            }
        }
    }
}

/// The query with its score multiplied.
pub(super) fn boosted(query: TantivyQuery, boost: f32) -> TantivyQuery {
    Box::new(BoostQuery::new(query, boost))
}
