//! What a request must be before it is routed: from a host name that is ours, not from another site's page, in a form we read.
//!
//! Browsers are the reason. A page of a foreign site may send requests to this machine; with a name of its own that points here
//! it may even read the answers (DNS rebinding). Both are refused by looking at `Host`, `Origin` and `Sec-Fetch-Site`.

use std::net::IpAddr;

use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Method, Uri};

use crate::api::error::ApiError;
use crate::config::{HostNames, is_loopback};

/// The host names that requests may give.
#[derive(Clone, Debug)]
pub struct Hosts {
    names: HostNames,
    /// Whether we listen for other machines: they name us by an address of ours.
    is_public: bool,
}

impl Hosts {
    /// The names of this machine and the configured ones.
    pub fn new(names: HostNames, is_public: bool) -> Self {
        Self { names, is_public }
    }

    /// Whether other machines reach us.
    pub fn is_public(&self) -> bool {
        self.is_public
    }

    fn allows(&self, authority: &str) -> bool {
        let name = host_of(authority);
        // An address can't be rebound: the browser would have to be sent to it by name.
        let is_ours = match name.parse::<IpAddr>() {
            Ok(ip) => self.is_public || is_loopback(ip),
            Err(_) => name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost"),
        };
        is_ours || self.names.contains(name)
    }
}

/// The host without port and brackets.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    authority.rsplit_once(':').map_or(authority, |it| it.0)
}

/// Refuses requests that must not reach a handler.
///
/// # Errors
/// 403 for foreign hosts and pages, 406 and 415 for forms that we do not read or write.
pub fn check(hosts: &Hosts, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    check_host(hosts, uri, headers)?;
    if !matches!(*method, Method::GET | Method::HEAD) {
        check_origin(hosts, headers)?;
    }
    check_form(method, uri, headers)
}

fn check_host(hosts: &Hosts, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let named =
        headers.get_all(HOST).iter().map(|it| it.to_str().unwrap_or("\u{fffd}")).chain(uri.authority().map(axum::http::uri::Authority::as_str));
    for host in named {
        if !hosts.allows(host) {
            let reason = format!("host [{}] is not known here; add it to allowed_hosts if it is yours", host.escape_default());
            return Err(ApiError::new(403, "security_exception", reason));
        }
    }
    Ok(())
}

fn check_origin(hosts: &Hosts, headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or("\u{fffd}"));
    let refuse = |what: &str| Err(ApiError::new(403, "security_exception", format!("request from a page of another site refused ({what})")));
    match text("sec-fetch-site") {
        None | Some("same-origin" | "none") => {}
        Some(_) => return refuse("sec-fetch-site"),
    }
    match text(ORIGIN.as_str()) {
        None => Ok(()),
        Some(origin) => match origin.split_once("://") {
            Some((_, authority)) if text(HOST.as_str()).is_some_and(|it| it.eq_ignore_ascii_case(authority)) && hosts.allows(authority) => Ok(()),
            _ => refuse("origin"),
        },
    }
}

fn check_form(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING)
        && !matches!(encoding.to_str(), Ok("gzip" | "zstd" | "identity"))
    {
        return Err(ApiError::new(415, "media_type_header_exception", "Content-Encoding must be gzip, zstd or identity"));
    }
    let has_body = headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|it| it != "0");
    // Splunk's collector takes any type, and its clients send all kinds.
    if has_body && *method != Method::HEAD && !uri.path().starts_with("/services/collector") {
        let given = headers.get(CONTENT_TYPE).map(|it| it.to_str().unwrap_or("\u{fffd}"));
        if given.is_none_or(|it| MediaType::parse(it).is_none()) {
            let reason = given
                .map_or("Content-Type header is missing".to_owned(), |it| format!("Content-Type header [{}] is not supported", it.escape_default()));
            return Err(ApiError::new(406, "media_type_header_exception", reason));
        }
    }
    if let Some(accept) = headers.get(ACCEPT).and_then(|it| it.to_str().ok())
        && accept.split(',').map(str::trim).all(|it| it.contains("compatible-with") && MediaType::parse(it).is_none())
    {
        let reason = format!("Invalid media-type value on headers [Accept]: [{}]; compatible-with must be 8 or 9", accept.escape_default());
        return Err(ApiError::new(400, "media_type_header_exception", reason));
    }
    Ok(())
}

