//! Which files beside a followed one were it before: found by their names, their times and their first bytes. Reads no lines.
//!
//! A rotated file is named like the followed one with digits added: `fw.log.1`, `fw.log-20261123`, `fw-2026-11-23.log`. Packed files
//! (`fw.log.2.gz`) are not read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::open_file::{OpenFile, Position, open_at};

/// What packers add to a name.
const PACKED: [&str; 5] = ["gz", "zst", "xz", "bz2", "lz4"];

/// Whether a file name is that of a rotated file of the other, packed or not.
pub(super) fn is_rotated_or_packed(name: &str, of: &str) -> bool {
    is_rotated(unpacked(name).unwrap_or(name), of)
}

/// Whether a file name is that of a packed file.
pub(super) fn is_packed(name: &str) -> bool {
    unpacked(name).is_some()
}

fn unpacked(name: &str) -> Option<&str> {
    name.rsplit_once('.').filter(|it| PACKED.contains(&it.1)).map(|it| it.0)
}

/// Whether a file name is that of a rotated file of the other, as it was written.
fn is_rotated(name: &str, of: &str) -> bool {
    let is_mark = |mark: &str| {
        let is_of_number_or_time = mark.bytes().skip(1).all(|it| it.is_ascii_digit() || b"-_.:TZ".contains(&it));
        mark.starts_with(['.', '-', '_']) && is_of_number_or_time && mark.bytes().any(|it| it.is_ascii_digit())
    };
    let (stem, extension) = of.rfind('.').filter(|it| *it > 0).map_or((of, ""), |it| of.split_at(it));
    let inside = name.strip_prefix(stem).and_then(|it| it.strip_suffix(extension));
    name.strip_prefix(of).is_some_and(is_mark) || inside.is_some_and(is_mark)
}

/// The file that a position is of, under whatever name it has beside `path` now, or a copy of it (`copytruncate`); read up to the position.
///
/// # Errors
/// The directory or such a file can't be read.
pub(super) fn find_saved(path: &Path, saved: &Position) -> io::Result<Option<OpenFile>> {
    for (entry, metadata) in files_beside(path)? {
        if saved.is_inode_of(&metadata)
            && let Some(it) = open_at(&entry)?
            && it.is(saved)?
        {
            return Ok(Some(it.resumed(saved).found_elsewhere(true)));
        }
    }
    find_copy(path, saved)
}

/// A rotated file of `path` that is another than the position's and begins like it: what `copytruncate` leaves.
///
/// # Errors
/// The directory or such a file can't be read.
pub(super) fn find_copy(path: &Path, saved: &Position) -> io::Result<Option<OpenFile>> {
    if saved.has_no_head() {
        return Ok(None);
    }
    let mut copies = rotated_beside(path)?;
    // Should several begin like it, the last copy is the one with all that was read.
    copies.sort_by_key(|it| std::cmp::Reverse(it.1));
    for (entry, _) in copies {
        if let Some(it) = open_at(&entry)?
            && it.begins_like(saved)?
        {
            return Ok(Some(it.at(saved.offset).found_elsewhere(true)));
        }
    }
    Ok(None)
}

/// What to read after `done`: the next rotated file by time, or the file of that name; `None` where there is no other yet.
///
/// # Errors
/// The directory or such a file can't be read.
pub(super) fn next_after(path: &Path, done: &OpenFile) -> io::Result<Option<OpenFile>> {
    let now = open_at(path)?;
    let done_at = done.modified()?;
    let mut later = rotated_beside(path)?;
    later.retain(|it| it.1 > done_at);
    later.sort_by_key(|it| it.1);
    for (entry, _) in later {
        let Some(it) = open_at(&entry)? else { continue };
        // Whoever wrote the file before `done` may have gone on for a while: its time says nothing of the order, so it is known by itself.
        let is_known = it.is_file_of(done) || done.before.as_ref().is_some_and(|before| it.is_identity(before));
        if !is_known && !now.as_ref().is_some_and(|now| it.is_file_of(now)) {
            return Ok(Some(it.found_elsewhere(false)));
        }
    }
    // A copy's original goes on under its name; nothing else that was just read does.
    Ok(now.filter(|it| !it.is_file_of(done)))
}

/// Rotated files of `path`, with the times of their last writes.
fn rotated_beside(path: &Path) -> io::Result<Vec<(PathBuf, SystemTime)>> {
    let of = name(path);
    let files = files_beside(path)?.into_iter().filter(|it| is_rotated(&name(&it.0), &of));
    files.map(|(entry, metadata)| Ok((entry, metadata.modified()?))).collect()
}

fn files_beside(path: &Path) -> io::Result<Vec<(PathBuf, fs::Metadata)>> {
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        // One that went away meanwhile is not there.
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
        {
            files.push((entry.path(), metadata));
        }
    }
    Ok(files)
}

/// The last part of a path, as text.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_known_by_their_names() {
        for (name, of, is_one, is_one_packed) in [
            ("fw.log.1", "fw.log", true, true),
            ("fw.log-20261123", "fw.log", true, true),
            ("fw-2026-11-23T10:00.log", "fw.log", true, true),
            ("fw.log.12.gz", "fw.log", false, true),
            ("fw.1", "fw", true, true),
            ("fw.log", "fw.log", false, false),
            ("fw-east.log", "fw.log", false, false),
            ("fw2.log", "fw.log", false, false),
            ("fw.log.bak", "fw.log", false, false),
            ("fw.log.", "fw.log", false, false),
            ("other.log.1", "fw.log", false, false),
            (".hidden.1", ".hidden", true, true),
        ] {
            assert_eq!((is_rotated(name, of), is_rotated_or_packed(name, of)), (is_one, is_one_packed), "{name} of {of}");
        }
    }
}
