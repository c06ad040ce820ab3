//! Behind a load balancer: the sender is whom the PROXY header names, for the record and for the limit of connections per source.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

#[path = "sockets/door.rs"]
mod door;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use door::{MemorySink, PATIENCE, Server, acknowledged, until};
use sekisho_ingest::{Limits, ListenerOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\xc6\x33\x64\x01\x9c\x40\x02\x02";

async fn server(sink: &Arc<MemorySink>, limits: Limits) -> Server {
    Server::stream(sink, ListenerOptions { limits, proxy_protocol: true, ..ListenerOptions::default() }, None).await
}

async fn refused(stream: &mut TcpStream) {
    assert!(matches!(timeout(PATIENCE, stream.read(&mut [0; 1])).await.expect("an end"), Ok(0) | Err(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_have_the_address_of_the_header() {
    let sink = Arc::new(MemorySink::default());
    let server = server(&sink, Limits::default()).await;
    for (header, peer) in [
        (&b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 514\r\n"[..], "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 514\r\n", "2001:db8::7"),
        (V2, "203.0.113.9"),
        // The balancer itself asks whether we are well.
        (b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", "127.0.0.1"),
    ] {
        let mut stream = server.connect().await;
        stream.set_nodelay(true).unwrap();
        // In pieces, because a header may come in any.
        for piece in [header, b"<14>one\n11 <14>two\n..."].concat().chunks(5) {
            stream.write_all(piece).await.unwrap();
        }
        stream.shutdown().await.unwrap();
        assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
        let seen = sink.seen();
        let ours = &seen[seen.len() - 2..];
        assert_eq!(ours.iter().map(|it| it.line.as_str()).collect::<Vec<_>>(), ["<14>one", "<14>two\n..."], "{peer}");
        assert!(ours.iter().all(|it| it.peer == Some(peer.parse::<IpAddr>().unwrap())), "{ours:?}");
    }
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_header_is_refused_and_counted() {
    let sink = Arc::new(MemorySink::default());
    let server = server(&sink, Limits { handshake_timeout: Duration::from_millis(200), ..Limits::default() }).await;
    let mut without = server.connect().await;
    without.write_all(b"<14>Nov 23 07:00:00 host smuggled\n").await.unwrap();
    refused(&mut without).await;
    let mut half = server.connect().await;
    half.write_all(b"PROXY TCP4 192.0.2.7").await.unwrap();
    refused(&mut half).await;
    until("both are counted", || (server.metrics.proxy_header_failures.get(), server.metrics.handshake_timeouts.get()) == (1, 1)).await;
    until("their places are free", || server.metrics.connections_open.get() == 0).await;
    assert!(sink.lines().is_empty());
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_a_source_counts_the_address_of_the_header() {
    let sink = Arc::new(MemorySink::default());
    let server = server(&sink, Limits { connections_per_source_max: 2, ..Limits::default() }).await;
    let open = async |source: &str| {
        let mut stream = server.connect().await;
        stream.write_all(format!("PROXY TCP4 {source} 198.51.100.1 40000 514\r\n<14>{source}\n").as_bytes()).await.unwrap();
        stream
    };
    let mut streams = Vec::new();
    for source in ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3"] {
        streams.push(open(source).await);
    }
    sink.wait_for(5).await;
    refused(&mut open("192.0.2.1").await).await;
    until("it is counted", || server.metrics.connections_refused.get() == 1).await;
    assert_eq!(server.metrics.connections_open.get(), 5);
    // One of the two ends: there is a place again.
    streams[0].shutdown().await.unwrap();
    acknowledged(&mut streams[0]).await.unwrap();
    until("the place is free", || server.metrics.connections_open.get() == 4).await;
    let _again = open("192.0.2.1").await;
    sink.wait_for(6).await;
    server.finish().await;
}
