#![no_main]
//! A stored record of any bytes, as a damaged disk would give it back: parsing it ends with a document.

use libfuzzer_sys::fuzz_target;
use sekisho_engine::format::Format as _;
use sekisho_engine::mapping::Mapping;
use sekisho_ingest::PanosSyslog;

fuzz_target!(|record: &[u8]| {
    PanosSyslog::new().parse(record).row.to_json(&Mapping::builtin());
});
