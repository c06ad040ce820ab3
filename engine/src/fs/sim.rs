//! A disk in memory that forgets what was not synced: the stage for every crash test.
//!
//! [`SimFs`] keeps two states: what a running process sees, and what the platter is sure to hold. [`SimFs::fail_after`] makes
//! the n-th change fail (a write may be torn, a sync may or may not have happened) and every later call answer
//! [`SimulatedCrash`]. Then [`SimFs::crash`] is the disk after a power cut and [`SimFs::restart`] the disk after the process alone
//! died. All chance comes from the seed. It is not a performance model, and directories are durable when made, as
//! [`Fs::create_dir_all`] promises.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{DirEntry, Fs, FsFile, FsLock, parent};

/// Disks write whole sectors: within a torn write each of these is new, zero or garbage on its own.
const SECTOR_BYTES: usize = 512;

/// What every call answers once the simulated machine is down. Travels inside an [`io::Error`].
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("simulated crash")]
pub struct SimulatedCrash;

/// A simulated disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimFs {
    disk: Arc<Mutex<Disk>>,
}

impl SimFs {
    /// An empty disk; equal seeds and equal calls give equal bytes.
    pub fn new(seed: u64) -> Self {
        Self::with(Disk { rng: Rng(seed), dirs: BTreeSet::from([PathBuf::from("/"), PathBuf::from(".")]), ..Disk::default() })
    }

    fn with(disk: Disk) -> Self {
        Self { disk: Arc::new(Mutex::new(disk)) }
    }

    /// Lets `changes` more changes (create, append, cut, sync, rename, remove, directory sync) pass; the one after fails half-done.
    pub fn fail_after(&self, changes: u64) {
        self.lock_disk().changes_left = Some(changes);
    }

    /// Changes made so far, to choose a point for [`SimFs::fail_after`].
    pub fn changes(&self) -> u64 {
        self.lock_disk().changes
    }

    /// Whether the simulated machine is down.
    pub fn has_crashed(&self) -> bool {
        self.lock_disk().crashed
    }

    /// Makes the next file sync fail with an I/O error while the machine goes on. As on Linux, what it should have written is then
    /// seen by readers but lost for the disk, and a second sync answers success.
    pub fn fail_next_sync(&self) {
        self.lock_disk().fail_next_sync = true;
    }

    /// Bounds the disk: an append beyond `bytes` in all is cut short and fails with `StorageFull`. `None` lifts the bound.
    pub fn set_bytes_max(&self, bytes: Option<u64>) {
        self.lock_disk().bytes_max = bytes;
    }

