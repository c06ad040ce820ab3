//! A small file of records that only grows, each durable before `append` returns: how a shard's manifest is kept.
//!
//! Records are framed and summed like the log's ([`crate::log::frame`]). When the file has grown, [`Journal::rewrite`] replaces it by a
//! snapshot: a new file is written and synced, then the pointer `CURRENT` is swapped by a rename, so a crash leaves the old or the
//! new one. A torn last record is cut at opening; anything else that can't be read is [`JournalError::Damaged`], because
//! a manifest with a hole would resurrect or lose splits. Not for bulk data: each append costs a sync.
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use sekisho_engine::{fs::SimFs, journal::Journal};
//!
//! let fs = Arc::new(SimFs::new(1));
//! let (mut journal, records) = Journal::open(fs.clone(), Path::new("/shard-0"), "MANIFEST")?;
//! assert!(records.is_empty());
//! journal.append(b"{+split 1, seq 5000}")?;
//!
//! let after_a_power_cut = Arc::new(fs.crash());
//! let (_, records) = Journal::open(after_a_power_cut, Path::new("/shard-0"), "MANIFEST")?;
//! assert_eq!(records, [b"{+split 1, seq 5000}"]);
//! # Ok::<(), sekisho_engine::journal::JournalError>(())
//! ```
//!
//! The bytes on disk: `docs/format/manifest.md`.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::warn;

use crate::fs::{Fs, FsFile, is_no_space};
use crate::log::frame::{Frame, HEADER_BYTES, PAYLOAD_BYTES_MAX, encode, payload_crc};
use crate::log::header::{self, BadHeader, FRAMES_START, FileHeader, FileKind, random_salt_seed};
use crate::log::walk;

/// The name of the pointer file.
const POINTER: &str = "CURRENT";

/// An open journal. One writer: whoever owns it.
#[derive(Debug)]
pub struct Journal {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    prefix: String,
    file: JournalFile,
    /// The newest generation whose name may be in use.
    generation: u64,
    torn_bytes: u64,
    failed: Option<Arc<str>>,
}

/// The file that `CURRENT` names.
#[derive(Debug)]
struct JournalFile {
    handle: Box<dyn FsFile>,
    path: PathBuf,
    salt: u64,
    next_seq: u64,
    bytes: u64,
}

