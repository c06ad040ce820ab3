//! Writing: documents and log lines become entries of tails and frames of the log, in one order.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::block::Intent;
use crate::clock::Timestamp;
use crate::condition::Condition;
use crate::date_name;
use crate::document::{self, DocumentError};
use crate::ecs;
use crate::engine::{Document, Engine, EngineError, Inner, State, WriteAction, WriteOp, WriteResult, Written};
use crate::entry::{KIND_LINES, KIND_OPS, Lines, Op};
use crate::format::{FormatId, Parsed};
use crate::get::Seen;
use crate::index::{IdState, IndexState};
use crate::limits::ID_BYTES_MAX;
use crate::manifest::IndexUuid;
use crate::mapping::Mapping;
use crate::row::Row;
use crate::source::{self, Formats};
use crate::split::{Entry, timestamp_field};
use crate::update::Updated;
use crate::{doc_id, log};

/// Times that a batch looks anew at documents which others change meanwhile; then those operations are conflicts.
const LOOKS_MAX: usize = 32;

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
        self.append_records_seen(format, records, |_| {})
    }

    /// As [`Engine::append_records`]; the documents are shown when the log has taken them, once, in order, and under a lock: look quickly and
    /// ask nothing of the engine. What is read from the log again after a crash is not shown.
    ///
    /// # Errors
    /// As [`Engine::append_records`]; nothing was shown then.
    ///
    /// # Panics
    /// As [`Engine::append_records`].
    pub fn append_records_seen(&self, format: FormatId, records: &[Vec<u8>], see: impl FnOnce(&[Parsed])) -> Result<Written, EngineError> {
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
            inner.check_disk(stream)?;
            self.ensure_index(stream)?;
        }
        inner.wait_for_room();
        let now = inner.clock.now();
        let mut state = inner.state();
        let mut targets = BTreeMap::new();
        for stream in streams.keys().copied() {
            let uuid = state.write_index(stream).ok_or_else(|| EngineError::IndexNotFound(stream.to_owned()))?;
            state.indices[uuid].record.check_blocks(Intent::Write)?;
            targets.insert(stream, uuid.clone());
        }
        let payload = encode(&Lines {
            format: format.0,
            targets: targets.iter().map(|(stream, uuid)| (*stream, uuid.as_str())).collect(),
            records: records.iter().map(|it| serde_bytes::Bytes::new(it)).collect(),
        });
        let (first_seq, ticket) = inner.append(&mut state, KIND_LINES, records.len() as u32, &payload)?;
        see(&parsed);
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
    pub fn write(&self, mut ops: Vec<WriteOp>) -> Result<(Vec<WriteResult>, Written), EngineError> {
        let inner = &self.inner;
        let mut failed: BTreeMap<String, Arc<EngineError>> = BTreeMap::new();
        for op in ops.iter_mut().filter(|it| it.index.starts_with('<')) {
            match date_name::fill(&op.index, self.now()) {
                Ok(name) => op.index = name.into_owned(),
                Err(reason) => drop(failed.insert(op.index.clone(), Arc::new(EngineError::IllegalArgument(reason)))),
            }
        }
        let mut wanted: BTreeMap<&str, bool> = BTreeMap::new();
        for op in &ops {
            *wanted.entry(op.index.as_str()).or_default() |= !matches!(op.action, WriteAction::Delete | WriteAction::Reparse { .. });
        }
        wanted.retain(|name, _| !failed.contains_key(*name));
        for (name, is_created) in wanted {
            let ready = if let Err(full) = inner.check_disk(name) {
                Err(full)
            } else if is_created {
                self.ensure_index(name)
            } else {
                inner.state().check_alias_write(name)
            };
            if let Err(error) = ready {
                failed.insert(name.to_owned(), Arc::new(error));
            }
        }
        let prepared: Vec<Prepared> = ops.into_iter().map(|it| Prepared::new(&inner.formats, it)).collect();
        for it in prepared.iter().filter_map(|it| it.parsed.as_ref()) {
            self.ensure_index(it.stream)?;
        }
        inner.wait_for_room();
        let now = inner.clock.now();
        let mut looks = 0;
        let (mut state, batch, results) = loop {
            looks += 1;
            let seen = self.see_before(&prepared)?;
            let state = inner.state();
            // Nobody else appends while the state is locked, so the sequence numbers are known before the frame is written.
            let mut batch = Batch {
                next_seq: state.next_seq,
                frames: Vec::new(),
                entries: Vec::new(),
                ids: BTreeMap::new(),
                deleted: Vec::new(),
                grown: BTreeMap::new(),
                seen: &seen,
                is_last_look: looks >= LOOKS_MAX,
                is_stale: false,
            };
            let results: Vec<WriteResult> = prepared.iter().map(|it| batch.apply(&state, it, &failed)).collect::<Result<_, _>>()?;
            if !batch.is_stale {
                break (state, batch.done(), results);
            }
        };
        if batch.frames.is_empty() {
            return Ok((results, Written::nothing(inner)));
        }
        let payload = encode(&batch.frames.iter().map(Frame::op).collect::<Vec<_>>());
        let (_, ticket) = inner.append(&mut state, KIND_OPS, batch.frames.len() as u32, &payload)?;
        batch.publish(&mut state, now);
        inner.wake(&state);
        Ok((results, Written::new(inner, ticket)))
    }

    /// Looks at the documents that operations build on: those to update, and those whose id only a column tells.
    fn see_before(&self, prepared: &[Prepared]) -> Result<Seen, EngineError> {
        let mut wanted: BTreeMap<IndexUuid, BTreeMap<String, bool>> = BTreeMap::new();
        {
            let state = self.inner.state();
            for it in prepared {
                let Some(id) = &it.op.id else { continue };
                let is_update = matches!(it.op.action, WriteAction::Update(_));
                if (is_update || doc_id::decode(id).is_some())
                    && let Some(uuid) = state.write_index(&it.op.index)
                {
                    *wanted.entry(uuid.clone()).or_default().entry(id.clone()).or_default() |= is_update;
                }
            }
        }
        self.inner.see(&wanted)
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
                    replayed += u64::from(replay_op(&self.formats, &mut state, seq, op, now)?);
                }
            }
            kind => {
                return Err(EngineError::Damaged(format!("log frame at {} is of unknown kind {kind}: written by a newer release?", frame.first_seq)));
            }
        }
        Ok(replayed)
    }
}

