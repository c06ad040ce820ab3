//! Writing: documents and log lines become entries of tails and frames of the log, in one order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::document::{self, DocumentError};
use crate::ecs;
use crate::engine::{Document, Engine, EngineError, Inner, State, WriteAction, WriteOp, WriteResult, Written};
use crate::entry::{KIND_LINES, KIND_OPS, Lines, Op};
use crate::format::{FormatId, Parsed};
use crate::index::IdState;
use crate::limits::ID_BYTES_MAX;
use crate::mapping::Mapping;
use crate::row::Row;
use crate::source;
use crate::split::{Entry, timestamp_field};
use crate::{doc_id, log};

impl Engine {
    /// Appends records of a line format, each to the stream that its parser names. Streams are created by their first record.
    ///
    /// Returns when the log has taken the records, in order; they are durable after [`Written::wait`]. Waits while the engine
    /// is behind (back-pressure).
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when the log takes no writes.
    ///
    /// # Panics
    /// When the format was not given to [`crate::EngineOptions::with_format`].
    pub fn append_records(&self, format: FormatId, records: &[Vec<u8>]) -> Result<Written, EngineError> {
        let inner = &self.inner;
        let parser = inner.formats.get(format).expect("the format is registered");
        if records.is_empty() {
            return Ok(Written::nothing(inner));
        }
        let parsed: Vec<Parsed> = records.iter().map(|it| parser.parse(it)).collect();
        let mut streams: BTreeMap<&'static str, u64> = BTreeMap::new();
        for it in &parsed {
            *streams.entry(it.stream).or_default() += 1;
        }
        for stream in streams.keys() {
            self.ensure_index(stream)?;
        }
        inner.wait_for_room();
        let now = inner.clock.now();
        let mut state = inner.state();
        let mut targets = BTreeMap::new();
        for stream in streams.keys().copied() {
            let uuid = state.write_index(stream).ok_or_else(|| EngineError::IndexNotFound(stream.to_owned()))?;
            targets.insert(stream, uuid.clone());
        }
        let payload = encode(&Lines {
            format: format.0,
            targets: targets.iter().map(|(stream, uuid)| (*stream, uuid.as_str())).collect(),
            records: records.iter().map(|it| serde_bytes::Bytes::new(it)).collect(),
        });
        let (first_seq, ticket) = inner.append(&mut state, KIND_LINES, records.len() as u32, &payload)?;
        for (stream, count) in streams {
            *state.appended.entry(stream).or_default() += count;
        }
        for ((seq, record), parsed) in (first_seq..).zip(records).zip(parsed) {
            let entry = Entry { seq, id: None, stored: source::encode(format, record), row: parsed.row };
            let uuid = &targets[parsed.stream];
            state.indices.get_mut(uuid).expect("looked up under this lock").push(entry, now);
        }
        inner.wake(&state);
        Ok(Written::new(inner, ticket))
    }

    /// Writes documents, each operation on its own: one that fails does not keep the others from being written.
    ///
    /// Missing indices are created (dynamic mapping, or the built-in one for built-in streams). Results stand in the order of
    /// the operations.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when the log takes no writes; nothing was written then.
    pub fn write(&self, ops: Vec<WriteOp>) -> Result<(Vec<WriteResult>, Written), EngineError> {
        let inner = &self.inner;
        let mut failed: BTreeMap<String, Arc<EngineError>> = BTreeMap::new();
        let wanted: BTreeSet<&str> = ops.iter().filter(|it| !matches!(it.action, WriteAction::Delete)).map(|it| it.index.as_str()).collect();
        for name in wanted {
            if let Err(error) = self.ensure_index(name) {
                failed.insert(name.to_owned(), Arc::new(error));
            }
        }
        let prepared: Vec<Prepared> = ops.into_iter().map(Prepared::new).collect();
        inner.wait_for_room();
        let now = inner.clock.now();
        let mut state = inner.state();
        // Nobody else appends while the state is locked, so the sequence numbers are known before the frame is written.
        let mut batch = Batch {
            next_seq: state.next_seq,
            frames: Vec::new(),
            entries: Vec::new(),
            ids: BTreeMap::new(),
            deleted: Vec::new(),
            grown: BTreeMap::new(),
        };
        let results: Vec<WriteResult> = prepared.iter().map(|it| batch.apply(&state, it, &failed)).collect::<Result<_, _>>()?;
        if batch.frames.is_empty() {
            return Ok((results, Written::nothing(inner)));
        }
        let payload = encode(&batch.frames.iter().map(Frame::op).collect::<Vec<_>>());
        let (_, ticket) = inner.append(&mut state, KIND_OPS, batch.frames.len() as u32, &payload)?;
        batch.publish(&mut state, now);
        inner.wake(&state);
        Ok((results, Written::new(inner, ticket)))
    }
}

