//! The writing half of a [`LocalLog`](super::LocalLog): one write and one sync for a group of frames, and the rolling of segments.
//!
//! It has no thread and no queue of its own, so that a simulation can step it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{Frame, HEADER_BYTES, encode};
use super::header::{FRAMES_START, FileHeader, FileKind, salt};
use super::segment::{Segment, path};
use super::ticket::Completion;
use crate::fs::{Fs, FsFile, is_no_space};

/// A frame on its way to the disk.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) first_seq: u64,
    pub(super) count: u32,
    pub(super) kind: u8,
    pub(super) payload: Box<[u8]>,
    pub(super) payload_crc: u32,
    pub(super) completion: Completion,
    pub(super) queued_at: std::time::Instant,
}

impl Pending {
    /// Bytes it will take in the file.
    pub(super) fn encoded_bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }
}

/// Why a group did not become durable.
#[derive(Debug)]
pub(super) enum WriteFailure {
    /// The disk is full, and the file is durably as it was before: the next group may try again.
    NoSpace,
    /// Nobody knows what the disk holds.
    Final { action: &'static str, path: PathBuf, error: io::Error },
}

#[derive(Debug)]
pub(super) struct Writer {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    salt_seed: u64,
    segment_bytes_max: u64,
    active: Option<Active>,
    /// Kept from group to group, so that a steady load allocates nothing.
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Active {
    file: Box<dyn FsFile>,
    segment: Segment,
}

impl Writer {
    pub(super) fn new(fs: Arc<dyn Fs>, dir: &Path, salt_seed: u64, segment_bytes_max: u64, active: Option<(Box<dyn FsFile>, Segment)>) -> Self {
        let active = active.map(|(file, segment)| Active { file, segment });
        Self { fs, dir: dir.to_owned(), salt_seed, segment_bytes_max, active, buffer: Vec::new() }
    }

    /// Writes the frames behind each other and syncs once. Returns the segment they went to, as it is now.
    pub(super) fn write(&mut self, group: &[Pending]) -> Result<Segment, WriteFailure> {
        let bytes: usize = group.iter().map(Pending::encoded_bytes).sum();
        if let Some(active) = &self.active
            && active.segment.bytes + bytes as u64 > self.segment_bytes_max
            && active.segment.bytes > FRAMES_START as u64
        {
            self.active = None;
        }
        let first_seq = group.first().expect("a group has a frame").first_seq;
        let mut active = match self.active.take() {
            Some(active) => active,
            None => self.create(first_seq)?,
        };
        self.buffer.clear();
        for it in group {
            let frame = Frame { first_seq: it.first_seq, count: it.count, kind: it.kind, payload: &it.payload };
            encode(&mut self.buffer, active.segment.salt, &frame, it.payload_crc);
        }
        if let Err(error) = active.file.append(&self.buffer) {
            active.undo(error)?;
            self.active = Some(active);
            return Err(WriteFailure::NoSpace);
        }
        active.file.sync().map_err(failed("sync", &active.segment.path))?;
        active.segment.bytes += self.buffer.len() as u64;
        let segment = active.segment.clone();
        self.active = Some(active);
        Ok(segment)
    }

    /// Makes a segment durable, content and name, before any frame goes into it.
    fn create(&mut self, first_seq: u64) -> Result<Active, WriteFailure> {
        let path = path(&self.dir, first_seq);
        let header = FileHeader { kind: FileKind::Segment, number: first_seq, salt: salt(self.salt_seed, first_seq) };
        let mut file = match self.fs.create(&path) {
            Err(error) if is_no_space(&error) => return Err(WriteFailure::NoSpace),
            created => created.map_err(failed("create", &path))?,
        };
        if let Err(error) = file.append(&header.encode()) {
            if !is_no_space(&error) {
                return Err(failed("write", &path)(error));
            }
            drop(file);
            self.fs.remove(&path).map_err(failed("remove", &path))?;
            return Err(WriteFailure::NoSpace);
        }
        file.sync().map_err(failed("sync", &path))?;
        self.fs.sync_dir(&self.dir).map_err(failed("sync", &self.dir))?;
        let segment = Segment { path, first_seq, salt: header.salt, bytes: FRAMES_START as u64 };
        Ok(Active { file, segment })
    }
}

impl Active {
    /// Takes back a write that met a full disk. Synced, because the frames are about to be refused: they must not come back.
    fn undo(&mut self, error: io::Error) -> Result<(), WriteFailure> {
        let path = &self.segment.path;
        if !is_no_space(&error) {
            return Err(failed("write", path)(error));
        }
        self.file.set_len(self.segment.bytes).map_err(failed("cut", path))?;
        self.file.sync().map_err(failed("sync", path))
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WriteFailure {
    move |error| WriteFailure::Final { action, path: path.to_owned(), error }
}
