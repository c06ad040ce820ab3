#![no_main]
//! The columns of every log type: any text behind the first four columns gives one document of that type or a reason, and keeps the line.

use libfuzzer_sys::fuzz_target;
use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::Format as _;
use sekisho_engine::mapping::Mapping;
use sekisho_ingest::panos::LOG_TYPES;
use sekisho_ingest::{Envelope, PanosSyslog, Transport};

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let log_type = LOG_TYPES[usize::from(choice) % LOG_TYPES.len()];
    // AUDIT has a header of its own and no name in it.
    let names = log_type.names.iter().map(|name| format!("1,2026/11/20 12:00:00,0018,{name},"));
    let heads: Vec<String> = names.chain(log_type.names.is_empty().then(|| "0018,2026/11/20 12:00:00,audit,".to_owned())).collect();
    let head = &heads[usize::from(choice) / LOG_TYPES.len() % heads.len()];
    let line = [head.as_bytes(), rest].concat();
    let envelope = Envelope { received_at: Timestamp(1_795_392_000_000), time_zone: Some("America/New_York"), ..Envelope::new(Transport::Tls) };
    let parsed = PanosSyslog::new().parse(&envelope.encode(&line));
    assert_eq!(parsed.row.str(ecs::EVENT_ORIGINAL), Some(&*String::from_utf8_lossy(&line)));
    assert_eq!(parsed.row.values().filter(|it| it.0 == ecs::TIMESTAMP).count(), 1);
    let is_unparsed = parsed.stream == "syslog-unparsed";
    assert_eq!(is_unparsed, parsed.row.str(ecs::EVENT_KIND) == Some("pipeline_error"));
    assert!(is_unparsed || ["", "url"].iter().any(|it| (log_type.stream)(it) == parsed.stream), "{head} in {}", parsed.stream);
    assert!(!parsed.row.to_json(&Mapping::builtin()).is_empty());
});
