//! PAN-OS logs that do not come as the firewall's CSV: CEF, LEEF, the cloud log forwarder's CSV and JSON.
//!
//! Each format is a list of names with values. A name leads to a column of the log type (`keys.rs`), the values are put in the places
//! of the firewall's own line (`sheet.rs`), and from there on one set of tables and rules reads them all: a session is the same
//! document whichever way it came. Names that lead nowhere are kept in `panw.panos.extra`. Each format's own file only knows how it
//! is written.

mod cef;
mod cloud;
mod json;
mod keys;
mod leef;
mod sheet;
mod time;

use super::layout::Unparsed;
use super::log_type::LogType;
use super::{LOG_TYPES, types};

pub(super) use sheet::Filled;

/// A line of one of these formats, of a type that has a table.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// How it is written.
    pub format: NamedFormat,
    /// Offset of the format's first byte; a syslog header may stand before it.
    pub start: usize,
    /// Its type.
    pub log_type: &'static LogType,
}

/// How names and values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedFormat {
    /// ArcSight's: a header of bars, then `key=value` with blanks between.
    Cef,
    /// QRadar's: a header of bars, then `key=value` with a delimiter between.
    Leef,
    /// The cloud log forwarder's columns, in the order of its own names.
    CloudCsv,
    /// The cloud log forwarder's object.
    Json,
}

impl NamedFormat {
    /// `sekisho.parser`.
    pub fn parser(self) -> &'static str {
        match self {
            NamedFormat::Cef => "panos-cef",
            NamedFormat::Leef => "panos-leef",
            NamedFormat::CloudCsv => "panos-cloud-csv",
            NamedFormat::Json => "panos-json",
        }
    }
}

/// The line of that format in `text`, if there is one: of a type with a table, or the reason why not. `body` is where the syslog
/// header ends.
pub(super) fn recognise(text: &str, body: usize) -> Option<Result<Named, Unparsed>> {
    cef::recognise(text).or_else(|| leef::recognise(text)).or_else(|| json::recognise(text, body)).or_else(|| cloud::recognise(text))
}

/// The values of a line in the places of the firewall's CSV.
pub(super) fn fill(text: &str, named: &Named) -> Result<Filled, Unparsed> {
    let text = &text[named.start..];
    match named.format {
        NamedFormat::Cef => cef::fill(text, named.log_type).ok_or(Unparsed::Cef),
        NamedFormat::Leef => leef::fill(text, named.log_type).ok_or(Unparsed::Leef),
        NamedFormat::CloudCsv => Ok(cloud::fill(text, named.log_type)),
        NamedFormat::Json => json::fill(text, named.log_type).ok_or(Unparsed::Json),
    }
}

/// The type of that name, which cloud formats also write in lower case.
fn log_type(name: &str) -> Option<&'static LogType> {
    // The firewall calls tunnel logs by what happened, the cloud by what they are.
    if name.eq_ignore_ascii_case("TUNNEL") {
        return Some(&types::TUNNEL);
    }
    LOG_TYPES.iter().copied().find(|it| it.names.iter().any(|it| it.eq_ignore_ascii_case(name)))
}

/// Formats with a header of bars stand at the start or behind what relays leave, never far into a line.
const SEARCHED_BYTES: usize = 400;

/// The first place of one of the markers near the start.
fn find_marker(text: &str, markers: &[&str]) -> Option<usize> {
    let near = &text.as_bytes()[..text.len().min(SEARCHED_BYTES)];
    markers.iter().filter_map(|it| memchr::memmem::find(near, it.as_bytes())).min()
}

/// Whether a header's vendor is this one; other devices write these formats too.
fn is_palo_alto(vendor: &str) -> bool {
    vendor.trim_ascii().get(..9).is_some_and(|it| it.eq_ignore_ascii_case("Palo Alto"))
}

#[cfg(test)]
mod tests_support {
    //! For the tests of the formats: what a line's names became.
    use super::*;
    use crate::panos::columns::Columns;

    pub(super) fn filled(text: &str) -> Filled {
        let named = recognise(text, 0).expect("a format").expect("a type");
        fill(text, &named).expect("a line")
    }

    /// The columns that are not empty, as `index=text`.
    pub(super) fn columns(filled: &Filled) -> Vec<String> {
        let columns = Columns::split(&filled.csv);
        (0..columns.len()).filter(|it| !columns.raw(*it).is_empty()).map(|it| format!("{it}={}", columns.text(it))).collect()
    }
}
