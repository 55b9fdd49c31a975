//! Counters for the four-letter words and the metrics. They decide nothing; all are relaxed.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::lane::Outgoing;
use crate::lane::ReplySizes;

/// Counters of the whole server.
#[derive(Debug, Default)]
pub struct Stats {
    /// Packets read, pings included.
    pub packets_received: Counter,
    /// Packets put into outboxes.
    pub packets_sent: Counter,
    /// Bytes read.
    pub bytes_received: Counter,
    /// Bytes of replies put into outboxes.
    pub reply_bytes: Counter,
    /// Bytes of events put into outboxes.
    pub event_bytes: Counter,
    /// Lengths of replies, those to pings left out.
    pub reply_sizes: Sizes,
    /// Lengths of the transactions that were applied, in bytes.
    pub proposal_sizes: Sizes,
    /// Connections that had no session when the time for one was over.
    pub sessionless_expired: Counter,
    /// Connections accepted.
    pub connections_accepted: Counter,
    /// Connections refused by a limit.
    pub connections_rejected: Counter,
    /// Failed authentications.
    pub authentications_failed: Counter,
    /// Sessions ended by the clock.
    pub sessions_expired: Counter,
    /// How many were told of an event, by its kind: created, deleted, data changed, children changed.
    pub events: [Summary; 4],
    /// Entries applied.
    pub entries_applied: Counter,
    /// Those of them that another server had proposed to its log.
    pub entries_followed: Counter,
    /// How often this server looked for a leader. The driver counts.
    pub looked_for_leader: Counter,
    /// How long it took each time, in milliseconds. The driver measures.
    pub election_time: Summary,
    /// How long clients were not served each time, in milliseconds. The driver measures.
    pub unavailable_time: Summary,
    /// Those of these times at whose end this server led.
    pub leader_unavailable_time: Summary,
    /// Snapshots sent to other servers. The driver counts.
    pub snapshots_sent: Counter,
    /// Latency of reads, in milliseconds.
    pub read_latency: Latency,
    /// Latency of writes, in milliseconds.
    pub write_latency: Latency,
    /// Writes to the log, synced, in milliseconds each. The driver measures.
    pub sync_time: Summary,
    /// Entries of each write to the log. The driver counts.
    pub sync_entries: Summary,
    /// Snapshots, in milliseconds each. The driver measures.
    pub snapshot_time: Summary,
    /// Snapshots that could not be written. The driver counts.
    pub snapshots_failed: Counter,
    /// From the disk to a tree that serves, in milliseconds. The driver measures.
    pub recovery_time: Summary,
    /// The part of it that loads the snapshot.
    pub snapshot_load_time: Summary,
    /// The part of it that replays the log.
    pub replay_time: Summary,
    /// Entries that were replayed.
    pub entries_replayed: Summary,
}

impl Stats {
    /// Counts what a connection hands over to its socket.
    pub(crate) fn sent(&self, outgoing: &Outgoing) {
        self.packets_sent.add(outgoing.packets);
        self.reply_bytes.add(outgoing.replies_len);
        if outgoing.events_len > 0 {
            self.event_bytes.add(outgoing.events_len);
        }
        if let Some(sizes) = &outgoing.sizes {
            self.reply_sizes.record(sizes);
        }
    }
}

/// The last, the smallest and the largest of some lengths in bytes.
#[derive(Debug, Default)]
pub struct Sizes {
    bounds: Bounds,
    last: AtomicU64,
    is_known: AtomicBool,
}

impl Sizes {
    fn record(&self, sizes: &ReplySizes) {
        self.bounds.widen(sizes.min, sizes.max);
        self.last.store(sizes.last, Ordering::Relaxed);
        self.is_known.store(true, Ordering::Relaxed);
    }

    /// Takes note of several lengths, in order.
    pub(crate) fn record_all(&self, sizes: impl Iterator<Item = usize>) {
        let mut seen: Option<ReplySizes> = None;
        for size in sizes {
            let size = u64::try_from(size).unwrap_or(u64::MAX);
            seen = Some(ReplySizes {
                last: size,
                min: seen.map_or(size, |seen| seen.min.min(size)),
                max: seen.map_or(size, |seen| seen.max.max(size)),
            });
        }
        if let Some(seen) = seen {
            self.record(&seen);
        }
    }

    /// Last, smallest and largest; `None` before the first.
    pub fn values(&self) -> Option<[u64; 3]> {
        let last = self.last.load(Ordering::Relaxed);
        let is_known = self.is_known.load(Ordering::Relaxed);
        is_known.then(|| [last, self.bounds.min(), self.bounds.max()])
    }

    /// Forgets everything, for `srst`.
    pub fn reset(&self) {
        self.is_known.store(false, Ordering::Relaxed);
        self.bounds.reset();
    }
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

/// Smallest, largest, sum and number of what was measured.
#[derive(Debug, Default)]
pub struct Summary {
    bounds: Bounds,
    count: Counter,
}

impl Summary {
    /// Records one value.
    pub fn record(&self, value: u64) {
        self.count.add(1);
        self.bounds.record(value, 1);
    }

    /// Smallest, 0 when nothing was recorded.
    pub fn min(&self) -> u64 {
        self.bounds.min()
    }

