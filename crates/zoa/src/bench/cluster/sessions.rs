//! sessions: very many of them, while the leader changes again and again: none may expire, none may be there twice. Then some fall
//! silent: those must expire, in time, and what they owned must go everywhere in one zxid.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::ensure;

use crate::bench::clock;
use crate::bench::cluster::arena::Arena;
use crate::bench::cluster::arena::progress;
use crate::bench::cluster::drive::Drive;
use crate::bench::cluster::ensemble::Death;
use crate::bench::cluster::ensemble::Ensemble;
use crate::bench::cluster::ensemble::SERVERS;
use crate::bench::cluster::ensemble::TICK;
use crate::bench::cluster::flock;
use crate::bench::cluster::table::Findings;
use crate::bench::cluster::table::Target;
use crate::bench::cluster::table::millis;
use crate::bench::cluster::table::quantile;
use crate::bench::compare::Named;
use crate::bench::compare::Side;
use crate::bench::grounds::key;
use crate::bench::report::Unit;
use crate::bench::session::Session;

/// The name of the part.
pub(crate) const PART: &str = "sessions";
/// The timeout of the many.
const TIMEOUT: Duration = Duration::from_secs(12);
/// The timeout of those that fall silent, milliseconds: the least that the servers grant.
const SHORT_TIMEOUT_MS: i32 = 4000;
/// Ephemerals of each that falls silent, each in a directory of its own.
const EPHEMERALS: usize = 5;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks whether they are gone.
const LOOK_PAUSE: Duration = Duration::from_millis(2);

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) sessions: usize,
    pub(crate) changes: usize,
    /// Both contenders, not only the left one.
    pub(crate) both: bool,
}

/// Runs it.
pub(crate) fn run(arena: &Arena, plan: &Plan, findings: &mut Findings) -> Result<()> {
    for (side, named) in arena.both() {
        if plan.both || side == Side::Left {
            run_one(arena, (side, named), (plan, findings))?;
        }
    }
    Ok(())
}

fn run_one(
    arena: &Arena,
    (side, named): (Side, &Named),
    (plan, findings): (&Plan, &mut Findings),
) -> Result<()> {
    let mut ensemble = arena.ensemble(named)?;
    let flock = flock::start(&ensemble.addresses(), plan.sessions, TIMEOUT)?;
    progress(PART, named, &format!("{} sessions", plan.sessions));
    let times = change_leaders(&mut ensemble, (&flock, named), plan)?;
    let late = fall_silent(&ensemble)?;
    progress(PART, named, &format!("expired: {late:?}"));
    clock::pause(TICK);
    let twice = doubled(&ensemble, plan.sessions);
    let expired = flock.ledger().with(|account| account.expired);
    let owners = flock.stop()?;
    let lost = ephemerals_lost(&ensemble.addresses(), &owners)?;
    let mut count = |figure, target, value: usize| {
        findings.put((side, PART), (figure, Unit::Count), target, value as f64);
    };
    count("sessions", Target::None, plan.sessions);
    count("leader changes", Target::None, times.len());
    count("expired", Target::Exactly(0.0), usize::try_from(expired)?);
    count("there twice", Target::Exactly(0.0), twice);
    count("ephemerals lost", Target::Exactly(0.0), lost);
    count(
        "a silent one expired too early",
        Target::Exactly(0.0),
        late.too_early,
    );
    count(
        "zxids in which its ephemerals went",
        Target::Exactly(1.0),
        late.zxids,
    );
    let mut time = |figure, target, value| {
        findings.put((side, PART), (figure, Unit::Millis), target, value);
    };
    time(
        "a silent one: latest end behind its timeout",
        Target::AtMost(millis(TICK)),
        late.latest_ms,
    );
    time(
        "until all are attached again, median",
        Target::None,
        quantile(&times, 0.5),
    );
    Ok(())
}

/// How long it took each time until all sessions were attached again, milliseconds.
fn change_leaders(
    ensemble: &mut Ensemble,
    (flock, named): (&Drive, &Named),
    plan: &Plan,
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for change in 0..plan.changes {
        let death = if change % 2 == 0 {
            Death::Killed
        } else {
            Death::Asked
        };
        let leader = ensemble.leader()?;
        let lost = flock.ledger().with(|account| account.lost);
        let from = ensemble.end(leader, death)?;
        // A third of them had that server; the others may stay where they are.
        while flock.ledger().with(|account| account.lost) == lost {
            ensure!(
                from.elapsed() < PATIENCE,
                "nobody notices that a server has died"
            );
            clock::pause(LOOK_PAUSE);
        }
        flock.ledger().await_attached(plan.sessions, PATIENCE)?;
        times.push(millis(from.elapsed()));
        ensemble.start(leader)?;
        ensemble.await_serving()?;
        // They are to stand the next change as they stood this one: a third at each server.
        flock.ledger().with(|account| account.home = Some(leader));
        clock::pause(Duration::from_millis(500));
        flock.ledger().await_attached(plan.sessions, PATIENCE)?;
        let expired = flock.ledger().with(|account| account.expired);
        let shown = times.last().copied().unwrap_or_default();
        let text = format!("change {}: {shown:.0} ms, {expired} expired", change + 1);
        progress(PART, named, &text);
    }
    Ok(times)
}