/// Why a journal refuses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The file holds something else than what was written.
    #[error("[{}] is damaged: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// The disk or the quota is full. The journal is as before; the same call may succeed later.
    #[error("no space left for [{}]", file.display())]
    NoSpace {
        /// The file that did not fit.
        file: PathBuf,
    },
    /// A write or sync failed half-way: only opening again shows what the disk holds.
    #[error("the journal failed and takes no records until it is opened again: {reason}")]
    Failed {
        /// The first failure.
        reason: Arc<str>,
    },
    /// One record is larger than any reader would accept.
    #[error("a journal record of {bytes} bytes is over the limit of {bytes_max}")]
    TooLarge {
        /// Bytes of the record.
        bytes: usize,
        /// The limit, [`PAYLOAD_BYTES_MAX`].
        bytes_max: usize,
    },
    /// A file of a later format. Nothing was touched.
    #[error("[{}] has journal format {version}; this version reads up to {}", file.display(), header::VERSION)]
    Version {
        /// The file.
        file: PathBuf,
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

impl Journal {
    /// Opens the journal in `dir`, or creates an empty one, and returns its records in order. `dir` holds nothing else whose name
    /// starts with `prefix`, and one journal only.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] naming the file, [`JournalError::Version`], [`JournalError::Io`].
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, prefix: &str) -> Result<(Self, Vec<Vec<u8>>), JournalError> {
        fs.create_dir_all(dir).map_err(io_error("create", dir))?;
        let pointer = dir.join(POINTER);
        let pointed = match fs.read(&pointer) {
            Ok(bytes) => Some(
                parse_pointer(&bytes, prefix)
                    .ok_or_else(|| JournalError::Damaged { file: pointer.clone(), reason: "it does not name a file of this journal".into() })?,
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io_error("read", &pointer)(error)),
        };
        let (journal, records) = match pointed {
            Some(generation) => Self::open_generation(fs, dir, prefix, generation)?,
            None => (Self::create(fs, dir, prefix)?, Vec::new()),
        };
        journal.remove_leftovers()?;
        Ok((journal, records))
    }

    /// Adds a record, durably.
    ///
    /// # Errors
    /// [`JournalError::TooLarge`] and [`JournalError::NoSpace`] leave the journal as it was; after [`JournalError::Failed`] the record may or may
    /// not be there.
    pub fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
        self.check()?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + record.len());
        encode_record(&mut bytes, self.file.salt, self.file.next_seq, record)?;
        if let Err(error) = self.file.handle.append(&bytes) {
            return Err(self.undo(error));
        }
        if let Err(error) = self.file.handle.sync() {
            return Err(self.fail("sync", error));
        }
        self.file.bytes += bytes.len() as u64;
        self.file.next_seq += 1;
        Ok(())
    }

    /// Replaces all records by `records`, durably and atomically, and frees the old file.
    ///
    /// # Errors
    /// As [`Journal::append`]; on every error but [`JournalError::Failed`] the old records stand and the journal goes on.
    pub fn rewrite(&mut self, records: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<(), JournalError> {
        self.check()?;
        self.generation += 1;
        let path = file_path(&self.dir, &self.prefix, self.generation);
        let staged_pointer = self.dir.join(format!("{POINTER}.tmp"));
        let staged = self.stage(&path, &staged_pointer, records);
        let file = match staged {
            Ok(file) => file,
            Err(error) => {
                // Names nobody points to; if removing fails, the next opening tidies up.
                let _ = self.fs.remove(&path);
                let _ = self.fs.remove(&staged_pointer);
                return Err(error);
            }
        };
        if let Err(error) = self.fs.rename(&staged_pointer, &self.dir.join(POINTER)) {
            return Err(self.fail("rename the pointer of", error));
        }
        if let Err(error) = self.fs.sync_dir(&self.dir) {
            return Err(self.fail("sync the directory of", error));
        }
        let old = std::mem::replace(&mut self.file, file);
        if let Err(cause) = self.fs.remove(&old.path) {
            warn!(file = %old.path.display(), %cause, "old journal file stays until the next start");
        }
        Ok(())
    }

    /// Bytes of the file: tells when a rewrite pays.
    pub fn bytes(&self) -> u64 {
        self.file.bytes
    }

    /// Bytes of the unfinished record that opening cut off; 0 after an orderly stop.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    fn open_generation(fs: Arc<dyn Fs>, dir: &Path, prefix: &str, generation: u64) -> Result<(Self, Vec<Vec<u8>>), JournalError> {
        let path = file_path(dir, prefix, generation);
        let damaged = |reason: String| JournalError::Damaged { file: path.clone(), reason };
        let bytes = match fs.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(format!("{POINTER} names it and it is missing")));
            }
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        let read = match FileHeader::decode(FileKind::Journal, &bytes) {
            Ok(read) if read.header.number == generation => read,
            Ok(_) => return Err(damaged("it is a file of another generation".into())),
            Err(BadHeader::Damaged) => return Err(damaged("no valid header".into())),
            Err(BadHeader::Version(version)) => return Err(JournalError::Version { file: path, version }),
        };
        if let Some(range) = read.damaged {
            // The next rewrite heals it.
            warn!(file = %path.display(), ?range, "spare copy of the header is damaged");
        }
        let mut records = Vec::new();
        let walk = walk(&bytes, read.header.salt, 0, &mut |frame| {
            records.push(frame.payload.to_vec());
            ControlFlow::Continue(())
        });
        if let Some(lost) = walk.lost.first() {
            let (range, seqs) = (&lost.range, &lost.seqs);
            let reason = format!("bytes {range:?}, records {seqs:?}: {}; valid records follow", lost.reason);
            return Err(damaged(reason));
        }
        let mut handle = fs.open(&path).map_err(io_error("open", &path))?;
        let mut torn_bytes = 0;
        if walk.valid_end < bytes.len() {
            handle.set_len(walk.valid_end as u64).map_err(io_error("cut", &path))?;
        }
        if walk.tail.is_some() {
            torn_bytes = (bytes.len() - walk.valid_end) as u64;
            warn!(file = %path.display(), torn_bytes, "unfinished record at the end of the journal cut off");
        }
        // What a killed process left may be visible and not durable. The caller acts on it from here on.
        handle.sync().map_err(io_error("sync", &path))?;
        fs.sync_dir(dir).map_err(io_error("sync", dir))?;
        let salt = read.header.salt;
        let file = JournalFile { handle, path, salt, next_seq: walk.next_seq, bytes: walk.valid_end as u64 };
        let journal = Self { fs, dir: dir.to_owned(), prefix: prefix.to_owned(), file, generation, torn_bytes, failed: None };
        Ok((journal, records))
    }

    /// The first file of a new journal. There is no pointer, so no record was ever accepted here, or the pointer was lost.
    fn create(fs: Arc<dyn Fs>, dir: &Path, prefix: &str) -> Result<Self, JournalError> {
        for (generation, path) in files(&*fs, dir, prefix)? {
            let bytes = fs.read(&path).map_err(io_error("read", &path))?;
            // A file that holds records, or did, was pointed to once; a new journal's first file has none when it is cut short.
            let is_unused = match FileHeader::decode(FileKind::Journal, &bytes) {
                Ok(_) | Err(BadHeader::Damaged) => bytes.len() <= FRAMES_START && generation == 1,
                Err(BadHeader::Version(_)) => false,
            };
            if !is_unused {
                let reason = format!("it is missing, and [{}] holds records", path.display());
                return Err(JournalError::Damaged { file: dir.join(POINTER), reason });
            }
            fs.remove(&path).map_err(io_error("remove", &path))?;
        }
        let path = file_path(dir, prefix, 1);
        let file = write_file(&*fs, dir, &path, 1, std::iter::empty::<&[u8]>())?;
        let pointer = dir.join(POINTER);
        fs.write_atomic(&pointer, &pointer_bytes(prefix, 1)).map_err(io_error("write", &pointer))?;
        let (dir, prefix) = (dir.to_owned(), prefix.to_owned());
        Ok(Self { fs, dir, prefix, file, generation: 1, torn_bytes: 0, failed: None })
    }

    /// Everything of a rewrite that can still be given up: the new file and the new pointer under a passing name.
    fn stage(&self, path: &Path, staged_pointer: &Path, records: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<JournalFile, JournalError> {
        let file = write_file(&*self.fs, &self.dir, path, self.generation, records)?;
        let mut pointer = self.fs.create(staged_pointer).map_err(io_error("create", staged_pointer))?;
        let bytes = pointer_bytes(&self.prefix, self.generation);
        pointer.append(&bytes).map_err(io_error("write", staged_pointer))?;
        pointer.sync().map_err(io_error("sync", staged_pointer))?;
        Ok(file)
    }

    fn remove_leftovers(&self) -> Result<(), JournalError> {
        let mut leftovers: Vec<PathBuf> = files(&*self.fs, &self.dir, &self.prefix)?.into_iter().map(|it| it.1).collect();
        leftovers.retain(|path| *path != self.file.path);
        leftovers.push(self.dir.join(format!("{POINTER}.tmp")));
        for path in leftovers {
            match self.fs.remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &path)(error)),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), JournalError> {
        match &self.failed {
            Some(reason) => Err(JournalError::Failed { reason: Arc::clone(reason) }),
            None => Ok(()),
        }
    }

    /// Takes back an append that met a full disk.
    fn undo(&mut self, error: io::Error) -> JournalError {
        if !is_no_space(&error) {
            return self.fail("write", error);
        }
        if let Err(error) = self.file.handle.set_len(self.file.bytes) {
            return self.fail("cut", error);
        }
        match self.file.handle.sync() {
            Ok(()) => JournalError::NoSpace { file: self.file.path.clone() },
            Err(error) => self.fail("sync", error),
        }
    }

    fn fail(&mut self, action: &str, error: io::Error) -> JournalError {
        let reason: Arc<str> = format!("can't {action} [{}]: {error}", self.file.path.display()).into();
        tracing::error!(%reason, "the journal failed");
        self.failed = Some(Arc::clone(&reason));
        JournalError::Failed { reason }
    }
}

