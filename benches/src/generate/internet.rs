//! The world outside: sites that people visit, sites that policy blocks, attackers, and the countries they sit in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::random::{Random, Weighted, trait_of};

/// A site with one address; its names end in `.example`, so that no real company is shown as a malware host.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) domain: String,
    pub(crate) category: &'static str,
    pub(crate) risk: &'static str,
    pub(crate) address: IpAddr,
    pub(crate) country: &'static str,
}

/// Everything outside, made once.
#[derive(Debug, Clone)]
pub(crate) struct Internet {
    /// Allowed sites first, blocked ones after; [`Internet::visit`] and [`Internet::visit_blocked`] choose by rank.
    sites: Vec<Site>,
    popularity: Weighted,
    blocked_popularity: Weighted,
    attackers: Weighted,
}

const ALLOWED: u32 = 1400;
const BLOCKED: u32 = 360;
const ATTACKERS: u32 = 900;

/// Category, weight, risk level.
const ALLOWED_CATEGORIES: [(&str, u32, &str); 16] = [
    ("computer-and-internet-info", 22, "low-risk"),
    ("business-and-economy", 17, "low-risk"),
    ("search-engines", 8, "low-risk"),
    ("educational-institutions", 9, "low-risk"),
    ("news", 8, "low-risk"),
    ("content-delivery-networks", 9, "low-risk"),
    ("internet-portals", 6, "low-risk"),
    ("online-storage-and-backup", 4, "medium-risk"),
    ("research", 5, "low-risk"),
    ("health-and-medicine", 3, "low-risk"),
    ("government", 3, "low-risk"),
    ("shopping", 3, "low-risk"),
    ("travel", 2, "low-risk"),
    ("translation", 2, "low-risk"),
    ("reference-and-research", 4, "low-risk"),
    ("low-risk", 1, "low-risk"),
];
const BLOCKED_CATEGORIES: [(&str, u32, &str); 14] = [
    ("web-advertisements", 30, "medium-risk"),
    ("social-networking", 12, "low-risk"),
    ("streaming-media", 10, "low-risk"),
    ("games", 9, "low-risk"),
    ("malware", 7, "high-risk"),
    ("phishing", 6, "high-risk"),
    ("adult", 6, "medium-risk"),
    ("gambling", 5, "medium-risk"),
    ("proxy-avoidance-and-anonymizers", 4, "high-risk"),
    ("newly-registered-domain", 4, "high-risk"),
    ("command-and-control", 3, "high-risk"),
    ("dynamic-dns", 2, "high-risk"),
    ("parked", 2, "medium-risk"),
    ("hacking", 1, "high-risk"),
];

const VISITED_COUNTRIES: [(&str, u32); 12] = [
    ("United States", 46),
    ("Japan", 26),
    ("Ireland", 6),
    ("Germany", 6),
    ("Netherlands", 5),
    ("Singapore", 4),
    ("United Kingdom", 3),
    ("France", 3),
    ("Korea Republic Of", 2),
    ("Canada", 2),
    ("Australia", 1),
    ("Sweden", 1),
];
const ATTACKING_COUNTRIES: [(&str, u32); 14] = [
    ("United States", 22),
    ("China", 17),
    ("Russian Federation", 11),
    ("Netherlands", 9),
    ("Germany", 6),
    ("Viet Nam", 5),
    ("Brazil", 5),
    ("India", 5),
    ("Bulgaria", 4),
    ("Korea Republic Of", 4),
    ("Indonesia", 3),
    ("Romania", 3),
    ("Seychelles", 3),
    ("Ukraine", 3),
];

const FIRST: [&str; 36] = [
    "kumo", "hoshi", "north", "delta", "open", "data", "green", "pixel", "sakura", "quant", "bright", "river", "stone", "micro", "tele", "nova",
    "atlas", "lumen", "orbit", "cedar", "maple", "kiri", "yama", "umi", "swift", "prime", "blue", "vector", "signal", "silk", "terra", "aero",
    "helix", "proto", "gene", "chem",
];
const SECOND: [&str; 32] = [
    "labs", "cloud", "works", "press", "hub", "base", "store", "soft", "link", "net", "point", "wire", "gate", "media", "science", "journal",
    "search", "mail", "tools", "stack", "forge", "path", "market", "voyage", "clinic", "archive", "stream", "play", "social", "ads", "cdn",
    "metrics",
];
const SUBDOMAINS: [&str; 10] = ["www.", "www.", "api.", "cdn.", "static.", "img.", "", "app.", "login.", "m."];

