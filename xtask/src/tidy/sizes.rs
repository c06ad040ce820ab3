//! A repository is cloned often: nothing big gets in unnoticed.

use super::Subject;
use crate::repository::File;

const SIZE_BYTES_MAX: u64 = 1 << 20;
/// Generated and needed whole.
const MAY_BE_LARGE: &[&str] = &["Cargo.lock", "fuzz/Cargo.lock", "ui/package-lock.json"];

pub(super) fn find(subject: &Subject) -> Vec<String> {
    subject.tree.files.iter().filter_map(judge).collect()
}

fn judge(file: &File) -> Option<String> {
    let is_large = file.size_bytes > SIZE_BYTES_MAX && !MAY_BE_LARGE.contains(&file.path.as_str());
    is_large.then(|| format!("{}: {} KiB, the limit is {} KiB", file.path, file.size_bytes / 1024, SIZE_BYTES_MAX / 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_are_found_and_lock_files_are_not() {
        let file = |path: &str, size_bytes| File { path: path.to_owned(), size_bytes, text: None };
        assert!(judge(&file("a.bin", SIZE_BYTES_MAX + 1)).is_some());
        assert!(judge(&file("a.bin", SIZE_BYTES_MAX)).is_none());
        assert!(judge(&file("Cargo.lock", SIZE_BYTES_MAX + 1)).is_none());
    }
}
