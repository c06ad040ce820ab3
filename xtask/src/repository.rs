//! The repository as the rules see it: its root and its files, tracked or about to be.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};

/// The repository's root: the parent of this crate.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.to_path_buf(), Path::to_path_buf)
}

/// One file, with its path from the root in forward slashes.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    /// Nothing when it is not UTF-8 (pictures, fonts).
    pub(crate) text: Option<String>,
}

/// Every file that is in the repository or would be added by `git add -A`, sorted by path.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Reads the files under `root`. Without git (a source archive) everything counts but build output.
    ///
    /// # Errors
    /// A listed file cannot be read.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut paths = match tracked(root) {
            Ok(paths) => paths,
            Err(_) => walked(root)?,
        };
        paths.sort_unstable();
        let mut files = Vec::new();
        for path in paths {
            let on_disk = root.join(&path);
            // Deleted but not yet committed, or a link into nowhere: nothing to check.
            let Ok(meta) = std::fs::metadata(&on_disk) else { continue };
            if !meta.is_file() {
                continue;
            }
            let bytes = std::fs::read(&on_disk).with_context(|| format!("reading {path}"))?;
            files.push(File { path, size_bytes: meta.len(), text: String::from_utf8(bytes).ok() });
        }
        Ok(Self { files })
    }

    /// The file of this path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|it| it.path == path)
    }

    /// Files with one of these endings that hold text, with it.
    pub(crate) fn texts<'a>(&'a self, endings: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |file| endings.iter().any(|it| file.path.ends_with(it)))
            .filter_map(|file| file.text.as_deref().map(|text| (file.path.as_str(), text)))
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.to_owned(), size_bytes: text.len() as u64, text: Some(text.to_owned()) };
        Self { files: files.iter().map(file).collect() }
    }
}

fn tracked(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let output = git.output().context("git does not start")?;
    if !output.status.success() {
        return Err(anyhow!("not a git repository"));
    }
    let text = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(text.split('\0').filter(|it| !it.is_empty()).map(str::to_owned).collect())
}

fn walked(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).with_context(|| format!("listing {}", directory.display()))? {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                if !["target", "node_modules", ".git"].iter().any(|it| name == *it) {
                    open.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(root) {
                paths.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_archive_is_read_without_git() {
        let directory = tempfile::tempdir().unwrap();
        for path in ["src/a.rs", "target/debug/b.rs", "node_modules/c.js", "d.md"] {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let tree = Tree::read(directory.path()).unwrap();
        assert_eq!(tree.files.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["d.md", "src/a.rs"]);
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
