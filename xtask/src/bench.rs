//! `cargo xtask bench NAME [ARGUMENTS]`: one measured promise, in a release build.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::programs::{cargo, run as run_program};
use crate::repository;

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let root = repository::root();
    let mut names: Vec<String> = std::fs::read_dir(root.join("benches/src/bin"))
        .context("listing benches/src/bin")?
        .filter_map(|it| it.ok()?.path().file_stem().map(|it| it.to_string_lossy().into_owned()))
        .collect();
    names.sort_unstable();
    let Some((name, rest)) = arguments.split_first() else {
        bail!("usage: cargo xtask bench NAME [ARGUMENTS], where NAME is one of: {}", names.join(", "));
    };
    if !names.contains(name) {
        bail!("there is no bench {name}; there are: {}", names.join(", "));
    }
    run_program(cargo(&root).args(["run", "--locked", "--release", "--package", "sekisho-benches", "--bin", name, "--"]).args(rest))?;
    Ok(ExitCode::SUCCESS)
}
