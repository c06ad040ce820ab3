//! All matches of a query, to work through: what `_delete_by_query`, `_update_by_query` and `_reindex` go over.
//!
//! A scan is taken at one moment and keeps the splits it found its matches in; documents that are written, changed or deleted later do
//! not move it. It holds addresses only; documents are read when they are asked for, some at a time.

use std::ops::Range;
use std::sync::Arc;

use tantivy::DocId;
use tantivy::store::StoreReader;

use crate::doc_id;
use crate::engine::{Engine, EngineError};
use crate::error::QueryError;
use crate::format::FormatId;
use crate::get::StoredDocument;
use crate::limits::SCAN_DOCS_MAX;
use crate::mapping::Mapping;
use crate::resolve::Targets;
use crate::search::SearchRequest;
use crate::split::Split;

/// Where a match is.
pub(crate) struct Match {
    pub(crate) index: Arc<str>,
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) split: Arc<Split>,
    pub(crate) doc: DocId,
    pub(crate) seq: u64,
}

/// The matches of a query at one moment, in the order of index names and of writing. The engine stays open as long as it is there.
pub struct Scan {
    engine: Engine,
    matches: Vec<Match>,
}

impl Engine {
    /// Finds all matches of the request's query, at most `docs_max` of them; sort, page and aggregations are not looked at.
    ///
    /// # Errors
    /// [`QueryError`] as for a search; [`QueryError::IllegalArgument`] for more than [`SCAN_DOCS_MAX`] matches.
    pub fn scan(&self, targets: &Targets, request: &SearchRequest, docs_max: Option<usize>) -> Result<Scan, QueryError> {
        let mut matches = self.matches(targets, request)?;
        if let Some(docs_max) = docs_max {
            matches.truncate(docs_max);
        }
        if matches.len() > SCAN_DOCS_MAX {
            return Err(QueryError::IllegalArgument(format!(
                "[{}] documents match, which is more than [{SCAN_DOCS_MAX}] for one request; narrow the query or give [max_docs]",
                matches.len()
            )));
        }
        Ok(Scan { engine: self.clone(), matches })
    }
}

impl Scan {
    /// Number of matches.
    pub fn len(&self) -> usize {
        self.matches.len()
    }

    /// Whether nothing matches.
    pub fn is_empty(&self) -> bool {
        self.matches.is_empty()
    }

    /// Some of the matches, by their places; without `sources` their documents are empty, which costs no read of them.
    ///
    /// # Errors
    /// [`EngineError::Tantivy`] when a split can't be read.
    ///
    /// # Panics
    /// When the range goes beyond [`Scan::len`].
    pub fn read(&self, range: Range<usize>, sources: bool) -> Result<Vec<StoredDocument>, EngineError> {
        let mut documents = Vec::with_capacity(range.len());
        let mut stores = Stores::default();
        for it in &self.matches[range] {
            let source = if sources { self.engine.inner.formats.to_json(&stores.stored(it)?, &it.mapping) } else { serde_json::Map::new() };
            let (id, version) = it.split.explicit_id(it.doc)?.unwrap_or_else(|| (doc_id::encode(it.seq), 1));
            documents.push(StoredDocument { index: it.index.to_string(), id, seq: it.seq, version, source });
        }
        Ok(documents)
    }

    /// Some of the matches, by their places, as they are stored: their input with its format.
    ///
    /// # Errors
    /// [`EngineError::Tantivy`] when a split can't be read.
    ///
    /// # Panics
    /// When the range goes beyond [`Scan::len`].
    pub fn records(&self, range: Range<usize>) -> Result<Vec<StoredRecord>, EngineError> {
        let mut records = Vec::with_capacity(range.len());
        let mut stores = Stores::default();
        for it in &self.matches[range] {
            let stored = stores.stored(it)?;
            let (format, record) = stored.split_first().map_or((FormatId::JSON, &[][..]), |(format, record)| (FormatId(*format), record));
            let id = it.split.explicit_id(it.doc)?.map_or_else(|| doc_id::encode(it.seq), |it| it.0);
            records.push(StoredRecord { index: it.index.to_string(), id, seq: it.seq, format, record: record.to_vec() });
        }
        Ok(records)
    }
}

/// A match as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// The backing index.
    pub index: String,
    /// The id.
    pub id: String,
    /// The sequence number of its last write.
    pub seq: u64,
    /// What the record is; [`FormatId::JSON`] for a document.
    pub format: FormatId,
    /// The input.
    pub record: Vec<u8>,
}

/// The store that was read last: matches of one split follow each other as far as their order allows, and its blocks are kept meanwhile.
#[derive(Default)]
struct Stores(Option<(Arc<Split>, StoreReader)>);

impl Stores {
    fn stored(&mut self, of: &Match) -> Result<Vec<u8>, EngineError> {
        if !self.0.as_ref().is_some_and(|(split, _)| Arc::ptr_eq(split, &of.split)) {
            self.0 = Some((of.split.clone(), of.split.store()?));
        }
        let (_, reader) = self.0.as_ref().expect("opened above");
        Ok(Split::stored(reader, of.doc)?)
    }
}
