//! A document as typed values: what parsers make and what splits are built from.
//!
//! A row holds one cell per value, in any order; a field with several cells is multi-valued. All bytes lie in one buffer, so
//! that a parsed log line costs two allocations whatever its number of columns. A row knows nothing of names: a [`FieldId`]
//! is resolved against the mapping of the index the row is meant for.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::mapping::{FieldId, FieldType, Mapping};

/// One value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Datum<'a> {
    /// Keyword or text.
    Str(&'a str),
    /// Whole number, boolean (0, 1) or date (UTC milliseconds).
    I64(i64),
    /// Floating-point number.
    F64(f64),
    /// Address; an IPv4 address is the mapped IPv6 address.
    Ip(Ipv6Addr),
}

/// A typed document.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Text of all cells, one after the other.
    text: String,
    /// Addresses of all cells, 16 bytes each.
    ips: Vec<[u8; 16]>,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    field: FieldId,
    slot: Slot,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Str { start: u32, len: u32 },
    Ip { at: u32 },
    I64(i64),
    F64(f64),
}

impl Row {
    /// An empty row with room for a log line of `bytes` bytes and `cells` values.
    pub fn with_capacity(bytes: usize, cells: usize) -> Self {
        Self { text: String::with_capacity(bytes), ips: Vec::new(), cells: Vec::with_capacity(cells) }
    }

    /// Adds a keyword or text value.
    pub fn push_str(&mut self, field: FieldId, value: &str) {
        let start = self.text.len() as u32;
        self.text.push_str(value);
        self.cells.push(Cell { field, slot: Slot::Str { start, len: value.len() as u32 } });
    }

    /// Adds a keyword that the row holds already, as part of an earlier text: `start` is that text's [`Row::text_end`] before it was added, plus
    /// where the part begins in it. Costs no copy.
    ///
    /// # Panics
    /// When the part is not text of the row.
    pub fn push_part(&mut self, field: FieldId, start: usize, len: usize) {
        assert!(self.text.get(start..start + len).is_some(), "a part of the row's text");
        self.cells.push(Cell { field, slot: Slot::Str { start: start as u32, len: len as u32 } });
    }

    /// Bytes of text so far: where the next text will begin.
    pub fn text_end(&self) -> usize {
        self.text.len()
    }

    /// Adds a keyword whose letters are folded to ASCII lower case.
    pub fn push_lower(&mut self, field: FieldId, value: &str) {
        let start = self.text.len();
        self.text.push_str(value);
        self.text[start..].make_ascii_lowercase();
        let start = start as u32;
        self.cells.push(Cell { field, slot: Slot::Str { start, len: value.len() as u32 } });
    }

    /// Adds a whole number.
    pub fn push_i64(&mut self, field: FieldId, value: i64) {
        self.cells.push(Cell { field, slot: Slot::I64(value) });
    }

    /// Adds a floating-point number.
    pub fn push_f64(&mut self, field: FieldId, value: f64) {
        self.cells.push(Cell { field, slot: Slot::F64(value) });
    }

    /// Adds a boolean.
    pub fn push_bool(&mut self, field: FieldId, value: bool) {
        self.push_i64(field, i64::from(value));
    }

    /// Adds a date.
    pub fn push_date(&mut self, field: FieldId, value: Timestamp) {
        self.push_i64(field, value.0);
    }

    /// Adds an address.
    pub fn push_ip(&mut self, field: FieldId, value: IpAddr) {
        let at = self.ips.len() as u32;
        self.ips.push(ip_bytes(value));
        self.cells.push(Cell { field, slot: Slot::Ip { at } });
    }

    /// All values in the order they were added.
    pub fn values(&self) -> impl Iterator<Item = (FieldId, Datum<'_>)> {
        self.cells.iter().map(|cell| (cell.field, self.datum(cell)))
    }

