//! `cargo xtask deb`: the Debian package, by cargo-deb, from `server/Cargo.toml` and `deploy/debian/`.
//!
//! What goes into it besides files of the repository is written by the binary itself: manual pages and completions.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::programs::{cargo, find, read, run as run_program, target_directory};
use crate::repository;

/// Shells with the names that their completions must have.
const COMPLETIONS: &[(&str, &str)] = &[("bash", "sekisho.bash"), ("zsh", "_sekisho"), ("fish", "sekisho.fish")];

pub(crate) fn run(_: &[String]) -> Result<ExitCode> {
    let root = repository::root();
    if find("cargo-deb").is_none() {
        bail!("cargo-deb is missing: cargo install --locked cargo-deb");
    }
    run_program(cargo(&root).args(["build", "--locked", "--release", "--package", "sekisho", "--bin", "sekisho"]))?;
    generate(&root, "release")?;
    run_program(cargo(&root).args(["deb", "--no-build", "--package", "sekisho"]))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes manual pages and completions into `target/package`.
///
/// # Errors
/// The binary of the profile is not there, or they can't be written.
pub(crate) fn generate(root: &Path, profile: &str) -> Result<()> {
    let target = target_directory(root);
    let binary = target.join(profile).join("sekisho");
    let folder = target.join("package");
    // Pages of commands that are no more.
    let _ = std::fs::remove_dir_all(&folder);
    let completions = folder.join("completions");
    std::fs::create_dir_all(&completions).with_context(|| completions.display().to_string())?;
    run_program(Command::new(&binary).arg("man").arg(folder.join("man")))?;
    for (shell, name) in COMPLETIONS {
        std::fs::write(completions.join(name), read(Command::new(&binary).args(["completions", shell]))?)?;
    }
    Ok(())
}
