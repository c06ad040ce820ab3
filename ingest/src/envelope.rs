//! The stored record of one line: what only the receiver knows, then the line's bytes exactly as received (framing removed).
//!
//! It is what the log and the documents keep, so a line can be parsed again by a later release and read back byte for byte. It is
//! not a network protocol. Layout, all of it without padding:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, `1` |
//! | 1 | transport: 0 UDP, 1 TCP, 2 TLS, 3 file, 4 HTTP Event Collector |
//! | 1 | flags: bit 0 the line was cut at the limit; bit 1 an IPv4 peer follows; bit 2 an IPv6 peer follows; bit 3 a time zone follows |
//! | 1–10 | time of receipt, UTC milliseconds, zigzag LEB128 (6 bytes in this century) |
//! | 4 or 16 | peer address in network order, if flagged |
//! | 1 + n | IANA name of the device's time zone: length, then text, if flagged |
//! | rest | the line |
//!
//! ```
//! use sekisho_ingest::{Envelope, Transport};
//! use sekisho_engine::clock::Timestamp;
//!
//! let envelope = Envelope { received_at: Timestamp(1_700_000_000_000), ..Envelope::new(Transport::Tcp) };
//! let record = envelope.encode(b"1,2024/04/09 16:57:36,\xff");
//! assert_eq!(Envelope::decode(&record), Ok((envelope, &b"1,2024/04/09 16:57:36,\xff"[..])));
//! ```

use std::net::IpAddr;

use sekisho_engine::clock::Timestamp;

const VERSION: u8 = 1;
const FLAG_TRUNCATED: u8 = 1;
const FLAG_PEER_V4: u8 = 1 << 1;
const FLAG_PEER_V6: u8 = 1 << 2;
const FLAG_TIME_ZONE: u8 = 1 << 3;
const FLAGS_KNOWN: u8 = FLAG_TRUNCATED | FLAG_PEER_V4 | FLAG_PEER_V6 | FLAG_TIME_ZONE;

/// How a line came in. The numbers are stored: one is never given to another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Transport {
    /// Syslog datagram.
    Udp = 0,
    /// Syslog over TCP.
    Tcp = 1,
    /// Syslog over TLS.
    Tls = 2,
    /// A file or standard input.
    File = 3,
    /// Splunk's HTTP Event Collector.
    Hec = 4,
}

/// Every transport, at the index that is its number.
pub const TRANSPORTS: [Transport; 5] = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::File, Transport::Hec];

impl Transport {
    /// Name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::File => "file",
            Transport::Hec => "hec",
        }
    }
}

/// What the receiver knows of a line. The time zone borrows from the record or from the listener's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// When the line was read from its socket or file.
    pub received_at: Timestamp,
    /// How it came in.
    pub transport: Transport,
    /// Whether the line was longer than the limit and only its head is here.
    pub is_truncated: bool,
    /// Who sent it; a relay's address where there is one.
    pub peer: Option<IpAddr>,
    /// IANA name of the zone in which the device writes times without an offset, at most 255 bytes; UTC when absent.
    pub time_zone: Option<&'a str>,
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Written by a later release, or not a record.
    #[error("record of unknown version {0}")]
    UnknownVersion(u8),
    /// A transport or flag that no release wrote.
    #[error("record with unknown transport or flags")]
    UnknownKind,
    /// The record ends inside its envelope.
    #[error("record cut in its envelope")]
    Cut,
}

impl<'a> Envelope<'a> {
    /// An envelope that says only how the line came.
    pub fn new(transport: Transport) -> Self {
        Self { received_at: Timestamp(0), transport, is_truncated: false, peer: None, time_zone: None }
    }

    /// The record of `line`. A time zone longer than 255 bytes is left out: no IANA name comes near.
    pub fn encode(&self, line: &[u8]) -> Vec<u8> {
        let time_zone = self.time_zone.filter(|it| it.len() <= usize::from(u8::MAX));
        let mut flags = if self.is_truncated { FLAG_TRUNCATED } else { 0 };
        flags |= match self.peer {
            None => 0,
            Some(IpAddr::V4(_)) => FLAG_PEER_V4,
            Some(IpAddr::V6(_)) => FLAG_PEER_V6,
        };
        if time_zone.is_some() {
            flags |= FLAG_TIME_ZONE;
        }
        let mut record = Vec::with_capacity(3 + 10 + 16 + 1 + time_zone.map_or(0, str::len) + line.len());
        record.extend_from_slice(&[VERSION, self.transport as u8, flags]);
        push_varint(&mut record, self.received_at.0);
        match self.peer {
            None => {}
            Some(IpAddr::V4(it)) => record.extend_from_slice(&it.octets()),
            Some(IpAddr::V6(it)) => record.extend_from_slice(&it.octets()),
        }
        if let Some(name) = time_zone {
            record.push(name.len() as u8);
            record.extend_from_slice(name.as_bytes());
        }
        record.extend_from_slice(line);
        record
    }

