//! Attack bursts: minutes in which one attacker, or one infected host, is busy.

use super::random::Random;
use super::scenario::Scenario;
use super::session::Peer;
use super::signatures::{BRUTE_FORCE, HOST_SWEEP, OUTBOUND, PORT_SCAN, TCP_FLOOD, UDP_FLOOD};
use super::site::Zone;

/// Share of all lines that bursts add, in thousandths.
pub(crate) const BURST_LINES_PER_MILLE: u64 = 50;

/// What the attacker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    PortScan,
    HostSweep,
    WebExploit,
    BruteForce {
        protocol: usize,
    },
    Flood,
    /// A host inside calls home.
    Beacon,
}

/// A burst in progress or to come.
#[derive(Debug, Clone)]
pub(crate) struct Burst {
    kind: Kind,
    actor: Peer,
    /// The moment of the next step.
    pub(crate) next_ms: i64,
    /// Mean distance of steps.
    step_ms: u32,
    /// Lines still to plan.
    pub(crate) lines_left: u64,
}

impl Burst {
    /// Draws a burst that begins at `at_ms`, plans about `lines` and lasts about `length_ms`.
    pub(crate) fn new(scenario: &mut Scenario, at_ms: i64, lines: u64, length_ms: i64) -> Self {
        let kind = match scenario.random.below(100) {
            0..22 => Kind::PortScan,
            22..34 => Kind::HostSweep,
            34..64 => Kind::WebExploit,
            64..86 => Kind::BruteForce { protocol: scenario.random.below(BRUTE_FORCE.len() as u32) as usize },
            86..92 => Kind::Flood,
            _ => Kind::Beacon,
        };
        let actor = if kind == Kind::Beacon { scenario.inside(Zone::Trust) } else { scenario.outsider(true) };
        // About three lines come out of two steps.
        let steps = (lines * 2 / 3).max(1);
        let step_ms = u32::try_from(length_ms.unsigned_abs() / steps).unwrap_or(u32::MAX).max(1);
        Self { kind, actor, next_ms: at_ms, step_ms, lines_left: lines }
    }

    /// Plans one step at [`Burst::next_ms`] and moves on; true while there is more to come.
    pub(crate) fn step(&mut self, scenario: &mut Scenario) -> bool {
        let (at_ms, before) = (self.next_ms, scenario.planned());
        self.actor.port = scenario.random.between(1024, 65_535) as u16;
        match self.kind {
            Kind::PortScan | Kind::HostSweep => {
                if scenario.random.chance(2, 5) {
                    let signature = if self.kind == Kind::PortScan { &PORT_SCAN } else { &HOST_SWEEP };
                    scenario.plan_zone_protection(at_ms, self.actor, signature);
                } else {
                    scenario.plan_knock(at_ms, self.actor);
                }
            }
            Kind::WebExploit => scenario.plan_exploit(at_ms, self.actor),
            Kind::BruteForce { protocol } => {
                let is_reported = scenario.random.chance(3, 5);
                scenario.plan_guess(at_ms, self.actor, protocol, is_reported);
            }
            Kind::Flood => {
                let signature = if scenario.random.chance(2, 3) { &TCP_FLOOD } else { &UDP_FLOOD };
                scenario.plan_zone_protection(at_ms, self.actor, signature);
            }
            // Lookups of generated names (the table's DGA entry), from one host.
            Kind::Beacon => scenario.plan_outbound(at_ms, self.actor, &OUTBOUND[11]),
        }
        self.lines_left = self.lines_left.saturating_sub(scenario.planned() - before);
        self.next_ms += 1 + i64::from(scenario.random.below(self.step_ms.saturating_mul(2)));
        self.lines_left > 0
    }
}

/// Draws the bursts of a whole window, `lines` lines in all, earliest first.
pub(crate) fn schedule(scenario: &mut Scenario, start_ms: i64, span_ms: i64, lines: u64) -> Vec<Burst> {
    if lines < 4 {
        return Vec::new();
    }
    // Two or three a day, but none so small that it could not be seen.
    let days = span_ms / 86_400_000;
    let count = (days.unsigned_abs() * 5 / 2 + 1).clamp(1, (lines / 40).max(1));
    let mut dice: Random = scenario.random.clone();
    let weights: Vec<u64> = (0..count).map(|_| dice.heavy(100).min(4000)).collect();
    let sum: u64 = weights.iter().sum();
    let mut bursts = Vec::new();
    for weight in weights {
        let share = (lines * weight / sum).max(1);
        // Not into the last twentieth: a burst should end inside the window.
        let at_ms = start_ms + (span_ms * 19 / 20 * i64::from(scenario.random.below(1 << 20))) / (1 << 20);
        let length_ms = i64::from(scenario.random.between(2, 25)) * 60_000;
        bursts.push(Burst::new(scenario, at_ms, share, length_ms.min(span_ms / 20)));
    }
    bursts.sort_by_key(|it| it.next_ms);
    bursts
}
