//! The PAN-OS parser: a stored record in, a stream and a typed row out.
//!
//! A line goes header → columns → the type's table → what follows from several columns. It never fails: a line that can't be read is a
//! document in `syslog-unparsed` with its reason and whatever could be made out. Facts about lines and columns come from the PAN-OS
//! syslog reference; tables are data (`types/`), concepts that several types share are one file each. Lines of other formats are put in
//! the CSV's columns first (`formats/`); syslog that is no firewall's goes its own way ([`crate::generic`]).

mod actions;
mod addresses;
mod columns;
mod description;
mod digest;
mod direction;
mod duration;
mod email;
mod event;
mod flags;
mod formats;
mod forwarded;
mod http2;
mod layout;
mod log_type;
mod nat;
mod network_type;
mod session_key;
mod severity;
mod threat_name;
pub(crate) mod time;
mod types;
mod url;
mod users;

use std::sync::Arc;

use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::{Format, FormatId, Parsed};
use sekisho_engine::row::Row;

use crate::amendment;
use crate::envelope::Envelope;
use crate::generic;
use crate::limits::{LINE_BYTES_MAX, PAIRS_MAX};
use crate::lossy;
use crate::syslog::header;
use columns::Columns;
use event::Event;
use log_type::{HEADER, SUBTYPE};
use time::Zones;

pub use formats::{Named, NamedFormat};
pub use layout::{Recognised, UNPARSED_LABELS, Unparsed, recognise};
pub use log_type::LogType;

/// Every log type that has a table. One line per file in `types/`.
pub const LOG_TYPES: &[&LogType] = &[
    &types::TRAFFIC,
    &types::THREAT,
    &types::SYSTEM,
    &types::CONFIG,
    &types::AUDIT,
    &types::GLOBALPROTECT,
    &types::USERID,
    &types::HIPMATCH,
    &types::DECRYPTION,
    &types::AUTHENTICATION,
    &types::CORRELATION,
    &types::IPTAG,
    &types::GTP,
    &types::SCTP,
    &types::TUNNEL,
];

/// The stream of lines that can't be parsed.
pub const UNPARSED_STREAM: &str = "syslog-unparsed";

/// Every stream that lines go to, in order of names.
pub fn streams() -> Vec<&'static str> {
    // A stream depends on the subtype only where URL logs part from other threats.
    let of_types = LOG_TYPES.iter().flat_map(|it| ["", "url"].map(it.stream));
    let mut streams: Vec<_> = of_types.chain([generic::STREAM, UNPARSED_STREAM]).collect();
    streams.sort_unstable();
    streams.dedup();
    streams
}

/// The parser of [`Envelope`] records that hold PAN-OS syslog lines.
#[derive(Debug, Default)]
pub struct PanosSyslog {
    zones: Zones,
}

impl PanosSyslog {
    /// The parser's number in logs and documents.
    pub const ID: FormatId = FormatId(1);

    /// A parser.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Format for PanosSyslog {
    fn id(&self) -> FormatId {
        Self::ID
    }

    fn parse(&self, record: &[u8]) -> Parsed {
        match amendment::split(record) {
            Ok((None, record)) => self.parse_received(record),
            Ok((Some(stored), record)) => {
                let mut parsed = self.parse_received(record);
                amendment::apply_stored(stored, &mut parsed.row);
                parsed
            }
            Err(error) => damaged(record, error.into()),
        }
    }
}

