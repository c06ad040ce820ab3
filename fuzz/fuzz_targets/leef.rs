#![no_main]
//! LEEF as a firewall or the cloud sends it, whatever its delimiter: any text behind the vendor's name gives one document that
//! keeps the line.

use libfuzzer_sys::fuzz_target;
use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::Format as _;
use sekisho_engine::mapping::Mapping;
use sekisho_ingest::{Envelope, PanosSyslog, Transport};

const PREFIX: &[u8] = b"<14>Nov  3 07:01:51 fw LEEF:2.0|Palo Alto Networks|";

fuzz_target!(|rest: &[u8]| {
    let line = [PREFIX, rest].concat();
    let envelope = Envelope { received_at: Timestamp(1_795_392_000_000), time_zone: Some("Asia/Tokyo"), ..Envelope::new(Transport::Tcp) };
    let parsed = PanosSyslog::new().parse(&envelope.encode(&line));
    assert_eq!(parsed.row.str(ecs::EVENT_ORIGINAL), Some(&*String::from_utf8_lossy(&line)));
    assert_eq!(parsed.row.values().filter(|it| it.0 == ecs::TIMESTAMP).count(), 1);
    assert_eq!(parsed.stream == "syslog-unparsed", parsed.row.str(ecs::EVENT_KIND) == Some("pipeline_error"));
    assert!(!parsed.row.to_json(&Mapping::builtin()).is_empty());
});
