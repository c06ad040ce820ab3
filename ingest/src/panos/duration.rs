//! Elapsed seconds, and with the start the end.

use sekisho_engine::ecs;

use super::event::{Event, whole_number};

/// Column elapsed: `event.duration` in nanoseconds and, where the start is known, `event.end`. The time of generation is not the session's
/// end: sessions that age out are logged later.
pub(super) fn elapsed(event: &mut Event<'_>, index: usize) {
    let Some(elapsed_ns) = whole_number(event.columns.raw(index)).and_then(|it| it.checked_mul(1_000_000_000)) else {
        return event.column_error(index, "is not a number of seconds");
    };
    event.row.push_i64(ecs::EVENT_DURATION, elapsed_ns);
    if let Some(start) = event.row.date(ecs::EVENT_START)
        && let Some(end) = start.0.checked_add(elapsed_ns / 1_000_000)
    {
        event.row.push_i64(ecs::EVENT_END, end);
    }
}
