//! Cuts a TCP byte stream into messages: line feeds or octet counts (RFC 6587), decided for every message anew.
//!
//! A message is counted when it starts with at most six digits, the first not 0, a space and `<`; a PAN-OS line without a header
//! (`1,2023/…`) also starts with a digit and is not. Where the messages lie depends on the bytes alone, not on how they arrive in
//! chunks, and no input makes the framer hold more than one message of [`LINE_BYTES_MAX`]. Carriage returns and NULs around a
//! message go; everything else stays as received. It does not look into messages otherwise.

use memchr::memchr;

use crate::limits::{COUNT_DIGITS_MAX, LINE_BYTES_MAX};

/// Bytes kept beyond the limit while a line's end is looked for: a carriage return or NUL there does not make it too long.
const TRAILER_BYTES: usize = 2;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its bytes without framing, at most [`LINE_BYTES_MAX`].
    pub bytes: &'a [u8],
    /// Whether it was longer, or the stream ended before its announced end.
    pub is_truncated: bool,
}

/// The state between two chunks of one stream.
#[derive(Debug, Default)]
pub struct Framer {
    /// The message that has begun.
    partial: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a message, or within what could still be an octet count.
    Start(Count),
    /// In a message that ends at a line feed.
    Line,
    /// In a counted message: so many of its bytes are to come.
    Counted { missing: usize },
    /// After the head of an over-long line, up to its line feed.
    SkipLine,
    /// After the head of an over-long counted message: so many bytes to go.
    SkipCounted { missing: usize },
}

impl Default for State {
    fn default() -> Self {
        State::Start(Count::default())
    }
}

/// What was read of a possible octet count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    value: usize,
    digits: usize,
    is_spaced: bool,
}

/// What a byte makes of a possible count.
enum Step {
    Undecided(Count),
    Line,
    Counted,
}

impl Count {
    fn step(self, byte: u8) -> Step {
        match byte {
            b'<' if self.is_spaced => Step::Counted,
            _ if self.is_spaced => Step::Line,
            b' ' if self.digits > 0 => Step::Undecided(Self { is_spaced: true, ..self }),
            b'0' if self.digits == 0 => Step::Line,
            b'0'..=b'9' if self.digits < COUNT_DIGITS_MAX => {
                Step::Undecided(Self { value: self.value * 10 + usize::from(byte - b'0'), digits: self.digits + 1, is_spaced: false })
            }
            _ => Step::Line,
        }
    }

    /// The bytes that were read; exact, because a count does not begin with 0.
    fn text(self) -> Vec<u8> {
        let mut text = if self.digits > 0 { self.value.to_string().into_bytes() } else { Vec::new() };
        if self.is_spaced {
            text.push(b' ');
        }
        text
    }
}

impl Framer {
    /// A framer at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream and gives every message that is complete to `take`, in order.
    pub fn push(&mut self, mut chunk: &[u8], mut take: impl FnMut(Message<'_>)) {
        while !chunk.is_empty() {
            chunk = match self.state {
                State::Start(count) => self.start(chunk, count),
                State::Line => self.line(chunk, &mut take),
                State::Counted { missing } => self.counted(chunk, missing, &mut take),
                State::SkipLine => match memchr(b'\n', chunk) {
                    Some(at) => {
                        self.state = State::default();
                        &chunk[at + 1..]
                    }
                    None => &[],
                },
                State::SkipCounted { missing } => {
                    let skipped = missing.min(chunk.len());
                    self.state = if skipped == missing { State::default() } else { State::SkipCounted { missing: missing - skipped } };
                    &chunk[skipped..]
                }
            };
        }
    }

    /// Ends the stream: a line without its line feed is a message, a counted message that is not complete is a cut one.
    pub fn finish(&mut self, mut take: impl FnMut(Message<'_>)) {
        let state = std::mem::take(&mut self.state);
        let mut partial = std::mem::take(&mut self.partial);
        if let State::Start(count) = state {
            partial = count.text();
        }
        emit(&partial, matches!(state, State::Counted { .. }), &mut take);
    }

    /// Gives back memory between messages; called after each read, it makes an idle connection cost next to nothing.
    pub fn shrink(&mut self) {
        if self.partial.is_empty() {
            self.partial = Vec::new();
        }
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        self.partial.capacity()
    }

    fn start<'a>(&mut self, chunk: &'a [u8], before: Count) -> &'a [u8] {
        let mut chunk = chunk;
        if before.digits == 0 {
            // Between messages: blank lines, and the line feeds that some senders put after a counted message.
            let blank = chunk.iter().take_while(|it| matches!(it, b'\n' | b'\r' | 0)).count();
            chunk = &chunk[blank..];
        }
        let mut count = before;
        for (at, &byte) in chunk.iter().enumerate() {
            match count.step(byte) {
                Step::Undecided(next) => count = next,
                Step::Counted => {
                    self.state = State::Counted { missing: count.value };
                    return &chunk[at..];
                }
                Step::Line => {
                    self.state = State::Line;
                    // What an earlier chunk held is gone; what this chunk holds is read again, without a copy.
                    self.partial = before.text();
                    return chunk;
                }
            }
        }
        self.state = State::Start(count);
        &[]
    }

