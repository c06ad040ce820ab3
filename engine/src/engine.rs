//! The engine: one data directory, its indices, and everything that writes.
//!
//! Life of a write: it is typed, given sequence numbers and put behind the tail of its index under one short lock, in the same
//! order as it is handed to the log; the caller waits for the log's sync ([`Written::wait`]). A *refresh* turns tails into splits in
//! memory, which searches see; it waits for the log first, so that visible means durable. A *commit* merges them into one split on disk and
//! publishes it with the log position in one manifest record. *Merges* keep the number of splits small.
//!
//! Locks, in the order they are taken: an index's `build` → `state` → the manifest's. Nothing slow happens under `state`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::alias::{self, Alias, AliasRecord, Member};
use crate::backup::log_options;
use crate::block::Blocked;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::condition::Condition;
use crate::date_name;
use crate::disk::{DiskWatch, RealSpace, Space, Watermarks};
use crate::document::DocumentError;
use crate::error::QueryError;
use crate::files;
use crate::format::Format;
use crate::fs::{Fs, FsLock, RealFs};
use crate::index::IndexState;
use crate::index_options::IndexOptions;
use crate::index_template::{Composed, TemplateParts, Templates};
use crate::journal::{Journal, JournalError};
use crate::lifecycle::{Lifecycles, RetentionDefaults, StreamLifecycle};
use crate::log::{Frame, LocalLog, Log, LogError, Ticket};
use crate::manifest::{self, Edit, IndexRecord, IndexUuid, ManifestState};
use crate::mapping::{Mapping, MappingError};
use crate::source::Formats;
use crate::split::{Split, SplitId, SplitMeta, split_path};
use crate::template::{backing_index_name, is_builtin_stream};
use crate::update::Update;

/// Bytes of a tail at which it becomes a split even if nobody searches: about 10,000 log lines, so that the fixed cost of a split
/// (9 ms measured) is little beside that of its rows, and four tails that fill at once stay below [`TAIL_BYTES_MAX`].
pub(crate) const TAIL_SPLIT_BYTES: usize = 48 << 20;

/// Bytes of all tails and of rows being built at which writers wait: the back-pressure that reaches a TCP sender.
pub(crate) const TAIL_BYTES_MAX: usize = 208 << 20;

/// Rows of a split in memory below which splitting a tail over cores costs more than it gains.
pub(crate) const BUILD_ROWS_MIN: usize = 2_048;

/// Bytes of splits in memory at which the largest index is committed.
pub(crate) const RAM_SPLITS_BYTES_MAX: u64 = 64 << 20;

/// Splits in memory of one index that are merged into one, so that a slow trickle does not make hundreds of them. More than a bulk load
/// makes between two commits: there a merge in memory would be work for nothing.
pub(crate) const RAM_SPLITS_MAX: usize = 48;

/// Age of the oldest write that is not in a split on disk at which an index is committed, so that the log stays short.
pub(crate) const COMMIT_AGE_MS: i64 = 60_000;

/// Age of a tail at which it becomes visible while the index is being searched, and while it is not.
pub(crate) const REFRESH_AGE_ACTIVE_MS: i64 = 200;
pub(crate) const REFRESH_AGE_IDLE_MS: i64 = 5_000;

/// An index counts as being searched for this long after a search.
pub(crate) const SEARCH_IDLE_MS: i64 = 30_000;

/// Splits of about one size that are merged into one, and the largest result. Eight keeps both the number of splits and the number
/// of times a document is rewritten logarithmic; five million documents bound the time of one merge.
pub(crate) const MERGE_FACTOR: usize = 8;
pub(crate) const MERGE_DOCS_MAX: u64 = 5_000_000;

/// Documents of a backing index at which its stream is rolled over.
pub(crate) const ROLLOVER_DOCS: u64 = 25_000_000;

/// How often the background threads look for work that nobody woke them for.
const TICK: Duration = Duration::from_millis(50);

/// How to open an engine.
#[derive(Clone)]
pub struct EngineOptions {
    /// The disk: the real one ([`RealFs`]) or a simulated one ([`crate::fs::SimFs`]).
    pub fs: Arc<dyn Fs>,
    /// The data directory; everything is below it. Created where it does not exist.
    pub data_dir: PathBuf,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Line formats beside JSON.
    pub formats: Formats,
    /// Threads for searches and builds; 0 = one for each core.
    pub threads: usize,
    /// Whether the engine refreshes, commits and merges by itself. Without, the caller calls [`Engine::maintain`]; a test that replays a
    /// seed needs that.
    pub background: bool,
    /// How long streams keep documents that say nothing themselves. Not stored: what is given at the next start counts then.
    pub retention: RetentionDefaults,
    /// Who says how full the disk is.
    pub space: Arc<dyn Space>,
    /// What follows from it.
    pub watermarks: Watermarks,
}

impl EngineOptions {
    /// A real directory, the system's clock, JSON only, background work on.
    pub fn new(data_dir: impl AsRef<Path>) -> Self {
        Self {
            fs: Arc::new(RealFs),
            data_dir: data_dir.as_ref().to_owned(),
            clock: Arc::new(SystemClock),
            formats: Formats::default(),
            threads: 0,
            background: true,
            retention: RetentionDefaults::default(),
            space: Arc::new(RealSpace),
            watermarks: Watermarks::default(),
        }
    }

    /// Adds a line format.
    #[must_use]
    pub fn with_format(mut self, format: Arc<dyn Format>) -> Self {
        self.formats = self.formats.with(format);
        self
    }
}

