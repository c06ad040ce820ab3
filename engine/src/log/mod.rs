//! The durable, ordered log: the truth that splits are an index of.
//!
//! Everything above sees [`Log`] only, so that one machine's file ([`LocalLog`]) and a cluster's replicated stream can take each
//! other's place. Positions are sequence numbers of records, not of frames.

mod frame;
mod local;

pub use frame::{Frame, HEADER_BYTES, PAYLOAD_BYTES_MAX, Scanned, encode, find_next, scan};
pub use local::LocalLog;

use crate::fs::FsError;

/// Why the log could not do something.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// The disk refused a write or a sync. It is final: after a failed sync nothing is known of what was written, so the log takes no
    /// more writes until the process is started again.
    #[error("{0}")]
    Failed(String),
    /// The log is being closed.
    #[error("the log is closed")]
    Closed,
}

impl From<FsError> for LogError {
    fn from(error: FsError) -> Self {
        LogError::Failed(error.to_string())
    }
}

/// Something to wait for: everything below this sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A frame that was taken.
#[derive(Clone, Copy, Debug)]
pub struct Appended {
    /// Sequence number of its first record.
    pub first_seq: u64,
    /// To wait for its durability.
    pub ticket: Ticket,
}

/// What to call when a frame is durable, or the log has failed.
pub type OnSynced = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// The size of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Bytes on disk.
    pub bytes: u64,
    /// Segment files.
    pub segments: usize,
}

/// What opening a log found.
#[derive(Clone, Debug, Default)]
pub struct LogRecovery {
    /// Bytes of a torn last write that were cut off; nothing in them was acknowledged.
    pub torn_bytes: u64,
    /// Ranges that are damaged although valid frames follow; they are kept in `quarantine/`.
    pub damage: Vec<Damage>,
}

/// A damaged range of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment file.
    pub segment: String,
    /// Byte range in it.
    pub range: std::ops::Range<u64>,
    /// Sequence numbers that are lost with it.
    pub seqs: std::ops::Range<u64>,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "log segment {}: bytes {}..{} are damaged, records {}..{} are lost",
            self.segment, self.range.start, self.range.end, self.seqs.start, self.seqs.end
        )
    }
}

/// A durable ordered sequence of records, written in frames.
pub trait Log: Send + Sync {
    /// Takes a frame of `count` records: it gets the next sequence numbers, and its place in the order is fixed. Does not wait for the
    /// disk, unless more than the log's queue is waiting already.
    ///
    /// # Errors
    /// [`LogError`]; the frame was not taken.
    fn append(&self, kind: u8, count: u32, payload: &[u8]) -> Result<Appended, LogError>;

    /// Waits until a frame is durable.
    ///
    /// # Errors
    /// [`LogError::Failed`]: it is not, and never will be known to be.
    fn wait(&self, ticket: Ticket) -> Result<(), LogError>;

    /// Waits until every record below `seq` is durable.
    ///
    /// # Errors
    /// As [`Log::wait`].
    fn wait_synced(&self, seq: u64) -> Result<(), LogError> {
        self.wait(Ticket(seq))
    }

    /// Calls back when a frame is durable or the log has failed, at once where that is so already.
    fn on_synced(&self, ticket: Ticket, done: OnSynced);

    /// The sequence number that the next record gets.
    fn next_seq(&self) -> u64;

    /// Reads durable frames in order, from the one that holds `from` (which may begin before it).
    ///
    /// # Errors
    /// What `read` answers, or a failure of the disk.
    fn replay(&self, from: u64, read: &mut dyn FnMut(Frame<'_>) -> Result<(), crate::EngineError>) -> Result<(), crate::EngineError>;

    /// Lets everything below `seq` go. Called after the manifest that covers it is durable.
    ///
    /// # Errors
    /// [`LogError::Failed`] when a file can't be removed.
    fn truncate_before(&self, seq: u64) -> Result<(), LogError>;

    /// Its size now.
    fn stats(&self) -> LogStats;
}