/// Writes a whole file, durably, name included.
fn write_file(
    fs: &dyn Fs,
    dir: &Path,
    path: &Path,
    generation: u64,
    records: impl IntoIterator<Item = impl AsRef<[u8]>>,
) -> Result<JournalFile, JournalError> {
    let salt = header::salt(random_salt_seed(), generation);
    let mut bytes = FileHeader { kind: FileKind::Journal, number: generation, salt }.encode();
    let mut next_seq = 0;
    for record in records {
        encode_record(&mut bytes, salt, next_seq, record.as_ref())?;
        next_seq += 1;
    }
    let mut handle = fs.create(path).map_err(io_error("create", path))?;
    handle.append(&bytes).map_err(io_error("write", path))?;
    handle.sync().map_err(io_error("sync", path))?;
    fs.sync_dir(dir).map_err(io_error("sync", dir))?;
    Ok(JournalFile { handle, path: path.to_owned(), salt, next_seq, bytes: bytes.len() as u64 })
}

fn encode_record(out: &mut Vec<u8>, salt: u64, seq: u64, record: &[u8]) -> Result<(), JournalError> {
    if record.len() > PAYLOAD_BYTES_MAX {
        return Err(JournalError::TooLarge { bytes: record.len(), bytes_max: PAYLOAD_BYTES_MAX });
    }
    let frame = Frame { first_seq: seq, count: 1, kind: 0, payload: record };
    encode(out, salt, &frame, payload_crc(record));
    Ok(())
}

