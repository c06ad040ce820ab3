//! Gaps in the numbers that a device gives the logs of one type.
//!
//! PAN-OS counts the logs of each type with 64 bits (syslog reference §4, `seqno`). Lines may come late or twice, several data planes
//! may count side by side, and a reboot may begin elsewhere; so numbers are followed in a few tracks, each from its next number on. A
//! number is missing only while it is in a gap of its track: a line that comes late closes its gap. Who forwards only some of a type's
//! logs has gaps by intention; the figures can't know that.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// A number so far from every track begins one of its own.
const JUMP_MAX: u64 = 1_000_000;

/// Tracks at one time; the one that stood still longest makes room.
const TRACKS_MAX: usize = 8;

/// Gaps kept of a track; of older ones only the sum is.
const GAPS_MAX: usize = 100;

/// Numbers that did not come, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// When the line before it came, UTC milliseconds: what is missing was sent between the two times, as far as lines come in order.
    pub since_ms: i64,
    /// When the line behind it came, UTC milliseconds.
    pub seen_ms: i64,
}

impl Gap {
    /// How many are missing.
    pub fn missing(&self) -> u64 {
        self.to - self.from + 1
    }
}

/// Numbers that follow each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Track {
    next: u64,
    /// When the newest number came; late ones don't count.
    newest_ms: i64,
    /// Numbers may have come that are not known here.
    is_unsure: bool,
    gaps: VecDeque<Gap>,
}

/// The numbers of one log type of a device.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sequence {
    tracks: Vec<Track>,
    /// Numbers that came again.
    pub duplicates: u64,
    /// Times that numbers began elsewhere, the first time included.
    pub begun: u64,
    /// Missing numbers whose gaps are too many to be kept.
    missing_before: u64,
}

impl Sequence {
    /// Notes a number.
    pub(super) fn note(&mut self, number: u64, at_ms: i64) {
        let near = self.tracks.iter_mut().filter(|it| it.next.abs_diff(number) <= JUMP_MAX).min_by_key(|it| it.next.abs_diff(number));
        let Some(track) = near else { return self.begin(number, at_ms) };
        if number >= track.next {
            if number > track.next && !track.is_unsure {
                track.gaps.push_back(Gap { from: track.next, to: number - 1, since_ms: track.newest_ms, seen_ms: at_ms });
            }
            track.newest_ms = at_ms;
            track.next = number.saturating_add(1);
            track.is_unsure = false;
        } else if !track.fill(number) {
            self.duplicates += 1;
        }
        if track.gaps.len() > GAPS_MAX {
            self.missing_before += track.gaps.pop_front().map_or(0, |it| it.missing());
        }
    }

    fn begin(&mut self, number: u64, at_ms: i64) {
        self.begun += 1;
        if self.tracks.len() == TRACKS_MAX {
            let oldest = (0..TRACKS_MAX).min_by_key(|at| self.tracks[*at].newest_ms).unwrap_or_default();
            let track = self.tracks.swap_remove(oldest);
            self.missing_before += track.gaps.iter().map(Gap::missing).sum::<u64>();
        }
        self.tracks.push(Track { next: number.saturating_add(1), newest_ms: at_ms, is_unsure: false, gaps: VecDeque::new() });
    }

    /// Notes a number that was here all the time but could not be read: it closes its gap and begins nothing.
    pub(super) fn recover(&mut self, number: u64) {
        let _was_missing = self.tracks.iter_mut().any(|it| it.fill(number));
    }

    /// From now on the next number of each track is only a guess.
    pub(super) fn may_have_missed(&mut self) {
        self.tracks.iter_mut().for_each(|it| it.is_unsure = true);
    }

    /// Numbers that are missing now.
    pub fn missing(&self) -> u64 {
        self.missing_before + self.gaps().map(Gap::missing).sum::<u64>()
    }

    /// The gaps that are kept, those of one track in the order of their numbers.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.tracks.iter().flat_map(|it| &it.gaps)
    }

    /// The newest number.
    pub fn newest(&self) -> Option<u64> {
        self.tracks.iter().max_by_key(|it| it.newest_ms).map(|it| it.next - 1)
    }
}

