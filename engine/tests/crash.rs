//! The whole engine on a disk that crashes: from a seed, writes and background work in random order, a power cut at a random
//! change of the disk, a restart. Everything acknowledged is there, once, and nothing is that was never written.
//!
//! `SEKISHO_SIM_SEED` replays one seed, `SEKISHO_SIM_RUNS` sets how many are tried.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use sekisho_engine::clock::{ManualClock, Timestamp};
use sekisho_engine::format::{Format, FormatId, Parsed};
use sekisho_engine::fs::SimFs;
use sekisho_engine::row::Row;
use sekisho_engine::{
    Condition, Engine, EngineError, EngineOptions, ResolveOptions, SearchRequest, TrackTotalHits, WriteAction, WriteOp, WriteResult, ecs,
};

/// Lines of the form `<number>`: a document in one of two streams, at a time of its own.
struct Numbers;

impl Format for Numbers {
    fn id(&self) -> FormatId {
        FormatId(7)
    }

    fn parse(&self, record: &[u8]) -> Parsed {
        let number: u64 = std::str::from_utf8(record).unwrap().parse().unwrap();
        let mut row = Row::default();
        row.push_date(ecs::TIMESTAMP, Timestamp(1_000_000 + (number as i64 * 7_919) % 5_000));
        row.push_str(ecs::EVENT_ORIGINAL, &number.to_string());
        Parsed { stream: if number.is_multiple_of(3) { "panos-threat" } else { "panos-traffic" }, row }
    }
}

/// A small generator of numbers (splitmix64): the seed is all there is to a run.
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (it ^ (it >> 31)) % limit
    }
}

/// What was promised, and what may be there besides.
#[derive(Default)]
struct Promises {
    lines_acknowledged: BTreeSet<u64>,
    lines_written: BTreeSet<u64>,
    /// Id → values that the document may have; `None` = absent. The first entry is the acknowledged state.
    notes: BTreeMap<String, Vec<Option<u64>>>,
}

fn open(fs: &SimFs, clock: &Arc<ManualClock>) -> Result<Engine, EngineError> {
    let options =
        EngineOptions { fs: Arc::new(fs.clone()), clock: clock.clone(), background: false, threads: 1, ..EngineOptions::new(PathBuf::from("/data")) };
    Engine::open(options.with_format(Arc::new(Numbers)))
}

/// One life of the process: work until the disk dies or the plan ends. Promises are noted as they are made.
fn live(engine: &Engine, rng: &mut Rng, clock: &ManualClock, promises: &mut Promises, next: &mut u64) -> Result<(), EngineError> {
    for _ in 0..4 + rng.below(12) {
        clock.advance(std::time::Duration::from_millis(rng.below(20_000)));
        match rng.below(10) {
            0..=3 => {
                let numbers: Vec<u64> = (*next..*next + 1 + rng.below(5)).collect();
                *next += numbers.len() as u64;
                promises.lines_written.extend(&numbers);
                let records: Vec<Vec<u8>> = numbers.iter().map(|it| it.to_string().into_bytes()).collect();
                let written = engine.append_records(FormatId(7), &records)?;
                if rng.below(4) > 0 {
                    written.wait()?;
                    promises.lines_acknowledged.extend(&numbers);
                }
            }
            4..=6 => {
                let id = rng.below(6).to_string();
                let value = (rng.below(3) > 0).then_some(*next);
                *next += 1;
                let action = match value {
                    Some(value) => WriteAction::Index(format!(r#"{{"value":{value}}}"#).into_bytes()),
                    None => WriteAction::Delete,
                };
                promises.notes.entry(id.clone()).or_insert_with(|| vec![None]).push(value);
                let (results, written) =
                    engine.write(vec![WriteOp { index: "notes".to_owned(), id: Some(id.clone()), action, condition: Condition::None }])?;
                let is_done = !matches!(results[0], WriteResult::Failed { .. });
                written.wait()?;
                if is_done {
                    promises.notes.insert(id, vec![value]);
                }
            }
            7 => engine.refresh(None)?,
            8 => engine.commit()?,
            _ => engine.maintain()?,
        }
    }
    Ok(())
}

fn check(engine: &Engine, promises: &Promises) {
    let all = |expression: &str| {
        let targets = engine.resolve(expression, ResolveOptions { ignore_unavailable: true, ..ResolveOptions::default() }).unwrap();
        let request = SearchRequest { size: 5_000, track_total_hits: TrackTotalHits::All, ..SearchRequest::default() };
        let answer = engine.search(&targets, &request).unwrap();
        assert!(answer.failures.is_empty(), "{:?}", answer.failures);
        assert_eq!(answer.total.unwrap().value as usize, answer.hits.len());
        answer.hits
    };
    assert!(engine.recovery().damage.is_empty(), "a power cut damages nothing: {:?}", engine.recovery().damage);
    let mut found = BTreeSet::new();
    for hit in all("panos-*") {
        let number: u64 = hit.source.unwrap()["event"]["original"].as_str().unwrap().parse().unwrap();
        assert!(found.insert(number), "line {number} is there twice");
        assert!(promises.lines_written.contains(&number), "line {number} was never written");
        assert_eq!(hit.index.contains("threat"), number.is_multiple_of(3), "line {number} is in [{}]", hit.index);
    }
    let lost: Vec<_> = promises.lines_acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "acknowledged lines are lost: {lost:?}");
    let notes: BTreeMap<String, u64> = all("notes").into_iter().map(|it| (it.id, it.source.unwrap()["value"].as_u64().unwrap())).collect();
    for (id, possible) in &promises.notes {
        let value = notes.get(id).copied();
        assert!(possible.contains(&value), "note {id} is {value:?}, possible are {possible:?}");
    }
    assert!(notes.keys().all(|it| promises.notes.contains_key(it)));
}

fn run(seed: u64) {
    let mut rng = Rng(seed);
    let clock = Arc::new(ManualClock::new(Timestamp(1_790_000_000_000)));
    let mut fs = SimFs::new(seed);
    let mut promises = Promises::default();
    let mut next = 0;
    for _ in 0..3 {
        fs.fail_after(rng.below(400));
        // The crash may come while the directory is being opened; then there is nothing to work with.
        if let Ok(engine) = open(&fs, &clock) {
            let outcome = live(&engine, &mut rng, &clock, &mut promises, &mut next);
            assert!(outcome.is_ok() || fs.has_crashed(), "the disk works: {outcome:?}");
            fs = fs.crash();
            drop(engine);
        } else {
            assert!(fs.has_crashed(), "a disk that works can be opened");
            fs = fs.crash();
        }
        let engine = open(&fs, &clock).expect("a crashed disk can be opened");
        check(&engine, &promises);
        // What was found counts as written from here on: it was shown.
        drop(engine);
        fs = fs.restart();
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    if let Ok(seed) = std::env::var("SEKISHO_SIM_SEED") {
        return run(seed.parse().expect("a number"));
    }
    let runs: u64 = std::env::var("SEKISHO_SIM_RUNS").map_or(60, |it| it.parse().expect("a number"));
    for seed in 0..runs {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("SEKISHO_SIM_SEED={seed} replays this");
            std::panic::resume_unwind(panic);
        }
    }
}
