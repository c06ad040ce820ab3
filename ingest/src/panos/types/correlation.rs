//! CORRELATION: what the firewall concludes from several of its logs about one host. Subtype and version are empty on real devices.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Ip, Keyword, With};
use crate::panos::event::{Col, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{severity, users};

/// The log type.
pub(in crate::panos) const CORRELATION: LogType = LogType {
    names: &["CORRELATION"],
    stream: |_| "panos-correlation",
    kind: "event",
    category: &["network"],
    columns_min: 20,
    columns_known: 22,
    header: HEADER,
    columns: COLUMNS,
    derive: |_| {},
};

/// Column order: PAN-OS syslog reference §19.
const COLUMNS: &[Col] = &[
    col(7, ecs::SOURCE_IP, Ip),
    col(8, ecs::SOURCE_USER_NAME, With(users::source)),
    col(9, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(10, ecs::PANOS_CATEGORY, Keyword),
    col(11, ecs::PANOS_SEVERITY, With(severity::level)),
    col(12, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(13, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(14, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(15, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(16, ecs::PANOS_VSYS_NAME, Keyword),
    col(17, ecs::OBSERVER_HOSTNAME, Keyword),
    col(18, ecs::PANOS_VSYS_ID, Keyword),
    col(19, ecs::PANOS_OBJECT_NAME, Keyword),
    col(20, ecs::PANOS_OBJECT_ID, Keyword),
    col(21, ecs::PANOS_EVIDENCE, Keyword),
];
