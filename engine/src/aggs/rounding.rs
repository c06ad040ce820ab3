//! Times rounded down to an interval: fixed lengths and calendar units, in any time zone.
//!
//! Fixed lengths and units up to the hour are rounded in local time, with the offset that holds at the time itself, so an hour that
//! a clock change repeats is two buckets. Days and longer start at local midnight, or at the first moment after it where a clock
//! change skips midnight.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How long a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interval {
    /// Milliseconds.
    Fixed(i64),
    Day,
    /// From Monday.
    Week,
    Month,
    Quarter,
    Year,
}

/// Names of calendar intervals.
const CALENDAR: &[(&str, &str, Interval)] = &[
    ("second", "1s", Interval::Fixed(1_000)),
    ("minute", "1m", Interval::Fixed(60_000)),
    ("hour", "1h", Interval::Fixed(3_600_000)),
    ("day", "1d", Interval::Day),
    ("week", "1w", Interval::Week),
    ("month", "1M", Interval::Month),
    ("quarter", "1q", Interval::Quarter),
    ("year", "1y", Interval::Year),
];

impl Interval {
    /// A calendar interval by either of its names.
    pub(crate) fn calendar(text: &str) -> Option<Self> {
        CALENDAR.iter().find(|it| it.0 == text || it.1 == text).map(|it| it.2)
    }

    /// Months, for those that are counted in them.
    pub(crate) fn months(self) -> Option<u32> {
        match self {
            Interval::Month => Some(1),
            Interval::Quarter => Some(3),
            Interval::Year => Some(12),
            Interval::Fixed(_) | Interval::Day | Interval::Week => None,
        }
    }

    /// Milliseconds, clock changes aside; of months and longer, at most.
    pub(crate) fn length_ms(self) -> i64 {
        self.step()
    }

    /// Milliseconds that no bucket of this interval is shorter than by more than a clock change.
    fn step(self) -> i64 {
        const DAY: i64 = 86_400_000;
        match self {
            Interval::Fixed(it) => it,
            Interval::Day => DAY,
            Interval::Week => 7 * DAY,
            Interval::Month => 31 * DAY,
            Interval::Quarter => 92 * DAY,
            Interval::Year => 366 * DAY,
        }
    }
}

/// Milliseconds of a time value: `30s`, `-2h`, `500ms`, `1d`; `None` where it is none.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let split = digits.find(|it: char| !it.is_ascii_digit())?;
    let number: i64 = digits[..split].parse().ok()?;
    let unit = match &digits[split..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" | "H" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit)?.checked_mul(sign)
}

/// Interval, zone and offset.
#[derive(Clone, Debug)]
pub(crate) struct Rounding {
    pub(crate) interval: Interval,
    pub(crate) zone: TimeZone,
    /// Milliseconds that every bucket starts later.
    pub(crate) offset: i64,
}

impl Rounding {
    /// The start of the bucket that holds `time`.
    pub(crate) fn round(&self, time: i64) -> i64 {
        self.round_plain(time.saturating_sub(self.offset)).saturating_add(self.offset)
    }

    /// The start of the bucket after the one that starts at `key`.
    pub(crate) fn next(&self, key: i64) -> i64 {
        let plain = key.saturating_sub(self.offset);
        let mut probe = plain;
        // Months and clock changes make buckets shorter and longer than the step, so probe until the start moves; a probe that
        // has jumped over a start is corrected by rounding down from below.
        for _ in 0..8 {
            probe = probe.saturating_add(self.interval.step());
            let mut start = self.round_plain(probe);
            if start <= plain {
                continue;
            }
            // Walk back while the bucket before is still after `plain`.
            loop {
                let before = self.round_plain(start - 1);
                if before <= plain {
                    return start.saturating_add(self.offset);
                }
                start = before;
            }
        }
        key.saturating_add(self.interval.step())
    }

