//! A mapped field's column in one segment, read in blocks.
//!
//! Every column is seen as *raw* `u64` values whose order is the order of the values: ordinals of a sorted dictionary for keywords
//! and addresses, tantivy's monotonic mapping for `i64` and `f64`. So counting, sorting and comparing need one code path; only
//! what leaves the segment is decoded ([`FieldColumn::i64`], [`FieldColumn::f64`], [`FieldColumn::bytes_of`]), because ordinals
//! mean nothing outside of it.
//!
//! A split written before a field was mapped has no column: that is an ordinary column without values.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tantivy::columnar::column_index::Set;
use tantivy::columnar::{BytesColumn, Column, ColumnIndex, ColumnType, MonotonicallyMappableToU64, TermOrdHit};
use tantivy::fastfield::FastFieldReaders;
use tantivy::{DocId, SegmentReader};

use crate::mapping::{ColumnKind, FieldType, MappedField};
use crate::row::ip_text;

/// The column of a field in a segment.
#[derive(Clone)]
pub struct FieldColumn {
    kind: ColumnKind,
    values: Option<Column<u64>>,
    dictionary: Option<Arc<BytesColumn>>,
}

impl FieldColumn {
    /// Opens the column of `field`; a field without a column in this segment opens as one without values.
    ///
    /// # Errors
    /// Damaged files.
    pub fn open(reader: &SegmentReader, field: &MappedField) -> tantivy::Result<Self> {
        let Some(kind) = field.column_kind() else { return Ok(Self::empty(ColumnKind::Ordinal)) };
        let fast: &FastFieldReaders = reader.fast_fields();
        let name = field.tantivy_name();
        let number = |kind_of| Ok::<_, tantivy::TantivyError>(fast.u64_lenient_for_type(Some(&[kind_of]), &name)?.map(|it| it.0));
        let (values, dictionary) = match kind {
            ColumnKind::Ordinal => {
                let bytes = if field.kind == FieldType::Ip { fast.bytes(&name)? } else { fast.str(&name)?.map(BytesColumn::from) };
                (bytes.as_ref().map(|it| it.ords().clone()), bytes.map(Arc::new))
            }
            ColumnKind::I64 => (number(ColumnType::I64)?, None),
            ColumnKind::F64 => (number(ColumnType::F64)?, None),
        };
        Ok(Self { kind, values, dictionary })
    }

    /// A column without values.
    pub fn empty(kind: ColumnKind) -> Self {
        Self { kind, values: None, dictionary: None }
    }

    /// What the raw values are.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// Whether no document of the segment has a value.
    pub fn is_empty(&self) -> bool {
        self.values.as_ref().is_none_or(|it| it.values.num_vals() == 0)
    }

    /// Bounds of the raw values: no value lies outside, though the bounds themselves need not occur. `None` without values.
    pub fn raw_bounds(&self) -> Option<(u64, u64)> {
        let values = self.values.as_ref().filter(|it| it.values.num_vals() > 0)?;
        match self.kind {
            ColumnKind::Ordinal => self.terms().checked_sub(1).map(|last| (0, last)),
            ColumnKind::I64 | ColumnKind::F64 => Some((values.min_value(), values.max_value())),
        }
    }

    /// Entries of the dictionary; 0 for numbers.
    pub fn terms(&self) -> u64 {
        self.dictionary.as_ref().map_or(0, |it| it.num_terms() as u64)
    }