fn replay_op(formats: &Formats, state: &mut State, seq: u64, op: &Op<'_>, now: Timestamp) -> Result<bool, EngineError> {
    let uuid = match op {
        Op::Append { index, .. } | Op::Put { index, .. } | Op::Delete { index, .. } | Op::Record { index, .. } => *index,
    };
    let Some(index) = state.indices.get_mut(uuid).filter(|it| seq >= it.position) else { return Ok(false) };
    if let Op::Record { format, record, .. } = op {
        let format = FormatId(*format);
        let unknown = || EngineError::Damaged(format!("the log has records of format {}, which this program can't read", format.0));
        let row = formats.get(format).ok_or_else(unknown)?.parse(record).row;
        index.push(Entry { seq, id: None, stored: source::encode(format, record), row }, now);
        return Ok(true);
    }
    let (explicit, source) = match op {
        Op::Append { source, .. } => (None, Some(source)),
        Op::Put { id, version, source, .. } => (Some((*id, *version)), Some(source)),
        Op::Delete { id, version, .. } => (Some((*id, *version)), None),
        Op::Record { .. } => return Ok(false),
    };
    if let Some((id, version)) = explicit {
        if let Some(IdState::Live { seq: old, .. }) = index.resolve_all(id)? {
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
    /// What the parser makes of a record that is parsed again.
    parsed: Option<Parsed>,
}

impl Prepared {
    fn new(formats: &Formats, op: WriteOp) -> Self {
        let document = match &op.action {
            WriteAction::Delete | WriteAction::Update(_) | WriteAction::Reparse { .. } => Ok(Map::new()),
            WriteAction::Index(source) | WriteAction::Create(source) => match serde_json::from_slice::<Value>(source) {
                Ok(Value::Object(document)) => Ok(document),
                Ok(_) => Err(DocumentError::Document("failed to parse: document is not an object".to_owned())),
                Err(error) => Err(DocumentError::Document(format!("failed to parse: {error}"))),
            },
        };
        let parsed = match &op.action {
            WriteAction::Reparse { format, record } => formats.get(*format).map(|it| it.parse(record)),
            _ => None,
        };
        Self { op, document, parsed }
    }
}

/// The effective operations of a request, before they are logged: nothing of the state has changed until then.
struct Batch<'a, 's> {
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
    /// What was looked at before the lock was taken.
    seen: &'s Seen,
    /// Whether an operation that does not fit what was seen is a conflict, instead of a reason to look again.
    is_last_look: bool,
    /// Whether something changed since it was seen.
    is_stale: bool,
}

/// What a batch comes to, free of what was seen.
struct Done<'a> {
    frames: Vec<Frame<'a>>,
    entries: Vec<(String, Entry)>,
    ids: BTreeMap<(String, String), IdState>,
    deleted: Vec<(String, u64)>,
    grown: BTreeMap<String, Arc<Mapping>>,
}

struct Frame<'a> {
    index: String,
    id: Option<(&'a str, u64)>,
    /// JSON, unless `format` says otherwise.
    source: Option<Cow<'a, [u8]>>,
    format: FormatId,
}

impl Frame<'_> {
    fn op(&self) -> Op<'_> {
        match (self.id, &self.source) {
            (None, Some(record)) if self.format != FormatId::JSON => {
                Op::Record { index: &self.index, format: self.format.0, record: serde_bytes::Bytes::new(record) }
            }
            (None, source) => Op::Append { index: &self.index, source: serde_bytes::Bytes::new(source.as_deref().unwrap_or_default()) },
            (Some((id, version)), Some(source)) => Op::Put { index: &self.index, id, version, source: serde_bytes::Bytes::new(source) },
            (Some((id, version)), None) => Op::Delete { index: &self.index, id, version },
        }
    }
}

