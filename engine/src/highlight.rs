//! `highlight`: the parts of a hit's text that a query was about, with marks around its words.
//!
//! Made from the document when a hit is read; nothing is kept in the index for it. The words are those that the compiled query looks up, and
//! what `prefix`, `wildcard` and `terms` accept; a phrase marks its words wherever they are.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::analysis;
use crate::error::QueryError;
use crate::mapping::{FieldType, MappedField, Mapping, tantivy_field};
use crate::query::{Query, TermPattern};
use crate::source::values_at;

/// What a search wants marked.
#[derive(Clone, Debug, PartialEq)]
pub struct Highlight {
    /// Fields by patterns, in the order of the request.
    fields: Vec<(String, Options)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Options {
    before: String,
    after: String,
    fragment_chars: usize,
    /// 0 is the whole text.
    fragments_max: usize,
    /// Characters of a text that are shown although nothing in it is marked.
    no_match_chars: usize,
    require_field_match: bool,
    by_score: bool,
    is_html: bool,
    query: Option<Query>,
    /// Fields whose words are marked too: other readings of the same text.
    matched_fields: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            before: "<em>".to_owned(),
            after: "</em>".to_owned(),
            fragment_chars: 100,
            fragments_max: 5,
            no_match_chars: 0,
            require_field_match: true,
            by_score: false,
            is_html: false,
            query: None,
            matched_fields: Vec::new(),
        }
    }
}

/// What is marked in the fields of one index.
pub(crate) struct Marker<'a> {
    fields: Vec<(&'a MappedField, &'a Options, Words)>,
    mapping: &'a Mapping,
}

/// The words that a query looks for in a field.
#[derive(Clone, Debug, Default)]
struct Words {
    exact: HashSet<Vec<u8>>,
    patterns: Vec<TermPattern>,
}

impl Words {
    fn fit(&self, word: &str) -> bool {
        self.exact.contains(word.as_bytes()) || self.patterns.iter().any(|it| it.matches(word))
    }
}

impl Highlight {
    /// Reads `highlight` of a search body.
    ///
    /// # Errors
    /// [`QueryError`] naming the option that is not understood.
    pub fn parse(body: &Value) -> Result<Self, QueryError> {
        let object = body.as_object().ok_or_else(|| QueryError::Parsing("[highlight] must be an object".to_owned()))?;
        let mut shared = Options::default();
        for (key, value) in object.iter().filter(|it| it.0 != "fields") {
            shared.read(key, value)?;
        }
        let mut fields = Vec::new();
        let mut add = |object: &Map<String, Value>| -> Result<(), QueryError> {
            for (name, options) in object {
                let mut own = shared.clone();
                let object = options.as_object().ok_or_else(|| QueryError::Parsing(format!("[highlight] of field [{name}] must be an object")))?;
                for (key, value) in object {
                    own.read(key, value)?;
                }
                fields.push((name.clone(), own));
            }
            Ok(())
        };
        match object.get("fields") {
            Some(Value::Object(object)) => add(object)?,
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => items.iter().filter_map(Value::as_object).try_for_each(add)?,
            None => {}
            Some(other) => return Err(QueryError::Parsing(format!("[highlight] [fields] must be an object or a list of objects, found [{other}]"))),
        }
        Ok(Self { fields })
    }

