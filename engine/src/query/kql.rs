//! KQL, the language of the dashboard's search box: what a person types becomes a query body.
//!
//! It knows no mapping, scores or fuzziness: the clause `kql` of a query body is the body that the text becomes. What each form means
//! is what Kibana's language means by it; nested documents (`field:{ … }`) are refused, as we have none.
//!
//! ```
//! use sekisho_engine::query::kql;
//! let body = kql::to_json("destination.port: (80 or 443) and not action: deny").unwrap();
//! assert_eq!(body["bool"]["filter"][1]["bool"]["must_not"][0]["match"]["action"], "deny");
//! assert_eq!(kql::to_json("a: (b").unwrap_err().position, 5);
//! ```

use serde_json::{Value, json};

use super::{Body, ClauseKind, Parser as BodyParser, Query};
use crate::error::QueryError;
use crate::limits::{KQL_CHARS_MAX, QUERY_DEPTH_MAX};

/// The kind.
pub(crate) struct Kql;

impl ClauseKind for Kql {
    fn name(&self) -> &'static str {
        "kql"
    }

    fn parse(&self, body: &Value, parser: &mut BodyParser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let Some(text) = body.text("query")? else {
            return Err(QueryError::Parsing("[kql] query text missing".to_owned()));
        };
        let options = body.finish()?;
        let tree = to_json(&text).map_err(|error| QueryError::Parsing(format!("[kql] {error}")))?;
        Ok(parser.query(&tree)?.with_options(&options))
    }
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at character {position}")]
pub struct KqlError {
    /// Characters before the place, from 0.
    pub position: usize,
    /// What is wrong, for a person.
    pub reason: String,
}

/// The query body of a text; nothing but spaces is every document.
///
/// # Errors
/// [`KqlError`] for what is not understood, for more than [`KQL_CHARS_MAX`] characters, or more than [`QUERY_DEPTH_MAX`] parentheses and
/// `not`s in each other.
pub fn to_json(text: &str) -> Result<Value, KqlError> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > KQL_CHARS_MAX {
        return Err(KqlError { position: KQL_CHARS_MAX, reason: format!("the text has more than [{KQL_CHARS_MAX}] characters") });
    }
    let mut parser = Parser { chars, at: 0, depth: 0 };
    parser.spaces();
    if parser.peek().is_none() {
        return Ok(json!({ "match_all": {} }));
    }
    let query = parser.alternatives(None)?;
    parser.spaces();
    match parser.peek() {
        None => Ok(query),
        Some(')') => parser.refuse("[)] closes nothing"),
        Some(':') => parser.refuse("[:] without a field before it; between conditions stands [and] or [or]"),
        Some(_) => parser.refuse("expected [and], [or] or the end"),
    }
}

