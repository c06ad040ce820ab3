//! One file that is being read as it grows: whole lines out of it, and where in it we are. Which file that is, is for its siblings to say.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::limits::LINE_BYTES_MAX;

/// First bytes by which a file is known again: an inode alone is given to another file soon.
const HEAD_BYTES: usize = 256;

/// Bytes read of one file before the others have their turn.
const READ_BYTES: usize = 1 << 20;

/// A carriage return before the line feed does not make a line too long.
pub(super) const LINE_BYTES_KEPT: usize = LINE_BYTES_MAX + 1;

/// What tells a file from all others, whatever its name is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    /// The first bytes, in hexadecimal digits.
    head: String,
}

/// How far a file has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    #[serde(flatten)]
    identity: Identity,
    /// Bytes given out as lines.
    pub(super) offset: u64,
    /// The file that was read before it, as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Identity>,
    /// Whether this is another name of a file that is being read under the one that it had: it is not read twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_alias: bool,
}

impl Position {
    /// The position of another name of the file.
    pub(super) fn alias(self) -> Self {
        Self { is_alias: true, ..self }
    }

    /// Whether a file has this inode, which says nothing of its contents.
    pub(super) fn is_inode_of(&self, metadata: &Metadata) -> bool {
        (self.identity.device, self.identity.inode) == (metadata.dev(), metadata.ino())
    }

    /// Whether nothing was in the file, so that it begins like any other.
    pub(super) fn has_no_head(&self) -> bool {
        self.identity.head.is_empty()
    }
}

pub(super) struct OpenFile {
    pub(super) file: File,
    device: u64,
    inode: u64,
    head: Vec<u8>,
    /// Up to where lines were given out.
    offset: u64,
    /// Up to where bytes were read.
    read: u64,
    /// The line that has begun, as far as it is kept.
    pub(super) partial: Vec<u8>,
    /// What was read before this file.
    pub(super) before: Option<Identity>,
    /// Whether the path named another file at the last look: once more and this one is done.
    pub(super) is_replaced: bool,
    /// Whether it was found under another name: its successor is begun when it is done.
    pub(super) is_predecessor: bool,
}

/// Opens a file at its beginning; `None` where none is.
pub(super) fn open_at(path: &Path) -> io::Result<Option<OpenFile>> {
    match File::open(path) {
        Ok(file) => OpenFile::new(file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl OpenFile {
    /// A file from its beginning.
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            head: head_of(&mut file)?,
            file,
            device: metadata.dev(),
            inode: metadata.ino(),
            offset: 0,
            read: 0,
            partial: Vec::new(),
            before: None,
            is_replaced: false,
            is_predecessor: false,
        })
    }

    pub(super) fn at(self, offset: u64) -> Self {
        Self { offset, read: offset, ..self }
    }

    /// The same file, from where it was left.
    pub(super) fn resumed(self, saved: &Position) -> Self {
        Self { before: saved.before.clone(), ..self.at(saved.offset) }
    }

    /// The same file, found under another name than the followed one; `is_left` when nobody writes it any more.
    pub(super) fn found_elsewhere(self, is_left: bool) -> Self {
        Self { is_predecessor: true, is_replaced: is_left, ..self }
    }

    /// The same file, read after another.
    pub(super) fn after(self, done: &Self) -> Self {
        Self { before: Some(done.identity()), ..self }
    }

    /// Whether this is the file that the position is of. Its first bytes may have become more since, and never others.
    pub(super) fn is(&self, saved: &Position) -> io::Result<bool> {
        Ok(self.is_identity(&saved.identity) && self.file.metadata()?.len() >= saved.offset)
    }

    /// Whether this file could be a copy of the one that the position is of.
    pub(super) fn begins_like(&self, saved: &Position) -> io::Result<bool> {
        let is_other = (self.device, self.inode) != (saved.identity.device, saved.identity.inode);
        Ok(is_other && hex(&self.head).starts_with(&saved.identity.head) && self.file.metadata()?.len() >= saved.offset)
    }

    /// Whether this is the file that was known by that.
    pub(super) fn is_identity(&self, identity: &Identity) -> bool {
        (self.device, self.inode) == (identity.device, identity.inode) && hex(&self.head).starts_with(&identity.head)
    }

    /// Whether both are one file now.
    pub(super) fn is_file_of(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether the metadata is of this file.
    pub(super) fn is_inode_of(&self, metadata: &Metadata) -> bool {
        (self.device, self.inode) == (metadata.dev(), metadata.ino())
    }

    /// Whether it has no name any more.
    pub(super) fn is_deleted(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.nlink() == 0)
    }

    /// When it was last written.
    pub(super) fn modified(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    pub(super) fn identity(&self) -> Identity {
        Identity { device: self.device, inode: self.inode, head: hex(&self.head) }
    }

    pub(super) fn position(&self) -> Position {
        Position { identity: self.identity(), offset: self.offset, before: self.before.clone(), is_alias: false }
    }

    /// Whether what was read is not there any more: shorter, or other first bytes.
    pub(super) fn was_cut(&mut self) -> io::Result<bool> {
        if self.file.metadata()?.len() < self.read {
            return Ok(true);
        }
        let head = head_of(&mut self.file)?;
        if !head.starts_with(&self.head) {
            return Ok(true);
        }
        self.head = head;
        Ok(false)
    }

    /// Gives out whole lines; whether there may be more.
    pub(super) fn read_lines(&mut self, take: &mut impl FnMut(&[u8])) -> io::Result<bool> {
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        (&self.file).take(READ_BYTES as u64).read_to_end(&mut bytes)?;
        let mut rest = bytes.as_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.keep(&rest[..end]);
            take(&self.partial);
            self.partial.clear();
            rest = &rest[end + 1..];
            self.offset = self.read + (bytes.len() - rest.len()) as u64;
        }
        self.keep(rest);
        self.read += bytes.len() as u64;
        Ok(bytes.len() == READ_BYTES)
    }

    /// More of the line that has begun; what is beyond the limit is not kept.
    fn keep(&mut self, bytes: &[u8]) {
        let room = (LINE_BYTES_KEPT + 1).saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Gives out a last line without its line feed.
    pub(super) fn finish(&mut self, take: &mut impl FnMut(&[u8])) {
        take(&self.partial);
        self.partial.clear();
        self.offset = self.read;
    }
}

fn head_of(file: &mut File) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}
