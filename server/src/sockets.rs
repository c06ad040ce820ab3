//! Sockets to listen on, bound the way we need them, and the file descriptors that connections take.
//!
//! An IPv6 socket takes IPv6 only, whatever the machine's default is: so `0.0.0.0:514` and `[::]:514` stand beside each other, and an
//! address means the same everywhere.

use std::io;
use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

/// Connections that the kernel completes before we accept them: a reconnecting network of firewalls comes at once.
const BACKLOG: i32 = 4_096;

/// File descriptors for everything but syslog connections: splits, the log, HTTP.
const OTHER_FILES: u64 = 4_096;

/// Binds a TCP socket and listens. Needs a runtime.
///
/// # Errors
/// The system's: in use, not ours, not allowed.
pub fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    // A restart must not wait until old connections are forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Binds a UDP socket. Needs a runtime.
///
/// # Errors
/// The system's: in use, not ours, not allowed.
pub fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Raises this process' limit of open files as far as it may, and says so when that is too little for so many connections.
pub fn raise_open_files_limit(connections_max: usize) {
    let wanted = connections_max as u64 + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current else { return };
    let raised = limit.maximum.map_or(wanted.max(current), |it| it.max(current));
    if raised > current && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }).is_err() {
        tracing::warn!(limit = current, "the limit of open files could not be raised");
    }
    let reached = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if reached < wanted {
        tracing::warn!(limit = reached, wanted, "few open files allowed: fewer syslog connections than configured; raise LimitNOFILE or ulimit -n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_families_share_a_port() {
        // A port that is free for one family may be somebody's in the other: another is tried then.
        const PORTS_TRIED: usize = 50;
        let v6_any = || "[::]:0".parse().unwrap();
        let v4 = |port| SocketAddr::from(([0, 0, 0, 0], port));
        let shares_tcp = |_| {
            let v6 = listen_tcp(v6_any()).unwrap();
            listen_tcp(v4(v6.local_addr().unwrap().port())).is_ok()
        };
        assert!((0..PORTS_TRIED).any(shares_tcp));
        let shares_udp = |_| {
            let v6 = bind_udp(v6_any()).unwrap();
            bind_udp(v4(v6.local_addr().unwrap().port())).is_ok()
        };
        assert!((0..PORTS_TRIED).any(shares_udp));
        let v6_udp = bind_udp(v6_any()).unwrap();
        assert_eq!(bind_udp(SocketAddr::from(([0, 0, 0, 0], 0))).unwrap().local_addr().unwrap().ip().to_string(), "0.0.0.0");
        assert_eq!(bind_udp(v6_udp.local_addr().unwrap()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
