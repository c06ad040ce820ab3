//! Wrong credentials by address: after a handful there is a pause, so that nobody tries passwords by the thousand.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Wrong credentials from one address before it has to wait.
const FAILURES_MAX: u32 = 10;

/// Time after the last of them in which that address is answered with 429.
const PAUSE: Duration = Duration::from_secs(60);

/// Addresses that are remembered; where there are more, those that came longest ago are forgotten.
const ADDRESSES_MAX: usize = 10_000;

struct Failures {
    count: u32,
    last: Instant,
}

/// Failures by address.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<IpAddr, Failures>>);

impl Attempts {
    /// Whether an address has to wait.
    pub(super) fn is_blocked(&self, address: IpAddr, now: Instant) -> bool {
        let failures = self.0.lock().expect("no panic while the lock is held");
        failures.get(&network(address)).is_some_and(|it| it.count >= FAILURES_MAX && now.saturating_duration_since(it.last) < PAUSE)
    }

    /// Counts wrong credentials.
    pub(super) fn fail(&self, address: IpAddr, now: Instant) {
        let mut failures = self.0.lock().expect("no panic while the lock is held");
        if failures.len() >= ADDRESSES_MAX {
            failures.retain(|_, it| now.saturating_duration_since(it.last) < PAUSE);
        }
        if failures.len() >= ADDRESSES_MAX
            && let Some(oldest) = failures.iter().min_by_key(|it| it.1.last).map(|it| *it.0)
        {
            failures.remove(&oldest);
        }
        let entry = failures.entry(network(address)).or_insert(Failures { count: 0, last: now });
        if now.saturating_duration_since(entry.last) >= PAUSE {
            entry.count = 0;
        }
        entry.count += 1;
        entry.last = now;
    }

    /// Right credentials: what was wrong before was a slip.
    pub(super) fn succeed(&self, address: IpAddr) {
        self.0.lock().expect("no panic while the lock is held").remove(&network(address));
    }
}

/// Who has one address of IPv6 has its whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(it) => {
            let [a, b, c, d, ..] = it.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        it @ IpAddr::V4(_) => it,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_waits_after_its_failures_and_not_for_ever() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..FAILURES_MAX {
            assert!(!attempts.is_blocked(one, now));
            attempts.fail(one, now);
        }
        assert!(attempts.is_blocked(one, now) && !attempts.is_blocked(other, now));
        assert!(!attempts.is_blocked(one, now + PAUSE));
        attempts.fail(one, now + PAUSE);
        assert!(!attempts.is_blocked(one, now + PAUSE));
    }

    #[test]
    fn neighbours_of_ipv6_are_one() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for at in 0..FAILURES_MAX {
            attempts.fail(format!("2001:db8::{at}").parse().unwrap(), now);
        }
        assert!(attempts.is_blocked("2001:db8::ffff".parse().unwrap(), now));
    }
}