    /// The marker for an index; `terms` gives the words that a query looks up, by field.
    pub(crate) fn marker<'a>(
        &'a self,
        query: &Query,
        mapping: &'a Mapping,
        terms: &dyn Fn(&Query) -> Result<Vec<tantivy::Term>, QueryError>,
    ) -> Result<Marker<'a>, QueryError> {
        let mut fields: Vec<(&MappedField, &Options, Words)> = Vec::new();
        let mut known: HashMap<String, HashMap<u32, Words>> = HashMap::new();
        for (pattern, options) in &self.fields {
            let query = options.query.as_ref().unwrap_or(query);
            let found = match known.entry(query.canonical()) {
                std::collections::hash_map::Entry::Occupied(it) => it.into_mut(),
                std::collections::hash_map::Entry::Vacant(it) => it.insert(words_of(query, mapping, terms(query)?)),
            };
            for field in mapping.matching(pattern).filter(|it| it.kind.is_text() || matches!(it.kind, FieldType::Keyword | FieldType::Wildcard)) {
                if fields.iter().any(|it| it.0.id == field.id) {
                    continue;
                }
                let mut words = Words::default();
                let others = options.matched_fields.iter().flat_map(|it| mapping.matching(it)).map(|it| it.id);
                let ids: Vec<u32> = others.chain([field.id]).map(|it| tantivy_field(it).field_id()).collect();
                for (id, more) in found.iter() {
                    if !options.require_field_match || ids.contains(id) {
                        words.exact.extend(more.exact.iter().cloned());
                        words.patterns.extend(more.patterns.iter().cloned());
                    }
                }
                fields.push((field, options, words));
            }
        }
        Ok(Marker { fields, mapping })
    }
}

fn words_of(query: &Query, mapping: &Mapping, terms: Vec<tantivy::Term>) -> HashMap<u32, Words> {
    let mut words: HashMap<u32, Words> = HashMap::new();
    for term in terms {
        words.entry(term.field().field_id()).or_default().exact.insert(term.serialized_value_bytes().to_vec());
    }
    for (name, pattern) in query.term_patterns() {
        if let Some(field) = mapping.field(&name) {
            words.entry(tantivy_field(field.id).field_id()).or_default().patterns.push(pattern);
        }
    }
    words
}

impl Marker<'_> {
    /// The marked fragments of a document, by field.
    pub(crate) fn mark(&self, document: &Map<String, Value>) -> Map<String, Value> {
        let mut marked = Map::new();
        for (field, options, words) in &self.fields {
            let name = field.multi_field_of.map_or(&field.name, |parent| &self.mapping.by_id(parent).name);
            let mut fragments = Vec::new();
            for value in values_at(document, name) {
                let text = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                // A keyword that was too long for the index is none of its values.
                if field.ignore_above.is_some_and(|it| text.chars().count() > it as usize) && !field.kind.is_text() {
                    continue;
                }
                fragments.extend(options.fragments(&text, &spans(field, &text, words)));
            }
            if options.by_score {
                fragments.sort_by_key(|it| std::cmp::Reverse(it.0));
            }
            let mut fragments: Vec<Value> = fragments.into_iter().map(|it| Value::from(it.1)).collect();
            if options.fragments_max > 0 {
                fragments.truncate(options.fragments_max);
            }
            if !fragments.is_empty() {
                marked.insert(field.name.clone(), Value::Array(fragments));
            }
        }
        marked
    }
}

/// Byte ranges of the words of a text that are marked.
fn spans(field: &MappedField, text: &str, words: &Words) -> Vec<(usize, usize)> {
    analysis::words_of(field, text).into_iter().filter(|it| words.fit(&it.2)).map(|it| (it.0, it.1)).collect()
}

