//! Filling a conversation: who takes part, which firewall owns it, what is translated, how long it lasts, how it ends.

use std::net::{IpAddr, Ipv6Addr};

use super::apps::App;
use super::scenario::Scenario;
use super::session::{Event, Nat, Peer, Session, flag};
use super::site::{FIREWALLS, Host, Rule, Zone};

/// Nothing lasts longer: the firewall's own time-out for long sessions.
const ELAPSED_S_MAX: u64 = 4 * 3600;

/// What a conversation is made of, before addresses and sizes are drawn.
pub(crate) struct Cast {
    pub(crate) source: Peer,
    pub(crate) destination: Peer,
    pub(crate) app: &'static App,
    pub(crate) protocol: &'static str,
    pub(crate) rule: &'static Rule,
}

impl Scenario {
    /// Somebody outside: an attacker of the few hundred regular ones, or a visitor.
    pub(crate) fn outsider(&mut self, is_attacker: bool) -> Peer {
        let random = &mut self.random;
        let (address, place) = if is_attacker { self.internet.attacker(random) } else { self.internet.visitor(random) };
        Peer { address, port: self.random.between(1024, 65_535) as u16, zone: Zone::Untrust, place, host: None }
    }

    /// One of our hosts in `zone`.
    pub(crate) fn inside(&mut self, zone: Zone) -> Peer {
        let host = Host { zone, number: self.host_number(zone) };
        let port = self.random.between(49_152, 65_535) as u16;
        Peer { address: IpAddr::V4(host.address()), port, zone, place: host.place(), host: Some(host) }
    }

    pub(crate) fn site_peer(&self, site: u16, port: u16) -> Peer {
        let site = self.internet.site(site);
        Peer { address: site.address, port, zone: Zone::Untrust, place: site.country, host: None }
    }

    /// The far end of a conversation from `from` into `to`.
    pub(crate) fn destination(&mut self, from: Zone, to: Zone, port: u16) -> Peer {
        if to == Zone::Untrust {
            let site = self.internet.visit(&mut self.random);
            return self.site_peer(site, port);
        }
        let mut peer = self.inside(to);
        peer.port = port;
        if let (Zone::Untrust, Some(host)) = (from, peer.host) {
            // The Internet knows the published address; the log shows it untranslated, with its country.
            peer.address = IpAddr::V4(host.published());
            peer.place = "Japan";
        }
        peer
    }

    /// Draws what the cast leaves open: firewall, id, translation, sizes, length, end.
    pub(crate) fn open(&mut self, at_ms: i64, cast: Cast) -> Session {
        let Cast { mut source, destination, app, protocol, rule } = cast;
        // Active/active: our side decides which of the two owns the session, fw-lab-01 somewhat more often.
        let ours = source.host.or(destination.host).map_or(0, |it| it.number);
        let firewall = usize::from(ours % 13 >= 8);
        let mut flags = 0x1000;
        let mut nat = Nat::NONE;
        match (source.zone, destination.zone, destination.host) {
            (Zone::Untrust, _, Some(host)) => {
                nat = Nat { source: (source.address, source.port), destination: (IpAddr::V4(host.address()), destination.port) };
                flags |= flag::NAT;
            }
            (_, Zone::Untrust, _) if destination.address.is_ipv4() => {
                let port = if protocol == "icmp" { 0 } else { self.random.between(1024, 65_535) as u16 };
                nat = Nat { source: (IpAddr::V4(FIREWALLS[firewall].public), port), destination: (destination.address, destination.port) };
                flags |= flag::NAT;
            }
            (_, Zone::Untrust, _) => {
                // IPv6 needs no translation; the host speaks with its own global address.
                let zone = source.zone as u16;
                source.address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x10, zone, 0, 0, 0, 0x100 + ours as u16));
                source.place = "Japan";
                flags |= flag::IPV6;
            }
            _ => {}
        }
        if protocol == "icmp" {
            source.port = 0;
        }
        let bytes_sent = 60 + self.random.heavy(app.bytes_median / 4 + 40);
        let bytes_received = 60 + self.random.heavy(app.bytes_median);
        let end_reason = match (protocol, self.random.below(100)) {
            ("tcp", 0..68) => "tcp-fin",
            ("tcp", 68..83) => "tcp-rst-from-client",
            ("tcp", 83..92) => "tcp-rst-from-server",
            _ => "aged-out",
        };
        Session {
            id: self.devices.open_session(firewall),
            firewall,
            start_ms: at_ms,
            elapsed_s: self.random.heavy(app.seconds_median).min(ELAPSED_S_MAX) as u32,
            source,
            destination,
            nat,
            rule: Some(rule),
            app,
            protocol,
            flags,
            action: "allow",
            end_reason,
            category: "any",
            bytes_sent,
            bytes_received,
            packets_sent: 1 + bytes_sent / 640,
            packets_received: 1 + bytes_received / 1100,
        }
    }

    /// Turns an opened conversation into one the firewall refused: no session, one packet.
    pub(crate) fn refuse(&mut self, session: &mut Session, action: &'static str) {
        session.id = if session.app.name == "not-applicable" { 0 } else { session.id };
        session.action = action;
        session.end_reason = "policy-deny";
        session.elapsed_s = 0;
        session.nat = Nat::NONE;
        session.flags &= !flag::NAT;
        session.bytes_sent = u64::from(self.random.between(54, 78));
        session.bytes_received = 0;
        session.packets_sent = 1;
        session.packets_received = 0;
    }

    /// Schedules TRAFFIC end, and start for one session in `start_every`; shortens what would outlast the window.
    pub(crate) fn plan_ends(&mut self, session: &mut Session, start_every: u32) {
        let linger_ms = if session.protocol == "tcp" { 15_000 } else { 30_000 };
        let mut end_ms = session.start_ms + i64::from(session.elapsed_s) * 1000 + i64::from(self.random.below(linger_ms));
        if end_ms > self.last_ms {
            let left_ms = u32::try_from(self.last_ms - session.start_ms).unwrap_or(0);
            end_ms = session.start_ms + i64::from(self.random.below(left_ms + 1));
            session.elapsed_s = session.elapsed_s.min(((end_ms - session.start_ms) / 1000) as u32);
        }
        let session = *session;
        if self.random.chance(1, start_every) {
            self.schedule(session.start_ms, Event::Traffic { session, subtype: "start" });
        }
        self.schedule(end_ms, Event::Traffic { session, subtype: "end" });
    }
}
