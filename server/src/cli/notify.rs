//! Telling systemd how we are, where it asked to be told (`Type=notify`): ready, stopping, and alive in between.
//!
//! Elsewhere nothing happens. A unit that starts after ours finds listeners that take lines, and a runtime whose tasks do not run any
//! more is ended by the watchdog.

use sd_notify::NotifyState;
use tokio::task::JoinHandle;

/// The task that keeps the watchdog quiet, where one watches.
#[derive(Debug)]
pub(super) struct Supervised(Option<JoinHandle<()>>);

/// Says that everything listens, and from now on that we are alive. Needs a runtime.
pub(super) fn ready() -> Supervised {
    tell(&[NotifyState::Ready]);
    Supervised(sd_notify::watchdog_enabled().map(|within| {
        // Twice as often as is asked for: one late tick is none too many.
        let mut ticks = tokio::time::interval(within / 2);
        tokio::spawn(async move {
            loop {
                ticks.tick().await;
                tell(&[NotifyState::Watchdog]);
            }
        })
    }))
}

/// Says that we stop. The watchdog goes on being told: the last commit may take longer than it waits.
pub(super) fn stopping(supervised: Supervised) {
    tell(&[NotifyState::Stopping]);
    // The task ends with the runtime.
    drop(supervised.0);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the supervisor can't be told how we are");
    }
}
