//! What of the site's rules is in use, and what is wrong with the rest: the answer of `GET /_sekisho/pipelines`.

use serde::Serialize;

use super::folder::ProgramFile;
use super::geo::GeoFile;
use super::lists::ListFile;
use super::program::ProgramError;
use super::{ALL, Pipelines};

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Programs, by name.
    pub programs: Vec<ProgramStatus>,
    /// Lists, by name.
    pub lists: Vec<ListStatus>,
    /// Databases.
    pub geoip: Vec<GeoStatus>,
    /// Folders that can't be read, and files in them that are passed over.
    pub errors: Vec<String>,
}

/// Whether a file is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it is now.
    Active,
    /// In a version before; the newest can't be used.
    Stale,
    /// Not at all.
    Failed,
}

impl State {
    fn of(is_in_use: bool, has_error: bool) -> Self {
        match (is_in_use, has_error) {
            (true, false) => Self::Active,
            (true, true) => Self::Stale,
            (false, _) => Self::Failed,
        }
    }
}

/// A program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProgramStatus {
    /// Its file's name.
    pub file: String,
    /// Its stream; `None` for the one that runs on all.
    pub stream: Option<String>,
    /// Whether it is in use.
    pub state: State,
    /// Why the newest version is not.
    pub error: Option<ProgramError>,
    /// Events it changed.
    pub events_changed: u64,
    /// Events it left as they were.
    pub events_unchanged: u64,
    /// Events on which it said `abort`.
    pub events_aborted: u64,
    /// Events it failed on.
    pub events_failed: u64,
    /// Its newest failure on an event.
    pub last_failure: Option<ProgramError>,
}

/// A list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListStatus {
    /// The name that programs use.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Whether it is in use.
    pub state: State,
    /// Why the newest version is not.
    pub error: Option<String>,
    /// Entries in use.
    pub entries: usize,
    /// Columns beside the entries.
    pub columns: Vec<String>,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GeoStatus {
    /// Its file.
    pub file: String,
    /// Whether it is in use.
    pub state: State,
    /// Why the newest version is not.
    pub error: Option<String>,
    /// What kind it says it is.
    pub database_type: Option<String>,
    /// When it was made, seconds since 1970.
    pub build_epoch: Option<u64>,
}

impl Pipelines {
    /// What is in use, and what is wrong with the rest.
    pub fn status(&self) -> Status {
        let sources = self.sources();
        let (programs, lists) = (sources.programs.as_ref(), sources.lists.as_ref());
        Status {
            programs: programs.map(|it| it.files().iter().map(|(name, file)| program(name, file)).collect()).unwrap_or_default(),
            lists: lists.map(|it| it.files().iter().map(|(name, file)| list(name, file)).collect()).unwrap_or_default(),
            geoip: [&sources.city, &sources.asn].into_iter().flatten().map(database).collect(),
            errors: [
                programs.and_then(|it| Some(format!("pipelines_dir: {}", it.error.as_ref()?))),
                lists.and_then(|it| Some(format!("lists_dir: {}", it.error.as_ref()?))),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    }
}

fn program(name: &str, file: &ProgramFile) -> ProgramStatus {
    ProgramStatus {
        file: format!("{name}.vrl"),
        stream: (name != ALL).then(|| name.to_owned()),
        state: State::of(file.active.is_some(), file.error.is_some()),
        error: file.error.clone(),
        events_changed: file.counts.changed.get(),
        events_unchanged: file.counts.unchanged.get(),
        events_aborted: file.counts.aborted.get(),
        events_failed: file.counts.failed.get(),
        last_failure: file.counts.last_failure(),
    }
}

fn list(name: &str, file: &ListFile) -> ListStatus {
    ListStatus {
        name: name.to_owned(),
        file: file.path.display().to_string(),
        state: State::of(file.list.is_some(), file.error.is_some()),
        error: file.error.clone(),
        entries: file.list.as_ref().map_or(0, |it| it.len()),
        columns: file.list.as_ref().map(|it| it.columns().to_vec()).unwrap_or_default(),
    }
}

fn database(file: &GeoFile) -> GeoStatus {
    let metadata = file.reader.as_ref().map(|it| it.metadata());
    GeoStatus {
        file: file.path.display().to_string(),
        state: State::of(file.reader.is_some(), file.error.is_some()),
        error: file.error.clone(),
        database_type: metadata.map(|it| it.database_type.clone()),
        build_epoch: metadata.map(|it| it.build_epoch),
    }
}
