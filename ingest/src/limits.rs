//! Every limit of what comes in from outside, with its reason and what happens when it is hit.

use std::time::Duration;

/// Bytes of one line. PAN-OS has been seen to send 10,000; relays double that. A longer line is kept as its head, marked
/// (`sekisho.truncated`, `error.message`) and counted; the rest is skipped up to the line's end.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// Files that patterns bring to `--follow` at one time, each of which is open: most systems let a process open 1,024. The others wait until some
/// are deleted, which is said once.
pub(crate) const FOLLOWED_FILES_MAX: usize = 512;

/// Digits of an octet count (RFC 6587 §3.4.1). More digits are not a count: the message is read up to its line feed.
pub const COUNT_DIGITS_MAX: usize = 6;

/// Columns of one CSV line. The longest known layout has 123; what follows the last column stays together in it.
pub const COLUMNS_MAX: usize = 160;

/// Pairs of `key=value` taken from one line: CEF, LEEF, JSON, structured data. The richest known layout has 190; what follows is only in
/// `event.original`.
pub const PAIRS_MAX: usize = 512;

/// The longest UDP payload, which is IPv6's (over IPv4 it is 65,507): no datagram is cut by our buffer.
pub const DATAGRAM_BYTES_MAX: usize = 65_527;

/// Bytes of a PROXY header: the addresses take 52, the rest is what balancers add (TLVs). A longer one is refused.
pub(crate) const PROXY_BYTES_MAX: usize = 4 << 10;

/// Bytes read from a TCP socket at once, on the stack: an idle connection holds no buffer.
pub(crate) const READ_BYTES: usize = 32 << 10;

/// Values of `error.message` that one line's columns can add: a line of another layout would give one for every column.
pub(crate) const COLUMN_ERRORS_MAX: usize = 8;

/// Bytes of what site rules may change in one event. More is an error of the program, and the event goes through as it was.
pub const AMENDMENT_BYTES_MAX: usize = 32 << 10;

/// What listeners and the intake allow. [`Limits::default`] is right for a log server; tests make it small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open TCP connections of all listeners together; one more is closed at once and counted. Each costs a file descriptor.
    pub connections_max: usize,
    /// Open TCP connections from one address: one sender that leaks connections does not shut the others out. Behind a load balancer
    /// that does not speak the PROXY protocol all connections come from one address, hence as many as half of all.
    pub connections_per_source_max: usize,
    /// A connection on which nothing came for so long is closed, after all of it is durable: half-open ones would pile up for ever.
    pub idle_timeout: Duration,
    /// A connection whose PROXY header and TLS handshake take longer is closed: whoever says nothing shall not hold a place for long.
    pub handshake_timeout: Duration,
    /// Bytes of records that wait for the sink, over all connections. When they are used up, sockets are not read: TCP
    /// senders wait, datagrams wait in the kernel's buffer.
    pub waiting_bytes_max: usize,
    /// Bytes after which a batch goes to the sink.
    pub batch_bytes: usize,
    /// Time after which a batch goes to the sink, however small: the price of few syncs is this much delay.
    pub batch_delay: Duration,
    /// Batches being given to the sink at one time; a connection stays on one lane, so its lines keep their order.
    pub lanes: usize,
    /// Receive buffer asked of the kernel for a UDP socket: a burst of 8 MiB is about 15,000 lines. Less is a warning.
    pub udp_receive_buffer_bytes: usize,
    /// Pause before a batch that the sink refused is offered again. Its lines stay in memory and sockets are not read meanwhile.
    pub refused_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            connections_per_source_max: 10_000,
            idle_timeout: Duration::from_secs(3600),
            handshake_timeout: Duration::from_secs(10),
            waiting_bytes_max: 32 << 20,
            batch_bytes: 1 << 20,
            batch_delay: Duration::from_millis(5),
            lanes: 2,
            udp_receive_buffer_bytes: 8 << 20,
            refused_pause: Duration::from_secs(1),
        }
    }
}
