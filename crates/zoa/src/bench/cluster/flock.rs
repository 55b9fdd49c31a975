//! Very many sessions that only live: each creates one ephemeral znode and pings from then on, at a third of its timeout, as the
//! original's clients do; when its server dies, it goes to another one.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Request;

use crate::bench::clock;
use crate::bench::cluster::drive::Drive;
use crate::bench::cluster::drive::Stop;
use crate::bench::cluster::ensemble::SERVERS;
use crate::bench::cluster::herd::Herd;
use crate::bench::cluster::herd::Manner;
use crate::bench::cluster::herd::Members;
use crate::bench::cluster::herd::Ride;
use crate::bench::cluster::ledger::Ack;
use crate::bench::cluster::ledger::Ledger;
use crate::bench::grounds::key;
use crate::bench::line::Class;
use crate::bench::line::InFlight;
use crate::bench::session::Session;
use crate::bench::session::create_of;
use crate::bench::session::open_acl;
use crate::bench::swarm::Next;
use crate::bench::swarm::Reply;

/// Where the znodes stand.
pub(crate) const DIRECTORY: &str = "/sessions";
/// How long the servers may take to answer before anything is measured.
const PATIENCE: Duration = Duration::from_secs(120);
/// The loop looks at least so often whether it is to end.
const LOOK: Duration = Duration::from_millis(20);
const PING: Class = Class(0);
const CREATE: Class = Class(1);

/// Opens so many sessions of this timeout, spread over these servers, and waits until each has its znode.
pub(crate) fn start(servers: &[SocketAddr], sessions: usize, timeout: Duration) -> Result<Drive> {
    let mut session = Session::open(servers, PATIENCE)?;
    session.create(DIRECTORY, b"")?;
    session.close();
    let manner = Manner {
        timeout_ms: i32::try_from(timeout.as_millis())?,
        attempt_max: timeout / 4,
    };
    let herd = Herd::new(servers.to_vec(), sessions, manner)?;
    let drive = Drive::start(herd, |ledger, stop| Flock {
        paths: (0..sessions).map(|number| key(DIRECTORY, number)).collect(),
        created: vec![false; sessions],
        start: clock::now(),
        interval: timeout / 3,
        sent: 0,
        ledger,
        stop,
    })?;
    drive.ledger().await_writes(sessions, PATIENCE)?;
    Ok(drive)
}

struct Flock {
    paths: Vec<String>,
    created: Vec<bool>,
    start: Instant,
    /// Between two pings of one session.
    interval: Duration,
    /// Pings that came due so far, of all sessions in turn.
    sent: u32,
    ledger: Ledger,
    stop: Stop,
}

impl Flock {
    /// Sessions ping in turn, evenly spread over each interval.
    fn due(&self) -> Instant {
        let sessions = u32::try_from(self.paths.len().max(1)).unwrap_or(u32::MAX);
        let (rounds, turn) = (self.sent / sessions, self.sent % sessions);
        self.start + self.interval * rounds + self.interval * turn / sessions
    }
}

impl Ride for Flock {
    fn on_tick(&mut self, herd: &mut Members, now: Instant) -> Result<Next> {
        if self.stop.is_set() {
            return Ok(Next::Finish);
        }
        if let Some(server) = self.ledger.with(|account| account.home.take()) {
            herd.send_home(server, SERVERS);
        }
        while self.due() <= now {
            let who = usize::try_from(self.sent)? % self.paths.len().max(1);
            herd.send(who, (PING, now), &Request::Ping)?;
            self.sent += 1;
        }
        Ok(Next::WaitUntil(self.due().min(now + LOOK)))
    }

    fn on_attached(&mut self, herd: &mut Members, who: usize, now: Instant) -> Result<()> {
        self.ledger.with(|account| account.attached += 1);
        let (Some(path), Some(false)) = (self.paths.get(who), self.created.get(who)) else {
            return Ok(());
        };
        let mut scratch = Vec::new();
        let request = create_of(CreateMode::Ephemeral, path, b"", open_acl(&mut scratch));
        herd.send(who, (CREATE, now), &Request::Create(request))?;
        Ok(())
    }

    fn on_reply(&mut self, _: &mut Members, reply: &Reply<'_>) -> Result<()> {
        if reply.class != CREATE {
            return Ok(());
        }
        // It is there when the connection was lost before the answer came.
        if matches!(reply.error, None | Some(ErrorCode::NodeExists)) {
            if let Some(created) = self.created.get_mut(reply.connection) {
                *created = true;
            }
            let (at, took) = (reply.now, reply.now.saturating_duration_since(reply.since));
            self.ledger
                .with(|account| account.acks.push(Ack { at, took }));
        } else {
            self.ledger.with(|account| account.refused += 1);
        }
        Ok(())
    }

    fn on_lost(&mut self, _: usize, _: &mut dyn Iterator<Item = InFlight>) {
        self.ledger.with(|account| {
            account.attached -= 1;
            account.lost += 1;
        });
    }

    fn on_expired(&mut self, _: usize) {
        self.ledger.with(|account| account.expired += 1);
    }
}