    /// Length and phase of the buckets where they are all equally long: `start = phase + n · length`.
    pub(crate) fn uniform(&self) -> Option<(i64, i64)> {
        let zone = self.fixed_offset_ms()?;
        let (length, phase) = match self.interval {
            Interval::Fixed(it) => (it, 0),
            Interval::Day => (86_400_000, 0),
            // 1970-01-01 was a Thursday; weeks start three days earlier.
            Interval::Week => (7 * 86_400_000, -3 * 86_400_000),
            Interval::Month | Interval::Quarter | Interval::Year => return None,
        };
        Some((length, phase - zone + self.offset))
    }

    fn fixed_offset_ms(&self) -> Option<i64> {
        self.zone.to_fixed_offset().ok().map(|it| i64::from(it.seconds()) * 1_000)
    }

    fn offset_at(&self, time: i64) -> i64 {
        Timestamp::from_millisecond(time).map_or(0, |it| i64::from(self.zone.to_offset(it).seconds()) * 1_000)
    }

    fn round_plain(&self, time: i64) -> i64 {
        let Interval::Fixed(length) = self.interval else {
            return self.start_of_unit(time).unwrap_or(time);
        };
        let zone = self.offset_at(time);
        let local = time.saturating_add(zone).div_euclid(length).saturating_mul(length);
        let start = local.saturating_sub(zone);
        if self.offset_at(start) == zone {
            return start;
        }
        // A clock change lies between: the local start under the offset before the change, if that is not after `time` …
        let earlier = local.saturating_sub(self.offset_at(start));
        if earlier <= time && self.offset_at(earlier) == self.offset_at(start) {
            return earlier;
        }
        // … or the change itself, where the local start does not exist or belongs to the other side.
        self.change_before(time).filter(|it| *it > start.min(earlier)).unwrap_or(start)
    }

    /// The last clock change at or before `time`.
    fn change_before(&self, time: i64) -> Option<i64> {
        let at = Timestamp::from_millisecond(time.checked_add(1)?).ok()?;
        self.zone.preceding(at).next().map(|it| it.timestamp().as_millisecond())
    }

    fn start_of_unit(&self, time: i64) -> Option<i64> {
        let date = Timestamp::from_millisecond(time).ok()?.to_zoned(self.zone.clone()).date();
        let first = match self.interval {
            Interval::Fixed(_) | Interval::Day => date,
            Interval::Week => date.checked_sub(Span::new().days(date.weekday().to_monday_zero_offset())).ok()?,
            Interval::Month => date.first_of_month(),
            Interval::Quarter => Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok()?,
            Interval::Year => date.first_of_year(),
        };
        let midnight: DateTime = first.at(0, 0, 0, 0);
        let start = midnight.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond();
        // A change that skips midnight gives the moment as far after the gap as midnight is into it; the day starts at the change.
        let change = self.change_before(start).filter(|it| self.local_date(*it) == Some(first) && self.local_date(*it - 1) < Some(first));
        Some(change.unwrap_or(start))
    }

