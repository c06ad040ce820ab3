//! Bytes as text: lines are UTF-8 nearly always, and where they are not, every broken sequence becomes U+FFFD in the fields. The bytes
//! themselves stay in the record.

use std::borrow::Cow;

/// The text of a line. The standard library's lossy conversion alone looks at every byte on its own; valid text must not pay for that.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_bytes_are_replaced_and_all_else_is_kept() {
        assert!(matches!(text("日本".as_bytes()), Cow::Borrowed("日本")));
        assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
    }
}