/// Why the engine could not do something, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No index, stream or pattern of that name.
    #[error("no such index [{0}]")]
    IndexNotFound(String),
    /// Whoever asks may not; the engine itself never says so, a server that narrows it does.
    #[error("{0}")]
    Forbidden(String),
    /// The index is closed: it takes neither searches nor writes.
    #[error("closed")]
    IndexClosed(String),
    /// A block keeps indices from being used so.
    #[error("{0}")]
    Blocked(Blocked),
    /// The name can't be an alias's.
    #[error("Invalid alias name [{name}]: {reason}")]
    InvalidAlias {
        /// As given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No policy of that name.
    #[error("Lifecycle policy not found: {0}")]
    NoPolicy(String),
    /// A template that can't be used.
    #[error("{0}")]
    InvalidTemplate(String),
    /// A query that can't be used.
    #[error(transparent)]
    Query(QueryError),
    /// The name is taken.
    #[error("index [{0}] already exists")]
    IndexExists(String),
    /// The name can't be an index's.
    #[error("Invalid index name [{name}], {reason}")]
    InvalidIndexName {
        /// As given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A mapping that can't be used.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// A request that can't be meant.
    #[error("{0}")]
    IllegalArgument(String),
    /// The log or the disk does not take writes (full, failed); reads go on.
    #[error("the log does not take writes: {0}")]
    Unavailable(#[from] LogError),
    /// A file is not what the manifest says it is.
    #[error("damaged data: {0}")]
    Damaged(String),
    /// The file system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// tantivy refused what it accepted before, or a file could not be read.
    #[error("index data: {0}")]
    Tantivy(#[from] tantivy::TantivyError),
    /// The manifest can't be read or written.
    #[error("manifest: {0}")]
    Manifest(#[from] JournalError),
    /// The data directory is of a newer release, or another process has it.
    #[error("{0}")]
    DataDir(String),
}

/// One operation of a bulk request.
#[derive(Clone, Debug)]
pub struct WriteOp {
    /// Index, or data stream.
    pub index: String,
    /// Explicit id; `None` lets the engine derive one.
    pub id: Option<String>,
    /// What to do.
    pub action: WriteAction,
    /// What must hold for it to be done.
    pub condition: Condition,
}

/// What a [`WriteOp`] does.
#[derive(Clone, Debug)]
pub enum WriteAction {
    /// Adds or replaces a document. The bytes are JSON.
    Index(Vec<u8>),
    /// Adds a document, refused where the id exists. The bytes are JSON.
    Create(Vec<u8>),
    /// Changes fields of a document, or adds it.
    Update(Box<Update>),
    /// Deletes by id.
    Delete,
    /// Deletes by id, and in the same step appends the record of a line format that was its source to the stream its parser names now.
    /// Refused as illegal where that is the stream it is in.
    Reparse {
        /// The format.
        format: crate::format::FormatId,
        /// The record.
        record: Vec<u8>,
    },
}

/// What became of an operation.
#[derive(Debug)]
pub enum WriteResult {
    /// A new document.
    Created(Document),
    /// A document was replaced.
    Updated(Document),
    /// A document was deleted.
    Deleted(Document),
    /// There was none to delete.
    NotFound(Document),
    /// An update that changes nothing was not written.
    Noop(Document),
    /// There was none to update; `document_missing_exception`.
    Missing {
        /// The backing index.
        index: String,
        /// The id.
        id: String,
    },
    /// The document is not as the operation expects it; `version_conflict_engine_exception`.
    Conflict {
        /// The backing index.
        index: String,
        /// The id.
        id: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The document does not fit.
    Refused {
        /// The backing index.
        index: String,
        /// The id, where one was given.
        id: Option<String>,
        /// Why.
        error: DocumentError,
    },
    /// The operation does not fit the index (data streams take new documents only; ids are at most 512 bytes).
    Illegal {
        /// As given.
        index: String,
        /// As given.
        id: Option<String>,
        /// Why.
        reason: String,
    },
    /// The index could not be created.
    Failed {
        /// As given.
        index: String,
        /// As given.
        id: Option<String>,
        /// Why.
        error: Arc<EngineError>,
    },
}

/// A written document's coordinates.
#[derive(Clone, Debug)]
pub struct Document {
    /// The backing index.
    pub index: String,
    /// Explicit or derived id.
    pub id: String,
    /// Sequence number in the log, `_seq_no`.
    pub seq: u64,
    /// Counts the writes of one id, from 1.
    pub version: u64,
}

/// A write that the log has taken; it is durable once [`Written::wait`] has returned.
#[must_use = "a write is acknowledged only after it was waited for"]
pub struct Written {
    inner: Arc<Inner>,
    ticket: Option<Ticket>,
}

impl Written {
    /// Waits until the write is on disk.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when it could not be written; it is not acknowledged then.
    pub fn wait(self) -> Result<(), EngineError> {
        match self.ticket {
            Some(ticket) => Ok(self.inner.log.wait(&ticket)?),
            None => Ok(()),
        }
    }

    /// Calls `done` once the write is on disk or failed, from the log's thread.
    pub fn on_durable(self, done: impl FnOnce(Result<(), LogError>) + Send + 'static) {
        match self.ticket {
            Some(ticket) => self.inner.log.on_synced(&ticket, Box::new(done)),
            None => done(Ok(())),
        }
    }
}

/// What opening a data directory found.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Documents read again from the log.
    pub replayed: u64,
    /// What was found damaged and set aside, in words.
    pub damage: Vec<String>,
}

/// The facts of an index, for `_cat/indices` and `_stats`.
#[derive(Clone, Debug)]
pub struct IndexInfo {
    /// Name of the (backing) index.
    pub name: String,
    /// Identity.
    pub uuid: String,
    /// The data stream it backs.
    pub stream: Option<String>,
    /// When it was created.
    pub created: Timestamp,
    /// Live documents, those not refreshed yet included.
    pub docs: u64,
    /// Deleted documents that a merge has not removed yet.
    pub docs_deleted: u64,
    /// Bytes of its splits.
    pub bytes: u64,
    /// Number of splits.
    pub splits: usize,
    /// Settings as given at creation.
    pub settings: Value,
    /// The mapping.
    pub mapping: Arc<Mapping>,
    /// Whether it takes neither searches nor writes.
    pub is_closed: bool,
    /// Splits that could not be opened.
    pub damaged: usize,
    /// When a new index was started in its place.
    pub rolled_over: Option<Timestamp>,
}

/// An open data directory. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
    _background: Arc<Background>,
}

pub(crate) struct Inner {
    pub(crate) clock: Arc<dyn Clock>,
    fs: Arc<dyn Fs>,
    data_dir: PathBuf,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) formats: Formats,
    pub(crate) pool: rayon::ThreadPool,
    state: Mutex<State>,
    /// Signalled when rows have left the tails, and when there is work for the background threads.
    drained: Condvar,
    work: Condvar,
    manifest: Mutex<Manifest>,
    /// Held by a commit or a merge: one at a time.
    commit: Mutex<()>,
    next_split: AtomicU64,
    recovery: Mutex<Recovery>,
    stop: AtomicBool,
    /// Whether there are no background threads: whoever needs something does it.
    pub(crate) is_stepped: bool,
    /// Held by what creates and drops indices, so that a name is not taken twice.
    metadata: Mutex<()>,
    /// Keeps other processes out until the engine is closed.
    _lock: Box<dyn FsLock>,
    pub(crate) cache: crate::cache::PartialCache,
    pub(crate) disk: DiskWatch,
    pub(crate) retention_defaults: RetentionDefaults,
    /// When what is too old was last looked for.
    pub(crate) last_retention: AtomicI64,
    /// Bytes and documents that retention has deleted since the start.
    pub(crate) removed_bytes: AtomicU64,
    pub(crate) removed_docs: AtomicU64,
}

/// An index to be made.
pub(crate) struct NewIndex<'a> {
    pub(crate) name: &'a str,
    /// The data stream that it backs, with its generation.
    pub(crate) stream: Option<(String, u32)>,
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) settings: Value,
    pub(crate) aliases: &'a BTreeMap<String, Alias>,
    /// What a new stream says of its retention.
    pub(crate) lifecycle: Option<StreamLifecycle>,
    /// The alias that writes to it from now on, and the uuid of the index that it wrote to.
    pub(crate) in_place_of: Option<(&'a str, &'a str)>,
}