impl Inner {
    /// Applies a frame of the log to the tails, as it was applied when it was written. Frames of indices that are gone are skipped,
    /// and so is what an index has on disk already.
    pub(crate) fn replay(&self, frame: &log::Frame<'_>) -> Result<u64, EngineError> {
        let mut state = self.state();
        let now = self.clock.now();
        let mut replayed = 0;
        let damaged = |error: postcard::Error| EngineError::Damaged(format!("log frame at {}: {error}", frame.first_seq));
        match frame.kind {
            KIND_LINES => {
                let lines: Lines<'_> = postcard::from_bytes(frame.payload).map_err(damaged)?;
                let format = FormatId(lines.format);
                let parser = self
                    .formats
                    .get(format)
                    .ok_or_else(|| EngineError::Damaged(format!("the log has records of format {}, which this program can't read", lines.format)))?;
                for (seq, record) in (frame.first_seq..).zip(&lines.records) {
                    let parsed = parser.parse(record);
                    // A newer parser may send a line to another stream than the older one did; the frame's own targets come first.
                    let target = lines.targets.iter().find(|it| it.0 == parsed.stream).or_else(|| lines.targets.first());
                    let Some(index) = target.and_then(|(_, uuid)| state.indices.get_mut(*uuid)).filter(|it| seq >= it.position) else { continue };
                    index.push(Entry { seq, id: None, stored: source::encode(format, record), row: parsed.row }, now);
                    replayed += 1;
                }
            }
            KIND_OPS => {
                let ops: Vec<Op<'_>> = postcard::from_bytes(frame.payload).map_err(damaged)?;
                for (seq, op) in (frame.first_seq..).zip(&ops) {
                    replayed += u64::from(replay_op(&mut state, seq, op, now)?);
                }
            }
            kind => {
                return Err(EngineError::Damaged(format!("log frame at {} is of unknown kind {kind}: written by a newer release?", frame.first_seq)));
            }
        }
        Ok(replayed)
    }
}

fn replay_op(state: &mut State, seq: u64, op: &Op<'_>, now: Timestamp) -> Result<bool, EngineError> {
    let uuid = match op {
        Op::Append { index, .. } | Op::Put { index, .. } | Op::Delete { index, .. } => *index,
    };
    let Some(index) = state.indices.get_mut(uuid).filter(|it| seq >= it.position) else { return Ok(false) };
    let (explicit, source) = match op {
        Op::Append { source, .. } => (None, Some(source)),
        Op::Put { id, version, source, .. } => (Some((*id, *version)), Some(source)),
        Op::Delete { id, version, .. } => (Some((*id, *version)), None),
    };
    if let Some((id, version)) = explicit {
        if let Some(IdState::Live { seq: old, .. }) = index.resolve(id)? {
            index.deleted.push(old);
        }
        let state = if source.is_some() { IdState::Live { seq, version } } else { IdState::Deleted { version } };
        index.ids.insert(id.into(), state);
    }
    if let Some(source) = source {
        let document: Map<String, Value> =
            serde_json::from_slice(source).map_err(|error| EngineError::Damaged(format!("document {seq} in the log: {error}")))?;
        let typed =
            document::parse(&index.record.mapping, &document).map_err(|error| EngineError::Damaged(format!("document {seq} in the log: {error}")))?;
        if let Some(grown) = typed.grown {
            index.record.mapping = Arc::new(grown);
        }
        let id = explicit.map(|(id, version)| (id.into(), version));
        index.push(Entry { seq, id, stored: source::encode(FormatId::JSON, source), row: typed.row }, now);
    }
    Ok(true)
}

