//! Splits the URLs of PAN-OS logs, which have no scheme, so that a general URL parser takes `host:443` for one.
//!
//! Nothing is decoded or repaired: bodies hold quotes, JSON, blanks and stray percent signs (PAN-OS syslog reference §11).

use sekisho_engine::ecs;

use super::event::Event;

/// Longest extension, in characters: `nupkg` and `torrent` are, the tail of a version number is not.
const EXTENSION_LEN_MAX: usize = 10;

/// The parts of a URL; empty where there is none.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts<'a> {
    domain: &'a str,
    port: Option<u16>,
    path: &'a str,
    query: &'a str,
    extension: &'a str,
}

/// Adds `url.*`, and `destination.domain` where the host stands alone.
pub(super) fn push(event: &mut Event<'_>, text: &str) {
    event.row.push_str(ecs::URL_ORIGINAL, text);
    let parts = split(text);
    for (field, part) in
        [(ecs::URL_DOMAIN, parts.domain), (ecs::URL_PATH, parts.path), (ecs::URL_QUERY, parts.query), (ecs::URL_EXTENSION, parts.extension)]
    {
        if !part.is_empty() {
            event.row.push_str(field, part);
        }
    }
    match parts.port {
        Some(port) => event.row.push_i64(ecs::URL_PORT, i64::from(port)),
        None if !parts.domain.is_empty() => event.row.push_str(ecs::DESTINATION_DOMAIN, parts.domain),
        None => {}
    }
}

fn split(text: &str) -> Parts<'_> {
    // Seen only from other vendors' relays; PAN-OS itself writes none.
    let text = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let host_end = text.find(['/', '?']).unwrap_or(text.len());
    let (host, rest) = text.split_at(host_end);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (domain, port) = match host.rsplit_once(':') {
        Some((domain, port)) if !domain.contains(':') || domain.ends_with(']') => match port.parse() {
            Ok(port) => (domain, Some(port)),
            Err(_) => (host, None),
        },
        _ => (host, None),
    };
    // `-/` is a private address without a name.
    let domain = if domain == "-" { "" } else { domain };
    Parts { domain, port, path, query, extension: extension(path) }
}

fn extension(path: &str) -> &str {
    let segment = path.rsplit('/').next().unwrap_or_default();
    match segment.rsplit_once('.') {
        Some((_, it)) if !it.is_empty() && it.len() <= EXTENSION_LEN_MAX && it.bytes().all(|it| it.is_ascii_alphanumeric()) => it,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, domain: &str, port: Option<u16>, path: &str, query: &str, extension: &str) {
        assert_eq!(split(text), Parts { domain, port, path, query, extension }, "{text}");
    }

    #[test]
    fn the_parts_of_ordinary_urls() {
        check("cribl.io/download", "cribl.io", None, "/download", "", "");
        check("www.espn.com/", "www.espn.com", None, "/", "", "");
        check("a.example/klik/search.php?q=x?y", "a.example", None, "/klik/search.php", "q=x?y", "php");
        check("a.example/x/A.1.2.nupkg", "a.example", None, "/x/A.1.2.nupkg", "", "nupkg");
    }

    #[test]
    fn ports_and_missing_paths() {
        check("dev.example.net:443/", "dev.example.net", Some(443), "/", "", "");
        check("key.example.com:443?q=30", "key.example.com", Some(443), "", "q=30", "");
        check("host.example", "host.example", None, "", "", "");
        check("host.example:99999/", "host.example:99999", None, "/", "", "");
    }

    #[test]
    fn a_query_may_hold_slashes_and_json() {
        check(r#"g.example?u=/a.b&l={"x":-33,"y":2}"#, "g.example", None, "", r#"u=/a.b&l={"x":-33,"y":2}"#, "");
    }

    #[test]
    fn addresses_stand_for_names() {
        check("[2001:db8::1]:8443/a", "[2001:db8::1]", Some(8443), "/a", "", "");
        check("[2001:db8::1]/a", "[2001:db8::1]", None, "/a", "", "");
        check("192.0.2.7/x.exe", "192.0.2.7", None, "/x.exe", "", "exe");
        check("-/", "", None, "/", "", "");
    }

    #[test]
    fn odd_tails_are_no_extension() {
        check("a.example/file.with%20blank", "a.example", None, "/file.with%20blank", "", "");
        check("a.example/.", "a.example", None, "/.", "", "");
        check("a.example/v1.2/x", "a.example", None, "/v1.2/x", "", "");
    }

    #[test]
    fn a_scheme_is_not_a_host() {
        check("https://a.example/x", "a.example", None, "/x", "", "");
    }
}