fn file_path(dir: &Path, prefix: &str, generation: u64) -> PathBuf {
    dir.join(format!("{prefix}-{generation:06}"))
}

/// The generation in a file name of this journal.
fn parse_file_name(name: &str, prefix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix)?.strip_prefix('-')?;
    (digits.len() >= 6 && digits.bytes().all(|it| it.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

fn files(fs: &dyn Fs, dir: &Path, prefix: &str) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let entries = fs.list(dir).map_err(io_error("list", dir))?;
    let parsed = entries.iter().filter_map(|it| Some((parse_file_name(it.name.to_str()?, prefix)?, dir.join(&it.name))));
    Ok(parsed.collect())
}

/// `MANIFEST-000008 1a2b3c4d` and a line feed: the name, and its CRC32C in hex.
fn pointer_bytes(prefix: &str, generation: u64) -> Vec<u8> {
    let name = format!("{prefix}-{generation:06}");
    format!("{name} {:08x}\n", crc32c::crc32c(name.as_bytes())).into_bytes()
}

fn parse_pointer(bytes: &[u8], prefix: &str) -> Option<u64> {
    let (name, _) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
    let generation = parse_file_name(name, prefix)?;
    (pointer_bytes(prefix, generation) == bytes).then_some(generation)
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| match is_no_space(&source) {
        true => JournalError::NoSpace { file: path },
        false => JournalError::Io { action, path, source: Arc::new(source) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::{RealFs, SimFs};

    fn open(fs: &SimFs) -> Result<(Journal, Vec<Vec<u8>>), JournalError> {
        Journal::open(Arc::new(fs.clone()), Path::new("/s"), "MANIFEST")
    }

    fn names(fs: &SimFs) -> Vec<String> {
        fs.list(Path::new("/s")).unwrap().into_iter().map(|it| it.name.into_string().unwrap()).collect()
    }

    #[test]
    fn records_come_back_in_order_on_a_real_disk() {
        let tmp = tempfile::tempdir().unwrap();
        let fs = Arc::new(RealFs);
        let (mut journal, records) = Journal::open(fs.clone(), tmp.path(), "MANIFEST").unwrap();
        assert!(records.is_empty());
        journal.append(b"one").unwrap();
        journal.append(b"").unwrap();
        journal.rewrite([&b"both"[..], b"again"]).unwrap();
        journal.append(b"three").unwrap();
        drop(journal);
        let (journal, records) = Journal::open(fs, tmp.path(), "MANIFEST").unwrap();
        assert_eq!(records, [&b"both"[..], b"again", b"three"]);
        assert_eq!(journal.bytes(), std::fs::metadata(tmp.path().join("MANIFEST-000002")).unwrap().len());
        assert_eq!(std::fs::read_dir(tmp.path()).unwrap().count(), 2);
    }

    #[test]
    fn last_record_cut_at_any_byte_is_dropped_alone() {
        let fs = SimFs::new(1);
        let (mut journal, _) = open(&fs).unwrap();
        journal.append(b"one").unwrap();
        let whole = journal.bytes();
        journal.append(b"second").unwrap();
        let path = Path::new("/s/MANIFEST-000001");
        let bytes = fs.read(path).unwrap();
        for cut in whole as usize..bytes.len() {
            let fs = SimFs::new(1);
            drop(open(&fs).unwrap());
            let mut file = fs.open(path).unwrap();
            file.set_len(0).unwrap();
            file.append(&bytes[..cut]).unwrap();
            let (mut journal, records) = open(&fs).unwrap();
            assert_eq!(records, [b"one"], "cut at {cut}");
            assert_eq!(journal.torn_bytes(), cut as u64 - whole);
            journal.append(b"next").unwrap();
            assert_eq!(open(&fs).unwrap().1, [&b"one"[..], b"next"]);
        }
    }

    #[test]
    fn damage_before_the_last_record_is_an_error_that_names_the_file() {
        let fs = SimFs::new(1);
        let (mut journal, _) = open(&fs).unwrap();
        journal.append(b"one").unwrap();
        journal.append(b"two").unwrap();
        fs.corrupt(Path::new("/s/MANIFEST-000001"), FRAMES_START + 33, b"?");
        let error = open(&fs).unwrap_err();
        assert!(matches!(&error, JournalError::Damaged { file, .. } if file.ends_with("MANIFEST-000001")), "{error}");
    }

    #[test]
    fn lost_or_damaged_pointer_never_reads_as_an_empty_journal() {
        let fs = SimFs::new(1);
        let (mut journal, _) = open(&fs).unwrap();
        journal.append(b"one").unwrap();
        fs.corrupt(Path::new("/s/CURRENT"), 14, b"2");
        assert!(matches!(open(&fs), Err(JournalError::Damaged { file, .. }) if file.ends_with("CURRENT")));
        fs.remove(Path::new("/s/CURRENT")).unwrap();
        assert!(matches!(open(&fs), Err(JournalError::Damaged { file, .. }) if file.ends_with("CURRENT")));
    }

    #[test]
    fn full_disk_refuses_and_lets_go_on_later() {
        let fs = SimFs::new(1);
        let (mut journal, _) = open(&fs).unwrap();
        journal.append(b"one").unwrap();
        let before = names(&fs);
        fs.set_bytes_max(Some(journal.bytes() + 60));
        assert!(matches!(journal.append(&[7; 100]), Err(JournalError::NoSpace { .. })));
        assert!(matches!(journal.rewrite([b"all"]), Err(JournalError::NoSpace { .. })));
        assert_eq!(names(&fs), before);
        fs.set_bytes_max(None);
        journal.append(b"two").unwrap();
        journal.rewrite([b"all"]).unwrap();
        journal.append(b"three").unwrap();
        assert_eq!(open(&fs.crash()).unwrap().1, [&b"all"[..], b"three"]);
    }

    #[test]
    fn failed_sync_is_final() {
        let fs = SimFs::new(1);
        let (mut journal, _) = open(&fs).unwrap();
        fs.fail_next_sync();
        assert!(matches!(journal.append(b"one"), Err(JournalError::Failed { .. })));
        assert!(matches!(journal.append(b"two"), Err(JournalError::Failed { .. })));
        assert!(matches!(journal.rewrite([b"two"]), Err(JournalError::Failed { .. })));
    }

    #[test]
    fn documented_example_decodes() {
        let page = include_str!("../../docs/format/manifest.md");
        let line = page.lines().find(|it| it.starts_with("MANIFEST-")).expect("the page shows a pointer");
        let example = format!("{line}\n").into_bytes();
        assert_eq!(parse_pointer(&example, "MANIFEST"), Some(8));
        assert_eq!(example, pointer_bytes("MANIFEST", 8));
    }
}
