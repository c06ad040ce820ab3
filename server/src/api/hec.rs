//! `/services/collector`: Splunk's HTTP Event Collector, because firewalls' HTTP profiles and many shippers speak it. What is understood and
//! how it is answered is in `docs/hec.md`.
//!
//! A text that is a log line we can read goes the way of syslog lines. Any other event is a document. A request is read as a whole before
//! anything of it is written, and answered when all of it is durable. A document that its index refuses does not keep the others out.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sekisho_engine::clock::Timestamp;
use sekisho_engine::{Condition, WriteAction, WriteOp, WriteResult};
use sekisho_ingest::limits::LINE_BYTES_MAX;
use sekisho_ingest::{Envelope, LineSink as _, Transport, panos};
use serde_json::{Map, Value, json};

use super::bulk;
use super::call::{Call, Outcome, Params, Reply};
use super::error::ApiError;

/// Where documents go that name no index.
const INDEX: &str = "hec";

/// An answer that is no success: status, Splunk's code and text (Splunk, "HTTP Event Collector: possible error codes").
struct Refusal(u16, u8, &'static str);

const TOKEN_REQUIRED: Refusal = Refusal(401, 2, "Token is required");
const INVALID_AUTHORIZATION: Refusal = Refusal(401, 3, "Invalid authorization");
const INVALID_TOKEN: Refusal = Refusal(403, 4, "Invalid token");
const NO_DATA: Refusal = Refusal(400, 5, "No data");
const INVALID_FORMAT: Refusal = Refusal(400, 6, "Invalid data format");
const SERVER_BUSY: Refusal = Refusal(503, 9, "Server is busy");
const EVENT_MISSING: Refusal = Refusal(400, 12, "Event field is required");
const EVENT_BLANK: Refusal = Refusal(400, 13, "Event field cannot be blank");
const ACK_DISABLED: Refusal = Refusal(400, 14, "ACK is disabled");

impl Refusal {
    fn reply(self, at: Option<usize>) -> Reply {
        let Self(status, code, text) = self;
        let mut body = json!({ "text": text, "code": code });
        if let Some(at) = at {
            body["invalid-event-number"] = at.into();
        }
        Reply::Status(status, body)
    }
}

/// What of an event is not the event.
#[derive(Clone, Debug, Default)]
struct About {
    time_ms: Option<i64>,
    host: Option<String>,
    source: Option<String>,
    sourcetype: Option<String>,
    index: Option<String>,
    fields: Map<String, Value>,
}

/// Answers `POST /services/collector` and `/services/collector/event`: JSON objects, one behind the other.
///
/// # Errors
/// 400 for an unknown parameter; all else in Splunk's shape.
pub async fn event(mut call: Call) -> Outcome {
    let about = about(&mut call.params);
    call.params.finish(&call.path)?;
    if let Err(refusal) = authorise(&call) {
        return Ok(refusal.reply(None));
    }
    let mut batch = Batch::default();
    for (at, event) in serde_json::Deserializer::from_slice(&call.body).into_iter::<Map<String, Value>>().enumerate() {
        let Ok(event) = event else { return Ok(INVALID_FORMAT.reply(Some(at))) };
        if let Err(refusal) = batch.add_event(event, about.clone()) {
            return Ok(refusal.reply(Some(at)));
        }
    }
    batch.store(call).await
}

/// Answers `POST /services/collector/raw`: a line an event.
///
/// # Errors
/// 400 for an unknown parameter; all else in Splunk's shape.
pub async fn raw(mut call: Call) -> Outcome {
    let about = about(&mut call.params);
    call.params.finish(&call.path)?;
    if let Err(refusal) = authorise(&call) {
        return Ok(refusal.reply(None));
    }
    let mut batch = Batch::default();
    for line in call.body.split(|it| *it == b'\n').map(<[u8]>::trim_ascii_end).filter(|it| !it.is_empty()) {
        batch.add_text(line, about.clone());
    }
    batch.store(call).await
}

/// Answers `GET /services/collector/health`.
///
/// # Errors
/// 400 for an unknown parameter.
pub async fn health(mut call: Call) -> Outcome {
    call.params.ignore(&["ack", "token"]);
    call.params.finish(&call.path)?;
    let (status, body) = if call.app.is_ready() {
        (200, json!({ "text": "HEC is healthy", "code": 17 }))
    } else {
        (503, json!({ "text": "HEC is unhealthy", "code": 18 }))
    };
    Ok(Reply::Status(status, body))
}

/// Answers `POST /services/collector/ack`: an answer is an acknowledgement here already.
///
/// # Errors
/// 400 for an unknown parameter.
pub async fn ack(mut call: Call) -> Outcome {
    call.params.ignore(&["channel"]);
    call.params.finish(&call.path)?;
    Ok(ACK_DISABLED.reply(None))
}

fn about(params: &mut Params) -> About {
    params.ignore(&["channel", "auto_extract_timestamp"]);
    About {
        time_ms: params.take("time").and_then(|it| time_ms(&it.into())),
        host: params.take("host"),
        source: params.take("source"),
        sourcetype: params.take("sourcetype"),
        index: params.take("index"),
        fields: Map::new(),
    }
}

/// Whether the request has the token, where there is one: `Authorization: Splunk TOKEN`, or any user with it as password.
fn authorise(call: &Call) -> Result<(), Refusal> {
    let Some(token) = call.app.hec_token() else { return Ok(()) };
    let Some(given) = call.headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok()) else { return Err(TOKEN_REQUIRED) };
    let given = match given.split_once(' ') {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case("splunk") => given.trim().as_bytes().to_vec(),
        Some((scheme, given)) if scheme.eq_ignore_ascii_case("basic") => {
            let decoded = BASE64_STANDARD.decode(given.trim()).map_err(|_| INVALID_AUTHORIZATION)?;
            decoded.splitn(2, |it| *it == b':').nth(1).unwrap_or_default().to_vec()
        }
        _ => return Err(INVALID_AUTHORIZATION),
    };
    // The time says nothing of how much of it was right.
    let is_same = given.len() == token.len() && given.iter().zip(token.as_bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0;
    if is_same { Ok(()) } else { Err(INVALID_TOKEN) }
}

/// The events of a request.
#[derive(Default)]
struct Batch {
    records: Vec<Vec<u8>>,
    documents: Vec<WriteOp>,
    /// For each document, which event of the request it is.
    numbers: Vec<usize>,
    /// How many events were added.
    events_count: usize,
    /// Bytes of each line, and whether it was cut.
    counted: Vec<(u64, bool)>,
}

impl Batch {
    fn add_event(&mut self, mut object: Map<String, Value>, default: About) -> Result<(), Refusal> {
        let mut text = |key: &str| match object.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(INVALID_FORMAT),
        };
        let (host, source, sourcetype, index) = (text("host")?, text("source")?, text("sourcetype")?, text("index")?);
        let time_ms = match object.remove("time") {
            None | Some(Value::Null) => default.time_ms,
            Some(time) => Some(time_ms(&time).ok_or(INVALID_FORMAT)?),
        };
        let fields = match object.remove("fields") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(INVALID_FORMAT),
        };
        let about = About {
            time_ms,
            host: host.or(default.host),
            source: source.or(default.source),
            sourcetype: sourcetype.or(default.sourcetype),
            index: index.or(default.index),
            fields,
        };
        match object.remove("event") {
            None | Some(Value::Null) => Err(EVENT_MISSING),
            Some(Value::String(text)) if text.trim().is_empty() => Err(EVENT_BLANK),
            Some(Value::String(text)) => {
                self.add_text(text.trim_end().as_bytes(), about);
                Ok(())
            }
            Some(Value::Object(event)) => {
                self.add_document(event, about);
                Ok(())
            }
            Some(other) => {
                self.add_document(Map::from_iter([("message".to_owned(), other.to_string().into())]), about);
                Ok(())
            }
        }
    }

    fn add_text(&mut self, text: &[u8], about: About) {
        // A firewall's line or syslog is a line wherever it comes from; what is neither would only be unparsed there.
        let is_line = panos::recognise(&String::from_utf8_lossy(text)).is_ok();
        if !is_line {
            let message = String::from_utf8_lossy(text).into_owned();
            return self.add_document(Map::from_iter([("message".to_owned(), message.into())]), about);
        }
        let is_truncated = text.len() > LINE_BYTES_MAX;
        self.events_count += 1;
        self.counted.push((text.len().min(LINE_BYTES_MAX) as u64, is_truncated));
        let envelope = Envelope { received_at: now(), is_truncated, ..Envelope::new(Transport::Hec) };
        self.records.push(envelope.encode(&text[..text.len().min(LINE_BYTES_MAX)]));
    }

    fn add_document(&mut self, mut document: Map<String, Value>, about: About) {
        if !document.contains_key("@timestamp") {
            let time_ms = about.time_ms.unwrap_or_else(|| now().0);
            document.insert("@timestamp".to_owned(), Timestamp(time_ms).to_string().into());
        }
        let mut put = |path: [&str; 2], text: Option<String>| {
            let Some(text) = text else { return };
            if let Value::Object(object) = document.entry(path[0]).or_insert_with(|| json!({})) {
                object.entry(path[1]).or_insert(text.into());
            }
        };
        put(["host", "name"], about.host);
        put(["splunk", "source"], about.source);
        put(["splunk", "sourcetype"], about.sourcetype);
        for (name, value) in about.fields {
            document.entry(name).or_insert(value);
        }
        let index = about.index.unwrap_or_else(|| INDEX.to_owned());
        // Creates only, so that a data stream takes them too.
        let action = WriteAction::Create(Value::Object(document).to_string().into_bytes());
        self.numbers.push(self.events_count);
        self.events_count += 1;
        self.documents.push(WriteOp { index, id: None, action, condition: Condition::None });
    }

    /// Writes, waits until all of it is durable, and answers.
    async fn store(self, call: Call) -> Outcome {
        if self.records.is_empty() && self.documents.is_empty() {
            return Ok(NO_DATA.reply(None));
        }
        let Some(sink) = call.app.sink().cloned() else { return Ok(SERVER_BUSY.reply(None)) };
        let receipt = if self.records.is_empty() { None } else { Some(submit(sink, self.records).await?) };
        let counts = call.app.metrics().ingest().transport(Transport::Hec);
        for (bytes, is_truncated) in self.counted {
            counts.lines.add(1);
            counts.bytes.add(bytes);
            counts.truncated.add(u64::from(is_truncated));
        }
        let documents = self.documents;
        let results = call
            .app
            .blocking(move |engine| {
                let (results, written) = engine.write(documents)?;
                written.wait()?;
                Ok(results)
            })
            .await?;
        if let Some(receipt) = receipt {
            receipt.wait().await.map_err(|error| ApiError::new(503, "unavailable_shards_exception", error.to_string()))?;
        }
        Ok(answer(&results, &self.numbers))
    }
}

