//! Number formats as Elasticsearch takes them from Java's `DecimalFormat`: `0.00`, `#,##0.0`, `000`, `$#.00`, `0.0%`.
//!
//! Digits, grouping, a prefix, a suffix and per cent are understood; exponents are written as text of the pattern.

/// A pattern for numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecimalFormat {
    prefix: String,
    suffix: String,
    integer_min: usize,
    fraction_min: usize,
    fraction_max: usize,
    /// Digits between two commas; 0 = none.
    group: usize,
    is_percent: bool,
}

impl DecimalFormat {
    /// Reads a pattern. Every text is one: what is no digit, comma or point stands before or behind the number.
    pub(crate) fn parse(pattern: &str) -> Self {
        // Negative numbers get a minus; a pattern of their own is not looked at.
        let pattern = pattern.split(';').next().unwrap_or_default();
        let is_digit = |it: char| matches!(it, '#' | '0' | ',' | '.');
        let from = pattern.find(is_digit).unwrap_or(pattern.len());
        let to = pattern.rfind(is_digit).map_or(from, |it| it + 1);
        let (prefix, digits, suffix) = (&pattern[..from], &pattern[from..to], &pattern[to..]);
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let zeros = |it: &str| it.chars().filter(|it| *it == '0').count();
        Self {
            prefix: prefix.replace('\'', ""),
            suffix: suffix.replace('\'', ""),
            integer_min: zeros(integer),
            fraction_min: zeros(fraction),
            fraction_max: fraction.chars().filter(|it| matches!(it, '#' | '0')).count(),
            group: integer.rfind(',').map_or(0, |it| integer.len() - it - 1),
            is_percent: suffix.contains('%') || prefix.contains('%'),
        }
    }

    /// A number as text; halves are rounded to the even neighbour, as Java does.
    pub(crate) fn format(&self, value: f64) -> String {
        if !value.is_finite() {
            return if value.is_nan() { "NaN".to_owned() } else { format!("{}∞", if value < 0.0 { "-" } else { "" }) };
        }
        let value = if self.is_percent { value * 100.0 } else { value };
        let rounded = format!("{:.*}", self.fraction_max, value.abs());
        let (integer, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
        let integer = integer.trim_start_matches('0');
        let mut integer = format!("{}{integer}", "0".repeat(self.integer_min.saturating_sub(integer.len())));
        let kept = fraction.trim_end_matches('0').len().max(self.fraction_min);
        let fraction = &fraction[..kept.min(fraction.len())];
        if integer.is_empty() && fraction.is_empty() {
            integer.push('0');
        }
        let is_negative = value < 0.0 && (integer.bytes().chain(fraction.bytes()).any(|it| it != b'0'));
        let point = if fraction.is_empty() { "" } else { "." };
        let sign = if is_negative { "-" } else { "" };
        format!("{sign}{}{}{point}{fraction}{}", self.prefix, self.grouped(&integer), self.suffix)
    }

    fn grouped(&self, integer: &str) -> String {
        if self.group == 0 {
            return integer.to_owned();
        }
        let mut out = String::new();
        for (at, digit) in integer.chars().enumerate() {
            if at > 0 && (integer.len() - at).is_multiple_of(self.group) {
                out.push(',');
            }
            out.push(digit);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_java_give_javas_texts() {
        for (pattern, value, expected) in [
            ("0.00", 3.0, "3.00"),
            ("0.0", 2.25, "2.2"),
            ("#.00", 0.5, ".50"),
            ("#,##0.##", 1_234_567.891, "1,234,567.89"),
            ("000", 7.0, "007"),
            ("#", 0.0, "0"),
            ("$#.#", -12.34, "-$12.3"),
            ("0.0%", 0.257, "25.7%"),
            ("0", -0.2, "0"),
            ("Value is ##0.0", 51.0, "Value is 51.0"),
        ] {
            assert_eq!(DecimalFormat::parse(pattern).format(value), expected, "{pattern} of {value}");
        }
    }
}