    /// Overwrites bytes behind everybody's back, synced state included: bit rot.
    ///
    /// # Panics
    /// When the file is missing or shorter.
    pub fn corrupt(&self, path: &Path, offset: usize, bytes: &[u8]) {
        let mut disk = self.lock_disk();
        let id = *disk.live.get(path).expect("the file to damage exists");
        let file = disk.files.get_mut(&id).expect("a name leads to a file");
        for content in [&mut file.live, &mut file.synced] {
            content[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Cuts the power. The answer is the disk as the next start may find it: of each file what was synced, then a random part
    /// of what was not, possibly torn; of each directory what was synced, other changes by chance. This disk answers no more.
    pub fn crash(&self) -> SimFs {
        let mut disk = self.lock_disk();
        disk.crashed = true;
        Self::with(disk.after_power_cut())
    }

    /// Kills the process alone. The answer is the disk with everything written still visible, and still not durable where it was
    /// not synced. This disk answers no more.
    pub fn restart(&self) -> SimFs {
        let mut disk = self.lock_disk();
        disk.crashed = true;
        let next = Disk { rng: disk.rng.fork(), changes_left: None, crashed: false, locks: BTreeSet::new(), ..disk.clone() };
        drop(disk);
        Self::with(next)
    }

    fn lock_disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("no call on the simulated disk panics half-way")
    }
}

type FileId = u64;

#[derive(Clone, Debug, Default)]
struct Disk {
    rng: Rng,
    files: BTreeMap<FileId, SimFile>,
    /// Names as the process sees them, and as the platter has them; between the two, the changes not yet synced.
    live: BTreeMap<PathBuf, FileId>,
    synced: BTreeMap<PathBuf, FileId>,
    unsynced: Vec<NameChange>,
    dirs: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
    changes: u64,
    changes_left: Option<u64>,
    crashed: bool,
    fail_next_sync: bool,
    bytes_max: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct SimFile {
    live: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Write>,
}

#[derive(Clone, Debug)]
enum Write {
    Append(Vec<u8>),
    SetLen(usize),
}

/// A change of names, and the directories whose sync it still waits for.
#[derive(Clone, Debug)]
struct NameChange {
    remove: Option<PathBuf>,
    add: Option<(PathBuf, FileId)>,
    waits_for: BTreeSet<PathBuf>,
}

/// Whether a change goes through, or is the one at which the machine goes down.
#[derive(PartialEq)]
enum Fate {
    Done,
    LastOne,
}

impl Disk {
    fn check(&self) -> io::Result<()> {
        if self.crashed { Err(down()) } else { Ok(()) }
    }

    fn change(&mut self) -> io::Result<Fate> {
        self.check()?;
        self.changes += 1;
        match &mut self.changes_left {
            Some(0) => {
                self.crashed = true;
                Ok(Fate::LastOne)
            }
            Some(left) => {
                *left -= 1;
                Ok(Fate::Done)
            }
            None => Ok(Fate::Done),
        }
    }

    fn file(&self, path: &Path) -> io::Result<&SimFile> {
        self.check()?;
        let id = self.live.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.by_id(*id))
    }

    fn by_id(&self, id: FileId) -> &SimFile {
        self.files.get(&id).expect("files are never dropped while the disk lives")
    }

    fn by_id_mut(&mut self, id: FileId) -> &mut SimFile {
        self.files.get_mut(&id).expect("files are never dropped while the disk lives")
    }

    /// Changes names as one atomic step; when the machine goes down here, by chance not at all.
    fn rename_step(&mut self, remove: Option<&Path>, add: Option<(&Path, FileId)>) -> io::Result<()> {
        let fate = self.change()?;
        if fate == Fate::Done || self.rng.chance(2) {
            let touched = remove.into_iter().chain(add.map(|it| it.0));
            let waits_for = touched.map(|path| parent(path).to_owned()).collect();
            let change = NameChange { remove: remove.map(Path::to_owned), add: add.map(|(path, id)| (path.to_owned(), id)), waits_for };
            change.apply(&mut self.live);
            self.unsynced.push(change);
        }
        if fate == Fate::LastOne { Err(down()) } else { Ok(()) }
    }

    fn after_power_cut(&mut self) -> Disk {
        let mut rng = self.rng.fork();
        let mut names = self.synced.clone();
        for change in &self.unsynced {
            if rng.chance(2) {
                change.apply(&mut names);
            }
        }
        let mut files = BTreeMap::new();
        let mut dirs = self.dirs.clone();
        for (path, id) in &names {
            let content = self.by_id(*id).after_power_cut(&mut rng);
            files.insert(*id, SimFile { live: content.clone(), synced: content, unsynced: Vec::new() });
            dirs.extend(path.ancestors().skip(1).map(Path::to_owned));
        }
        Disk { files, live: names.clone(), synced: names, dirs, rng, bytes_max: self.bytes_max, ..Disk::default() }
    }

    fn used_bytes(&self) -> u64 {
        self.live.values().map(|id| self.by_id(*id).live.len() as u64).sum()
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, FileId>) {
        if let Some(path) = &self.remove {
            names.remove(path);
        }
        if let Some((path, id)) = &self.add {
            names.insert(path.clone(), *id);
        }
    }
}

impl SimFile {
    fn write(&mut self, write: Write) {
        write.apply(&mut self.live);
        self.unsynced.push(write);
    }

    fn sync(&mut self) {
        for write in self.unsynced.drain(..) {
            write.apply(&mut self.synced);
        }
    }

    /// The kernel reported a failed sync and marked the pages clean: their place on the disk keeps what was there, zeros.
    fn lose_unsynced(&mut self) {
        for write in &mut self.unsynced {
            if let Write::Append(bytes) = write {
                bytes.fill(0);
            }
        }
    }

    fn after_power_cut(&self, rng: &mut Rng) -> Vec<u8> {
        let mut content = self.synced.clone();
        let whole = rng.below(self.unsynced.len() as u64 + 1) as usize;
        for write in &self.unsynced[..whole] {
            write.apply(&mut content);
        }
        if let Some(Write::Append(bytes)) = self.unsynced.get(whole) {
            tear(&mut content, bytes, rng);
        }
        content
    }
}

impl Write {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Write::Append(bytes) => content.extend_from_slice(bytes),
            Write::SetLen(len) => content.resize(*len, 0),
        }
    }
}

