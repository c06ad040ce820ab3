//! User columns: domain and name in the spellings that firewalls use.

use sekisho_engine::ecs;

use super::event::Event;
use super::forwarded;

/// Column srcuser: `source.user.*` and a copy in `user.*`; or a forwarded-for address that PAN-OS put here.
pub(super) fn source(event: &mut Event<'_>, index: usize) {
    let text = event.columns.text(index);
    if forwarded::is_in_user_column(&text) {
        return forwarded::user_column(event, &text);
    }
    let (domain, name) = split(&text);
    event.row.push_str(ecs::SOURCE_USER_NAME, name);
    event.row.push_str(ecs::USER_NAME, name);
    if let Some(domain) = domain {
        event.row.push_str(ecs::SOURCE_USER_DOMAIN, domain);
        event.row.push_str(ecs::USER_DOMAIN, domain);
    }
}

/// Column dstuser: `destination.user.*`.
pub(super) fn destination(event: &mut Event<'_>, index: usize) {
    let text = event.columns.text(index);
    let (domain, name) = split(&text);
    event.row.push_str(ecs::DESTINATION_USER_NAME, name);
    if let Some(domain) = domain {
        event.row.push_str(ecs::DESTINATION_USER_DOMAIN, domain);
    }
}

/// Column normalize_user: the same user as the authentication server knows him; one more name, where it is another.
pub(super) fn normalised(event: &mut Event<'_>, index: usize) {
    let text = event.columns.text(index);
    let (_, name) = split(&text);
    if event.row.str(ecs::SOURCE_USER_NAME) != Some(name) {
        event.row.push_str(ecs::SOURCE_USER_NAME, name);
        event.row.push_str(ecs::USER_NAME, name);
    }
}

/// Column admin of CONFIG and AUDIT.
pub(super) fn administrator(event: &mut Event<'_>, index: usize) {
    let text = event.columns.text(index);
    let (domain, name) = split(&text);
    event.row.push_str(ecs::PANOS_ADMIN, &text);
    event.row.push_str(ecs::RELATED_USER, &text);
    event.row.push_str(ecs::USER_NAME, name);
    if let Some(domain) = domain {
        event.row.push_str(ecs::USER_DOMAIN, domain);
    }
}

/// `domain\user`, `domain\\user` (escaped on the way), `user@domain` at the last `@`; anything else is all name.
pub(super) fn split(text: &str) -> (Option<&str>, &str) {
    // By bytes: the standard library's search for a character is made for long texts.
    if let Some(at) = text.bytes().position(|it| it == b'\\') {
        let (domain, name) = (&text[..at], &text[at + 1..]);
        let name = name.strip_prefix('\\').unwrap_or(name);
        let is_plain = !domain.is_empty() && !name.is_empty() && !name.contains('\\');
        return if is_plain { (Some(domain), name) } else { (None, text) };
    }
    match text.bytes().rposition(|it| it == b'@') {
        Some(at) if at > 0 && at + 1 < text.len() => (Some(&text[at + 1..]), &text[..at]),
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;

    #[test]
    fn each_spelling_gives_domain_and_name() {
        for (text, expected) in [
            (r"acme\jdoe", (Some("acme"), "jdoe")),
            (r"acme\\jdoe", (Some("acme"), "jdoe")),
            ("j.doe@mail@acme.example", (Some("acme.example"), "j.doe@mail")),
            (r"acme\jdoe@x", (Some("acme"), "jdoe@x")),
            (r".\admin", (Some("."), "admin")),
            (r"nt-autorit..t\system", (Some("nt-autorit..t"), "system")),
            ("PC-17$", (None, "PC-17$")),
            ("o'neil #2", (None, "o'neil #2")),
            ("pre-logon", (None, "pre-logon")),
            (r"\x", (None, r"\x")),
            (r"a\b\c", (None, r"a\b\c")),
            ("@x", (None, "@x")),
            ("東京\\太郎", (Some("東京"), "太郎")),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn the_source_user_is_the_user() {
        let row = row_of(r"acme\jdoe", source);
        assert_eq!((row.str(ecs::SOURCE_USER_NAME), row.str(ecs::USER_NAME), row.str(ecs::USER_DOMAIN)), (Some("jdoe"), Some("jdoe"), Some("acme")));
    }

    #[test]
    fn a_forwarded_address_is_no_user() {
        let row = row_of("x-fwd-for: 10.34.32.4", source);
        assert_eq!((row.str(ecs::USER_NAME), row.str(ecs::PANOS_X_FORWARDED_FOR)), (None, Some("x-fwd-for: 10.34.32.4")));
        assert!(row.get(ecs::NETWORK_FORWARDED_IP).is_some());
    }
}
