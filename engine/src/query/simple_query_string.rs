//! `simple_query_string`: a small syntax in which nothing is an error: `+` and, `|` or, `-` not, quotes, `*` at a word's end,
//! parentheses, `~` for similar words.

use serde_json::{Map, Value, json};

use super::context::nothing;
use super::lucene::{self, Leaf, Mark, Node};
use super::query_string::TextOptions;
use super::{Body, Clause, ClauseKind, Compiler, Parser, Query, TantivyQuery};
use crate::error::QueryError;
use crate::limits::{CLAUSES_MAX, QUERY_DEPTH_MAX};

/// The kind.
pub(crate) struct SimpleQueryString;

#[derive(Debug)]
struct SimpleQueryStringClause {
    query: String,
    tree: Option<Node>,
    options: TextOptions,
}

impl ClauseKind for SimpleQueryString {
    fn name(&self) -> &'static str {
        "simple_query_string"
    }

    fn parse(&self, body: &Value, parser: &mut Parser) -> Result<Query, QueryError> {
        let mut body = Body::new(self.name(), body)?;
        let Some(query) = body.text("query")? else {
            return Err(QueryError::Parsing("[simple_query_string] query text missing".to_owned()));
        };
        let options = TextOptions::take(&mut body, self.name())?;
        match body.text("flags")?.as_deref() {
            None | Some("ALL" | "all") => {}
            Some(other) => return Err(QueryError::IllegalArgument(format!("[simple_query_string] flags [{other}] are not supported; use ALL"))),
        }
        body.ignore(&[
            "analyze_wildcard",
            "auto_generate_synonyms_phrase_query",
            "fuzzy_max_expansions",
            "fuzzy_prefix_length",
            "fuzzy_transpositions",
            "quote_field_suffix",
        ]);
        let common = body.finish()?;
        let mut reader = Reader { text: &query, at: 0, all: options.all, leaves: 0, quotes_are_over: false };
        let tree = reader.group(0)?;
        parser.count(tree.as_ref().map_or(0, Node::leaves))?;
        Ok(Query::new(SimpleQueryStringClause { query, tree, options }).with_options(&common))
    }
}

impl Clause for SimpleQueryStringClause {
    fn name(&self) -> &'static str {
        SimpleQueryString.name()
    }

    fn body(&self) -> Map<String, Value> {
        let mut body = Map::from_iter([("query".to_owned(), json!(self.query))]);
        self.options.write(&mut body);
        body
    }

    fn compile(&self, compiler: &Compiler<'_>) -> Result<TantivyQuery, QueryError> {
        self.tree.as_ref().map_or_else(|| Ok(nothing()), |it| compiler.text_tree(it, &self.options, true))
    }

    fn weight(&self) -> usize {
        self.tree.as_ref().map_or(1, Node::leaves)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    all: bool,
    leaves: usize,
    /// Whether no closing quotation mark follows any more, so that nobody searches for one again.
    quotes_are_over: bool,
}

