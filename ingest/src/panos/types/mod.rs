//! One file per PAN-OS log type: its table of columns against the vendor's, and what its columns mean together.

mod threat;
mod traffic;

pub(super) use threat::THREAT;
pub(super) use traffic::TRAFFIC;
