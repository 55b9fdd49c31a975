//! Counters for the four-letter words and the metrics. They decide nothing; all are relaxed.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Counters of the whole server.
#[derive(Debug, Default)]
pub struct Stats {
    /// Packets read, pings included.
    pub packets_received: Counter,
    /// Packets put into outboxes.
    pub packets_sent: Counter,
    /// Bytes read.
    pub bytes_received: Counter,
    /// Connections accepted.
    pub connections_accepted: Counter,
    /// Connections refused by a limit.
    pub connections_rejected: Counter,
    /// Failed authentications.
    pub authentications_failed: Counter,
    /// Sessions ended by the clock.
    pub sessions_expired: Counter,
    /// Events sent, by kind: created, deleted, data changed, children changed.
    pub events: [Counter; 4],
    /// Entries applied.
    pub entries_applied: Counter,
    /// Latency of reads, in milliseconds.
    pub read_latency: Latency,
    /// Latency of writes, in milliseconds.
    pub write_latency: Latency,
}

/// A number that goes up.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The value.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Back to zero, for `srst`.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Smallest, largest and sum of what was measured, in milliseconds.
#[derive(Debug)]
pub struct Latency {
    min: AtomicU64,
    max: AtomicU64,
    sum: AtomicU64,
    count: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::default(),
            sum: AtomicU64::default(),
            count: AtomicU64::default(),
        }
    }
}

impl Latency {
    /// Records `count` requests that took `ms` each.
    pub fn record(&self, ms: u64, count: u64) {
        if count == 0 {
            return;
        }
        self.count.fetch_add(count, Ordering::Relaxed);
        if ms > 0 {
            self.sum.fetch_add(ms * count, Ordering::Relaxed);
        }
        // Most requests change neither bound, and a plain load is cheaper than a read-modify-write.
        if ms < self.min.load(Ordering::Relaxed) {
            self.min.fetch_min(ms, Ordering::Relaxed);
        }
        if ms > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(ms, Ordering::Relaxed);
        }
    }

    /// Smallest, 0 when nothing was recorded.
    pub fn min(&self) -> u64 {
        match self.min.load(Ordering::Relaxed) {
            u64::MAX => 0,
            min => min,
        }
    }

    /// Largest.
    pub fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    /// Sum of all.
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Forgets everything, for `srst`.
    pub fn reset(&self) {
        self.min.store(u64::MAX, Ordering::Relaxed);
        self.max.store(0, Ordering::Relaxed);
        self.sum.store(0, Ordering::Relaxed);
        self.count.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_knows_its_bounds() {
        let latency = Latency::default();
        assert_eq!((latency.min(), latency.max()), (0, 0));
        latency.record(5, 2);
        latency.record(1, 1);
        assert_eq!(
            (latency.min(), latency.max(), latency.sum(), latency.count()),
            (1, 5, 11, 3)
        );
        latency.reset();
        assert_eq!((latency.min(), latency.count()), (0, 0));
    }
}
