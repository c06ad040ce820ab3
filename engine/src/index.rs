//! An index in memory: its mapping, the tail of documents that are not in a split yet, and its splits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::clock::Timestamp;
use crate::doc_id;
use crate::get::find_seq;
use crate::manifest::IndexRecord;
use crate::split::{Entry, Split};

/// The newest state of an explicit id, for operations that follow before the next refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdState {
    /// The document with that sequence number and version.
    Live { seq: u64, version: u64 },
    /// Deleted; the version goes on counting.
    Deleted { version: u64 },
}

/// Guarded by the engine's state lock.
pub(crate) struct IndexState {
    pub(crate) record: IndexRecord,
    /// Held while the list of splits is changed; taken before the state lock, never inside it.
    pub(crate) build: Arc<Mutex<()>>,
    /// Documents in log order that no split holds.
    pub(crate) tail: Vec<Entry>,
    pub(crate) tail_bytes: usize,
    /// When the oldest document of the tail arrived.
    pub(crate) tail_since: Option<Timestamp>,
    /// Explicit ids written since the last refresh, and while one is under way those before it.
    pub(crate) ids: HashMap<Box<str>, IdState>,
    pub(crate) ids_in_refresh: HashMap<Box<str>, IdState>,
    /// Sequence numbers of documents with derived ids that a refresh under way has taken from the tail, ascending.
    pub(crate) ids_made_in_refresh: Vec<u64>,
    /// A refresh has taken the tail and has not put its splits in place: what it holds is in neither.
    pub(crate) is_refreshing: bool,
    /// Sequence numbers of documents replaced or deleted since the last refresh.
    pub(crate) deleted: Vec<u64>,
    pub(crate) splits: Vec<Arc<Split>>,
    /// First sequence number that is not in `splits`: the end of the log where the tail is empty.
    pub(crate) refreshed_seq: u64,
    /// All writes below are in splits on disk, by the manifest.
    pub(crate) position: u64,
    /// When a search last asked this index.
    pub(crate) searched: Option<Timestamp>,
    /// When splits were last written to disk.
    pub(crate) committed: Timestamp,
}

impl IndexState {
    pub(crate) fn new(record: IndexRecord, splits: Vec<Arc<Split>>, position: u64, now: Timestamp) -> Self {
        Self {
            record,
            build: Arc::default(),
            tail: Vec::new(),
            tail_bytes: 0,
            tail_since: None,
            ids: HashMap::new(),
            ids_in_refresh: HashMap::new(),
            ids_made_in_refresh: Vec::new(),
            is_refreshing: false,
            deleted: Vec::new(),
            splits,
            refreshed_seq: position,
            position,
            searched: None,
            committed: now,
        }
    }

    /// Whether a refresh, this one or one under way, would change what a search sees.
    pub(crate) fn is_dirty(&self) -> bool {
        self.is_refreshing
            || !self.tail.is_empty()
            || !self.deleted.is_empty()
            || self.splits.iter().any(|it| !Arc::ptr_eq(&it.mapping, &self.record.mapping))
    }

    /// Whether the log still holds writes that the disk does not.
    pub(crate) fn is_uncommitted(&self) -> bool {
        self.is_refreshing || !self.tail.is_empty() || !self.deleted.is_empty() || self.ram_splits().next().is_some()
    }

    /// The splits that are only in memory.
    pub(crate) fn ram_splits(&self) -> impl Iterator<Item = &Arc<Split>> {
        self.splits.iter().filter(|it| it.is_ram())
    }

    /// The state of an id by writes that are not in splits yet.
    pub(crate) fn recent(&self, id: &str) -> Option<IdState> {
        self.ids.get(id).or_else(|| self.ids_in_refresh.get(id)).copied()
    }

    /// The document of the tail with that sequence number.
    pub(crate) fn tail_entry(&self, seq: u64) -> Option<&Entry> {
        // Documents are put behind the tail in the order of the log.
        self.tail.binary_search_by_key(&seq, |it| it.seq).ok().map(|at| &self.tail[at])
    }

    /// Whether a document with a derived id is here and in no split yet.
    pub(crate) fn is_made_recently(&self, seq: u64) -> bool {
        self.tail_entry(seq).is_some_and(|it| it.id.is_none()) || self.ids_made_in_refresh.binary_search(&seq).is_ok()
    }

    /// The newest state of an id, derived ones included; reads columns, which is for replay and not for under a lock that others want.
    pub(crate) fn resolve_all(&self, id: &str) -> tantivy::Result<Option<IdState>> {
        if let Some(state) = self.resolve(id)? {
            return Ok(Some(state));
        }
        let Some(seq) = doc_id::decode(id) else { return Ok(None) };
        let is_here = self.is_made_recently(seq) || find_seq(&self.splits, seq)?.is_some();
        Ok(is_here.then_some(IdState::Live { seq, version: 1 }))
    }

    /// The newest state of an explicit id: from what is not in splits yet, then from the splits.
    pub(crate) fn resolve(&self, id: &str) -> tantivy::Result<Option<IdState>> {
        if let Some(state) = self.recent(id) {
            return Ok(Some(state));
        }
        for split in self.splits.iter().rev() {
            if let Some(doc) = split.find(id)? {
                let version = split.explicit_id(doc)?.map_or(1, |it| it.1);
                return Ok(Some(IdState::Live { seq: split.seq(doc)?, version }));
            }
        }
        Ok(None)
    }

    /// Puts a document behind the tail.
    pub(crate) fn push(&mut self, entry: Entry, now: Timestamp) {
        self.tail_bytes += entry.memory_bytes();
        self.tail_since.get_or_insert(now);
        self.tail.push(entry);
    }

    /// Number of live documents that a search would see after a refresh.
    pub(crate) fn docs_count(&self) -> u64 {
        self.splits.iter().map(|it| u64::from(it.reader.num_docs())).sum::<u64>() + self.tail.len() as u64
    }

    /// Bytes of the splits.
    pub(crate) fn bytes(&self) -> u64 {
        self.splits.iter().map(|it| it.bytes()).sum()
    }
}
