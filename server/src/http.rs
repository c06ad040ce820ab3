//! From a connection to a [`Call`] and from a [`Reply`] back: routing, limits, headers, content types.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, RawPathParams, Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, LOCATION,
    ORIGIN, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;

use crate::api::call::{Call, Params, Reply};
use crate::api::error::ApiError;
use crate::api::{ENDPOINTS, Endpoint, filter_path};
use crate::app::App;

/// Bytes of a request's body after decompression (Elasticsearch's `http.max_content_length`). More is 413.
pub const BODY_BYTES_MAX: usize = 100 << 20;

/// What the router passes along.
#[derive(Clone)]
struct Shared {
    app: App,
    /// Names under which we may be asked; a foreign one is a browser that was tricked (DNS rebinding). Empty = any.
    hosts: std::sync::Arc<Vec<String>>,
}

/// The HTTP interface. `hosts` are the names in `Host` headers that are served; empty serves any.
pub fn router(app: App, hosts: Vec<String>) -> Router {
    let shared = Shared { app, hosts: hosts.into() };
    let mut by_path: BTreeMap<&'static str, Vec<&'static Endpoint>> = BTreeMap::new();
    for endpoint in ENDPOINTS {
        for path in endpoint.paths {
            by_path.entry(path).or_default().push(endpoint);
        }
    }
    let mut router = Router::new();
    for (path, endpoints) in by_path {
        let mut methods = axum::routing::MethodRouter::new();
        let mut allowed: Vec<&'static str> = Vec::new();
        for endpoint in endpoints {
            for name in endpoint.methods {
                allowed.push(name);
                let filter =
                    MethodFilter::try_from(Method::from_bytes(name.as_bytes()).expect("the list names methods")).expect("and only known ones");
                methods = methods.on(filter, move |state, parts, request| serve(endpoint, state, parts, request));
            }
        }
        let allowed = allowed.join(",");
        router = router.route(path, methods.fallback(move |request: Request| wrong_method(request, allowed.clone())));
    }
    router
        .fallback(no_handler)
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(RequestDecompressionLayer::new().gzip(true).pass_through_unaccepted(false))
        .layer(CompressionLayer::new().gzip(true))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            tracing::error!("a request handler panicked; the request is answered with 500");
            error_response(&ApiError::new(500, "exception", "internal error; the log says more"), &HeaderMap::new(), &Method::GET)
        }))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

/// Serves HTTP until the signal, then finishes the requests under way.
///
/// # Errors
/// When the listener fails.
pub async fn serve_http(listener: tokio::net::TcpListener, router: Router, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).with_graceful_shutdown(stop).await
}

/// What every request passes and every answer gets.
async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let path = request.uri().path().to_owned();
    let mut response = match check_origin(&shared, &method, &headers) {
        Ok(()) => next.run(request).await,
        Err(error) => error_response(&error, &headers, &method),
    };
    // Limits of the transport answer in plain text; clients read JSON.
    match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            response = error_response(
                &ApiError::new(413, "content_too_long_exception", format!("the body is longer than [{BODY_BYTES_MAX}] bytes")),
                &headers,
                &method,
            )
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE if !has_json_body(&response) => {
            response = error_response(
                &ApiError::new(415, "media_type_header_exception", "the body's content-encoding is not supported; use gzip"),
                &headers,
                &method,
            )
        }
        status if status.is_server_error() => shared.app.metrics().error(),
        _ => {}
    }
    let out = response.headers_mut();
    out.insert(HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));
    out.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if path.starts_with("/ui") {
        out.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(sekisho_ui::CONTENT_SECURITY_POLICY));
        out.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    } else if !out.contains_key(CACHE_CONTROL) {
        out.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn has_json_body(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("json"))
}

/// Refuses what a web page elsewhere made a browser send here.
fn check_origin(shared: &Shared, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
    let name_of = |authority: &str| {
        authority
            .rsplit_once(':')
            .filter(|it| it.1.bytes().all(|it| it.is_ascii_digit()))
            .map_or(authority, |it| it.0)
            .trim_matches(['[', ']'])
            .to_ascii_lowercase()
    };
    let host = text(HOST).map(name_of).unwrap_or_default();
    if !shared.hosts.is_empty() && !host.is_empty() && !shared.hosts.contains(&host) {
        return Err(ApiError::new(403, "security_exception", format!("host [{host}] is not served here; see --allow-host")));
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let is_foreign = |origin: &str| origin.split_once("://").is_none_or(|(_, authority)| name_of(authority) != host);
    if text(ORIGIN).is_some_and(is_foreign) || text(HeaderName::from_static("sec-fetch-site")).is_some_and(|it| it == "cross-site") {
        return Err(ApiError::new(403, "security_exception", "requests from other sites are refused"));
    }
    Ok(())
}

async fn serve(endpoint: &'static Endpoint, State(shared): State<Shared>, parts: RawPathParams, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let outcome = async {
        let mut params = Params::parse(head.uri.query().unwrap_or_default());
        let look = Look::take(&mut params)?;
        check_content_type(&head.headers, &head.method, head.uri.path())?;
        let body = match axum::body::to_bytes(body, BODY_BYTES_MAX).await {
            Ok(body) => body,
            Err(error) if error.to_string().contains("length limit") => {
                return Err(ApiError::new(413, "content_too_long_exception", format!("the body is longer than [{BODY_BYTES_MAX}] bytes")));
            }
            Err(error) => return Err(ApiError::new(400, "parse_exception", format!("the body could not be read: {error}"))),
        };
        let parts = parts.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let call = Call { app: shared.app, path: head.uri.path().to_owned(), parts, params, headers: head.headers.clone(), body };
        let reply = (endpoint.handler)(call).await?;
        Ok((reply, look))
    };
    match outcome.await {
        Ok((reply, look)) => reply_response(reply, &look, &head.headers, &head.method),
        Err(error) => error_response(&error, &head.headers, &head.method),
    }
}

