//! Sekisho's server: Elasticsearch's dialect over HTTP, syslog listeners, the dashboard, the command line.

pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod http;
pub mod ingest_files;
pub mod metrics;
pub mod serve;
pub mod sink;
