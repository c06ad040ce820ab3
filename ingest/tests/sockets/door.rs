//! What the tests of listeners share: a sink in memory, and listeners on free ports of this machine.
#![allow(dead_code, reason = "every test program uses its part")]

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use sekisho_ingest::{Envelope, Limits, LineSink, ListenerOptions, Listeners, Lost, Metrics, Receipt, Refused, Settle, Tls, Transport};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes; reached only by a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Long enough for an answer that comes too early to be seen.
pub(crate) const A_MOMENT: Duration = Duration::from_millis(60);

/// Keeps what it is given. Closed, its `submit` blocks; held, its receipts are settled only by [`MemorySink::release`].
#[derive(Default)]
pub(crate) struct MemorySink {
    pub(crate) kept: Mutex<Kept>,
    opened: Condvar,
    is_held: AtomicBool,
}

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) records: Vec<Vec<u8>>,
    unsettled: Vec<Settle>,
    is_closed: bool,
}

impl LineSink for MemorySink {
    fn submit(&self, records: &[Vec<u8>]) -> Result<Receipt, Refused> {
        let mut kept = self.opened.wait_while(self.kept.lock().unwrap(), |it| it.is_closed).unwrap();
        kept.records.extend_from_slice(records);
        let (settle, receipt) = Receipt::pending();
        if self.is_held.load(Ordering::SeqCst) {
            kept.unsettled.push(settle)
        } else {
            settle.settle(Ok(()))
        }
        Ok(receipt)
    }
}

impl MemorySink {
    pub(crate) fn held() -> Arc<Self> {
        Arc::new(Self { is_held: AtomicBool::new(true), ..Self::default() })
    }

    pub(crate) fn release(&self, outcome: Result<(), Lost>) {
        self.is_held.store(false, Ordering::SeqCst);
        self.kept.lock().unwrap().unsettled.drain(..).for_each(|it| it.settle(outcome.clone()));
    }

    pub(crate) fn set_closed(&self, is_closed: bool) {
        self.kept.lock().unwrap().is_closed = is_closed;
        self.opened.notify_all();
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        kept.records.iter().map(|it| String::from_utf8_lossy(Envelope::decode(it).unwrap().1).into_owned()).collect()
    }

    pub(crate) async fn wait_for(&self, count: usize) -> Vec<String> {
        timeout(PATIENCE, async {
            while self.kept.lock().unwrap().records.len() < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{} of {count} lines came: {:?}", self.lines().len(), self.lines()));
        self.lines()
    }
}

/// What is known of a kept line beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) transport: Transport,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) time_zone: Option<String>,
    pub(crate) is_truncated: bool,
    pub(crate) line: String,
}

impl MemorySink {
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let kept = self.kept.lock().unwrap();
        let seen = kept.records.iter().map(|it| Envelope::decode(it).unwrap()).map(|(envelope, line)| Seen {
            transport: envelope.transport,
            peer: envelope.peer,
            time_zone: envelope.time_zone.map(str::to_owned),
            is_truncated: envelope.is_truncated,
            line: String::from_utf8_lossy(line).into_owned(),
        });
        seen.collect()
    }
}

/// A listener that serves.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) listeners: Listeners,
    pub(crate) stop: watch::Sender<bool>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn tcp(sink: &Arc<MemorySink>, limits: Limits) -> Self {
        Self::stream(sink, ListenerOptions { limits, ..ListenerOptions::default() }, None).await
    }

    /// TCP, or TLS where there are certificates.
    pub(crate) async fn stream(sink: &Arc<MemorySink>, options: ListenerOptions, tls: Option<Arc<Tls>>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let listeners = Listeners::new(sink.clone(), options);
        let metrics = listeners.metrics().clone();
        let serving = listeners.clone();
        let task = tokio::spawn(async move {
            match tls {
                Some(tls) => serving.serve_tls(socket, tls, stopped).await,
                None => serving.serve_tcp(socket, stopped).await,
            }
        });
        Self { address, metrics, listeners, stop, task }
    }

    pub(crate) async fn udp(sink: &Arc<MemorySink>, limits: Limits) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let listeners = Listeners::new(sink.clone(), ListenerOptions { limits, ..ListenerOptions::default() });
        let metrics = listeners.metrics().clone();
        let serving = listeners.clone();
        let task = tokio::spawn(async move { serving.serve_udp(socket, stopped).await });
        Self { address, metrics, listeners, stop, task }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) async fn finish(self) {
        self.stop.send(true).unwrap();
        timeout(PATIENCE, self.task).await.expect("the listener stops").unwrap().unwrap();
    }
}

/// Waits for the server's answer to a half-close.
pub(crate) async fn acknowledged(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<usize> {
    timeout(PATIENCE, stream.read(&mut [0; 1])).await.expect("an answer")
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"));
}
