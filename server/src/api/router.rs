//! From a request to its endpoint, and from what that says to an answer: one place for parameters, shapes and headers that all
//! endpoints share.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawPathParams, Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
    SET_COOKIE, VARY, WWW_AUTHENTICATE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::routing::any;
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tower::ServiceExt as _;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;

use super::call::{self, Call, Params, Reply};
use super::error::{ApiError, CHALLENGES};
use super::{ENDPOINTS, Endpoint, filter_path, human, info, is_audited};
use crate::app::App;
use crate::gate::{self, MediaType};
use crate::http::Peer;
use crate::metrics::Metrics;
use crate::security::{Access, Happened, Privilege, Unauthenticated, asked, collector};

/// Bytes of a request's body after decompression, as Elasticsearch's `http.max_content_length`; a larger one is answered with 413.
pub const BODY_BYTES_MAX: usize = 100 << 20;

/// Characters of a URL, as Elasticsearch's `http.max_initial_line_length` of 4 KiB, widened for long lists of indices.
pub const URL_BYTES_MAX: usize = 16 << 10;

/// All endpoints behind the layers that every request passes.
pub fn router(app: &App) -> Router {
    let mut by_path: BTreeMap<&'static str, Vec<&'static Endpoint>> = BTreeMap::new();
    for endpoint in ENDPOINTS {
        for path in endpoint.paths {
            by_path.entry(path).or_default().push(endpoint);
        }
    }
    let mut router = Router::new();
    for (path, endpoints) in by_path {
        let app = app.clone();
        router = router.route(path, any(move |parts: RawPathParams, request: Request| dispatch(app.clone(), endpoints.clone(), parts, request)));
    }
    // The last layer is the first to see a request.
    router
        .fallback(no_handler)
        .layer(RequestDecompressionLayer::new())
        .layer(middleware::from_fn_with_state(app.clone(), check))
        .layer(CatchPanicLayer::custom({
            let metrics = app.metrics().clone();
            move |panic| panicked(&metrics, panic)
        }))
        // The fastest level: answers are large and near, and the cores have searches to run.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::map_response(stamp))
}