    /// Largest.
    pub fn max(&self) -> u64 {
        self.bounds.max()
    }

    /// Sum of all.
    pub fn sum(&self) -> u64 {
        self.bounds.sum.value()
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.count.value()
    }
}

/// Values below this have a bucket each.
const EXACT: u64 = 8;

/// Buckets to each doubling above: a percentile is at most a quarter too high.
const BUCKETS_PER_DOUBLING: usize = 4;

/// From 8 ms on, doubled 17 times: the last bucket begins at a quarter of an hour and has no end.
const BUCKETS: usize = 8 + 17 * BUCKETS_PER_DOUBLING;

/// Smallest, largest, sum and distribution of latencies, in milliseconds.
///
/// Recording the commonest values costs one addition: the number of all is that of the buckets together.
#[derive(Debug)]
pub struct Latency {
    bounds: Bounds,
    buckets: [Counter; BUCKETS],
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            buckets: std::array::from_fn(|_| Counter::default()),
        }
    }
}

impl Latency {
    /// Records `count` requests that took `ms` each.
    pub fn record(&self, ms: u64, count: u64) {
        if count == 0 {
            return;
        }
        if let Some(bucket) = self.buckets.get(bucket_of(ms)) {
            bucket.add(count);
        }
        self.bounds.record(ms, count);
    }

    /// Smallest, 0 when nothing was recorded.
    pub fn min(&self) -> u64 {
        self.bounds.min()
    }

    /// Largest.
    pub fn max(&self) -> u64 {
        self.bounds.max()
    }

    /// Sum of all.
    pub fn sum(&self) -> u64 {
        self.bounds.sum.value()
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(Counter::value).sum()
    }

    /// What `per_mille` of a thousand took at most, as exact as the buckets are.
    pub fn percentile(&self, per_mille: u64) -> u64 {
        let count = self.count();
        let rank = (count.saturating_mul(per_mille)).div_ceil(1000);
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket.value();
            if seen >= rank {
                return last_of(index).min(self.max());
            }
        }
        self.max()
    }

    /// Forgets everything, for `srst`.
    pub fn reset(&self) {
        self.bounds.reset();
        self.buckets.iter().for_each(Counter::reset);
    }
}

fn bucket_of(ms: u64) -> usize {
    if ms < EXACT {
        return usize::try_from(ms).unwrap_or(0);
    }
    let doubling = ms.ilog2();
    let quarter = usize::try_from((ms >> (doubling - 2)) & 3).unwrap_or(0);
    let doublings = usize::try_from(doubling - EXACT.ilog2()).unwrap_or(0);
    (8 + doublings * BUCKETS_PER_DOUBLING + quarter).min(BUCKETS - 1)
}

/// The largest value in a bucket.
fn last_of(index: usize) -> u64 {
    if index < 8 {
        return u64::try_from(index).unwrap_or(0);
    }
    let above = index - 8;
    let doubling = EXACT.ilog2() + u32::try_from(above / BUCKETS_PER_DOUBLING).unwrap_or(0);
    let quarter = u64::try_from(above % BUCKETS_PER_DOUBLING).unwrap_or(0);
    ((4 + quarter + 1) << (doubling - 2)) - 1
}

/// Smallest, largest and sum.
#[derive(Debug)]
struct Bounds {
    min: AtomicU64,
    max: AtomicU64,
    sum: Counter,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::default(),
            sum: Counter::default(),
        }
    }
}

impl Bounds {
    fn record(&self, value: u64, count: u64) {
        if value > 0 {
            self.sum.add(value.saturating_mul(count));
        }
        self.widen(value, value);
    }

    fn widen(&self, min: u64, max: u64) {
        // Most values change neither bound, and a plain load is cheaper than a read-modify-write.
        if min < self.min.load(Ordering::Relaxed) {
            self.min.fetch_min(min, Ordering::Relaxed);
        }
        if max > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(max, Ordering::Relaxed);
        }
    }

    fn min(&self) -> u64 {
        match self.min.load(Ordering::Relaxed) {
            u64::MAX => 0,
            min => min,
        }
    }

    fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    fn reset(&self) {
        self.min.store(u64::MAX, Ordering::Relaxed);
        self.max.store(0, Ordering::Relaxed);
        self.sum.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_knows_its_bounds() {
        let latency = Latency::default();
        assert_eq!((latency.min(), latency.max()), (0, 0));
        assert_eq!(latency.percentile(999), 0);
        latency.record(5, 2);
        latency.record(1, 1);
        assert_eq!(
            (latency.min(), latency.max(), latency.sum(), latency.count()),
            (1, 5, 11, 3)
        );
        latency.reset();
        assert_eq!((latency.min(), latency.count()), (0, 0));
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        for index in 0..BUCKETS - 1 {
            let last = last_of(index);
            assert_eq!(bucket_of(last), index, "{last}");
            assert_eq!(bucket_of(last + 1), index + 1, "{last}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_at_most_a_quarter_too_high() {
        let latency = Latency::default();
        (1..=1000).for_each(|ms| latency.record(ms, 1));
        for (per_mille, exact) in [(500, 500), (950, 950), (990, 990), (999, 999)] {
            let told = latency.percentile(per_mille);
            assert!((exact..=exact * 5 / 4).contains(&told), "{told}");
        }
    }
}
