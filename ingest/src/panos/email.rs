//! Sender and recipient of a mail that WildFire looked at.

use sekisho_engine::ecs;

use super::event::Event;

/// Column sender, `From: …`.
pub(super) fn sender(event: &mut Event<'_>, index: usize) {
    let text = event.columns.text(index);
    event.row.push_str(ecs::SOURCE_USER_EMAIL, without_label(&text, "From:"));
}

/// Column recipient, `To: …`.
pub(super) fn recipient(event: &mut Event<'_>, index: usize) {
    let text = event.columns.text(index);
    event.row.push_str(ecs::DESTINATION_USER_EMAIL, without_label(&text, "To:"));
}

fn without_label<'a>(text: &'a str, label: &str) -> &'a str {
    let text = text.trim_ascii();
    match text.split_at_checked(label.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(label) && !rest.trim_ascii().is_empty() => rest.trim_ascii(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_goes_and_the_address_stays() {
        assert_eq!(without_label("From: a@example.com", "From:"), "a@example.com");
        assert_eq!(without_label("a@example.com", "From:"), "a@example.com");
        assert_eq!(without_label("送信者 a", "From:"), "送信者 a");
    }
}
