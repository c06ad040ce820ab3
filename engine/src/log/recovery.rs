//! Opening a log: verify every frame, tell a torn tail from damage, and say what was found.
//!
//! The rule: bad bytes at the very end of the last segment are a write that a crash met: nothing behind them was ever
//! acknowledged, so they are cut. Bad bytes with a valid frame after them, or in an earlier segment, were once durable: that is damage. The
//! file is kept as it is, the bad bytes are copied to quarantine, everything valid is served, and the report names what is
//! lost. (A damaged *last* frame can't be told from a torn one, unless the caller's `seq_floor` knows that more was there.)
//!
//! Damage stays in its segment, so each opening reports it again until retention removes the segment.

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{error, warn};

use super::frame::BadFrame;
use super::header::{BadHeader, FRAMES_START, FileHeader, FileKind};
use super::segment::{Segment, Walk, parse_name, walk};
use super::{FIRST_SEQ, LogError, LogOptions};
use crate::fs::{Fs, FsFile, is_no_space};

/// What opening a log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segment files kept.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Valid frames in them.
    pub frames: u64,
    /// Records in those frames.
    pub records: u64,
    /// The unfinished write that was cut off, if there was one.
    pub torn: Option<TornTail>,
    /// What was once durable and is not readable. `ERROR` has been logged for each.
    pub damage: Vec<Damage>,
}

/// Bytes at the end of the log that never became a whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file they were in.
    pub segment: PathBuf,
    /// Where.
    pub range: Range<u64>,
}

/// Bytes that were durable once and are no valid frames now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub segment: PathBuf,
    /// Where in it; empty when whole frames are missing without a trace.
    pub range: Range<u64>,
    /// The records that are gone. Empty when only the spare copy of a header is hurt, or when the number is unknown (the whole
    /// last segment).
    pub seqs_lost: Range<u64>,
    /// What is wrong.
    pub reason: String,
    /// The copy of the bytes, unless the disk was too full to make one.
    pub quarantined: Option<PathBuf>,
}

/// A log as found on disk, ready to be written.
pub(super) struct Recovered {
    pub(super) segments: Vec<Segment>,
    /// The last segment, open for appending, when more may go into it.
    pub(super) active: Option<Box<dyn FsFile>>,
    pub(super) next_seq: u64,
    pub(super) report: Recovery,
}

pub(super) fn recover(fs: &Arc<dyn Fs>, dir: &Path, options: &LogOptions) -> Result<Recovered, LogError> {
    fs.create_dir_all(dir).map_err(LogError::io("create", dir))?;
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs.list(dir).map_err(LogError::io("list", dir))? {
        if let (Some(first_seq), false) = (parse_name(&entry.name), entry.is_dir) {
            found.push((first_seq, dir.join(&entry.name)));
        }
    }
    let quarantine = options.quarantine_dir.clone().unwrap_or_else(|| dir.join("quarantine"));
    let mut recoverer =
        Recoverer { fs, quarantine, next_seq: found.first().map_or(FIRST_SEQ, |it| it.0), segments: Vec::new(), report: Recovery::default() };
    let mut last = None;
    for (i, (first_seq, path)) in found.iter().enumerate() {
        let following = found.get(i + 1).map(|it| it.0);
        last = recoverer.take(*first_seq, path, following)?;
    }
    // What a killed process wrote may be visible and yet not durable. From here on it counts as durable, so it must be.
    if let Some(file) = &mut last {
        let path = &found[found.len() - 1].1;
        file.sync().map_err(LogError::io("sync", path))?;
    }
    fs.sync_dir(dir).map_err(LogError::io("sync", dir))?;
    recoverer.check_floor(options.seq_floor);
    let Recoverer { next_seq, segments, mut report, .. } = recoverer;
    report.segments = segments.len() as u64;
    report.bytes = segments.iter().map(|it| it.bytes).sum();
    // Above the floor the numbering has a hole; a new segment whose name says so makes it readable.
    let active = last.filter(|_| next_seq >= options.seq_floor);
    Ok(Recovered { segments, active, next_seq: next_seq.max(options.seq_floor), report })
}

struct Recoverer<'a> {
    fs: &'a Arc<dyn Fs>,
    quarantine: PathBuf,
    next_seq: u64,
    segments: Vec<Segment>,
    report: Recovery,
}

