//! `sekisho demo`: a month of believable logs through the real syslog path, then a live trickle.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sekisho_benches::generate::{Generator, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Settings;
use crate::serve::{Server, signal};

/// Settings of `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArguments {
    /// Lines to load before the trickle.
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    lines: u64,
    /// Lines a second afterwards; 0 for none.
    #[arg(long, default_value_t = 20, value_name = "N")]
    rate: u32,
    /// Chooses one of many histories of the same laboratory.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Keep the data here; without, it goes to a temporary directory that is removed at the end.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address of HTTP.
    #[arg(long, default_value = "127.0.0.1:9200", value_name = "ADDR")]
    http: SocketAddr,
    /// Address of syslog over UDP.
    #[arg(long, default_value = "127.0.0.1:5514", value_name = "ADDR")]
    syslog_udp: SocketAddr,
    /// Address of syslog over TCP.
    #[arg(long, default_value = "127.0.0.1:5514", value_name = "ADDR")]
    syslog_tcp: SocketAddr,
    /// Listen on other addresses than loopback although there are no users and no TLS yet.
    #[arg(long)]
    insecure: bool,
}

/// Runs until a signal.
///
/// # Errors
/// When an address is taken or the data can't be written.
pub async fn run(arguments: DemoArguments) -> anyhow::Result<()> {
    let temporary = match arguments.data_dir {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("sekisho-demo-").tempdir()?),
    };
    let data_dir = arguments.data_dir.clone().or_else(|| temporary.as_ref().map(|it| it.path().to_owned())).context("a data directory")?;
    let settings = Settings {
        data_dir: Some(data_dir),
        http: Some(arguments.http),
        syslog_udp: Some(vec![arguments.syslog_udp]),
        syslog_tcp: Some(vec![arguments.syslog_tcp]),
        insecure: Some(arguments.insecure),
        ..Settings::default()
    };
    let server = Server::start(&settings.finish()?).await?;
    let url = format!("http://{}/", server.http);
    let syslog = server.syslog_tcp[0];
    eprintln!("The dashboard is at {url}");

    let work = async {
        let generator = load(syslog, &arguments, server.app().engine().now().0).await?;
        eprintln!("Loaded. The dashboard is at {url} (stop with Ctrl-C)");
        if arguments.rate == 0 {
            return std::future::pending().await;
        }
        trickle(syslog, generator, &arguments).await
    };
    tokio::select! {
        outcome = work => outcome?,
        outcome = signal() => outcome?,
    }
    server.stop().await
}

/// Sends the month over one TCP connection, as a firewall would, and waits until all of it is on disk.
async fn load(syslog: SocketAddr, arguments: &DemoArguments, now_ms: i64) -> anyhow::Result<Generator> {
    let mut generator = Generator::new(&Options { seed: arguments.seed, lines: arguments.lines, end_ms: now_ms, ..Options::default() });
    let bar = ProgressBar::new(arguments.lines);
    bar.set_style(ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} lines  {per_sec}  {eta}")?);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut stream = TcpStream::connect(syslog).await?;
    let (mut batch, mut line, mut lines) = (Vec::with_capacity(1 << 20), Vec::new(), 0);
    loop {
        let is_over = generator.next_into(&mut line).is_none();
        if !is_over {
            batch.extend_from_slice(&line);
            batch.push(b'\n');
            lines += 1;
        }
        if is_over || batch.len() >= (1 << 20) - 8_192 {
            stream.write_all(&batch).await?;
            batch.clear();
            bar.set_position(lines);
        }
        if is_over {
            break;
        }
    }
    // We close our half; the server closes its own when everything is durable.
    stream.shutdown().await?;
    stream.read_to_end(&mut Vec::new()).await?;
    bar.finish_and_clear();
    Ok(generator)
}

/// Goes on with the same devices and sequence numbers, a few lines a second, until dropped.
async fn trickle(syslog: SocketAddr, generator: Generator, arguments: &DemoArguments) -> anyhow::Result<()> {
    let now_ms = || jiff::Timestamp::now().as_millisecond();
    let mut trickle = generator.into_trickle(now_ms(), arguments.rate);
    let mut stream = TcpStream::connect(syslog).await?;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let (mut line, mut batch) = (Vec::new(), Vec::new());
    loop {
        ticks.tick().await;
        let now = now_ms();
        while trickle.next_due(now, &mut line).is_some() {
            batch.extend_from_slice(&line);
            batch.push(b'\n');
        }
        if !batch.is_empty() {
            stream.write_all(&batch).await?;
            batch.clear();
        }
    }
}
