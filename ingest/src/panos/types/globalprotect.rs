//! GLOBALPROTECT: remote access, from the portal's login to the tunnel's end (9.1 and later; before, these were SYSTEM logs).

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Keyword, Long, Lower, With};
use crate::panos::event::{Col, Event, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{addresses, duration, time, users};

/// The log type.
pub(in crate::panos) const GLOBALPROTECT: LogType = LogType {
    names: &["GLOBALPROTECT"],
    stream: |_| "panos-globalprotect",
    kind: "event",
    category: &["network"],
    columns_min: 13,
    columns_known: 49,
    header: HEADER,
    columns: COLUMNS,
    derive,
};

/// Column order: PAN-OS syslog reference §14.
const COLUMNS: &[Col] = &[
    col(7, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(8, ecs::EVENT_CODE, Keyword),
    col(9, ecs::PANOS_STAGE, Keyword),
    col(10, ecs::PANOS_AUTH_METHOD, Keyword),
    col(11, ecs::PANOS_TUNNEL_TYPE, Keyword),
    col(12, ecs::SOURCE_USER_NAME, With(users::source)),
    col(13, ecs::SOURCE_GEO_NAME, Keyword),
    col(14, ecs::HOST_NAME, Lower),
    col(15, ecs::SOURCE_NAT_IP, With(addresses::public)),
    col(16, ecs::SOURCE_NAT_IP, With(addresses::public)),
    col(17, ecs::SOURCE_IP, With(addresses::private)),
    col(18, ecs::SOURCE_IP, With(addresses::private)),
    col(19, ecs::HOST_ID, Keyword),
    col(20, ecs::PANOS_SERIAL_NUMBER, Keyword),
    col(21, ecs::PANOS_CLIENT_VER, Keyword),
    col(22, ecs::HOST_OS_FAMILY, Keyword),
    col(23, ecs::HOST_OS_FULL, Keyword),
    col(24, ecs::PANOS_REPEAT_COUNT, Long),
    col(25, ecs::PANOS_REASON, Keyword),
    col(26, ecs::PANOS_ERROR_MESSAGE, Keyword),
    col(27, ecs::PANOS_DESCRIPTION, Keyword),
    // 28 status: see `derive`.
    col(29, ecs::OBSERVER_GEO_NAME, Keyword),
    col(30, ecs::EVENT_DURATION, With(duration::elapsed)),
    col(31, ecs::PANOS_CONNECT_METHOD, Keyword),
    col(32, ecs::PANOS_ERROR_CODE, Long),
    col(33, ecs::PANOS_PORTAL, Keyword),
    col(34, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(35, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(36, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
    col(37, ecs::PANOS_SELECTION_TYPE, Keyword),
    col(38, ecs::PANOS_RESPONSE_TIME, Long),
    col(39, ecs::PANOS_PRIORITY, Keyword),
    col(40, ecs::PANOS_ATTEMPTED_GATEWAYS, Keyword),
    col(41, ecs::PANOS_GATEWAY, Keyword),
    col(42, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(43, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(44, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(45, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(46, ecs::PANOS_VSYS_NAME, Keyword),
    col(47, ecs::OBSERVER_HOSTNAME, Keyword),
    col(48, ecs::PANOS_VSYS_ID, Keyword),
];

/// Column status.
const STATUS: usize = 28;

fn derive(event: &mut Event<'_>) {
    let status = event.columns.raw(STATUS).trim_ascii();
    if !status.is_empty() {
        event.row.push_lower(ecs::EVENT_OUTCOME, status);
    }
}
