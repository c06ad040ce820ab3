//! The durable, ordered log: the truth of which every shard is an index.
//!
//! A batch of records is acknowledged when the log has it on disk. Records are numbered without gaps; a *frame* carries one
//! batch, so it covers `first_seq..first_seq + count`. What a frame's payload means is the caller's business: the log
//! never looks inside. Nothing above the [`Log`] trait knows whether it is a local file ([`LocalLog`]), memory ([`MemLog`]) or a
//! replicated stream.
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use sekisho_engine::fs::SimFs;
//! use sekisho_engine::log::{LocalLog, Log, LogOptions};
//!
//! let (log, recovery) = LocalLog::open(Arc::new(SimFs::new(1)), Path::new("/log"), LogOptions::default())?;
//! assert!(recovery.damage.is_empty());
//! let appended = log.append(0, 2, b"two records")?;
//! log.wait(&appended.ticket)?; // from here on a power cut can't take them
//! assert_eq!((appended.first_seq, log.synced_seq()), (1, 3));
//! # Ok::<(), sekisho_engine::log::LogError>(())
//! ```
//!
//! The bytes on disk: `docs/format/log.md`.

pub mod frame;
pub(crate) mod header;
mod local;
mod mem;
mod recovery;
mod segment;
mod ticket;
mod writer;

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use frame::Frame;
pub use local::LocalLog;
pub use mem::MemLog;
pub use recovery::{Damage, Recovery, TornTail};
pub(crate) use segment::walk;
pub use ticket::{Completion, Ticket};

/// The number of the first record of a new log.
pub const FIRST_SEQ: u64 = 1;

/// An append-only sequence of frames. Every method may be called from several threads.
pub trait Log: Send + Sync {
    /// Puts a frame of `count` records at the end and gives it the next numbers. Returns before it is durable; blocks only while
    /// the queue is full.
    ///
    /// # Errors
    /// [`LogError::TooLarge`] and [`LogError::Empty`] for a frame that can't be; [`LogError::Failed`] and [`LogError::Closed`] when the
    /// log takes no more.
    fn append(&self, kind: u8, count: u32, payload: &[u8]) -> Result<Appended, LogError>;

    /// Blocks until the frame behind the ticket is durable.
    ///
    /// # Errors
    /// The reason why it never will be; the frame's records are then not in the log, and their numbers may be given again.
    fn wait(&self, ticket: &Ticket) -> Result<(), LogError>;

    /// Calls `f` once the frame behind the ticket is durable or lost; at once when that is already known. `f` runs on the log's
    /// own thread: it must be short and must not append.
    fn on_synced(&self, ticket: &Ticket, f: Box<dyn FnOnce(Result<(), LogError>) + Send>) {
        ticket.on_done(f);
    }

    /// The first record still kept; equal to [`Log::next_seq`] when there is none.
    fn first_seq(&self) -> u64;

    /// The number the next record gets.
    fn next_seq(&self) -> u64;

    /// End (exclusive) of what is durable.
    fn synced_seq(&self) -> u64;

    /// Hands over the durable frames from `from_seq` on, in order, until `f` breaks. A frame that straddles `from_seq` comes whole: the
    /// caller skips its front. Frames appended meanwhile may or may not be among them.
    ///
    /// # Errors
    /// [`LogError::Io`] when a file can't be read. Damage is not an error here: opening reported it.
    fn replay(&self, from_seq: u64, f: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>) -> Result<(), LogError>;

    /// Gives up records before `seq` where that frees space, and returns the bytes freed. Call it only after what covers them is
    /// itself durable.
    ///
    /// # Errors
    /// [`LogError::Io`]; what was not removed is removed by a later call.
    fn truncate_before(&self, seq: u64) -> Result<u64, LogError>;

    /// Figures for `/metrics`.
    fn stats(&self) -> LogStats;
}

impl dyn Log + '_ {
    /// [`Log::replay`] for a callback that can fail.
    ///
    /// # Errors
    /// The first error of `f`, or the log's own.
    pub fn try_replay<E: From<LogError>>(&self, from_seq: u64, mut f: impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut outcome = Ok(());
        self.replay(from_seq, &mut |frame| match f(frame) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        })?;
        outcome
    }
}