impl PanosSyslog {
    /// The document of a record as it was received.
    fn parse_received(&self, record: &[u8]) -> Parsed {
        let (envelope, line) = match Envelope::decode(record) {
            Ok(parts) => parts,
            Err(error) => return damaged(record, error.into()),
        };
        let text = lossy::text(line);
        let zone = self.zones.get(envelope.time_zone);
        match recognise(&text) {
            Ok(Recognised::Csv { csv, log_type }) => {
                let source = Source { header: &text[..csv], has_columns: true, parser: "panos", extra: &[], pairs_dropped: 0 };
                let columns = Columns::split(&text[csv..]);
                if columns.len() < log_type.columns_min {
                    let reason = Unparsed::Cut { count: columns.len(), min: log_type.columns_min, csv };
                    return unparsed(&envelope, &text, &zone, &reason);
                }
                parsed(&envelope, &text, log_type, &columns, &zone, &source)
            }
            Ok(Recognised::Named(named)) => match formats::fill(&text, &named) {
                Ok(filled) => {
                    let parser = named.format.parser();
                    let header = &text[..named.start];
                    let source = Source { header, has_columns: false, parser, extra: &filled.extra, pairs_dropped: filled.pairs_dropped };
                    let zone = filled.time_zone.as_deref().map_or(zone, |it| self.zones.get(Some(it)));
                    parsed(&envelope, &text, named.log_type, &Columns::split(&filled.csv), &zone, &source)
                }
                Err(reason) => unparsed(&envelope, &text, &zone, &reason),
            },
            Ok(Recognised::Syslog) => {
                let mut row = new_row(&text);
                push_envelope(&mut row, &envelope, &text);
                generic::fill(&mut row, &text, envelope.received_at, &zone);
                Parsed { stream: generic::STREAM, row }
            }
            Err(reason) => unparsed(&envelope, &text, &zone, &reason),
        }
    }
}

/// What a line is beside its columns.
struct Source<'a> {
    /// What stands before it.
    header: &'a str,
    /// Whether the columns are the text behind the header, as it stands.
    has_columns: bool,
    /// `sekisho.parser`.
    parser: &'static str,
    /// Values that have no column.
    extra: &'a [String],
    /// Values that were too many to keep.
    pairs_dropped: usize,
}

/// The document of a line whose columns are known.
fn parsed(envelope: &Envelope<'_>, text: &str, log_type: &'static LogType, columns: &Columns<'_>, zone: &time::Zone, source: &Source<'_>) -> Parsed {
    let mut event = Event::new(columns, new_row(text), zone);
    let original = event.row.text_end();
    push_envelope(&mut event.row, envelope, text);
    if source.has_columns {
        event = event.with_columns_at(original + source.header.len());
    }
    push_constants(&mut event.row, source.parser);
    event.row.push_str(ecs::EVENT_KIND, log_type.kind);
    log_type.category.iter().for_each(|it| event.row.push_str(ecs::EVENT_CATEGORY, it));
    event.fill(log_type.header);
    event.fill(log_type.columns);
    (log_type.derive)(&mut event);
    push_extra(&mut event, log_type.columns_known);
    source.extra.iter().for_each(|it| event.row.push_str(ecs::PANOS_EXTRA, it));
    if source.pairs_dropped > 0 {
        event.row.push_str(ecs::ERROR_MESSAGE, &format!("more than {PAIRS_MAX} values in the line: the others are only in event.original"));
    }
    let head = push_header(&mut event.row, source.header);
    if let Some(host) = head.hostname.filter(|_| event.row.get(ecs::OBSERVER_HOSTNAME).is_none()) {
        event.row.push_str(ecs::OBSERVER_HOSTNAME, host);
    }
    if let Some(column) = columns.unterminated {
        event.row.push_str(ecs::ERROR_MESSAGE, &format!("line cut in column {column}: its quote is not closed"));
    }
    let time = event.high_resolution.or_else(|| event.row.date(ecs::PANOS_RECEIVED_TIME)).or_else(|| event.row.date(ecs::PANOS_GENERATED_TIME));
    event.row.push_date(ecs::TIMESTAMP, time.unwrap_or(envelope.received_at));
    Parsed { stream: (log_type.stream)(columns.raw(SUBTYPE)), row: event.row }
}

/// Room for the line and its values, most of which are parts of the line.
fn new_row(text: &str) -> Row {
    Row::with_capacity(text.len() + 768, 112)
}

