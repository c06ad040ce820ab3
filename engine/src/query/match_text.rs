//! `match`: the words of a text, on analysed fields; the value itself on all others.

use serde_json::{Map, Value, json};

use super::body::scalar_text;
use super::bool::{Parts, combine};
use super::context::{Target, everything, nothing};
use super::fuzzy::{Fuzziness, Similar};
use super::minimum_should_match::MinimumShouldMatch;
use super::pattern::Pattern;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;

/// The kind.
pub(crate) struct Match;

/// How words are combined.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MatchOptions {
    /// Whether all words are required.
    pub(crate) all: bool,
    pub(crate) minimum_should_match: Option<MinimumShouldMatch>,
    /// Whether a value that does not fit the field matches nothing instead of being an error.
    pub(crate) lenient: bool,
    /// Whether a text without words matches everything.
    pub(crate) none_is_all: bool,
    pub(crate) fuzziness: Option<Fuzziness>,
    pub(crate) prefix_length: usize,
    /// Whether the last word is the beginning of one.
    pub(crate) last_is_prefix: bool,
}

#[derive(Debug)]
struct MatchClause {
    field: String,
    query: Value,
    options: MatchOptions,
}

impl MatchOptions {
    /// Takes the options' keys.
    pub(crate) fn take(body: &mut Body<'_>, clause: &str) -> Result<Self, QueryError> {
        let mut options = Self::default();
        if let Some(operator) = body.text("operator")? {
            options.all = is_and(&operator, clause)?;
        }
        if let Some(it) = body.take("minimum_should_match") {
            options.minimum_should_match = Some(MinimumShouldMatch::from_json(it)?);
        }
        options.lenient = body.flag("lenient")?.unwrap_or(false);
        options.none_is_all = match body.text("zero_terms_query")?.map(|it| it.to_lowercase()).as_deref() {
            None | Some("none") => false,
            Some("all") => true,
            Some(other) => return Err(QueryError::Parsing(format!("Unsupported zero_terms_query value [{other}]"))),
        };
        options.fuzziness = body.text("fuzziness")?.map(|it| Fuzziness::parse(&it)).transpose()?;
        options.prefix_length = body.count("prefix_length")?.unwrap_or(0);
        body.ignore(&["max_expansions", "fuzzy_transpositions", "fuzzy_rewrite", "auto_generate_synonyms_phrase_query", "cutoff_frequency"]);
        analyser(body)?;
        Ok(options)
    }

    /// Writes the options that are set.
    pub(crate) fn write(&self, body: &mut Map<String, Value>) {
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        };
        set("operator", self.all.then(|| json!("and")));
        set("minimum_should_match", self.minimum_should_match.as_ref().map(|it| json!(it.text())));
        set("lenient", self.lenient.then(|| json!(true)));
        set("zero_terms_query", self.none_is_all.then(|| json!("all")));
        set("fuzziness", self.fuzziness.map(|it| json!(it.text())));
        set("prefix_length", (self.prefix_length > 0).then(|| json!(self.prefix_length)));
    }
}

/// Reads `and` and `or`.
pub(crate) fn is_and(text: &str, clause: &str) -> Result<bool, QueryError> {
    match text.to_ascii_lowercase().as_str() {
        "and" => Ok(true),
        "or" => Ok(false),
        _ => Err(QueryError::IllegalArgument(format!("[{clause}] operator needs to be either [and] or [or], but not [{text}]"))),
    }
}

/// Takes `analyzer`, of which there is one per field.
pub(crate) fn analyser(body: &mut Body<'_>) -> Result<(), QueryError> {
    match body.text("analyzer")?.as_deref() {
        None | Some("standard" | "default") => Ok(()),
        Some(other) => Err(QueryError::IllegalArgument(format!("[match] analyzer [{other}] not found"))),
    }
}

impl ClauseKind for Match {
    fn name(&self) -> &'static str {
        "match"
    }

    fn parse(&self, body: &Value, _: &mut Parser) -> Result<Query, QueryError> {
        let (field, mut body) = Body::of_field(self.name(), body, "query")?;
        let query = body.scalar("query")?.ok_or_else(|| QueryError::Parsing("No text specified for text query".to_owned()))?;
        let options = MatchOptions::take(&mut body, self.name())?;
        let common = body.finish()?;
        Ok(Query::new(MatchClause { field: field.to_owned(), query, options }).with_options(&common))
    }
}

impl Query {
    /// Documents whose `field` has one of the text's words.
    pub fn matching(field: &str, text: impl Into<Value>) -> Self {
        Self::new(MatchClause { field: field.to_owned(), query: text.into(), options: MatchOptions::default() })
    }
}

impl Clause for MatchClause {
    fn name(&self) -> &'static str {
        Match.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut inner = Map::from_iter([("query".to_owned(), self.query.clone())]);
        self.options.write(&mut inner);
        Map::from_iter([(self.field.clone(), Value::Object(inner))])
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        compiler.matching(&self.field, &self.query, &self.options)
    }
}

impl Compiler<'_> {
    /// Documents whose field has the words of a text.
    pub(crate) fn matching(&self, name: &str, query: &Value, options: &MatchOptions) -> Result<TantivyQuery, QueryError> {
        let result = self.matching_strictly(name, query, options);
        if options.lenient { lenient(result) } else { result }
    }

    fn matching_strictly(&self, name: &str, query: &Value, options: &MatchOptions) -> Result<TantivyQuery, QueryError> {
        let text = scalar_text(query);
        let similar = |word: &str| options.fuzziness.map(|it| Pattern::similar(Similar::new(word, it, options.prefix_length, true)));
        let field = match self.target(name) {
            Target::Field(field) => field,
            _ => return self.term(name, query, false),
        };
        let Some(words) = self.analyse(field, &text) else {
            return match similar(&text) {
                Some(pattern) if matches!(field.kind, crate::mapping::FieldType::Keyword | crate::mapping::FieldType::Wildcard) => {
                    self.pattern(name, "fuzzy", &text, &pattern)
                }
                _ if options.last_is_prefix => self.pattern(name, "prefix", &text, &Pattern::prefix_of(&text, false)?),
                _ => self.term(name, query, false),
            };
        };
        if words.is_empty() {
            return Ok(if options.none_is_all { everything() } else { nothing() });
        }
        self.spend(words.len())?;
        let mut queries = match options.fuzziness {
            None => self.words(field, &words),
            Some(_) => {
                words.iter().map(|it| self.pattern(name, "fuzzy", it, &similar(it).expect("fuzziness is set"))).collect::<Result<Vec<_>, _>>()?
            }
        };
        if options.last_is_prefix
            && let (Some(last), Some(word)) = (queries.last_mut(), words.last())
        {
            *last = self.pattern(name, "prefix", word, &Pattern::prefix_of(word, false)?)?;
        }
        if options.all || queries.len() == 1 && options.minimum_should_match.is_none() {
            return Ok(combine(Parts { must: queries, ..Parts::default() }));
        }
        let required = super::bool::required(options.minimum_should_match.as_ref(), queries.len(), false);
        Ok(combine(Parts { should: queries, required, ..Parts::default() }))
    }
}

/// What does not fit its field matches nothing.
pub(crate) fn lenient(result: Result<TantivyQuery, QueryError>) -> Result<TantivyQuery, QueryError> {
    match result {
        Err(QueryError::QueryShard(_)) => Ok(nothing()),
        other => other,
    }
}