/// What an operation found, or that it must look again.
enum Existing {
    Known(Option<IdState>),
    Stale,
}

impl<'a, 's> Batch<'a, 's> {
    fn apply(&mut self, state: &State, prepared: &'a Prepared, failed: &BTreeMap<String, Arc<EngineError>>) -> Result<WriteResult, EngineError> {
        let op = &prepared.op;
        let illegal = |reason: &str| Ok(WriteResult::Illegal { index: op.index.clone(), id: op.id.clone(), reason: reason.to_owned() });
        if let Some(error) = failed.get(&op.index) {
            return Ok(WriteResult::Failed { index: op.index.clone(), id: op.id.clone(), error: error.clone() });
        }
        let Some(index) = state.write_index(&op.index).map(|uuid| &state.indices[uuid]) else {
            let error = Arc::new(EngineError::IndexNotFound(op.index.clone()));
            return Ok(WriteResult::Failed { index: op.index.clone(), id: op.id.clone(), error });
        };
        if index.record.is_closed {
            let error = Arc::new(EngineError::IndexClosed(index.record.name.clone()));
            return Ok(WriteResult::Failed { index: op.index.clone(), id: op.id.clone(), error });
        }
        if let Err(error) = index.record.check_blocks(Intent::Write) {
            return Ok(WriteResult::Failed { index: op.index.clone(), id: op.id.clone(), error: Arc::new(error) });
        }
        match op.id.as_ref() {
            Some(id) if id.is_empty() => return illegal("if _id is specified it must not be empty"),
            Some(id) if id.len() > ID_BYTES_MAX => {
                return illegal(&format!("id [{id}] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {}", id.len()));
            }
            Some(_) | None => {}
        }
        if let Some(reason) = refused_by_stream(index, op) {
            return illegal(&reason);
        }
        if op.id.is_none() && matches!(op.action, WriteAction::Delete | WriteAction::Update(_) | WriteAction::Reparse { .. }) {
            return illegal("id is missing");
        }
        let refused = |error: DocumentError| Ok(WriteResult::Refused { index: index.record.name.clone(), id: op.id.clone(), error });
        let document = match &prepared.document {
            Ok(it) => it,
            Err(error) => return refused(error.clone()),
        };
        let conflict = |id: &str, reason: String| Ok(WriteResult::Conflict { index: index.record.name.clone(), id: id.to_owned(), reason });
        let (existing, version) = match &op.id {
            None => (None, 1),
            Some(id) => {
                let existing = match self.existing(state, index, id)? {
                    Existing::Known(it) => it,
                    Existing::Stale => return self.look_again(index, id),
                };
                if let (WriteAction::Create(_), Some(IdState::Live { version, .. })) = (&op.action, existing) {
                    return conflict(id, format!("[{id}]: version conflict, document already exists (current version [{version}])"));
                }
                match op.condition.check(id, existing) {
                    Ok(version) => (existing, version),
                    Err(reason) => return conflict(id, reason),
                }
            }
        };
        let live = match existing {
            Some(IdState::Live { seq, version }) => Some((seq, version)),
            _ => None,
        };
        match (&op.action, &op.id) {
            (WriteAction::Index(source) | WriteAction::Create(source), _) => {
                let source = Source { document, bytes: Cow::Borrowed(source.as_slice()) };
                self.put(index, op, source, version, live)
            }
            (WriteAction::Delete, Some(id)) => Ok(self.delete(index, id, version, live)),
            (WriteAction::Update(update), Some(id)) => {
                let present = match live {
                    None => None,
                    Some((seq, _)) => match self.present(index, id, seq) {
                        Some(it) => Some(it),
                        None => return self.look_again(index, id),
                    },
                };
                match (update.apply(present.as_deref()), live) {
                    (Updated::Noop, Some((seq, version))) => {
                        Ok(WriteResult::Noop(Document { index: index.record.name.clone(), id: id.clone(), seq, version }))
                    }
                    (Updated::Noop | Updated::Missing, _) => Ok(WriteResult::Missing { index: index.record.name.clone(), id: id.clone() }),
                    (Updated::Write(document), _) => {
                        let bytes = serde_json::to_vec(&document).expect("a JSON value has only text keys");
                        self.put(index, op, Source { document: &document, bytes: Cow::Owned(bytes) }, version, live)
                    }
                }
            }
            (WriteAction::Reparse { format, record }, Some(id)) => {
                let Some(parsed) = &prepared.parsed else { return illegal("this program does not know the format of the record") };
                self.reparse(state, index, id, version, live, (*format, record, parsed))
            }
            (WriteAction::Delete | WriteAction::Update(_) | WriteAction::Reparse { .. }, None) => illegal("id is missing"),
        }
    }

