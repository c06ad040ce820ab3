//! The sheet on which a line's names and values become the firewall's columns.

use std::borrow::Cow;

use super::keys::{self, Place, Places, Vocabulary};
use super::time;
use crate::limits::{COLUMNS_MAX, PAIRS_MAX};
use crate::panos::log_type::{LogType, SUBTYPE, TYPE};

/// A line of another format as the firewall would have written it.
#[derive(Debug)]
pub(in crate::panos) struct Filled {
    /// The columns, each in quotes where it is not empty.
    pub(in crate::panos) csv: String,
    /// What has no column, `name=value`.
    pub(in crate::panos) extra: Vec<String>,
    /// Zone of its times, where the line names one.
    pub(in crate::panos) time_zone: Option<String>,
    /// Pairs that were too many to keep.
    pub(in crate::panos) pairs_dropped: usize,
}

/// Columns on their way.
pub(super) struct Sheet<'a> {
    log_type: &'static LogType,
    vocabulary: Vocabulary,
    places: &'static Places,
    cells: Vec<Option<Cell<'a>>>,
    extra: Vec<String>,
    flags: u32,
    time_zone: Option<String>,
    pairs: usize,
}

struct Cell<'a> {
    rank: u8,
    is_time: bool,
    text: Cow<'a, str>,
}

/// Longest name that is looked up; the vendor's longest has 34 bytes.
const NAME_LEN_MAX: usize = 64;

/// Column of the version, which the firewall writes as a number.
const VERSION: usize = 5;

/// Names that say something of the transport and not of the event; the token is a secret besides.
const LEFT_OUT: &[&str] = &["profiletoken", "logtype", "type"];

impl<'a> Sheet<'a> {
    pub(super) fn new(log_type: &'static LogType, vocabulary: Vocabulary) -> Self {
        let width = log_type.columns_known.min(COLUMNS_MAX);
        let places = keys::places(log_type, vocabulary);
        let cells = (0..width).map(|_| None).collect();
        Self { log_type, vocabulary, places, cells, extra: Vec::new(), flags: 0, time_zone: None, pairs: 0 }
    }

    /// Takes one pair as written.
    pub(super) fn put(&mut self, key: &str, value: impl Into<Cow<'a, str>>) {
        self.put_labelled(key, None, value);
    }

    /// Takes one pair whose name says little, such as `cs1`, with the label that the line gives it.
    pub(super) fn put_labelled(&mut self, key: &str, label: Option<&str>, value: impl Into<Cow<'a, str>>) {
        let text = unquoted(value.into());
        if text.trim_ascii().is_empty() {
            return;
        }
        self.pairs += 1;
        if self.pairs > PAIRS_MAX {
            return;
        }
        let mut buffer = [0; NAME_LEN_MAX];
        let found = label.and_then(|it| self.places.get(fold(it, self.vocabulary, &mut buffer)));
        if let Some(place) = found.copied().or_else(|| self.places.get(fold(key, self.vocabulary, &mut buffer)).copied()) {
            return self.place(place, text);
        }
        let mut buffer = [0; NAME_LEN_MAX];
        let name = fold(key, self.vocabulary, &mut buffer);
        if LEFT_OUT.contains(&name) {
            return;
        }
        if name == "dtz" {
            self.time_zone = Some(text.into_owned());
            return;
        }
        if let Some((_, bit)) = keys::FLAGS.iter().find(|it| it.0 == name)
            && (text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"))
        {
            self.flags |= if text.eq_ignore_ascii_case("true") { *bit } else { 0 };
            return;
        }
        self.extra.push(format!("{}={text}", label.unwrap_or(key)));
    }

    /// Fills a column with what a header says, unless a pair has filled it.
    pub(super) fn put_column(&mut self, column: usize, text: impl Into<Cow<'a, str>>) {
        let text = text.into();
        if !text.trim_ascii().is_empty() {
            self.place(Place { column, rank: u8::MAX, is_time: false }, text);
        }
    }

    /// Whether a column has a value.
    pub(super) fn has(&self, column: usize) -> bool {
        self.cells.get(column).is_some_and(Option::is_some)
    }

    fn place(&mut self, Place { column, rank, is_time }: Place, text: Cow<'a, str>) {
        let Some(cell) = self.cells.get_mut(column) else { return };
        if cell.as_ref().is_none_or(|it| rank < it.rank) {
            *cell = Some(Cell { rank, is_time, text });
        }
    }

    /// The subtype, or nothing.
    pub(super) fn subtype(&self) -> &str {
        self.cells[SUBTYPE].as_ref().map_or("", |it| &it.text)
    }

    /// The columns of all that was put.
    pub(super) fn finish(mut self) -> Filled {
        let flags = keys::flags_column(self.log_type).filter(|_| self.flags != 0);
        if let Some(column) = flags {
            self.put_column(column, format!("{:#x}", self.flags));
        }
        let kind = self.log_type.names.first().copied().unwrap_or_default();
        self.cells[TYPE] = Some(Cell { rank: 0, is_time: false, text: kind.into() });
        let mut csv = String::from("1");
        for (index, cell) in self.cells.iter().enumerate().skip(1) {
            csv.push(',');
            let Some(cell) = cell else { continue };
            let text = match index {
                VERSION => version(&cell.text),
                _ if cell.is_time => time::as_written_by_firewalls(&cell.text),
                _ => Cow::Borrowed(&*cell.text),
            };
            if !text.is_empty() {
                csv.push('"');
                csv.push_str(&text.replace('"', "\"\""));
                csv.push('"');
            }
        }
        Filled { csv, extra: self.extra, time_zone: self.time_zone, pairs_dropped: self.pairs.saturating_sub(PAIRS_MAX) }
    }
}

/// A name as it is looked up: letters and digits in lower case, without the vendor's prefix where the format has it. Long names are
/// none of ours.
fn fold<'b>(name: &str, vocabulary: Vocabulary, buffer: &'b mut [u8; NAME_LEN_MAX]) -> &'b str {
    let name = match vocabulary {
        Vocabulary::Cef | Vocabulary::CloudCef => name.strip_prefix("PanOS").or_else(|| name.strip_prefix("Pan")).unwrap_or(name),
        Vocabulary::Leef | Vocabulary::CloudLeef | Vocabulary::Cloud => name,
    };
    let mut len = 0;
    for it in name.bytes().filter(u8::is_ascii_alphanumeric) {
        if len == NAME_LEN_MAX {
            return "";
        }
        buffer[len] = it.to_ascii_lowercase();
        len += 1;
    }
    str::from_utf8(&buffer[..len]).expect("ASCII letters and digits")
}

