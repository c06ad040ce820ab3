//! The seam between the engine and the disk, for everything whose durability matters: the log, the manifest, the files of a
//! split.
//!
//! [`RealFs`] is the operating system. [`SimFs`] is a disk in memory that knows what was synced and what was not, fails where
//! a seed says so, and shows what may be left after a power cut. Code above this trait is written once and tested on both.
//!
//! The contract is POSIX at its strictest. Bytes are durable after [`FsFile::sync`] of their file; a created, renamed or removed
//! name is durable after [`Fs::sync_dir`] of its directory; nothing else is. A failed sync is final: the caller must not sync
//! the same file again and believe the answer, because the kernel may have dropped the pages.
//!
//! ```
//! use std::path::Path;
//! use sekisho_engine::fs::{Fs, SimFs};
//!
//! let fs = SimFs::new(42);
//! fs.create_dir_all(Path::new("/data"))?;
//! fs.write_atomic(Path::new("/data/FORMAT"), b"1\n")?;
//! assert_eq!(fs.crash().read(Path::new("/data/FORMAT"))?, b"1\n");
//! # std::io::Result::Ok(())
//! ```

mod real;
mod sim;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use real::RealFs;
pub use sim::{SimFs, SimulatedCrash};

/// A file system. Shared as `Arc<dyn Fs>`; every method may be called from several threads.
pub trait Fs: Send + Sync + fmt::Debug {
    /// Creates an empty file and opens it for appending and reading.
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken, `NotFound` when the directory is missing.
    fn create(&self, path: &Path) -> io::Result<Box<dyn FsFile>>;

    /// Opens an existing file for appending and reading.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open(&self, path: &Path) -> io::Result<Box<dyn FsFile>>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Reads exactly the bytes `range` of a file.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file is shorter, `NotFound` when there is none.
    fn read_range(&self, path: &Path, range: Range<u64>) -> io::Result<Vec<u8>>;

    /// Length of a file in bytes.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn len(&self, path: &Path) -> io::Result<u64>;

    /// Whether a file or directory of that name is there.
    ///
    /// # Errors
    /// When the file system can't say.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Gives a file another name, atomically replacing a file that has it. Durable after [`Fs::sync_dir`] of both directories.
    ///
    /// # Errors
    /// `NotFound` when there is no `from`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Handles that are open go on reading it.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory with everything in it. Not atomic: a crash may leave a part.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// The entries of a directory, sorted by name.
    ///
    /// # Errors
    /// `NotFound` when there is no such directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;

    /// Creates a directory and its missing parents, durably: each parent that gained an entry is synced.
    ///
    /// # Errors
    /// When a parent is a file or can't be written.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in `dir` durable: everything created, renamed or removed there so far.
    ///
    /// # Errors
    /// A failed sync is final, see the module's contract.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the exclusive lock on a file, creating it when missing. Held until the guard is dropped or the process ends.
    ///
    /// # Errors
    /// `WouldBlock` when another holder, in this process or another, has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn FsLock>>;

    /// Whether paths are the operating system's, so that files can be mapped into memory.
    fn is_real(&self) -> bool {
        false
    }

    /// Replaces a small file as a whole, durably: after a crash it is the old or the new one, never a mixture.
    ///
    /// # Errors
    /// The old file is untouched unless the rename or the last directory sync failed; then either may be there.
    fn write_atomic(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = temporary_name(path);
        match self.remove(&temporary) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = self.create(&temporary)?;
        file.append(bytes)?;
        file.sync()?;
        drop(file);
        self.rename(&temporary, path)?;
        self.sync_dir(parent(path))
    }
}

/// An open file. Appends go to its end.
pub trait FsFile: Send + Sync + fmt::Debug {
    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// Part of the bytes may have been written; [`FsFile::set_len`] removes them.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes content and length durable (`fdatasync`).
    ///
    /// # Errors
    /// Final, see the module's contract.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `len` bytes, or extends it with zeros.
    ///
    /// # Errors
    /// When the file can't be changed.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Length in bytes, with what is not synced yet.
    ///
    /// # Errors
    /// When the file can't be asked.
    fn len(&self) -> io::Result<u64>;

    /// Whether nothing is in it.
    ///
    /// # Errors
    /// When the file can't be asked.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Holds a lock as long as it lives.
pub trait FsLock: Send + Sync + fmt::Debug {}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The name without its directory.
    pub name: OsString,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Length in bytes; 0 for a directory.
    pub bytes: u64,
}

/// Whether an error says that the disk or the quota is full, the one write failure that passes by itself.
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The directory of a path; the current one for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or(OsStr::new("file")).to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}
