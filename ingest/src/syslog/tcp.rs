//! Syslog over TCP. The peer's half-close is answered with ours only when every line of the connection is durable: that is the
//! acknowledgement which plain syslog lacks, and a sender that waits for it knows that nothing is lost.
//!
//! An idle connection holds a task and a socket and no buffer: bytes are read onto the stack once the socket has some.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::frame::Framer;
use super::listeners::{Listeners, Seat, Shared, Stop, stopped};
use crate::envelope::Transport;
use crate::intake::Lane;
use crate::limits::READ_BYTES;
use crate::sink::Lost;

/// Pause after a failed accept: without file descriptors it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The peer has sent everything.
    HalfClosed,
    /// The peer reset the connection, or the network failed.
    Broken,
    /// Nothing came for [`crate::Limits::idle_timeout`].
    Idle,
    /// We are to stop.
    Stopped,
}

impl Listeners {
    /// Accepts connections until `stop`; returns when all lines of all connections are durable and the connections are closed.
    ///
    /// # Errors
    /// Only when the listener's own address can't be told.
    pub async fn serve_tcp(&self, listener: TcpListener, mut stop: Stop) -> io::Result<()> {
        let address = listener.local_addr()?;
        info!(%address, "syslog TCP");
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped(&mut stop) => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer.ip(), &mut connections, &stop),
                    Err(error) => {
                        self.metrics().socket_errors.add(1);
                        warn!(%address, %error, "accept failed");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
        Ok(())
    }

    fn accept(&self, stream: TcpStream, peer: IpAddr, connections: &mut JoinSet<()>, stop: &Stop) {
        let Some(seat) = self.shared.seat(peer) else {
            self.metrics().connections_refused.add(1);
            return debug!(%peer, "connection refused: too many are open");
        };
        self.metrics().connections_accepted.add(1);
        // Should this process die, the kernel closes the connection. That must be a reset: an orderly end is our acknowledgement,
        // and the kernel knows nothing of lines that were read and are not durable yet.
        let _ = stream.set_zero_linger();
        let connection =
            Connection { shared: self.shared.clone(), stream, peer, lane: self.shared.intake.lane(), framer: Framer::new(), _seat: seat };
        connections.spawn(connection.run(stop.clone()));
    }
}

struct Connection {
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: IpAddr,
    lane: Lane,
    framer: Framer,
    _seat: Seat,
}

impl Connection {
    async fn run(mut self, mut stop: Stop) {
        let end = self.receive(&mut stop).await;
        if end == End::Stopped {
            self.drain().await;
        }
        let mut records = Vec::new();
        let (shared, peer) = (&self.shared, self.peer);
        // Without its end the last line may be a part: it is marked unless the sender said that this was all.
        let is_whole = end == End::HalfClosed;
        self.framer.finish(|mut message| {
            message.is_truncated |= !is_whole;
            records.push(shared.record(Transport::Tcp, peer, message));
        });
        self.lane.send(records).await;
        let outcome = self.lane.durable().await;
        self.close(end, outcome).await;
    }

    /// Reads until there is no more to come.
    async fn receive(&mut self, stop: &mut Stop) -> End {
        let idle_timeout = self.shared.options.limits.idle_timeout;
        loop {
            let ready = tokio::select! {
                biased;
                () = stopped(stop) => return End::Stopped,
                ready = timeout(idle_timeout, self.stream.readable()) => ready,
            };
            match ready {
                Err(_) => {
                    self.shared.options.metrics.connections_idle_closed.add(1);
                    return End::Idle;
                }
                Ok(Err(_)) => return End::Broken,
                Ok(Ok(())) => {}
            }
            let mut records = Vec::new();
            match self.read(&mut records) {
                Ok(0) => return End::HalfClosed,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    debug!(peer = %self.peer, %error, "connection broken");
                    return End::Broken;
                }
            }
            self.framer.shrink();
            // Waits while too much is waiting: then the socket is not read, and the sender's window closes.
            self.lane.send(records).await;
        }
    }

    /// Takes what the kernel already holds: the peer believes it sent.
    async fn drain(&mut self) {
        loop {
            let mut records = Vec::new();
            let read = self.read(&mut records);
            self.lane.send(records).await;
            if !matches!(read, Ok(1..)) {
                return;
            }
        }
    }

    /// One read, without waiting; the bytes' count and the records of the messages that are complete.
    fn read(&mut self, records: &mut Vec<Vec<u8>>) -> io::Result<usize> {
        let mut buffer = [0; READ_BYTES];
        let len = self.stream.try_read(&mut buffer)?;
        let (shared, peer) = (&self.shared, self.peer);
        self.framer.push(&buffer[..len], |message| records.push(shared.record(Transport::Tcp, peer, message)));
        Ok(len)
    }

    async fn close(mut self, end: End, outcome: Result<(), Lost>) {
        match outcome {
            Ok(()) => {
                // The acknowledgement. A peer that is gone does not get it.
                let _ = rustix::net::sockopt::set_socket_linger(&self.stream, None);
                let _ = self.stream.shutdown().await;
                debug!(peer = %self.peer, ?end, "connection closed");
            }
            Err(lost) => {
                self.shared.options.metrics.connections_reset.add(1);
                warn!(peer = %self.peer, %lost, "connection reset: its lines may be lost");
                // Dropped as it is, it is reset: that can't be taken for an acknowledgement.
            }
        }
    }
}
