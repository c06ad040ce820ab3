#![no_main]
//! A log line of any bytes: it becomes a document in some stream, with its text, and the document can be shown.

use libfuzzer_sys::fuzz_target;
use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::Format as _;
use sekisho_engine::mapping::Mapping;
use sekisho_ingest::{Envelope, PanosSyslog, Transport};

fuzz_target!(|line: &[u8]| {
    let envelope = Envelope { received_at: Timestamp(1_764_000_000_000), time_zone: Some("Europe/Berlin"), ..Envelope::new(Transport::Udp) };
    let parsed = PanosSyslog::new().parse(&envelope.encode(line));
    assert_eq!(parsed.row.str(ecs::EVENT_ORIGINAL), Some(&*String::from_utf8_lossy(line)));
    assert!(parsed.row.date(ecs::TIMESTAMP).is_some());
    assert!(parsed.stream.starts_with("panos-") || parsed.stream.starts_with("syslog"));
    parsed.row.to_json(&Mapping::builtin());
});
