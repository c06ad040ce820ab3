//! `sekisho serve`: the server, until a signal.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{notify, runtime, say};
use crate::config::{Config, Flags};
use crate::{Server, logging};

/// Signals within this time are one.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// Settings come from flags, then from `SEKISHO_…` variables, then from the file.
#[derive(clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    flags: Flags,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.flags)?;
        logging::start(&config.log)?;
        let runtime = runtime()?;
        runtime.block_on(async {
            let mut signals = Signals::new()?;
            let server = tokio::select! {
                started = Server::start(&config) => started?,
                // Nothing was taken yet; what the log holds stays there.
                () = signals.next() => return Ok(()),
            };
            tracing::info!(data_dir = %config.data_dir.display(), "ready");
            let supervised = notify::ready();
            signals.next().await;
            notify::stopping(supervised);
            signals.stop(server).await;
            Ok(())
        })
    }
}

/// The signals that stop us.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on the signals do not end the process by themselves.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Forgets signals that have come.
    async fn drain(&mut self) {
        while tokio::time::timeout(Duration::ZERO, self.next()).await.is_ok() {}
    }

    /// Stops a server; a second signal cuts that short. What was acknowledged is in the log either way.
    pub(super) async fn stop(&mut self, server: Server) {
        tracing::info!("stopping");
        // Supervisors and terminals often send one signal twice, to the group and to the process.
        let again = async {
            tokio::time::sleep(SAME_SIGNAL).await;
            self.drain().await;
            self.next().await;
        };
        tokio::select! {
            () = server.stop() => {}
            () = again => say("stopped at once; the next start reads the log"),
        }
    }
}
