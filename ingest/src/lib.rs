//! How lines get in: syslog listeners and files on one side, parsers that turn a line into a typed row on the other.
//!
//! A line travels as a *record* ([`envelope`]): the bytes as received plus what only the receiver knows. Records go through a
//! [`sink::LineSink`] to whatever makes them durable; the engine later hands each to [`panos::PanosSyslog`], which names its
//! stream and makes the [`sekisho_engine::row::Row`]. No HTTP here, and no knowledge of how lines are stored.

mod amendment;
pub mod device_zone;
pub mod envelope;
pub mod file;
pub mod follow;
mod generic;
mod intake;
pub mod ledger;
pub mod limits;
mod lossy;
pub mod metrics;
pub mod panos;
#[cfg(feature = "pipelines")]
pub mod pipelines;
pub mod sink;
pub mod syslog;

pub use device_zone::DeviceZones;
pub use envelope::{Envelope, Transport};
pub use file::{FileBatch, LineFile};
pub use follow::Follower;
pub use ledger::Ledger;
pub use limits::Limits;
pub use metrics::Metrics;
pub use panos::PanosSyslog;
pub use sink::{LineSink, Lost, Receipt, Refused, Settle};
pub use syslog::{ListenerOptions, Listeners, Stop, TLS_RELOAD_INTERVAL, Tls, TlsError, TlsFiles};
