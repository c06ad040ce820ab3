//! Dates as Elasticsearch's mappings, ranges and histograms write them: format strings, date math, rounding, time zones.
//!
//! A [`DateFormat`] is a list of alternatives (`strict_date_optional_time||epoch_millis`): parsing tries them in turn,
//! formatting uses the first. [`DateFormat::parse_date`] also understands date math (`now-15m/m`, `2020-01-01||/M`). Nothing
//! here knows fields or queries; every answer is a [`Timestamp`].
//!
//! Rounding up follows Elasticsearch's table of missing components: month and day become 01, the time of day the last
//! millisecond, so that `lte: "2020-01-01"` covers the day.

use std::sync::{Arc, LazyLock};

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Zoned};
use serde_json::Value;

use crate::clock::Timestamp;

/// Which end of the unit a date stands for that does not name all of its components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// The first millisecond: `gte` and `lt`.
    Down,
    /// The last millisecond: `lte` and `gt`.
    Up,
}

/// A parsed format string; cheap to clone.
#[derive(Clone, Debug)]
pub struct DateFormat {
    text: Arc<str>,
    alternatives: Arc<[Pattern]>,
}

impl PartialEq for DateFormat {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Characters of a format string. Longer ones are refused as invalid.
const FORMAT_CHARS_MAX: usize = 1_000;

/// Nesting of optional sections (`[…]`) in a format string, which are parsed recursively.
const OPTIONAL_DEPTH_MAX: usize = 8;

/// Operations of one date math expression; more are refused.
const MATH_OPERATIONS_MAX: usize = 64;

/// The format of date fields that name none.
pub const DEFAULT_FORMAT: &str = "strict_date_optional_time||epoch_millis";

/// Elasticsearch's named formats and what they stand for; each is also known with `strict_` before it.
// Source: "Built-in formats" of the Elasticsearch reference, mapping parameter `format`.
const NAMED: &[(&str, &str)] = &[
    ("basic_date", "yyyyMMdd"),
    ("basic_date_time", "yyyyMMdd'T'HHmmss.SSSXX"),
    ("basic_date_time_no_millis", "yyyyMMdd'T'HHmmssXX"),
    ("basic_ordinal_date", "yyyyDDD"),
    ("basic_ordinal_date_time", "yyyyDDD'T'HHmmss.SSSXX"),
    ("basic_ordinal_date_time_no_millis", "yyyyDDD'T'HHmmssXX"),
    ("basic_time", "HHmmss.SSSXX"),
    ("basic_time_no_millis", "HHmmssXX"),
    ("basic_t_time", "'T'HHmmss.SSSXX"),
    ("basic_t_time_no_millis", "'T'HHmmssXX"),
    ("basic_week_date", "xxxx'W'wwe"),
    ("basic_week_date_time", "xxxx'W'wwe'T'HHmmss.SSSXX"),
    ("basic_week_date_time_no_millis", "xxxx'W'wwe'T'HHmmssXX"),
    ("date", "yyyy-MM-dd"),
    ("date_hour", "yyyy-MM-dd'T'HH"),
    ("date_hour_minute", "yyyy-MM-dd'T'HH:mm"),
    ("date_hour_minute_second", "yyyy-MM-dd'T'HH:mm:ss"),
    ("date_hour_minute_second_fraction", "yyyy-MM-dd'T'HH:mm:ss.SSS"),
    ("date_hour_minute_second_millis", "yyyy-MM-dd'T'HH:mm:ss.SSS"),
    ("date_time", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"),
    ("date_time_no_millis", "yyyy-MM-dd'T'HH:mm:ssXXX"),
    ("hour", "HH"),
    ("hour_minute", "HH:mm"),
    ("hour_minute_second", "HH:mm:ss"),
    ("hour_minute_second_fraction", "HH:mm:ss.SSS"),
    ("hour_minute_second_millis", "HH:mm:ss.SSS"),
    ("ordinal_date", "yyyy-DDD"),
    ("ordinal_date_time", "yyyy-DDD'T'HH:mm:ss.SSSXXX"),
    ("ordinal_date_time_no_millis", "yyyy-DDD'T'HH:mm:ssXXX"),
    ("time", "HH:mm:ss.SSSXXX"),
    ("time_no_millis", "HH:mm:ssXXX"),
    ("t_time", "'T'HH:mm:ss.SSSXXX"),
    ("t_time_no_millis", "'T'HH:mm:ssXXX"),
    ("week_date", "xxxx-'W'ww-e"),
    ("week_date_time", "xxxx-'W'ww-e'T'HH:mm:ss.SSSXXX"),
    ("week_date_time_no_millis", "xxxx-'W'ww-e'T'HH:mm:ssXXX"),
    ("weekyear", "xxxx"),
    ("weekyear_week", "xxxx-'W'ww"),
    ("weekyear_week_day", "xxxx-'W'ww-e"),
    ("year", "yyyy"),
    ("year_month", "yyyy-MM"),
    ("year_month_day", "yyyy-MM-dd"),
];

#[derive(Clone, Debug)]
enum Pattern {
    /// ISO 8601 with everything after the year optional. Strict: months, days and times have two digits.
    OptionalTime {
        strict: bool,
    },
    EpochMillis,
    EpochSecond,
    /// A pattern of Java's `DateTimeFormatter`.
    Java(Vec<Item>),
}

#[derive(Clone, Debug)]
enum Item {
    Literal(String),
    /// Letter and how often it stands.
    Letter(char, usize),
    Optional(Vec<Item>),
}

impl DateFormat {
    /// Reads a format string: named formats and Java patterns, alternatives separated by `||`.
    ///
    /// # Errors
    /// A message that names the alternative and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > FORMAT_CHARS_MAX {
            return Err(format!("Invalid format: longer than [{FORMAT_CHARS_MAX}] characters"));
        }
        let alternatives = text.split("||").map(|it| Pattern::parse(it.trim())).collect::<Result<Arc<[_]>, _>>()?;
        Ok(Self { text: text.into(), alternatives })
    }

