//! The syntax of `query_string`: Lucene's classic query language, parsed into a tree of leaves and groups.
//!
//! Follows the grammar of Lucene's classic parser, with its way of combining (`AND` marks the clauses on both sides as
//! required; there is no precedence). Where Lucene refuses what people write in log searches, this parser takes it: `/` and
//! `:` inside the value of a field (`source.ip:10.0.0.0/8`, `url.path:/a/b`, IPv6 addresses). Nothing is tried twice, so the
//! time is linear; depth and clauses are limited while reading.

use crate::error::QueryError;
use crate::limits::{CLAUSES_MAX, QUERY_DEPTH_MAX};

/// A parsed query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Group(Vec<(Mark, Node)>),
    Leaf { field: Option<String>, leaf: Leaf },
    Boosted(Box<Node>, f32),
}

/// What a clause is to its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Must,
    Should,
    MustNot,
}

/// A question to one or several fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Leaf {
    /// Every document.
    All,
    /// Documents that have the field.
    Exists(String),
    /// A value, or words on an analysed field.
    Words(String),
    /// Several words with nothing but space between them: one text to analysed fields.
    Sequence(Vec<String>),
    Phrase {
        text: String,
        slop: Option<usize>,
    },
    /// A pattern with `*`, `?` and escapes.
    Wildcard(String),
    Regexp(String),
    Range {
        lower: End,
        upper: End,
    },
    /// A word and how many edits it may be away; `None` is by its length.
    Fuzzy {
        text: String,
        edits: Option<usize>,
    },
    /// The beginning of a value or word.
    Prefix(String),
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    Included(String),
    Excluded(String),
}

impl Node {
    /// Leaves in the tree.
    pub(crate) fn leaves(&self) -> usize {
        match self {
            Node::Group(list) => list.iter().map(|it| it.1.leaves()).sum(),
            Node::Boosted(node, _) => node.leaves(),
            Node::Leaf { leaf: Leaf::Sequence(words), .. } => words.len(),
            Node::Leaf { .. } => 1,
        }
    }

    /// Whether some date in it depends on the time.
    pub(crate) fn uses_now(&self) -> bool {
        let is_now = |it: &str| it.starts_with("now");
        let ends_in_now = |it: &End| matches!(it, End::Included(it) | End::Excluded(it) if is_now(it));
        match self {
            Node::Group(list) => list.iter().any(|it| it.1.uses_now()),
            Node::Boosted(node, _) => node.uses_now(),
            Node::Leaf { leaf: Leaf::Range { lower, upper }, .. } => ends_in_now(lower) || ends_in_now(upper),
            Node::Leaf { leaf: Leaf::Words(it) | Leaf::Phrase { text: it, .. }, .. } => is_now(it),
            Node::Leaf { leaf: Leaf::Sequence(list), .. } => list.iter().any(|it| is_now(it)),
            Node::Leaf { .. } => false,
        }
    }
}

/// Parses a query; `all` makes clauses required that nothing marks. `None` where there is no clause.
///
/// # Errors
/// `Failed to parse query [...]`, or a limit.
pub(crate) fn parse(text: &str, all: bool) -> Result<Option<Node>, QueryError> {
    let mut parser = Parser { text, at: 0, depth: 0, leaves: 0, all };
    parser.group(None, false)
}

pub(crate) fn too_many() -> QueryError {
    QueryError::TooManyClauses(format!("Query contains too many nested clauses; maxClauseCount is set to {CLAUSES_MAX}"))
}

