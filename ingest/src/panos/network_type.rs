//! IPv4 or IPv6, by the source's address.

use sekisho_engine::ecs;
use sekisho_engine::row::Datum;

use super::event::Event;

/// Adds `network.type`; nothing where the source is no address.
pub(super) fn derive(event: &mut Event<'_>) {
    let name = match event.row.get(ecs::SOURCE_IP) {
        Some(Datum::Ip(address)) if address.to_ipv4_mapped().is_some() => "ipv4",
        Some(Datum::Ip(_)) => "ipv6",
        _ => return,
    };
    event.row.push_str(ecs::NETWORK_TYPE, name);
}
