//! Licences and duplicates of what we ship, from `cargo metadata`: no tool to install, a second to run.
//!
//! `deny.toml` says the same to people who have cargo-deny, and adds the advisory database. A licence expression passes when one of
//! its alternatives consists of allowed licences only; copyleft that would reach our own code is never among them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::programs::{cargo, host, read};

/// Permissive licences, and MPL-2.0 whose copyleft ends at its own files.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "NCSA",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Crates of which a second version would mean two incompatible worlds in one binary.
const ONLY_ONCE: &[&str] = &["arrow", "arrow-array", "axum", "datafusion", "hyper", "object_store", "parquet", "rustls", "serde", "tantivy", "tokio"];

/// Checks the packages that a build for this machine uses.
///
/// # Errors
/// Lists every package with a licence that is not allowed, and every duplicate that is refused.
pub(crate) fn check(root: &Path) -> Result<()> {
    let host = host()?;
    let text = read(cargo(root).args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    let packages = packages(&metadata);
    let mut findings = unlicensed(&packages);
    findings.extend(duplicates(&packages));
    if findings.is_empty() {
        println!("    {} packages, all under allowed licences", packages.len());
        return Ok(());
    }
    for finding in &findings {
        println!("    {finding}");
    }
    bail!("{} findings", findings.len())
}

#[derive(Debug, Clone)]
struct Package {
    name: String,
    version: String,
    licence: Option<String>,
}

/// The packages of the resolved graph; those of other platforms are not in it.
fn packages(metadata: &Value) -> Vec<Package> {
    let nodes = metadata["resolve"]["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let used: BTreeSet<&str> = nodes.iter().filter_map(|it| it["id"].as_str()).collect();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    metadata["packages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter(|it| it["id"].as_str().is_some_and(|id| used.contains(id)))
        .map(|it| Package {
            name: text(&it["name"]).unwrap_or_default(),
            version: text(&it["version"]).unwrap_or_default(),
            licence: text(&it["license"]),
        })
        .collect()
}

fn unlicensed(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for Package { name, version, licence } in packages {
        match licence {
            None => findings.push(format!("{name} {version} names no licence")),
            Some(licence) if !is_allowed(licence) => findings.push(format!("{name} {version} is under [{licence}], which is not allowed")),
            Some(_) => {}
        }
    }
    findings
}

fn duplicates(packages: &[Package]) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let several = versions.iter().filter(|(name, versions)| ONLY_ONCE.contains(name) && versions.len() > 1);
    several.map(|(name, versions)| format!("{name} is in the tree more than once: {}", Vec::from_iter(versions.iter().copied()).join(", "))).collect()
}

/// Whether an SPDX expression can be satisfied from [`ALLOWED`]. Old manifests write `MIT/Apache-2.0` for `OR`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let is_satisfied = any_of(&mut rest);
    is_satisfied && rest.is_empty()
}

/// `a OR b`, where `AND` binds closer.
fn any_of(words: &mut &[&str]) -> bool {
    let mut is_satisfied = all_of(words);
    while let Some((&"OR", after)) = words.split_first() {
        *words = after;
        // Not short-circuited: the right side has to be consumed either way.
        is_satisfied |= all_of(words);
    }
    is_satisfied
}

fn all_of(words: &mut &[&str]) -> bool {
    let mut is_satisfied = one(words);
    while let Some((&"AND", after)) = words.split_first() {
        *words = after;
        is_satisfied &= one(words);
    }
    is_satisfied
}

/// A licence with its exception, or an expression in parentheses (manifests nest one or two deep).
fn one(words: &mut &[&str]) -> bool {
    match words.split_first() {
        Some((&"(", after)) => {
            *words = after;
            let is_satisfied = any_of(words);
            match words.split_first() {
                Some((&")", after)) => *words = after,
                _ => return false,
            }
            is_satisfied
        }
        Some((licence, after)) => {
            *words = after;
            if let [with, exception, after @ ..] = after
                && *with == "WITH"
            {
                *words = after;
                return ALLOWED.contains(&format!("{licence} WITH {exception}").as_str());
            }
            ALLOWED.contains(licence)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_satisfied_as_spdx_says() {
        for allowed in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "GPL-3.0-only OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            "MPL-2.0",
        ] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        for refused in ["GPL-3.0-only", "MIT AND GPL-2.0", "AGPL-3.0 OR SSPL-1.0", "Apache-2.0 WITH Nonsense-exception", "(MIT", "", "MIT Apache-2.0"]
        {
            assert!(!is_allowed(refused), "{refused}");
        }
    }

    #[test]
    fn packages_outside_the_graph_do_not_count_and_duplicates_do() {
        let package = |name: &str, version: &str, licence: &str| serde_json::json!({"id": format!("{name} {version}"), "name": name, "version": version, "license": licence});
        let metadata = serde_json::json!({
            "packages": [package("tokio", "1.0.0", "MIT"), package("tokio", "0.2.0", "MIT"), package("winthing", "1.0.0", "GPL-2.0"), package("both", "1.0.0", "MIT"), package("both", "2.0.0", "MIT")],
            "resolve": {"nodes": [{"id": "tokio 1.0.0"}, {"id": "tokio 0.2.0"}, {"id": "both 1.0.0"}, {"id": "both 2.0.0"}]},
        });
        let packages = packages(&metadata);
        assert_eq!(packages.len(), 4);
        assert!(unlicensed(&packages).is_empty());
        assert_eq!(duplicates(&packages), ["tokio is in the tree more than once: 0.2.0, 1.0.0"]);
    }
}
