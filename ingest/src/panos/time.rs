//! PAN-OS times: device-local ones without an offset, and high-resolution ones with it.
//!
//! Local times are read in the zone that the envelope names, UTC when it names none (PAN-OS syslog reference §9). In the autumn
//! hour that comes twice the earlier instant is taken, in the spring hour that does not exist the clock that went on: both are what
//! the device most likely meant. Syslog header times are never used.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sekisho_engine::clock::Timestamp;
use sekisho_engine::ecs;

use super::event::Event;

/// Where a device's clock stands.
#[derive(Clone, Debug, Default)]
pub(crate) enum Zone {
    /// The default, and much the fastest.
    #[default]
    Utc,
    /// An IANA zone, so that summer time is right.
    Named(TimeZone),
}

/// Zones by name, so that a line costs a look-up and not a parse.
#[derive(Debug, Default)]
pub(crate) struct Zones {
    utc: Arc<Zone>,
    named: RwLock<HashMap<String, Arc<Zone>>>,
}

/// Names remembered at most. There are about 600 zones; damaged records must not fill the memory with others.
const ZONES_MAX: usize = 1_000;

impl Zones {
    /// The zone of that IANA name; UTC for none or an unknown one.
    pub(crate) fn get(&self, name: Option<&str>) -> Arc<Zone> {
        let Some(name) = name else { return self.utc.clone() };
        if let Some(zone) = self.named.read().expect("no panic while the lock is held").get(name) {
            return zone.clone();
        }
        let zone = Arc::new(TimeZone::get(name).map_or(Zone::Utc, Zone::Named));
        let mut zones = self.named.write().expect("no panic while the lock is held");
        if zones.len() < ZONES_MAX {
            zones.insert(name.to_owned(), zone.clone());
        }
        zone
    }
}

/// A date and time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    year: i64,
    /// Milliseconds since 1970 as if the zone were UTC.
    local_ms: i64,
    /// The offset that was written, in milliseconds east of UTC.
    offset_ms: Option<i64>,
}

/// A time of a line: `2018/12/5 13:15:38` in the device's zone, or ISO 8601 with its own offset (cloud forwarding).
pub(crate) fn parse(text: &str, zone: &Zone) -> Option<Timestamp> {
    let written = read(text.as_bytes())?;
    instant(written, zone)
}

/// A high-resolution time. A device without one writes the epoch in its own zone, 1969 or 1970, which means none.
pub(crate) fn parse_high_resolution(text: &str, zone: &Zone) -> Option<Timestamp> {
    let written = read(text.as_bytes()).filter(|it| it.year > 1970)?;
    instant(written, zone)
}

/// Column high_res: kept, and the time of the event.
pub(super) fn high_resolution(event: &mut Event<'_>, index: usize) {
    let text = event.columns.raw(index);
    if let Some(time) = parse_high_resolution(text, event.zone) {
        event.row.push_date(ecs::PANOS_HIGH_RESOLUTION_TIMESTAMP, time);
        event.high_resolution = Some(time);
    } else if parse(text, event.zone).is_none() {
        event.column_error(index, "is not a time");
    }
}

fn instant(written: Written, zone: &Zone) -> Option<Timestamp> {
    match (written.offset_ms, zone) {
        (Some(offset_ms), _) => Some(Timestamp(written.local_ms - offset_ms)),
        (None, Zone::Utc) => Some(Timestamp(written.local_ms)),
        (None, Zone::Named(zone)) => {
            let local: DateTime = TimeZone::UTC.to_datetime(jiff::Timestamp::from_millisecond(written.local_ms).ok()?);
            Some(Timestamp(zone.to_ambiguous_timestamp(local).compatible().ok()?.as_millisecond()))
        }
    }
}

fn read(bytes: &[u8]) -> Option<Written> {
    let (fields, mut rest) = match bytes.split_first_chunk().and_then(|(head, rest)| Some((read_full(head)?, rest))) {
        Some(found) => found,
        None => read_short(bytes)?,
    };
    if rest.is_empty() {
        return written(fields, 0, None);
    }
    let mut millisecond = 0;
    if let [b'.', fraction @ ..] = rest {
        let len = fraction.iter().take_while(|it| it.is_ascii_digit()).count();
        let digits = fraction[..len].iter().map(|it| i64::from(it - b'0')).chain([0, 0, 0]);
        millisecond = digits.take(3).fold(0, |value, it| value * 10 + it);
        rest = &fraction[len..];
    }
    let offset_ms = match rest {
        [] => None,
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), ..] => {
            rest = &rest[1..];
            let hours = digits(&mut rest, 2, 2)?;
            rest = rest.strip_prefix(b":").unwrap_or(rest);
            let minutes = if rest.is_empty() { 0 } else { digits(&mut rest, 2, 2)? };
            let offset_ms = (hours * 60 + minutes) * 60_000;
            rest.is_empty().then_some(())?;
            Some(if *sign == b'-' { -offset_ms } else { offset_ms })
        }
        _ => return None,
    };
    written(fields, millisecond, offset_ms)
}

/// Year, month, day, hour, minute and second, as written.
type Fields = [i64; 6];

/// Fields of which the firewall wrote some with one digit, and what follows.
fn read_short(bytes: &[u8]) -> Option<(Fields, &[u8])> {
    let mut rest = bytes;
    let year = digits(&mut rest, 4, 4)?;
    let separator = byte(&mut rest).filter(|it| matches!(it, b'/' | b'-'))?;
    let month = digits(&mut rest, 1, 2)?;
    byte(&mut rest).filter(|it| *it == separator)?;
    let day = digits(&mut rest, 1, 2)?;
    byte(&mut rest).filter(|it| matches!(it, b' ' | b'T'))?;
    let hour = digits(&mut rest, 1, 2)?;
    byte(&mut rest).filter(|it| *it == b':')?;
    let minute = digits(&mut rest, 2, 2)?;
    byte(&mut rest).filter(|it| *it == b':')?;
    let second = digits(&mut rest, 2, 2)?;
    Some(([year, month, day, hour, minute, second], rest))
}

