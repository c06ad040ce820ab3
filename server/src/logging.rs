//! Our own log: on standard error, for people on a terminal, as JSON elsewhere.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts the log. A second call changes nothing.
///
/// # Errors
/// When the filter is none.
pub fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_span_events(FmtSpan::NONE);
    if std::io::stderr().is_terminal() {
        let _ = log.with_target(false).try_init();
    } else {
        let _ = log.json().flatten_event(true).try_init();
    }
    Ok(())
}
