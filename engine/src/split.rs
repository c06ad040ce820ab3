//! A split: an immutable one-segment tantivy index, sorted newest first. Splits in memory are made from rows; splits on disk are
//! made by merging others. What Elasticsearch calls a segment.
//!
//! Uses tantivy's hidden but public `SingleSegmentIndexWriter` and `merge_filtered_segments` (Quickwit lives on them); the
//! version is pinned, and the tests below fail first when they change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tantivy::directory::{Directory, RamDirectory};
use tantivy::fastfield::{AliveBitSet, write_alive_bitset};
use tantivy::index::{IndexSortByField, Order, SegmentReader};
use tantivy::indexer::{SingleSegmentIndexWriter, merge_filtered_segments};
use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf};
use tantivy::schema::{Document, Field};
use tantivy::store::{Compressor, StoreReader, ZstdCompressor};
use tantivy::{BitSet, DocId, Index, IndexSettings, Searcher};

use crate::analysis;
use crate::clock::Timestamp;
use crate::ecs;
use crate::mapping::{FieldId, Mapping, internal, tantivy_field};
use crate::overlay::SchemaOverlay;
use crate::row::{Datum, RawValue, Row};
use crate::source::Stored;

/// The number of a split, unique within a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SplitId(pub u64);

/// Memory that tantivy's writer is told it may use. A split in memory is bounded by its rows, not by this.
const WRITER_MEMORY_BYTES: usize = 256 << 20;

/// Blocks of the document store that a reader keeps decompressed while it fetches hits.
const STORE_CACHE_BLOCKS: usize = 8;

/// A document on its way into a split.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Sequence number in the log.
    pub(crate) seq: u64,
    /// The explicit `_id` and its version; `None` where the id is derived from the sequence number.
    pub(crate) id: Option<(Box<str>, u64)>,
    /// Stored bytes ([`crate::source`]).
    pub(crate) stored: Vec<u8>,
    /// Typed values.
    pub(crate) row: Row,
}

impl Entry {
    /// Bytes of memory, for the tail's budget.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.stored.capacity() + self.row.memory_bytes()
    }
}

/// What is known of a split without opening it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SplitMeta {
    pub(crate) id: SplitId,
    /// Documents, deleted ones included.
    pub(crate) docs: u32,
    /// Sequence numbers of the documents lie in `seq_min..=seq_max`.
    pub(crate) seq_min: u64,
    pub(crate) seq_max: u64,
    /// Range of `@timestamp`; `None` where no document has one.
    pub(crate) time: Option<(Timestamp, Timestamp)>,
    /// Whether every document has `@timestamp`, so that the order of documents is the order of time, newest first.
    pub(crate) is_time_sorted: bool,
    /// Sequence numbers of deleted documents, ascending.
    pub(crate) deleted: Vec<u64>,
    /// Files with length and CRC32C; empty for a split in memory.
    pub(crate) files: Vec<FileMeta>,
}

/// A file of a split on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileMeta {
    pub(crate) name: String,
    pub(crate) len: u64,
    pub(crate) crc32c: u32,
}

/// An open split.
pub(crate) struct Split {
    pub(crate) meta: SplitMeta,
    /// The mapping under which it is open; its schema has every field of it.
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) reader: SegmentReader,
    pub(crate) searcher: Searcher,
    index: Index,
    /// The directory without the schema overlay.
    directory: Box<dyn Directory>,
    /// Bytes of a split in memory, for the budget; 0 on disk.
    pub(crate) memory_bytes: usize,
}

