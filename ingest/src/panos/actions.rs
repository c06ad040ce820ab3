//! The firewall's decision, `panw.panos.action`: one spelling per action, and what it means for `event.type`.
//!
//! It is the answer to "was it blocked?"; `event.action` only says which kind of log it is.

use sekisho_engine::ecs;

use super::event::Event;

/// Actions that let the session go on. Vocabulary: PAN-OS syslog reference §8.
const ALLOWED: &[&str] = &["allow", "alert", "continue", "override", "syncookie-sent"];

/// Actions that stopped it.
const DENIED: &[&str] = &[
    "deny",
    "drop",
    "drop-packet",
    "drop-all",
    "drop-all-packets",
    "random-drop",
    "drop-icmp",
    "reset-client",
    "reset-server",
    "reset-both",
    "block-url",
    "block-continue",
    "block-override",
    "override-lockout",
    "block-ip",
    "sinkhole",
    "block",
];

/// Column action: lower case, hyphens for blanks (`reset both`, `drop ICMP`).
pub(super) fn decision(event: &mut Event<'_>, index: usize) {
    let raw = event.columns.raw(index).trim_ascii();
    if raw.bytes().any(|it| it == b' ') {
        let joined = raw.replace(' ', "-");
        event.row.push_lower(ecs::PANOS_ACTION, &joined);
    } else {
        event.row.push_lower(ecs::PANOS_ACTION, raw);
    }
    let action = event.row.str(ecs::PANOS_ACTION).unwrap_or_default();
    let kind = if ALLOWED.contains(&action) {
        "allowed"
    } else if DENIED.contains(&action) {
        "denied"
    } else {
        return;
    };
    event.row.push_str(ecs::EVENT_TYPE, kind);
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;

    fn check(text: &str, action: &str, kind: Option<&str>) {
        let row = row_of(text, decision);
        assert_eq!((row.str(ecs::PANOS_ACTION), row.str(ecs::EVENT_TYPE)), (Some(action), kind), "{text}");
    }

    #[test]
    fn spellings_become_one() {
        check("reset both", "reset-both", Some("denied"));
        check("drop ICMP", "drop-icmp", Some("denied"));
        check("Block-URL", "block-url", Some("denied"));
        check("alert", "alert", Some("allowed"));
        check("wildfire-upload-success", "wildfire-upload-success", None);
    }
}
