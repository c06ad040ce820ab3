//! `cargo xtask check`: what can be said about the code without running it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::programs::{cargo, run as run_program, target_directory};
use crate::steps::Steps;
use crate::{licences, repository, tidy};

pub(crate) fn run(_: &[String]) -> Result<ExitCode> {
    let mut steps = Steps::default();
    run_steps(&mut steps, &repository::root());
    Ok(steps.finish())
}

/// The steps of `check`, cheapest first; `test` begins with them.
pub(crate) fn run_steps(steps: &mut Steps, root: &Path) {
    steps.run("formatting", || run_program(cargo(root).args(["fmt", "--all", "--check"])));
    steps.run("repository rules", || tidy::check(root));
    steps.run("licences and duplicates", || licences::check(root));
    steps.run("lints", || run_program(cargo(root).args(["clippy", "--locked", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])));
    steps.run("documentation builds", || {
        let mut doc = cargo(root);
        doc.args(["doc", "--locked", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings");
        run_program(&mut doc)
    });
    steps.run("fuzz targets compile", || {
        let mut fuzz = cargo(&root.join("fuzz"));
        fuzz.args(["check", "--quiet", "--bins"]);
        // One target directory: most dependencies are there already.
        fuzz.env("CARGO_TARGET_DIR", target_directory(root));
        // Nothing is linked here, so libFuzzer need not be compiled (it is C++); any existing file stands for it.
        fuzz.env("CUSTOM_LIBFUZZER_PATH", root.join("fuzz").join("Cargo.toml"));
        run_program(&mut fuzz)
    });
}
