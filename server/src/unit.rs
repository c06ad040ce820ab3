//! Times and sizes as Elasticsearch writes them: `7d`, `50gb`. Read whole or refused, written in the largest unit that says it exactly.

/// Units of time with their milliseconds, the largest first.
const TIMES: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units of size with their bytes, the largest first.
const SIZES: [(&str, u64); 6] = [("pb", 1 << 50), ("tb", 1 << 40), ("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("b", 1)];

/// Text that is no time or no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// As said.
    #[error("failed to parse [{0}] as a time value: a whole number with d, h, m, s or ms is expected, as 30d")]
    Time(String),
    /// As said.
    #[error("failed to parse [{0}] as a size: a whole number with pb, tb, gb, mb, kb or b is expected, as 50gb")]
    Size(String),
}

/// Milliseconds of a time such as `7d`. A nought needs no unit; what is finer than a millisecond is one.
///
/// # Errors
/// [`UnitError::Time`].
pub fn parse_ms(text: &str) -> Result<i64, UnitError> {
    let refuse = || UnitError::Time(text.to_owned());
    let (number, unit) = parts(text).ok_or_else(refuse)?;
    let number = i64::try_from(number).map_err(|_| refuse())?;
    match (unit.as_str(), TIMES.iter().find(|it| it.0 == unit)) {
        (_, Some((_, ms))) => number.checked_mul(*ms).ok_or_else(refuse),
        ("", _) if number == 0 => Ok(0),
        ("nanos" | "micros", _) => Ok(number.min(1)),
        _ => Err(refuse()),
    }
}

/// Bytes of a size such as `50gb`, in powers of 1024. A nought needs no unit.
///
/// # Errors
/// [`UnitError::Size`].
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    let refuse = || UnitError::Size(text.to_owned());
    let (number, unit) = parts(text).ok_or_else(refuse)?;
    // `k`, `m`, `g` … are taken too, as Elasticsearch does.
    match SIZES.iter().find(|it| it.0 == unit || it.0.len() == 2 && it.0[..1] == unit) {
        Some((_, bytes)) => number.checked_mul(*bytes).ok_or_else(refuse),
        None if number == 0 && unit.is_empty() => Ok(0),
        None => Err(refuse()),
    }
}

/// A time in milliseconds as text.
pub fn show_ms(ms: i64) -> String {
    let (unit, of) = TIMES.iter().find(|it| ms != 0 && ms % it.1 == 0).unwrap_or(&TIMES[4]);
    format!("{}{unit}", ms / of)
}

/// A size in bytes as text.
pub fn show_bytes(bytes: u64) -> String {
    let (unit, of) = SIZES.iter().find(|it| bytes != 0 && bytes.is_multiple_of(it.1)).unwrap_or(&SIZES[5]);
    format!("{}{unit}", bytes / of)
}

/// A time that has gone by, as answers tell it: in its largest unit, with up to two decimals.
pub fn show_age(ms: i64) -> String {
    let (unit, of) = TIMES.iter().find(|it| ms.abs() >= it.1).unwrap_or(&TIMES[4]);
    let text = format!("{:.2}", ms as f64 / *of as f64);
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn parts(text: &str) -> Option<(u64, String)> {
    let text = text.trim();
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_come_back_as_they_went_in() {
        for text in ["7d", "36h", "90m", "1s", "1500ms", "0ms"] {
            assert_eq!(show_ms(parse_ms(text).unwrap()), text);
        }
        for text in ["50gb", "1536mb", "3tb", "1023b", "0b"] {
            assert_eq!(show_bytes(parse_bytes(text).unwrap()), text);
        }
        assert_eq!((parse_ms("48h"), parse_ms("0"), parse_bytes("1G"), parse_bytes("1024mb")), (parse_ms("2d"), Ok(0), Ok(1 << 30), Ok(1 << 30)));
        assert_eq!((show_age(129_600_000), show_age(0), show_age(1_234)), ("1.5d".to_owned(), "0ms".to_owned(), "1.23s".to_owned()));
    }

    #[test]
    fn what_has_no_unit_or_is_too_large_is_refused() {
        for text in ["", "7", "d", "-1d", "1.5d", "7 bananas", "99999999999999d"] {
            assert!(parse_ms(text).is_err(), "{text}");
        }
        for text in ["", "7", "gb", "-1gb", "1.5gb", "7xb", "99999999999999pb"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