/// Appends what may be left of a write that the power cut met.
fn tear(content: &mut Vec<u8>, bytes: &[u8], rng: &mut Rng) {
    let kept = rng.below(bytes.len() as u64 + 1) as usize;
    match rng.below(5) {
        // Nothing at all.
        0 => {}
        // The front.
        1 => content.extend_from_slice(&bytes[..kept]),
        // The length grew before the data came.
        2 => {
            content.extend_from_slice(&bytes[..kept]);
            content.resize(content.len() + bytes.len() - kept, 0);
        }
        // The front, then what the blocks held before.
        3 => {
            content.extend_from_slice(&bytes[..kept]);
            let garbage = rng.below(64);
            content.extend((0..garbage).map(|_| rng.next() as u8));
        }
        // Sectors in any order.
        _ => {
            let start = content.len();
            content.extend_from_slice(bytes);
            let mut at = start;
            while at < content.len() {
                let end = (at / SECTOR_BYTES + 1).saturating_mul(SECTOR_BYTES).min(content.len());
                match rng.below(4) {
                    0 => content[at..end].fill(0),
                    1 => content[at..end].iter_mut().for_each(|byte| *byte = rng.next() as u8),
                    _ => {}
                }
                at = end;
            }
        }
    }
}

fn down() -> io::Error {
    io::Error::other(SimulatedCrash)
}

