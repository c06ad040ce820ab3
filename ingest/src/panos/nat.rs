//! Translated addresses: a pair of address and port, which is absent when no translation took place.

use std::net::IpAddr;

use sekisho_engine::ecs;
use sekisho_engine::mapping::FieldId;

use super::event::{Event, whole_number};

/// Columns natsrc and natsport.
pub(super) fn source(event: &mut Event<'_>, index: usize) {
    pair(event, index, index + 17, (ecs::SOURCE_NAT_IP, ecs::SOURCE_NAT_PORT));
}

/// Columns natdst and natdport.
pub(super) fn destination(event: &mut Event<'_>, index: usize) {
    pair(event, index, index + 17, (ecs::DESTINATION_NAT_IP, ecs::DESTINATION_NAT_PORT));
}

/// An unspecified address means none, with any port: stored, it would lead every ranking.
fn pair(event: &mut Event<'_>, ip: usize, port: usize, fields: (FieldId, FieldId)) {
    let raw = event.columns.raw(ip).trim_ascii();
    // The ordinary case, without parsing.
    if raw == "0.0.0.0" {
        return;
    }
    let Ok(address) = raw.parse::<IpAddr>() else {
        return event.column_error(ip, "is not an address");
    };
    if address.is_unspecified() {
        return;
    }
    event.row.push_ip(fields.0, address);
    let raw = event.columns.raw(port);
    match whole_number(raw).filter(|it| (0..=65_535).contains(it)) {
        Some(it) => event.row.push_i64(fields.1, it),
        None if raw.is_empty() => {}
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
            assert!(row_of(&format!("{ip}{}443", ",".repeat(17)), source).is_empty(), "{ip}");
        }
    }

    #[test]
    fn a_translation_keeps_its_port_even_if_0() {
        let row = row_of(&format!("192.0.2.9{}0", ",".repeat(17)), destination);
        assert!(row.get(ecs::DESTINATION_NAT_IP).is_some());
        assert_eq!(row.get(ecs::DESTINATION_NAT_PORT), Some(Datum::I64(0)));
    }
}
