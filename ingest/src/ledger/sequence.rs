//! Gaps in the numbers that a device gives the logs of one type.
//!
//! PAN-OS counts the logs of each type with 64 bits (syslog reference §4, `seqno`). Lines may come late or twice, several data planes
//! may count side by side, and a reboot may begin elsewhere; so numbers are followed in a few tracks, each from its next number on. A
//! number is missing only while it is in a gap of its track: a line that comes late closes its gap. A number behind the newest one that
//! the device gave clearly later is no late line: its numbers began again, as after a factory reset. Who forwards only some of a type's
//! logs has gaps by intention; the figures can't know that.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// A number so far from every track begins one of its own.
const JUMP_MAX: u64 = 1_000_000;

/// A line that the device took so much later than the one with the newest number, and with a lower number, begins anew: numbers are given
/// in the order of that time (so in all our sample lines), and whatever makes them begin again takes a reboot of minutes.
const LATER_MS: i64 = 300_000;

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
    /// When the device took it into its log, by its own clock, where it says so.
    taken_ms: Option<i64>,
    /// Its numbers began again in another track; its gaps are told still.
    is_over: bool,
    /// Numbers may have come that are not known here.
    is_unsure: bool,
    gaps: VecDeque<Gap>,
}

/// A line that has a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered {
    /// The number.
    pub(super) number: u64,
    /// When it came, UTC milliseconds.
    pub(super) at_ms: i64,
    /// When the device took it into its log, by its own clock, where it says so.
    pub(super) taken_ms: Option<i64>,
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
    /// Notes a number and tells by how many the kept gaps changed: by none more where there is no room.
    pub(super) fn note(&mut self, line: Numbered, has_room: bool) -> isize {
        self.counted(has_room, |it| it.follow(line))
    }

    /// Notes a number that was here all the time but could not be read: it closes its gap and begins nothing. As [`Sequence::note`].
    pub(super) fn recover(&mut self, number: u64, has_room: bool) -> isize {
        self.counted(has_room, |it| {
            let _was_missing = it.tracks.iter_mut().any(|it| it.fill(number));
        })
    }

    fn counted(&mut self, has_room: bool, change: impl FnOnce(&mut Self)) -> isize {
        let before = self.gaps_kept();
        change(self);
        if !has_room && self.gaps_kept() > before {
            self.forget_oldest();
        }
        self.gaps_kept() as isize - before as isize
    }

    fn follow(&mut self, line: Numbered) {
        let Numbered { number, at_ms, taken_ms } = line;
        if let Some(past) = self.tracks.iter_mut().find(|it| it.is_over && number < it.next && taken_ms.is_some() && taken_ms <= it.taken_ms) {
            // A line of before the numbers began again.
            if !past.fill(number) {
                self.duplicates += 1;
            }
            return;
        }
        let near = self.tracks.iter_mut().filter(|it| !it.is_over && it.next.abs_diff(number) <= JUMP_MAX);
        let Some(track) = near.min_by_key(|it| it.next.abs_diff(number)) else { return self.begin(line) };
        if number >= track.next {
            if number > track.next && !track.is_unsure {
                track.gaps.push_back(Gap { from: track.next, to: number - 1, since_ms: track.newest_ms, seen_ms: at_ms });
            }
            (track.next, track.newest_ms, track.taken_ms) = (number.saturating_add(1), at_ms, taken_ms);
            track.is_unsure = false;
        } else if taken_ms.zip(track.taken_ms).is_some_and(|(it, newest)| it - newest >= LATER_MS) {
            track.is_over = true;
            return self.begin(line);
        } else if !track.fill(number) {
            self.duplicates += 1;
        }
        if track.gaps.len() > GAPS_MAX {
            self.missing_before += track.gaps.pop_front().map_or(0, |it| it.missing());
        }
    }

    fn begin(&mut self, line: Numbered) {
        self.begun += 1;
        if self.tracks.len() == TRACKS_MAX {
            let oldest = (0..TRACKS_MAX).min_by_key(|at| (!self.tracks[*at].is_over, self.tracks[*at].newest_ms)).unwrap_or_default();
            let track = self.tracks.swap_remove(oldest);
            self.missing_before += track.gaps.iter().map(Gap::missing).sum::<u64>();
        }
        self.tracks.push(Track {
            next: line.number.saturating_add(1),
            newest_ms: line.at_ms,
            taken_ms: line.taken_ms,
            is_over: false,
            is_unsure: false,
            gaps: VecDeque::new(),
        });
    }

    /// Keeps only the sum of the gap that was seen first.
    fn forget_oldest(&mut self) {
        let oldest = self.tracks.iter_mut().filter(|it| !it.gaps.is_empty()).min_by_key(|it| it.gaps.front().map(|it| it.seen_ms));
        self.missing_before += oldest.and_then(|it| it.gaps.pop_front()).map_or(0, |it| it.missing());
    }

    /// Gaps that are kept.
    pub(super) fn gaps_kept(&self) -> usize {
        self.tracks.iter().map(|it| it.gaps.len()).sum()
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
        numbers.into_iter().for_each(|it| note(&mut sequence, it, 0, None));
        sequence
    }

    fn note(sequence: &mut Sequence, number: u64, at_ms: i64, taken_ms: Option<i64>) {
        sequence.note(Numbered { number, at_ms, taken_ms }, true);
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
            note(&mut sequence, number, at_ms, None);
        }
        let times: Vec<_> = sequence.gaps().map(|it| (it.from, it.to, it.since_ms, it.seen_ms)).collect();
        assert_eq!(times, [(3, 3, 20, 90), (5, 6, 20, 90), (8, 8, 90, 99)], "a late line is not the line before");
    }

    #[test]
    fn a_number_that_is_found_again_closes_its_gap_and_begins_nothing() {
        let mut sequence = of([1, 5]);
        for number in [3, 3, 1, 900, 1 << 50] {
            sequence.recover(number, true);
        }
        assert_eq!((gaps(&sequence), sequence.duplicates, sequence.begun, sequence.newest()), (vec![(2, 2), (4, 4)], 0, 1, Some(5)));
    }

    /// Numbers, with when the device took them in seconds.
    fn taken(lines: &[(u64, i64)]) -> Sequence {
        let mut sequence = Sequence::default();
        lines.iter().for_each(|(number, second)| note(&mut sequence, *number, second * 1_000, Some(second * 1_000)));
        sequence
    }

    #[test]
    fn numbers_that_begin_again_are_followed_from_there() {
        let reset = taken(&[(5_000, 0), (5_003, 10), (1, 600), (2, 601), (4_990, 700), (4_992, 701)]);
        assert_eq!(gaps(&reset), [(5_001, 5_002), (3, 4_989), (4_991, 4_991)], "what was missing before is told still");
        assert_eq!((reset.begun, reset.duplicates, reset.newest()), (2, 0, Some(4_992)));
        let past = taken(&[(5_000, 0), (1, 600), (5_000, 700), (5_001, 701), (5_002, 702)]);
        assert_eq!((past.missing(), past.begun, past.duplicates), (4_998, 2, 0), "the old track takes nothing any more");
    }

    #[test]
    fn lines_that_come_late_or_again_begin_nothing() {
        let again = taken(&[(10, 0), (11, 100), (12, 200), (10, 0), (11, 100), (12, 200), (15, 210), (13, 205), (14, 509)]);
        assert_eq!((again.missing(), again.begun, again.duplicates), (0, 1, 3));
        let of_before = taken(&[(5_000, 0), (5_003, 10), (1, 600), (2, 601), (5_003, 10), (5_001, 5), (3, 602)]);
        assert_eq!((gaps(&of_before), of_before.begun, of_before.duplicates), (vec![(5_002, 5_002)], 2, 1));
    }

    #[test]
    fn without_room_the_sum_is_right_and_no_gap_more_is_kept() {
        let mut sequence = Sequence::default();
        let mut kept = 0;
        for at in 0..50_u64 {
            kept += sequence.note(Numbered { number: 100 + at * 10, at_ms: at as i64, taken_ms: None }, at < 5);
        }
        let newest: Vec<_> = sequence.gaps().map(|it| it.to).collect();
        assert_eq!((kept, newest, sequence.missing()), (4, vec![559, 569, 579, 589], 49 * 9), "the newest are kept");
        kept += sequence.recover(585, false);
        assert_eq!((kept, sequence.gaps_kept(), sequence.missing()), (4, 4, 49 * 9 - 1), "a gap that is cut in two too");
        kept += (586..590).chain(581..585).map(|it| sequence.recover(it, false)).sum::<isize>();
        assert_eq!((kept, sequence.gaps_kept() as isize, sequence.missing()), (2, 2, 48 * 9));
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
