//! One conversation through a firewall, and the lines it gives: TRAFFIC start and end, URL, THREAT.

use std::net::{IpAddr, Ipv4Addr};

use super::apps::App;
use super::signatures::{Severity, Signature};
use super::site::{Host, Rule, Zone};

/// One side of a conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) zone: Zone,
    /// Country or private range, columns 41/42 of TRAFFIC and 38/39 of THREAT.
    pub(crate) place: &'static str,
    /// Ours, when it is one of ours.
    pub(crate) host: Option<Host>,
}

/// Translated addresses and ports; PAN-OS writes zeros when nothing was translated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nat {
    pub(crate) source: (IpAddr, u16),
    pub(crate) destination: (IpAddr, u16),
}

impl Nat {
    pub(crate) const NONE: Self = Self { source: (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0), destination: (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0) };
}

/// Bits of the flags column (reference §8).
pub(crate) mod flag {
    pub(crate) const IPV6: u32 = 0x0200_0000;
    pub(crate) const DECRYPTED: u32 = 0x0100_0000;
    pub(crate) const URL_DENIED: u32 = 0x0080_0000;
    pub(crate) const NAT: u32 = 0x0040_0000;
    pub(crate) const NON_STANDARD_PORT: u32 = 0x0010_0000;
    pub(crate) const CONTAINER_PAGE: u32 = 0x0000_8000;
    pub(crate) const PCAP: u32 = 0x8000_0000;
    pub(crate) const TO_WILDFIRE: u32 = 0x2000_0000;
}

/// A conversation. Small and `Copy`: each line of it that waits for its moment carries the whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    /// 0 when no session was set up (floods, scans, drops by zone protection).
    pub(crate) id: u32,
    pub(crate) firewall: usize,
    pub(crate) start_ms: i64,
    pub(crate) elapsed_s: u32,
    pub(crate) source: Peer,
    pub(crate) destination: Peer,
    pub(crate) nat: Nat,
    pub(crate) rule: Option<&'static Rule>,
    pub(crate) app: &'static App,
    pub(crate) protocol: &'static str,
    pub(crate) flags: u32,
    /// What the security rule decided; the TRAFFIC action.
    pub(crate) action: &'static str,
    pub(crate) end_reason: &'static str,
    /// URL category, `any` when the rule does not look at it.
    pub(crate) category: &'static str,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) packets_sent: u64,
    pub(crate) packets_received: u64,
}

/// What a profile reported within a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreatHit {
    pub(crate) signature: &'static Signature,
    pub(crate) severity: Severity,
    pub(crate) action: &'static str,
    /// Column 33: a verdict for WildFire, the URL category or `any` otherwise.
    pub(crate) category: &'static str,
    /// Events merged into this line.
    pub(crate) repeat: u32,
    /// Decides the line's free text.
    pub(crate) seed: u64,
    /// A site involved (DNS name asked for, download), when there is one.
    pub(crate) site: Option<u16>,
}

/// One URL request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UrlHit {
    pub(crate) action: &'static str,
    pub(crate) site: u16,
    /// Decides the line's free text; a `continue` repeats the seed of its `block-continue`, hence the URL.
    pub(crate) seed: u64,
}

/// A line that waits for its moment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// TRAFFIC of the named subtype: start, end, drop or deny.
    Traffic {
        session: Session,
        subtype: &'static str,
    },
    Url {
        session: Session,
        hit: UrlHit,
    },
    Threat {
        session: Session,
        hit: ThreatHit,
    },
    System {
        firewall: usize,
        seed: u64,
    },
    Config {
        firewall: usize,
        seed: u64,
    },
}