    fn local_date(&self, time: i64) -> Option<Date> {
        Some(Timestamp::from_millisecond(time).ok()?.to_zoned(self.zone.clone()).date())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounding(interval: Interval, zone: &str) -> Rounding {
        Rounding { interval, zone: TimeZone::get(zone).unwrap(), offset: 0 }
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn calendar_units_start_at_local_midnight() {
        for (interval, zone, time, expected) in [
            (Interval::Day, "Asia/Tokyo", "2026-11-23T06:54:21Z", "2026-11-22T15:00:00Z"),
            (Interval::Week, "UTC", "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z"),
            (Interval::Month, "Europe/Berlin", "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z"),
            (Interval::Month, "Europe/Berlin", "2026-03-31T22:00:00Z", "2026-03-31T22:00:00Z"),
            (Interval::Quarter, "UTC", "2026-06-30T23:00:00Z", "2026-04-01T00:00:00Z"),
            (Interval::Year, "America/New_York", "2026-01-01T04:59:59Z", "2025-01-01T05:00:00Z"),
        ] {
            assert_eq!(rounding(interval, zone).round(ms(time)), ms(expected), "{interval:?} {zone} {time}");
        }
    }

    #[test]
    fn days_of_clock_changes_have_23_and_25_hours() {
        let days = rounding(Interval::Day, "Europe/Berlin");
        assert_eq!(days.next(ms("2026-03-28T23:00:00Z")) - ms("2026-03-28T23:00:00Z"), 23 * 3_600_000);
        assert_eq!(days.next(ms("2026-10-24T22:00:00Z")) - ms("2026-10-24T22:00:00Z"), 25 * 3_600_000);
    }

    #[test]
    fn a_repeated_hour_is_two_buckets() {
        let hours = rounding(Interval::Fixed(3_600_000), "Europe/Berlin");
        // 02:30 before and after the clock goes back on 2026-10-25.
        let (first, second) = (ms("2026-10-25T00:30:00Z"), ms("2026-10-25T01:30:00Z"));
        assert_eq!(hours.round(first), ms("2026-10-25T00:00:00Z"));
        assert_eq!(hours.round(second), ms("2026-10-25T01:00:00Z"));
        assert_eq!(hours.next(hours.round(first)), hours.round(second));
    }

    #[test]
    fn a_day_without_midnight_starts_after_the_change() {
        // Beirut went from 00:00 to 01:00 on 2022-03-27.
        let days = rounding(Interval::Day, "Asia/Beirut");
        assert_eq!(days.round(ms("2022-03-27T12:00:00Z")), ms("2022-03-26T22:00:00Z"));
        assert_eq!(days.round(ms("2022-03-26T21:59:59Z")), ms("2022-03-25T22:00:00Z"));
    }

    #[test]
    fn rounding_is_monotonic_and_next_walks_every_bucket() {
        for zone in ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"] {
            for interval in [
                Interval::Fixed(1_800_000),
                Interval::Fixed(3 * 3_600_000),
                Interval::Fixed(7 * 86_400_000),
                Interval::Day,
                Interval::Week,
                Interval::Month,
            ] {
                for offset in [0, 6 * 3_600_000, -90_000] {
                    let rounding = Rounding { offset, ..rounding(interval, zone) };
                    let (from, to) = (ms("2018-01-15T00:00:00Z"), ms("2019-01-15T00:00:00Z"));
                    let mut key = rounding.round(from);
                    let mut time = from;
                    while time < to {
                        let start = rounding.round(time);
                        assert!(start <= time, "{zone} {interval:?} {offset}: {start} after {time}");
                        assert_eq!(rounding.round(start), start, "{zone} {interval:?} {offset} {time}");
                        while key < start {
                            key = rounding.next(key);
                        }
                        assert_eq!(key, start, "{zone} {interval:?} {offset}: {time}");
                        time += 13 * 60_000;
                    }
                }
            }
        }
    }

    #[test]
    fn uniform_buckets_are_where_rounding_puts_them() {
        for (interval, zone) in [(Interval::Fixed(420_000), "UTC"), (Interval::Day, "Asia/Tokyo"), (Interval::Week, "UTC")] {
            let zone = if zone == "UTC" { TimeZone::UTC } else { TimeZone::fixed(jiff::tz::offset(9)) };
            let rounding = Rounding { interval, zone, offset: 5_000 };
            let (length, phase) = rounding.uniform().unwrap();
            for time in [ms("1969-12-30T01:02:03Z"), ms("2026-11-23T06:54:21Z"), 0, 5_000, 4_999] {
                assert_eq!((time - phase).div_euclid(length) * length + phase, rounding.round(time));
            }
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("30s"), Some(30_000));
        assert_eq!(parse_duration("-2h"), Some(-7_200_000));
        assert_eq!(parse_duration("+500ms"), Some(500));
        assert_eq!(parse_duration("1mo"), None);
        assert_eq!(parse_duration("d"), None);
        assert_eq!(parse_duration("5"), None);
        assert_eq!(parse_duration(""), None);
    }
}
