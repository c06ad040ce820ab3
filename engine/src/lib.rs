//! Sekisho's embeddable search-and-analytics engine: a durable log, immutable time-sorted splits, Elasticsearch's query and
//! aggregation semantics. No HTTP, no syslog, no sockets.

pub mod aggs;
pub mod analysis;
mod cache;
pub mod clock;
pub mod columns;
pub mod datetime;
mod directory;
pub mod doc_id;
mod document;
pub mod ecs;
mod engine;
mod entry;
pub mod error;
mod files;
pub mod format;
pub mod fs;
mod index;
pub mod journal;
pub mod limits;
pub mod log;
mod manifest;
pub mod mapping;
mod overlay;
mod publish;
pub mod query;
mod resolve;
pub mod row;
mod search;
mod sort;
pub mod source;
mod source_filter;
mod split;
mod template;
mod write;

pub use document::DocumentError;
pub use engine::{Document, Engine, EngineError, EngineOptions, IndexInfo, Recovery, WriteAction, WriteOp, WriteResult, Written};
pub use error::QueryError;
pub use resolve::{ResolveOptions, Targets};
pub use search::{Cancel, Hit, SearchRequest, SearchResponse, ShardFailure, Total, TrackTotalHits};
pub use sort::{SortBy, SortKey};
pub use source_filter::SourceFilter;
pub use split::SplitId;
pub use template::{BUILTIN_STREAMS, is_builtin_stream};
