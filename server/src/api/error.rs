//! The one table from what went wrong to HTTP status and Elasticsearch's error type and shape.

use std::sync::Arc;

use sekisho_engine::{DocumentError, EngineError, QueryError};
use serde_json::{Map, Value, json};

/// What credentials may look like, for `WWW-Authenticate`.
pub const CHALLENGES: [&str; 2] = ["Basic realm=\"security\", charset=\"UTF-8\"", "ApiKey"];

/// An error as a client sees it: `{"error": {"root_cause": […], "type", "reason", …}, "status"}`.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Elasticsearch's name of the class.
    pub kind: &'static str,
    /// What is wrong, for a person.
    pub reason: String,
    /// More keys of the error object, such as `index`.
    pub details: Map<String, Value>,
    /// Whether it happened on the shards of a search, which clients see wrapped in `search_phase_execution_exception`.
    is_search_phase: bool,
    /// Methods that the path does take, for `Allow`.
    pub allow: Option<String>,
}

impl ApiError {
    /// An error with a status of the table's kind.
    pub fn new(status: u16, kind: &'static str, reason: impl Into<String>) -> Self {
        Self { status, kind, reason: reason.into(), details: Map::new(), is_search_phase: false, allow: None }
    }

    /// 400 `illegal_argument_exception`.
    pub fn illegal_argument(reason: impl Into<String>) -> Self {
        Self::new(400, "illegal_argument_exception", reason)
    }

    /// 400 `parsing_exception`.
    pub fn parsing(reason: impl Into<String>) -> Self {
        Self::new(400, "parsing_exception", reason)
    }

    /// 401 `security_exception`: nobody knows who asks.
    pub fn unauthenticated(reason: impl Into<String>) -> Self {
        Self::new(401, "security_exception", reason).with("header", json!({ "WWW-Authenticate": CHALLENGES }))
    }

    /// 403 `security_exception`: whoever asks may not.
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self::new(403, "security_exception", reason)
    }

    /// 404 for a scroll or a point in time that is not open.
    pub fn context_missing(id: &str) -> Self {
        Self { is_search_phase: true, ..Self::new(404, "search_context_missing_exception", format!("No search context found for id [{id}]")) }
    }

    /// 404 for an index that does not exist.
    pub fn index_not_found(name: &str) -> Self {
        Self::new(404, "index_not_found_exception", format!("no such index [{name}]"))
            .with("resource.type", "index_or_alias")
            .with("resource.id", name)
            .with("index_uuid", "_na_")
            .with("index", name)
    }

    /// The error as one of the request itself, found before any shard is asked.
    #[must_use]
    pub fn of_request(self) -> Self {
        Self { is_search_phase: false, ..self }
    }

    /// Adds a key to the error object.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// `{"type", "reason", …}`: the error without its wrapping, as bulk items and `root_cause` show it.
    pub fn cause(&self) -> Value {
        let mut cause = Map::new();
        cause.insert("type".to_owned(), self.kind.into());
        cause.insert("reason".to_owned(), self.reason.clone().into());
        cause.extend(self.details.clone());
        Value::Object(cause)
    }

    /// The value of `error`.
    pub fn error(&self) -> Value {
        let cause = self.cause();
        if self.is_search_phase {
            let shard = json!({ "shard": 0, "index": self.details.get("index").cloned().unwrap_or(Value::Null), "node": "sekisho", "reason": cause });
            return json!({
                "root_cause": [cause], "type": "search_phase_execution_exception", "reason": "all shards failed", "phase": "query", "grouped": true,
                "failed_shards": [shard], "caused_by": cause,
            });
        }
        let mut error = Map::new();
        error.insert("root_cause".to_owned(), json!([cause]));
        if let Value::Object(cause) = cause {
            error.extend(cause);
        }
        Value::Object(error)
    }

    /// The whole body.
    pub fn body(&self) -> Value {
        json!({ "error": self.error(), "status": self.status })
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let status = match &error {
            QueryError::IndexNotFound(name) => return Self::index_not_found(name),
            QueryError::Damaged(_) => 500,
            QueryError::Forbidden(_) => 403,
            _ => 400,
        };
        // What is wrong with the body itself is found before any shard is asked.
        let is_search_phase = !matches!(
            error,
            QueryError::Parsing(_) | QueryError::XContentParse(_) | QueryError::ActionRequestValidation(_) | QueryError::Forbidden(_)
        );
        Self { is_search_phase, ..Self::new(status, error.es_type(), error.to_string()) }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        (&error).into()
    }
}

impl From<&EngineError> for ApiError {
    fn from(error: &EngineError) -> Self {
        let reason = error.to_string();
        match error {
            EngineError::IndexNotFound(name) => Self::index_not_found(name),
            EngineError::Forbidden(_) => Self::forbidden(reason),
            EngineError::IndexClosed(name) => Self::new(400, "index_closed_exception", reason).with("index", name.as_str()),
            EngineError::InvalidAlias { name, .. } => Self::new(400, "invalid_alias_name_exception", reason).with("index", name.as_str()),
            EngineError::Blocked(by) => Self::new(if by.is_passing() { 429 } else { 403 }, "cluster_block_exception", reason),
            EngineError::NoPolicy(_) => Self::new(404, "resource_not_found_exception", reason),
            EngineError::InvalidTemplate(_) => Self::new(400, "invalid_index_template_exception", reason),
            EngineError::Query(error) => Self::from(error.clone()),
            EngineError::IndexExists(name) => Self::new(400, "resource_already_exists_exception", reason).with("index", name.as_str()),
            EngineError::InvalidIndexName { name, .. } => Self::new(400, "invalid_index_name_exception", reason).with("index", name.as_str()),
            EngineError::Mapping(sekisho_engine::mapping::MappingError::Parse(_)) => Self::new(400, "mapper_parsing_exception", reason),
            EngineError::Mapping(_) | EngineError::IllegalArgument(_) => Self::illegal_argument(reason),
            EngineError::Unavailable(log) if log.is_no_space() => Self::new(429, "cluster_block_exception", reason),
            EngineError::Unavailable(_) => Self::new(503, "cluster_block_exception", reason),
            EngineError::Damaged(_) => Self::new(500, "corrupt_index_exception", reason),
            EngineError::Io(_) | EngineError::Tantivy(_) | EngineError::Manifest(_) | EngineError::DataDir(_) => Self::new(500, "exception", reason),
        }
    }
}

impl From<Arc<EngineError>> for ApiError {
    fn from(error: Arc<EngineError>) -> Self {
        (&*error).into()
    }
}

impl From<&DocumentError> for ApiError {
    fn from(error: &DocumentError) -> Self {
        let reason = error.to_string();
        match error {
            DocumentError::Field { .. } | DocumentError::Document(_) => Self::new(400, "document_parsing_exception", reason),
            DocumentError::Strict { .. } => Self::new(400, "strict_dynamic_mapping_exception", reason),
            DocumentError::Mapping(_) => Self::illegal_argument(reason),
        }
    }
}
