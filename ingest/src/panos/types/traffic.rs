//! TRAFFIC: a session's start or end, or a session that was not let through.

use sekisho_engine::ecs;
use sekisho_engine::row::Datum;

use crate::panos::event::Kind::{Beside, Ip, Keyword, List, Long, Lower, Mac, Port, Time, With};
use crate::panos::event::{Col, Event, col};
use crate::panos::log_type::{HEADER, LogType, SUBTYPE};
use crate::panos::{actions, duration, flags, http2, nat, network_type, session_key, time, users};

/// The log type.
pub(in crate::panos) const TRAFFIC: LogType = LogType {
    names: &["TRAFFIC"],
    stream: |_| "panos-traffic",
    kind: "event",
    category: &["network"],
    columns_min: 31,
    columns_known: 117,
    header: HEADER,
    columns: COLUMNS,
    derive,
};

/// Column order: PAN-OS syslog reference §6.
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
    // 21 future_use1: reserved.
    col(22, ecs::PANOS_FLOW_ID, Keyword),
    col(23, ecs::PANOS_REPEAT_COUNT, Long),
    col(24, ecs::SOURCE_PORT, Port),
    col(25, ecs::DESTINATION_PORT, Port),
    col(26, ecs::SOURCE_NAT_PORT, Beside(9)),
    col(27, ecs::DESTINATION_NAT_PORT, Beside(10)),
    col(28, ecs::PANOS_FLAGS, With(flags::labels)),
    col(29, ecs::NETWORK_TRANSPORT, Lower),
    col(30, ecs::PANOS_ACTION, With(actions::decision)),
    col(31, ecs::NETWORK_BYTES, Long),
    col(32, ecs::SOURCE_BYTES, Long),
    col(33, ecs::DESTINATION_BYTES, Long),
    col(34, ecs::NETWORK_PACKETS, Long),
    col(35, ecs::EVENT_START, Time),
    col(36, ecs::EVENT_DURATION, With(duration::elapsed)),
    col(37, ecs::PANOS_URL_CATEGORY, Keyword),
    // 38 future_use2: reserved.
    col(39, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(40, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(41, ecs::SOURCE_GEO_NAME, Keyword),
    col(42, ecs::DESTINATION_GEO_NAME, Keyword),
    // 43 future_use3: reserved.
    col(44, ecs::SOURCE_PACKETS, Long),
    col(45, ecs::DESTINATION_PACKETS, Long),
    col(46, ecs::PANOS_ENDREASON, Keyword),
    col(47, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(48, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(49, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(50, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(51, ecs::PANOS_VSYS_NAME, Keyword),
    col(52, ecs::OBSERVER_HOSTNAME, Keyword),
    col(53, ecs::PANOS_ACTION_SOURCE, Keyword),
    col(54, ecs::PANOS_SOURCE_VM_UUID, Keyword),
    col(55, ecs::PANOS_DESTINATION_VM_UUID, Keyword),
    col(56, ecs::PANOS_IMSI, Keyword),
    col(57, ecs::PANOS_IMEI, Keyword),
    col(58, ecs::PANOS_PARENT_SESSION_ID, Keyword),
    col(59, ecs::PANOS_PARENT_SESSION_START_TIME, Time),
    col(60, ecs::PANOS_TUNNEL_TYPE, Keyword),
    col(61, ecs::PANOS_SCTP_ASSOC_ID, Keyword),
    col(62, ecs::PANOS_SCTP_CHUNKS, Long),
    col(63, ecs::PANOS_SCTP_CHUNKS_SENT, Long),
    col(64, ecs::PANOS_SCTP_CHUNKS_RECEIVED, Long),
    col(65, ecs::RULE_UUID, Keyword),
    col(66, ecs::PANOS_HTTP2_CONNECTION, With(http2::connection)),
    col(67, ecs::PANOS_LINK_CHANGE_COUNT, Long),
    col(68, ecs::PANOS_POLICY_ID, Keyword),
    col(69, ecs::PANOS_LINK_SWITCHES, Keyword),
    col(70, ecs::PANOS_SDWAN_CLUSTER_NAME, Keyword),
    col(71, ecs::PANOS_SDWAN_DEVICE_TYPE, Keyword),
    col(72, ecs::PANOS_SDWAN_CLUSTER_TYPE, Keyword),
    col(73, ecs::PANOS_SDWAN_SITE, Keyword),
    col(74, ecs::PANOS_DYNAMIC_USER_GROUP_NAME, Keyword),
    col(75, ecs::PANOS_XFF_IP, Keyword),
    col(76, ecs::PANOS_SRC_CATEGORY, Keyword),
    col(77, ecs::PANOS_SRC_PROFILE, Keyword),
    col(78, ecs::PANOS_SRC_MODEL, Keyword),
    col(79, ecs::PANOS_SRC_VENDOR, Keyword),
    col(80, ecs::PANOS_SRC_OS_FAMILY, Keyword),
    col(81, ecs::PANOS_SRC_OS_VERSION, Keyword),
    col(82, ecs::PANOS_SRC_HOST, Keyword),
    col(83, ecs::PANOS_SRC_MAC, Mac),
    col(84, ecs::PANOS_DST_CATEGORY, Keyword),
    col(85, ecs::PANOS_DST_PROFILE, Keyword),
    col(86, ecs::PANOS_DST_MODEL, Keyword),
    col(87, ecs::PANOS_DST_VENDOR, Keyword),
    col(88, ecs::PANOS_DST_OS_FAMILY, Keyword),
    col(89, ecs::PANOS_DST_OS_VERSION, Keyword),
    col(90, ecs::PANOS_DST_HOST, Keyword),
    col(91, ecs::PANOS_DST_MAC, Mac),
    col(92, ecs::PANOS_CONTAINER_ID, Keyword),
    col(93, ecs::PANOS_POD_NAMESPACE, Keyword),
    col(94, ecs::PANOS_POD_NAME, Keyword),
    col(95, ecs::PANOS_SRC_EXTERNAL_DYNAMIC_LIST, Keyword),
    col(96, ecs::PANOS_DST_EXTERNAL_DYNAMIC_LIST, Keyword),
    col(97, ecs::PANOS_HOST_ID, Keyword),
    col(98, ecs::PANOS_SERIAL_NUMBER, Keyword),
    col(99, ecs::PANOS_SRC_DYNAMIC_ADDRESS_GROUP, Keyword),
    col(100, ecs::PANOS_DST_DYNAMIC_ADDRESS_GROUP, Keyword),
    col(101, ecs::PANOS_SESSION_OWNER, Keyword),
    col(102, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
    col(103, ecs::PANOS_NSDSAI_SST, Keyword),
    col(104, ecs::PANOS_NSDSAI_SD, Keyword),
    col(105, ecs::PANOS_APPLICATION_SUB_CATEGORY, Keyword),
    col(106, ecs::PANOS_APPLICATION_CATEGORY, Keyword),
    col(107, ecs::PANOS_APPLICATION_TECHNOLOGY, Keyword),
    col(108, ecs::PANOS_APPLICATION_RISK_LEVEL, Long),
    col(109, ecs::PANOS_APPLICATION_CHARACTERISTICS, List),
    col(110, ecs::PANOS_APPLICATION_CONTAINER, Keyword),
    col(111, ecs::PANOS_APPLICATION_TUNNELED, Keyword),
    col(112, ecs::PANOS_APPLICATION_IS_SAAS, Keyword),
    col(113, ecs::PANOS_APPLICATION_IS_SANCTIONED, Keyword),
    col(114, ecs::PANOS_IS_OFFLOADED, Keyword),
    col(115, ecs::PANOS_FLOW_TYPE, Keyword),
    col(116, ecs::PANOS_CLUSTER_NAME, Keyword),
];

/// `event.action` by subtype; any other subtype has none.
const EVENT_ACTIONS: &[(&str, &str)] = &[("start", "flow_started"), ("end", "flow_terminated"), ("drop", "flow_dropped"), ("deny", "flow_denied")];

fn derive(event: &mut Event<'_>) {
    let subtype = event.columns.raw(SUBTYPE);
    if let Some((_, action)) = EVENT_ACTIONS.iter().find(|it| it.0.eq_ignore_ascii_case(subtype)) {
        event.row.push_str(ecs::EVENT_ACTION, action);
    }
    event.row.push_str(ecs::EVENT_TYPE, "connection");
    if subtype == "start" || subtype == "end" {
        event.row.push_str(ecs::EVENT_TYPE, subtype);
    }
    let is_allowed = event.row.get(ecs::PANOS_ACTION) == Some(Datum::Str("allow"));
    event.row.push_str(ecs::EVENT_OUTCOME, if is_allowed { "success" } else { "failure" });
    network_type::derive(event);
    session_key::derive(event);
}
