//! A split's directory seen under a later mapping: all files as they are, but `meta.json` with the longer schema.
//!
//! tantivy has no call that adds fields to a schema. Its files name a field by number, so a schema that only grew at the end
//! describes older segments as well; the new fields have no values there. (Measured to work, merges included.)

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{Directory, DirectoryLock, FileHandle, Lock, WatchCallback, WatchHandle, WritePtr};
use tantivy::schema::Schema;

const META: &str = "meta.json";

#[derive(Clone, Debug)]
pub(crate) struct SchemaOverlay {
    inner: Box<dyn Directory>,
    meta: Arc<Vec<u8>>,
}

impl SchemaOverlay {
    /// Reads `meta.json` and puts `schema` in the place of its schema.
    pub(crate) fn new(inner: Box<dyn Directory>, schema: &Schema) -> tantivy::Result<Self> {
        let mut meta: Value = serde_json::from_slice(&inner.atomic_read(Path::new(META))?).map_err(damaged)?;
        meta["schema"] = serde_json::to_value(schema).map_err(damaged)?;
        // The order of documents is ours to keep (they are written sorted); settings must not differ between the sources of a merge.
        if let Some(settings) = meta["index_settings"].as_object_mut() {
            settings.remove("sort_by_field");
        }
        let meta = serde_json::to_vec(&meta).map_err(damaged)?;
        Ok(Self { inner, meta: Arc::new(meta) })
    }
}

fn damaged(error: serde_json::Error) -> tantivy::TantivyError {
    tantivy::TantivyError::InternalError(format!("meta.json of a split: {error}"))
}

impl Directory for SchemaOverlay {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.inner.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.inner.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        if path == Path::new(META) { Ok(self.meta.to_vec()) } else { self.inner.atomic_read(path) }
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.inner.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        // tantivy guards its readers against a writer's garbage collection. A split has no writer, and the manifest keeps its files.
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(callback)
    }
}
