//! One layer of an image: a tar archive whose bytes depend on its contents alone.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

/// A layer that is being written. Owners and modes are given, times are 1970: what the machine says of its files does not get in.
pub(crate) struct Layer {
    archive: Builder<Vec<u8>>,
    directories: BTreeSet<String>,
}

/// Who may do what with an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    pub(crate) owner: u64,
    pub(crate) mode: u32,
}

impl Access {
    pub(crate) const DIRECTORY: Self = Self { owner: 0, mode: 0o755 };
    pub(crate) const FILE: Self = Self { owner: 0, mode: 0o644 };
    pub(crate) const PROGRAM: Self = Self { owner: 0, mode: 0o755 };
}

impl Layer {
    pub(crate) fn new() -> Self {
        Self { archive: Builder::new(Vec::new()), directories: BTreeSet::new() }
    }

    /// A directory, with those above it; a second time changes nothing.
    ///
    /// # Errors
    /// The path does not fit into an archive.
    pub(crate) fn directory(&mut self, path: &str, access: Access) -> Result<()> {
        let path = path.trim_matches('/');
        if path.is_empty() || self.directories.contains(path) {
            return Ok(());
        }
        if let Some((above, _)) = path.rsplit_once('/') {
            self.directory(above, Access::DIRECTORY)?;
        }
        self.directories.insert(path.to_owned());
        self.append(&format!("{path}/"), EntryType::Directory, access, &[])
    }

    /// A file with these contents.
    ///
    /// # Errors
    /// The path does not fit into an archive.
    pub(crate) fn file(&mut self, path: &str, access: Access, contents: &[u8]) -> Result<()> {
        let path = path.trim_matches('/');
        if let Some((above, _)) = path.rsplit_once('/') {
            self.directory(above, Access::DIRECTORY)?;
        }
        self.append(path, EntryType::Regular, access, contents)
    }

    /// A file with the contents of one of this machine's; links are followed.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn copy(&mut self, source: &Path, target: &str, access: Access) -> Result<()> {
        let contents = std::fs::read(source).with_context(|| source.display().to_string())?;
        self.file(target, access, &contents)
    }

    /// The archive.
    ///
    /// # Errors
    /// None that can be met: it is written to memory.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        Ok(self.archive.into_inner()?)
    }

    fn append(&mut self, path: &str, kind: EntryType, access: Access, contents: &[u8]) -> Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(access.mode);
        header.set_uid(access.owner);
        header.set_gid(access.owner);
        header.set_mtime(0);
        header.set_size(contents.len() as u64);
        self.archive.append_data(&mut header, path, contents).with_context(|| path.to_owned())
    }
}
