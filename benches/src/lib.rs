//! Measured promises and the data they are measured on.
//!
//! [`generate`] makes believable PAN-OS syslog lines from a seed; the `demo` command, the tests and the benches all
//! read from it. What the product reaches on that data is in `benches/README.md`, with the command for every figure.
//!
//! The library never opens a socket and never parses a line: it is the outside world. What measures is in `bin/`.

pub mod generate;