pub(crate) fn too_deep() -> QueryError {
    QueryError::TooManyClauses(format!("The nested depth of the query exceeds the maximum nested depth for bool queries set in [{QUERY_DEPTH_MAX}]"))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    leaves: usize,
    all: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Conjunction {
    None,
    And,
    Or,
}

#[derive(Clone, Copy, PartialEq)]
enum Modifier {
    None,
    Required,
    Not,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self) -> Result<T, QueryError> {
        Err(QueryError::QueryShard(format!("Failed to parse query [{}]", self.text)))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// Takes an operator that is a word of its own: `AND`, `&&`.
    fn take_word(&mut self, words: &[&str]) -> bool {
        let rest = self.rest();
        let found = words.iter().find(|it| rest.strip_prefix(**it).is_some_and(|it| it.chars().next().is_none_or(|c| c.is_whitespace() || c == '(')));
        self.at += found.map_or(0, |it| it.len());
        found.is_some()
    }

    /// Clauses up to the end, or to the closing parenthesis.
    fn group(&mut self, field: Option<&str>, is_inner: bool) -> Result<Option<Node>, QueryError> {
        let mut clauses: Vec<(Mark, Node)> = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None if is_inner => return self.fail(),
                None => break,
                Some(')') if is_inner => {
                    self.at += 1;
                    break;
                }
                Some(')') => return self.fail(),
                Some(_) => {}
            }
            if let Some(words) = self.sequence()? {
                let leaf = Node::Leaf { field: field.map(str::to_owned), leaf: Leaf::Sequence(words) };
                clauses.push((if self.all { Mark::Must } else { Mark::Should }, leaf));
                continue;
            }
            let conjunction = if self.take_word(&["AND", "&&"]) {
                Conjunction::And
            } else if self.take_word(&["OR", "||"]) {
                Conjunction::Or
            } else {
                Conjunction::None
            };
            if conjunction != Conjunction::None && clauses.is_empty() {
                return self.fail();
            }
            self.skip_space();
            let modifier = if self.take_word(&["NOT"]) || self.take("!") || self.take("-") {
                Modifier::Not
            } else if self.take("+") {
                Modifier::Required
            } else {
                Modifier::None
            };
            self.skip_space();
            let node = self.clause(field)?;
            self.add(&mut clauses, conjunction, modifier, node);
        }
        Ok(match clauses.len() {
            0 => None,
            1 if clauses[0].0 != Mark::MustNot => clauses.pop().map(|it| it.1),
            _ => Some(Node::Group(clauses)),
        })
    }

    /// Takes two or more plain words in a row: Lucene's `MultiTerm`. The last of them must not belong to an operator after it.
    fn sequence(&mut self) -> Result<Option<Vec<String>>, QueryError> {
        let start = self.at;
        let mut words = Vec::new();
        while let Some(raw) = self.plain_word() {
            let before = self.at;
            self.at += raw.len();
            self.skip_space();
            let after = self.at;
            if self.take_word(&["AND", "&&", "OR", "||"]) {
                self.at = before;
                break;
            }
            self.at = after;
            words.extend(unescape(raw));
            self.leaves += 1;
            if self.leaves > CLAUSES_MAX {
                return Err(too_many());
            }
        }
        if words.len() < 2 {
            self.leaves -= words.len();
            self.at = start;
            return Ok(None);
        }
        Ok(Some(words))
    }

    /// The word here if it is nothing but a word: no field, no operator, no pattern, no boost.
    fn plain_word(&self) -> Option<&'a str> {
        if self.peek().is_none_or(|it| matches!(it, '+' | '-' | '!' | '/')) {
            return None;
        }
        let raw = self.raw_word(false);
        let is_operator = matches!(raw, "" | "AND" | "OR" | "NOT" | "&&" | "||");
        let continues = self.rest()[raw.len()..].starts_with([':', '^', '~']);
        (!is_operator && !continues && !has_wildcard(raw) && unescape(raw).is_some()).then_some(raw)
    }

    /// Lucene's `addClause`: a conjunction reaches back to the clause before it.
    fn add(&self, clauses: &mut Vec<(Mark, Node)>, conjunction: Conjunction, modifier: Modifier, node: Option<Node>) {
        if let Some(last) = clauses.last_mut()
            && last.0 != Mark::MustNot
        {
            match conjunction {
                Conjunction::And => last.0 = Mark::Must,
                Conjunction::Or if self.all => last.0 = Mark::Should,
                _ => {}
            }
        }
        // A group without clauses stands for nothing.
        let Some(node) = node else { return };
        let is_required = if self.all { conjunction != Conjunction::Or } else { modifier == Modifier::Required || conjunction == Conjunction::And };
        let mark = match (modifier, is_required) {
            (Modifier::Not, _) => Mark::MustNot,
            (_, true) => Mark::Must,
            (_, false) => Mark::Should,
        };
        clauses.push((mark, node));
    }

    fn clause(&mut self, field: Option<&str>) -> Result<Option<Node>, QueryError> {
        let field_name;
        let mut field = field;
        if !matches!(self.peek(), Some('"' | '(' | '[' | '{'))
            && let Some(name) = self.field_name()
        {
            field_name = name;
            field = Some(&field_name);
            self.skip_space();
        }
        let node = if self.take("(") {
            self.depth += 1;
            if self.depth > QUERY_DEPTH_MAX {
                return Err(too_deep());
            }
            let group = self.group(field, true)?;
            self.depth -= 1;
            group
        } else {
            self.leaves += 1;
            if self.leaves > CLAUSES_MAX {
                return Err(too_many());
            }
            let leaf = self.leaf(field)?;
            Some(match leaf {
                Leaf::Exists(_) | Leaf::All => Node::Leaf { field: None, leaf },
                leaf => Node::Leaf { field: field.map(str::to_owned), leaf },
            })
        };
        if self.take("^") {
            let Some(boost) = self.number() else { return self.fail() };
            return Ok(node.map(|it| Node::Boosted(Box::new(it), boost)));
        }
        Ok(node)
    }

    /// Takes `name:` where it stands here.
    fn field_name(&mut self) -> Option<String> {
        let raw = self.raw_word(false);
        if raw.is_empty() || !self.rest()[raw.len()..].starts_with(':') {
            return None;
        }
        self.at += raw.len() + 1;
        unescape(raw)
    }

    /// The word here with its escapes, without taking it. In a value `:` belongs to the word.
    fn raw_word(&self, is_value: bool) -> &'a str {
        let rest = self.rest();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    chars.next();
                }
                ':' if !is_value => return &rest[..at],
                '(' | ')' | '[' | ']' | '{' | '}' | '"' | '^' | '~' => return &rest[..at],
                c if c.is_whitespace() => return &rest[..at],
                _ => {}
            }
        }
        rest
    }

    fn leaf(&mut self, field: Option<&str>) -> Result<Leaf, QueryError> {
        match self.peek() {
            Some('"') => {
                let text = self.quoted()?;
                if field == Some("_exists_") {
                    return Ok(Leaf::Exists(text));
                }
                let slop = if self.take("~") { Some(self.number().unwrap_or(0.0) as usize) } else { None };
                return Ok(Leaf::Phrase { text, slop });
            }
            Some('[' | '{') => return self.range(),
            Some('/') => {
                if let Some(expression) = self.regexp() {
                    return Ok(Leaf::Regexp(expression));
                }
            }
            Some('<' | '>') if field.is_some() => return self.comparison(),
            _ => {}
        }
        let raw = self.raw_word(field.is_some());
        // An operator stands where a clause should.
        if matches!(raw, "" | "AND" | "OR" | "NOT" | "&&" | "||") {
            return self.fail();
        }
        self.at += raw.len();
        let Some(text) = unescape(raw) else { return self.fail() };
        if field == Some("_exists_") {
            return Ok(Leaf::Exists(text));
        }
        if self.take("~") {
            let edits = self.number();
            // A fraction was a similarity once; by the word's length is what it comes to.
            let edits = edits.filter(|it| *it >= 1.0 || *it == 0.0).map(|it| (it as usize).min(2));
            return Ok(Leaf::Fuzzy { text, edits });
        }
        Ok(match (raw, field) {
            ("*", None | Some("*")) => Leaf::All,
            ("*", Some(field)) => Leaf::Exists(field.to_owned()),
            _ if has_wildcard(raw) => Leaf::Wildcard(raw.to_owned()),
            _ => Leaf::Words(text),
        })
    }

    /// The text between quotation marks; a backslash makes the next character stand for itself.
    fn quoted(&mut self) -> Result<String, QueryError> {
        self.at += 1;
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' => text.extend(chars.next().map(|it| it.1)),
                c => text.push(c),
            }
        }
        self.fail()
    }

    /// `/…/` where the closing slash ends the word; else the slash is a character of a path.
    fn regexp(&mut self) -> Option<String> {
        let inner = &self.rest()[1..];
        let mut chars = inner.char_indices();
        let mut expression = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '/' => {
                    let after = inner[at + 1..].chars().next();
                    if after.is_none_or(|it| it.is_whitespace() || matches!(it, ')' | '^')) {
                        self.at += at + 2;
                        return Some(expression);
                    }
                    return None;
                }
                '\\' => match chars.next()?.1 {
                    '/' => expression.push('/'),
                    c => expression.extend(['\\', c]),
                },
                c => expression.push(c),
            }
        }
        None
    }

    /// `[a TO b]`, `{a TO b}`, and mixed.
    fn range(&mut self) -> Result<Leaf, QueryError> {
        let includes_lower = self.peek() == Some('[');
        self.at += 1;
        let lower = self.range_end()?;
        self.skip_space();
        if !self.take("TO") || !self.peek().is_some_and(char::is_whitespace) {
            return self.fail();
        }
        let upper = self.range_end()?;
        self.skip_space();
        let includes_upper = match self.peek() {
            Some(']') => true,
            Some('}') => false,
            _ => return self.fail(),
        };
        self.at += 1;
        let end = |it: Option<String>, includes| match it {
            None => End::Open,
            Some(it) if includes => End::Included(it),
            Some(it) => End::Excluded(it),
        };
        Ok(Leaf::Range { lower: end(lower, includes_lower), upper: end(upper, includes_upper) })
    }

    fn range_end(&mut self) -> Result<Option<String>, QueryError> {
        self.skip_space();
        if self.peek() == Some('"') {
            return self.quoted().map(Some);
        }
        let rest = self.rest();
        let raw = &rest[..rest.find(|c: char| c.is_whitespace() || matches!(c, ']' | '}')).unwrap_or(rest.len())];
        self.at += raw.len();
        match raw {
            "" => self.fail(),
            "*" => Ok(None),
            raw => match unescape(raw) {
                Some(text) => Ok(Some(text)),
                None => self.fail(),
            },
        }
    }

    /// `>=10`, `<now-1h`.
    fn comparison(&mut self) -> Result<Leaf, QueryError> {
        let is_lower = self.peek() == Some('>');
        self.at += 1;
        let includes = self.take("=");
        self.skip_space();
        let text = if self.peek() == Some('"') {
            self.quoted()?
        } else {
            let raw = self.raw_word(true);
            self.at += raw.len();
            match unescape(raw) {
                Some(text) if !text.is_empty() => text,
                _ => return self.fail(),
            }
        };
        let end = if includes { End::Included(text) } else { End::Excluded(text) };
        Ok(if is_lower { Leaf::Range { lower: end, upper: End::Open } } else { Leaf::Range { lower: End::Open, upper: end } })
    }

    /// Takes digits with a decimal point.
    fn number(&mut self) -> Option<f32> {
        let rest = self.rest();
        let len = rest.bytes().take_while(|it| it.is_ascii_digit() || *it == b'.').count();
        let number = rest[..len].parse().ok().filter(|it: &f32| it.is_finite());
        if number.is_some() {
            self.at += len;
        }
        number
    }
}

