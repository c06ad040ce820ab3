//! What the kernel counts of UDP, for all sockets of this machine (of this network namespace): `/proc/net/snmp` and `/proc/net/snmp6`.
//! Beside the count of our own sockets ([`crate::metrics::UdpSocketMetrics::dropped`]) it shows what never reached a socket.

use std::fs;

/// UDP counts over IPv4 and IPv6 together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelUdp {
    /// Datagrams dropped because a receive buffer was full.
    pub receive_buffer_errors: u64,
    /// Datagrams that could not be delivered for any reason but a missing port; those of full buffers are among them.
    pub in_errors: u64,
}

impl KernelUdp {
    /// The counts since the machine started; `None` where the kernel has no such files.
    pub fn now() -> Option<Self> {
        let v4 = fs::read_to_string("/proc/net/snmp").ok()?;
        // A kernel without IPv6 has no such file.
        let v6 = fs::read_to_string("/proc/net/snmp6").unwrap_or_default();
        Self::parse(&v4, &v6)
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            receive_buffer_errors: self.receive_buffer_errors.saturating_sub(earlier.receive_buffer_errors),
            in_errors: self.in_errors.saturating_sub(earlier.in_errors),
        }
    }

    fn parse(v4: &str, v6: &str) -> Option<Self> {
        // Two lines begin with `Udp:`: the names, then the values. Which columns there are depends on the kernel.
        let mut lines = v4.lines().filter_map(|it| it.strip_prefix("Udp:"));
        let (names, values) = (lines.next()?, lines.next()?);
        let v4 = |name: &str| names.split_whitespace().zip(values.split_whitespace()).find(|it| it.0 == name)?.1.parse::<u64>().ok();
        let v6 = |name: &str| v6.lines().filter_map(|it| it.split_once(char::is_whitespace)).find(|it| it.0 == name)?.1.trim().parse::<u64>().ok();
        Some(Self {
            receive_buffer_errors: v4("RcvbufErrors")? + v6("Udp6RcvbufErrors").unwrap_or_default(),
            in_errors: v4("InErrors")? + v6("Udp6InErrors").unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "Tcp: RtoAlgorithm InErrs\nTcp: 1 9\n\
        Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors\n\
        Udp: 1000 3 70 500 60 0 1 0 0\nUdpLite: InDatagrams InErrors RcvbufErrors\nUdpLite: 0 5 5\n";
    const V6: &str =
        "Ip6InReceives                   \t10\nUdp6InErrors                    \t8\nUdp6RcvbufErrors                \t6\nUdpLite6InErrors 4\n";

    #[test]
    fn both_families_are_added() {
        assert_eq!(KernelUdp::parse(V4, V6), Some(KernelUdp { receive_buffer_errors: 66, in_errors: 78 }));
        assert_eq!(KernelUdp::parse(V4, ""), Some(KernelUdp { receive_buffer_errors: 60, in_errors: 70 }));
        assert_eq!(KernelUdp::parse("Udp: InErrors\nUdp: 1\n", V6), None);
        assert_eq!(KernelUdp::parse("", V6), None);
    }

    #[test]
    fn a_difference_is_never_negative() {
        let (less, more) = (KernelUdp { receive_buffer_errors: 1, in_errors: 2 }, KernelUdp { receive_buffer_errors: 4, in_errors: 7 });
        assert_eq!(more.since(less), KernelUdp { receive_buffer_errors: 3, in_errors: 5 });
        assert_eq!(less.since(more), KernelUdp::default());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_kernel_has_the_counts() {
        assert!(KernelUdp::now().is_some());
    }
}
