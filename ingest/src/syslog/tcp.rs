//! Syslog over TCP and TLS: accepts connections and opens them. The peer's half-close is answered with ours only when every line of the
//! connection is durable: that is the acknowledgement which plain syslog lacks, and a sender that waits for it knows that nothing is lost.
//!
//! A connection is open after its PROXY header, where one is demanded, and its TLS handshake; both together have
//! [`crate::Limits::handshake_timeout`]. What follows is the business of `connection.rs`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::connection::{Connection, Wire};
use super::frame::Framer;
use super::listeners::{Listeners, Origin, Seat, Stop, stopped};
use super::proxy;
use super::tls::Tls;
use crate::envelope::Transport;

/// Pause after a failed accept: without file descriptors it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a connection did not open. Nobody is told more than that it is closed.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("PROXY header: {0}")]
    Proxy(#[from] proxy::ProxyError),
    #[error("TLS handshake: {0}")]
    Tls(io::Error),
    #[error("too many connections of this source are open")]
    SourceLimit,
}

impl Listeners {
    /// Accepts connections until `stop`; returns when all lines of all connections are durable and the connections are closed.
    ///
    /// # Errors
    /// Only when the listener's own address can't be told.
    pub async fn serve_tcp(&self, listener: TcpListener, stop: Stop) -> io::Result<()> {
        let address = listener.local_addr()?;
        info!(%address, time_zone = self.time_zone.as_deref(), "syslog TCP");
        self.accept_all(listener, address, None, stop).await;
        Ok(())
    }

    /// Like [`Listeners::serve_tcp`], within TLS. Each connection is greeted with the certificate that `tls` has at that time.
    ///
    /// # Errors
    /// Only when the listener's own address can't be told.
    pub async fn serve_tls(&self, listener: TcpListener, tls: Arc<Tls>, stop: Stop) -> io::Result<()> {
        let address = listener.local_addr()?;
        info!(%address, time_zone = self.time_zone.as_deref(), demands_client_certificates = tls.demands_client_certificates(), "syslog TLS");
        self.accept_all(listener, address, Some(tls), stop).await;
        Ok(())
    }

    async fn accept_all(&self, listener: TcpListener, address: SocketAddr, tls: Option<Arc<Tls>>, mut stop: Stop) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped(&mut stop) => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer.ip().to_canonical(), tls.clone(), &mut connections, &stop),
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
    }

    fn accept(&self, stream: TcpStream, peer: IpAddr, tls: Option<Arc<Tls>>, connections: &mut JoinSet<()>, stop: &Stop) {
        let Some(mut seat) = self.shared.seat() else {
            self.metrics().connections_refused.add(1);
            return debug!(%peer, "connection refused: too many are open");
        };
        // Behind a load balancer the source is known only after the header.
        if !self.shared.options.proxy_protocol && !seat.claim(peer) {
            self.metrics().connections_refused.add(1);
            return debug!(%peer, "connection refused: {}", OpenError::SourceLimit);
        }
        self.metrics().connections_accepted.add(1);
        connections.spawn(Arrival { listeners: self.clone(), stream, peer, seat }.attend(tls, stop.clone()));
    }
}

/// A connection that was accepted and is not open yet.
struct Arrival {
    listeners: Listeners,
    stream: TcpStream,
    peer: IpAddr,
    seat: Seat,
}

impl Arrival {
    async fn attend(self, tls: Option<Arc<Tls>>, mut stop: Stop) {
        let handshake_timeout = self.listeners.shared.options.limits.handshake_timeout;
        let (metrics, peer) = (self.listeners.metrics().clone(), self.peer);
        // Boxed, because the way in needs more memory than the connection that stays.
        let opening = Box::pin(timeout(handshake_timeout, self.open(tls)));
        let opened = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            opened = opening => opened,
        };
        match opened {
            Ok(Ok(Opened::Plain(connection))) => connection.run(stop).await,
            Ok(Ok(Opened::Tls(connection))) => connection.run(stop).await,
            Ok(Err(error)) => {
                match &error {
                    OpenError::Proxy(_) => metrics.proxy_header_failures.add(1),
                    OpenError::Tls(_) => metrics.tls_handshake_failures.add(1),
                    OpenError::SourceLimit => metrics.connections_refused.add(1),
                }
                debug!(%peer, %error, "connection did not open");
            }
            Err(_) => {
                metrics.handshake_timeouts.add(1);
                debug!(%peer, "connection did not open in time");
            }
        }
    }

    async fn open(mut self, tls: Option<Arc<Tls>>) -> Result<Opened, OpenError> {
        if self.listeners.shared.options.proxy_protocol {
            self.peer = proxy::read_header(&mut self.stream).await?.unwrap_or(self.peer);
            if !self.seat.claim(self.peer) {
                return Err(OpenError::SourceLimit);
            }
        }
        let Some(tls) = tls else {
            let Self { listeners, stream, peer, seat } = self;
            return Ok(Opened::Plain(connection(&listeners, stream, Transport::Tcp, peer, seat)));
        };
        let Self { listeners, stream, peer, seat } = self;
        let wire = tls.acceptor().accept(stream).await.map_err(OpenError::Tls)?;
        Ok(Opened::Tls(Box::new(connection(&listeners, wire, Transport::Tls, peer, seat))))
    }
}

enum Opened {
    Plain(Connection<TcpStream>),
    Tls(Box<Connection<tokio_rustls::server::TlsStream<TcpStream>>>),
}

fn connection<W: Wire>(listeners: &Listeners, wire: W, transport: Transport, peer: IpAddr, seat: Seat) -> Connection<W> {
    let origin = Origin { transport, peer, time_zone: listeners.time_zone.clone() };
    Connection { wire, origin, lane: listeners.shared.intake.lane(), framer: Framer::new(), seat }
}
