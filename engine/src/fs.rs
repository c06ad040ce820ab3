//! The seam between the engine and the disk: what the log, the manifest and the durability of split files need, and no more.
//!
//! All paths are relative to the data directory. [`RealFs`] is the operating system; [`crate::sim::SimFs`] is a disk in memory that
//! loses what was not synced, from a seed.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A failed file operation.
#[derive(Debug, thiserror::Error)]
#[error("{operation} [{path}]: {source}")]
pub struct FsError {
    /// What was tried.
    pub operation: &'static str,
    /// On which file.
    pub path: String,
    /// Why it failed.
    pub source: std::io::Error,
}

impl FsError {
    pub(crate) fn new(operation: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self { operation, path: path.display().to_string(), source }
    }

    /// Whether there is no such file.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == std::io::ErrorKind::NotFound
    }
}

/// A disk.
pub trait Fs: Debug + Send + Sync {
    /// Opens a file to append to; creates it where it does not exist (not durable until the directory is synced).
    ///
    /// # Errors
    /// [`FsError`] of the operating system, as in all methods here.
    fn append_to(&self, path: &Path) -> Result<Box<dyn AppendFile>, FsError>;

    /// Reads a whole file.
    fn read(&self, path: &Path) -> Result<Vec<u8>, FsError>;

    /// Reads `len` bytes from `offset`; fewer at the end of the file.
    fn read_at(&self, path: &Path, offset: u64, len: usize) -> Result<Vec<u8>, FsError>;

    /// Length of a file.
    fn len(&self, path: &Path) -> Result<u64, FsError>;

    /// Cuts a file and syncs it.
    fn truncate(&self, path: &Path, len: u64) -> Result<(), FsError>;

    /// Writes a whole new file and syncs it; the caller syncs the directory.
    fn write_new(&self, path: &Path, data: &[u8]) -> Result<(), FsError>;

    /// Syncs a file that something else wrote.
    fn sync(&self, path: &Path) -> Result<(), FsError>;

    /// Renames, replacing; the caller syncs the directory.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), FsError>;

    /// Removes a file; the caller syncs the directory where that matters.
    fn remove_file(&self, path: &Path) -> Result<(), FsError>;

    /// Removes a directory with all that is in it.
    fn remove_dir_all(&self, path: &Path) -> Result<(), FsError>;

    /// Creates a directory and those above it, durably.
    fn create_dir_all(&self, path: &Path) -> Result<(), FsError>;

    /// Names in a directory, sorted; empty where the directory does not exist.
    fn list(&self, path: &Path) -> Result<Vec<String>, FsError>;

    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, path: &Path) -> Result<(), FsError>;

    /// Takes the lock that keeps a second process out; it is held until the value is dropped.
    fn lock(&self, path: &Path) -> Result<Box<dyn Debug + Send + Sync>, FsError>;

    /// The directory on the real disk, for memory maps; `None` for a simulated disk.
    fn real_path(&self, path: &Path) -> Option<PathBuf>;

    /// A split's directory on a simulated disk.
    ///
    /// # Panics
    /// On a disk that has a [`Fs::real_path`].
    fn directory(&self, path: &Path) -> Box<dyn tantivy::Directory> {
        unreachable!("a real disk is read through memory maps: {}", path.display())
    }
}

/// A file that is appended to.
pub trait AppendFile: Send {
    /// Appends; not durable.
    ///
    /// # Errors
    /// As [`Fs`]; what was written of the data is unknown then.
    fn append(&mut self, data: &[u8]) -> Result<(), FsError>;

    /// Makes everything appended durable (`fdatasync`).
    ///
    /// # Errors
    /// After an error nothing is known of what was appended since the last sync, for ever: the kernel may have dropped the pages.
    fn sync(&mut self) -> Result<(), FsError>;
}

/// The operating system's files below one directory.
#[derive(Clone, Debug)]
pub struct RealFs {
    root: PathBuf,
}

impl RealFs {
    /// Files below `root`, which is created.
    ///
    /// # Errors
    /// When it can't be.
    pub fn new(root: &Path) -> Result<Self, FsError> {
        std::fs::create_dir_all(root).map_err(|error| FsError::new("create directory", root, error))?;
        Ok(Self { root: root.to_owned() })
    }

