//! Analysers and normalisers that an index defines in its settings (`index.analysis`): a tokenizer and filters, in order.
//!
//! Here is what gives each word one token: filters that take words out, add some or join them would shift positions, and phrases would find
//! something else than in Elasticsearch. Those are refused by name, and so is everything nobody knows. Stemming is not here either: two
//! stemmers of one name rarely agree.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tantivy::tokenizer::{AsciiFoldingFilter, RawTokenizer, TextAnalyzer, Token, TokenStream, Tokenizer};

use crate::analysis::{self, TOKEN_CHARS_MAX};

/// The names of chains in tantivy's schema begin so; what follows is the chain itself.
const NAME_PREFIX: &str = "chain:";

/// Characters of a pattern that splits text.
const PATTERN_CHARS_MAX: usize = 1_000;

/// Where words begin and end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Splitter {
    Standard,
    Whitespace,
    /// The text is the word.
    Keyword,
    /// Runs of letters.
    Letter,
    /// What is between the matches of a regular expression.
    Pattern(Gaps),
}

/// A regular expression that matches what is between words, compiled when it is first used.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) struct Gaps {
    pattern: String,
    compiled: Arc<OnceLock<Option<Regex>>>,
}

impl From<String> for Gaps {
    fn from(pattern: String) -> Self {
        Self { pattern, compiled: Arc::default() }
    }
}

impl From<Gaps> for String {
    fn from(gaps: Gaps) -> Self {
        gaps.pattern
    }
}

impl PartialEq for Gaps {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Gaps {}

impl Gaps {
    /// Everything but letters, digits and underscores.
    fn other_than_words() -> Self {
        r"\W+".to_owned().into()
    }

    fn bounds(&self, text: &str) -> Vec<(usize, usize)> {
        // It was looked at when it was defined: were it none, the text would be one word.
        let compiled = self.compiled.get_or_init(|| Regex::new(&self.pattern).ok()).as_ref();
        let (mut bounds, mut from) = (Vec::new(), 0);
        for gap in compiled.into_iter().flat_map(|it| it.find_iter(text)).filter(|it| !it.is_empty()) {
            bounds.push((from, gap.start()));
            from = gap.end();
        }
        bounds.push((from, text.len()));
        bounds.retain(|it| it.0 < it.1);
        bounds
    }
}

/// What becomes of each word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Filter {
    Lowercase,
    Uppercase,
    /// Letters with marks become those without.
    AsciiFolding,
    Trim,
    /// At most so many characters.
    Truncate(usize),
}

/// A tokenizer and filters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chain {
    splitter: Splitter,
    filters: Vec<Filter>,
}

/// How the text of one field becomes tokens where it is not the usual way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldAnalysis {
    /// The name in the mapping; empty where it is the index's default.
    pub(crate) name: String,
    pub(crate) chain: Chain,
    /// Another one for the words of queries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) search: Option<(String, Chain)>,
}

/// What an index defines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Analysis {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    analyzers: BTreeMap<String, Chain>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    normalizers: BTreeMap<String, Chain>,
}

impl Chain {
    /// A chain that every index has.
    fn builtin(name: &str) -> Option<Self> {
        let (splitter, filters) = match name {
            "standard" => return Some(Self::standard()),
            "simple" => (Splitter::Letter, vec![Filter::Lowercase]),
            "whitespace" => (Splitter::Whitespace, vec![]),
            "keyword" => (Splitter::Keyword, vec![]),
            "pattern" => (Splitter::Pattern(Gaps::other_than_words()), vec![Filter::Lowercase]),
            _ => return None,
        };
        Some(Self { splitter, filters })
    }

    /// What `text` fields have anyway.
    pub(crate) fn standard() -> Self {
        Self { splitter: Splitter::Standard, filters: vec![Filter::Lowercase] }
    }

    /// Whether it is what `text` fields have anyway.
    fn is_standard(&self) -> bool {
        *self == Self::standard()
    }

    /// Its name for tantivy.
    pub(crate) fn tantivy_name(&self) -> String {
        format!("{NAME_PREFIX}{}", serde_json::to_string(self).expect("a chain is plain data"))
    }

