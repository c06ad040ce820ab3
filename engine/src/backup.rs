//! Backups: all that is in splits at one time, as a data directory of its own, made while the engine works; and the check of a data directory.
//!
//! Splits never change once the manifest names them, so copying needs no lock. A merge may take splits away meanwhile; then the newest
//! manifest names their successors, and those are copied too, until everything that one state of the manifest names is there. That
//! state is what the copy's manifest holds. The log is not copied: what is acknowledged is committed to splits before the first copy.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::engine::{Engine, EngineError, Inner, LOG_DIR, MANIFEST_DIR, MANIFEST_PREFIX};
use crate::files;
use crate::fs::Fs;
use crate::journal::Journal;
use crate::log::{LocalLog, LogOptions};
use crate::manifest::{self, IndexUuid, ManifestState};
use crate::split::{FileMeta, SplitId, split_path};

/// Written last into a backup: without it the copy is not complete.
const BACKUP_FILE: &str = "BACKUP";

/// Bytes that are read at a time.
const CHUNK_BYTES: u64 = 8 << 20;

/// States of the manifest that are looked at before a backup gives up. Each takes only what merges made since the one before.
const ROUNDS_MAX: usize = 1_000;

/// What a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    /// When it was begun: what was acknowledged by then is in it.
    pub taken_ms: i64,
    /// Indices, backing indices of data streams among them.
    pub indices: usize,
    /// Splits.
    pub splits: usize,
    /// Bytes of the splits' files.
    pub bytes: u64,
    /// Splits that could not be copied because their files are not what the manifest says: they are not in the backup.
    pub damage: Vec<String>,
}

/// What the check of a data directory found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verification {
    /// Indices that the manifest names.
    pub indices: usize,
    /// Splits, all of whose files were read.
    pub splits: usize,
    /// Bytes of those files.
    pub bytes: u64,
    /// Records that the log holds.
    pub log_records: u64,
    /// A line for each thing that is not as it should be.
    pub damage: Vec<String>,
}

impl Engine {
    /// Copies everything that was acknowledged so far into `to`, which becomes a data directory. Writes and searches go on. The files are
    /// verified as they are copied, and durable when this returns.
    ///
    /// # Errors
    /// [`EngineError::IllegalArgument`] when there is something at `to`, [`EngineError::Io`] when it can't be written, and what
    /// [`Engine::commit`] answers. What was written until then stays there, and is no backup.
    pub fn backup(&self, to: &Path) -> Result<Backup, EngineError> {
        let inner = &self.inner;
        let fs = inner.fs();
        check_empty(&**fs, to)?;
        let taken = self.now();
        self.commit()?;
        fs.create_dir_all(to)?;
        let mut copied = BTreeSet::new();
        let (mut state, damage) = copy_splits(inner, to, &mut copied)?;
        for (uuid, id, _) in &damage {
            state.indices.get_mut(uuid).expect("damage is told of the state's splits").splits.remove(id);
        }
        // What a merge has replaced meanwhile is named no more.
        for (uuid, id) in &copied {
            if !state.indices.get(uuid).is_some_and(|it| it.splits.contains_key(id)) {
                files::remove(&**fs, &to.join(split_path(uuid, *id)))?;
            }
        }
        let (mut journal, _) = Journal::open(fs.clone(), &to.join(MANIFEST_DIR), MANIFEST_PREFIX)?;
        journal.append(&manifest::encode(&state.snapshot()))?;
        let backup = describe(&state, taken, damage.into_iter().map(|it| it.2).collect());
        finish(&**fs, to, &backup)?;
        Ok(backup)
    }