    fn run<T>(&self, operation: &'static str, path: &Path, run: impl FnOnce(PathBuf) -> std::io::Result<T>) -> Result<T, FsError> {
        run(self.root.join(path)).map_err(|error| FsError::new(operation, path, error))
    }
}

impl Fs for RealFs {
    fn append_to(&self, path: &Path) -> Result<Box<dyn AppendFile>, FsError> {
        let file = self.run("open", path, |it| OpenOptions::new().append(true).create(true).open(it))?;
        Ok(Box::new(RealAppend { file, path: path.to_owned() }))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, FsError> {
        self.run("read", path, std::fs::read)
    }

    fn read_at(&self, path: &Path, offset: u64, len: usize) -> Result<Vec<u8>, FsError> {
        self.run("read", path, |it| {
            let file = File::open(it)?;
            let mut data = vec![0; len];
            let mut filled = 0;
            while filled < len {
                match file.read_at(&mut data[filled..], offset + filled as u64)? {
                    0 => break,
                    n => filled += n,
                }
            }
            data.truncate(filled);
            Ok(data)
        })
    }

    fn len(&self, path: &Path) -> Result<u64, FsError> {
        self.run("stat", path, |it| std::fs::metadata(it).map(|it| it.len()))
    }

    fn truncate(&self, path: &Path, len: u64) -> Result<(), FsError> {
        self.run("truncate", path, |it| {
            let file = OpenOptions::new().write(true).open(it)?;
            file.set_len(len)?;
            file.sync_all()
        })
    }

    fn write_new(&self, path: &Path, data: &[u8]) -> Result<(), FsError> {
        self.run("write", path, |it| {
            let mut file = File::create(it)?;
            file.write_all(data)?;
            file.sync_all()
        })
    }

    fn sync(&self, path: &Path) -> Result<(), FsError> {
        self.run("sync", path, |it| File::open(it)?.sync_all())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), FsError> {
        self.run("rename", from, |it| std::fs::rename(it, self.root.join(to)))
    }

    fn remove_file(&self, path: &Path) -> Result<(), FsError> {
        self.run("remove", path, std::fs::remove_file)
    }

    fn remove_dir_all(&self, path: &Path) -> Result<(), FsError> {
        self.run("remove directory", path, std::fs::remove_dir_all)
    }

    fn create_dir_all(&self, path: &Path) -> Result<(), FsError> {
        self.run("create directory", path, std::fs::create_dir_all)?;
        for above in path.ancestors().skip(1) {
            self.sync_dir(above)?;
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, FsError> {
        self.run("list", path, |it| {
            let entries = match std::fs::read_dir(it) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let mut names = entries.map(|it| it.map(|it| it.file_name().to_string_lossy().into_owned())).collect::<Result<Vec<_>, _>>()?;
            names.sort_unstable();
            Ok(names)
        })
    }

    fn sync_dir(&self, path: &Path) -> Result<(), FsError> {
        self.run("sync directory", path, |it| File::open(it)?.sync_all())
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Debug + Send + Sync>, FsError> {
        self.run("lock", path, |it| {
            let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(it)?;
            // `flock` goes with the open file: the kernel lets it go when the process dies, however it dies.
            if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                return Err(std::io::Error::new(std::io::ErrorKind::WouldBlock, format!("another process has it (pid {})", holder.trim())));
            }
            file.set_len(0)?;
            file.write_all(std::process::id().to_string().as_bytes())?;
            Ok(Box::new(file) as Box<dyn Debug + Send + Sync>)
        })
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        Some(self.root.join(path))
    }
}

struct RealAppend {
    file: File,
    path: PathBuf,
}

impl AppendFile for RealAppend {
    fn append(&mut self, data: &[u8]) -> Result<(), FsError> {
        self.file.write_all(data).map_err(|error| FsError::new("append", &self.path, error))
    }

    fn sync(&mut self) -> Result<(), FsError> {
        self.file.sync_data().map_err(|error| FsError::new("sync", &self.path, error))
    }
}
