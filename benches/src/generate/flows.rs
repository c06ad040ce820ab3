//! Ordinary conversations: who talks to whom with what, and what the rules say to it.

use super::apps::{self, App};
use super::site::{self, Rule, Zone};

/// What becomes of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allow,
    /// Dropped before the application was known: TRAFFIC subtype drop.
    Drop,
    /// The application was known and is not wanted: TRAFFIC subtype deny.
    Deny(&'static str),
}

/// A kind of conversation; `weight` is its share among all kinds.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) weight: u32,
    pub(crate) from: Zone,
    pub(crate) to: Zone,
    pub(crate) app: &'static App,
    pub(crate) rule: &'static Rule,
    /// 0: any of the ports that scanners try.
    pub(crate) port: u16,
    pub(crate) protocol: &'static str,
    pub(crate) verdict: Verdict,
}

const fn flow(
    weight: u32,
    (from, to): (Zone, Zone),
    app: &'static App,
    (protocol, port): (&'static str, u16),
    rule: &'static Rule,
    verdict: Verdict,
) -> Flow {
    Flow { weight, from, to, app, rule, port, protocol, verdict }
}

use Verdict::{Allow, Deny, Drop};
use Zone::{Dmz, Guest, Trust, Untrust, Vpn};

/// Every kind of ordinary conversation.
pub(crate) static FLOWS: [Flow; 36] = [
    flow(190, (Trust, Dmz), &apps::DNS, ("udp", 53), &site::RESOLVERS, Allow),
    flow(60, (Dmz, Untrust), &apps::DNS, ("udp", 53), &site::SERVERS_INTERNET, Allow),
    flow(150, (Trust, Untrust), &apps::SSL, ("tcp", 443), &site::USERS_INTERNET, Allow),
    flow(75, (Trust, Untrust), &apps::QUIC, ("udp", 443), &site::USERS_INTERNET, Allow),
    flow(40, (Trust, Untrust), &apps::OFFICE, ("tcp", 443), &site::USERS_INTERNET, Allow),
    flow(14, (Trust, Untrust), &apps::TEAMS, ("udp", 3480), &site::USERS_INTERNET, Allow),
    flow(12, (Trust, Untrust), &apps::UPDATES, ("tcp", 443), &site::USERS_INTERNET, Allow),
    flow(8, (Trust, Untrust), &apps::VIDEO, ("tcp", 443), &site::USERS_INTERNET, Allow),
    flow(10, (Trust, Untrust), &apps::GITHUB, ("tcp", 443), &site::USERS_INTERNET, Allow),
    flow(5, (Trust, Untrust), &apps::INCOMPLETE, ("tcp", 443), &site::USERS_INTERNET, Allow),
    flow(6, (Trust, Untrust), &apps::BITTORRENT, ("udp", 6881), &site::UNWANTED, Deny("deny")),
    flow(3, (Trust, Untrust), &apps::TELNET, ("tcp", 23), &site::UNWANTED, Deny("reset-client")),
    flow(44, (Trust, Dmz), &apps::SMB, ("tcp", 445), &site::SERVICES, Allow),
    flow(30, (Trust, Dmz), &apps::LDAP, ("tcp", 389), &site::SERVICES, Allow),
    flow(26, (Trust, Dmz), &apps::KERBEROS, ("tcp", 88), &site::SERVICES, Allow),
    flow(16, (Trust, Dmz), &apps::NTP, ("udp", 123), &site::SERVICES, Allow),
    flow(14, (Trust, Dmz), &apps::SSH, ("tcp", 22), &site::SERVICES, Allow),
    flow(9, (Trust, Dmz), &apps::POSTGRES, ("tcp", 5432), &site::SERVICES, Allow),
    flow(7, (Trust, Dmz), &apps::MSSQL, ("tcp", 1433), &site::SERVICES, Allow),
    flow(8, (Trust, Dmz), &apps::SYSLOG, ("udp", 514), &site::SERVICES, Allow),
    flow(14, (Trust, Dmz), &apps::PING, ("icmp", 0), &site::SERVICES, Allow),
    flow(10, (Dmz, Trust), &apps::SNMP, ("udp", 161), &site::SERVICES, Allow),
    flow(70, (Untrust, Dmz), &apps::SSL, ("tcp", 443), &site::PUBLIC_WEB, Allow),
    flow(22, (Untrust, Dmz), &apps::WEB_BROWSING, ("tcp", 80), &site::PUBLIC_WEB, Allow),
    flow(20, (Untrust, Dmz), &apps::SMTP, ("tcp", 25), &site::MAIL, Allow),
    flow(9, (Untrust, Dmz), &apps::GLOBALPROTECT, ("tcp", 4443), &site::REMOTE_ACCESS, Allow),
    flow(4, (Untrust, Dmz), &apps::IPSEC, ("udp", 4501), &site::REMOTE_ACCESS, Allow),
    flow(95, (Untrust, Dmz), &apps::NOT_APPLICABLE, ("tcp", 0), &site::DEFAULT, Drop),
    flow(10, (Untrust, Dmz), &apps::NOT_APPLICABLE, ("udp", 0), &site::DEFAULT, Drop),
    flow(20, (Vpn, Trust), &apps::RDP, ("tcp", 3389), &site::VPN_USERS, Allow),
    flow(12, (Vpn, Trust), &apps::SSH, ("tcp", 22), &site::VPN_USERS, Allow),
    flow(18, (Vpn, Dmz), &apps::SMB, ("tcp", 445), &site::VPN_USERS, Allow),
    flow(16, (Vpn, Dmz), &apps::DNS, ("udp", 53), &site::RESOLVERS, Allow),
    flow(46, (Guest, Untrust), &apps::SSL, ("tcp", 443), &site::GUEST, Allow),
    flow(18, (Guest, Untrust), &apps::QUIC, ("udp", 443), &site::GUEST, Allow),
    flow(8, (Guest, Trust), &apps::NOT_APPLICABLE, ("tcp", 0), &site::DEFAULT, Drop),
];

/// Ports that the Internet's scanners knock on, frequent ones several times.
pub(crate) const SCANNED_PORTS: [u16; 24] =
    [23, 23, 22, 22, 3389, 3389, 445, 8080, 8443, 5060, 6379, 2323, 1433, 3306, 5432, 5900, 9200, 27017, 21, 161, 11211, 2375, 7001, 8291];
