//! Where records go: the door between listeners and whatever makes lines durable.
//!
//! The server's sink appends to the engine's log; tests use one in memory. A sink slows its callers down by blocking: that is the
//! back-pressure which at last stops the sockets from being read.
//!
//! ```
//! use sekisho_ingest::sink::{LineSink, Receipt, Refused, Settle};
//!
//! struct Counting(std::sync::atomic::AtomicUsize);
//!
//! impl LineSink for Counting {
//!     fn submit(&self, records: &[Vec<u8>]) -> Result<Receipt, Refused> {
//!         self.0.fetch_add(records.len(), std::sync::atomic::Ordering::Relaxed);
//!         let (settle, receipt) = Receipt::pending();
//!         // A real sink hands `settle` to its log, which calls it after the sync.
//!         settle.settle(Ok(()));
//!         Ok(receipt)
//!     }
//! }
//! ```

use tokio::sync::oneshot;

/// Takes encoded records ([`crate::Envelope::encode`]) and makes them durable.
pub trait LineSink: Send + Sync + 'static {
    /// Takes a batch, in order. Called on a thread that may block, and blocks while the store is behind.
    ///
    /// # Errors
    /// [`Refused`] when nothing of the batch was taken; it will be offered again.
    fn submit(&self, records: &[Vec<u8>]) -> Result<Receipt, Refused>;
}

/// A batch that was not taken: the disk is full, the log is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("batch refused: {0}")]
pub struct Refused(pub String);

/// A batch that was taken and may not have become durable. It is not offered again, because it might be stored twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("batch may be lost: {0}")]
pub struct Lost(pub String);

/// What a sink gives for a batch: it tells when the batch is durable.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<(), Lost>>);

/// The sink's side of a receipt. Dropped without a word, the batch counts as lost.
#[derive(Debug)]
pub struct Settle(oneshot::Sender<Result<(), Lost>>);

impl Receipt {
    /// A receipt that is settled later, from any thread.
    pub fn pending() -> (Settle, Receipt) {
        let (sender, receiver) = oneshot::channel();
        (Settle(sender), Receipt(receiver))
    }

    /// Waits until the batch is durable.
    ///
    /// # Errors
    /// [`Lost`] when that can't be said.
    pub async fn wait(self) -> Result<(), Lost> {
        self.0.await.unwrap_or_else(|_| Err(Lost("the sink went away".to_owned())))
    }

    /// Waits on a thread of its own, outside of a runtime.
    ///
    /// # Errors
    /// [`Lost`] when it can't be said that the batch is durable.
    pub fn wait_blocking(self) -> Result<(), Lost> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(Lost("the sink went away".to_owned())))
    }
}

impl Settle {
    /// Says what became of the batch. Nobody may be waiting any more; that is fine.
    pub fn settle(self, outcome: Result<(), Lost>) {
        let _ = self.0.send(outcome);
    }
}
