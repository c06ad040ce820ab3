//! How far a device's clock is from ours: the median of the newest samples, one a second at most.
//!
//! A line is on its way for a while, and TRAFFIC is logged when the session has ended, so a second or a few behind is ordinary; minutes
//! are a clock that is wrong, hours a time zone. Lines older than a day are a replay and say nothing of the clock.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Samples that are kept.
const SAMPLES: usize = 63;

/// At most one sample in so long.
const EVERY_MS: i64 = 1_000;

/// A line that is older or newer than this is no sample.
const SKEW_MAX_MS: i64 = 86_400_000;

/// The newest samples.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Skew {
    samples: VecDeque<i64>,
    newest_ms: i64,
}

impl Skew {
    pub(super) fn note(&mut self, received_ms: i64, device_ms: i64) {
        let skew_ms = device_ms - received_ms;
        if received_ms - self.newest_ms < EVERY_MS || skew_ms.abs() > SKEW_MAX_MS {
            return;
        }
        self.newest_ms = received_ms;
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(skew_ms);
    }

    /// The device's clock less ours, in milliseconds: negative where it is behind. None without a sample.
    pub fn median_ms(&self) -> Option<i64> {
        let mut sorted: Vec<i64> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// Samples there are.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_the_newest_and_leaves_replays_out() {
        let mut skew = Skew::default();
        assert_eq!(skew.median_ms(), None);
        for second in 1..=200 {
            let device = second * 1_000 - if second < 100 { 9_000 } else { 250 };
            skew.note(second * 1_000, device);
            skew.note(second * 1_000 + 10, device + 5_000_000);
        }
        skew.note(300_000, 300_000 - 2 * SKEW_MAX_MS);
        assert_eq!((skew.median_ms(), skew.samples()), (Some(-250), SAMPLES));
    }
}
