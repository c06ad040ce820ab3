//! Patterns over the terms of a dictionary: prefixes, wildcards, Lucene's regular expressions, similar words.
//!
//! Everything runs in time linear in the term (the `regex` crate, no backtracking) and is built within a size limit, whatever
//! the pattern. Lucene's syntax is translated; operators that have no counterpart (`~` complement, `&` intersection, `<1-5>`
//! intervals) are refused rather than read differently.

use std::sync::Arc;

use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};

use super::fuzzy;
use super::value::misfit;
use crate::error::QueryError;
use crate::limits::REGEX_CHARS_MAX;

/// Bytes of a compiled expression; `.{1000}` needs about one MiB.
const REGEX_BYTES_MAX: usize = 8 << 20;

/// A test of terms.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// Every matching term starts with this.
    prefix: Vec<u8>,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Any,
    Equal(Vec<u8>),
    Contains(Arc<memmem::Finder<'static>>),
    EndsWith(Vec<u8>),
    Regex(Regex),
    Similar(Arc<fuzzy::Similar>),
}

/// Which optional operators of Lucene's syntax are on; where one is off, its character stands for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    complement: bool,
    intersection: bool,
    interval: bool,
    anystring: bool,
    empty: bool,
}

impl Flags {
    /// The default.
    pub(crate) const ALL: Flags = Flags { complement: true, intersection: true, interval: true, anystring: true, empty: true };
    const NONE: Flags = Flags { complement: false, intersection: false, interval: false, anystring: false, empty: false };

    /// Reads `INTERSECTION|COMPLEMENT`.
    pub(crate) fn parse(text: &str) -> Result<Self, QueryError> {
        let mut flags = Flags::NONE;
        for name in text.split('|').map(str::trim).filter(|it| !it.is_empty()) {
            match name.to_ascii_uppercase().as_str() {
                "ALL" => return Ok(Flags::ALL),
                "NONE" => return Ok(Flags::NONE),
                "COMPLEMENT" => flags.complement = true,
                "INTERSECTION" => flags.intersection = true,
                "INTERVAL" => flags.interval = true,
                "ANYSTRING" => flags.anystring = true,
                "EMPTY" => flags.empty = true,
                _ => return Err(QueryError::IllegalArgument(format!("Unknown regexp flag [{name}]"))),
            }
        }
        Ok(flags)
    }
}

impl Pattern {
    /// What every matching term starts with.
    pub(crate) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Whether a term that starts with the prefix matches.
    pub(crate) fn matches(&self, term: &[u8]) -> bool {
        match &self.test {
            Test::Any => true,
            Test::Equal(it) => term == it,
            Test::Contains(it) => it.find(term).is_some(),
            Test::EndsWith(it) => term.ends_with(it),
            Test::Regex(it) => it.is_match(term),
            Test::Similar(it) => std::str::from_utf8(term).is_ok_and(|term| it.matches(term)),
        }
    }

    /// Terms that start with `text`.
    pub(crate) fn prefix_of(text: &str, case_insensitive: bool) -> Result<Self, QueryError> {
        if case_insensitive {
            return Self::regex(String::new(), &format!("{}.*", regex::escape(text)), true);
        }
        Ok(Self { prefix: text.into(), test: Test::Any })
    }

    /// Terms equal to `text`, in whatever case.
    pub(crate) fn ignoring_case(text: &str) -> Result<Self, QueryError> {
        Self::regex(String::new(), &regex::escape(text), true)
    }

    /// Terms that differ little from a word.
    pub(crate) fn similar(similar: fuzzy::Similar) -> Self {
        Self { prefix: similar.prefix().into(), test: Test::Similar(Arc::new(similar)) }
    }

    /// Terms that fit `*` (any text), `?` (any character) and `\` before a character that stands for itself.
    pub(crate) fn wildcard(text: &str, case_insensitive: bool) -> Result<Self, QueryError> {
        let parts = WildcardPart::parse(text)?;
        if !case_insensitive {
            use WildcardPart::{Many, Text};
            // The forms that need no automaton; `*text*` on a long column is the query that has to be fast.
            match parts.as_slice() {
                [] => return Ok(Self { prefix: Vec::new(), test: Test::Equal(Vec::new()) }),
                [Many] => return Ok(Self { prefix: Vec::new(), test: Test::Any }),
                [Text(it)] => return Ok(Self { prefix: it.clone().into(), test: Test::Equal(it.clone().into()) }),
                [Text(it), Many] => return Ok(Self { prefix: it.clone().into(), test: Test::Any }),
                [Many, Text(it)] => return Ok(Self { prefix: Vec::new(), test: Test::EndsWith(it.clone().into()) }),
                [Many, Text(it), Many] => {
                    let finder = memmem::Finder::new(it.as_bytes()).into_owned();
                    return Ok(Self { prefix: Vec::new(), test: Test::Contains(Arc::new(finder)) });
                }
                _ => {}
            }
        }
        let prefix = match parts.first() {
            Some(WildcardPart::Text(it)) if !case_insensitive => it.clone(),
            _ => String::new(),
        };
        let mut expression = String::new();
        for part in &parts {
            match part {
                WildcardPart::Text(it) => expression.push_str(&regex::escape(it)),
                WildcardPart::One => expression.push('.'),
                WildcardPart::Many => expression.push_str(".*"),
            }
        }
        Self::regex(prefix, &expression, case_insensitive)
    }

