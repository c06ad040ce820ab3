//! What listeners count. The server shows these under `/metrics`; nothing here knows names or formats of metrics.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::envelope::{TRANSPORTS, Transport};
use crate::panos::UNPARSED_LABELS;
use crate::syslog::KernelUdp;

/// A number that only grows, or that goes up and down.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Takes away; only for numbers of things that are open.
    pub fn subtract(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts of one way that lines come in.
#[derive(Debug, Default)]
pub struct TransportMetrics {
    /// Lines received.
    pub lines: Count,
    /// Bytes of those lines, without framing.
    pub bytes: Count,
    /// Lines of which only the head was kept.
    pub truncated: Count,
}

/// Counts of one UDP socket.
#[derive(Debug)]
pub struct UdpSocketMetrics {
    /// Where it is bound.
    pub address: SocketAddr,
    /// Bytes of its receive buffer, as the kernel granted them.
    pub buffer_bytes: u64,
    /// Datagrams the kernel dropped because the buffer was full. It tells with the next datagram that it does not drop.
    pub dropped: Count,
}

/// Everything that listeners and files count.
#[derive(Debug, Default)]
pub struct Metrics {
    transports: [TransportMetrics; TRANSPORTS.len()],
    unparsed: [Count; UNPARSED_LABELS.len()],
    udp_sockets: Mutex<Vec<Arc<UdpSocketMetrics>>>,
    /// The kernel's counts when the first UDP socket was opened.
    kernel_udp_before: OnceLock<Option<KernelUdp>>,
    /// TCP connections open now.
    pub connections_open: Count,
    /// TCP connections accepted.
    pub connections_accepted: Count,
    /// TCP connections closed at once because of a limit.
    pub connections_refused: Count,
    /// TCP connections closed because nothing came.
    pub connections_idle_closed: Count,
    /// TCP connections reset because their lines may be lost.
    pub connections_reset: Count,
    /// Connections closed because they did not begin with a PROXY header, where one is demanded.
    pub proxy_header_failures: Count,
    /// TLS handshakes that failed: no common version, no or a wrong client certificate, not TLS at all.
    pub tls_handshake_failures: Count,
    /// Connections closed because PROXY header and TLS handshake took too long.
    pub handshake_timeouts: Count,
    /// Times changed certificate files came into use.
    pub tls_reloads: Count,
    /// Times changed certificate files could not be used and the old ones stayed.
    pub tls_reload_failures: Count,
    /// Errors of accepting and receiving, such as no free file descriptors.
    pub socket_errors: Count,
    /// Times a batch was refused by the sink and kept.
    pub batches_refused: Count,
    /// Lines that were taken by the sink and may not have become durable.
    pub lines_lost: Count,
}

impl Metrics {
    /// Counts of one transport.
    pub fn transport(&self, transport: Transport) -> &TransportMetrics {
        &self.transports[transport as usize]
    }

    /// Lines whose header or layout is not a supported one, by reason.
    pub fn unparsed(&self) -> impl Iterator<Item = (&'static str, u64)> {
        UNPARSED_LABELS.iter().copied().zip(self.unparsed.iter().map(Count::get))
    }

    /// Every UDP socket that was opened, in that order.
    pub fn udp_sockets(&self) -> Vec<Arc<UdpSocketMetrics>> {
        self.udp_sockets.lock().expect("no panic while the lock is held").clone()
    }

    /// What the kernel counts of UDP for the whole machine, since our first UDP socket; `None` without one, or where it can't be read.
    /// Reads two small files of procfs.
    pub fn kernel_udp(&self) -> Option<KernelUdp> {
        let before = (*self.kernel_udp_before.get()?)?;
        Some(KernelUdp::now()?.since(before))
    }

    /// Counts of a new UDP socket.
    pub(crate) fn udp_socket(&self, address: SocketAddr, buffer_bytes: u64) -> Arc<UdpSocketMetrics> {
        self.kernel_udp_before.get_or_init(KernelUdp::now);
        let figures = Arc::new(UdpSocketMetrics { address, buffer_bytes, dropped: Count::default() });
        self.udp_sockets.lock().expect("no panic while the lock is held").push(figures.clone());
        figures
    }

    /// Counts a line that can't be parsed.
    pub(crate) fn count_unparsed(&self, label: usize) {
        self.unparsed[label].add(1);
    }
}
