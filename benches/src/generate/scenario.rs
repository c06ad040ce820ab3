//! The stage: who is there, which line waits for which moment, and what kind of conversation comes next.
//!
//! A caller asks [`Scenario::plan_background`] (or one of the attacks in `plans.rs`) for the next conversation at a
//! moment, then drains with [`Scenario::pop_into`] every line up to a moment that no later plan can undercut.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::device::Devices;
use super::flows::FLOWS;
use super::internet::Internet;
use super::options::Mix;
use super::random::{Random, Weighted};
use super::rhythm::people_per_mille;
use super::session::Event;
use super::site::{People, Zone};
use super::{events, threat, traffic};

/// Lines that one conversation of a kind gives on average, in thousandths; a test holds the mix to its shares, so a
/// change of the plans that shifts these shows.
pub(crate) const URL_LINES_PER_WEB: u64 = 1700;
pub(crate) const TRAFFIC_LINES_PER_WEB: u64 = 1250;
pub(crate) const TRAFFIC_LINES_PER_FLOW: u64 = 1105;
pub(crate) const TRAFFIC_LINES_PER_THREAT: u64 = 930;

/// How often each kind of conversation comes, relative to the others.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    web: u64,
    flow: u64,
    threat: u64,
    system: u64,
}

impl Kinds {
    /// Solves the shares of lines for shares of conversations. `attacks` is the share of lines that bursts add, half of
    /// them THREAT and half TRAFFIC, in thousandths.
    fn new(mix: &Mix, attacks: u64) -> Self {
        let url = u64::from(mix.url_per_mille.min(1000));
        let system = u64::from(mix.system_per_mille.min(1000));
        let threat_all = u64::from(mix.threat_per_mille.min(1000));
        let traffic_all = 1000u64.saturating_sub(url + system + threat_all);
        // Everything below in millionths of a conversation per line.
        let web = url * 1_000_000 / URL_LINES_PER_WEB;
        let threat = threat_all.saturating_sub(attacks / 2) * 1000;
        let traffic = traffic_all.saturating_sub(attacks / 2) * 1000;
        let tied = web * TRAFFIC_LINES_PER_WEB / 1000 + threat * TRAFFIC_LINES_PER_THREAT / 1000;
        let flow = traffic.saturating_sub(tied) * 1000 / TRAFFIC_LINES_PER_FLOW;
        let system = system * 1000;
        if web + flow + threat + system == 0 { Self { web, flow: 1, threat, system } } else { Self { web, flow, threat, system } }
    }
}

/// Everything that exists, the lines that wait, and the dice.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) random: Random,
    pub(crate) people: People,
    pub(crate) internet: Internet,
    pub(crate) devices: Devices,
    /// Our hosts by zone, Zipf-skewed: Trust, VPN, Guest, DMZ.
    hosts: [Weighted; 4],
    pub(crate) flows: Weighted,
    kinds: Kinds,
    /// No line may be later than this.
    pub(crate) last_ms: i64,
    /// (moment, order of planning, slot): the order makes equal moments repeatable.
    queue: BinaryHeap<Reverse<(i64, u64, usize)>>,
    slots: Vec<Event>,
    free: Vec<usize>,
    planned: u64,
    text: String,
}

impl Scenario {
    /// `attacks_per_mille`: the share of lines that the caller will plan as attack bursts.
    pub(crate) fn new(seed: u64, mix: &Mix, attacks_per_mille: u64, devices: Devices) -> Self {
        let hosts = [Zone::Trust, Zone::Vpn, Zone::Guest, Zone::Dmz].map(|zone| Weighted::zipf(zone.hosts(), 12));
        Self {
            random: Random::new(seed),
            people: People::new(),
            internet: Internet::new(),
            devices,
            hosts,
            flows: Weighted::new(FLOWS.iter().map(|it| it.weight)),
            kinds: Kinds::new(mix, attacks_per_mille),
            last_ms: i64::MAX,
            queue: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            planned: 0,
            text: String::new(),
        }
    }

    /// Lines planned so far, written or waiting.
    pub(crate) fn planned(&self) -> u64 {
        self.planned
    }

    /// A host's number within its zone; the first hundred do most of the talking.
    pub(crate) fn host_number(&mut self, zone: Zone) -> u32 {
        let weighted = match zone {
            Zone::Trust => &self.hosts[0],
            Zone::Vpn => &self.hosts[1],
            Zone::Guest => &self.hosts[2],
            Zone::Dmz | Zone::Untrust => &self.hosts[3],
        };
        weighted.pick(&mut self.random) as u32
    }

    /// Puts a line where its moment will find it, not after the end of the window.
    pub(crate) fn schedule(&mut self, at_ms: i64, event: Event) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = event;
                slot
            }
            None => {
                self.slots.push(event);
                self.slots.len() - 1
            }
        };
        self.queue.push(Reverse((at_ms.min(self.last_ms), self.planned, slot)));
        self.planned += 1;
    }

    /// Plans the next ordinary conversation: a web page, a service, a lone attack, a line of the firewall about itself.
    pub(crate) fn plan_background(&mut self, at_ms: i64) {
        let Kinds { web, flow, threat, system } = self.kinds;
        let all = web + flow + threat + system;
        // People browse, machines do the rest: at night the web's share falls, over a week it is what the mix says.
        let web_now = (web * u64::from(people_per_mille(at_ms)) / 1000).min(all * 9 / 10);
        let point = self.below(all);
        if point < web_now {
            return self.plan_web(at_ms);
        }
        let point = self.below((flow + threat + system).max(1));
        if point < threat {
            self.plan_lone_threat(at_ms);
        } else if point < threat + system {
            self.plan_system(at_ms);
        } else {
            self.plan_flow(at_ms);
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        u64::from(self.random.below(u32::try_from(limit).unwrap_or(u32::MAX)))
    }

    /// Forgets waiting lines up to `until_ms`; their sequence numbers were never given out.
    pub(crate) fn drop_until(&mut self, until_ms: i64) {
        while let Some(&Reverse((at_ms, _, slot))) = self.queue.peek() {
            if at_ms > until_ms {
                break;
            }
            self.queue.pop();
            self.free.push(slot);
        }
    }

    /// Writes the earliest waiting line, if it is not later than `until_ms`, in place of what `line` held.
    pub(crate) fn pop_into(&mut self, until_ms: i64, line: &mut Vec<u8>) -> Option<i64> {
        let &Reverse((at_ms, _, slot)) = self.queue.peek()?;
        if at_ms > until_ms {
            return None;
        }
        self.queue.pop();
        self.free.push(slot);
        let event = self.slots[slot];
        line.clear();
        let Self { devices, people, internet, text, .. } = self;
        match event {
            Event::Traffic { session, subtype } => traffic::write(line, devices, people, &session, subtype, at_ms),
            Event::Url { session, hit } => {
                let mut context = threat::Context { devices, people, internet, text };
                threat::write_url(line, &mut context, &session, &hit, at_ms);
            }
            Event::Threat { session, hit } => {
                let mut context = threat::Context { devices, people, internet, text };
                threat::write_threat(line, &mut context, &session, &hit, at_ms);
            }
            Event::System { firewall, seed } => {
                events::write_system(line, devices, (people, internet), (firewall, seed), at_ms);
            }
            Event::Config { firewall, seed } => events::write_config(line, devices, (firewall, seed), at_ms),
        }
        Some(at_ms)
    }
}
