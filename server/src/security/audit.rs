//! The audit stream: who logged in and who could not, what was denied, who changed users, roles and keys, who deleted. Never what was sent.
//!
//! Events pass a queue, so that no request waits for the log; what does not fit is counted and said.

use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_engine::{Condition, Engine, WriteAction, WriteOp};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::access::{Access, Actor};

/// The data stream.
pub const AUDIT_STREAM: &str = "logs-sekisho.audit-default";

/// Events that wait to be written.
const QUEUE_EVENTS: usize = 4_096;

/// Events of one write.
const BATCH_EVENTS: usize = 256;

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happened<'a> {
    /// As `event.action`.
    pub(crate) action: &'static str,
    /// As `event.outcome`.
    pub(crate) is_success: bool,
    /// As `user.name` and the key.
    pub(crate) access: &'a Access,
    /// As `source.ip`.
    pub(crate) address: Option<std::net::IpAddr>,
    /// As `http.request.method` and `url.path`.
    pub(crate) request: (&'a str, &'a str),
    /// Why it was refused, or what was changed.
    pub(crate) reason: Option<&'a str>,
}

/// Where events go.
pub(super) struct Audit {
    sender: mpsc::Sender<Value>,
    lost: AtomicU64,
}

impl Audit {
    /// A queue and its end.
    pub(super) fn new() -> (Self, mpsc::Receiver<Value>) {
        let (sender, receiver) = mpsc::channel(QUEUE_EVENTS);
        (Self { sender, lost: AtomicU64::new(0) }, receiver)
    }

    /// Notes an event.
    pub(super) fn note(&self, it: Happened<'_>) {
        if self.sender.try_send(document(it)).is_err() {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            // The first, then every thousandth: a flood of events is no reason for a flood of lines.
            if lost % 1_000 == 1 {
                tracing::warn!(lost, "audit events were lost: more come than can be written");
            }
        }
    }
}

fn document(it: Happened<'_>) -> Value {
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |it| it.as_millis() as i64);
    let mut document = json!({
        "@timestamp": now_ms,
        "event": { "kind": "event", "category": ["iam"], "dataset": "sekisho.audit", "action": it.action,
            "outcome": if it.is_success { "success" } else { "failure" } },
        "http": { "request": { "method": it.request.0 } },
        "url": { "path": it.request.1 },
        "data_stream": { "type": "logs", "dataset": "sekisho.audit", "namespace": "default" },
    });
    match it.access.actor() {
        Actor::Anyone | Actor::Nobody => {}
        Actor::User { name, roles } => document["user"] = json!({ "name": name, "roles": roles }),
        Actor::ApiKey { id, name, owner } => {
            document["user"] = json!({ "name": owner });
            document["sekisho"] = json!({ "api_key": { "id": id, "name": name } });
        }
    }
    if let Some(address) = it.address {
        document["source"] = json!({ "ip": address.to_canonical().to_string() });
    }
    if let Some(reason) = it.reason {
        document["event"]["reason"] = reason.into();
    }
    document
}

/// Writes events until `stop`, and then those that are noted already.
pub(crate) async fn write_all(mut events: mpsc::Receiver<Value>, engine: Engine, mut stop: watch::Receiver<bool>) {
    let mut batch = Vec::new();
    let mut is_stopping = false;
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|it| *it), if !is_stopping => {
                is_stopping = true;
                // What waits is still received; its end is the end.
                events.close();
                continue;
            }
            received = events.recv_many(&mut batch, BATCH_EVENTS) => {
                if received == 0 {
                    return;
                }
            }
        }
        let (engine, ops) = (engine.clone(), batch.drain(..).map(op).collect());
        let written = tokio::task::spawn_blocking(move || write(&engine, ops)).await;
        if let Err(error) = written.map_err(|error| error.to_string()).and_then(|it| it) {
            tracing::error!(%error, "audit events could not be written");
        }
    }
}

fn op(document: Value) -> WriteOp {
    let bytes = document.to_string().into_bytes();
    WriteOp { index: AUDIT_STREAM.to_owned(), id: None, action: WriteAction::Create(bytes), condition: Condition::default() }
}

fn write(engine: &Engine, ops: Vec<WriteOp>) -> Result<(), String> {
    if !engine.data_streams().contains_key(AUDIT_STREAM) {
        engine.create_data_stream(AUDIT_STREAM, None).map_err(|error| error.to_string())?;
    }
    let (_, written) = engine.write(ops).map_err(|error| error.to_string())?;
    written.wait().map_err(|error| error.to_string())
}
