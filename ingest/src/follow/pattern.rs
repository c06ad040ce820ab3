//! Files by pattern (`/var/log/fw/*.log`): which are there now. What is read of them, and that a file is not read twice, is the follower's.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::rotation;

/// As a shell understands them: no part of a path is jumped over, and hidden files are named.
const OPTIONS: MatchOptions = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Patterns of files.
#[derive(Debug, Default)]
pub(super) struct Patterns(Vec<Pattern>);

impl Patterns {
    /// Parts what was given into names and patterns. A file that has such a name is itself.
    pub(super) fn part(paths: &[PathBuf]) -> (Vec<PathBuf>, Self) {
        let mut names = Vec::new();
        let mut patterns = Vec::new();
        for path in paths {
            let text = path.to_str().filter(|it| it.contains(['*', '?', '[']) && !path.exists());
            match text.and_then(|it| Pattern::new(it).ok()) {
                Some(pattern) => patterns.push(pattern),
                None => names.push(path.clone()),
            }
        }
        (names, Self(patterns))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is for that path.
    pub(super) fn is_match(&self, path: &Path) -> bool {
        self.0.iter().any(|it| it.matches_path_with(path, OPTIONS))
    }

    /// The files that are there, by name, without those that were rotated away from others of them or from `followed`, and without packed ones.
    pub(super) fn files<'a>(&self, followed: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
        // What can't be listed has nothing to give; it may be there at the next look.
        let found = self.0.iter().flat_map(|it| glob::glob_with(it.as_str(), OPTIONS).into_iter().flatten().flatten());
        let mut files: Vec<PathBuf> = found.filter(|it| it.is_file()).collect();
        files.sort();
        files.dedup();
        let all: Vec<PathBuf> = files.iter().cloned().chain(followed.map(Path::to_owned)).collect();
        files.retain(|file| {
            let name = rotation::name(file);
            let is_of_another = |of: &PathBuf| of.parent() == file.parent() && rotation::is_rotated_or_packed(&name, &rotation::name(of));
            !rotation::is_packed(&name) && !all.iter().any(is_of_another)
        });
        files
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn rotated_and_packed_files_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a.log", "a.log.1", "a.log.2.gz", "a-20261123.log", "b-20261123.log", "b-20261124.log", "c.log.1", "d.gz", ".hidden", "[x]"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let literal = directory.path().join("[x]");
        let (names, patterns) = Patterns::part(&[directory.path().join("*"), literal.clone()]);
        assert_eq!(names, [literal]);
        let followed = directory.path().join("c.log");
        let files: Vec<_> = patterns.files([followed.as_path()].into_iter()).iter().map(|it| rotation::name(it)).collect();
        assert_eq!(files, ["[x]", "a.log", "b-20261123.log", "b-20261124.log"]);
        assert!(patterns.is_match(&directory.path().join("new")) && !patterns.is_match(&directory.path().join("sub/new")));
    }
}
