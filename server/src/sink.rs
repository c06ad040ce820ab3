//! From the listeners into the engine: batches of records become frames of the log.

use sekisho_engine::Engine;
use sekisho_engine::format::FormatId;
use sekisho_ingest::{LineSink, Lost, PanosSyslog, Receipt, Refused};

use crate::site_rules::SiteRules;

/// Makes lines durable in an engine.
pub struct EngineSink {
    engine: Engine,
    format: FormatId,
    rules: SiteRules,
}

impl EngineSink {
    /// A sink into `engine`, which was opened with [`sekisho_ingest::panos::format`].
    pub fn new(engine: Engine) -> Self {
        use sekisho_engine::format::Format as _;
        Self { engine, format: PanosSyslog::new().id(), rules: SiteRules::default() }
    }

    /// The same sink, with rules that change events before they are logged.
    pub fn with_rules(self, rules: SiteRules) -> Self {
        Self { rules, ..self }
    }
}

impl LineSink for EngineSink {
    fn submit(&self, records: &[Vec<u8>]) -> Result<Receipt, Refused> {
        let records = self.rules.amend(records);
        let written = self.engine.append_records(self.format, &records).map_err(|error| Refused(error.to_string()))?;
        let (settle, receipt) = Receipt::pending();
        written.on_durable(move |outcome| settle.settle(outcome.map_err(|error| Lost(error.to_string()))));
        Ok(receipt)
    }
}
