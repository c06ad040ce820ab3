//! For tests: a database in MaxMind's format with one network, 203.0.113.0/24, written by the format's own description (version 2.0).

/// A value of the data section.
enum Data<'a> {
    Text(&'a str),
    Short(u16),
    Number(u32),
    Long(u64),
    Map(&'a [(&'a str, Data<'a>)]),
    List(&'a [Data<'a>]),
}

use Data::{List, Long, Map, Number, Short, Text};

pub(crate) fn city() -> Vec<u8> {
    let names = [("en", Text("Tokyo"))];
    let city = [("names", Map(&names))];
    let country = [("iso_code", Text("JP"))];
    database("Test-City", &Map(&[("city", Map(&city)), ("country", Map(&country))]))
}

pub(crate) fn asn() -> Vec<u8> {
    database("Test-ASN", &Map(&[("autonomous_system_number", Number(64_500)), ("autonomous_system_organization", Text("Example Net"))]))
}

fn database(kind: &str, value: &Data<'_>) -> Vec<u8> {
    const PREFIX: u32 = 24;
    let network = u32::from_be_bytes([203, 0, 113, 0]);
    let mut bytes = Vec::new();
    // A chain of nodes along the network's bits; every other way is "not found", which is the count of nodes. Records of 24 bits.
    for depth in 0..PREFIX {
        let bit = (network >> (31 - depth)) & 1;
        // A record beyond the nodes points into the data section, 16 bytes behind the tree.
        let on = if depth + 1 == PREFIX { PREFIX + 16 } else { depth + 1 };
        let records = if bit == 0 { [on, PREFIX] } else { [PREFIX, on] };
        records.iter().for_each(|it| bytes.extend_from_slice(&it.to_be_bytes()[1..]));
    }
    bytes.extend_from_slice(&[0; 16]);
    write(&mut bytes, value);
    bytes.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    let metadata = [
        ("binary_format_major_version", Short(2)),
        ("binary_format_minor_version", Short(0)),
        ("build_epoch", Long(1_700_000_000)),
        ("database_type", Text(kind)),
        ("description", Map(&[])),
        ("ip_version", Short(4)),
        ("languages", List(&[Text("en")])),
        ("node_count", Number(PREFIX)),
        ("record_size", Short(24)),
    ];
    write(&mut bytes, &Map(&metadata));
    bytes
}

fn write(bytes: &mut Vec<u8>, value: &Data<'_>) {
    match value {
        Text(it) => {
            bytes.push(2 << 5 | u8::try_from(it.len()).ok().filter(|it| *it < 29).unwrap_or(29));
            if it.len() >= 29 {
                bytes.push(u8::try_from(it.len() - 29).unwrap());
            }
            bytes.extend_from_slice(it.as_bytes());
        }
        Short(it) => {
            bytes.push(5 << 5 | 2);
            bytes.extend_from_slice(&it.to_be_bytes());
        }
        Long(it) => {
            // Types above 7 are written as what they are beyond it, behind the length.
            bytes.extend_from_slice(&[8, 9 - 7]);
            bytes.extend_from_slice(&it.to_be_bytes());
        }
        Number(it) => {
            bytes.push(6 << 5 | 4);
            bytes.extend_from_slice(&it.to_be_bytes());
        }
        Map(entries) => {
            bytes.push(7 << 5 | u8::try_from(entries.len()).unwrap());
            entries.iter().for_each(|(name, it)| {
                write(bytes, &Text(name));
                write(bytes, it);
            });
        }
        List(values) => {
            bytes.extend_from_slice(&[u8::try_from(values.len()).unwrap(), 11 - 7]);
            values.iter().for_each(|it| write(bytes, it));
        }
    }
}
