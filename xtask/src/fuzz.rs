//! `cargo xtask fuzz NAME SECONDS`: one coverage-guided fuzz target for so long, or all of them, on the stable toolchain.
//!
//! libFuzzer needs to see which edges an input takes; that instrumentation is an LLVM pass which stable rustc can run. What only
//! nightly can add is the address sanitizer, and our crates forbid unsafe code. So no cargo-fuzz is needed, only a C++ compiler
//! for libFuzzer itself; who wants the sanitizer too runs `cargo +nightly fuzz run NAME`, the layout of `fuzz/` is theirs.
//!
//! `fuzz/` is a workspace of its own, so that nobody compiles libFuzzer to build the product. Inputs that reach new code are kept in
//! `fuzz/corpus/NAME`, inputs that crash in `fuzz/artifacts/NAME`; neither is committed: a crash becomes a case of the crate's tests.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow, bail};

use crate::programs::{cargo, host, run as run_program, target_directory};
use crate::{provision, repository};

/// Edge counters, their places, and the operands of comparisons: what cargo-fuzz asks for, without the sanitizer.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions";

/// Targets that run at one time when all do.
const AT_ONCE: usize = 2;

/// Longest silence on one input that is not a finding yet, in seconds; the machine may be busy.
const TIMEOUT_S: u32 = 20;

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let root = repository::root();
    let targets = targets(&std::fs::read_to_string(root.join("fuzz/Cargo.toml")).context("reading fuzz/Cargo.toml")?);
    let [name, seconds] = arguments else {
        bail!("usage: cargo xtask fuzz NAME SECONDS, where NAME is all or one of: {}", targets.join(", "));
    };
    let seconds: u32 = seconds.parse().with_context(|| format!("{seconds} is not a number of seconds"))?;
    if name == "all" {
        all(&root, seconds)?;
    } else if targets.contains(name) {
        run_program(&mut target(&root, &build(&root, &["--bin", name])?, name, seconds)?)?;
    } else {
        bail!("there is no fuzz target {name}; there are: {}", targets.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

/// Every target for so long, a few at a time; what one says is shown when it found something.
///
/// # Errors
/// The targets that found something, with where the input is kept.
pub(crate) fn all(root: &Path, seconds: u32) -> Result<()> {
    let targets = targets(&std::fs::read_to_string(root.join("fuzz/Cargo.toml")).context("reading fuzz/Cargo.toml")?);
    let built = build(root, &["--bins"])?;
    let waiting = Mutex::new(targets.iter());
    let findings = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(name) = waiting.lock().expect("no panic while the lock is held").next() else { return };
                    match quiet(&mut target(root, &built, name, seconds)) {
                        Ok(runs) => println!("    {name}: {runs}"),
                        Err(error) => findings.lock().expect("no panic while the lock is held").push(format!("{name}: {error:#}")),
                    }
                }
            });
        }
    });
    let findings = findings.into_inner().expect("no panic while the lock is held");
    if findings.is_empty() { Ok(()) } else { bail!("{}", findings.join("\n")) }
}

/// Runs a target to its end; the line in which it sums up.
fn quiet(command: &mut Result<Command>) -> Result<String> {
    let command = command.as_mut().map_err(|error| anyhow!("{error:#}"))?;
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().context("does not start")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        bail!("ended with {}\n{said}", output.status);
    }
    let sum = said.lines().rev().find(|it| it.starts_with("Done "));
    sum.map(str::to_owned).with_context(|| format!("ended without a sum\n{said}"))
}

/// Builds targets with instrumentation; the directory that they are in.
fn build(root: &Path, which: &[&str]) -> Result<PathBuf> {
    provision::cpp_compiler()?;
    // A target triple, even though it is this machine's: without one the flags would also reach build scripts.
    let host = host()?;
    let target_directory = target_directory(root).join("fuzz");
    let mut build = cargo(&root.join("fuzz"));
    build.args(["build", "--locked", "--target", &host]).args(which);
    build.env("CARGO_TARGET_DIR", &target_directory).env("RUSTFLAGS", INSTRUMENTATION);
    run_program(&mut build)?;
    Ok(target_directory.join(host).join("debug"))
}

/// The command that runs one target.
fn target(root: &Path, built: &Path, name: &str, seconds: u32) -> Result<Command> {
    let fuzz = root.join("fuzz");
    let [corpus, artifacts] = ["corpus", "artifacts"].map(|it| fuzz.join(it).join(name));
    for directory in [&corpus, &artifacts] {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    }
    let mut target = Command::new(built.join(name));
    target.current_dir(root).arg(&corpus);
    target.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={TIMEOUT_S}")).arg(format!("-artifact_prefix={}/", artifacts.display()));
    let dictionary = fuzz.join("dictionaries").join(format!("{name}.dict"));
    if dictionary.is_file() {
        target.arg(format!("-dict={}", dictionary.display()));
    }
    Ok(target)
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

    #[test]
    fn every_target_has_its_source() {
        let fuzz = repository::root().join("fuzz");
        let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        let targets = targets(&manifest);
        assert!(!targets.is_empty());
        for target in targets {
            assert!(fuzz.join("fuzz_targets").join(format!("{target}.rs")).is_file(), "{target}");
        }
    }
}
