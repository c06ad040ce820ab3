//! The log as files of this machine, with group commit.
//!
//! Appenders put frames into a bounded queue; one thread takes what has gathered, writes it with one write and one `fdatasync`, and
//! completes the tickets. While it syncs, the next group gathers, so under load the cost of a sync is shared by all. It
//! does not guard its directory: whoever opens the data directory holds the lock on it.
//!
//! [`LocalLog::open_stepped`] is the same without the thread, for simulations: nothing happens until [`LocalLog::step`].

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Instant;

use tracing::{error, warn};

use super::frame::{Frame, PAYLOAD_BYTES_MAX, payload_crc};
use super::header::random_salt_seed;
use super::recovery::{Recovery, recover};
use super::segment::{Segment, walk};
use super::ticket::Ticket;
use super::writer::{Pending, WriteFailure, Writer};
use super::{Appended, Log, LogError, LogOptions, LogStats};
use crate::fs::{Fs, FsFile};

/// A log in a directory.
#[derive(Debug)]
pub struct LocalLog {
    shared: Arc<Shared>,
    /// `None` when stepped, or closed.
    thread: Mutex<Option<JoinHandle<()>>>,
    is_stepped: bool,
}

#[derive(Debug)]
struct Shared {
    fs: Arc<dyn Fs>,
    dir: std::path::PathBuf,
    options: LogOptions,
    queue: Mutex<Queue>,
    /// Told when the queue gets its first frame or a full group, and at closing.
    work: Condvar,
    /// Told when the queue got shorter.
    space: Condvar,
    writer: Mutex<Writer>,
    /// The durable files, oldest first.
    segments: Mutex<Vec<Segment>>,
    truncating: Mutex<()>,
    synced_seq: AtomicU64,
    frames: AtomicU64,
    syncs: AtomicU64,
}

#[derive(Debug)]
struct Queue {
    frames: VecDeque<Pending>,
    /// Of the frames above and of those being written: memory is held until the sync.
    bytes: usize,
    /// Of the frames above alone.
    waiting_bytes: usize,
    next_seq: u64,
    failed: Option<Arc<str>>,
    is_closing: bool,
}

const UNPOISONED: &str = "nothing panics while the log's state is locked";

impl LocalLog {
    /// Opens or creates the log in `dir` and starts its writer thread. Every frame is verified; the report says what was found.
    ///
    /// # Errors
    /// [`LogError::Io`] when files can't be read, cut or synced; [`LogError::Version`]. Damage is not an error, see [`Recovery`].
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, options: LogOptions) -> Result<(Self, Recovery), LogError> {
        let (mut log, recovery) = Self::open_stepped(fs, dir, options)?;
        let shared = Arc::clone(&log.shared);
        let thread = std::thread::Builder::new().name("log-writer".into()).spawn(move || run_writer(&shared));
        log.thread = Mutex::new(Some(thread.map_err(LogError::io("start the writer of", dir))?));
        log.is_stepped = false;
        Ok((log, recovery))
    }

    /// Like [`LocalLog::open`], but without a thread: [`LocalLog::step`], a full queue and `wait` write on the caller's.
    ///
    /// # Errors
    /// As [`LocalLog::open`].
    pub fn open_stepped(fs: Arc<dyn Fs>, dir: &Path, options: LogOptions) -> Result<(Self, Recovery), LogError> {
        let recovered = recover(&fs, dir, &options)?;
        let salt_seed = options.salt_seed.unwrap_or_else(random_salt_seed);
        let active = recovered.active.zip(recovered.segments.last().cloned());
        let shared = Shared {
            writer: Mutex::new(Writer::new(Arc::clone(&fs), dir, salt_seed, options.segment_bytes_max, active)),
            fs,
            dir: dir.to_owned(),
            options,
            queue: Mutex::new(Queue {
                frames: VecDeque::new(),
                bytes: 0,
                waiting_bytes: 0,
                next_seq: recovered.next_seq,
                failed: None,
                is_closing: false,
            }),
            work: Condvar::new(),
            space: Condvar::new(),
            segments: Mutex::new(recovered.segments),
            truncating: Mutex::new(()),
            synced_seq: AtomicU64::new(recovered.next_seq),
            frames: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
        };
        let log = Self { shared: Arc::new(shared), thread: Mutex::new(None), is_stepped: true };
        Ok((log, recovered.report))
    }

    /// Writes and syncs one group of what is queued, on this thread, and completes its tickets. Returns how many frames that were.
    ///
    /// # Errors
    /// What the tickets were told.
    pub fn step(&self) -> Result<usize, LogError> {
        self.shared.write_group()
    }

    /// Writes what is queued and stops: later appends answer [`LogError::Closed`]. Dropping does the same without a word.
    ///
    /// # Errors
    /// [`LogError::Failed`] when the log had failed.
    pub fn close(&self) -> Result<(), LogError> {
        {
            let mut queue = self.shared.queue();
            queue.is_closing = true;
            self.shared.work.notify_all();
            self.shared.space.notify_all();
        }
        let thread = self.thread.lock().expect(UNPOISONED).take();
        // A callback on the writer's thread may hold the last reference; a thread can't wait for itself.
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            // Its panic, if any, has been turned into the failure below.
            let _ = thread.join();
        }
        match &self.shared.queue().failed {
            Some(reason) => Err(LogError::Failed { reason: Arc::clone(reason) }),
            None => Ok(()),
        }
    }
}

