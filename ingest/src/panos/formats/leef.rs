//! LEEF: `LEEF:1.0|vendor|product|version|event|key=value…`; LEEF 2.0 names its delimiter in a sixth part.
//!
//! Firewalls put bars between the pairs (the custom format that QRadar's guide gives), LEEF 1.0 proper tabs, the cloud's LEEF 2.0 a blank
//! or a tab. A piece that is no pair belongs to the value before it.

use std::borrow::Cow;

use super::keys::Vocabulary;
use super::sheet::{Filled, Sheet};
use super::{Named, NamedFormat, find_marker, is_palo_alto, log_type};
use crate::panos::layout::{self, Unparsed};
use crate::panos::log_type::{LogType, SUBTYPE};

const MARKERS: &[&str] = &["LEEF:1.0|", "LEEF:2.0|"];

struct Header<'a> {
    vendor: &'a str,
    product: &'a str,
    version: &'a str,
    pairs: &'a str,
    delimiter: char,
}

impl Header<'_> {
    fn is_cloud(&self) -> bool {
        !self.product.to_ascii_uppercase().starts_with("PAN-OS")
    }
}

/// LEEF of this vendor: of a type with a table, or not.
pub(super) fn recognise(text: &str) -> Option<Result<Named, Unparsed>> {
    let start = find_marker(text, MARKERS)?;
    let (_, vendor) = text[start..].split_once('|')?;
    if !is_palo_alto(vendor) {
        return None;
    }
    let Some(header) = header(&text[start..]) else { return Some(Err(Unparsed::Leef)) };
    let name = type_name(&header).unwrap_or_default();
    Some(match log_type(name) {
        Some(log_type) => Ok(Named { format: NamedFormat::Leef, start, log_type }),
        None if name.is_empty() => Err(Unparsed::Leef),
        None => Err(layout::unknown_type(name)),
    })
}

pub(super) fn fill(text: &str, log_type: &'static LogType) -> Option<Filled> {
    let header = header(text)?;
    let vocabulary = if header.is_cloud() { Vocabulary::CloudLeef } else { Vocabulary::Leef };
    let mut sheet = Sheet::new(log_type, vocabulary);
    each_pair(&header, |key, value| {
        // The category is the type; another key says so too.
        if !key.eq_ignore_ascii_case("cat") {
            sheet.put(key, unescaped(value));
        }
    });
    if !header.is_cloud() {
        sheet.put("ConfigVersion", header.version.to_owned());
    }
    if sheet.subtype().is_empty() && type_name(&header).is_some_and(|it| it.eq_ignore_ascii_case("url")) {
        sheet.put_column(SUBTYPE, "url");
    }
    Some(sheet.finish())
}

fn header(text: &str) -> Option<Header<'_>> {
    let mut parts = text.splitn(6, '|');
    let (mark, vendor, product, version, _event) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let rest = parts.next()?;
    let named = if mark.ends_with("2.0") { rest.split_once('|').and_then(|(name, pairs)| Some((delimiter(name)?, pairs))) } else { None };
    let (delimiter, pairs) = named.unwrap_or((guessed_delimiter(rest), rest));
    Some(Header { vendor, product, version, pairs, delimiter })
}

/// The delimiter that a LEEF 2.0 header names: one character, or its code as `x09` or `0x09`. Empty means a tab.
fn delimiter(name: &str) -> Option<char> {
    let code = name.strip_prefix("0x").or_else(|| name.strip_prefix('x')).filter(|it| !it.is_empty());
    if let Some(code) = code {
        return u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
    }
    let mut characters = name.chars();
    match (characters.next(), characters.next()) {
        (None, _) => Some('\t'),
        (Some(it), None) => Some(it),
        _ => None,
    }
}

/// What parts the pairs where no header says so.
fn guessed_delimiter(pairs: &str) -> char {
    ['\t', '|', '^'].into_iter().find(|it| pairs.contains(*it)).unwrap_or('\t')
}

fn type_name<'a>(header: &Header<'a>) -> Option<&'a str> {
    debug_assert!(is_palo_alto(header.vendor));
    let (mut kind, mut category) = (None, None);
    each_pair(header, |key, value| match key {
        _ if key.eq_ignore_ascii_case("Type") || key.eq_ignore_ascii_case("LogType") => kind = Some(value),
        _ if key.eq_ignore_ascii_case("cat") => category = Some(value),
        _ => {}
    });
    kind.or(category).map(str::trim_ascii).filter(|it| !it.is_empty())
}

/// Calls for each pair, values as written.
fn each_pair<'a>(header: &Header<'a>, mut each: impl FnMut(&'a str, &'a str)) {
    let text = header.pairs;
    // Start of the pair at hand, and where its key ends.
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    loop {
        let end = piece_end(text, at, header.delimiter);
        if let Some(equals) = key_end(&text[at..end]) {
            if let Some((start, key_end)) = open {
                each(&text[start..key_end], text[key_end + 1..before(text, at, header.delimiter)].trim_ascii());
            }
            open = Some((at, at + equals));
        }
        if end >= text.len() {
            break;
        }
        at = end + header.delimiter.len_utf8();
    }
    if let Some((start, key_end)) = open {
        each(&text[start..key_end], text[key_end + 1..].trim_ascii());
    }
}

/// Where the delimiter before a piece begins.
fn before(text: &str, at: usize, delimiter: char) -> usize {
    debug_assert!(text[..at].ends_with(delimiter));
    at - delimiter.len_utf8()
}

