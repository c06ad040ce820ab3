//! The files of the data directory: the lock, the format version, the directories of splits.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::Directory;

use crate::directory;
use crate::engine::EngineError;
use crate::fs::{Fs, FsLock};
use crate::split::FileMeta;

/// Version of the layout of a data directory. Another one is refused; see `docs/format/`.
const FORMAT: &str = "1";
const FORMAT_FILE: &str = "FORMAT";
const LOCK_FILE: &str = "LOCK";
const SPLITS_DIR: &str = "splits";

/// Takes the data directory for this process and checks that we understand it.
pub(crate) fn claim(fs: &dyn Fs, root: &Path) -> Result<Box<dyn FsLock>, EngineError> {
    fs.create_dir_all(root)?;
    let lock =
        fs.lock(&root.join(LOCK_FILE)).map_err(|error| EngineError::DataDir(format!("the data directory is in use by another process: {error}")))?;
    match fs.read(&root.join(FORMAT_FILE)) {
        Ok(found) if found == FORMAT.as_bytes() => Ok(lock),
        Ok(found) => {
            let found = String::from_utf8_lossy(&found).into_owned();
            Err(EngineError::DataDir(format!("the data directory has format [{found}], this program reads [{FORMAT}]")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs.write_atomic(&root.join(FORMAT_FILE), FORMAT.as_bytes())?;
            Ok(lock)
        }
        Err(error) => Err(error.into()),
    }
}

/// A new directory for a split that is about to be written.
pub(crate) fn create(fs: &Arc<dyn Fs>, path: &Path) -> Result<Box<dyn Directory>, EngineError> {
    fs.create_dir_all(path)?;
    open(fs, path)
}

/// The directory of a split.
pub(crate) fn open(fs: &Arc<dyn Fs>, path: &Path) -> Result<Box<dyn Directory>, EngineError> {
    Ok(directory::open(fs, path)?)
}

/// Syncs what was written into a split's directory and lists it with lengths and checksums. Only then may the manifest name it.
pub(crate) fn seal(fs: &dyn Fs, path: &Path) -> io::Result<Vec<FileMeta>> {
    let mut files = Vec::new();
    for entry in fs.list(path)? {
        let file = path.join(&entry.name);
        fs.open(&file)?.sync()?;
        let data = fs.read(&file)?;
        files.push(FileMeta { name: entry.name.to_string_lossy().into_owned(), len: data.len() as u64, crc32c: crc32c::crc32c(&data) });
    }
    fs.sync_dir(path)?;
    Ok(files)
}

/// Checks a split's files against the manifest.
pub(crate) fn verify(fs: &dyn Fs, path: &Path, files: &[FileMeta]) -> Result<(), EngineError> {
    for file in files {
        let path = path.join(&file.name);
        let data = fs.read(&path).map_err(|error| EngineError::Damaged(format!("file [{}]: {error}", path.display())))?;
        if data.len() as u64 != file.len || crc32c::crc32c(&data) != file.crc32c {
            return Err(EngineError::Damaged(format!("file [{}] does not have the length and checksum that the manifest says", path.display())));
        }
    }
    Ok(())
}

/// Removes a split's directory.
pub(crate) fn remove(fs: &dyn Fs, path: &Path) -> io::Result<()> {
    fs.remove_dir_all(path)
}

/// Removes split directories that no manifest names: merges that a crash interrupted, replaced splits that were still to be unlinked.
/// Durably, because their names are free again. Answers the first split number that no directory ever had here.
pub(crate) fn remove_unknown(fs: &dyn Fs, root: &Path, known: &[PathBuf]) -> io::Result<u64> {
    let splits = root.join(SPLITS_DIR);
    let mut next = 0;
    if !fs.exists(&splits)? {
        return Ok(next);
    }
    for index in fs.list(&splits)? {
        let dir = splits.join(index.name);
        let (mut is_empty, mut has_changed) = (true, false);
        for split in fs.list(&dir)? {
            if let Some(number) = split.name.to_str().and_then(|it| u64::from_str_radix(it, 16).ok()) {
                next = next.max(number + 1);
            }
            let path = dir.join(split.name);
            if known.contains(&path) {
                is_empty = false;
            } else {
                fs.remove_dir_all(&path)?;
                has_changed = true;
            }
        }
        if has_changed {
            fs.sync_dir(&dir)?;
        }
        if is_empty {
            fs.remove_dir_all(&dir)?;
            fs.sync_dir(&splits)?;
        }
    }
    Ok(next)
}