    /// The words of a text: where each begins and ends, and its token.
    pub(crate) fn words(&self, text: &str) -> Vec<(usize, usize, String)> {
        let word = |(start, end): (usize, usize)| (start, end, self.normal(&text[start..end]).into_owned());
        match &self.splitter {
            Splitter::Standard => analysis::words(analysis::STANDARD, text).into_iter().map(word).collect(),
            Splitter::Whitespace => runs(text, |it| !it.is_whitespace()).map(word).collect(),
            Splitter::Letter => runs(text, char::is_alphabetic).map(word).collect(),
            Splitter::Keyword => [(0, text.len())].into_iter().filter(|_| !text.is_empty()).map(word).collect(),
            Splitter::Pattern(gaps) => gaps.bounds(text).into_iter().map(word).collect(),
        }
    }

    /// The tokens of a text.
    pub(crate) fn tokens(&self, text: &str) -> Vec<String> {
        self.words(text).into_iter().map(|it| it.2).collect()
    }

    /// What the filters make of a word, or of a part of one.
    pub(crate) fn normal<'t>(&self, word: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(word);
        for filter in &self.filters {
            text = match filter {
                Filter::Lowercase => text.to_lowercase().into(),
                Filter::Uppercase => text.to_uppercase().into(),
                Filter::AsciiFolding if text.is_ascii() => text,
                Filter::AsciiFolding => folded(&text).into(),
                Filter::Trim => text.trim().to_owned().into(),
                Filter::Truncate(chars) => text.chars().take(*chars).collect::<String>().into(),
            };
        }
        text
    }
}

/// Letters without their marks, as Lucene's filter of that name has them.
fn folded(text: &str) -> String {
    let mut folding = TextAnalyzer::builder(RawTokenizer::default()).filter(AsciiFoldingFilter).build();
    let mut stream = folding.token_stream(text);
    stream.next().map_or_else(String::new, |it| it.text.clone())
}

/// Runs of characters that are parts of words, cut into pieces of [`TOKEN_CHARS_MAX`].
fn runs(text: &str, is_word: impl Fn(char) -> bool) -> impl Iterator<Item = (usize, usize)> {
    let mut bounds = Vec::new();
    let (mut start, mut chars) = (None, 0);
    for (at, it) in text.char_indices() {
        match (is_word(it), start) {
            (true, Some(from)) if chars == TOKEN_CHARS_MAX => {
                bounds.push((from, at));
                (start, chars) = (Some(at), 1);
            }
            (true, Some(_)) => chars += 1,
            (true, None) => (start, chars) = (Some(at), 1),
            (false, Some(from)) => {
                bounds.push((from, at));
                start = None;
            }
            (false, None) => {}
        }
    }
    bounds.extend(start.map(|from| (from, text.len())));
    bounds.into_iter()
}

/// The chain as tantivy runs it.
#[derive(Clone)]
pub(crate) struct ChainTokenizer(pub(crate) Arc<Chain>);

/// The tokens of one text.
pub(crate) struct ChainTokens {
    words: std::vec::IntoIter<(usize, usize, String)>,
    token: Token,
}

impl Tokenizer for ChainTokenizer {
    type TokenStream<'a> = ChainTokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> ChainTokens {
        ChainTokens { words: self.0.words(text).into_iter(), token: Token { position: usize::MAX, ..Token::default() } }
    }
}

