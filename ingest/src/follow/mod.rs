//! Follows files that grow: `tail -F` that remembers. For `sekisho ingest --follow`.
//!
//! A file is known by device, inode and its first bytes, so one that was renamed (rotation) is read to its end before its successor is
//! begun, even over several rotations while nobody looked. One that was cut short is begun anew, after what a copy of it has besides
//! (`copytruncate`). A line is given out when its line feed has come, or when its file was replaced. Positions are what has been given out; who
//! calls saves them when those lines are durable, so that nothing is lost, and after a crash at most the lines of the last batch come again.
//! Lines end at line feeds; octet counts are not looked for.

mod open_file;
mod pattern;
mod rotation;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::open_file::{OpenFile, Position, open_at};
use self::pattern::Patterns;
use crate::FileBatch;
use crate::envelope::{Envelope, Transport};
use crate::limits::{FOLLOWED_FILES_MAX, LINE_BYTES_MAX};
use crate::lossy;
use crate::panos;
use sekisho_engine::clock::{Clock, SystemClock};

/// Files that are followed.
pub struct Follower {
    files: Vec<Followed>,
    patterns: Patterns,
    /// Whether it was said that more files are there than may be followed.
    is_full: bool,
    positions_path: PathBuf,
    /// By path as given; of files that are not open, as they were saved.
    positions: BTreeMap<String, Position>,
    clock: Arc<dyn Clock>,
    time_zone: Option<String>,
}

struct Followed {
    path: PathBuf,
    open: Option<OpenFile>,
    /// Whether a pattern brought it: then it is forgotten when it is deleted.
    is_found: bool,
    is_done: bool,
}

