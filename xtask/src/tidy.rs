//! `cargo xtask tidy`: the repository's own rules, which neither the compiler nor clippy can check.
//!
//! A rule is one file under `tidy/` and one line in [`RULES`]: it looks at the files and the manifests and returns what it
//! finds, each with a path, so that the answer can be clicked.

mod arrows;
mod documents;
mod names;
mod sizes;
mod sources;
mod words;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::programs::{cargo, read};
use crate::repository::{self, Tree};

/// What rules look at.
struct Subject {
    tree: Tree,
    /// `cargo metadata --no-deps` of the workspace.
    metadata: Value,
}

/// One rule: its name, and what it says about the repository (nothing when all is well).
struct Rule {
    name: &'static str,
    find: fn(&Subject) -> Vec<String>,
}

/// Every rule, in the order of the output.
const RULES: &[Rule] = &[
    Rule { name: "crates depend in one direction", find: arrows::find },
    Rule { name: "files are named after what they hold", find: names::find },
    Rule { name: "nothing is left for later, nothing names a machine", find: words::find },
    Rule { name: "files are small", find: sizes::find },
    Rule { name: "modules say what they are, lines fit the screen", find: sources::find },
    Rule { name: "documents exist and are linked", find: documents::find },
];

pub(crate) fn run(_: &[String]) -> Result<ExitCode> {
    check(&repository::root())?;
    Ok(ExitCode::SUCCESS)
}

/// Applies every rule.
///
/// # Errors
/// The repository cannot be read, or a rule found something; all findings are printed.
pub(crate) fn check(root: &Path) -> Result<()> {
    let text = read(cargo(root).args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"]))?;
    let metadata = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    let subject = Subject { tree: Tree::read(root)?, metadata };
    let mut count = 0;
    for rule in RULES {
        let findings = (rule.find)(&subject);
        count += findings.len();
        println!("    {} {}", if findings.is_empty() { "ok " } else { "NOT" }, rule.name);
        for finding in findings {
            println!("        {finding}");
        }
    }
    if count > 0 {
        bail!("{count} findings in {} files", subject.tree.files.len());
    }
    Ok(())
}