    /// The newest state of an id: by this batch, by what is not in splits yet, by the splits.
    fn existing(&self, state: &State, index: &IndexState, id: &str) -> Result<Existing, EngineError> {
        let uuid = &index.record.uuid;
        if let Some(found) = self.ids.get(&(uuid.clone(), id.to_owned())) {
            return Ok(Existing::Known(Some(*found)));
        }
        if let Some(found) = index.resolve(id)? {
            return Ok(Existing::Known(Some(found)));
        }
        let Some(seq) = doc_id::decode(id).filter(|it| *it < state.next_seq) else { return Ok(Existing::Known(None)) };
        if index.is_made_recently(seq) {
            return Ok(Existing::Known(Some(IdState::Live { seq, version: 1 })));
        }
        if !index.splits.iter().any(|it| it.may_hold(seq)) {
            return Ok(Existing::Known(None));
        }
        match self.seen.document(uuid, id) {
            Some(found) if self.seen.is_current(index) => Ok(Existing::Known(found.map(|it| IdState::Live { seq: it.seq, version: it.version }))),
            _ => Ok(Existing::Stale),
        }
    }

    /// The document that an update changes; `None` where it was not seen as it is now.
    fn present(&self, index: &IndexState, id: &str, seq: u64) -> Option<Cow<'s, Map<String, Value>>> {
        let uuid = &index.record.uuid;
        if let Some((_, entry)) = self.entries.iter().rev().find(|it| it.0 == *uuid && it.1.seq == seq) {
            // This batch wrote it, as JSON.
            return entry.stored.get(1..).and_then(|it| serde_json::from_slice(it).ok()).map(Cow::Owned);
        }
        match self.seen.document(uuid, id) {
            Some(Some(seen)) if seen.seq == seq => seen.source.as_ref().map(Cow::Borrowed),
            _ => None,
        }
    }

    fn look_again(&mut self, index: &IndexState, id: &str) -> Result<WriteResult, EngineError> {
        self.is_stale |= !self.is_last_look;
        let reason = format!("[{id}]: version conflict, the document was changed [{LOOKS_MAX}] times meanwhile");
        Ok(WriteResult::Conflict { index: index.record.name.clone(), id: id.to_owned(), reason })
    }

    fn put(
        &mut self,
        index: &IndexState,
        op: &'a WriteOp,
        source: Source<'_, 'a>,
        version: u64,
        live: Option<(u64, u64)>,
    ) -> Result<WriteResult, EngineError> {
        let uuid = &index.record.uuid;
        let refused = |error: DocumentError| Ok(WriteResult::Refused { index: index.record.name.clone(), id: op.id.clone(), error });
        let mapping = self.grown.get(uuid).unwrap_or(&index.record.mapping).clone();
        let typed = match document::parse(&mapping, source.document) {
            Ok(it) => it,
            Err(error) => return refused(error),
        };
        if index.record.stream.is_some() && timestamp_of(&mapping, &typed.row).is_none() {
            return refused(DocumentError::Document("data stream timestamp field [@timestamp] is missing".to_owned()));
        }
        if let Some(grown) = typed.grown {
            self.grown.insert(uuid.clone(), Arc::new(grown));
        }
        let seq = self.next_seq;
        let id = op.id.as_ref().map(|id| (id.as_str().into(), version));
        self.entries.push((uuid.clone(), Entry { seq, id, stored: source::encode(FormatId::JSON, &source.bytes), row: typed.row }));
        if let Some((old, _)) = live {
            self.deleted.push((uuid.clone(), old));
        }
        if let Some(id) = &op.id {
            self.ids.insert((uuid.clone(), id.clone()), IdState::Live { seq, version });
        }
        self.log(uuid, op.id.as_deref().map(|id| (id, version)), Some(source.bytes));
        let id = op.id.clone().unwrap_or_else(|| doc_id::encode(seq));
        let written = Document { index: index.record.name.clone(), id, seq, version };
        Ok(if live.is_some() { WriteResult::Updated(written) } else { WriteResult::Created(written) })
    }

    fn delete(&mut self, index: &IndexState, id: &'a str, version: u64, live: Option<(u64, u64)>) -> WriteResult {
        let uuid = &index.record.uuid;
        let seq = self.next_seq;
        let written = Document { index: index.record.name.clone(), id: id.to_owned(), seq, version };
        // Nothing to delete is nothing to log; Elasticsearch gives it a sequence number, which no client reads.
        let Some((old, _)) = live else { return WriteResult::NotFound(written) };
        self.deleted.push((uuid.clone(), old));
        self.ids.insert((uuid.clone(), id.to_owned()), IdState::Deleted { version });
        self.log(uuid, Some((id, version)), None);
        WriteResult::Deleted(written)
    }

    /// Moves a document to the stream that its record is parsed into: the new one and the deletion are in one frame.
    fn reparse(
        &mut self,
        state: &State,
        index: &IndexState,
        id: &'a str,
        version: u64,
        live: Option<(u64, u64)>,
        (format, record, parsed): (FormatId, &'a [u8], &Parsed),
    ) -> Result<WriteResult, EngineError> {
        if live.is_none() {
            return Ok(self.delete(index, id, version, live));
        }
        let name = &index.record.name;
        let Some(target) = state.write_index(parsed.stream) else { return Err(EngineError::IndexNotFound(parsed.stream.to_owned())) };
        if index.record.stream.as_ref().is_some_and(|it| it.0 == parsed.stream) {
            let reason = format!("the parser leaves the record in [{}]", parsed.stream);
            return Ok(WriteResult::Illegal { index: name.clone(), id: Some(id.to_owned()), reason });
        }
        let entry = Entry { seq: self.next_seq, id: None, stored: source::encode(format, record), row: parsed.row.clone() };
        self.entries.push((target.clone(), entry));
        self.frames.push(Frame { index: target.clone(), id: None, source: Some(Cow::Borrowed(record)), format });
        self.next_seq += 1;
        Ok(self.delete(index, id, version, live))
    }

    fn log(&mut self, uuid: &str, id: Option<(&'a str, u64)>, source: Option<Cow<'a, [u8]>>) {
        self.frames.push(Frame { index: uuid.to_owned(), id, source, format: FormatId::JSON });
        self.next_seq += 1;
    }

    fn done(self) -> Done<'a> {
        Done { frames: self.frames, entries: self.entries, ids: self.ids, deleted: self.deleted, grown: self.grown }
    }
}

