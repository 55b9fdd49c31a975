//! Simulated time: what "now" is, what happens next, and what a server's own clocks say.
//!
//! It never sleeps and reads no clock: time moves only when the world takes the next item from its [`Agenda`].
//!
//! Invariant: items of the agenda come out in the order of their times, and items of one time in the order they went in, so
//! a seed leads to one order of happenings. Serves G-11 (expiry is judged in this time) and the determinism of all runs.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::fmt;
use std::ops::Add;

/// Microseconds since the beginning of the simulated world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(pub u64);

impl SimTime {
    /// The beginning.
    pub const ZERO: Self = Self(0);

    /// A point in time given in milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms * 1000)
    }

    /// Whole milliseconds since the beginning.
    pub const fn as_ms(self) -> u64 {
        self.0 / 1000
    }

    /// This point moved on by microseconds.
    pub const fn after_us(self, us: u64) -> Self {
        Self(self.0 + us)
    }

    /// This point moved on by milliseconds.
    pub const fn after_ms(self, ms: u64) -> Self {
        Self(self.0 + ms * 1000)
    }

    /// Milliseconds from `earlier` to here, 0 when it is not earlier.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0) / 1000
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl Add<u64> for SimTime {
    type Output = Self;

    fn add(self, us: u64) -> Self {
        Self(self.0 + us)
    }
}

/// What is to happen, ordered by time and then by the order of being put in.
#[derive(Debug)]
pub struct Agenda<T> {
    now: SimTime,
    order: u64,
    heap: BinaryHeap<Reverse<(SimTime, u64)>>,
    items: BTreeMap<u64, T>,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self {
            now: SimTime::ZERO,
            order: 0,
            heap: BinaryHeap::new(),
            items: BTreeMap::new(),
        }
    }
}

impl<T> Agenda<T> {
    /// The time of the item taken last.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Puts an item in for `at`, or for now when `at` has passed.
    pub fn put(&mut self, at: SimTime, item: T) {
        self.order += 1;
        self.heap.push(Reverse((at.max(self.now), self.order)));
        self.items.insert(self.order, item);
    }

    /// Puts an item in for `us` microseconds from now.
    pub fn put_in_us(&mut self, us: u64, item: T) {
        self.put(self.now.after_us(us), item);
    }

    /// Takes the next item and moves time on to it.
    pub fn take(&mut self) -> Option<(SimTime, T)> {
        let Reverse((at, order)) = self.heap.pop()?;
        assert!(at >= self.now, "time never goes back");
        self.now = at;
        let item = self.items.remove(&order)?;
        Some((at, item))
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

/// The clocks one server sees: a monotonic one, and a wall clock that faults may shift.
#[derive(Clone, Debug)]
pub struct ServerClock {
    wall_start_ms: i64,
    wall_shift_ms: i64,
}

impl Default for ServerClock {
    fn default() -> Self {
        // 2026-01-01T00:00:00Z: an ordinary day, so that ctime and mtime look like what they are.
        Self {
            wall_start_ms: 1_767_225_600_000,
            wall_shift_ms: 0,
        }
    }
}

impl ServerClock {
    /// Milliseconds that only go forward; what timeouts are measured with.
    pub fn monotonic_ms(&self, now: SimTime) -> u64 {
        now.as_ms()
    }

    /// Milliseconds since 1970 as this server believes; what ctime and mtime are taken from.
    pub fn wall_ms(&self, now: SimTime) -> i64 {
        self.wall_start_ms + self.wall_shift_ms + i64::try_from(now.as_ms()).unwrap_or(i64::MAX / 2)
    }

    /// Shifts the wall clock, as an operator or a time daemon does; the monotonic clock is left alone.
    pub fn jump_wall(&mut self, by_ms: i64) {
        self.wall_shift_ms += by_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::Agenda;
    use super::ServerClock;
    use super::SimTime;

    #[test]
    fn items_come_by_time_and_then_by_arrival() {
        let mut agenda = Agenda::default();
        agenda.put(SimTime(20), 'c');
        agenda.put(SimTime(10), 'a');
        agenda.put(SimTime(10), 'b');
        let order: Vec<_> = std::iter::from_fn(|| agenda.take()).collect();
        assert_eq!(
            order,
            vec![(SimTime(10), 'a'), (SimTime(10), 'b'), (SimTime(20), 'c')]
        );
        assert!(agenda.is_empty());
    }

    #[test]
    fn an_item_for_the_past_happens_now() {
        let mut agenda = Agenda::default();
        agenda.put(SimTime(50), 1);
        agenda.take();
        agenda.put(SimTime(10), 2);
        assert_eq!(agenda.take(), Some((SimTime(50), 2)));
    }

    #[test]
    fn a_jump_moves_the_wall_clock_only() {
        let mut clock = ServerClock::default();
        let (wall, monotonic) = (clock.wall_ms(SimTime(0)), clock.monotonic_ms(SimTime(0)));
        clock.jump_wall(-5000);
        assert_eq!(clock.wall_ms(SimTime(0)), wall - 5000);
        assert_eq!(clock.monotonic_ms(SimTime(0)), monotonic);
    }
}
