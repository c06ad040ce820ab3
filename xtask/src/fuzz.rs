//! `cargo xtask fuzz NAME SECONDS`: one coverage-guided fuzz target for so long.
//!
//! cargo-fuzz instruments with a sanitizer, which only nightly toolchains can; that is why `fuzz/` is a workspace of its own
//! and not part of `test`. What runs on stable for everybody are the seeded mutation tests inside each crate.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::programs::{find, run as run_program};
use crate::repository;

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let manifest = repository::root().join("fuzz").join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).context("reading fuzz/Cargo.toml")?;
    let targets = targets(&text);
    let [name, seconds] = arguments else {
        bail!("usage: cargo xtask fuzz NAME SECONDS, where NAME is one of: {}", targets.join(", "));
    };
    if !targets.iter().any(|it| it == name) {
        bail!("there is no fuzz target {name}; there are: {}", targets.join(", "));
    }
    let seconds: u32 = seconds.parse().with_context(|| format!("{seconds} is not a number of seconds"))?;
    if find("cargo-fuzz").is_none() {
        bail!("cargo-fuzz is missing; install it with: cargo install cargo-fuzz --locked");
    }
    let has_nightly = Command::new("cargo").args(["+nightly", "--version"]).output().is_ok_and(|it| it.status.success());
    if !has_nightly {
        bail!("fuzzing needs a nightly toolchain for the sanitizer; install it with: rustup toolchain install nightly --profile minimal");
    }
    let mut fuzz = Command::new("cargo");
    // The outer cargo names its own toolchain in the environment, which would win over +nightly.
    fuzz.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC");
    fuzz.current_dir(repository::root()).args(["+nightly", "fuzz", "run", name, "--", &format!("-max_total_time={seconds}")]);
    run_program(&mut fuzz)?;
    Ok(ExitCode::SUCCESS)
}

/// Names under `[[bin]]` of the manifest.
fn targets(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_bin = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            is_bin = line == "[[bin]]";
        } else if let (true, Some(value)) = (is_bin, line.strip_prefix("name = ")) {
            names.push(value.trim_matches('"').to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_binaries_of_the_manifest() {
        let manifest = "[package]\nname = \"fuzz\"\n\n[[bin]]\nname = \"panos_line\"\npath = \"a.rs\"\n[[bin]]\nname = \"framing\"\n";
        assert_eq!(targets(manifest), ["panos_line", "framing"]);
    }
}