impl Follower {
    /// Follows files, which need not exist yet, from where the positions file says, which need not exist either. A path with `*`, `?` or
    /// `[…]` is for all files that match, whenever they come.
    ///
    /// # Errors
    /// The positions file can't be read: to go on would give out everything again.
    pub fn open(paths: &[PathBuf], positions_path: &Path) -> io::Result<Self> {
        let positions: BTreeMap<String, Position> = match fs::read(positions_path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        let (names, patterns) = Patterns::part(paths);
        let mut files: Vec<_> = names.into_iter().map(|it| Followed::new(it, false)).collect();
        // Those that were found before may have another name now, which only their position tells.
        let found = positions.iter().filter(|it| !it.1.is_alias).map(|it| PathBuf::from(it.0));
        let found = found.filter(|it| patterns.is_match(it) && !paths.contains(it));
        files.extend(found.map(|it| Followed::new(it, true)));
        let positions_path = positions_path.to_owned();
        Ok(Self { files, patterns, is_full: false, positions_path, positions, clock: Arc::new(SystemClock), time_zone: None })
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
        let (clock, time_zone) = (self.clock.clone(), self.time_zone.clone());
        let mut take = |line: &[u8]| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                return;
            }
            let is_truncated = line.len() > LINE_BYTES_MAX;
            let line = &line[..line.len().min(LINE_BYTES_MAX)];
            let envelope = Envelope { received_at: clock.now(), is_truncated, time_zone: time_zone.as_deref(), ..Envelope::new(Transport::File) };
            batch.truncated += usize::from(is_truncated);
            batch.unparsed += usize::from(panos::recognise(&lossy::text(line)).is_err());
            batch.records.push(envelope.encode(line));
        };
        self.poll_from(0, &mut take)?;
        // After those that are known, so that a file in the middle of a rotation is known by its inode.
        let known = self.files.len();
        self.find_new();
        self.poll_from(known, &mut take)?;
        Ok(batch)
    }

    fn poll_from(&mut self, first: usize, take: &mut impl FnMut(&[u8])) -> io::Result<()> {
        for it in &mut self.files[first..] {
            let at = it.path.display().to_string();
            it.poll(self.positions.get(&at), take)?;
            if it.is_done {
                self.positions.remove(&at);
            } else if let Some(open) = &it.open {
                self.positions.insert(at, open.position());
            }
        }
        self.files.retain(|it| !it.is_done);
        Ok(())
    }

    /// Begins to follow what patterns find and nothing follows.
    fn find_new(&mut self) {
        if self.patterns.is_empty() {
            return;
        }
        let mut found = self.patterns.files(self.files.iter().map(|it| it.path.as_path()));
        found.retain(|it| !self.files.iter().any(|followed| followed.path == *it) && !self.is_of_positions(it));
        for path in found {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if let Some(open) = self.files.iter().filter_map(|it| it.open.as_ref()).find(|it| it.is_inode_of(&metadata)) {
                // A new name of a file that is being read, or a second one. When that is done, this one has nothing new.
                self.positions.insert(path.display().to_string(), open.position().alias());
                continue;
            }
            if self.files.len() >= FOLLOWED_FILES_MAX {
                if !std::mem::replace(&mut self.is_full, true) {
                    tracing::error!(
                        files = FOLLOWED_FILES_MAX,
                        "more files match than are followed at one time; the others wait until some are deleted"
                    );
                }
                break;
            }
            self.files.push(Followed::new(path, true));
        }
        // What is gone and followed by nobody is not needed again.
        let (patterns, files) = (&self.patterns, &self.files);
        self.positions.retain(|at, _| {
            let path = Path::new(at);
            !patterns.is_match(path) || path.exists() || files.iter().any(|it| it.path == path)
        });
    }

    /// Whether that is where positions are kept: what we write ourselves is not followed.
    fn is_of_positions(&self, path: &Path) -> bool {
        let own = [self.positions_path.clone(), self.positions_path.with_extension("new")];
        fs::canonicalize(path).is_ok_and(|it| own.iter().any(|own| fs::canonicalize(own).is_ok_and(|own| own == it)))
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
    fn new(path: PathBuf, is_found: bool) -> Self {
        Self { path, open: None, is_found, is_done: false }
    }

    fn poll(&mut self, saved: Option<&Position>, take: &mut impl FnMut(&[u8])) -> io::Result<()> {
        if self.open.is_none() {
            self.open = self.find(saved)?;
        }
        let Some(open) = &mut self.open else {
            self.is_done = self.is_found;
            return Ok(());
        };
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
                Err(error) if error.kind() == io::ErrorKind::NotFound => !self.is_found || !open.is_deleted()?,
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
        } else if self.is_found && open.is_deleted()? {
            open.finish(take);
            self.is_done = true;
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
        pattern: &'static str,
        follower: Follower,
    }

    impl Place {
        fn new() -> Self {
            Self::of("fw.log")
        }

        /// Everything that matches is followed.
        fn of(pattern: &'static str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let follower = Self::follower(&directory, pattern);
            Self { directory, pattern, follower }
        }

        fn follower(directory: &TempDir, pattern: &str) -> Follower {
            Follower::open(&[directory.path().join(pattern)], &directory.path().join("positions.json")).unwrap()
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
            self.follower = Self::follower(&self.directory, self.pattern);
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
    fn files_that_match_are_followed_when_they_come_and_forgotten_when_they_are_deleted() {
        let mut place = Place::of("*");
        place.write("a.log", "a\n");
        place.write("b.log", "b\n");
        place.write("b.log.1.gz", "packed\n");
        assert_eq!(place.lines(), "a b");
        place.follower.save().unwrap();
        place.write("c.log", "c\nlast");
        assert_eq!(place.lines(), "c");
        fs::remove_file(place.directory.path().join("c.log")).unwrap();
        assert_eq!(place.lines(), "last");
        assert_eq!((place.follower.files.len(), place.follower.positions.len()), (2, 2));
        place.write("a.log", "d\n");
        assert_eq!(place.lines(), "d");
        place.restart(true);
        assert_eq!(place.lines(), "");
        place.write("c.log", "e\n");
        assert_eq!(place.lines(), "e");
    }

    #[test]
    fn a_file_that_matches_is_read_once_whatever_it_is_renamed_to() {
        for name in ["fw.log.1", "fw-20261123.log", "fw.old"] {
            let mut place = Place::of("fw*");
            place.write("fw.log", "a\n");
            assert_eq!(place.lines(), "a", "{name}");
            place.rename("fw.log", name);
            assert_eq!(place.lines(), "", "{name}");
            place.restart(true);
            place.write(name, "b\n");
            assert_eq!(place.lines(), "b", "{name}");
            place.write("fw.log", "c\n");
            assert_eq!(place.lines(), "c", "{name}");
            assert_eq!(place.lines(), "", "{name}");
            place.restart(true);
            assert_eq!(place.lines(), "", "{name}");
        }
    }

    #[test]
    fn no_more_files_are_open_than_the_limit() {
        let mut place = Place::of("*.log");
        for it in 0..FOLLOWED_FILES_MAX + 3 {
            place.write(&format!("{it:04}.log"), "x\n");
        }
        assert_eq!(place.lines().len(), 2 * FOLLOWED_FILES_MAX - 1);
        fs::remove_file(place.directory.path().join("0000.log")).unwrap();
        assert_eq!(place.lines(), "x");
        assert_eq!(place.follower.files.len(), FOLLOWED_FILES_MAX);
    }

    #[test]
    fn positions_that_cannot_be_read_are_an_error() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("positions.json"), "{").unwrap();
        assert!(Follower::open(&[], &directory.path().join("positions.json")).is_err());
    }
}