impl Split {
    /// Builds a split in memory. The entries' order does not matter.
    pub(crate) fn build(id: SplitId, mapping: &Arc<Mapping>, mut entries: Vec<Entry>) -> tantivy::Result<Self> {
        assert!(!entries.is_empty(), "a split has documents");
        let timestamp = timestamp_field(mapping);
        let time_of = |entry: &Entry| timestamp.and_then(|field| entry.row.date(field));
        // Several times in one document put it in several places of a range, and the order of the split can't say that.
        let times_of = |entry: &Entry| entry.row.values().filter(|it| Some(it.0) == timestamp).count();
        let is_time_sorted = entries.iter().all(|it| times_of(it) == 1);
        let mut order: Vec<(Option<Timestamp>, u64, u32)> = entries.iter().enumerate().map(|(at, it)| (time_of(it), it.seq, at as u32)).collect();
        order.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let meta = SplitMeta {
            id,
            docs: entries.len() as u32,
            seq_min: entries.iter().map(|it| it.seq).min().unwrap_or_default(),
            seq_max: entries.iter().map(|it| it.seq).max().unwrap_or_default(),
            time: time_range(&order),
            is_time_sorted,
            deleted: Vec::new(),
            files: Vec::new(),
        };
        let directory = RamDirectory::create();
        // What is in memory lives for seconds: LZ4 there, and Zstandard once, when it goes to disk.
        let writer: SingleSegmentIndexWriter<SplitDocument> = Index::builder()
            .schema(mapping.tantivy_schema())
            .settings(IndexSettings { docstore_compression: Compressor::Lz4, ..settings(None) })
            .tokenizers(analysis::tokenizers(mapping))
            .single_segment_index_writer(directory.clone(), WRITER_MEMORY_BYTES)?;
        let mut writer = writer;
        let text_fields: Arc<[(FieldId, String)]> =
            mapping.fields().iter().filter(|it| it.kind.is_text()).map(|it| (it.id, it.tantivy_name())).collect();
        for (_, _, at) in order {
            let entry = std::mem::replace(&mut entries[at as usize], Entry { seq: 0, id: None, stored: Vec::new(), row: Row::default() });
            writer.add_document(SplitDocument::new(entry, &text_fields))?;
        }
        writer.finalize()?;
        let memory_bytes = directory.total_mem_usage();
        Self::open(meta, mapping, Box::new(directory), memory_bytes)
    }

    /// Merges splits of one index into `directory`; documents deleted in them are left out. The result has no file list yet.
    pub(crate) fn merge(id: SplitId, mapping: &Arc<Mapping>, splits: &[Arc<Split>], directory: Box<dyn Directory>) -> tantivy::Result<SplitMeta> {
        let mut sources = splits.iter().collect::<Vec<_>>();
        // Newest first, so that splits that do not overlap in time are stacked in the order the documents must have.
        sources.sort_by_key(|it| std::cmp::Reverse((it.meta.time, it.meta.seq_max)));
        let mut segments = Vec::with_capacity(sources.len());
        for split in &sources {
            // A split opened under an older mapping has a shorter schema; all sources of a merge need the same one.
            let index = if Arc::ptr_eq(&split.mapping, mapping) { split.index.clone() } else { open_index(&*split.directory, mapping)? };
            segments.extend(index.searchable_segments()?);
        }
        let alive = sources.iter().map(|it| it.reader.alive_bitset().cloned()).collect();
        let sort = timestamp_field(mapping).map(|field| mapping.by_id(field).tantivy_name());
        merge_filtered_segments(&segments, settings(sort), alive, directory)?;
        let times: Vec<_> = sources.iter().filter_map(|it| it.meta.time).collect();
        Ok(SplitMeta {
            id,
            docs: sources.iter().map(|it| it.reader.num_docs()).sum(),
            seq_min: sources.iter().map(|it| it.meta.seq_min).min().unwrap_or_default(),
            seq_max: sources.iter().map(|it| it.meta.seq_max).max().unwrap_or_default(),
            time: times.iter().map(|it| it.0).min().zip(times.iter().map(|it| it.1).max()),
            is_time_sorted: sources.iter().all(|it| it.meta.is_time_sorted),
            deleted: Vec::new(),
            files: Vec::new(),
        })
    }

    /// Opens a split under a mapping that is the one it was written with, or a later one.
    pub(crate) fn open(meta: SplitMeta, mapping: &Arc<Mapping>, directory: Box<dyn Directory>, memory_bytes: usize) -> tantivy::Result<Self> {
        let index = open_index(&*directory, mapping)?;
        let segment = index
            .searchable_segments()?
            .into_iter()
            .next()
            .ok_or_else(|| tantivy::TantivyError::SystemError("a split without a segment".to_owned()))?;
        let searcher = index.reader_builder().reload_policy(tantivy::ReloadPolicy::Manual).try_into()?.searcher();
        let mut reader = SegmentReader::open(&segment)?;
        if !meta.deleted.is_empty() {
            let alive = alive_set(&reader, &meta.deleted)?;
            reader = SegmentReader::open_with_custom_alive_set(&segment, Some(alive))?;
        }
        Ok(Self { meta, mapping: mapping.clone(), reader, searcher, index, directory, memory_bytes })
    }

