//! SCTP: associations of signalling networks. What follows the action is kept as it stands in
//! `panw.panos.extra`: no layout of it has been seen often enough to be sure of.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Ip, Keyword, Long, Lower, Port, With};
use crate::panos::event::{Col, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{actions, network_type};

/// The log type.
pub(in crate::panos) const SCTP: LogType = LogType {
    names: &["SCTP"],
    stream: |_| "panos-sctp",
    kind: "event",
    category: &["network"],
    columns_min: 31,
    columns_known: 31,
    header: HEADER,
    columns: COLUMNS,
    derive: network_type::derive,
};

/// Column order: PAN-OS syslog reference §19.
const COLUMNS: &[Col] = &[
    col(7, ecs::SOURCE_IP, Ip),
    col(8, ecs::DESTINATION_IP, Ip),
    col(11, ecs::RULE_NAME, Keyword),
    col(11, ecs::PANOS_RULESET, Keyword),
    col(15, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(16, ecs::OBSERVER_INGRESS_ZONE, Keyword),
    col(17, ecs::OBSERVER_EGRESS_ZONE, Keyword),
    col(18, ecs::OBSERVER_INGRESS_INTERFACE_NAME, Keyword),
    col(19, ecs::OBSERVER_EGRESS_INTERFACE_NAME, Keyword),
    col(20, ecs::PANOS_LOG_PROFILE, Keyword),
    col(22, ecs::PANOS_FLOW_ID, Keyword),
    col(23, ecs::PANOS_REPEAT_COUNT, Long),
    col(24, ecs::SOURCE_PORT, Port),
    col(25, ecs::DESTINATION_PORT, Port),
    col(29, ecs::NETWORK_TRANSPORT, Lower),
    col(30, ecs::PANOS_ACTION, With(actions::decision)),
];
