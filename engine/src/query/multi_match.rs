//! `multi_match`: one text on several fields, and lists of fields with patterns and boosts (`"url.*^2"`).

use serde_json::{Map, Value, json};

use super::body::scalar_text;
use super::bool::{Parts, combine};
use super::context::{is_empty, nothing};
use super::dis_max::best_of;
use super::match_text::{MatchOptions, lenient};
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct MultiMatch;

/// Patterns of field names, each with a boost.
/// None are those that the index has by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldList(Vec<(String, f32)>);

/// The fields a list stands for in one index.
pub(crate) struct Expanded {
    pub(crate) fields: Vec<(String, f32)>,
    /// Whether some came from a pattern, so that nobody asked for them by name.
    pub(crate) is_from_pattern: bool,
}

impl FieldList {
    /// Takes the key `fields`; those of the index where it is not there.
    pub(crate) fn take(body: &mut Body<'_>) -> Result<Self, QueryError> {
        let items = match body.take("fields") {
            None => return Ok(Self::default()),
            Some(Value::Array(items)) => items.iter().map(scalar_text).collect(),
            Some(one) => vec![scalar_text(one)],
        };
        if items.is_empty() {
            return Ok(Self::default());
        }
        items.iter().map(|it| parse_field(it)).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// One pattern, with a boost where it has one.
    pub(crate) fn one(text: &str) -> Result<Self, QueryError> {
        Ok(Self(vec![parse_field(text)?]))
    }

    /// One pattern.
    pub(crate) fn exactly(name: &str) -> Self {
        Self(vec![(name.to_owned(), 1.0)])
    }

    pub(crate) fn is_default(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn to_json(&self) -> Value {
        #[expect(clippy::float_cmp, reason = "one is the value that was set when nothing was")]
        let text = |(name, boost): &(String, f32)| if *boost == 1.0 { json!(name) } else { json!(format!("{name}^{boost}")) };
        self.0.iter().map(text).collect()
    }
}

fn parse_field(text: &str) -> Result<(String, f32), QueryError> {
    match text.rsplit_once('^') {
        None => Ok((text.to_owned(), 1.0)),
        Some((name, boost)) => {
            let boost: f32 = boost
                .parse()
                .ok()
                .filter(|it: &f32| it.is_finite())
                .ok_or_else(|| QueryError::IllegalArgument(format!("bad boost in field [{text}]")))?;
            Ok((name.to_owned(), boost))
        }
    }
}

/// The query with its score multiplied.
pub(crate) fn with_boost(query: TantivyQuery, boost: f32) -> TantivyQuery {
    #[expect(clippy::float_cmp, reason = "one is the value that was set when nothing was")]
    if boost == 1.0 || is_empty(&query) { query } else { super::query_string::boosted(query, boost) }
}

impl Compiler<'_> {
    /// The fields that a list stands for.
    pub(crate) fn expand(&self, list: &FieldList) -> Expanded {
        let defaults;
        let fields = if list.is_default() {
            // A field that can't be read was refused when it was set, or is a name like any other.
            let read = |it: &String| parse_field(it).unwrap_or_else(|_| (it.clone(), 1.0));
            defaults = match self.context.mapping.options.default_fields.as_slice() {
                [] => vec![("*".to_owned(), 1.0)],
                said => said.iter().map(read).collect(),
            };
            &defaults
        } else {
            &list.0
        };
        // Of what the index has by default nobody has asked by name.
        let mut expanded = Expanded { fields: Vec::new(), is_from_pattern: list.is_default() };
        for (pattern, boost) in fields {
            if pattern.contains('*') {
                expanded.is_from_pattern = true;
                let matching = self.context.mapping.matching(pattern).filter(|it| it.index || it.doc_values);
                expanded.fields.extend(matching.map(|it| (it.name.clone(), *boost)));
            } else {
                expanded.fields.push((pattern.clone(), *boost));
            }
        }
        expanded
    }
}

/// How the fields are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    BestFields,
    MostFields,
    CrossFields,
    Phrase,
    PhrasePrefix,
    BoolPrefix,
}

const TYPES: &[(&str, Type)] = &[
    ("best_fields", Type::BestFields),
    ("most_fields", Type::MostFields),
    ("cross_fields", Type::CrossFields),
    ("phrase", Type::Phrase),
    ("phrase_prefix", Type::PhrasePrefix),
    ("bool_prefix", Type::BoolPrefix),
];

#[derive(Debug)]
struct MultiMatchClause {
    query: Value,
    fields: FieldList,
    kind: Type,
    slop: usize,
    tie_breaker: Option<f32>,
    options: MatchOptions,
    is_lenient: Option<bool>,
}