impl TokenStream for ChainTokens {
    fn advance(&mut self) -> bool {
        let Some((start, end, text)) = self.words.next() else { return false };
        self.token.position = self.token.position.wrapping_add(1);
        (self.token.offset_from, self.token.offset_to, self.token.text) = (start, end, text);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// What a part of the settings defines: name → parameter → value.
type Defined<'a> = BTreeMap<&'a str, Definition<'a>>;

/// Parameter → value.
type Definition<'a> = BTreeMap<&'a str, &'a Value>;

/// Makes a chain of a definition, with the tokenizers and the filters that are defined.
type Reader = fn(&str, &Definition<'_>, [&Defined<'_>; 2]) -> Result<Chain, String>;

impl Analysis {
    /// Reads what the settings define. What is not here is refused, with its name.
    pub(crate) fn from_settings(settings: &Map<String, Value>) -> Result<Self, String> {
        let mut parts: BTreeMap<&str, Defined<'_>> = BTreeMap::new();
        for (name, value) in settings {
            let Some(path) = name.strip_prefix("index.analysis.") else { continue };
            let mut path = path.splitn(3, '.');
            let (Some(part), Some(name), Some(parameter)) = (path.next(), path.next(), path.next()) else {
                return Err(format!("unknown setting [{name}]"));
            };
            if !matches!(part, "analyzer" | "normalizer" | "tokenizer" | "filter" | "char_filter") {
                return Err(format!("unknown setting [index.analysis.{part}]"));
            }
            parts.entry(part).or_default().entry(name).or_default().insert(parameter, value);
        }
        let empty = Defined::new();
        let part = |name: &str| parts.get(name).unwrap_or(&empty);
        if let Some(name) = part("char_filter").keys().next() {
            return Err(format!("char filter [{name}] is not supported: there are none here"));
        }
        // Those that nothing uses are read as well, so that a mistake is told when it is made.
        for (name, definition) in part("tokenizer") {
            splitter(name, definition)?;
        }
        for (name, definition) in part("filter") {
            filter(name, definition)?;
        }
        let chains = |what: &str, of: Reader| {
            let one =
                |(name, definition): (&&str, &Definition<'_>)| Ok(((*name).to_owned(), of(name, definition, [part("tokenizer"), part("filter")])?));
            part(what).iter().map(one).collect::<Result<BTreeMap<String, Chain>, String>>()
        };
        Ok(Self { analyzers: chains("analyzer", analyzer)?, normalizers: chains("normalizer", normalizer)? })
    }

    /// The analyser of a name, as a field has it; `None` where that is what text has anyway.
    pub(crate) fn analyzer(&self, name: &str) -> Result<Option<Chain>, String> {
        let chain = match self.analyzers.get(name) {
            Some(chain) => chain.clone(),
            None if name == "default" => return Ok(None),
            None => Chain::builtin(name).ok_or_else(|| format!("analyzer [{name}] has not been configured in mappings"))?,
        };
        Ok(Some(chain).filter(|it| !it.is_standard()))
    }

    /// The analyser of text fields that name none.
    pub(crate) fn default_analyzer(&self) -> Option<FieldAnalysis> {
        let chain = self.analyzers.get("default").filter(|it| !it.is_standard())?.clone();
        Some(FieldAnalysis { name: String::new(), chain, search: None })
    }

    /// The normaliser of a name.
    pub(crate) fn normalizer(&self, name: &str, field: &str) -> Result<Chain, String> {
        match self.normalizers.get(name) {
            Some(chain) => Ok(chain.clone()),
            None if name == "lowercase" => Ok(Chain { splitter: Splitter::Keyword, filters: vec![Filter::Lowercase] }),
            None => Err(format!("normalizer [{name}] not found for field [{field}]")),
        }
    }
}

fn analyzer(name: &str, definition: &Definition<'_>, [tokenizers, filters]: [&Defined<'_>; 2]) -> Result<Chain, String> {
    let kind = definition.get("type").and_then(|it| it.as_str()).unwrap_or("custom");
    if kind != "custom" {
        let Some(mut chain) = Chain::builtin(kind) else {
            return Err(format!(
                "analyzer [{name}] of type [{kind}] is not supported; there are custom, keyword, pattern, simple, standard and whitespace"
            ));
        };
        for (parameter, value) in definition {
            match (*parameter, value.as_str()) {
                ("type", _) | ("stopwords", Some("_none_")) => {}
                ("max_token_length", Some("255")) if kind == "standard" => {}
                ("pattern", Some(pattern)) if kind == "pattern" => chain.splitter = split_by(pattern)?,
                ("lowercase", Some("true")) if kind == "pattern" => {}
                ("lowercase", Some("false")) if kind == "pattern" => chain.filters.clear(),
                (parameter, _) => return Err(format!("[{parameter}] of analyzer [{name}] is not supported with [{value}]")),
            }
        }
        return Ok(chain);
    }
    let mut chain = None;
    let mut list = Vec::new();
    for (parameter, value) in definition {
        match *parameter {
            "type" | "position_increment_gap" => {}
            "tokenizer" => {
                let tokenizer = value.as_str().ok_or_else(|| format!("analyzer [{name}] must name one tokenizer"))?;
                let definition = tokenizers.get(tokenizer).cloned().unwrap_or_default();
                chain = Some(splitter(tokenizer, &definition)?);
            }
            "filter" => list = named_filters(value, filters)?,
            "char_filter" if names(value).is_empty() => {}
            parameter => return Err(format!("[{parameter}] of analyzer [{name}] is not supported with [{value}]")),
        }
    }
    let Some((splitter, mut before)) = chain else { return Err(format!("analyzer [{name}] must specify either an analyzer type, or a tokenizer")) };
    before.extend(list);
    Ok(Chain { splitter, filters: before })
}

fn normalizer(name: &str, definition: &Definition<'_>, [_, filters]: [&Defined<'_>; 2]) -> Result<Chain, String> {
    let mut chain = Chain { splitter: Splitter::Keyword, filters: Vec::new() };
    for (parameter, value) in definition {
        match (*parameter, value.as_str()) {
            ("type", Some("custom")) => {}
            ("type", Some("lowercase")) => chain.filters.push(Filter::Lowercase),
            ("filter", _) => chain.filters = named_filters(value, filters)?,
            ("char_filter", _) if names(value).is_empty() => {}
            (parameter, _) => return Err(format!("[{parameter}] of normalizer [{name}] is not supported with [{value}]")),
        }
    }
    if chain.filters.iter().any(|it| matches!(it, Filter::Truncate(_))) {
        return Err(format!("Custom normalizer [{name}] may not use filter [truncate]"));
    }
    Ok(chain)
}

