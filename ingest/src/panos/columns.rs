//! Splits a PAN-OS CSV line into columns, without copying and without giving up on what firewalls really write.
//!
//! The dialect (PAN-OS syslog reference §3, §21): a quote opens a field only at its start, and closes it only before a comma or the
//! line's end, because bare quotes stand inside fields; quotes inside are doubled; `{a,b}` at the start of a field (link_switches) keeps its
//! commas; with the profile's escaping on, a field is wrapped in `\"`. A field of blanks is empty. A quote that is never closed means
//! that the line was cut: the rest is that field.

use std::borrow::Cow;
use std::ops::Range;

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

/// Eight bytes, so that one store writes it: lines are far shorter than the 2 GiB that are left for an offset.
#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    /// With [`DOUBLED`] where doubled quotes in it stand for one.
    end: u32,
}

const DOUBLED: u32 = 1 << 31;

/// Bytes at which a column begins that may need more than a look for its comma.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    special[b'"' as usize] = true;
    special[b'{' as usize] = true;
    special[b'\\' as usize] = true;
    special[b' ' as usize] = true;
    special
};

impl Span {
    fn new(start: usize, end: usize, is_doubled: bool) -> Self {
        Self { start: start as u32, end: end as u32 | if is_doubled { DOUBLED } else { 0 } }
    }

    fn is_doubled(self) -> bool {
        self.end & DOUBLED != 0
    }

    fn range(self) -> Range<usize> {
        self.start as usize..(self.end & !DOUBLED) as usize
    }
}

impl<'a> Columns<'a> {
    /// Splits a line that begins with its first column.
    pub(crate) fn split(text: &'a str) -> Self {
        let mut columns = Self { text, spans: [Span::default(); COLUMNS_MAX], len: 0, unterminated: None };
        let mut next = Some(0);
        while let Some(start) = next {
            next = columns.plain_from(start).and_then(|it| columns.special_at(it));
        }
        columns
    }

    /// Adds columns that end at their first comma, from the one at `start`; where the first begins that may need another rule.
    fn plain_from(&mut self, mut start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let is_special = |start: usize| bytes.get(start).is_some_and(|it| SPECIAL[usize::from(*it)]);
        if is_special(start) {
            return Some(start);
        }
        // The last place is for the rest of a line with too many columns.
        let mut free = self.spans[self.len..COLUMNS_MAX - 1].iter_mut();
        // Most columns are empty or a few bytes long, so commas are looked for in all bytes of a register at once and taken one by one.
        let (words, rest) = bytes[start..].as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let mut at = start;
        for word in words.iter().chain([&last]) {
            let mut commas = commas_in(u64::from_le_bytes(*word));
            while commas != 0 {
                let comma = at + commas.trailing_zeros() as usize / 8;
                commas &= commas - 1;
                let Some(place) = free.next() else {
                    self.len = COLUMNS_MAX - 1;
                    return Some(start);
                };
                *place = plain(start, comma);
                start = comma + 1;
                if is_special(start) {
                    self.len = COLUMNS_MAX - 1 - free.len();
                    return Some(start);
                }
            }
            at += 8;
        }
        self.len = COLUMNS_MAX - 1 - free.len();
        self.push(plain(start, self.text.len()));
        None
    }

    /// Adds the column at `start`; where the next begins.
    fn special_at(&mut self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let (span, end) = match bytes.get(start) {
            // There is room for one more: it is the rest.
            _ if self.len == COLUMNS_MAX - 1 => (plain(start, bytes.len()), bytes.len()),
            Some(b'"') => self.quoted(start),
            Some(b'{') => braced(bytes, start).unwrap_or_else(|| unquoted(bytes, start)),
            Some(b'\\') => escaped(bytes, start).unwrap_or_else(|| unquoted(bytes, start)),
            _ => unquoted(bytes, start),
        };
        let is_blank = bytes[span.range()].trim_ascii().is_empty();
        self.push(if is_blank { plain(start, start) } else { span });
        (end < bytes.len()).then_some(end + 1)
    }

    fn push(&mut self, span: Span) {
        self.spans[self.len] = span;
        self.len += 1;
    }

    /// Number of columns, the empty ones included.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether [`Columns::text`] is something else than [`Columns::raw`].
    pub(crate) fn is_doubled(&self, index: usize) -> bool {
        index < self.len && self.spans[index].is_doubled()
    }

    /// The column as it stands, without its outer quotes; empty where it is blank or the line has no such column.
    pub(crate) fn raw(&self, index: usize) -> &'a str {
        match self.spans[..self.len].get(index) {
            Some(span) if span.start != span.end => &self.text[span.range()],
            _ => "",
        }
    }

    /// Where [`Columns::raw`] lies in the text; empty for a column that is not there.
    pub(crate) fn range(&self, index: usize) -> Range<usize> {
        self.spans[..self.len].get(index).map_or(0..0, |it| it.range())
    }

    /// The column's text: doubled quotes inside a quoted column are one.
    pub(crate) fn text(&self, index: usize) -> Cow<'a, str> {
        let raw = self.raw(index);
        if self.is_doubled(index) { Cow::Owned(raw.replace("\"\"", "\"")) } else { Cow::Borrowed(raw) }
    }

    /// The column that begins at the quote at `open`; and where its comma is, or the line's end.
    fn quoted(&mut self, open: usize) -> (Span, usize) {
        let bytes = self.text.as_bytes();
        let mut is_doubled = false;
        let mut at = open + 1;
        while let Some(found) = memchr(b'"', &bytes[at..]) {
            let quote = at + found;
            match bytes.get(quote + 1) {
                None | Some(b',') => return (Span::new(open + 1, quote, is_doubled), quote + 1),
                Some(b'"') => {
                    is_doubled = true;
                    at = quote + 2;
                }
                // A bare quote inside the field.
                Some(_) => at = quote + 1,
            }
        }
        self.unterminated = Some(self.len);
        (Span::new(open + 1, bytes.len(), is_doubled), bytes.len())
    }
}

fn plain(start: usize, end: usize) -> Span {
    Span::new(start, end, false)
}

fn unquoted(bytes: &[u8], start: usize) -> (Span, usize) {
    let end = memchr(b',', &bytes[start..]).map_or(bytes.len(), |comma| start + comma);
    (plain(start, end), end)
}

/// The highest bit of every byte that is a comma, the first byte in the lowest eight bits (H. Warren, "Hacker's Delight", 6-1; the form
/// without carries between bytes, so that each mark is right and not only the first).
fn commas_in(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let zero_at_comma = word ^ (0x0101_0101_0101_0101 * b',' as u64);
    !(((zero_at_comma & LOW) + LOW) | zero_at_comma | LOW)
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
    fn every_comma_of_a_word_is_marked_and_nothing_else() {
        let fillers = [b'x', b'-', b'+', 0, 0xac, 0xff];
        for which in 0..=u8::MAX {
            for filler in fillers {
                let word = std::array::from_fn(|at| if which >> at & 1 == 1 { b',' } else { filler });
                let marks = commas_in(u64::from_le_bytes(word)).to_le_bytes();
                assert_eq!(marks, std::array::from_fn(|at| (which >> at & 1) << 7), "{filler}");
            }
        }
    }

    #[test]
    fn columns_of_every_length_end_at_their_commas() {
        for length in 0..20 {
            let column = "日".repeat(length / 3) + &"x".repeat(length % 3);
            check(&format!("{column},,{column},\" \",-{column}"), &[&column, "", &column, "", &format!("-{column}")]);
        }
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
