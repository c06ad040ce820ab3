//! Repository tooling. `cargo xtask` lists the commands; each is one file here and one line in [`COMMANDS`].
//!
//! Nothing needs to be installed to start: the alias in `.cargo/config.toml` builds and runs this crate, and what a command
//! needs besides (Node, npm packages, Chromium) it installs or names.

// Tooling talks to a person on a terminal; that is what printing is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod chart;
mod check;
mod clients;
mod demo_server;
mod fuzz;
mod image;
mod licences;
mod package;
mod programs;
mod provision;
mod repository;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

/// One subcommand.
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> anyhow::Result<ExitCode>,
}

/// Every subcommand, in the order a newcomer needs them.
const COMMANDS: &[Command] = &[
    Command { name: "check", arguments: "", about: "formatting, lints, licences, repository rules, documentation build", run: check::run },
    Command { name: "test", arguments: "", about: "everything: check, all Rust tests, the dashboard's tests in a real browser", run: test::run },
    Command { name: "ci", arguments: "", about: "what CI runs: the same as test", run: test::run },
    Command { name: "tidy", arguments: "", about: "only the repository's own rules (a second or two)", run: tidy::run },
    Command { name: "chart", arguments: "", about: "tests of chart and package, with the real Helm", run: chart::run },
    Command {
        name: "image",
        arguments: "[BINARY | --test]",
        about: "the container image as an OCI layout, from the release binary",
        run: image::run,
    },
    Command { name: "deb", arguments: "", about: "the Debian package, by cargo-deb", run: package::run },
    Command { name: "clients", arguments: "", about: "programs written for Elasticsearch and OpenSearch, against a built server", run: clients::run },
    Command { name: "fuzz", arguments: "NAME SECONDS", about: "run one coverage-guided fuzz target, or all", run: fuzz::run },
    Command { name: "bench", arguments: "NAME [ARGUMENTS]", about: "run one measured promise in a release build", run: bench::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        print_usage();
        return ExitCode::SUCCESS;
    };
    let Some(command) = COMMANDS.iter().find(|it| it.name == name) else {
        eprintln!("there is no command {name}");
        print_usage();
        return ExitCode::from(2);
    };
    (command.run)(rest).unwrap_or_else(|error| {
        eprintln!("xtask {name}: {error:#}");
        ExitCode::FAILURE
    })
}

fn print_usage() {
    println!("cargo xtask COMMAND\n");
    for command in COMMANDS {
        println!("  {:<26} {}", format!("{} {}", command.name, command.arguments), command.about);
    }
}
