//! One measured stretch of work: when it begins and ends, what was answered in it, and what it cost
//! both sides.
//!
//! ```text
//! warm-up | measured | drain
//!         ^ cleared  ^ CPU and memory read; nothing new is sent
//! ```
//!
//! Invariant: a reply counts if it came within the measured stretch, and CPU time is read at its
//! two ends, so that operations and CPU belong to the same time.

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;

use crate::bench::latency::Latencies;
use crate::bench::line::Class;
use crate::bench::process::Processes;
use crate::bench::process::Usage;
use crate::bench::process::own_cpu;
use crate::bench::report::Figure;
use crate::bench::report::Unit;

/// CPU and memory of both sides at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    at: Instant,
    server: Option<Usage>,
    client_cpu: Duration,
}

impl Sample {
    /// Reads the present state.
    pub(crate) fn take(server: &Processes, at: Instant) -> Result<Self> {
        Ok(Self {
            at,
            server: server.sample()?,
            client_cpu: own_cpu(),
        })
    }

    /// The server's resident memory, when its pid is known, bytes.
    pub(crate) fn server_rss_bytes(&self) -> Option<u64> {
        self.server.map(|usage| usage.rss_bytes)
    }

    /// What was used from this sample to a later one.
    pub(crate) fn until(&self, later: &Self) -> Cost {
        Cost {
            elapsed: later.at.saturating_duration_since(self.at),
            server_cpu: later
                .server
                .zip(self.server)
                .map(|(after, before)| after.cpu.saturating_sub(before.cpu)),
            client_cpu: later.client_cpu.saturating_sub(self.client_cpu),
        }
    }
}

/// What a stretch of work has cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) elapsed: Duration,
    pub(crate) server_cpu: Option<Duration>,
    pub(crate) client_cpu: Duration,
}

impl Cost {
    /// Adds another stretch.
    pub(crate) fn add(&mut self, other: &Self) {
        self.elapsed += other.elapsed;
        self.client_cpu += other.client_cpu;
        self.server_cpu = match (self.server_cpu, other.server_cpu) {
            (Some(ours), Some(theirs)) => Some(ours + theirs),
            (ours, theirs) => ours.or(theirs),
        };
    }

    /// CPU of both sides for each of `count` things, and the cores they kept busy.
    pub(crate) fn figures(&self, count: f64) -> Vec<Figure> {
        let mut figures = Vec::new();
        let mut side = |name: &str, cpu: Duration| {
            if 0.0 < count {
                let micros = cpu.as_secs_f64() * 1e6 / count;
                figures.push(Figure::new(
                    format!("{name}_cpu"),
                    Unit::MicrosPerOp,
                    micros,
                ));
            }
            if !self.elapsed.is_zero() {
                let cores = cpu.as_secs_f64() / self.elapsed.as_secs_f64();
                figures.push(Figure::new(format!("{name}_busy"), Unit::Cores, cores));
            }
        };
        if let Some(cpu) = self.server_cpu {
            side("server", cpu);
        }
        side("client", self.client_cpu);
        figures
    }
}

/// How long to warm up, and how long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) warmup: Duration,
    pub(crate) measured: Duration,
}

/// Where a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not begun: the first tick begins it.
    Waiting,
    /// Until then, nothing counts.
    WarmUp(Instant),
    /// Until then, everything counts.
    Measuring(Instant),
    /// Over: what is still in flight does not count.
    Over,
}

/// A window of time over a load, with one histogram a class of requests.
pub(crate) struct Window<'p> {
    server: &'p Processes,
    span: Span,
    phase: Phase,
    begin: Option<Sample>,
    end: Option<Sample>,
    classes: &'static [&'static str],
    latencies: Vec<Latencies>,
}

