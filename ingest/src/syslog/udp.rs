//! Syslog over UDP: one message per datagram. Nothing can be acknowledged or slowed down here; what helps is a large receive buffer in
//! the kernel, and emptying it fast.

use std::io;
use std::net::SocketAddr;

use rustix::net::sockopt;
use tokio::net::UdpSocket;
use tokio::time::{Duration, sleep};
use tracing::{info, warn};

use super::frame;
use super::listeners::{Listeners, Origin, Stop, stopped};
use crate::envelope::Transport;
use crate::intake::Lane;
use crate::limits::DATAGRAM_BYTES_MAX;

/// Datagrams taken in one go before they are sent on.
const DATAGRAMS_PER_PARCEL: usize = 512;

/// Pause after a failed receive, so that a lasting error does not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

impl Listeners {
    /// Receives datagrams until `stop`; returns when all lines are durable. Several calls with sockets that share a port share the work.
    ///
    /// # Errors
    /// Only when the socket's own address can't be told.
    pub async fn serve_udp(&self, socket: UdpSocket, mut stop: Stop) -> io::Result<()> {
        let address = socket.local_addr()?;
        let buffer_bytes = enlarge_receive_buffer(&socket, self.shared.options.limits.udp_receive_buffer_bytes);
        info!(%address, buffer_bytes, "syslog UDP");
        let lane = self.shared.intake.lane();
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX + 1];
        loop {
            let ready = tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                ready = socket.readable() => ready,
            };
            let received = match ready {
                Ok(()) => self.receive(&socket, &mut buffer, &lane).await,
                Err(error) => Err(error),
            };
            if let Err(error) = received {
                self.metrics().socket_errors.add(1);
                warn!(%address, %error, "receive failed");
                sleep(ERROR_PAUSE).await;
            }
        }
        // What the kernel holds was received, as far as the sender is concerned.
        while matches!(self.receive(&socket, &mut buffer, &lane).await, Ok(1..)) {}
        // A loss is counted and logged where it is found out; there is nobody to tell.
        let _ = lane.durable().await;
        Ok(())
    }

    /// Takes the datagrams that are there, up to a parcel, and sends them on. Gives their number.
    async fn receive(&self, socket: &UdpSocket, buffer: &mut [u8], lane: &Lane) -> io::Result<usize> {
        let mut records = Vec::new();
        let mut count = 0;
        let outcome = loop {
            if count == DATAGRAMS_PER_PARCEL {
                break Ok(count);
            }
            match socket.try_recv_from(buffer) {
                Ok((len, peer)) => {
                    count += 1;
                    records.extend(self.datagram(&buffer[..len], peer));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(count),
                Err(error) => break Err(error),
            }
        };
        lane.send(records).await;
        outcome
    }

    fn datagram(&self, bytes: &[u8], peer: SocketAddr) -> Option<Vec<u8>> {
        let origin = Origin { transport: Transport::Udp, peer: peer.ip(), time_zone: self.time_zone.clone() };
        frame::datagram(bytes).map(|message| self.shared.record(&origin, message))
    }
}

/// Asks for a large receive buffer, beyond `net.core.rmem_max` where we may; gives the bytes the kernel granted.
fn enlarge_receive_buffer(socket: &UdpSocket, wanted_bytes: usize) -> usize {
    if sockopt::set_socket_recv_buffer_size_force(socket, wanted_bytes).is_err() {
        // Not allowed to exceed the system's limit; then up to it. Either way the answer is read back below.
        let _ = sockopt::set_socket_recv_buffer_size(socket, wanted_bytes);
    }
    // Linux grants twice what is asked, for its own bookkeeping, and tells that number.
    let granted_bytes = sockopt::socket_recv_buffer_size(socket).unwrap_or_default() / if cfg!(target_os = "linux") { 2 } else { 1 };
    if granted_bytes < wanted_bytes {
        warn!(granted_bytes, wanted_bytes, "small UDP receive buffer: bursts will be lost; raise net.core.rmem_max");
    }
    granted_bytes
}
