//! The log and the journal under a simulated disk that crashes, tears, fills up and rots, driven by seeds.
//!
//! The claim: what was acknowledged is there exactly once, in order, after any number of crashes, crashes while recovering included;
//! nothing appears that was not appended; what bit rot takes is named. A failure prints its seed; `SEKISHO_SIM_SEED=n` replays that
//! run alone, `SEKISHO_SIM_RUNS=n` sets how many there are.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use sekisho_engine::fs::{Fs, SimFs};
use sekisho_engine::journal::{Journal, JournalError};
use sekisho_engine::log::{LocalLog, Log, LogError, LogOptions, Recovery, Ticket};

const DIR: &str = "/data/log";
const SEGMENT_HEADER_BYTES: u64 = 8192;

/// SplitMix64, as in the simulated disk, from another start.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn bytes(&mut self, len_max: u64) -> Vec<u8> {
        let len = self.below(len_max + 1);
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Runs `run` for many seeds and names the one that fails.
fn for_seeds(runs: u64, run: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let number = |name| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let seeds = match number("SEKISHO_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEKISHO_SIM_RUNS").unwrap_or(runs),
    };
    for seed in seeds {
        if let Err(cause) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("failed with SEKISHO_SIM_SEED={seed}");
            std::panic::resume_unwind(cause);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Batch {
    count: u32,
    kind: u8,
    payload: Vec<u8>,
}

/// What the log is told, and what it has promised.
#[derive(Default)]
struct Model {
    /// By first number: durable as far as the log has said.
    acknowledged: BTreeMap<u64, Batch>,
    /// Appended, outcome unknown or not asked yet.
    open: Vec<(u64, Batch, Ticket)>,
    /// Records before it were given up.
    truncated: u64,
    /// A sync was made to fail. What it should have written is visible until the power goes, and no program can tell that it is
    /// not on the disk; so the power does go.
    is_sync_failed: bool,
}

impl Model {
    /// Moves what the log has completed: kept for good, or certain never to be seen.
    fn settle(&mut self) {
        for (first_seq, batch, ticket) in std::mem::take(&mut self.open) {
            match ticket.outcome() {
                None => self.open.push((first_seq, batch, ticket)),
                Some(Ok(())) => assert!(self.acknowledged.insert(first_seq, batch).is_none(), "{first_seq} given twice"),
                // Refused for want of space: certainly not there. A failure in the crash itself leaves the outcome open.
                Some(Err(LogError::NoSpace)) => {}
                Some(Err(_)) => self.open.push((first_seq, batch, ticket)),
            }
        }
    }

    /// Compares an opened log with the promises, then counts all it holds as promised: it has told the caller so.
    fn check_opened(&mut self, log: &LocalLog, recovery: &Recovery) {
        let seen = read_all(log, 0);
        let mut expected = None;
        for (first_seq, batch) in &seen {
            let appended = self.acknowledged.get(first_seq) == Some(batch) || self.open.iter().any(|(seq, it, _)| seq == first_seq && it == batch);
            assert!(appended, "frame {first_seq} was never appended");
            if let Some(expected) = expected.filter(|it| it != first_seq) {
                let hole = expected..*first_seq;
                let named = recovery.damage.iter().any(|it| it.seqs_lost == hole);
                assert!(named, "hole {hole:?} is not in {recovery:?}");
            }
            expected = Some(first_seq + u64::from(batch.count));
        }
        for (first_seq, batch) in &self.acknowledged {
            let is_kept = first_seq + u64::from(batch.count) > self.truncated;
            assert!(!is_kept || seen.get(first_seq) == Some(batch), "acknowledged {first_seq} is gone: {recovery:?}");
        }
        for damage in &recovery.damage {
            // A torn group may leave bad bytes before good ones; a hole without bytes would mean that files went in the wrong order.
            assert!(!damage.range.is_empty(), "a crash alone made a hole: {damage:?}");
            let promised = self.acknowledged.range(damage.seqs_lost.clone()).find(|(seq, _)| **seq >= self.truncated);
            assert!(promised.is_none(), "acknowledged {promised:?} in {damage:?}");
        }
        let end = self.acknowledged.iter().chain(&seen).map(|(seq, it)| seq + u64::from(it.count)).max();
        assert!(log.next_seq() >= end.unwrap_or(1), "numbers would be given twice");
        assert_eq!(log.next_seq(), log.synced_seq());
        assert_eq!(recovery.frames, seen.len() as u64);
        self.acknowledged = seen;
        self.open.clear();
    }
}

fn read_all(log: &LocalLog, from_seq: u64) -> BTreeMap<u64, Batch> {
    let mut seen = BTreeMap::new();
    log.replay(from_seq, &mut |frame| {
        let batch = Batch { count: frame.count, kind: frame.kind, payload: frame.payload.to_vec() };
        let last = seen.keys().next_back().copied();
        assert!(last.is_none_or(|it| it < frame.first_seq), "{} follows {last:?}", frame.first_seq);
        seen.insert(frame.first_seq, batch);
        ControlFlow::Continue(())
    })
    .expect("a log that was opened can be read");
    seen
}

fn options(rng: &mut Rng) -> LogOptions {
    LogOptions {
        segment_bytes_max: SEGMENT_HEADER_BYTES + 300 + rng.below(4_000),
        write_bytes_max: 100 + rng.below(3_000) as usize,
        queue_bytes_max: 200 + rng.below(6_000) as usize,
        salt_seed: Some(rng.next()),
        ..LogOptions::default()
    }
}

/// Uses the log until it fails or `actions` are over.
fn use_log(log: &LocalLog, fs: &SimFs, model: &mut Model, rng: &mut Rng, actions: u64) {
    for _ in 0..actions {
        match rng.below(20) {
            0..=9 => {
                let batch = Batch { count: 1 + rng.below(5) as u32, kind: rng.below(3) as u8, payload: rng.bytes(700) };
                let Ok(appended) = log.append(batch.kind, batch.count, &batch.payload) else { break };
                model.open.push((appended.first_seq, batch, appended.ticket));
            }
            10..=13 => drop(log.step()),
            14..=15 => {
                if let Some((.., ticket)) = model.open.last() {
                    drop(log.wait(ticket));
                }
            }
            16 => {
                let seq = rng.below(log.synced_seq() + 1);
                // Before the call: once asked to, the log may have removed part of it when the machine goes down.
                model.truncated = model.truncated.max(seq);
                drop(log.truncate_before(seq));
            }
            17 => {
                let room = rng.below(2_000);
                let used = log.stats().bytes;
                fs.set_bytes_max((rng.below(2) == 0).then_some(used + room));
            }
            18 if rng.below(8) == 0 => {
                fs.fail_next_sync();
                model.is_sync_failed = true;
            }
            _ => {
                model.settle();
                if fs.has_crashed() {
                    break;
                }
                // A reader sees what is durable, all of it, and nothing else.
                let from = rng.below(log.next_seq() + 1);
                let seen = read_all(log, from);
                let durable = model.acknowledged.iter().filter(|(seq, it)| {
                    let end = **seq + u64::from(it.count);
                    **seq >= log.first_seq() && end > from
                });
                assert_eq!(seen, durable.map(|(seq, it)| (*seq, it.clone())).collect());
            }
        }
        if fs.has_crashed() {
            break;
        }
    }
    model.settle();
}

/// Opens the log; a machine that goes down meanwhile is started again, as often as it takes.
fn open(fs: &mut SimFs, rng: &mut Rng) -> (LocalLog, Recovery) {
    for attempt in 0.. {
        let options = options(rng);
        match LocalLog::open_stepped(Arc::new(fs.clone()), Path::new(DIR), options) {
            Ok(opened) => return opened,
            Err(error) => {
                assert!(fs.has_crashed(), "opening failed on a working disk: {error}");
                assert!(attempt < 100);
                *fs = next_machine(fs, rng);
                fs.fail_after(rng.below(40));
            }
        }
    }
    unreachable!("the loop ends by itself")
}

/// After a power cut, or after the process alone was killed.
fn next_machine(fs: &SimFs, rng: &mut Rng) -> SimFs {
    let next = if rng.below(3) == 0 { fs.restart() } else { fs.crash() };
    next.set_bytes_max(None);
    next
}

#[test]
fn acknowledged_records_survive_any_crash_once_and_in_order() {
    for_seeds(3_000, |seed| {
        let mut rng = Rng(seed);
        let mut fs = SimFs::new(rng.next());
        let mut model = Model::default();
        for _life in 0..2 + rng.below(5) {
            fs.fail_after(rng.below(120));
            let (log, recovery) = open(&mut fs, &mut rng);
            model.check_opened(&log, &recovery);
            use_log(&log, &fs, &mut model, &mut rng, 150);
            drop(log);
            fs = match std::mem::take(&mut model.is_sync_failed) {
                true => fs.crash(),
                false => next_machine(&fs, &mut rng),
            };
            fs.set_bytes_max(None);
        }
        let (log, recovery) = open(&mut fs, &mut rng);
        model.check_opened(&log, &recovery);
    });
}

#[test]
fn equal_seeds_leave_equal_disks() {
    let run = |seed| {
        let mut rng = Rng(seed);
        let mut fs = SimFs::new(seed);
        fs.fail_after(100);
        let (log, _) = open(&mut fs, &mut rng);
        use_log(&log, &fs, &mut Model::default(), &mut rng, 500);
        let after = fs.crash();
        let files = after.list(Path::new(DIR)).unwrap();
        files.iter().map(|it| after.read(&Path::new(DIR).join(&it.name)).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(run(5), run(5));
}

#[test]
fn rotten_bytes_cost_only_the_frames_they_hit_and_are_named() {
    for_seeds(1_500, |seed| {
        let mut rng = Rng(seed);
        let mut fs = SimFs::new(rng.next());
        let mut model = Model::default();
        let (log, _) = open(&mut fs, &mut rng);
        use_log(&log, &fs, &mut model, &mut rng, 80);
        fs.set_bytes_max(None);
        if model.is_sync_failed {
            return;
        }
        while !matches!(log.step(), Ok(0)) {}
        model.settle();
        let whole = read_all(&log, 0);
        drop(log);

        // One to three places in one segment, header copies included.
        let segments = fs.list(Path::new(DIR)).unwrap();
        let Some(target) = segments.get(rng.below(segments.len().max(1) as u64) as usize) else { return };
        let is_last = segments.last() == Some(target);
        let path = Path::new(DIR).join(&target.name);
        let before = fs.read(&path).unwrap();
        for _ in 0..1 + rng.below(3) {
            let at = match rng.below(4) {
                0 => rng.below(target.bytes),
                _ => SEGMENT_HEADER_BYTES.min(target.bytes - 1) + rng.below(target.bytes.saturating_sub(SEGMENT_HEADER_BYTES).max(1)),
            };
            let len = (1 + rng.below(60)).min(target.bytes - at);
            let rot: Vec<u8> = (0..len).map(|_| rng.next() as u8).collect();
            fs.corrupt(&path, at as usize, &rot);
        }
        let after = fs.read(&path).unwrap();
        let changed: Vec<u64> = (0..before.len()).filter(|i| before[*i] != after[*i]).map(|i| i as u64).collect();

        let (log, recovery) = open(&mut fs, &mut rng);
        let seen = read_all(&log, 0);
        let lost: Vec<u64> = whole.keys().filter(|it| !seen.contains_key(it)).copied().collect();
        for (first_seq, batch) in &seen {
            assert_eq!(whole.get(first_seq), Some(batch), "frame {first_seq} was invented or changed");
        }
        let headers_hit = [0..4096, 4096..SEGMENT_HEADER_BYTES].map(|page: Range<u64>| changed.iter().any(|it| page.contains(it)));
        if headers_hit != [true, true] {
            // Each lost frame was hit itself.
            let mut at = SEGMENT_HEADER_BYTES;
            let first: u64 = target.name.to_str().unwrap()[..20].parse().unwrap();
            let following = segments.iter().map(|it| it.name.to_str().unwrap()[..20].parse::<u64>().unwrap()).find(|it| *it > first);
            for (seq, batch) in whole.range(first..following.unwrap_or(u64::MAX)) {
                let end = at + 32 + batch.payload.len() as u64;
                let is_hit = changed.iter().any(|it| (at..end).contains(it));
                assert_eq!(lost.contains(seq), is_hit, "frame {seq} at {at}..{end}: {recovery:?}");
                at = end;
            }
        }
        // Each loss is told: as damage with its numbers, or as the cut tail of the last segment.
        for seq in &lost {
            let is_named = recovery.damage.iter().any(|it| it.seqs_lost.contains(seq));
            let may_be_tail = is_last && (recovery.torn.is_some() || headers_hit == [true, true]);
            assert!(is_named || may_be_tail, "{seq} is missing without a word: {recovery:?}");
        }
        if !changed.is_empty() {
            assert!(!recovery.damage.is_empty() || recovery.torn.is_some(), "{changed:?} unnoticed");
        }
        for copy in recovery.damage.iter().filter_map(|it| it.quarantined.as_ref()) {
            assert!(fs.exists(copy).unwrap());
        }
        // And it goes on. The caller's manifest knows how far the numbers had come.
        drop(log);
        let end = whole.iter().map(|(seq, it)| seq + u64::from(it.count)).max().unwrap_or(1);
        let options = LogOptions { seq_floor: end, ..options(&mut rng) };
        let (log, _) = LocalLog::open_stepped(Arc::new(fs.clone()), Path::new(DIR), options).unwrap();
        let appended = log.append(0, 1, b"after the damage").unwrap();
        log.wait(&appended.ticket).unwrap();
        assert!(appended.first_seq >= end);
        let (log, _) = open(&mut fs.crash(), &mut rng);
        let mut expected = seen;
        expected.insert(appended.first_seq, Batch { count: 1, kind: 0, payload: b"after the damage".to_vec() });
        assert_eq!(read_all(&log, 0), expected);
    });
}

#[test]
fn journal_keeps_each_accepted_record_through_any_crash() {
    for_seeds(3_000, |seed| {
        let mut rng = Rng(seed);
        let mut fs = SimFs::new(rng.next());
        let mut accepted: Vec<Vec<u8>> = Vec::new();
        // What the call that met the crash would have made of them.
        let mut perhaps: Option<Vec<Vec<u8>>> = None;
        let dir = Path::new("/data/shard-0");
        for _life in 0..3 + rng.below(6) {
            fs.fail_after(rng.below(60));
            let opened = Journal::open(Arc::new(fs.clone()), dir, "MANIFEST");
            let (mut journal, records) = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    assert!(fs.has_crashed(), "{error}");
                    fs = next_machine(&fs, &mut rng);
                    continue;
                }
            };
            let is_known = records == accepted || perhaps.as_ref() == Some(&records);
            assert!(is_known, "{records:?} is neither {accepted:?} nor {perhaps:?}");
            accepted = records;
            perhaps = None;
            for _ in 0..40 {
                let mut next = accepted.clone();
                let result = match rng.below(10) {
                    0 => {
                        let room = rng.below(400);
                        fs.set_bytes_max((rng.below(2) == 0).then_some(journal.bytes() + room));
                        continue;
                    }
                    1 => {
                        next = (0..rng.below(4)).map(|_| rng.bytes(200)).collect();
                        journal.rewrite(&next)
                    }
                    _ => {
                        let record = rng.bytes(300);
                        next.push(record.clone());
                        journal.append(&record)
                    }
                };
                match result {
                    Ok(()) => accepted = next,
                    Err(JournalError::NoSpace { .. }) => {}
                    Err(_) => {
                        perhaps = Some(next);
                        break;
                    }
                }
            }
            drop(journal);
            fs = next_machine(&fs, &mut rng);
        }
    });
}
