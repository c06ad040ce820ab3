//! CONFIG: who changed what. Two layouts: the one devices send, and the one of the vendor's list, where the details of the change stand
//! in the middle and move all that follows.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Ip, Keyword, With};
use crate::panos::event::{Col, Event, col};
use crate::panos::log_type::{HEADER, LogType};
use crate::panos::{columns::Columns, time, users};

/// The log type.
pub(in crate::panos) const CONFIG: LogType = LogType {
    names: &["CONFIG"],
    stream: |_| "panos-config",
    kind: "event",
    category: &["configuration"],
    columns_min: 13,
    columns_known: 28,
    header: HEADER,
    columns: COLUMNS,
    derive,
};

/// Column order: PAN-OS syslog reference §13.
const COLUMNS: &[Col] = &[
    col(7, ecs::HOST_IP, Ip),
    col(8, ecs::PANOS_VIRTUAL_SYS, Keyword),
    col(9, ecs::PANOS_CMD, Keyword),
    col(10, ecs::PANOS_ADMIN, With(users::administrator)),
    col(11, ecs::PANOS_CLIENT_TYPE, Keyword),
    col(12, ecs::PANOS_RESULT, Keyword),
    col(13, ecs::PANOS_PATH, Keyword),
];

/// What follows in the layout that devices send by default.
const DETAIL_LAST: &[Col] = &[
    col(14, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(15, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(16, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(17, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(18, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(19, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(20, ecs::PANOS_VSYS_NAME, Keyword),
    col(21, ecs::OBSERVER_HOSTNAME, Keyword),
    col(22, ecs::PANOS_DEVICE_GROUP_ID, Keyword),
    col(23, ecs::PANOS_COMMENT, Keyword),
    // 24 future_use: reserved.
    col(25, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
    col(26, ecs::PANOS_BEFORE_CHANGE_DETAIL, Keyword),
    col(27, ecs::PANOS_AFTER_CHANGE_DETAIL, Keyword),
];

/// What follows where the details of the change come first: custom formats and older releases.
const DETAIL_FIRST: &[Col] = &[
    col(14, ecs::PANOS_BEFORE_CHANGE_DETAIL, Keyword),
    col(15, ecs::PANOS_AFTER_CHANGE_DETAIL, Keyword),
    col(16, ecs::PANOS_SEQUENCE_NUMBER, Keyword),
    col(17, ecs::PANOS_ACTION_FLAGS, Keyword),
    col(18, ecs::PANOS_DEVICE_GROUP_HIERARCHY1, Keyword),
    col(19, ecs::PANOS_DEVICE_GROUP_HIERARCHY2, Keyword),
    col(20, ecs::PANOS_DEVICE_GROUP_HIERARCHY3, Keyword),
    col(21, ecs::PANOS_DEVICE_GROUP_HIERARCHY4, Keyword),
    col(22, ecs::PANOS_VSYS_NAME, Keyword),
    col(23, ecs::OBSERVER_HOSTNAME, Keyword),
    col(24, ecs::PANOS_DEVICE_GROUP_ID, Keyword),
    col(25, ecs::PANOS_COMMENT, Keyword),
    // 26 future_use: reserved.
    col(27, ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, With(time::high_resolution)),
];

/// Column cmd.
const COMMAND: usize = 9;

/// Column result.
const RESULT: usize = 12;

fn derive(event: &mut Event<'_>) {
    let columns = event.columns;
    event.fill(if is_detail_first(columns) { DETAIL_FIRST } else { DETAIL_LAST });
    let command = columns.raw(COMMAND).trim_ascii();
    if !command.is_empty() {
        event.row.push_lower(ecs::EVENT_ACTION, &format!("cmd-{command}"));
    }
    let outcome = match columns.raw(RESULT).trim_ascii() {
        "Succeeded" => "success",
        "Failed" => "failure",
        _ => "unknown",
    };
    event.row.push_str(ecs::EVENT_OUTCOME, outcome);
}

/// Whether the details of the change stand before the sequence number. The layout shows in where that number and the action flags are; no
/// column count tells. A line that ends before both places was cut in its details, which run to thousands of bytes, or has none.
fn is_detail_first(columns: &Columns<'_>) -> bool {
    let is_number = |index: usize| columns.raw(index).bytes().all(|it| it.is_ascii_digit());
    // `0` is what a cut may leave of the flags.
    let is_flags = |index: usize| matches!(columns.raw(index), "" | "0") || columns.raw(index).starts_with("0x");
    let is_cut_in_detail = columns.len() <= 17 && !(is_number(14) && is_flags(15));
    !is_sequence(columns, 14) && (is_sequence(columns, 16) || is_cut_in_detail)
}

/// Whether a sequence number and hexadecimal action flags stand there.
fn is_sequence(columns: &Columns<'_>, index: usize) -> bool {
    let number = columns.raw(index);
    !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit()) && columns.raw(index + 1).starts_with("0x")
}