async fn wrong_method(request: Request, allowed: String) -> Response {
    let reason = format!("Incorrect HTTP method for uri [{}] and method [{}], allowed: [{allowed}]", request.uri(), request.method());
    let mut error = ApiError::new(405, "method_not_allowed_exception", reason);
    error.allow = Some(allowed);
    error_response(&error, request.headers(), request.method())
}

async fn no_handler(request: Request) -> Response {
    let reason = format!("no handler found for uri [{}] and method [{}]", request.uri(), request.method());
    error_response(&ApiError::illegal_argument(reason), request.headers(), request.method())
}

/// Parameters that every request may have, about how the answer looks.
#[derive(Default)]
struct Look {
    is_pretty: bool,
    filter_path: Option<String>,
}

impl Look {
    fn take(params: &mut Params) -> Result<Self, ApiError> {
        let look = Self { is_pretty: params.flag("pretty")?.unwrap_or(false), filter_path: params.take("filter_path") };
        params.ignore(&["human", "error_trace"]);
        Ok(look)
    }
}

/// Bodies must say that they are JSON: a form of another site can't.
fn check_content_type(headers: &HeaderMap, method: &Method, path: &str) -> Result<(), ApiError> {
    let is_empty = headers.get("content-length").is_none_or(|it| it == "0") && headers.get("transfer-encoding").is_none();
    if matches!(*method, Method::HEAD) || is_empty || path.starts_with("/ui") {
        return Ok(());
    }
    let text = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if is_known_media_type(text) {
        Ok(())
    } else {
        Err(ApiError::new(406, "media_type_header_exception", format!("Content-Type header [{text}] is not supported")))
    }
}

fn is_known_media_type(text: &str) -> bool {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    match media_type.as_str() {
        "application/json" | "application/x-ndjson" => true,
        "application/vnd.elasticsearch+json" | "application/vnd.elasticsearch+x-ndjson" => {
            parts.filter_map(|it| it.strip_prefix("compatible-with=")).all(|it| matches!(it, "7" | "8" | "9"))
        }
        _ => false,
    }
}

/// The media type of JSON answers: in kind to what the client accepts.
fn json_media_type(headers: &HeaderMap) -> HeaderValue {
    let accept = headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let version = accept
        .split(',')
        .map(str::trim)
        .find(|it| it.starts_with("application/vnd.elasticsearch+json"))
        .and_then(|it| it.split("compatible-with=").nth(1))
        .map(str::trim);
    match version {
        Some("9") => HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=9"),
        Some("8") => HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=8"),
        Some("7") => HeaderValue::from_static("application/vnd.elasticsearch+json;compatible-with=7"),
        _ => HeaderValue::from_static("application/json"),
    }
}

fn reply_response(reply: Reply, look: &Look, headers: &HeaderMap, method: &Method) -> Response {
    match reply {
        Reply::Json(value) => json_response(200, value, look, headers, method),
        Reply::Status(status, value) => json_response(status, value, look, headers, method),
        Reply::Text(status, media_type, text) => {
            let body = if *method == Method::HEAD { Body::empty() } else { Body::from(text) };
            (status_code(status), [(CONTENT_TYPE, media_type)], body).into_response()
        }
        Reply::Asset(asset) => asset_response(asset, headers, method),
        Reply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response(),
        Reply::Empty(status) => status_code(status).into_response(),
    }
}

fn json_response(status: u16, value: Value, look: &Look, headers: &HeaderMap, method: &Method) -> Response {
    let value = match &look.filter_path {
        Some(patterns) => filter_path::apply(value, patterns),
        None => value,
    };
    let text = if look.is_pretty {
        serde_json::to_vec_pretty(&value).map(|mut it| {
            it.push(b'\n');
            it
        })
    } else {
        serde_json::to_vec(&value)
    }
    .expect("JSON values can be written");
    let body = if *method == Method::HEAD { Body::empty() } else { Body::from(text) };
    (status_code(status), [(CONTENT_TYPE, json_media_type(headers))], body).into_response()
}

fn error_response(error: &ApiError, headers: &HeaderMap, method: &Method) -> Response {
    let mut response = json_response(error.status, error.body(), &Look::default(), headers, method);
    if let Some(allow) = error.allow.as_deref().and_then(|it| HeaderValue::from_str(it).ok()) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

fn asset_response(asset: &'static sekisho_ui::Asset, headers: &HeaderMap, method: &Method) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let mut response = if text(IF_NONE_MATCH).split(',').any(|it| it.trim().trim_start_matches("W/") == asset.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let gzip = asset.gzip.filter(|_| text(ACCEPT_ENCODING).split(',').any(|it| it.trim().starts_with("gzip")));
        let bytes = gzip.unwrap_or(asset.identity);
        let body = if *method == Method::HEAD { Body::empty() } else { Body::from(Bytes::from_static(bytes)) };
        let mut response = ([(CONTENT_TYPE, asset.content_type)], body).into_response();
        if gzip.is_some() {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    };
    let out = response.headers_mut();
    out.insert(ETAG, HeaderValue::from_static(asset.etag));
    out.insert(CACHE_CONTROL, HeaderValue::from_static(asset.cache_control));
    out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
