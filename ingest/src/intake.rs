//! Between sockets and sink: gathers the records of all connections into batches, bounds what waits, and tells each connection when
//! everything of it is durable.
//!
//! A connection stays on one lane, so its lines keep their order; a lane gives one batch at a time to the sink. A batch goes after
//! [`Limits::batch_bytes`] or [`Limits::batch_delay`]. Records wait within [`Limits::waiting_bytes_max`]; whoever would exceed it
//! waits and does not read its socket. A refused batch is kept and offered again; nothing is thrown away here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, warn};

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::sink::{LineSink, Lost};

/// Parcels that wait in one lane; their bytes are bounded besides.
const PARCELS_WAITING: usize = 1_024;

/// The lanes to one sink.
#[derive(Debug)]
pub(crate) struct Intake {
    lanes: Vec<mpsc::Sender<Parcel>>,
    next: AtomicUsize,
    budget: Arc<Semaphore>,
    budget_bytes: usize,
}

/// Records of one connection.
#[derive(Debug)]
struct Parcel {
    records: Vec<Vec<u8>>,
    bytes: usize,
    /// The bytes' share of the budget, given back when the sink has taken them.
    room: OwnedSemaphorePermit,
    waiting: Arc<Waiting>,
}

/// What one connection has under way.
#[derive(Debug, Default)]
struct Waiting {
    parcels: AtomicUsize,
    is_lost: AtomicBool,
    changed: Notify,
}

impl Waiting {
    fn settle(&self, outcome: &Result<(), Lost>) {
        if outcome.is_err() {
            self.is_lost.store(true, Ordering::Release);
        }
        if self.parcels.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.changed.notify_waiters();
        }
    }
}

/// One connection's way in.
#[derive(Debug)]
pub(crate) struct Lane {
    sender: mpsc::Sender<Parcel>,
    budget: Arc<Semaphore>,
    budget_bytes: usize,
    waiting: Arc<Waiting>,
}

impl Intake {
    /// Starts the lanes, which live as long as somebody can send. Needs a runtime.
    pub(crate) fn start(sink: Arc<dyn LineSink>, limits: &Limits, metrics: Arc<Metrics>) -> Self {
        // A permit is a byte; a `u32` must hold the largest request.
        let budget_bytes = limits.waiting_bytes_max.clamp(1, u32::MAX as usize);
        let lanes = (0..limits.lanes.max(1))
            .map(|_| {
                let (sender, receiver) = mpsc::channel(PARCELS_WAITING);
                let batcher = Batcher { receiver, sink: sink.clone(), limits: limits.clone(), metrics: metrics.clone() };
                tokio::spawn(batcher.run());
                sender
            })
            .collect();
        Self { lanes, next: AtomicUsize::new(0), budget: Arc::new(Semaphore::new(budget_bytes)), budget_bytes }
    }

    /// A way in for a new connection.
    pub(crate) fn lane(&self) -> Lane {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len();
        Lane { sender: self.lanes[at].clone(), budget: self.budget.clone(), budget_bytes: self.budget_bytes, waiting: Arc::default() }
    }
}

impl Lane {
    /// Sends records on their way; waits while too much is waiting.
    pub(crate) async fn send(&self, records: Vec<Vec<u8>>) {
        if records.is_empty() {
            return;
        }
        let bytes = records.iter().map(Vec::len).sum::<usize>();
        let share = bytes.min(self.budget_bytes) as u32;
        let room = self.budget.clone().acquire_many_owned(share).await.expect("the budget is never closed");
        self.waiting.parcels.fetch_add(1, Ordering::AcqRel);
        let parcel = Parcel { records, bytes, room, waiting: self.waiting.clone() };
        if let Err(mpsc::error::SendError(parcel)) = self.sender.send(parcel).await {
            // Only when the runtime is being torn down.
            parcel.waiting.settle(&Err(Lost("the intake went away".to_owned())));
        }
    }

    /// Waits until everything sent so far is durable.
    pub(crate) async fn durable(&self) -> Result<(), Lost> {
        loop {
            let changed = self.waiting.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.waiting.parcels.load(Ordering::Acquire) == 0 {
                break;
            }
            changed.await;
        }
        if self.waiting.is_lost.load(Ordering::Acquire) { Err(Lost("some lines may not be durable".to_owned())) } else { Ok(()) }
    }
}

/// The far end of a lane.
struct Batcher {
    receiver: mpsc::Receiver<Parcel>,
    sink: Arc<dyn LineSink>,
    limits: Limits,
    metrics: Arc<Metrics>,
}

/// What goes to the sink in one piece.
struct Batch {
    records: Vec<Vec<u8>>,
    bytes: usize,
    room: Vec<OwnedSemaphorePermit>,
    waiting: Vec<Arc<Waiting>>,
}

impl Batch {
    fn add(&mut self, parcel: Parcel) {
        self.records.extend(parcel.records);
        self.bytes += parcel.bytes;
        self.room.push(parcel.room);
        self.waiting.push(parcel.waiting);
    }
}

impl Batcher {
    async fn run(mut self) {
        while let Some(first) = self.receiver.recv().await {
            let deadline = Instant::now() + self.limits.batch_delay;
            let mut batch = Batch { records: Vec::new(), bytes: 0, room: Vec::new(), waiting: Vec::new() };
            batch.add(first);
            while batch.bytes < self.limits.batch_bytes {
                match timeout_at(deadline, self.receiver.recv()).await {
                    Ok(Some(parcel)) => batch.add(parcel),
                    Ok(None) | Err(_) => break,
                }
            }
            self.submit(batch).await;
        }
    }

