//! How fast lines become rows on one core: `cargo run --release -p sekisho-ingest --example parse_speed -- FILE [ROUNDS]`.
//!
//! Reads the file's lines into records first, so that only parsing is measured; prints the best round.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sekisho_engine::format::Format as _;
use sekisho_ingest::{LineFile, PanosSyslog, panos};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("which file?")?);
    let rounds: usize = arguments.next().map_or(Ok(5), |it| it.parse())?;
    let mut file = LineFile::open(&path)?;
    let mut records = Vec::new();
    while let Some(batch) = file.next_batch()? {
        records.extend(batch.records);
    }
    let bytes: usize = records.iter().map(Vec::len).sum();
    let parser = PanosSyslog::new();
    let parse = best(rounds, || records.iter().for_each(|it| drop(black_box(parser.parse(it)))));
    let recognise = best(rounds, || records.iter().for_each(|it| drop(black_box(panos::recognise(str::from_utf8(it).unwrap_or_default())))));
    let unparsed = records.iter().filter(|it| parser.parse(it).stream == panos::UNPARSED_STREAM).count();
    let cells: usize = records.iter().map(|it| parser.parse(it).row.len()).sum();
    let per_line = |time: Duration| time.as_nanos() as f64 / records.len() as f64;
    println!("{} lines, {} bytes and {} values a line, {unparsed} unparsed", records.len(), bytes / records.len(), cells / records.len());
    println!(
        "parse      {:>8.0} ns a line, {:>9.0} lines/s, {:.2} GB/s",
        per_line(parse),
        1e9 / per_line(parse),
        bytes as f64 / parse.as_nanos() as f64
    );
    println!("recognise  {:>8.0} ns a line", per_line(recognise));
    Ok(())
}

fn best(rounds: usize, work: impl Fn()) -> Duration {
    let round = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..rounds.max(1)).map(round).min().expect("at least one round")
}
