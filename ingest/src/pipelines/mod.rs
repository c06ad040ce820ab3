//! Site rules: what a site does to its events before they are stored. Lists and databases first, then the programs `_all.vrl` and
//! `<stream>.vrl`.
//!
//! They run once, when a batch is received and before it is logged, and what they changed goes into the record
//! ([`crate::amendment`]): replay and `_source` never run a program. Nothing is lost here: a program can't drop an event; one that fails
//! marks the event (`tags: pipeline_error`, `error.message`) and the event goes on as it was before that program; `abort` does so without
//! a mark. A file that can't be used leaves the version before in use. Where nothing is configured nothing is done; with any rule each
//! line is parsed once more.
//!
//! ```no_run
//! use sekisho_ingest::pipelines::{Pipelines, PipelinesOptions};
//!
//! let pipelines = Pipelines::open(PipelinesOptions { pipelines_dir: Some("rules".into()), ..PipelinesOptions::default() });
//! let records: Vec<Vec<u8>> = Vec::new();
//! let amended = pipelines.amend(&records);
//! pipelines.reload(); // every few seconds
//! ```

mod deep_stack;
mod depth;
mod event;
mod folder;
mod functions;
mod geo;
mod list;
mod lists;
mod program;
mod simulate;
mod status;
#[cfg(test)]
mod test_database;
mod watched;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use sekisho_engine::ecs;
use sekisho_engine::format::Format as _;
use sekisho_engine::row::Row;

use crate::amendment::{self, Amendment};
use crate::panos::PanosSyslog;
use folder::{ActiveProgram, ProgramFolder};
use geo::{Geo, GeoFile};
use lists::{ListFolder, Shared};
use program::Outcome;

pub use list::LIST_ENTRIES_MAX;
pub use program::{PROGRAM_BYTES_MAX, PROGRAM_TIME_MAX, ProgramError};
pub use simulate::{Simulated, Simulation, SimulationError, Step, StepOutcome};
pub use status::{GeoStatus, ListStatus, ProgramStatus, State, Status};

/// Value of `tags` on an event that a program failed on.
pub const FAILED_TAG: &str = "pipeline_error";

/// Name of the program that runs on every stream, without extension.
const ALL: &str = "_all";

/// How often files are looked at.
pub const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// Where the rules are. What is `None` is not used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelinesOptions {
    /// Folder of programs: `<stream>.vrl` and `_all.vrl`.
    pub pipelines_dir: Option<PathBuf>,
    /// Folder of lists: `<name>.csv` and `<name>.txt`.
    pub lists_dir: Option<PathBuf>,
    /// Database of cities or countries.
    pub geoip_city: Option<PathBuf>,
    /// Database of autonomous systems.
    pub geoip_asn: Option<PathBuf>,
}

/// The rules of a site, kept fresh by [`Pipelines::reload`].
#[derive(Debug)]
pub struct Pipelines {
    parser: PanosSyslog,
    rules: RwLock<Arc<Rules>>,
    lists: Shared,
    sources: Mutex<Sources>,
}

/// What runs at one moment.
#[derive(Debug, Default)]
struct Rules {
    /// By stream, or [`ALL`].
    programs: Vec<(String, Arc<ActiveProgram>)>,
    geo: Geo,
}

/// The files behind the rules.
#[derive(Debug)]
struct Sources {
    programs: Option<ProgramFolder>,
    lists: Option<ListFolder>,
    city: Option<GeoFile>,
    asn: Option<GeoFile>,
}

impl Pipelines {
    /// Reads everything. Files that can't be used are told in our own log and in [`Pipelines::status`]: logs must not wait for a typing
    /// error to be found.
    pub fn open(options: PipelinesOptions) -> Self {
        let lists = Shared::default();
        let sources = Sources {
            programs: options.pipelines_dir.map(ProgramFolder::new),
            lists: options.lists_dir.map(|it| ListFolder::new(it, lists.clone())),
            city: options.geoip_city.map(GeoFile::new),
            asn: options.geoip_asn.map(GeoFile::new),
        };
        let pipelines = Self { parser: PanosSyslog::new(), rules: RwLock::default(), lists, sources: Mutex::new(sources) };
        pipelines.reload();
        pipelines
    }

    /// Reads what changed since the last time. Blocks while it reads and compiles; events go on under the rules before.
    pub fn reload(&self) {
        if let Err(error) = deep_stack::run(|| self.reload_here()) {
            tracing::error!(%error, "no thread to read site rules on");
        }
    }

