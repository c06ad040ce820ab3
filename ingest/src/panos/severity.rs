//! Severity: the text for people, and Elastic's number, where 1 is the worst.

use sekisho_engine::ecs;

use super::event::Event;

/// Texts and `event.severity`. PAN-OS syslog reference §8; the vendor's own numbers (CEF) run the other way.
const LEVELS: &[(&str, i64)] = &[("critical", 1), ("high", 2), ("medium", 3), ("low", 4), ("informational", 5)];

/// Column severity: a text, or the vendor's number (5 is the worst), which `log.level` spells out.
pub(super) fn level(event: &mut Event<'_>, index: usize) {
    let raw = event.columns.raw(index).trim_ascii();
    event.row.push_lower(ecs::PANOS_SEVERITY, raw);
    let level = LEVELS.iter().find(|(text, number)| text.eq_ignore_ascii_case(raw) || is_vendor_number(raw, *number));
    event.row.push_lower(ecs::LOG_LEVEL, level.map_or(raw, |it| it.0));
    if let Some((_, number)) = level {
        event.row.push_i64(ecs::EVENT_SEVERITY, *number);
    }
}

fn is_vendor_number(raw: &str, number: i64) -> bool {
    matches!(raw.as_bytes(), [digit] if i64::from(*digit) - i64::from(b'0') == 6 - number)
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
        for (raw, text, number) in [("5", "critical", 1), ("4", "high", 2), ("1", "informational", 5)] {
            let row = row_of(raw, level);
            assert_eq!((row.str(ecs::LOG_LEVEL), row.str(ecs::PANOS_SEVERITY)), (Some(text), Some(raw)));
            assert_eq!(row.get(ecs::EVENT_SEVERITY), Some(Datum::I64(number)));
        }
        for raw in ["0", "6", "44", "worst"] {
            assert_eq!((row_of(raw, level).str(ecs::LOG_LEVEL), row_of(raw, level).get(ecs::EVENT_SEVERITY)), (Some(raw), None));
        }
    }
}
