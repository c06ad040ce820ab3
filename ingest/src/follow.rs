//! Follows files that grow: `tail -F` that remembers. For `sekisho ingest --follow`.
//!
//! A file is known by device, inode and its first bytes, so one that was renamed (rotation) is read to its end before its successor is
//! begun, even over a restart, and one that was cut short (`copytruncate`) is begun anew. A line is given out when its line feed has come,
//! or when its file was replaced. Positions are what has been given out; who calls saves them when those lines are durable, so that nothing
//! is lost, and after a crash at most the lines of the last batch come again. Lines end at line feeds; octet counts are not looked for.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sekisho_engine::clock::{Clock, SystemClock};
use serde::{Deserialize, Serialize};

use crate::FileBatch;
use crate::envelope::{Envelope, Transport};
use crate::limits::LINE_BYTES_MAX;
use crate::lossy;
use crate::panos;

/// First bytes by which a file is known again: an inode alone is given to another file soon.
const HEAD_BYTES: usize = 256;

/// Bytes read of one file before the others have their turn.
const READ_BYTES: usize = 1 << 20;

/// A carriage return before the line feed does not make a line too long.
const LINE_BYTES_KEPT: usize = LINE_BYTES_MAX + 1;

/// How far a file has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    device: u64,
    inode: u64,
    /// Bytes given out as lines.
    offset: u64,
    /// The first bytes, in hexadecimal digits.
    head: String,
}

/// Files that are followed.
pub struct Follower {
    files: Vec<Followed>,
    positions_path: PathBuf,
    /// By path as given; of files that are not open, as they were saved.
    positions: BTreeMap<String, Position>,
    clock: Arc<dyn Clock>,
    time_zone: Option<String>,
}

struct Followed {
    path: PathBuf,
    open: Option<OpenFile>,
}

struct OpenFile {
    file: File,
    device: u64,
    inode: u64,
    head: Vec<u8>,
    /// Up to where lines were given out.
    offset: u64,
    /// Up to where bytes were read.
    read: u64,
    /// The line that has begun, as far as it is kept.
    partial: Vec<u8>,
    /// Whether the path named another file at the last look: once more and this one is done.
    is_replaced: bool,
    /// Whether it was found under another name: its successor is begun when it is done.
    is_predecessor: bool,
}