/// What is said of documents: `numbers` tells for each result which event of the request it is of.
fn answer(results: &[WriteResult], numbers: &[usize]) -> Reply {
    let refused = || results.iter().zip(numbers).filter(|it| !matches!(it.0, WriteResult::Created(_))).map(|it| (bulk::item(it.0), *it.1));
    // Clients try again only what may work then, and drop what is called invalid.
    let is_temporary = |item: &Value| item["status"].as_u64().is_none_or(|it| it == 429 || it >= 500);
    if refused().any(|it| is_temporary(&it.0)) {
        return SERVER_BUSY.reply(None);
    }
    match refused().next() {
        None => Reply::Json(json!({ "text": "Success", "code": 0 })),
        Some((item, number)) => {
            let Refusal(status, code, text) = INVALID_FORMAT;
            let reason = &item["error"]["reason"];
            Reply::Status(status, json!({ "text": text, "code": code, "invalid-event-number": number, "reason": reason }))
        }
    }
}

/// Gives records to the log, which may make them wait.
async fn submit(sink: Arc<crate::sink::EngineSink>, records: Vec<Vec<u8>>) -> Result<sekisho_ingest::Receipt, ApiError> {
    let submitted = tokio::task::spawn_blocking(move || sink.submit(&records)).await;
    let unavailable = |error: String| ApiError::new(503, "unavailable_shards_exception", error);
    submitted.map_err(|error| unavailable(error.to_string()))?.map_err(|error| unavailable(error.to_string()))
}

