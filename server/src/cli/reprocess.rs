//! `sekisho reprocess`: lines that could not be parsed are taken through this release's parser.

use super::{open_data_dir, say};
use crate::config::{Config, Flags};
use crate::reprocess;
use crate::site_rules::SiteRules;

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
        let (engine, ledger) = open_data_dir(&config)?;
        let done = reprocess::run(&engine, &SiteRules::open(&config), &ledger);
        // What moved before something failed has moved.
        ledger.save(true)?;
        engine.commit()?;
        let done = done?;
        for (stream, count) in &done.moved {
            say(&format!("{count} to {stream}"));
        }
        say(&format!("{} looked at, {} left in syslog-unparsed", done.looked_at, done.left));
        Ok(())
    }
}
