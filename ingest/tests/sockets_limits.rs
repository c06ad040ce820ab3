//! What connections cost: memory of idle ones within TLS and of a line without end. A program of its own, one test after the other,
//! because it measures the memory of its process. Ten thousand plain connections are measured at the server's real program.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

#[path = "sockets/door.rs"]
mod door;

use std::sync::Arc;
use std::time::Duration;

use door::{MemorySink, PATIENCE, Server, acknowledged};
use sekisho_ingest::limits::LINE_BYTES_MAX;
use sekisho_ingest::{Limits, ListenerOptions, Tls, TlsFiles};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Held by the test that measures.
static MEASURING: Mutex<()> = Mutex::const_new(());

/// Memory of this process in RAM, in bytes.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse::<u64>().unwrap();
    pages * rustix::param::page_size() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_within_tls_cost_little_each() {
    const CONNECTIONS: usize = 300;
    let _alone = MEASURING.lock().await;
    let files = tempfile::tempdir().unwrap();
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (files.path().join("certificate.pem"), files.path().join("key.pem"));
    std::fs::write(&certificate, certified.cert.pem()).unwrap();
    std::fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let tls = Tls::load(TlsFiles { certificate, key, client_ca: None }).unwrap();
    let sink = Arc::new(MemorySink::default());
    let server = Server::stream(&sink, ListenerOptions::default(), Some(Arc::new(tls))).await;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let before = resident_bytes();
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, server.connect().await).await.unwrap();
        stream.write_all(b"<14>line\n").await.unwrap();
        stream.flush().await.unwrap();
        streams.push(stream);
    }
    sink.wait_for(CONNECTIONS).await;
    // The client's half is in it: the server's is less.
    let each = resident_bytes().saturating_sub(before) / CONNECTIONS as u64;
    assert!(each < 2 * (64 << 10), "{each} bytes for both ends of an idle TLS connection");
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_without_end_costs_no_more_than_its_head() {
    // The same for any length, since nothing is kept beyond the head: a quarter of the 1 GiB of the promise, for the time's sake.
    const SENT: usize = 256 << 20;
    let _alone = MEASURING.lock().await;
    let sink = Arc::new(MemorySink::default());
    let server = Server::tcp(&sink, Limits::default()).await;
    let mut stream = server.connect().await;
    let chunk = vec![b'x'; 1 << 20];
    stream.write_all(b"<14>").await.unwrap();
    let before = resident_bytes();
    let mut most = before;
    for _ in 0..SENT / chunk.len() {
        timeout(PATIENCE, stream.write_all(&chunk)).await.expect("it is read").unwrap();
        most = most.max(resident_bytes());
    }
    assert!(most - before < 64 << 20, "{} bytes more in memory", most - before);
    stream.write_all(b"\n<14>next\n").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
    let seen: Vec<_> = sink.seen().iter().map(|it| (it.is_truncated, it.line.len())).collect();
    assert_eq!(seen, [(true, LINE_BYTES_MAX), (false, 8)]);
    assert_eq!(server.metrics.transport(sekisho_ingest::Transport::Tcp).truncated.get(), 1);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_ends_a_connection_and_words_keep_it() {
    let _alone = MEASURING.lock().await;
    let sink = Arc::new(MemorySink::default());
    let server = Server::tcp(&sink, Limits { idle_timeout: Duration::from_millis(400), ..Limits::default() }).await;
    let (mut silent, mut talking) = (server.connect().await, server.connect().await);
    let (ended, began) = (tokio::spawn(async move { acknowledged(&mut silent).await }), std::time::Instant::now());
    while began.elapsed() < Duration::from_millis(1_000) {
        talking.write_all(b"<14>still here\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ended.await.unwrap().unwrap(), 0);
    assert_eq!((server.metrics.connections_idle_closed.get(), server.metrics.connections_open.get()), (1, 1));
    server.finish().await;
}
