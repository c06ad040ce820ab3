//! The kinds of conversations, and the lines that will report each of them.

use super::apps;
use super::casting::Cast;
use super::flows::{FLOWS, Flow, SCANNED_PORTS, Verdict};
use super::scenario::Scenario;
use super::session::{Event, Nat, Peer, Session, ThreatHit, UrlHit, flag};
use super::signatures::{self, BRUTE_FORCE, OUTBOUND, Severity, Signature, Subtype, WEB_EXPLOITS};
use super::site::{self, FIREWALLS, Zone};

/// Of a hundred blocked pages, how many block-url, block-continue (the rest: override).
const BLOCK_URL_PERCENT: u32 = 91;
/// Blocked requests that go to port 80, in thousandths.
const BLOCKED_ON_PORT_80: u32 = 988;

impl Scenario {
    /// A person opens pages on one site: URL lines, a TRAFFIC end, now and then a TRAFFIC start.
    pub(crate) fn plan_web(&mut self, at_ms: i64) {
        let zone = match self.random.below(100) {
            0..82 => Zone::Trust,
            82..94 => Zone::Guest,
            _ => Zone::Vpn,
        };
        let is_blocked = self.random.chance(22, 100);
        let random = &mut self.random;
        let (site, port) = if is_blocked {
            let port = if random.chance(BLOCKED_ON_PORT_80, 1000) { 80 } else { random.pick(&[443, 443, 443, 8080, 8080, 8443, 3128]) };
            (self.internet.visit_blocked(random), port)
        } else {
            (self.internet.visit(random), random.pick(&[443, 443, 443, 443, 443, 443, 443, 80, 80, 8080]))
        };
        let app = match (port, is_blocked) {
            (443 | 8443, false) => self.random.pick(&[&apps::SSL, &apps::SSL, &apps::SSL, &apps::OFFICE, &apps::DRIVE]),
            (443 | 8443, true) => &apps::SSL,
            (_, false) => self.random.pick(&[&apps::WEB_BROWSING, &apps::WEB_BROWSING, &apps::WEB_BROWSING, &apps::UPDATES]),
            (_, true) => &apps::WEB_BROWSING,
        };
        let rule = if zone == Zone::Guest { &site::GUEST } else { &site::USERS_INTERNET };
        let source = self.inside(zone);
        let destination = self.site_peer(site, port);
        let mut session = self.open(at_ms, Cast { source, destination, app, protocol: "tcp", rule });
        session.category = self.internet.site(site).category;
        if matches!(port, 443 | 8443) && self.random.chance(1, 4) {
            session.flags |= flag::DECRYPTED;
        }
        if !matches!(port, 80 | 443) {
            session.flags |= flag::NON_STANDARD_PORT;
        }
        let seed = self.random.next_u64();
        let first_ms = at_ms + i64::from(self.random.between(40, 900));
        if is_blocked {
            session.flags |= flag::URL_DENIED;
            session.end_reason = "threat";
            session.elapsed_s = session.elapsed_s.min(self.random.between(5, 40));
            session.bytes_received = session.bytes_received.min(4000);
            let action = match self.random.below(1000) {
                it if it < BLOCK_URL_PERCENT * 10 => "block-url",
                it if it < 994 => "block-continue",
                it if it < 998 => "block-override",
                _ => "override-lockout",
            };
            self.plan_ends(&mut session, 4);
            self.schedule(first_ms, Event::Url { session, hit: UrlHit { action, site, seed } });
            if action == "block-continue" && self.random.chance(1, 3) {
                // The person read the warning and went on: a second line for the same URL.
                let later_ms = first_ms + i64::from(self.random.between(4_000, 30_000));
                self.schedule(later_ms, Event::Url { session, hit: UrlHit { action: "continue", site, seed } });
            }
            return;
        }
        self.plan_ends(&mut session, 4);
        let mut moment_ms = first_ms;
        for page in 0..self.random.between(1, 3) {
            let action = if self.random.chance(1, 30) { "allow" } else { "alert" };
            let hit = UrlHit { action, site, seed: seed.wrapping_add(u64::from(page)) };
            self.schedule(moment_ms, Event::Url { session, hit });
            moment_ms += i64::from(self.random.between(200, 9_000));
        }
    }

    /// An ordinary conversation of [`FLOWS`]: TRAFFIC only.
    pub(crate) fn plan_flow(&mut self, at_ms: i64) {
        let flow: &'static Flow = &FLOWS[self.flows.pick(&mut self.random)];
        let port = if flow.port == 0 && flow.protocol != "icmp" { self.random.pick(&SCANNED_PORTS) } else { flow.port };
        let is_attacker = flow.verdict == Verdict::Drop || self.random.chance(1, 8);
        let source = match flow.from {
            Zone::Untrust => self.outsider(is_attacker),
            zone => self.inside(zone),
        };
        let destination = self.destination(flow.from, flow.to, port);
        let cast = Cast { source, destination, app: flow.app, protocol: flow.protocol, rule: flow.rule };
        let mut session = self.open(at_ms, cast);
        match flow.verdict {
            Verdict::Allow => self.plan_ends(&mut session, 8),
            Verdict::Drop | Verdict::Deny(_) => {
                let (subtype, action) = match flow.verdict {
                    Verdict::Deny(action) => ("deny", action),
                    _ => ("drop", "drop"),
                };
                self.refuse(&mut session, action);
                self.schedule(at_ms, Event::Traffic { session, subtype });
            }
        }
    }

