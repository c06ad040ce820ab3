//! Syslog on the wire: framing, headers, and the listeners. What a message means is the parsers' business.

mod connection;
pub mod frame;
pub mod header;
mod kernel;
mod listeners;
mod proxy;
mod tcp;
mod tls;
mod udp;

pub use kernel::KernelUdp;
pub use listeners::{ListenerOptions, Listeners, Stop};
pub use tls::{TLS_RELOAD_INTERVAL, Tls, TlsError, TlsFiles};
