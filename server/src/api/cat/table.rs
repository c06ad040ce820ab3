//! A table of `_cat`: columns, cells, and how a request wants to see them (`h`, `s`, `v`, `help`, `bytes`, `time`, `format`).
//!
//! Cells keep their figures: they are sorted as figures, and get their unit when they are written.

use std::cmp::Ordering;

use axum::http::header::ACCEPT;
use sekisho_engine::mapping::simple_match;
use serde_json::{Map, Value};

use crate::api::call::{Call, Reply};
use crate::api::error::ApiError;

/// A column, in the order of the table.
pub(super) struct Column {
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
    /// Whether it is there where `h` asks for nothing else.
    is_shown: bool,
}

/// A column that is there unless others are asked for.
pub(super) const fn shown(name: &'static str, aliases: &'static [&'static str], about: &'static str) -> Column {
    Column { name, aliases, about, is_shown: true }
}

/// A column that is there when asked for.
pub(super) const fn on_demand(name: &'static str, aliases: &'static [&'static str], about: &'static str) -> Column {
    Column { name, aliases, about, is_shown: false }
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing: an empty place, null in JSON.
    None,
    /// Words.
    Text(String),
    /// A number without a unit.
    Count(u64),
    /// A number with a fraction.
    Share(f64),
    /// Bytes.
    Bytes(u64),
    /// Milliseconds.
    Millis(u64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Self::None, Into::into)
    }
}

impl Cell {
    /// Nothing first, then figures, then words.
    fn compare(&self, other: &Self) -> Ordering {
        let figure = |it: &Self| match it {
            Self::Count(it) | Self::Bytes(it) | Self::Millis(it) => Some(*it as f64),
            Self::Share(it) => Some(*it),
            Self::None | Self::Text(_) => None,
        };
        match (self, other) {
            (Self::None, Self::None) => Ordering::Equal,
            (Self::None, _) => Ordering::Less,
            (_, Self::None) => Ordering::Greater,
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => match (figure(a), figure(b)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            },
        }
    }
}

/// Columns and rows, each of as many cells.
pub(super) struct Table {
    /// The columns.
    pub(super) columns: &'static [Column],
    /// The rows.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// How a table is to look.
pub(super) struct Look {
    has_head: bool,
    is_help: bool,
    columns: Option<Vec<String>>,
    sort: Vec<(String, bool)>,
    is_json: bool,
    /// Bytes of the unit that they are to be told in.
    byte_unit: Option<u64>,
    /// Milliseconds of the unit that times are to be told in.
    time_unit: Option<f64>,
}

/// Units that `bytes` may ask for, and their size.
const BYTE_UNITS: [(&str, u64); 11] = [
    ("b", 1),
    ("k", 1 << 10),
    ("kb", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1 << 30),
    ("t", 1 << 40),
    ("tb", 1 << 40),
    ("p", 1 << 50),
    ("pb", 1 << 50),
];

/// Units that `time` may ask for, in milliseconds.
const TIME_UNITS: [(&str, f64); 7] = [("nanos", 1e-6), ("micros", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3_600e3), ("d", 86_400e3)];

impl Look {
    /// Takes the parameters that all tables know.
    ///
    /// # Errors
    /// 400 for values that they do not have.
    pub(super) fn take(call: &mut Call) -> Result<Self, ApiError> {
        let accepts_data = call.headers.get(ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("json") || it.contains("yaml"));
        let is_json = match call.params.take("format").as_deref() {
            None => accepts_data,
            Some("json" | "yaml") => true,
            Some("txt" | "text") => false,
            Some(other) => return Err(ApiError::illegal_argument(format!("format [{other}] is not supported; use json, yaml or text"))),
        };
        let byte_unit = unit(call, "bytes", &BYTE_UNITS)?;
        let time_unit = unit(call, "time", &TIME_UNITS)?;
        let sort = call.params.take("s").unwrap_or_default();
        let sort = sort.split(',').map(str::trim).filter(|it| !it.is_empty()).map(|it| match it.rsplit_once(':') {
            Some((column, order)) => (column.to_owned(), order == "desc"),
            None => (it.to_owned(), false),
        });
        let look = Self {
            sort: sort.collect(),
            has_head: call.params.flag("v")?.unwrap_or(false),
            is_help: call.params.flag("help")?.unwrap_or(false),
            columns: call.params.take("h").map(|it| it.split(',').map(|it| it.trim().to_owned()).collect()),
            is_json,
            byte_unit,
            time_unit,
        };
        call.params.ignore(&["local", "master_timeout", "cluster_manager_timeout", "ts"]);
        Ok(look)
    }

    /// The table as that request wants to see it.
    ///
    /// # Errors
    /// 400 for a sort key that is no column.
    pub(super) fn render(&self, mut table: Table) -> Result<Reply, ApiError> {
        if self.is_help {
            return Ok(text(help(table.columns)));
        }
        let mut keys = Vec::new();
        for (name, is_descending) in &self.sort {
            let at = table.columns.iter().position(|it| it.name == name || it.aliases.contains(&name.as_str()));
            let at =
                at.ok_or_else(|| ApiError::new(400, "unsupported_operation_exception", format!("Unable to sort by unknown sort key `{name}`")))?;
            keys.push((at, *is_descending));
        }
        table.rows.sort_by(|a, b| {
            let by = keys.iter().map(|&(at, is_descending)| {
                let order = a[at].compare(&b[at]);
                if is_descending { order.reverse() } else { order }
            });
            by.fold(Ordering::Equal, Ordering::then)
        });
        let columns = self.chosen(table.columns);
        if self.is_json {
            let value = |cell: &Cell| match cell {
                Cell::None => Value::Null,
                cell => self.cell(cell).into(),
            };
            let row = |row: &Vec<Cell>| Value::Object(columns.iter().map(|(at, name)| (name.clone(), value(&row[*at]))).collect::<Map<_, _>>());
            return Ok(Reply::Json(table.rows.iter().map(row).collect()));
        }
        let head = self.has_head.then(|| columns.iter().map(|it| it.1.clone()).collect::<Vec<_>>());
        let body = table.rows.iter().map(|row| columns.iter().map(|it| self.cell(&row[it.0])).collect::<Vec<_>>());
        Ok(text(lines(&head.into_iter().chain(body).collect::<Vec<_>>())))
    }

    /// Places of the columns to show, and what they are called in this answer: as they were asked for.
    fn chosen(&self, columns: &[Column]) -> Vec<(usize, String)> {
        let Some(asked) = &self.columns else {
            return columns.iter().enumerate().filter(|it| it.1.is_shown).map(|(at, it)| (at, it.name.to_owned())).collect();
        };
        let mut chosen: Vec<(usize, String)> = Vec::new();
        for name in asked {
            if name.contains('*') {
                let fits = |it: &Column| simple_match(name, it.name);
                let more: Vec<_> = columns.iter().enumerate().filter(|(at, it)| fits(it) && chosen.iter().all(|it| it.0 != *at)).collect();
                chosen.extend(more.into_iter().map(|(at, it)| (at, it.name.to_owned())));
            } else if let Some(at) = columns.iter().position(|it| it.name == name || it.aliases.contains(&name.as_str())) {
                chosen.push((at, name.clone()));
            }
        }
        chosen
    }

    fn cell(&self, cell: &Cell) -> String {
        match cell {
            Cell::None => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Share(share) => share.to_string(),
            Cell::Bytes(bytes) => match self.byte_unit {
                Some(size) => (bytes / size).to_string(),
                None => bytes_text(*bytes),
            },
            Cell::Millis(millis) => match self.time_unit {
                Some(size) => ((*millis as f64 / size) as u64).to_string(),
                None => millis_text(*millis),
            },
        }
    }
}

/// The size of the unit that a parameter names.
fn unit<T: Copy>(call: &mut Call, parameter: &str, units: &[(&str, T)]) -> Result<Option<T>, ApiError> {
    let Some(name) = call.params.take(parameter) else { return Ok(None) };
    let found = units.iter().find(|it| it.0 == name).map(|it| it.1);
    found.map(Some).ok_or_else(|| {
        let names: Vec<&str> = units.iter().map(|it| it.0).collect();
        ApiError::illegal_argument(format!("unit [{name}] of [{parameter}] is not one of {names:?}"))
    })
}

/// Bytes as people read them: `1.5kb`.
pub fn bytes_text(bytes: u64) -> String {
    scaled(bytes as f64, &[("b", 1024.0), ("kb", 1024.0), ("mb", 1024.0), ("gb", 1024.0), ("tb", 1024.0), ("pb", 1024.0)])
}

/// A time as people read it: `1.5s`.
pub fn millis_text(millis: u64) -> String {
    scaled(millis as f64, &[("ms", 1000.0), ("s", 60.0), ("m", 60.0), ("h", 24.0), ("d", f64::INFINITY)])
}

/// A figure in the largest of these units of which there is one, each with its size in the next; one place, unless that is 0.
fn scaled(mut value: f64, units: &[(&'static str, f64)]) -> String {
    let mut unit = "";
    for (at, (name, size)) in units.iter().enumerate() {
        unit = name;
        if value < *size || at + 1 == units.len() {
            break;
        }
        value /= size;
    }
    let tenths = (value * 10.0).floor() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0}{unit}") } else { format!("{tenths:.1}{unit}") }
}

fn help(columns: &[Column]) -> String {
    let row = |it: &Column| [it.name, "|", &it.aliases.join(","), "|", it.about].map(str::to_owned).to_vec();
    // Elasticsearch leaves a space at the end here, and readers' patterns have it.
    lines(&columns.iter().map(row).collect::<Vec<_>>()).lines().map(|it| format!("{it} \n")).collect()
}

/// Cells below one another; nothing stands behind the last.
fn lines(rows: &[Vec<String>]) -> String {
    let width = |at: usize| rows.iter().map(|it| it[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join(" ").trim_end());
        text.push('\n');
    }
    text
}

fn text(text: String) -> Reply {
    Reply::Text(200, "text/plain; charset=UTF-8", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_get_the_largest_unit_that_fits() {
        let bytes = [0, 208, 1023, 1024, 1536, 5 << 20, 3 << 40].map(bytes_text);
        assert_eq!(bytes, ["0b", "208b", "1023b", "1kb", "1.5kb", "5mb", "3tb"]);
        assert_eq!([0, 999, 1500, 60_000, 5_400_000, 172_800_000].map(millis_text), ["0ms", "999ms", "1.5s", "1m", "1.5h", "2d"]);
    }

    #[test]
    fn nothing_sorts_before_figures_and_these_before_words() {
        let mut cells = vec![Cell::from("b"), Cell::Bytes(10), Cell::from("a"), Cell::None, Cell::Bytes(9)];
        cells.sort_by(Cell::compare);
        assert_eq!(cells, [Cell::None, Cell::Bytes(9), Cell::Bytes(10), Cell::from("a"), Cell::from("b")]);
    }
}
