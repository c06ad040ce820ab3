//! `sekisho ingest`: lines of files or of standard input, straight into a data directory or over TCP into a running server.

use std::io::{self, Read as _, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use sekisho_engine::Engine;
use sekisho_ingest::{Envelope, Follower, Ledger, LineFile, LineSink as _, Receipt};

use super::open_data_dir;
use super::progress::{Lines, Progress, Unit};
use super::serve::Signals;
use crate::config::{Config, Flags};
use crate::sink::EngineSink;
use crate::site_rules::SiteRules;

/// Batches given to the log before the oldest must be durable.
const RECEIPTS_WAITING: usize = 16;

/// Lines of files become searchable; a line that can't be parsed is kept with its reason.
#[derive(clap::Args)]
pub(super) struct Ingest {
    /// Files to read; `-` is standard input. With --follow also patterns, in quotes, as '/var/log/fw/*.log': what matches later is read
    /// too.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Send to the syslog port of a running server, as tcp://HOST:PORT, instead of opening the data directory.
    #[arg(long, value_name = "URL", conflicts_with = "data_dir")]
    server: Option<String>,

    /// Go on when the files end: give out what is added to them, through rotation and truncation, until stopped. Files need not be
    /// there yet.
    #[arg(long)]
    follow: bool,

    /// Where --follow keeps how far it has read, so that it goes on from there. [default: follow.json in the data directory]
    #[arg(long, value_name = "FILE", requires = "follow")]
    positions: Option<PathBuf>,

    #[command(flatten)]
    flags: Flags,
}

impl Ingest {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.flags)?;
        crate::logging::start(&config.log.replace("info", "warn"))?;
        match &self.server {
            Some(server) => self.run_into(&config, Connection::open(server)?),
            None => {
                let (engine, ledger) = open_data_dir(&config)?;
                let ledger = Arc::new(ledger);
                let zones = config.device_time_zones.zones();
                let sink = EngineSink::new(engine.clone(), ledger.clone()).with_zones(zones).with_rules(SiteRules::open(&config));
                self.run_into(&config, Directory { sink, engine, ledger, receipts: Vec::new() })
            }
        }
    }

    fn run_into(&self, config: &Config, target: impl Target) -> anyhow::Result<()> {
        if self.follow { self.follow(config, target) } else { self.feed(config, target) }
    }

    /// Until somebody says stop; a target that is away is tried again, and its lines wait in their files.
    fn follow(&self, config: &Config, mut target: impl Target) -> anyhow::Result<()> {
        let positions = match (&self.positions, &self.server) {
            (Some(path), _) => path.clone(),
            (None, None) => config.data_dir.join("follow.json"),
            (None, Some(_)) => bail!("--follow with --server needs --positions: a file that says how far it has read"),
        };
        if self.files.iter().any(|it| it == Path::new("-")) {
            bail!("standard input can't be followed: it has no positions; leave out --follow");
        }
        let open = || -> anyhow::Result<Follower> {
            let follower = Follower::open(&self.files, &positions).with_context(|| positions.display().to_string())?;
            Ok(follower.with_time_zone(config.device_time_zone.name().map(str::to_owned)))
        };
        let mut follower = open()?;
        let stopped = stopped()?;
        let mut lines = Lines::default();
        while !stopped.load(Ordering::SeqCst) {
            let batch = follower.poll()?;
            if batch.records.is_empty() {
                std::thread::sleep(FOLLOW_INTERVAL);
                continue;
            }
            if let Err(error) = target.send(&batch.records).and_then(|()| target.durable()) {
                tracing::warn!(%error, "lines could not be stored; they are read and tried again");
                target.give_up();
                follower = open()?;
                std::thread::sleep(RETRY_INTERVAL);
                continue;
            }
            follower.save().with_context(|| positions.display().to_string())?;
            lines.total += batch.records.len() as u64;
            lines.unparsed += batch.unparsed as u64;
        }
        target.finish()?;
        Progress::new(Unit::Bytes, None).finish("stored", lines);
        Ok(())
    }

    fn feed(&self, config: &Config, mut target: impl Target) -> anyhow::Result<()> {
        let sources =
            self.files.iter().map(|path| LineFile::open(path).with_context(|| path.display().to_string())).collect::<anyhow::Result<Vec<_>>>()?;
        let size_bytes = sources.iter().map(LineFile::size_bytes).sum::<Option<u64>>();
        let mut progress = Progress::new(Unit::Bytes, size_bytes);
        let (mut lines, mut before_bytes) = (Lines::default(), 0);
        for (source, path) in sources.into_iter().zip(&self.files) {
            let mut source = source.with_time_zone(config.device_time_zone.name().map(str::to_owned));
            let mut read_bytes = 0;
            while let Some(batch) = source.next_batch().with_context(|| path.display().to_string())? {
                target.send(&batch.records)?;
                lines.total += batch.records.len() as u64;
                lines.unparsed += batch.unparsed as u64;
                read_bytes = batch.read_bytes;
                progress.set(before_bytes + read_bytes, lines);
            }
            before_bytes += read_bytes;
        }
        target.finish()?;
        progress.finish("stored", lines);
        Ok(())
    }
}