/// What became of those that fell silent.
#[derive(Clone, Copy, Debug)]
struct Silence {
    /// How long behind its timeout the last trace of the slowest was gone, milliseconds.
    latest_ms: f64,
    too_early: usize,
    /// In how many zxids the ephemerals of one went, as all servers tell it; of the worst.
    zxids: usize,
}

/// One session at each server falls silent, all at once.
fn fall_silent(ensemble: &Ensemble) -> Result<Silence> {
    let addresses = ensemble.addresses();
    let mut watchers = Vec::new();
    for &address in &addresses {
        watchers.push(Session::open(&[address], PATIENCE)?);
    }
    let mut silent = Vec::new();
    for (number, &address) in addresses.iter().enumerate() {
        silent.push(Silent::begin(number, address)?);
    }
    // All must have seen what is to go.
    for watcher in &mut watchers {
        watcher.sync("/")?;
    }
    while silent.iter().any(|it| it.gone.len() < SERVERS) {
        for it in &mut silent {
            it.look(&mut watchers)?;
        }
        clock::pause(LOOK_PAUSE);
    }
    let mut found = Silence {
        latest_ms: 0.0,
        too_early: 0,
        zxids: 0,
    };
    for it in &silent {
        let lived = it
            .gone
            .iter()
            .map(|(_, at)| at.saturating_duration_since(it.heard));
        let timeout = it.session.timeout();
        found.too_early += lived.clone().filter(|lived| *lived < timeout).count();
        let latest = lived.max().unwrap_or_default();
        found.latest_ms = found.latest_ms.max(millis(latest) - millis(timeout));
        found.zxids = found.zxids.max(it.zxids(&mut watchers)?);
    }
    watchers.into_iter().for_each(Session::close);
    Ok(found)
}

/// A session that owns some ephemerals and says nothing more.
struct Silent {
    session: Session,
    directories: Vec<String>,
    /// Before it was last heard of.
    heard: Instant,
    /// At which servers its last ephemeral is gone, and when that was seen.
    gone: Vec<(usize, Instant)>,
}

impl Silent {
    fn begin(number: usize, address: SocketAddr) -> Result<Self> {
        let mut session = Session::open_for(&[address], PATIENCE, SHORT_TIMEOUT_MS)?;
        let directories: Vec<_> = (0..EPHEMERALS)
            .map(|it| format!("/silent-{number}-{it}"))
            .collect();
        session.create_all(&directories, b"")?;
        let mut heard = clock::now();
        for directory in &directories {
            heard = clock::now();
            session.create_ephemeral(&key(directory, 0))?;
        }
        Ok(Self {
            session,
            directories,
            heard,
            gone: Vec::new(),
        })
    }

    fn look(&mut self, watchers: &mut [Session]) -> Result<()> {
        let last = self.directories.last().context("it has several")?;
        let limit = self.session.timeout() + PATIENCE;
        ensure!(
            self.heard.elapsed() < limit,
            "a silent session lives on: {last}"
        );
        for (server, watcher) in watchers.iter_mut().enumerate() {
            let is_known = self.gone.iter().any(|(it, _)| *it == server);
            if !is_known && watcher.stat(&key(last, 0))?.is_none() {
                self.gone.push((server, clock::now()));
            }
        }
        Ok(())
    }

    /// The zxids that last changed the children of its directories, on all servers.
    fn zxids(&self, watchers: &mut [Session]) -> Result<usize> {
        let mut zxids = BTreeSet::new();
        for watcher in watchers {
            for directory in &self.directories {
                let stat = watcher.stat(directory)?.context("a directory stays")?;
                zxids.insert(stat.pzxid);
            }
        }
        Ok(zxids.len())
    }
}

/// How many sessions there are more than there should be, at the server that knows the most.
fn doubled(ensemble: &Ensemble, sessions: usize) -> usize {
    let known = |server| {
        ensemble
            .monitor(server, "zk_global_sessions")
            .unwrap_or(u64::MAX)
    };
    let most = (0..SERVERS).map(known).max().unwrap_or(u64::MAX);
    usize::try_from(most)
        .unwrap_or(usize::MAX)
        .saturating_sub(sessions)
}

/// How many of the many have not the one znode that they created.
fn ephemerals_lost(servers: &[SocketAddr], owners: &[i64]) -> Result<usize> {
    let mut session = Session::open(servers, PATIENCE)?;
    session.sync(flock::DIRECTORY)?;
    let mut lost = 0;
    for (number, owner) in owners.iter().enumerate() {
        let stat = session.stat(&key(flock::DIRECTORY, number))?;
        lost += usize::from(stat.is_none_or(|stat| stat.ephemeral_owner.0 != *owner));
    }
    session.close();
    Ok(lost)
}