    /// [`DEFAULT_FORMAT`].
    pub fn default_es() -> Self {
        static DEFAULT: LazyLock<DateFormat> = LazyLock::new(|| DateFormat::parse(DEFAULT_FORMAT).expect("a known format"));
        DEFAULT.clone()
    }

    /// The format string.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Reads a date or date math. `tz` holds where the text has no zone and where math rounds; `now` is what `now` means.
    ///
    /// # Errors
    /// Elasticsearch's sentence, which names text and format.
    pub fn parse_date(&self, text: &str, round: Rounding, tz: &TimeZone, now: Timestamp) -> Result<Timestamp, String> {
        if let Some(math) = text.strip_prefix("now") {
            return apply_math(math, now, round, tz).map_err(|why| math_error(text, &why));
        }
        if let Some((date, math)) = text.split_once("||") {
            let base = self.parse_plain(date, Rounding::Down, tz).ok_or_else(|| self.parse_error(date))?;
            return apply_math(math, base, round, tz).map_err(|why| math_error(text, &why));
        }
        self.parse_plain(text, round, tz).ok_or_else(|| self.parse_error(text))
    }

    /// Reads a date of a document: a string or a number, without date math; what has no zone is UTC.
    pub fn parse_value(&self, value: &Value) -> Option<Timestamp> {
        match value {
            Value::String(text) => self.parse_plain(text, Rounding::Down, &TimeZone::UTC),
            Value::Number(number) => {
                // A number is read as its digits would be; whole ones are nearly always milliseconds.
                match number.as_i64() {
                    Some(it) => self.parse_plain(&it.to_string(), Rounding::Down, &TimeZone::UTC),
                    None => {
                        // A float in exponent form would not be digits; epoch formats take the value itself.
                        let it = number.as_f64().filter(|it| it.abs() < 9e15)?;
                        self.parse_plain(&format!("{it}"), Rounding::Down, &TimeZone::UTC)
                    }
                }
            }
            _ => None,
        }
    }

    /// Writes a date in the first alternative.
    pub fn format_date(&self, ts: Timestamp, tz: &TimeZone) -> String {
        let first = &self.alternatives[0];
        match first {
            Pattern::EpochMillis => return ts.0.to_string(),
            Pattern::EpochSecond if ts.0 % 1000 == 0 => return (ts.0 / 1000).to_string(),
            Pattern::EpochSecond => {
                let sign = if ts.0 < 0 { "-" } else { "" };
                return format!("{sign}{}.{:03}", (ts.0 / 1000).abs(), (ts.0 % 1000).abs());
            }
            Pattern::OptionalTime { .. } | Pattern::Java(_) => {}
        }
        let Ok(at) = jiff::Timestamp::from_millisecond(ts.0) else { return ts.0.to_string() };
        let zoned = at.to_zoned(tz.clone());
        let mut out = String::with_capacity(32);
        match first {
            Pattern::Java(items) => format_items(items, &zoned, &mut out),
            _ => {
                let (y, mo, d) = (zoned.year(), zoned.month(), zoned.day());
                let (h, m, s, ms) = (zoned.hour(), zoned.minute(), zoned.second(), zoned.millisecond());
                out.push_str(&format!("{y:04}-{mo:02}-{d:02}T{h:02}:{m:02}:{s:02}.{ms:03}"));
                format_offset(zoned.offset(), 'X', 3, &mut out);
            }
        }
        out
    }

    fn parse_plain(&self, text: &str, round: Rounding, tz: &TimeZone) -> Option<Timestamp> {
        self.alternatives.iter().find_map(|it| it.parse_date(text, round, tz))
    }

    fn parse_error(&self, text: &str) -> String {
        format!("failed to parse date field [{text}] with format [{}]", self.text)
    }
}

