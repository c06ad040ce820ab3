//! Direction of an attack or a file: `network.direction`, as Elastic reads it.

use sekisho_engine::ecs;

use super::event::Event;

/// Column direction: towards the server is inbound, towards the client outbound, whatever the zones are.
pub(super) fn network(event: &mut Event<'_>, index: usize) {
    match event.columns.raw(index).trim_ascii() {
        "client-to-server" | "client to server" | "0" => event.row.push_str(ecs::NETWORK_DIRECTION, "inbound"),
        "server-to-client" | "server to client" | "1" => event.row.push_str(ecs::NETWORK_DIRECTION, "outbound"),
        _ => event.row.push_str(ecs::NETWORK_DIRECTION, "unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;

    #[test]
    fn each_spelling_gives_a_direction() {
        for (text, expected) in
            [("client-to-server", "inbound"), ("client to server", "inbound"), ("server-to-client", "outbound"), ("1", "outbound"), ("x", "unknown")]
        {
            assert_eq!(row_of(text, network).str(ecs::NETWORK_DIRECTION), Some(expected), "{text}");
        }
    }
}