/// A tokenizer, and the filters that are a part of it.
fn splitter(name: &str, definition: &Definition<'_>) -> Result<(Splitter, Vec<Filter>), String> {
    let kind = definition.get("type").and_then(|it| it.as_str()).unwrap_or(name);
    let mut split = match kind {
        "standard" => (Splitter::Standard, vec![]),
        "whitespace" => (Splitter::Whitespace, vec![]),
        "keyword" => (Splitter::Keyword, vec![]),
        "letter" => (Splitter::Letter, vec![]),
        "lowercase" => (Splitter::Letter, vec![Filter::Lowercase]),
        "pattern" => (Splitter::Pattern(Gaps::other_than_words()), vec![]),
        other => {
            return Err(format!("tokenizer [{other}] is not supported; there are keyword, letter, lowercase, pattern, standard and whitespace"));
        }
    };
    for (parameter, value) in definition {
        match (*parameter, value.as_str()) {
            ("type", _) => {}
            ("pattern", Some(pattern)) if kind == "pattern" => split.0 = split_by(pattern)?,
            ("group", Some("-1")) if kind == "pattern" => {}
            ("max_token_length", Some("255")) => {}
            (parameter, _) => return Err(format!("[{parameter}] of tokenizer [{name}] is not supported with [{value}]")),
        }
    }
    Ok(split)
}

fn filter(name: &str, definition: &Definition<'_>) -> Result<Filter, String> {
    let kind = definition.get("type").and_then(|it| it.as_str()).unwrap_or(name);
    let mut filter = match kind {
        "lowercase" => Filter::Lowercase,
        "uppercase" => Filter::Uppercase,
        "asciifolding" => Filter::AsciiFolding,
        "trim" => Filter::Trim,
        "truncate" => Filter::Truncate(10),
        other => return Err(format!("token filter [{other}] is not supported; there are asciifolding, lowercase, trim, truncate and uppercase")),
    };
    for (parameter, value) in definition {
        match (*parameter, value.as_str()) {
            ("type", _) | ("preserve_original", Some("false")) => {}
            ("length", Some(length)) if kind == "truncate" => {
                filter = Filter::Truncate(
                    length.parse().map_err(|_| format!("[length] of token filter [{name}] must be a whole number, not [{length}]"))?,
                );
            }
            (parameter, _) => return Err(format!("[{parameter}] of token filter [{name}] is not supported with [{value}]")),
        }
    }
    Ok(filter)
}

fn named_filters(value: &Value, defined: &Defined<'_>) -> Result<Vec<Filter>, String> {
    names(value).into_iter().map(|it| filter(it, &defined.get(it).cloned().unwrap_or_default())).collect()
}

