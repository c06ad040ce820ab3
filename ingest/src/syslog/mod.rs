//! Syslog on the wire: framing, headers, and the listeners. What a message means is the parsers' business.

pub mod frame;
pub mod header;
mod listeners;
mod tcp;
mod udp;

pub use listeners::{ListenerOptions, Listeners, Stop};
