//! The laboratory itself: zones, firewalls, rules, people, servers and devices.

use std::net::{IpAddr, Ipv4Addr};

use super::random::trait_of;

/// A security zone. Case matters in PAN-OS, so the names are written in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Trust,
    Untrust,
    Dmz,
    Vpn,
    Guest,
}

impl Zone {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trust => "Trust",
            Self::Untrust => "Untrust",
            Self::Dmz => "DMZ",
            Self::Vpn => "VPN",
            Self::Guest => "Guest",
        }
    }

    pub(crate) fn interface(self) -> &'static str {
        match self {
            Self::Untrust => "ethernet1/1",
            Self::Trust => "ae1.110",
            Self::Dmz => "ethernet1/3",
            Self::Vpn => "tunnel.10",
            Self::Guest => "ae1.250",
        }
    }

    /// How many hosts of ours are in the zone; none in Untrust.
    pub(crate) fn hosts(self) -> u32 {
        match self {
            Self::Trust => 1500,
            Self::Vpn => 200,
            Self::Guest => 240,
            Self::Dmz => 40,
            Self::Untrust => 0,
        }
    }
}

/// A firewall of the active/active pair.
#[derive(Debug)]
pub(crate) struct Firewall {
    pub(crate) name: &'static str,
    /// Leading zeros are part of it.
    pub(crate) serial: &'static str,
    pub(crate) management: &'static str,
    /// The address that hides Trust, VPN and Guest on the Internet.
    pub(crate) public: Ipv4Addr,
    /// When in the window, in thousandths, it moved from 10.2 to 11.1: one night apart, as an HA pair is upgraded.
    pub(crate) upgraded_per_mille: i64,
}

pub(crate) static FIREWALLS: [Firewall; 2] = [
    Firewall {
        name: "fw-lab-01",
        serial: "012801099471",
        management: "10.10.250.11",
        public: Ipv4Addr::new(203, 0, 113, 11),
        upgraded_per_mille: 430,
    },
    Firewall {
        name: "fw-lab-02",
        serial: "012801099472",
        management: "10.10.250.12",
        public: Ipv4Addr::new(203, 0, 113, 12),
        upgraded_per_mille: 396,
    },
];

/// A security rule: column 11 and its UUID.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) uuid: &'static str,
}

macro_rules! rules {
    ($($constant:ident = $name:literal, $uuid:literal;)*) => {
        $(pub(crate) static $constant: Rule = Rule { name: $name, uuid: $uuid };)*
    };
}

rules! {
    USERS_INTERNET = "Users, Internet, filtered", "608460e0-3b24-4bef-a676-96027545ae7d";
    SERVERS_INTERNET = "Servers to Internet", "a40f8ec5-109d-4dc5-b09d-33b848f5bd09";
    RESOLVERS = "DNS to resolvers", "2c146dd4-d96a-455f-96fc-7f3e2c37c70d";
    SERVICES = "Laboratory services", "b1c9f945-e213-4cdf-977d-2700446a3baf";
    PUBLIC_WEB = "Public web servers", "eb5b9cd9-716b-4729-a5de-9033f4c5aa4f";
    MAIL = "Mail exchange", "73a06abf-75ca-436f-9319-1a15b27fa692";
    REMOTE_ACCESS = "GlobalProtect gateway", "f1b2a45a-ae42-45e6-a58e-ba899f8fc6b9";
    VPN_USERS = "VPN users to laboratory", "0bbe5a53-f498-4cc2-a170-ced134f4824c";
    GUEST = "Guest Internet", "a76c7b1d-5e84-48f5-9498-a9d10ffc959c";
    UNWANTED = "Block unwanted applications", "5e7eca5b-f585-4633-bbd4-9ed431f7f95b";
    DEFAULT = "interzone-default", "d1a5f0e6-2f3b-4c63-8a0e-6f6c0a7c2b11";
}

/// A host of ours: its number within its zone decides everything about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) zone: Zone,
    pub(crate) number: u32,
}

impl Host {
    pub(crate) fn address(self) -> Ipv4Addr {
        let number = self.number;
        let low = |limit: u32| (10 + number % limit) as u8;
        match self.zone {
            Zone::Trust => Ipv4Addr::new(10, 10, 1 + (number / 200) as u8, low(200)),
            Zone::Vpn => Ipv4Addr::new(10, 30, 0, low(200)),
            Zone::Guest => Ipv4Addr::new(192, 168, 50, low(240)),
            Zone::Dmz | Zone::Untrust => Ipv4Addr::new(172, 16, 10, low(200)),
        }
    }

    /// A published server's address as the Internet sees it.
    pub(crate) fn published(self) -> Ipv4Addr {
        Ipv4Addr::new(198, 51, 100, (10 + self.number % 200) as u8)
    }

    /// The signed-in person, as an index of [`People`]; guests, servers and a quarter of the laboratory have none.
    pub(crate) fn person(self) -> Option<u16> {
        let dice = trait_of(1, u64::from(self.number));
        let is_known = match self.zone {
            Zone::Trust => dice % 100 < 74,
            Zone::Vpn => true,
            Zone::Guest | Zone::Dmz | Zone::Untrust => false,
        };
        // VPN users are people of the laboratory at home.
        is_known.then_some(((dice >> 8) % u64::from(People::COUNT)) as u16)
    }

