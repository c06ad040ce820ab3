//! How fast lines become typed rows on one core: `cargo xtask bench parse [ROUNDS]`.
//!
//! The generator's lines by log type, made into records first, so that only parsing is measured; beside it what merely cutting the same
//! lines at their commas takes. The best round counts: what else the machine does only ever slows one down.

// A program for people.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use sekisho_benches::generate::{Generator, Options};
use sekisho_engine::format::Format as _;
use sekisho_ingest::{Envelope, PanosSyslog, Transport, panos};

/// Lines of all types together.
const LINES: u64 = 100_000;

const ROUNDS: usize = 10;

// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is measured, with how its lines are told from others.
const KINDS: [(&str, &str); 3] = [("TRAFFIC", ",TRAFFIC,"), ("URL", ",THREAT,url,"), ("THREAT", ",THREAT,")];

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(ROUNDS), |it| it.parse())?;
    let mut records: [Vec<Vec<u8>>; KINDS.len()] = Default::default();
    let mut generator = Generator::new(&Options { lines: LINES, ..Options::default() });
    let mut line = Vec::new();
    while generator.next_into(&mut line).is_some() {
        let text = str::from_utf8(&line)?;
        if let Some(at) = KINDS.iter().position(|it| text.contains(it.1)) {
            records[at].push(Envelope::new(Transport::Tcp).encode(&line));
        }
    }
    println!("{:<8} {:>7} {:>6} {:>7} {:>9} {:>12} {:>12}", "type", "lines", "bytes", "values", "ns/line", "lines/s", "bare split/s");
    let parser = PanosSyslog::new();
    for ((name, _), records) in KINDS.iter().zip(&records) {
        let count = records.len() as f64;
        let unparsed = records.iter().filter(|it| parser.parse(it).stream == panos::UNPARSED_STREAM).count();
        if unparsed > 0 {
            return Err(format!("{unparsed} lines of {name} can't be parsed: nothing was measured").into());
        }
        let bytes: usize = records.iter().map(Vec::len).sum();
        let values: usize = records.iter().map(|it| parser.parse(it).row.len()).sum();
        let parse = best(rounds, || records.iter().for_each(|it| drop(black_box(parser.parse(it)))));
        let split = best(rounds, || records.iter().for_each(|it| it.split(|it| *it == b',').for_each(|it| _ = black_box(it))));
        println!(
            "{name:<8} {:>7} {:>6.0} {:>7.0} {:>9.0} {:>12.0} {:>12.0}",
            records.len(),
            bytes as f64 / count,
            values as f64 / count,
            parse.as_nanos() as f64 / count,
            count / parse.as_secs_f64(),
            count / split.as_secs_f64()
        );
    }
    Ok(())
}

fn best(rounds: usize, work: impl Fn()) -> Duration {
    let round = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..rounds.max(1)).map(round).min().unwrap_or_default()
}
