//! One enrichment list: addresses, networks, domains and plain text, and the columns that stand beside them.
//!
//! `.txt`: an entry a line, `#` begins a comment. `.csv`: the first line names the columns, the first column holds the entries. An
//! entry that reads as an address or a network (`10.0.0.0/8`) is one; of several networks around an address the smallest is meant. Any
//! other entry is text, compared without regard to ASCII case; one with a dot is a domain too, and its sub-domains match (`*.` and a
//! dot before it change nothing).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// Entries of one list. A million networks were measured to take 67 MB, a million domains 80 MB.
pub const LIST_ENTRIES_MAX: usize = 1_000_000;

/// How an entry was found: the number of its row.
pub(super) type RowNumber = u32;

/// A list, ready to be asked.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Networks by the length of their prefix, longest first: as many look-ups as there are lengths. IPv4 is mapped.
    networks: Vec<(u8, HashMap<u128, RowNumber>)>,
    texts: HashMap<Box<str>, RowNumber>,
    /// Names of the columns after the first.
    columns: Vec<String>,
    /// The columns after the first, by row; empty for a list without.
    rows: Vec<csv::StringRecord>,
    entries: usize,
}

/// Why a list can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListError {
    /// The file has lines that are not text.
    #[error("line {0} is not UTF-8")]
    NotText(usize),
    /// Not CSV.
    #[error("{0}")]
    Csv(#[from] csv::Error),
    /// A CSV file without a first line.
    #[error("the first line must name the columns")]
    NoColumns,
    /// Looks like a network and is none.
    #[error("line {line}: [{entry}] is not a network; the length after / is 0 to 32, for IPv6 to 128")]
    BadNetwork {
        /// Where.
        line: u64,
        /// What.
        entry: String,
    },
    /// Too long.
    #[error("it has more than {LIST_ENTRIES_MAX} entries")]
    TooMany,
}

impl List {
    /// Reads a file of plain entries.
    pub(super) fn from_text(bytes: &[u8]) -> Result<Self, ListError> {
        let mut list = Self::default();
        for (line, text) in (1..).zip(bytes.split(|it| *it == b'\n')) {
            let text = str::from_utf8(text).map_err(|_| ListError::NotText(line))?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let entry = text.split('#').next().unwrap_or_default().trim();
            list.add(entry, line as u64, 0)?;
        }
        list.finish();
        Ok(list)
    }

    /// Reads a CSV file.
    pub(super) fn from_csv(bytes: &[u8]) -> Result<Self, ListError> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(bytes);
        let head = reader.headers()?;
        if head.is_empty() {
            return Err(ListError::NoColumns);
        }
        let mut list = Self { columns: head.iter().skip(1).map(str::to_owned).collect(), ..Self::default() };
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            let row = list.rows.len() as RowNumber;
            if list.add(record.get(0).unwrap_or_default(), line, row)? && !list.columns.is_empty() {
                list.rows.push(record.iter().skip(1).collect());
            }
        }
        list.finish();
        Ok(list)
    }

    /// Whether the entry was one.
    fn add(&mut self, entry: &str, line: u64, row: RowNumber) -> Result<bool, ListError> {
        if entry.is_empty() {
            return Ok(false);
        }
        if self.entries == LIST_ENTRIES_MAX {
            return Err(ListError::TooMany);
        }
        self.entries += 1;
        let network = entry.parse::<IpNet>().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from));
        match network {
            Some(network) => {
                let length = network.prefix_len() + if network.addr().is_ipv4() { 96 } else { 0 };
                let at = self.networks.iter().position(|it| it.0 == length).unwrap_or_else(|| {
                    self.networks.push((length, HashMap::new()));
                    self.networks.len() - 1
                });
                // Of two rows for one network the first counts, as it does for text.
                self.networks[at].1.entry(masked(number(network.addr()), length)).or_insert(row);
            }
            // A path may hold a slash too; only what begins as an address was meant as a network.
            None if entry.split_once('/').is_some_and(|it| it.0.parse::<IpAddr>().is_ok() && it.1.bytes().all(|it| it.is_ascii_digit())) => {
                return Err(ListError::BadNetwork { line, entry: entry.to_owned() });
            }
            None => {
                self.texts.entry(normal(entry).into_boxed_str()).or_insert(row);
            }
        }
        Ok(true)
    }

    fn finish(&mut self) {
        self.networks.sort_by_key(|it| std::cmp::Reverse(it.0));
        self.networks.iter_mut().for_each(|it| it.1.shrink_to_fit());
        self.texts.shrink_to_fit();
    }

    /// The row of the smallest network around an address.
    pub(super) fn find_address(&self, address: IpAddr) -> Option<RowNumber> {
        let address = number(address);
        self.networks.iter().find_map(|(length, networks)| networks.get(&masked(address, *length)).copied())
    }

    /// The row of a text: an address, the text itself, or the nearest domain above it.
    pub(super) fn find(&self, text: &str) -> Option<RowNumber> {
        if !self.networks.is_empty()
            && let Ok(address) = text.parse::<IpAddr>()
        {
            return self.find_address(address);
        }
        if self.texts.is_empty() {
            return None;
        }
        let text = normal(text);
        let mut rest = text.as_str();
        loop {
            if let Some(row) = self.texts.get(rest) {
                return Some(*row);
            }
            // A single label ("com", "localhost") is text and not a domain that has others below it.
            rest = rest.split_once('.')?.1;
            if !rest.contains('.') {
                return None;
            }
        }
    }

    /// The columns of a row with their names; none for a plain list.
    pub(super) fn row(&self, row: RowNumber) -> impl Iterator<Item = (&str, &str)> {
        let values = self.rows.get(row as usize).into_iter().flat_map(csv::StringRecord::iter);
        self.columns.iter().map(String::as_str).zip(values)
    }

    /// Entries of the file.
    pub(super) fn len(&self) -> usize {
        self.entries
    }

    /// Names of the columns after the first.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(it) => it.to_ipv6_mapped(),
        IpAddr::V6(it) => it,
    }
    .to_bits()
}