/// A name or a list of names.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(it) => it.split(',').map(str::trim).filter(|it| !it.is_empty()).collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn split_by(pattern: &str) -> Result<Splitter, String> {
    if pattern.chars().count() > PATTERN_CHARS_MAX {
        return Err(format!("a pattern of more than [{PATTERN_CHARS_MAX}] characters splits no text"));
    }
    match Regex::new(pattern) {
        Ok(_) => Ok(Splitter::Pattern(pattern.to_owned().into())),
        Err(error) => Err(format!("pattern [{pattern}] can't be used: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn defined(settings: Value) -> Result<Analysis, String> {
        Analysis::from_settings(settings.as_object().unwrap())
    }

    #[test]
    fn words_keep_their_places_whatever_the_filters_make_of_them() {
        let analysis = defined(json!({
            "index.analysis.analyzer.plain.tokenizer": "whitespace",
            "index.analysis.analyzer.plain.filter": ["asciifolding", "lowercase", "short"],
            "index.analysis.filter.short.type": "truncate", "index.analysis.filter.short.length": "4",
            "index.analysis.analyzer.path.tokenizer": "slash", "index.analysis.tokenizer.slash.type": "pattern", "index.analysis.tokenizer.slash.pattern": "[/,]+",
        }))
        .unwrap();
        let words = |name: &str, text: &str| analysis.analyzer(name).unwrap().unwrap().words(text);
        assert_eq!(words("plain", " Größe-X  Ünïted"), [(1, 10, "gros".to_owned()), (12, 20, "unit".to_owned())]);
        assert_eq!(words("path", "/usr//bin,x"), [(1, 4, "usr".to_owned()), (6, 9, "bin".to_owned()), (10, 11, "x".to_owned())]);
        assert_eq!(words("simple", "a1B c"), [(0, 1, "a".to_owned()), (2, 3, "b".to_owned()), (4, 5, "c".to_owned())]);
        assert_eq!(words("keyword", "A b"), [(0, 3, "A b".to_owned())]);
        assert_eq!(words("whitespace", &"x".repeat(300)).iter().map(|it| it.1 - it.0).collect::<Vec<_>>(), [255, 45]);
        assert!(words("keyword", "").is_empty());
    }

    #[test]
    fn what_text_has_anyway_needs_no_chain() {
        let analysis =
            defined(json!({ "index.analysis.analyzer.mine.tokenizer": "standard", "index.analysis.analyzer.mine.filter": "lowercase" })).unwrap();
        assert_eq!((analysis.analyzer("mine"), analysis.analyzer("standard"), analysis.analyzer("default")), (Ok(None), Ok(None), Ok(None)));
        assert!(analysis.analyzer("other").unwrap_err().contains("has not been configured"));
    }

    #[test]
    fn what_would_change_answers_is_refused_by_name() {
        for (settings, named) in [
            (json!({ "index.analysis.analyzer.x.tokenizer": "standard", "index.analysis.analyzer.x.filter": ["stop"] }), "token filter [stop]"),
            (json!({ "index.analysis.analyzer.x.tokenizer": "ngram" }), "tokenizer [ngram]"),
            (json!({ "index.analysis.analyzer.x.type": "english" }), "type [english]"),
            (json!({ "index.analysis.analyzer.x.type": "standard", "index.analysis.analyzer.x.stopwords": "_english_" }), "[stopwords]"),
            (json!({ "index.analysis.analyzer.x.filter": ["lowercase"] }), "must specify"),
            (json!({ "index.analysis.analyzer.x.tokenizer": "keyword", "index.analysis.analyzer.x.char_filter": ["html_strip"] }), "[char_filter]"),
            (json!({ "index.analysis.char_filter.c.type": "mapping" }), "char filter [c]"),
            (json!({ "index.analysis.tokenizer.t.type": "pattern", "index.analysis.tokenizer.t.pattern": "(" }), "can't be used"),
            (json!({ "index.analysis.filter.f.type": "synonym" }), "[synonym]"),
            (json!({ "index.analysis.nonsense.f.type": "synonym" }), "[index.analysis.nonsense]"),
            (json!({ "index.analysis.normalizer.n.filter": ["truncate"] }), "may not use"),
        ] {
            let error = defined(settings).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
