//! File names that hold anything hold nothing: a file is named after its one concept.

use super::Subject;

const BANNED: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "types", "stuff"];
const SOURCES: &[&str] = &["rs", "ts", "tsx", "js", "mjs"];

pub(super) fn find(subject: &Subject) -> Vec<String> {
    let paths = subject.tree.files.iter().map(|it| it.path.as_str()).filter(|it| !it.starts_with("ui/vendor/"));
    paths.filter_map(judge).collect()
}

fn judge(path: &str) -> Option<String> {
    let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
    let (stem, ending) = file.split_once('.')?;
    if !SOURCES.contains(&ending) {
        return None;
    }
    // `mod.rs` is named by its directory. A directory `types/` holding one file per type is a list, not a heap.
    let is_heap = stem == "mod" && directory.rsplit('/').next().is_some_and(|it| it != "types" && BANNED.contains(&it));
    (BANNED.contains(&stem) || is_heap).then(|| format!("{path}: name it after the one thing it holds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heaps_are_found_and_concepts_are_not() {
        for path in ["engine/src/utils.rs", "ui/web/helpers.ts", "server/src/common/mod.rs", "ingest/src/types.rs"] {
            assert!(judge(path).is_some(), "{path}");
        }
        for path in ["engine/src/retention.rs", "ingest/src/panos/types/traffic.rs", "ingest/src/panos/types/mod.rs", "docs/common.md", "README"] {
            assert!(judge(path).is_none(), "{path}");
        }
    }
}