    /// Checks every file of a data directory that no process has open. The log is treated as at a start: a torn end is cut off.
    ///
    /// # Errors
    /// [`EngineError::DataDir`] when another process has it or a newer release wrote it, [`EngineError::Manifest`] when nothing can
    /// be told because the manifest itself is damaged. All other damage is in the answer.
    pub fn verify(fs: &Arc<dyn Fs>, data_dir: &Path) -> Result<Verification, EngineError> {
        if !fs.exists(&data_dir.join(MANIFEST_DIR))? {
            return Err(EngineError::DataDir(format!("[{}] is no data directory", data_dir.display())));
        }
        let _lock = files::claim(&**fs, data_dir)?;
        let state = read_manifest(fs, data_dir)?;
        let mut found = Verification { indices: state.indices.len(), ..Verification::default() };
        for (uuid, index) in &state.indices {
            for (id, meta) in &index.splits {
                found.splits += 1;
                found.bytes += meta.files.iter().map(|it| it.len).sum::<u64>();
                let directory = data_dir.join(split_path(uuid, *id));
                for file in &meta.files {
                    if let Err(problem) = read_verified(&**fs, &directory, file, |_| Ok(())) {
                        found.damage.push(format!("split {:016x} of index [{}]: {problem}", id.0, index.record.name));
                    }
                }
            }
        }
        let (log, report) = LocalLog::open_stepped(fs.clone(), &data_dir.join(LOG_DIR), log_options(&state, data_dir))?;
        drop(log);
        found.log_records = report.records;
        found.damage.extend(report.damage.iter().map(|it| format!("log [{}]: {}", it.segment.display(), it.reason)));
        Ok(found)
    }

    /// Makes the data directory `to` from the backup `from`, which stays as it is. Everything is verified.
    ///
    /// # Errors
    /// [`EngineError::IllegalArgument`] when `from` is no complete backup or there is something at `to`; [`EngineError::Damaged`] when a
    /// file of the backup is not what it was.
    pub fn restore(fs: &Arc<dyn Fs>, from: &Path, to: &Path) -> Result<Backup, EngineError> {
        let described = match fs.read(&from.join(BACKUP_FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(EngineError::IllegalArgument(format!("[{}] is not a complete backup: it has no file {BACKUP_FILE}", from.display())));
            }
            Err(error) => return Err(error.into()),
        };
        let backup: Backup = serde_json::from_slice(&described)
            .map_err(|error| EngineError::Damaged(format!("file [{}]: {error}", from.join(BACKUP_FILE).display())))?;
        check_empty(&**fs, to)?;
        fs.create_dir_all(to)?;
        copy_tree(&**fs, &from.join(MANIFEST_DIR), &to.join(MANIFEST_DIR))?;
        let state = read_manifest(fs, to)?;
        for (uuid, index) in &state.indices {
            for (id, meta) in &index.splits {
                let path = split_path(uuid, *id);
                match copy_split(&**fs, &from.join(&path), &to.join(&path), &meta.files)? {
                    None => {}
                    Some(problem) => return Err(EngineError::Damaged(format!("split {:016x} of index [{}]: {problem}", id.0, index.record.name))),
                }
            }
        }
        files::claim(&**fs, to).map(drop)?;
        Ok(backup)
    }
}

/// A split that a backup could not take, and why.
type Missing = (IndexUuid, SplitId, String);

/// Copies until all splits of one state of the manifest are there; that state, and what could not be copied of it.
fn copy_splits(inner: &Inner, to: &Path, copied: &mut BTreeSet<(IndexUuid, SplitId)>) -> Result<(ManifestState, Vec<Missing>), EngineError> {
    for _ in 0..ROUNDS_MAX {
        let state = inner.manifest_state();
        let mut missing = Vec::new();
        for (uuid, index) in &state.indices {
            for (id, meta) in &index.splits {
                if copied.contains(&(uuid.clone(), *id)) {
                    continue;
                }
                let target = to.join(split_path(uuid, *id));
                match copy_split(&**inner.fs(), &inner.split_dir(uuid, *id), &target, &meta.files)? {
                    None => {
                        copied.insert((uuid.clone(), *id));
                    }
                    Some(problem) => {
                        files::remove(&**inner.fs(), &target)?;
                        missing.push((uuid.clone(), *id, format!("split {:016x} of index [{}]: {problem}", id.0, index.record.name)));
                    }
                }
            }
        }
        // Gone because it was replaced, or damaged? The manifest of now knows.
        let now = inner.manifest_state();
        let is_named = |it: &Missing| now.indices.get(&it.0).is_some_and(|index| index.splits.contains_key(&it.1));
        if missing.iter().all(is_named) {
            return Ok((state, missing));
        }
    }
    Err(EngineError::IllegalArgument(format!("merges were faster than the backup {ROUNDS_MAX} times: is the target that slow?")))
}