impl<'a> NewIndex<'a> {
    /// One that is no backing index and takes nobody's place.
    pub(crate) fn plain(name: &'a str, mapping: Arc<Mapping>, settings: Value, aliases: &'a BTreeMap<String, Alias>) -> Self {
        Self { name, stream: None, mapping, settings, aliases, lifecycle: None, in_place_of: None }
    }
}

struct Manifest {
    journal: Journal,
    state: ManifestState,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) indices: BTreeMap<IndexUuid, IndexState>,
    /// Index name → uuid, backing indices included.
    pub(crate) names: BTreeMap<String, IndexUuid>,
    /// Stream → its backing indices, oldest first; the last is written to.
    pub(crate) streams: BTreeMap<String, Vec<IndexUuid>>,
    /// Further names, with their members.
    pub(crate) aliases: BTreeMap<String, AliasRecord>,
    /// What new indices get.
    pub(crate) templates: Templates,
    /// What says how long documents are kept.
    pub(crate) lifecycles: Lifecycles,
    /// Bytes of rows that are being built into splits.
    pub(crate) building_bytes: usize,
    /// Of the newest frame: everything before it is durable when it is.
    pub(crate) last_ticket: Option<Ticket>,
    /// The sequence number that the next frame must get.
    pub(crate) next_seq: u64,
    /// Set when the log lost a frame that tails hold already; see [`Inner::append`].
    pub(crate) lost_from: Option<u64>,
    /// Splits that could not be opened, by index.
    damaged: HashMap<IndexUuid, usize>,
    /// Records of line formats appended since the start, by stream.
    pub(crate) appended: BTreeMap<&'static str, u64>,
}

impl State {
    pub(crate) fn tail_bytes(&self) -> usize {
        self.building_bytes + self.indices.values().map(|it| it.tail_bytes).sum::<usize>()
    }

    /// The index that a write to `name` goes to.
    pub(crate) fn write_index(&self, name: &str) -> Option<&IndexUuid> {
        self.names.get(name).or_else(|| self.streams.get(name).and_then(|it| it.last())).or_else(|| self.alias_write_index(name))
    }

    fn insert(&mut self, record: IndexRecord, splits: Vec<Arc<Split>>, position: u64, now: Timestamp) {
        let uuid = record.uuid.clone();
        self.names.insert(record.name.clone(), uuid.clone());
        if let Some((stream, _)) = &record.stream {
            let backing = self.streams.entry(stream.clone()).or_default();
            backing.push(uuid.clone());
        }
        self.indices.insert(uuid, IndexState::new(record, splits, position, now));
    }

    /// When a new index was started in the place of this one: for a backing index, when the next one was made.
    fn rolled_over(&self, index: &IndexState) -> Option<Timestamp> {
        let Some((stream, _)) = &index.record.stream else { return index.record.rolled_over };
        let backing = self.streams.get(stream)?;
        let at = backing.iter().position(|it| *it == index.record.uuid)?;
        Some(self.indices.get(backing.get(at + 1)?)?.record.created)
    }

