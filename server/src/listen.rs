//! Addresses to listen on, as settings say them: one of HTTP, any number of syslog.
//!
//! ```
//! use sekisho::listen::Listens;
//!
//! let listens: Listens = "0.0.0.0:514, [::]:514, 192.0.2.1:5515@Asia/Tokyo".parse().unwrap();
//! assert_eq!(listens.iter().count(), 3);
//! ```

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::{OneOrMany, TimeZoneError, TimeZoneName};

/// An address to listen on, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Listen {
    /// Nothing listens.
    Off,
    /// Address and port; port 0 lets the system choose.
    At(SocketAddr),
}

impl Listen {
    /// An address of this machine only.
    pub const fn loopback(port: u16) -> Self {
        Self::At(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// The address, unless off.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

/// The text is no address.
#[derive(Clone, Debug, thiserror::Error)]
#[error("[{0}] is not an address to listen on; give IP:PORT, localhost:PORT or off")]
pub struct ListenError(String);

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        let text = text.trim();
        if let Some(port) = text.strip_prefix("localhost:") {
            return port.parse().map(Self::loopback).map_err(|_| ListenError(text.to_owned()));
        }
        text.parse().map(Self::At).map_err(|_| ListenError(text.to_owned()))
    }
}

impl TryFrom<String> for Listen {
    type Error = ListenError;

    fn try_from(text: String) -> Result<Self, ListenError> {
        text.parse()
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.to_string()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => out.write_str("off"),
            Self::At(address) => address.fmt(out),
        }
    }
}

/// An address for syslog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogListen {
    /// Address and port; port 0 lets the system choose.
    pub address: SocketAddr,
    /// Time zone of the devices that send here, where it is not `device_time_zone`.
    pub time_zone: Option<TimeZoneName>,
}

/// Addresses for syslog; none for `off`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OneOrMany", into = "String")]
pub struct Listens(Vec<SyslogListen>);

impl Listens {
    /// An address of this machine only.
    pub fn loopback(port: u16) -> Self {
        Listen::loopback(port).into()
    }

    /// The addresses, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &SyslogListen> {
        self.0.iter()
    }

    /// Whether nothing listens.
    pub fn is_off(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Listen> for Listens {
    fn from(listen: Listen) -> Self {
        Self(listen.address().map(|address| SyslogListen { address, time_zone: None }).into_iter().collect())
    }
}

/// The text is no list of addresses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ListensError {
    /// One of them is none.
    #[error(transparent)]
    Address(#[from] ListenError),
    /// One of them names a time zone that nobody knows.
    #[error(transparent)]
    TimeZone(#[from] TimeZoneError),
    /// `off` stands beside others, or with a time zone.
    #[error("[{0}] says off and more; give addresses, or off alone")]
    OffAndMore(String),
    /// One address is there twice.
    #[error("[{0}] is there twice")]
    Twice(SocketAddr),
}

impl FromStr for Listens {
    type Err = ListensError;

    fn from_str(text: &str) -> Result<Self, ListensError> {
        let parts: Vec<_> = text.split(',').map(str::trim).collect();
        let mut found: Vec<SyslogListen> = Vec::new();
        for part in &parts {
            let (address, time_zone) = match part.split_once('@') {
                Some((address, zone)) => (address.parse::<Listen>()?, Some(zone.parse::<TimeZoneName>()?)),
                None => (part.parse::<Listen>()?, None),
            };
            match address {
                Listen::At(address) if address.port() != 0 && found.iter().any(|it| it.address == address) => {
                    return Err(ListensError::Twice(address));
                }
                Listen::At(address) => found.push(SyslogListen { address, time_zone }),
                Listen::Off if parts.len() == 1 && time_zone.is_none() => {}
                Listen::Off => return Err(ListensError::OffAndMore(text.to_owned())),
            }
        }
        Ok(Self(found))
    }
}

impl TryFrom<OneOrMany> for Listens {
    type Error = ListensError;

    fn try_from(texts: OneOrMany) -> Result<Self, ListensError> {
        match texts {
            OneOrMany::One(text) => text.parse(),
            OneOrMany::Many(texts) => texts.join(",").parse(),
        }
    }
}

impl From<Listens> for String {
    fn from(listens: Listens) -> Self {
        listens.to_string()
    }
}

impl fmt::Display for Listens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_off() {
            return out.write_str("off");
        }
        for (at, it) in self.0.iter().enumerate() {
            write!(out, "{}{it}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for SyslogListen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(out)?;
        match &self.time_zone {
            Some(zone) => write!(out, "@{zone}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_as_it_was_read() {
        for text in ["off", "0.0.0.0:514", "0.0.0.0:514,[::]:514", "127.0.0.1:0,127.0.0.1:0", "192.0.2.1:5515@Asia/Tokyo,[::1]:5515"] {
            assert_eq!(text.parse::<Listens>().unwrap().to_string(), text);
        }
        assert_eq!("localhost:1 , [::1]:2@UTC".parse::<Listens>().unwrap().to_string(), "127.0.0.1:1,[::1]:2@UTC");
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_part() {
        for (text, reason) in [
            ("0.0.0.0:514,nowhere", "[nowhere] is not an address"),
            ("", "[] is not an address"),
            ("0.0.0.0:514,", "[] is not an address"),
            ("0.0.0.0:514@Mars/Olympus", "no time zone [Mars/Olympus]"),
            ("off,0.0.0.0:514", "says off and more"),
            ("off@Asia/Tokyo", "says off and more"),
            ("0.0.0.0:514,0.0.0.0:514@Asia/Tokyo", "[0.0.0.0:514] is there twice"),
        ] {
            let error = text.parse::<Listens>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
