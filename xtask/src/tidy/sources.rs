//! Every Rust file begins with `//!` and has no line that runs off the screen; every crate takes the workspace's lints.

use super::Subject;

/// rustfmt breaks code at 150; what it cannot break is prose, and a string or a URL may stay whole.
const LINE_MAX: usize = 160;

pub(super) fn find(subject: &Subject) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in subject.tree.texts(&[".rs"]) {
        findings.extend(judge(text).into_iter().map(|(line, what)| format!("{path}:{line}: {what}")));
    }
    for (path, text) in subject.tree.texts(&["Cargo.toml"]) {
        // The fuzz targets are a workspace of their own.
        if path != "Cargo.toml" && !path.starts_with("fuzz/") && !text.contains("[lints]\nworkspace = true") {
            findings.push(format!("{path}: take the workspace's lints ([lints] workspace = true)"));
        }
    }
    findings
}

fn judge(text: &str) -> Vec<(usize, &'static str)> {
    let mut findings = Vec::new();
    let first = text.lines().find(|it| !it.trim().is_empty() && !it.starts_with("#!["));
    if !first.is_some_and(|it| it.starts_with("//!")) {
        findings.push((1, "begin with //! and say what this module is, what it is not and how it fits"));
    }
    for (number, line) in text.lines().enumerate() {
        if line.chars().count() > LINE_MAX && !line.contains('"') && !line.contains("://") {
            findings.push((number + 1, "the line is longer than 160 characters"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::Tree;

    #[test]
    fn a_module_without_a_word_about_itself_is_found() {
        assert!(judge("//! What it is.\nfn f() {}\n").is_empty());
        assert!(judge("#![no_main]\n//! What it is.\n").is_empty());
        assert_eq!(judge("use std::fmt;\n").len(), 1);
        assert_eq!(judge("").len(), 1);
    }

    #[test]
    fn long_prose_is_found_and_a_long_string_is_not() {
        let long = "x".repeat(LINE_MAX + 1);
        assert_eq!(judge(&format!("//! Text.\n// {long}\n")), [(2, "the line is longer than 160 characters")]);
        assert!(judge(&format!("//! Text.\nlet x = \"{long}\";\n")).is_empty());
    }

    #[test]
    fn a_crate_without_the_lints_is_found() {
        let found = |text| find(&Subject { tree: Tree::of(&[("engine/Cargo.toml", text)]), metadata: serde_json::Value::Null });
        assert_eq!(found("[package]\n").len(), 1);
        assert!(found("[package]\n\n[lints]\nworkspace = true\n").is_empty());
    }
}
