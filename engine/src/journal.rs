//! A small file of checked records that is rewritten as a whole now and then: the manifest's file.
//!
//! `CURRENT` names the file in use; a rewrite writes a new one, syncs it, and renames a new `CURRENT` into place. A torn last
//! record is cut off (its write was never acknowledged); a bad record with a good one behind it is damage, and refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fs::{AppendFile, Fs, FsError};
use crate::log::{Frame, Scanned, encode, find_next, scan};

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refused.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// A record is damaged although others follow.
    #[error("file [{file}] is damaged at byte {at}")]
    Damaged {
        /// Its name.
        file: String,
        /// Where.
        at: usize,
    },
    /// A write failed before: what the file holds is not known.
    #[error("an earlier write failed; start again to recover")]
    Failed,
}

/// An open journal.
pub struct Journal {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    prefix: &'static str,
    number: u64,
    file: Box<dyn AppendFile>,
    bytes: u64,
    records: u64,
    is_failed: bool,
}

const CURRENT: &str = "CURRENT";

impl Journal {
    /// Opens the journal in `dir`, or begins one; answers its records in order.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when a record in the middle is bad.
    pub fn open(fs: Arc<dyn Fs>, dir: &str, prefix: &'static str) -> Result<(Self, Vec<Vec<u8>>), JournalError> {
        let dir = PathBuf::from(dir);
        fs.create_dir_all(&dir)?;
        let number = match fs.read(&dir.join(CURRENT)) {
            Ok(name) => {
                let name = String::from_utf8_lossy(&name).trim().to_owned();
                name.strip_prefix(prefix)
                    .and_then(|it| it.strip_prefix('-'))
                    .and_then(|it| it.parse().ok())
                    .ok_or(JournalError::Damaged { file: CURRENT.to_owned(), at: 0 })?
            }
            Err(error) if error.is_not_found() => {
                write_file(&*fs, &dir, prefix, 1, &[])?;
                1
            }
            Err(error) => return Err(error.into()),
        };
        let name = file_name(prefix, number);
        let path = dir.join(&name);
        let data = fs.read(&path)?;
        let mut records = Vec::new();
        let mut at = 0;
        loop {
            match scan(&data, at) {
                Scanned::Frame(frame, next) => {
                    records.push(frame.payload.to_vec());
                    at = next;
                }
                Scanned::End if at == data.len() => break,
                _ if find_next(&data, at + 1).is_some() => return Err(JournalError::Damaged { file: name, at }),
                _ => {
                    fs.truncate(&path, at as u64)?;
                    break;
                }
            }
        }
        for other in fs.list(&dir)? {
            if other != name && other != CURRENT {
                fs.remove_file(&dir.join(other))?;
            }
        }
        let file = fs.append_to(&path)?;
        let count = records.len() as u64;
        Ok((Self { fs, dir, prefix, number, file, bytes: at as u64, records: count, is_failed: false }, records))
    }

    /// Appends a record; it is durable when this returns.
    ///
    /// # Errors
    /// [`JournalError::Failed`] for ever after the first failure.
    pub fn append(&mut self, record: &[u8]) -> Result<(), JournalError> {
        if self.is_failed {
            return Err(JournalError::Failed);
        }
        let mut bytes = Vec::with_capacity(record.len() + 32);
        encode(&Frame { first_seq: self.records, count: 1, kind: 0, payload: record }, &mut bytes);
        // Set first: an error in between must not be forgotten.
        self.is_failed = true;
        self.file.append(&bytes)?;
        self.file.sync()?;
        self.is_failed = false;
        self.bytes += bytes.len() as u64;
        self.records += 1;
        Ok(())
    }

    /// Replaces all records by these, at once and durably.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn rewrite(&mut self, records: &[Vec<u8>]) -> Result<(), JournalError> {
        if self.is_failed {
            return Err(JournalError::Failed);
        }
        self.is_failed = true;
        let old = self.dir.join(file_name(self.prefix, self.number));
        self.number += 1;
        self.bytes = write_file(&*self.fs, &self.dir, self.prefix, self.number, records)?;
        self.records = records.len() as u64;
        self.file = self.fs.append_to(&self.dir.join(file_name(self.prefix, self.number)))?;
        self.is_failed = false;
        self.fs.remove_file(&old)?;
        Ok(())
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Writes a file of records, then makes it the current one.
fn write_file(fs: &dyn Fs, dir: &Path, prefix: &str, number: u64, records: &[Vec<u8>]) -> Result<u64, FsError> {
    let mut bytes = Vec::new();
    for (at, record) in records.iter().enumerate() {
        encode(&Frame { first_seq: at as u64, count: 1, kind: 0, payload: record }, &mut bytes);
    }
    let name = file_name(prefix, number);
    fs.write_new(&dir.join(&name), &bytes)?;
    let pointer = dir.join("CURRENT.new");
    fs.write_new(&pointer, name.as_bytes())?;
    fs.sync_dir(dir)?;
    fs.rename(&pointer, &dir.join(CURRENT))?;
    fs.sync_dir(dir)?;
    Ok(bytes.len() as u64)
}

fn file_name(prefix: &str, number: u64) -> String {
    format!("{prefix}-{number:06}")
}