    /// The raw values of one document, in the order of the column.
    pub fn raw_values(&self, doc: DocId) -> impl Iterator<Item = u64> + '_ {
        self.values.iter().flat_map(move |it| it.values_for_doc(doc))
    }

    /// Whether a document has a value.
    pub fn has_value(&self, doc: DocId) -> bool {
        self.values.as_ref().is_some_and(|it| it.index.has_value(doc))
    }

    /// A raw value of an `i64` column.
    pub fn i64(raw: u64) -> i64 {
        i64::from_u64(raw)
    }

    /// The raw value of an `i64`.
    pub fn raw_of_i64(value: i64) -> u64 {
        value.to_u64()
    }

    /// A raw value of an `f64` column.
    pub fn f64(raw: u64) -> f64 {
        f64::from_u64(raw)
    }

    /// The raw value of an `f64`.
    pub fn raw_of_f64(value: f64) -> u64 {
        value.to_u64()
    }

    /// A raw value of a number column as a double.
    pub fn number(&self, raw: u64) -> f64 {
        match self.kind {
            ColumnKind::F64 => Self::f64(raw),
            ColumnKind::I64 | ColumnKind::Ordinal => Self::i64(raw) as f64,
        }
    }

    /// The ordinal of a dictionary entry.
    ///
    /// # Errors
    /// Damaged files.
    pub fn ordinal_of(&self, bytes: &[u8]) -> std::io::Result<Option<u64>> {
        self.dictionary.as_ref().map_or(Ok(None), |it| it.dictionary().term_ord(bytes))
    }

    /// The raw value from which on values are at least `key`; `None` where no raw value can be. A document's value is in the range
    /// `from..to` exactly when its raw value is between those of `from` and `to`.
    ///
    /// # Errors
    /// Damaged files.
    pub fn raw_at_least(&self, key: &Key) -> std::io::Result<Option<u64>> {
        Ok(match (self.kind, key) {
            (ColumnKind::I64, Key::I64(it)) => Some(Self::raw_of_i64(*it)),
            (ColumnKind::I64, Key::F64(it)) => match it.get().ceil() {
                it if it.is_nan() || it >= i64::MAX as f64 => None,
                // The cast saturates below.
                it => Some(Self::raw_of_i64(it as i64)),
            },
            // Both zeros are at least zero; the negative one is the lower in the order of raw values.
            (ColumnKind::F64, key) => key.as_f64().map(|it| Self::raw_of_f64(if it == 0.0 { -0.0 } else { it })),
            (ColumnKind::Ordinal, Key::Bytes(bytes)) => match &self.dictionary {
                None => None,
                Some(it) => match it.dictionary().term_ord_or_next(bytes)? {
                    TermOrdHit::Exact(ordinal) => Some(ordinal),
                    TermOrdHit::Next(ordinal) => Some(ordinal).filter(|it| *it < self.terms()),
                },
            },
            (ColumnKind::I64, Key::Bytes(_)) | (ColumnKind::Ordinal, Key::I64(_) | Key::F64(_)) => None,
        })
    }

    /// The bytes of one ordinal.
    ///
    /// # Errors
    /// Damaged files.
    pub fn bytes_of(&self, ordinal: u64) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if let Some(it) = &self.dictionary {
            it.ord_to_bytes(ordinal, &mut bytes)?;
        }
        Ok(bytes)
    }

    /// Calls `each` with the bytes of every ordinal of an ascending list, in one walk over the dictionary.
    ///
    /// # Errors
    /// Damaged files, also when an ordinal is not in the dictionary.
    pub fn each_term(&self, ordinals: &[u64], each: impl FnMut(&[u8])) -> std::io::Result<()> {
        let Some(dictionary) = self.dictionary.as_ref().filter(|_| !ordinals.is_empty()) else { return Ok(()) };
        if dictionary.dictionary().sorted_ords_to_term_cb(ordinals, each)? {
            return Ok(());
        }
        Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "an ordinal of the column is not in its dictionary"))
    }

    /// Calls `each` with every dictionary entry in order; ordinals count from 0.
    ///
    /// # Errors
    /// Damaged files.
    pub fn each_dictionary_entry(&self, mut each: impl FnMut(u64, &[u8])) -> std::io::Result<()> {
        let Some(dictionary) = &self.dictionary else { return Ok(()) };
        let mut stream = dictionary.dictionary().stream()?;
        while stream.advance() {
            each(stream.term_ord(), stream.key());
        }
        Ok(())
    }
}

/// Whether a document's equal values count once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// Each occurrence counts: sums, averages.
    Keep,
    /// Once per document: buckets.
    Drop,
}

/// Reads blocks of a column; keeps the buffers between blocks.
#[derive(Default)]
pub struct BlockReader {
    raws: Vec<u64>,
    rows: Vec<u32>,
    positions: Vec<u32>,
}

impl BlockReader {
    /// The raw values of `docs`, one each, where every document of the segment has exactly one value; else `None`.
    pub fn full(&mut self, column: &FieldColumn, docs: &[DocId]) -> Option<&[u64]> {
        let Some(Column { index: ColumnIndex::Full, values }) = &column.values else { return None };
        self.raws.resize(docs.len(), 0);
        if is_contiguous(docs) {
            values.get_range(u64::from(docs[0]), &mut self.raws);
        } else {
            values.get_vals(docs, &mut self.raws);
        }
        Some(&self.raws)
    }

    /// Calls `each(position in docs, raw value)` for every value of `docs`, and with `missing` for documents without one.
    /// Documents may be in any order and repeat; so may the calls.
    pub fn each(&mut self, column: &FieldColumn, docs: &[DocId], missing: Option<u64>, repeats: Repeats, mut each: impl FnMut(usize, u64)) {
        if let Some(raws) = self.full(column, docs) {
            raws.iter().enumerate().for_each(|(position, raw)| each(position, *raw));
            return;
        }
        let Some(Column { index, values }) = &column.values else { return each_missing(docs, missing, each) };
        self.rows.clear();
        self.positions.clear();
        match index {
            ColumnIndex::Empty { .. } | ColumnIndex::Full => return each_missing(docs, missing, each),
            ColumnIndex::Optional(optional) => {
                for (position, &doc) in docs.iter().enumerate() {
                    if let Some(row) = optional.rank_if_exists(doc) {
                        self.rows.push(row);
                        self.positions.push(position as u32);
                    } else if let Some(raw) = missing {
                        each(position, raw);
                    }
                }
            }
            ColumnIndex::Multivalued(_) => {
                for (position, &doc) in docs.iter().enumerate() {
                    let range = index.value_row_ids(doc);
                    if range.is_empty() {
                        missing.into_iter().for_each(|raw| each(position, raw));
                    }
                    self.positions.extend(range.clone().map(|_| position as u32));
                    self.rows.extend(range);
                }
            }
        }
        self.raws.resize(self.rows.len(), 0);
        values.get_vals(&self.rows, &mut self.raws);
        if repeats == Repeats::Drop && matches!(index, ColumnIndex::Multivalued(_)) {
            self.drop_repeats();
        }
        for (&position, &raw) in self.positions.iter().zip(&self.raws) {
            each(position as usize, raw);
        }
    }

