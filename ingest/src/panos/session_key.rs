//! `sekisho.session.key`: the same text on the TRAFFIC, THREAT and URL lines of one conversation, so that a session's story is a look-up.
//!
//! The key is 16 hexadecimal digits: a 64-bit hash of serial number, virtual system, session id and the two endpoints (address, port) in
//! the order of their bytes, because THREAT lines about an answer name the server as source. It is the same for ever: the hash is
//! written out here and depends on no library. The session's start is not in it, because only TRAFFIC lines know it; session ids are used
//! again, though rarely between the same two ports, so a look-up also asks for a time window around the event (PAN-OS syslog reference
//! §21, 16: from 60 s before the start to 120 s after the end). Lines without a session (id 0: floods, scans, early drops) or
//! without both addresses have no key.

use sekisho_engine::ecs;
use sekisho_engine::row::Datum;

use super::event::Event;

/// Adds the key.
pub(super) fn derive(event: &mut Event<'_>) {
    let row = &event.row;
    let Some(session) = row.str(ecs::PANOS_FLOW_ID).filter(|it| *it != "0") else { return };
    let (Some(Datum::Ip(source)), Some(Datum::Ip(destination))) = (row.get(ecs::SOURCE_IP), row.get(ecs::DESTINATION_IP)) else { return };
    let port = |field| match row.get(field) {
        Some(Datum::I64(it)) => it as u16,
        _ => 0,
    };
    let mut ends = [(source.octets(), port(ecs::SOURCE_PORT)), (destination.octets(), port(ecs::DESTINATION_PORT))];
    ends.sort_unstable();
    let mut hash = Hash::default();
    for text in [row.str(ecs::OBSERVER_SERIAL_NUMBER), row.str(ecs::PANOS_VIRTUAL_SYS), Some(session)] {
        hash.write(text.unwrap_or_default().as_bytes());
        hash.write(&[0]);
    }
    for (address, port) in ends {
        hash.write_address(&address);
        hash.write(&port.to_be_bytes());
    }
    let mut key = [0; 16];
    let value = hash.finish();
    for (at, digit) in key.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(value >> (60 - 4 * at) & 15) as usize];
    }
    event.row.push_str(ecs::SEKISHO_SESSION_KEY, str::from_utf8(&key).expect("hexadecimal digits"));
}

/// FNV's prime for 64 bit.
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a with 64 bit, finished with the mixer of MurmurHash3: FNV alone leaves the high bits poor on short input.
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// What [`Hash::write`] makes of an address. A zero byte only multiplies, so the ten in front of an IPv4 address are one multiplication:
    /// each waits for the one before, and they were a fiftieth of a line's time.
    fn write_address(&mut self, address: &[u8; 16]) {
        let rest = match address.strip_prefix(&[0; 10]) {
            Some(rest) => {
                self.0 = self.0.wrapping_mul(const { PRIME.wrapping_pow(10) });
                rest
            }
            None => address,
        };
        self.write(rest);
    }

    fn finish(self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ hash >> 33
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_hashed_as_its_bytes() {
        for address in ["::", "::ffff:192.0.2.7", "::ffff:0.0.0.0", "::1", "0:0:0:0:0:1::", "2001:db8::1"] {
            let octets = address.parse::<std::net::Ipv6Addr>().unwrap().octets();
            let (mut bytes, mut whole) = (Hash::default(), Hash::default());
            bytes.write(&octets);
            whole.write_address(&octets);
            assert_eq!(whole.finish(), bytes.finish(), "{address}");
        }
    }
}
