//! `cargo xtask fuzz NAME SECONDS`: one coverage-guided fuzz target for so long, on the stable toolchain.
//!
//! libFuzzer needs to see which edges an input takes; that instrumentation is an LLVM pass which stable rustc can run. What only
//! nightly can add is the address sanitizer, and our crates forbid unsafe code. So no cargo-fuzz is needed, only a C++ compiler
//! for libFuzzer itself; who wants the sanitizer too runs `cargo +nightly fuzz run NAME`, the layout of `fuzz/` is theirs.
//!
//! `fuzz/` is a workspace of its own, so that nobody compiles libFuzzer to build the product. Inputs that reach new code are kept in
//! `fuzz/corpus/NAME`, inputs that crash in `fuzz/artifacts/NAME`; neither is committed: a crash becomes a case of the crate's tests.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::programs::{cargo, find, host, run as run_program, target_directory};
use crate::repository;

/// Edge counters, their places, and the operands of comparisons: what cargo-fuzz asks for, without the sanitizer.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions";

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let root = repository::root();
    let fuzz = root.join("fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).context("reading fuzz/Cargo.toml")?;
    let targets = targets(&manifest);
    let [name, seconds] = arguments else {
        bail!("usage: cargo xtask fuzz NAME SECONDS, where NAME is one of: {}", targets.join(", "));
    };
    if !targets.contains(name) {
        bail!("there is no fuzz target {name}; there are: {}", targets.join(", "));
    }
    let seconds: u32 = seconds.parse().with_context(|| format!("{seconds} is not a number of seconds"))?;
    if ["c++", "g++", "clang++"].iter().all(|it| find(it).is_none()) {
        bail!("libFuzzer is C++ and there is no C++ compiler; on Debian: apt-get install g++");
    }

    // A target triple, even though it is this machine's: without one the flags would also reach build scripts.
    let host = host()?;
    let target_directory = target_directory(&root).join("fuzz");
    let mut build = cargo(&fuzz);
    build.args(["build", "--bin", name, "--target", &host]);
    build.env("CARGO_TARGET_DIR", &target_directory).env("RUSTFLAGS", INSTRUMENTATION);
    run_program(&mut build)?;

    let corpus = fuzz.join("corpus").join(name);
    let artifacts = fuzz.join("artifacts").join(name);
    for directory in [&corpus, &artifacts] {
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    }
    let mut target = Command::new(target_directory.join(&host).join("debug").join(name));
    target.current_dir(&root).arg(&corpus);
    target.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}/", artifacts.display()));
    let dictionary = fuzz.join("dictionaries").join(format!("{name}.dict"));
    if dictionary.is_file() {
        target.arg(format!("-dict={}", dictionary.display()));
    }
    run_program(&mut target)?;
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