    fn reload_here(&self) {
        let mut sources = self.sources();
        // Lists first: programs are compiled against their names.
        let are_lists_others = sources.lists.as_mut().is_some_and(ListFolder::reload);
        if let Some(programs) = &mut sources.programs {
            programs.reload(&self.lists, are_lists_others);
            programs.log_failures();
        }
        let Sources { city, asn, .. } = &mut *sources;
        [&mut *city, &mut *asn].into_iter().flatten().for_each(GeoFile::reload);
        let reader = |file: &Option<GeoFile>| file.as_ref().and_then(|it| it.reader.clone());
        let geo = Geo { city: reader(city), asn: reader(asn) };
        let programs = sources.programs.as_ref().map(ProgramFolder::active).unwrap_or_default();
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Rules { programs, geo });
    }

    /// The records with what the rules change in them. Without any rule these are the records themselves.
    pub fn amend<'a>(&self, records: &'a [Vec<u8>]) -> Cow<'a, [Vec<u8>]> {
        let rules = self.rules();
        if rules.is_empty() && self.lists.now().is_empty() {
            return Cow::Borrowed(records);
        }
        Cow::Owned(records.iter().map(|it| self.amend_one(&rules, it)).collect())
    }

    fn amend_one(&self, rules: &Rules, record: &[u8]) -> Vec<u8> {
        // A record that has an amendment already comes from our own store: today's rules replace it.
        let received = amendment::split(record).map_or(record, |it| it.1);
        let parsed = self.parser.parse(received);
        let amendment = self.run(rules, parsed.stream, parsed.row, None, None).amendment;
        if amendment.is_empty() { received.to_vec() } else { amendment::join(&amendment.to_json(), received) }
    }

    /// Runs everything on one event. `given` runs in the place of the stream's own program; steps are kept where somebody asks for them.
    fn run(&self, rules: &Rules, stream: &str, row: Row, given: Option<&ActiveProgram>, mut steps: Option<&mut Vec<Step>>) -> Ran {
        let mut ran = Ran { row, amendment: Amendment::default() };
        let lists = self.lists.now();
        let names = lists::names_of(&lists, &ran.row);
        if !names.is_empty() {
            let mut change = Amendment::default();
            let target = change.replace(ecs::SEKISHO_LIST);
            names.iter().for_each(|it| target.push_str(ecs::SEKISHO_LIST, it));
            ran.take(&change);
        }
        if let Some(steps) = &mut steps {
            steps.push(Step::Lists { matched: names.iter().map(|it| (*it).to_owned()).collect() });
        }
        if !rules.geo.is_empty() {
            let mut change = Amendment::default();
            rules.geo.amend(&ran.row, &mut change);
            ran.take(&change);
            if let Some(steps) = &mut steps {
                steps.push(Step::Geoip { changed: change.fields().map(str::to_owned).collect() });
            }
        }
        let of_stream = given.or_else(|| rules.program(stream));
        for program in [rules.program(ALL), of_stream].into_iter().flatten() {
            let outcome = program.program.run(&ran.row);
            match &mut steps {
                // What somebody tries out is no event.
                Some(steps) => steps.push(Step::program(&program.file, &outcome)),
                None => program.counts.count(&outcome),
            }
            match outcome {
                Outcome::Changed(change) => ran.take(&change),
                Outcome::Aborted => {}
                Outcome::Failed(error) => ran.mark(&program.file, &error),
            }
        }
        ran
    }

    fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    fn is_empty(&self) -> bool {
        self.programs.is_empty() && self.geo.is_empty()
    }

    fn program(&self, name: &str) -> Option<&ActiveProgram> {
        self.programs.iter().find(|it| it.0 == name).map(|it| &*it.1)
    }
}

/// An event so far.
struct Ran {
    row: Row,
    amendment: Amendment,
}

impl Ran {
    fn take(&mut self, change: &Amendment) {
        change.apply(&mut self.row);
        self.amendment.merge(change);
    }

    /// Marks an event that a program failed on.
    fn mark(&mut self, file: &str, error: &ProgramError) {
        let mut change = Amendment::default();
        change.add_str(&self.row, ecs::ERROR_MESSAGE, &format!("{file}: {error}"));
        let is_tagged = self.row.values().any(|it| it == (ecs::TAGS, sekisho_engine::row::Datum::Str(FAILED_TAG)));
        if !is_tagged {
            change.add_str(&self.row, ecs::TAGS, FAILED_TAG);
        }
        self.take(&change);
    }
}