    /// Terms that an expression in Lucene's syntax fits as a whole.
    pub(crate) fn regexp(text: &str, flags: Flags, case_insensitive: bool) -> Result<Self, QueryError> {
        let length = text.chars().count();
        if length > REGEX_CHARS_MAX {
            return Err(QueryError::IllegalArgument(format!(
                "The length of regex [{length}] used in the Regexp Query request has exceeded the allowed maximum of [{REGEX_CHARS_MAX}]. This maximum can be set by changing the [index.max_regex_length] index level setting."
            )));
        }
        let expression = translate(text, flags).map_err(|why| misfit(format_args!("cannot use regular expression [{text}]: {why}")))?;
        let prefix = if case_insensitive { String::new() } else { literal_beginning(text) };
        Self::regex(prefix, &expression, case_insensitive)
    }

    fn regex(prefix: String, expression: &str, case_insensitive: bool) -> Result<Self, QueryError> {
        let regex = RegexBuilder::new(&format!("\\A(?:{expression})\\z"))
            .dot_matches_new_line(true)
            .case_insensitive(case_insensitive)
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|why| match why {
                regex::Error::CompiledTooBig(_) => misfit("the pattern is too complex: it needs too many states"),
                // The last line says what is wrong; those before draw the translated expression.
                why => misfit(format_args!("cannot use pattern: {}", why.to_string().lines().last().unwrap_or_default())),
            })?;
        Ok(Self { prefix: prefix.into_bytes(), test: Test::Regex(regex) })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum WildcardPart {
    Text(String),
    One,
    Many,
}

impl WildcardPart {
    fn parse(text: &str) -> Result<Vec<Self>, QueryError> {
        if text.chars().nth(REGEX_CHARS_MAX).is_some() {
            return Err(QueryError::IllegalArgument(format!(
                "The length of a wildcard pattern has exceeded the allowed maximum of [{REGEX_CHARS_MAX}]"
            )));
        }
        let mut parts: Vec<Self> = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let literal = match c {
                '*' => {
                    if parts.last() != Some(&WildcardPart::Many) {
                        parts.push(WildcardPart::Many);
                    }
                    continue;
                }
                '?' => {
                    parts.push(WildcardPart::One);
                    continue;
                }
                // A backslash at the end stands for itself, as in Lucene.
                '\\' => chars.next().unwrap_or('\\'),
                c => c,
            };
            if let Some(WildcardPart::Text(it)) = parts.last_mut() {
                it.push(literal);
            } else {
                parts.push(WildcardPart::Text(literal.to_string()));
            }
        }
        Ok(parts)
    }
}

/// Characters that mean something in Lucene's syntax.
const OPERATORS: &str = ".?+*|()[]{}\"\\~&<>@#";

/// The characters before the first operator, without one that a repetition may take back; nothing where alternatives exist.
fn literal_beginning(text: &str) -> String {
    if text.contains('|') {
        return String::new();
    }
    let end = text.find(|c| OPERATORS.contains(c)).unwrap_or(text.len());
    let mut prefix = text[..end].to_owned();
    if text[end..].starts_with(['?', '*', '+', '{']) {
        prefix.pop();
    }
    prefix
}

