//! `sekisho ingest --follow` as a process: into a running server and into a directory, over rotation, stops and a server that is away.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::Process;

struct Follow(Child);

impl Follow {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
        command.args(["ingest", "--follow"]).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn stop(mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn append(path: &Path, numbers: std::ops::Range<u32>) {
    let text: String = numbers.map(|it| format!("<13>Nov 20 12:00:00 host app: line {it}\n")).collect();
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Waits until exactly the lines below that number are there, each once.
fn expect(process: &Process, count: u32) {
    let began = Instant::now();
    let mut found = Value::Null;
    while began.elapsed() < Duration::from_secs(30) {
        process.json("POST", "/_refresh", "");
        found = process.json("POST", "/syslog/_search?ignore_unavailable=true", r#"{"size":10000,"fields":["message"],"_source":false}"#);
        if found["hits"]["total"]["value"] == count {
            let lines = found["hits"]["hits"].as_array().unwrap().iter().map(|it| it["fields"]["message"][0].as_str().unwrap().to_owned());
            let lines: std::collections::BTreeSet<String> = lines.collect();
            assert_eq!(lines.len(), count as usize, "a line is there twice");
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{count} lines expected, found {}", found["hits"]["total"]);
}

#[test]
fn lines_come_once_over_rotation_stops_and_a_server_that_is_away() {
    let directory = tempfile::tempdir().unwrap();
    let (log, positions) = (directory.path().join("fw.log"), directory.path().join("positions.json"));
    let data = directory.path().join("data");
    let process = Process::start(&data);
    let syslog = process.syslog_tcp.clone();
    let server = format!("tcp://{syslog}");
    let arguments = [log.to_str().unwrap(), "--server", &server, "--positions", positions.to_str().unwrap()];
    let follow = Follow::start(&arguments);
    append(&log, 0..100);
    expect(&process, 100);
    fs::rename(&log, directory.path().join("fw.log.1")).unwrap();
    append(&log, 100..150);
    expect(&process, 150);
    follow.stop();
    append(&log, 150..160);
    let follow = Follow::start(&arguments);
    expect(&process, 160);
    // The server goes; what is added meanwhile waits in the files, however often they are rotated.
    assert_eq!(process.terminate().code(), Some(0));
    append(&log, 160..170);
    std::thread::sleep(Duration::from_millis(500));
    for (age_s, range) in [(20, 170..180), (10, 180..200)] {
        let old = fs::OpenOptions::new().append(true).open(&log).unwrap();
        old.set_modified(std::time::SystemTime::now() - Duration::from_secs(age_s)).unwrap();
        if age_s == 10 {
            fs::rename(directory.path().join("fw.log.1"), directory.path().join("fw.log.2")).unwrap();
        }
        fs::rename(&log, directory.path().join("fw.log.1")).unwrap();
        append(&log, range);
    }
    let process = Process::start_with(&data, &["--syslog-tcp", &syslog]);
    expect(&process, 200);
    follow.stop();
}

#[test]
fn a_directory_of_ones_own_keeps_the_positions_beside_the_data() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("fw.log");
    let data = directory.path().join("data");
    append(&log, 0..50);
    for end in [50, 80] {
        append(&log, end.min(50)..end);
        let follow = Follow::start(&[log.to_str().unwrap(), "--data-dir", data.to_str().unwrap()]);
        let began = Instant::now();
        let size = fs::metadata(&log).unwrap().len();
        let is_read = || fs::read_to_string(data.join("follow.json")).is_ok_and(|it| it.contains(&format!("\"offset\": {size}")));
        while !is_read() {
            assert!(began.elapsed() < Duration::from_secs(30), "the file was not read");
            std::thread::sleep(Duration::from_millis(20));
        }
        follow.stop();
        expect(&Process::start(&data), end);
    }
}

#[test]
fn what_cannot_be_followed_is_said() {
    for (arguments, reason) in [(&["-"][..], "standard input"), (&["x", "--server", "tcp://127.0.0.1:1"][..], "Connection refused")] {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
        command.args(["ingest", "--follow"]).args(arguments);
        if !arguments.contains(&"--server") {
            command.arg("--data-dir").arg(directory.path());
        }
        let output = command.output().unwrap();
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(reason), "{output:?}");
    }
}
