//! Documents by id, as the last acknowledged write left them: from the tail where no split has them yet, without a refresh.
//!
//! Not a search: one index, one document, no query. Writes that build on the present document (updates, deletions by derived id) look
//! here first, outside the state lock, and check under it that what they saw is still so ([`Seen::is_current`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use serde_json::{Map, Value};

use crate::doc_id;
use crate::engine::{Engine, EngineError, Inner};
use crate::index::{IdState, IndexState};
use crate::manifest::IndexUuid;
use crate::mapping::Mapping;
use crate::resolve::Targets;
use crate::split::Split;

/// A document with its coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDocument {
    /// The (backing) index.
    pub index: String,
    /// Explicit or derived id.
    pub id: String,
    /// Sequence number in the log, `_seq_no`.
    pub seq: u64,
    /// Writes of this id, from 1.
    pub version: u64,
    /// The document.
    pub source: Map<String, Value>,
}

/// Where a document is.
enum Place {
    /// Its stored bytes, not in a split yet.
    Tail(Vec<u8>),
    /// In a split, under that number.
    Split(Arc<Split>, tantivy::DocId),
    /// In a refresh under way, which has taken the tail and has not put its splits in place.
    InRefresh,
}

/// What a look at an index under the state lock found out about an id.
enum Look {
    Absent,
    Live {
        seq: u64,
        version: u64,
        place: Place,
    },
    /// An id derived from a sequence number, which only the splits' columns can tell: to be looked up outside the lock.
    Derived {
        seq: u64,
        splits: Vec<Arc<Split>>,
    },
}

/// What was seen of documents before the state lock was taken.
#[derive(Default)]
pub(crate) struct Seen {
    documents: HashMap<(IndexUuid, String), Option<SeenDocument>>,
    splits: BTreeMap<IndexUuid, Vec<Arc<Split>>>,
}

/// A document as it was seen.
pub(crate) struct SeenDocument {
    pub(crate) seq: u64,
    pub(crate) version: u64,
    /// Read where it was asked for.
    pub(crate) source: Option<Map<String, Value>>,
}

impl Seen {
    /// Whether the index has the very splits that were looked at; what happened since is in its tail and its maps of ids.
    pub(crate) fn is_current(&self, index: &IndexState) -> bool {
        self.splits
            .get(&index.record.uuid)
            .is_some_and(|it| it.len() == index.splits.len() && it.iter().zip(&index.splits).all(|(a, b)| Arc::ptr_eq(a, b)))
    }

    /// The document that was seen: `None` where nobody looked, `Some(None)` where there was none.
    pub(crate) fn document(&self, uuid: &str, id: &str) -> Option<Option<&SeenDocument>> {
        self.documents.get(&(uuid.to_owned(), id.to_owned())).map(Option::as_ref)
    }
}