impl Drop for LocalLog {
    fn drop(&mut self) {
        if let Err(cause) = self.close() {
            warn!(%cause, "log closed after a failure");
        }
    }
}

impl Log for LocalLog {
    fn append(&self, kind: u8, count: u32, payload: &[u8]) -> Result<Appended, LogError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(LogError::TooLarge { bytes: payload.len(), bytes_max: PAYLOAD_BYTES_MAX });
        }
        if count == 0 {
            return Err(LogError::Empty);
        }
        // Copied and summed before the lock: only the numbering is in order of arrival.
        let payload_crc = payload_crc(payload);
        let payload: Box<[u8]> = payload.into();
        let (ticket, completion) = Ticket::pending();
        let queued_at = Instant::now();
        let mut pending = Pending { first_seq: 0, count, kind, payload, payload_crc, completion, queued_at };
        let bytes = pending.encoded_bytes();

        let mut queue = self.shared.queue();
        loop {
            queue.check_open()?;
            if queue.bytes == 0 || queue.bytes + bytes <= self.shared.options.queue_bytes_max {
                break;
            }
            queue = if self.is_stepped {
                drop(queue);
                self.step()?;
                self.shared.queue()
            } else {
                self.shared.space.wait(queue).expect(UNPOISONED)
            };
        }
        let first_seq = queue.next_seq;
        pending.first_seq = first_seq;
        queue.next_seq += u64::from(count);
        let before = queue.waiting_bytes;
        queue.bytes += bytes;
        queue.waiting_bytes += bytes;
        queue.frames.push_back(pending);
        // The writer sleeps on an empty queue, or dozes until a group is full: no need to wake it for the frames between.
        let gather_bytes = self.shared.options.gather_bytes;
        if before == 0 || (before < gather_bytes && queue.waiting_bytes >= gather_bytes) {
            self.shared.work.notify_one();
        }
        Ok(Appended { first_seq, ticket })
    }

    fn wait(&self, ticket: &Ticket) -> Result<(), LogError> {
        while self.is_stepped && ticket.outcome().is_none() {
            // An error here is the ticket's own outcome, or another ticket's business.
            if let Ok(0) = self.step() {
                break;
            }
        }
        ticket.wait()
    }

    fn first_seq(&self) -> u64 {
        self.shared.segments().first().map_or_else(|| self.next_seq(), |it| it.first_seq)
    }

    fn next_seq(&self) -> u64 {
        self.shared.queue().next_seq
    }

    fn synced_seq(&self) -> u64 {
        self.shared.synced_seq.load(Ordering::Acquire)
    }

    fn replay(&self, from_seq: u64, f: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        if from_seq >= self.synced_seq() {
            return Ok(());
        }
        let mut buffer = Vec::new();
        let mut next_seq = 0;
        let mut at = from_seq;
        // One segment at a time, looked up afresh, for retention may remove some meanwhile. A whole segment is in memory: 64 MiB.
        while let Some(OpenSegment { segment, file }) = self.shared.open_segment_with(at)? {
            let len = usize::try_from(segment.bytes).expect("a segment fits into memory");
            buffer.resize(len, 0);
            file.read_exact_at(&mut buffer, 0).map_err(LogError::io("read", &segment.path))?;
            let mut is_over = false;
            let walk = walk(&buffer, segment.salt, next_seq.max(segment.first_seq), &mut |frame| {
                if frame.seq_end() <= from_seq {
                    return ControlFlow::Continue(());
                }
                let flow = f(frame);
                is_over = flow.is_break();
                flow
            });
            next_seq = walk.next_seq;
            match self.shared.following(segment.first_seq) {
                Some(following) if !is_over => at = following,
                _ => break,
            }
        }
        Ok(())
    }

    fn truncate_before(&self, seq: u64) -> Result<u64, LogError> {
        let _one_at_a_time = self.shared.truncating.lock().expect(UNPOISONED);
        let mut freed = 0;
        // Each removal is made durable before the next: if a later segment went and an earlier one stayed, the next start would
        // see a hole. No lock is held meanwhile, so that the writer never waits for it.
        while let Some(oldest) = self.shared.take_oldest_before(seq) {
            let (fs, dir) = (&self.shared.fs, &self.shared.dir);
            match fs.remove(&oldest.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let failure = LogError::io("remove", &oldest.path)(error);
                    self.shared.segments().insert(0, oldest);
                    return Err(failure);
                }
                Ok(()) | Err(_) => {}
            }
            fs.sync_dir(dir).map_err(LogError::io("sync", dir))?;
            freed += oldest.bytes;
        }
        Ok(freed)
    }

    fn stats(&self) -> LogStats {
        let (bytes, segments) = {
            let segments = self.shared.segments();
            (segments.iter().map(|it| it.bytes).sum(), segments.len() as u64)
        };
        let queue = self.shared.queue();
        LogStats {
            bytes,
            segments,
            queue_bytes: queue.bytes as u64,
            frames: self.shared.frames.load(Ordering::Relaxed),
            syncs: self.shared.syncs.load(Ordering::Relaxed),
            is_failed: queue.failed.is_some(),
        }
    }
}