    /// Oldest backing index first.
    fn sort_streams(&mut self) {
        let State { streams, indices, .. } = self;
        for backing in streams.values_mut() {
            backing.sort_by_key(|uuid| indices[uuid].record.stream.as_ref().map(|it| it.1));
        }
    }

    /// Splits of an index that could not be opened.
    pub(crate) fn damaged_splits(&self, uuid: &str) -> usize {
        self.damaged.get(uuid).copied().unwrap_or_default()
    }

    fn remove(&mut self, uuid: &str) -> Option<IndexState> {
        let index = self.indices.remove(uuid)?;
        self.names.remove(&index.record.name);
        if let Some((stream, _)) = &index.record.stream
            && let Some(backing) = self.streams.get_mut(stream)
        {
            backing.retain(|it| it != uuid);
            if backing.is_empty() {
                self.streams.remove(stream);
            }
        }
        Some(index)
    }
}

/// Stops the background threads when the last engine goes.
struct Background {
    inner: Arc<Inner>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

impl Drop for Background {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::SeqCst);
        self.inner.work.notify_all();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // A thread that panicked has said so already; there is nothing to save here that the log does not have.
            let _ = thread.join();
        }
    }
}

impl Written {
    pub(crate) fn new(inner: &Arc<Inner>, ticket: Ticket) -> Self {
        Self { inner: inner.clone(), ticket: Some(ticket) }
    }

    pub(crate) fn nothing(inner: &Arc<Inner>) -> Self {
        Self { inner: inner.clone(), ticket: None }
    }
}

