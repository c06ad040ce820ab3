//! Taking lines of `syslog-unparsed` through the parser again, after a release that can read more: what it understands now moves to its
//! stream, with what today's site rules change in it, and is missing no more in the ledger. Each batch is one step of the log, so a crash
//! leaves a line in one stream or the other, never in both or none.

use std::collections::BTreeMap;

use sekisho_engine::format::{Format as _, Parsed};
use sekisho_engine::{
    Condition, Engine, EngineError, PRIMARY_TERM, QueryError, ResolveOptions, SearchRequest, StoredRecord, WriteAction, WriteOp, WriteResult,
};
use sekisho_ingest::{Ledger, PanosSyslog, panos};

use crate::site_rules::SiteRules;

/// Lines that move in one step.
const BATCH_LINES: usize = 500;

/// What became of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reprocessed {
    /// Lines that were there.
    pub looked_at: u64,
    /// Lines that moved, by stream.
    pub moved: BTreeMap<&'static str, u64>,
    /// Lines that stay: not understood by this release either, or deleted meanwhile.
    pub left: u64,
}

/// Why it could not go on; what moved before has moved.
#[derive(Debug, thiserror::Error)]
pub enum ReprocessError {
    /// The engine can't read or write.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The lines can't be found.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Moves what the parser understands now. Returns when it is durable and searchable. Blocks.
///
/// # Errors
/// [`ReprocessError`].
pub fn run(engine: &Engine, rules: &SiteRules, ledger: &Ledger) -> Result<Reprocessed, ReprocessError> {
    let parser = PanosSyslog::new();
    engine.refresh(None)?;
    let scan = engine.scan(&engine.resolve(panos::UNPARSED_STREAM, ResolveOptions::default())?, &SearchRequest::default(), None)?;
    let mut done = Reprocessed { looked_at: scan.len() as u64, ..Reprocessed::default() };
    for start in (0..scan.len()).step_by(BATCH_LINES) {
        let mut records = scan.records(start..scan.len().min(start + BATCH_LINES))?;
        records.retain(|it| it.format == parser.id() && parser.parse(&it.record).stream != panos::UNPARSED_STREAM);
        let lines: Vec<Vec<u8>> = records.iter_mut().map(|it| std::mem::take(&mut it.record)).collect();
        let lines = rules.amend(&lines).into_owned();
        let documents: Vec<Parsed> = lines.iter().map(|it| parser.parse(it)).collect();
        let (results, written) = engine.write(records.into_iter().zip(lines).map(|(it, line)| op(it, line)).collect())?;
        written.wait()?;
        let moved: Vec<Parsed> = documents.into_iter().zip(results).filter(|it| matches!(it.1, WriteResult::Deleted(_))).map(|it| it.0).collect();
        ledger.recover(&moved);
        for it in moved {
            *done.moved.entry(it.stream).or_default() += 1;
        }
    }
    engine.refresh(None)?;
    done.left = done.looked_at - done.moved.values().sum::<u64>();
    Ok(done)
}

fn op(it: StoredRecord, record: Vec<u8>) -> WriteOp {
    let condition = Condition::LastWrite { seq: it.seq, term: PRIMARY_TERM };
    WriteOp { index: it.index, id: Some(it.id), action: WriteAction::Reparse { format: it.format, record }, condition }
}
