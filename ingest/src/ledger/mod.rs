//! The loss ledger: what came from each device, and what is missing.
//!
//! A device is known by its serial number; a line without one counts for the host in its header, or for the address that sent it. Of each
//! the ledger keeps lines and bytes by stream, rate, releases, the skew of its clock, lines that could not be parsed, and the gaps in the
//! numbers that PAN-OS gives its logs. It sees lines when the log has taken them, once each. It is no index: it keeps figures, in one small
//! file that is written every few seconds and at a stop, so a crash costs seconds of figures and never a line.

mod rate;
mod sequence;
mod skew;
mod source;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use sekisho_engine::format::Parsed;
use serde::{Deserialize, Serialize};

use source::{Facts, NAME_BYTES_MAX};

pub use rate::Rate;
pub use sequence::{Gap, Sequence, Track};
pub use skew::Skew;
pub use source::{Source, SourceKind, StreamCount};

/// Devices that are told apart; lines of others count for [`OTHERS`], until one that was silent for [`SILENT_MS_MIN`] makes room.
pub const SOURCES_MAX: usize = 10_000;

/// Name of all devices beyond [`SOURCES_MAX`], and of those whose own name is longer than any name is.
pub const OTHERS: &str = "_others";

/// A device that sent nothing for 30 days makes room for another: names of hosts come and go over the years.
pub const SILENT_MS_MIN: i64 = 30 * 86_400_000;

/// Gaps listed of all devices together, about 10 MiB in the file: whoever sends made-up numbers shall not fill the memory. Beyond it a new
/// gap takes the place of an older one in its own sequence; sums stay right.
pub const GAPS_KEPT_MAX: usize = 100_000;

/// The ledger of one process.
#[derive(Debug)]
pub struct Ledger {
    book: Mutex<Book>,
    path: Option<PathBuf>,
}

/// What the file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Book {
    /// Whether the process that wrote it stopped after it: what came since is in no gap then.
    is_complete: bool,
    sources: HashMap<String, Source>,
    /// Gaps in all sources.
    #[serde(skip)]
    gaps_kept: usize,
    /// Before this time nobody has been silent for long enough to make room.
    #[serde(skip)]
    full_until_ms: i64,
}

impl Ledger {
    /// A ledger that lives as long as the process.
    pub fn in_memory() -> Self {
        Self { book: Mutex::default(), path: None }
    }

    /// The ledger in that file, which need not exist. After a crash the numbers that came since the file was written are not taken for gaps.
    ///
    /// # Errors
    /// The file can't be read. One that is damaged is put aside under another name, and an empty ledger begins.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut book: Book = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).or_else(|error| {
                let aside = path.with_extension("damaged");
                tracing::warn!(%error, path = %path.display(), aside = %aside.display(), "the ledger of sources is damaged: an empty one begins");
                fs::rename(path, aside).map(|()| Book::default())
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Book::default(),
            Err(error) => return Err(error),
        };
        if !book.is_complete {
            book.sources.values_mut().for_each(Source::may_have_missed);
        }
        book.is_complete = false;
        book.gaps_kept = book.sources.values().map(Source::gaps_kept).sum();
        Ok(Self { book: Mutex::new(book), path: Some(path.to_owned()) })
    }

    /// Notes documents that the log has taken.
    pub fn observe(&self, documents: &[Parsed]) {
        let mut book = self.book();
        for it in documents {
            book.note(&Facts::of(it));
        }
    }

    /// Notes documents whose lines could not be parsed when they came: they were counted then, but their numbers are missed until now.
    pub fn recover(&self, documents: &[Parsed]) {
        let mut book = self.book();
        for it in documents {
            book.recover(&Facts::of(it));
        }
    }

    /// Every source, in the order of names.
    pub fn sources(&self) -> Vec<(String, Source)> {
        let mut sources: Vec<_> = self.book().sources.iter().map(|(name, it)| (name.clone(), it.clone())).collect();
        sources.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        sources
    }

    /// One source.
    pub fn source(&self, name: &str) -> Option<Source> {
        self.book().sources.get(name).cloned()
    }

    /// Writes the file: all of it or nothing. Blocks.
    ///
    /// # Errors
    /// The file can't be written; the one before it is still there.
    pub fn save(&self, is_last: bool) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let bytes = {
            let mut book = self.book();
            book.is_complete = is_last;
            let bytes = serde_json::to_vec(&*book);
            book.is_complete = false;
            bytes?
        };
        let temporary = path.with_extension("new");
        let mut file = File::create(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        // The name is durable with its directory.
        path.parent().map_or(Ok(()), |it| File::open(it)?.sync_all())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic while the lock is held")
    }
}

impl Book {
    fn note(&mut self, facts: &Facts<'_>) {
        let has_room = self.gaps_kept < GAPS_KEPT_MAX;
        let change = self.source(facts).note(facts, has_room);
        self.gaps_kept = self.gaps_kept.saturating_add_signed(change);
    }