/// Copies a split's files, durably. `Some` says what is wrong with the files it has; errors are those of the target.
fn copy_split(fs: &dyn Fs, from: &Path, to: &Path, split_files: &[FileMeta]) -> Result<Option<String>, EngineError> {
    fs.create_dir_all(to)?;
    for file in split_files {
        let mut copy = fs.create(&to.join(&file.name))?;
        match read_verified(fs, from, file, |bytes| copy.append(bytes)) {
            Ok(()) => copy.sync()?,
            Err(Unreadable::Source(problem)) => return Ok(Some(problem)),
            Err(Unreadable::Target(error)) => return Err(error.into()),
        }
    }
    fs.sync_dir(to)?;
    Ok(None)
}

/// Why a file was not read to its end.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    /// It is not what the manifest says.
    #[error("{0}")]
    Source(String),
    /// Whoever takes the bytes can't.
    #[error(transparent)]
    Target(io::Error),
}

/// Reads a file in pieces and compares length and checksum.
fn read_verified(fs: &dyn Fs, directory: &Path, file: &FileMeta, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), Unreadable> {
    let path = directory.join(&file.name);
    let wrong = |what: &str| Unreadable::Source(format!("file [{}]: {what}", path.display()));
    if fs.len(&path).map_err(|error| wrong(&error.to_string()))? != file.len {
        return Err(wrong("it does not have the length that the manifest says"));
    }
    let (mut at, mut sum) = (0, 0);
    while at < file.len {
        let end = file.len.min(at + CHUNK_BYTES);
        let bytes = fs.read_range(&path, at..end).map_err(|error| wrong(&error.to_string()))?;
        sum = crc32c::crc32c_append(sum, &bytes);
        take(&bytes).map_err(Unreadable::Target)?;
        at = end;
    }
    if sum == file.crc32c { Ok(()) } else { Err(wrong("it does not have the checksum that the manifest says")) }
}

/// Copies the files of a directory, durably.
fn copy_tree(fs: &dyn Fs, from: &Path, to: &Path) -> io::Result<()> {
    fs.create_dir_all(to)?;
    for entry in fs.list(from)?.into_iter().filter(|it| !it.is_dir) {
        let mut copy = fs.create(&to.join(&entry.name))?;
        copy.append(&fs.read(&from.join(&entry.name))?)?;
        copy.sync()?;
    }
    fs.sync_dir(to)
}

fn check_empty(fs: &dyn Fs, to: &Path) -> Result<(), EngineError> {
    if fs.exists(to)? && !fs.list(to)?.is_empty() {
        return Err(EngineError::IllegalArgument(format!("[{}] is not empty", to.display())));
    }
    Ok(())
}

fn describe(state: &ManifestState, taken: Timestamp, damage: Vec<String>) -> Backup {
    let splits = || state.indices.values().flat_map(|it| it.splits.values());
    let bytes = splits().flat_map(|it| &it.files).map(|it| it.len).sum();
    Backup { taken_ms: taken.0, indices: state.indices.len(), splits: splits().count(), bytes, damage }
}

/// Makes a directory of splits and a manifest a data directory and a backup.
fn finish(fs: &dyn Fs, to: &Path, backup: &Backup) -> Result<(), EngineError> {
    files::claim(fs, to).map(drop)?;
    fs.write_atomic(&to.join(BACKUP_FILE), &serde_json::to_vec_pretty(backup).expect("plain data"))?;
    Ok(())
}

fn read_manifest(fs: &Arc<dyn Fs>, data_dir: &Path) -> Result<ManifestState, EngineError> {
    let (_, records) = Journal::open(fs.clone(), &data_dir.join(MANIFEST_DIR), MANIFEST_PREFIX)?;
    ManifestState::from_records(&records)
}

/// How the log of a data directory is opened.
pub(crate) fn log_options(state: &ManifestState, data_dir: &Path) -> LogOptions {
    LogOptions {
        seq_floor: state.indices.values().map(|it| it.position).max().unwrap_or(0).max(crate::log::FIRST_SEQ),
        quarantine_dir: Some(data_dir.join("quarantine")),
        ..LogOptions::default()
    }
}
