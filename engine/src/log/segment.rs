//! One segment file of a local log: its name, and the walk through its frames.
//!
//! The walk is the one place that judges which frames of a file count; recovery and replay both use it, so they can't differ.

use std::ffi::OsStr;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use super::frame::{BadFrame, Frame, Scanned, scan};
use super::header::FRAMES_START;

/// A segment the log knows: as much of it as is durable.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) first_seq: u64,
    pub(super) salt: u64,
    /// Durable bytes, header included.
    pub(super) bytes: u64,
}

/// Twenty digits hold every u64, so names sort as numbers.
pub(super) fn path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}.wal"))
}

/// The number in a segment's name; `None` for any other file.
pub(super) fn parse_name(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_suffix(".wal")?;
    (digits.len() == 20 && digits.bytes().all(|it| it.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// What a walk found besides the frames.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) frames: u64,
    pub(crate) records: u64,
    /// The record expected after the last valid frame.
    pub(crate) next_seq: u64,
    /// Where the last valid frame ends.
    pub(crate) valid_end: usize,
    /// Bad bytes and holes in the numbering that a valid frame follows.
    pub(crate) lost: Vec<Lost>,
    /// Bad bytes after the last valid frame.
    pub(crate) tail: Option<(Range<usize>, BadFrame)>,
}

/// A place where frames are missing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The bytes; empty when frames are missing without a trace.
    pub(crate) range: Range<usize>,
    /// The records.
    pub(crate) seqs: Range<u64>,
    pub(crate) reason: BadFrame,
}

/// Goes through a file's frames in order, from `next_seq` on, and hands each valid one to `f` until it breaks.
pub(crate) fn walk(bytes: &[u8], salt: u64, next_seq: u64, f: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>) -> Walk {
    let mut walk = Walk { next_seq, valid_end: FRAMES_START.min(bytes.len()), ..Walk::default() };
    for part in scan(bytes, FRAMES_START, salt) {
        match part {
            Scanned::Frame { offset, frame } if frame.first_seq >= walk.next_seq => {
                let bad = walk.tail.take();
                if bad.is_some() || frame.first_seq > walk.next_seq {
                    let (range, reason) = bad.unwrap_or((offset..offset, BadFrame::Sequence));
                    walk.lost.push(Lost { range, seqs: walk.next_seq..frame.first_seq, reason });
                }
                walk.frames += 1;
                walk.records += u64::from(frame.count);
                walk.next_seq = frame.seq_end();
                walk.valid_end = offset + frame.encoded_bytes();
                if f(frame).is_break() {
                    break;
                }
            }
            Scanned::Frame { offset, frame } => {
                walk.extend_tail(offset..offset + frame.encoded_bytes(), BadFrame::Sequence);
            }
            Scanned::Bad { range, reason } => walk.extend_tail(range, reason),
            Scanned::Zeros { .. } => {}
        }
    }
    walk
}

impl Walk {
    fn extend_tail(&mut self, range: Range<usize>, reason: BadFrame) {
        match &mut self.tail {
            Some((tail, _)) => tail.end = range.end,
            None => self.tail = Some((range, reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{encode, payload_crc};
    use super::*;

    /// A file of frames given as `(first_seq, count)`; each payload is 8 bytes, so each frame 40.
    fn file(frames: &[(u64, u32)]) -> Vec<u8> {
        let mut out = vec![0; FRAMES_START];
        for (first_seq, count) in frames {
            let payload = &first_seq.to_le_bytes();
            let frame = Frame { first_seq: *first_seq, count: *count, kind: 0, payload };
            encode(&mut out, 1, &frame, payload_crc(payload));
        }
        out
    }

    fn seqs(bytes: &[u8], next_seq: u64) -> (Vec<u64>, Walk) {
        let mut seen = Vec::new();
        let walk = walk(bytes, 1, next_seq, &mut |frame| {
            seen.push(frame.first_seq);
            ControlFlow::Continue(())
        });
        (seen, walk)
    }

    #[test]
    fn names_sort_as_numbers_and_strangers_are_ignored() {
        let name = path(Path::new("/log"), 42);
        assert_eq!(name, Path::new("/log/00000000000000000042.wal"));
        assert_eq!(parse_name(name.file_name().unwrap()), Some(42));
        for other in ["42.wal", "00000000000000000042.wal.tmp", "+0000000000000000042.wal", "99999999999999999999.wal"] {
            assert_eq!(parse_name(OsStr::new(other)), None, "{other}");
        }
    }

    #[test]
    fn bad_bytes_before_a_valid_frame_are_a_loss_and_behind_the_last_a_tail() {
        let mut bytes = file(&[(1, 3), (4, 1), (5, 1), (6, 2)]);
        bytes[FRAMES_START + 40 + 35] ^= 1;
        bytes[FRAMES_START + 120 + 35] ^= 1;
        let (seen, walk) = seqs(&bytes, 1);
        let at = FRAMES_START + 40;
        assert_eq!(seen, [1, 5]);
        assert_eq!(walk.lost, [Lost { range: at..at + 40, seqs: 4..5, reason: BadFrame::Payload }]);
        assert_eq!(walk.tail, Some((at + 80..at + 120, BadFrame::Payload)));
        assert_eq!((walk.next_seq, walk.valid_end, walk.records), (6, at + 80, 4));
    }

    #[test]
    fn hole_in_the_numbering_is_a_loss_without_bytes() {
        let (seen, walk) = seqs(&file(&[(1, 1), (5, 1)]), 1);
        let at = FRAMES_START + 40;
        assert_eq!(seen, [1, 5]);
        assert_eq!(walk.lost, [Lost { range: at..at, seqs: 2..5, reason: BadFrame::Sequence }]);
    }

    #[test]
    fn repeated_frame_is_handed_over_once() {
        let (seen, walk) = seqs(&file(&[(1, 2), (1, 2), (3, 1)]), 1);
        let at = FRAMES_START + 40;
        assert_eq!(seen, [1, 3]);
        assert_eq!(walk.lost, [Lost { range: at..at + 40, seqs: 3..3, reason: BadFrame::Sequence }]);
    }
}
