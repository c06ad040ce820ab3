//! The folder of programs, compiled again as its files change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::ALL;
use super::lists::Shared;
use super::program::{Outcome, PROGRAM_BYTES_MAX, Program, ProgramError};
use super::watched::{self, Stamp};
use crate::metrics::Count;
use crate::panos;

/// A program in use.
#[derive(Debug)]
pub(super) struct ActiveProgram {
    /// Name of its file, for messages.
    pub(super) file: String,
    pub(super) program: Program,
    pub(super) counts: Arc<Counts>,
}

/// What became of the events of one program, over all its versions.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) changed: Count,
    pub(super) unchanged: Count,
    pub(super) aborted: Count,
    pub(super) failed: Count,
    last_failure: Mutex<Option<ProgramError>>,
}

impl Counts {
    pub(super) fn count(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Changed(change) if change.is_empty() => self.unchanged.add(1),
            Outcome::Changed(_) => self.changed.add(1),
            Outcome::Aborted => self.aborted.add(1),
            Outcome::Failed(error) => {
                self.failed.add(1);
                *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
            }
        }
    }

    /// The newest failure.
    pub(super) fn last_failure(&self) -> Option<ProgramError> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One file.
#[derive(Debug)]
pub(super) struct ProgramFile {
    /// Where it is.
    pub(super) path: PathBuf,
    stamp: Option<Stamp>,
    /// The newest version that could be compiled.
    pub(super) active: Option<Arc<ActiveProgram>>,
    /// Why the newest version is not in use.
    pub(super) error: Option<ProgramError>,
    /// Counts of all versions.
    pub(super) counts: Arc<Counts>,
    failures_logged: u64,
}

/// The folder.
#[derive(Debug)]
pub(super) struct ProgramFolder {
    directory: PathBuf,
    files: BTreeMap<String, ProgramFile>,
    /// Why the folder can't be read.
    pub(super) error: Option<String>,
}

impl ProgramFolder {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, files: BTreeMap::new(), error: None }
    }

    /// Compiles what changed; everything where the lists have other names. A folder that can't be read changes nothing.
    pub(super) fn reload(&mut self, lists: &Shared, are_lists_others: bool) {
        let paths = match watched::files(&self.directory, &["vrl"]) {
            Ok(paths) => paths,
            Err(error) => {
                let error = error.to_string();
                if self.error.as_ref() != Some(&error) {
                    tracing::error!(directory = %self.directory.display(), error, "site rules can't be read");
                }
                self.error = Some(error);
                return;
            }
        };
        self.error = None;
        self.files.retain(|_, it| paths.contains(&it.path));
        for path in paths {
            self.compile(path, lists, are_lists_others);
        }
    }

    fn compile(&mut self, path: PathBuf, lists: &Shared, is_due: bool) {
        let name = watched::stem(&path);
        // Before reading: a file that is being written has another stamp the next time.
        let stamp = Stamp::of(&path);
        let file = self.files.entry(name.clone()).or_insert_with(|| ProgramFile {
            path: path.clone(),
            stamp: None,
            active: None,
            error: None,
            counts: Arc::default(),
            failures_logged: 0,
        });
        if file.stamp == stamp && stamp.is_some() && !is_due {
            return;
        }
        file.stamp = stamp;
        let file_name = format!("{name}.vrl");
        match load(&path, &name, lists) {
            Ok(program) => {
                tracing::info!(program = file_name, "site rules compiled");
                file.active = Some(Arc::new(ActiveProgram { file: file_name, program, counts: file.counts.clone() }));
                file.error = None;
            }
            Err(error) => {
                let in_use = if file.active.is_some() { "the version before" } else { "none" };
                if file.error.as_ref() != Some(&error) {
                    tracing::error!(program = file_name, %error, in_use, "site rules can't be used\n{}", error.report);
                }
                file.error = Some(error);
            }
        }
    }

    /// Says in our own log what failed since the last time: a sum, and never what lines contain.
    pub(super) fn log_failures(&mut self) {
        for file in self.files.values_mut() {
            let failed = file.counts.failed.get();
            if failed > file.failures_logged {
                let line = file.counts.last_failure().and_then(|it| it.line);
                tracing::warn!(program = %file.path.display(), events = failed - file.failures_logged, line, "site rules failed on events; they are marked");
                file.failures_logged = failed;
            }
        }
    }

    /// The programs in use, by stream.
    pub(super) fn active(&self) -> Vec<(String, Arc<ActiveProgram>)> {
        self.files.iter().filter_map(|(name, it)| Some((name.clone(), it.active.clone()?))).collect()
    }

    /// The files by the names of their streams.
    pub(super) fn files(&self) -> &BTreeMap<String, ProgramFile> {
        &self.files
    }
}

fn load(path: &std::path::Path, name: &str, lists: &Shared) -> Result<Program, ProgramError> {
    let refused = |message: String| ProgramError { line: None, column: None, report: message.clone(), message };
    // A typing error in a file's name would otherwise be a program that never runs.
    if name != ALL && !panos::streams().contains(&name) {
        let streams = panos::streams().join(", ");
        return Err(refused(format!("there is no stream [{name}]; a program is named {ALL} or after its stream, one of {streams}")));
    }
    let bytes = watched::read(path, PROGRAM_BYTES_MAX as u64).map_err(|error| refused(error.to_string()))?;
    let source = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".to_owned()))?;
    Program::compile(&source, lists)
}