impl Engine {
    /// The document with that id in the first of the indices that has it, newest backing index first. Sees every acknowledged write.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when the log could not be synced; [`EngineError::Tantivy`] when a split can't be read.
    pub fn get(&self, targets: &Targets, id: &str) -> Result<Option<StoredDocument>, EngineError> {
        for uuid in targets.uuids().iter().rev() {
            if let Some(found) = self.inner.document(uuid, id, true)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl Inner {
    /// The document with that id in one index. `durable` waits for the log, so that nothing is shown that a crash could take back.
    pub(crate) fn document(&self, uuid: &str, id: &str, durable: bool) -> Result<Option<StoredDocument>, EngineError> {
        loop {
            let (look, mapping, name, ticket, build) = {
                let state = self.state();
                let Some(index) = state.indices.get(uuid) else { return Ok(None) };
                (index.look(id)?, index.record.mapping.clone(), index.record.name.clone(), state.last_ticket.clone(), index.build.clone())
            };
            let (seq, version, place) = match look {
                Look::Absent => return Ok(None),
                Look::Live { seq, version, place } => (seq, version, place),
                Look::Derived { seq, splits } => match find_seq(&splits, seq)? {
                    Some((split, doc)) => (seq, 1, Place::Split(split, doc)),
                    None => return Ok(None),
                },
            };
            let stored = match place {
                Place::Tail(stored) => {
                    if durable && let Some(ticket) = ticket {
                        self.log.wait(&ticket)?;
                    }
                    stored
                }
                Place::Split(split, doc) => Split::stored(&split.store()?, doc)?,
                Place::InRefresh => {
                    // Its end is all that is waited for.
                    drop(build.lock().unwrap_or_else(PoisonError::into_inner));
                    continue;
                }
            };
            return Ok(Some(StoredDocument { index: name, id: id.to_owned(), seq, version, source: self.source_of(&stored, &mapping) }));
        }
    }

    fn source_of(&self, stored: &[u8], mapping: &Mapping) -> Map<String, Value> {
        self.formats.to_json(stored, mapping)
    }

    /// Looks at documents that a batch of writes builds on: by index their ids, and whether their content is needed.
    pub(crate) fn see(&self, wanted: &BTreeMap<IndexUuid, BTreeMap<String, bool>>) -> Result<Seen, EngineError> {
        let mut seen = Seen::default();
        for (uuid, ids) in wanted {
            // Ids that only a column tells are looked up together: one walk over it for all of them.
            let mut derived: HashMap<u64, &String> = HashMap::new();
            let splits = {
                let state = self.state();
                let Some(index) = state.indices.get(uuid) else { continue };
                for (id, _) in ids.iter().filter(|it| !*it.1) {
                    let found = match index.look(id)? {
                        Look::Absent => None,
                        Look::Live { seq, version, .. } => Some(SeenDocument { seq, version, source: None }),
                        Look::Derived { seq, .. } => {
                            derived.insert(seq, id);
                            None
                        }
                    };
                    seen.documents.insert((uuid.clone(), id.clone()), found);
                }
                index.splits.clone()
            };
            for seq in find_seqs(&splits, &derived.keys().copied().collect())? {
                seen.documents.insert((uuid.clone(), derived[&seq].clone()), Some(SeenDocument { seq, version: 1, source: None }));
            }
            seen.splits.insert(uuid.clone(), splits);
            for (id, _) in ids.iter().filter(|it| *it.1) {
                let document = self.document(uuid, id, false)?;
                let document = document.map(|it| SeenDocument { seq: it.seq, version: it.version, source: Some(it.source) });
                seen.documents.insert((uuid.clone(), id.clone()), document);
            }
        }
        Ok(seen)
    }
}

impl IndexState {
    fn look(&self, id: &str) -> tantivy::Result<Look> {
        let place = |seq: u64| match self.tail_entry(seq) {
            Some(entry) => Some(Place::Tail(entry.stored.clone())),
            None if self.is_refreshing => Some(Place::InRefresh),
            None => None,
        };
        match self.recent(id) {
            Some(IdState::Deleted { .. }) => return Ok(Look::Absent),
            Some(IdState::Live { seq, version }) => {
                if let Some(place) = place(seq) {
                    return Ok(Look::Live { seq, version, place });
                }
            }
            None => {}
        }
        for split in self.splits.iter().rev() {
            if let Some(doc) = split.find(id)? {
                let version = split.explicit_id(doc)?.map_or(1, |it| it.1);
                return Ok(Look::Live { seq: split.seq(doc)?, version, place: Place::Split(split.clone(), doc) });
            }
        }
        Ok(match doc_id::decode(id) {
            None => Look::Absent,
            Some(seq) => match place(seq) {
                Some(Place::Tail(_)) if self.tail_entry(seq).is_some_and(|it| it.id.is_some()) => Look::Absent,
                Some(Place::InRefresh) if self.ids_made_in_refresh.binary_search(&seq).is_err() => Look::Derived { seq, splits: self.splits.clone() },
                Some(place) => Look::Live { seq, version: 1, place },
                None => Look::Derived { seq, splits: self.splits.clone() },
            },
        })
    }
}

/// The live document with that sequence number whose id is derived from it. Reads columns: not for under a lock.
pub(crate) fn find_seq(splits: &[Arc<Split>], seq: u64) -> tantivy::Result<Option<(Arc<Split>, tantivy::DocId)>> {
    for split in splits.iter().rev().filter(|it| it.may_hold(seq)) {
        if let Some(doc) = split.find_seq(seq)?
            && split.explicit_id(doc)?.is_none()
        {
            return Ok(Some((split.clone(), doc)));
        }
    }
    Ok(None)
}

/// Those of the sequence numbers that live documents with derived ids have.
fn find_seqs(splits: &[Arc<Split>], wanted: &BTreeSet<u64>) -> tantivy::Result<Vec<u64>> {
    let mut found = Vec::new();
    for split in splits.iter().filter(|it| wanted.range(it.meta.seq_min..=it.meta.seq_max).next().is_some()) {
        for (seq, doc) in split.find_seqs(wanted)? {
            if split.explicit_id(doc)?.is_none() {
                found.push(seq);
            }
        }
    }
    Ok(found)
}
