//! All matches of a query, to work through: what `_delete_by_query`, `_update_by_query` and `_reindex` go over.
//!
//! A scan is taken at one moment and keeps the splits it found its matches in; documents that are written, changed or deleted later do
//! not move it. It holds addresses only; documents are read when they are asked for, some at a time.

use std::ops::Range;
use std::sync::Arc;

use tantivy::DocId;

use crate::doc_id;
use crate::engine::{Engine, EngineError};
use crate::error::QueryError;
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
        let mut store = None;
        for it in &self.matches[range] {
            let source = if sources {
                // Matches of one split follow each other as far as their order allows; its blocks are kept meanwhile.
                let is_open = store.as_ref().is_some_and(|(split, _)| Arc::ptr_eq(split, &it.split));
                if !is_open {
                    store = Some((it.split.clone(), it.split.store()?));
                }
                let (_, reader) = store.as_ref().expect("opened above");
                self.engine.inner.formats.to_json(&Split::stored(reader, it.doc)?, &it.mapping)
            } else {
                serde_json::Map::new()
            };
            let (id, version) = it.split.explicit_id(it.doc)?.unwrap_or_else(|| (doc_id::encode(it.seq), 1));
            documents.push(StoredDocument { index: it.index.to_string(), id, seq: it.seq, version, source });
        }
        Ok(documents)
    }
}
