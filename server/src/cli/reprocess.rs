//! `sekisho reprocess`: lines that could not be parsed are taken through this release's parser.

use anyhow::Context as _;
use sekisho_engine::Engine;

use super::say;
use crate::config::{Config, Flags};
use crate::reprocess;
use crate::server::engine_options;

/// Lines in `syslog-unparsed` that this release understands move to their streams. For a running server: POST /_sekisho/reprocess.
#[derive(clap::Args)]
pub(super) struct Reprocess {
    #[command(flatten)]
    flags: Flags,
}

impl Reprocess {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.flags)?;
        crate::logging::start(&config.log.replace("info", "warn"))?;
        let engine = Engine::open(engine_options(&config)).with_context(|| format!("data directory {}", config.data_dir.display()))?;
        let done = reprocess::run(&engine)?;
        engine.commit()?;
        for (stream, count) in &done.moved {
            say(&format!("{count} to {stream}"));
        }
        say(&format!("{} looked at, {} left in syslog-unparsed", done.looked_at, done.left));
        Ok(())
    }
}