/// A document to write: as it was read, and its bytes.
struct Source<'d, 'a> {
    document: &'d Map<String, Value>,
    bytes: Cow<'a, [u8]>,
}

/// Why an operation can't be done in a data stream: they take new documents; a present one is changed by the name of its backing index.
fn refused_by_stream(index: &IndexState, op: &WriteOp) -> Option<String> {
    index.record.stream.as_ref()?;
    if op.index != index.record.name {
        let is_refused = match op.action {
            WriteAction::Create(_) => false,
            WriteAction::Index(_) | WriteAction::Update(_) | WriteAction::Reparse { .. } => true,
            WriteAction::Delete => op.id.is_some(),
        };
        return is_refused.then(|| "only write ops with an op_type of create are allowed in data streams".to_owned());
    }
    let op_type = match (&op.action, op.condition) {
        (WriteAction::Index(_) | WriteAction::Create(_), Condition::LastWrite { .. })
        | (WriteAction::Delete | WriteAction::Update(_) | WriteAction::Reparse { .. }, _) => {
            return None;
        }
        (WriteAction::Index(_), Condition::None | Condition::External { .. }) => "index",
        (WriteAction::Create(_), Condition::None | Condition::External { .. }) => "create",
    };
    Some(format!(
        "index request with op_type={op_type} and no if_primary_term and if_seq_no set targeting backing indices is disallowed, target corresponding data stream instead"
    ))
}

impl Done<'_> {
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
