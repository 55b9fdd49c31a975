//! watch: one write that many watches wait for.
//!
//! ```text
//! arm: each session reads with a watch | quiet | write ... last event | quiet | again
//! ```
//!
//! Only the stretch from the write to the last event is measured, and the server's CPU in it. The
//! watches are of the one-shot kind, set anew in each round, which does not count.

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::WatchedEvent;
use zoa_proto::request::GetData;
use zoa_proto::request::SetData;

use crate::bench::args::WatchArgs;
use crate::bench::grounds::Grounds;
use crate::bench::latency::Latencies;
use crate::bench::line::Class;
use crate::bench::measure::Cost;
use crate::bench::measure::Sample;
use crate::bench::measure::Span;
use crate::bench::measure::to_f64;
use crate::bench::process::Processes;
use crate::bench::report::Report;
use crate::bench::report::Unit;
use crate::bench::session::MULTI_OPS_MAX;
use crate::bench::session::check_multi;
use crate::bench::swarm::Lines;
use crate::bench::swarm::Load;
use crate::bench::swarm::Next;
use crate::bench::swarm::Reply;
use crate::bench::swarm::Swarm;
use crate::bench::workload::stream::GOODBYE;

/// Before the write and after the last event, so that CPU time of other work is over, and that of
/// this one booked.
const QUIET: Duration = Duration::from_millis(10);
/// How long arming all watches, or delivering all events, may take.
const ROUND_MAX: Duration = Duration::from_secs(30);

const ARM: Class = Class(0);
const WRITE: Class = Class(1);

/// Fires all watches again and again until the time is up.
pub(crate) fn watch(args: &WatchArgs) -> Result<Report> {
    let connections = args.connections.unwrap_or(args.watchers).min(args.watchers);
    let paths_count = args.watchers.div_ceil(connections);
    if MULTI_OPS_MAX < paths_count {
        bail!(
            "{} watchers on {connections} connections need a multi of {paths_count} writes; at most {MULTI_OPS_MAX} \
             are allowed: use more connections",
            args.watchers
        );
    }
    Grounds::with(&args.target, |grounds| {
        let paths = grounds.keys(paths_count, 0)?;
        // The last connection writes.
        let mut swarm = Swarm::connect(
            grounds.addresses(),
            connections + 1,
            args.target.session_timeout_ms,
        )?;
        let mut load = FanOut::new(
            grounds.processes(),
            args.timing.span(&args.target),
            (paths, args.watchers),
        );
        swarm.run(&mut load)?;
        swarm.close(GOODBYE)?;
        Ok(report(args, connections, &load))
    })
}

fn report(args: &WatchArgs, connections: usize, load: &FanOut<'_>) -> Report {
    let mut report = Report::new("watch");
    report.parameter("server", args.target.server.clone());
    report.parameter("watchers", args.watchers);
    report.parameter("connections", connections);
    report.parameter("seconds", args.timing.seconds);
    report.parameter("op", "event");
    report.figure("writes", Unit::Count, to_f64(load.last_events.count()));
    report.extend(load.last_events.figures("last_event_"));
    report.extend(load.events.figures("event_"));
    report.extend(load.replies.figures("write_"));
    report.extend(load.cost.figures(to_f64(load.events.count())));
    report
}

/// Where a round stands.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many watches are still being set.
    Arming { left: usize, since: Instant },
    /// All are set; the write goes at this moment.
    QuietBefore { until: Instant },
    /// The write has gone; so many events have not come.
    Firing {
        left: usize,
        answered: bool,
        since: Instant,
    },
    /// All have come; CPU is read at this moment.
    QuietAfter { until: Instant, last: Instant },
}

struct FanOut<'p> {
    server: &'p Processes,
    span: Span,
    paths: Vec<String>,
    watchers: usize,
    step: Option<Step>,
    begin: Option<Instant>,
    round_begin: Option<Sample>,
    written: Option<Instant>,
    round_events: Latencies,
    round_reply: Duration,
    events: Latencies,
    last_events: Latencies,
    replies: Latencies,
    cost: Cost,
    scratch: Vec<u8>,
}

impl<'p> FanOut<'p> {
    fn new(server: &'p Processes, span: Span, (paths, watchers): (Vec<String>, usize)) -> Self {
        Self {
            server,
            span,
            paths,
            watchers,
            step: None,
            begin: None,
            round_begin: None,
            written: None,
            round_events: Latencies::new(),
            round_reply: Duration::ZERO,
            events: Latencies::new(),
            last_events: Latencies::new(),
            replies: Latencies::new(),
            cost: Cost::default(),
            scratch: Vec::new(),
        }
    }

    /// Watch number `n` is on path `n / connections`, set by connection `n % connections`.
    fn arm(&mut self, lines: &mut Lines, now: Instant) -> Result<()> {
        let connections = lines.len() - 1;
        for watcher in 0..self.watchers {
            let Some(path) = self.paths.get(watcher / connections) else {
                continue;
            };
            let request = Request::GetData(GetData { path, watch: true });
            lines.send(watcher % connections, (ARM, now), &request)?;
        }
        self.step = Some(Step::Arming {
            left: self.watchers,
            since: now,
        });
        Ok(())
    }