/// Reads a `time_zone`: `Z`, `UTC`, an offset (`+09:00`, `+0900`, `+9`) or a name of the tz database.
///
/// # Errors
/// A message that names what was given.
pub fn parse_time_zone(text: &str) -> Result<TimeZone, String> {
    if matches!(text, "Z" | "UTC" | "GMT" | "z") {
        return Ok(TimeZone::UTC);
    }
    let offset_text = text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT")).unwrap_or(text);
    if let Some((offset, "")) = parse_offset(offset_text) {
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(text).map_err(|_| format!("Unknown time-zone ID: {text}"))
}

/// Writes a time zone as it may be given to [`parse_time_zone`].
pub fn time_zone_text(tz: &TimeZone) -> String {
    match (tz.iana_name(), tz.to_fixed_offset()) {
        (Some(name), _) => name.to_owned(),
        (None, Ok(offset)) => {
            let mut out = String::new();
            format_offset(offset, 'X', 3, &mut out);
            out
        }
        (None, Err(_)) => "UTC".to_owned(),
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let plain = text.strip_prefix("strict_").unwrap_or(text);
        let strict = plain.len() != text.len();
        match plain {
            "" => return Err("Invalid format: []: no pattern".to_owned()),
            "date_optional_time" | "date_optional_time_nanos" | "dateOptionalTime" => return Ok(Pattern::OptionalTime { strict }),
            "iso8601" => return Ok(Pattern::OptionalTime { strict: true }),
            "epoch_millis" => return Ok(Pattern::EpochMillis),
            "epoch_second" => return Ok(Pattern::EpochSecond),
            _ => {}
        }
        let java = NAMED.iter().find(|it| it.0 == plain).map_or(text, |it| it.1);
        let mut chars = java.chars().peekable();
        let items = parse_items(&mut chars, 0).map_err(|why| format!("Invalid format: [{text}]: {why}"))?;
        Ok(Pattern::Java(items))
    }

    fn parse_date(&self, text: &str, round: Rounding, tz: &TimeZone) -> Option<Timestamp> {
        match self {
            Pattern::EpochMillis => parse_epoch(text, 1),
            Pattern::EpochSecond => parse_epoch(text, 1_000),
            Pattern::OptionalTime { strict } => parse_optional_time(text, *strict)?.resolve(round, tz),
            Pattern::Java(items) => {
                let mut parts = Parts::default();
                let rest = scan_items(items, text, &mut parts)?;
                if rest.is_empty() { parts.resolve(round, tz) } else { None }
            }
        }
    }
}

/// What a text says of a date.
#[derive(Clone, Debug, Default)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    day_of_year: Option<i16>,
    week_year: Option<i16>,
    week: Option<i8>,
    weekday: Option<i8>,
    hour: Option<i8>,
    hour12: Option<i8>,
    afternoon: Option<bool>,
    minute: Option<i8>,
    second: Option<i8>,
    nanos: Option<i32>,
    zone: Option<TimeZone>,
    epoch_ms: Option<i64>,
}

impl Parts {
    fn resolve(self, round: Rounding, tz: &TimeZone) -> Option<Timestamp> {
        if let Some(it) = self.epoch_ms {
            return Some(Timestamp(it));
        }
        let date = if let Some(year) = self.week_year {
            let weekday = Weekday::from_monday_one_offset(self.weekday.unwrap_or(1)).ok()?;
            Date::from_iso_week_date(ISOWeekDate::new(year, self.week.unwrap_or(1), weekday).ok()?)
        } else if let Some(day) = self.day_of_year {
            let first = Date::new(self.year.unwrap_or(1970), 1, 1).ok()?;
            let date = first.checked_add(Span::new().try_days(i64::from(day) - 1).ok()?).ok()?;
            (date.year() == first.year()).then_some(date)?
        } else {
            Date::new(self.year.unwrap_or(1970), self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?
        };
        let hour = self.hour.or_else(|| {
            let hour = self.hour12? % 12;
            Some(if self.afternoon == Some(true) { hour + 12 } else { hour })
        });
        // 24:00 is the end of the day in ISO 8601.
        let (hour, next_day) = if hour == Some(24) && self.minute.unwrap_or(0) == 0 { (Some(0), true) } else { (hour, false) };
        let (h, m, s, n) = match round {
            Rounding::Down => (0, 0, 0, 0),
            Rounding::Up => (23, 59, 59, 999_000_000),
        };
        let time = Time::new(hour.unwrap_or(h), self.minute.unwrap_or(m), self.second.unwrap_or(s), self.nanos.unwrap_or(n)).ok()?;
        let date = if next_day { date.tomorrow().ok()? } else { date };
        let at = self.zone.as_ref().unwrap_or(tz).to_timestamp(date.to_datetime(time)).ok()?;
        Some(floor_ms(at))
    }
}

fn floor_ms(at: jiff::Timestamp) -> Timestamp {
    // `as_millisecond` truncates towards zero, which is the wrong way before 1970.
    Timestamp(at.as_nanosecond().div_euclid(1_000_000) as i64)
}

/// `text` times `unit` milliseconds, with a fraction (`1234.567`), which is cut to milliseconds.
fn parse_epoch(text: &str, unit: i64) -> Option<Timestamp> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || whole.len() > 18 || fraction.len() > 9 || !whole.bytes().chain(fraction.bytes()).all(|it| it.is_ascii_digit()) {
        return None;
    }
    let mut value = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    if unit > 1 && !fraction.is_empty() {
        let scaled: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
        value = value.checked_add(scaled)?;
    }
    Some(Timestamp(if negative { -value } else { value }))
}