impl Fs for SimFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        let mut disk = self.lock_disk();
        disk.check()?;
        if disk.live.contains_key(path) || disk.dirs.contains(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !disk.dirs.contains(parent(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let id = disk.files.keys().next_back().map_or(0, |last| last + 1);
        disk.files.insert(id, SimFile::default());
        disk.rename_step(None, Some((path, id)))?;
        Ok(Box::new(SimHandle { fs: self.clone(), id }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        let disk = self.lock_disk();
        disk.check()?;
        let id = *disk.live.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimHandle { fs: self.clone(), id }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.lock_disk().file(path)?.live.clone())
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
        let disk = self.lock_disk();
        let content = &disk.file(path)?.live;
        let range = range.start as usize..range.end as usize;
        Ok(content.get(range).ok_or(io::ErrorKind::UnexpectedEof)?.to_vec())
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(self.lock_disk().file(path)?.live.len() as u64)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let disk = self.lock_disk();
        disk.check()?;
        Ok(disk.live.contains_key(path) || disk.dirs.contains(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.lock_disk();
        disk.check()?;
        let id = *disk.live.get(from).ok_or(io::ErrorKind::NotFound)?;
        if !disk.dirs.contains(parent(to)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.rename_step(Some(from), Some((to, id)))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.lock_disk();
        disk.file(path)?;
        disk.rename_step(Some(path), None)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.lock_disk();
        disk.check()?;
        if !disk.dirs.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let names: Vec<PathBuf> = disk.live.keys().filter(|it| it.starts_with(path)).cloned().collect();
        for name in names {
            disk.rename_step(Some(&name), None)?;
        }
        disk.dirs.retain(|it| !it.starts_with(path));
        // The directory is gone as a whole once its parent is synced, whatever was synced inside.
        let dir = parent(path).to_owned();
        for change in disk.unsynced.iter_mut().filter(|it| it.waits_for.iter().any(|at| at.starts_with(path))) {
            change.waits_for = BTreeSet::from([dir.clone()]);
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let disk = self.lock_disk();
        disk.check()?;
        if !disk.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let files = disk.live.iter().map(|(path, id)| (path, false, disk.by_id(*id).live.len() as u64));
        let dirs = disk.dirs.iter().map(|path| (path, true, 0));
        let mut entries: Vec<DirEntry> = files
            .chain(dirs)
            .filter(|(path, ..)| path.parent().is_some() && parent(path) == dir && path.as_path() != dir)
            .filter_map(|(path, is_dir, bytes)| Some(DirEntry { name: path.file_name()?.to_owned(), is_dir, bytes }))
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.lock_disk();
        disk.check()?;
        disk.dirs.extend(dir.ancestors().filter(|it| !it.as_os_str().is_empty()).map(Path::to_owned));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.lock_disk();
        disk.check()?;
        if !disk.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let fate = disk.change()?;
        if fate == Fate::Done || disk.rng.chance(2) {
            let disk = &mut *disk;
            for change in &mut disk.unsynced {
                change.waits_for.remove(dir);
                if change.waits_for.is_empty() {
                    change.apply(&mut disk.synced);
                }
            }
            disk.unsynced.retain(|it| !it.waits_for.is_empty());
        }
        if fate == Fate::LastOne { Err(down()) } else { Ok(()) }
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FsLock>> {
        let mut disk = self.lock_disk();
        disk.check()?;
        if !disk.locks.insert(path.to_owned()) {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, format!("[{}] is locked", path.display())));
        }
        Ok(Box::new(SimLock { fs: self.clone(), path: path.to_owned() }))
    }
}

#[derive(Debug)]
struct SimHandle {
    fs: SimFs,
    id: FileId,
}

impl FsFile for SimHandle {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.fs.lock_disk();
        match disk.change()? {
            Fate::Done => {
                let room = disk.bytes_max.map_or(u64::MAX, |max| max.saturating_sub(disk.used_bytes()));
                let fits = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
                disk.by_id_mut(self.id).write(Write::Append(bytes[..fits].to_vec()));
                if fits == bytes.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
            }
            Fate::LastOne => {
                let kept = disk.rng.below(bytes.len() as u64 + 1) as usize;
                disk.by_id_mut(self.id).write(Write::Append(bytes[..kept].to_vec()));
                Err(down())
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.fs.lock_disk();
        let fate = disk.change()?;
        if fate == Fate::Done && std::mem::take(&mut disk.fail_next_sync) {
            disk.by_id_mut(self.id).lose_unsynced();
            return Err(io::Error::other("simulated input/output error"));
        }
        if fate == Fate::Done || disk.rng.chance(2) {
            disk.by_id_mut(self.id).sync();
        }
        if fate == Fate::LastOne { Err(down()) } else { Ok(()) }
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut disk = self.fs.lock_disk();
        let fate = disk.change()?;
        if fate == Fate::Done || disk.rng.chance(2) {
            let len = usize::try_from(len).map_err(io::Error::other)?;
            disk.by_id_mut(self.id).write(Write::SetLen(len));
        }
        if fate == Fate::LastOne { Err(down()) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        let disk = self.fs.lock_disk();
        disk.check()?;
        Ok(disk.by_id(self.id).live.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let disk = self.fs.lock_disk();
        disk.check()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let content = &disk.by_id(self.id).live;
        let bytes = start.checked_add(buf.len()).and_then(|end| content.get(start..end));
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

#[derive(Debug)]
struct SimLock {
    fs: SimFs,
    path: PathBuf,
}

impl FsLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.fs.lock_disk().locks.remove(&self.path);
    }
}

/// SplitMix64: eight lines, passes the usual tests, and a replay needs nothing but the seed.
#[derive(Clone, Debug, Default)]
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; the bias is of no matter for tests.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in `n`.
    fn chance(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn fork(&mut self) -> Rng {
        Rng(self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(fs: &SimFs, path: &str, bytes: &[u8], sync: bool) {
        let mut file = fs.create(Path::new(path)).unwrap();
        file.append(bytes).unwrap();
        if sync {
            file.sync().unwrap();
        }
    }

    /// What `path` may hold after a power cut, over many seeds; `None` when the name is gone.
    fn outcomes(path: &str, prepare: impl Fn(&SimFs)) -> BTreeSet<Option<Vec<u8>>> {
        let run = |seed| {
            let fs = SimFs::new(seed);
            fs.create_dir_all(Path::new("/d")).unwrap();
            prepare(&fs);
            fs.crash().read(Path::new(path)).ok()
        };
        (0..300).map(run).collect()
    }

    #[test]
    fn synced_file_in_synced_directory_survives() {
        let seen = outcomes("/d/f", |fs| {
            write(fs, "/d/f", b"abc", true);
            fs.sync_dir(Path::new("/d")).unwrap();
        });
        assert_eq!(seen, BTreeSet::from([Some(b"abc".to_vec())]));
    }

    #[test]
    fn name_that_was_not_synced_may_be_gone() {
        let seen = outcomes("/d/f", |fs| write(fs, "/d/f", b"abc", true));
        assert_eq!(seen, BTreeSet::from([None, Some(b"abc".to_vec())]));
    }

    #[test]
    fn content_that_was_not_synced_is_whole_or_torn_or_gone() {
        let seen = outcomes("/d/f", |fs| {
            write(fs, "/d/f", b"abc", false);
            fs.sync_dir(Path::new("/d")).unwrap();
        });
        for wanted in [&b""[..], b"a", b"ab", b"abc", b"ab\0", b"\0\0\0"] {
            assert!(seen.contains(&Some(wanted.to_vec())), "{wanted:?} never seen");
        }
        assert!(!seen.contains(&None));
    }

    #[test]
    fn rename_over_a_file_leaves_the_old_or_the_new_one() {
        let seen = outcomes("/d/f", |fs| {
            write(fs, "/d/f", b"old", true);
            fs.sync_dir(Path::new("/d")).unwrap();
            write(fs, "/d/f.tmp", b"new", true);
            fs.rename(Path::new("/d/f.tmp"), Path::new("/d/f")).unwrap();
        });
        assert_eq!(seen, BTreeSet::from([Some(b"new".to_vec()), Some(b"old".to_vec())]));
    }

    #[test]
    fn atomic_write_survives() {
        let seen = outcomes("/d/f", |fs| {
            fs.write_atomic(Path::new("/d/f"), b"old").unwrap();
            fs.write_atomic(Path::new("/d/f"), b"new").unwrap();
        });
        assert_eq!(seen, BTreeSet::from([Some(b"new".to_vec())]));
    }

    #[test]
    fn after_the_failing_change_nothing_answers() {
        let fs = SimFs::new(1);
        fs.create_dir_all(Path::new("/d")).unwrap();
        let mut file = fs.create(Path::new("/d/f")).unwrap();
        fs.fail_after(1);
        file.append(b"abc").unwrap();
        let error = file.sync().unwrap_err();
        assert!(error.get_ref().is_some_and(|it| it.is::<SimulatedCrash>()));
        assert!(fs.has_crashed());
        assert!(fs.read(Path::new("/d/f")).is_err());
        assert!(file.append(b"d").is_err());
    }

    #[test]
    fn killed_process_leaves_what_it_wrote_visible_but_not_durable() {
        let visible = |seed| {
            let fs = SimFs::new(seed);
            fs.create_dir_all(Path::new("/d")).unwrap();
            write(&fs, "/d/f", b"abc", false);
            let after = fs.restart();
            assert_eq!(after.read(Path::new("/d/f")).unwrap(), b"abc");
            after.crash().read(Path::new("/d/f")).ok()
        };
        assert!((0..100).map(visible).any(|it| it.is_none()));
    }

    #[test]
    fn sync_after_a_failed_sync_lies_as_linux_does() {
        let fs = SimFs::new(1);
        fs.create_dir_all(Path::new("/d")).unwrap();
        let mut file = fs.create(Path::new("/d/f")).unwrap();
        fs.sync_dir(Path::new("/d")).unwrap();
        file.append(b"abc").unwrap();
        fs.fail_next_sync();
        file.sync().unwrap_err();
        file.sync().unwrap();
        assert_eq!(fs.read(Path::new("/d/f")).unwrap(), b"abc");
        assert_eq!(fs.crash().read(Path::new("/d/f")).unwrap(), b"\0\0\0");
    }

    #[test]
    fn full_disk_takes_a_part_and_says_so() {
        let fs = SimFs::new(1);
        fs.set_bytes_max(Some(4));
        let mut file = fs.create(Path::new("/f")).unwrap();
        let error = file.append(b"abcdef").unwrap_err();
        assert!(super::super::is_no_space(&error));
        assert_eq!(file.len().unwrap(), 4);
    }

    #[test]
    fn removed_directory_takes_its_files_along() {
        let fs = SimFs::new(1);
        fs.create_dir_all(Path::new("/d/s")).unwrap();
        write(&fs, "/d/s/f", b"abc", true);
        fs.remove_dir_all(Path::new("/d/s")).unwrap();
        assert_eq!(fs.list(Path::new("/d")).unwrap(), []);
        assert!(fs.read(Path::new("/d/s/f")).is_err());
    }

    #[test]
    fn equal_seeds_give_equal_disks() {
        let run = |seed| {
            let fs = SimFs::new(seed);
            for i in 0..20 {
                write(&fs, &format!("/f{i}"), &[i; 700], false);
            }
            let after = fs.crash();
            let names = after.list(Path::new("/")).unwrap();
            names.iter().map(|it| after.read(&Path::new("/").join(&it.name)).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
