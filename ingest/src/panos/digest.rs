//! The digest of a file: kept as the firewall gives it, and among the hashes that other logs are joined by.

use sekisho_engine::ecs;

use super::event::Event;

/// Column filedigest (SHA-256, WildFire only).
pub(super) fn file(event: &mut Event<'_>, index: usize) {
    let raw = event.columns.raw(index).trim_ascii();
    event.row.push_str(ecs::PANOS_FILE_HASH, raw);
    let is_digest = matches!(raw.len(), 32 | 40 | 64) && raw.bytes().all(|it| it.is_ascii_hexdigit());
    if is_digest {
        event.row.push_lower(ecs::RELATED_HASH, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;

    #[test]
    fn only_a_digest_is_related() {
        let sha256 = "8040C1CEE63DB55B348DEA8F07AD42D1C78F9ED2C4FF90A9F9ACCFFA7ABA186F";
        assert_eq!(row_of(sha256, file).str(ecs::RELATED_HASH), Some(&*sha256.to_lowercase()));
        assert_eq!(row_of("file-digest", file).str(ecs::RELATED_HASH), None);
    }
}
