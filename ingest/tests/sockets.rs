//! Listeners on real sockets of this machine: what is sent arrives whole and in order, a half-close is answered only when everything is
//! durable, limits hold, and stopping loses nothing.
#![allow(clippy::unwrap_used, reason = "a panic is a test's report")]

#[path = "sockets/door.rs"]
mod door;

use std::sync::Arc;
use std::time::Duration;

use door::{A_MOMENT, MemorySink, PATIENCE, Server, acknowledged};
use sekisho_ingest::limits::LINE_BYTES_MAX;
use sekisho_ingest::{Envelope, Limits, Lost, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_framings_arrive_in_order_however_they_are_cut() {
    let sink = Arc::new(MemorySink::default());
    let server = Server::tcp(&sink, Limits::default()).await;
    let mut stream = server.connect().await;
    let mut bytes = Vec::new();
    let mut expected = Vec::new();
    for number in 0..300 {
        let tail = if number == 7 { "\u{1}".repeat(40) } else { String::new() };
        let message = format!("<14>message {number} ü{tail}{}", if number % 3 == 0 { "\nsecond \"line\"" } else { "" });
        if number % 3 == 0 {
            bytes.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
        } else {
            bytes.extend_from_slice(format!("{message}\r\n").as_bytes());
        }
        expected.push(message);
    }
    for chunk in bytes.chunks(97) {
        stream.write_all(chunk).await.unwrap();
        stream.flush().await.unwrap();
    }
    stream.shutdown().await.unwrap();
    assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
    assert_eq!(sink.lines(), expected);
    let counts = server.metrics.transport(Transport::Tcp);
    assert_eq!((counts.lines.get(), counts.truncated.get()), (300, 0));
    assert_eq!(counts.bytes.get(), expected.iter().map(|it| it.len() as u64).sum::<u64>());
    assert_eq!(server.metrics.unparsed().find(|it| it.0 == "binary").unwrap().1, 1);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_close_is_answered_only_when_everything_is_durable() {
    let sink = MemorySink::held();
    let server = Server::tcp(&sink, Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"<14>first\n<14>last without line feed").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(sink.wait_for(2).await, ["<14>first", "<14>last without line feed"]);
    // The sink has the lines, but not on disk: no answer yet.
    assert!(timeout(A_MOMENT, stream.read(&mut [0; 1])).await.is_err());
    sink.release(Ok(()));
    assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_may_be_lost_are_not_acknowledged() {
    let sink = MemorySink::held();
    let server = Server::tcp(&sink, Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"<14>first\n").await.unwrap();
    stream.shutdown().await.unwrap();
    sink.wait_for(1).await;
    sink.release(Err(Lost("sync failed".to_owned())));
    assert!(acknowledged(&mut stream).await.is_err(), "a reset, not an end");
    assert_eq!((server.metrics.connections_reset.get(), server.metrics.lines_lost.get()), (1, 1));
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_over_long_line_is_kept_as_its_head_and_marked() {
    let sink = Arc::new(MemorySink::default());
    let server = Server::tcp(&sink, Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(&[b"<14>".as_slice(), &vec![b'x'; 3 * LINE_BYTES_MAX], b"\n<14>next\n"].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
    let records = sink.kept.lock().unwrap().records.clone();
    let parts: Vec<_> = records.iter().map(|it| Envelope::decode(it).unwrap()).map(|it| (it.0.is_truncated, it.1.len())).collect();
    assert_eq!(parts, [(true, LINE_BYTES_MAX), (false, 8)]);
    assert_eq!(server.metrics.transport(Transport::Tcp).truncated.get(), 1);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_is_behind_makes_senders_wait() {
    let sink = Arc::new(MemorySink::default());
    sink.set_closed(true);
    let server = Server::tcp(&sink, Limits { waiting_bytes_max: 64 << 10, batch_bytes: 16 << 10, ..Limits::default() }).await;
    let mut stream = server.connect().await;
    let line = [vec![b'x'; 999], vec![b'\n']].concat();
    let mut sent = 0_u64;
    // More than all buffers of both sides hold: at some point a write does not end.
    while timeout(Duration::from_millis(500), stream.write_all(&line)).await.is_ok() {
        sent += 1;
        assert!(sent < 1_000_000, "nothing slows the sender down");
    }
    let received = server.metrics.transport(Transport::Tcp).bytes.get();
    assert!(received < 512 << 10, "{received} bytes were read while the sink was closed");
    drop(stream);
    sink.set_closed(false);
    sink.wait_for(sent as usize).await;
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_takes_what_was_sent_and_waits_until_it_is_durable() {
    let sink = MemorySink::held();
    let server = Server::tcp(&sink, Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"<14>whole\n<14>a part").await.unwrap();
    sink.wait_for(1).await;
    let metrics = server.metrics.clone();
    let stopping = tokio::spawn(server.finish());
    assert_eq!(sink.wait_for(2).await, ["<14>whole", "<14>a part"]);
    let records = sink.kept.lock().unwrap().records.clone();
    assert!(Envelope::decode(&records[1]).unwrap().0.is_truncated, "the rest of the line did not come");
    tokio::time::sleep(A_MOMENT).await;
    assert!(!stopping.is_finished(), "stopped before the lines were durable");
    sink.release(Ok(()));
    timeout(PATIENCE, stopping).await.unwrap().unwrap();
    assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
    assert_eq!(metrics.connections_open.get(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_connections_of_one_source_are_refused() {
    let sink = Arc::new(MemorySink::default());
    let server = Server::tcp(&sink, Limits { connections_per_source_max: 2, ..Limits::default() }).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.write_all(b"<14>1\n").await.unwrap();
    second.write_all(b"<14>2\n").await.unwrap();
    sink.wait_for(2).await;
    let mut third = server.connect().await;
    // Closed without an answer: an end or a reset, by what was under way.
    assert!(matches!(timeout(PATIENCE, third.read(&mut [0; 1])).await.unwrap(), Ok(0) | Err(_)));
    assert_eq!((server.metrics.connections_refused.get(), server.metrics.connections_open.get()), (1, 2));
    first.shutdown().await.unwrap();
    acknowledged(&mut first).await.unwrap();
    timeout(PATIENCE, async {
        while server.metrics.connections_open.get() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let mut fourth = server.connect().await;
    fourth.write_all(b"<14>4\n").await.unwrap();
    sink.wait_for(3).await;
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_closed() {
    let sink = Arc::new(MemorySink::default());
    let server = Server::tcp(&sink, Limits { idle_timeout: Duration::from_millis(20), ..Limits::default() }).await;
    let mut stream = server.connect().await;
    assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
    assert_eq!(server.metrics.connections_idle_closed.get(), 1);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_are_messages_and_know_their_sender() {
    let sink = Arc::new(MemorySink::default());
    let server = Server::udp(&sink, Limits::default()).await;
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let long = format!("<14>{}", "y".repeat(60_000));
    for message in ["<14>one", "<14>two\n", "\n", "<14>a\nb\0", &long] {
        sender.send_to(message.as_bytes(), server.address).await.unwrap();
    }
    assert_eq!(sink.wait_for(4).await, ["<14>one", "<14>two", "<14>a\nb", &long]);
    let record = sink.kept.lock().unwrap().records[0].clone();
    let (envelope, _) = Envelope::decode(&record).unwrap();
    assert_eq!((envelope.transport, envelope.peer, envelope.is_truncated), (Transport::Udp, Some("127.0.0.1".parse().unwrap()), false));
    assert!(envelope.received_at.0 > 1_700_000_000_000);
    assert_eq!(server.metrics.transport(Transport::Udp).lines.get(), 4);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_datagrams_is_taken_whole() {
    let sink = Arc::new(MemorySink::default());
    let server = Server::udp(&sink, Limits::default()).await;
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for number in 0..200 {
        sender.send_to(format!("<14>datagram {number}").as_bytes(), server.address).await.unwrap();
    }
    assert_eq!(sink.wait_for(200).await, (0..200).map(|it| format!("<14>datagram {it}")).collect::<Vec<_>>());
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_keep_their_lines_in_order() {
    let sink = Arc::new(MemorySink::default());
    let server = Server::tcp(&sink, Limits::default()).await;
    let address = server.address;
    let senders = (0..30).map(|sender| {
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for line in 0..100 {
                stream.write_all(format!("<14>{sender} {line}\n").as_bytes()).await.unwrap();
            }
            stream.shutdown().await.unwrap();
            assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let lines = sink.lines();
    assert_eq!(lines.len(), 3000);
    for sender in 0..30 {
        let of_sender: Vec<_> = lines.iter().filter(|it| it.starts_with(&format!("<14>{sender} "))).collect();
        assert_eq!(of_sender, (0..100).map(|it| format!("<14>{sender} {it}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    }
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_connections_at_full_speed_lose_nothing_and_store_nothing_twice() {
    const LINES: usize = 100_000;
    let sink = Arc::new(MemorySink::default());
    let server = Server::tcp(&sink, Limits::default()).await;
    let address = server.address;
    let senders = (0..4).map(|sender| {
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let mut bytes = Vec::new();
            for line in 0..LINES {
                let message = format!("<14>{sender} {line} {}", "x".repeat(line % 300));
                // Both framings, and two senders that mix them.
                let is_counted = sender == 1 || sender > 1 && line % 7 < 3;
                let framed = if is_counted { format!("{} {message}", message.len()) } else { format!("{message}\n") };
                bytes.extend_from_slice(framed.as_bytes());
            }
            for chunk in bytes.chunks(61_007) {
                stream.write_all(chunk).await.unwrap();
            }
            stream.shutdown().await.unwrap();
            assert_eq!(acknowledged(&mut stream).await.unwrap(), 0);
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let mut next = [0; 4];
    for line in sink.lines() {
        let mut words = line.strip_prefix("<14>").unwrap().split(' ');
        let (sender, number) = (words.next().unwrap().parse::<usize>().unwrap(), words.next().unwrap().parse::<usize>().unwrap());
        // In order, without a gap: none is lost and none is there twice.
        assert_eq!(number, next[sender], "sender {sender}");
        assert_eq!(words.next().unwrap().len(), number % 300);
        next[sender] += 1;
    }
    assert_eq!(next, [LINES; 4]);
    server.finish().await;
}