    /// Takes a record apart into envelope and line.
    ///
    /// # Errors
    /// [`EnvelopeError`] for anything [`Envelope::encode`] did not write; it never panics.
    pub fn decode(record: &'a [u8]) -> Result<(Self, &'a [u8]), EnvelopeError> {
        let (&version, rest) = record.split_first().ok_or(EnvelopeError::Cut)?;
        if version != VERSION {
            return Err(EnvelopeError::UnknownVersion(version));
        }
        let (&[transport, flags], mut rest) = rest.split_first_chunk().ok_or(EnvelopeError::Cut)?;
        let transport = *TRANSPORTS.get(usize::from(transport)).ok_or(EnvelopeError::UnknownKind)?;
        let both_peers = FLAG_PEER_V4 | FLAG_PEER_V6;
        if flags & !FLAGS_KNOWN != 0 || flags & both_peers == both_peers {
            return Err(EnvelopeError::UnknownKind);
        }
        let received_at = Timestamp(take_varint(&mut rest).ok_or(EnvelopeError::Cut)?);
        let mut peer = None;
        if flags & FLAG_PEER_V4 != 0 {
            peer = Some(IpAddr::from(take_array::<4>(&mut rest)?));
        }
        if flags & FLAG_PEER_V6 != 0 {
            peer = Some(IpAddr::from(take_array::<16>(&mut rest)?));
        }
        let mut time_zone = None;
        if flags & FLAG_TIME_ZONE != 0 {
            let [len] = take_array::<1>(&mut rest)?;
            let (name, line) = rest.split_at_checked(usize::from(len)).ok_or(EnvelopeError::Cut)?;
            time_zone = Some(str::from_utf8(name).map_err(|_| EnvelopeError::UnknownKind)?);
            rest = line;
        }
        Ok((Self { received_at, transport, is_truncated: flags & FLAG_TRUNCATED != 0, peer, time_zone }, rest))
    }
}

fn push_varint(record: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        record.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    record.push(rest as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], EnvelopeError> {
    let (&array, rest) = bytes.split_first_chunk::<N>().ok_or(EnvelopeError::Cut)?;
    *bytes = rest;
    Ok(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Envelope<'static> {
        Envelope {
            received_at: Timestamp(1_700_000_000_123),
            transport: Transport::Tls,
            is_truncated: true,
            peer: Some("192.0.2.7".parse().unwrap()),
            time_zone: Some("Asia/Tokyo"),
        }
    }

    #[test]
    fn a_record_gives_back_every_part_and_every_byte() {
        let all_bytes: Vec<u8> = (0..=255).collect();
        let v6 = Envelope { peer: Some("2001:db8::1".parse().unwrap()), received_at: Timestamp(i64::MIN), ..full() };
        for envelope in [full(), v6, Envelope::new(Transport::Udp), Envelope { received_at: Timestamp(-1), ..Envelope::new(Transport::File) }] {
            assert_eq!(Envelope::decode(&envelope.encode(&all_bytes)), Ok((envelope, &all_bytes[..])));
            assert_eq!(Envelope::decode(&envelope.encode(b"")), Ok((envelope, &b""[..])));
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let record = full().encode(b"line");
        let mut expected = vec![1, 2, 0b1011, 0xf6, 0xa1, 0xab, 0xfe, 0xf9, 0x62, 192, 0, 2, 7, 10];
        expected.extend_from_slice(b"Asia/Tokyoline");
        assert_eq!(record, expected);
    }

    #[test]
    fn a_cut_envelope_is_an_error_and_not_a_panic() {
        let record = full().encode(b"");
        for end in 0..record.len() {
            assert_eq!(Envelope::decode(&record[..end]), Err(EnvelopeError::Cut), "{end} bytes");
        }
    }

    #[test]
    fn foreign_bytes_are_refused() {
        assert_eq!(Envelope::decode(b"<14>Nov  3"), Err(EnvelopeError::UnknownVersion(b'<')));
        assert_eq!(Envelope::decode(&[1, 9, 0, 0]), Err(EnvelopeError::UnknownKind));
        assert_eq!(Envelope::decode(&[1, 0, 0b110, 0]), Err(EnvelopeError::UnknownKind));
        assert_eq!(Envelope::decode(&[1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]), Err(EnvelopeError::Cut));
    }
}