/// The next delimiter that no backslash precedes, or the end.
fn piece_end(text: &str, from: usize, delimiter: char) -> usize {
    text[from..].match_indices(delimiter).map(|it| from + it.0).find(|at| !text[from..*at].ends_with('\\')).unwrap_or(text.len())
}

/// Where the key of a piece ends, if it is a pair: a word, then an equals sign.
fn key_end(piece: &str) -> Option<usize> {
    let equals = piece.find('=')?;
    let is_word = piece[..equals].bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.'));
    (equals > 0 && is_word).then_some(equals)
}

/// Bars and equals signs may be escaped; all other backslashes are the value's own, as in `domain\user`.
fn unescaped(text: &str) -> Cow<'_, str> {
    if text.contains("\\|") || text.contains("\\=") { Cow::Owned(text.replace("\\|", "|").replace("\\=", "=")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{columns, filled};
    use super::*;

    fn pairs(text: &str) -> Vec<String> {
        let mut pairs = Vec::new();
        each_pair(&header(text).unwrap(), |key, value| pairs.push(format!("{key}:{value}")));
        pairs
    }

    #[test]
    fn each_delimiter_parts_pairs() {
        for (rest, expected) in [
            ("1.0|v|p|1|e|src=a|usrName=|x=1", &["src:a", "usrName:", "x:1"][..]),
            ("1.0|v|p|1|e|src=a\tx=1 2\ty=b|c", &["src:a", "x:1 2", "y:b|c"]),
            ("2.0|v|p|1|e|^|src=a^x=1|2", &["src:a", "x:1|2"]),
            ("2.0|v|p|1|e|x5E|src=a^x=1", &["src:a", "x:1"]),
            ("2.0|v|p|1|e| |src=a Rule=my rule x=1", &["src:a", "Rule:my rule", "x:1"]),
            ("2.0|v|p|1|e||src=a\tx=1", &["src:a", "x:1"]),
            ("2.0|v|p|1|e|src=a|x=1", &["src:a", "x:1"]),
            ("1.0|v|p|1|e|url=a?b=c|d|e=1", &["url:a?b=c|d", "e:1"]),
            ("1.0|v|p|1|e|url=a\\|b=c|e=1", &["url:a\\|b=c", "e:1"]),
            ("1.0|v|p|1|e|", &[]),
            ("1.0|v|p|1|e|no pairs|x", &[]),
            ("2.0|v|p|1|e|日|src=a日x=1", &["src:a", "x:1"]),
        ] {
            assert_eq!(pairs(&format!("LEEF:{rest}")), expected, "{rest}");
        }
    }

    #[test]
    fn a_firewalls_line_becomes_columns() {
        let filled = filled(
            "<14>Sep 17 13:45:35 fw LEEF:1.0|Palo Alto Networks|PAN-OS Syslog Integration|11.1.6-h14|allow|cat=THREAT|ReceiveTime=2025/09/17 13:45:34\
             |SerialNumber=0101|Subtype=url|devTime=Sep 17 2025 11:45:34 GMT|src=10.0.0.1|usrName=acme\\jdoe|SourceUser=acme\\jdoe|srcPort=5\
             |Miscellaneous=\"a.example/x,y\"|ThreatID=(9999)|sev=1|Severity=informational|DeviceName=fw1|mine=7",
        );
        let expected = [
            "0=1",
            "1=2025/09/17 11:45:34Z",
            "2=0101",
            "3=THREAT",
            "4=url",
            "5=2817",
            "7=10.0.0.1",
            "12=acme\\jdoe",
            "24=5",
            "31=a.example/x,y",
            "32=(9999)",
            "34=informational",
            "59=fw1",
        ];
        assert_eq!(columns(&filled), expected);
        assert_eq!(filled.extra, ["sev=1", "mine=7"]);
    }

    #[test]
    fn the_clouds_line_becomes_columns() {
        let filled = filled(
            "LEEF:2.0|Palo Alto Networks|Next Generation Firewall|10.1|drop| |TimeReceived=2021-09-21T01:47:20.000000Z DeviceSN=7 cat=traffic \
             SubType=end ConfigVersion=10.1 devTime=2021-09-21T01:47:18.000000Z src=10.0.0.1 Rule=deny attackers srcBytes=2 Bytes=3",
        );
        let expected = [
            "0=1",
            "1=2021-09-21T01:47:20.000000Z",
            "2=7",
            "3=TRAFFIC",
            "4=end",
            "5=2561",
            "6=2021-09-21T01:47:18.000000Z",
            "7=10.0.0.1",
            "11=deny attackers",
            "31=3",
            "32=2",
        ];
        assert_eq!(columns(&filled), expected);
    }

    #[test]
    fn other_vendors_and_broken_headers_are_told_apart() {
        assert!(recognise("LEEF:1.0|Microsoft|MSExchange|4.0|15345|src=10.0.0.1").is_none());
        assert_eq!(recognise("LEEF:1.0|Palo Alto Networks|PAN-OS").unwrap().unwrap_err(), Unparsed::Leef);
        assert_eq!(recognise("LEEF:1.0|Palo Alto Networks|PAN-OS|1|e|src=a").unwrap().unwrap_err(), Unparsed::Leef);
        let unknown = recognise("LEEF:1.0|Palo Alto Networks|PAN-OS|1|e|cat=WEATHER").unwrap().unwrap_err();
        assert_eq!(unknown.to_string(), "unknown log type WEATHER");
    }
}