impl Engine {
    /// Opens a data directory, replays what the log has beyond the splits, and starts the background threads.
    ///
    /// # Errors
    /// [`EngineError::DataDir`] when another process has the directory or a newer release wrote it; [`EngineError::Damaged`] when
    /// the manifest itself is damaged (everything else is set aside and told in [`Engine::recovery`]).
    pub fn open(options: EngineOptions) -> Result<Self, EngineError> {
        let EngineOptions { fs, data_dir, clock, formats, threads, background, retention, space, watermarks } = options;
        let lock = files::claim(&*fs, &data_dir)?;
        let mut recovery = Recovery::default();
        let (journal, records) = Journal::open(fs.clone(), &data_dir.join(MANIFEST_DIR), MANIFEST_PREFIX)?;
        let mut on_disk = ManifestState::from_records(&records)?;
        let open = if background { LocalLog::open } else { LocalLog::open_stepped };
        let (log, log_recovery) = open(fs.clone(), &data_dir.join(LOG_DIR), log_options(&on_disk, &data_dir))?;
        for damage in &log_recovery.damage {
            recovery.damage.push(format!(
                "log [{}] bytes {:?}, records {:?}: {}",
                damage.segment.display(),
                damage.range,
                damage.seqs_lost,
                damage.reason
            ));
        }
        let now = clock.now();
        let mut state = State { next_seq: log.next_seq(), ..State::default() };
        let mut next_split = 0;
        let mut known = Vec::new();
        for index in on_disk.indices.values_mut() {
            // A mapping that was told late may be from before the settings were changed.
            index.record.mapping = with_options(index.record.mapping.clone(), &index.record.settings)?;
            let mut splits = Vec::with_capacity(index.splits.len());
            for meta in index.splits.values() {
                next_split = next_split.max(meta.id.0 + 1);
                let path = data_dir.join(split_path(&index.record.uuid, meta.id));
                let opened = open_split(&fs, &path, &index.record, meta);
                known.push(path);
                match opened {
                    Ok(split) => splits.push(Arc::new(split)),
                    Err(error) => {
                        tracing::error!(index = index.record.name, split = meta.id.0, %error, "split can't be opened and is left out");
                        recovery.damage.push(format!("split {:016x} of index [{}]: {error}", meta.id.0, index.record.name));
                        *state.damaged.entry(index.record.uuid.clone()).or_default() += 1;
                    }
                }
            }
            state.insert(index.record.clone(), splits, index.position, now);
        }
        state.sort_streams();
        state.aliases = on_disk.aliases.clone();
        state.templates = on_disk.templates.clone();
        state.lifecycles = on_disk.lifecycles.clone();
        next_split = next_split.max(files::remove_unknown(&*fs, &data_dir, &known)?);
        let threads = if threads == 0 { std::thread::available_parallelism().map_or(2, |it| it.get()) } else { threads };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|it| format!("engine-{it}"))
            .stack_size(8 << 20)
            .build()
            .map_err(|error| EngineError::DataDir(format!("can't start threads: {error}")))?;
        let inner = Arc::new(Inner {
            clock,
            fs,
            data_dir,
            log: Arc::new(log),
            formats,
            pool,
            state: Mutex::new(state),
            drained: Condvar::new(),
            work: Condvar::new(),
            manifest: Mutex::new(Manifest { journal, state: on_disk }),
            commit: Mutex::new(()),
            next_split: AtomicU64::new(next_split),
            recovery: Mutex::new(Recovery::default()),
            stop: AtomicBool::new(false),
            is_stepped: !background,
            metadata: Mutex::new(()),
            _lock: lock,
            cache: crate::cache::PartialCache::new(),
            disk: DiskWatch::new(space, watermarks),
            retention_defaults: retention,
            last_retention: AtomicI64::new(now.0),
            removed_bytes: AtomicU64::new(0),
            removed_docs: AtomicU64::new(0),
        });
        recovery.replayed = inner.replay_log()?;
        *inner.recovery.lock().unwrap_or_else(PoisonError::into_inner) = recovery;
        let engine = Self { _background: Arc::new(Background { inner: inner.clone(), threads: Mutex::default() }), inner };
        engine.roll_over_outdated()?;
        if background {
            engine.start_threads();
        }
        Ok(engine)
    }

    /// What opening found.
    pub fn recovery(&self) -> Recovery {
        self.inner.recovery.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The engine's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Creates an index with a mapping (`None`: dynamic); its name, with the date filled in where the given one asks for one.
    ///
    /// # Errors
    /// [`EngineError::IndexExists`], [`EngineError::InvalidIndexName`].
    pub fn create_index(&self, name: &str, mapping: Option<Mapping>, settings: Value) -> Result<String, EngineError> {
        self.create_index_with(name, mapping, settings, &BTreeMap::new())
    }

    /// Creates an index that has aliases from the start.
    ///
    /// # Errors
    /// As [`Engine::create_index`] and [`Engine::update_aliases`]; nothing was created then.
    pub fn create_index_with(
        &self,
        name: &str,
        mapping: Option<Mapping>,
        settings: Value,
        aliases: &BTreeMap<String, Alias>,
    ) -> Result<String, EngineError> {
        let name = &*date_name::fill(name, self.now()).map_err(EngineError::IllegalArgument)?;
        check_index_name(name)?;
        if is_builtin_stream(name) {
            return Err(EngineError::IllegalArgument(format!(
                "cannot create index with name [{name}], because it matches with a built-in template that creates data streams only, use create data stream api instead"
            )));
        }
        self.inner.create(NewIndex::plain(name, Arc::new(mapping.unwrap_or_else(Mapping::dynamic)), settings, aliases))?;
        Ok(name.to_owned())
    }

    /// Creates a data stream. Built-in streams have the built-in mapping; others need one with `@timestamp`.
    ///
    /// # Errors
    /// As [`Engine::create_index`].
    pub fn create_data_stream(&self, name: &str, mapping: Option<Mapping>) -> Result<(), EngineError> {
        check_index_name(name)?;
        let mapping = match mapping {
            Some(mapping) => Arc::new(mapping),
            None => Mapping::builtin(),
        };
        self.create_stream(name, mapping, Value::Null, &BTreeMap::new(), None)
    }

    fn create_stream(
        &self,
        name: &str,
        mapping: Arc<Mapping>,
        settings: Value,
        aliases: &BTreeMap<String, Alias>,
        lifecycle: Option<StreamLifecycle>,
    ) -> Result<(), EngineError> {
        if self.inner.state().write_index(name).is_some() {
            return Err(EngineError::IndexExists(name.to_owned()));
        }
        let backing = backing_index_name(name, 1, self.now());
        self.inner.create(NewIndex { stream: Some((name.to_owned(), 1)), lifecycle, ..NewIndex::plain(&backing, mapping, settings, aliases) })
    }

    /// Creates an index or a data stream as its template says.
    ///
    /// # Errors
    /// As [`Engine::create_index`]; a template whose parts can't be used.
    pub fn create_composed(&self, name: &str, composed: Composed) -> Result<(), EngineError> {
        check_index_name(name)?;
        let mapping = composed.parts.mapping(composed.is_data_stream)?;
        let settings = Value::Object(composed.parts.settings);
        // `{index}` in an alias's name stands for the name of the new index.
        let aliases = composed.parts.aliases.into_iter().map(|(alias, settings)| (alias.replace("{index}", name), settings)).collect();
        if composed.is_data_stream {
            self.create_stream(name, Arc::new(mapping), settings, &aliases, composed.parts.lifecycle)
        } else {
            self.create_index_with(name, Some(mapping), settings, &aliases).map(drop)
        }
    }

    /// Creates what a write to `name` needs, if it is not there yet.
    pub(crate) fn ensure_index(&self, name: &str) -> Result<(), EngineError> {
        {
            let state = self.inner.state();
            state.check_alias_write(name)?;
            if state.write_index(name).is_some() {
                return Ok(());
            }
        }
        let composed = self.inner.state().templates.for_name(name);
        let created = match composed {
            _ if is_builtin_stream(name) => self.create_data_stream(name, None),
            Some(composed) if !composed.allows_auto_create => {
                return Err(EngineError::IllegalArgument(format!(
                    "no such index [{name}] and composable template [{}] forbids index auto creation",
                    composed.template
                )));
            }
            Some(composed) => self.create_composed(name, composed),
            None => self.create_index(name, None, Value::Null).map(drop),
        };
        match created {
            // Somebody else was faster.
            Err(EngineError::IndexExists(_)) => Ok(()),
            other => other,
        }
    }

    /// Deletes an index with its data.
    ///
    /// # Errors
    /// [`EngineError::IndexNotFound`]; [`EngineError::IllegalArgument`] for the write index of a data stream.
    pub fn delete_index(&self, name: &str) -> Result<(), EngineError> {
        let uuid = {
            let state = self.inner.state();
            let uuid = state.names.get(name).ok_or_else(|| EngineError::IndexNotFound(name.to_owned()))?;
            if let Some((stream, _)) = &state.indices[uuid].record.stream
                && state.streams[stream].last() == Some(uuid)
            {
                return Err(EngineError::IllegalArgument(format!(
                    "index [{name}] is the write index for data stream [{stream}] and cannot be deleted"
                )));
            }
            uuid.clone()
        };
        self.inner.drop_index(&uuid)
    }

    /// Deletes a data stream with all its backing indices.
    ///
    /// # Errors
    /// [`EngineError::IndexNotFound`].
    pub fn delete_data_stream(&self, name: &str) -> Result<(), EngineError> {
        let backing = self.inner.state().streams.get(name).cloned().ok_or_else(|| EngineError::IndexNotFound(name.to_owned()))?;
        backing.iter().try_for_each(|uuid| self.inner.drop_index(uuid))
    }

    /// Adds fields to the mapping of an index.
    ///
    /// # Errors
    /// [`EngineError::IndexNotFound`], [`EngineError::Mapping`].
    pub fn put_mapping(&self, name: &str, body: &Value) -> Result<(), EngineError> {
        let (uuid, mapping) = {
            let mut state = self.inner.state();
            let uuid = state.write_index(name).cloned().ok_or_else(|| EngineError::IndexNotFound(name.to_owned()))?;
            let index = state.indices.get_mut(&uuid).expect("names point at indices");
            let mut mapping = (*index.record.mapping).clone();
            mapping.merge_json(body)?;
            index.record.mapping = Arc::new(mapping);
            (uuid, index.record.mapping.clone())
        };
        self.inner.publish(vec![Edit::PutMapping { uuid, mapping }])
    }

    /// All indices, in the order of their names.
    pub fn indices(&self) -> Vec<IndexInfo> {
        let state = self.inner.state();
        let info = |uuid: &IndexUuid| {
            let index = &state.indices[uuid];
            IndexInfo {
                name: index.record.name.clone(),
                uuid: uuid.clone(),
                stream: index.record.stream.as_ref().map(|it| it.0.clone()),
                created: index.record.created,
                docs: index.docs_count(),
                docs_deleted: index.splits.iter().map(|it| u64::from(it.reader.num_deleted_docs())).sum(),
                bytes: index.bytes(),
                splits: index.splits.len(),
                settings: index.record.settings.clone(),
                mapping: index.record.mapping.clone(),
                is_closed: index.record.is_closed,
                damaged: state.damaged_splits(uuid),
                rolled_over: state.rolled_over(index),
            }
        };
        state.names.values().map(info).collect()
    }

    /// Data streams with the names of their backing indices, oldest first.
    pub fn data_streams(&self) -> BTreeMap<String, Vec<String>> {
        let state = self.inner.state();
        state
            .streams
            .iter()
            .map(|(stream, backing)| (stream.clone(), backing.iter().map(|it| state.indices[it].record.name.clone()).collect()))
            .collect()
    }

    /// Records of line formats appended since the start, by stream: a figure that only grows.
    pub fn appended(&self) -> BTreeMap<&'static str, u64> {
        self.inner.state().appended.clone()
    }

    /// Where it is.
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// Bytes of the log on disk.
    pub fn log_bytes(&self) -> u64 {
        self.inner.log.stats().bytes
    }

    /// A stream whose backing index has the built-in mapping of an older release gets a new one.
    fn roll_over_outdated(&self) -> Result<(), EngineError> {
        let outdated: Vec<String> = {
            let state = self.inner.state();
            let is_outdated =
                |backing: &Vec<IndexUuid>| backing.last().is_some_and(|it| !crate::write::has_builtin_fields(&state.indices[it].record.mapping));
            state.streams.iter().filter(|(name, backing)| is_builtin_stream(name) && is_outdated(backing)).map(|it| it.0.clone()).collect()
        };
        outdated.iter().try_for_each(|stream| self.inner.roll_over(stream, None, &TemplateParts::default()).map(drop))
    }

    fn start_threads(&self) {
        type Job = fn(&Inner) -> Result<bool, EngineError>;
        let jobs: [(&str, Job); 2] = [("refresh", Inner::refresh_due), ("commit", Inner::commit_due)];
        let mut threads = self._background.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, job) in jobs {
            let inner = self.inner.clone();
            let body = move || {
                while !inner.stop.load(Ordering::SeqCst) {
                    match job(&inner) {
                        // While there is work a pause would leave a core idle and the writers waiting.
                        Ok(true) => continue,
                        Ok(false) => {}
                        Err(error) => {
                            tracing::error!(job = name, %error, "background work failed; it is tried again");
                            std::thread::sleep(Duration::from_secs(1));
                        }
                    }
                    let state = inner.state();
                    let _ = inner.work.wait_timeout(state, TICK);
                }
            };
            threads.push(
                std::thread::Builder::new().name(format!("engine-{name}")).stack_size(8 << 20).spawn(body).expect("the system can start a thread"),
            );
        }
    }
}

