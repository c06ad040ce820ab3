//! Tests of the server through its doors: HTTP in, HTTP out; syslog in; the real program under `kill -9`.

// A test that can't go on panics with what it saw.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod backup;
mod cases;
mod commands;
mod connections;
mod contexts;
mod crash;
mod disk;
mod door;
mod features;
mod follow;
mod headline;
mod hec;
mod http_tls;
mod lines_by_id;
mod listeners;
mod many_connections;
mod process;
mod routes;
mod samples;
mod secrets;
mod security;
mod sessions;
#[cfg(feature = "pipelines")]
mod site_rules;
mod sources;
mod tail;
