//! Where received lines go: the engine's log.

use sekisho_engine::{Engine, EngineError};
use sekisho_ingest::{LineSink, Lost, PanosSyslog, Receipt, Refused};

/// Gives batches of received lines to the engine.
pub struct EngineSink(pub Engine);

impl LineSink for EngineSink {
    fn submit(&self, records: &[Vec<u8>]) -> Result<Receipt, Refused> {
        let written = self.0.append_records(PanosSyslog::ID, records).map_err(|error: EngineError| Refused(error.to_string()))?;
        let (settle, receipt) = Receipt::pending();
        written.on_durable(move |outcome| settle.settle(outcome.map_err(|error| Lost(error.to_string()))));
        Ok(receipt)
    }
}
