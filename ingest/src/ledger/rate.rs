//! Lines a second, as a mean that forgets: a line counts for a minute, less and less.

use serde::{Deserialize, Serialize};

/// After so long a line counts for a factor e less, in seconds.
const MEMORY_S: f64 = 60.0;

/// Lines of less than this are gathered before the mean moves: an exponential a line would cost more than the rest of the ledger.
const STEP_MS: i64 = 1_000;

/// A moving mean.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Rate {
    per_second: f64,
    at_ms: i64,
    waiting: u32,
}

impl Rate {
    /// Notes a line.
    pub(super) fn note(&mut self, at_ms: i64) {
        if at_ms - self.at_ms >= STEP_MS {
            *self = Self { per_second: self.at(at_ms), at_ms, waiting: 0 };
        }
        self.waiting = self.waiting.saturating_add(1);
    }

    /// Lines a second, at that time.
    pub fn at(&self, now_ms: i64) -> f64 {
        let gone_s = (now_ms - self.at_ms).max(0) as f64 / 1_000.0;
        (self.per_second + f64::from(self.waiting) / MEMORY_S) * (-gone_s / MEMORY_S).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_told_and_fades_when_nothing_comes() {
        let mut rate = Rate::default();
        for at in 0..600_000 / 20 {
            rate.note(at * 20);
        }
        let now = rate.at(600_000);
        assert!((48.0..52.0).contains(&now), "{now}");
        assert!(rate.at(600_000 + 300_000) < 1.0);
    }
}
