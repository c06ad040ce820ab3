//! The progress bar of commands that read many lines: how far, how fast, how long still, what could not be parsed.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::say;

/// Time between two messages where there is no terminal to draw a bar on.
const MESSAGE_INTERVAL: Duration = Duration::from_secs(5);

/// What a bar counts besides its position.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// All of them.
    pub(super) total: u64,
    /// Lines that are not of a supported type, kept with their reason.
    pub(super) unparsed: u64,
}

/// A bar on a terminal, a message now and then elsewhere.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    said: Instant,
    unit: Unit,
}

/// What the bar's position is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes read.
    Bytes,
    /// Lines sent.
    Lines,
}

impl Progress {
    /// A bar up to `len`; without one, a spinner.
    pub(super) fn new(unit: Unit, len: Option<u64>) -> Self {
        let bar = len.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = match (unit, len.is_some()) {
            (Unit::Bytes, true) => "{bar:30} {percent:>3} % {bytes}/{total_bytes} {msg} {eta} left",
            (Unit::Lines, true) => "{bar:30} {percent:>3} % {human_pos}/{human_len} {msg} {eta} left",
            (_, false) => "{spinner} {msg}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the templates above are valid"));
        let now = Instant::now();
        Self { bar, began: now, said: now, unit }
    }

    /// Shows how far it is.
    pub(super) fn set(&mut self, position: u64, lines: Lines) {
        let message = format!(
            "{}/s, {} parsed, {} unparsed",
            with_commas(self.rate(lines)),
            with_commas(lines.total - lines.unparsed),
            with_commas(lines.unparsed)
        );
        self.bar.set_position(position);
        if self.bar.is_hidden() && self.said.elapsed() >= MESSAGE_INTERVAL {
            self.said = Instant::now();
            say(&format!("{} lines, {message}", with_commas(lines.total)));
        }
        self.bar.set_message(if self.unit == Unit::Bytes { format!("{} lines, {message}", with_commas(lines.total)) } else { message });
    }

    /// Takes the bar away and says what was done.
    pub(super) fn finish(self, what: &str, lines: Lines) {
        self.bar.finish_and_clear();
        let (parsed, unparsed) = (with_commas(lines.total - lines.unparsed), with_commas(lines.unparsed));
        let seconds = self.began.elapsed().as_secs_f64();
        say(&format!(
            "{} lines {what} in {seconds:.1} s ({}/s): {parsed} parsed, {unparsed} unparsed",
            with_commas(lines.total),
            with_commas(self.rate(lines))
        ));
    }

    fn rate(&self, lines: Lines) -> u64 {
        (lines.total as f64 / self.began.elapsed().as_secs_f64().max(0.001)) as u64
    }
}

/// `1234567` as `1,234,567`.
fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_at_thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(with_commas), ["0", "999", "1,000", "1,234,567"]);
    }
}
