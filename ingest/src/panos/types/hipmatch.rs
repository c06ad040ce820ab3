//! HIPMATCH: which host profile a GlobalProtect client matched.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Ip, Keyword, Long, Lower, Mac, With};
use crate::panos::event::{Col, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{addresses, time, users};

/// The log type.
pub(in crate::panos) const HIPMATCH: LogType = LogType {
    names: &["HIPMATCH", "HIP-MATCH"],
    stream: |_| "panos-hipmatch",
    kind: "event",
    category: &["network"],
    columns_min: 13,
    columns_known: 31,
    header: HEADER,
    columns: COLUMNS,
    derive: |_| {},
};

/// Column order: PAN-OS syslog reference §16.
const COLUMNS: &[Col] = &[
    col(7, ecs::SOURCE_USER_NAME, With(users::source)),
    col(8, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(9, ecs::HOST_NAME, Lower),
    col(10, ecs::HOST_OS_FULL, Keyword),
    col(11, ecs::SOURCE_IP, Ip),
    col(12, ecs::PANOS_MATCHNAME, Keyword),
    col(13, ecs::PANOS_REPEAT_COUNT, Long),
    col(14, ecs::PANOS_MATCHTYPE, Keyword),
    // 15, 16 future_use: reserved.
    col(17, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(18, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(19, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(20, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(21, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(22, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(23, ecs::PANOS_VSYS_NAME, Keyword),
    col(24, ecs::OBSERVER_HOSTNAME, Keyword),
    col(25, ecs::PANOS_VSYS_ID, Keyword),
    col(26, ecs::SOURCE_IP, With(addresses::also_source)),
    col(27, ecs::HOST_ID, Keyword),
    col(28, ecs::PANOS_SERIAL_NUMBER, Keyword),
    col(29, ecs::HOST_MAC, Mac),
    col(30, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
];
