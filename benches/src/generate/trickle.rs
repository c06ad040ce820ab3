//! The endless generator: live lines at a given rate, for the demonstration and for soak tests.

use super::bursts::Burst;
use super::device::Devices;
use super::options::{Mix, Options};
use super::scenario::Scenario;

/// A caller that sleeps longer than this is not flooded with what it missed: time jumps.
const CATCH_UP_MS: i64 = 10_000;
/// Attack bursts begin about this often.
const BURST_EVERY_MS: u32 = 4 * 60_000;
/// The first attack comes while somebody still watches.
const FIRST_BURST_MS: i64 = 20_000;
/// Conversations are imagined from this long before the first moment, or from so many lines before it.
const WARM_UP_MS: i64 = 30 * 60_000;
const WARM_UP_LINES: i64 = 50_000;

/// Yields lines stamped with the present, about so many a second, for ever.
///
/// ```
/// use sekisho_benches::generate::{Options, Trickle};
///
/// let mut trickle = Trickle::new(&Options::default(), 1_795_392_000_000, 50);
/// let (mut line, mut count) = (Vec::new(), 0);
/// // What is due ten seconds later: about 500 lines.
/// while let Some(at_ms) = trickle.next_due(1_795_392_010_000, &mut line) {
///     assert!((1_795_392_000_000..=1_795_392_010_000).contains(&at_ms));
///     count += 1;
/// }
/// assert!((300..700).contains(&count));
/// ```
#[derive(Debug, Clone)]
pub struct Trickle {
    scenario: Scenario,
    lines_per_second: u32,
    /// Lines planned up to the frontier since the last jump of time.
    origin_ms: i64,
    origin_planned: u64,
    frontier_ms: i64,
    burst: Option<Burst>,
    next_burst_ms: i64,
}

impl Trickle {
    /// A laboratory that begins at `from_ms` (UTC milliseconds). Of `options`, seed and mix count.
    ///
    /// To go on after a finite run, with its sequence numbers, use [`Generator::into_trickle`](super::Generator::into_trickle).
    pub fn new(options: &Options, from_ms: i64, lines_per_second: u32) -> Self {
        let mix: Mix = options.mix;
        // Upgraded already: a window in the past.
        let devices = Devices::new(from_ms - options.span_ms(), options.span_ms());
        Self::continuing(Scenario::new(options.seed, &mix, 0, devices), from_ms, lines_per_second)
    }

    pub(crate) fn continuing(mut scenario: Scenario, from_ms: i64, lines_per_second: u32) -> Self {
        let lines_per_second = lines_per_second.max(1);
        scenario.last_ms = i64::MAX;
        scenario.drop_until(i64::MAX);
        let warm_up_ms = WARM_UP_MS.min(WARM_UP_LINES * 1000 / i64::from(lines_per_second));
        let start_ms = from_ms - warm_up_ms;
        let mut trickle = Self {
            origin_ms: start_ms,
            origin_planned: scenario.planned(),
            frontier_ms: start_ms,
            scenario,
            lines_per_second,
            burst: None,
            next_burst_ms: from_ms + FIRST_BURST_MS,
        };
        // Conversations that began before the first moment end after it; without them the first minutes would be thin.
        while trickle.frontier_ms < from_ms {
            trickle.plan_next();
        }
        trickle.scenario.drop_until(from_ms - 1);
        trickle
    }

    /// Writes the next line that is due at `now_ms` in place of what `line` held and returns its time; `None` when
    /// nothing is due yet, so that the caller sleeps a little and asks again.
    pub fn next_due(&mut self, now_ms: i64, line: &mut Vec<u8>) -> Option<i64> {
        if now_ms - self.frontier_ms > CATCH_UP_MS {
            // The machine slept: skip the gap instead of filling it.
            self.restart_at(now_ms);
        }
        loop {
            if let Some(at_ms) = self.scenario.pop_into(self.frontier_ms.min(now_ms), line) {
                return Some(at_ms);
            }
            if self.frontier_ms > now_ms {
                return None;
            }
            self.plan_next();
        }
    }

    /// Rate and time begin anew at `now_ms`.
    fn restart_at(&mut self, now_ms: i64) {
        self.scenario.drop_until(now_ms - 1);
        self.origin_ms = now_ms;
        self.origin_planned = self.scenario.planned();
        self.frontier_ms = now_ms;
        self.burst = None;
        self.next_burst_ms = now_ms + FIRST_BURST_MS;
    }

    fn plan_next(&mut self) {
        let done = self.scenario.planned() - self.origin_planned;
        let background_ms = self.origin_ms + (done * 1000 / u64::from(self.lines_per_second)) as i64;
        if let Some(burst) = &mut self.burst
            && burst.next_ms <= background_ms
        {
            self.frontier_ms = self.frontier_ms.max(burst.next_ms);
            burst.next_ms = self.frontier_ms;
            if !burst.step(&mut self.scenario) {
                self.burst = None;
            }
            return;
        }
        self.frontier_ms = self.frontier_ms.max(background_ms);
        if self.burst.is_none() && self.frontier_ms >= self.next_burst_ms {
            // Forty seconds at about a third of the usual rate.
            let lines = u64::from(self.lines_per_second) * 13 + 6;
            self.burst = Some(Burst::new(&mut self.scenario, self.frontier_ms, lines, 40_000));
            let pause = BURST_EVERY_MS / 2 + self.scenario.random.below(BURST_EVERY_MS);
            self.next_burst_ms = self.frontier_ms + i64::from(pause);
        }
        let beat_ms = 2000 / self.lines_per_second + 1;
        let jitter_ms = i64::from(self.scenario.random.below(2 * beat_ms));
        self.scenario.plan_background(self.frontier_ms + jitter_ms);
    }
}
