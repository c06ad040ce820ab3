#![no_main]
//! The cloud log forwarder's columns and object: any text behind a time gives one document that keeps the line.

use libfuzzer_sys::fuzz_target;
use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::Format as _;
use sekisho_engine::mapping::Mapping;
use sekisho_ingest::{Envelope, PanosSyslog, Transport};

const PREFIX: &[u8] = b"<14>1 2021-10-27T19:21:00.034Z s logforwarder - panwlogs - ";

fuzz_target!(|rest: &[u8]| {
    let line = [PREFIX, rest].concat();
    let envelope = Envelope { received_at: Timestamp(1_795_392_000_000), time_zone: Some("Asia/Tokyo"), ..Envelope::new(Transport::Tcp) };
    let parsed = PanosSyslog::new().parse(&envelope.encode(&line));
    assert_eq!(parsed.row.str(ecs::EVENT_ORIGINAL), Some(&*String::from_utf8_lossy(&line)));
    assert_eq!(parsed.row.values().filter(|it| it.0 == ecs::TIMESTAMP).count(), 1);
    assert_eq!(parsed.stream == "syslog-unparsed", parsed.row.str(ecs::EVENT_KIND) == Some("pipeline_error"));
    assert!(!parsed.row.to_json(&Mapping::builtin()).is_empty());
});
