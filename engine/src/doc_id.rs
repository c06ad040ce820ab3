//! The `_id` of documents that came without one, derived from their sequence number.
//!
//! A derived id is 20 characters of the URL-safe alphabet, as long as the ids that Elasticsearch makes: the mark `sek`, a
//! digit for the scheme, and 16 characters that hold the sequence number and a checksum of it. Nothing is stored per
//! document, and an id that somebody else made is taken for a derived one once in 2^56 random ids of this length.

/// Mark and scheme of derived ids.
const MARK: &str = "sek0";

/// Characters of a derived id.
pub const LEN: usize = 20;

/// base64url, RFC 4648 §5.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The `_id` of the document with this sequence number.
pub fn encode(seq: u64) -> String {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&seq.to_be_bytes());
    bytes[8..].copy_from_slice(&crc32c::crc32c(&seq.to_be_bytes()).to_be_bytes());
    let mut id = String::with_capacity(LEN);
    id.push_str(MARK);
    for group in bytes.chunks_exact(3) {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for shift in [18, 12, 6, 0] {
            id.push(char::from(ALPHABET[(bits >> shift & 63) as usize]));
        }
    }
    id
}

/// The sequence number of a derived `_id`; `None` where it is not one.
pub fn decode(id: &str) -> Option<u64> {
    let code = id.strip_prefix(MARK)?.as_bytes();
    if code.len() != LEN - MARK.len() {
        return None;
    }
    let mut bytes = [0; 12];
    for (group, out) in code.chunks_exact(4).zip(bytes.chunks_exact_mut(3)) {
        let mut bits = 0;
        for c in group {
            bits = bits << 6 | digit(*c)?;
        }
        out.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    let seq: [u8; 8] = bytes[..8].try_into().expect("eight bytes");
    let checksum = u32::from_be_bytes(bytes[8..].try_into().expect("four bytes"));
    (crc32c::crc32c(&seq) == checksum).then(|| u64::from_be_bytes(seq))
}

fn digit(c: u8) -> Option<u32> {
    let digit = match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(digit.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_gives_its_number_back() {
        for seq in [0, 1, 63, 64, 1_000_000, u64::MAX - 1, u64::MAX] {
            let id = encode(seq);
            assert_eq!(id.len(), LEN);
            assert_eq!(decode(&id), Some(seq), "{id}");
        }
    }

    #[test]
    fn other_ids_are_not_taken_for_derived_ones() {
        let id = encode(42);
        for other in ["", "sek0", "1", "sek0AAAAAAAAAAAAAAAA", "sek0ääääääää", &id[..19], &format!("{id}A"), &id.replace("sek0", "sek1")] {
            assert_eq!(decode(other), None, "{other}");
        }
        for at in 4..LEN {
            let mut changed = id.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(decode(std::str::from_utf8(&changed).unwrap()), None);
        }
    }
}