pub(crate) const MANIFEST_DIR: &str = "manifest";
pub(crate) const MANIFEST_PREFIX: &str = "MANIFEST";
pub(crate) const LOG_DIR: &str = "log";

/// Bytes of the manifest at which it is written anew as a snapshot.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;

impl Inner {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn commit_lock(&self) -> MutexGuard<'_, ()> {
        self.commit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn build_lock_of(&self, uuid: &str) -> Option<Arc<Mutex<()>>> {
        self.state().indices.get(uuid).map(|it| it.build.clone())
    }

    pub(crate) fn new_split_id(&self) -> SplitId {
        SplitId(self.next_split.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn fs(&self) -> &Arc<dyn Fs> {
        &self.fs
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The directory of a split.
    pub(crate) fn split_dir(&self, uuid: &str, id: SplitId) -> PathBuf {
        self.data_dir.join(split_path(uuid, id))
    }

    /// Hands a frame to the log, in the order of the state lock.
    ///
    /// A log that had no space loses the frames it had taken and gives their numbers again. Their documents are in tails by then, and their
    /// deletions may be noted, so the engine takes no more writes until it is opened again: that restores exactly what is durable.
    pub(crate) fn append(&self, state: &mut State, kind: u8, count: u32, payload: &[u8]) -> Result<(u64, Ticket), EngineError> {
        self.check_writable(state)?;
        let appended = self.log.append(kind, count, payload)?;
        if appended.first_seq != state.next_seq {
            state.lost_from = Some(appended.first_seq);
            self.check_writable(state)?;
        }
        state.next_seq += u64::from(count);
        state.last_ticket = Some(appended.ticket.clone());
        Ok((appended.first_seq, appended.ticket))
    }

    /// Refuses where the log has lost what tails hold.
    pub(crate) fn check_writable(&self, state: &State) -> Result<(), EngineError> {
        match state.lost_from {
            Some(seq) => Err(EngineError::Unavailable(LogError::Failed {
                reason: format!("writes from {seq} on could not be stored; start again to go on").into(),
            })),
            None => Ok(()),
        }
    }

    /// Waits while the tails hold more than [`TAIL_BYTES_MAX`].
    pub(crate) fn wait_for_room(&self) {
        let mut state = self.state();
        while state.tail_bytes() >= TAIL_BYTES_MAX && !self.stop.load(Ordering::SeqCst) {
            self.work.notify_all();
            let (next, timeout) = self.drained.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() && state.tail_bytes() >= TAIL_BYTES_MAX && self.is_stepped {
                drop(state);
                // Nobody else will make room.
                let _ = self.refresh_due();
                return;
            }
        }
    }

    /// Wakes the background threads when a tail is large enough for a split.
    pub(crate) fn wake(&self, state: &State) {
        if state.indices.values().any(|it| it.tail_bytes >= TAIL_SPLIT_BYTES) {
            self.work.notify_all();
        }
    }

    pub(crate) fn notify_drained(&self) {
        self.drained.notify_all();
    }

    fn replay_log(&self) -> Result<u64, EngineError> {
        let from = self.state().indices.values().map(|it| it.position).min().unwrap_or(u64::MAX);
        let mut replayed = 0;
        self.log.try_replay(from, |frame: Frame<'_>| {
            replayed += self.replay(&frame)?;
            self.refresh_due().map(drop)
        })?;
        Ok(replayed)
    }

    /// Appends edits to the manifest as one record, synced, and keeps its state.
    pub(crate) fn publish(&self, edits: Vec<Edit>) -> Result<(), EngineError> {
        let mut manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        manifest.journal.append(&manifest::encode(&edits))?;
        edits.into_iter().for_each(|it| manifest.state.apply(it));
        if manifest.journal.bytes() > MANIFEST_BYTES_MAX {
            let snapshot = manifest::encode(&manifest.state.snapshot());
            // A snapshot larger than the limit itself must not be written again at each record.
            if (snapshot.len() as u64) < MANIFEST_BYTES_MAX / 2 || manifest.journal.bytes() > 4 * snapshot.len() as u64 {
                manifest.journal.rewrite([snapshot])?;
            }
        }
        Ok(())
    }

    /// What the manifest on disk says now.
    pub(crate) fn manifest_state(&self) -> ManifestState {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner).state.clone()
    }

    /// Edits for what has changed in memory since the manifest's last record of it: the mapping, and deletions in splits on disk.
    pub(crate) fn changed_metadata(&self, uuid: &str, disk: &[Arc<Split>]) -> Vec<Edit> {
        let record = self.state().indices.get(uuid).map(|it| it.record.clone());
        let manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(record), Some(known)) = (record, manifest.state.indices.get(uuid)) else { return Vec::new() };
        let mut edits = Vec::new();
        if known.record.mapping.fields().len() != record.mapping.fields().len() {
            edits.push(Edit::PutMapping { uuid: uuid.to_owned(), mapping: record.mapping });
        }
        for split in disk {
            if known.splits.get(&split.meta.id).is_some_and(|it| it.deleted != split.meta.deleted) {
                edits.push(Edit::PutSplit { uuid: uuid.to_owned(), split: split.meta.clone() });
            }
        }
        edits
    }

