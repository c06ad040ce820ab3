//! `sekisho version`.

use std::io::Write as _;

/// Prints name and version.
pub(super) fn run() -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "sekisho {}", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
