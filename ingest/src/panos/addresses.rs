//! Addresses of remote clients, which come in an IPv4 and an IPv6 column; `0.0.0.0` and `::` mean none.

use std::net::IpAddr;

use sekisho_engine::ecs;

use super::event::Event;

/// The client's address on the Internet: `source.nat.ip` as Elastic has it, and `client.ip`, which is the one to search for.
pub(super) fn public(event: &mut Event<'_>, index: usize) {
    if let Some(address) = address(event, index).filter(|_| event.row.get(ecs::CLIENT_IP).is_none()) {
        event.row.push_ip(ecs::SOURCE_NAT_IP, address);
        event.row.push_ip(ecs::CLIENT_IP, address);
    }
}

/// The client's address in the tunnel: `source.ip` and `host.ip`. A login attempt has none yet.
pub(super) fn private(event: &mut Event<'_>, index: usize) {
    if let Some(address) = address(event, index).filter(|_| event.row.get(ecs::SOURCE_IP).is_none()) {
        event.row.push_ip(ecs::SOURCE_IP, address);
        event.row.push_ip(ecs::HOST_IP, address);
    }
}

/// A second address of the source.
pub(super) fn also_source(event: &mut Event<'_>, index: usize) {
    if let Some(address) = address(event, index) {
        event.row.push_ip(ecs::SOURCE_IP, address);
    }
}

fn address(event: &mut Event<'_>, index: usize) -> Option<IpAddr> {
    match event.columns.raw(index).trim_ascii().parse::<IpAddr>() {
        Ok(it) => Some(it).filter(|it| !it.is_unspecified()),
        Err(_) => {
            event.column_error(index, "is not an address");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;

    #[test]
    fn unspecified_addresses_are_none() {
        for text in ["0.0.0.0", "::"] {
            assert!(row_of(text, public).is_empty() && row_of(text, private).is_empty() && row_of(text, also_source).is_empty(), "{text}");
        }
    }

    #[test]
    fn the_public_address_is_the_clients() {
        let row = row_of("192.0.2.7", public);
        assert!(row.get(ecs::CLIENT_IP).is_some());
        assert_eq!(row.get(ecs::CLIENT_IP), row.get(ecs::SOURCE_NAT_IP));
        assert_eq!(row_of("gateway", public).str(ecs::ERROR_MESSAGE), Some("column 0 is not an address"));
    }
}
