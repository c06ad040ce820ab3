//! Measured promises and the data they are measured on.
//!
//! [`generate`] makes believable PAN-OS syslog lines from a seed; the `demo` command, the tests and the benches all
//! read from it. What the product reaches on that data is in `benches/README.md`, with the command for every figure.
//!
//! This crate never opens a socket and never parses a line: it is the outside world.

pub mod generate;
