//! Times of syslog headers. RFC 3164 writes no year and no zone: the year is the one that brings the time nearest to its receipt, so
//! a line of New Year's Eve that arrives after midnight stays in its year; the zone is the device's, unless `UTC` follows. Other names of
//! zones stand for several and are not read.

use sekisho_engine::clock::Timestamp;

use crate::panos::time::{self, Zone};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The instant of a header's time as written; none where it is no date.
pub(super) fn read(text: &str, received_at: Timestamp, zone: &Zone) -> Option<Timestamp> {
    let mut parts = text.split_ascii_whitespace();
    let first = parts.next()?;
    let Some(month) = MONTHS.iter().position(|it| *it == first) else { return time::parse(first, zone) };
    let (mut day, mut clock, mut year, mut offset) = (None, None, None, "");
    for part in parts {
        match part {
            _ if part.contains(':') => clock = Some(part),
            "UTC" | "GMT" => offset = "Z",
            _ if part.bytes().all(|it| it.is_ascii_uppercase()) => {}
            _ if part.len() == 4 => year = part.parse::<i16>().ok(),
            _ => day = Some(part),
        }
    }
    let (day, clock) = (day?, clock?);
    let of_year = |year: i16| time::parse(&format!("{year:04}/{}/{day} {clock}{offset}", month + 1), zone);
    match year {
        Some(year) => of_year(year),
        None => {
            let this_year = jiff::Timestamp::from_millisecond(received_at.0).ok()?.to_zoned(jiff::tz::TimeZone::UTC).year();
            let candidates = [this_year.checked_sub(1), Some(this_year), this_year.checked_add(1)];
            candidates.into_iter().flatten().filter_map(of_year).min_by_key(|it| it.0.abs_diff(received_at.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panos::time::Zones;

    fn at(received: &str) -> Timestamp {
        Timestamp(received.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn the_year_is_the_nearest_one() {
        for (text, received, expected) in [
            ("Nov 23 07:00:00", "2026-11-23T07:00:01Z", "2026-11-23T07:00:00.000Z"),
            ("Dec 31 23:59:59", "2027-01-01T00:00:01Z", "2026-12-31T23:59:59.000Z"),
            ("Jan  1 00:00:01", "2026-12-31T23:59:58Z", "2027-01-01T00:00:01.000Z"),
            ("Feb 29 12:00:00", "2025-02-20T00:00:00Z", "2024-02-29T12:00:00.000Z"),
            ("Jan 28 2019 01:28:35", "2026-11-23T07:00:00Z", "2019-01-28T01:28:35.000Z"),
            ("Jan 28 01:28:35 2019", "2026-11-23T07:00:00Z", "2019-01-28T01:28:35.000Z"),
            ("Nov 23 07:00:00.123", "2026-11-23T07:00:01Z", "2026-11-23T07:00:00.123Z"),
            ("2025-07-14T09:50:36.5-04:00", "2026-11-23T07:00:01Z", "2025-07-14T13:50:36.500Z"),
        ] {
            assert_eq!(read(text, at(received), &Zone::Utc).map(|it| it.to_string()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn times_without_an_offset_are_the_devices() {
        let tokyo = Zones::default().get(Some("Asia/Tokyo"));
        assert_eq!(read("Jan  1 05:00:00 UTC", at("2027-01-01T05:00:01Z"), &tokyo).unwrap().to_string(), "2027-01-01T05:00:00.000Z");
        assert_eq!(read("Jan  1 05:00:00 JST", at("2026-12-31T20:00:01Z"), &tokyo).unwrap().to_string(), "2026-12-31T20:00:00.000Z");
        assert_eq!(read("Jan  1 05:00:00", at("2026-12-31T20:00:01Z"), &tokyo).unwrap().to_string(), "2026-12-31T20:00:00.000Z");
    }

    #[test]
    fn what_is_no_date_gives_none() {
        for text in ["", "Feb 30 07:00:00", "Nov 7", "Nov 07:00:00", "Nov 23 25:00:00", "x"] {
            assert_eq!(read(text, at("2026-11-23T07:00:01Z"), &Zone::Utc), None, "{text}");
        }
    }
}