impl Internet {
    pub(crate) fn new() -> Self {
        let site = |index: u32| {
            let is_blocked = index >= ALLOWED;
            let categories: &[(&str, u32, &str)] = if is_blocked { &BLOCKED_CATEGORIES } else { &ALLOWED_CATEGORIES };
            let mut dice = Random::new(trait_of(3, u64::from(index)));
            let category = Weighted::new(categories.iter().map(|it| it.1)).pick(&mut dice);
            let (category, _, risk) = categories[category];
            let first = dice.pick(&FIRST);
            let second = dice.pick(&SECOND);
            let subdomain = dice.pick(&SUBDOMAINS);
            let number = if dice.chance(1, 4) { dice.between(2, 99).to_string() } else { String::new() };
            Site {
                domain: format!("{subdomain}{first}{second}{number}.example"),
                category,
                risk,
                address: benchmarking_address(4, index),
                country: country(&VISITED_COUNTRIES, &mut dice),
            }
        };
        Self {
            sites: (0..ALLOWED + BLOCKED).map(site).collect(),
            popularity: Weighted::zipf(ALLOWED, 6),
            blocked_popularity: Weighted::zipf(BLOCKED, 4),
            attackers: Weighted::zipf(ATTACKERS, 5),
        }
    }

    /// The number of a site that policy allows; popular ones often.
    pub(crate) fn visit(&self, random: &mut Random) -> u16 {
        self.popularity.pick(random) as u16
    }

    /// The number of a site that policy blocks.
    pub(crate) fn visit_blocked(&self, random: &mut Random) -> u16 {
        (ALLOWED as usize + self.blocked_popularity.pick(random)) as u16
    }

    pub(crate) fn site(&self, number: u16) -> &Site {
        &self.sites[usize::from(number)]
    }

    /// An attacker's address and country; a few dozen attackers make most of the noise.
    pub(crate) fn attacker(&self, random: &mut Random) -> (IpAddr, &'static str) {
        attacker(self.attackers.pick(random) as u32)
    }

    /// Anybody: a visitor of the public servers.
    pub(crate) fn visitor(&self, random: &mut Random) -> (IpAddr, &'static str) {
        // The larger of two draws from a few thousand would be uniform enough; a square makes regulars.
        let number = random.below(5000) * random.below(5000) / 5000;
        let address = benchmarking_address(6, number);
        (address, country(&VISITED_COUNTRIES, &mut Random::new(trait_of(7, u64::from(number)))))
    }
}

fn attacker(number: u32) -> (IpAddr, &'static str) {
    let mut dice = Random::new(trait_of(5, u64::from(number)));
    (benchmarking_address(5, number), country(&ATTACKING_COUNTRIES, &mut dice))
}

fn country(of: &[(&'static str, u32)], dice: &mut Random) -> &'static str {
    let mut point = dice.below(of.iter().map(|it| it.1).sum());
    for (name, weight) in of {
        if point < *weight {
            return name;
        }
        point -= weight;
    }
    of[0].0
}

/// An address of 198.18.0.0/15; one in forty is IPv6 (2001:db8::/32).
fn benchmarking_address(kind: u64, index: u32) -> IpAddr {
    let dice = trait_of(kind, u64::from(index) + 1_000_000);
    if kind == 4 && dice.is_multiple_of(40) {
        return IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, (dice >> 16) as u16, 0, 0, 0, 0, (dice >> 40) as u16));
    }
    let within = (dice >> 8) as u32 & 0x0001_FFFF;
    IpAddr::V4(Ipv4Addr::from((198 << 24 | 18 << 16) + within))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_varied_and_nobodys() {
        let internet = Internet::new();
        assert!(internet.sites.iter().all(|it| it.domain.ends_with(".example") && !it.domain.contains(' ')));
        let domains: std::collections::HashSet<_> = internet.sites.iter().map(|it| &it.domain).collect();
        assert!(domains.len() > 1500, "{}", domains.len());
    }

    #[test]
    fn a_blocked_visit_meets_a_blocked_category() {
        let internet = Internet::new();
        let mut random = Random::new(2);
        for _ in 0..500 {
            let site = internet.site(internet.visit_blocked(&mut random));
            assert!(BLOCKED_CATEGORIES.iter().any(|it| it.0 == site.category), "{}", site.category);
        }
    }
}