impl Options {
    fn read(&mut self, key: &str, value: &Value) -> Result<(), QueryError> {
        let refuse = || QueryError::Parsing(format!("[highlight] unknown option [{key}] or value [{value}]"));
        let count = || value.as_u64().or_else(|| value.as_str()?.parse().ok()).map(|it| it as usize).ok_or_else(refuse);
        let first = || match value {
            Value::Array(tags) => tags.first().and_then(Value::as_str).map(str::to_owned).ok_or_else(refuse),
            Value::String(tag) => Ok(tag.clone()),
            _ => Err(refuse()),
        };
        match (key, value) {
            ("pre_tags", _) => self.before = first()?,
            ("post_tags", _) => self.after = first()?,
            ("tags_schema", Value::String(it)) if it == "styled" => self.before = r#"<em class="hlt1">"#.to_owned(),
            ("fragment_size", _) => self.fragment_chars = count()?,
            ("number_of_fragments", _) => self.fragments_max = count()?,
            ("no_match_size", _) => self.no_match_chars = count()?,
            ("require_field_match", Value::Bool(it)) => self.require_field_match = *it,
            ("highlight_query", query) => self.query = Some(Query::from_json(query)?),
            ("encoder", Value::String(it)) if matches!(it.as_str(), "default" | "html") => self.is_html = it == "html",
            ("order", Value::String(it)) if matches!(it.as_str(), "score" | "none") => self.by_score = it == "score",
            ("matched_fields", Value::String(it)) => self.matched_fields = vec![it.clone()],
            ("matched_fields", Value::Array(items)) => {
                self.matched_fields = items.iter().map(|it| it.as_str().map(str::to_owned).ok_or_else(refuse)).collect::<Result<_, _>>()?;
            }
            // One way of marking stands for all.
            ("type", Value::String(it)) if matches!(it.as_str(), "unified" | "plain" | "fvh") => {}
            // Where a text may be cut is between words.
            (
                "boundary_scanner"
                | "boundary_scanner_locale"
                | "boundary_chars"
                | "boundary_max_scan"
                | "fragmenter"
                | "force_source"
                | "phrase_limit"
                | "max_analyzed_offset"
                | "max_analyzer_offset"
                | "fragment_offset",
                _,
            ) => {}
            _ => return Err(refuse()),
        }
        Ok(())
    }

    /// Parts of a text with the number of their marks, in the order of the text.
    fn fragments(&self, text: &str, spans: &[(usize, usize)]) -> Vec<(usize, String)> {
        if spans.is_empty() {
            let end = chunks(text, self.no_match_chars).first().copied().unwrap_or((0, 0));
            return if self.no_match_chars == 0 || text.is_empty() { Vec::new() } else { vec![(0, self.marked(text, end, &[]))] };
        }
        if self.fragments_max == 0 || self.fragment_chars == 0 {
            return vec![(spans.len(), self.marked(text, (0, text.len()), spans))];
        }
        let mut parts: Vec<(usize, (usize, usize))> = Vec::new();
        for part in chunks(text, self.fragment_chars) {
            let marks = spans.iter().filter(|it| it.0 >= part.0 && it.1 <= part.1).count();
            if marks > 0 {
                parts.push((marks, part));
            }
        }
        // Those with the most marks, in the order of the text.
        parts.sort_by_key(|it| std::cmp::Reverse(it.0));
        parts.truncate(self.fragments_max);
        parts.sort_by_key(|it| it.1);
        parts.into_iter().map(|(marks, part)| (marks, self.marked(text, part, spans))).collect()
    }

    fn marked(&self, text: &str, (start, end): (usize, usize), spans: &[(usize, usize)]) -> String {
        let mut out = String::new();
        let mut at = start;
        for &(from, to) in spans.iter().filter(|it| it.0 >= start && it.1 <= end) {
            self.push(&mut out, &text[at..from]);
            out.push_str(&self.before);
            self.push(&mut out, &text[from..to]);
            out.push_str(&self.after);
            at = to;
        }
        self.push(&mut out, &text[at..end]);
        out
    }

    fn push(&self, out: &mut String, text: &str) {
        if !self.is_html {
            out.push_str(text);
            return;
        }
        for next in text.chars() {
            match next {
                '"' => out.push_str("&quot;"),
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '\'' => out.push_str("&#x27;"),
                '/' => out.push_str("&#x2F;"),
                other => out.push(other),
            }
        }
    }
}

/// A text cut between words into parts of about that many characters; a longer word stays whole.
fn chunks(text: &str, chars_max: usize) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    let mut part: Option<(usize, usize, usize)> = None;
    let mut at = 0;
    for word in text.split_whitespace() {
        let start = at + text[at..].find(word).unwrap_or(0);
        let end = start + word.len();
        at = end;
        part = match part {
            Some((from, to, chars)) => {
                let longer = chars + text[to..end].chars().count();
                if longer <= chars_max {
                    Some((from, end, longer))
                } else {
                    parts.push((from, to));
                    Some((start, end, word.chars().count()))
                }
            }
            None => Some((start, end, word.chars().count())),
        };
    }
    parts.extend(part.map(|it| (it.0, it.1)));
    parts
}
