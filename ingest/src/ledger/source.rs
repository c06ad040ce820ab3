//! What one device sent.

use std::collections::BTreeMap;

use sekisho_engine::ecs;
use sekisho_engine::format::Parsed;
use sekisho_engine::row::Datum;
use serde::{Deserialize, Serialize};

use super::rate::Rate;
use super::sequence::{Numbered, Sequence};
use super::skew::Skew;
use crate::panos::{self, UNPARSED_LABELS, UNPARSED_STREAM};

/// Releases told of a device; more are a sign of damaged lines.
const RELEASES_MAX: usize = 20;

/// Log types followed of a device, for the same reason.
const SEQUENCES_MAX: usize = 32;

/// Bytes of a name or address: what DNS allows. A field of a line may be as long as the line.
pub(super) const NAME_BYTES_MAX: usize = 255;

/// By what a source is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// The serial number in its lines.
    Serial,
    /// The host name in the syslog header.
    Host,
    /// The address that sent it, which may be a relay's.
    Address,
    /// A file's lines without any of these.
    Unknown,
    /// All sources that are not told apart: their lines are counted, their numbers and clocks have nothing in common.
    Others,
}

/// Lines of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamCount {
    /// Lines.
    pub lines: u64,
    /// Bytes of those lines.
    pub bytes: u64,
    /// When the newest came, UTC milliseconds.
    pub last_seen_ms: i64,
}

/// The figures of a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// By what it is known.
    pub kind: SourceKind,
    /// The host name in its lines.
    pub hostname: Option<String>,
    /// The address its newest line came from.
    pub address: Option<String>,
    /// When its first line came, UTC milliseconds.
    pub first_seen_ms: i64,
    /// When its newest line came, UTC milliseconds.
    pub last_seen_ms: i64,
    /// By stream.
    pub streams: BTreeMap<String, StreamCount>,
    /// PAN-OS releases in its lines, with when the newest came.
    pub releases: BTreeMap<String, i64>,
    /// Lines kept in `syslog-unparsed`, by reason.
    pub unparsed: BTreeMap<String, u64>,
    /// Lines of which only the head was kept.
    pub truncated: u64,
    /// Parsed lines with an `error.message`: a column that does not hold what it should, an open quote.
    pub with_errors: u64,
    /// The skew of its clock.
    pub skew: Skew,
    /// Lines a second.
    pub rate: Rate,
    /// Its own numbers, by log type.
    pub sequences: BTreeMap<String, Sequence>,
}

/// What the ledger asks of a document.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    serial: &'a str,
    header_host: &'a str,
    hostname: &'a str,
    address: &'a str,
    pub(super) received_ms: i64,
    time_ms: i64,
    taken_ms: Option<i64>,
    line: &'a str,
    is_truncated: bool,
    has_error: bool,
    log_type: &'a str,
    number: u64,
    release: i64,
    stream: &'static str,
}

impl<'a> Facts<'a> {
    /// One walk over the values: this is on the way of every line.
    pub(super) fn of(document: &'a Parsed) -> Self {
        let mut facts = Self { stream: document.stream, ..Self::default() };
        for (field, value) in document.row.values() {
            match (field, value) {
                (ecs::OBSERVER_SERIAL_NUMBER, Datum::Str(it)) => facts.serial = it,
                (ecs::LOG_SYSLOG_HOSTNAME, Datum::Str(it)) => facts.header_host = it,
                (ecs::OBSERVER_HOSTNAME, Datum::Str(it)) => facts.hostname = it,
                (ecs::LOG_SOURCE_ADDRESS, Datum::Str(it)) => facts.address = it,
                (ecs::EVENT_INGESTED, Datum::I64(it)) => facts.received_ms = it,
                (ecs::TIMESTAMP, Datum::I64(it)) => facts.time_ms = it,
                (ecs::PANOS_RECEIVED_TIME, Datum::I64(it)) => facts.taken_ms = Some(it),
                (ecs::EVENT_ORIGINAL, Datum::Str(it)) => facts.line = it,
                (ecs::SEKISHO_TRUNCATED, _) => facts.is_truncated = true,
                (ecs::ERROR_MESSAGE, _) => facts.has_error = true,
                (ecs::PANOS_TYPE, Datum::Str(it)) => facts.log_type = it,
                (ecs::PANOS_SEQUENCE_NUMBER, Datum::Str(it)) => facts.number = it.parse().unwrap_or_default(),
                (ecs::PANOS_CONFIG_VERSION, Datum::I64(it)) => facts.release = it,
                _ => {}
            }
        }
        facts
    }

    /// The source that the document counts for.
    pub(super) fn source(&self) -> (SourceKind, &'a str) {
        [(SourceKind::Serial, self.serial), (SourceKind::Host, self.header_host), (SourceKind::Address, self.address)]
            .into_iter()
            .find(|it| !it.1.is_empty())
            .unwrap_or((SourceKind::Unknown, "unknown"))
    }
}

impl Source {
    pub(super) fn new(kind: SourceKind, at_ms: i64) -> Self {
        Self {
            kind,
            hostname: None,
            address: None,
            first_seen_ms: at_ms,
            last_seen_ms: at_ms,
            streams: BTreeMap::new(),
            releases: BTreeMap::new(),
            unparsed: BTreeMap::new(),
            truncated: 0,
            with_errors: 0,
            skew: Skew::default(),
            rate: Rate::default(),
            sequences: BTreeMap::new(),
        }
    }

