//! A request as handlers see it, and what they answer.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde_json::{Map, Value};

use super::error::ApiError;
use super::tail::Messages;
use crate::app::App;

/// One request, after routing.
pub struct Call {
    /// The process.
    pub app: App,
    /// The path as asked, for messages.
    pub path: String,
    /// Parts of the path by their names in the route (`index`, `id`).
    pub parts: BTreeMap<String, String>,
    /// URL parameters that no one has asked for yet.
    pub params: Params,
    /// Headers.
    pub headers: HeaderMap,
    /// Who is at the other end of the connection.
    pub peer: Option<IpAddr>,
    /// Whether that connection is TLS.
    pub is_encrypted: bool,
    /// The body, decompressed.
    pub body: Bytes,
}

impl Call {
    /// A part of the path; empty where the route has none.
    pub fn part(&self, name: &str) -> &str {
        self.parts.get(name).map_or("", String::as_str)
    }

    /// The body as a JSON object; an empty body is an empty object.
    ///
    /// # Errors
    /// 400 where it is not one.
    pub fn object(&self) -> Result<Map<String, Value>, ApiError> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(ApiError::parsing("Expected [START_OBJECT] but found another token")),
            Err(error) => Err(ApiError::new(400, "x_content_parse_exception", format!("the body is not JSON: {error}"))),
        }
    }
}

/// The body of a request: what came as one, or what a `GET` without a body has in `source`, for clients that can't send the other.
pub fn body_or_source(method: &Method, body: Bytes, params: &mut Params) -> Bytes {
    if *method == Method::GET && body.is_empty() && params.has("source_content_type") && params.has("source") {
        params.ignore(&["source_content_type"]);
        return params.take("source").map_or(body, Bytes::from);
    }
    body
}

/// URL parameters. Each is taken once; what nobody took is unknown, and refused.
#[derive(Clone, Debug, Default)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads a query string.
    pub fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Takes a parameter.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A parameter, left for others to take.
    pub fn look(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a parameter is there and nobody took it.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes a flag; present without a value is true.
    ///
    /// # Errors
    /// 400 for other values.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.take(name).as_deref() {
            None => Ok(None),
            Some("" | "true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(ApiError::illegal_argument(format!("Failed to parse value [{other}] as only [true] or [false] are allowed."))),
        }
    }

    /// Takes a number.
    ///
    /// # Errors
    /// 400 for other values.
    pub fn number(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        self.take(name)
            .map(|it| it.parse().map_err(|_| ApiError::illegal_argument(format!("Failed to parse int parameter [{name}] with value [{it}]"))))
            .transpose()
    }

    /// Takes parameters that change nothing here: hints, and what is always so.
    pub fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.0.remove(*name);
        }
    }

    /// Refuses what nobody took.
    ///
    /// # Errors
    /// 400, naming the parameters.
    pub fn finish(&self, path: &str) -> Result<(), ApiError> {
        let names: Vec<String> = self.0.keys().map(|it| format!("[{it}]")).collect();
        match names.as_slice() {
            [] => Ok(()),
            [one] => Err(ApiError::illegal_argument(format!("request [{path}] contains unrecognized parameter: {one}"))),
            many => Err(ApiError::illegal_argument(format!("request [{path}] contains unrecognized parameters: {}", many.join(", ")))),
        }
    }
}

/// What a handler answers.
pub enum Reply {
    /// JSON with status 200.
    Json(Value),
    /// JSON with another status.
    Status(u16, Value),
    /// Plain text (`_cat`, probes, metrics).
    Text(u16, &'static str, String),
    /// A page of the dashboard or one of its files.
    Asset(&'static sekisho_ui::Asset),
    /// Somewhere else.
    Redirect(&'static str),
    /// JSON with status 200, and a cookie.
    Cookie(String, Value),
    /// Server-sent events, as they come.
    Events(Messages),
    /// Nothing but a status: `HEAD`.
    Empty(u16),
}

/// What a handler returns.
pub type Outcome = Result<Reply, ApiError>;
