//! One frame: how a batch of records looks in a file, and how a reader finds its way through damaged bytes.
//!
//! 32 bytes of header, then the payload; offsets in `docs/format/log.md`. The header has its own checksum, so that a damaged payload
//! does not hide how many records it held, and a forged length can't send the reader astray. That checksum covers the file's
//! secret *salt* too: a log line that contains the bytes of a frame is never taken for one when the reader looks for the next
//! valid frame behind damage. (Payloads come from the network; without the salt, who can time a power cut could write history.)
//!
//! Any bytes may be scanned: [`scan`] is a fuzz target and must never panic.

use std::ops::Range;

use memchr::memmem::Finder;

/// First bytes of each frame. `0xF5` and `0xF6` never occur in UTF-8, so text offers no false starts.
pub const MAGIC: [u8; 4] = [0xF5, b'S', b'k', 0xF6];

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 32;

/// Bytes of one payload. 32 MiB: a batch is about 1 MiB, one huge document may be more; half of a segment and of the queue.
/// A larger one is refused by `append`, and in a file it is damage.
pub const PAYLOAD_BYTES_MAX: usize = 32 << 20;

/// A batch of records with consecutive numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The number of its first record.
    pub first_seq: u64,
    /// How many records it holds, at least 1.
    pub count: u32,
    /// What the payload is; the caller's own code.
    pub kind: u8,
    /// The caller's bytes.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// The number after its last record.
    pub fn seq_end(&self) -> u64 {
        self.first_seq + u64::from(self.count)
    }

    /// Bytes it takes in a file.
    pub fn encoded_bytes(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }
}

/// Checksum of a payload, for [`encode`]. Apart, so that callers compute it outside any lock.
pub fn payload_crc(payload: &[u8]) -> u32 {
    crc32c::crc32c(payload)
}

/// Appends the bytes of a frame to `out`.
///
/// # Panics
/// When the payload is over [`PAYLOAD_BYTES_MAX`]: `append` has refused it.
pub fn encode(out: &mut Vec<u8>, salt: u64, frame: &Frame<'_>, payload_crc: u32) {
    assert!(frame.payload.len() <= PAYLOAD_BYTES_MAX && frame.count > 0, "an impossible frame would read as damage");
    let mut header = [0; HEADER_BYTES];
    header[0..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&(frame.payload.len() as u32).to_le_bytes());
    header[8..16].copy_from_slice(&frame.first_seq.to_le_bytes());
    header[16..20].copy_from_slice(&frame.count.to_le_bytes());
    header[20] = frame.kind;
    header[24..28].copy_from_slice(&payload_crc.to_le_bytes());
    let header_crc = header_crc(&header, salt);
    header[28..32].copy_from_slice(&header_crc.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(frame.payload);
}

/// Why there is no frame at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// No header that belongs to this file.
    #[error("no valid frame header")]
    Header,
    /// A header, but the file ends before the payload does.
    #[error("frame cut short")]
    Short,
    /// A header, but the payload is not what was written.
    #[error("payload checksum does not match")]
    Payload,
    /// A whole frame that belongs earlier in the sequence.
    #[error("frame out of sequence")]
    Sequence,
}

/// Reads the frame that starts with the first byte.
///
/// # Errors
/// What is wrong with it.
pub fn decode(bytes: &[u8], salt: u64) -> Result<Frame<'_>, BadFrame> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(BadFrame::Header)?;
    if header[0..4] != MAGIC || header[21..24] != [0; 3] || u32_at(header, 28) != header_crc(header, salt) {
        return Err(BadFrame::Header);
    }
    let len = u32_at(header, 4) as usize;
    let first_seq = u64::from_le_bytes(header[8..16].try_into().expect("eight bytes"));
    let count = u32_at(header, 16);
    if len > PAYLOAD_BYTES_MAX || count == 0 || first_seq.checked_add(u64::from(count)).is_none() {
        return Err(BadFrame::Header);
    }
    let payload = rest.get(..len).ok_or(BadFrame::Short)?;
    if payload_crc(payload) != u32_at(header, 24) {
        return Err(BadFrame::Payload);
    }
    Ok(Frame { first_seq, count, kind: header[20], payload })
}

fn u32_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"))
}

fn header_crc(header: &[u8; HEADER_BYTES], salt: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..28]), &salt.to_le_bytes())
}

/// What [`scan`] finds, in file order; together the parts cover all bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned<'a> {
    /// A valid frame.
    Frame {
        /// Where its header starts.
        offset: usize,
        /// The frame.
        frame: Frame<'a>,
    },
    /// Bytes that are no frame, up to the next valid one or the end.
    Bad {
        /// Where they are.
        range: Range<usize>,
        /// What is wrong at their start.
        reason: BadFrame,
    },
    /// Zeros up to the end: space that was allocated and never written.
    Zeros {
        /// Where they are.
        range: Range<usize>,
    },
}

