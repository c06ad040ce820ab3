//! What a caller may choose: the seed, how many lines, which window of time, which mixture of log types.

use std::time::Duration;

/// 2026-11-23T00:00:00Z, in milliseconds since 1970: the default end of the window.
///
/// A constant and not the present moment, so that a run without options is repeatable.
pub const END_MS_DEFAULT: i64 = 1_795_392_000_000;

/// What to generate. Equal options give equal bytes on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Chooses one of 2⁶⁴ histories of the same laboratory.
    pub seed: u64,
    /// How many lines the iterator yields, exactly.
    pub lines: u64,
    /// The window's end (exclusive), UTC milliseconds since 1970.
    pub end_ms: i64,
    /// The window's length. At least one minute; shorter spans are taken as one minute.
    pub span: Duration,
    /// Shares of the log types.
    pub mix: Mix,
}

impl Default for Options {
    /// A month of 200,000 lines, the size the demonstration loads.
    fn default() -> Self {
        Self { seed: 1, lines: 200_000, end_ms: END_MS_DEFAULT, span: Duration::from_secs(30 * 24 * 3600), mix: Mix::default() }
    }
}

impl Options {
    /// The window's length in milliseconds, at least a minute.
    pub(crate) fn span_ms(&self) -> i64 {
        i64::try_from(self.span.as_millis()).unwrap_or(i64::MAX / 4).clamp(60_000, i64::MAX / 4)
    }
}

/// Expected shares of the log types, in thousandths of all lines; TRAFFIC takes what is left.
///
/// Sessions tie the types together (every URL session also ends in TRAFFIC), so TRAFFIC cannot go to nothing: shares
/// that leave it too little room are honoured as far as the sessions allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// THREAT lines of subtype url.
    pub url_per_mille: u32,
    /// THREAT lines of every other subtype.
    pub threat_per_mille: u32,
    /// SYSTEM and CONFIG lines together.
    pub system_per_mille: u32,
}

impl Default for Mix {
    /// 70 % TRAFFIC, 22 % URL, about 8 % other THREAT, 0.4 % SYSTEM and CONFIG.
    fn default() -> Self {
        Self { url_per_mille: 220, threat_per_mille: 78, system_per_mille: 4 }
    }
}
