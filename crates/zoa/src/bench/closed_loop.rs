//! Two ways to offer requests: as fast as they are answered (closed loop), or at a fixed rate.
//!
//! In the closed loop each connection keeps `depth` requests in flight: its rate is what the server
//! can do. At a fixed rate a request's latency counts from when it was *due*, sent or not, so that
//! a server that stalls cannot hide the requests that it kept from being sent.

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;
use zoa_proto::Request;

use crate::bench::line::Class;
use crate::bench::measure::Phase;
use crate::bench::measure::Window;
use crate::bench::swarm::Lines;
use crate::bench::swarm::Load;
use crate::bench::swarm::Next;
use crate::bench::swarm::Reply;

/// How long the requests in flight at the end may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Paced requests are released in bursts this far apart, or one at a time when the rate is lower.
const PACE: Duration = Duration::from_micros(200);

/// Where the next request of an [`Operations`] goes.
pub(crate) struct Outlet<'l> {
    lines: &'l mut Lines,
    connection: usize,
    since: Instant,
}

impl Outlet<'_> {
    /// The connection it goes to.
    pub(crate) fn connection(&self) -> usize {
        self.connection
    }

    /// Sends it.
    pub(crate) fn send(&mut self, class: Class, request: &Request<'_>) -> Result<()> {
        self.lines
            .send(self.connection, (class, self.since), request)
    }
}

/// An endless or finite supply of requests.
pub(crate) trait Operations {
    /// Sends the next request of the outlet's connection; `false` when that connection has no more
    /// to send.
    fn issue(&mut self, outlet: &mut Outlet<'_>) -> Result<bool>;

    /// Looks at the body of a reply that had no error in its header.
    fn check(&mut self, _reply: &Reply<'_>) -> Result<()> {
        Ok(())
    }
}

/// How requests are offered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Offer {
    /// So many requests in flight on each connection.
    Depth(usize),
    /// So many requests a second over all connections, at most `depth` in flight on each.
    Rate {
        /// Requests a second.
        per_second: f64,
        /// In flight on each connection, at most.
        depth: usize,
    },
}

impl Offer {
    fn depth(self) -> usize {
        match self {
            Self::Depth(depth) | Self::Rate { depth, .. } => depth,
        }
    }
}

/// Runs operations in a window of time.
pub(crate) struct Offered<'p, O> {
    pub(crate) operations: O,
    pub(crate) window: Window<'p>,
    offer: Offer,
    pace: Option<Pace>,
    in_flight: usize,
    drain_until: Option<Instant>,
    begun: bool,
}

impl<'p, O: Operations> Offered<'p, O> {
    /// A load that begins when it is first run.
    pub(crate) fn new(operations: O, window: Window<'p>, offer: Offer) -> Self {
        Self {
            operations,
            window,
            offer,
            pace: None,
            in_flight: 0,
            drain_until: None,
            begun: false,
        }
    }

