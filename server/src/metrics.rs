//! Figures for `/metrics`. Counts of requests are kept here; those of listeners and of the engine are read when they are asked for.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use sekisho_engine::{DiskStage, Engine};
use sekisho_ingest::envelope::TRANSPORTS;
use sekisho_ingest::ledger::Source;

use crate::app::App;

/// Upper bounds of the search durations, in seconds.
const SEARCH_SECONDS: [f64; 13] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// The figures of one process.
pub struct Metrics {
    /// Time of searches, from the body read to the answer.
    pub search_duration: Histogram,
    /// Requests of searches given up because the client went away.
    pub searches_cancelled: Counter,
    /// Operations of bulk requests, whatever became of them.
    pub bulk_items: Counter,
    /// Bytes of request bodies in memory; set when somebody asks.
    pub request_body_bytes: Gauge,
    /// Requests that failed inside.
    pub panics: Counter,
    ingest: Arc<sekisho_ingest::Metrics>,
}

impl Metrics {
    /// Figures that start at zero, beside those of the listeners.
    pub fn new(ingest: Arc<sekisho_ingest::Metrics>) -> Self {
        Self {
            search_duration: Histogram::new(SEARCH_SECONDS),
            searches_cancelled: Counter::default(),
            bulk_items: Counter::default(),
            request_body_bytes: Gauge::default(),
            panics: Counter::default(),
            ingest,
        }
    }

    /// What listeners and files count.
    pub fn ingest(&self) -> &sekisho_ingest::Metrics {
        &self.ingest
    }

    /// All figures in OpenMetrics' text form; those of the engine, of sources and of site rules once they are open.
    ///
    /// # Errors
    /// Never, as far as writing to memory can't fail.
    pub fn render(&self, app: &App) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("sekisho");
        registry.register_with_unit("search_duration", "Time of searches", Unit::Seconds, self.search_duration.clone());
        registry.register("searches_cancelled", "Requests of searches given up because the client went away", self.searches_cancelled.clone());
        registry.register("bulk_items", "Operations of bulk requests", self.bulk_items.clone());
        registry.register("request_body_bytes", "Bytes of request bodies in memory", self.request_body_bytes.clone());
        registry.register("request_panics", "Requests that failed inside", self.panics.clone());
        registry.register_collector(Box::new(IngestFigures(self.ingest.clone())));
        if let Some(engine) = app.engine() {
            registry.register_collector(Box::new(EngineFigures(engine.clone())));
        }
        if let Some(ledger) = app.ledger() {
            registry.register_collector(Box::new(SourceFigures(ledger.sources())));
        }
        #[cfg(feature = "pipelines")]
        if let Some(pipelines) = app.site_rules().and_then(crate::site_rules::SiteRules::pipelines) {
            registry.register_collector(Box::new(RuleFigures(pipelines.clone())));
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// A family of one name with one label.
fn labelled<V: Into<u64>>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    is_counter: bool,
    values: impl IntoIterator<Item = (String, V)>,
) -> fmt::Result {
    let kind = if is_counter { MetricType::Counter } else { MetricType::Gauge };
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (value, number) in values {
        let labels = [(label, value)];
        let number: u64 = number.into();
        let one = family.encode_family(&labels)?;
        if is_counter { ConstCounter::new(number).encode(one)? } else { ConstGauge::new(number as i64).encode(one)? }
    }
    Ok(())
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let counter = ConstCounter::new(value);
    counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let gauge = ConstGauge::new(value as i64);
    gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// What listeners count.
#[derive(Debug)]
struct IngestFigures(Arc<sekisho_ingest::Metrics>);

impl Collector for IngestFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = &self.0;
        let by_transport =
            |count: fn(&sekisho_ingest::metrics::TransportMetrics) -> u64| TRANSPORTS.map(|it| (it.name().to_owned(), count(counts.transport(it))));
        labelled(&mut encoder, "syslog_received", "Lines received", "transport", true, by_transport(|it| it.lines.get()))?;
        labelled(
            &mut encoder,
            "syslog_received_bytes",
            "Bytes of lines received, without framing",
            "transport",
            true,
            by_transport(|it| it.bytes.get()),
        )?;
        labelled(
            &mut encoder,
            "syslog_truncated",
            "Lines of which only the head was kept",
            "transport",
            true,
            by_transport(|it| it.truncated.get()),
        )?;
        labelled(
            &mut encoder,
            "parse_failures",
            "Lines kept in syslog-unparsed",
            "reason",
            true,
            counts.unparsed().map(|(reason, count)| (reason.to_owned(), count)),
        )?;
        gauge(&mut encoder, "syslog_connections_open", "Syslog connections open now", counts.connections_open.get())?;
        counter(&mut encoder, "syslog_connections_accepted", "Syslog connections accepted", counts.connections_accepted.get())?;
        counter(
            &mut encoder,
            "syslog_connections_dropped",
            "Syslog connections closed at once because of a limit",
            counts.connections_refused.get(),
        )?;
        counter(
            &mut encoder,
            "syslog_connections_idle_closed",
            "Syslog connections closed because nothing came",
            counts.connections_idle_closed.get(),
        )?;
        counter(
            &mut encoder,
            "syslog_connections_reset",
            "Syslog connections reset because their lines may be lost",
            counts.connections_reset.get(),
        )?;
        counter(
            &mut encoder,
            "syslog_proxy_header_failures",
            "Syslog connections closed because they did not begin with a PROXY header",
            counts.proxy_header_failures.get(),
        )?;
        counter(
            &mut encoder,
            "syslog_tls_handshake_failures",
            "TLS handshakes of syslog connections that failed",
            counts.tls_handshake_failures.get(),
        )?;
        counter(
            &mut encoder,
            "syslog_handshake_timeouts",
            "Syslog connections closed because PROXY header and TLS handshake took too long",
            counts.handshake_timeouts.get(),
        )?;
        counter(&mut encoder, "syslog_tls_reloads", "Times changed certificate files came into use", counts.tls_reloads.get())?;
        counter(
            &mut encoder,
            "syslog_tls_reload_failures",
            "Times changed certificate files could not be used and the old ones stayed",
            counts.tls_reload_failures.get(),
        )?;
        let sockets = counts.udp_sockets();
        let by_socket =
            |count: fn(&sekisho_ingest::metrics::UdpSocketMetrics) -> u64| sockets.iter().map(move |it| (it.address.to_string(), count(it)));
        labelled(
            &mut encoder,
            "syslog_udp_dropped",
            "Datagrams the kernel dropped because our socket's buffer was full",
            "address",
            true,
            by_socket(|it| it.dropped.get()),
        )?;
        labelled(
            &mut encoder,
            "syslog_udp_receive_buffer_bytes",
            "Bytes of the socket's receive buffer, as the kernel granted them",
            "address",
            false,
            by_socket(|it| it.buffer_bytes),
        )?;
        if let Some(kernel) = counts.kernel_udp() {
            counter(
                &mut encoder,
                "host_udp_receive_buffer_errors",
                "Datagrams dropped because a receive buffer was full, of all programs of this machine, since we listen",
                kernel.receive_buffer_errors,
            )?;
            counter(
                &mut encoder,
                "host_udp_in_errors",
                "Datagrams that could not be delivered, of all programs of this machine, since we listen",
                kernel.in_errors,
            )?;
        }
        counter(&mut encoder, "syslog_socket_errors", "Errors of accepting and receiving", counts.socket_errors.get())?;
        counter(
            &mut encoder,
            "ingest_batches_refused",
            "Batches that the log did not take and that were offered again",
            counts.batches_refused.get(),
        )?;
        counter(&mut encoder, "ingest_lines_dropped", "Lines that were taken and may not have become durable", counts.lines_lost.get())
    }
}

