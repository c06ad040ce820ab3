//! The log in local files: segments of framed records, one writer, one `fdatasync` for many frames.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::frame::{self, Frame, Scanned};
use super::{Appended, Damage, Log, LogError, LogRecovery, LogStats, OnSynced, Ticket};
use crate::EngineError;
use crate::fs::{AppendFile, Fs, FsError};

/// Bytes of a segment at which a new one is begun: small enough that truncation frees space soon, large enough that creating one
/// (two directory syncs) does not count.
const SEGMENT_BYTES: u64 = 64 << 20;

/// Bytes waiting for the disk at which `append` waits: the back-pressure against a disk that is slower than its writers.
const QUEUE_BYTES_MAX: usize = 64 << 20;

const SUFFIX: &str = ".wal";

/// A log in the files of one directory. See [`Log`].
pub struct LocalLog {
    shared: Arc<Shared>,
    writer: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    queue: Mutex<Queue>,
    /// Signalled when there is something to write, or to stop for.
    work: Condvar,
    /// Signalled when something became durable, or failed.
    done: Condvar,
    /// Segment files; the last is written to.
    files: Mutex<Files>,
}

struct Queue {
    /// Encoded frames that wait for the disk.
    bytes: Vec<u8>,
    /// Sequence number of the first record in `bytes`.
    first_seq: u64,
    next_seq: u64,
    synced_seq: u64,
    failed: Option<String>,
    is_closed: bool,
    waiting: BTreeMap<u64, Vec<OnSynced>>,
    /// Without a writer thread the waiter writes.
    is_stepped: bool,
}

struct Files {
    /// First sequence number → bytes.
    segments: BTreeMap<u64, u64>,
    current: Option<Box<dyn AppendFile>>,
}

impl LocalLog {
    /// Opens the log in `dir`, checks every frame, and cuts off a torn last write. Sequence numbers go on from the last record, or from
    /// `at_least` where that is higher (the log's files were lost, splits were not).
    ///
    /// With `background` a thread writes; without, whoever waits does, so that a test replays exactly.
    ///
    /// # Errors
    /// [`LogError::Failed`] when the files can't be read or repaired.
    pub fn open(fs: Arc<dyn Fs>, dir: &str, at_least: u64, background: bool) -> Result<(Self, LogRecovery), LogError> {
        let dir = PathBuf::from(dir);
        fs.create_dir_all(&dir)?;
        let mut recovery = LogRecovery::default();
        let mut segments = BTreeMap::new();
        let names: Vec<(String, u64)> = fs.list(&dir)?.into_iter().filter_map(|name| first_seq_of(&name).map(|seq| (name, seq))).collect();
        let mut next_seq = names.first().map_or(0, |it| it.1);
        for (at, (name, first_seq)) in names.iter().enumerate() {
            let is_last = at + 1 == names.len();
            let checked = check_segment(&*fs, &dir.join(name), *first_seq, next_seq, is_last, &mut recovery)?;
            next_seq = checked.next_seq;
            segments.insert(*first_seq, checked.bytes);
        }
        let next_seq = next_seq.max(at_least);
        let queue = Queue {
            bytes: Vec::new(),
            first_seq: next_seq,
            next_seq,
            synced_seq: next_seq,
            failed: None,
            is_closed: false,
            waiting: BTreeMap::new(),
            is_stepped: !background,
        };
        let shared = Arc::new(Shared {
            fs,
            dir,
            queue: Mutex::new(queue),
            work: Condvar::new(),
            done: Condvar::new(),
            files: Mutex::new(Files { segments, current: None }),
        });
        let writer = background.then(|| {
            let shared = shared.clone();
            std::thread::Builder::new()
                .name("engine-log".to_owned())
                .spawn(move || shared.write_until_closed())
                .expect("the system can start a thread")
        });
        Ok((Self { shared, writer }, recovery))
    }
}

impl Drop for LocalLog {
    fn drop(&mut self) {
        self.shared.queue().is_closed = true;
        self.shared.work.notify_all();
        if let Some(writer) = self.writer.take() {
            // It has written what was queued, or the log has failed and everyone who waited was told.
            let _ = writer.join();
        }
    }
}