    /// The first value of `field`.
    pub fn get(&self, field: FieldId) -> Option<Datum<'_>> {
        self.cells.iter().find(|it| it.field == field).map(|it| self.datum(it))
    }

    /// The first value of a date field.
    pub fn date(&self, field: FieldId) -> Option<Timestamp> {
        match self.get(field) {
            Some(Datum::I64(value)) => Some(Timestamp(value)),
            _ => None,
        }
    }

    /// The first value of a keyword field.
    pub fn str(&self, field: FieldId) -> Option<&str> {
        match self.get(field) {
            Some(Datum::Str(value)) => Some(value),
            _ => None,
        }
    }

    /// Removes every value of `field`.
    pub fn remove(&mut self, field: FieldId) {
        self.cells.retain(|it| it.field != field);
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether the row has no value.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Bytes of memory the row holds, for budgets.
    pub fn memory_bytes(&self) -> usize {
        self.text.capacity() + self.ips.capacity() * 16 + self.cells.capacity() * size_of::<Cell>()
    }

    /// The row as a nested JSON document, as `_source` shows it: objects for dotted names, a list where a field has several
    /// values or its mapping says so, dates as RFC 3339 with milliseconds.
    pub fn to_json(&self, mapping: &Mapping) -> Map<String, Value> {
        let mut order: Vec<u32> = (0..self.cells.len() as u32).collect();
        // Stable: the values of one field keep the order they were added in.
        order.sort_by_key(|&at| self.cells[at as usize].field);
        let mut document = Map::new();
        for group in order.chunk_by(|a, b| self.cells[*a as usize].field == self.cells[*b as usize].field) {
            let field = mapping.by_id(self.cells[group[0] as usize].field);
            let mut values = group.iter().map(|&at| json_value(field.kind, self.datum(&self.cells[at as usize])));
            let value = if group.len() > 1 || field.list { Value::Array(values.collect()) } else { values.next().expect("a group has a cell") };
            insert_dotted(&mut document, &field.name, value);
        }
        document
    }

    fn datum(&self, cell: &Cell) -> Datum<'_> {
        match cell.slot {
            Slot::Str { start, len } => Datum::Str(&self.text[start as usize..][..len as usize]),
            Slot::Ip { at } => Datum::Ip(Ipv6Addr::from(self.ips[at as usize])),
            Slot::I64(value) => Datum::I64(value),
            Slot::F64(value) => Datum::F64(value),
        }
    }

    /// The value at that place in the order of adding; `None` behind the last. A split's writer walks a row four times: by place it
    /// needs no iterator that would have to be boxed.
    pub(crate) fn raw_value(&self, at: usize) -> Option<(FieldId, RawValue<'_>)> {
        let cell = self.cells.get(at)?;
        let value = match cell.slot {
            Slot::Ip { at } => RawValue::Bytes(&self.ips[at as usize]),
            _ => RawValue::Datum(self.datum(cell)),
        };
        Some((cell.field, value))
    }

    /// Puts the values in the order of their fields; those of one field keep theirs.
    pub(crate) fn sort(&mut self) {
        self.cells.sort_by_key(|it| it.field);
    }
}

/// A value as a split's writer wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RawValue<'a> {
    Bytes(&'a [u8]),
    Datum(Datum<'a>),
}

/// The 16 bytes under which an address is indexed: their order is the order of addresses, IPv4 as mapped IPv6.
pub fn ip_bytes(value: IpAddr) -> [u8; 16] {
    match value {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The text of an indexed address: IPv4 where it is a mapped one.
pub fn ip_text(value: Ipv6Addr) -> String {
    match value.to_ipv4_mapped() {
        Some(v4) => v4.to_string(),
        None => value.to_string(),
    }
}

/// One value as JSON, by the field's type.
pub(crate) fn json_value(kind: FieldType, value: Datum<'_>) -> Value {
    match (kind, value) {
        (FieldType::Boolean, Datum::I64(value)) => Value::Bool(value != 0),
        (FieldType::Date, Datum::I64(value)) => Value::String(Timestamp(value).to_string()),
        (_, Datum::I64(value)) => Value::from(value),
        (_, Datum::F64(value)) => Value::from(value),
        (_, Datum::Str(value)) => Value::from(value),
        (_, Datum::Ip(value)) => Value::String(ip_text(value)),
    }
}

/// Puts `value` at a dotted path, making the objects on the way. Where a name is both a value and an object the dotted name
/// stays whole at that level, as Elasticsearch keeps it in `_source`.
fn insert_dotted(document: &mut Map<String, Value>, path: &str, value: Value) {
    if let Some((head, rest)) = path.split_once('.') {
        let inner = document.entry(head).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(inner) = inner {
            return insert_dotted(inner, rest, value);
        }
    }
    document.insert(path.to_owned(), value);
}
