//! Time zones by device: which firewall's clock stands where, when one address receives from several places.
//!
//! The zone is chosen when a line is received and stored in its record, so that a change of the setting changes no line of before, and a
//! line that is read again gets the time it had.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::envelope::Envelope;
use crate::lossy;
use crate::syslog::header;

/// Zones by serial number or sender's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceZones(HashMap<String, String>);

impl DeviceZones {
    /// Zones by serial number (of lines in the firewall's CSV) or by the address that sends; the serial number is looked at first.
    pub fn new(zones: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(zones.into_iter().collect())
    }

    /// Records with the zones of their devices; those of others keep the one of their listener.
    pub fn amend<'a>(&self, records: &'a [Vec<u8>]) -> Cow<'a, [Vec<u8>]> {
        if self.0.is_empty() {
            return Cow::Borrowed(records);
        }
        Cow::Owned(records.iter().map(|it| self.amended(it).unwrap_or_else(|| it.clone())).collect())
    }

    fn amended(&self, record: &[u8]) -> Option<Vec<u8>> {
        // What is no record is for the parser to tell.
        let (envelope, line) = Envelope::decode(record).ok()?;
        let text = lossy::text(line);
        let serial = header::find_csv(&text).and_then(|csv| text[csv..].split(',').nth(2));
        let by_serial = serial.and_then(|it| self.0.get(it));
        let zone = by_serial.or_else(|| self.0.get(&envelope.peer?.to_canonical().to_string()))?;
        Some(Envelope { time_zone: Some(zone), ..envelope }.encode(line))
    }
}

#[cfg(test)]
mod tests {
    use sekisho_engine::ecs;
    use sekisho_engine::format::Format as _;

    use super::*;
    use crate::{PanosSyslog, Transport};

    #[test]
    fn a_line_is_read_in_its_devices_zone() {
        let zones = DeviceZones::new([("0018", "Asia/Tokyo"), ("192.0.2.7", "Europe/Berlin")].map(|it| (it.0.to_owned(), it.1.to_owned())));
        let time = |serial: &str, peer: &str| {
            let line = format!("1,2026/11/20 12:00:00,{serial},SYSTEM,general,0,2026/11/20 12:00:00,,general,,0,0,general,low,\"x\",1,0x0");
            let envelope = Envelope { peer: Some(peer.parse().unwrap()), time_zone: Some("America/New_York"), ..Envelope::new(Transport::Tcp) };
            let records = zones.amend(&[envelope.encode(line.as_bytes())]).into_owned();
            PanosSyslog::new().parse(&records[0]).row.date(ecs::TIMESTAMP).unwrap().to_string()
        };
        assert_eq!(time("0018", "192.0.2.7"), "2026-11-20T03:00:00.000Z");
        assert_eq!(time("0019", "192.0.2.7"), "2026-11-20T11:00:00.000Z");
        assert_eq!(time("0019", "::ffff:192.0.2.7"), "2026-11-20T11:00:00.000Z");
        assert_eq!(time("0019", "192.0.2.8"), "2026-11-20T17:00:00.000Z");
    }

    #[test]
    fn without_zones_nothing_is_copied() {
        assert!(matches!(DeviceZones::default().amend(&[vec![1]]), Cow::Borrowed(_)));
        let odd = vec![vec![0xff], Vec::new()];
        assert_eq!(DeviceZones::new([("a".to_owned(), "UTC".to_owned())]).amend(&odd).into_owned(), odd);
    }
}