/// Takes `min..=max` digits off the front.
fn take_digits<'a>(text: &mut &'a str, min: usize, max: usize) -> Option<&'a str> {
    let len = text.bytes().take(max).take_while(u8::is_ascii_digit).count();
    if len < min {
        return None;
    }
    let (digits, rest) = text.split_at(len);
    *text = rest;
    Some(digits)
}

fn take_i8(text: &mut &str, min: usize) -> Option<i8> {
    take_digits(text, min, 2)?.parse().ok()
}

fn take_char(text: &mut &str, wanted: char) -> bool {
    match text.strip_prefix(wanted) {
        Some(rest) => {
            *text = rest;
            true
        }
        None => false,
    }
}

fn parse_optional_time(text: &str, strict: bool) -> Option<Parts> {
    let mut parts = Parts::default();
    let mut rest = text;
    let min = if strict { 2 } else { 1 };
    let year = take_digits(&mut rest, if strict { 4 } else { 1 }, if strict { 4 } else { 5 })?;
    parts.year = Some(year.parse().ok()?);
    if take_char(&mut rest, '-') {
        parts.month = Some(take_i8(&mut rest, min)?);
        if take_char(&mut rest, '-') {
            parts.day = Some(take_i8(&mut rest, min)?);
        }
    }
    if parts.day.is_none() || rest.is_empty() {
        return rest.is_empty().then_some(parts);
    }
    if !take_char(&mut rest, 'T') {
        return None;
    }
    if rest.is_empty() {
        return Some(parts);
    }
    parts.hour = Some(take_i8(&mut rest, min)?);
    if take_char(&mut rest, ':') {
        parts.minute = Some(take_i8(&mut rest, min)?);
        if take_char(&mut rest, ':') {
            parts.second = Some(take_i8(&mut rest, min)?);
            if take_char(&mut rest, '.') || take_char(&mut rest, ',') {
                parts.nanos = Some(fraction_nanos(take_digits(&mut rest, 1, 9)?));
            }
        }
    }
    if !rest.is_empty() {
        parts.zone = Some(scan_zone(&mut rest)?);
    }
    rest.is_empty().then_some(parts)
}

fn fraction_nanos(digits: &str) -> i32 {
    let value: i32 = digits.parse().expect("at most nine digits");
    value * 10_i32.pow(9 - digits.len() as u32)
}

/// `Z`, `+09`, `+9`, `+0900`, `+09:00`, `+09:00:30`, and what follows.
fn parse_offset(text: &str) -> Option<(Offset, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((Offset::UTC, rest));
    }
    let negative = match text.bytes().next()? {
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    let mut rest = &text[1..];
    let hours: i32 = take_digits(&mut rest, 1, 2)?.parse().ok()?;
    let mut seconds = hours * 3600;
    let mut pair = |rest: &mut &str, unit: i32| {
        let before = *rest;
        let _ = take_char(rest, ':');
        match take_digits(rest, 2, 2).and_then(|it| it.parse::<i32>().ok()).filter(|it| *it < 60) {
            Some(it) => seconds += it * unit,
            None => *rest = before,
        }
    };
    pair(&mut rest, 60);
    pair(&mut rest, 1);
    let offset = Offset::from_seconds(if negative { -seconds } else { seconds }).ok().filter(|_| hours <= 18)?;
    Some((offset, rest))
}

/// Takes an offset or a zone's name off the front.
fn scan_zone(text: &mut &str) -> Option<TimeZone> {
    if let Some((offset, rest)) = parse_offset(text) {
        *text = rest;
        return Some(TimeZone::fixed(offset));
    }
    let len = text.bytes().take_while(|it| it.is_ascii_alphanumeric() || matches!(it, b'/' | b'_' | b'-' | b'+')).count();
    let (name, rest) = text.split_at(len);
    let zone = if name.is_empty() { None } else { parse_time_zone(name).ok() }?;
    *text = rest;
    Some(zone)
}

fn parse_items(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, depth: usize) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    while let Some(c) = chars.next() {
        match c {
            '\'' if chars.peek() == Some(&'\'') => {
                chars.next();
                push_literal(&mut items, '\'');
            }
            '\'' => loop {
                match chars.next() {
                    Some('\'') if chars.peek() == Some(&'\'') => {
                        chars.next();
                        push_literal(&mut items, '\'');
                    }
                    Some('\'') => break,
                    Some(c) => push_literal(&mut items, c),
                    None => return Err("Pattern ends with an incomplete string literal".to_owned()),
                }
            },
            '[' if depth == OPTIONAL_DEPTH_MAX => return Err("optional sections are nested too deeply".to_owned()),
            '[' => items.push(Item::Optional(parse_items(chars, depth + 1)?)),
            ']' if depth == 0 => return Err("Pattern invalid as it contains ] without previous [".to_owned()),
            ']' => return Ok(items),
            'y' | 'u' | 'Y' | 'x' | 'M' | 'L' | 'd' | 'D' | 'w' | 'e' | 'E' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' | 'S' | 'n' | 'a' | 'X' | 'Z'
            | 'z' | 'V' | 'O' => {
                let mut count = 1;
                while chars.peek() == Some(&c) {
                    chars.next();
                    count += 1;
                }
                if count > 9 {
                    return Err(format!("Too many pattern letters: {c}"));
                }
                // Elasticsearch means the week-based year by `x` and by `Y`; an offset `x` stands for zones without `Z`.
                items.push(Item::Letter(c, count));
            }
            c if c.is_ascii_alphabetic() => return Err(format!("Unknown pattern letter: {c}")),
            '{' | '}' | '#' => return Err(format!("Pattern includes reserved character: '{c}'")),
            c => push_literal(&mut items, c),
        }
    }
    if depth == 0 { Ok(items) } else { Err("Pattern has [ without ]".to_owned()) }
}

