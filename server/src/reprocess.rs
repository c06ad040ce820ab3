//! Taking lines of `syslog-unparsed` through the parser again, after a release that can read more: what it understands now moves to its
//! stream. Each batch is one step of the log, so a crash leaves a line in one stream or the other, never in both or none.

use std::collections::BTreeMap;

use sekisho_engine::format::Format as _;
use sekisho_engine::{
    Condition, Engine, EngineError, PRIMARY_TERM, QueryError, ResolveOptions, SearchRequest, StoredRecord, WriteAction, WriteOp, WriteResult,
};
use sekisho_ingest::{PanosSyslog, panos};

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
pub fn run(engine: &Engine) -> Result<Reprocessed, ReprocessError> {
    let parser = PanosSyslog::new();
    engine.refresh(None)?;
    let scan = engine.scan(&engine.resolve(panos::UNPARSED_STREAM, ResolveOptions::default())?, &SearchRequest::default(), None)?;
    let mut done = Reprocessed { looked_at: scan.len() as u64, ..Reprocessed::default() };
    for start in (0..scan.len()).step_by(BATCH_LINES) {
        let records = scan.records(start..scan.len().min(start + BATCH_LINES))?;
        let understood = |it: StoredRecord| {
            let stream = (it.format == parser.id()).then(|| parser.parse(&it.record).stream)?;
            (stream != panos::UNPARSED_STREAM).then_some((stream, it))
        };
        let (streams, ops): (Vec<&'static str>, Vec<WriteOp>) =
            records.into_iter().filter_map(understood).map(|(stream, it)| (stream, op(it))).unzip();
        let (results, written) = engine.write(ops)?;
        written.wait()?;
        for (stream, _) in streams.into_iter().zip(results).filter(|it| matches!(it.1, WriteResult::Deleted(_))) {
            *done.moved.entry(stream).or_default() += 1;
        }
    }
    engine.refresh(None)?;
    done.left = done.looked_at - done.moved.values().sum::<u64>();
    Ok(done)
}

fn op(it: StoredRecord) -> WriteOp {
    let condition = Condition::LastWrite { seq: it.seq, term: PRIMARY_TERM };
    WriteOp { index: it.index, id: Some(it.id), action: WriteAction::Reparse { format: it.format, record: it.record }, condition }
}
