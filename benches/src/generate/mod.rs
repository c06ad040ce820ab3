//! Believable PAN-OS 10.2 and 11.1 syslog lines from a seed: the same [`Options`] give the same bytes for ever.
//!
//! The scene is a research laboratory: two firewalls in an active/active pair that are upgraded from 10.2 to 11.1 during
//! the window, zones Trust, Untrust, DMZ, VPN and Guest, about two thousand hosts, office hours and weekends, and an
//! Internet that scans, guesses passwords and tries exploits around the clock. Lines of one conversation share its session id,
//! addresses and ports: a blocked page is a URL line and a TRAFFIC end line, a reset exploit a THREAT line and a TRAFFIC
//! end line.
//!
//! What it is not: a parser's inverse. Nothing here is shared with `sekisho-ingest`, so a column that both sides
//! misread cannot cancel out; the tables follow the PAN-OS syslog reference §4, §6, §7, §12 and §13.
//!
//! Names and addresses belong to nobody: names end in `.example`, the Internet is the benchmarking and documentation
//! ranges (198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32).
//!
//! ```
//! use sekisho_benches::generate::{Generator, Options};
//!
//! let mut lines = Generator::new(&Options { seed: 7, lines: 100, ..Options::default() });
//! let mut line = Vec::new();
//! let mut count = 0;
//! while let Some(at_ms) = lines.next_into(&mut line) {
//!     assert!(at_ms > 0 && line.starts_with(b"<1"));
//!     count += 1;
//! }
//! assert_eq!(count, 100);
//! ```

mod apps;
mod bursts;
mod casting;
mod columns;
mod device;
mod events;
mod flows;
mod generator;
mod internet;
mod options;
mod plans;
mod random;
mod rhythm;
mod scenario;
mod session;
mod signatures;
mod site;
mod threat;
mod traffic;
mod trickle;
mod urls;

pub use generator::{Generator, Line};
pub use options::{END_MS_DEFAULT, Mix, Options};
pub use trickle::Trickle;
