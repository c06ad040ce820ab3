//! Writing one comma-separated line, column by column, without allocation.
//!
//! A writer names the column it fills (`row.at(25).number(443)`), so that a line's code can be held against the
//! reference's table; columns in between stay empty and the total is exact by construction.

use std::io::Write as _;
use std::net::IpAddr;

/// A line in progress: text so far and the number of columns begun.
pub(crate) struct Columns<'a> {
    line: &'a mut Vec<u8>,
    column: usize,
}

impl<'a> Columns<'a> {
    /// Starts at column 0, after whatever header `line` already holds.
    pub(crate) fn new(line: &'a mut Vec<u8>) -> Self {
        Self { line, column: 0 }
    }

    /// Moves to a later column (or stays in the present one, if nothing was written there), leaving those between empty.
    pub(crate) fn at(&mut self, column: usize) -> &mut Self {
        assert!(column >= self.column, "columns are written in order: {column} after {}", self.column);
        while self.column < column {
            self.line.push(b',');
            self.column += 1;
        }
        self
    }

    /// Moves to the next column.
    pub(crate) fn next(&mut self) -> &mut Self {
        self.at(self.column + 1)
    }

    /// Fills up to exactly `count` columns.
    pub(crate) fn finish(&mut self, count: usize) {
        self.at(count - 1);
    }

    /// Text as it is: the caller knows that it holds no comma.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.line.extend_from_slice(text.as_bytes());
        self
    }

    /// Text in quotes, its own quotes doubled: how PAN-OS always writes URLs, file names and lists.
    pub(crate) fn quoted(&mut self, text: &str) -> &mut Self {
        self.line.push(b'"');
        for (index, part) in text.as_bytes().split(|&it| it == b'"').enumerate() {
            if index > 0 {
                self.line.extend_from_slice(b"\"\"");
            }
            self.line.extend_from_slice(part);
        }
        self.line.push(b'"');
        self
    }

    /// Text in quotes only when it holds a comma or a quote: how PAN-OS writes rules and user agents.
    pub(crate) fn quoted_if_needed(&mut self, text: &str) -> &mut Self {
        if text.bytes().any(|it| matches!(it, b',' | b'"')) { self.quoted(text) } else { self.text(text) }
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        push_number(self.line, number);
        self
    }

    /// Whatever `write` appends to the line; it must not hold a comma.
    pub(crate) fn bytes(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        write(self.line);
        self
    }

    pub(crate) fn hex(&mut self, number: u64) -> &mut Self {
        // Writing to a vector cannot fail.
        let _ = write!(self.line, "{number:#x}");
        self
    }

    pub(crate) fn address(&mut self, address: IpAddr) -> &mut Self {
        match address {
            IpAddr::V4(v4) => {
                for (index, octet) in v4.octets().into_iter().enumerate() {
                    if index > 0 {
                        self.line.push(b'.');
                    }
                    push_number(self.line, u64::from(octet));
                }
            }
            IpAddr::V6(v6) => {
                let _ = write!(self.line, "{v6}");
            }
        }
        self
    }
}

/// Decimal digits of `number`; several times faster than `write!`, and a line has thirty numbers.
pub(crate) fn push_number(line: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[first..]);
}

/// Decimal digits of `number`, with leading zeros up to `width`.
pub(crate) fn push_padded(line: &mut Vec<u8>, number: u32, width: u32) {
    for place in (0..width).rev() {
        line.push(b'0' + (number / 10u32.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Columns<'_>)) -> String {
        let mut line = Vec::new();
        write(&mut Columns::new(&mut line));
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn columns_between_stay_empty_and_the_count_is_exact() {
        let line = written(|row| {
            row.text("a").at(3).number(120).next().hex(255);
            row.finish(7);
        });
        assert_eq!(line, "a,,,120,0xff,,");
    }

    #[test]
    fn quotes_are_doubled() {
        let line = written(|row| {
            row.quoted(r#"x/?d={"a":1}"#).next().quoted_if_needed("plain").next().quoted_if_needed("a,b");
        });
        assert_eq!(line, r#""x/?d={""a"":1}",plain,"a,b""#);
    }

    #[test]
    fn addresses_and_padding() {
        let line = written(|row| {
            row.address("10.0.250.9".parse().unwrap()).next().address("2001:db8::1".parse().unwrap());
        });
        assert_eq!(line, "10.0.250.9,2001:db8::1");
        let mut padded = Vec::new();
        push_padded(&mut padded, 7, 3);
        push_number(&mut padded, 0);
        assert_eq!(padded, b"0070");
    }

    #[test]
    #[should_panic(expected = "columns are written in order")]
    fn going_back_is_a_bug() {
        written(|row| {
            row.at(4).text("x").at(2).text("y");
        });
    }
}
