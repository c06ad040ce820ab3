//! Countries, cities and networks of addresses, from databases in MaxMind's format that the user supplies; none comes with us.

use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use maxminddb::{Reader, geoip2};
use sekisho_engine::ecs;
use sekisho_engine::mapping::FieldId;
use sekisho_engine::row::{Datum, Row};

use super::watched::{self, Stamp};
use crate::amendment::Amendment;

/// Bytes of a database; the largest sold are a quarter of it. It is read into memory.
const DATABASE_BYTES_MAX: u64 = 2 << 30;

/// An address of an event, and the fields that say where it is.
struct Side {
    ip: FieldId,
    country: FieldId,
    city: FieldId,
    number: FieldId,
    organization: FieldId,
}

const SIDES: &[Side] = &[
    Side {
        ip: ecs::SOURCE_IP,
        country: ecs::SOURCE_GEO_COUNTRY_ISO_CODE,
        city: ecs::SOURCE_GEO_CITY_NAME,
        number: ecs::SOURCE_AS_NUMBER,
        organization: ecs::SOURCE_AS_ORGANIZATION_NAME,
    },
    Side {
        ip: ecs::DESTINATION_IP,
        country: ecs::DESTINATION_GEO_COUNTRY_ISO_CODE,
        city: ecs::DESTINATION_GEO_CITY_NAME,
        number: ecs::DESTINATION_AS_NUMBER,
        organization: ecs::DESTINATION_AS_ORGANIZATION_NAME,
    },
];

/// The databases at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Geo {
    /// Countries and cities.
    pub(super) city: Option<Arc<Reader<Vec<u8>>>>,
    /// Autonomous systems.
    pub(super) asn: Option<Arc<Reader<Vec<u8>>>>,
}

impl Geo {
    /// Whether there is nothing to look up.
    pub(super) fn is_empty(&self) -> bool {
        self.city.is_none() && self.asn.is_none()
    }

    /// Where the addresses of a row are.
    pub(super) fn amend(&self, row: &Row, amendment: &mut Amendment) {
        for side in SIDES {
            let Some(Datum::Ip(address)) = row.get(side.ip) else { continue };
            let address = address.to_canonical();
            let mut set = |field: FieldId, value: Option<&str>| {
                if let Some(value) = value {
                    amendment.replace(field).push_str(field, value);
                }
            };
            if let Some(found) = decode::<geoip2::City<'_>>(self.city.as_deref(), address) {
                set(side.country, found.country.iso_code);
                set(side.city, found.city.names.english);
            }
            if let Some(found) = decode::<geoip2::Asn<'_>>(self.asn.as_deref(), address) {
                set(side.organization, found.autonomous_system_organization);
                if let Some(number) = found.autonomous_system_number {
                    amendment.replace(side.number).push_i64(side.number, number.into());
                }
            }
        }
    }
}

/// What a database says of an address. One that is damaged there says nothing.
fn decode<'a, T: serde::Deserialize<'a>>(reader: Option<&'a Reader<Vec<u8>>>, address: IpAddr) -> Option<T> {
    let reader = reader?;
    if reader.metadata().ip_version == 4 && address.is_ipv6() {
        return None;
    }
    // An unspecified address stands for none, but is inside ::/0 of some databases.
    if address == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        return None;
    }
    reader.lookup(address).ok()?.decode().ok()?
}

/// A database that is read again when it changes.
#[derive(Debug)]
pub(super) struct GeoFile {
    /// Where it is.
    pub(super) path: PathBuf,
    stamp: Option<Stamp>,
    /// What is in use.
    pub(super) reader: Option<Arc<Reader<Vec<u8>>>>,
    /// Why the newest version is not in use.
    pub(super) error: Option<String>,
}

impl GeoFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, stamp: None, reader: None, error: None }
    }

    /// Reads the file if it changed. One that is gone or damaged leaves the version before in use.
    pub(super) fn reload(&mut self) {
        let stamp = Stamp::of(&self.path);
        if stamp == self.stamp && (stamp.is_some() || self.error.is_some()) {
            return;
        }
        self.stamp = stamp;
        match read(&self.path) {
            Ok(reader) => {
                tracing::info!(database = %self.path.display(), kind = reader.metadata().database_type, "GeoIP database read");
                self.reader = Some(Arc::new(reader));
                self.error = None;
            }
            Err(error) => {
                tracing::error!(database = %self.path.display(), error, "GeoIP database not read; the version before stays in use where there is one");
                self.error = Some(error);
            }
        }
    }
}

fn read(path: &Path) -> Result<Reader<Vec<u8>>, String> {
    let bytes = watched::read(path, DATABASE_BYTES_MAX).map_err(|error| error.to_string())?;
    Reader::from_source(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::test_database;
    use super::*;

    fn reader(bytes: Vec<u8>) -> Option<Arc<Reader<Vec<u8>>>> {
        Some(Arc::new(Reader::from_source(bytes).unwrap()))
    }

    fn amended(geo: &Geo, source: &str, destination: &str) -> String {
        let mut row = Row::default();
        row.push_ip(ecs::SOURCE_IP, source.parse().unwrap());
        row.push_ip(ecs::DESTINATION_IP, destination.parse().unwrap());
        let mut amendment = Amendment::default();
        geo.amend(&row, &mut amendment);
        String::from_utf8(amendment.to_json()).unwrap()
    }

    #[test]
    fn addresses_get_their_place_and_network() {
        let geo = Geo { city: reader(test_database::city()), asn: reader(test_database::asn()) };
        assert_eq!(
            amended(&geo, "203.0.113.9", "10.0.0.1"),
            r#"{"source.geo.country_iso_code":["JP"],"source.geo.city_name":["Tokyo"],"source.as.number":[64500],"source.as.organization.name":["Example Net"]}"#
        );
        assert_eq!(amended(&geo, "203.0.114.9", "2001:db8::1"), "{}");
        assert_eq!(amended(&Geo::default(), "203.0.113.9", "203.0.113.9"), "{}");
    }

    #[test]
    fn a_database_that_is_cut_says_nothing_and_does_not_panic() {
        let whole = test_database::city();
        for end in 0..whole.len() {
            if let Ok(reader) = Reader::from_source(whole[..end].to_vec()) {
                amended(&Geo { city: Some(Arc::new(reader)), asn: None }, "203.0.113.9", "203.0.113.9");
            }
        }
    }
}
