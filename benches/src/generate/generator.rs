//! The finite generator: exactly so many lines, inside one window, in order of time.

use super::bursts::{self, BURST_LINES_PER_MILLE, Burst};
use super::device::Devices;
use super::options::Options;
use super::rhythm::Rhythm;
use super::scenario::Scenario;
use super::trickle::Trickle;

/// One syslog message, without the frame of a transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When the firewall wrote it, UTC milliseconds since 1970; also the line's high-resolution time.
    pub at_ms: i64,
    /// The message: header and CSV, valid UTF-8, no line feed.
    pub bytes: Vec<u8>,
}

/// Yields the lines that [`Options`] describe, earliest first.
///
/// [`Generator::next_into`] reuses the caller's buffer and allocates nothing; the iterator is for convenience.
#[derive(Debug, Clone)]
pub struct Generator {
    scenario: Scenario,
    rhythm: Rhythm,
    /// Bursts to come, latest first, so that the next one is popped from the end.
    bursts_to_come: Vec<Burst>,
    bursts_now: Vec<Burst>,
    /// Background lines planned and to be planned; their quotient is the progress through the window.
    background_planned: u64,
    background_lines: u64,
    /// No line planned from now on is earlier than this.
    frontier_ms: i64,
    lines_left: u64,
}

impl Generator {
    /// Prepares the laboratory; takes a few milliseconds.
    pub fn new(options: &Options) -> Self {
        let span_ms = options.span_ms();
        let start_ms = options.end_ms - span_ms;
        let devices = Devices::new(start_ms, span_ms);
        let mut scenario = Scenario::new(options.seed, &options.mix, BURST_LINES_PER_MILLE, devices);
        scenario.last_ms = options.end_ms - 1;
        let burst_lines = options.lines * BURST_LINES_PER_MILLE / 1000;
        let mut bursts_to_come = bursts::schedule(&mut scenario, start_ms, span_ms, burst_lines);
        bursts_to_come.reverse();
        Self {
            scenario,
            rhythm: Rhythm::new(options.end_ms, span_ms),
            bursts_to_come,
            bursts_now: Vec::new(),
            background_planned: 0,
            background_lines: options.lines - burst_lines,
            frontier_ms: start_ms,
            lines_left: options.lines,
        }
    }

    /// Writes the next line in place of what `line` held and returns its time; `None` after the last.
    pub fn next_into(&mut self, line: &mut Vec<u8>) -> Option<i64> {
        if self.lines_left == 0 {
            line.clear();
            return None;
        }
        loop {
            if let Some(at_ms) = self.scenario.pop_into(self.frontier_ms, line) {
                self.lines_left -= 1;
                return Some(at_ms);
            }
            self.plan_next();
        }
    }

    /// Goes on without end from `from_ms` at `lines_per_second`: same hosts, same sequence numbers, live times.
    ///
    /// Lines of the window that were not taken are dropped.
    pub fn into_trickle(self, from_ms: i64, lines_per_second: u32) -> Trickle {
        Trickle::continuing(self.scenario, from_ms, lines_per_second)
    }

    /// Plans the earliest of the next background conversation and the next steps of bursts.
    fn plan_next(&mut self) {
        let background_ms = self.rhythm.moment(self.background_planned, self.background_lines);
        while self.bursts_to_come.last().is_some_and(|it| it.next_ms <= background_ms) {
            self.bursts_now.extend(self.bursts_to_come.pop());
        }
        let next_burst = (0..self.bursts_now.len()).min_by_key(|&it| self.bursts_now[it].next_ms);
        if let Some(index) = next_burst.filter(|&it| self.bursts_now[it].next_ms <= background_ms) {
            let burst = &mut self.bursts_now[index];
            self.frontier_ms = self.frontier_ms.max(burst.next_ms.min(self.scenario.last_ms));
            burst.next_ms = self.frontier_ms;
            if !burst.step(&mut self.scenario) {
                self.bursts_now.remove(index);
            }
            return;
        }
        self.frontier_ms = self.frontier_ms.max(background_ms);
        let before = self.scenario.planned();
        // A conversation begins somewhere before the next one, not on a regular beat.
        let jitter_ms = {
            let next_ms = self.rhythm.moment(self.background_planned + 2, self.background_lines);
            let room = u32::try_from(next_ms - background_ms).unwrap_or(u32::MAX).clamp(1, 1 << 30);
            i64::from(self.scenario.random.below(room * 2))
        };
        self.scenario.plan_background((self.frontier_ms + jitter_ms).min(self.scenario.last_ms));
        self.background_planned += self.scenario.planned() - before;
    }
}

impl Iterator for Generator {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let mut bytes = Vec::with_capacity(1024);
        self.next_into(&mut bytes).map(|at_ms| Line { at_ms, bytes })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.lines_left).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}