/// `2018/12/05 13:15:38` or `2018-12-05T13:15:38`, as nearly every line has it four times: each byte at its place. None for all else, which
/// is not refused by that.
fn read_full(bytes: &[u8; 19]) -> Option<Fields> {
    let is_parted = matches!((bytes[4], bytes[10]), (b'/' | b'-', b' ' | b'T'));
    let mut wrong = u8::from(!is_parted) | (bytes[7] ^ bytes[4]) | (bytes[13] ^ b':') | (bytes[16] ^ b':');
    let mut two = |at: usize| {
        let [tens, ones] = [bytes[at].wrapping_sub(b'0'), bytes[at + 1].wrapping_sub(b'0')];
        wrong |= u8::from(tens > 9) | u8::from(ones > 9);
        i64::from(tens) * 10 + i64::from(ones)
    };
    let year = two(0) * 100 + two(2);
    let [month, day, hour, minute, second] = [two(5), two(8), two(11), two(14), two(17)];
    (wrong == 0).then_some([year, month, day, hour, minute, second])
}

/// The time, if there is such a date and such a clock.
fn written([year, month, day, hour, minute, second]: Fields, millisecond: i64, offset_ms: Option<i64>) -> Option<Written> {
    let is_date = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    // Second 60 is a leap second; it becomes the next minute's first.
    let is_clock = hour < 24 && minute < 60 && second <= 60;
    let local_ms = ((days_from_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millisecond;
    (is_date && is_clock).then_some(Written { year, local_ms, offset_ms })
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    Some(first)
}

fn digits(rest: &mut &[u8], min: usize, max: usize) -> Option<i64> {
    let mut value = 0;
    let mut len = 0;
    while len < max && len < rest.len() && rest[len].is_ascii_digit() {
        value = value * 10 + i64::from(rest[len] - b'0');
        len += 1;
    }
    *rest = &rest[len..];
    (len >= min).then_some(value)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil).
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> String {
        parse(text, &Zone::Utc).map_or("none".to_owned(), |it| it.to_string())
    }

    #[test]
    fn device_times_are_read_with_long_and_short_days() {
        assert_eq!(utc("2019/11/03 07:01:51"), "2019-11-03T07:01:51.000Z");
        assert_eq!(utc("2018/12/5 13:15:38"), "2018-12-05T13:15:38.000Z");
        assert_eq!(utc("2024/02/29 00:00:00"), "2024-02-29T00:00:00.000Z");
        assert_eq!(utc("2021-10-22T16:10:10.000000Z"), "2021-10-22T16:10:10.000Z");
    }

    #[test]
    fn what_is_no_time_gives_none() {
        for text in [
            "",
            "16",
            "2019/13/03 07:01:51",
            "2023/02/29 00:00:00",
            "2019/11/03",
            "2019/11-03 07:01:51",
            "9/16/19 10:00",
            "2019/11/03 24:00:00",
            "2019/11/03 07:01:51x",
        ] {
            assert_eq!(utc(text), "none", "{text}");
        }
    }

    #[test]
    fn the_offset_of_a_high_resolution_time_counts_and_milliseconds_may_be_missing() {
        let tokyo = Zones::default().get(Some("Asia/Tokyo"));
        let high = |text| parse_high_resolution(text, &tokyo).map_or("none".to_owned(), |it| it.to_string());
        assert_eq!(high("2024-04-09T16:57:37.089+02:00"), "2024-04-09T14:57:37.089Z");
        assert_eq!(high("2021-10-26T14:53:38-07:00"), "2021-10-26T21:53:38.000Z");
        assert_eq!(high("2021-10-26T14:53:38.5Z"), "2021-10-26T14:53:38.500Z");
        assert_eq!(high("1969-12-31T16:00:00.000-08:00"), "none");
        assert_eq!(high("1970-01-01T01:00:00.000+01:00"), "none");
    }

    #[test]
    fn local_times_follow_the_zone_with_its_summer_time() {
        let zones = Zones::default();
        let berlin = |text| parse(text, &zones.get(Some("Europe/Berlin"))).unwrap().to_string();
        assert_eq!(berlin("2024/01/15 12:00:00"), "2024-01-15T11:00:00.000Z");
        assert_eq!(berlin("2024/07/15 12:00:00"), "2024-07-15T10:00:00.000Z");
        // 02:30 comes twice on this day: the earlier one, still in summer time.
        assert_eq!(berlin("2024/10/27 02:30:00"), "2024-10-27T00:30:00.000Z");
        // 02:30 does not exist on this day.
        assert_eq!(berlin("2024/03/31 02:30:00"), "2024-03-31T01:30:00.000Z");
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        assert_eq!(parse("2024/01/15 12:00:00", &Zones::default().get(Some("Mars/Olympus"))).unwrap().to_string(), "2024-01-15T12:00:00.000Z");
    }

    #[test]
    fn the_calendar_agrees_with_jiff_over_four_centuries() {
        let mut date = jiff::civil::date(1900, 1, 1);
        while date.year() < 2300 {
            let text = format!("{:04}/{:02}/{:02} 01:02:03", date.year(), date.month(), date.day());
            let expected = TimeZone::UTC.to_timestamp(date.at(1, 2, 3, 0)).unwrap().as_millisecond();
            assert_eq!(parse(&text, &Zone::Utc), Some(Timestamp(expected)), "{text}");
            date = date.checked_add(jiff::Span::new().days(17)).unwrap();
        }
    }
}