    /// Keeps one of equal values of one position.
    fn drop_repeats(&mut self) {
        let (mut from, mut kept) = (0, 0);
        while from < self.positions.len() {
            let position = self.positions[from];
            let len = self.positions[from..].iter().take_while(|it| **it == position).count();
            self.raws[from..from + len].sort_unstable();
            for at in from..from + len {
                if at > from && self.raws[at] == self.raws[at - 1] {
                    continue;
                }
                // `kept` never passes `at`, but the comparison above looks back, so values are moved only after it.
                self.positions[kept] = position;
                self.rows[kept] = at as u32;
                kept += 1;
            }
            from += len;
        }
        self.positions.truncate(kept);
        for at in 0..kept {
            self.raws[at] = self.raws[self.rows[at] as usize];
        }
        self.raws.truncate(kept);
    }
}

fn each_missing(docs: &[DocId], missing: Option<u64>, mut each: impl FnMut(usize, u64)) {
    if let Some(raw) = missing {
        (0..docs.len()).for_each(|position| each(position, raw));
    }
}

/// Whether the documents are a run without gaps, as they are when everything matches: then values are unpacked in bulk.
fn is_contiguous(docs: &[DocId]) -> bool {
    let (Some(&first), Some(&last)) = (docs.first(), docs.last()) else { return false };
    last >= first && (last - first) as usize + 1 == docs.len() && docs.is_sorted_by(|a, b| a < b)
}

/// A value that has left its segment. The derived order is the order of buckets with equal counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Key {
    /// Whole number, boolean or date.
    I64(i64),
    /// Floating-point number.
    F64(OrderedF64),
    /// Keyword or 16-byte address.
    Bytes(#[serde(with = "serde_bytes")] Box<[u8]>),
}

impl Key {
    /// A double as a key.
    pub fn from_f64(value: f64) -> Self {
        Key::F64(OrderedF64::new(value))
    }

    /// The value as a double; `None` for bytes.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Key::I64(it) => Some(*it as f64),
            Key::F64(it) => Some(it.get()),
            Key::Bytes(_) => None,
        }
    }

    /// The value as JSON, by the type of the field it is from: addresses as text, booleans as 1 and 0, dates as milliseconds.
    pub fn to_json(&self, kind: FieldType) -> Value {
        match self {
            Key::I64(it) => Value::from(*it),
            Key::F64(it) => Value::from(it.get()),
            Key::Bytes(it) => Value::String(bytes_text(kind, it)),
        }
    }
}

/// The text of a dictionary entry: an address, or the keyword itself.
pub fn bytes_text(kind: FieldType, bytes: &[u8]) -> String {
    match <[u8; 16]>::try_from(bytes) {
        Ok(octets) if kind == FieldType::Ip => ip_text(octets.into()),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A double with a total order, kept in tantivy's monotonic mapping so that its bits compare as numbers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderedF64(u64);

impl OrderedF64 {
    /// Wraps a double.
    pub fn new(value: f64) -> Self {
        Self(value.to_u64())
    }

    /// The double.
    pub fn get(self) -> f64 {
        f64::from_u64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_of_a_document_count_once_and_others_stay() {
        let mut reader = BlockReader { raws: vec![7, 3, 7, 7, 9, 9, 1], positions: vec![0, 0, 0, 2, 2, 2, 5], rows: vec![0; 7] };
        reader.drop_repeats();
        assert_eq!(reader.positions, [0, 0, 2, 2, 5]);
        assert_eq!(reader.raws, [3, 7, 7, 9, 1]);
    }

    #[test]
    fn keys_of_doubles_sort_as_numbers() {
        let mut keys: Vec<_> = [3.5, -1.0, 0.0, -7.25, f64::INFINITY].map(Key::from_f64).into();
        keys.sort();
        assert_eq!(keys.iter().map(|it| it.as_f64().unwrap()).collect::<Vec<_>>(), [-7.25, -1.0, 0.0, 3.5, f64::INFINITY]);
    }

    #[test]
    fn a_repeated_document_is_not_taken_for_a_run() {
        assert!(is_contiguous(&[4, 5, 6]));
        assert!(!is_contiguous(&[1, 1, 3]));
        assert!(!is_contiguous(&[3, 2, 1]));
        assert!(!is_contiguous(&[]));
    }
}
