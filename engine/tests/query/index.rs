//! A tiny index for query tests: JSON documents in memory, laid out as splits are, and the documents a query finds.
//!
//! It is written against the mapping's layout alone (`mapping::internal`), not against the engine's writer, so that the two
//! check each other.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_engine::analysis;
use sekisho_engine::clock::Timestamp;
use sekisho_engine::datetime::DateFormat;
use sekisho_engine::error::QueryError;
use sekisho_engine::mapping::{FieldType, MappedField, Mapping, internal};
use sekisho_engine::query::{DocumentText, Query, QueryContext};
use sekisho_engine::row::ip_bytes;
use serde_json::Value;
use tantivy::collector::DocSetCollector;
use tantivy::indexer::NoMergePolicy;
use tantivy::{Index, IndexWriter, Searcher, TantivyDocument};

/// 2026-11-23T06:54:21.123Z, a Monday.
pub(crate) const NOW: Timestamp = Timestamp(1_795_416_861_123);

/// Documents under one mapping, in one or several segments.
pub(crate) struct TestIndex {
    mapping: Mapping,
    searcher: Searcher,
}

/// Texts of documents stored as plain JSON.
struct JsonText(Mapping);

impl DocumentText for JsonText {
    fn texts(&self, stored: &[u8], field: &MappedField) -> Vec<String> {
        let document: Value = serde_json::from_slice(stored).expect("the test stored JSON");
        values(&self.0, field, &document).into_iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    }

    fn damaged(&self, reason: &str) {
        panic!("a stored document is not readable: {reason}");
    }
}

/// The values of a field in a JSON document: arrays are several values, a multi-field has its parent's.
pub(crate) fn values<'a>(mapping: &Mapping, field: &MappedField, document: &'a Value) -> Vec<&'a Value> {
    fn collect<'a>(path: &str, value: &'a Value, out: &mut Vec<&'a Value>) {
        match value {
            Value::Null => {}
            Value::Array(items) => items.iter().for_each(|it| collect(path, it, out)),
            value if path.is_empty() => out.push(value),
            Value::Object(object) => {
                for (key, inner) in object {
                    if path == key {
                        collect("", inner, out);
                    } else if let Some(rest) = path.strip_prefix(key.as_str()).and_then(|it| it.strip_prefix('.')) {
                        collect(rest, inner, out);
                    }
                }
            }
            _ => {}
        }
    }
    let path = field.multi_field_of.map_or(field.name.as_str(), |it| mapping.by_id(it).name.as_str());
    let mut out = Vec::new();
    collect(path, document, &mut out);
    out.retain(|it| !it.is_object());
    if let Some(limit) = field.ignore_above {
        out.retain(|it| it.as_str().is_none_or(|it| it.chars().count() <= limit as usize));
    }
    out
}

impl TestIndex {
    /// Indexes `documents`; a document's sequence number is its place in the list. `_id` in a document is its explicit id.
    ///
    /// The splits are written under `written`, an older version of `mapping`, under which queries are asked.
    pub(crate) fn new(mapping: &Mapping, written: &Mapping, documents: &[Value], segments: usize) -> Self {
        let index = Index::builder().schema(written.tantivy_schema()).tokenizers(analysis::tokenizers(written)).create_in_ram().expect("a schema");
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000).expect("a writer");
        writer.set_merge_policy(Box::new(NoMergePolicy));
        let per_segment = documents.len().div_ceil(segments.max(1)).max(1);
        for (seq, document) in documents.iter().enumerate() {
            if seq > 0 && seq % per_segment == 0 {
                writer.commit().expect("memory takes a commit");
            }
            writer.add_document(row(written, document, seq as u64)).expect("memory takes a document");
        }
        writer.commit().expect("memory takes a commit");
        let searcher = index.reader().expect("an index that was just written").searcher();
        Self { mapping: mapping.clone(), searcher }
    }

    /// The sequence numbers of the documents that a query finds, ascending; the index goes by that name.
    pub(crate) fn find_in(&self, query: &Query, index: &str) -> Result<Vec<u64>, QueryError> {
        let documents = Arc::new(JsonText(self.mapping.clone()));
        let compiled = query.compile(&QueryContext { mapping: &self.mapping, now: NOW, index, documents })?;
        let found = self.searcher.search(&*compiled, &DocSetCollector)?;
        let mut seqs = Vec::with_capacity(found.len());
        for address in found {
            let column = self.searcher.segment_reader(address.segment_ord).fast_fields().u64(internal::NAMES[1])?;
            seqs.push(column.first(address.doc_id).expect("every document has a sequence number"));
        }
        seqs.sort_unstable();
        // The other ways to run a query agree with collecting it: counting, and scoring.
        assert_eq!(compiled.count(&self.searcher)?, seqs.len(), "count of {query:?}");
        let top = tantivy::collector::TopDocs::with_limit(self.searcher.num_docs().max(1) as usize).order_by_score();
        assert_eq!(self.searcher.search(&*compiled, &top)?.len(), seqs.len(), "scored {query:?}");
        Ok(seqs)
    }
}

fn row(mapping: &Mapping, document: &Value, seq: u64) -> TantivyDocument {
    let mut out = TantivyDocument::new();
    out.add_bytes(internal::SOURCE, document.to_string().as_bytes());
    out.add_u64(internal::SEQ, seq);
    if let Some(id) = document.get("_id").and_then(Value::as_str) {
        out.add_text(internal::ID, id);
        out.add_u64(internal::VERSION, 1);
    }
    for field in mapping.fields() {
        let found = values(mapping, field, document);
        let target = field.tantivy_field();
        for value in &found {
            let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match field.kind {
                FieldType::Keyword | FieldType::Wildcard | FieldType::Text | FieldType::MatchOnlyText => out.add_text(target, text()),
                FieldType::Long | FieldType::Integer | FieldType::Short | FieldType::Byte => out.add_i64(target, text().parse().expect("a number")),
                FieldType::Double | FieldType::Float => out.add_f64(target, text().parse().expect("a number")),
                FieldType::Boolean => out.add_i64(target, i64::from(value.as_bool().expect("a boolean"))),
                FieldType::Date => out.add_i64(target, DateFormat::default_es().parse_value(value).expect("a date").0),
                FieldType::Ip => out.add_bytes(target, &ip_bytes(text().parse::<IpAddr>().expect("an address"))),
            }
        }
        if !found.is_empty() && !field.doc_values {
            out.add_text(internal::FIELD_NAMES, field.tantivy_name());
        }
    }
    out
}
