//! X-Forwarded-For: who is behind a proxy. It comes in its own column or, by an option, in that of the source user.

use std::net::IpAddr;

use sekisho_engine::ecs;

use super::event::Event;

const PREFIX: &str = "x-fwd-for:";

/// Whether the source user's column holds a forwarded-for value; the flag that should say so is not always set.
pub(super) fn is_in_user_column(text: &str) -> bool {
    text.as_bytes().get(..PREFIX.len()).is_some_and(|it| it.eq_ignore_ascii_case(PREFIX.as_bytes()))
}

/// The value in the source user's column: the text as it stands, and the address where it is one.
pub(super) fn user_column(event: &mut Event<'_>, text: &str) {
    event.row.push_str(ecs::PANOS_X_FORWARDED_FOR, text);
    if let Ok(address) = text[PREFIX.len()..].trim_ascii().parse::<IpAddr>() {
        event.row.push_ip(ecs::NETWORK_FORWARDED_IP, address);
    }
}

/// Column xff: the address, or the text where it is a list or none. The source user's column goes first; it says the same.
pub(super) fn header(event: &mut Event<'_>, index: usize) {
    if event.row.get(ecs::NETWORK_FORWARDED_IP).is_some() {
        return;
    }
    let text = event.columns.text(index);
    match text.trim_ascii().parse::<IpAddr>() {
        Ok(address) => event.row.push_ip(ecs::NETWORK_FORWARDED_IP, address),
        Err(_) if event.row.get(ecs::PANOS_X_FORWARDED_FOR).is_none() => event.row.push_str(ecs::PANOS_X_FORWARDED_FOR, &text),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;

    #[test]
    fn an_address_is_an_address_and_a_list_is_text() {
        assert!(row_of("192.0.2.7", header).get(ecs::NETWORK_FORWARDED_IP).is_some());
        assert_eq!(row_of("\"192.0.2.7, 10.0.0.1\"", header).str(ecs::PANOS_X_FORWARDED_FOR), Some("192.0.2.7, 10.0.0.1"));
    }

    #[test]
    fn text_of_other_scripts_in_the_user_column_does_not_panic() {
        assert!(!is_in_user_column("ユーザー名"));
        assert!(!is_in_user_column("x-fwd"));
    }
}