    /// The same split with more documents deleted, or under a later mapping.
    pub(crate) fn reopen(&self, mapping: &Arc<Mapping>, deleted: &[u64]) -> tantivy::Result<Self> {
        let mut meta = self.meta.clone();
        meta.deleted = BTreeSet::from_iter(meta.deleted.iter().chain(deleted).copied()).into_iter().collect();
        Self::open(meta, mapping, self.directory.clone(), self.memory_bytes)
    }

    /// Whether a document with that sequence number can be in here.
    pub(crate) fn may_hold(&self, seq: u64) -> bool {
        (self.meta.seq_min..=self.meta.seq_max).contains(&seq)
    }

    /// A reader of stored documents with a small cache, for one request.
    pub(crate) fn store(&self) -> std::io::Result<StoreReader> {
        self.reader.get_store_reader(STORE_CACHE_BLOCKS)
    }

    /// The stored bytes of a document.
    pub(crate) fn stored(store: &StoreReader, doc: DocId) -> tantivy::Result<Vec<u8>> {
        Ok(store.get::<Stored>(doc)?.0)
    }

    /// The explicit id and version of a document.
    pub(crate) fn explicit_id(&self, doc: DocId) -> tantivy::Result<Option<(String, u64)>> {
        let fast = self.reader.fast_fields();
        let Some(ids) = fast.str(internal::NAMES[2])? else { return Ok(None) };
        let Some(ord) = ids.term_ords(doc).next() else { return Ok(None) };
        let mut id = String::new();
        ids.ord_to_str(ord, &mut id)?;
        let version = fast.u64(internal::NAMES[3])?.first(doc).unwrap_or(1);
        Ok(Some((id, version)))
    }

    /// The sequence number of a document.
    pub(crate) fn seq(&self, doc: DocId) -> tantivy::Result<u64> {
        Ok(self.reader.fast_fields().u64(internal::NAMES[1])?.first(doc).unwrap_or_default())
    }

    /// The live document with an explicit id.
    pub(crate) fn find(&self, id: &str) -> tantivy::Result<Option<DocId>> {
        use tantivy::DocSet;
        let term = tantivy::Term::from_field_text(internal::ID, id);
        let inverted = self.reader.inverted_index(internal::ID)?;
        let Some(mut postings) = inverted.read_postings(&term, tantivy::schema::IndexRecordOption::Basic)? else { return Ok(None) };
        let mut doc = postings.doc();
        while doc != tantivy::TERMINATED {
            if !self.reader.is_deleted(doc) {
                return Ok(Some(doc));
            }
            doc = postings.advance();
        }
        Ok(None)
    }

    /// The live document with that sequence number. Reads the column of all documents.
    pub(crate) fn find_seq(&self, seq: u64) -> tantivy::Result<Option<DocId>> {
        let seqs = self.reader.fast_fields().u64(internal::NAMES[1])?;
        let mut docs = Vec::new();
        seqs.get_docids_for_value_range(seq..=seq, 0..self.reader.max_doc(), &mut docs);
        Ok(docs.into_iter().find(|it| !self.reader.is_deleted(*it)))
    }

    /// The live documents with these sequence numbers, in one walk over the column.
    pub(crate) fn find_seqs(&self, wanted: &BTreeSet<u64>) -> tantivy::Result<Vec<(u64, DocId)>> {
        let seqs = self.reader.fast_fields().u64(internal::NAMES[1])?;
        let of = |doc: DocId| seqs.first(doc).filter(|seq| wanted.contains(seq)).map(|seq| (seq, doc));
        Ok((0..self.reader.max_doc()).filter_map(of).filter(|it| !self.reader.is_deleted(it.1)).collect())
    }

    /// Bytes of the split, on disk or in memory.
    pub(crate) fn bytes(&self) -> u64 {
        if self.meta.files.is_empty() { self.memory_bytes as u64 } else { self.meta.files.iter().map(|it| it.len).sum() }
    }

    /// Whether the split is in memory only.
    pub(crate) fn is_ram(&self) -> bool {
        self.meta.files.is_empty()
    }
}

