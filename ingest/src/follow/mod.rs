//! Follows files that grow: `tail -F` that remembers. For `sekisho ingest --follow`.
//!
//! A file is known by device, inode and its first bytes, so one that was renamed (rotation) is read to its end before its successor is
//! begun, even over several rotations while nobody looked. One that was cut short is begun anew, after what a copy of it has besides
//! (`copytruncate`). A line is given out when its line feed has come, or when its file was replaced. Positions are what has been given out; who
//! calls saves them when those lines are durable, so that nothing is lost, and after a crash at most the lines of the last batch come again.
//! Lines end at line feeds; octet counts are not looked for.

mod open_file;
mod rotation;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::open_file::{OpenFile, Position, open_at};
use crate::FileBatch;
use crate::envelope::{Envelope, Transport};
use crate::limits::LINE_BYTES_MAX;
use crate::lossy;
use crate::panos;
use sekisho_engine::clock::{Clock, SystemClock};

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
            *open = match rotation::find_copy(&self.path, &open.position())? {
                // What was written between our last look and the copy is only there.
                Some(copy) => copy,
                None => OpenFile::new(open.file.try_clone()?)?,
            };
        }
        if open.read_lines(take)? {
            return Ok(());
        }
        // Everything that is there was read. Is it still the file of that name?
        let is_same = !open.is_predecessor
            && match fs::metadata(&self.path) {
                Ok(now) => open.is_inode_of(&now),
                // Between two steps of a rotation, or deleted: until something new is there we stay.
                Err(error) if error.kind() == io::ErrorKind::NotFound => true,
                Err(error) => return Err(error),
            };
        if is_same {
            open.is_replaced = false;
        } else if !open.is_replaced {
            open.is_replaced = true;
        } else if let Some(next) = rotation::next_after(&self.path, open)? {
            // Whoever wrote it had the time of a look more for its last lines.
            open.finish(take);
            *open = next.after(open);
        }
        Ok(())
    }

    /// The file to begin with: the one that was being read, wherever it is now, or the one of that name.
    fn find(&self, saved: Option<&Position>) -> io::Result<Option<OpenFile>> {
        let Some(saved) = saved else { return open_at(&self.path) };
        let now = match open_at(&self.path)? {
            Some(it) if it.is(saved)? => return Ok(Some(it.resumed(saved))),
            now => now,
        };
        // Renamed, or copied and cut, while we were away? Rotated files stay beside it.
        let before = rotation::find_saved(&self.path, saved)?;
        if before.is_none() && now.is_some() {
            let path = self.path.display();
            tracing::warn!(%path, "the file that was read before is deleted or packed: what it got after that is not read");
        }
        Ok(before.or(now))
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::open_file::LINE_BYTES_KEPT;
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

        /// Says that a file was last written some seconds ago.
        fn age(&self, name: &str, seconds: u64) {
            let then = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
            fs::OpenOptions::new().append(true).open(self.directory.path().join(name)).unwrap().set_modified(then).unwrap();
        }

        /// What `copytruncate` does.
        fn copy_and_cut(&self, from: &str, to: &str) {
            fs::copy(self.directory.path().join(from), self.directory.path().join(to)).unwrap();
            fs::write(self.directory.path().join(from), "").unwrap();
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
    fn every_file_of_several_rotations_while_we_are_away_is_read_in_order() {
        let mut place = Place::new();
        place.write("fw.log", "a\n");
        assert_eq!(place.lines(), "a");
        place.follower.save().unwrap();
        place.write("fw.log", "b\n");
        place.rename("fw.log", "fw.log.2");
        place.write("fw.log.1", "c\n");
        place.write("fw.log", "d\n");
        place.age("fw.log.2", 20);
        place.age("fw.log.1", 10);
        place.restart(false);
        assert_eq!(place.lines(), "b c d");
        place.restart(true);
        assert_eq!(place.lines(), "");
    }

    #[test]
    fn what_was_copied_away_and_cut_while_we_were_away_is_read_from_the_copy() {
        let mut place = Place::new();
        place.write("fw.log", "a\n");
        assert_eq!(place.lines(), "a");
        place.follower.save().unwrap();
        place.write("fw.log", "b\n");
        place.copy_and_cut("fw.log", "fw.log.1");
        place.write("fw.log", "c\n");
        place.restart(false);
        assert_eq!(place.lines(), "b c");
        place.restart(true);
        assert_eq!(place.lines(), "");
    }

    #[test]
    fn what_was_copied_away_and_cut_between_two_looks_is_read_from_the_copy() {
        let mut place = Place::new();
        place.write("fw.log", "a\nb");
        assert_eq!(place.lines(), "a");
        place.write("fw.log", "b\nc\n");
        place.copy_and_cut("fw.log", "fw.log.1");
        assert_eq!(place.lines(), "bb c");
        place.write("fw.log", "d\n");
        assert_eq!(place.lines(), "d");
        place.restart(true);
        assert_eq!(place.lines(), "");
    }

    #[test]
    fn a_file_that_was_read_is_not_read_again_when_its_writer_was_late() {
        let mut place = Place::new();
        place.write("fw.log", "a\n");
        assert_eq!(place.lines(), "a");
        place.rename("fw.log", "fw.log.2");
        place.write("fw.log", "b\n");
        assert_eq!(place.lines(), "b");
        // The time of the older one is the later one.
        place.age("fw.log", 10);
        place.restart(true);
        place.rename("fw.log", "fw.log.1");
        place.write("fw.log", "c\n");
        assert_eq!(place.lines(), "c");
    }

    #[test]
    fn a_position_whose_file_is_gone_begins_with_the_next() {
        let mut place = Place::new();
        place.write("fw.log", "a\n");
        assert_eq!(place.lines(), "a");
        place.follower.save().unwrap();
        // Another of its kind beside it, so that the inode is not given out again.
        place.write("other.log.1", "x\n");
        place.rename("other.log.1", "fw.log");
        place.restart(false);
        assert_eq!(place.lines(), "x");
    }

    #[test]
    fn positions_that_cannot_be_read_are_an_error() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("positions.json"), "{").unwrap();
        assert!(Follower::open(&[], &directory.path().join("positions.json")).is_err());
    }
}