    fn recover(&mut self, facts: &Facts<'_>) {
        let has_room = self.gaps_kept < GAPS_KEPT_MAX;
        let change = self.sources.get_mut(facts.source().1).map_or(0, |it| it.recover(facts, has_room));
        self.gaps_kept = self.gaps_kept.saturating_add_signed(change);
    }

    fn source(&mut self, facts: &Facts<'_>) -> &mut Source {
        let (kind, name) = facts.source();
        let is_apart = name != OTHERS && name.len() <= NAME_BYTES_MAX && (self.sources.contains_key(name) || self.has_room(facts.received_ms));
        let (kind, name) = if is_apart { (kind, name) } else { (SourceKind::Others, OTHERS) };
        if !self.sources.contains_key(name) {
            self.sources.insert(name.to_owned(), Source::new(kind, facts.received_ms));
        }
        self.sources.get_mut(name).expect("inserted above")
    }

    /// Whether one more can be told apart; makes room where somebody was silent for long.
    fn has_room(&mut self, now_ms: i64) -> bool {
        if self.sources.len() < SOURCES_MAX {
            return true;
        }
        if now_ms < self.full_until_ms {
            return false;
        }
        let apart = self.sources.iter().filter(|it| it.1.kind != SourceKind::Others);
        let Some((name, silent)) = apart.min_by_key(|it| it.1.last_seen_ms) else { return false };
        if now_ms - silent.last_seen_ms < SILENT_MS_MIN {
            // Looking through all of them for every line of a stranger would cost more than the line.
            self.full_until_ms = silent.last_seen_ms + SILENT_MS_MIN;
            return false;
        }
        let name = name.clone();
        if let Some(silent) = self.sources.remove(&name) {
            self.gaps_kept -= silent.gaps_kept();
            self.sources.entry(OTHERS.to_owned()).or_insert_with(|| Source::new(SourceKind::Others, silent.first_seen_ms)).absorb(silent);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use sekisho_engine::clock::Timestamp;
    use sekisho_engine::format::Format as _;

    use super::*;
    use crate::{Envelope, PanosSyslog, Transport};

    fn parsed(line: &str, received_ms: i64) -> Parsed {
        let peer = Some("192.0.2.1".parse().unwrap());
        let envelope = Envelope { received_at: Timestamp(received_ms), peer, ..Envelope::new(Transport::Tcp) };
        PanosSyslog::new().parse(&envelope.encode(line.as_bytes()))
    }

    /// 2026-11-20 12:00:00 UTC.
    const NOON_MS: i64 = 1_795_176_000_000;

    fn system(number: u64, received_ms: i64) -> Parsed {
        parsed(
            &format!(
                "<14>Nov 20 12:00:00 fw-1 1,2026/11/20 12:00:00,0018,SYSTEM,general,2562,2026/11/20 12:00:00,,general,,0,0,general,low,\"x\",{number},0x0"
            ),
            received_ms,
        )
    }

    #[test]
    fn a_device_is_told_by_what_it_sent() {
        let ledger = Ledger::in_memory();
        let noise = ["<13>Nov 20 12:00:00 switch-7 link: up", "<13>Nov 20 12:00:01 switch-7 1,2026/11/20 12:00:00,0018,WEATHER,x,1", "\u{1}\u{2}"];
        let mut documents: Vec<Parsed> = [1, 2, 5, 4, 9].map(|number| system(number, NOON_MS + 500)).into();
        documents.extend(noise.map(|line| parsed(line, NOON_MS)));
        ledger.observe(&documents);
        let names: Vec<_> = ledger.sources().into_iter().map(|(name, it)| (name, it.kind, it.lines())).collect();
        assert_eq!(
            names,
            [
                ("0018".to_owned(), SourceKind::Serial, 6),
                ("192.0.2.1".to_owned(), SourceKind::Address, 1),
                ("switch-7".to_owned(), SourceKind::Host, 1),
            ]
        );
        let firewall = ledger.source("0018").unwrap();
        assert_eq!(firewall.hostname.as_deref(), Some("fw-1"));
        assert_eq!(firewall.streams["panos-system"].lines, 5);
        assert_eq!(firewall.unparsed, [("unknown_type".to_owned(), 1)].into());
        assert_eq!(firewall.releases.keys().collect::<Vec<_>>(), ["10.2"]);
        assert_eq!(firewall.skew.median_ms(), Some(-500));
        let gaps: Vec<_> = firewall.sequences["SYSTEM"].gaps().map(|it| (it.from, it.to)).collect();
        assert_eq!(gaps, [(3, 3), (6, 8)]);
        assert_eq!(firewall.missing(), 4);
    }

    #[test]
    fn gaps_are_seen_over_a_stop_and_not_made_up_after_a_crash() {
        for (is_last, missing) in [(true, 7), (false, 0)] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("sources.json");
            let ledger = Ledger::open(&path).unwrap();
            ledger.observe(&[system(1, NOON_MS), system(2, NOON_MS)]);
            ledger.save(is_last).unwrap();
            let again = Ledger::open(&path).unwrap();
            again.observe(&[system(10, NOON_MS)]);
            assert_eq!(again.source("0018").unwrap().missing(), missing);
            again.observe(&[system(12, NOON_MS)]);
            assert_eq!(again.source("0018").unwrap().missing(), missing + 1, "later gaps are seen either way");
            assert_eq!(again.source("0018").unwrap().lines(), 4);
        }
    }

    #[test]
    fn lines_understood_later_are_missed_no_more_and_counted_once() {
        let ledger = Ledger::in_memory();
        ledger.observe(&[1, 2, 6].map(|number| system(number, NOON_MS)));
        ledger.recover(&[4, 5, 9].map(|number| system(number, NOON_MS)));
        ledger.recover(&[parsed("<13>Nov 20 12:00:00 switch-7 link: up", NOON_MS)]);
        let firewall = ledger.source("0018").unwrap();
        assert_eq!((firewall.missing(), firewall.lines(), ledger.sources().len()), (1, 3, 1));
    }

    #[test]
    fn a_damaged_file_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sources.json");
        fs::write(&path, "{\"sources\":").unwrap();
        assert!(Ledger::open(&path).unwrap().sources().is_empty());
        assert!(dir.path().join("sources.damaged").is_file());
    }

