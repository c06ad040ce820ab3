//! Names with a date in them: `<logs-{now/d}>` is `logs-2026.11.23` today.
//!
//! Between the angle brackets, text in braces is date math, followed by a format and a time zone in braces of their own where they are
//! not `yyyy.MM.dd` and UTC: `<logs-{now/M{yyyy.MM|+09:00}}>`. A backslash makes a brace a character.

use std::borrow::Cow;

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::datetime::{DateFormat, Rounding, parse_time_zone};

const DEFAULT_FORMAT: &str = "yyyy.MM.dd";

/// The name with its dates filled in; a name without angle brackets as it is.
///
/// # Errors
/// A sentence that says what of the expression is not understood.
pub(crate) fn fill(name: &str, now: Timestamp) -> Result<Cow<'_, str>, String> {
    let Some(inner) = name.strip_prefix('<').and_then(|it| it.strip_suffix('>')) else { return Ok(Cow::Borrowed(name)) };
    let mut filled = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => filled.push(chars.next().ok_or_else(|| refuse(name, "nothing follows the last backslash"))?),
            '{' => filled.push_str(&date(name, &braced(name, &mut chars)?, now)?),
            '}' => return Err(refuse(name, "invalid character at position of a closing brace")),
            c => filled.push(c),
        }
    }
    if filled.is_empty() {
        return Err(refuse(name, "nothing captured"));
    }
    Ok(Cow::Owned(filled))
}

/// The text up to the brace that closes the one just read.
fn braced(name: &str, chars: &mut std::str::Chars<'_>) -> Result<String, String> {
    let mut text = String::new();
    let mut depth = 1;
    for c in chars {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(text);
        }
        text.push(c);
    }
    Err(refuse(name, "date math placeholder is open ended"))
}

fn date(name: &str, expression: &str, now: Timestamp) -> Result<String, String> {
    let (math, format, zone) = match expression.split_once('{') {
        None => (expression, DEFAULT_FORMAT, "UTC"),
        Some((math, rest)) => {
            let rest = rest.strip_suffix('}').ok_or_else(|| refuse(name, "the format is not closed where the placeholder is"))?;
            match rest.split_once('|') {
                None => (math, rest, "UTC"),
                Some((format, zone)) => (math, format, zone),
            }
        }
    };
    if format.is_empty() {
        return Err(refuse(name, "missing date format"));
    }
    let zone: TimeZone = parse_time_zone(zone).map_err(|why| refuse(name, &why))?;
    let format = DateFormat::parse(format).map_err(|why| refuse(name, &why))?;
    let at = DateFormat::default_es().parse_date(math, Rounding::Down, &zone, now).map_err(|why| refuse(name, &why))?;
    Ok(format.format_date(at, &zone))
}

fn refuse(name: &str, why: &str) -> String {
    format!("invalid dynamic name expression [{name}]: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T23:54:21Z.
    const NOW: Timestamp = Timestamp(1_795_478_061_000);

    #[test]
    fn dates_are_filled_in() {
        for (name, expected) in [
            ("logs", "logs"),
            ("<logs-{now/d}>", "logs-2026.11.23"),
            ("<logs-{now/d-1d}-x>", "logs-2026.11.22-x"),
            ("<logs-{now/M{yyyy.MM}}>", "logs-2026.11"),
            ("<logs-{now/d{yyyy.MM.dd|+09:00}}>", "logs-2026.11.24"),
            ("<{now/y{yyyy}}-{now/M{MM}}>", "2026-11"),
            (r"<a\{b\}-{now/d}*>", "a{b}-2026.11.23*"),
        ] {
            assert_eq!(fill(name, NOW).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for name in ["<logs-{now/d>", "<logs-now/d}>", "<logs-{later}>", "<logs-{now/d{}}>", "<logs-{now/d{yyyy|Mars}}>", "<>", r"<a\>"] {
            let error = fill(name, NOW).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }
}