impl Query {
    /// Reads KQL.
    ///
    /// # Errors
    /// [`QueryError::Parsing`] with the place; as [`Query::from_json`] for a tree that is too large.
    pub fn kql(text: &str) -> Result<Self, QueryError> {
        let body = to_json(text).map_err(|error| QueryError::Parsing(error.to_string()))?;
        Self::from_json(&body)
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

/// A value as it was written.
struct Literal {
    pieces: Vec<Piece>,
    is_quoted: bool,
    position: usize,
}

enum Piece {
    Text(String),
    /// `*` without a backslash or quotes.
    Any,
}

impl Parser {
    /// Conditions joined by `or`; inside the parentheses after a field, values of that field.
    fn alternatives(&mut self, field: Option<&Literal>) -> Result<Value, KqlError> {
        let mut all = vec![self.conjunction(field)?];
        while self.keyword("or") {
            all.push(self.conjunction(field)?);
        }
        Ok(match all.len() {
            1 => all.remove(0),
            _ => json!({ "bool": { "should": all, "minimum_should_match": 1 } }),
        })
    }

    fn conjunction(&mut self, field: Option<&Literal>) -> Result<Value, KqlError> {
        let mut all = vec![self.negation(field)?];
        while self.keyword("and") {
            all.push(self.negation(field)?);
        }
        Ok(match all.len() {
            1 => all.remove(0),
            _ => json!({ "bool": { "filter": all } }),
        })
    }

    fn negation(&mut self, field: Option<&Literal>) -> Result<Value, KqlError> {
        if self.keyword("not") {
            self.enter()?;
            let query = self.negation(field)?;
            self.depth -= 1;
            return Ok(json!({ "bool": { "must_not": [query] } }));
        }
        self.spaces();
        if self.peek() == Some('(') {
            self.at += 1;
            self.enter()?;
            let query = self.alternatives(field)?;
            self.depth -= 1;
            self.close()?;
            return Ok(query);
        }
        let literal = self.literal()?;
        match field {
            Some(field) => Ok(is(field, &literal)),
            None => self.condition(literal),
        }
    }

    /// What follows a literal outside of a list of values: a value of the field that it names, or nothing.
    fn condition(&mut self, literal: Literal) -> Result<Value, KqlError> {
        match self.peek() {
            Some(':') => {
                self.at += 1;
                self.spaces();
                match self.peek() {
                    Some('(') => {
                        self.at += 1;
                        self.enter()?;
                        let query = self.alternatives(Some(&literal))?;
                        self.depth -= 1;
                        self.close()?;
                        Ok(query)
                    }
                    Some('{') => self.refuse("nested documents are not supported"),
                    _ => {
                        let value = self.literal()?;
                        Ok(is(&literal, &value))
                    }
                }
            }
            Some(sign @ ('<' | '>')) => {
                self.at += 1;
                let is_inclusive = self.peek() == Some('=');
                self.at += usize::from(is_inclusive);
                if literal.has_wildcard() {
                    self.at = literal.position;
                    return self.refuse("a comparison needs the whole name of a field");
                }
                self.spaces();
                let value = self.literal()?;
                if value.has_wildcard() {
                    self.at = value.position;
                    return self.refuse("a comparison needs a value without [*]");
                }
                let operator = match (sign, is_inclusive) {
                    ('<', false) => "lt",
                    ('<', true) => "lte",
                    (_, false) => "gt",
                    (_, true) => "gte",
                };
                Ok(json!({ "range": { literal.text(): { operator: value.text() } } }))
            }
            _ => Ok(anywhere(&literal)),
        }
    }

    fn literal(&mut self) -> Result<Literal, KqlError> {
        self.spaces();
        let position = self.at;
        match self.peek() {
            Some('"') => self.quoted(),
            None => self.refuse("a value is missing"),
            Some(found @ ('(' | ')' | ':' | '<' | '>' | '{' | '}')) => self.refuse(&format!("a value is missing before [{found}]")),
            Some(_) => {
                let literal = self.unquoted()?;
                if literal.pieces.is_empty() {
                    self.at = position;
                    return self.refuse("a value is missing");
                }
                Ok(literal)
            }
        }
    }

    fn quoted(&mut self) -> Result<Literal, KqlError> {
        let position = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => {
                    self.at = position;
                    return self.refuse("[\"] is not closed");
                }
                Some('"') => break,
                Some('\\') => text.push_str(&self.escaped(true)?),
                Some(other) => {
                    text.push(other);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        self.spaces();
        Ok(Literal { pieces: vec![Piece::Text(text)], is_quoted: true, position })
    }

    /// Words up to a sign or a keyword; spaces between them belong to the value.
    fn unquoted(&mut self) -> Result<Literal, KqlError> {
        let position = self.at;
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut spaces = String::new();
        while let Some(next) = self.peek() {
            if next.is_whitespace() {
                if ["and", "or", "not"].iter().any(|it| self.keyword_at(self.at, it).is_some()) {
                    break;
                }
                spaces.push(next);
                self.at += 1;
                continue;
            }
            if matches!(next, '(' | ')' | ':' | '<' | '>' | '"' | '{' | '}') || self.at == position && self.is_keyword() {
                break;
            }
            text.push_str(&std::mem::take(&mut spaces));
            match next {
                '*' => {
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    pieces.push(Piece::Any);
                    self.at += 1;
                }
                '\\' => text.push_str(&self.escaped(false)?),
                other => {
                    text.push(other);
                    self.at += 1;
                }
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Literal { pieces, is_quoted: false, position })
    }

    /// What a backslash and the characters after it stand for.
    fn escaped(&mut self, is_quoted: bool) -> Result<String, KqlError> {
        let next = self.chars.get(self.at + 1).copied();
        let text = match next {
            Some('t') => "\t".to_owned(),
            Some('r') => "\r".to_owned(),
            Some('n') if is_quoted || self.word_at(self.at + 1, "not").is_none() => "\n".to_owned(),
            Some('u') => {
                let digits: String = self.chars.iter().skip(self.at + 2).take(4).collect();
                let found = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4).and_then(char::from_u32);
                let Some(found) = found else { return self.refuse("[\\u] needs four hexadecimal digits of a character") };
                self.at += 6;
                return Ok(found.to_string());
            }
            Some(sign @ ('\\' | '(' | ')' | ':' | '<' | '>' | '"' | '*' | '{' | '}' | ' ')) => sign.to_string(),
            _ => {
                if !is_quoted && let Some(word) = ["and", "or", "not"].into_iter().find(|it| self.word_at(self.at + 1, it).is_some()) {
                    let text: String = self.chars[self.at + 1..=self.at + word.len()].iter().collect();
                    self.at += 1 + word.len();
                    return Ok(text);
                }
                return self
                    .refuse("[\\] must be followed by one of [\\ ( ) : < > \" * { }], [t], [r], [n], [uXXXX] or a keyword; write [\\\\] for itself");
            }
        };
        self.at += 2;
        Ok(text)
    }

    /// Takes a keyword with the spaces around it.
    fn keyword(&mut self, word: &str) -> bool {
        let end = self.keyword_at(self.at, word);
        if let Some(end) = end {
            self.at = end;
            self.spaces();
        }
        end.is_some()
    }

    fn is_keyword(&self) -> bool {
        ["and", "or", "not"].iter().any(|it| self.keyword_at(self.at, it).is_some())
    }

    /// The end of a keyword that stands there after spaces or a sign, and is followed by either.
    fn keyword_at(&self, from: usize, word: &str) -> Option<usize> {
        let start = from + self.chars[from..].iter().take_while(|it| it.is_whitespace()).count();
        let is_apart = start == 0 || self.chars[start - 1].is_whitespace() || matches!(self.chars[start - 1], '(' | ')' | '"');
        if is_apart { self.word_at(start, word) } else { None }
    }

    fn word_at(&self, start: usize, word: &str) -> Option<usize> {
        let end = start + word.len();
        let found = self.chars.get(start..end)?;
        let is_word = found.iter().zip(word.chars()).all(|(a, b)| a.to_ascii_lowercase() == b);
        let is_ended = self.chars.get(end).is_none_or(|it| it.is_whitespace() || matches!(it, '(' | ')' | '"'));
        (is_word && is_ended).then_some(end)
    }

    fn enter(&mut self) -> Result<(), KqlError> {
        self.depth += 1;
        if self.depth > QUERY_DEPTH_MAX {
            return self.refuse(&format!("more than [{QUERY_DEPTH_MAX}] parentheses and [not]s in each other"));
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), KqlError> {
        self.spaces();
        if self.peek() != Some(')') {
            let what = if self.peek().is_none() { "[(] is not closed" } else { "expected [and], [or] or [)]" };
            return self.refuse(what);
        }
        self.at += 1;
        self.spaces();
        Ok(())
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn refuse<T>(&self, reason: &str) -> Result<T, KqlError> {
        Err(KqlError { position: self.at, reason: reason.to_owned() })
    }
}

impl Literal {
    fn has_wildcard(&self) -> bool {
        self.pieces.iter().any(|it| matches!(it, Piece::Any))
    }

    /// The value where wildcards mean themselves; the name of a field, or a pattern of names.
    fn text(&self) -> String {
        self.pieces.iter().map(|it| if let Piece::Text(text) = it { text.as_str() } else { "*" }).collect()
    }

    fn is_any(&self) -> bool {
        matches!(self.pieces.as_slice(), [Piece::Any])
    }

    /// The value in the language of `query_string`, where only wildcards mean something.
    fn query_string(&self) -> String {
        let mut query = String::new();
        for piece in &self.pieces {
            let Piece::Text(text) = piece else {
                query.push('*');
                continue;
            };
            for next in text.chars() {
                if next.is_whitespace() || "+-=&|><!(){}[]^\"~*?:\\/".contains(next) {
                    query.push('\\');
                }
                query.push(next);
            }
        }
        query
    }
}

/// A field has a value.
fn is(field: &Literal, value: &Literal) -> Value {
    let name = field.text();
    match (field.has_wildcard(), value.has_wildcard()) {
        (true, true) if field.is_any() && value.is_any() => json!({ "match_all": {} }),
        (false, true) if value.is_any() => json!({ "exists": { "field": name } }),
        (_, true) => json!({ "query_string": { "fields": [name], "query": value.query_string(), "lenient": field.has_wildcard() } }),
        (true, false) => {
            let kind = if value.is_quoted { "phrase" } else { "best_fields" };
            json!({ "multi_match": { "fields": [name], "query": value.text(), "type": kind, "lenient": true } })
        }
        (false, false) if value.is_quoted => json!({ "match_phrase": { name: value.text() } }),
        (false, false) => json!({ "match": { name: value.text() } }),
    }
}

/// A value without a field: in whichever has it.
fn anywhere(value: &Literal) -> Value {
    if value.is_any() {
        return json!({ "match_all": {} });
    }
    if value.has_wildcard() {
        return json!({ "query_string": { "query": value.query_string(), "lenient": true } });
    }
    let kind = if value.is_quoted { "phrase" } else { "best_fields" };
    json!({ "multi_match": { "query": value.text(), "type": kind, "lenient": true } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Value) {
        assert_eq!(to_json(text), Ok(expected.clone()), "{text}");
        Query::from_json(&expected).unwrap();
    }

    #[track_caller]
    fn refused(text: &str, position: usize, reason: &str) {
        let error = to_json(text).unwrap_err();
        assert_eq!(error.position, position, "{text}: {error}");
        assert!(error.reason.contains(reason), "{text}: {error}");
    }

    fn is(field: &str, value: &str) -> Value {
        json!({ "match": { field: value } })
    }

    #[test]
    fn values_and_fields() {
        check("", json!({ "match_all": {} }));
        check("  *:* ", json!({ "match_all": {} }));
        check("action: deny", is("action", "deny"));
        check("action:deny", is("action", "deny"));
        check(" rule.name : allow all  ", is("rule.name", "allow all"));
        check(r#"rule.name: "allow all""#, json!({ "match_phrase": { "rule.name": "allow all" } }));
        check("user.name: *", json!({ "exists": { "field": "user.name" } }));
        check("url: *.exe", json!({ "query_string": { "fields": ["url"], "query": "*.exe", "lenient": false } }));
        check("url: a b/*", json!({ "query_string": { "fields": ["url"], "query": r"a\ b\/*", "lenient": false } }));
        check(
            "source.*: 10.0.0.1",
            json!({ "multi_match": { "fields": ["source.*"], "query": "10.0.0.1", "type": "best_fields", "lenient": true } }),
        );
        check("10.0.0.1", json!({ "multi_match": { "query": "10.0.0.1", "type": "best_fields", "lenient": true } }));
        check(r#""a b""#, json!({ "multi_match": { "query": "a b", "type": "phrase", "lenient": true } }));
        check("den*", json!({ "query_string": { "query": "den*", "lenient": true } }));
    }

    #[test]
    fn comparisons() {
        check("bytes > 10", json!({ "range": { "bytes": { "gt": "10" } } }));
        check("bytes>=10", json!({ "range": { "bytes": { "gte": "10" } } }));
        check("bytes < 10", json!({ "range": { "bytes": { "lt": "10" } } }));
        check(r#"@timestamp <= "2026-01-01T00:00:00Z""#, json!({ "range": { "@timestamp": { "lte": "2026-01-01T00:00:00Z" } } }));
    }

    #[test]
    fn or_binds_less_than_and_and_not_most() {
        let (a, b, c) = (is("a", "1"), is("b", "2"), is("c", "3"));
        check("a:1 and b:2", json!({ "bool": { "filter": [a, b] } }));
        check("a:1 or b:2 AND c:3", json!({ "bool": { "should": [a, { "bool": { "filter": [b, c] } }], "minimum_should_match": 1 } }));
        check("(a:1 or b:2) and c:3", json!({ "bool": { "filter": [{ "bool": { "should": [a, b], "minimum_should_match": 1 } }, c] } }));
        check("not a:1 and b:2", json!({ "bool": { "filter": [{ "bool": { "must_not": [a] } }, b] } }));
        check("not (a:1 and b:2)", json!({ "bool": { "must_not": [{ "bool": { "filter": [a, b] } }] } }));
        check("not not a:1", json!({ "bool": { "must_not": [{ "bool": { "must_not": [a] } }] } }));
    }

    #[test]
    fn lists_of_values() {
        let (one, two) = (is("p", "80"), is("p", "443"));
        check("p: (80 or 443)", json!({ "bool": { "should": [one, two], "minimum_should_match": 1 } }));
        check("p:(80 and not 443)", json!({ "bool": { "filter": [one, { "bool": { "must_not": [two] } }] } }));
        check("p:(not 443)", json!({ "bool": { "must_not": [two] } }));
        check("p:((80))", one);
        check(r#"p: ("80" or 443)"#, json!({ "bool": { "should": [{ "match_phrase": { "p": "80" } }, two], "minimum_should_match": 1 } }));
    }

    #[test]
    fn keywords_and_signs_are_taken_as_text_where_they_are_escaped_or_parts_of_words() {
        check("a: android", is("a", "android"));
        check("a: notation", is("a", "notation"));
        check("a: cannot be", is("a", "cannot be"));
        check("a: x-or y", is("a", "x-or y"));
        check(r"a: \and", is("a", "and"));
        check(r"a: b \or c", is("a", "b or c"));
        check(r"a: \not", is("a", "not"));
        check(r"a\:b: \(c\)", is("a:b", "(c)"));
        check(r"a: c\\windows", is("a", r"c\windows"));
        check(r#"a: "say \"x\" \\ \*""#, json!({ "match_phrase": { "a": r#"say "x" \ *"# } }));
        check(r"a: \*", is("a", "*"));
        check(r"a: \u263a", is("a", "\u{263a}"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        refused("a:", 2, "a value is missing");
        refused("a: (b", 5, "[(] is not closed");
        refused("a: b)", 4, "[)] closes nothing");
        refused("a and", 5, "a value is missing");
        refused("and a", 0, "a value is missing");
        refused("a: 1 b: 2", 6, "[:] without a field");
        refused(r#"a: "b"#, 3, "is not closed");
        refused(r"a: c\windows", 4, "must be followed by");
        refused("a: { b: 1 }", 3, "nested documents");
        refused("a > *", 4, "without [*]");
        refused("a* > 1", 0, "whole name");
        refused("a not b", 2, "expected");
        refused(&"(".repeat(100), 31, "more than [30]");
        refused(&"a".repeat(KQL_CHARS_MAX + 1), KQL_CHARS_MAX, "more than");
    }
}