    fn line<'a>(&mut self, chunk: &'a [u8], take: &mut impl FnMut(Message<'_>)) -> &'a [u8] {
        let room = LINE_BYTES_MAX + TRAILER_BYTES - self.partial.len();
        let end = memchr(b'\n', &chunk[..chunk.len().min(room + 1)]);
        match end {
            Some(at) if self.partial.is_empty() => {
                emit(&chunk[..at], false, take);
                self.state = State::default();
                &chunk[at + 1..]
            }
            Some(at) => {
                self.partial.extend_from_slice(&chunk[..at]);
                emit(&self.partial, false, take);
                self.partial.clear();
                self.state = State::default();
                &chunk[at + 1..]
            }
            None if chunk.len() <= room => {
                self.partial.extend_from_slice(chunk);
                &[]
            }
            None => {
                self.partial.extend_from_slice(&chunk[..room]);
                take(Message { bytes: &self.partial[..LINE_BYTES_MAX], is_truncated: true });
                self.partial = Vec::new();
                self.state = State::SkipLine;
                &chunk[room..]
            }
        }
    }

    fn counted<'a>(&mut self, chunk: &'a [u8], missing: usize, take: &mut impl FnMut(Message<'_>)) -> &'a [u8] {
        if self.partial.is_empty() && missing <= chunk.len() && missing <= LINE_BYTES_MAX {
            self.state = State::default();
            emit(&chunk[..missing], false, take);
            return &chunk[missing..];
        }
        let room = LINE_BYTES_MAX - self.partial.len();
        let taken = missing.min(chunk.len()).min(room);
        self.partial.extend_from_slice(&chunk[..taken]);
        let missing = missing - taken;
        if missing == 0 {
            emit(&self.partial, false, take);
            self.partial.clear();
            self.state = State::default();
        } else if self.partial.len() == LINE_BYTES_MAX {
            take(Message { bytes: &self.partial, is_truncated: true });
            self.partial = Vec::new();
            self.state = State::SkipCounted { missing };
        } else {
            self.state = State::Counted { missing };
        }
        &chunk[taken..]
    }
}

/// The message of one UDP datagram: nothing but a trailer is removed. `None` for a blank one.
pub fn datagram(bytes: &[u8]) -> Option<Message<'_>> {
    let bytes = trim(bytes);
    let kept = bytes.len().min(LINE_BYTES_MAX);
    (kept > 0).then(|| Message { bytes: &bytes[..kept], is_truncated: kept < bytes.len() })
}

fn emit(bytes: &[u8], is_cut: bool, take: &mut impl FnMut(Message<'_>)) {
    if let Some(message) = datagram(bytes) {
        take(Message { is_truncated: message.is_truncated || is_cut, ..message });
    }
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n' | b'\r' | 0] = bytes {
        bytes = rest;
    }
    while let [b'\n' | b'\r' | 0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of a stream that arrives in chunks of `size` bytes; a cut one ends in `…`.
    fn frames(stream: &[u8], size: usize) -> Vec<String> {
        let mut framer = Framer::new();
        let mut messages = Vec::new();
        let mut take = |it: Message<'_>| {
            messages.push(format!("{}{}", String::from_utf8_lossy(it.bytes), if it.is_truncated { "…" } else { "" }));
        };
        for chunk in stream.chunks(size) {
            framer.push(chunk, &mut take);
            assert!(framer.memory_bytes() <= 2 * (LINE_BYTES_MAX + TRAILER_BYTES));
        }
        framer.finish(&mut take);
        messages
    }

    fn check(stream: &[u8], expected: &[&str]) {
        for size in 1..=stream.len().min(40) {
            assert_eq!(frames(stream, size), expected, "chunks of {size}");
        }
        assert_eq!(frames(stream, stream.len().max(1)), expected, "one chunk");
    }

    #[test]
    fn lines_end_at_line_feeds_and_lose_their_trailers() {
        check(b"<14>a\n<14>b\r\n<14>c\0\n\n\r\n<14>d", &["<14>a", "<14>b", "<14>c", "<14>d"]);
    }

    #[test]
    fn counted_messages_keep_their_line_feeds() {
        check(b"9 <14>a\nb\"c7 <14>def", &["<14>a\nb\"c", "<14>def"]);
    }

    #[test]
    fn both_framings_share_a_connection() {
        check(b"6 <14>ab<14>line\n7 <14>abc\n<1>x\n", &["<14>ab", "<14>line", "<14>abc", "<1>x"]);
    }

    #[test]
    fn a_line_that_begins_with_a_digit_is_not_counted() {
        check(b"1,2023/08/01 04:03:24\n12 x\n0 <14>\n1234567 <14>a\n12\n", &["1,2023/08/01 04:03:24", "12 x", "0 <14>", "1234567 <14>a", "12"]);
    }

    #[test]
    fn counts_are_bytes_and_not_characters() {
        check("8 <14>Zürich\n".as_bytes(), &["<14>Z\u{fc}r", "ich"]);
    }

    #[test]
    fn a_stream_that_ends_within_a_message_gives_it() {
        check(b"<14>no line feed", &["<14>no line feed"]);
        check(b"20 <14>cut", &["<14>cut…"]);
        check(b"123", &["123"]);
        check(b"123 ", &["123 "]);
        check(b"", &[]);
    }

    #[test]
    fn an_over_long_line_is_cut_and_marked_and_the_next_is_whole() {
        let long = [b"<14>".as_slice(), &vec![b'x'; LINE_BYTES_MAX + 5000], b"\n<14>next\n"].concat();
        for size in [1000, 4096, long.len()] {
            let messages = frames(&long, size);
            assert_eq!(messages.len(), 2);
            assert_eq!(messages[0].trim_end_matches('…').len(), LINE_BYTES_MAX);
            assert!(messages[0].ends_with('…'));
            assert_eq!(messages[1], "<14>next");
        }
    }

    #[test]
    fn an_over_long_count_is_cut_and_skipped() {
        let body = vec![b'y'; 99_999 - 4];
        let long = [b"99999 <14>".as_slice(), &body, b"6 <14>ok"].concat();
        for size in [777, long.len()] {
            let messages = frames(&long, size);
            assert_eq!(messages[0].trim_end_matches('…').len(), LINE_BYTES_MAX);
            assert_eq!(messages[1], "<14>ok");
        }
    }

    #[test]
    fn a_line_that_just_fits_is_whole_with_any_trailer() {
        for trailer in ["\n", "\r\n", "\0\r\n"] {
            let line = [vec![b'z'; LINE_BYTES_MAX], trailer.as_bytes().to_vec()].concat();
            let messages = frames(&line, 10_000);
            assert_eq!(messages, [String::from_utf8(vec![b'z'; LINE_BYTES_MAX]).unwrap()], "{trailer:?}");
        }
    }

    #[test]
    fn a_datagram_is_one_message() {
        assert_eq!(datagram(b"<14>a\nb\n\0").unwrap().bytes, b"<14>a\nb");
        assert!(datagram(b"\r\n").is_none());
    }
}
