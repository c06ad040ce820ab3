//! The documents a stranger looks for exist, every page under `docs/` is linked from another, and links lead somewhere.

use super::Subject;
use crate::repository::Tree;

const REQUIRED: &[&str] = &["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "deny.toml"];

pub(super) fn find(subject: &Subject) -> Vec<String> {
    let tree = &subject.tree;
    let mut findings: Vec<String> = REQUIRED.iter().filter(|it| tree.file(it).is_none()).map(|it| format!("{it} is missing")).collect();
    if let Some(changelog) = tree.file("CHANGELOG.md").and_then(|it| it.text.as_deref())
        && !changelog.lines().any(|it| it.starts_with("## "))
    {
        findings.push("CHANGELOG.md has no version heading (## Unreleased)".to_owned());
    }
    findings.extend(unlinked(tree));
    findings.extend(broken_links(tree));
    findings
}

/// Pages under `docs/` that no other document names by file name.
fn unlinked(tree: &Tree) -> Vec<String> {
    let pages = tree.texts(&[".md"]).map(|it| it.0).filter(|it| it.starts_with("docs/"));
    pages
        .filter(|page| {
            let name = page.rsplit('/').next().unwrap_or(page);
            !tree.texts(&[".md"]).any(|(path, text)| path != *page && text.contains(name))
        })
        .map(|page| format!("{page} is linked from nowhere"))
        .collect()
}

/// Relative links of Markdown pages whose target does not exist.
fn broken_links(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[".md"]).filter(|it| !it.0.starts_with("ui/vendor/")) {
        for (number, line) in text.lines().enumerate() {
            for target in link_targets(line) {
                if !exists(tree, path, target) {
                    findings.push(format!("{path}:{}: the link to {target} leads nowhere", number + 1));
                }
            }
        }
    }
    findings
}

/// `target` of every `[text](target)` in the line, without anchors; links to other hosts and within the page do not count.
fn link_targets(line: &str) -> Vec<&str> {
    let after_text = line.split("](").skip(1);
    after_text
        .filter_map(|it| it.split_once(')').map(|it| it.0))
        .map(|it| it.split(['#', ' ']).next().unwrap_or_default())
        .filter(|it| !it.is_empty() && !it.contains("://") && !it.starts_with("mailto:"))
        .collect()
}

fn exists(tree: &Tree, page: &str, target: &str) -> bool {
    let mut parts: Vec<&str> = page.rsplit_once('/').map_or(vec![], |it| it.0.split('/').collect());
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    let directory = format!("{path}/");
    tree.files.iter().any(|it| it.path == path || it.path.starts_with(&directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &[(&str, &str)] = &[
        ("README.md", "See [the log](docs/format/log.md#frames), [code](engine/) and [there](https://x.example/y)."),
        ("ARCHITECTURE.md", ""),
        ("CHANGELOG.md", "## Unreleased\n"),
        ("CONTRIBUTING.md", ""),
        ("LICENSE", ""),
        ("deny.toml", ""),
        ("docs/format/log.md", "Back to [the start](../../README.md)."),
        ("engine/src/lib.rs", ""),
    ];

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        find(&Subject { tree: Tree::of(files), metadata: serde_json::Value::Null })
    }

    #[test]
    fn a_complete_set_passes() {
        assert_eq!(found(COMPLETE), Vec::<String>::new());
    }

    #[test]
    fn a_missing_document_a_lost_page_and_a_dead_link_are_found() {
        assert_eq!(
            found(&COMPLETE[1..]),
            ["README.md is missing", "docs/format/log.md is linked from nowhere", "docs/format/log.md:1: the link to ../../README.md leads nowhere"]
        );
    }
}