    /// Notes a line and tells by how many the kept gaps changed: by none more where there is no room.
    pub(super) fn note(&mut self, facts: &Facts<'_>, has_room: bool) -> isize {
        let at_ms = facts.received_ms;
        self.last_seen_ms = self.last_seen_ms.max(at_ms);
        self.rate.note(at_ms);
        let stream = slot(&mut self.streams, facts.stream, usize::MAX).expect("there are a few streams");
        *stream =
            StreamCount { lines: stream.lines + 1, bytes: stream.bytes + facts.line.len() as u64, last_seen_ms: stream.last_seen_ms.max(at_ms) };
        self.truncated += u64::from(facts.is_truncated);
        if facts.stream == UNPARSED_STREAM {
            // The parser gives a text for people; the reason's name is found again. Such lines are rare.
            let reason = panos::recognise(facts.line).err().map_or("cut", |it| UNPARSED_LABELS[it.label()]);
            *slot(&mut self.unparsed, reason, usize::MAX).expect("there are a few reasons") += 1;
        } else {
            self.with_errors += u64::from(facts.has_error && !facts.is_truncated);
        }
        if self.kind == SourceKind::Others {
            return 0;
        }
        keep(&mut self.address, facts.address);
        if facts.stream == UNPARSED_STREAM {
            return 0;
        }
        // The header of a relayed line that can't be parsed may name the relay.
        keep(&mut self.hostname, if facts.hostname.is_empty() { facts.header_host } else { facts.hostname });
        // A time that is ours says nothing of the device's clock.
        if facts.time_ms != at_ms {
            self.skew.note(at_ms, facts.time_ms);
        }
        if let Some(release) = release(facts.release)
            && let Some(seen_ms) = slot(&mut self.releases, &release, RELEASES_MAX)
        {
            *seen_ms = at_ms.max(*seen_ms);
        }
        // Zero is what a line without a number has.
        let numbered = Numbered { number: facts.number, at_ms, taken_ms: facts.taken_ms };
        let sequence = (facts.number > 0).then(|| slot(&mut self.sequences, facts.log_type, SEQUENCES_MAX)).flatten();
        sequence.map_or(0, |it| it.note(numbered, has_room))
    }

    /// Notes a line that was counted when it came and is understood only now. As [`Source::note`].
    pub(super) fn recover(&mut self, facts: &Facts<'_>, has_room: bool) -> isize {
        self.sequences.get_mut(facts.log_type).map_or(0, |it| it.recover(facts.number, has_room))
    }

    /// Adds the counts of a source that is told apart no longer.
    pub(super) fn absorb(&mut self, other: Self) {
        self.first_seen_ms = self.first_seen_ms.min(other.first_seen_ms);
        self.last_seen_ms = self.last_seen_ms.max(other.last_seen_ms);
        for (stream, it) in other.streams {
            let sum = self.streams.entry(stream).or_default();
            *sum = StreamCount { lines: sum.lines + it.lines, bytes: sum.bytes + it.bytes, last_seen_ms: sum.last_seen_ms.max(it.last_seen_ms) };
        }
        for (reason, count) in other.unparsed {
            *self.unparsed.entry(reason).or_default() += count;
        }
        self.truncated += other.truncated;
        self.with_errors += other.with_errors;
    }

    /// Gaps that are kept.
    pub(super) fn gaps_kept(&self) -> usize {
        self.sequences.values().map(Sequence::gaps_kept).sum()
    }

    pub(super) fn may_have_missed(&mut self) {
        self.sequences.values_mut().for_each(Sequence::may_have_missed);
    }

    /// Lines in all streams.
    pub fn lines(&self) -> u64 {
        self.streams.values().map(|it| it.lines).sum()
    }

    /// Bytes in all streams.
    pub fn bytes(&self) -> u64 {
        self.streams.values().map(|it| it.bytes).sum()
    }

    /// Numbers that are missing in the logs of all types.
    pub fn missing(&self) -> u64 {
        self.sequences.values().map(Sequence::missing).sum()
    }
}

/// The value under a key, added where there is room; by reference first, because nearly always it is there.
fn slot<'m, V: Default>(map: &'m mut BTreeMap<String, V>, key: &str, max: usize) -> Option<&'m mut V> {
    if !map.contains_key(key) {
        if map.len() >= max {
            return None;
        }
        map.insert(key.to_owned(), V::default());
    }
    map.get_mut(key)
}

fn keep(at: &mut Option<String>, text: &str) {
    if !text.is_empty() && text.len() <= NAME_BYTES_MAX && at.as_deref() != Some(text) {
        *at = Some(text.to_owned());
    }
}

/// The release that a line's fifth column stands for: its high byte is the major number, its low byte the minor one. 0 and 1 are of times
/// before that.
fn release(config_version: i64) -> Option<String> {
    (0x100..0x1_0000).contains(&config_version).then(|| format!("{}.{}", config_version >> 8, config_version & 0xff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_from_the_fifth_column() {
        for (number, expected) in [(2049, Some("8.1")), (2305, Some("9.1")), (2562, Some("10.2")), (2817, Some("11.1")), (1, None), (-1, None)] {
            assert_eq!(release(number).as_deref(), expected);
        }
    }
}
