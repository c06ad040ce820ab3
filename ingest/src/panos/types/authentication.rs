//! AUTHENTICATION, which devices call AUTH: authentication policy and multi-factor logins.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Ip, Keyword, Long, Mac, With};
use crate::panos::event::{Col, Event, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{time, users};

/// The log type.
pub(in crate::panos) const AUTHENTICATION: LogType = LogType {
    names: &["AUTHENTICATION", "AUTH"],
    stream: |_| "panos-authentication",
    kind: "event",
    category: &["authentication"],
    columns_min: 21,
    columns_known: 46,
    header: HEADER,
    columns: COLUMNS,
    derive,
};

/// Column order: PAN-OS syslog reference §18.
const COLUMNS: &[Col] = &[
    col(7, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(8, ecs::SOURCE_IP, Ip),
    col(9, ecs::SOURCE_USER_NAME, With(users::source)),
    col(10, ecs::SOURCE_USER_NAME, With(users::normalised)),
    col(11, ecs::PANOS_OBJECT_ID, Keyword),
    col(12, ecs::PANOS_AUTHENTICATION_POLICY, Keyword),
    col(13, ecs::PANOS_REPEAT_COUNT, Long),
    col(14, ecs::PANOS_AUTHENTICATION_ID, Keyword),
    col(15, ecs::PANOS_VENDOR, Keyword),
    col(16, ecs::PANOS_LOG_PROFILE, Keyword),
    col(17, ecs::PANOS_SERVER_PROFILE, Keyword),
    col(18, ecs::PANOS_DESCRIPTION, Keyword),
    col(19, ecs::PANOS_CLIENT_TYPE, Keyword),
    col(20, ecs::PANOS_EVENT_RESULT, Keyword),
    col(21, ecs::PANOS_FACTORNO, Keyword),
    col(22, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(23, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(24, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(25, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(26, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(27, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(28, ecs::PANOS_VSYS_NAME, Keyword),
    col(29, ecs::OBSERVER_HOSTNAME, Keyword),
    col(30, ecs::PANOS_VSYS_ID, Keyword),
    col(31, ecs::PANOS_AUTHENTICATION_PROTOCOL, Keyword),
    col(32, ecs::RULE_UUID, Keyword),
    col(33, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
    col(34, ecs::PANOS_SRC_CATEGORY, Keyword),
    col(35, ecs::PANOS_SRC_PROFILE, Keyword),
    col(36, ecs::PANOS_SRC_MODEL, Keyword),
    col(37, ecs::PANOS_SRC_VENDOR, Keyword),
    col(38, ecs::PANOS_SRC_OS_FAMILY, Keyword),
    col(39, ecs::PANOS_SRC_OS_VERSION, Keyword),
    col(40, ecs::PANOS_SRC_HOST, Keyword),
    col(41, ecs::PANOS_SRC_MAC, Mac),
    col(42, ecs::SOURCE_GEO_NAME, Keyword),
    // 43 future_use: reserved.
    col(44, ecs::USER_AGENT_ORIGINAL, Keyword),
    col(45, ecs::PANOS_AUTHENTICATION_SESSION_ID, Keyword),
];

/// Column event.
const RESULT: usize = 20;

/// Words of a refusal. They go first: `unsuccessful` and `not in allowlist` hold words of success too.
const FAILURE: &[&str] = &["fail", "denied", "deny", "reject", "timeout", "invalid", "unsuccess", "not allow", "not in allow"];

/// Words of a login that went well.
const SUCCESS: &[&str] = &["success", "succeeded", "allow"];

fn derive(event: &mut Event<'_>) {
    let result = event.columns.raw(RESULT).to_ascii_lowercase();
    let has_any = |words: &[&str]| words.iter().any(|it| result.contains(it));
    let outcome = if has_any(FAILURE) {
        "failure"
    } else if has_any(SUCCESS) {
        "success"
    } else {
        "unknown"
    };
    event.row.push_str(ecs::EVENT_OUTCOME, outcome);
}