/// Answers one request.
pub async fn respond(router: Router, mut request: Request) -> Response<Body> {
    // A slash at the end means nothing, except below the dashboard.
    let path = request.uri().path();
    if path.len() > 1 && path.ends_with('/') && !path.starts_with("/ui") {
        let mut text = path.trim_end_matches('/').to_owned();
        if text.is_empty() {
            text.push('/');
        }
        if let Some(query) = request.uri().query() {
            text.push('?');
            text.push_str(query);
        }
        if let Ok(uri) = text.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn check(State(app): State<App>, request: Request, next: Next) -> Response<Body> {
    let style = Style::of(&request);
    if request.uri().path_and_query().is_some_and(|it| it.as_str().len() > URL_BYTES_MAX) {
        return style.error(&ApiError::new(414, "too_long_http_line_exception", format!("An HTTP line is larger than {URL_BYTES_MAX} bytes.")));
    }
    match gate::check(app.hosts(), request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => style.error(&error),
    }
}

/// Headers that every answer has. Clients since 7.14 refuse a server that does not say what it is.
async fn stamp(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    // Answers of the interface are no pages; if a browser shows one, nothing in it runs.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

/// A request that fits no path at all.
async fn no_handler(request: Request) -> Response<Body> {
    Style::of(&request).error(&no_handler_error(request.method(), request.uri()))
}

fn no_handler_error(method: &Method, uri: &Uri) -> ApiError {
    ApiError::illegal_argument(format!("no handler found for uri [{uri}] and method [{method}]"))
}

async fn dispatch(app: App, endpoints: Vec<&'static Endpoint>, parts: RawPathParams, request: Request) -> Response<Body> {
    let mut style = Style::of(&request);
    let method = request.method().clone();
    let parts: BTreeMap<String, String> = parts.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    // No index starts with an underscore: what looks like one there is an endpoint that we do not have.
    if parts.get("index").is_some_and(|it| it.starts_with('_') && it != "_all") {
        return style.error(&no_handler_error(&method, request.uri()));
    }
    let Some(endpoint) = endpoints.iter().find(|it| it.methods.contains(&method.as_str())) else {
        let allowed: Vec<&str> = endpoints.iter().flat_map(|it| it.methods.iter().copied()).collect();
        let reason = format!("Incorrect HTTP method for uri [{}] and method [{method}], allowed: [{}]", request.uri(), allowed.join(", "));
        let mut error = ApiError::new(405, "illegal_argument_exception", reason);
        error.allow = Some(allowed.join(", "));
        return style.error(&error);
    };
    let mut params = Params::parse(request.uri().query().unwrap_or_default());
    if let Err(error) = style.take(&mut params, request.uri().path()) {
        return style.error(&error);
    }
    let path = request.uri().path().to_owned();
    // Before the body is read: who may not ask does not get to fill the memory.
    let (head, body) = request.into_parts();
    let access = match admit(&app, endpoint, &head).await {
        Ok(it) => it,
        // The dashboard asks for user and password in its own way.
        Err(error) if error.status == 401 && path == "/" && info::wants_page(&head.headers) => {
            return style.reply(Reply::Redirect("/ui/"), &head.headers);
        }
        Err(error) => return style.error(&error),
    };
    let app = app.acting_for(access, asked(endpoint.privilege));
    let (body, _room) = match read(&app, body).await {
        Ok(it) => it,
        Err(error) => return style.error(&error),
    };
    let asked = head.headers.clone();
    let peer = head.extensions.get::<Peer>().copied();
    let is_encrypted = peer.is_some_and(|it| it.is_encrypted);
    let peer = peer.map(|it| it.address);
    let metrics = app.metrics().clone();
    let body = call::body_or_source(&method, body, &mut params);
    let (auditor, asked_path) = (app.clone(), path.clone());
    let call = Call { app, path, parts, params, headers: head.headers, peer, is_encrypted, body };
    let outcome = (endpoint.handler)(call).await;
    let event = match &outcome {
        Ok(_) if is_audited(endpoint, &method) => Some((endpoint.name, true)),
        // On an index, which only the handler came to know.
        Err(error) if error.status == 403 && error.kind == "security_exception" => Some(("access_denied", false)),
        Ok(_) | Err(_) => None,
    };
    if let Some((action, is_success)) = event {
        let request = (method.as_str(), asked_path.as_str());
        auditor.guard().note(Happened { action, is_success, access: auditor.access(), address: peer, request, reason: None });
    }
    match outcome {
        // Ten thousand hits take a while to write.
        Ok(reply @ (Reply::Json(_) | Reply::Status(..))) => tokio::task::spawn_blocking(move || style.reply(reply, &asked))
            .await
            .unwrap_or_else(|error| panicked(&metrics, Box::new(error.to_string()))),
        Ok(reply) => style.reply(reply, &asked),
        Err(error) => style.error(&error),
    }
}

/// Who asks, if they may use that endpoint. What is refused is noted in the audit stream.
async fn admit(app: &App, endpoint: &Endpoint, head: &Parts) -> Result<Arc<Access>, ApiError> {
    let (guard, wanted) = (app.guard(), endpoint.privilege);
    let address = head.extensions.get::<Peer>().map(|it| it.address);
    let (method, path) = (head.method.as_str(), head.uri.path());
    if guard.store().is_some() {
        if guard.is_open(wanted) {
            return Ok(Arc::new(Access::nothing()));
        }
        // Its own token, which its handlers ask for in its own way.
        if wanted == Privilege::Collector && app.hec_token().is_some() {
            return Ok(Arc::new(collector()));
        }
    }
    let access = match guard.authenticate(&head.headers, address).await {
        Ok(it) => it,
        Err(error) => {
            if let Unauthenticated::Wrong(reason) = error {
                let access = Access::nothing();
                let request = (method, path);
                guard.note(Happened { action: "authentication_failed", is_success: false, access: &access, address, request, reason: Some(reason) });
            }
            return Err(match error {
                Unauthenticated::Blocked => ApiError::new(429, "security_exception", error.to_string()),
                Unauthenticated::Missing | Unauthenticated::Wrong(_) => ApiError::unauthenticated(format!("{error} [{path}]")),
            });
        }
    };
    if !guard.allows(&access, wanted) {
        guard.note(Happened { action: "access_denied", is_success: false, access: &access, address, request: (method, path), reason: None });
        return Err(ApiError::forbidden(format!("action [{method} {path}] is unauthorized for {}", access.described())));
    }
    Ok(Arc::new(access))
}

/// The body as a whole, and its room in memory.
async fn read(app: &App, mut body: Body) -> Result<(Bytes, Option<OwnedSemaphorePermit>), ApiError> {
    let mut room: Option<OwnedSemaphorePermit> = None;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::new(400, "parse_exception", format!("the body could not be read: {error}")))?;
        let Ok(part) = frame.into_data() else { continue };
        if bytes.len() + part.len() > BODY_BYTES_MAX {
            return Err(ApiError::new(413, "content_too_long_exception", format!("the body is larger than [{BODY_BYTES_MAX}] bytes")));
        }
        let more = app.request_room(part.len())?;
        match &mut room {
            Some(room) => room.merge(more),
            None => room = Some(more),
        }
        bytes.extend_from_slice(&part);
    }
    Ok((bytes.freeze(), room))
}

fn panicked(metrics: &Metrics, panic: Box<dyn Any + Send>) -> Response<Body> {
    let what = panic.downcast_ref::<&str>().map(|it| (*it).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(what, "a request failed inside");
    metrics.panics.inc();
    Style { media: MediaType::Json, is_head: false, is_pretty: false, is_human: false, is_dashboard: false, filter_path: None }.error(&ApiError::new(
        500,
        "exception",
        "internal error; the log says more",
    ))
}

/// How an answer is to look.
struct Style {
    media: MediaType,
    is_head: bool,
    is_pretty: bool,
    is_human: bool,
    /// A page of ours asks, which knows by itself what a 401 is.
    is_dashboard: bool,
    filter_path: Option<String>,
}

impl Style {
    fn of(request: &Request) -> Self {
        Self {
            media: MediaType::of_answer(request.headers()),
            is_head: request.method() == Method::HEAD,
            is_pretty: false,
            is_human: false,
            is_dashboard: request.headers().get("x-requested-with").is_some_and(|it| it == "sekisho-ui"),
            filter_path: None,
        }
    }

    /// Takes the parameters that every endpoint knows.
    fn take(&mut self, params: &mut Params, path: &str) -> Result<(), ApiError> {
        // Tables know more formats than these two, and take the parameter themselves.
        match params.look("format") {
            Some("yaml") => self.media = MediaType::Yaml,
            Some("json") if self.media == MediaType::Yaml => self.media = MediaType::Json,
            _ => {}
        }
        if matches!(params.look("format"), Some("yaml" | "json")) && !path.starts_with("/_cat/") {
            params.ignore(&["format"]);
        }
        self.is_pretty = params.flag("pretty")?.unwrap_or(false);
        self.filter_path = params.take("filter_path");
        self.is_human = params.flag("human")?.unwrap_or(false);
        params.flag("error_trace")?;
        Ok(())
    }

    fn reply(&self, reply: Reply, asked: &HeaderMap) -> Response<Body> {
        match reply {
            Reply::Json(value) => self.json(200, value),
            Reply::Status(status, value) => self.json(status, value),
            Reply::Cookie(cookie, value) => {
                let mut response = self.json(200, value);
                if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                    response.headers_mut().insert(SET_COOKIE, cookie);
                }
                response
            }
            Reply::Text(status, kind, text) => self.bytes(status, kind, text.into()),
            Reply::Events(messages) => {
                let mut response = Response::new(Body::new(messages));
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
                // A proxy that collects answers before it passes them on would keep a tail for ever.
                headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
                response
            }
            Reply::Empty(status) => self.bytes(status, "", Bytes::new()),
            Reply::Redirect(to) => {
                let mut response = self.bytes(302, "", Bytes::new());
                response.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
                response
            }
            Reply::Asset(asset) => self.asset(asset, asked),
        }
    }

    fn asset(&self, asset: &'static sekisho_ui::Asset, asked: &HeaderMap) -> Response<Body> {
        let text = |name: &HeaderName| asked.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let is_known = text(&IF_NONE_MATCH).split(',').any(|it| it.trim().trim_start_matches("W/") == asset.etag);
        let gzip = asset.gzip.filter(|_| text(&ACCEPT_ENCODING).split(',').any(|it| it.trim().split(';').next() == Some("gzip")));
        let mut response = if is_known {
            self.bytes(304, "", Bytes::new())
        } else {
            self.bytes(200, asset.content_type, Bytes::from_static(gzip.unwrap_or(asset.identity)))
        };
        let headers = response.headers_mut();
        if gzip.is_some() && !is_known {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(ETAG, HeaderValue::from_static(asset.etag));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(asset.cache_control));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(sekisho_ui::CONTENT_SECURITY_POLICY));
        response
    }

    fn error(&self, error: &ApiError) -> Response<Body> {
        let mut response = self.render(error.status, &error.body());
        if error.status == 401 && !self.is_dashboard {
            let headers = response.headers_mut();
            for challenge in CHALLENGES {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        if let Some(value) = error.allow.as_ref().and_then(|it| HeaderValue::from_str(it).ok()) {
            response.headers_mut().insert(ALLOW, value);
        }
        response
    }

    fn json(&self, status: u16, mut value: Value) -> Response<Body> {
        if self.is_human {
            human::add(&mut value);
        }
        match &self.filter_path {
            Some(patterns) => self.render(status, &filter_path::apply(value, patterns)),
            None => self.render(status, &value),
        }
    }

    fn render(&self, status: u16, value: &Value) -> Response<Body> {
        if self.media == MediaType::Yaml {
            let text = serde_norway::to_string(value).expect("a JSON value has only text keys");
            return self.bytes(status, self.media.text(), format!("---\n{text}").into());
        }
        let text = if self.is_pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) };
        let mut text = text.expect("a JSON value has only text keys");
        if self.is_pretty {
            text.push(b'\n');
        }
        self.bytes(status, self.media.text(), text.into())
    }

    fn bytes(&self, status: u16, kind: &'static str, bytes: Bytes) -> Response<Body> {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        // HEAD tells the length that GET's body would have.
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        let mut response = Response::new(if self.is_head { Body::empty() } else { Body::from(bytes) });
        *response.status_mut() = StatusCode::from_u16(status).expect("statuses of the table are valid");
        *response.headers_mut() = headers;
        response
    }
}
