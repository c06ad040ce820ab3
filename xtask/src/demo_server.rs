//! The product itself, started as its README says, for the browser tests: `sekisho demo` on a free port of the loopback.
//!
//! The server gets a data directory of its own, is waited for until the demonstration's lines are searchable, and is ended with
//! the value.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::programs::target_directory;

/// How long the dev-profile server may take to answer, and then to load the demonstration.
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOADED_WITHIN: Duration = Duration::from_secs(420);
/// The page has something to show from here on; the demonstration loads about 200,000.
const LINES_MIN: u64 = 150_000;

/// A running `sekisho demo`; dropping it ends the process and removes its data.
pub(crate) struct DemoServer {
    child: Child,
    address: SocketAddr,
    data: PathBuf,
}

impl DemoServer {
    /// Starts the dev-profile binary and waits for its data.
    ///
    /// # Errors
    /// The binary does not start, ends early, or is not ready in time.
    pub(crate) fn start(root: &Path) -> Result<Self> {
        let target = target_directory(root);
        let data = target.join(format!("e2e-data-{}", std::process::id()));
        let address = free_address()?;
        let binary = target.join("debug").join("sekisho");
        let mut command = Command::new(&binary);
        command.arg("demo").arg("--data-dir").arg(&data).arg("--http").arg(address.to_string());
        // Port 0: whatever is free, so that two runs on one machine do not meet.
        command.args(["--syslog-udp", "127.0.0.1:0", "--syslog-tcp", "127.0.0.1:0"]);
        println!("    $ {} demo --http {address}", binary.display());
        let child = command.spawn().with_context(|| format!("{} does not start", binary.display()))?;
        let mut server = Self { child, address, data };
        server.wait("ready", READY_WITHIN, |it| Ok(it.get("/readyz")?.0 == 200))?;
        server.wait("loaded", LOADED_WITHIN, |it| Ok(it.documents()? >= LINES_MIN))?;
        Ok(server)
    }

    /// What the browser opens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn wait(&mut self, what: &str, within: Duration, is_done: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the demonstration ended with {status} before it was {what}");
            }
            let state = is_done(self);
            if matches!(state, Ok(true)) {
                return Ok(());
            }
            if start.elapsed() > within {
                let last = state.err().map_or_else(String::new, |error| format!(": {error:#}"));
                bail!("the demonstration was not {what} within {} s{last}", within.as_secs());
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    fn documents(&self) -> Result<u64> {
        let (status, body) = self.get("/_count")?;
        let answer: serde_json::Value = serde_json::from_str(&body).with_context(|| format!("/_count answered {status}: {body}"))?;
        answer["count"].as_u64().with_context(|| format!("/_count answered {status}: {body}"))
    }

    /// A GET without a client library: HTTP/1.0 has neither chunks nor connections to keep.
    fn get(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\nAccept: application/json\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        parse_answer(&answer).with_context(|| format!("{path} answered something that is not HTTP"))
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        // Both may fail when the process is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

fn parse_answer(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// A port that was free a moment ago; the server binds it next.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on the loopback")?;
    Ok(listener.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{\"count\":3}";
        assert_eq!(parse_answer(answer), Some((200, "{\"count\":3}".to_owned())));
        assert_eq!(parse_answer("nonsense"), None);
    }
}