impl ClauseKind for MultiMatch {
    fn name(&self) -> &'static str {
        "multi_match"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let query = body.scalar("query")?.ok_or_else(|| QueryError::Parsing("No text specified for multi_match query".to_owned()))?;
        let fields = FieldList::take(&mut body)?;
        let kind = match body.text("type")? {
            None => Type::BestFields,
            Some(name) => TYPES
                .iter()
                .find(|it| it.0 == name.to_lowercase())
                .map(|it| it.1)
                .ok_or_else(|| QueryError::Parsing(format!("failed to parse [multi_match] query type [{name}]. unknown type.")))?,
        };
        for key in ["slop", "cutoff_frequency"] {
            if kind == Type::BoolPrefix && body.peek(key).is_some() {
                return Err(QueryError::IllegalArgument(format!("[{key}] not allowed for type [bool_prefix]")));
            }
        }
        if matches!(kind, Type::CrossFields | Type::Phrase | Type::PhrasePrefix) && body.peek("fuzziness").is_some() {
            let name = TYPES.iter().find(|it| it.1 == kind).map_or("", |it| it.0);
            return Err(QueryError::IllegalArgument(format!("Fuzziness not allowed for type [{name}]")));
        }
        let slop = body.count("slop")?.unwrap_or(0);
        let tie_breaker = body.float("tie_breaker")?;
        let is_lenient = body.flag("lenient")?;
        let mut options = MatchOptions::take(&mut body, self.name())?;
        options.last_is_prefix = kind == Type::BoolPrefix;
        let common = body.finish()?;
        Ok(Query::new(MultiMatchClause { query, fields, kind, slop, tie_breaker, options, is_lenient }).with_options(&common))
    }
}

/// Each word of a text in some field, as if the fields were one.
pub(crate) fn across_fields(query: Value, fields: FieldList, options: MatchOptions) -> Query {
    Query::new(MultiMatchClause { query, fields, kind: Type::CrossFields, slop: 0, tie_breaker: None, options, is_lenient: None })
}

impl Clause for MultiMatchClause {
    fn name(&self) -> &'static str {
        MultiMatch.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut body = Map::from_iter([("query".to_owned(), self.query.clone())]);
        if !self.fields.is_default() {
            body.insert("fields".to_owned(), self.fields.to_json());
        }
        body.insert("type".to_owned(), json!(TYPES.iter().find(|it| it.1 == self.kind).map(|it| it.0)));
        if self.slop > 0 {
            body.insert("slop".to_owned(), json!(self.slop));
        }
        if let Some(it) = self.tie_breaker {
            body.insert("tie_breaker".to_owned(), json!(it));
        }
        self.options.write(&mut body);
        if let Some(it) = self.is_lenient {
            body.insert("lenient".to_owned(), json!(it));
        }
        body
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let expanded = compiler.expand(&self.fields);
        let is_lenient = self.is_lenient.unwrap_or(expanded.is_from_pattern);
        let text = scalar_text(&self.query);
        if self.kind == Type::CrossFields {
            return self.cross_fields(&expanded, &text, compiler);
        }
        let mut queries = Vec::new();
        for (name, boost) in &expanded.fields {
            let result = match self.kind {
                Type::Phrase => compiler.matching_phrase(name, &text, self.slop, false).map(|it| it.unwrap_or_else(nothing)),
                Type::PhrasePrefix => compiler.matching_phrase(name, &text, self.slop, true).map(|it| it.unwrap_or_else(nothing)),
                _ => compiler.matching(name, &self.query, &self.options),
            };
            let query = if is_lenient { lenient(result)? } else { result? };
            if !is_empty(&query) {
                compiler.spend(1)?;
                queries.push(with_boost(query, *boost));
            }
        }
        match self.kind {
            Type::MostFields | Type::BoolPrefix => Ok(combine(Parts { required: 1, should: queries, ..Parts::default() })),
            _ => Ok(best_of(queries, self.tie_breaker.unwrap_or(0.0))),
        }
    }
}

impl MultiMatchClause {
    /// Each word in some field, as if the fields were one.
    fn cross_fields(&self, expanded: &Expanded, text: &str, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            let mut somewhere = Vec::new();
            for (name, boost) in &expanded.fields {
                let options = MatchOptions { all: true, ..MatchOptions::default() };
                let query = lenient(compiler.matching(name, &json!(word), &options))?;
                if !is_empty(&query) {
                    compiler.spend(1)?;
                    somewhere.push(with_boost(query, *boost));
                }
            }
            words.push(best_of(somewhere, self.tie_breaker.unwrap_or(0.0)));
        }
        if words.is_empty() {
            return Ok(nothing());
        }
        if self.options.all {
            return Ok(combine(Parts { must: words, ..Parts::default() }));
        }
        let required = super::bool::required(self.options.minimum_should_match.as_ref(), words.len(), false);
        Ok(combine(Parts { should: words, required, ..Parts::default() }))
    }
}
