//! Sessions that write, each its own znode, and keep at it whatever becomes of the servers.
//!
//! Either each has one write under way and sends the next when it is answered, or writes come due at a fixed rate, in turn to each
//! session, and wait for it when it has no server. What was under way when a connection was lost is offered again: it sets the same
//! data, so that twice is once.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::request::SetData;

use crate::bench::clock;
use crate::bench::closed_loop::Pace;
use crate::bench::cluster::drive::Drive;
use crate::bench::cluster::drive::Stop;
use crate::bench::cluster::herd::Herd;
use crate::bench::cluster::herd::Manner;
use crate::bench::cluster::herd::Members;
use crate::bench::cluster::herd::Ride;
use crate::bench::cluster::ledger::Ack;
use crate::bench::cluster::ledger::Ledger;
use crate::bench::grounds::key;
use crate::bench::grounds::value;
use crate::bench::line::Class;
use crate::bench::line::InFlight;
use crate::bench::session::Session;
use crate::bench::swarm::Next;
use crate::bench::swarm::Reply;

/// Where the znodes stand.
const DIRECTORY: &str = "/writers";
/// Bytes of each value.
const VALUE_LEN: usize = 100;
/// How long the servers may take to answer before anything is measured.
const PATIENCE: Duration = Duration::from_secs(60);
/// The loop looks at least so often whether it is to end.
const LOOK: Duration = Duration::from_millis(20);
/// Writes under way of one session at a fixed rate, at most.
const DEPTH_MAX: usize = 64;
/// How the sessions attach.
const MANNER: Manner = Manner {
    timeout_ms: 30_000,
    attempt_max: Duration::from_secs(1),
};

/// Lets so many sessions write, spread over these servers; `per_second` writes over all of them, or as many as are answered.
pub(crate) fn start(
    servers: &[SocketAddr],
    sessions: usize,
    per_second: Option<f64>,
) -> Result<Drive> {
    let paths: Vec<_> = (0..sessions).map(|number| key(DIRECTORY, number)).collect();
    let mut session = Session::open(servers, PATIENCE)?;
    session.create(DIRECTORY, b"")?;
    session.create_all(&paths, &value(VALUE_LEN))?;
    session.close();
    let herd = Herd::new(servers.to_vec(), sessions, MANNER)?;
    let drive = Drive::start(herd, |ledger, stop| Writing {
        value: value(VALUE_LEN),
        due: paths.iter().map(|_| VecDeque::new()).collect(),
        paths,
        pace: per_second.map(|per_second| Pace::new(clock::now(), per_second)),
        ledger,
        stop,
    })?;
    drive.ledger().await_attached(sessions, PATIENCE)?;
    Ok(drive)
}

struct Writing {
    paths: Vec<String>,
    value: Vec<u8>,
    /// For each session the writes that were not sent, or not answered before the connection was lost: from when they are due.
    due: Vec<VecDeque<Instant>>,
    pace: Option<Pace>,
    ledger: Ledger,
    stop: Stop,
}

impl Writing {
    /// Sends what this session has to send.
    fn send_due(&mut self, herd: &mut Members, who: usize) -> Result<()> {
        let (Some(due), Some(path)) = (self.due.get_mut(who), self.paths.get(who)) else {
            return Ok(());
        };
        while herd.in_flight(who) < DEPTH_MAX
            && let Some(since) = due.front()
        {
            let data = Some(self.value.as_slice());
            let version = Version::ANY;
            let request = Request::SetData(SetData {
                path,
                data,
                version,
            });
            if !herd.send(who, (Class(0), *since), &request)? {
                return Ok(());
            }
            due.pop_front();
        }
        Ok(())
    }

    fn make_due(&mut self, herd: &mut Members, now: Instant) -> Result<Option<Instant>> {
        let sessions = herd.len().max(1);
        while let Some(pace) = &mut self.pace {
            let Some(due) = pace.due(now) else {
                return Ok(Some(pace.due_at()));
            };
            let who = pace.turn % sessions;
            (pace.turn, pace.issued) = (pace.turn + 1, pace.issued + 1.0);
            self.push(who, due);
            self.send_due(herd, who)?;
        }
        Ok(None)
    }

    fn push(&mut self, who: usize, due: Instant) {
        if let Some(queue) = self.due.get_mut(who) {
            queue.push_back(due);
        }
    }
}

impl Ride for Writing {
    fn on_tick(&mut self, herd: &mut Members, now: Instant) -> Result<Next> {
        if self.stop.is_set() {
            return Ok(Next::Finish);
        }
        let due = self.make_due(herd, now)?;
        let look = now + LOOK;
        Ok(Next::WaitUntil(due.map_or(look, |due| due.min(look))))
    }

    fn on_attached(&mut self, herd: &mut Members, who: usize, now: Instant) -> Result<()> {
        self.ledger.with(|account| account.attached += 1);
        if self.pace.is_none() && self.due.get(who).is_some_and(VecDeque::is_empty) {
            self.push(who, now);
        }
        self.send_due(herd, who)
    }

    fn on_reply(&mut self, herd: &mut Members, reply: &Reply<'_>) -> Result<()> {
        let who = reply.connection;
        if reply.error.is_some() {
            self.ledger.with(|account| account.refused += 1);
            self.push(who, reply.since);
        } else {
            let took = reply.now.saturating_duration_since(reply.since);
            let at = reply.now;
            self.ledger
                .with(|account| account.acks.push(Ack { at, took }));
            if self.pace.is_none() {
                self.push(who, at);
            }
        }
        self.send_due(herd, who)
    }

    fn on_lost(&mut self, who: usize, in_flight: &mut dyn Iterator<Item = InFlight>) {
        self.ledger.with(|account| {
            account.attached -= 1;
            account.lost += 1;
        });
        if let Some(due) = self.due.get_mut(who) {
            let again: Vec<_> = in_flight.map(|sent| sent.since).collect();
            again
                .into_iter()
                .rev()
                .for_each(|since| due.push_front(since));
        }
    }

    fn on_expired(&mut self, _: usize) {
        self.ledger.with(|account| account.expired += 1);
    }
}