/// `@timestamp` of a mapping, where it is a date.
pub(crate) fn timestamp_field(mapping: &Mapping) -> Option<FieldId> {
    let name = ecs::FIELDS[ecs::TIMESTAMP.0 as usize].name;
    mapping.field(name).filter(|it| it.kind == crate::mapping::FieldType::Date).map(|it| it.id)
}

/// The directory of a split below the data directory.
pub(crate) fn split_path(index_uuid: &str, id: SplitId) -> PathBuf {
    Path::new("splits").join(index_uuid).join(format!("{:016x}", id.0))
}

fn settings(sort_by: Option<String>) -> IndexSettings {
    IndexSettings {
        sort_by_field: sort_by.map(|field| IndexSortByField { field, order: Order::Desc }),
        docstore_compression: Compressor::Zstd(ZstdCompressor { compression_level: Some(3) }),
        // A writer with a thread of its own would be a background thread that no test can step.
        docstore_compress_dedicated_thread: false,
        // A fetched hit costs the decompression of its block. Measured at 64 KiB: a page of 100 scattered hits took 20 ms.
        docstore_blocksize: 16 << 10,
        ..IndexSettings::default()
    }
}

fn open_index(directory: &dyn Directory, mapping: &Arc<Mapping>) -> tantivy::Result<Index> {
    let mut index = Index::open(Box::new(SchemaOverlay::new(directory.box_clone(), &mapping.tantivy_schema())?) as Box<dyn Directory>)?;
    index.set_tokenizers(analysis::tokenizers(mapping));
    Ok(index)
}

fn time_range(order: &[(Option<Timestamp>, u64, u32)]) -> Option<(Timestamp, Timestamp)> {
    // Sorted newest first, documents without a time last.
    let newest = order.first()?.0?;
    let oldest = order.iter().rev().find_map(|it| it.0)?;
    Some((oldest, newest))
}

fn alive_set(reader: &SegmentReader, deleted: &[u64]) -> tantivy::Result<AliveBitSet> {
    let seqs = reader.fast_fields().u64(internal::NAMES[1])?;
    let mut alive = BitSet::with_max_value_and_full(reader.max_doc());
    for doc in 0..reader.max_doc() {
        if seqs.first(doc).is_some_and(|seq| deleted.binary_search(&seq).is_ok()) {
            alive.remove(doc);
        }
    }
    let mut bytes = Vec::new();
    write_alive_bitset(&alive, &mut bytes)?;
    Ok(AliveBitSet::open(tantivy::directory::OwnedBytes::new(bytes)))
}

/// An entry as tantivy's writer walks it: once for each of columns, terms, norms and store.
struct SplitDocument {
    entry: Entry,
    /// Text fields with their tantivy names, for `_field_names`.
    text_fields: Arc<[(FieldId, String)]>,
    /// Those of them, by place, that the document has.
    texts: Vec<usize>,
}

impl SplitDocument {
    fn new(mut entry: Entry, text_fields: &Arc<[(FieldId, String)]>) -> Self {
        // tantivy sorts the values by field; sorted ones cost it a glance.
        entry.row.sort();
        let texts = (0..text_fields.len()).filter(|&at| entry.row.get(text_fields[at].0).is_some()).collect();
        Self { entry, text_fields: text_fields.clone(), texts }
    }
}

/// One value of a document.
#[derive(Clone, Debug)]
struct Leaf<'a>(ReferenceValueLeaf<'a>);

impl<'a> tantivy::schema::Value<'a> for Leaf<'a> {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = std::iter::Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(self.0.clone())
    }
}

impl Document for SplitDocument {
    type Value<'a> = Leaf<'a>;
    type FieldsValuesIter<'a> = Values<'a>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        Values { document: self, at: 0 }
    }
}

/// All values of a document: four internal ones, the names of its text fields, the row's.
struct Values<'a> {
    document: &'a SplitDocument,
    at: usize,
}

/// Places of [`Values`] before the names of text fields.
const INTERNALS: usize = 4;

