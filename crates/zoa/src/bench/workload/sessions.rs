//! idle and connect: what a session costs to open, to hold and to keep alive.
//!
//! An idle client pings when a third of its session timeout has passed, as the reference's client
//! does; the pings are spread evenly over that time.

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;
use zoa_proto::Request;

use crate::bench::args::SessionsArgs;
use crate::bench::args::Target;
use crate::bench::clock;
use crate::bench::latency::Latencies;
use crate::bench::line::Class;
use crate::bench::measure::Cost;
use crate::bench::measure::Sample;
use crate::bench::measure::rate;
use crate::bench::measure::to_f64;
use crate::bench::process::Processes;
use crate::bench::report::Report;
use crate::bench::report::Unit;
use crate::bench::session::answering;
use crate::bench::swarm::Lines;
use crate::bench::swarm::Load;
use crate::bench::swarm::Next;
use crate::bench::swarm::Reply;
use crate::bench::swarm::Swarm;
use crate::bench::workload::stream::GOODBYE;

/// How long a server gets to finish what it still does for new sessions, before its rest is
/// measured.
const SETTLE: Duration = Duration::from_secs(1);
/// How long the server may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens all sessions at once and measures the server at rest.
pub(crate) fn idle(args: &SessionsArgs) -> Result<Report> {
    let storm = Storm::run(args)?;
    let mut swarm = storm.swarm;
    let length = Duration::from_secs_f64(args.seconds);
    let mut rest = Rest::new(&storm.server, &args.target, length);
    swarm.run(&mut rest)?;
    swarm.close(GOODBYE)?;

    let mut report = Report::new("idle");
    parameters(&mut report, args);
    let sessions = to_f64(u64::try_from(args.connections)?);
    if let (Some(before), Some(after)) = (
        storm.before.server_rss_bytes(),
        storm.after.server_rss_bytes(),
    ) {
        report.figure(
            "memory_per_session",
            Unit::Bytes,
            to_f64(after.saturating_sub(before)) / sessions,
        );
        report.figure("server_rss_before", Unit::Bytes, to_f64(before));
        report.figure("server_rss", Unit::Bytes, to_f64(after));
    }
    report.extend([rate("connects", sessions, storm.cost.elapsed)]);
    report.extend(storm.cost.figures(sessions));
    report.figure("pings", Unit::Count, to_f64(rest.pings.count()));
    report.extend(rest.pings.figures("ping_"));
    if let Some(cpu) = rest.cost.server_cpu {
        report.figure(
            "server_at_rest",
            Unit::Cores,
            cpu.as_secs_f64() / rest.cost.elapsed.as_secs_f64(),
        );
    }
    Ok(report)
}

/// Opens all sessions at once, closes them, and again, until the time is up.
pub(crate) fn connect(args: &SessionsArgs) -> Result<Report> {
    let mut cost = Cost::default();
    let mut opened = 0.0;
    while opened == 0.0 || cost.elapsed.as_secs_f64() < args.seconds {
        let storm = Storm::run(args)?;
        storm.swarm.close(GOODBYE)?;
        cost.add(&storm.cost);
        opened += to_f64(u64::try_from(args.connections)?);
    }
    let mut report = Report::new("connect");
    parameters(&mut report, args);
    report.figure("connected", Unit::Count, opened);
    report.extend([rate("connects", opened, cost.elapsed)]);
    report.extend(cost.figures(opened));
    Ok(report)
}

/// Sessions opened as fast as the server grants them.
struct Storm {
    server: Processes,
    swarm: Swarm,
    before: Sample,
    after: Sample,
    cost: Cost,
}

impl Storm {
    fn run(args: &SessionsArgs) -> Result<Self> {
        let server = Processes::new(&args.target.pids)?;
        let addresses = answering(&args.target.server, PATIENCE)?;
        let before = Sample::take(&server, clock::now())?;
        let swarm = Swarm::connect(&addresses, args.connections, args.target.session_timeout_ms)?;
        let after = Sample::take(&server, clock::now())?;
        let cost = before.until(&after);
        Ok(Self {
            server,
            swarm,
            before,
            after,
            cost,
        })
    }
}

/// Sessions that do nothing but ping.
struct Rest<'p> {
    server: &'p Processes,
    length: Duration,
    /// Between two pings of one session.
    interval: Duration,
    start: Option<Instant>,
    begin: Option<Sample>,
    sent: u64,
    pings: Latencies,
    cost: Cost,
}

impl<'p> Rest<'p> {
    fn new(server: &'p Processes, target: &Target, length: Duration) -> Self {
        let timeout = Duration::from_millis(u64::from(target.session_timeout_ms.unsigned_abs()));
        Self {
            server,
            length,
            interval: timeout / 3,
            start: None,
            begin: None,
            sent: 0,
            pings: Latencies::new(),
            cost: Cost::default(),
        }
    }

    /// When the ping of this number is due: all sessions in turn within each interval.
    fn due(&self, start: Instant, sessions: usize) -> Instant {
        let turn = to_f64(self.sent) / to_f64(u64::try_from(sessions).unwrap_or(1));
        start + self.interval.mul_f64(turn)
    }
}

impl Load for Rest<'_> {
    fn on_tick(&mut self, lines: &mut Lines, now: Instant) -> Result<Next> {
        let start = *self.start.get_or_insert(now);
        if self.begin.is_none() && start + SETTLE <= now {
            self.begin = Some(Sample::take(self.server, now)?);
            self.pings.clear();
        }
        if let Some(begin) = &self.begin
            && start + SETTLE + self.length <= now
        {
            self.cost = begin.until(&Sample::take(self.server, now)?);
            return Ok(Next::Finish);
        }
        let sessions = lines.len();
        let mut due = self.due(start, sessions);
        while due <= now {
            let connection = usize::try_from(self.sent)? % sessions;
            lines.send(connection, (Class(0), now), &Request::Ping)?;
            self.sent += 1;
            due = self.due(start, sessions);
        }
        let end = if self.begin.is_some() {
            start + SETTLE + self.length
        } else {
            start + SETTLE
        };
        Ok(Next::WaitUntil(due.min(end)))
    }

    fn on_reply(&mut self, _: &mut Lines, reply: &Reply<'_>) -> Result<()> {
        if let Some(error) = reply.error {
            bail!("the server answered a ping with {}", error.name());
        }
        self.pings
            .record(reply.now.saturating_duration_since(reply.since));
        Ok(())
    }
}

fn parameters(report: &mut Report, args: &SessionsArgs) {
    report.parameter("server", args.target.server.clone());
    report.parameter("connections", args.connections);
    report.parameter("session_timeout_ms", args.target.session_timeout_ms);
    report.parameter("seconds", args.seconds);
}
