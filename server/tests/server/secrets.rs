//! The server's own log, at its most talkative: whatever a request shows as its credentials or in its body, none of it is written there.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sekisho::api::ENDPOINTS;

const SECRET: &str = "swordfish-4711";
const PATIENCE: Duration = Duration::from_secs(60);

fn send(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Who is refused early may not be read to the end.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn no_secret_of_a_request_is_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let mut server = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .args(["serve", "--require-login", "--log", "trace", "--syslog-tcp", "off", "--syslog-udp", "off", "--http", &address, "--data-dir"])
        .arg(directory.path().join("data"))
        .env("SEKISHO_ADMIN_PASSWORD", SECRET)
        .env("SEKISHO_HEC_TOKEN", format!("{SECRET}-hec"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = server.stderr.take().unwrap();
    let read = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    });
    let began = Instant::now();
    while TcpStream::connect(&address).is_err() || !send(&address, "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n").contains(" 200 ") {
        assert!(began.elapsed() < PATIENCE, "the server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }

    let right = format!("Basic {}", BASE64_STANDARD.encode(format!("admin:{SECRET}")));
    let wrong = [
        format!("Authorization: Basic {}", BASE64_STANDARD.encode(format!("ann:{SECRET}"))),
        format!("Authorization: ApiKey {}", BASE64_STANDARD.encode(format!("id:{SECRET}"))),
        format!("Authorization: Bearer {SECRET}"),
        format!("Authorization: Splunk {SECRET}-hec"),
        format!("Cookie: sekisho_session={SECRET}"),
    ];
    let body = format!("{{\"username\":\"ann\",\"password\":\"{SECRET}\",\"api_key\":\"{SECRET}\",\"roles\":[\"{SECRET}\"]}}");
    let rest = format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    for shown in &wrong {
        let answer = send(&address, &format!("POST /_search?token={SECRET} HTTP/1.0\r\nHost: localhost\r\n{shown}\r\n{rest}"));
        assert!(answer.contains(" 401 "), "{answer}");
    }
    // Ten wrong ones would make this address wait: from now on the right ones, which reach the handlers.
    let head = format!("HTTP/1.0\r\nHost: localhost\r\nAuthorization: {right}\r\nCookie: sekisho_session={SECRET}\r\n");
    for endpoint in ENDPOINTS {
        for path in endpoint.paths {
            let path = path.split('/').map(|it| if it.starts_with('{') { "none" } else { it }).collect::<Vec<_>>().join("/");
            for method in endpoint.methods {
                send(&address, &format!("{method} {path}?token={SECRET} {head}{rest}"));
                send(&address, &format!("{method} {path} {head}{rest}"));
            }
        }
    }
    let audit = send(&address, &format!("GET /logs-sekisho.audit-default/_search?size=1000 {head}\r\n"));
    server.kill().unwrap();
    server.wait().unwrap();
    let log = read.join().unwrap();
    assert!(log.contains("\"ready\""), "{log}");
    assert!(audit.contains(" 200 ") && audit.contains("authentication_failed") && !audit.contains(SECRET), "{audit}");
    for secret in [SECRET, &BASE64_STANDARD.encode(format!("admin:{SECRET}")), &BASE64_STANDARD.encode(format!("id:{SECRET}"))] {
        let line = log.lines().find(|it| it.contains(secret));
        assert_eq!(line, None);
    }
}
