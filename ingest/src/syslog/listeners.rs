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
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), limits: Limits::default(), metrics: Arc::default(), device_time_zone: None }
    }
}

/// Listeners into one sink. Clones share limits and counts.
#[derive(Clone)]
pub struct Listeners {
    pub(super) shared: Arc<Shared>,
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
    source: IpAddr,
}

impl Listeners {
    /// Listeners that give their lines to `sink`. Sockets come later: [`Listeners::serve_tcp`], [`Listeners::serve_udp`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(sink: Arc<dyn LineSink>, options: ListenerOptions) -> Self {
        let intake = Intake::start(sink, &options.limits, options.metrics.clone());
        Self { shared: Arc::new(Shared { options, intake, seats: Mutex::default() }) }
    }

    /// What has been counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.options.metrics
    }
}

impl Shared {
    /// A place for a connection from `source`, while there is one.
    pub(super) fn seat(self: &Arc<Self>, source: IpAddr) -> Option<Seat> {
        let limits = &self.options.limits;
        let mut seats = self.seats.lock().expect("no panic while the lock is held");
        let of_source = seats.by_source.get(&source).copied().unwrap_or_default();
        if seats.taken >= limits.connections_max || of_source >= limits.connections_per_source_max {
            return None;
        }
        seats.taken += 1;
        seats.by_source.insert(source, of_source + 1);
        self.options.metrics.connections_open.add(1);
        Some(Seat { shared: self.clone(), source })
    }

    /// The record of a message, counted.
    pub(super) fn record(&self, transport: Transport, peer: IpAddr, message: Message<'_>) -> Vec<u8> {
        let options = &self.options;
        let counts = options.metrics.transport(transport);
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
            transport,
            is_truncated: message.is_truncated,
            peer: Some(peer.to_canonical()),
            time_zone: options.device_time_zone.as_deref(),
        };
        envelope.encode(message.bytes)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.shared.seats.lock().expect("no panic while the lock is held");
        seats.taken -= 1;
        if let Some(of_source) = seats.by_source.get_mut(&self.source) {
            *of_source -= 1;
            if *of_source == 0 {
                seats.by_source.remove(&self.source);
            }
        }
        self.shared.options.metrics.connections_open.subtract(1);
    }
}
