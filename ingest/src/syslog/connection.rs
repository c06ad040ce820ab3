//! One connection, once it is open: bytes of a [`Wire`] become records, and its end is answered when they are durable. What comes before
//! the first line (a PROXY header, a TLS handshake) is over by now.
//!
//! An idle connection holds a task, a socket and no buffer of ours: bytes are read onto the stack once the socket has some.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::server::TlsStream;
use tracing::{debug, warn};

use super::frame::Framer;
use super::listeners::{Origin, Seat, Shared, Stop, stopped};
use crate::intake::Lane;
use crate::limits::READ_BYTES;
use crate::sink::Lost;

/// When we stop: a connection from which nothing came for so long has nothing under way.
const DRAIN_SILENCE: Duration = Duration::from_millis(20);

/// When we stop: a sender that never pauses is cut off after so long; it gets no acknowledgement for what was not read.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// What carries the bytes of a connection.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The socket below.
    fn socket(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The peer has sent everything: a half-close, within TLS a `close_notify`.
    HalfClosed,
    /// The peer reset the connection, or ended it without a `close_notify`, or the network failed.
    Broken,
    /// Nothing came for [`crate::Limits::idle_timeout`].
    Idle,
    /// We are to stop.
    Stopped,
}

/// An open connection.
pub(super) struct Connection<W> {
    pub(super) wire: W,
    pub(super) origin: Origin,
    pub(super) lane: Lane,
    pub(super) framer: Framer,
    pub(super) seat: Seat,
}

impl<W: Wire> Connection<W> {
    /// Receives until the end, waits until everything is durable, answers.
    pub(super) async fn run(mut self, mut stop: Stop) {
        // Should this process die, the kernel closes the connection. That must be a reset: an orderly end is our acknowledgement,
        // and the kernel knows nothing of lines that were read and are not durable yet.
        let _ = self.wire.socket().set_zero_linger();
        let end = self.receive(&mut stop).await;
        if end == End::Stopped {
            self.drain().await;
        }
        let mut records = Vec::new();
        let (shared, origin) = (self.seat.shared(), &self.origin);
        // Without its end the last line may be a part: it is marked unless the sender said that this was all.
        let is_whole = end == End::HalfClosed;
        self.framer.finish(|mut message| {
            message.is_truncated |= !is_whole;
            records.push(shared.record(origin, message));
        });
        self.lane.send(records).await;
        let outcome = self.lane.durable().await;
        self.close(end, outcome).await;
    }

    fn shared(&self) -> &Shared {
        self.seat.shared()
    }

    /// Reads until there is no more to come.
    async fn receive(&mut self, stop: &mut Stop) -> End {
        let idle_timeout = self.shared().options.limits.idle_timeout;
        loop {
            let mut records = Vec::new();
            let read = tokio::select! {
                biased;
                () = stopped(stop) => return End::Stopped,
                read = timeout(idle_timeout, self.read(&mut records)) => read,
            };
            match read {
                Err(_) => {
                    self.shared().options.metrics.connections_idle_closed.add(1);
                    return End::Idle;
                }
                Ok(Ok(0)) => return End::HalfClosed,
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    debug!(peer = %self.origin.peer, %error, "connection broken");
                    return End::Broken;
                }
            }
            self.framer.shrink();
            // Waits while too much is waiting: then the socket is not read, and the sender's window closes.
            self.lane.send(records).await;
        }
    }

    /// Takes what is under way: the peer believes it sent.
    async fn drain(&mut self) {
        let deadline = Instant::now() + DRAIN_TIME_MAX;
        loop {
            let mut records = Vec::new();
            let silence = deadline.min(Instant::now() + DRAIN_SILENCE);
            let read = timeout_at(silence, self.read(&mut records)).await;
            self.lane.send(records).await;
            if !matches!(read, Ok(Ok(1..))) {
                return;
            }
        }
    }

    /// One read; the bytes' count and the records of the messages that are complete. Given up while it waits, it has taken nothing.
    async fn read(&mut self, records: &mut Vec<Vec<u8>>) -> io::Result<usize> {
        poll_fn(|context| self.poll_read(context, records)).await
    }

    fn poll_read(&mut self, context: &mut Context<'_>, records: &mut Vec<Vec<u8>>) -> Poll<io::Result<usize>> {
        let mut bytes = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.wire).poll_read(context, &mut buffer))?;
        let (shared, origin) = (self.seat.shared(), &self.origin);
        self.framer.push(buffer.filled(), |message| records.push(shared.record(origin, message)));
        Poll::Ready(Ok(buffer.filled().len()))
    }

    async fn close(mut self, end: End, outcome: Result<(), Lost>) {
        let peer = self.origin.peer;
        match outcome {
            Ok(()) => {
                // The acknowledgement. A peer that is gone does not get it; one that does not read must not keep us.
                let _ = rustix::net::sockopt::set_socket_linger(self.wire.socket(), None);
                let _ = timeout(self.shared().options.limits.handshake_timeout, self.wire.shutdown()).await;
                debug!(%peer, ?end, "connection closed");
            }
            Err(lost) => {
                self.shared().options.metrics.connections_reset.add(1);
                warn!(%peer, %lost, "connection reset: its lines may be lost");
                // Dropped as it is, it is reset: that can't be taken for an acknowledgement.
            }
        }
    }
}