    #[test]
    fn devices_beyond_the_limit_are_counted_together() {
        let ledger = Ledger::in_memory();
        for number in 0..SOURCES_MAX + 5 {
            ledger.observe(&[parsed(&format!("<13>Nov 20 12:00:00 host-{number} app: x"), NOON_MS)]);
        }
        assert_eq!(ledger.sources().len(), SOURCES_MAX + 1);
        assert_eq!(ledger.source(OTHERS).unwrap().lines(), 5);
        // After a month of silence one of them makes room, and those that are not silent stay.
        let later_ms = NOON_MS + SILENT_MS_MIN;
        ledger.observe(&[parsed("<13>Dec 20 12:00:00 host-7 app: x", later_ms), system(1, later_ms), system(3, later_ms)]);
        assert_eq!((ledger.sources().len(), ledger.source("0018").unwrap().missing()), (SOURCES_MAX + 1, 1));
        assert_eq!((ledger.source("host-7").unwrap().lines(), ledger.source(OTHERS).unwrap().lines()), (2, 6));
        let lines: u64 = ledger.sources().iter().map(|it| it.1.lines()).sum();
        assert_eq!(lines, SOURCES_MAX as u64 + 5 + 3, "no line is counted twice or not at all");
    }

    #[test]
    fn names_that_are_no_names_are_not_kept_and_their_numbers_not_compared() {
        let ledger = Ledger::in_memory();
        let long = "7".repeat(NAME_BYTES_MAX + 1);
        let line = |number: u64| {
            format!(
                "<14>Nov 20 12:00:00 fw-1 1,2026/11/20 12:00:00,{long},SYSTEM,general,2562,2026/11/20 12:00:00,,general,,0,0,general,low,\"x\",{number},0x0"
            )
        };
        ledger.observe(&[parsed(&line(1), NOON_MS), parsed(&line(9), NOON_MS), parsed("<13>Nov 20 12:00:00 _others app: x", NOON_MS)]);
        let sources: Vec<_> = ledger.sources().into_iter().map(|(name, it)| (name, it.kind, it.lines(), it.missing(), it.address)).collect();
        assert_eq!(sources, [(OTHERS.to_owned(), SourceKind::Others, 3, 0, None)]);
    }

    #[test]
    fn gaps_of_all_sources_together_are_bounded_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sources.json");
        let ledger = Ledger::open(&path).unwrap();
        ledger.observe(&[1, 3].map(|number| system(number, NOON_MS)));
        ledger.book().gaps_kept = GAPS_KEPT_MAX;
        ledger.observe(&[5, 7].map(|number| system(number, NOON_MS)));
        assert_eq!(ledger.source("0018").unwrap().sequences["SYSTEM"].gaps().map(|it| it.from).collect::<Vec<_>>(), [6]);
        ledger.book().gaps_kept = 1;
        ledger.observe(&[system(9, NOON_MS)]);
        ledger.save(true).unwrap();
        let again = Ledger::open(&path).unwrap();
        assert_eq!(again.book().gaps_kept, 2);
        assert_eq!(again.source("0018").unwrap().missing(), 4);
    }

    #[test]
    fn a_device_whose_numbers_begin_again_is_followed_from_there() {
        let ledger = Ledger::in_memory();
        let at = |time: &str, number: u64| {
            parsed(&format!("1,2026/11/20 {time},0018,SYSTEM,general,2562,2026/11/20 {time},,general,,0,0,general,low,\"x\",{number},0x0"), NOON_MS)
        };
        ledger.observe(&[at("12:00:00", 5_000), at("12:20:00", 1), at("12:20:01", 4), at("12:00:00", 5_000)]);
        let sequence = &ledger.source("0018").unwrap().sequences["SYSTEM"];
        assert_eq!(sequence.gaps().map(|it| (it.from, it.to)).collect::<Vec<_>>(), [(2, 3)]);
        assert_eq!((sequence.begun, sequence.duplicates), (2, 1));
    }
}