impl Follower {
    /// Follows files, which need not exist yet, from where the positions file says, which need not exist either.
    ///
    /// # Errors
    /// The positions file can't be read: to go on would give out everything again.
    pub fn open(paths: &[PathBuf], positions_path: &Path) -> io::Result<Self> {
        let positions = match fs::read(positions_path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        let files = paths.iter().map(|path| Followed { path: path.clone(), open: None }).collect();
        Ok(Self { files, positions_path: positions_path.to_owned(), positions, clock: Arc::new(SystemClock), time_zone: None })
    }

    /// Sets the IANA zone in which the devices wrote local times.
    #[must_use]
    pub fn with_time_zone(self, time_zone: Option<String>) -> Self {
        Self { time_zone, ..self }
    }

    /// The lines that are new, at most about a MiB of each file; none where nothing came. Blocks no longer than reading takes.
    ///
    /// # Errors
    /// A file is there and can't be read.
    pub fn poll(&mut self) -> io::Result<FileBatch> {
        let mut batch = FileBatch::default();
        let (clock, time_zone) = (&self.clock, self.time_zone.as_deref());
        let mut take = |line: &[u8]| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                return;
            }
            let is_truncated = line.len() > LINE_BYTES_MAX;
            let line = &line[..line.len().min(LINE_BYTES_MAX)];
            let envelope = Envelope { received_at: clock.now(), is_truncated, time_zone, ..Envelope::new(Transport::File) };
            batch.truncated += usize::from(is_truncated);
            batch.unparsed += usize::from(panos::recognise(&lossy::text(line)).is_err());
            batch.records.push(envelope.encode(line));
        };
        for it in &mut self.files {
            let at = it.path.display().to_string();
            it.poll(self.positions.get(&at), &mut take)?;
            if let Some(open) = &it.open {
                self.positions.insert(at, open.position());
            }
        }
        Ok(batch)
    }

    /// Makes the positions durable: all lines given out so far are.
    ///
    /// # Errors
    /// The file can't be written; the one before it is still there.
    pub fn save(&self) -> io::Result<()> {
        let temporary = self.positions_path.with_extension("new");
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(&self.positions)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.positions_path)?;
        match self.positions_path.parent() {
            Some(directory) if directory.as_os_str().is_empty() => File::open(".")?.sync_all(),
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Followed {
    fn poll(&mut self, saved: Option<&Position>, take: &mut impl FnMut(&[u8])) -> io::Result<()> {
        if self.open.is_none() {
            self.open = self.find(saved)?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        if open.was_cut()? {
            tracing::info!(path = %self.path.display(), "the file was cut short: it is read from its beginning");
            *open = OpenFile::new(open.file.try_clone()?, &open.file.metadata()?)?;
        }
        if open.read_lines(take)? {
            return Ok(());
        }
        // Everything that is there was read. Is it still the file of that name?
        let is_same = !open.is_predecessor
            && match fs::metadata(&self.path) {
                Ok(now) => (now.dev(), now.ino()) == (open.device, open.inode),
                // Between two steps of a rotation, or deleted: until something new is there we stay.
                Err(error) if error.kind() == io::ErrorKind::NotFound => true,
                Err(error) => return Err(error),
            };
        if is_same {
            open.is_replaced = false;
        } else if open.is_replaced {
            // Whoever wrote it had the time of a look more for its last lines.
            open.finish(take);
            self.open = None;
            self.open = open_at(&self.path)?.map(|(file, metadata)| OpenFile::new(file, &metadata)).transpose()?;
        } else {
            open.is_replaced = true;
        }
        Ok(())
    }

    /// The file to begin with: the one that was being read, wherever it is now, or the one of that name.
    fn find(&self, saved: Option<&Position>) -> io::Result<Option<OpenFile>> {
        let Some(saved) = saved else {
            return open_at(&self.path)?.map(|(file, metadata)| OpenFile::new(file, &metadata)).transpose();
        };
        if let Some((file, metadata)) = open_at(&self.path)? {
            let open = OpenFile::new(file, &metadata)?;
            if open.is(saved, &metadata)? {
                return open.at(saved.offset).map(Some);
            }
            // Renamed while we were away? Rotated files stay beside it.
            let directory = self.path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
            for entry in fs::read_dir(directory)? {
                let entry = entry?;
                let is_it = entry.metadata().is_ok_and(|it| it.is_file() && (it.dev(), it.ino()) == (saved.device, saved.inode));
                if is_it && let Some((file, metadata)) = open_at(&entry.path())? {
                    let before = OpenFile::new(file, &metadata)?;
                    if before.is(saved, &metadata)? {
                        let before = before.at(saved.offset)?;
                        return Ok(Some(OpenFile { is_predecessor: true, is_replaced: true, ..before }));
                    }
                }
            }
            return Ok(Some(open));
        }
        Ok(None)
    }
}

fn open_at(path: &Path) -> io::Result<Option<(File, Metadata)>> {
    match File::open(path) {
        Ok(file) => {
            let metadata = file.metadata()?;
            Ok(Some((file, metadata)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl OpenFile {
    /// A file from its beginning.
    fn new(mut file: File, metadata: &Metadata) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self {
            head: head_of(&mut file)?,
            file,
            device: metadata.dev(),
            inode: metadata.ino(),
            offset: 0,
            read: 0,
            partial: Vec::new(),
            is_replaced: false,
            is_predecessor: false,
        })
    }

    fn at(self, offset: u64) -> io::Result<Self> {
        Ok(Self { offset, read: offset, ..self })
    }

    /// Whether this is the file that the position is of. Its first bytes may have become more since, and never others.
    fn is(&self, saved: &Position, metadata: &Metadata) -> io::Result<bool> {
        let is_same = (self.device, self.inode) == (saved.device, saved.inode) && hex(&self.head).starts_with(&saved.head);
        Ok(is_same && metadata.len() >= saved.offset)
    }

    fn position(&self) -> Position {
        Position { device: self.device, inode: self.inode, offset: self.offset, head: hex(&self.head) }
    }

    /// Whether what was read is not there any more: shorter, or other first bytes.
    fn was_cut(&mut self) -> io::Result<bool> {
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
    fn read_lines(&mut self, take: &mut impl FnMut(&[u8])) -> io::Result<bool> {
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
    fn finish(&mut self, take: &mut impl FnMut(&[u8])) {
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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    struct Place {
        directory: TempDir,
        follower: Follower,
    }

    impl Place {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let follower = Self::follower(&directory);
            Self { directory, follower }
        }

        fn follower(directory: &TempDir) -> Follower {
            Follower::open(&[directory.path().join("fw.log")], &directory.path().join("positions.json")).unwrap()
        }

        fn write(&self, name: &str, text: &str) {
            fs::OpenOptions::new().append(true).create(true).open(self.directory.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
        }

        fn rename(&self, from: &str, to: &str) {
            fs::rename(self.directory.path().join(from), self.directory.path().join(to)).unwrap();
        }

        /// Lines of a few looks, as text.
        fn lines(&mut self) -> String {
            let mut lines = Vec::new();
            for _ in 0..5 {
                let records = self.follower.poll().unwrap().records;
                lines.extend(records.iter().map(|it| String::from_utf8_lossy(Envelope::decode(it).unwrap().1).into_owned()));
            }
            lines.join(" ")
        }

        /// Stops, and starts again from what was saved.
        fn restart(&mut self, is_saved: bool) {
            if is_saved {
                self.follower.save().unwrap();
            }
            self.follower = Self::follower(&self.directory);
        }
    }

    #[test]
    fn lines_come_when_they_are_whole() {
        let mut place = Place::new();
        assert_eq!(place.lines(), "");
        place.write("fw.log", "a\r\nb\n\nhal");
        assert_eq!(place.lines(), "a b");
        place.write("fw.log", "f\nc");
        assert_eq!(place.lines(), "half");
        place.restart(true);
        place.write("fw.log", "c\n");
        assert_eq!(place.lines(), "cc");
    }

    #[test]
    fn a_rotated_file_is_read_to_its_end_before_the_next() {
        let mut place = Place::new();
        place.write("fw.log", "a\n");
        assert_eq!(place.lines(), "a");
        place.rename("fw.log", "fw.log.1");
        // The writer has the old file open for a while.
        place.write("fw.log.1", "b\n");
        assert_eq!(place.lines(), "b");
        place.write("fw.log", "d\n");
        place.write("fw.log.1", "c without end");
        assert_eq!(place.lines(), "c without end d");
        place.write("fw.log", "e\n");
        assert_eq!(place.lines(), "e");
    }

    #[test]
    fn rotation_and_more_while_we_are_away() {
        let mut place = Place::new();
        place.write("fw.log", "a\nb\n");
        assert_eq!(place.lines(), "a b");
        place.follower.save().unwrap();
        place.write("fw.log", "c\n");
        place.rename("fw.log", "fw.log.1");
        place.write("fw.log", "d\n");
        place.restart(false);
        assert_eq!(place.lines(), "c d");
        place.restart(true);
        assert_eq!(place.lines(), "");
        place.write("fw.log", "e\n");
        assert_eq!(place.lines(), "e");
    }

    #[test]
    fn what_was_not_saved_comes_again_and_nothing_is_lost() {
        let mut place = Place::new();
        place.write("fw.log", "a\n");
        assert_eq!(place.lines(), "a");
        place.follower.save().unwrap();
        place.write("fw.log", "b\n");
        assert_eq!(place.lines(), "b");
        place.restart(false);
        assert_eq!(place.lines(), "b");
    }

    #[test]
    fn a_file_that_was_cut_short_is_begun_anew() {
        let mut place = Place::new();
        place.write("fw.log", "one\ntwo\nthree\n");
        assert_eq!(place.lines(), "one two three");
        fs::write(place.directory.path().join("fw.log"), "x\n").unwrap();
        assert_eq!(place.lines(), "x");
        // Cut and longer than before at once: its first bytes tell.
        fs::write(place.directory.path().join("fw.log"), "longer than it was before\n").unwrap();
        assert_eq!(place.lines(), "longer than it was before");
        place.restart(true);
        fs::write(place.directory.path().join("fw.log"), "another while we were away, and longer\n").unwrap();
        assert_eq!(place.lines(), "another while we were away, and longer");
    }

    #[test]
    fn a_long_line_is_cut_and_costs_no_memory() {
        let mut place = Place::new();
        let whole = "w".repeat(LINE_BYTES_MAX);
        place.write("fw.log", &format!("{}\r\n{whole}\r\n", "x".repeat(5 << 20)));
        let mut records = Vec::new();
        for _ in 0..10 {
            records.extend(place.follower.poll().unwrap().records);
            let kept = place.follower.files[0].open.as_ref().unwrap().partial.capacity();
            assert!(kept <= 2 * LINE_BYTES_KEPT, "{kept}");
        }
        let found: Vec<_> = records.iter().map(|it| Envelope::decode(it).unwrap()).map(|(it, line)| (it.is_truncated, line.len())).collect();
        assert_eq!(found, [(true, LINE_BYTES_MAX), (false, LINE_BYTES_MAX)]);
    }

    #[test]
    fn positions_that_cannot_be_read_are_an_error() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("positions.json"), "{").unwrap();
        assert!(Follower::open(&[], &directory.path().join("positions.json")).is_err());
    }
}
