//! UDP: nothing can be promised for what the kernel drops, but it is counted.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

#[path = "sockets/door.rs"]
mod door;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use door::{MemorySink, Server, until};
use sekisho_ingest::{Limits, Transport};
use tokio::net::UdpSocket;

const SENT: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_what_was_stored_and_what_was_counted_as_dropped() {
    let sink = Arc::new(MemorySink::default());
    // A sink that takes nothing for a while, little that may wait, a small buffer: most of the burst must go.
    sink.set_closed(true);
    let limits = Limits { waiting_bytes_max: 16 << 10, batch_bytes: 4 << 10, udp_receive_buffer_bytes: 64 << 10, ..Limits::default() };
    let server = Server::udp(&sink, limits).await;
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for number in 0..SENT {
        sender.send_to(format!("<14>datagram {number} {}", "x".repeat(200)).as_bytes(), server.address).await.unwrap();
    }
    sink.set_closed(false);
    let counts = server.metrics.transport(Transport::Udp);
    let socket = || server.metrics.udp_sockets()[0].clone();
    // The kernel tells of drops with the next datagram it delivers; such datagrams are sent until one has come through.
    let mut probes = 0;
    let before = counts.lines.get();
    while !sink.lines().iter().any(|it| it.starts_with("<14>probe")) {
        sender.send_to(format!("<14>probe {probes}").as_bytes(), server.address).await.unwrap();
        probes += 1;
        assert!(probes < 2_000, "no datagram comes through; {before} had before");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let sum = || sink.lines().len() as u64 + socket().dropped.get();
    until("stored and dropped are what was sent", || sum() == (SENT + probes) as u64).await;

    let lines = sink.lines();
    assert_eq!(lines.iter().collect::<HashSet<_>>().len(), lines.len(), "nothing is stored twice");
    assert!(socket().dropped.get() > 1_000, "the burst was not larger than the buffer: {} dropped", socket().dropped.get());
    assert!(lines.len() > 100, "{} stored", lines.len());
    let kernel = server.metrics.kernel_udp().unwrap();
    assert!(kernel.receive_buffer_errors >= socket().dropped.get(), "{kernel:?} for the whole machine, {} of ours", socket().dropped.get());
    assert!(kernel.in_errors >= kernel.receive_buffer_errors, "{kernel:?}");
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_the_asked_buffer_is_taken_whole_while_the_sink_waits() {
    let sink = Arc::new(MemorySink::default());
    sink.set_closed(true);
    let server = Server::udp(&sink, Limits { waiting_bytes_max: 16 << 10, batch_bytes: 4 << 10, ..Limits::default() }).await;
    until("the socket is open", || !server.metrics.udp_sockets().is_empty()).await;
    let granted_bytes = server.metrics.udp_sockets()[0].buffer_bytes;
    assert!(granted_bytes >= 64 << 10, "{granted_bytes} bytes of receive buffer");
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    // The kernel books about 2.3 KiB for a datagram of 1,000 bytes, against twice what it granted.
    let count = granted_bytes as usize / 2_400;
    for number in 0..count {
        sender.send_to(format!("<14>{number:0>1000}").as_bytes(), server.address).await.unwrap();
    }
    sink.set_closed(false);
    sink.wait_for(count).await;
    assert_eq!(server.metrics.udp_sockets()[0].dropped.get(), 0);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_know_the_zone_of_their_address() {
    let sink = Arc::new(MemorySink::default());
    let server = Server::udp(&sink, Limits::default()).await;
    let (socket, stop) = (UdpSocket::bind("[::1]:0").await.unwrap(), server.stop.subscribe());
    let address = socket.local_addr().unwrap();
    let tokyo = server.listeners.in_time_zone(Some("Asia/Tokyo"));
    let serving = tokio::spawn(async move { tokyo.serve_udp(socket, stop).await });
    UdpSocket::bind("[::1]:0").await.unwrap().send_to(b"<14>from Tokyo", address).await.unwrap();
    sink.wait_for(1).await;
    UdpSocket::bind("127.0.0.1:0").await.unwrap().send_to(b"<14>from anywhere", server.address).await.unwrap();
    sink.wait_for(2).await;
    let seen = sink.seen();
    assert_eq!((seen[0].time_zone.as_deref(), seen[0].peer), (Some("Asia/Tokyo"), Some("::1".parse().unwrap())));
    assert_eq!((seen[1].time_zone.as_deref(), seen[1].peer), (None, Some("127.0.0.1".parse().unwrap())));
    assert_eq!(server.metrics.udp_sockets().iter().map(|it| it.address).collect::<HashSet<_>>(), HashSet::from([address, server.address]));
    server.finish().await;
    serving.await.unwrap().unwrap();
}