/// A media type that requests and answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json` and `application/x-ndjson`.
    Json,
    /// `application/vnd.elasticsearch+json; compatible-with=8`.
    Compatible8,
    /// `application/vnd.elasticsearch+json; compatible-with=9`.
    Compatible9,
    /// `application/yaml`, of answers alone.
    Yaml,
}

impl MediaType {
    /// Reads a media type with its parameters; `None` for one that we do not know.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let is_versioned = match parts.next()?.to_ascii_lowercase().as_str() {
            "application/json" | "application/x-ndjson" | "application/ndjson" => false,
            "application/vnd.elasticsearch+json" | "application/vnd.elasticsearch+x-ndjson" => true,
            _ => return None,
        };
        let mut version = None;
        for part in parts {
            match part.split_once('=').map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim())) {
                Some((key, value)) if key == "compatible-with" => version = Some(value),
                Some((key, value)) if key == "charset" && value.trim_matches('"').eq_ignore_ascii_case("utf-8") => {}
                Some((key, _)) if key == "q" => {}
                _ => return None,
            }
        }
        match (is_versioned, version) {
            (true, Some("8")) => Some(Self::Compatible8),
            (true, Some("9")) => Some(Self::Compatible9),
            (true, _) | (false, Some(_)) => None,
            (false, None) => Some(Self::Json),
        }
    }

    /// The media type that an answer to a request has.
    pub fn of_answer(headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let is_yaml = |it: &str| it.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case("application/yaml"));
        accepted.split(',').find_map(|it| if is_yaml(it) { Some(Self::Yaml) } else { Self::parse(it.trim()) }).unwrap_or(Self::Json)
    }

    /// As a header says it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Compatible8 => "application/vnd.elasticsearch+json;compatible-with=8",
            Self::Compatible9 => "application/vnd.elasticsearch+json;compatible-with=9",
            Self::Yaml => "application/yaml",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: Method, headers: &[(&'static str, &str)]) -> u16 {
        let hosts = Hosts::new("logs.example".parse().unwrap(), false);
        let headers = headers.iter().map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap())).collect();
        check(&hosts, &method, &Uri::from_static("/x"), &headers).map_or_else(|it| it.status, |()| 200)
    }

    #[test]
    fn foreign_hosts_are_refused() {
        for (host, expected) in [
            ("127.0.0.1:9200", 200),
            ("localhost", 200),
            ("[::1]:9200", 200),
            ("logs.example:9200", 200),
            ("attacker.example", 403),
            ("127.0.0.1.attacker.example", 403),
            ("192.0.2.1:9200", 403),
            ("", 403),
        ] {
            assert_eq!(status(Method::GET, &[("host", host)]), expected, "{host}");
        }
    }

    #[test]
    fn pages_of_other_sites_can_not_write() {
        let host = ("host", "localhost:9200");
        assert_eq!(status(Method::POST, &[host, ("origin", "http://localhost:9200")]), 200);
        assert_eq!(status(Method::POST, &[host, ("origin", "https://attacker.example")]), 403);
        assert_eq!(status(Method::POST, &[host, ("origin", "http://localhost:8080")]), 403);
        assert_eq!(status(Method::DELETE, &[host, ("origin", "null")]), 403);
        assert_eq!(status(Method::PUT, &[host, ("sec-fetch-site", "cross-site")]), 403);
        assert_eq!(status(Method::GET, &[host, ("origin", "https://attacker.example")]), 200);
    }

    #[test]
    fn bodies_need_a_form_that_we_read() {
        let (host, body) = (("host", "localhost"), ("content-length", "2"));
        for (form, expected) in [
            ("application/json", 200),
            ("application/json; charset=UTF-8", 200),
            ("application/x-ndjson", 200),
            ("application/vnd.elasticsearch+json; compatible-with=8", 200),
            ("application/vnd.elasticsearch+x-ndjson;compatible-with=9", 200),
            ("application/vnd.elasticsearch+json; compatible-with=7", 406),
            ("text/plain", 406),
            ("application/x-www-form-urlencoded", 406),
        ] {
            assert_eq!(status(Method::POST, &[host, body, ("content-type", form)]), expected, "{form}");
        }
        assert_eq!(status(Method::POST, &[host, body]), 406);
        assert_eq!(status(Method::POST, &[host, ("content-encoding", "br")]), 415);
    }
}