/// An operation whose JSON has been read.
struct Prepared {
    op: WriteOp,
    document: Result<Map<String, Value>, DocumentError>,
}

impl Prepared {
    fn new(op: WriteOp) -> Self {
        let document = match &op.action {
            WriteAction::Delete => Ok(Map::new()),
            WriteAction::Index(source) | WriteAction::Create(source) => match serde_json::from_slice::<Value>(source) {
                Ok(Value::Object(document)) => Ok(document),
                Ok(_) => Err(DocumentError::Document("failed to parse: document is not an object".to_owned())),
                Err(error) => Err(DocumentError::Document(format!("failed to parse: {error}"))),
            },
        };
        Self { op, document }
    }

    fn source(&self) -> Option<&[u8]> {
        match &self.op.action {
            WriteAction::Index(source) | WriteAction::Create(source) => Some(source),
            WriteAction::Delete => None,
        }
    }
}

/// The effective operations of a request, before they are logged: nothing of the state has changed until then.
struct Batch<'a> {
    next_seq: u64,
    frames: Vec<Frame<'a>>,
    /// Entries with the index they go to, in order.
    entries: Vec<(String, Entry)>,
    /// Ids written by this batch, by (index, id).
    ids: BTreeMap<(String, String), IdState>,
    /// Sequence numbers replaced, with their index.
    deleted: Vec<(String, u64)>,
    /// Mappings that grew.
    grown: BTreeMap<String, Arc<Mapping>>,
}

struct Frame<'a> {
    index: String,
    id: Option<(&'a str, u64)>,
    source: Option<&'a [u8]>,
}

impl Frame<'_> {
    fn op(&self) -> Op<'_> {
        match (self.id, self.source) {
            (None, source) => Op::Append { index: &self.index, source: serde_bytes::Bytes::new(source.unwrap_or_default()) },
            (Some((id, version)), Some(source)) => Op::Put { index: &self.index, id, version, source: serde_bytes::Bytes::new(source) },
            (Some((id, version)), None) => Op::Delete { index: &self.index, id, version },
        }
    }
}

