//! The real program in a process of its own, for what can't be tried in ours: `kill -9`, signals, exit codes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Time in which the program must be up, or gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `sekisho serve`; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) http: String,
    pub(crate) syslog_tcp: String,
}

impl Process {
    /// Starts on free ports and waits until it is ready.
    pub(crate) fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, &[])
    }

    /// The same, with more settings.
    pub(crate) fn start_with(data_dir: &Path, more: &[&str]) -> Self {
        let free_tcp: &[&str] = if more.contains(&"--syslog-tcp") { &[] } else { &["--syslog-tcp", "127.0.0.1:0"] };
        let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
            .args(["serve", "--http", "127.0.0.1:0", "--syslog-udp", "off"])
            .args(free_tcp)
            .arg("--data-dir")
            .arg(data_dir)
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel::<Value>();
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Nobody listens after the start; the pipe must be read all the same.
                let _ = sender.send(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
        });
        let (mut http, mut syslog_tcp, mut is_ready) = (None, None, false);
        let mut seen = Vec::new();
        while http.is_none() || syslog_tcp.is_none() || !is_ready {
            let Ok(line) = lines.recv_timeout(PATIENCE) else { panic!("the program did not start; it said {seen:?}") };
            let address = || line["address"].as_str().map(str::to_owned);
            match line["message"].as_str() {
                Some("HTTP") => http = address(),
                Some("syslog TCP") => syslog_tcp = address(),
                Some("ready") => is_ready = true,
                _ => {}
            }
            seen.push(line);
        }
        Self { child, http: http.unwrap(), syslog_tcp: syslog_tcp.unwrap() }
    }

    /// Its memory in RAM, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let figures = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        figures.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * rustix::param::page_size() as u64
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "the program is gone already");
    }

    /// Ends it without any warning, whatever it is doing.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the program does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One request; the answer must be JSON.
    pub(crate) fn json(&self, method: &str, uri: &str, body: &str) -> Value {
        let (status, body) = request(&self.http, method, uri, body).unwrap();
        assert!(status < 300, "{method} {uri}: {status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request over a connection of its own: status and body.
pub(crate) fn request(address: &str, method: &str, uri: &str, body: &str) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {uri} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let broken = || std::io::Error::other("the answer was cut off");
    let head_end = answer.windows(4).position(|it| it == b"\r\n\r\n").ok_or_else(broken)?;
    let head = String::from_utf8_lossy(&answer[..head_end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or_else(broken)?;
    let length = head.lines().find_map(|it| it.strip_prefix("content-length: ")).and_then(|it| it.parse::<usize>().ok()).ok_or_else(broken)?;
    let body = answer.split_off(head_end + 4);
    if body.len() == length { Ok((status, body)) } else { Err(broken()) }
}