fn masked(address: u128, length: u8) -> u128 {
    address & u128::MAX.checked_shl(u32::from(Ipv6Addr::BITS as u8 - length)).unwrap_or(0)
}

fn normal(text: &str) -> String {
    let text = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
    text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(list: &List, text: &str) -> Option<String> {
        list.find(text).map(|row| list.row(row).map(|it| it.1).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn the_smallest_network_around_an_address_is_meant() {
        let csv = "net,site,owner\n10.0.0.0/8,all,\n10.1.0.0/16,tokyo,net team\n10.1.2.3,\"door, left\",x\n2001:db8::/32,six,y\n0.0.0.0/0,world,\n";
        let list = List::from_csv(csv.as_bytes()).unwrap();
        assert_eq!(found(&list, "10.1.2.3").as_deref(), Some("door, left,x"));
        assert_eq!(found(&list, "10.1.2.4").as_deref(), Some("tokyo,net team"));
        assert_eq!(found(&list, "10.255.0.1").as_deref(), Some("all,"));
        assert_eq!(found(&list, "192.0.2.1").as_deref(), Some("world,"));
        assert_eq!(found(&list, "2001:db8:1::1").as_deref(), Some("six,y"));
        assert_eq!(found(&list, "2001:db9::1"), None, "0.0.0.0/0 is all of IPv4 only");
        assert_eq!(list.columns(), ["site", "owner"]);
    }

    #[test]
    fn host_bits_of_a_network_do_not_matter() {
        let list = List::from_text(b"10.1.2.3/16").unwrap();
        assert!(list.find("10.1.200.1").is_some() && list.find("10.2.0.1").is_none());
    }

    #[test]
    fn sub_domains_match_and_neighbours_do_not() {
        let list = List::from_text("\u{feff}# bad ones\nEvil.example\n*.wild.example.\n.dot.example # note\nlocalhost\ncom\n\n".as_bytes()).unwrap();
        for text in ["evil.example", "a.b.EVIL.example.", "x.wild.example", "dot.example", "localhost", "com"] {
            assert!(list.find(text).is_some(), "{text}");
        }
        for text in ["notevil.example", "example", "evil.example.org", "x.com", "a.localhost", ""] {
            assert!(list.find(text).is_none(), "{text}");
        }
        assert_eq!(list.len(), 5);
    }

    #[test]
    fn a_list_that_can_t_be_right_is_refused_with_its_line() {
        assert_eq!(
            List::from_text(b"ok\n10.0.0.0/33\n").unwrap_err().to_string(),
            "line 2: [10.0.0.0/33] is not a network; the length after / is 0 to 32, for IPv6 to 128"
        );
        assert_eq!(List::from_text(b"ok\n\xff\n").unwrap_err().to_string(), "line 2 is not UTF-8");
        assert!(List::from_csv(b"a,b\n1.1.1.1,x,too much\n").unwrap_err().to_string().contains("line: 2"));
        assert!(matches!(List::from_csv(b""), Err(ListError::NoColumns)));
    }

    #[test]
    fn a_list_has_a_bound() {
        let lines = |count: u32| (0..count).map(|it| format!("{}\n", std::net::Ipv4Addr::from(it))).collect::<String>();
        let list = List::from_text(lines(LIST_ENTRIES_MAX as u32).as_bytes()).unwrap();
        assert!(list.find("0.15.66.63").is_some() && list.find("0.15.66.64").is_none());
        assert!(matches!(List::from_text(lines(LIST_ENTRIES_MAX as u32 + 1).as_bytes()), Err(ListError::TooMany)));
    }
}
