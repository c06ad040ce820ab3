//! What all listeners share: the intake, the limits, the seats for connections, the stop signal.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use sekisho_engine::clock::{Clock, SystemClock};
use tokio::sync::watch;

use super::frame::Message;
use crate::envelope::{Envelope, Transport};
use crate::intake::Intake;
use crate::limits::Limits;
use crate::lossy;
use crate::metrics::Metrics;
use crate::panos;
use crate::sink::LineSink;

/// Turns true when listeners shall stop; dropping the sender stops them too.
pub type Stop = watch::Receiver<bool>;

/// Waits for the stop signal.
pub(super) async fn stopped(stop: &mut Stop) {
    let _ = stop.wait_for(|it| *it).await;
}

/// What listeners are made of.
#[derive(Clone)]
pub struct ListenerOptions {
    /// Where the time of receipt comes from.
    pub clock: Arc<dyn Clock>,
    /// What is allowed.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// IANA zone in which these devices write local times; UTC when `None`.
    pub device_time_zone: Option<String>,
    /// Whether TCP and TLS connections must begin with a PROXY header, whose address then counts as the sender's.
    pub proxy_protocol: bool,
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), limits: Limits::default(), metrics: Arc::default(), device_time_zone: None, proxy_protocol: false }
    }
}

/// Listeners into one sink. Clones share limits and counts.
#[derive(Clone)]
pub struct Listeners {
    pub(super) shared: Arc<Shared>,
    /// Of the devices that send to what is served by this clone.
    pub(super) time_zone: Option<Arc<str>>,
}

pub(super) struct Shared {
    pub(super) options: ListenerOptions,
    pub(super) intake: Intake,
    seats: Mutex<Seats>,
}

#[derive(Default)]
struct Seats {
    taken: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// One connection's place; given back on drop.
pub(super) struct Seat {
    shared: Arc<Shared>,
    /// Whose limit it counts towards, once that is known.
    source: Option<IpAddr>,
}

/// What all lines of one connection or datagram have in common.
pub(super) struct Origin {
    pub(super) transport: Transport,
    pub(super) peer: IpAddr,
    pub(super) time_zone: Option<Arc<str>>,
}

impl Listeners {
    /// Listeners that give their lines to `sink`. Sockets come later: [`Listeners::serve_tcp`], [`Listeners::serve_udp`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(sink: Arc<dyn LineSink>, options: ListenerOptions) -> Self {
        let intake = Intake::start(sink, &options.limits, options.metrics.clone());
        let time_zone = options.device_time_zone.as_deref().map(Arc::from);
        Self { shared: Arc::new(Shared { options, intake, seats: Mutex::default() }), time_zone }
    }

    /// The same listeners for devices of another time zone (IANA name; UTC when `None`): what the result serves is marked with it.
    #[must_use]
    pub fn in_time_zone(&self, time_zone: Option<&str>) -> Self {
        Self { shared: self.shared.clone(), time_zone: time_zone.map(Arc::from) }
    }

    /// What has been counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.options.metrics
    }
}

impl Shared {
    /// A place for a connection, while there is one.
    pub(super) fn seat(self: &Arc<Self>) -> Option<Seat> {
        let mut seats = self.seats.lock().expect("no panic while the lock is held");
        if seats.taken >= self.options.limits.connections_max {
            return None;
        }
        seats.taken += 1;
        self.options.metrics.connections_open.add(1);
        Some(Seat { shared: self.clone(), source: None })
    }

    /// The record of a message, counted.
    pub(super) fn record(&self, origin: &Origin, message: Message<'_>) -> Vec<u8> {
        let options = &self.options;
        let counts = options.metrics.transport(origin.transport);
        counts.lines.add(1);
        counts.bytes.add(message.bytes.len() as u64);
        if message.is_truncated {
            counts.truncated.add(1);
        }
        if let Err(reason) = panos::recognise(&lossy::text(message.bytes)) {
            options.metrics.count_unparsed(reason.label());
        }
        let envelope = Envelope {
            received_at: options.clock.now(),
            transport: origin.transport,
            is_truncated: message.is_truncated,
            peer: Some(origin.peer.to_canonical()),
            time_zone: origin.time_zone.as_deref(),
        };
        envelope.encode(message.bytes)
    }
}

impl Seat {
    /// Counts it towards `source`, once. False, and nothing counted, when that source has as many as it may.
    pub(super) fn claim(&mut self, source: IpAddr) -> bool {
        debug_assert!(self.source.is_none(), "a seat is claimed once");
        let mut seats = self.shared.seats.lock().expect("no panic while the lock is held");
        let of_source = seats.by_source.entry(source).or_default();
        if *of_source >= self.shared.options.limits.connections_per_source_max {
            return false;
        }
        *of_source += 1;
        self.source = Some(source);
        true
    }

    /// What all listeners share.
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.shared.seats.lock().expect("no panic while the lock is held");
        seats.taken -= 1;
        if let Some(source) = self.source
            && let Some(of_source) = seats.by_source.get_mut(&source)
        {
            *of_source -= 1;
            if *of_source == 0 {
                seats.by_source.remove(&source);
            }
        }
        self.shared.options.metrics.connections_open.subtract(1);
    }
}
