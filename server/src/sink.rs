//! From the listeners into the engine: batches of records become frames of the log.

use std::sync::Arc;

use sekisho_engine::Engine;
use sekisho_engine::format::{FormatId, Parsed};
use sekisho_ingest::{DeviceZones, Ledger, LineSink, Lost, PanosSyslog, Receipt, Refused};

use crate::site_rules::SiteRules;

/// Makes lines durable in an engine.
pub struct EngineSink {
    engine: Engine,
    format: FormatId,
    zones: DeviceZones,
    rules: SiteRules,
    ledger: Arc<Ledger>,
}

impl EngineSink {
    /// A sink into `engine`, which was opened with [`sekisho_ingest::panos::format`]. Lines are noted in the ledger once the log has them.
    pub fn new(engine: Engine, ledger: Arc<Ledger>) -> Self {
        use sekisho_engine::format::Format as _;
        Self { engine, format: PanosSyslog::new().id(), zones: DeviceZones::default(), rules: SiteRules::default(), ledger }
    }

    /// The same sink, with time zones by device.
    pub fn with_zones(self, zones: DeviceZones) -> Self {
        Self { zones, ..self }
    }

    /// The same sink, with rules that change events before they are logged.
    pub fn with_rules(self, rules: SiteRules) -> Self {
        Self { rules, ..self }
    }
}

impl LineSink for EngineSink {
    fn submit(&self, records: &[Vec<u8>]) -> Result<Receipt, Refused> {
        let records = self.zones.amend(records);
        let records = self.rules.amend(&records);
        let see = |documents: &[Parsed]| self.ledger.observe(documents);
        let written = self.engine.append_records_seen(self.format, &records, see).map_err(|error| Refused(error.to_string()))?;
        let (settle, receipt) = Receipt::pending();
        written.on_durable(move |outcome| settle.settle(outcome.map_err(|error| Lost(error.to_string()))));
        Ok(receipt)
    }
}