    fn begin(&mut self, lines: &mut Lines, now: Instant) -> Result<()> {
        self.begun = true;
        match self.offer {
            Offer::Rate { per_second, .. } => self.pace = Some(Pace::new(now, per_second)),
            Offer::Depth(depth) => {
                for connection in 0..lines.len() {
                    for _ in 0..depth {
                        self.issue(lines, connection, now)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn issue(&mut self, lines: &mut Lines, connection: usize, since: Instant) -> Result<bool> {
        let issued = self.operations.issue(&mut Outlet {
            lines,
            connection,
            since,
        })?;
        self.in_flight += usize::from(issued);
        Ok(issued)
    }

    /// Sends what is due by now, round the connections; what finds all of them full stays due.
    fn issue_due(&mut self, lines: &mut Lines, now: Instant) -> Result<()> {
        let depth = self.offer.depth();
        let room = lines.len() * depth;
        while self.in_flight < room
            && let Some(pace) = &mut self.pace
            && let Some(due) = pace.due(now)
        {
            let connection = pace.turn % lines.len();
            pace.turn += 1;
            if lines.in_flight(connection) < depth {
                pace.issued += 1.0;
                self.issue(lines, connection, due)?;
            }
        }
        Ok(())
    }

    fn drain(&mut self, now: Instant) -> Result<Next> {
        let until = *self.drain_until.get_or_insert(now + DRAIN_TIMEOUT);
        if self.in_flight == 0 {
            return Ok(Next::Finish);
        }
        if until <= now {
            bail!(
                "{} requests were not answered within {DRAIN_TIMEOUT:?}",
                self.in_flight
            );
        }
        Ok(Next::WaitUntil(until))
    }
}

impl<O: Operations> Load for Offered<'_, O> {
    fn on_tick(&mut self, lines: &mut Lines, now: Instant) -> Result<Next> {
        let phase = self.window.tick(now)?;
        if !self.begun {
            self.begin(lines, now)?;
        }
        let until = match phase {
            Phase::Over => return self.drain(now),
            Phase::Waiting => now,
            Phase::WarmUp(until) | Phase::Measuring(until) => until,
        };
        if self.pace.is_none() {
            return self.idle_or_wait(now, until);
        }
        self.issue_due(lines, now)?;
        let full = lines.len() * self.offer.depth() <= self.in_flight;
        match &self.pace {
            Some(pace) if !full => Ok(Next::WaitUntil(until.min(pace.due_at()))),
            _ => Ok(Next::WaitUntil(until)),
        }
    }

    fn on_reply(&mut self, lines: &mut Lines, reply: &Reply<'_>) -> Result<()> {
        if let Some(error) = reply.error {
            bail!(
                "the server answered {} on connection {}",
                error.name(),
                reply.connection
            );
        }
        self.in_flight -= 1;
        self.operations.check(reply)?;
        self.window.record(
            reply.class,
            reply.now.saturating_duration_since(reply.since),
        );
        if self.pace.is_none() && self.drain_until.is_none() {
            self.issue(lines, reply.connection, reply.now)?;
        }
        Ok(())
    }
}

impl<O: Operations> Offered<'_, O> {
    /// A finite supply that is used up and answered ends its window before the time does.
    fn idle_or_wait(&mut self, now: Instant, until: Instant) -> Result<Next> {
        if self.in_flight == 0 {
            self.window.finish(now)?;
            return Ok(Next::Finish);
        }
        Ok(Next::WaitUntil(until))
    }
}

/// The moments at which paced requests are due.
pub(crate) struct Pace {
    start: Instant,
    per_second: f64,
    pub(crate) issued: f64,
    pub(crate) turn: usize,
}

impl Pace {
    pub(crate) fn new(start: Instant, per_second: f64) -> Self {
        Self {
            start,
            per_second,
            issued: 0.0,
            turn: 0,
        }
    }

    /// When the next request was due, if that is not in the future.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        Some(self.due_at()).filter(|due| *due <= now)
    }

    /// The next request is due with its burst.
    pub(crate) fn due_at(&self) -> Instant {
        let exact = self.issued / self.per_second;
        let bursts = (exact / PACE.as_secs_f64()).ceil();
        self.start + Duration::from_secs_f64(bursts * PACE.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::clock;

    #[test]
    fn a_paced_request_is_due_with_its_burst_and_not_before() {
        let start = clock::now();
        let mut pace = Pace::new(start, 10_000.0);
        // 100 us apart, released each 200 us: at 0, then two at 200, two at 400.
        let due: Vec<_> = (0..5)
            .map(|_| {
                let due = pace.due_at().duration_since(start).as_micros();
                pace.issued += 1.0;
                due
            })
            .collect();
        assert_eq!(due, [0, 200, 200, 400, 400]);
        assert_eq!(pace.due(start + Duration::from_micros(599)), None);
    }

    #[test]
    fn a_slow_pace_releases_one_at_a_time() {
        let start = clock::now();
        let mut pace = Pace::new(start, 100.0);
        pace.issued = 1.0;
        assert_eq!(pace.due_at().duration_since(start).as_micros(), 10_000);
    }
}
