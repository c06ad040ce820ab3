//! CEF: `CEF:0|vendor|product|version|id|name|severity|key=value key=value…`, from a firewall's custom format or from the cloud.
//!
//! A firewall writes subtype and type as id and name, the cloud type and subtype. Values hold blanks, so a value ends where the next
//! key begins: a word straight before an equals sign that no backslash precedes. Keys such as `cs1` mean what `cs1Label` says.

use std::borrow::Cow;

use super::keys::{self, Vocabulary};
use super::sheet::{Filled, Sheet};
use super::{Named, NamedFormat, find_marker, is_palo_alto, log_type};
use crate::panos::layout::{self, Unparsed};
use crate::panos::log_type::{LogType, SUBTYPE};

const MARKERS: &[&str] = &["CEF:0|", "CEF:1|"];

/// What stands before the pairs.
struct Header<'a> {
    product: Cow<'a, str>,
    version: Cow<'a, str>,
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    severity: Cow<'a, str>,
    pairs: &'a str,
}

impl Header<'_> {
    fn is_cloud(&self) -> bool {
        !self.product.eq_ignore_ascii_case("PAN-OS")
    }

    /// Type and subtype as the producer orders them. A type can be named like another's subtype (`END`), so the order matters.
    fn type_and_subtype(&self) -> (&str, &str) {
        if self.is_cloud() { (&self.id, &self.name) } else { (&self.name, &self.id) }
    }
}

/// CEF of this vendor: of a type with a table, or not.
pub(super) fn recognise(text: &str) -> Option<Result<Named, Unparsed>> {
    let start = find_marker(text, MARKERS)?;
    let (vendor, rest) = until_bar(text[start..].split_once('|')?.1)?;
    if !is_palo_alto(&vendor) {
        return None;
    }
    let Some(header) = header(rest) else { return Some(Err(Unparsed::Cef)) };
    let (name, _) = header.type_and_subtype();
    Some(match log_type(name.trim_ascii()) {
        Some(log_type) => Ok(Named { format: NamedFormat::Cef, start, log_type }),
        None => Err(layout::unknown_type(name)),
    })
}

pub(super) fn fill(text: &str, log_type: &'static LogType) -> Option<Filled> {
    let (_, rest) = until_bar(text.split_once('|')?.1)?;
    let header = header(rest)?;
    let vocabulary = if header.is_cloud() { Vocabulary::CloudCef } else { Vocabulary::Cef };
    let mut sheet = Sheet::new(log_type, vocabulary);
    let pairs: Vec<_> = Pairs { text: header.pairs }.collect();
    let labels: Vec<(&str, Cow<'_, str>)> = pairs.iter().filter_map(|(key, value)| Some((key.strip_suffix("Label")?, unescaped(value)))).collect();
    for (key, value) in &pairs {
        if key.strip_suffix("Label").is_some_and(|it| pairs.iter().any(|pair| pair.0 == it)) {
            continue;
        }
        let label = labels.iter().find(|it| it.0 == *key).map(|it| &*it.1);
        sheet.put_labelled(key, label, unescaped(value));
    }
    let (_, subtype) = header.type_and_subtype();
    if header.is_cloud() {
        sheet.put_column(SUBTYPE, subtype.to_owned());
        return Some(sheet.finish());
    }
    match keys::instead_of_subtype(log_type) {
        Some(key) => sheet.put(key, subtype.to_owned()),
        // Templates of old releases write the threat in the place of the subtype; only URL filtering has an id of its own.
        None if subtype.ends_with(')') => sheet.put_column(SUBTYPE, if subtype.ends_with("(9999)") { "url" } else { "" }),
        None => sheet.put_column(SUBTYPE, subtype.to_owned()),
    }
    keys::put_severity(&mut sheet, log_type, &header.severity);
    sheet.put("ConfigVersion", header.version.clone().into_owned());
    Some(sheet.finish())
}

/// Product to severity, and the pairs.
fn header(text: &str) -> Option<Header<'_>> {
    let (product, rest) = until_bar(text)?;
    let (version, rest) = until_bar(rest)?;
    let (id, rest) = until_bar(rest)?;
    let (name, rest) = until_bar(rest)?;
    let (severity, pairs) = until_bar(rest)?;
    Some(Header { product, version, id, name, severity, pairs })
}

/// A part of the header, its escapes resolved, and what follows its bar.
fn until_bar(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'|', b'\\', &bytes[at..])?;
        if bytes[at] == b'|' {
            return Some((unescaped(&text[..at]), &text[at + 1..]));
        }
        // What a backslash precedes is no end; it may be one byte of a longer character, which a search for bytes skips all the same.
        at = (at + 2).min(bytes.len());
    }
}

/// `key=value` after `key=value`, values as written.
struct Pairs<'a> {
    text: &'a str,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (start, equals) = next_key(self.text, 0)?;
        let key = &self.text[start..equals];
        let rest = &self.text[equals + 1..];
        let end = next_key(rest, 0).map_or(rest.len(), |it| it.0);
        self.text = &rest[end..];
        Some((key, rest[..end].trim_ascii()))
    }
}

