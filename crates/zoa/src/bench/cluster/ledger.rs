//! What was acknowledged, when, and how long it took: written by the thread that drives the sessions, read by the one that kills
//! servers.
//!
//! A write counts from the moment it was due, whatever happened to the connection meanwhile: it was offered once and, when its
//! outcome was not known, again, until it was acknowledged. (The writes here are the same whether they are done once or twice.)

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;
use parking_lot::Mutex;

use crate::bench::clock;

/// Between two looks at what was acknowledged.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// How many of the latest writes are looked at each time.
const LATEST: usize = 1000;

/// A write that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    /// When the reply was read.
    pub(crate) at: Instant,
    /// From when it was due.
    pub(crate) took: Duration,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Acknowledged writes, in the order of their replies.
    pub(crate) acks: Vec<Ack>,
    /// Sessions that are attached to a server.
    pub(crate) attached: usize,
    /// Connections that were lost.
    pub(crate) lost: u64,
    /// Sessions that a server says are over.
    pub(crate) expired: u64,
    /// Writes that were refused with an error, and offered again.
    pub(crate) refused: u64,
    /// This server is back: the sessions that began with it are to go back to it.
    pub(crate) home: Option<usize>,
    /// Why nothing more will come.
    pub(crate) failure: Option<String>,
}

/// An account in two hands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Account>>);

impl Ledger {
    /// Changes or reads the account.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut Account) -> R) -> R {
        look(&mut self.0.lock())
    }

    /// Waits until so many more writes were acknowledged.
    pub(crate) fn await_writes(&self, more: usize, patience: Duration) -> Result<()> {
        let target = self.with(|account| account.acks.len()) + more;
        let what = format!("{more} more acknowledged writes");
        self.await_that(&what, patience, |account| target <= account.acks.len())
    }

    /// Waits until a write that was due at `moment` or later was acknowledged.
    pub(crate) fn await_write_of(&self, moment: Instant, patience: Duration) -> Result<()> {
        let is_due = |ack: &Ack| moment + ack.took <= ack.at;
        self.await_that("an acknowledged write", patience, |account| {
            account.acks.iter().rev().take(LATEST).any(is_due)
        })
    }

    /// Waits until so many sessions are attached.
    pub(crate) fn await_attached(&self, sessions: usize, patience: Duration) -> Result<()> {
        let what = format!("{sessions} attached sessions");
        self.await_that(&what, patience, |account| sessions <= account.attached)
    }

    fn await_that(
        &self,
        what: &str,
        patience: Duration,
        is_so: impl Fn(&Account) -> bool,
    ) -> Result<()> {
        let end = clock::now() + patience;
        while !self.with(|account| is_so(account)) {
            if let Some(failure) = self.with(|account| account.failure.clone()) {
                bail!("waiting for {what}: {failure}");
            }
            if end <= clock::now() {
                bail!("waited for {what} in vain, for {patience:?}");
            }
            clock::pause(LOOK_PAUSE);
        }
        Ok(())
    }

    /// The longest time without any acknowledged write.
    pub(crate) fn longest_gap(&self, from: Instant, to: Instant) -> Duration {
        self.with(|account| longest_gap(&account.acks, from, to))
    }

    /// The longest write of those that were due in this time.
    pub(crate) fn longest_write(&self, from: Instant, to: Instant) -> Duration {
        self.with(|account| longest_write(&account.acks, from, to))
    }
}

fn longest_gap(acks: &[Ack], from: Instant, to: Instant) -> Duration {
    let (mut last, mut longest) = (from, Duration::ZERO);
    let within = acks
        .iter()
        .map(|ack| ack.at)
        .filter(|at| from <= *at && *at <= to);
    for at in within.chain([to]) {
        longest = longest.max(at.saturating_duration_since(last));
        last = last.max(at);
    }
    longest
}

fn longest_write(acks: &[Ack], from: Instant, to: Instant) -> Duration {
    let is_due = |ack: &&Ack| from + ack.took <= ack.at && ack.at < to + ack.took;
    let within = acks.iter().filter(is_due);
    within.map(|ack| ack.took).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn acks(start: Instant, of: &[(u64, u64)]) -> Vec<Ack> {
        let ack = |(at, took): &(u64, u64)| Ack {
            at: start + ms(*at),
            took: ms(*took),
        };
        of.iter().map(ack).collect()
    }

    #[test]
    fn a_gap_is_also_before_the_first_and_behind_the_last() {
        let start = clock::now();
        let acks = acks(start, &[(5, 1), (30, 1), (40, 1), (90, 1)]);
        let gap = |from, to| longest_gap(&acks, start + ms(from), start + ms(to));
        assert_eq!(gap(0, 100), ms(50));
        assert_eq!(gap(6, 40), ms(24));
        assert_eq!(gap(40, 60), ms(20));
        assert_eq!(gap(91, 200), ms(109));
    }

    #[test]
    fn a_write_belongs_to_the_time_in_which_it_was_due() {
        let start = clock::now();
        let acks = acks(start, &[(10, 2), (100, 80), (120, 10)]);
        let longest = |from, to| longest_write(&acks, start + ms(from), start + ms(to));
        assert_eq!(longest(0, 20), ms(2));
        assert_eq!(longest(20, 21), ms(80));
        assert_eq!(longest(21, 200), ms(10));
        assert_eq!(longest(130, 200), ms(0));
    }

    #[test]
    fn what_does_not_happen_is_not_waited_for_for_ever() {
        let ledger = Ledger::default();
        assert!(ledger.await_writes(1, ms(1)).is_err());
        assert!(ledger.await_attached(1, ms(1)).is_err());
        let now = clock::now();
        ledger.with(|account| {
            account.acks.push(Ack {
                at: now + ms(3),
                took: ms(2),
            })
        });
        assert!(ledger.await_write_of(now + ms(1), ms(1)).is_ok());
        assert!(ledger.await_write_of(now + ms(2), ms(1)).is_err());
    }
}