/// Sources that are told apart in metrics: monitoring should not drown in label values. Those with the most lines come first.
const SOURCES_MAX: usize = 200;

/// What came from each source.
#[derive(Debug)]
struct SourceFigures(Vec<(String, Source)>);

impl Collector for SourceFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sources: Vec<&(String, Source)> = self.0.iter().collect();
        sources.sort_by_key(|it| std::cmp::Reverse(it.1.lines()));
        sources.truncate(SOURCES_MAX);
        let mut lines = encoder.encode_descriptor("source_lines", "Lines of a source", None, MetricType::Counter)?;
        for (name, source) in &sources {
            for (stream, count) in &source.streams {
                ConstCounter::new(count.lines).encode(lines.encode_family(&[("source", name), ("stream", stream)])?)?;
            }
        }
        let of = |figure: fn(&Source) -> u64| sources.iter().map(move |(name, it)| (name.clone(), figure(it)));
        let mut missing = encoder.encode_descriptor("source_missing", "Numbers missing in a source's logs of a type", None, MetricType::Gauge)?;
        for (name, source) in &sources {
            for (log_type, sequence) in &source.sequences {
                ConstGauge::new(sequence.missing() as i64).encode(missing.encode_family(&[("source", name), ("log_type", log_type)])?)?;
            }
        }
        labelled(&mut encoder, "source_truncated", "Lines of a source of which only the head was kept", "source", true, of(|it| it.truncated))?;
        labelled(&mut encoder, "source_unparsed", "Lines of a source kept in syslog-unparsed", "source", true, of(|it| it.unparsed.values().sum()))?;
        labelled(
            &mut encoder,
            "source_last_seen_timestamp_seconds",
            "When the newest line of a source came",
            "source",
            false,
            of(|it| it.last_seen_ms.max(0) as u64 / 1_000),
        )?;
        let mut skew = encoder.encode_descriptor("source_clock_skew_ms", "A source's clock less ours", None, MetricType::Gauge)?;
        for (name, source) in &sources {
            if let Some(median_ms) = source.skew.median_ms() {
                ConstGauge::new(median_ms).encode(skew.encode_family(&[("source", name)])?)?;
            }
        }
        Ok(())
    }
}

