//! Ten thousand idle connections and more into the real program, whose memory is measured from outside. Both processes need a file
//! descriptor for each connection.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::process::{Process, request};

/// Connections whose memory is measured.
const IDLE: usize = 10_000;

/// The default of `syslog_connections_max`.
const CONNECTIONS_MAX: usize = 20_000;

/// File descriptors left to everything else, in either process.
const OTHER_FILES: usize = 1_000;

/// Raises our limit of open files as far as it may; gives the connections that it allows, at most the default limit.
fn connections_allowed() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = (CONNECTIONS_MAX + OTHER_FILES) as u64;
    let allowed = limit.maximum.map_or(wanted, |it| it.min(wanted));
    if limit.current.is_some_and(|it| it < allowed) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum }).unwrap();
    }
    let connections = (allowed as usize).saturating_sub(OTHER_FILES);
    assert!(connections >= IDLE, "only {allowed} open files are allowed: this test needs {}; raise the hard limit (ulimit -Hn)", IDLE + OTHER_FILES);
    connections
}

/// A connection from one of eight addresses of this machine: no source comes near its limit, nor to the end of its ports.
fn connect(number: usize, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 1, 1 + (number % 8) as u8), 0)).into())?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

/// A figure of `/metrics`.
fn figure(process: &Process, name: &str) -> usize {
    let (status, body) = request(&process.http, "GET", "/metrics", "").unwrap();
    assert_eq!(status, 200);
    let text = String::from_utf8(body).unwrap();
    let value = text.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no [{name}] in {text}")).parse().unwrap()
}

fn until(process: &Process, name: &str, wanted: usize) {
    let began = Instant::now();
    loop {
        let found = figure(process, name);
        if found == wanted {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "[{name}] is {found}, not {wanted}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn ten_thousand_idle_connections_cost_little_each_and_the_limit_holds() {
    let allowed = connections_allowed();
    let directory = tempfile::tempdir().unwrap();
    let process = Process::start_with(directory.path(), &["--syslog-connections-max", &allowed.to_string()]);
    let address: SocketAddr = process.syslog_tcp.parse().unwrap();
    let before = process.resident_bytes();
    let mut streams: Vec<_> = (0..IDLE).map(|it| connect(it, address).unwrap()).collect();
    // Each has sent something once, and is within its next line.
    for stream in &mut streams {
        stream.write_all(b"<14>Nov 23 07:00:00 host app: a line\n<14>Nov 23 07:00:00 ho").unwrap();
    }
    until(&process, "sekisho_syslog_received_total{transport=\"tcp\"}", IDLE);
    // Ten thousand documents and what indexes them are in it as well.
    let each = process.resident_bytes().saturating_sub(before) / IDLE as u64;
    assert!(each < 64 << 10, "{each} bytes for each idle connection");

    streams.extend((IDLE..allowed).map(|it| connect(it, address).unwrap()));
    until(&process, "sekisho_syslog_connections_open", allowed);
    let mut one_more = connect(0, address).unwrap();
    one_more.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let answer = one_more.read(&mut [0; 1]);
    assert!(answer.as_ref().map_or_else(|error| error.kind() == std::io::ErrorKind::ConnectionReset, |it| *it == 0), "{answer:?}");
    assert_eq!(figure(&process, "sekisho_syslog_connections_dropped_total"), 1);
    // Those who are in can still send.
    streams.last_mut().unwrap().write_all(b"<14>Nov 23 07:00:00 host app: the last one\n").unwrap();
    until(&process, "sekisho_syslog_received_total{transport=\"tcp\"}", IDLE + 1);
    drop(streams);
    until(&process, "sekisho_syslog_connections_open", 0);
    assert!(process.terminate().success());
}