/// What [`Log::append`] returns.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The number of the frame's first record.
    pub first_seq: u64,
    /// Tells when the frame is durable.
    pub ticket: Ticket,
}

/// A log's figures since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Bytes on disk (`sekisho_wal_bytes`).
    pub bytes: u64,
    /// Files on disk.
    pub segments: u64,
    /// Payload bytes appended and not yet durable.
    pub queue_bytes: u64,
    /// Frames made durable.
    pub frames: u64,
    /// `fdatasync` calls made for them: frames / syncs is the yield of the group commit.
    pub syncs: u64,
    /// Whether the log has failed and takes no more.
    pub is_failed: bool,
}

/// Why a log refuses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// One frame is larger than any reader would accept.
    #[error("a log frame of {bytes} bytes is over the limit of {bytes_max}")]
    TooLarge {
        /// Bytes of the payload.
        bytes: usize,
        /// The limit, [`frame::PAYLOAD_BYTES_MAX`].
        bytes_max: usize,
    },
    /// A frame without records would have no place in the numbering.
    #[error("a log frame holds at least one record")]
    Empty,
    /// The disk or the quota is full. The frame is not in the log; appending again tries the disk again.
    #[error("no space left on the log's disk")]
    NoSpace,
    /// A write or a sync failed. That is final until the log is opened again: after a failed sync nobody knows what the disk
    /// holds, and a second sync may answer success for data that is gone.
    #[error("the log failed and takes no records until it is opened again: {reason}")]
    Failed {
        /// The first failure.
        reason: Arc<str>,
    },
    /// The log was closed while the frame was on its way.
    #[error("the log is closed")]
    Closed,
    /// A file of a later format. Nothing was touched.
    #[error("[{}] has log format {version}; this version reads up to {}", path.display(), header::VERSION)]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u8,
    },
    /// The file system refused.
    #[error("can't {action} [{}]: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The operating system's word.
        source: Arc<io::Error>,
    },
}

impl LogError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: Arc::new(source) }
    }

    /// Whether waiting helps: the frame was refused for lack of space alone.
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::NoSpace => true,
            Self::Io { source, .. } => crate::fs::is_no_space(source),
            Self::TooLarge { .. } | Self::Empty | Self::Failed { .. } | Self::Closed | Self::Version { .. } => false,
        }
    }
}

/// How a [`LocalLog`] works. The defaults are for production; tests make things small.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The caller has durably published records up to, and without, this number. The log continues at least there, even when its own
    /// end is lost: a number must never be given twice. Then the records between are reported as lost.
    pub seq_floor: u64,
    /// A segment is closed when a write would take it over this. 64 MiB: a whole segment is read into memory to verify it, and
    /// retention frees space in steps of one.
    pub segment_bytes_max: u64,
    /// Appended bytes not yet durable. 64 MiB: two of the largest frames, and several seconds of a slow disk. `append` blocks at it.
    pub queue_bytes_max: usize,
    /// How long the first frame of a group may wait for company. 1 ms: about one sync of a good SSD, unnoticed by a sender.
    pub gather_time: Duration,
    /// A group that large goes at once. 1 MiB: the sync is then a small part of the write.
    pub gather_bytes: usize,
    /// The largest single write, above one frame. 4 MiB: bounds the copy and the time to the sync.
    pub write_bytes_max: usize,
    /// Where damaged bytes are set aside; `quarantine` inside the log's directory when `None`.
    pub quarantine_dir: Option<PathBuf>,
    /// Seed of the salts in the file headers; from the operating system when `None`. For replays.
    pub salt_seed: Option<u64>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            seq_floor: FIRST_SEQ,
            segment_bytes_max: 64 << 20,
            queue_bytes_max: 64 << 20,
            gather_time: Duration::from_millis(1),
            gather_bytes: 1 << 20,
            write_bytes_max: 4 << 20,
            quarantine_dir: None,
            salt_seed: None,
        }
    }
}
