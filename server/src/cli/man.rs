//! `sekisho man`: the manual pages, one for each command, from the same text as `--help`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::Cli;

/// The pages are called `sekisho.1`, `sekisho-serve.1` and so on.
#[derive(clap::Args)]
pub(super) struct Man {
    /// Folder to write them into; created where it does not exist.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())?;
        // Not a page for the command that clap makes itself.
        let command = Cli::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command, &self.folder).with_context(|| self.folder.display().to_string())?;
        Ok(())
    }
}