    /// Gives a batch to the sink, as often as it takes. Others of this lane wait meanwhile, so lines keep their order.
    async fn submit(&self, batch: Batch) {
        let Batch { mut records, bytes: _, room, waiting } = batch;
        let lines = records.len() as u64;
        let receipt = loop {
            let sink = self.sink.clone();
            let attempt = tokio::task::spawn_blocking(move || (sink.submit(&records), records)).await;
            match attempt {
                Ok((Ok(receipt), _)) => break Ok(receipt),
                Ok((Err(refused), kept)) => {
                    self.metrics.batches_refused.add(1);
                    warn!(lines, reason = %refused, "batch refused, senders wait");
                    records = kept;
                    sleep(self.limits.refused_pause).await;
                }
                // The sink panicked: whether it took the batch is unknown, and offering it again might panic for ever.
                Err(failure) => break Err(Lost(failure.to_string())),
            }
        };
        drop(room);
        let metrics = self.metrics.clone();
        tokio::spawn(async move {
            let outcome = match receipt {
                Ok(receipt) => receipt.wait().await,
                Err(lost) => Err(lost),
            };
            if let Err(lost) = &outcome {
                metrics.lines_lost.add(lines);
                error!(lines, reason = %lost, "lines may be lost");
            }
            waiting.iter().for_each(|it| it.settle(&outcome));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::{Receipt, Refused, Settle};
    use std::sync::Mutex;

    /// Keeps batches; refuses the first `refusals`, and settles when told to.
    #[derive(Default)]
    struct Held {
        refusals: AtomicUsize,
        taken: Mutex<Taken>,
    }

    #[derive(Default)]
    struct Taken {
        lines: Vec<Vec<u8>>,
        unsettled: Vec<Settle>,
    }

    impl LineSink for Held {
        fn submit(&self, records: &[Vec<u8>]) -> Result<Receipt, Refused> {
            if self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1)).is_ok() {
                return Err(Refused("disk full".to_owned()));
            }
            let (settle, receipt) = Receipt::pending();
            let mut taken = self.taken.lock().unwrap();
            taken.lines.extend_from_slice(records);
            taken.unsettled.push(settle);
            Ok(receipt)
        }
    }

    impl Held {
        async fn settle_all(&self, lines: usize, outcome: Result<(), Lost>) {
            while self.taken.lock().unwrap().lines.len() < lines {
                tokio::task::yield_now().await;
            }
            for settle in self.taken.lock().unwrap().unsettled.drain(..) {
                settle.settle(outcome.clone());
            }
        }

        fn lines(&self) -> Vec<Vec<u8>> {
            self.taken.lock().unwrap().lines.clone()
        }
    }

    fn start(held: &Arc<Held>, limits: &Limits) -> (Intake, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::default());
        (Intake::start(held.clone(), limits, metrics.clone()), metrics)
    }

    fn quick() -> Limits {
        Limits { batch_delay: std::time::Duration::from_millis(1), refused_pause: std::time::Duration::from_millis(1), ..Limits::default() }
    }

    #[tokio::test]
    async fn a_lane_is_durable_only_when_all_its_batches_are() {
        let held = Arc::new(Held::default());
        let (intake, _) = start(&held, &quick());
        let lane = intake.lane();
        assert_eq!(lane.durable().await, Ok(()));
        lane.send(vec![b"one".to_vec()]).await;
        lane.send(vec![b"two".to_vec()]).await;
        let waiting = lane.durable();
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(30), &mut waiting).await.is_err());
        held.settle_all(2, Ok(())).await;
        assert_eq!(waiting.await, Ok(()));
        assert_eq!(held.lines(), [b"one".to_vec(), b"two".to_vec()]);
    }

    #[tokio::test]
    async fn a_refused_batch_is_offered_until_it_is_taken_and_stays_in_order() {
        let held = Arc::new(Held { refusals: AtomicUsize::new(3), ..Held::default() });
        let (intake, metrics) = start(&held, &quick());
        let lane = intake.lane();
        for line in 0..100_u8 {
            lane.send(vec![vec![line]]).await;
        }
        held.settle_all(100, Ok(())).await;
        assert_eq!(lane.durable().await, Ok(()));
        assert_eq!(held.lines(), (0..100_u8).map(|it| vec![it]).collect::<Vec<_>>());
        assert_eq!(metrics.batches_refused.get(), 3);
    }

    #[tokio::test]
    async fn a_lost_batch_is_told_to_its_connection_only() {
        let held = Arc::new(Held::default());
        let (intake, metrics) = start(&held, &quick());
        let (first, second) = (intake.lane(), intake.lane());
        first.send(vec![b"a".to_vec()]).await;
        held.settle_all(1, Err(Lost("sync failed".to_owned()))).await;
        second.send(vec![b"b".to_vec()]).await;
        held.settle_all(2, Ok(())).await;
        assert!(first.durable().await.is_err());
        assert_eq!(second.durable().await, Ok(()));
        assert_eq!(metrics.lines_lost.get(), 1);
    }

    #[tokio::test]
    async fn senders_wait_when_too_much_is_waiting() {
        let held = Arc::new(Held { refusals: AtomicUsize::new(usize::MAX), ..Held::default() });
        let (intake, _) = start(&held, &Limits { waiting_bytes_max: 100, ..quick() });
        let lane = intake.lane();
        lane.send(vec![vec![0; 60]]).await;
        let second = lane.send(vec![vec![0; 60]]);
        tokio::pin!(second);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(30), &mut second).await.is_err());
        held.refusals.store(0, Ordering::SeqCst);
        second.await;
    }
}