fn push_envelope(row: &mut Row, envelope: &Envelope<'_>, text: &str) {
    row.push_str(ecs::EVENT_ORIGINAL, text);
    row.push_date(ecs::EVENT_INGESTED, envelope.received_at);
    if let Some(peer) = envelope.peer {
        row.push_str(ecs::LOG_SOURCE_ADDRESS, &peer.to_canonical().to_string());
    }
    if envelope.is_truncated {
        row.push_bool(ecs::SEKISHO_TRUNCATED, true);
        let limit = if text.len() >= LINE_BYTES_MAX { format!(": longer than {LINE_BYTES_MAX} bytes") } else { String::new() };
        row.push_str(ecs::ERROR_MESSAGE, &format!("line cut by the receiver{limit}"));
    }
}

fn push_constants(row: &mut Row, parser: &str) {
    for (field, value) in [
        (ecs::EVENT_MODULE, "panw"),
        (ecs::EVENT_DATASET, "panw.panos"),
        (ecs::OBSERVER_VENDOR, "Palo Alto Networks"),
        (ecs::OBSERVER_PRODUCT, "PAN-OS"),
        (ecs::OBSERVER_TYPE, "firewall"),
        (ecs::SEKISHO_PARSER, parser),
    ] {
        row.push_str(field, value);
    }
}

fn push_header<'a>(row: &mut Row, text: &'a str) -> header::Header<'a> {
    let head = header::scan(text);
    if let Some(priority) = head.priority {
        row.push_i64(ecs::LOG_SYSLOG_PRIORITY, i64::from(priority));
    }
    if let Some(hostname) = head.hostname {
        row.push_str(ecs::LOG_SYSLOG_HOSTNAME, hostname);
    }
    if let Some(appname) = head.appname {
        row.push_str(ecs::LOG_SYSLOG_APPNAME, appname);
    }
    head
}

/// Columns of a newer release are kept in order, the empty ones left out.
fn push_extra(event: &mut Event<'_>, columns_known: usize) {
    for index in columns_known..event.columns.len() {
        let text = event.columns.text(index);
        if !text.is_empty() {
            event.row.push_str(ecs::PANOS_EXTRA, &text);
        }
    }
}

/// A line that can't be parsed: its text, the reason, and the shared columns where it has them. Its time is that of receipt.
fn unparsed(envelope: &Envelope<'_>, text: &str, zone: &time::Zone, reason: &Unparsed) -> Parsed {
    let mut row = new_row(text);
    row.push_date(ecs::TIMESTAMP, envelope.received_at);
    push_envelope(&mut row, envelope, text);
    row.push_str(ecs::EVENT_KIND, "pipeline_error");
    row.push_str(ecs::ERROR_MESSAGE, &reason.to_string());
    if let Some(csv) = reason.csv() {
        push_header(&mut row, &text[..csv]);
        push_constants(&mut row, "panos");
        let columns = Columns::split(&text[csv..]);
        let mut event = Event::new(&columns, row, zone);
        event.fill(HEADER);
        row = event.row;
    } else {
        row.push_str(ecs::SEKISHO_PARSER, "syslog");
        push_header(&mut row, text);
    }
    Parsed { stream: UNPARSED_STREAM, row }
}

/// A record that no release wrote: all its bytes are the line, and nothing is known of its time.
fn damaged(record: &[u8], reason: Unparsed) -> Parsed {
    let text = lossy::text(record);
    let mut row = new_row(&text);
    row.push_date(ecs::TIMESTAMP, Timestamp(0));
    row.push_str(ecs::EVENT_ORIGINAL, &text);
    row.push_str(ecs::EVENT_KIND, "pipeline_error");
    row.push_str(ecs::ERROR_MESSAGE, &reason.to_string());
    Parsed { stream: UNPARSED_STREAM, row }
}

/// A parser behind the engine's interface, ready for `EngineOptions::with_format`.
pub fn format() -> Arc<dyn Format> {
    Arc::new(PanosSyslog::new())
}