/// Whether a word has a `*` or `?` that is not escaped.
fn has_wildcard(raw: &str) -> bool {
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '*' | '?' => return true,
            _ => {}
        }
    }
    false
}

/// The word without its escapes; `None` where it ends in the middle of one.
fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as text: `+` must, `-` must not.
    fn show(node: &Node) -> String {
        match node {
            Node::Group(list) => {
                let parts: Vec<String> = list
                    .iter()
                    .map(|(mark, node)| {
                        let mark = match mark {
                            Mark::Must => "+",
                            Mark::Should => "",
                            Mark::MustNot => "-",
                        };
                        format!("{mark}{}", show(node))
                    })
                    .collect();
                format!("({})", parts.join(" "))
            }
            Node::Boosted(node, boost) => format!("{}^{boost}", show(node)),
            Node::Leaf { field, leaf: Leaf::Sequence(words) } => {
                format!("{}{}", field.as_ref().map_or(String::new(), |it| format!("{it}:")), words.join("_"))
            }
            Node::Leaf { field, leaf } => {
                format!("{}{leaf:?}", field.as_ref().map_or(String::new(), |it| format!("{it}:"))).replace("Words(\"", "").replace("\")", "")
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let node = parse(text, false).unwrap();
        assert_eq!(node.as_ref().map_or(String::new(), show), expected, "{text}");
    }

    #[test]
    fn conjunctions_reach_back() {
        check("a b", "a_b");
        check("a b c AND d e f", "(a_b +c +d e_f)");
        check("a b^2", "(a b^2)");
        check("a b x:c", "(a_b x:c)");
        check("x:(a b)", "x:a_b");
        check("a AND b", "(+a +b)");
        check("a OR b AND c", "(a +b +c)");
        check("a AND b OR c", "(+a +b c)");
        check("a AND NOT b", "(+a -b)");
        check("a && !b || -c +d", "(+a -b -c +d)");
        check("NOT a", "(-a)");
        check("a (b OR c)", "(a (b c))");
        check("NOTE ANDROID", "NOTE_ANDROID");
        check("() a", "a");
        check("  ", "");
        let all = parse("a b OR c -d", true).unwrap().unwrap();
        assert_eq!(show(&all), "(+a b c -d)");
    }

    #[test]
    fn values_of_fields_take_slashes_and_colons() {
        check("source.ip:10.0.0.0/8", "source.ip:10.0.0.0/8");
        check("source.ip:2001:db8::1", "source.ip:2001:db8::1");
        check("url.path:/a/b", "url.path:/a/b");
        check("a:(b OR c)^2", "(a:b a:c)^2");
        check("a: b", "a:b");
        check("@timestamp:x\\:y", "@timestamp:x:y");
        check("http\\://x", "http://x");
    }

    #[test]
    fn leaves_of_all_kinds() {
        check("*", "All");
        check("*:*", "All");
        check("a:*", "Exists(\"a");
        check("_exists_:a.b", "Exists(\"a.b");
        check("a:b*c", "a:Wildcard(\"b*c");
        check("a:b\\*c", "a:b*c");
        check("\"x y\"~3", "Phrase { text: \"x y\", slop: Some(3) }");
        check("\"x \\\" y\"", "Phrase { text: \"x \\\" y\", slop: None }");
        check("a:/b.*c/", "a:Regexp(\"b.*c");
        check("a:[1 TO 5}", "a:Range { lower: Included(\"1, upper: Excluded(\"5 }");
        check("a:{* TO \"x y\"]", "a:Range { lower: Open, upper: Included(\"x y }");
        check("a:>=10 b:<5", "(a:Range { lower: Included(\"10, upper: Open } b:Range { lower: Open, upper: Excluded(\"5 })");
        check("wrod~ x~1", "(Fuzzy { text: \"wrod\", edits: None } Fuzzy { text: \"x\", edits: Some(1) })");
    }

    #[test]
    fn broken_queries_are_refused() {
        for text in
            ["(a", "a)", "\"a", "a:", "a:[1 TO", "a:[1 5]", "a:[1 TO 2", "AND a", "a^x", "a\\", "[a", "^", "~", ":a", "a AND", "a OR OR b", "-", "]"]
        {
            assert!(matches!(parse(text, false), Err(QueryError::QueryShard(_))), "{text}");
        }
        assert_eq!(parse("(a", false).unwrap_err().to_string(), "Failed to parse query [(a]");
    }

    #[test]
    fn limits_hold_before_the_tree_is_built() {
        assert!(matches!(parse(&"(".repeat(100_000), false), Err(QueryError::TooManyClauses(_))));
        assert!(matches!(parse(&"a ".repeat(CLAUSES_MAX + 1), false), Err(QueryError::TooManyClauses(_))));
        assert!(parse(&format!("{}a{}", "(".repeat(QUERY_DEPTH_MAX), ")".repeat(QUERY_DEPTH_MAX)), false).is_ok());
    }
}
