//! The `sekisho` program as a library: HTTP interface, listeners, settings, commands. Reading order: how it is started, what it
//! serves, what one can run.

pub mod config;
pub mod listen;
pub mod sockets;
pub mod unit;

pub mod api;
pub mod app;
pub mod backup;
pub mod contexts;
pub mod conversation;
pub mod gate;
pub mod http;
pub mod metrics;
pub mod reprocess;
pub mod retention;
pub mod security;
pub mod server;
pub mod sink;
pub mod site_rules;

pub mod cli;
pub mod logging;

pub use app::App;
pub use config::Config;
pub use server::Server;
