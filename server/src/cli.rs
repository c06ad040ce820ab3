//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::Settings;
use crate::demo::{self, DemoArguments};
use crate::ingest_files::{self, IngestArguments};
use crate::serve::{Server, signal};

/// Firewall logs: exact answers from one binary.
#[derive(Debug, Parser)]
#[command(name = "sekisho", version, about, propagate_version = true)]
struct Cli {
    /// Our own log as JSON.
    #[arg(long, global = true, env = "SEKISHO_LOG_JSON")]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take syslog and answer over HTTP.
    Serve {
        /// A TOML file with the same settings, `-` written as `_`.
        #[arg(long, env = "SEKISHO_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Load a month of believable logs, keep them coming, and show the dashboard.
    Demo(DemoArguments),
    /// Read log files into a data directory or a running server.
    Ingest(IngestArguments),
}

/// Runs what the command line says.
///
/// # Errors
/// What went wrong, for a person.
pub fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    start_log(cli.log_json);
    match cli.command {
        Command::Serve { config, settings } => {
            let settings = match config {
                Some(path) => settings.or_file(&path)?,
                None => settings,
            };
            let config = settings.finish()?;
            runtime()?.block_on(async {
                let server = Server::start(&config).await?;
                signal().await?;
                server.stop().await
            })
        }
        Command::Demo(arguments) => runtime()?.block_on(demo::run(arguments)),
        Command::Ingest(arguments) => ingest_files::run(&arguments),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn start_log(json: bool) {
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("SEKISHO_LOG").unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,tantivy=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json { log.json().init() } else { log.init() }
}
