//! The files of the data directory: the lock, the format version, split directories on a real or a simulated disk.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use tantivy::directory::{Directory, MmapDirectory};

use crate::engine::EngineError;
use crate::fs::{Fs, FsError};
use crate::split::FileMeta;

/// Version of the layout of a data directory. A newer one is refused; see `docs/format/`.
const FORMAT: &str = "1";
const FORMAT_FILE: &str = "FORMAT";
const LOCK_FILE: &str = "LOCK";
const SPLITS_DIR: &str = "splits";

/// Takes the data directory for this process and checks that we understand it.
pub(crate) fn claim(fs: &dyn Fs) -> Result<Box<dyn Debug + Send + Sync>, EngineError> {
    let lock = fs.lock(Path::new(LOCK_FILE)).map_err(|error| EngineError::DataDir(format!("the data directory is in use: {}", error.source)))?;
    match fs.read(Path::new(FORMAT_FILE)) {
        Ok(found) if found == FORMAT.as_bytes() => {}
        Ok(found) => {
            let found = String::from_utf8_lossy(&found).into_owned();
            return Err(EngineError::DataDir(format!("the data directory has format [{found}], this program reads [{FORMAT}]")));
        }
        Err(error) if error.is_not_found() => {
            fs.write_new(Path::new(FORMAT_FILE), FORMAT.as_bytes())?;
            fs.sync_dir(Path::new(""))?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(lock)
}

/// A new directory for a split that is about to be written.
pub(crate) fn create(fs: &dyn Fs, path: &Path) -> Result<Box<dyn Directory>, EngineError> {
    fs.create_dir_all(path)?;
    open(fs, path)
}

/// The directory of a split.
pub(crate) fn open(fs: &dyn Fs, path: &Path) -> Result<Box<dyn Directory>, EngineError> {
    match fs.real_path(path) {
        Some(real) => Ok(Box::new(MmapDirectory::open(real).map_err(tantivy::TantivyError::from)?)),
        None => Ok(fs.directory(path)),
    }
}

/// Syncs what was written into a split's directory and lists it with lengths and checksums. Only then may the manifest name it.
pub(crate) fn seal(fs: &dyn Fs, path: &Path) -> Result<Vec<FileMeta>, FsError> {
    let mut files = Vec::new();
    for name in fs.list(path)? {
        let file = path.join(&name);
        fs.sync(&file)?;
        let data = fs.read(&file)?;
        files.push(FileMeta { name, len: data.len() as u64, crc32c: crc32c::crc32c(&data) });
    }
    fs.sync_dir(path)?;
    Ok(files)
}

/// Checks a split's files against the manifest.
pub(crate) fn verify(fs: &dyn Fs, path: &Path, files: &[FileMeta]) -> Result<(), EngineError> {
    for file in files {
        let data = fs.read(&path.join(&file.name)).map_err(|error| EngineError::Damaged(error.to_string()))?;
        if data.len() as u64 != file.len || crc32c::crc32c(&data) != file.crc32c {
            return Err(EngineError::Damaged(format!(
                "file [{}] does not have the length and checksum that the manifest says",
                path.join(&file.name).display()
            )));
        }
    }
    Ok(())
}

/// Removes a split's directory.
pub(crate) fn remove(fs: &dyn Fs, path: &Path) -> Result<(), FsError> {
    fs.remove_dir_all(path)
}

/// Removes split directories that no manifest names: merges that a crash interrupted, replaced splits that were still to be unlinked.
pub(crate) fn remove_unknown(fs: &dyn Fs, known: &[PathBuf]) -> Result<(), FsError> {
    for index in fs.list(Path::new(SPLITS_DIR))? {
        let dir = Path::new(SPLITS_DIR).join(index);
        let mut is_empty = true;
        for split in fs.list(&dir)? {
            let path = dir.join(split);
            if known.contains(&path) {
                is_empty = false;
            } else {
                fs.remove_dir_all(&path)?;
            }
        }
        if is_empty {
            fs.remove_dir_all(&dir)?;
        }
    }
    Ok(())
}
