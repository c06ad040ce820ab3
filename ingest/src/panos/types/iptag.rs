//! IPTAG: tags that were put on addresses, or taken off.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Ip, Keyword, Long, With};
use crate::panos::event::{Col, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::time;

/// The log type.
pub(in crate::panos) const IPTAG: LogType = LogType {
    names: &["IPTAG"],
    stream: |_| "panos-iptag",
    kind: "event",
    category: &["network"],
    columns_min: 11,
    columns_known: 26,
    header: HEADER,
    columns: COLUMNS,
    derive: |_| {},
};

/// Column order: PAN-OS syslog reference §19.
const COLUMNS: &[Col] = &[
    col(7, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(8, ecs::SOURCE_IP, Ip),
    col(9, ecs::PANOS_TAG_NAME, Keyword),
    col(10, ecs::EVENT_CODE, Keyword),
    col(11, ecs::PANOS_REPEAT_COUNT, Long),
    col(12, ecs::PANOS_TIMEOUT, Long),
    col(13, ecs::PANOS_DATASOURCENAME, Keyword),
    col(14, ecs::PANOS_DATASOURCE_TYPE, Keyword),
    col(15, ecs::PANOS_DATASOURCE_SUBTYPE, Keyword),
    col(16, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(17, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(18, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(19, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(20, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(21, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(22, ecs::PANOS_VSYS_NAME, Keyword),
    col(23, ecs::OBSERVER_HOSTNAME, Keyword),
    col(24, ecs::PANOS_VSYS_ID, Keyword),
    col(25, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
];