    /// Removes the log's segments that no index needs any more.
    pub(crate) fn truncate_log(&self) -> Result<(), EngineError> {
        let keep = {
            let state = self.state();
            let next = state.next_seq;
            state.indices.values().map(|it| if it.is_uncommitted() { it.position } else { next }).min().unwrap_or(next)
        };
        self.log.truncate_before(keep)?;
        Ok(())
    }

    pub(crate) fn metadata_lock(&self) -> MutexGuard<'_, ()> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn create(&self, new: NewIndex<'_>) -> Result<(), EngineError> {
        let NewIndex { name, stream, mapping, settings, aliases, lifecycle, in_place_of } = new;
        let _metadata = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        let mapping = with_options(mapping, &settings)?;
        // The manifest knows before the state does: a crash in between leaves an empty index.
        let now = self.clock.now();
        let uuid = format!("{:016x}{:06x}", now.0, self.new_split_id().0);
        let (position, aliases, replaced) = {
            let state = self.state();
            if state.names.contains_key(name)
                || state.streams.contains_key(name)
                || stream.as_ref().is_some_and(|it| it.1 == 1 && state.streams.contains_key(&it.0))
            {
                return Err(EngineError::IndexExists(stream.map_or(name.to_owned(), |it| it.0)));
            }
            let wanted = stream.as_ref().map_or(name, |it| it.0.as_str());
            if state.aliases.contains_key(wanted) {
                return Err(EngineError::InvalidIndexName { name: wanted.to_owned(), reason: "already exists as alias" });
            }
            let member = stream.as_ref().map_or_else(|| Member::Index(uuid.clone()), |it| Member::Stream(it.0.clone()));
            let mut changed = state.aliases_with(wanted, &member, aliases)?;
            let mut replaced = None;
            if let Some((alias, old)) = in_place_of {
                let old = state.indices.get(old).ok_or_else(|| EngineError::IndexNotFound(alias.to_owned()))?;
                changed.insert(alias.to_owned(), state.alias_moved(alias, &old.record.uuid, &uuid)?);
                replaced = Some(IndexRecord { rolled_over: Some(now), ..old.record.clone() });
            }
            (state.next_seq, changed, replaced)
        };
        let record =
            IndexRecord { uuid: uuid.clone(), name: name.to_owned(), stream, created: now, settings, mapping, is_closed: false, rolled_over: None };
        let mut edits = vec![Edit::PutIndex { index: record.clone() }, Edit::Position { uuid, seq: position }];
        edits.extend(aliases.iter().map(|(name, record)| alias::edit(name, record.clone())));
        let begun = record.stream.as_ref().filter(|_| lifecycle.is_some()).map(|it| it.0.clone());
        edits.extend(begun.iter().map(|it| Edit::PutStreamLifecycle { stream: it.clone(), lifecycle: lifecycle.clone() }));
        edits.extend(replaced.iter().map(|it| Edit::PutIndex { index: it.clone() }));
        self.publish(edits)?;
        let mut state = self.state();
        begun.iter().for_each(|it| state.lifecycles.put_stream(it, lifecycle.clone()));
        state.insert(record, Vec::new(), position, now);
        aliases.into_iter().for_each(|(name, record)| state.put_alias(name, record));
        if let Some(index) = replaced.and_then(|it| state.indices.get_mut(&it.uuid)) {
            index.record.rolled_over = Some(now);
        }
        Ok(())
    }

    pub(crate) fn drop_index(&self, uuid: &str) -> Result<(), EngineError> {
        let _metadata = self.metadata_lock();
        let (aliases, ended) = {
            let state = self.state();
            let mut gone = vec![Member::Index(uuid.to_owned())];
            let stream = state.indices.get(uuid).and_then(|it| it.record.stream.as_ref()).map(|it| &it.0);
            // The last backing index takes the stream's aliases and its lifecycle with it.
            let ended = stream.filter(|it| state.streams[*it].len() == 1).cloned();
            gone.extend(ended.iter().map(|it| Member::Stream(it.clone())));
            (state.aliases_without(&gone), ended)
        };
        let mut edits = vec![Edit::DropIndex { uuid: uuid.to_owned() }];
        edits.extend(aliases.iter().map(|(name, record)| alias::edit(name, record.clone())));
        edits.extend(ended.iter().map(|it| Edit::PutStreamLifecycle { stream: it.clone(), lifecycle: None }));
        self.publish(edits)?;
        let mut state = self.state();
        ended.iter().for_each(|it| state.lifecycles.put_stream(it, None));
        aliases.into_iter().for_each(|(name, record)| state.put_alias(name, record));
        drop(state);
        self.forget_index(uuid);
        Ok(())
    }

    /// Removes an index that the manifest does not name any more from memory, and its files.
    pub(crate) fn forget_index(&self, uuid: &str) {
        let index = self.state().remove(uuid);
        for split in index.into_iter().flat_map(|it| it.splits).filter(|it| !it.is_ram()) {
            self.remove_later(uuid, split);
        }
        self.notify_drained();
    }

    /// Unlinks the files of a split that the manifest does not name any more. Searches that still read it have its files open.
    pub(crate) fn remove_later(&self, uuid: &str, split: Arc<Split>) {
        if let Err(error) = files::remove(&*self.fs, &self.split_dir(uuid, split.meta.id)) {
            // The next start removes what no manifest names.
            tracing::warn!(split = split.meta.id.0, %error, "files of a replaced split could not be removed");
        }
    }
}

