//! `/livez`, `/readyz`, `/startupz`: for Kubernetes and load balancers.

use super::call::{Call, Outcome, Reply};

/// Whether the process runs. It does, on a full disk as well: a restart would not help.
///
/// # Errors
/// None.
pub async fn live(_: Call) -> Outcome {
    Ok(Reply::Text(200, "text/plain; charset=UTF-8", "ok\n".to_owned()))
}

/// Whether the log has been replayed.
///
/// # Errors
/// None.
pub async fn started(call: Call) -> Outcome {
    Ok(probe(call.app.is_started(), "starting\n"))
}

/// Whether it takes work: the log was replayed, and nobody asked it to stop.
///
/// # Errors
/// None.
pub async fn ready(call: Call) -> Outcome {
    Ok(probe(call.app.is_ready(), if call.app.is_started() { "stopping\n" } else { "starting\n" }))
}

fn probe(is_well: bool, otherwise: &str) -> Reply {
    let (status, text) = if is_well { (200, "ok\n") } else { (503, otherwise) };
    Reply::Text(status, "text/plain; charset=UTF-8", text.to_owned())
}
