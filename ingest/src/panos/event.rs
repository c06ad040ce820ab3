//! One line on its way to a row: the columns, the row so far, and how a table of columns fills it.

use std::net::IpAddr;

use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::mapping::FieldId;
use sekisho_engine::row::Row;

use super::columns::Columns;
use super::time::{self, Zone};
use crate::limits::COLUMN_ERRORS_MAX;

/// One line of a log type's table: which column goes to which field, and how it is read.
#[derive(Clone, Copy, Debug)]
pub struct Col {
    /// Position in the line, from 0.
    pub(super) index: usize,
    /// Where it goes; the chief one of several for [`Kind::With`].
    pub(super) field: FieldId,
    /// How it is read.
    pub(super) kind: Kind,
}

/// An entry of a table of columns.
pub(super) const fn col(index: usize, field: FieldId, kind: Kind) -> Col {
    Col { index, field, kind }
}

/// How a column is read. Empty columns give nothing, whatever their kind; text that does not fit the kind gives an `error.message`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Text as it stands.
    Keyword,
    /// Text in ASCII lower case.
    Lower,
    /// Text, unless it is this one, which means none.
    Unless(&'static str),
    /// A list in one column: parted at commas, blanks trimmed.
    List,
    /// Hardware address: upper case, dashes.
    Mac,
    /// Address.
    Ip,
    /// Whole number.
    Long,
    /// Port: 0 to 65,535.
    Port,
    /// Time, in the device's zone where it has no offset.
    Time,
    /// Rules of its own, in the file of that concept; it also sees the other columns.
    With(fn(&mut Event<'_>, usize)),
    /// Read together with that column.
    Beside(#[expect(dead_code, reason = "for the reader of the table")] usize),
}

/// A line on its way.
pub(super) struct Event<'a> {
    /// The line's columns.
    pub(super) columns: &'a Columns<'a>,
    /// What has been made of them.
    pub(super) row: Row,
    /// Zone of times without an offset.
    pub(super) zone: &'a Zone,
    /// The high-resolution time, where the line has a real one.
    pub(super) high_resolution: Option<Timestamp>,
    /// Where the line's columns lie in the row's text, when the row holds the line.
    columns_at: Option<usize>,
    column_errors: usize,
}

impl<'a> Event<'a> {
    pub(super) fn new(columns: &'a Columns<'a>, row: Row, zone: &'a Zone) -> Self {
        Self { columns, row, zone, high_resolution: None, columns_at: None, column_errors: 0 }
    }

    /// The same event, whose row holds the text of the columns from there on: values that stand in it as they are need no copy.
    pub(super) fn with_columns_at(self, at: usize) -> Self {
        Self { columns_at: Some(at), ..self }
    }

    /// Reads the columns that a table names.
    pub(super) fn fill(&mut self, table: &[Col]) {
        for it in table {
            let range = self.columns.range(it.index);
            // Half of all columns are empty, and of the others most are text that the row holds already: those are not looked at.
            match (it.kind, self.columns_at) {
                _ if range.is_empty() => {}
                (Kind::Keyword, Some(at)) if !self.columns.is_doubled(it.index) => self.row.push_part(it.field, at + range.start, range.len()),
                _ => self.fill_one(it, self.columns.raw(it.index)),
            }
        }
    }

    #[inline]
    fn fill_one(&mut self, &Col { index, field, kind }: &Col, raw: &str) {
        match kind {
            Kind::Keyword => self.row.push_str(field, &self.columns.text(index)),
            Kind::Lower => self.row.push_lower(field, raw),
            Kind::Unless(none) => {
                if raw != none {
                    self.row.push_str(field, &self.columns.text(index));
                }
            }
            Kind::List => raw.split(',').map(str::trim_ascii).filter(|it| !it.is_empty()).for_each(|it| self.row.push_str(field, it)),
            Kind::Mac => self.row.push_str(field, &raw.to_ascii_uppercase().replace(':', "-")),
            Kind::Ip => match raw.trim_ascii().parse::<IpAddr>() {
                Ok(it) => self.row.push_ip(field, it),
                Err(_) => self.column_error(index, "is not an address"),
            },
            Kind::Long => match whole_number(raw) {
                Some(it) => self.row.push_i64(field, it),
                None => self.column_error(index, "is not a whole number"),
            },
            Kind::Port => match whole_number(raw).filter(|it| (0..=65_535).contains(it)) {
                Some(it) => self.row.push_i64(field, it),
                None => self.column_error(index, "is not a port"),
            },
            Kind::Time => match time::parse(raw.trim_ascii(), self.zone) {
                Some(it) => self.row.push_date(field, it),
                None => self.column_error(index, "is not a time"),
            },
            Kind::With(read) => read(self, index),
            Kind::Beside(_) => {}
        }
    }

    /// Notes that a column does not hold what it should. Its text is in `event.original` and not in the message, so that messages can be counted.
    pub(super) fn column_error(&mut self, index: usize, what: &str) {
        self.column_errors += 1;
        if self.column_errors <= COLUMN_ERRORS_MAX {
            self.row.push_str(ecs::ERROR_MESSAGE, &format!("column {index} {what}"));
        }
    }
}

/// A decimal number; most are one to ten digits.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    let bytes = text.as_bytes();
    // Nineteen digits may be too many; signs and anything else are for the library.
    if bytes.is_empty() || bytes.len() > 18 {
        return text.parse().ok();
    }
    let mut value = 0;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return text.parse().ok();
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sekisho_engine::row::Datum;

    const TABLE: &[Col] = &[
        col(0, ecs::SOURCE_IP, Kind::Ip),
        col(1, ecs::SOURCE_PORT, Kind::Port),
        col(2, ecs::NETWORK_BYTES, Kind::Long),
        col(3, ecs::EVENT_START, Kind::Time),
        col(4, ecs::PANOS_SRC_MAC, Kind::Mac),
        col(5, ecs::PANOS_URL_CATEGORY_LIST, Kind::List),
        col(6, ecs::PANOS_PAYLOAD_PROTOCOL_ID, Kind::Unless("4294967295")),
        col(7, ecs::NETWORK_TRANSPORT, Kind::Lower),
        col(8, ecs::RULE_NAME, Kind::Keyword),
    ];

    fn fill(line: &str) -> Row {
        let columns = Columns::split(line);
        let mut event = Event::new(&columns, Row::default(), &Zone::Utc);
        event.fill(TABLE);
        event.row
    }

    #[test]
    fn each_kind_reads_its_column() {
        let row = fill("192.0.2.7,443,12345678901234,2019/11/03 07:01:51,aa:bb:0c,\"a, b,,c\",7,TCP,\"my \"\"rule\"\"\"");
        assert_eq!(row.get(ecs::SOURCE_IP), Some(Datum::Ip("::ffff:192.0.2.7".parse().unwrap())));
        assert_eq!(row.get(ecs::SOURCE_PORT), Some(Datum::I64(443)));
        assert_eq!(row.get(ecs::NETWORK_BYTES), Some(Datum::I64(12_345_678_901_234)));
        assert_eq!(row.date(ecs::EVENT_START), Some(Timestamp(1_572_764_511_000)));
        assert_eq!(row.str(ecs::PANOS_SRC_MAC), Some("AA-BB-0C"));
        let list: Vec<_> = row.values().filter(|it| it.0 == ecs::PANOS_URL_CATEGORY_LIST).map(|it| it.1).collect();
        assert_eq!(list, [Datum::Str("a"), Datum::Str("b"), Datum::Str("c")]);
        assert_eq!(row.str(ecs::PANOS_PAYLOAD_PROTOCOL_ID), Some("7"));
        assert_eq!(row.str(ecs::NETWORK_TRANSPORT), Some("tcp"));
        assert_eq!(row.str(ecs::RULE_NAME), Some("my \"rule\""));
        assert_eq!(row.len(), 11);
    }

    #[test]
    fn empty_and_missing_columns_give_nothing() {
        assert!(fill(", ,\"\",,,\" \",4294967295").is_empty());
    }

    #[test]
    fn text_that_does_not_fit_is_told_by_column() {
        let row = fill("172.300.28.33,99999,x,16");
        let errors: Vec<_> = row.values().map(|it| it.1).collect();
        let expected = ["column 0 is not an address", "column 1 is not a port", "column 2 is not a whole number", "column 3 is not a time"];
        assert_eq!(errors, expected.map(Datum::Str));
    }

    #[test]
    fn numbers_beyond_64_bit_are_not_rounded() {
        assert_eq!(whole_number("9223372036854775807"), Some(i64::MAX));
        assert_eq!(whole_number("9223372036854775808"), None);
        assert_eq!(whole_number("-5"), Some(-5));
    }
}

#[cfg(test)]
pub(super) mod tests_support {
    //! For the tests of single columns: the row that one reader makes of a line's first column.
    use super::*;

    pub(in crate::panos) fn row_of(line: &str, read: fn(&mut Event<'_>, usize)) -> Row {
        let columns = Columns::split(line);
        let mut event = Event::new(&columns, Row::default(), &Zone::Utc);
        if !columns.raw(0).is_empty() {
            read(&mut event, 0);
        }
        event.row
    }
}