impl Log for LocalLog {
    fn append(&self, kind: u8, count: u32, payload: &[u8]) -> Result<Appended, LogError> {
        assert!(count > 0, "a frame has records");
        let mut queue = self.shared.queue();
        while queue.bytes.len() >= QUEUE_BYTES_MAX && queue.failed.is_none() && !queue.is_closed {
            if queue.is_stepped {
                drop(queue);
                self.shared.write_queued();
                queue = self.shared.queue();
            } else {
                queue = self.shared.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
        queue.check()?;
        if queue.is_closed {
            return Err(LogError::Closed);
        }
        let first_seq = queue.next_seq;
        if queue.bytes.is_empty() {
            queue.first_seq = first_seq;
        }
        frame::encode(&Frame { first_seq, count, kind, payload }, &mut queue.bytes);
        queue.next_seq += u64::from(count);
        self.shared.work.notify_one();
        Ok(Appended { first_seq, ticket: Ticket(queue.next_seq) })
    }

    fn wait(&self, ticket: Ticket) -> Result<(), LogError> {
        let mut queue = self.shared.queue();
        while queue.synced_seq < ticket.0 {
            queue.check()?;
            if queue.is_stepped {
                drop(queue);
                self.shared.write_queued();
                queue = self.shared.queue();
            } else {
                queue = self.shared.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
        Ok(())
    }

    fn on_synced(&self, ticket: Ticket, done: OnSynced) {
        let mut queue = self.shared.queue();
        let outcome = if queue.synced_seq >= ticket.0 {
            Ok(())
        } else if let Err(error) = queue.check() {
            Err(error)
        } else {
            queue.waiting.entry(ticket.0).or_default().push(done);
            return;
        };
        drop(queue);
        done(outcome);
    }

    fn next_seq(&self) -> u64 {
        self.shared.queue().next_seq
    }

    fn replay(&self, from: u64, read: &mut dyn FnMut(Frame<'_>) -> Result<(), EngineError>) -> Result<(), EngineError> {
        let segments: Vec<u64> = self.shared.files().segments.keys().copied().collect();
        for (at, first_seq) in segments.iter().enumerate() {
            if segments.get(at + 1).is_some_and(|next| *next <= from) {
                continue;
            }
            let data = self.shared.fs.read(&self.shared.dir.join(name_of(*first_seq)))?;
            let mut place = 0;
            loop {
                match frame::scan(&data, place) {
                    Scanned::Frame(frame, next) => {
                        if frame.end_seq() > from {
                            read(frame)?;
                        }
                        place = next;
                    }
                    Scanned::End => break,
                    Scanned::Bad => match frame::find_next(&data, place + 1) {
                        Some(next) => place = next,
                        None => break,
                    },
                }
            }
        }
        Ok(())
    }

    fn truncate_before(&self, seq: u64) -> Result<(), LogError> {
        let mut files = self.shared.files();
        let firsts: Vec<u64> = files.segments.keys().copied().collect();
        // A segment ends where the next begins; the last one stays, it carries the numbering.
        for pair in firsts.windows(2).filter(|pair| pair[1] <= seq) {
            self.shared.fs.remove_file(&self.shared.dir.join(name_of(pair[0])))?;
            files.segments.remove(&pair[0]);
        }
        Ok(())
    }

    fn stats(&self) -> LogStats {
        let files = self.shared.files();
        LogStats { bytes: files.segments.values().sum(), segments: files.segments.len() }
    }
}

impl Queue {
    fn check(&self) -> Result<(), LogError> {
        match &self.failed {
            Some(reason) => Err(LogError::Failed(reason.clone())),
            None => Ok(()),
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_until_closed(&self) {
        loop {
            let mut queue = self.queue();
            while queue.bytes.is_empty() && !queue.is_closed {
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            if queue.bytes.is_empty() || queue.failed.is_some() {
                return;
            }
            drop(queue);
            // While this syncs, others queue: the slower the disk, the more frames share a sync.
            self.write_queued();
        }
    }

    /// Writes and syncs all that is queued, then tells those who wait.
    fn write_queued(&self) {
        let (bytes, first_seq, end_seq) = {
            let mut queue = self.queue();
            if queue.bytes.is_empty() || queue.failed.is_some() {
                return;
            }
            (std::mem::take(&mut queue.bytes), queue.first_seq, queue.next_seq)
        };
        let written = self.write(&bytes, first_seq);
        let mut queue = self.queue();
        let told = match &written {
            Ok(()) => {
                queue.synced_seq = end_seq;
                let later = queue.waiting.split_off(&(end_seq + 1));
                std::mem::replace(&mut queue.waiting, later)
            }
            Err(error) => {
                tracing::error!(%error, "the log can't be written; no more writes are taken until a restart");
                queue.failed = Some(error.to_string());
                std::mem::take(&mut queue.waiting)
            }
        };
        self.done.notify_all();
        drop(queue);
        let outcome = written.map_err(LogError::from);
        for done in told.into_values().flatten() {
            done(outcome.clone());
        }
    }

    fn write(&self, bytes: &[u8], first_seq: u64) -> Result<(), FsError> {
        let mut files = self.files();
        let last = files.segments.last_key_value().map(|(seq, len)| (*seq, *len));
        let segment = match last {
            Some((seq, len)) if len < SEGMENT_BYTES => {
                if files.current.is_none() {
                    files.current = Some(self.fs.append_to(&self.dir.join(name_of(seq)))?);
                }
                seq
            }
            _ => {
                files.current = Some(self.fs.append_to(&self.dir.join(name_of(first_seq)))?);
                // The file must be found after a crash before anything in it counts as durable.
                self.fs.sync_dir(&self.dir)?;
                files.segments.insert(first_seq, 0);
                first_seq
            }
        };
        let file = files.current.as_mut().expect("just opened");
        file.append(bytes)?;
        file.sync()?;
        *files.segments.get_mut(&segment).expect("just looked up") += bytes.len() as u64;
        Ok(())
    }
}

struct Checked {
    next_seq: u64,
    bytes: u64,
}

/// Walks a segment; cuts a torn tail off the last one, reports damage in front of valid frames.
fn check_segment(fs: &dyn Fs, path: &Path, first_seq: u64, expected: u64, is_last: bool, recovery: &mut LogRecovery) -> Result<Checked, FsError> {
    let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let data = fs.read(path)?;
    let mut next_seq = expected;
    if first_seq > expected {
        recovery.damage.push(Damage { segment: name.clone(), range: 0..0, seqs: expected..first_seq });
        next_seq = first_seq;
    }
    let mut at = 0;
    loop {
        match frame::scan(&data, at) {
            Scanned::Frame(frame, next) => {
                next_seq = frame.end_seq();
                at = next;
            }
            Scanned::End => {
                // Zeros behind the last frame are not written over: a reader would stop at them.
                if is_last && at < data.len() {
                    fs.truncate(path, at as u64)?;
                }
                return Ok(Checked { next_seq, bytes: at as u64 });
            }
            Scanned::Bad => {
                let resumes = frame::find_next(&data, at + 1);
                if resumes.is_none() && is_last {
                    recovery.torn_bytes += (data.len() - at) as u64;
                    fs.truncate(path, at as u64)?;
                    return Ok(Checked { next_seq, bytes: at as u64 });
                }
                let end = resumes.unwrap_or(data.len());
                let resumed_seq = match resumes.map(|it| frame::scan(&data, it)) {
                    Some(Scanned::Frame(frame, _)) => frame.first_seq,
                    // The next segment's name says where it goes on.
                    _ => next_seq,
                };
                quarantine(fs, &name, at, &data[at..end])?;
                recovery.damage.push(Damage { segment: name.clone(), range: at as u64..end as u64, seqs: next_seq..resumed_seq });
                next_seq = resumed_seq;
                if resumes.is_none() {
                    return Ok(Checked { next_seq, bytes: data.len() as u64 });
                }
                at = end;
            }
        }
    }
}

/// Keeps a copy of damaged bytes for whoever looks into it.
fn quarantine(fs: &dyn Fs, segment: &str, at: usize, bytes: &[u8]) -> Result<(), FsError> {
    let dir = Path::new("quarantine");
    fs.create_dir_all(dir)?;
    fs.write_new(&dir.join(format!("{segment}.{at}")), bytes)?;
    fs.sync_dir(dir)
}

fn name_of(first_seq: u64) -> String {
    format!("{first_seq:020}{SUFFIX}")
}

fn first_seq_of(name: &str) -> Option<u64> {
    name.strip_suffix(SUFFIX).filter(|it| it.len() == 20).and_then(|it| it.parse().ok())
}