impl<'a> Iterator for Values<'a> {
    type Item = (Field, Leaf<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let SplitDocument { entry, text_fields, texts } = self.document;
        loop {
            let at = self.at;
            self.at += 1;
            let (field, leaf) = match (at, &entry.id) {
                (0, _) => (internal::SOURCE, ReferenceValueLeaf::Bytes(&entry.stored)),
                (1, _) => (internal::SEQ, ReferenceValueLeaf::U64(entry.seq)),
                (2, Some((id, _))) => (internal::ID, ReferenceValueLeaf::Str(id)),
                (3, Some((_, version))) => (internal::VERSION, ReferenceValueLeaf::U64(*version)),
                (2 | 3, None) => continue,
                _ => match texts.get(at - INTERNALS) {
                    Some(&text) => (internal::FIELD_NAMES, ReferenceValueLeaf::Str(&text_fields[text].1)),
                    None => {
                        let (field, value) = entry.row.raw_value(at - INTERNALS - texts.len())?;
                        let leaf = match value {
                            RawValue::Bytes(bytes) => ReferenceValueLeaf::Bytes(bytes),
                            RawValue::Datum(Datum::Str(text)) => ReferenceValueLeaf::Str(text),
                            RawValue::Datum(Datum::I64(number)) => ReferenceValueLeaf::I64(number),
                            RawValue::Datum(Datum::F64(number)) => ReferenceValueLeaf::F64(number),
                            RawValue::Datum(Datum::Ip(_)) => unreachable!("raw_value gives addresses as bytes"),
                        };
                        (tantivy_field(field), leaf)
                    }
                },
            };
            return Some((field, Leaf(leaf)));
        }
    }

    /// tantivy collects the values to sort them: with this, in one allocation.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let all = INTERNALS + self.document.texts.len() + self.document.entry.row.len();
        let left = all.saturating_sub(self.at);
        (left.saturating_sub(2), Some(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: i64, user: u64) -> Row {
        let mut row = Row::default();
        row.push_date(ecs::TIMESTAMP, Timestamp(at));
        row.push_str(ecs::USER_NAME, &format!("user{user}"));
        row
    }

    fn entry(seq: u64, at: i64) -> Entry {
        Entry { seq, id: None, stored: vec![0, b'{', b'}'], row: row(at, seq % 7) }
    }

    fn times(split: &Split) -> Vec<i64> {
        let name = split.mapping.by_id(ecs::TIMESTAMP).tantivy_name();
        let column = split.reader.fast_fields().i64(&name).unwrap();
        (0..split.reader.max_doc()).filter(|it| !split.reader.is_deleted(*it)).map(|it| column.first(it).unwrap()).collect()
    }

    #[test]
    fn splits_are_sorted_newest_first_and_merges_keep_the_order() {
        let mapping = Mapping::builtin();
        let one = Split::build(SplitId(1), &mapping, vec![entry(0, 30), entry(1, 10), entry(2, 50)]).unwrap();
        assert_eq!(times(&one), [50, 30, 10]);
        let two = Split::build(SplitId(2), &mapping, vec![entry(3, 20), entry(4, 60)]).unwrap().reopen(&mapping, &[4]).unwrap();
        assert_eq!(times(&two), [20]);
        let target = RamDirectory::create();
        let meta = Split::merge(SplitId(3), &mapping, &[Arc::new(one), Arc::new(two)], Box::new(target.clone())).unwrap();
        assert_eq!(meta.docs, 4);
        let merged = Split::open(meta, &mapping, Box::new(target), 0).unwrap();
        assert_eq!(times(&merged), [50, 30, 20, 10]);
        assert!(merged.meta.is_time_sorted);
    }

    #[test]
    fn a_split_opens_under_a_mapping_that_has_grown_and_merges_with_a_newer_one() {
        let mut grown = (*Mapping::builtin()).clone();
        grown.add("site.rack", crate::mapping::FieldType::Keyword).unwrap();
        let (old, new) = (Mapping::builtin(), Arc::new(grown));
        let one = Split::build(SplitId(1), &old, vec![entry(0, 1)]).unwrap();
        let mut second = entry(1, 2);
        second.row.push_str(new.field("site.rack").unwrap().id, "r1");
        let two = Split::build(SplitId(2), &new, vec![second]).unwrap();
        let target = RamDirectory::create();
        let meta = Split::merge(SplitId(3), &new, &[Arc::new(one), Arc::new(two)], Box::new(target.clone())).unwrap();
        let merged = Split::open(meta, &new, Box::new(target), 0).unwrap();
        assert_eq!(times(&merged), [2, 1]);
        let racks = merged.reader.fast_fields().str(&new.field("site.rack").unwrap().tantivy_name()).unwrap().unwrap();
        assert_eq!((racks.term_ords(0).count(), racks.term_ords(1).count()), (1, 0));
    }
}