/// A value without the quotes around it: firewalls write URLs and subjects in them as in their CSV.
fn unquoted(text: Cow<'_, str>) -> Cow<'_, str> {
    let inner = |it: &str| it.len() >= 2 && it.starts_with('"') && it.ends_with('"');
    match text {
        Cow::Borrowed(it) if inner(it) => Cow::Borrowed(&it[1..it.len() - 1]),
        Cow::Owned(it) if inner(&it) => Cow::Owned(it[1..it.len() - 1].to_owned()),
        other => other,
    }
}

/// `10.2` or `10.2.3-h1` as the firewall counts: 256 × major + minor.
fn version(text: &str) -> Cow<'_, str> {
    let mut parts = text.trim_ascii().split('.');
    let number = |it: Option<&str>| it.and_then(|it| it.parse::<u8>().ok()).map(u32::from);
    match (number(parts.next()), number(parts.next())) {
        (Some(major), Some(minor)) => Cow::Owned((256 * major + minor).to_string()),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panos::columns::Columns;
    use crate::panos::types::{THREAT, TRAFFIC};

    #[test]
    fn names_are_found_in_any_spelling_and_the_better_one_wins() {
        let mut sheet = Sheet::new(&TRAFFIC, Vocabulary::CloudCef);
        sheet.put("suser", "jdoe");
        sheet.put("suser0", "acme\\jdoe");
        sheet.put("suid", "4711");
        sheet.put_labelled("cs4", Some("From Zone"), "Trust");
        sheet.put_labelled("cs5", None, "Untrust");
        sheet.put("PanOSConfigVersion", "10.2");
        sheet.put("rt", "Feb 27 2021 20:16:21");
        sheet.put("PanOSIsDecrypted", "true");
        sheet.put("PanOSNAT", "true");
        sheet.put("PanOSCaptivePortal", "false");
        sheet.put("PanOSNew", "x");
        sheet.put("ProfileToken", "secret");
        let filled = sheet.finish();
        let columns = Columns::split(&filled.csv);
        assert_eq!((columns.raw(12), columns.raw(16), columns.raw(17)), ("acme\\jdoe", "Trust", "Untrust"));
        assert_eq!((columns.raw(1), columns.raw(3), columns.raw(5)), ("2021/02/27 20:16:21", "TRAFFIC", "2562"));
        assert_eq!(columns.raw(28), "0x1400000");
        assert_eq!(filled.extra, ["suid=4711", "PanOSNew=x"]);
    }

    #[test]
    fn text_comes_back_whatever_is_in_it() {
        for text in ["a,b", "\"a\" b", "x\",\"y", "{a,b", "\\\"a", "\"", "a\"", "日本\n語"] {
            let mut sheet = Sheet::new(&THREAT, Vocabulary::Cef);
            sheet.put("request", text);
            let filled = sheet.finish();
            let columns = Columns::split(&filled.csv);
            assert_eq!((columns.text(31).as_ref(), columns.unterminated, columns.len()), (text, None, 123), "{text}");
        }
    }

    #[test]
    fn versions_are_counted_as_firewalls_do() {
        for (text, expected) in [("10.2", "2562"), ("11.1.6-h14", "2817"), ("2305", "2305"), ("10", "10"), ("x.y", "x.y"), ("", "")] {
            assert_eq!(version(text), expected, "{text}");
        }
    }

    #[test]
    fn pairs_have_an_end() {
        let mut sheet = Sheet::new(&TRAFFIC, Vocabulary::Cef);
        for number in 0..PAIRS_MAX + 7 {
            sheet.put(&format!("x{number}"), "1");
        }
        let filled = sheet.finish();
        assert_eq!((filled.extra.len(), filled.pairs_dropped), (PAIRS_MAX, 7));
    }
}
