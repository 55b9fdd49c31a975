//! Latencies of one kind of request, as a histogram, and the figures a report quotes of it.
//!
//! Three significant digits from 1 ns to 10 minutes; what takes longer counts as 10 minutes.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::bench::report::Figure;
use crate::bench::report::Unit;

const LATENCY_MAX: Duration = Duration::from_secs(600);

/// A histogram of durations.
pub(crate) struct Latencies {
    nanoseconds: Histogram<u64>,
}

impl Latencies {
    /// An empty histogram.
    pub(crate) fn new() -> Self {
        let nanoseconds = Histogram::new_with_bounds(1, nanoseconds(LATENCY_MAX), 3)
            .expect("the bounds are constants that the histogram allows");
        Self { nanoseconds }
    }

    /// Counts one request that took so long.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.nanoseconds.saturating_record(nanoseconds(latency));
    }

    /// Forgets everything, as at the end of the warm-up.
    pub(crate) fn clear(&mut self) {
        self.nanoseconds.clear();
    }

    /// How many were recorded.
    pub(crate) fn count(&self) -> u64 {
        self.nanoseconds.len()
    }

    /// Adds all of `other`.
    pub(crate) fn add(&mut self, other: &Self) {
        self.nanoseconds
            .add(&other.nanoseconds)
            .expect("all histograms here have the same bounds");
    }

    /// The latency that this share (0.0 to 1.0) of the requests stayed within; zero when there were
    /// none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.nanoseconds.value_at_quantile(share))
    }

    /// Median, tail and mean in microseconds, each name beginning with `prefix`.
    pub(crate) fn figures(&self, prefix: &str) -> Vec<Figure> {
        let micros =
            |name: &str, value: f64| Figure::new(format!("{prefix}{name}"), Unit::Micros, value);
        let quantile =
            |name: &str, share: f64| micros(name, self.quantile(share).as_secs_f64() * 1e6);
        vec![
            quantile("p50", 0.5),
            quantile("p90", 0.9),
            quantile("p99", 0.99),
            quantile("p999", 0.999),
            quantile("max", 1.0),
            micros("mean", self.nanoseconds.mean() / 1e3),
        ]
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::new();
        for micros in 1..=1000 {
            latencies.record(Duration::from_micros(micros));
        }
        check(&latencies, 0.5, 500.0);
        check(&latencies, 0.99, 990.0);
        check(&latencies, 1.0, 1000.0);
        assert_eq!(latencies.count(), 1000);
    }

    #[test]
    fn figures_are_microseconds_under_the_given_name() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_millis(2));
        let names: Vec<_> = latencies
            .figures("write_")
            .iter()
            .map(Figure::key)
            .collect();
        assert_eq!(
            names,
            [
                "write_p50_us",
                "write_p90_us",
                "write_p99_us",
                "write_p999_us",
                "write_max_us",
                "write_mean_us"
            ]
        );
        for figure in latencies.figures("") {
            assert!((figure.value - 2000.0).abs() < 4.0, "{figure:?}");
        }
    }

    #[test]
    fn what_was_recorded_before_a_clear_does_not_count() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_secs(9));
        latencies.clear();
        assert_eq!(latencies.count(), 0);
        assert_eq!(latencies.quantile(0.99), Duration::ZERO);
    }

    #[test]
    fn a_latency_beyond_the_range_counts_as_the_longest() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_secs(10_000));
        let longest = latencies.quantile(1.0).as_secs_f64();
        assert!((599.0..601.0).contains(&longest), "{longest}");
    }

    /// Three significant digits: within 0.1 %.
    fn check(latencies: &Latencies, share: f64, micros: f64) {
        let found = latencies.quantile(share).as_secs_f64() * 1e6;
        assert!(
            (found - micros).abs() <= micros / 1000.0 + 0.001,
            "{share}: {found} instead of {micros}"
        );
    }
}
