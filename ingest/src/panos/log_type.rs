//! A PAN-OS log type as data: its name in column 3, its streams and its table of columns; and the table all types share.

use sekisho_engine::ecs;

use super::event::Kind::{Keyword, Long, Time};
use super::event::{Col, Event, col};

/// A PAN-OS log type. To add one: a file in `types/` with a constant of this type, and one line in [`super::LOG_TYPES`].
#[derive(Debug)]
pub struct LogType {
    /// What column 3 says; some types have an older name too. None for the type that has its own header.
    pub names: &'static [&'static str],
    /// The data stream, by subtype.
    pub stream: fn(subtype: &str) -> &'static str,
    /// `event.kind`.
    pub kind: &'static str,
    /// `event.category`.
    pub category: &'static [&'static str],
    /// A line with fewer columns was cut before it says what happened.
    pub columns_min: usize,
    /// Columns of the newest known release; what follows goes to `panw.panos.extra`.
    pub columns_known: usize,
    /// The columns before its own: [`HEADER`] for all but one.
    pub(super) header: &'static [Col],
    /// The columns after the shared ones, in their order.
    pub columns: &'static [Col],
    /// What follows from several columns together.
    pub(super) derive: fn(&mut Event<'_>),
}

/// The columns that nearly every type begins with. Column order: PAN-OS syslog reference §4.
pub(super) const HEADER: &[Col] = &[
    col(1, ecs::PANOS_RECEIVED_TIME, Time),
    col(2, ecs::OBSERVER_SERIAL_NUMBER, Keyword),
    col(3, ecs::PANOS_TYPE, Keyword),
    col(4, ecs::PANOS_SUB_TYPE, Keyword),
    col(5, ecs::PANOS_CONFIG_VERSION, Long),
    col(6, ecs::PANOS_GENERATED_TIME, Time),
];

/// Position of the type among the shared columns.
pub(super) const TYPE: usize = 3;
/// Position of the subtype among the shared columns.
pub(super) const SUBTYPE: usize = 4;

#[cfg(test)]
mod tests {
    use crate::panos::LOG_TYPES;

    #[test]
    fn tables_are_in_the_order_of_the_line_and_end_where_extras_begin() {
        for it in LOG_TYPES {
            let indices: Vec<usize> = it.header.iter().chain(it.columns).map(|it| it.index).collect();
            assert!(indices.is_sorted(), "{:?}: {indices:?}", it.names);
            assert!(indices.iter().all(|index| *index < it.columns_known), "{:?}: a column is mapped and an extra too", it.names);
            assert!(it.columns_min <= it.columns_known, "{:?}", it.names);
        }
    }

    #[test]
    fn a_name_belongs_to_one_type() {
        let mut names: Vec<&str> = LOG_TYPES.iter().flat_map(|it| it.names).copied().collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|it| it[0] != it[1]), "{names:?}");
    }
}
