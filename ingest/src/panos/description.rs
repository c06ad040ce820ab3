//! What the text of a SYSTEM log tells: who, from where, why, and whether it went well. The text is cut at 512 bytes by the firewall, so
//! whatever is missing stays absent; the text itself is kept whole.

use std::net::IpAddr;

use sekisho_engine::ecs;

use super::event::Event;
use super::users;

/// What stands before a user's name, an address and a reason. PAN-OS syslog reference §12, and the GlobalProtect logs of releases before 9.1.
const BEFORE_USER: &[&str] = &["for user ", "authenticating user ", "User name: ", "cleared by user "];
const BEFORE_ADDRESS: &[&str] = &["From: ", "Login from: ", "' from '", "logged in via Web from ", "logged in via CLI from "];
const BEFORE_REASON: &[&str] = &["Reason: "];

/// Where the firewall cuts the text. PAN-OS syslog reference §12.
const TEXT_BYTES_MAX: usize = 512;

/// Adds user, address, reason and outcome.
pub(super) fn derive(event: &mut Event<'_>) {
    let Some(text) = event.row.str(ecs::PANOS_DESCRIPTION).map(str::to_owned) else { return };
    if let Some(user) = after(&text, BEFORE_USER).map(name).filter(|it| !it.is_empty()) {
        let (domain, user) = users::split(user);
        event.row.push_str(ecs::USER_NAME, user);
        if let Some(domain) = domain {
            event.row.push_str(ecs::USER_DOMAIN, domain);
        }
    }
    if let Some(address) = after(&text, BEFORE_ADDRESS).and_then(|it| address(it, text.len() >= TEXT_BYTES_MAX)) {
        event.row.push_ip(ecs::SOURCE_IP, address);
    }
    if let Some(reason) = after(&text, BEFORE_REASON).map(sentence).filter(|it| !it.is_empty()) {
        event.row.push_str(ecs::EVENT_REASON, reason);
    }
    if let Some(outcome) = outcome(event.row.str(ecs::EVENT_CODE).unwrap_or_default(), &text) {
        event.row.push_str(ecs::EVENT_OUTCOME, outcome);
    }
}

/// What follows the first of these that occurs.
fn after<'a>(text: &'a str, markers: &[&str]) -> Option<&'a str> {
    markers.iter().find_map(|marker| text.find(marker).map(|at| &text[at + marker.len()..]))
}