/// Start and end of the first key from there on: a word of letters, digits and `-_.` at the start or after a blank, before an equals
/// sign.
fn next_key(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'=', &bytes[from..]).map(|it| from + it).find_map(|equals| {
        let is_key = |it: &u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
        let len = bytes[..equals].iter().rev().take_while(|it| is_key(it)).count();
        let start = equals - len;
        let is_free = start == 0 || bytes[start - 1].is_ascii_whitespace();
        (len > 0 && is_free).then_some((start, equals))
    })
}

/// `\=`, `\|`, `\\`, `\n` and `\r` as what they stand for; a backslash before anything else stands for itself.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(it) = characters.next() {
        if it != '\\' {
            plain.push(it);
            continue;
        }
        match characters.next() {
            Some(it @ ('=' | '|' | '\\')) => plain.push(it),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some(it) => plain.extend(['\\', it]),
            None => plain.push('\\'),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{columns, filled};
    use super::*;

    #[test]
    fn values_hold_blanks_and_end_at_the_next_key() {
        let pairs: Vec<_> = Pairs { text: r"rt=Feb 27 2021 20:16:21 request=a.example/?x=1&y\=2 z cs1= act=drop all " }.collect();
        let expected = [("rt", "Feb 27 2021 20:16:21"), ("request", r"a.example/?x=1&y\=2 z"), ("cs1", ""), ("act", "drop all")];
        assert_eq!(pairs, expected);
        assert_eq!(Pairs { text: "no pairs" }.count() + Pairs { text: "" }.count() + Pairs { text: "=" }.count(), 0);
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unescaped(r"a\=b\|c\\d\ne\x\"), "a=b|c\\d\ne\\x\\");
        assert_eq!(until_bar(r"a\|b\\|c").map(|it| (it.0.into_owned(), it.1)), Some((r"a|b\".to_owned(), "c")));
        assert!(until_bar(r"a\|").is_none() && until_bar("\\").is_none() && until_bar("\\日").is_none());
    }

    #[test]
    fn a_firewalls_line_becomes_columns() {
        let filled = filled(
            "<14>Nov  3 07:01:51 fw CEF:0|Palo Alto Networks|PAN-OS|10.2.3-h1|end|TRAFFIC|1|rt=Nov 03 2019 06:01:51 GMT deviceExternalId=0018 \
             src=10.0.0.1 dst=192.0.2.7 cs1Label=Rule cs1=allow all cs4=Trust cs5Label=Destination Zone cs5=Untrust spt=50000 dpt=443 \
             flexNumber1Label=Total bytes flexNumber1=30 in=10 out=20 cat=from-policy reason=aged-out dvchost=fw1 mine=7",
        );
        let expected = [
            "0=1",
            "1=2019/11/03 06:01:51Z",
            "2=0018",
            "3=TRAFFIC",
            "4=end",
            "5=2562",
            "7=10.0.0.1",
            "8=192.0.2.7",
            "11=allow all",
            "16=Trust",
            "17=Untrust",
            "24=50000",
            "25=443",
            "31=30",
            "32=10",
            "33=20",
            "46=aged-out",
            "52=fw1",
            "53=from-policy",
        ];
        assert_eq!(columns(&filled), expected);
        assert_eq!(filled.extra, ["mine=7"]);
    }

    #[test]
    fn the_cloud_says_type_first_and_counts_bytes_the_other_way() {
        let filled = filled("CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC|end|3|dtz=UTC in=20 out=10 PanOSBytes=30");
        assert_eq!(columns(&filled), ["0=1", "3=TRAFFIC", "4=end", "31=30", "32=10", "33=20"]);
        assert_eq!(filled.time_zone.as_deref(), Some("UTC"));
    }

    #[test]
    fn a_threats_severity_and_subtype_come_from_the_header() {
        let line = |header: &str| columns(&filled(&format!("CEF:0|Palo Alto Networks|PAN-OS|9.1|{header}|cat=Bad thing(30003)")));
        assert_eq!(line("vulnerability|THREAT|4"), ["0=1", "3=THREAT", "4=vulnerability", "5=2305", "32=Bad thing(30003)", "34=high"]);
        assert_eq!(line("URL-filtering(9999)|THREAT|1"), ["0=1", "3=THREAT", "4=url", "5=2305", "32=Bad thing(30003)", "34=informational"]);
    }

    #[test]
    fn other_vendors_and_broken_headers_are_told_apart() {
        assert!(recognise("CEF:0|Security|threatmanager|1.0|100|worm stopped|10|src=10.0.0.1").is_none());
        assert!(recognise("no CEF here").is_none());
        assert_eq!(recognise("CEF:0|Palo Alto Networks|PAN-OS|10").unwrap().unwrap_err(), Unparsed::Cef);
        let unknown = recognise("CEF:0|Palo Alto Networks|LF|2.0|WEATHER|sunny|3|x=1").unwrap().unwrap_err();
        assert_eq!(unknown.to_string(), "unknown log type WEATHER");
    }
}