fn open_split(fs: &Arc<dyn Fs>, path: &Path, record: &IndexRecord, meta: &SplitMeta) -> Result<Split, EngineError> {
    files::verify(&**fs, path, &meta.files)?;
    Ok(Split::open(meta.clone(), &record.mapping, files::open(fs, path)?, 0)?)
}

/// The mapping, heeding the settings.
fn with_options(mut mapping: Arc<Mapping>, settings: &Value) -> Result<Arc<Mapping>, EngineError> {
    let options = settings.as_object().map(IndexOptions::with_analysis).transpose()?.unwrap_or_default();
    if mapping.options != options {
        Arc::make_mut(&mut mapping).options = options;
    }
    Ok(mapping)
}

/// Settings without what keeps the index from being used.
pub(crate) fn without_blocks(settings: &Value) -> Value {
    let Some(settings) = settings.as_object() else { return Value::Null };
    Value::Object(settings.iter().filter(|it| !it.0.starts_with("index.blocks.")).map(|(name, value)| (name.clone(), value.clone())).collect())
}

pub(crate) fn check_index_name(name: &str) -> Result<(), EngineError> {
    check_name(name).map_err(|reason| EngineError::InvalidIndexName { name: name.to_owned(), reason })
}

/// Elasticsearch's rules for the names of indices, data streams and aliases; what is wrong with it.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    let refuse = Err;
    if name.is_empty() {
        return refuse("must not be empty");
    }
    if name.len() > 255 {
        return refuse("index name is too long, (must be at most 255 bytes)");
    }
    if name.chars().any(char::is_uppercase) {
        return refuse("must be lowercase");
    }
    if name.starts_with(['_', '-', '+']) {
        return refuse("must not start with '_', '-', or '+'");
    }
    if name == "." || name == ".." {
        return refuse("must not be '.' or '..'");
    }
    if name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':']) || name.chars().any(char::is_control) {
        return refuse("must not contain the following characters [' ','\"','*','\\','<','|',',','>','/','?',':','#']");
    }
    Ok(())
}