    /// A single threat outside of any burst.
    pub(crate) fn plan_lone_threat(&mut self, at_ms: i64) {
        match self.random.below(100) {
            0..54 => {
                let attacker = self.outsider(true);
                self.plan_exploit(at_ms, attacker);
            }
            54..64 => {
                let attacker = self.outsider(true);
                let protocol = self.random.below(BRUTE_FORCE.len() as u32) as usize;
                self.plan_guess(at_ms, attacker, protocol, true);
            }
            64..95 => {
                let zone = if self.random.chance(9, 10) { Zone::Trust } else { Zone::Vpn };
                let victim = self.inside(zone);
                let signature = &OUTBOUND[self.random.early(OUTBOUND.len())];
                self.plan_outbound(at_ms, victim, signature);
            }
            95..98 => {
                let attacker = self.outsider(true);
                let sweep = self.random.chance(1, 3);
                let signature = if sweep { &signatures::HOST_SWEEP } else { &signatures::PORT_SCAN };
                self.plan_zone_protection(at_ms, attacker, signature);
            }
            _ => {
                let attacker = self.outsider(true);
                self.plan_zone_protection(at_ms, attacker, &signatures::BAD_PACKET);
            }
        }
    }

    /// An exploit from the Internet against a published server: a THREAT line and a TRAFFIC end.
    pub(crate) fn plan_exploit(&mut self, at_ms: i64, attacker: Peer) {
        let signature: &'static Signature = &WEB_EXPLOITS[self.random.early(WEB_EXPLOITS.len())];
        let destination = self.destination(Zone::Untrust, Zone::Dmz, signature.port);
        let rule = if signature.port == 25 { &site::MAIL } else { &site::PUBLIC_WEB };
        let protocol = if signature.port == 5060 { "udp" } else { "tcp" };
        let cast = Cast { source: attacker, destination, app: signature.app, protocol, rule };
        let session = self.open(at_ms, cast);
        let action = self.exploit_action(signature.severity);
        self.plan_hit(at_ms, session, signature, action, None);
    }

    /// One guess of a password series; the profile reports some of them.
    pub(crate) fn plan_guess(&mut self, at_ms: i64, attacker: Peer, protocol: usize, is_reported: bool) {
        let signature: &'static Signature = &BRUTE_FORCE[protocol % BRUTE_FORCE.len()];
        let destination = self.destination(Zone::Untrust, Zone::Dmz, signature.port);
        let rule = if signature.port == 25 { &site::MAIL } else { &site::PUBLIC_WEB };
        let mut session = self.open(at_ms, Cast { source: attacker, destination, app: signature.app, protocol: "tcp", rule });
        session.elapsed_s = self.random.between(1, 9);
        session.bytes_sent = u64::from(self.random.between(900, 3200));
        session.bytes_received = u64::from(self.random.between(700, 2600));
        if is_reported {
            let action = self.exploit_action(signature.severity);
            self.plan_hit(at_ms, session, signature, action, None);
        } else {
            self.plan_ends(&mut session, 1000);
        }
    }

    /// Something between a host of ours and the Internet: a lookup of a bad name, a download, a beacon.
    pub(crate) fn plan_outbound(&mut self, at_ms: i64, victim: Peer, signature: &'static Signature) {
        let is_dns = signature.category.starts_with("dns-");
        let site = self.internet.visit_blocked(&mut self.random);
        let destination = self.site_peer(site, signature.port);
        let protocol = if is_dns { "udp" } else { "tcp" };
        let rule = &site::USERS_INTERNET;
        let session = self.open(at_ms, Cast { source: victim, destination, app: signature.app, protocol, rule });
        let point = self.random.below(100);
        let action = match (signature.subtype, signature.severity) {
            (Subtype::Spyware, _) if is_dns => match point {
                0..75 => "sinkhole",
                75..90 => "alert",
                _ => "drop",
            },
            (Subtype::Spyware, Severity::Critical) => match point {
                0..64 => "reset-both",
                64..86 => "drop",
                _ => "alert",
            },
            (Subtype::Wildfire, _) => match point {
                0..86 => "allow",
                _ => "block",
            },
            (Subtype::Virus, _) => match point {
                0..58 => "reset-both",
                58..70 => "reset-server",
                70..80 => "drop",
                _ => "alert",
            },
            (Subtype::File, _) => match point {
                0..90 => "alert",
                90..96 => "block-continue",
                _ => "deny",
            },
            (Subtype::Data, _) => "alert",
            (_, severity) => self.exploit_action(severity),
        };
        let site = (is_dns || signature.subtype == Subtype::Spyware).then_some(site);
        self.plan_hit(at_ms, session, signature, action, site);
    }

