//! The command line: one file per command.

mod backup;
mod client;
mod completions;
mod demo;
mod ingest;
mod man;
mod notify;
mod progress;
mod reprocess;
mod security;
mod self_test;
mod serve;
mod version;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use sekisho_engine::Engine;
use sekisho_ingest::Ledger;

use crate::config::Config;
use crate::server::{engine_options, ledger_path};

/// Search and analytics for firewall logs: syslog in, Elasticsearch's dialect and a dashboard out.
#[derive(Parser)]
#[command(name = "sekisho", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Receive logs and answer searches until stopped.
    Serve(serve::Serve),
    /// Show it at work: a month of believable firewall logs, then live ones.
    Demo(demo::Demo),
    /// Read log lines from files into a data directory or a running server.
    Ingest(ingest::Ingest),
    /// Parse again what could not be parsed, with this release's parser.
    Reprocess(reprocess::Reprocess),
    /// Copy a data directory.
    Backup(backup::Backup),
    /// Make a data directory from a backup.
    Restore(backup::Restore),
    /// Check every file of a data directory.
    Verify(backup::Verify),
    /// Send syslog lines to a running server and find them by search.
    SelfTest(self_test::SelfTest),
    /// Make, list and remove users of a data directory.
    User(security::User),
    /// Make, list and end API keys of a data directory.
    ApiKey(security::ApiKey),
    /// Write a shell's completions to standard output.
    Completions(completions::Completions),
    /// Write the manual pages into a folder.
    Man(man::Man),
    /// Say which version this is.
    Version,
}

/// Runs the command that the arguments name. Exit codes: 0 done, 1 failed, 2 wrong arguments.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(it) => it.run(),
        Command::Demo(it) => it.run(),
        Command::Ingest(it) => it.run(),
        Command::Reprocess(it) => it.run(),
        Command::Backup(it) => it.run(),
        Command::Restore(it) => it.run(),
        Command::Verify(it) => it.run(),
        Command::SelfTest(it) => it.run(),
        Command::User(it) => it.run(),
        Command::ApiKey(it) => it.run(),
        Command::Completions(it) => it.run(),
        Command::Man(it) => it.run(),
        Command::Version => version::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("sekisho: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line for the person at the terminal; results go to standard output, talk goes here.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    // Nobody is there to tell when this fails.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The data directory of commands that work on it themselves, and its ledger.
fn open_data_dir(config: &Config) -> anyhow::Result<(Engine, Ledger)> {
    let engine = Engine::open(engine_options(config)).with_context(|| format!("data directory {}", config.data_dir.display()))?;
    let path = ledger_path(config);
    let ledger = Ledger::open(&path).with_context(|| path.display().to_string())?;
    Ok((engine, ledger))
}

/// The runtime for sockets and timers. The engine has threads of its own.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
