//! One file per PAN-OS log type: its table of columns against the vendor's, and what its columns mean together.

mod audit;
mod authentication;
mod config;
mod correlation;
mod decryption;
mod globalprotect;
mod gtp;
mod hipmatch;
mod iptag;
mod sctp;
mod system;
mod threat;
mod traffic;
mod tunnel;
mod userid;

pub(super) use audit::AUDIT;
pub(super) use authentication::AUTHENTICATION;
pub(super) use config::CONFIG;
pub(super) use correlation::CORRELATION;
pub(super) use decryption::DECRYPTION;
pub(super) use globalprotect::GLOBALPROTECT;
pub(super) use gtp::GTP;
pub(super) use hipmatch::HIPMATCH;
pub(super) use iptag::IPTAG;
pub(super) use sctp::SCTP;
pub(super) use system::SYSTEM;
pub(super) use threat::THREAT;
pub(super) use traffic::TRAFFIC;
pub(super) use tunnel::TUNNEL;
pub(super) use userid::USERID;
