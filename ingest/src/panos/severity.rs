//! Severity: the text for people, and Elastic's number, where 1 is the worst.

use sekisho_engine::ecs;

use super::event::Event;

/// Texts and `event.severity`. PAN-OS syslog reference §8; the vendor's own numbers (CEF) run the other way.
const LEVELS: &[(&str, i64)] = &[("critical", 1), ("high", 2), ("medium", 3), ("low", 4), ("informational", 5)];

/// Column severity.
pub(super) fn level(event: &mut Event<'_>, index: usize) {
    let raw = event.columns.raw(index).trim_ascii();
    event.row.push_lower(ecs::LOG_LEVEL, raw);
    event.row.push_lower(ecs::PANOS_SEVERITY, raw);
    if let Some((_, number)) = LEVELS.iter().find(|it| it.0.eq_ignore_ascii_case(raw)) {
        event.row.push_i64(ecs::EVENT_SEVERITY, *number);
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;
    use sekisho_engine::row::Datum;

    #[test]
    fn texts_are_folded_and_numbered() {
        let row = row_of("Medium", level);
        assert_eq!(
            (row.str(ecs::LOG_LEVEL), row.str(ecs::PANOS_SEVERITY), row.get(ecs::EVENT_SEVERITY)),
            (Some("medium"), Some("medium"), Some(Datum::I64(3)))
        );
        assert_eq!(row_of("4", level).get(ecs::EVENT_SEVERITY), None);
    }
}
