//! `sekisho ingest FILE…`: log files into a data directory or a running server.

use std::io::{IsTerminal, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sekisho_ingest::LineFile;
use sekisho_ingest::PanosSyslog;

use crate::serve::open_engine;

/// Settings of `ingest`.
#[derive(Args, Clone, Debug)]
pub struct IngestArguments {
    /// Files with one log line a line; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write straight into this data directory; no server may have it open.
    #[arg(long, env = "SEKISHO_DATA_DIR", value_name = "DIR", conflicts_with = "server")]
    data_dir: Option<PathBuf>,
    /// Send to a running server's syslog address over TCP, such as 127.0.0.1:5514.
    #[arg(long, value_name = "ADDR")]
    server: Option<String>,
    /// IANA time zone in which the firewalls wrote local times [default: UTC].
    #[arg(long, value_name = "ZONE", conflicts_with = "server")]
    device_time_zone: Option<String>,
}

/// Counts of a run.
#[derive(Default)]
struct Tally {
    lines: u64,
    unparsed: u64,
}

/// Reads all files; returns when every line is on disk.
///
/// # Errors
/// When a file can't be read, or the lines can't be stored.
pub fn run(arguments: &IngestArguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let tally = match (&arguments.data_dir, &arguments.server) {
        (_, Some(server)) => send(arguments, server)?,
        (Some(data_dir), None) => store(arguments, data_dir)?,
        (None, None) => bail!("where to? give --data-dir DIR (or SEKISHO_DATA_DIR), or --server ADDR of a running server's syslog port"),
    };
    let seconds = began.elapsed().as_secs_f64();
    let parsed = tally.lines - tally.unparsed;
    eprintln!(
        "{} lines on disk in {seconds:.1} s ({:.0}/s): {parsed} parsed, {} kept unparsed",
        tally.lines,
        tally.lines as f64 / seconds.max(0.001),
        tally.unparsed
    );
    Ok(())
}

/// A bar over the bytes of all files, or a counter where a size is not known.
fn bar(files: &[PathBuf]) -> anyhow::Result<ProgressBar> {
    let sizes: Option<u64> = files.iter().map(|it| if it == Path::new("-") { None } else { std::fs::metadata(it).ok().map(|it| it.len()) }).sum();
    let bar = match sizes {
        Some(bytes) => {
            ProgressBar::new(bytes).with_style(ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}  {msg}")?)
        }
        None => ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {bytes}  {bytes_per_sec}  {msg}")?),
    };
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

fn show(bar: &ProgressBar, tally: &Tally) {
    bar.set_message(format!("{} parsed, {} unparsed", tally.lines - tally.unparsed, tally.unparsed));
}

fn store(arguments: &IngestArguments, data_dir: &Path) -> anyhow::Result<Tally> {
    let engine = open_engine(data_dir)?;
    let bar = bar(&arguments.files)?;
    let mut tally = Tally::default();
    let mut last = None;
    for path in &arguments.files {
        let mut file =
            LineFile::open(path).with_context(|| format!("opening [{}]", path.display()))?.with_time_zone(arguments.device_time_zone.clone());
        while let Some(batch) = file.next_batch().with_context(|| format!("reading [{}]", path.display()))? {
            tally.lines += batch.records.len() as u64;
            tally.unparsed += batch.unparsed as u64;
            bar.inc(batch.read_bytes as u64);
            show(&bar, &tally);
            last = Some(engine.append_records(PanosSyslog::ID, &batch.records)?);
        }
    }
    // Batches become durable in order.
    if let Some(written) = last {
        written.wait()?;
    }
    engine.commit()?;
    bar.finish_and_clear();
    Ok(tally)
}

fn send(arguments: &IngestArguments, server: &str) -> anyhow::Result<Tally> {
    let bar = bar(&arguments.files)?;
    let mut tally = Tally::default();
    let mut stream = TcpStream::connect(server).with_context(|| format!("connecting to [{server}]"))?;
    for path in &arguments.files {
        let mut file = LineFile::open(path).with_context(|| format!("opening [{}]", path.display()))?;
        while let Some(batch) = file.next_batch().with_context(|| format!("reading [{}]", path.display()))? {
            tally.lines += batch.records.len() as u64;
            tally.unparsed += batch.unparsed as u64;
            bar.inc(batch.read_bytes as u64);
            show(&bar, &tally);
            for record in &batch.records {
                let (_, line) = sekisho_ingest::Envelope::decode(record)?;
                stream.write_all(line)?;
                stream.write_all(b"\n")?;
            }
        }
    }
    // The server closes its half when everything is durable.
    stream.shutdown(Shutdown::Write)?;
    stream.read_to_end(&mut Vec::new())?;
    bar.finish_and_clear();
    Ok(tally)
}