    /// What Device-ID knows: only hosts inside are profiled, and not all.
    pub(crate) fn device(self) -> Option<&'static Device> {
        let dice = trait_of(2, u64::from(self.number));
        let is_profiled = matches!(self.zone, Zone::Trust | Zone::Vpn) && dice % 100 < 62;
        is_profiled.then(|| &DEVICES[((dice >> 8) % DEVICES.len() as u64) as usize])
    }

    /// The text PAN-OS gives as the region of a private address.
    pub(crate) fn place(self) -> &'static str {
        private_place(IpAddr::V4(self.address()))
    }
}

/// RFC 1918 ranges as PAN-OS words them in columns 41 and 42.
fn private_place(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(v4) if v4.octets()[0] == 10 => "10.0.0.0-10.255.255.255",
        IpAddr::V4(v4) if v4.octets()[0] == 172 => "172.16.0.0-172.31.255.255",
        _ => "192.168.0.0-192.168.255.255",
    }
}

/// Device-ID's columns (TRAFFIC 76–83, THREAT 80–87).
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) category: &'static str,
    pub(crate) profile: &'static str,
    pub(crate) model: &'static str,
    pub(crate) vendor: &'static str,
    pub(crate) os_family: &'static str,
    pub(crate) os_version: &'static str,
    pub(crate) name_prefix: &'static str,
}

const fn device(
    kind: (&'static str, &'static str),
    make: (&'static str, &'static str),
    os: (&'static str, &'static str),
    name_prefix: &'static str,
) -> Device {
    Device { category: kind.0, profile: kind.1, model: make.0, vendor: make.1, os_family: os.0, os_version: os.1, name_prefix }
}

static DEVICES: [Device; 8] = [
    device(("Personal Computer", "PC-Windows"), ("OptiPlex 7090", "Dell"), ("Windows", "Windows 11"), "ws"),
    device(("Personal Computer", "PC-Windows"), ("ThinkPad X1", "Lenovo"), ("Windows", "Windows 10"), "nb"),
    device(("Personal Computer", "Mac"), ("MacBook Pro", "Apple"), ("macOS", "macOS 15"), "mac"),
    device(("Server", "Linux Server"), ("", "Supermicro"), ("Linux", "Debian 12"), "calc"),
    device(("Laboratory Instrument", "Mass Spectrometer"), ("MS-9000", "Kagaku Instruments"), ("Windows", "Windows 10 IoT"), "ms"),
    device(("Laboratory Instrument", "Electron Microscope"), ("EM-40", "Kagaku Instruments"), ("Windows Embedded", "7"), "em"),
    device(("Printer", "Network Printer"), ("MX-3071", "Sharp"), ("Embedded", ""), "prn"),
    device(("IP Camera", "Surveillance Camera"), ("Q3518", "Axis"), ("Embedded Linux", ""), "cam"),
];

/// The people of the laboratory, as `domain\name`.
#[derive(Debug, Clone)]
pub(crate) struct People {
    names: Vec<String>,
}

impl People {
    pub(crate) const COUNT: u16 = 1100;

    pub(crate) fn new() -> Self {
        let name = |index: usize| {
            let (family, given) = (FAMILY[index % FAMILY.len()], GIVEN[index / FAMILY.len() % GIVEN.len()]);
            match index % 29 {
                // Odd names are ordinary in a real directory; parsers meet them here first.
                0 => format!("kaken\\svc-{given}{index}$"),
                7 => format!("{given}.{family}@kaken.example"),
                14 => format!("kaken\\{given}.o'{family}"),
                _ => format!("kaken\\{given}.{family}"),
            }
        };
        Self { names: (0..usize::from(Self::COUNT)).map(name).collect() }
    }

    pub(crate) fn name(&self, person: u16) -> &str {
        &self.names[usize::from(person) % self.names.len()]
    }
}

const FAMILY: [&str; 40] = [
    "sato",
    "suzuki",
    "takahashi",
    "tanaka",
    "watanabe",
    "ito",
    "yamamoto",
    "nakamura",
    "kobayashi",
    "kato",
    "yoshida",
    "yamada",
    "sasaki",
    "yamaguchi",
    "matsumoto",
    "inoue",
    "kimura",
    "hayashi",
    "shimizu",
    "saito",
    "mori",
    "abe",
    "ikeda",
    "hashimoto",
    "ishikawa",
    "ogawa",
    "goto",
    "okada",
    "hasegawa",
    "murakami",
    "meyer",
    "novak",
    "silva",
    "garcia",
    "kowalski",
    "lindqvist",
    "dubois",
    "rossi",
    "nguyen",
    "park",
];
const GIVEN: [&str; 30] = [
    "haruto", "yui", "sota", "hina", "ren", "aoi", "yuto", "mei", "riku", "sakura", "kaito", "rin", "daiki", "mio", "takumi", "akari", "shota",
    "nanami", "kenji", "emi", "anna", "lukas", "sofia", "jan", "maria", "olivier", "linh", "minjun", "greta", "paulo",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_a_zone_have_addresses_of_their_own() {
        for zone in [Zone::Trust, Zone::Vpn, Zone::Guest, Zone::Dmz] {
            let addresses: std::collections::HashSet<_> = (0..zone.hosts()).map(|number| Host { zone, number }.address()).collect();
            assert_eq!(addresses.len() as u32, zone.hosts(), "{}", zone.name());
        }
    }

    #[test]
    fn people_are_distinct_and_free_of_commas() {
        let people = People::new();
        let distinct: std::collections::HashSet<_> = people.names.iter().collect();
        assert_eq!(distinct.len(), usize::from(People::COUNT));
        assert!(people.names.iter().all(|it| !it.contains([',', '"'])));
    }
}