/// Lucene's syntax in the `regex` crate's.
fn translate(text: &str, flags: Flags) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() * 2);
    let mut chars = text.chars().peekable();
    // Whether something precedes that a repetition can repeat.
    let mut operand = false;
    while let Some(c) = chars.next() {
        match c {
            '.' => out.push('.'),
            '?' | '+' | '*' if !operand => return Err(format!("nothing to repeat before [{c}]")),
            // In a group of its own, so that `a+?` is an optional `a+` and not a lazy one.
            '?' | '+' | '*' => repeat(&mut out, &c.to_string()),
            '{' if !operand => return Err("nothing to repeat before [{]".to_owned()),
            '{' => {
                let body: String = chars.by_ref().take_while(|it| *it != '}').collect();
                let (low, high) = body.split_once(',').map_or((body.as_str(), None), |(low, high)| (low, Some(high)));
                let is_number = |it: &str| !it.is_empty() && it.len() <= 4 && it.bytes().all(|it| it.is_ascii_digit());
                if !is_number(low) || !high.is_none_or(|it| it.is_empty() || is_number(it)) {
                    return Err(format!("bad repetition [{{{body}}}]"));
                }
                repeat(&mut out, &format!("{{{body}}}"));
            }
            '|' => {
                out.push('|');
                operand = false;
                continue;
            }
            '(' => {
                out.push_str("(?:");
                operand = false;
                continue;
            }
            ')' => out.push(')'),
            '[' => class(&mut chars, &mut out)?,
            '"' => {
                let mut literal = String::new();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some(c) => literal.push(c),
                        None => return Err("a quoted text has no end".to_owned()),
                    }
                }
                out.push_str(&format!("(?:{})", regex::escape(&literal)));
            }
            '\\' => match chars.next() {
                None => return Err("a backslash at the end".to_owned()),
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('s') => out.push_str("[ \\t\\n\\r]"),
                Some('S') => out.push_str("[^ \\t\\n\\r]"),
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some(c) => out.push_str(&regex::escape(&c.to_string())),
            },
            '~' if flags.complement => return Err("the complement operator [~] is not supported".to_owned()),
            '&' if flags.intersection => return Err("the intersection operator [&] is not supported".to_owned()),
            '<' if flags.interval => return Err("numeric intervals [<…>] are not supported".to_owned()),
            '@' if flags.anystring => out.push_str("(?:.*)"),
            '#' if flags.empty => out.push_str("(?:[a&&b])"),
            // Anchors are characters in Lucene: an expression always fits the whole value.
            c => out.push_str(&regex::escape(&c.to_string())),
        }
        operand = true;
    }
    Ok(out)
}

/// Repeats the last operand. The `regex` crate reads `a+?` and `a{2}?` as lazy, which changes nothing where a whole term has
/// to fit, except that `?` then no longer makes the operand optional; so a repeated repetition gets a group around it.
fn repeat(out: &mut String, operator: &str) {
    if out.ends_with(['?', '+', '*', '}']) && !out.ends_with("\\?") && !out.ends_with("\\+") && !out.ends_with("\\*") && !out.ends_with("\\}") {
        let start = operand_start(out);
        out.insert_str(start, "(?:");
        out.push(')');
    }
    out.push_str(operator);
}

/// Where the operand before the repetition at the end of `out` starts.
fn operand_start(out: &str) -> usize {
    let mut end = out.len();
    // The repetition itself.
    end -= if out.ends_with('}') { out.len() - out.rfind('{').unwrap_or(0) } else { 1 };
    let bytes = out.as_bytes();
    let escaped = |at: usize| bytes[..at].iter().rev().take_while(|it| **it == b'\\').count() % 2 == 1;
    let (open, close) = match bytes[..end].last() {
        Some(b')') if !escaped(end - 1) => (b'(', b')'),
        Some(b']') if !escaped(end - 1) => (b'[', b']'),
        _ => {
            let start = out[..end].char_indices().next_back().map_or(0, |it| it.0);
            return if start > 0 && escaped(start) { start - 1 } else { start };
        }
    };
    let mut depth = 0;
    for at in (0..end).rev() {
        if escaped(at) {
            continue;
        }
        if bytes[at] == close {
            depth += 1;
        } else if bytes[at] == open {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    0
}

/// A character class, from after its `[`.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if chars.peek() == Some(&'^') {
        chars.next();
        out.push('^');
    }
    let mut is_empty = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !is_empty => {
                out.push(']');
                return Ok(());
            }
            '\\' => match chars.next() {
                Some(c @ ('d' | 'w' | 's')) => out.push_str(match c {
                    'd' => "0-9",
                    'w' => "0-9A-Za-z_",
                    _ => " \\t\\n\\r",
                }),
                Some(c) => escape_in_class(c, out),
                None => break,
            },
            '-' if !is_empty && chars.peek().is_some_and(|it| *it != ']') => out.push('-'),
            c => escape_in_class(c, out),
        }
        is_empty = false;
    }
    Err("a character class has no end".to_owned())
}

