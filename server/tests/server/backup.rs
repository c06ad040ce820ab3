//! Backups as an administrator makes them: of a running server over HTTP, of a directory at rest, and back.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Output};

use sekisho_benches::generate::{Generator, Options};

use super::process::{Process, request};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sekisho")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn send(process: &Process, seed: u64) {
    let mut stream = TcpStream::connect(&process.syslog_tcp).unwrap();
    for line in Generator::new(&Options { lines: 500, seed, ..Options::default() }) {
        stream.write_all(&line.bytes).unwrap();
        stream.write_all(b"\n").unwrap();
    }
    // Our end says that all was sent; theirs, that all is durable.
    stream.shutdown(Shutdown::Write).unwrap();
    std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
}

fn count(process: &Process) -> u64 {
    process.json("POST", "/_refresh", "");
    process.json("GET", "/panos-*,syslog*/_count", "")["count"].as_u64().unwrap()
}

fn ask(process: &Process, body: &str) -> (u16, String) {
    let (status, answer) = request(&process.http, "POST", "/_sekisho/backup", body).unwrap();
    (status, String::from_utf8(answer).unwrap())
}

#[test]
fn a_running_server_is_copied_and_the_copy_restored() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let process = Process::start_with(&place.path().join("data"), &["--backup-dir", &path("backups")]);
    send(&process, 1);
    let made = process.json("POST", "/_sekisho/backup", r#"{"name":"first"}"#);
    assert_eq!((&made["name"], &made["damage"]), (&"first".into(), &serde_json::json!([])), "{made}");
    assert!(made["splits"].as_u64().unwrap() > 0, "{made}");
    send(&process, 2);
    assert_eq!(count(&process), 1_000);
    for (body, expected) in [
        (r#"{"name":"first"}"#, "is not empty"),
        (r#"{"name":"../elsewhere"}"#, "[name] must be"),
        (r#"{"name":".hidden"}"#, "[name] must be"),
        (r#"{"nam":"x"}"#, "unknown key [nam]"),
    ] {
        let (status, answer) = ask(&process, body);
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer.contains(expected), "{body}: {answer}");
    }
    assert!(process.json("POST", "/_sekisho/backup", "")["name"].as_str().unwrap().ends_with('Z'));
    assert_eq!(process.terminate().code(), Some(0));

    let first = path("backups/first");
    for (what, expected) in [(["verify", "--data-dir", &first], "no damage"), (["verify", "--data-dir", &path("data")], "no damage")] {
        let output = run(&what);
        assert!(output.status.success() && said(&output).contains(expected), "{}", said(&output));
    }
    let output = run(&["restore", &first, "--data-dir", &path("restored")]);
    assert!(output.status.success(), "{}", said(&output));
    let output = run(&["restore", &first, "--data-dir", &path("data")]);
    assert!(!output.status.success() && said(&output).contains("is not empty"), "{}", said(&output));
    let process = Process::start(&place.path().join("restored"));
    assert_eq!(count(&process), 500);
    // The ledger came too: the devices are known, and what they sent after the backup is what is missing.
    let sources = process.json("GET", "/_sekisho/sources", "");
    assert!(sources["sources"].as_array().is_some_and(|it| !it.is_empty()), "{sources}");
    let (status, answer) = ask(&process, "");
    assert_eq!(status, 400);
    assert!(answer.contains("backup_dir"), "{answer}");
}

#[test]
fn a_directory_at_rest_is_copied_and_damage_is_said() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let output = run(&["backup", &path("copy"), "--data-dir", &path("data")]);
    assert!(!output.status.success() && said(&output).contains("is no data directory"), "{}", said(&output));
    assert!(!place.path().join("data").exists(), "nothing is made where nothing was");
    let process = Process::start(&place.path().join("data"));
    send(&process, 1);
    let output = run(&["backup", &path("copy"), "--data-dir", &path("data")]);
    assert!(!output.status.success() && said(&output).contains("in use by another process"), "{}", said(&output));
    process.terminate();
    let output = run(&["backup", &path("copy"), "--data-dir", &path("data")]);
    assert!(output.status.success(), "{}", said(&output));
    let mut files = vec![place.path().join("copy/splits")];
    while files[files.len() - 1].is_dir() {
        let directory = files.pop().unwrap();
        files.extend(std::fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()));
    }
    let hurt = files.pop().unwrap();
    let bytes = std::fs::read(&hurt).unwrap();
    std::fs::write(&hurt, &bytes[..bytes.len() - 1]).unwrap();
    for command in [vec!["verify", "--data-dir", &path("copy")], vec!["restore", &path("copy"), "--data-dir", &path("restored")]] {
        let output = run(&command);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("does not have the length"), "{}", said(&output));
    }
}