impl Reader<'_> {
    /// Clauses up to a closing parenthesis or the end.
    fn group(&mut self, depth: usize) -> Result<Option<Node>, QueryError> {
        if depth > QUERY_DEPTH_MAX {
            return Err(lucene::too_deep());
        }
        let default = if self.all { Mark::Must } else { Mark::Should };
        // Clauses read so far, joined by `joined`.
        let mut clauses: Vec<(Mark, Node)> = Vec::new();
        let mut joined = default;
        let mut operator = None;
        let mut is_negated = false;
        while let Some(c) = self.text[self.at..].chars().next() {
            let node = match c {
                ')' => {
                    self.at += 1;
                    if depth > 0 {
                        break;
                    }
                    continue;
                }
                '(' => {
                    self.at += 1;
                    self.group(depth + 1)?
                }
                '+' | '|' => {
                    self.at += 1;
                    // Before the first clause an operator joins nothing.
                    operator = (!clauses.is_empty()).then_some(if c == '+' { Mark::Must } else { Mark::Should });
                    continue;
                }
                '-' => {
                    self.at += 1;
                    is_negated = !is_negated;
                    continue;
                }
                c if c.is_whitespace() => {
                    self.at += c.len_utf8();
                    continue;
                }
                '"' => self.phrase()?,
                _ => self.word()?,
            };
            let Some(mut node) = node else { continue };
            if std::mem::take(&mut is_negated) {
                node = Node::Group(vec![(Mark::MustNot, node)]);
            }
            let mark = operator.take().unwrap_or(default);
            // Another operator than before: what was read so far becomes one clause.
            if clauses.len() > 1 && mark != joined {
                let before = std::mem::take(&mut clauses);
                clauses.push((mark, Node::Group(before)));
                self.check_chain(&clauses[0].1)?;
            } else if let [first] = clauses.as_mut_slice() {
                first.0 = mark;
            }
            joined = mark;
            clauses.push((mark, node));
        }
        Ok(match clauses.len() {
            0 => None,
            1 => clauses.pop().map(|it| it.1),
            _ => Some(Node::Group(clauses)),
        })
    }

    /// Operators that alternate nest to the left.
    fn check_chain(&self, node: &Node) -> Result<(), QueryError> {
        let mut depth = 0;
        let mut node = node;
        while let Node::Group(list) = node
            && let Some(first) = list.first()
        {
            depth += 1;
            node = &first.1;
        }
        if depth > QUERY_DEPTH_MAX { Err(lucene::too_deep()) } else { Ok(()) }
    }

    fn leaf(&mut self, leaf: Leaf) -> Result<Option<Node>, QueryError> {
        self.leaves += 1;
        if self.leaves > CLAUSES_MAX {
            return Err(lucene::too_many());
        }
        Ok(Some(Node::Leaf { field: None, leaf }))
    }

    fn phrase(&mut self) -> Result<Option<Node>, QueryError> {
        self.at += 1;
        if self.quotes_are_over {
            return Ok(None);
        }
        let Some(length) = closing_quote(&self.text[self.at..]) else {
            self.quotes_are_over = true;
            return Ok(None);
        };
        let text = unescape(&self.text[self.at..self.at + length]);
        self.at += length + 1;
        let slop = self.tilde();
        if text.is_empty() { Ok(None) } else { self.leaf(Leaf::Phrase { text, slop: slop.map(|it| it.unwrap_or(0)) }) }
    }

    fn word(&mut self) -> Result<Option<Node>, QueryError> {
        let rest = &self.text[self.at..];
        let mut end = rest.len();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => drop(chars.next()),
                '"' | '|' | '+' | '(' | ')' | '~' => {
                    end = at;
                    break;
                }
                c if c.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let raw = &rest[..end];
        self.at += end;
        if raw.is_empty() {
            // A `~` on its own.
            self.at += 1;
            return Ok(None);
        }
        if let Some(edits) = self.tilde() {
            return self.leaf(Leaf::Fuzzy { text: unescape(raw), edits: edits.map(|it| it.min(2)) });
        }
        match raw.strip_suffix('*') {
            Some("") => self.leaf(Leaf::All),
            Some(beginning) if !beginning.ends_with('\\') => self.leaf(Leaf::Prefix(unescape(beginning))),
            _ => self.leaf(Leaf::Words(unescape(raw))),
        }
    }

    /// Takes `~` and the number after it.
    fn tilde(&mut self) -> Option<Option<usize>> {
        let rest = self.text[self.at..].strip_prefix('~')?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.at += 1 + digits;
        Some(rest[..digits].parse().ok())
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => return Some(at),
            _ => {}
        }
    }
    None
}

fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut reader = Reader { text, at: 0, all: false, leaves: 0, quotes_are_over: false };
        let tree = reader.group(0).unwrap();
        let shown = format!("{tree:?}").replace("Leaf { field: None, leaf: ", "").replace(" }", "");
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn operators_join_to_the_left() {
        check("a", "Some(Words(\"a\"))");
        check("a b", "Some(Group([(Should, Words(\"a\")), (Should, Words(\"b\"))]))");
        check("a + b | c", "Some(Group([(Should, Group([(Must, Words(\"a\")), (Must, Words(\"b\"))])), (Should, Words(\"c\"))]))");
        check("-a", "Some(Group([(MustNot, Words(\"a\"))]))");
    }

    #[test]
    fn nothing_is_an_error() {
        for text in ["(", ")", "((", "\"", "\"a", "~", "+", "-", "a~x", "*", "\\", "|||", "a)b(c", "\"\"", "~~~"] {
            let mut reader = Reader { text, at: 0, all: true, leaves: 0, quotes_are_over: false };
            assert!(reader.group(0).is_ok(), "{text}");
        }
        let mut reader = Reader { text: &"a + b | ".repeat(100), at: 0, all: true, leaves: 0, quotes_are_over: false };
        assert!(matches!(reader.group(0), Err(QueryError::TooManyClauses(_))));
    }
}