fn escape_in_class(c: char, out: &mut String) {
    if c.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &Pattern, term: &str) -> bool {
        term.as_bytes().starts_with(pattern.prefix()) && pattern.matches(term.as_bytes())
    }

    #[track_caller]
    fn regexp(text: &str, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::regexp(text, Flags::ALL, false).unwrap();
        for term in yes {
            assert!(fits(&pattern, term), "{text} should fit {term}");
        }
        for term in no {
            assert!(!fits(&pattern, term), "{text} should not fit {term}");
        }
    }

    #[test]
    fn regular_expressions_fit_whole_terms() {
        regexp("ab", &["ab"], &["abc", "xab", ""]);
        regexp("a.c", &["abc", "aéc", "a\nc"], &["ac"]);
        regexp("ab?c*", &["a", "ab", "accc"], &["abb"]);
        regexp("(ab|cd)+", &["ab", "abcd"], &["", "abc"]);
        regexp("[a-c]{2,3}", &["ab", "abc"], &["a", "abcd", "xy"]);
        regexp("[^a-c]+", &["xyz"], &["xaz"]);
        regexp("a\"*.\"b", &["a*.b"], &["axxb"]);
        regexp("\\d+\\.\\d+", &["10.2"], &["10x2"]);
        regexp("^a$", &["^a$"], &["a"]);
        regexp("a@z", &["az", "abcz"], &["ab"]);
        regexp("#", &[], &["", "a"]);
        regexp("[]a]", &["]", "a"], &["b"]);
        regexp("[a&&b]+", &["a&b"], &["c"]);
        regexp("[a\\-z]", &["a", "-", "z"], &["b"]);
        regexp("a{2}?", &["", "aa"], &["a"]);
        regexp("(ab)+?", &["", "abab"], &["a"]);
        regexp("é+?", &["", "éé"], &["e"]);
        regexp("\\++?", &["", "++"], &["a"]);
        regexp("", &[""], &["a"]);
        regexp("a|", &["a", ""], &["b"]);
    }

    #[test]
    fn operators_without_a_counterpart_are_refused() {
        for text in ["~a", "a&b", "<1-5>", "a{", "*a", "(", ")", "[a", "\"a", "a\\", "a{x}", "a{99999}", "(?i)a"] {
            assert!(Pattern::regexp(text, Flags::ALL, false).is_err(), "{text}");
        }
        assert!(fits(&Pattern::regexp("~a&<@#", Flags::NONE, false).unwrap(), "~a&<@#"));
        assert_eq!(Flags::parse("ALL"), Ok(Flags::ALL));
        assert!(Flags::parse("WRONG").is_err());
    }

    #[test]
    fn monsters_are_refused_or_answered_in_time() {
        assert!(Pattern::regexp(&"a".repeat(REGEX_CHARS_MAX + 1), Flags::ALL, false).is_err());
        assert!(Pattern::regexp("(((.{999}){999}){999}){999}", Flags::ALL, false).is_err());
        assert!(Pattern::regexp(&"(".repeat(REGEX_CHARS_MAX), Flags::ALL, false).is_err());
        let bomb = Pattern::regexp("(a*)*(a*)*(a|a)*b", Flags::ALL, false).unwrap();
        assert!(!fits(&bomb, &"a".repeat(20_000)));
        let stars = Pattern::wildcard(&"*a".repeat(400), false).unwrap();
        assert!(!fits(&stars, &"a".repeat(399)));
        let repeated = format!("a{}", "+".repeat(900));
        assert!(Pattern::regexp(&repeated, Flags::ALL, false).is_err() || Pattern::regexp(&repeated, Flags::ALL, false).is_ok());
    }

    #[test]
    fn wildcards_fit_whole_terms() {
        for (text, yes, no) in [
            ("ab*", "abc", "xab"),
            ("*bc", "abc", "bcd"),
            ("*b*", "abc", "ac"),
            ("a?c", "aéc", "ac"),
            ("a*c*e", "abcde", "abcd"),
            ("a\\*c", "a*c", "abc"),
            ("*", "", "-"),
            ("**a**", "xax", "b"),
            ("?", "a", "ab"),
            ("", "", "a"),
        ] {
            let pattern = Pattern::wildcard(text, false).unwrap();
            assert!(fits(&pattern, yes), "{text} should fit {yes}");
            if text != "*" {
                assert!(!fits(&pattern, no), "{text} should not fit {no}");
            }
        }
        assert!(fits(&Pattern::wildcard("aB*", true).unwrap(), "Abc"));
        assert!(fits(&Pattern::prefix_of("aB", true).unwrap(), "Abc"));
        assert!(!fits(&Pattern::prefix_of("aB", false).unwrap(), "Abc"));
    }
}
