//! Writes generated firewall lines to standard output, one a line: for pipes, files and `nc`.
//!
//! `cargo run --release -p sekisho-benches --bin generate -- --lines 1000000 --seed 1 > million.log`

// A generator of text has to print.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use sekisho_benches::generate::{Generator, Options};

const USAGE: &str = "usage: generate [--lines N] [--seed S] [--days D] [--end RFC3339|now] [--url PER_MILLE] [--threat PER_MILLE]";

fn main() -> ExitCode {
    match options(std::env::args().skip(1)) {
        Ok(options) => match write(&options) {
            // The reader went away (`| head`): not a failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("generate: {error}");
                ExitCode::FAILURE
            }
            Ok(()) => ExitCode::SUCCESS,
        },
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn write(options: &Options) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let mut generator = Generator::new(options);
    let mut line = Vec::with_capacity(4096);
    while generator.next_into(&mut line).is_some() {
        line.push(b'\n');
        output.write_all(&line)?;
    }
    output.flush()
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} needs a whole number, got {value}"));
        let share = || number().and_then(|it| u32::try_from(it).map_err(|_| format!("{flag}: {value} is too large")));
        match flag.as_str() {
            "--lines" => options.lines = number()?,
            "--seed" => options.seed = number()?,
            "--days" => options.span = Duration::from_secs(number()?.min(36_500) * 86_400),
            "--end" if value == "now" => options.end_ms = jiff::Timestamp::now().as_millisecond(),
            "--end" => {
                options.end_ms = value
                    .parse::<jiff::Timestamp>()
                    .map_err(|error| format!("--end needs a time such as 2026-11-23T00:00:00Z: {error}"))?
                    .as_millisecond();
            }
            "--url" => options.mix.url_per_mille = share()?,
            "--threat" => options.mix.threat_per_mille = share()?,
            _ => return Err(format!("unknown flag {flag}")),
        }
    }
    Ok(options)
}
