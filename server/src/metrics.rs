//! The figures behind `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use sekisho_engine::Engine;
use sekisho_ingest::{Metrics as IngestMetrics, Transport};

/// What is counted by the server itself; the rest is read from the engine and the listeners when somebody asks.
pub struct Metrics {
    ingest: Arc<IngestMetrics>,
    search_duration: Histogram,
    bulk_items: AtomicU64,
    errors: AtomicU64,
}

impl Metrics {
    /// Figures beside those of the listeners.
    pub fn new(ingest: Arc<IngestMetrics>) -> Self {
        // 0.25 ms to 8 s.
        Self {
            ingest,
            search_duration: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            bulk_items: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }
    }

    /// The listeners' figures.
    pub fn ingest(&self) -> &Arc<IngestMetrics> {
        &self.ingest
    }

    /// Notes how long a search took.
    pub fn search_duration(&self, time: Duration) {
        self.search_duration.observe(time.as_secs_f64());
    }

    /// Notes items of a bulk request.
    pub fn bulk_items(&self, count: u64) {
        self.bulk_items.fetch_add(count, Ordering::Relaxed);
    }

    /// Notes an answer with a 5xx status.
    pub fn error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// All figures as text.
    pub fn render(&self, engine: &Engine) -> String {
        let mut registry = Registry::with_prefix("sekisho");
        registry.register_with_unit(
            "search_duration",
            "time of a search, from its request to its answer",
            Unit::Seconds,
            self.search_duration.clone(),
        );
        let counters: [(&str, &str, u64); 9] = [
            ("bulk_items", "operations of bulk requests", self.bulk_items.load(Ordering::Relaxed)),
            ("http_errors", "answers with a 5xx status", self.errors.load(Ordering::Relaxed)),
            ("syslog_connections", "TCP connections accepted", self.ingest.connections_accepted.get()),
            ("syslog_connections_refused_drop", "TCP connections closed at once because of a limit", self.ingest.connections_refused.get()),
            ("syslog_connections_idle_closed", "TCP connections closed because nothing came", self.ingest.connections_idle_closed.get()),
            ("syslog_connections_reset", "TCP connections reset because their lines may be lost", self.ingest.connections_reset.get()),
            ("syslog_socket_errors", "errors of accepting and receiving", self.ingest.socket_errors.get()),
            ("syslog_batches_refused", "times a batch was refused by the engine and offered again", self.ingest.batches_refused.get()),
            ("syslog_lines_lost_drop", "lines that were taken and may not have become durable", self.ingest.lines_lost.get()),
        ];
        for (name, help, value) in counters {
            registry.register(name, help, ConstCounter::new(value));
        }
        let transports = [("udp", Transport::Udp), ("tcp", Transport::Tcp), ("file", Transport::File)];
        registry.register_collector(Box::new(Snapshot {
            received: transports
                .iter()
                .map(|(name, it)| {
                    (
                        *name,
                        self.ingest.transport(*it).lines.get(),
                        self.ingest.transport(*it).bytes.get(),
                        self.ingest.transport(*it).truncated.get(),
                    )
                })
                .collect(),
            unparsed: self.ingest.unparsed().collect(),
            streams: engine.indices().into_iter().filter_map(|it| it.stream.map(|stream| (stream, it.docs, it.bytes))).collect(),
            wal_bytes: engine.log_bytes(),
            connections_open: self.ingest.connections_open.get(),
        }));
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            // Writing to a string can't fail; an empty answer is what a scraper would report.
            text.clear();
        }
        text
    }
}

#[derive(Debug)]
struct Snapshot {
    received: Vec<(&'static str, u64, u64, u64)>,
    unparsed: Vec<(&'static str, u64)>,
    streams: Vec<(String, u64, u64)>,
    wal_bytes: u64,
    connections_open: u64,
}

impl prometheus_client::collector::Collector for Snapshot {
    fn encode(&self, mut encoder: prometheus_client::encoding::DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeMetric;
        use prometheus_client::metrics::MetricType;
        let mut family = |name: &str, help: &str, kind: MetricType, label: &'static str, values: &[(&str, u64)]| -> Result<(), std::fmt::Error> {
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (value_of, value) in values {
                let labels = [(label, *value_of)];
                let metric = family.encode_family(&labels)?;
                match kind {
                    MetricType::Counter => ConstCounter::new(*value).encode(metric)?,
                    _ => ConstGauge::new(*value as i64).encode(metric)?,
                }
            }
            Ok(())
        };
        let pick = |of: fn(&(&'static str, u64, u64, u64)) -> u64| self.received.iter().map(|it| (it.0, of(it))).collect::<Vec<_>>();
        family("syslog_received", "lines received", MetricType::Counter, "transport", &pick(|it| it.1))?;
        family("syslog_received_bytes", "bytes of the lines received", MetricType::Counter, "transport", &pick(|it| it.2))?;
        family("syslog_truncated", "lines cut at the limit of a line", MetricType::Counter, "transport", &pick(|it| it.3))?;
        family("parse_failures", "lines that are kept unparsed", MetricType::Counter, "reason", &self.unparsed)?;
        let mut events = std::collections::BTreeMap::new();
        let mut bytes = std::collections::BTreeMap::new();
        for (stream, docs, size) in &self.streams {
            *events.entry(stream.as_str()).or_insert(0) += docs;
            *bytes.entry(stream.as_str()).or_insert(0) += size;
        }
        family("stream_events", "live documents of a stream", MetricType::Gauge, "stream", &events.into_iter().collect::<Vec<_>>())?;
        family("storage_bytes", "bytes of a stream's splits", MetricType::Gauge, "stream", &bytes.into_iter().collect::<Vec<_>>())?;
        family("wal_bytes", "bytes of the log", MetricType::Gauge, "log", &[("local", self.wal_bytes)])?;
        family("syslog_connections_open", "TCP connections open now", MetricType::Gauge, "transport", &[("tcp", self.connections_open)])?;
        family("build_info", "the version that runs", MetricType::Gauge, "version", &[(env!("CARGO_PKG_VERSION"), 1)])
    }
}
