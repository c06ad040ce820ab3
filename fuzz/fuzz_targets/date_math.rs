#![no_main]
//! Dates, formats and date math as requests carry them: any text gives a time or an error, and never more work than its length.

use libfuzzer_sys::fuzz_target;
use sekisho_engine::clock::Timestamp;
use sekisho_engine::datetime::{DateFormat, Rounding, parse_time_zone};

fuzz_target!(|input: (&str, &str, &str, bool)| {
    let (format, date, zone, is_up) = input;
    let Ok(format) = DateFormat::parse(format) else { return };
    let Ok(zone) = parse_time_zone(zone) else { return };
    let rounding = if is_up { Rounding::Up } else { Rounding::Down };
    let _ = format.parse_date(date, rounding, &zone, Timestamp(1_795_392_000_000));
});
