//! `/_sekisho/sources`: who sends, how much, and what is missing. The shape of the answers is in `docs/sources.md`.

use std::sync::Arc;
use std::time::SystemTime;

use sekisho_engine::clock::Timestamp;
use sekisho_ingest::Ledger;
use sekisho_ingest::ledger::{Sequence, Source};
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;

/// Answers `GET /_sekisho/sources`: every source in short, and what the listeners dropped.
///
/// # Errors
/// 503 while the server starts.
pub async fn all(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let ledger = ledger(&call)?;
    let now_ms = now_ms();
    let sources: Vec<Value> = ledger.sources().iter().map(|(name, it)| short(name, it, now_ms)).collect();
    let counts = call.app.metrics().ingest();
    let udp: Vec<Value> = counts
        .udp_sockets()
        .iter()
        .map(|it| json!({ "address": it.address.to_string(), "receive_buffer_bytes": it.buffer_bytes, "dropped": it.dropped.get() }))
        .collect();
    let unparsed: Map<String, Value> = counts.unparsed().filter(|it| it.1 > 0).map(|(reason, count)| (reason.to_owned(), count.into())).collect();
    Ok(Reply::Json(json!({
        "sources": sources,
        "since_start": {
            "udp": udp,
            "unparsed": unparsed,
            "lines_lost": counts.lines_lost.get(),
            "connections_refused": counts.connections_refused.get(),
            "connections_reset": counts.connections_reset.get(),
        },
    })))
}

/// Answers `GET /_sekisho/sources/{name}`: one source with its gaps.
///
/// # Errors
/// 404 for a name that nothing came under; 503 while the server starts.
pub async fn one(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let name = call.part("name");
    let Some(source) = ledger(&call)?.source(name) else {
        return Err(ApiError::new(404, "resource_not_found_exception", format!("nothing came from a source [{name}]")));
    };
    let mut answer = short(name, &source, now_ms());
    let streams: Map<String, Value> = source
        .streams
        .iter()
        .map(|(stream, it)| (stream.clone(), json!({ "lines": it.lines, "bytes": it.bytes, "last_seen": rfc3339(it.last_seen_ms) })))
        .collect();
    answer["streams"] = streams.into();
    answer["sequences"] = source.sequences.iter().map(|(log_type, it)| (log_type.clone(), sequence(it))).collect::<Map<_, _>>().into();
    Ok(Reply::Json(answer))
}

fn short(name: &str, source: &Source, now_ms: i64) -> Value {
    json!({
        "name": name,
        "kind": source.kind,
        "hostname": source.hostname,
        "address": source.address,
        "first_seen": rfc3339(source.first_seen_ms),
        "last_seen": rfc3339(source.last_seen_ms),
        "lines": source.lines(),
        "bytes": source.bytes(),
        "lines_per_second": (source.rate.at(now_ms) * 1_000.0).round() / 1_000.0,
        "releases": source.releases.keys().collect::<Vec<_>>(),
        "clock_skew_ms": source.skew.median_ms(),
        "unparsed": source.unparsed,
        "truncated": source.truncated,
        "with_errors": source.with_errors,
        "missing": source.missing(),
    })
}

fn sequence(of: &Sequence) -> Value {
    let gaps: Vec<Value> = of
        .gaps()
        .map(|it| json!({ "from": it.from, "to": it.to, "missing": it.missing(), "since": rfc3339(it.since_ms), "seen": rfc3339(it.seen_ms) }))
        .collect();
    json!({ "newest": of.newest(), "missing": of.missing(), "duplicates": of.duplicates, "begun": of.begun, "gaps": gaps })
}

/// The ledger, once it is read.
pub(super) fn ledger(call: &Call) -> Result<&Arc<Ledger>, ApiError> {
    call.app.ledger().ok_or_else(|| ApiError::new(503, "cluster_block_exception", "the server is starting: the log is being replayed"))
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |it| it.as_millis() as i64)
}

fn rfc3339(time_ms: i64) -> String {
    Timestamp(time_ms).to_string()
}