fn push_literal(items: &mut Vec<Item>, c: char) {
    if let Some(Item::Literal(text)) = items.last_mut() {
        text.push(c);
    } else {
        items.push(Item::Literal(c.to_string()));
    }
}

const MONTHS: [&str; 12] = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Reads `text` by `items`; what is left of it, or `None` where it does not fit.
fn scan_items<'a>(items: &[Item], mut text: &'a str, parts: &mut Parts) -> Option<&'a str> {
    for (at, item) in items.iter().enumerate() {
        match item {
            Item::Literal(literal) => text = text.strip_prefix(literal.as_str())?,
            Item::Optional(inner) => {
                let mut trial = parts.clone();
                if let Some(rest) = scan_items(inner, text, &mut trial) {
                    text = rest;
                    *parts = trial;
                }
            }
            Item::Letter(letter, count) => {
                // A number directly followed by another one has exactly its width (`yyyyMMdd`).
                let adjacent = matches!(items.get(at + 1), Some(Item::Letter(next, _)) if !matches!(next, 'a' | 'X' | 'Z' | 'z' | 'V' | 'O' | 'E'));
                scan_letter(*letter, *count, adjacent, &mut text, parts)?;
            }
        }
    }
    Some(text)
}

fn scan_letter(letter: char, count: usize, adjacent: bool, text: &mut &str, parts: &mut Parts) -> Option<()> {
    let two = |text: &mut &str| take_digits(text, count.min(2), 2)?.parse::<i8>().ok();
    match letter {
        'y' | 'u' | 'Y' => {
            let year: i16 = match count {
                2 => 2000 + take_digits(text, 2, 2)?.parse::<i16>().ok()?,
                _ => take_digits(text, count, if adjacent { count.max(4) } else { count.max(5) })?.parse().ok()?,
            };
            if letter == 'Y' { parts.week_year = Some(year) } else { parts.year = Some(year) }
        }
        'x' if count == 4 => parts.week_year = Some(take_digits(text, 4, 4)?.parse().ok()?),
        'M' | 'L' if count >= 3 => parts.month = Some(scan_name(&MONTHS, count, text)?),
        'M' | 'L' => parts.month = Some(two(text)?),
        'd' => parts.day = Some(two(text)?),
        'D' => parts.day_of_year = Some(take_digits(text, count.min(3), 3)?.parse().ok()?),
        'w' => parts.week = Some(two(text)?),
        'e' => parts.weekday = Some(take_digits(text, 1, 1)?.parse().ok()?),
        'E' => {
            // The day's name is checked for being one, not against the date.
            scan_name(&DAYS, count, text)?;
        }
        'H' => parts.hour = Some(two(text)?),
        'k' => parts.hour = Some(two(text).filter(|it| *it >= 1)? % 24),
        'h' => parts.hour12 = Some(two(text).filter(|it| (1..=12).contains(it))?),
        'K' => parts.hour12 = Some(two(text).filter(|it| (0..12).contains(it))?),
        'm' => parts.minute = Some(two(text)?),
        's' => parts.second = Some(two(text)?),
        'S' => parts.nanos = Some(fraction_nanos(take_digits(text, count, count)?)),
        'n' => parts.nanos = Some(take_digits(text, 1, 9)?.parse().ok()?),
        'a' => {
            let half = text.get(..2)?;
            parts.afternoon = Some(match half {
                "AM" | "am" => false,
                "PM" | "pm" => true,
                _ => return None,
            });
            *text = &text[2..];
        }
        _ => parts.zone = Some(scan_zone(text)?),
    }
    Some(())
}

/// The number, from one, of the name at the front: short with three letters of the pattern, else in full.
fn scan_name(names: &[&str], count: usize, text: &mut &str) -> Option<i8> {
    for (at, name) in names.iter().enumerate() {
        let name = if count <= 3 { &name[..3] } else { name };
        if text.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name)) {
            *text = &text[name.len()..];
            return Some(at as i8 + 1);
        }
    }
    None
}

fn format_items(items: &[Item], at: &Zoned, out: &mut String) {
    for item in items {
        match item {
            Item::Literal(text) => out.push_str(text),
            Item::Optional(inner) => format_items(inner, at, out),
            Item::Letter(letter, count) => format_letter(*letter, *count, at, out),
        }
    }
}

