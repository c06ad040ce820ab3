//! A pasted line taken through the rules step by step, and stored nowhere: the answer of `POST /_sekisho/pipelines/_simulate`.

use std::sync::Arc;

use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;
use sekisho_engine::format::Format as _;
use sekisho_engine::row::Row;
use serde::Serialize;
use serde_json::{Map, Value};

use super::folder::{ActiveProgram, Counts};
use super::program::{Outcome, Program, ProgramError};
use super::{Pipelines, deep_stack};
use crate::amendment::MAPPING;
use crate::envelope::{Envelope, Transport};
use crate::limits::LINE_BYTES_MAX;
use crate::panos;

/// Name of a program that came with the question.
const GIVEN: &str = "(given)";

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Simulation {
    /// The line as a device sends it.
    pub line: String,
    /// When it would have come.
    pub received_at: Timestamp,
    /// A program that runs in the place of the stream's own; it need not be anywhere.
    pub program: Option<String>,
    /// The stream whose program runs; without it, the stream that the line belongs to.
    pub stream: Option<String>,
}

/// What can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// Longer than a listener takes.
    #[error("[line] has more than {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// No such stream.
    #[error("[stream]: there is no stream [{0}]")]
    NoStream(String),
    /// Try again.
    #[error("no thread to run on: {0}")]
    NoThread(#[from] std::io::Error),
}

/// What became of the line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Simulated {
    /// What stood before the message.
    pub header: Map<String, Value>,
    /// The stream that the line belongs to.
    pub stream: String,
    /// The document that the parser made.
    pub parsed: Map<String, Value>,
    /// What the rules did, in their order.
    pub steps: Vec<Step>,
    /// The document that would be stored; null where the given program can't be compiled.
    pub document: Option<Map<String, Value>>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Lists.
    Lists {
        /// Names of those that a value of the event is on.
        matched: Vec<String>,
    },
    /// Databases of places.
    Geoip {
        /// Fields that were added.
        changed: Vec<String>,
    },
    /// A program.
    Program {
        /// Its file.
        file: String,
        /// How it ended.
        outcome: StepOutcome,
        /// Fields it changed, added or removed.
        changed: Vec<String>,
        /// Why it failed or can't be compiled.
        error: Option<ProgramError>,
    },
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It changed the event.
    Changed,
    /// It changed nothing.
    Unchanged,
    /// It said `abort`: nothing is changed.
    Aborted,
    /// It failed: the event is marked and otherwise unchanged.
    Failed,
    /// It can't be compiled and did not run.
    NotCompiled,
}

impl Step {
    pub(super) fn program(file: &str, outcome: &Outcome) -> Self {
        let (outcome, changed, error) = match outcome {
            Outcome::Changed(change) if change.is_empty() => (StepOutcome::Unchanged, Vec::new(), None),
            Outcome::Changed(change) => (StepOutcome::Changed, change.fields().map(str::to_owned).collect(), None),
            Outcome::Aborted => (StepOutcome::Aborted, Vec::new(), None),
            Outcome::Failed(error) => (StepOutcome::Failed, Vec::new(), Some(error.clone())),
        };
        Self::Program { file: file.to_owned(), outcome, changed, error }
    }
}

impl Pipelines {
    /// Takes a line through the rules in use. Nothing is stored and nothing is counted.
    ///
    /// # Errors
    /// [`SimulationError`].
    pub fn simulate(&self, asked: &Simulation) -> Result<Simulated, SimulationError> {
        if asked.line.len() > LINE_BYTES_MAX {
            return Err(SimulationError::LineTooLong);
        }
        if let Some(stream) = asked.stream.as_ref().filter(|it| !panos::streams().contains(&it.as_str())) {
            return Err(SimulationError::NoStream(stream.clone()));
        }
        Ok(deep_stack::run(|| self.simulate_here(asked))?)
    }

    fn simulate_here(&self, asked: &Simulation) -> Simulated {
        let envelope = Envelope { received_at: asked.received_at, ..Envelope::new(Transport::File) };
        let parsed = self.parser.parse(&envelope.encode(asked.line.as_bytes()));
        let mut simulated = Simulated {
            header: header(&parsed.row),
            stream: parsed.stream.to_owned(),
            parsed: parsed.row.to_json(&MAPPING),
            steps: Vec::new(),
            document: None,
        };
        let given = match asked.program.as_ref().map(|it| Program::compile(it, &self.lists)).transpose() {
            Ok(given) => given.map(|program| uncounted(GIVEN, program)),
            Err(error) => {
                let step = Step::Program { file: GIVEN.to_owned(), outcome: StepOutcome::NotCompiled, changed: Vec::new(), error: Some(error) };
                simulated.steps.push(step);
                return simulated;
            }
        };
        let stream = asked.stream.as_deref().unwrap_or(parsed.stream).to_owned();
        let rules = self.rules();
        let ran = self.run(&rules, &stream, parsed.row, given.as_ref(), Some(&mut simulated.steps));
        simulated.document = Some(ran.row.to_json(&MAPPING));
        simulated
    }
}

fn uncounted(file: &str, program: Program) -> ActiveProgram {
    ActiveProgram { file: file.to_owned(), program, counts: Arc::new(Counts::default()) }
}

/// The fields that come from what stands before the message.
fn header(row: &Row) -> Map<String, Value> {
    const FIELDS: &[sekisho_engine::mapping::FieldId] = &[ecs::LOG_SYSLOG_PRIORITY, ecs::LOG_SYSLOG_HOSTNAME, ecs::LOG_SYSLOG_APPNAME];
    let mut header = Row::default();
    for (field, value) in row.values().filter(|it| FIELDS.contains(&it.0)) {
        match value {
            sekisho_engine::row::Datum::Str(it) => header.push_str(field, it),
            sekisho_engine::row::Datum::I64(it) => header.push_i64(field, it),
            sekisho_engine::row::Datum::F64(_) | sekisho_engine::row::Datum::Ip(_) => {}
        }
    }
    header.to_json(&MAPPING)
}
