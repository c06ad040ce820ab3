//! `/_sekisho/pipelines`: what of the site's rules is in use, and a pasted line taken through them step by step. The shape of the answers
//! is in `docs/site-rules.md`.

use std::sync::Arc;

use sekisho_engine::clock::Timestamp;
use sekisho_ingest::pipelines::{Pipelines, Simulation, SimulationError};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::call::{Call, Outcome, Reply};
use super::error::ApiError;

/// Simulations at one time, in all of the process: a program that comes with one may keep a core busy for seconds, which lines need.
static SIMULATIONS: Semaphore = Semaphore::const_new(1);

/// Answers `GET /_sekisho/pipelines`.
///
/// # Errors
/// 503 while the server starts.
pub async fn status(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let pipelines = pipelines(&call)?;
    // A list that is being read holds what this asks.
    let status = on_a_thread_that_waits(move || pipelines.status()).await?;
    json(&status)
}

/// Answers `POST /_sekisho/pipelines/_simulate` with `{"line", "program"?, "stream"?}`. Nothing is stored.
///
/// # Errors
/// 400 for what can't be asked; 403 for a program where other machines reach us; 429 while another simulation runs; 503 while the server starts.
pub async fn simulate(call: Call) -> Outcome {
    call.params.finish(&call.path)?;
    let mut body = call.object()?;
    let asked = Simulation {
        line: text(&mut body, "line")?.ok_or_else(|| ApiError::illegal_argument("[line] is missing"))?,
        received_at: Timestamp(jiff::Timestamp::now().as_millisecond()),
        program: text(&mut body, "program")?,
        stream: text(&mut body, "stream")?,
    };
    if let Some(key) = body.keys().next() {
        return Err(ApiError::parsing(format!("unknown field [{key}]; there are [line], [program] and [stream]")));
    }
    // The memory of a program is not bounded, so only who may stop us anyway gives one.
    if asked.program.is_some() && call.app.hosts().is_public() {
        let reason = "[program] is taken only where HTTP listens on loopback; programs in the folder are tried without it";
        return Err(ApiError::new(403, "security_exception", reason));
    }
    let pipelines = pipelines(&call)?;
    let Ok(permit) = SIMULATIONS.try_acquire() else {
        return Err(ApiError::new(429, "es_rejected_execution_exception", "another simulation is running; try again"));
    };
    // The permit goes along: a client that leaves does not make room for a second program.
    let simulated = on_a_thread_that_waits(move || {
        let _permit = permit;
        pipelines.simulate(&asked)
    });
    match simulated.await? {
        Ok(simulated) => json(&simulated),
        Err(error @ (SimulationError::LineTooLong | SimulationError::NoStream(_))) => Err(ApiError::illegal_argument(error.to_string())),
        Err(error @ SimulationError::NoThread(_)) => Err(ApiError::new(503, "exception", error.to_string())),
    }
}

fn pipelines(call: &Call) -> Result<Arc<Pipelines>, ApiError> {
    let starting = || ApiError::new(503, "cluster_block_exception", "the server is starting: site rules are being read");
    call.app.site_rules().and_then(|it| it.pipelines()).cloned().ok_or_else(starting)
}

async fn on_a_thread_that_waits<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a request failed inside");
        ApiError::new(500, "exception", "internal error; the log says more")
    })
}

fn text(body: &mut Map<String, Value>, key: &str) -> Result<Option<String>, ApiError> {
    match body.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::illegal_argument(format!("[{key}] must be a string"))),
    }
}

fn json(answer: &impl serde::Serialize) -> Outcome {
    let value = serde_json::to_value(answer).map_err(|error| ApiError::new(500, "exception", error.to_string()))?;
    Ok(Reply::Json(value))
}