/// A name in quotes, or up to a comma, a blank or the end of the sentence. A name may hold dots.
fn name(text: &str) -> &str {
    if let Some(quoted) = text.strip_prefix('\'') {
        // An apostrophe is inside of a name where a letter or digit follows it.
        let end = quoted.match_indices('\'').find(|it| !quoted[it.0 + 1..].starts_with(char::is_alphanumeric)).map_or(quoted.len(), |it| it.0);
        return &quoted[..end];
    }
    let end = text.find([',', ' ', '\'', '"']).unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

/// An address at the start of `text`, in whatever punctuation. One that runs to the end of a text that may be cut is none: half of it would
/// be another host.
fn address(text: &str, may_be_cut: bool) -> Option<IpAddr> {
    let end = text.find(|it: char| !(it.is_ascii_hexdigit() || matches!(it, '.' | ':'))).unwrap_or(text.len());
    if may_be_cut && end == text.len() && !text.ends_with('.') {
        return None;
    }
    text[..end].trim_end_matches(['.', ':']).parse().ok()
}

/// Up to the end of the sentence, which a dot inside of a word is not.
fn sentence(text: &str) -> &str {
    let end = text.find(". ").or_else(|| text.find(", ")).unwrap_or(text.len());
    text[..end].trim_ascii().trim_end_matches('.')
}

/// The text goes before the event's name: firewalls log failed logins as `auth-success` too.
fn outcome(code: &str, text: &str) -> Option<&'static str> {
    let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix));
    if starts("failed ") || code == "auth-fail" || code.ends_with("-failure") || code.ends_with("-fail") {
        Some("failure")
    } else if code == "auth-success" || code.ends_with("-success") || code.ends_with("-succ") {
        Some("success")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panos::columns::Columns;
    use crate::panos::time::Zone;
    use sekisho_engine::row::{Datum, Row};

    fn row(code: &str, text: &str) -> Row {
        let columns = Columns::split("");
        let mut row = Row::default();
        row.push_str(ecs::EVENT_CODE, code);
        row.push_str(ecs::PANOS_DESCRIPTION, text);
        let mut event = Event::new(&columns, row, &Zone::Utc);
        derive(&mut event);
        event.row
    }

    fn check(code: &str, text: &str, user: Option<&str>, from: Option<&str>, reason: Option<&str>, outcome: Option<&str>) {
        let row = row(code, text);
        let from = from.map(|it| Datum::Ip(it.parse::<std::net::Ipv4Addr>().unwrap().to_ipv6_mapped()));
        assert_eq!(
            (row.str(ecs::USER_NAME), row.get(ecs::SOURCE_IP), row.str(ecs::EVENT_REASON), row.str(ecs::EVENT_OUTCOME)),
            (user, from, reason, outcome),
            "{text}"
        );
    }

    #[test]
    fn logins_tell_who_from_where_and_why() {
        check(
            "auth-fail",
            "failed authentication for user 'test.user'.  Reason: Invalid username/password.  auth profile 'AD', server address '192.0.2.4', From: 192.0.2.6.",
            Some("test.user"),
            Some("192.0.2.6"),
            Some("Invalid username/password"),
            Some("failure"),
        );
        check(
            "auth-fail",
            "failed authentication for user john.doe. Reason: Authentication request is timed out. auth profile P, From: 192.0.2.6.",
            Some("john.doe"),
            Some("192.0.2.6"),
            Some("Authentication request is timed out"),
            Some("failure"),
        );
        check("auth-success", "failed authentication for user 'a'. Reason: x", Some("a"), None, Some("x"), Some("failure"));
        check("auth-success", "When authenticating user 'a' from '192.0.2.5', a less secure", Some("a"), Some("192.0.2.5"), None, Some("success"));
    }

    #[test]
    fn old_globalprotect_logs_tell_their_user_too() {
        let text = "GlobalProtect gateway user login succeeded. Login from: 192.0.2.160, User name: acme\\jdoe, Client OS version: X";
        check("globalprotectgateway-regist-succ", text, Some("jdoe"), Some("192.0.2.160"), None, Some("success"));
        assert_eq!(row("globalprotectgateway-regist-succ", text).str(ecs::USER_DOMAIN), Some("acme"));
        check(
            "globalprotectgateway-logout-succ",
            "GlobalProtect gateway user logout succeeded. User name: jordy, Client OS version: X, Reason: client logout.",
            Some("jordy"),
            None,
            Some("client logout"),
            Some("success"),
        );
    }

    #[test]
    fn other_texts_and_cut_ones_give_what_they_have() {
        check("general", "Log type config cleared by user badguy ", Some("badguy"), None, None, None);
        check("general", "Config installed", None, None, None, None);
        check("connect-server-monitor-failure", "User-ID server monitor Access denied", None, None, None, Some("failure"));
        check("auth-fail", "failed authentication for user '", None, None, None, Some("failure"));
        check("auth-fail", "failed authentication for user 'é", Some("é"), None, None, Some("failure"));
        check("general", "From: nowhere, Reason: ", None, None, None, None);
    }

    #[test]
    fn an_apostrophe_belongs_to_the_name() {
        let text = "failed authentication for user 'acme\\o'neil'.  Reason: Invalid username/password.  From: 192.0.2.6.";
        check("auth-fail", text, Some("o'neil"), Some("192.0.2.6"), Some("Invalid username/password"), Some("failure"));
        check("auth-fail", "failed authentication for user 'o'neil'", Some("o'neil"), None, None, Some("failure"));
    }

    #[test]
    fn what_the_firewall_cut_in_two_is_no_address() {
        let start = "failed authentication for user 'a'.  Reason: ";
        let end = ".  From: 192.0.2.17";
        let text = format!("{start}{}{end}", "x".repeat(512 - start.len() - end.len()));
        assert_eq!(row("auth-fail", &text).get(ecs::SOURCE_IP), None);
        assert!(row("auth-fail", &text.replace("xx", "x")).get(ecs::SOURCE_IP).is_some());
    }
}