fn format_letter(letter: char, count: usize, at: &Zoned, out: &mut String) {
    let mut number = |value: i64| out.push_str(&format!("{value:0count$}"));
    match letter {
        'y' | 'u' if count == 2 => number(i64::from(at.year()).rem_euclid(100)),
        'y' | 'u' => number(i64::from(at.year())),
        'Y' => number(i64::from(at.date().iso_week_date().year())),
        'x' if count == 4 => number(i64::from(at.date().iso_week_date().year())),
        'M' | 'L' if count < 3 => number(i64::from(at.month())),
        'M' | 'L' => {
            let name = MONTHS[at.month() as usize - 1];
            out.push_str(if count == 3 { &name[..3] } else { name });
        }
        'd' => number(i64::from(at.day())),
        'D' => number(i64::from(at.day_of_year())),
        'w' => number(i64::from(at.date().iso_week_date().week())),
        'e' => number(i64::from(at.weekday().to_monday_one_offset())),
        'E' => {
            let name = DAYS[at.weekday().to_monday_zero_offset() as usize];
            out.push_str(if count <= 3 { &name[..3] } else { name });
        }
        'H' => number(i64::from(at.hour())),
        'k' => number(if at.hour() == 0 { 24 } else { i64::from(at.hour()) }),
        'h' => number(if at.hour() % 12 == 0 { 12 } else { i64::from(at.hour() % 12) }),
        'K' => number(i64::from(at.hour() % 12)),
        'm' => number(i64::from(at.minute())),
        's' => number(i64::from(at.second())),
        'S' => out.push_str(&format!("{:09}", at.subsec_nanosecond())[..count]),
        'n' => number(i64::from(at.subsec_nanosecond())),
        'a' => out.push_str(if at.hour() < 12 { "AM" } else { "PM" }),
        'V' | 'z' => out.push_str(&time_zone_text(at.time_zone())),
        'O' => {
            out.push_str("GMT");
            if at.offset().seconds() != 0 {
                format_offset(at.offset(), 'X', 3, out);
            }
        }
        _ => format_offset(at.offset(), letter, count, out),
    }
}

