//! A split's directory as tantivy wants it: memory maps on the real disk, whole files on a simulated one.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, OpenReadError, OpenWriteError};
use tantivy::directory::{AntiCallToken, FileHandle, MmapDirectory, OwnedBytes, TerminatingWrite, WatchCallback, WatchHandle, WritePtr};

use crate::fs::Fs;

/// Opens a directory that exists.
pub(crate) fn open(fs: &Arc<dyn Fs>, path: &Path) -> tantivy::Result<Box<dyn Directory>> {
    if fs.is_real() { Ok(Box::new(MmapDirectory::open(path)?)) } else { Ok(Box::new(FsDirectory { fs: fs.clone(), root: path.to_owned() })) }
}

/// Files are read whole and written at once: good enough for the small splits of a simulation.
#[derive(Clone, Debug)]
struct FsDirectory {
    fs: Arc<dyn Fs>,
    root: PathBuf,
}

impl FsDirectory {
    fn read_error(path: &Path, error: io::Error) -> OpenReadError {
        if error.kind() == io::ErrorKind::NotFound {
            OpenReadError::FileDoesNotExist(path.to_owned())
        } else {
            OpenReadError::wrap_io_error(error, path.to_owned())
        }
    }
}

impl Directory for FsDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        Ok(Arc::new(OwnedBytes::new(self.atomic_read(path)?)))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.fs.remove(&self.root.join(path)).map_err(|error| DeleteError::IoError { io_error: Arc::new(error), filepath: path.to_owned() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.fs.exists(&self.root.join(path)).map_err(|error| Self::read_error(path, error))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let file = NewFile { fs: self.fs.clone(), path: self.root.join(path), data: Vec::new() };
        Ok(io::BufWriter::new(Box::new(file)))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.fs.read(&self.root.join(path)).map_err(|error| Self::read_error(path, error))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.fs.write_atomic(&self.root.join(path), data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.fs.sync_dir(&self.root)
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        // Splits never change; nobody reloads them.
        Ok(WatchHandle::empty())
    }
}

struct NewFile {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    data: Vec<u8>,
}

impl Write for NewFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.data.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for NewFile {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        let mut file = self.fs.create(&self.path)?;
        file.append(&self.data)?;
        file.sync()
    }
}