impl Track {
    /// Takes a number out of its gap, if it is in one.
    fn fill(&mut self, number: u64) -> bool {
        let at = self.gaps.partition_point(|it| it.to < number);
        let Some(gap) = self.gaps.get_mut(at).filter(|it| it.from <= number) else { return false };
        let (before, after) = (Gap { to: number.wrapping_sub(1), ..*gap }, Gap { from: number + 1, ..*gap });
        match (before.from < number, number < after.to) {
            (false, false) => drop(self.gaps.remove(at)),
            (true, false) => *gap = before,
            (false, true) => *gap = after,
            (true, true) => {
                *gap = before;
                self.gaps.insert(at + 1, after);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: impl IntoIterator<Item = u64>) -> Sequence {
        let mut sequence = Sequence::default();
        numbers.into_iter().for_each(|it| sequence.note(it, 0));
        sequence
    }

    fn gaps(sequence: &Sequence) -> Vec<(u64, u64)> {
        sequence.gaps().map(|it| (it.from, it.to)).collect()
    }

    #[test]
    fn late_lines_close_gaps_and_others_stay() {
        assert_eq!(gaps(&of([1, 2, 3])), []);
        assert_eq!(gaps(&of([1, 5])), [(2, 4)]);
        assert_eq!(gaps(&of([1, 5, 3])), [(2, 2), (4, 4)]);
        assert_eq!(gaps(&of([1, 5, 2, 4, 3, 6])), []);
        assert_eq!(gaps(&of([1, 5, 4, 2])), [(3, 3)]);
        assert_eq!(gaps(&of([10, 8, 20])), [(11, 19)], "what came before the first is not missed");
        let twice = of([1, 2, 2, 1, 5, 5]);
        assert_eq!((twice.duplicates, twice.missing(), twice.newest()), (3, 2, Some(5)));
    }

    #[test]
    fn any_order_of_all_numbers_leaves_no_gap_and_any_subset_exactly_the_others() {
        // A multiplication modulo a prime visits every number once.
        for factor in [1, 2, 3, 50, 77, 100] {
            let numbers: Vec<u64> = (0..100).map(|at| 1_000 + at * factor % 101).collect();
            let sequence = of([999].into_iter().chain(numbers.iter().copied().filter(|it| it % 3 != 0)));
            let highest = *numbers.iter().filter(|it| *it % 3 != 0).max().unwrap();
            let missing = (1_000..highest).filter(|it| it % 3 == 0 || !numbers.contains(it)).count() as u64;
            assert_eq!(sequence.missing(), missing, "{factor}");
        }
    }

    #[test]
    fn a_gap_has_the_times_of_the_lines_around_it() {
        let mut sequence = Sequence::default();
        for (number, at_ms) in [(1, 10), (2, 20), (7, 90), (4, 95), (9, 99)] {
            sequence.note(number, at_ms);
        }
        let times: Vec<_> = sequence.gaps().map(|it| (it.from, it.to, it.since_ms, it.seen_ms)).collect();
        assert_eq!(times, [(3, 3, 20, 90), (5, 6, 20, 90), (8, 8, 90, 99)], "a late line is not the line before");
    }

    #[test]
    fn a_number_that_is_found_again_closes_its_gap_and_begins_nothing() {
        let mut sequence = of([1, 5]);
        for number in [3, 3, 1, 900, 1 << 50] {
            sequence.recover(number);
        }
        assert_eq!((gaps(&sequence), sequence.duplicates, sequence.begun, sequence.newest()), (vec![(2, 2), (4, 4)], 0, 1, Some(5)));
    }

    #[test]
    fn numbers_elsewhere_are_another_track() {
        let far = 1 << 40;
        let sequence = of([1, far, 2, far + 1, 3, far + 3, 0]);
        assert_eq!((gaps(&sequence), sequence.begun, sequence.duplicates), (vec![(far + 2, far + 2)], 2, 1));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_sum_is_right() {
        let sequence = of((0..1_000).map(|it| it * 2));
        assert_eq!((sequence.missing(), sequence.gaps().count()), (999, GAPS_MAX));
        let tracks = of((0..20).flat_map(|it| [it << 40, (it << 40) + 2]));
        assert_eq!((tracks.missing(), tracks.tracks.len(), tracks.begun), (20, TRACKS_MAX, 20));
        of([u64::MAX - 1, u64::MAX, u64::MAX]);
    }
}
