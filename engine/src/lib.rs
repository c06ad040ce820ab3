//! Sekisho's embeddable search-and-analytics engine: a durable log, immutable time-sorted splits, Elasticsearch's query and
//! aggregation semantics. No HTTP, no syslog, no sockets.

pub mod aggs;
pub mod analysis;
pub mod clock;
pub mod columns;
pub mod datetime;
pub mod ecs;
pub mod error;
pub mod format;
pub mod limits;
pub mod mapping;
mod overlay;
pub mod row;
pub mod source;
mod split;
