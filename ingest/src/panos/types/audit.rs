//! AUDIT: what administrators did in the web interface and the command line. The only type without the first column: its own header,
//! and the type stands at 2.

use sekisho_engine::ecs;

use crate::panos::event::Kind::{Keyword, Long, Time, With};
use crate::panos::event::{Col, Event, col};
use crate::panos::log_type::LogType;
use crate::panos::users;

/// The log type.
pub(in crate::panos) const AUDIT: LogType = LogType {
    // Told by its layout: the name is not where the others have it.
    names: &[],
    stream: |_| "panos-audit",
    kind: "event",
    category: &["configuration"],
    columns_min: 7,
    columns_known: 8,
    header: SHORT_HEADER,
    columns: COLUMNS,
    derive,
};

/// Column order: PAN-OS syslog reference §19.
const SHORT_HEADER: &[Col] = &[
    col(0, ecs::OBSERVER_SERIAL_NUMBER, Keyword),
    col(1, ecs::PANOS_RECEIVED_TIME, Time),
    col(2, ecs::PANOS_TYPE, Keyword),
    col(3, ecs::PANOS_CONFIG_VERSION, Long),
];

const COLUMNS: &[Col] = &[
    col(4, ecs::EVENT_CODE, Keyword),
    col(5, ecs::PANOS_ADMIN, With(users::administrator)),
    col(6, ecs::PANOS_CMD, Keyword),
    col(7, ecs::PANOS_RESULT, Keyword),
];

/// Column result.
const RESULT: usize = 7;

fn derive(event: &mut Event<'_>) {
    let outcome = match event.columns.raw(RESULT).trim_ascii() {
        "" => return,
        it if it.eq_ignore_ascii_case("success") => "success",
        it if it.to_ascii_lowercase().starts_with("fail") => "failure",
        _ => "unknown",
    };
    event.row.push_str(ecs::EVENT_OUTCOME, outcome);
}