/// A segment as it was looked up, and a handle that outlives its removal.
struct OpenSegment {
    segment: Segment,
    file: Box<dyn FsFile>,
}

impl Queue {
    fn check_open(&self) -> Result<(), LogError> {
        match &self.failed {
            Some(reason) => Err(LogError::Failed { reason: Arc::clone(reason) }),
            None if self.is_closing => Err(LogError::Closed),
            None => Ok(()),
        }
    }

    /// The frames of one write: as many as fit, at least one.
    fn take_group(&mut self, bytes_max: usize) -> Vec<Pending> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.frames.front() {
            bytes += next.encoded_bytes();
            if bytes > bytes_max && !group.is_empty() {
                break;
            }
            self.waiting_bytes -= next.encoded_bytes();
            group.extend(self.frames.pop_front());
        }
        group
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect(UNPOISONED)
    }

    fn segments(&self) -> MutexGuard<'_, Vec<Segment>> {
        self.segments.lock().expect(UNPOISONED)
    }

    /// The segment that holds `seq`, or the first after it; open, so that removing it does not disturb the reader.
    fn open_segment_with(&self, seq: u64) -> Result<Option<OpenSegment>, LogError> {
        let segments = self.segments();
        let at = segments.partition_point(|it| it.first_seq <= seq).saturating_sub(1);
        let Some(segment) = segments.get(at) else { return Ok(None) };
        let file = self.fs.open(&segment.path).map_err(LogError::io("open", &segment.path))?;
        Ok(Some(OpenSegment { segment: segment.clone(), file }))
    }

    /// The number in the name of the segment after the one with this number.
    fn following(&self, first_seq: u64) -> Option<u64> {
        self.segments().iter().map(|it| it.first_seq).find(|it| *it > first_seq)
    }

    /// Takes the oldest segment off the list if all of it lies before `seq`. The last stays: its name keeps the numbering.
    fn take_oldest_before(&self, seq: u64) -> Option<Segment> {
        let mut segments = self.segments();
        match &segments[..] {
            [_, following, ..] if following.first_seq <= seq => Some(segments.remove(0)),
            _ => None,
        }
    }

    fn write_group(&self) -> Result<usize, LogError> {
        let mut writer = self.writer.lock().expect(UNPOISONED);
        let bytes_max = self.options.write_bytes_max;
        let group = self.queue().take_group(bytes_max);
        let Some(last) = group.last() else { return Ok(0) };
        let seq_end = last.first_seq + u64::from(last.count);
        let bytes: usize = group.iter().map(Pending::encoded_bytes).sum();
        match writer.write(&group) {
            Ok(segment) => {
                // Before the tickets: who is told that a frame is durable must find it.
                self.publish(segment, seq_end, group.len());
                drop(writer);
                self.queue().bytes -= bytes;
                self.space.notify_all();
                let frames = group.len();
                for pending in group {
                    pending.completion.complete(Ok(()));
                }
                Ok(frames)
            }
            Err(failure) => Err(self.refuse(group, failure)),
        }
    }

    fn publish(&self, segment: Segment, seq_end: u64, frames: usize) {
        let mut segments = self.segments();
        match segments.last_mut() {
            Some(last) if last.first_seq == segment.first_seq => *last = segment,
            _ => segments.push(segment),
        }
        drop(segments);
        self.synced_seq.store(seq_end, Ordering::Release);
        self.frames.fetch_add(frames as u64, Ordering::Relaxed);
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    /// Refuses a group that was not written, and all that queued behind it: their numbers follow on numbers that are not there.
    fn refuse(&self, group: Vec<Pending>, failure: WriteFailure) -> LogError {
        let mut queue = self.queue();
        let cause = match failure {
            WriteFailure::NoSpace => {
                warn!(dir = %self.dir.display(), frames = group.len() + queue.frames.len(), "no space for the log");
                // The disk is as before, so the numbers are free again.
                queue.next_seq = group.first().map_or(queue.next_seq, |it| it.first_seq);
                LogError::NoSpace
            }
            WriteFailure::Final { action, path, error } => {
                error!(path = %path.display(), %error, "the log failed: can't {action}");
                let reason: Arc<str> = format!("can't {action} [{}]: {error}", path.display()).into();
                queue.failed = Some(Arc::clone(&reason));
                LogError::Failed { reason }
            }
        };
        let refused: Vec<Pending> = group.into_iter().chain(queue.frames.drain(..)).collect();
        queue.bytes = 0;
        queue.waiting_bytes = 0;
        drop(queue);
        self.space.notify_all();
        for pending in refused {
            pending.completion.complete(Err(cause.clone()));
        }
        cause
    }
}

