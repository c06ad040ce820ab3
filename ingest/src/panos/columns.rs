//! Splits a PAN-OS CSV line into columns, without copying and without giving up on what firewalls really write.
//!
//! The dialect (PAN-OS syslog reference §3, §21): a quote opens a field only at its start, and closes it only before a comma or the
//! line's end, because bare quotes stand inside fields; quotes inside are doubled; `{a,b}` at the start of a field (link_switches) keeps its
//! commas; with the profile's escaping on, a field is wrapped in `\"`. A field of blanks is empty. A quote that is never closed means
//! that the line was cut: the rest is that field.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::limits::COLUMNS_MAX;

/// The columns of one line.
pub(crate) struct Columns<'a> {
    text: &'a str,
    spans: [Span; COLUMNS_MAX],
    len: usize,
    /// The column whose quote is never closed.
    pub(crate) unterminated: Option<usize>,
}

#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    end: u32,
    /// Whether doubled quotes in it stand for one.
    is_doubled: bool,
}

impl<'a> Columns<'a> {
    /// Splits a line that begins with its first column.
    pub(crate) fn split(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut columns = Self { text, spans: [Span::default(); COLUMNS_MAX], len: 0, unterminated: None };
        let mut at = 0;
        loop {
            let is_last = columns.len == COLUMNS_MAX - 1;
            let (span, next) = match bytes.get(at) {
                _ if is_last => (plain(at, bytes.len()), bytes.len()),
                Some(b'"') => columns.quoted(at),
                Some(b'{') => braced(bytes, at).unwrap_or_else(|| unquoted(bytes, at)),
                Some(b'\\') => escaped(bytes, at).unwrap_or_else(|| unquoted(bytes, at)),
                _ => unquoted(bytes, at),
            };
            let is_blank =
                span.start < span.end && bytes[span.start as usize] == b' ' && bytes[span.start as usize..span.end as usize].trim_ascii().is_empty();
            columns.spans[columns.len] = if is_blank { plain(at, at) } else { span };
            columns.len += 1;
            if next >= bytes.len() {
                return columns;
            }
            at = next + 1;
        }
    }

    /// Number of columns, the empty ones included.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The column as it stands, without its outer quotes; empty where it is blank or the line has no such column.
    pub(crate) fn raw(&self, index: usize) -> &'a str {
        if index >= self.len {
            return "";
        }
        let Span { start, end, .. } = self.spans[index];
        &self.text[start as usize..end as usize]
    }

    /// Whether the column is empty, blank or missing; cheaper than looking at its text.
    pub(crate) fn is_empty(&self, index: usize) -> bool {
        index >= self.len || self.spans[index].start == self.spans[index].end
    }

    /// The column's text: doubled quotes inside a quoted column are one.
    pub(crate) fn text(&self, index: usize) -> Cow<'a, str> {
        let raw = self.raw(index);
        if index >= self.len || !self.spans[index].is_doubled { Cow::Borrowed(raw) } else { Cow::Owned(raw.replace("\"\"", "\"")) }
    }

    /// The column that begins at the quote at `open`; and where its comma is, or the line's end.
    fn quoted(&mut self, open: usize) -> (Span, usize) {
        let bytes = self.text.as_bytes();
        let mut is_doubled = false;
        let mut at = open + 1;
        while let Some(found) = memchr(b'"', &bytes[at..]) {
            let quote = at + found;
            match bytes.get(quote + 1) {
                None | Some(b',') => return (Span { start: open as u32 + 1, end: quote as u32, is_doubled }, quote + 1),
                Some(b'"') => {
                    is_doubled = true;
                    at = quote + 2;
                }
                // A bare quote inside the field.
                Some(_) => at = quote + 1,
            }
        }
        self.unterminated = Some(self.len);
        (Span { start: open as u32 + 1, end: bytes.len() as u32, is_doubled }, bytes.len())
    }
}

fn plain(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32, is_doubled: false }
}

