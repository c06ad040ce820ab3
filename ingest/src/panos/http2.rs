//! HTTP/2: a stream's log names the session that carries it.

use sekisho_engine::ecs;

use super::event::Event;

/// Column http2_connection: the parent session; any but 0 says that this is HTTP/2.
pub(super) fn connection(event: &mut Event<'_>, index: usize) {
    let raw = event.columns.raw(index).trim_ascii();
    event.row.push_str(ecs::PANOS_HTTP2_CONNECTION, raw);
    if raw != "0" && raw.bytes().all(|it| it.is_ascii_digit()) {
        event.row.push_str(ecs::HTTP_VERSION, "2");
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::tests_support::row_of;
    use super::*;

    #[test]
    fn a_parent_session_means_http_2() {
        assert_eq!(row_of("4711", connection).str(ecs::HTTP_VERSION), Some("2"));
        assert_eq!(row_of("0", connection).str(ecs::HTTP_VERSION), None);
    }
}
