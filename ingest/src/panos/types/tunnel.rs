//! START and END: tunnel inspection (GRE, IPsec null encryption, VXLAN, GTP-U). What follows the action is kept as it stands in
//! `panw.panos.extra`: no layout of it has been seen often enough to be sure of.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Beside, Ip, Keyword, Long, Lower, Port, With};
use crate::panos::event::{Col, Event, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{actions, flags, nat, network_type, session_key, users};

/// The log type.
pub(in crate::panos) const TUNNEL: LogType = LogType {
    names: &["START", "END"],
    stream: |_| "panos-tunnel",
    kind: "event",
    category: &["network"],
    columns_min: 31,
    columns_known: 31,
    header: HEADER,
    columns: COLUMNS,
    derive,
};

/// Column order: PAN-OS syslog reference §19.
const COLUMNS: &[Col] = &[
    col(7, ecs::SOURCE_IP, Ip),
    col(8, ecs::DESTINATION_IP, Ip),
    col(9, ecs::SOURCE_NAT_IP, With(nat::source)),
    col(10, ecs::DESTINATION_NAT_IP, With(nat::destination)),
    col(11, ecs::RULE_NAME, Keyword),
    col(11, ecs::PANOS_RULESET, Keyword),
    col(12, ecs::SOURCE_USER_NAME, With(users::source)),
    col(13, ecs::DESTINATION_USER_NAME, With(users::destination)),
    col(14, ecs::NETWORK_APPLICATION, Lower),
    col(15, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(16, ecs::OBSERVER_INGRESS_ZONE, Keyword),
    col(17, ecs::OBSERVER_EGRESS_ZONE, Keyword),
    col(18, ecs::OBSERVER_INGRESS_INTERFACE_NAME, Keyword),
    col(19, ecs::OBSERVER_EGRESS_INTERFACE_NAME, Keyword),
    col(20, ecs::PANOS_LOG_PROFILE, Keyword),
    // 21 future_use: reserved.
    col(22, ecs::PANOS_FLOW_ID, Keyword),
    col(23, ecs::PANOS_REPEAT_COUNT, Long),
    col(24, ecs::SOURCE_PORT, Port),
    col(25, ecs::DESTINATION_PORT, Port),
    col(26, ecs::SOURCE_NAT_PORT, Beside(9)),
    col(27, ecs::DESTINATION_NAT_PORT, Beside(10)),
    col(28, ecs::PANOS_FLAGS, With(flags::labels)),
    col(29, ecs::NETWORK_TRANSPORT, Lower),
    col(30, ecs::PANOS_ACTION, With(actions::decision)),
];

fn derive(event: &mut Event<'_>) {
    network_type::derive(event);
    session_key::derive(event);
}
