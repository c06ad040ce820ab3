//! USERID: which user was seen at which address, and how the firewall came to know.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Ip, Keyword, Long, Port, Time, With};
use crate::panos::event::{Col, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{time, users};

/// The log type.
pub(in crate::panos) const USERID: LogType = LogType {
    names: &["USERID"],
    stream: |_| "panos-userid",
    kind: "event",
    category: &["network", "iam"],
    columns_min: 10,
    columns_known: 34,
    header: HEADER,
    columns: COLUMNS,
    derive: |_| {},
};

/// Column order: PAN-OS syslog reference §15.
const COLUMNS: &[Col] = &[
    col(7, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(8, ecs::SOURCE_IP, Ip),
    col(9, ecs::SOURCE_USER_NAME, With(users::source)),
    col(10, ecs::PANOS_DATASOURCENAME, Keyword),
    col(11, ecs::EVENT_CODE, Keyword),
    col(12, ecs::PANOS_REPEAT_COUNT, Long),
    col(13, ecs::PANOS_TIMEOUT, Long),
    // A range of ports of a terminal server, as Elastic maps it: 15 is no destination.
    col(14, ecs::SOURCE_PORT, Port),
    col(15, ecs::DESTINATION_PORT, Port),
    col(16, ecs::PANOS_DATASOURCE, Keyword),
    col(17, ecs::PANOS_DATASOURCETYPE, Keyword),
    col(18, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(19, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(20, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(21, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(22, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(23, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(24, ecs::PANOS_VSYS_NAME, Keyword),
    col(25, ecs::OBSERVER_HOSTNAME, Keyword),
    col(26, ecs::PANOS_VSYS_ID, Keyword),
    col(27, ecs::PANOS_FACTORTYPE, Keyword),
    col(28, ecs::PANOS_FACTORCOMPLETIONTIME, Time),
    col(29, ecs::PANOS_FACTORNO, Keyword),
    col(30, ecs::PANOS_UGFLAGS, Keyword),
    col(31, ecs::PANOS_USER_BY_SOURCE, Keyword),
    col(32, ecs::PANOS_TAG_NAME, Keyword),
    col(33, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
];
