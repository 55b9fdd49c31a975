//! Which server is tried next, and after which delay.
//!
//! Hosts are shuffled once, with a seed, so that a thousand clients spread over the servers; then they are tried in turn. The
//! first round goes without delay. After each round that brought nothing the delay doubles, up to a limit, and each is drawn
//! between half of it and all of it, so that clients do not come in waves.
//!
//! Invariant: the list is never empty. A connection that breaks soon after it was made counts as a failure: a server that
//! accepts and drops, or a reply that cannot be read, does not make a storm.

use crate::connect_string::Host;
use crate::random::Random;

/// How long to wait between rounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// Before the second round, and the most before coming back after a long connection, in milliseconds.
    pub min_ms: u64,
    /// Before any round, in milliseconds; also how long a connection must have lived for the count to start afresh.
    pub max_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            min_ms: 100,
            max_ms: 5_000,
        }
    }
}

#[derive(Debug)]
pub(crate) struct HostList {
    hosts: Vec<Host>,
    /// Where the next host stands.
    next: usize,
    failures: usize,
    backoff: Backoff,
}

impl HostList {
    pub(crate) fn new(hosts: &[Host], backoff: Backoff) -> Self {
        assert!(!hosts.is_empty(), "a connect string has a host");
        Self {
            hosts: hosts.to_vec(),
            next: 0,
            failures: 0,
            backoff,
        }
    }

    pub(crate) fn shuffle(&mut self, random: &mut Random) {
        random.shuffle(&mut self.hosts);
    }

    pub(crate) fn len(&self) -> usize {
        self.hosts.len()
    }

    pub(crate) fn contains(&self, host: &Host) -> bool {
        self.hosts.contains(host)
    }

    /// The next host in turn.
    pub(crate) fn take_next(&mut self) -> Host {
        let at = self.next % self.hosts.len();
        self.next = at + 1;
        let host = self.hosts.get(at).or_else(|| self.hosts.first());
        host.expect("a host list is never empty").clone()
    }

    /// Makes this host the next one.
    pub(crate) fn prefer(&mut self, host: &Host) {
        if let Some(at) = self.hosts.iter().position(|other| other == host) {
            self.next = at;
        }
    }

    /// A host could not be used.
    pub(crate) fn note_failure(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// A connection ended that had lived for so long.
    pub(crate) fn note_end(&mut self, lived_ms: u64) {
        if lived_ms < self.backoff.max_ms {
            self.note_failure();
        } else {
            self.failures = 0;
        }
    }

    /// Milliseconds to wait before the next host is tried.
    pub(crate) fn draw_delay(&self, random: &mut Random) -> u64 {
        let Backoff { min_ms, max_ms } = self.backoff;
        if self.failures == 0 {
            return random.between(0, min_ms);
        }
        let Some(rounds) = (self.failures / self.hosts.len()).checked_sub(1) else {
            return 0;
        };
        let doublings = u32::try_from(rounds.min(30)).unwrap_or(30);
        let delay = min_ms.saturating_mul(1 << doublings).min(max_ms);
        random.between(delay / 2, delay)
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use super::HostList;
    use crate::connect_string::ConnectString;
    use crate::random::Random;

    fn list(hosts: &str) -> HostList {
        let parsed = ConnectString::parse(hosts).expect("a connect string");
        HostList::new(parsed.hosts(), Backoff::default())
    }

    #[test]
    fn hosts_come_in_turn_and_a_preferred_one_first() {
        let mut hosts = list("a,b,c");
        let mut name = || hosts.take_next().name;
        assert_eq!([name(), name(), name(), name()], ["a", "b", "c", "a"]);
        let c = hosts.hosts[2].clone();
        hosts.prefer(&c);
        assert_eq!(hosts.take_next(), c);
        assert_eq!(hosts.take_next().name, "a");
    }

    #[test]
    fn the_first_round_goes_at_once_and_later_ones_wait_longer_and_longer() {
        let mut hosts = list("a,b");
        let mut random = Random::new(3);
        hosts.note_failure();
        assert_eq!(hosts.draw_delay(&mut random), 0);
        for (low, high) in [(50, 100), (50, 100), (100, 200), (100, 200), (200, 400)] {
            hosts.note_failure();
            let delay = hosts.draw_delay(&mut random);
            assert!(
                (low..=high).contains(&delay),
                "{delay} not in {low}..={high}"
            );
        }
        for _ in 0..200 {
            hosts.note_failure();
        }
        assert!((2_500..=5_000).contains(&hosts.draw_delay(&mut random)));
    }

    #[test]
    fn a_long_connection_ends_the_delays_and_a_short_one_adds_to_them() {
        let mut hosts = list("a");
        let mut random = Random::new(3);
        hosts.note_end(4_999);
        hosts.note_end(10);
        assert!(hosts.draw_delay(&mut random) >= 100);
        hosts.note_end(5_000);
        assert!(hosts.draw_delay(&mut random) <= 100);
    }
}