    fn write(&mut self, lines: &mut Lines, now: Instant) -> Result<()> {
        self.round_begin = Some(Sample::take(self.server, now)?);
        self.round_events.clear();
        let set = |path| SetData {
            path,
            data: Some(b"x"),
            version: Version::ANY,
        };
        let writer = lines.len() - 1;
        if let [path] = self.paths.as_slice() {
            lines.send(writer, (WRITE, now), &Request::SetData(set(path)))?;
        } else {
            let sets = self.paths.iter().map(|path| MultiOp::SetData(set(path)));
            let request = Request::Multi(MultiOps::collect_into(sets, &mut self.scratch));
            lines.send(writer, (WRITE, now), &request)?;
        }
        self.written = Some(now);
        self.step = Some(Step::Firing {
            left: self.watchers,
            answered: false,
            since: now,
        });
        Ok(())
    }

    /// Counts the round, unless it belongs to the warm-up.
    fn count_round(&mut self, (last, now): (Instant, Instant)) -> Result<()> {
        let warm = self
            .begin
            .is_some_and(|begin| begin + self.span.warmup <= now);
        let (Some(round_begin), Some(written), true) = (self.round_begin, self.written, warm)
        else {
            return Ok(());
        };
        let mut cost = round_begin.until(&Sample::take(self.server, now)?);
        // The quiet is no part of the work; its CPU time, if any, is that of the work's tail.
        cost.elapsed = last.saturating_duration_since(written);
        self.last_events.record(cost.elapsed);
        self.cost.add(&cost);
        self.events.add(&self.round_events);
        self.replies.record(self.round_reply);
        Ok(())
    }

    /// After the write's reply and all events.
    fn check_fired(&mut self, now: Instant) {
        if let Some(Step::Firing {
            left: 0,
            answered: true,
            ..
        }) = self.step
        {
            self.step = Some(Step::QuietAfter {
                until: now + QUIET,
                last: now,
            });
        }
    }
}

impl Load for FanOut<'_> {
    fn on_tick(&mut self, lines: &mut Lines, now: Instant) -> Result<Next> {
        let begin = *self.begin.get_or_insert(now);
        match self.step {
            None => self.arm(lines, now)?,
            Some(Step::Arming { left, since } | Step::Firing { left, since, .. })
                if since + ROUND_MAX <= now =>
            {
                bail!(
                    "{left} of {} watches got no answer or event within {ROUND_MAX:?}",
                    self.watchers
                );
            }
            Some(Step::QuietBefore { until }) if until <= now => self.write(lines, now)?,
            Some(Step::QuietAfter { until, last }) if until <= now => {
                self.count_round((last, now))?;
                let enough =
                    begin + self.span.warmup + self.span.measured <= now && 0 < self.events.count();
                if enough {
                    return Ok(Next::Finish);
                }
                self.arm(lines, now)?;
            }
            Some(_) => {}
        }
        Ok(Next::WaitUntil(match self.step {
            Some(Step::QuietBefore { until } | Step::QuietAfter { until, .. }) => until,
            Some(Step::Arming { since, .. } | Step::Firing { since, .. }) => since + ROUND_MAX,
            None => now,
        }))
    }

    fn on_reply(&mut self, _: &mut Lines, reply: &Reply<'_>) -> Result<()> {
        if let Some(error) = reply.error {
            bail!(
                "the server answered {} on connection {}",
                error.name(),
                reply.connection
            );
        }
        match &mut self.step {
            Some(Step::Arming { left, .. }) if reply.class == ARM => {
                *left -= 1;
                if *left == 0 {
                    self.step = Some(Step::QuietBefore {
                        until: reply.now + QUIET,
                    });
                }
            }
            Some(Step::Firing { answered, .. }) if reply.class == WRITE => {
                if 1 < self.paths.len() {
                    check_multi(reply.body)?;
                }
                *answered = true;
                self.round_reply = reply.now.saturating_duration_since(reply.since);
                self.check_fired(reply.now);
            }
            step => bail!("a reply of class {:?} came at {step:?}", reply.class),
        }
        Ok(())
    }

    fn on_event(
        &mut self,
        connection: usize,
        event: &WatchedEvent<'_>,
        now: Instant,
    ) -> Result<()> {
        let (Some(Step::Firing { left, .. }), Some(written)) = (&mut self.step, self.written)
        else {
            bail!("connection {connection} got {event:?} before anything was written");
        };
        let Some(rest) = left.checked_sub(1) else {
            bail!("connection {connection} got {event:?} though all watches had fired");
        };
        *left = rest;
        self.round_events
            .record(now.saturating_duration_since(written));
        self.check_fired(now);
        Ok(())
    }
}