/// What site rules count.
#[cfg(feature = "pipelines")]
#[derive(Debug)]
struct RuleFigures(Arc<sekisho_ingest::pipelines::Pipelines>);

#[cfg(feature = "pipelines")]
impl Collector for RuleFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        use sekisho_ingest::pipelines::{ProgramStatus, State};
        let status = self.0.status();
        let of = |count: fn(&ProgramStatus) -> u64| status.programs.iter().map(move |it| (it.file.clone(), count(it)));
        labelled(&mut encoder, "pipeline_events_changed", "Events that a program changed", "program", true, of(|it| it.events_changed))?;
        labelled(
            &mut encoder,
            "pipeline_events_unchanged",
            "Events that a program left as they were",
            "program",
            true,
            of(|it| it.events_unchanged),
        )?;
        labelled(&mut encoder, "pipeline_events_aborted", "Events on which a program said abort", "program", true, of(|it| it.events_aborted))?;
        labelled(
            &mut encoder,
            "pipeline_events_failed",
            "Events that a program failed on; they are marked",
            "program",
            true,
            of(|it| it.events_failed),
        )?;
        let entries = status.lists.iter().map(|it| (it.name.clone(), it.entries as u64));
        labelled(&mut encoder, "list_entries", "Entries of an enrichment list in use", "list", false, entries)?;
        let states =
            status.programs.iter().map(|it| it.state).chain(status.lists.iter().map(|it| it.state)).chain(status.geoip.iter().map(|it| it.state));
        let unusable = states.filter(|it| *it != State::Active).count() + status.errors.len();
        gauge(&mut encoder, "pipeline_files_unusable", "Programs, lists, databases and folders whose newest version can't be used", unusable as u64)
    }
}

/// What the engine knows of itself.
struct EngineFigures(Engine);

impl fmt::Debug for EngineFigures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("EngineFigures")
    }
}

impl Collector for EngineFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let infos = self.0.indices();
        let mut by_stream: std::collections::BTreeMap<String, (u64, u64, u64)> = std::collections::BTreeMap::new();
        for info in &infos {
            let figures = by_stream.entry(info.stream.clone().unwrap_or_else(|| info.name.clone())).or_default();
            figures.0 += info.docs;
            figures.1 += info.bytes;
            figures.2 += info.splits as u64;
        }
        let of = |figure: fn(&(u64, u64, u64)) -> u64| by_stream.iter().map(move |(name, it)| (name.clone(), figure(it)));
        let appended = self.0.appended().into_iter().map(|(stream, count)| (stream.to_owned(), count));
        labelled(&mut encoder, "ingest_events", "Events stored from syslog and files", "stream", true, appended)?;
        labelled(&mut encoder, "documents", "Live documents", "stream", false, of(|it| it.0))?;
        labelled(&mut encoder, "storage_bytes", "Bytes of splits", "stream", false, of(|it| it.1))?;
        labelled(&mut encoder, "splits", "Splits", "stream", false, of(|it| it.2))?;
        let (removed_docs, removed_bytes) = self.0.removed();
        counter(&mut encoder, "retention_removed_documents", "Documents deleted by retention", removed_docs)?;
        counter(&mut encoder, "retention_removed_bytes", "Bytes of splits deleted by retention", removed_bytes)?;
        let disk = self.0.disk();
        if let Some(space) = disk.space {
            gauge(&mut encoder, "disk_used_bytes", "Bytes in use on the disk of the data directory", space.used)?;
            gauge(&mut encoder, "disk_available_bytes", "Bytes left for us on it", space.available)?;
        }
        gauge(&mut encoder, "disk_above_high_watermark", "Whether it is fuller than disk_high_percent", u64::from(disk.stage > DiskStage::Roomy))?;
        gauge(&mut encoder, "disk_writes_refused", "Whether writes are refused because it is too full", u64::from(disk.stage == DiskStage::Flood))?;
        gauge(&mut encoder, "wal_bytes", "Bytes of the log on disk", self.0.log_bytes())?;
        let recovery = self.0.recovery();
        gauge(&mut encoder, "recovery_replayed", "Documents read again from the log at the start", recovery.replayed)?;
        gauge(&mut encoder, "quarantined_ranges", "Damaged ranges and files set aside at the start", recovery.damage.len() as u64)?;
        let damaged: usize = infos.iter().map(|it| it.damaged).sum();
        gauge(&mut encoder, "quarantined_splits", "Splits that could not be opened", damaged as u64)?;
        labelled(&mut encoder, "build_info", "What runs", "version", false, [(env!("CARGO_PKG_VERSION").to_owned(), 1_u64)])
    }
}
