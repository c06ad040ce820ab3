//! Translated addresses: a pair of address and port, which is absent when no translation took place.

use std::net::IpAddr;

use sekisho_engine::ecs;
use sekisho_engine::mapping::FieldId;

use super::event::{Event, whole_number};

/// Column natsrc, with natsport.
pub(super) fn source(event: &mut Event<'_>, index: usize) {
    pair(event, index, index + PORT_AFTER_IP, (ecs::SOURCE_NAT_IP, ecs::SOURCE_NAT_PORT));
}

/// Column natdst, with natdport.
pub(super) fn destination(event: &mut Event<'_>, index: usize) {
    pair(event, index, index + PORT_AFTER_IP, (ecs::DESTINATION_NAT_IP, ecs::DESTINATION_NAT_PORT));
}

/// The ports stand so many columns after the addresses.
const PORT_AFTER_IP: usize = 17;

/// An unspecified address with port 0 means that nothing was translated: stored, it would lead every ranking. With a port it is
/// kept as written, because the port was translated (seen on lines with the flag for it).
fn pair(event: &mut Event<'_>, ip: usize, port: usize, fields: (FieldId, FieldId)) {
    let raw = event.columns.raw(ip).trim_ascii();
    let port_raw = event.columns.raw(port);
    // The ordinary case, without parsing.
    if raw == "0.0.0.0" && matches!(port_raw, "0" | "") {
        return;
    }
    let port_number = whole_number(port_raw).filter(|it| (0..=65_535).contains(it));
    match raw.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() && port_number.unwrap_or_default() == 0 => return,
        Ok(address) => event.row.push_ip(fields.0, address),
        Err(_) => event.column_error(ip, "is not an address"),
    }
    match port_number {
        Some(it) => event.row.push_i64(fields.1, it),
        None if port_raw.is_empty() => {}
        None => event.column_error(port, "is not a port"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;
    use sekisho_engine::row::Datum;

    #[test]
    fn no_translation_leaves_no_pair() {
        for ip in ["0.0.0.0", "::", "\"\""] {
            for port in ["0", ""] {
                assert!(row_of(&format!("{ip}{}{port}", ",".repeat(17)), source).is_empty(), "{ip} {port}");
            }
        }
    }

    #[test]
    fn a_translated_port_is_kept_with_its_address_as_written() {
        let row = row_of(&format!("0.0.0.0{}32849", ",".repeat(17)), source);
        assert!(row.get(ecs::SOURCE_NAT_IP).is_some());
        assert_eq!(row.get(ecs::SOURCE_NAT_PORT), Some(Datum::I64(32_849)));
    }

    #[test]
    fn a_translation_keeps_its_port_even_if_0() {
        let row = row_of(&format!("192.0.2.9{}0", ",".repeat(17)), destination);
        assert!(row.get(ecs::DESTINATION_NAT_IP).is_some());
        assert_eq!(row.get(ecs::DESTINATION_NAT_PORT), Some(Datum::I64(0)));
    }
}