/// Walks through a file's bytes, frame by frame, from `start` on (the end of the file's header).
pub fn scan(bytes: &[u8], start: usize, salt: u64) -> impl Iterator<Item = Scanned<'_>> {
    let finder = Finder::new(&MAGIC).into_owned();
    let mut at = start.min(bytes.len());
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let offset = at;
        match decode(rest, salt) {
            Ok(frame) => {
                at += frame.encoded_bytes();
                Some(Scanned::Frame { offset, frame })
            }
            Err(_) if rest.iter().all(|byte| *byte == 0) => {
                at = bytes.len();
                Some(Scanned::Zeros { range: offset..at })
            }
            Err(reason) => {
                at = next_frame(bytes, offset + 1, salt, &finder).unwrap_or(bytes.len());
                Some(Scanned::Bad { range: offset..at, reason })
            }
        }
    })
}

/// The next place at or after `from` where a valid frame starts. Linear in practice: a payload is only summed behind a header whose
/// salted checksum fits, and nobody who writes payloads can make one.
fn next_frame(bytes: &[u8], from: usize, salt: u64, finder: &Finder<'_>) -> Option<usize> {
    let mut at = from;
    while let Some(found) = finder.find(bytes.get(at..)?) {
        at += found;
        if decode(&bytes[at..], salt).is_ok() {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u64 = 0x1122_3344_5566_7788;

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for (i, payload) in payloads.iter().enumerate() {
            let frame = Frame { first_seq: i as u64 + 1, count: 1, kind: 0, payload };
            encode(&mut out, SALT, &frame, payload_crc(payload));
        }
        out
    }

    /// The scan in short: `f1` = the frame of record 1, `bad3..9`, `zeros4..8`.
    fn describe(bytes: &[u8]) -> String {
        let parts = scan(bytes, 0, SALT).map(|it| match it {
            Scanned::Frame { frame, .. } => format!("f{}", frame.first_seq),
            Scanned::Bad { range, .. } => format!("bad{range:?}"),
            Scanned::Zeros { range } => format!("zeros{range:?}"),
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn frames_follow_each_other() {
        assert_eq!(describe(&file(&[b"one", b"", b"three"])), "f1 f2 f3");
        assert_eq!(describe(b""), "");
    }

    #[test]
    fn every_flipped_bit_is_noticed_and_costs_one_frame() {
        let whole = file(&[b"one", b"two", b"three"]);
        for at in 35..70 {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                assert_eq!(describe(&bytes), "f1 bad35..70 f3", "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn zeros_behind_the_last_frame_are_a_clean_end() {
        let mut bytes = file(&[b"one"]);
        bytes.resize(bytes.len() + 100, 0);
        assert_eq!(describe(&bytes), "f1 zeros35..135");
    }

    #[test]
    fn frame_of_another_file_inside_a_payload_is_not_taken_for_one() {
        let mut forged = Vec::new();
        encode(&mut forged, SALT + 1, &Frame { first_seq: 9, count: 1, kind: 0, payload: b"x" }, payload_crc(b"x"));
        let mut bytes = file(&[&forged, b"two"]);
        bytes[0] ^= 1;
        assert_eq!(describe(&bytes), format!("bad0..{} f2", 32 + forged.len()));
    }

    #[test]
    fn any_bytes_are_covered_without_panic() {
        let mut state = 1_u64;
        for round in 0..2_000 {
            let mut bytes = file(&[b"one", b"two", b"three, a longer one"]);
            for _ in 0..round % 7 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % bytes.len();
                match round % 3 {
                    0 => bytes[at] = (state >> 20) as u8,
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, MAGIC[round % 4]),
                }
            }
            let mut covered = 0;
            for part in scan(&bytes, 0, SALT) {
                let range = match part {
                    Scanned::Frame { offset, frame } => offset..offset + frame.encoded_bytes(),
                    Scanned::Bad { range, .. } | Scanned::Zeros { range } => range,
                };
                assert_eq!(range.start, covered, "round {round}");
                covered = range.end;
            }
            assert_eq!(covered, bytes.len(), "round {round}");
        }
    }

    #[test]
    fn documented_example_decodes() {
        let page = include_str!("../../../docs/format/log.md");
        let hex = page.split("```hex").nth(1).and_then(|it| it.split("```").next()).expect("the page has an example");
        let bytes: Vec<u8> = hex.split_whitespace().map(|it| u8::from_str_radix(it, 16).unwrap()).collect();
        let salt = 0x0807_0605_0403_0201;
        let frame = Frame { first_seq: 42, count: 2, kind: 1, payload: b"two\nlines" };
        assert_eq!(decode(&bytes, salt), Ok(frame));
        let mut encoded = Vec::new();
        encode(&mut encoded, salt, &frame, payload_crc(frame.payload));
        assert_eq!(encoded, bytes);
    }
}
