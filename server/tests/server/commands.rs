//! The commands as a person runs them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sekisho_benches::generate::{Generator, Options};

use super::process::{Process, request};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sekisho")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn count(process: &Process) -> u64 {
    // An index that was searched a moment ago is refreshed in the background, 200 ms later.
    process.json("POST", "/_refresh", "");
    process.json("GET", "/panos-*,syslog*/_count", "")["count"].as_u64().unwrap()
}

fn write_lines(path: &Path, lines: u64) {
    let mut file = std::fs::File::create(path).unwrap();
    for line in Generator::new(&Options { lines, ..Options::default() }) {
        file.write_all(&line.bytes).unwrap();
        file.write_all(b"\n").unwrap();
    }
    file.write_all(b"this is no firewall's line\n").unwrap();
}

#[test]
fn ingest_reads_files_into_a_directory_and_into_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let (file, data) = (directory.path().join("lines.log"), directory.path().join("data"));
    write_lines(&file, 2_000);
    let (file, data_dir) = (file.to_str().unwrap(), data.to_str().unwrap());

    let output = run(&["ingest", "--data-dir", data_dir, file, file]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("4,002 lines stored"), "{}", said(&output));
    let process = Process::start(&data);
    assert_eq!(count(&process), 4_002);

    // The directory is taken while a server has it.
    let output = run(&["ingest", "--data-dir", data_dir, file]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));

    let output = run(&["ingest", "--server", &format!("tcp://{}", process.syslog_tcp), file]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(count(&process), 6_003);

    let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .args(["ingest", "--server", &format!("tcp://{}", process.syslog_tcp), "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"one line\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(count(&process), 6_004);
    assert_eq!(process.terminate().code(), Some(0));
}

#[test]
fn a_server_stops_in_order_while_connections_are_open() {
    let directory = tempfile::tempdir().unwrap();
    let process = Process::start(directory.path());
    let mut syslog = std::net::TcpStream::connect(&process.syslog_tcp).unwrap();
    syslog.write_all(b"<14>Nov 23 07:00:00 host app: the last words\n").unwrap();
    let _idle = std::net::TcpStream::connect(&process.http).unwrap();
    // Until the line has arrived: the stop takes what the kernel holds, not what is still under way.
    let began = std::time::Instant::now();
    while count(&process) == 0 {
        assert!(began.elapsed().as_secs() < 20, "the line does not arrive");
    }
    let http = process.http.clone();
    assert_eq!(process.terminate().code(), Some(0));
    assert!(request(&http, "GET", "/livez", "").is_err(), "somebody still answers");
    assert_eq!(count(&Process::start(directory.path())), 1);
}

#[test]
fn the_demonstration_loads_its_lines_through_the_syslog_port() {
    let directory = tempfile::tempdir().unwrap();
    let arguments =
        ["demo", "--lines", "3000", "--load-only", "--http", "127.0.0.1:0", "--syslog-tcp", "127.0.0.1:0", "--syslog-udp", "off", "--data-dir"];
    let output = Command::new(env!("CARGO_BIN_EXE_sekisho")).args(arguments).arg(directory.path()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("3,000 lines sent and stored") && said(&output).contains("/ui/"), "{}", said(&output));
    assert_eq!(count(&Process::start(directory.path())), 3_000);
}

#[test]
fn wrong_settings_are_refused_with_a_reason() {
    for (arguments, reason) in [
        (&["serve", "--http", "0.0.0.0:0", "--admin-password-file", "/nonexistent"][..], "admin_password_file = /nonexistent"),
        (&["serve", "--http", "nonsense"][..], "IP:PORT"),
        (&["serve", "--config", "/nonexistent.toml"][..], "does not exist"),
        (&["serve", "--http", "off", "--syslog-tcp", "off", "--syslog-udp", "off"][..], "http can't be off"),
        (&["ingest", "/nonexistent.log", "--server", "udp://x"][..], "tcp://HOST:PORT"),
    ] {
        let output = run(arguments);
        assert!(!output.status.success() && said(&output).contains(reason), "{arguments:?}: {}", said(&output));
    }
    // A variable is a setting as well; one that Kubernetes makes for a service of our name is none.
    let output = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .args(["serve", "--syslog-tcp", "127.0.0.1:0"])
        .env("SEKISHO_SYSLOG_CONNECTIONS_MAX", "0")
        .env("SEKISHO_PORT_9200_TCP", "tcp://10.0.0.1:9200")
        .output()
        .unwrap();
    assert!(said(&output).contains("[syslog_connections_max] must be at least 1"), "{}", said(&output));
    assert!(run(&["version"]).stdout.starts_with(b"sekisho "));
}

#[test]
fn users_and_keys_are_made_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let done = |arguments: &[&str]| {
        let output = run(&[arguments, &["--data-dir", data]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output)
    };
    assert!(done(&["user", "add", "ann", "--role", "reader"]).starts_with("password: "));
    assert_eq!(done(&["user", "list"]), "ann\treader\n");
    assert!(done(&["user", "passwd", "ann"]).starts_with("password: "));
    assert!(!run(&["user", "add", "ann", "--role", "reader", "--data-dir", data]).status.success());
    assert!(said(&run(&["user", "add", "bob", "--role", "nobody", "--data-dir", data])).contains("there is no role [nobody]"));
    done(&["api-key", "create", "shipper", "--role", "writer"]);
    let listed = done(&["api-key", "list"]);
    let id = listed.split('\t').next().unwrap().to_owned();
    // An id may begin with a dash.
    assert!(run(&["api-key", "invalidate", "--data-dir", data, "--", &id]).status.success());
    assert_eq!(done(&["api-key", "list"]), "");
    done(&["user", "remove", "ann"]);
    assert_eq!(done(&["user", "list"]), "");
}
