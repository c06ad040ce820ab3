//! Times as other formats write them, made the firewall's own: CEF's `Feb 27 2021 20:16:21 GMT`, seconds of the Unix epoch in JSON.

use std::borrow::Cow;

use sekisho_engine::clock::Timestamp;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `YYYY/MM/DD hh:mm:ss` with the offset that was written, if any; other text as it stands. The epoch means none and gives nothing:
/// a session without a parent says that its parent began in 1970.
pub(super) fn as_written_by_firewalls(text: &str) -> Cow<'_, str> {
    let text = text.trim_ascii();
    let time = month_first(text).map(Cow::Owned).or_else(|| epoch(text).map(Cow::Owned)).unwrap_or(Cow::Borrowed(text));
    if time.starts_with("1970") || time.starts_with("1969") { Cow::Borrowed("") } else { time }
}

/// `Feb 27 2021 20:16:21.5 GMT`.
fn month_first(text: &str) -> Option<String> {
    let mut parts = text.split_ascii_whitespace();
    let month = MONTHS.iter().position(|it| Some(*it) == text.get(..3)).filter(|_| parts.next().is_some_and(|it| it.len() == 3))? + 1;
    let (day, year, clock, zone) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let offset = match zone {
        None => "",
        Some("GMT" | "UTC" | "Z") => "Z",
        Some(other) if other.starts_with(['+', '-']) => other,
        Some(_) => return None,
    };
    parts.next().is_none().then(|| format!("{year}/{month:02}/{day} {clock}{offset}"))
}

/// Seconds, milli- or microseconds since 1970. Eleven digits of seconds would be after the year 5138.
fn epoch(text: &str) -> Option<String> {
    let number: i64 = text.parse().ok().filter(|it| *it >= 0)?;
    let milliseconds = match text.len() {
        _ if text.len() < 5 && number != 0 => return None,
        0..=11 => number * 1000,
        12..=14 => number,
        _ => number / 1000,
    };
    Some(Timestamp(milliseconds).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_becomes_the_firewalls() {
        for (text, expected) in [
            ("Feb 27 2021 20:16:21", "2021/02/27 20:16:21"),
            ("Sep 17 2025 11:45:34 GMT", "2025/09/17 11:45:34Z"),
            ("Feb  7 2021 20:16:21.125 +02:00", "2021/02/7 20:16:21.125+02:00"),
            ("1730875569", "2024-11-06T06:46:09.000Z"),
            ("1730875569123", "2024-11-06T06:46:09.123Z"),
            ("1730875569123456", "2024-11-06T06:46:09.123Z"),
            ("2025/09/17 13:45:34", "2025/09/17 13:45:34"),
            ("2021-02-27T20:16:21.000000Z", "2021-02-27T20:16:21.000000Z"),
            ("Jan 01 1970 00:00:00", ""),
            ("1970-01-01T00:00:00.000000Z", ""),
            ("0", ""),
            ("Dec", "Dec"),
            ("Feb 27 2021 20:16:21 CEST", "Feb 27 2021 20:16:21 CEST"),
            ("日本", "日本"),
            ("", ""),
        ] {
            assert_eq!(as_written_by_firewalls(text), expected, "{text}");
        }
    }
}
