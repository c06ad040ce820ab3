//! The frame: one checked record of the log (and, with its own numbering, of the manifest). On disk: `docs/format/log.md`.

/// First four bytes of a frame, little-endian on disk: `SKF1`.
const MAGIC: u32 = u32::from_le_bytes(*b"SKF1");

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 28;

/// Payload of one frame. A longer length field is damage, not a reason to allocate.
pub const PAYLOAD_BYTES_MAX: usize = 256 << 20;

/// A frame as it was read; the payload borrows the bytes it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Sequence number of its first record.
    pub first_seq: u64,
    /// Number of records.
    pub count: u32,
    /// What the payload is, for the writer to say.
    pub kind: u8,
    /// The records.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// The sequence number after its last record.
    pub fn end_seq(&self) -> u64 {
        self.first_seq + u64::from(self.count)
    }
}

/// Appends an encoded frame to `out`.
///
/// # Panics
/// When the payload is longer than [`PAYLOAD_BYTES_MAX`]: callers bound their batches far below.
pub fn encode(frame: &Frame<'_>, out: &mut Vec<u8>) {
    assert!(frame.payload.len() <= PAYLOAD_BYTES_MAX, "a frame's payload is bounded");
    let start = out.len();
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&(frame.payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&frame.first_seq.to_le_bytes());
    out.extend_from_slice(&frame.count.to_le_bytes());
    out.extend_from_slice(&[frame.kind, 0, 0, 0]);
    out.extend_from_slice(frame.payload);
    let crc = checksum(&out[start..]);
    out[start + 8..start + 12].copy_from_slice(&crc.to_le_bytes());
}

/// CRC32C of everything but the magic and the checksum itself.
fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[4..8]), &frame[12..])
}

/// What stands at a place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned<'a> {
    /// A valid frame, and where the next one begins.
    Frame(Frame<'a>, usize),
    /// The end of the data, or nothing but zeros up to it (space allocated ahead).
    End,
    /// Bytes that are no frame: torn or damaged.
    Bad,
}

/// Reads the frame at `at`.
pub fn scan(data: &[u8], at: usize) -> Scanned<'_> {
    let Some(rest) = data.get(at..) else { return Scanned::End };
    if rest.iter().all(|it| *it == 0) {
        return Scanned::End;
    }
    read(rest).map_or(Scanned::Bad, |frame| Scanned::Frame(frame, at + HEADER_BYTES + frame.payload.len()))
}

/// The first place from `from` on where a valid frame stands.
pub fn find_next(data: &[u8], from: usize) -> Option<usize> {
    let magic = MAGIC.to_le_bytes();
    memchr::memmem::find_iter(data.get(from..)?, &magic).map(|it| from + it).find(|at| read(&data[*at..]).is_some())
}

fn read(bytes: &[u8]) -> Option<Frame<'_>> {
    let header = bytes.get(..HEADER_BYTES)?;
    let u32_at = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
    let len = u32_at(4) as usize;
    if u32_at(0) != MAGIC || len > PAYLOAD_BYTES_MAX {
        return None;
    }
    let whole = bytes.get(..HEADER_BYTES + len)?;
    if checksum(whole) != u32_at(8) {
        return None;
    }
    let first_seq = u64::from_le_bytes(header[12..20].try_into().expect("eight bytes"));
    let count = u32_at(20);
    first_seq.checked_add(u64::from(count))?;
    Some(Frame { first_seq, count, kind: header[24], payload: &whole[HEADER_BYTES..] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_and_no_flipped_bit_passes() {
        let frame = Frame { first_seq: 7, count: 2, kind: 1, payload: b"hello" };
        let mut bytes = Vec::new();
        encode(&frame, &mut bytes);
        assert_eq!(scan(&bytes, 0), Scanned::Frame(frame, bytes.len()));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // The three reserved bytes are covered by the checksum as well.
            assert_eq!(scan(&flipped, 0), Scanned::Bad, "bit {bit}");
        }
        for cut in 1..bytes.len() {
            assert_eq!(scan(&bytes[..cut], 0), Scanned::Bad, "cut at {cut}");
        }
    }

    #[test]
    fn the_page_on_the_format_shows_this_frame() {
        let page = include_str!("../../../docs/format/log.md");
        let mut bytes = Vec::new();
        encode(&Frame { first_seq: 258, count: 1, kind: 2, payload: b"abc" }, &mut bytes);
        let hex: Vec<String> = bytes.iter().map(|it| format!("{it:02x}")).collect();
        assert!(page.contains(&hex.join(" ")), "docs/format/log.md must show: {}", hex.join(" "));
    }
}
