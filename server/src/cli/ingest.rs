//! `sekisho ingest`: lines of files or of standard input, straight into a data directory or over TCP into a running server.

use std::io::{self, Read as _, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sekisho_engine::Engine;
use sekisho_ingest::{Envelope, Ledger, LineFile, LineSink as _, Receipt};

use super::progress::{Lines, Progress, Unit};
use crate::config::{Config, Flags};
use crate::server::{engine_options, ledger_path};
use crate::sink::EngineSink;
use crate::site_rules::SiteRules;

/// Batches given to the log before the oldest must be durable.
const RECEIPTS_WAITING: usize = 16;

/// Lines of files become searchable; a line that can't be parsed is kept with its reason.
#[derive(clap::Args)]
pub(super) struct Ingest {
    /// Files to read; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Send to the syslog port of a running server, as tcp://HOST:PORT, instead of opening the data directory.
    #[arg(long, value_name = "URL", conflicts_with = "data_dir")]
    server: Option<String>,

    #[command(flatten)]
    flags: Flags,
}

impl Ingest {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.flags)?;
        crate::logging::start(&config.log.replace("info", "warn"))?;
        match &self.server {
            Some(server) => self.feed(&config, Connection::open(server)?),
            None => {
                let engine = Engine::open(engine_options(&config)).with_context(|| format!("data directory {}", config.data_dir.display()))?;
                let path = ledger_path(&config);
                let ledger = Arc::new(Ledger::open(&path).with_context(|| path.display().to_string())?);
                let zones = config.device_time_zones.zones();
                let sink = EngineSink::new(engine.clone(), ledger.clone()).with_zones(zones).with_rules(SiteRules::open(&config));
                self.feed(&config, Directory { sink, engine, ledger, receipts: Vec::new() })
            }
        }
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

    fn finish(self) -> anyhow::Result<()> {
        for receipt in self.receipts {
            receipt.wait_blocking()?;
        }
        self.ledger.save(true)?;
        Ok(self.engine.commit()?)
    }
}

/// The syslog port of a running server.
pub(super) struct Connection {
    stream: io::BufWriter<TcpStream>,
}

impl Connection {
    /// Connects to `tcp://HOST:PORT`.
    fn open(url: &str) -> anyhow::Result<Self> {
        let Some(address) = url.strip_prefix("tcp://") else { bail!("[{url}] is not of the form tcp://HOST:PORT") };
        Self::to(address)
    }

    /// Connects to `HOST:PORT`.
    pub(super) fn to(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| address.to_owned())?;
        Ok(Self { stream: io::BufWriter::with_capacity(256 << 10, stream) })
    }

    /// Sends a line, with its length before it, so that any byte may be in it (RFC 6587 §3.4.1).
    pub(super) fn send_line(&mut self, line: &[u8]) -> io::Result<()> {
        write!(self.stream, "{} ", line.len())?;
        self.stream.write_all(line)
    }

    /// Sends what is still in the buffer.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }

    /// Says that this was all and waits for the server to say that all of it is durable.
    pub(super) fn acknowledge(mut self) -> anyhow::Result<()> {
        self.stream.flush()?;
        let mut stream = self.stream.get_ref();
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

    fn finish(self) -> anyhow::Result<()> {
        self.acknowledge()
    }
}
