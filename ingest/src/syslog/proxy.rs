//! The PROXY protocol, versions 1 and 2: a load balancer says before the first byte whose connection it passes on. It is believed, so only
//! balancers may be able to reach such a listener.
//!
//! Exactly the header is read from the connection and nothing behind it. Parsing is `ppp`'s business.

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::limits::PROXY_BYTES_MAX;

/// How version 2 begins. No longer than the shortest header of version 1, `PROXY UNKNOWN\r\n`.
const SIGNATURE_V2: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// How version 1 begins.
const PREFIX_V1: &[u8] = b"PROXY ";

/// The longest header of version 1, with its end of line (specification §2.1).
const V1_BYTES_MAX: usize = 107;

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// The connection begins with something else.
    #[error("there is none")]
    Missing,
    /// It begins like a header and is none.
    #[error("it is malformed")]
    Malformed,
    /// The connection ended or broke before its end.
    #[error("it is not complete: {0}")]
    Cut(#[from] io::Error),
}

/// Reads the header. `None` when the balancer speaks for itself, as for its health checks, or does not know.
pub(super) async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<IpAddr>, ProxyError> {
    let mut header = vec![0; SIGNATURE_V2.len()];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE_V2 {
        read_v2(stream, header).await
    } else if header.starts_with(PREFIX_V1) {
        read_v1(stream, header).await
    } else {
        Err(ProxyError::Missing)
    }
}

async fn read_v1(stream: &mut (impl AsyncRead + Unpin), mut header: Vec<u8>) -> Result<Option<IpAddr>, ProxyError> {
    // Byte by byte: what follows the line feed belongs to somebody else.
    while header.last() != Some(&b'\n') {
        if header.len() == V1_BYTES_MAX {
            return Err(ProxyError::Malformed);
        }
        header.push(stream.read_u8().await?);
    }
    match ppp::v1::Header::try_from(header.as_slice()).map_err(|_| ProxyError::Malformed)?.addresses {
        ppp::v1::Addresses::Tcp4(it) => Ok(Some(it.source_address.into())),
        ppp::v1::Addresses::Tcp6(it) => Ok(Some(IpAddr::from(it.source_address).to_canonical())),
        ppp::v1::Addresses::Unknown => Ok(None),
    }
}

async fn read_v2(stream: &mut (impl AsyncRead + Unpin), mut header: Vec<u8>) -> Result<Option<IpAddr>, ProxyError> {
    let mut fixed = [0; 4];
    stream.read_exact(&mut fixed).await?;
    let [_, _, high, low] = fixed;
    header.extend_from_slice(&fixed);
    let (begin, len) = (header.len(), usize::from(u16::from_be_bytes([high, low])));
    if begin + len > PROXY_BYTES_MAX {
        return Err(ProxyError::Malformed);
    }
    header.resize(begin + len, 0);
    stream.read_exact(&mut header[begin..]).await?;
    let header = ppp::v2::Header::try_from(header.as_slice()).map_err(|_| ProxyError::Malformed)?;
    match (header.command, header.addresses) {
        (ppp::v2::Command::Local, _) => Ok(None),
        (ppp::v2::Command::Proxy, ppp::v2::Addresses::IPv4(it)) => Ok(Some(it.source_address.into())),
        (ppp::v2::Command::Proxy, ppp::v2::Addresses::IPv6(it)) => Ok(Some(IpAddr::from(it.source_address).to_canonical())),
        (ppp::v2::Command::Proxy, ppp::v2::Addresses::Unspecified | ppp::v2::Addresses::Unix(_)) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> (Result<Option<IpAddr>, String>, Vec<u8>) {
        let outcome = read_header(&mut bytes).await.map_err(|it| it.to_string());
        (outcome, bytes.to_vec())
    }

    fn v2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        [SIGNATURE_V2, [command, family].as_slice(), &(payload.len() as u16).to_be_bytes(), payload, b"<14>line\n"].concat()
    }

    #[tokio::test]
    async fn the_address_is_read_and_nothing_behind_the_header() {
        let v4: IpAddr = "192.0.2.7".parse().unwrap();
        let v6: IpAddr = "2001:db8::7".parse().unwrap();
        let v6_payload = ["2001:db8::7", "2001:db8::1"].map(|it| it.parse::<std::net::Ipv6Addr>().unwrap().octets()).concat();
        let cases: [(Vec<u8>, Option<IpAddr>); 7] = [
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 514\r\n<14>line\n".to_vec(), Some(v4)),
            (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 514\r\n<14>line\n".to_vec(), Some(v6)),
            (b"PROXY UNKNOWN\r\n<14>line\n".to_vec(), None),
            (v2(0x21, 0x11, &[192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 2, 2]), Some(v4)),
            // A TLV of type NOOP behind the addresses.
            (v2(0x21, 0x21, &[&v6_payload[..], &[0x9c, 0x40, 2, 2, 4, 0, 1, 0]].concat()), Some(v6)),
            (v2(0x20, 0x00, &[]), None),
            (v2(0x21, 0x00, &[]), None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(&bytes).await, (Ok(expected), b"<14>line\n".to_vec()), "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
        for (bytes, reason) in [
            (b"<14>Nov 23 07:00:00 host line\n".to_vec(), "there is none"),
            (b"PROXY TCP4 192.0.2.7\r\n<14>line\n".to_vec(), "it is malformed"),
            (b"PROXY TCP4 192.0.2.777 198.51.100.1 1 2\r\n".to_vec(), "it is malformed"),
            (long, "it is malformed"),
            (v2(0x31, 0x11, &[0; 12]), "it is malformed"),
            (v2(0x21, 0x11, &[0; 3]), "it is malformed"),
            (v2(0x21, 0x11, &[0; PROXY_BYTES_MAX]), "it is malformed"),
        ] {
            assert_eq!(read(&bytes).await.0, Err(reason.to_owned()), "{bytes:?}");
        }
        let whole = v2(0x21, 0x11, &[192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 2, 2]);
        for end in 0..28 {
            assert!(read(&whole[..end]).await.0.unwrap_err().starts_with("it is not complete"), "{end} bytes");
        }
    }
}