/// Where records go.
trait Target {
    fn send(&mut self, records: &[Vec<u8>]) -> anyhow::Result<()>;

    /// Returns when all that was sent is durable; more may follow.
    fn durable(&mut self) -> anyhow::Result<()>;

    /// Forgets what was sent and is not known to be durable: it is going to be sent again.
    fn give_up(&mut self);

    /// Returns when all of them are durable.
    fn finish(self) -> anyhow::Result<()>;
}

/// A data directory that we have open ourselves.
struct Directory {
    sink: EngineSink,
    engine: Engine,
    ledger: Arc<Ledger>,
    receipts: Vec<Receipt>,
}

impl Target for Directory {
    fn send(&mut self, records: &[Vec<u8>]) -> anyhow::Result<()> {
        self.receipts.push(self.sink.submit(records)?);
        if self.receipts.len() == RECEIPTS_WAITING {
            self.receipts.remove(0).wait_blocking()?;
        }
        Ok(())
    }

    fn durable(&mut self) -> anyhow::Result<()> {
        std::mem::take(&mut self.receipts).into_iter().try_for_each(Receipt::wait_blocking)?;
        Ok(())
    }

    fn give_up(&mut self) {
        self.receipts.clear();
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.durable()?;
        self.ledger.save(true)?;
        Ok(self.engine.commit()?)
    }
}

/// Between two looks at files in which nothing is new.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// Before lines are tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Becomes true when the process is told to stop.
fn stopped() -> anyhow::Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let told = stopped.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::new() })?;
    std::thread::spawn(move || {
        runtime.block_on(signals.next());
        told.store(true, Ordering::SeqCst);
    });
    Ok(stopped)
}

/// The syslog port of a running server.
pub(super) struct Connection {
    address: String,
    stream: Option<io::BufWriter<TcpStream>>,
}

impl Connection {
    /// Connects to `tcp://HOST:PORT`.
    fn open(url: &str) -> anyhow::Result<Self> {
        let Some(address) = url.strip_prefix("tcp://") else { bail!("[{url}] is not of the form tcp://HOST:PORT") };
        Self::to(address)
    }

    /// Connects to `HOST:PORT`.
    pub(super) fn to(address: &str) -> anyhow::Result<Self> {
        let mut connection = Self { address: address.to_owned(), stream: None };
        connection.stream().with_context(|| address.to_owned())?;
        Ok(connection)
    }

    /// The connection, a new one after an acknowledgement.
    fn stream(&mut self) -> io::Result<&mut io::BufWriter<TcpStream>> {
        let stream = match self.stream.take() {
            Some(it) => it,
            None => io::BufWriter::with_capacity(256 << 10, TcpStream::connect(&self.address)?),
        };
        Ok(self.stream.insert(stream))
    }

    /// Sends a line, with its length before it, so that any byte may be in it (RFC 6587 §3.4.1).
    pub(super) fn send_line(&mut self, line: &[u8]) -> io::Result<()> {
        let stream = self.stream()?;
        write!(stream, "{} ", line.len())?;
        stream.write_all(line)
    }

    /// Sends what is still in the buffer.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.stream()?.flush()
    }

    /// Says that this was all and waits for the server to say that all of it is durable.
    pub(super) fn acknowledge(&mut self) -> anyhow::Result<()> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        stream.flush()?;
        let mut stream = stream.get_ref();
        stream.shutdown(Shutdown::Write)?;
        let read = stream.read(&mut [0]).context("the server did not acknowledge; lines may be missing")?;
        anyhow::ensure!(read == 0, "the server answered something on a syslog connection");
        Ok(())
    }
}

impl Target for Connection {
    fn send(&mut self, records: &[Vec<u8>]) -> anyhow::Result<()> {
        for record in records {
            let (_, line) = Envelope::decode(record)?;
            self.send_line(line)?;
        }
        Ok(())
    }

    fn durable(&mut self) -> anyhow::Result<()> {
        self.acknowledge()
    }

    fn give_up(&mut self) {
        self.stream = None;
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.acknowledge()
    }
}
