//! A server inside the test process: the real router over a real engine in a temporary directory, and its listeners on free ports.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use sekisho::api::router::{respond, router};
use sekisho::listen::Listen;
use sekisho::server::engine_options;
use sekisho::{Config, Server};
use sekisho_engine::EngineOptions;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A running server. Dropped, it is gone without a proper stop.
pub(crate) struct Door {
    runtime: Runtime,
    server: Server,
    _directory: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in an answer with status {}: {}", self.status, self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }
}

impl Door {
    /// A server over an empty directory.
    pub(crate) fn open() -> Self {
        Self::open_with(|_| {})
    }

    /// A server with settings of its own.
    pub(crate) fn open_with(set: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config_in(&directory);
        set(&mut config);
        Self::start(directory, &config, |_| {})
    }

    /// A server over an engine that is opened otherwise.
    pub(crate) fn open_over(change: impl FnOnce(&mut EngineOptions)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = config_in(&directory);
        Self::start(directory, &config, change)
    }

    fn start(directory: TempDir, config: &Config, change: impl FnOnce(&mut EngineOptions)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut options = engine_options(config);
        change(&mut options);
        let server = runtime.block_on(Server::start_with(config, options)).unwrap();
        Self { runtime, server, _directory: directory }
    }

    /// Sends a request through the router, as a connection would.
    pub(crate) fn send(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.header("content-length", body.len());
            if !headers.iter().any(|it| it.0 == "content-type") {
                request = request.header("content-type", "application/json");
            }
        }
        let request = request.body(Body::from(body)).unwrap();
        self.runtime.block_on(async {
            let response = respond(router(self.server.app()), request).await;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec();
            Answer { status, headers, body }
        })
    }

    /// Asks for JSON; the answer must be a success.
    pub(crate) fn json(&self, method: &str, uri: &str, body: &Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.send(method, uri, &[], body);
        assert!(answer.status < 300, "{method} {uri}: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// Sends bytes to the syslog port over TCP and waits for the acknowledgement.
    pub(crate) fn syslog(&self, bytes: &[u8]) {
        send_syslog(&self.server.syslog_tcp().unwrap().to_string(), bytes).unwrap();
    }

    /// Where syslog over TCP is.
    pub(crate) fn syslog_tcp(&self) -> std::net::SocketAddr {
        self.server.syslog_tcp().unwrap()
    }

    /// Where syslog over UDP is.
    pub(crate) fn syslog_udp(&self) -> std::net::SocketAddr {
        self.server.syslog_udp().unwrap()
    }

    /// Where syslog over TLS is.
    pub(crate) fn syslog_tls(&self) -> &[std::net::SocketAddr] {
        self.server.syslog_tls()
    }

    /// Where HTTP is.
    pub(crate) fn http(&self) -> std::net::SocketAddr {
        self.server.http()
    }

    /// Stops it in order.
    pub(crate) fn stop(self) {
        self.runtime.block_on(self.server.stop());
    }
}

fn config_in(directory: &TempDir) -> Config {
    let free = Listen::loopback(0);
    Config { data_dir: directory.path().join("data"), http: free, syslog_tcp: free.into(), syslog_udp: free.into(), ..Config::default() }
}

/// Sends bytes over one connection, closes our half and waits for the server to close its own: everything is durable then.
pub(crate) fn send_syslog(address: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    match stream.read(&mut [0; 16])? {
        0 => Ok(()),
        _ => Err(std::io::Error::other("an answer on a syslog connection")),
    }
}