impl<'p> Window<'p> {
    /// A window that begins with the first tick.
    pub(crate) fn new(server: &'p Processes, span: Span, classes: &'static [&'static str]) -> Self {
        let latencies = classes.iter().map(|_| Latencies::new()).collect();
        Self {
            server,
            span,
            phase: Phase::Waiting,
            begin: None,
            end: None,
            classes,
            latencies,
        }
    }

    /// Moves on with the clock; what the window is in now.
    pub(crate) fn tick(&mut self, now: Instant) -> Result<Phase> {
        if self.phase == Phase::Waiting {
            self.phase = Phase::WarmUp(now + self.span.warmup);
        }
        match self.phase {
            Phase::WarmUp(until) if until <= now => {
                self.latencies.iter_mut().for_each(Latencies::clear);
                self.begin = Some(Sample::take(self.server, now)?);
                self.phase = Phase::Measuring(now + self.span.measured);
            }
            Phase::Measuring(until) if until <= now => self.finish(now)?,
            Phase::Waiting | Phase::WarmUp(_) | Phase::Measuring(_) | Phase::Over => {}
        }
        Ok(self.phase)
    }

    /// Ends the measured stretch now, as a load does that has a number of things to do rather than
    /// a time.
    pub(crate) fn finish(&mut self, now: Instant) -> Result<()> {
        self.end = Some(Sample::take(self.server, now)?);
        self.phase = Phase::Over;
        Ok(())
    }

    /// Counts a reply, if it came within the measured stretch.
    pub(crate) fn record(&mut self, class: Class, latency: Duration) {
        if matches!(self.phase, Phase::Measuring(_))
            && let Some(latencies) = self.latencies.get_mut(class.0)
        {
            latencies.record(latency);
        }
    }

    /// Requests of this class that were answered within the measured stretch.
    pub(crate) fn answered(&self, class: Class) -> u64 {
        self.latencies.get(class.0).map_or(0, Latencies::count)
    }

    /// The latencies of one class.
    pub(crate) fn latencies(&self, class: Class) -> Option<&Latencies> {
        self.latencies.get(class.0)
    }

    /// What the measured stretch has cost; nothing as long as it is not over.
    pub(crate) fn cost(&self) -> Cost {
        match (&self.begin, &self.end) {
            (Some(begin), Some(end)) => begin.until(end),
            _ => Cost::default(),
        }
    }

    /// The server's resident memory at the end, bytes.
    pub(crate) fn server_rss_bytes(&self) -> Option<u64> {
        self.end.and_then(|sample| sample.server_rss_bytes())
    }

    /// Rate, latencies (each class, when there are several), CPU and memory, where each request of
    /// all classes stands for `ops_per_request` operations.
    pub(crate) fn figures(&self, ops_per_request: f64) -> Vec<Figure> {
        let mut all = Latencies::new();
        self.latencies
            .iter()
            .for_each(|latencies| all.add(latencies));
        let ops = to_f64(all.count()) * ops_per_request;
        let cost = self.cost();
        let mut figures = vec![rate("ops", ops, cost.elapsed)];
        figures.extend(all.figures(""));
        let classes = self.classes.iter().zip(&self.latencies);
        let seen: Vec<_> = classes
            .filter(|(_, latencies)| latencies.count() != 0)
            .collect();
        if 1 < seen.len() {
            for (name, latencies) in seen {
                let count = to_f64(latencies.count()) * ops_per_request;
                figures.push(rate(&format!("{name}_ops"), count, cost.elapsed));
                figures.extend(latencies.figures(&format!("{name}_")));
            }
        }
        figures.extend(cost.figures(ops));
        if let Some(bytes) = self.server_rss_bytes() {
            figures.push(Figure::new("server_rss", Unit::Bytes, to_f64(bytes)));
        }
        figures
    }
}

/// So many things in so much time.
pub(crate) fn rate(name: &str, count: f64, elapsed: Duration) -> Figure {
    let per_second = if elapsed.is_zero() {
        0.0
    } else {
        count / elapsed.as_secs_f64()
    };
    Figure::new(name, Unit::PerSecond, per_second)
}

/// A count as a float; exact up to 2^53, which no bench reaches.
pub(crate) fn to_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::clock;

    const CLASSES: &[&str] = &["read", "write"];

    #[test]
    fn only_replies_within_the_measured_stretch_count() {
        let nobody = Processes::default();
        let span = Span {
            warmup: Duration::from_secs(5),
            measured: Duration::from_secs(2),
        };
        let mut window = Window::new(&nobody, span, CLASSES);
        let start = clock::now();
        let reply = |window: &mut Window<'_>, at_ms: u64, class: Class| {
            window
                .tick(start + Duration::from_millis(at_ms))
                .expect("nothing is read");
            window.record(class, Duration::from_micros(100));
        };
        reply(&mut window, 0, Class(0));
        reply(&mut window, 4_999, Class(0));
        reply(&mut window, 5_000, Class(0));
        reply(&mut window, 6_999, Class(1));
        reply(&mut window, 7_000, Class(1));
        assert_eq!(
            (window.answered(Class(0)), window.answered(Class(1))),
            (1, 1)
        );
        assert_eq!(window.cost().elapsed, Duration::from_secs(2));
        let ops = window
            .figures(100.0)
            .into_iter()
            .find(|figure| figure.key() == "ops_per_s");
        assert_eq!(ops.map(|figure| figure.value), Some(100.0));
    }

    #[test]
    fn cpu_is_quoted_per_operation_and_in_cores() {
        let cost = Cost {
            elapsed: Duration::from_secs(2),
            server_cpu: Some(Duration::from_secs(1)),
            client_cpu: Duration::from_millis(500),
        };
        let figures: Vec<_> = cost
            .figures(1e6)
            .iter()
            .map(|figure| (figure.key(), figure.value))
            .collect();
        let expected = [
            ("server_cpu_us_per_op", 1.0),
            ("server_busy_cores", 0.5),
            ("client_cpu_us_per_op", 0.5),
            ("client_busy_cores", 0.25),
        ];
        assert_eq!(
            figures,
            expected.map(|(key, value)| (key.to_owned(), value))
        );
    }

    #[test]
    fn without_a_pid_nothing_is_said_of_the_server() {
        let cost = Cost {
            elapsed: Duration::from_secs(1),
            server_cpu: None,
            client_cpu: Duration::ZERO,
        };
        assert!(
            cost.figures(1.0)
                .iter()
                .all(|figure| !figure.key().starts_with("server"))
        );
    }

    #[test]
    fn costs_of_several_stretches_add_up() {
        let stretch = Cost {
            elapsed: Duration::from_millis(10),
            server_cpu: Some(Duration::from_millis(4)),
            client_cpu: Duration::from_millis(3),
        };
        let mut sum = Cost::default();
        sum.add(&stretch);
        sum.add(&stretch);
        assert_eq!(sum.server_cpu, Some(Duration::from_millis(8)));
        assert_eq!(
            (sum.elapsed, sum.client_cpu),
            (Duration::from_millis(20), Duration::from_millis(6))
        );
    }
}
