//! When things happen: office hours and weekends over the window, and the map from "share of lines" to "moment".
//!
//! An hour's intensity is a floor of machines that never sleep plus people who do. [`Rhythm::moment`] turns progress
//! through the lines into a time; [`Rhythm::people_per_mille`] says how much of that hour's traffic people make.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

const HOUR_MS: i64 = 3_600_000;

/// How busy people are in each hour of a working day, 100 = the busiest.
const WORKDAY: [u32; 24] = [6, 5, 4, 4, 4, 6, 12, 30, 70, 95, 100, 98, 76, 92, 100, 98, 95, 85, 60, 40, 28, 20, 14, 9];
/// The same on Saturday and Sunday: experiments run, offices are dark.
const WEEKEND: [u32; 24] = [5, 4, 4, 3, 3, 3, 4, 6, 9, 14, 18, 20, 18, 20, 22, 22, 20, 18, 15, 13, 12, 10, 8, 6];
/// What machines do in every hour, on the scale of the tables above.
const MACHINES: u32 = 22;

/// The window's hours with their cumulative intensity.
#[derive(Debug, Clone)]
pub(crate) struct Rhythm {
    start_ms: i64,
    end_ms: i64,
    /// Lines expected before each hour's end, in units of the tables' weights × milliseconds inside the window.
    cumulative: Vec<u64>,
}

impl Rhythm {
    /// The window `[end_ms - span_ms, end_ms)`.
    pub(crate) fn new(end_ms: i64, span_ms: i64) -> Self {
        let start_ms = end_ms - span_ms;
        let mut cumulative = Vec::new();
        let mut sum = 0u64;
        let mut hour_start = start_ms;
        while hour_start < end_ms {
            let hour_end = (hour_start.div_euclid(HOUR_MS) + 1) * HOUR_MS;
            let within_ms = hour_end.min(end_ms) - hour_start;
            sum += u64::from(intensity(hour_start)) * within_ms.unsigned_abs();
            cumulative.push(sum);
            hour_start = hour_end;
        }
        Self { start_ms, end_ms, cumulative }
    }

    /// The time at which `done` of `total` lines have happened. Rises with `done`; always inside the window.
    pub(crate) fn moment(&self, done: u64, total: u64) -> i64 {
        let whole = self.cumulative.last().copied().unwrap_or(0);
        let target = u128::from(whole) * u128::from(done.min(total)) / u128::from(total.max(1));
        let target = u64::try_from(target).unwrap_or(whole);
        let hour = self.cumulative.partition_point(|&it| it <= target).min(self.cumulative.len() - 1);
        let before = if hour == 0 { 0 } else { self.cumulative[hour - 1] };
        let weight = self.cumulative[hour] - before;
        let hour_start = if hour == 0 { self.start_ms } else { (self.start_ms.div_euclid(HOUR_MS) + hour as i64) * HOUR_MS };
        let hour_end = ((hour_start.div_euclid(HOUR_MS) + 1) * HOUR_MS).min(self.end_ms);
        let part = (target - before).min(weight);
        let offset = u128::from(part) * (hour_end - hour_start).unsigned_abs() as u128 / u128::from(weight.max(1));
        (hour_start + offset as i64).min(self.end_ms - 1)
    }
}

/// Intensity of the hour that holds `at_ms`: machines plus people.
fn intensity(at_ms: i64) -> u32 {
    MACHINES + people(at_ms)
}

/// The part of the hour's traffic that people make, in thousandths, against its mean over a long time.
///
/// 1000 is the mean: web sessions are chosen in proportion to this, so that the URL share of a whole month still is what
/// the mix asks for while nights are quiet.
pub(crate) fn people_per_mille(at_ms: i64) -> u32 {
    // Mean of people/(people + machines) weighted by intensity is sum(people)/sum(people + machines) over a week.
    let (weekday, weekend): (u32, u32) = (WORKDAY.iter().sum(), WEEKEND.iter().sum());
    let people_week = 5 * weekday + 2 * weekend;
    let all_week = people_week + MACHINES * 24 * 7;
    let share_now = u64::from(people(at_ms)) * 1000 / u64::from(intensity(at_ms));
    (share_now * u64::from(all_week) / u64::from(people_week)) as u32
}

fn people(at_ms: i64) -> u32 {
    let moment = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
    let hour = usize::from(moment.hour().unsigned_abs());
    match moment.weekday() {
        Weekday::Saturday | Weekday::Sunday => WEEKEND[hour],
        _ => WORKDAY[hour],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::options::END_MS_DEFAULT;

    #[test]
    fn moments_rise_and_stay_inside_the_window() {
        let rhythm = Rhythm::new(END_MS_DEFAULT - 1_234_567, 30 * 24 * HOUR_MS);
        let mut last = rhythm.start_ms;
        for done in 0..=10_000 {
            let at = rhythm.moment(done, 10_000);
            assert!(at >= last && at < rhythm.end_ms, "{done}: {at} after {last}");
            last = at;
        }
        assert!(rhythm.end_ms - last < HOUR_MS, "the end of the window is reached");
    }

    #[test]
    fn a_minute_is_a_window_too() {
        let rhythm = Rhythm::new(END_MS_DEFAULT, 60_000);
        assert_eq!(rhythm.moment(0, 10), END_MS_DEFAULT - 60_000);
        assert_eq!(rhythm.moment(5, 10), END_MS_DEFAULT - 30_000);
    }

    #[test]
    fn monday_ten_is_busier_than_sunday_night() {
        let monday_ten = END_MS_DEFAULT + 10 * HOUR_MS;
        let sunday_three = END_MS_DEFAULT - 21 * HOUR_MS;
        assert!(intensity(monday_ten) > 4 * intensity(sunday_three));
        assert!(people_per_mille(monday_ten) > 1000 && people_per_mille(sunday_three) < 400);
    }
}