    /// Zone protection speaks: no session, no rule, many events in one line.
    pub(crate) fn plan_zone_protection(&mut self, at_ms: i64, attacker: Peer, signature: &'static Signature) {
        let port = if signature.port == 0 { self.random.pick(&SCANNED_PORTS) } else { signature.port };
        let destination = self.destination(Zone::Untrust, Zone::Dmz, port);
        let protocol = if port == 53 || port == 5060 { "udp" } else { "tcp" };
        let cast = Cast { source: attacker, destination, app: signature.app, protocol, rule: &site::DEFAULT };
        let mut session = self.open(at_ms, cast);
        self.refuse(&mut session, "drop");
        session.rule = None;
        let (action, repeat) = match signature.subtype {
            Subtype::Flood => {
                // Aggregate floods name no source.
                session.source.address = Nat::NONE.source.0;
                session.source.port = 0;
                ("random-drop", self.random.between(200, 40_000))
            }
            Subtype::Scan => (self.random.pick(&["alert", "alert", "drop", "block-ip"]), self.random.between(1, 60)),
            _ => ("drop", self.random.between(1, 12)),
        };
        let seed = self.random.next_u64();
        let hit = ThreatHit { signature, severity: signature.severity, action, category: "any", repeat, seed, site: None };
        self.schedule(at_ms, Event::Threat { session, hit });
    }

    /// A knock on a closed port: TRAFFIC drop.
    pub(crate) fn plan_knock(&mut self, at_ms: i64, attacker: Peer) {
        let port = if self.random.chance(1, 3) { self.random.between(1, 10_000) as u16 } else { self.random.pick(&SCANNED_PORTS) };
        let destination = self.destination(Zone::Untrust, Zone::Dmz, port);
        let cast = Cast { source: attacker, destination, app: &apps::NOT_APPLICABLE, protocol: "tcp", rule: &site::DEFAULT };
        let mut session = self.open(at_ms, cast);
        self.refuse(&mut session, "drop");
        self.schedule(at_ms, Event::Traffic { session, subtype: "drop" });
    }

    /// A line of the firewall about itself; one in eight is a change by an administrator.
    pub(crate) fn plan_system(&mut self, at_ms: i64) {
        let firewall = self.random.below(FIREWALLS.len() as u32) as usize;
        let seed = self.random.next_u64();
        let event = if self.random.chance(1, 8) { Event::Config { firewall, seed } } else { Event::System { firewall, seed } };
        self.schedule(at_ms, event);
    }

    /// Schedules the THREAT line of `session` and its TRAFFIC end; what is not merely reported ends the session.
    fn plan_hit(&mut self, at_ms: i64, mut session: Session, signature: &'static Signature, action: &'static str, site: Option<u16>) {
        let mut severity = signature.severity;
        let mut category = if site.is_some() { "any" } else { session.category };
        if signature.subtype == Subtype::Wildfire {
            (category, severity) = match (action, self.random.below(100)) {
                // Allowed does not mean harmless: the verdict comes after the file has passed.
                ("block", _) | (_, 0..9) => ("malicious", Severity::High),
                (_, 9..12) => ("phishing", Severity::High),
                (_, 12..24) => ("grayware", Severity::Low),
                _ => ("benign", Severity::Informational),
            };
        }
        if !matches!(action, "alert" | "allow" | "continue") {
            session.end_reason = "threat";
            session.elapsed_s = session.elapsed_s.min(self.random.between(0, 20));
            session.bytes_received = session.bytes_received.min(2900);
        }
        let repeat = if self.random.chance(6, 100) { self.random.between(2, 9) } else { 1 };
        let seed = self.random.next_u64();
        let hit = ThreatHit { signature, severity, action, category, repeat, seed, site };
        self.plan_ends(&mut session, 1000);
        let hit_ms = at_ms + i64::from(self.random.between(20, 700));
        self.schedule(hit_ms, Event::Threat { session, hit });
    }

    /// What the vulnerability profile does; a few critical ones are only reported, as in every real rule base.
    fn exploit_action(&mut self, severity: Severity) -> &'static str {
        let point = self.random.below(100);
        match severity {
            Severity::Critical => match point {
                0..52 => "reset-both",
                52..68 => "reset-server",
                68..77 => "reset-client",
                77..89 => "drop",
                89..92 => "block-ip",
                92..98 => "alert",
                _ => "allow",
            },
            Severity::High => match point {
                0..40 => "reset-both",
                40..58 => "reset-server",
                58..65 => "reset-client",
                65..80 => "drop",
                80..82 => "block-ip",
                _ => "alert",
            },
            Severity::Medium => match point {
                0..18 => "reset-both",
                18..33 => "reset-server",
                33..40 => "drop",
                _ => "alert",
            },
            Severity::Low | Severity::Informational => match point {
                0..3 => "drop",
                _ => "alert",
            },
        }
    }
}