/// Seconds since 1970, whole or with a fraction, as a number or as text.
fn time_ms(time: &Value) -> Option<i64> {
    let seconds = match time {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let time_ms = (seconds * 1_000.0).round();
    // The years 1 to 9999: beyond them there is no text for a time.
    (-62_135_596_800_000.0..=253_402_300_799_999.0).contains(&time_ms).then_some(time_ms as i64)
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

#[cfg(test)]
mod tests {
    use std::io;

    use sekisho_engine::EngineError;

    use super::*;

    fn code(results: &[WriteResult]) -> (u16, Value) {
        match answer(results, &[0, 3]) {
            Reply::Status(status, body) => (status, body["code"].clone()),
            Reply::Json(body) => (200, body["code"].clone()),
            _ => panic!("no answer of the collector"),
        }
    }

    #[test]
    fn clients_drop_no_event_that_could_be_taken_later() {
        let illegal = || WriteResult::Illegal { index: "i".to_owned(), id: None, reason: "no".to_owned() };
        let error = Arc::new(EngineError::Io(io::Error::from(io::ErrorKind::StorageFull)));
        let failed = || WriteResult::Failed { index: "i".to_owned(), id: None, error: error.clone() };
        assert_eq!(code(&[]), (200, json!(0)));
        assert_eq!(code(&[illegal(), illegal()]), (400, json!(6)));
        assert_eq!(code(&[failed()]), (503, json!(9)));
        assert_eq!(code(&[illegal(), failed()]), (503, json!(9)));
    }
}