/// `X` writes `Z` for UTC, the others write zeros; one letter gives hours, two `+0900`, three `+09:00`.
fn format_offset(offset: Offset, letter: char, count: usize, out: &mut String) {
    let seconds = offset.seconds();
    if seconds == 0 && letter == 'X' {
        return out.push('Z');
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    let text = match (letter, count) {
        ('Z', 1..=3) | (_, 2) => format!("{sign}{hours:02}{minutes:02}"),
        (_, 1) if minutes == 0 => format!("{sign}{hours:02}"),
        (_, 1) => format!("{sign}{hours:02}{minutes:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    };
    out.push_str(&text);
}

fn math_error(text: &str, why: &str) -> String {
    format!("failed to parse date math [{text}]: {why}")
}

/// Applies `+1d-2h/d` to a point in time, in the calendar of `tz`.
fn apply_math(math: &str, base: Timestamp, round: Rounding, tz: &TimeZone) -> Result<Timestamp, String> {
    if math.is_empty() {
        return Ok(base);
    }
    let out_of_range = || "date is out of range".to_owned();
    let mut at = jiff::Timestamp::from_millisecond(base.0).map_err(|_| out_of_range())?.to_zoned(tz.clone());
    let mut rest = math;
    let mut operations = 0;
    while let Some(operator) = rest.chars().next() {
        operations += 1;
        if operations > MATH_OPERATIONS_MAX {
            return Err(format!("more than [{MATH_OPERATIONS_MAX}] operations"));
        }
        if !matches!(operator, '+' | '-' | '/') {
            return Err(format!("operator not supported for date math [{rest}]"));
        }
        rest = &rest[1..];
        let digits = take_digits(&mut rest, 0, 18).expect("no digits are asked for");
        let number: i64 = if digits.is_empty() { 1 } else { digits.parse().map_err(|_| out_of_range())? };
        let unit = rest.chars().next().ok_or_else(|| "truncated date math".to_owned())?;
        rest = &rest[unit.len_utf8()..];
        if operator == '/' {
            if number != 1 {
                return Err("rounding `/` can only be used on single unit types".to_owned());
            }
            at = start_of_unit(&at, unit)?;
            if round == Rounding::Up {
                let next = at.checked_add(unit_span(unit, 1)?).map_err(|_| out_of_range())?;
                at = next.checked_sub(Span::new().milliseconds(1)).map_err(|_| out_of_range())?;
            }
        } else {
            let span = unit_span(unit, if operator == '-' { -number } else { number })?;
            at = at.checked_add(span).map_err(|_| out_of_range())?;
        }
    }
    Ok(floor_ms(at.timestamp()))
}

fn unit_span(unit: char, number: i64) -> Result<Span, String> {
    let span = Span::new();
    let span = match unit {
        'y' => span.try_years(number),
        'M' => span.try_months(number),
        'w' => span.try_weeks(number),
        'd' => span.try_days(number),
        'h' | 'H' => span.try_hours(number),
        'm' => span.try_minutes(number),
        's' => span.try_seconds(number),
        _ => return Err(format!("unit [{unit}] not supported for date math")),
    };
    span.map_err(|_| "date is out of range".to_owned())
}

fn start_of_unit(at: &Zoned, unit: char) -> Result<Zoned, String> {
    let out_of_range = |_| "date is out of range".to_owned();
    let day = |date: Date| date.to_datetime(Time::midnight()).to_zoned(at.time_zone().clone()).map_err(out_of_range);
    let with = at.with().subsec_nanosecond(0);
    match unit {
        'y' => day(at.date().first_of_year()),
        'M' => day(at.date().first_of_month()),
        'w' => {
            let back = i64::from(at.weekday().to_monday_zero_offset());
            day(at.date().checked_sub(Span::new().days(back)).map_err(out_of_range)?)
        }
        'd' => day(at.date()),
        // `with` keeps the offset of an hour that the clocks pass twice.
        'h' | 'H' => with.second(0).minute(0).build().map_err(out_of_range),
        'm' => with.second(0).build().map_err(out_of_range),
        's' => with.build().map_err(out_of_range),
        _ => Err(format!("unit [{unit}] not supported for date math")),
    }
}

/// The civil time of a timestamp in a zone; `None` outside the years that the calendar knows (-9999 to 9999).
pub fn civil(ts: Timestamp, tz: &TimeZone) -> Option<DateTime> {
    jiff::Timestamp::from_millisecond(ts.0).ok().map(|it| tz.to_datetime(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T06:54:21.123Z, a Monday.
    const NOW: Timestamp = Timestamp(1_795_416_861_123);

    fn parse(format: &str, text: &str, round: Rounding, tz: &str) -> String {
        let format = DateFormat::parse(format).unwrap();
        match format.parse_date(text, round, &parse_time_zone(tz).unwrap(), NOW) {
            Ok(it) => it.to_string(),
            Err(why) => why,
        }
    }

    #[track_caller]
    fn check(text: &str, down: &str, up: &str) {
        assert_eq!(parse(DEFAULT_FORMAT, text, Rounding::Down, "UTC"), down, "{text} down");
        assert_eq!(parse(DEFAULT_FORMAT, text, Rounding::Up, "UTC"), up, "{text} up");
    }

    #[test]
    fn missing_components_are_filled_by_rounding() {
        check("2020", "2020-01-01T00:00:00.000Z", "2020-01-01T23:59:59.999Z");
        check("2020-02", "2020-02-01T00:00:00.000Z", "2020-02-01T23:59:59.999Z");
        check("2020-02-03", "2020-02-03T00:00:00.000Z", "2020-02-03T23:59:59.999Z");
        check("2020-02-03T04", "2020-02-03T04:00:00.000Z", "2020-02-03T04:59:59.999Z");
        check("2020-02-03T04:05:06", "2020-02-03T04:05:06.000Z", "2020-02-03T04:05:06.999Z");
        check("2020-02-03T04:05:06.7+09:00", "2020-02-02T19:05:06.700Z", "2020-02-02T19:05:06.700Z");
        check("1577836800000", "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z");
        check("-1", "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn date_math_rounds_in_the_calendar() {
        check("now", "2026-11-23T06:54:21.123Z", "2026-11-23T06:54:21.123Z");
        check("now-15m/m", "2026-11-23T06:39:00.000Z", "2026-11-23T06:39:59.999Z");
        check("now/d", "2026-11-23T00:00:00.000Z", "2026-11-23T23:59:59.999Z");
        check("now-1d/w", "2026-11-16T00:00:00.000Z", "2026-11-22T23:59:59.999Z");
        check("now/y+1M", "2026-02-01T00:00:00.000Z", "2027-01-31T23:59:59.999Z");
        check("2020-01-31||+1M/M", "2020-02-01T00:00:00.000Z", "2020-02-29T23:59:59.999Z");
        check("2020-01-31||+d", "2020-02-01T00:00:00.000Z", "2020-02-01T00:00:00.000Z");
    }

    #[test]
    fn what_is_no_date_is_named() {
        for text in ["", "abc", "2020-13-01", "2020-02-30", "2020-1-1", "2020-01-01 00:00", "2020-01-01T25:00", "20:30", "1e3", "+1"] {
            assert_eq!(
                parse(DEFAULT_FORMAT, text, Rounding::Down, "UTC"),
                format!("failed to parse date field [{text}] with format [{DEFAULT_FORMAT}]")
            );
        }
        assert_eq!(
            parse(DEFAULT_FORMAT, "now-1x", Rounding::Down, "UTC"),
            "failed to parse date math [now-1x]: unit [x] not supported for date math"
        );
        assert_eq!(parse(DEFAULT_FORMAT, "now-", Rounding::Down, "UTC"), "failed to parse date math [now-]: truncated date math");
        assert!(parse(DEFAULT_FORMAT, "now+999999999999999999y", Rounding::Up, "UTC").contains("out of range"));
        assert!(parse(DEFAULT_FORMAT, &format!("now{}", "+1d".repeat(100)), Rounding::Up, "UTC").contains("operations"));
    }

    #[test]
    fn a_time_zone_holds_where_the_text_has_none() {
        assert_eq!(parse(DEFAULT_FORMAT, "2020-01-01", Rounding::Down, "+09:00"), "2019-12-31T15:00:00.000Z");
        assert_eq!(parse(DEFAULT_FORMAT, "2020-01-01T00:00:00Z", Rounding::Down, "Asia/Tokyo"), "2020-01-01T00:00:00.000Z");
        assert_eq!(parse(DEFAULT_FORMAT, "now/d", Rounding::Down, "America/New_York"), "2026-11-23T05:00:00.000Z");
        // The day on which the clocks go forward has 23 hours.
        assert_eq!(parse(DEFAULT_FORMAT, "2026-03-29||/d", Rounding::Up, "Europe/Berlin"), "2026-03-29T21:59:59.999Z");
    }

    #[test]
    fn patterns_read_what_they_write() {
        for (format, text, utc) in [
            ("yyyy-MM-dd HH:mm:ss", "2026-11-23 06:54:21", "2026-11-23T06:54:21.000Z"),
            ("yyyy/MM/dd HH:mm:ss.SSS", "2026/11/23 06:54:21.123", "2026-11-23T06:54:21.123Z"),
            ("yyyyMMdd", "20261123", "2026-11-23T00:00:00.000Z"),
            ("basic_date_time", "20261123T065421.123Z", "2026-11-23T06:54:21.123Z"),
            ("strict_date_time", "2026-11-23T06:54:21.123Z", "2026-11-23T06:54:21.123Z"),
            ("strict_week_date", "2026-W48-1", "2026-11-23T00:00:00.000Z"),
            ("ordinal_date", "2026-327", "2026-11-23T00:00:00.000Z"),
            ("EEE, d MMM yyyy h:mm a", "Mon, 23 Nov 2026 6:54 AM", "2026-11-23T06:54:00.000Z"),
            ("yyyy-MM-dd'T'HH'h'''", "2026-11-23T06h'", "2026-11-23T06:00:00.000Z"),
            ("epoch_second", "1795416861.123", "2026-11-23T06:54:21.123Z"),
            ("epoch_millis", "1795416861123", "2026-11-23T06:54:21.123Z"),
            ("dd/MM/yy||yyyy", "23/11/26", "2026-11-23T00:00:00.000Z"),
        ] {
            assert_eq!(parse(format, text, Rounding::Down, "UTC"), utc, "{format}");
            let format = DateFormat::parse(format).unwrap();
            let ts = format.parse_date(text, Rounding::Down, &TimeZone::UTC, NOW).unwrap();
            assert_eq!(format.format_date(ts, &TimeZone::UTC), text);
        }
        assert_eq!(parse("yyyy[-MM[-dd]]", "2026-11", Rounding::Down, "UTC"), "2026-11-01T00:00:00.000Z");
        assert_eq!(parse("dd/MM/yy||yyyy", "2026", Rounding::Down, "UTC"), "2026-01-01T00:00:00.000Z");
    }

    #[test]
    fn bad_formats_are_refused() {
        for text in ["", "yyyy-QQQQ-bb", "'open", "[yyyy", "yyyy]", "yyyy{", "epoch_millis||", &"[".repeat(200), &"y".repeat(2000)] {
            assert!(DateFormat::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_written_in_a_zone() {
        let tokyo = parse_time_zone("Asia/Tokyo").unwrap();
        assert_eq!(DateFormat::default_es().format_date(NOW, &TimeZone::UTC), "2026-11-23T06:54:21.123Z");
        assert_eq!(DateFormat::default_es().format_date(NOW, &tokyo), "2026-11-23T15:54:21.123+09:00");
        assert_eq!(DateFormat::parse("yyyy-MM-dd HH:mm XX VV").unwrap().format_date(NOW, &tokyo), "2026-11-23 15:54 +0900 Asia/Tokyo");
        assert_eq!(DateFormat::default_es().format_date(Timestamp(i64::MAX), &TimeZone::UTC), i64::MAX.to_string());
    }

    #[test]
    fn values_of_documents_are_strings_or_numbers() {
        let format = DateFormat::default_es();
        assert_eq!(format.parse_value(&serde_json::json!(1_795_416_861_123_i64)), Some(NOW));
        assert_eq!(format.parse_value(&serde_json::json!(1_795_416_861_123.5)), Some(NOW));
        assert_eq!(format.parse_value(&serde_json::json!("2026-11-23T06:54:21.123Z")), Some(NOW));
        assert_eq!(format.parse_value(&serde_json::json!("now")), None);
        assert_eq!(format.parse_value(&serde_json::json!(true)), None);
    }

    #[test]
    fn time_zones_are_offsets_or_names() {
        for (text, written) in
            [("Z", "UTC"), ("+09:00", "+09:00"), ("-0330", "-03:30"), ("+9", "+09:00"), ("UTC+1", "+01:00"), ("Asia/Tokyo", "Asia/Tokyo")]
        {
            assert_eq!(time_zone_text(&parse_time_zone(text).unwrap()), written);
        }
        assert!(parse_time_zone("Mars/Olympus").is_err());
        assert!(parse_time_zone("+99:00").is_err());
    }
}
