//! SYSTEM: what the firewall tells about itself, its daemons and who logs in to it. Older releases tell of GlobalProtect here too.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Keyword, With};
use crate::panos::event::{Col, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{description, severity, time};

/// The log type.
pub(in crate::panos) const SYSTEM: LogType = LogType {
    names: &["SYSTEM"],
    stream: |_| "panos-system",
    kind: "event",
    category: &["configuration"],
    columns_min: 15,
    columns_known: 26,
    header: HEADER,
    columns: COLUMNS,
    derive: description::derive,
};

/// Column order: PAN-OS syslog reference §12.
const COLUMNS: &[Col] = &[
    col(7, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(8, ecs::EVENT_CODE, Keyword),
    col(9, ecs::PANOS_OBJECT_ID, Keyword),
    // 10, 11 future_use: reserved.
    col(12, ecs::PANOS_MODULE, Keyword),
    col(13, ecs::PANOS_SEVERITY, With(severity::level)),
    col(14, ecs::PANOS_DESCRIPTION, Keyword),
    col(15, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(16, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(17, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(18, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(19, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(20, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(21, ecs::PANOS_VSYS_NAME, Keyword),
    col(22, ecs::OBSERVER_HOSTNAME, Keyword),
    // 23, 24 future_use: reserved.
    col(25, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
];