fn run_writer(shared: &Shared) {
    let _guard = PanicGuard(shared);
    loop {
        let mut queue = shared.queue();
        while queue.waiting_bytes == 0 {
            if queue.is_closing || queue.failed.is_some() {
                return;
            }
            queue = shared.work.wait(queue).expect(UNPOISONED);
        }
        let since = queue.frames.front().map_or_else(Instant::now, |it| it.queued_at);
        while queue.waiting_bytes < shared.options.gather_bytes && !queue.is_closing {
            let Some(left) = shared.options.gather_time.checked_sub(since.elapsed()).filter(|it| !it.is_zero()) else {
                break;
            };
            queue = shared.work.wait_timeout(queue, left).expect(UNPOISONED).0;
        }
        drop(queue);
        // Failures are told to the tickets and kept in the queue's state.
        let _ = shared.write_group();
    }
}

/// Turns a panic of the writer into a failed log: appenders get an error instead of waiting for ever.
struct PanicGuard<'a>(&'a Shared);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(mut queue) = self.0.queue.lock()
        {
            queue.failed = Some("the log's writer panicked".into());
            // Dropped outside the lock: their tickets run callbacks.
            let frames = std::mem::take(&mut queue.frames);
            drop(queue);
            drop(frames);
            self.0.space.notify_all();
        }
    }
}