impl Recoverer<'_> {
    /// Verifies one segment; `following` is the number in the next one's name, `None` for the last. Returns the last one's handle.
    fn take(&mut self, first_seq: u64, path: &Path, following: Option<u64>) -> Result<Option<Box<dyn FsFile>>, LogError> {
        let bytes = self.fs.read(path).map_err(LogError::io("read", path))?;
        let read = match FileHeader::decode(FileKind::Segment, &bytes) {
            Ok(read) if read.header.number == first_seq => read,
            Err(BadHeader::Version(version)) => return Err(LogError::Version { path: path.to_owned(), version }),
            Ok(_) | Err(BadHeader::Damaged) if following.is_none() && bytes.len() <= FRAMES_START => {
                return self.drop_unfinished(path, bytes.len()).map(|()| None);
            }
            Ok(_) | Err(BadHeader::Damaged) => {
                return self.set_file_aside(first_seq, path, bytes.len(), following).map(|()| None);
            }
        };
        if let (None, Some(_)) = (following, &read.damaged)
            && bytes.len() <= FRAMES_START
        {
            return self.drop_unfinished(path, bytes.len()).map(|()| None);
        }
        if let Some(range) = read.damaged {
            self.damaged(path, &bytes, range, first_seq..first_seq, "spare copy of the header");
        }
        self.next_seq = self.next_seq.max(first_seq);
        let walk = walk(&bytes, read.header.salt, self.next_seq, &mut |_| ControlFlow::Continue(()));
        self.next_seq = walk.next_seq;
        self.report.frames += walk.frames;
        self.report.records += walk.records;
        for lost in &walk.lost {
            self.damaged(path, &bytes, lost.range.clone(), lost.seqs.clone(), lost.reason);
        }
        let handle = match following {
            Some(following) => {
                self.judge_inner_tail(path, &bytes, &walk, following);
                None
            }
            None => Some(self.cut_tail(path, &bytes, &walk)?),
        };
        let bytes = if following.is_some() { bytes.len() } else { walk.valid_end } as u64;
        self.segments.push(Segment { path: path.to_owned(), first_seq, salt: read.header.salt, bytes });
        Ok(handle)
    }

    /// A segment that was being created when the machine stopped: it holds no frame, and its name may not be durable.
    fn drop_unfinished(&mut self, path: &Path, len: usize) -> Result<(), LogError> {
        self.fs.remove(path).map_err(LogError::io("remove", path))?;
        self.torn(path, 0..len);
        Ok(())
    }

    /// A segment whose salt is lost: not one frame of it can be verified. It goes to quarantine as a whole.
    fn set_file_aside(&mut self, first_seq: u64, path: &Path, len: usize, following: Option<u64>) -> Result<(), LogError> {
        let target = self.quarantine.join(path.file_name().expect("a segment has a name"));
        self.fs.create_dir_all(&self.quarantine).map_err(LogError::io("create", &self.quarantine))?;
        self.fs.rename(path, &target).map_err(LogError::io("set aside", path))?;
        self.fs.sync_dir(&self.quarantine).map_err(LogError::io("sync", &self.quarantine))?;
        // Records before it may be missing too: all up to the next segment are gone.
        let seqs_lost = self.next_seq.min(first_seq)..following.unwrap_or(first_seq);
        self.next_seq = self.next_seq.max(first_seq).max(seqs_lost.end);
        self.push(Damage {
            segment: path.to_owned(),
            range: 0..len as u64,
            seqs_lost,
            reason: "no valid header, the segment can't be read".into(),
            quarantined: Some(target),
        });
        Ok(())
    }

    /// The end of a segment that another one follows: everything in it was durable before the other was made.
    fn judge_inner_tail(&mut self, path: &Path, bytes: &[u8], walk: &Walk, following: u64) {
        if walk.tail.is_none() && following <= self.next_seq {
            return;
        }
        let (range, reason) = match &walk.tail {
            Some((range, reason)) => (range.clone(), *reason),
            None => (walk.valid_end..bytes.len(), BadFrame::Sequence),
        };
        let seqs_lost = self.next_seq..following.max(self.next_seq);
        self.damaged(path, bytes, range, seqs_lost, reason);
        self.next_seq = self.next_seq.max(following);
    }

    /// The end of the last segment: cut behind the last valid frame. Zeros are no loss, bad bytes are reported.
    fn cut_tail(&mut self, path: &Path, bytes: &[u8], walk: &Walk) -> Result<Box<dyn FsFile>, LogError> {
        let mut file = self.fs.open(path).map_err(LogError::io("open", path))?;
        if walk.valid_end < bytes.len() {
            file.set_len(walk.valid_end as u64).map_err(LogError::io("cut", path))?;
        }
        if walk.tail.is_some() {
            self.torn(path, walk.valid_end..bytes.len());
        }
        Ok(file)
    }

    /// Nothing is published before it is durable here, so a log that ends below the floor has lost its end: a damaged last frame
    /// looks like a torn one, but the manifest remembers. (A log without any segment is a new one, or left out of a backup.)
    fn check_floor(&mut self, floor: u64) {
        if let Some(last) = self.segments.last()
            && self.next_seq < floor
        {
            let (path, end, seqs_lost) = (last.path.clone(), last.bytes as usize, self.next_seq..floor);
            self.damaged(&path, &[], end..end, seqs_lost, "the log ends before what was published from it");
        }
    }

    fn torn(&mut self, path: &Path, range: Range<usize>) {
        warn!(segment = %path.display(), ?range, "unfinished write at the end of the log cut off");
        self.report.torn = Some(TornTail { segment: path.to_owned(), range: range.start as u64..range.end as u64 });
    }

    fn damaged(&mut self, path: &Path, bytes: &[u8], range: Range<usize>, seqs_lost: Range<u64>, reason: impl ToString) {
        let quarantined = match self.copy_aside(path, bytes, &range) {
            Ok(copy) => copy,
            Err(cause) => {
                // The damaged bytes are still in the segment; a full or read-only disk must not keep the log from opening.
                warn!(segment = %path.display(), %cause, no_space = is_no_space(&cause), "damaged bytes not copied");
                None
            }
        };
        self.push(Damage {
            segment: path.to_owned(),
            range: range.start as u64..range.end as u64,
            seqs_lost,
            reason: reason.to_string(),
            quarantined,
        });
    }

    fn push(&mut self, damage: Damage) {
        let Damage { segment, range, seqs_lost, reason, .. } = &damage;
        error!(segment = %segment.display(), ?range, ?seqs_lost, reason, "the log is damaged");
        self.report.damage.push(damage);
    }

    fn copy_aside(&self, path: &Path, bytes: &[u8], range: &Range<usize>) -> std::io::Result<Option<PathBuf>> {
        if range.is_empty() {
            return Ok(None);
        }
        let name = path.file_name().expect("a segment has a name").to_string_lossy();
        let target = self.quarantine.join(format!("{name}.{}-{}", range.start, range.end));
        if !self.fs.exists(&target)? {
            self.fs.create_dir_all(&self.quarantine)?;
            self.fs.write_atomic(&target, &bytes[range.clone()])?;
        }
        Ok(Some(target))
    }
}
