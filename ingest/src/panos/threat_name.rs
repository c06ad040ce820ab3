//! The threat's name and number, which share one column: `Name(12345)`.

use sekisho_engine::ecs;

use super::event::Event;

/// URL logs have a number and no name.
const NAMELESS: &str = "URL-filtering";

/// Column threatid.
pub(super) fn name_and_id(event: &mut Event<'_>, index: usize) {
    let text = event.columns.text(index);
    let (name, id) = split(text.trim_ascii());
    event.row.push_str(ecs::PANOS_THREAT_NAME, if name.is_empty() { NAMELESS } else { name });
    if let Some(id) = id {
        event.row.push_str(ecs::PANOS_THREAT_ID, id);
    }
}

/// Splits at the LAST parenthesis, because names hold some of their own; a text without a number at its end is all name.
fn split(text: &str) -> (&str, Option<&str>) {
    let parts = text.strip_suffix(')').and_then(|it| it.rsplit_once('('));
    match parts {
        Some((name, id)) if !id.is_empty() && id.bytes().all(|it| it.is_ascii_digit()) => (name.trim_ascii_end(), Some(id)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_in_the_last_parentheses() {
        for (text, expected) in [
            ("ICMP Flood(8503)", ("ICMP Flood", Some("8503"))),
            ("Suspicious DNS Query (generic:a.no-ip.biz)(4100111)", ("Suspicious DNS Query (generic:a.no-ip.biz)", Some("4100111"))),
            ("(9999)", ("", Some("9999"))),
            ("428148050(428148050)", ("428148050", Some("428148050"))),
            ("Windows Executable (EXE)", ("Windows Executable (EXE)", None)),
            ("no number", ("no number", None)),
            ("cut(12", ("cut(12", None)),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
