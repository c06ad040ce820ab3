//! `sekisho completions`: what a shell needs to complete our commands and flags.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// For one shell, as `sekisho completions bash > /etc/bash_completion.d/sekisho`.
#[derive(clap::Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<()> {
        // Into memory first: the generator panics when its reader goes away.
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "sekisho", &mut text);
        std::io::stdout().write_all(&text)?;
        Ok(())
    }
}
