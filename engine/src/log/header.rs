//! The first 8 KiB of a log segment or a journal: what the file is, and the salt of its frames.
//!
//! The header stands twice, each copy in a page of its own: without the salt no frame of the file can be verified, so one
//! damaged sector must not be able to take it.

use std::ops::Range;

/// The format this version writes, and the newest it reads.
pub(crate) const VERSION: u8 = 1;

/// One copy fills a page, the unit disks damage.
pub(crate) const PAGE_BYTES: usize = 4096;

/// Where the frames begin: after the two copies.
pub(crate) const FRAMES_START: usize = 2 * PAGE_BYTES;

/// Bytes of a page that mean something; the rest is zero.
const USED_BYTES: usize = 32;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Segment,
    Journal,
}

impl FileKind {
    fn magic(self) -> [u8; 7] {
        match self {
            FileKind::Segment => *b"SKSHLOG",
            FileKind::Journal => *b"SKSHJNL",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) kind: FileKind,
    /// The first record's number of a segment, the generation of a journal; as in the file's name.
    pub(crate) number: u64,
    /// Goes into the checksum of each frame header, see [`super::frame`].
    pub(crate) salt: u64,
}

/// A header that was read, and which of its bytes are damaged all the same.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReadHeader {
    pub(crate) header: FileHeader,
    pub(crate) damaged: Option<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// Neither copy can be read.
    Damaged,
    /// Intact, but of a later format.
    Version(u8),
}

impl FileHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let page = self.page();
        [page, page].concat()
    }

    fn page(&self) -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        page[0..7].copy_from_slice(&self.kind.magic());
        page[7] = VERSION;
        page[8..16].copy_from_slice(&self.number.to_le_bytes());
        page[16..24].copy_from_slice(&self.salt.to_le_bytes());
        let crc = crc32c::crc32c(&page[..28]);
        page[28..32].copy_from_slice(&crc.to_le_bytes());
        page
    }

    /// Reads the header of a file of this kind, from whichever copy is intact.
    pub(crate) fn decode(kind: FileKind, file: &[u8]) -> Result<ReadHeader, BadHeader> {
        let pages = [0, PAGE_BYTES].map(|at| file.get(at..at + PAGE_BYTES));
        let read = pages.map(|page| page.map_or(Err(BadHeader::Damaged), |page| Self::decode_page(kind, page)));
        let header = match read {
            [Ok(header), _] | [Err(BadHeader::Damaged), Ok(header)] => header,
            [Err(BadHeader::Version(version)), _] | [_, Err(BadHeader::Version(version))] => {
                return Err(BadHeader::Version(version));
            }
            [Err(BadHeader::Damaged), Err(BadHeader::Damaged)] => return Err(BadHeader::Damaged),
        };
        let wanted = header.page();
        let damaged = pages.iter().position(|page| *page != Some(&wanted[..]));
        Ok(ReadHeader { header, damaged: damaged.map(|copy| copy * PAGE_BYTES..(copy + 1) * PAGE_BYTES) })
    }

    fn decode_page(kind: FileKind, page: &[u8]) -> Result<Self, BadHeader> {
        let u64_at = |at: usize| u64::from_le_bytes(page[at..at + 8].try_into().expect("eight bytes of a page"));
        let crc = u32::from_le_bytes(page[28..USED_BYTES].try_into().expect("four bytes of a page"));
        if page[0..7] != kind.magic() || crc != crc32c::crc32c(&page[..28]) {
            return Err(BadHeader::Damaged);
        }
        match page[7] {
            VERSION => Ok(Self { kind, number: u64_at(8), salt: u64_at(16) }),
            version => Err(BadHeader::Version(version)),
        }
    }
}

/// A salt that a writer of payloads can't guess, from the random keys of the standard library's hash maps.
pub(crate) fn random_salt_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u64)
}

/// The salt of file `number` in a log or journal with this seed: the same on a replay, another for each file.
pub(crate) fn salt(seed: u64, number: u64) -> u64 {
    // SplitMix64's finish over both.
    let mut z = seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: FileHeader = FileHeader { kind: FileKind::Segment, number: 7, salt: 0xABCD };

    #[test]
    fn either_copy_is_enough_and_the_bad_one_is_named() {
        let whole = HEADER.encode();
        assert_eq!(FileHeader::decode(FileKind::Segment, &whole), Ok(ReadHeader { header: HEADER, damaged: None }));
        for (at, damaged) in [(0, 0..4096), (20, 0..4096), (4000, 0..4096), (4096, 4096..8192), (8191, 4096..8192)] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let read = FileHeader::decode(FileKind::Segment, &bytes);
            assert_eq!(read, Ok(ReadHeader { header: HEADER, damaged: Some(damaged) }), "byte {at}");
        }
    }

    #[test]
    fn two_bad_copies_are_damage() {
        let mut bytes = HEADER.encode();
        bytes[3] ^= 1;
        bytes[4096 + 30] ^= 1;
        assert_eq!(FileHeader::decode(FileKind::Segment, &bytes), Err(BadHeader::Damaged));
        assert_eq!(FileHeader::decode(FileKind::Segment, b""), Err(BadHeader::Damaged));
        assert_eq!(FileHeader::decode(FileKind::Journal, &HEADER.encode()), Err(BadHeader::Damaged));
    }

    #[test]
    fn later_format_is_not_taken_for_damage() {
        let mut page = HEADER.page();
        page[7] = 2;
        let crc = crc32c::crc32c(&page[..28]);
        page[28..32].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(FileHeader::decode(FileKind::Segment, &[page, page].concat()), Err(BadHeader::Version(2)));
    }
}