impl<'a> Batch<'a> {
    fn apply(&mut self, state: &State, prepared: &'a Prepared, failed: &BTreeMap<String, Arc<EngineError>>) -> Result<WriteResult, EngineError> {
        let op = &prepared.op;
        let illegal = |reason: &str| WriteResult::Illegal { index: op.index.clone(), id: op.id.clone(), reason: reason.to_owned() };
        if let Some(error) = failed.get(&op.index) {
            return Ok(WriteResult::Failed { index: op.index.clone(), id: op.id.clone(), error: error.clone() });
        }
        let Some(index) = state.write_index(&op.index).map(|uuid| &state.indices[uuid]) else {
            let error = Arc::new(EngineError::IndexNotFound(op.index.clone()));
            return Ok(WriteResult::Failed { index: op.index.clone(), id: op.id.clone(), error });
        };
        let uuid = &index.record.uuid;
        let name = || index.record.name.clone();
        if op.id.as_ref().is_some_and(|it| it.is_empty() || it.len() > ID_BYTES_MAX) {
            return Ok(illegal("id is empty or longer than 512 bytes"));
        }
        let is_stream = index.record.stream.is_some();
        if is_stream && !matches!(op.action, WriteAction::Create(_)) && (op.id.is_some() || matches!(op.action, WriteAction::Index(_))) {
            return Ok(illegal("only write ops with an op_type of create are allowed in data streams"));
        }
        let refused = |error: DocumentError| WriteResult::Refused { index: index.record.name.clone(), id: op.id.clone(), error };
        let document = match &prepared.document {
            Ok(it) => it,
            Err(error) => return Ok(refused(error.clone())),
        };
        let existing = match &op.id {
            Some(id) => match self.ids.get(&(uuid.clone(), id.clone())) {
                Some(state) => Some(*state),
                None => index.resolve(id)?,
            },
            None => None,
        };
        let version = match existing {
            Some(IdState::Live { version, .. } | IdState::Deleted { version }) => version + 1,
            None => 1,
        };
        let live = match existing {
            Some(IdState::Live { seq, version }) => Some((seq, version)),
            _ => None,
        };
        if let (WriteAction::Create(_), Some((_, version)), Some(id)) = (&op.action, live, &op.id) {
            return Ok(WriteResult::Conflict { index: name(), id: id.clone(), version });
        }
        let seq = self.next_seq;
        if let Some(source) = prepared.source() {
            let mapping = self.grown.get(uuid).unwrap_or(&index.record.mapping).clone();
            let typed = match document::parse(&mapping, document) {
                Ok(it) => it,
                Err(error) => return Ok(refused(error)),
            };
            if is_stream && timestamp_of(&mapping, &typed.row).is_none() {
                return Ok(refused(DocumentError::Document("data stream timestamp field [@timestamp] is missing".to_owned())));
            }
            if let Some(grown) = typed.grown {
                self.grown.insert(uuid.clone(), Arc::new(grown));
            }
            let id = op.id.as_ref().map(|id| (id.as_str().into(), version));
            self.entries.push((uuid.clone(), Entry { seq, id, stored: source::encode(FormatId::JSON, source), row: typed.row }));
        } else if op.id.is_none() {
            return Ok(illegal("id is missing"));
        }
        if let Some((old, _)) = live {
            self.deleted.push((uuid.clone(), old));
        }
        let is_delete = prepared.source().is_none();
        let written = |id: String| Document { index: name(), id, seq, version };
        if let Some(id) = &op.id {
            if is_delete && live.is_none() {
                // Nothing to delete is nothing to log; Elasticsearch gives it a sequence number, which no client reads.
                return Ok(WriteResult::NotFound(written(id.clone())));
            }
            let state = if is_delete { IdState::Deleted { version } } else { IdState::Live { seq, version } };
            self.ids.insert((uuid.clone(), id.clone()), state);
        }
        self.frames.push(Frame { index: uuid.clone(), id: op.id.as_deref().map(|id| (id, version)), source: prepared.source() });
        self.next_seq += 1;
        let id = op.id.clone().unwrap_or_else(|| doc_id::encode(seq));
        Ok(match (is_delete, live) {
            (true, _) => WriteResult::Deleted(written(id)),
            (false, Some(_)) => WriteResult::Updated(written(id)),
            (false, None) => WriteResult::Created(written(id)),
        })
    }

    fn publish(self, state: &mut State, now: Timestamp) {
        const PROOF: &str = "looked up under this lock";
        for (uuid, mapping) in self.grown {
            state.indices.get_mut(&uuid).expect(PROOF).record.mapping = mapping;
        }
        for ((uuid, id), id_state) in self.ids {
            state.indices.get_mut(&uuid).expect(PROOF).ids.insert(id.into(), id_state);
        }
        for (uuid, seq) in self.deleted {
            state.indices.get_mut(&uuid).expect(PROOF).deleted.push(seq);
        }
        for (uuid, entry) in self.entries {
            state.indices.get_mut(&uuid).expect(PROOF).push(entry, now);
        }
    }
}

fn timestamp_of(mapping: &Mapping, row: &Row) -> Option<Timestamp> {
    timestamp_field(mapping).and_then(|field| row.date(field))
}

fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data can be encoded")
}

/// Whether records of a line format fit a mapping as they are: their field ids are those of the built-in table.
pub(crate) fn has_builtin_fields(mapping: &Mapping) -> bool {
    let fields = mapping.fields();
    fields.len() >= ecs::FIELDS.len()
        && ecs::FIELDS.iter().zip(fields).all(|(spec, field)| {
            spec.name == field.name && spec.kind == field.kind && spec.index == field.index && spec.doc_values == field.doc_values
        })
}
