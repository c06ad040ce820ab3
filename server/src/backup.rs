//! Backups of a whole data directory: what the engine copies, and the small files beside it (the ledger, positions of followed files).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sekisho_engine::fs::{Fs, RealFs};
use sekisho_engine::{Backup, Engine, EngineError};
use sekisho_ingest::Ledger;

/// Files at the top of a data directory that belong to it alone, or that the engine writes itself.
const OWN_FILES: [&str; 3] = ["LOCK", "FORMAT", "BACKUP"];

/// Where the running server makes backups.
#[derive(Clone, Debug)]
pub struct BackupPlace {
    /// The server's data.
    pub data_dir: PathBuf,
    /// The folder that backups are made in, each under its own name. `None`: nobody named one, and none are made.
    pub backup_dir: Option<PathBuf>,
}

/// Makes a backup at `to`, which must be empty or not be there.
///
/// # Errors
/// As [`Engine::backup`].
pub fn make(engine: &Engine, ledger: &Ledger, data_dir: &Path, to: &Path) -> Result<Backup, EngineError> {
    let backup = engine.backup(to)?;
    // Complete as of now: gaps that a restored ledger finds are those of the time since.
    ledger.save(true)?;
    copy_small_files(data_dir, to)?;
    Ok(backup)
}

/// Makes the data directory `to` from a backup.
///
/// # Errors
/// As [`Engine::restore`].
pub fn restore(from: &Path, to: &Path) -> Result<Backup, EngineError> {
    let backup = Engine::restore(&real(), from, to)?;
    copy_small_files(from, to)?;
    Ok(backup)
}

/// The operating system's files, as the engine takes them.
pub fn real() -> Arc<dyn Fs> {
    Arc::new(RealFs)
}

fn copy_small_files(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_own = OWN_FILES.iter().any(|it| name == *it);
        // A file that is being replaced has another name until it is whole.
        let is_unfinished = Path::new(&name).extension().is_some_and(|it| it == "new" || it == "tmp");
        if entry.file_type()?.is_file() && !is_own && !is_unfinished {
            fs::copy(entry.path(), to.join(&name))?;
            fs::File::open(to.join(&name))?.sync_all()?;
        }
    }
    fs::File::open(to)?.sync_all()
}
