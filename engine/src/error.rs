//! Why a query or an aggregation could not be answered, in the classes that the caller tells apart.

/// A refused or failed query.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum QueryError {
    /// The body is not understood; Elasticsearch's `parsing_exception` (400).
    #[error("{0}")]
    Parsing(String),
    /// The body is understood and asks for something impossible; `illegal_argument_exception` (400).
    #[error("{0}")]
    IllegalArgument(String),
    /// A query does not fit the mapping, such as a date that is none; `query_shard_exception` (400).
    #[error("{0}")]
    QueryShard(String),
    /// `x_content_parse_exception` (400): an unknown or mistyped key of an object.
    #[error("{0}")]
    XContentParse(String),
    /// More clauses than `limits::CLAUSES_MAX`, or deeper than `limits::QUERY_DEPTH_MAX`; `too_many_clauses` (400).
    #[error("{0}")]
    TooManyClauses(String),
    /// More buckets than `limits::BUCKETS_MAX`; `too_many_buckets_exception` (400).
    #[error(
        "Trying to create too many buckets. Must be less than or equal to: [{limit}] but this number of buckets was exceeded. This limit can be set by changing the [search.max_buckets] cluster level setting."
    )]
    TooManyBuckets {
        /// The limit.
        limit: usize,
    },
    /// Parts of a request contradict each other; `action_request_validation_exception` (400).
    #[error("{0}")]
    ActionRequestValidation(String),
    /// A pipeline aggregation is pointed at something that is not one number; `aggregation_execution_exception` (400).
    #[error("{0}")]
    AggregationExecution(String),
    /// The query reads a document of an index that does not exist; `index_not_found_exception` (404).
    #[error("no such index [{0}]")]
    IndexNotFound(String),
    /// The query reads a document that the requester may not; `security_exception` (403).
    #[error("{0}")]
    Forbidden(String),
    /// The deadline passed or the client went away; `task_cancelled_exception` (400) or `timed_out`.
    #[error("task cancelled [{0}]")]
    Cancelled(&'static str),
    /// Stored data could not be read; 500, and `_shards.failed`.
    #[error("{0}")]
    Damaged(String),
}

impl QueryError {
    /// Elasticsearch's name of the class.
    pub fn es_type(&self) -> &'static str {
        match self {
            QueryError::Parsing(_) => "parsing_exception",
            QueryError::IllegalArgument(_) => "illegal_argument_exception",
            QueryError::QueryShard(_) => "query_shard_exception",
            QueryError::XContentParse(_) => "x_content_parse_exception",
            QueryError::TooManyClauses(_) => "too_many_clauses",
            QueryError::TooManyBuckets { .. } => "too_many_buckets_exception",
            QueryError::ActionRequestValidation(_) => "action_request_validation_exception",
            QueryError::AggregationExecution(_) => "aggregation_execution_exception",
            QueryError::IndexNotFound(_) => "index_not_found_exception",
            QueryError::Forbidden(_) => "security_exception",
            QueryError::Cancelled(_) => "task_cancelled_exception",
            QueryError::Damaged(_) => "corrupt_index_exception",
        }
    }
}

impl From<tantivy::TantivyError> for QueryError {
    fn from(error: tantivy::TantivyError) -> Self {
        QueryError::Damaged(error.to_string())
    }
}

impl From<std::io::Error> for QueryError {
    fn from(error: std::io::Error) -> Self {
        QueryError::Damaged(error.to_string())
    }
}
