//! `sekisho self-test`: sends syslog lines to a running server and finds them by search.
//!
//! It is what `helm test` runs and what one runs after opening a firewall between two machines. It opens no data directory and
//! knows nothing but addresses and, where they are asked for, credentials.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, ToSocketAddrs as _, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::client::{Client, ClientArgs, connect};
use super::say;

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// A datagram may be lost on the way; it is sent again this often.
const UDP_AGAIN: Duration = Duration::from_secs(5);

/// A line is sent over each transport whose address is given, and looked for over HTTP until it is there.
#[derive(clap::Args)]
pub(super) struct SelfTest {
    #[command(flatten)]
    http: ClientArgs,

    /// Where it takes syslog over UDP, as HOST:PORT.
    #[arg(long, value_name = "ADDR", required_unless_present = "syslog_tcp")]
    syslog_udp: Option<String>,

    /// Where it takes syslog over TCP, as HOST:PORT.
    #[arg(long, value_name = "ADDR")]
    syslog_tcp: Option<String>,

    /// Seconds to wait for a line.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    within_s: u64,
}

impl SelfTest {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let http = Client::new(&self.http)?;
        let within = Duration::from_secs(self.within_s);
        let mut missing = Vec::new();
        let transports: [(&str, &Option<String>, Send); 2] = [("TCP", &self.syslog_tcp, send_tcp), ("UDP", &self.syslog_udp, send_udp)];
        for (transport, address, send) in transports {
            let Some(address) = address else { continue };
            match find(&http, address, within, transport, send) {
                Ok(took) => writeln!(std::io::stdout(), "syslog over {transport} to {address}: found after {} ms", took.as_millis())?,
                Err(error) => {
                    say(&format!("syslog over {transport} to {address}: {error:#}"));
                    missing.push(transport);
                }
            }
        }
        if !missing.is_empty() {
            bail!("lines sent over {} were not found", missing.join(" and "));
        }
        Ok(())
    }
}

type Send = fn(&str, &str) -> anyhow::Result<()>;

/// Sends a line with a word that occurs nowhere else and waits until a search counts it.
fn find(http: &Client, address: &str, within: Duration, transport: &str, send: Send) -> anyhow::Result<Duration> {
    let word = word()?;
    let line = format!("<14>1 {} sekisho-self-test sekisho - self-test - line {word} over {transport}", jiff::Timestamp::now());
    let began = Instant::now();
    let mut sent: Option<Instant> = None;
    loop {
        let is_due = sent.is_none_or(|it| transport == "UDP" && it.elapsed() >= UDP_AGAIN);
        // A server that has just been started may not listen yet.
        let last = if is_due { send(address, &line).map(|()| sent = Some(Instant::now())) } else { Ok(()) }.and_then(|()| count(http, &word));
        match last {
            Ok(1..) => return Ok(began.elapsed()),
            Ok(0) if began.elapsed() >= within => bail!("not found within {} s", within.as_secs()),
            Err(error) if began.elapsed() >= within => return Err(error.context(format!("not found within {} s", within.as_secs()))),
            Ok(0) | Err(_) => std::thread::sleep(LOOK_INTERVAL),
        }
    }
}

fn send_udp(address: &str, line: &str) -> anyhow::Result<()> {
    let target = address.to_socket_addrs().with_context(|| address.to_owned())?.next().with_context(|| format!("{address} is no address"))?;
    let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    UdpSocket::bind(any)?.send_to(line.as_bytes(), target).with_context(|| address.to_owned())?;
    Ok(())
}

fn send_tcp(address: &str, line: &str) -> anyhow::Result<()> {
    let mut stream = connect(address)?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    // Its end comes when the line is durable; anything else is a reset.
    stream.read_to_end(&mut Vec::new()).with_context(|| format!("{address} did not acknowledge the line"))?;
    Ok(())
}

/// How many events have the word.
fn count(http: &Client, word: &str) -> anyhow::Result<u64> {
    let (status, answer) = http.get(&format!("/syslog/_count?q=message:{word}&ignore_unavailable=true"))?;
    if status != 200 {
        bail!("HTTP answered {status}: {answer}");
    }
    answer["count"].as_u64().with_context(|| format!("HTTP counted nothing: {answer}"))
}

/// A word that nobody else writes.
fn word() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
