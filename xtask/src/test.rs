//! `cargo xtask test`: everything that can fail, from a clean checkout; installs what it needs and skips nothing.
//!
//! Rust is built three times: once for the lints (no code generation), once in the dev profile for all tests and for the server
//! that the browser tests talk to, and what reads foreign bytes once more with the fuzzer's instrumentation. On two cores from a clean
//! checkout that is meant to stay under forty minutes.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::demo_server::DemoServer;
use crate::programs::{cargo, run as run_program, target_directory};
use crate::steps::Steps;
use crate::{chart, check, clients, fuzz, image, provision, repository};

/// What each fuzz target gets, two at a time.
const FUZZ_SECONDS: u32 = 60;

pub(crate) fn run(_: &[String]) -> Result<ExitCode> {
    let root = repository::root();
    let mut steps = Steps::default();
    check::run_steps(&mut steps, &root);

    // Unit, integration and documentation tests of every crate, the kill -9 loop of the server among them.
    let tests = ["test", "--locked", "--workspace", "--no-fail-fast"];
    steps.run("Rust tests", || run_program(cargo(&root).args(tests).args(["--lib", "--bins", "--tests", "--examples"])));
    steps.run("documentation tests", || run_program(cargo(&root).args(tests).arg("--doc")));

    steps.run("every fuzz target for a minute", || fuzz::all(&root, FUZZ_SECONDS));

    let ui = root.join("ui");
    let node = steps.run("Node and npm are installed", provision::node);
    let packages = steps.run_after(&[&node], "npm ci", || run_program(npm(&ui)?.args(["ci", "--no-audit", "--no-fund"])));
    steps.run_after(&[&packages], "npm test", || run_program(npm(&ui)?.arg("test")));

    let browser = steps.run("Chromium is installed", provision::chromium);
    let binary = steps.run("server for the tests of browser and chart", || {
        run_program(cargo(&root).args(["build", "--locked", "--package", "sekisho", "--bin", "sekisho"]))
    });
    steps.run_after(&[&binary], "container image, twice the same", || image::test(&root));
    steps.run_after(&[&binary], "Helm chart and package", || chart::test(&root));
    steps.run_after(&[&binary], "clients of Elasticsearch and OpenSearch", || clients::test(&root));
    steps.run_after(&[&packages, &browser, &binary], "npm run e2e against the demonstration", || {
        let server = DemoServer::start(&root)?;
        let binary = target_directory(&root).join("debug").join("sekisho");
        run_program(npm(&ui)?.args(["run", "e2e"]).env("SEKISHO_URL", server.url()).env("SEKISHO", binary))
    });
    Ok(steps.finish())
}

fn npm(ui: &Path) -> Result<Command> {
    if !ui.join("package-lock.json").is_file() {
        bail!("ui/package-lock.json is missing: the dashboard's tests cannot be installed");
    }
    let mut command = Command::new("npm");
    command.current_dir(ui);
    Ok(command)
}
