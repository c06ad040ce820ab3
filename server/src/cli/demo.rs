//! `sekisho demo`: a server with a month of believable firewall logs, sent to its own syslog port like a firewall's, then live ones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use sekisho_benches::generate::{Generator, Options, Trickle};

use super::ingest::Connection;
use super::progress::{Lines, Progress, Unit};
use super::serve::Signals;
use super::{runtime, say};
use crate::config::{Config, Flags};
use crate::{Server, logging};

/// Lines between two movements of the bar.
const LINES_PER_STEP: u64 = 1_000;

/// Pause between two looks for live lines that are due.
const LIVE_PAUSE: Duration = Duration::from_millis(50);

/// The data goes to a temporary directory unless `--data-dir` names one; one that has logs already gets only live ones.
#[derive(clap::Args)]
pub(super) struct Demo {
    /// Lines of the past month.
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    lines: u64,

    /// Live lines per second afterwards; 0 for none.
    #[arg(long, default_value_t = 20, value_name = "N")]
    rate: u32,

    /// Chooses another month of the same laboratory.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Stop when the month is loaded.
    #[arg(long)]
    load_only: bool,

    #[command(flatten)]
    flags: Flags,
}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<()> {
        // Below `target`, where there is one: it is on a disk and is cleaned with everything else.
        let mut builder = tempfile::Builder::new();
        builder.prefix("sekisho-demo-");
        let temporary =
            if std::path::Path::new("target").is_dir() { builder.tempdir_in("target") } else { builder.tempdir() }.context("temporary directory")?;
        let defaults = Config { data_dir: temporary.path().to_owned(), log: "warn".to_owned(), ..Config::default() };
        let config = Config::load_over(&defaults, &self.flags)?;
        logging::start(&config.log)?;
        let runtime = runtime()?;
        let outcome = runtime.block_on(self.show(&config));
        drop(runtime);
        temporary.close().context("temporary directory")?;
        outcome
    }

    async fn show(&self, config: &Config) -> anyhow::Result<()> {
        let mut signals = Signals::new()?;
        let server = Server::start(config).await?;
        let syslog = server.syslog_tcp().context("the demonstration needs --syslog-tcp")?;
        let engine = server.app().engine().context("a started server has its engine")?;
        let is_empty = engine.data_streams().is_empty();
        let scheme = if config.speaks_http_tls() { "https" } else { "http" };
        let url = format!("{scheme}://{}/ui/", server.http());
        say(&format!("sekisho {} on {url}", env!("CARGO_PKG_VERSION")));
        let is_stopped = Arc::new(AtomicBool::new(false));
        let now_ms = engine.now().0;
        let options = Options { seed: self.seed, lines: self.lines, end_ms: now_ms, ..Options::default() };
        let (lines, rate, load_only) = (if is_empty { self.lines } else { 0 }, self.rate, self.load_only);
        let feed = tokio::task::spawn_blocking({
            let is_stopped = is_stopped.clone();
            move || feed(syslog, &url, &options, lines, rate, load_only, &is_stopped)
        });
        let mut feed = std::pin::pin!(feed);
        let outcome = tokio::select! {
            outcome = &mut feed => Some(outcome?),
            () = signals.next() => None,
        };
        is_stopped.store(true, Ordering::SeqCst);
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => feed.await?,
        };
        signals.stop(server).await;
        outcome
    }
}

/// Sends the month, waits until it is durable, then sends live lines until told to stop.
fn feed(syslog: SocketAddr, url: &str, options: &Options, lines: u64, rate: u32, load_only: bool, is_stopped: &AtomicBool) -> anyhow::Result<()> {
    let mut generator = Generator::new(options);
    if lines > 0 {
        load(syslog, &mut generator, lines, is_stopped)?;
    }
    if load_only || rate == 0 || is_stopped.load(Ordering::SeqCst) {
        if !load_only {
            wait(is_stopped);
        }
        return Ok(());
    }
    say(&format!("{rate} live lines a second from now on; see {url} (Ctrl-C ends)"));
    live(syslog, generator.into_trickle(now_ms(), rate), is_stopped)
}

fn load(syslog: SocketAddr, generator: &mut Generator, lines: u64, is_stopped: &AtomicBool) -> anyhow::Result<()> {
    let mut connection = Connection::to(&syslog.to_string())?;
    let mut progress = Progress::new(Unit::Lines, Some(lines));
    let (mut line, mut sent) = (Vec::with_capacity(4096), Lines::default());
    while !is_stopped.load(Ordering::Relaxed) && generator.next_into(&mut line).is_some() {
        connection.send_line(&line)?;
        sent.total += 1;
        sent.unparsed += u64::from(sekisho_ingest::panos::recognise(&String::from_utf8_lossy(&line)).is_err());
        if sent.total % LINES_PER_STEP == 0 {
            progress.set(sent.total, sent);
        }
    }
    connection.acknowledge()?;
    progress.finish("sent and stored", sent);
    Ok(())
}

fn live(syslog: SocketAddr, mut trickle: Trickle, is_stopped: &AtomicBool) -> anyhow::Result<()> {
    let mut connection = Connection::to(&syslog.to_string())?;
    let mut line = Vec::with_capacity(4096);
    while !is_stopped.load(Ordering::SeqCst) {
        while trickle.next_due(now_ms(), &mut line).is_some() {
            connection.send_line(&line)?;
        }
        connection.flush()?;
        std::thread::sleep(LIVE_PAUSE);
    }
    connection.acknowledge()
}

fn wait(is_stopped: &AtomicBool) {
    while !is_stopped.load(Ordering::SeqCst) {
        std::thread::sleep(LIVE_PAUSE);
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
