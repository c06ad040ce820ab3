//! The built-in data streams, and the names of backing indices.

use crate::clock::Timestamp;

/// Name patterns of the streams that have the built-in mapping ([`crate::ecs`]) and are created by their first document.
pub const BUILTIN_STREAMS: &[&str] = &["panos-*", "syslog", "syslog-unparsed"];

/// Whether a name is a built-in data stream's: it can't be the name of a plain index.
pub fn is_builtin_stream(name: &str) -> bool {
    BUILTIN_STREAMS.iter().any(|pattern| crate::mapping::simple_match(pattern, name))
}

/// The name of a stream's backing index: `.ds-panos-threat-2026.11.23-000001`.
pub(crate) fn backing_index_name(stream: &str, generation: u32, now: Timestamp) -> String {
    let date = jiff::Timestamp::from_millisecond(now.0).map(|it| it.strftime("%Y.%m.%d").to_string()).unwrap_or_else(|_| "1970.01.01".to_owned());
    format!(".ds-{stream}-{date}-{generation:06}")
}
