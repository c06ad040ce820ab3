//! Syslog over UDP: one message per datagram. Nothing can be acknowledged or slowed down here; what helps is a large receive buffer in
//! the kernel, and emptying it fast. What the kernel drops all the same is counted, by the socket.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt as socket_option};
use rustix::net::sockopt;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Duration, Instant, sleep};
use tracing::{info, warn};

use super::frame;
use super::listeners::{Listeners, Origin, Stop, stopped};
use crate::envelope::Transport;
use crate::intake::Lane;
use crate::limits::DATAGRAM_BYTES_MAX;
use crate::metrics::UdpSocketMetrics;

/// Datagrams of one system call. Each has a place for the longest: 4 MiB of address space, of which short ones touch little.
const DATAGRAMS_PER_CALL: usize = 64;

/// Datagrams taken in one go before they are sent on.
const DATAGRAMS_PER_PARCEL: usize = 512;

/// A byte more than the longest datagram, so that a longer one could be seen.
const PLACE_BYTES: usize = DATAGRAM_BYTES_MAX + 1;

/// When we stop: datagrams that still come are taken for so long. The kernel's buffer is emptied in much less.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// Pause after a failed receive, so that a lasting error does not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// One datagram's place in the buffer.
struct Datagram {
    len: usize,
    peer: IpAddr,
    /// What the socket had dropped when this one came, modulo 2³²; absent while it is zero.
    dropped: Option<u32>,
}

impl Listeners {
    /// Receives datagrams until `stop`; returns when all lines are durable. Several calls with sockets that share a port share the work.
    ///
    /// # Errors
    /// Only when the socket's own address can't be told.
    pub async fn serve_udp(&self, socket: UdpSocket, mut stop: Stop) -> io::Result<()> {
        let address = socket.local_addr()?;
        let buffer_bytes = enlarge_receive_buffer(&socket, self.shared.options.limits.udp_receive_buffer_bytes);
        if let Err(error) = setsockopt(&socket, socket_option::RxqOvfl, &1) {
            warn!(%address, %error, "the kernel does not tell what this socket drops");
        }
        info!(%address, time_zone = self.time_zone.as_deref(), buffer_bytes, "syslog UDP");
        let figures = self.metrics().udp_socket(address, buffer_bytes as u64);
        let mut receiver = Receiver { socket, figures, buffer: vec![0; DATAGRAMS_PER_CALL * PLACE_BYTES], dropped: 0 };
        let lane = self.shared.intake.lane();
        loop {
            let ready = tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                ready = receiver.socket.readable() => ready,
            };
            let received = match ready {
                Ok(()) => self.receive(&mut receiver, &lane).await,
                Err(error) => Err(error),
            };
            if let Err(error) = received {
                self.metrics().socket_errors.add(1);
                warn!(%address, %error, "receive failed");
                sleep(ERROR_PAUSE).await;
            }
        }
        // What the kernel holds was received, as far as the sender is concerned. Senders that go on must not keep us.
        let deadline = Instant::now() + DRAIN_TIME_MAX;
        while Instant::now() < deadline && matches!(self.receive(&mut receiver, &lane).await, Ok(1..)) {}
        // A loss is counted and logged where it is found out; there is nobody to tell.
        let _ = lane.durable().await;
        Ok(())
    }

    /// Takes the datagrams that are there, up to a parcel, and sends them on. Gives their number.
    async fn receive(&self, receiver: &mut Receiver, lane: &Lane) -> io::Result<usize> {
        let mut records = Vec::new();
        let mut count = 0;
        let outcome = loop {
            if count >= DATAGRAMS_PER_PARCEL {
                break Ok(count);
            }
            match receiver.receive(|bytes, peer| records.extend(self.datagram(bytes, peer))) {
                Ok(received) => count += received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(count),
                Err(error) => break Err(error),
            }
        };
        lane.send(records).await;
        outcome
    }

    fn datagram(&self, bytes: &[u8], peer: IpAddr) -> Option<Vec<u8>> {
        let origin = Origin { transport: Transport::Udp, peer, time_zone: self.time_zone.clone() };
        frame::datagram(bytes).map(|message| self.shared.record(&origin, message))
    }
}

/// A socket and what it is read into.
struct Receiver {
    socket: UdpSocket,
    figures: Arc<UdpSocketMetrics>,
    buffer: Vec<u8>,
    /// The kernel's count of drops when it was last told.
    dropped: u32,
}

impl Receiver {
    /// One system call, without waiting. Gives the number of datagrams.
    fn receive(&mut self, mut take: impl FnMut(&[u8], IpAddr)) -> io::Result<usize> {
        let Self { socket, figures, buffer, dropped } = self;
        let datagrams = socket.try_io(Interest::READABLE, || receive_many(socket, buffer))?;
        for (datagram, place) in datagrams.iter().zip(buffer.chunks_exact(PLACE_BYTES)) {
            if let Some(now) = datagram.dropped {
                figures.dropped.add(u64::from(now.wrapping_sub(*dropped)));
                *dropped = now;
            }
            take(&place[..datagram.len.min(PLACE_BYTES)], datagram.peer);
        }
        Ok(datagrams.len())
    }
}

/// Fills the places of `buffer` with the datagrams that are there.
fn receive_many(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Vec<Datagram>> {
    let mut places: Vec<_> = buffer.chunks_exact_mut(PLACE_BYTES).map(|it| [IoSliceMut::new(it)]).collect();
    // New for each call: the kernel writes lengths into them, and nix does not set them back.
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(places.len(), Some(nix::cmsg_space!(u32)));
    let received = recvmmsg(socket.as_raw_fd(), &mut headers, places.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
    let datagrams = received.map(|it| {
        let dropped = it.cmsgs().into_iter().flatten().find_map(|it| match it {
            ControlMessageOwned::RxqOvfl(count) => Some(count),
            _ => None,
        });
        Datagram { len: it.bytes, peer: it.address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address_of), dropped }
    });
    Ok(datagrams.collect())
}

fn address_of(address: SockaddrStorage) -> IpAddr {
    let v4 = address.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
    let v6 = || address.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip()).to_canonical());
    v4.or_else(v6).unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
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