fn unquoted(bytes: &[u8], start: usize) -> (Span, usize) {
    // Most columns are empty or a few bytes long: a plain loop beats the set-up of a vector search.
    let mut end = start;
    while end < bytes.len() && bytes[end] != b',' {
        end += 1;
    }
    (plain(start, end), end)
}

/// `{…}` with its commas, where the braces balance and the field ends after them.
fn braced(bytes: &[u8], start: usize) -> Option<(Span, usize)> {
    let mut depth = 0;
    for (at, &byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let is_whole = matches!(bytes.get(at + 1), None | Some(b','));
            return is_whole.then_some((plain(start, at + 1), at + 1));
        }
    }
    None
}

/// `\"…\"`, where the field ends after it.
fn escaped(bytes: &[u8], start: usize) -> Option<(Span, usize)> {
    let inner = bytes[start..].strip_prefix(b"\\\"")?;
    let end = memmem::find_iter(inner, b"\\\"").find(|at| matches!(inner.get(at + 2), None | Some(b',')))?;
    Some((plain(start + 2, start + 2 + end), start + 4 + end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[&str]) {
        let columns = Columns::split(line);
        let texts: Vec<_> = (0..columns.len()).map(|it| columns.text(it).into_owned()).collect();
        assert_eq!(texts, expected, "{line}");
        assert_eq!(columns.unterminated, None, "{line}");
    }

    #[test]
    fn commas_part_columns_and_the_last_may_be_empty() {
        check("1,a,,b,", &["1", "a", "", "b", ""]);
        check("", &[""]);
        check(",", &["", ""]);
    }

    #[test]
    fn quotes_protect_commas_and_double_themselves() {
        check(r#"1,"a,b","",c"#, &["1", "a,b", "", "c"]);
        check(r#""www.example.com/string/""hello""","x""y,""",z"#, &["www.example.com/string/\"hello\"", "x\"y,\"", "z"]);
        check(r#""""a""","b""#, &["\"a\"", "b"]);
    }

    #[test]
    fn a_quote_inside_a_column_is_only_a_quote() {
        check(r#"5" disk,a"b","c "d" e",f"#, &["5\" disk", "a\"b\"", "c \"d\" e", "f"]);
    }

    #[test]
    fn a_column_of_blanks_is_empty_and_blanks_around_text_stay() {
        check(r#"from-policy," ", , ,  x ,"#, &["from-policy", "", "", "", "  x ", ""]);
    }

    #[test]
    fn braces_keep_their_commas() {
        check("a,{x,{y,z}},b", &["a", "{x,{y,z}}", "b"]);
        check("{a,b}c,d", &["{a", "b}c", "d"]);
        check("{a,b", &["{a", "b"]);
    }

    #[test]
    fn escaped_quotes_wrap_a_column() {
        check(r#"4,\"used-by-malware,able\",,ssl"#, &["4", "used-by-malware,able", "", "ssl"]);
        check(r#"\"a,b"#, &["\\\"a", "b"]);
        check(r#"\\x,y"#, &["\\\\x", "y"]);
    }

    #[test]
    fn an_open_quote_takes_the_rest_of_a_cut_line() {
        let columns = Columns::split(r#"1,"www.example.com/a,b""#.trim_end_matches('"'));
        assert_eq!((columns.len(), columns.raw(1), columns.unterminated), (2, "www.example.com/a,b", Some(1)));
    }

    #[test]
    fn a_line_of_too_many_columns_keeps_the_rest_in_the_last() {
        let line = "x,".repeat(500);
        let columns = Columns::split(&line);
        assert_eq!(columns.len(), COLUMNS_MAX);
        assert_eq!(columns.raw(COLUMNS_MAX - 1).len(), 1000 - 2 * (COLUMNS_MAX - 1));
        assert_eq!(columns.raw(COLUMNS_MAX), "");
    }

    #[test]
    fn columns_of_other_scripts_are_cut_at_characters() {
        check("ü,\"日本,語\",é", &["ü", "日本,語", "é"]);
    }
}
