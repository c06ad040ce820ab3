//! `sekisho backup`, `restore` and `verify`: data directories that no server has open.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use sekisho_engine::{Backup as Made, Engine};

use super::{open_data_dir, say};
use crate::backup::{make, real, restore};
use crate::config::{Config, Flags};

/// Copy a data directory that no server has open. Of a running server: POST /_sekisho/backup.
#[derive(clap::Args)]
pub(super) struct Backup {
    /// Folder for the copy: empty, or not there.
    #[arg(value_name = "DIR")]
    to: PathBuf,

    #[command(flatten)]
    flags: Flags,
}

impl Backup {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.flags)?;
        crate::logging::start(&config.log.replace("info", "warn"))?;
        if !config.data_dir.join("FORMAT").is_file() {
            bail!("{} is no data directory", config.data_dir.display());
        }
        let (engine, ledger) = open_data_dir(&config)?;
        let backup = make(&engine, &ledger, &config.data_dir, &self.to).with_context(|| self.to.display().to_string())?;
        tell(&backup);
        if !backup.damage.is_empty() {
            bail!("damaged data is not in the backup: {}", backup.damage.join("; "));
        }
        Ok(())
    }
}

/// Make a data directory from a backup; every file is verified.
#[derive(clap::Args)]
pub(super) struct Restore {
    /// The backup's folder.
    #[arg(value_name = "DIR")]
    from: PathBuf,

    #[command(flatten)]
    flags: Flags,
}

impl Restore {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.flags)?;
        let backup = restore(&self.from, &config.data_dir)?;
        tell(&backup);
        Ok(())
    }
}

/// Check every file of a data directory, or of a backup, that no server has open.
#[derive(clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    flags: Flags,
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.flags)?;
        let found = Engine::verify(&real(), &config.data_dir)?;
        say(&format!("{} indices, {} splits of {} bytes, {} records in the log", found.indices, found.splits, found.bytes, found.log_records));
        if !found.damage.is_empty() {
            bail!("damaged: {}", found.damage.join("; "));
        }
        say("no damage");
        Ok(())
    }
}

fn tell(backup: &Made) {
    say(&format!("{} indices, {} splits of {} bytes", backup.indices, backup.splits, backup.bytes));
}
