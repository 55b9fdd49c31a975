//! The simulated world of one seed: a server, its disk, its clients and the network, and the faults among them, in one thread.
//!
//! Invariant: everything that happens is taken from one agenda, ordered by time and then by arrival, and every choice is drawn
//! from the seed. The production code is called from here and nowhere else, and it is told the time and given its random bytes.

mod actors;
mod cast;
mod contact;
mod diet;
mod ending;
mod faulting;
mod machine;
mod peers;
mod serving;
mod strangers;
mod upgrading;
mod users;

#[cfg(test)]
mod tests;

use crate::clients;
use crate::clients::Tally;
use crate::clients::User;
use crate::process::Established;
use crate::process::Now;
use crate::process::Thread;
use crate::process::Told;
use crate::process::Wire;
use crate::recipes::Ledger;
use crate::recipes::Subject;
use crate::report::Counters;
use crate::report::Report;
use crate::trace::Trace;
use crate::witness;
use crate::witness::Heard;
use crate::witness::Witness;
use actors::Actor;
use cast::Cast;
use ending::Phase;
use machine::Machine;
use machine::Machines;
use peers::PeerNetwork;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use zoa_core::ContainerRules;
use zoa_core::Moment;
use zoa_ensemble::LinkId;
use zoa_log::WriteMode;
use zoa_testkit::checkers;
use zoa_testkit::checkers::Case;
use zoa_testkit::clock::Agenda;
use zoa_testkit::clock::SimTime;
use zoa_testkit::disk::Persistence;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::faults;
use zoa_testkit::faults::Crash;
use zoa_testkit::faults::Fault;
use zoa_testkit::faults::FaultKind;
use zoa_testkit::history::History;
use zoa_testkit::net::Weather;
use zoa_testkit::observed::Leads;
use zoa_testkit::observed::Observed;
use zoa_testkit::observed::ServingBegins;
use zoa_testkit::replay::replay;
use zoa_testkit::rng::Rng;
use zoa_testkit::workload::Profile;
use zoa_tree::HashKey;

/// Who reads its answers has them within this while nothing is amiss, whoever else is there: half of the shortest session timeout, behind
/// which its client would have to take the server for lost.
const ANSWER_MS_MAX: u64 = 500;

/// Within this there is a leader once a majority of those that vote is connected: two election timeouts. One timeout is 20 to 40 ticks of
/// 50 ms, so that one is over after two seconds at the latest; the second is for those who wanted to lead at the same time.
const ELECTION_MS_MAX: u64 = 4_000;

/// What decides a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Decides everything but the secret of the hash maps.
    pub seed: u64,
    /// The secret of the server's hash maps; no result may depend on it.
    pub hash_key: [u64; 2],
    /// Which clients there are.
    pub scenario: Scenario,
    /// A short scenario with one fault of the disk at a chosen operation, in place of a plan drawn from the seed.
    pub point: Option<Point>,
    /// Which faults happen.
    pub plan: Plan,
}

/// Which faults happen in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The power of all servers goes again and again, and little else happens.
    pub power_cuts: bool,
    /// A bit for each fault of the plan, in its order: those without one do not happen.
    pub kept: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            power_cuts: false,
            kept: u64::MAX,
        }
    }
}

/// As arguments of the program.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.power_cuts {
            f.write_str(" --power-cuts 1")?;
        }
        if self.kept == u64::MAX {
            return Ok(());
        }
        write!(f, " --faults {:x}", self.kept)
    }
}

impl Plan {
    /// The faults of a plan that happen.
    fn keep(self, plan: Vec<Fault>) -> Vec<Fault> {
        let is_kept = |at: usize| at >= 64 || self.kept >> at & 1 == 1;
        let faults = plan.into_iter().enumerate();
        faults
            .filter(|(at, _)| is_kept(*at))
            .map(|(_, fault)| fault)
            .collect()
    }
}

/// Whose clients meet the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scenario {
    /// Clients of the test kit's, which do whatever the protocol allows, and some things that it does not.
    #[default]
    Server,
    /// Production clients too, with names, hosts and clocks that fail them; what they tell their users is judged as well.
    Clients,
    /// Production clients that run recipes, a recipe a seed, whose promises are judged as well.
    Recipes,
    /// As [`Scenario::Server`], with an ensemble of three, five or seven servers.
    Ensemble,
    /// Production clients that run a task farm: leaders, workers and clients.
    Farm,
}

impl Scenario {
    /// Whether production clients are there.
    fn has_users(self) -> bool {
        matches!(self, Self::Clients | Self::Recipes | Self::Farm)
    }

    /// How soon what nobody uses goes. Recipes keep things in containers, and are to find them as they would anywhere.
    fn containers(self) -> ContainerRules {
        if self.has_users() {
            return ContainerRules::default();
        }
        ContainerRules {
            check_interval_ms: 300,
            never_used_ms_max: 1_500,
            ..ContainerRules::default()
        }
    }

    /// Whether they run recipes.
    pub(crate) fn has_scripts(self) -> bool {
        matches!(self, Self::Recipes | Self::Farm)
    }
}

/// Where in a short scenario the disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The operation of the disk, counted from the beginning; 0 for none.
    pub op: u64,
    /// How it fails.
    pub failure: Failure,
}

/// How the disk fails at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The power goes in the middle of the operation, and so much of what was not durable survives.
    PowerCut(Persistence),
    /// The operation fails.
    Error,
    /// There is no room for it.
    Full,
}

impl Failure {
    /// All of them, for exhaustive runs.
    pub const ALL: [Self; 6] = [
        Self::PowerCut(Persistence::Nothing),
        Self::PowerCut(Persistence::All),
        Self::PowerCut(Persistence::Subset),
        Self::PowerCut(Persistence::TornLast),
        Self::Error,
        Self::Full,
    ];
}

/// Something on the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    /// A client decides what to do.
    Act(usize),
    /// Bytes, or the end, may have arrived at the server on this connection.
    AtServer(usize),
    /// Bytes, or the end, may have arrived at the client on this connection.
    AtClient(usize),
    /// A thread of this life of the server has its turn.
    Turn(usize, u64, Thread),
    /// The disk is done with what the log thread has written.
    LogSpeaks(usize, u64),
    /// The log thread was idle for a while.
    LogIdle(usize, u64),
    /// One unit of the ensemble's time.
    RaftTick(usize, u64),
    /// The session clock wakes up.
    Sessions(usize, u64),
    /// It is time for a snapshot.
    SnapshotDue(usize, u64),
    /// A connection must have sent its first frame by now.
    Deadline(usize, u64, u64, usize),
    /// A server looks which peers it has no connection to.
    Dial(usize, u64),
    /// Frames may have come through this link.
    Frames(LinkId),
    /// Nothing may have come through this link since then.
    Silent(LinkId, SimTime),
    /// A server hears that a link is gone.
    LinkGone(usize, u64, LinkId),
    /// A snapshot may have come.
    Snapshot(u64),
    /// A user decides what to do.
    UserActs(usize),
    /// It may be time for which a user's client has asked.
    UserLooks(usize),
    /// A name or socket has an answer for a user's client: user, client, attempt.
    UserAnswered(usize, u32, u64),
    /// Somebody connects who is no client.
    Stranger,
    /// A fault of the plan begins.
    FaultBegins(usize),
    /// A fault of the plan ends.
    FaultEnds(usize),
    /// The server is started.
    Start(usize),
    /// Somebody notices that the server of this life has the program before.
    Upgrade(usize, u64),
    /// All faults are over: what remains must come to rest.
    Calm,
}

/// A connection's wire and both its ends.
#[derive(Debug)]
struct Line {
    wire: Wire,
    /// Whose it is; nobody's in particular when it speaks no ZooKeeper.
    actor: Option<usize>,
    /// The user, when it is a production client's.
    user: Option<usize>,
    /// To which server it goes, from 0.
    server: usize,
    /// The server's number for it, while the server has it.
    number: Option<u64>,
    /// The server has never had it, or has it: bytes that arrive are for someone.
    server_listens: bool,
}

impl Line {
    /// Whether nothing is under way that anybody will still read: what a client sent before it went is left behind where the server has
    /// closed first.
    fn is_quiet(&self) -> bool {
        self.wire.is_quiet() || !self.server_listens
    }
}

/// The dice, one a purpose, so that a change in one place does not move all others.
struct Dice {
    network: Rng,
    schedule: Rng,
    disk: Rng,
    process: Rng,
    faults: Rng,
    strangers: Rng,
    users: Rng,
}

/// See the module.
pub(crate) struct World {
    options: Options,
    agenda: Agenda<Happening>,
    dice: Dice,
    profile: Profile,
    plan: Vec<Fault>,
    machines: Machines,
    peers: PeerNetwork,
    cast: Cast,
    /// Who led in which term.
    leaders: BTreeMap<u64, usize>,
    /// The newest term that anybody knew when the last election could begin.
    term_before: u64,
    actors: Vec<Actor>,
    users: BTreeMap<usize, User>,
    next_client: u32,
    lines: BTreeMap<usize, Line>,
    history: History,
    witness: Witness,
    observed: Observed,
    trace: Trace,
    counters: Counters,
    weather: Weather,
    segment_len: u64,
    tail_entries: u64,
    phase: Phase,
    /// When bytes were last under way.
    flowed: SimTime,
    /// What recipes said.
    ledger: Arc<Mutex<Ledger>>,
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        let mut rng = Rng::new(options.seed);
        let cast = Cast::draw(options.scenario, &mut rng.fork("servers"));
        let servers = cast.machines();
        let (profile, plan) = draw((options, &cast), &mut rng);
        let administrators = u32::from(profile.ensemble.is_some());
        let actors = (0..profile.clients + administrators)
            .map(|number| Actor::new(number, &profile, &mut rng))
            .collect();
        let mut settings = rng.fork("settings");
        // Most file systems take direct writes; the others write and sync.
        let write_mode = if settings.percent(70) {
            WriteMode::Direct
        } else {
            WriteMode::Buffered
        };
        let mut platters = rng.fork("platter");
        let machine = |_| {
            let disk = SimDisk::new(platters.next_u64()).with_write_mode(write_mode);
            Machine::new(disk)
        };
        let machines = (0..servers).map(machine).collect();
        let mut world = Self {
            options,
            agenda: Agenda::default(),
            dice: Dice {
                network: rng.fork("network"),
                schedule: rng.fork("schedule"),
                disk: rng.fork("disk"),
                process: rng.fork("process"),
                faults: rng.fork("faults"),
                strangers: rng.fork("strangers"),
                users: rng.fork("users"),
            },
            profile,
            plan,
            machines: Machines(machines),
            peers: PeerNetwork::default(),
            cast,
            leaders: BTreeMap::new(),
            term_before: 0,
            actors,
            users: BTreeMap::new(),
            next_client: 0,
            lines: BTreeMap::new(),
            history: History::default(),
            witness: Witness::new(HashKey([!options.hash_key[0], 77])),
            observed: Observed::default(),
            trace: Trace::default(),
            counters: Counters::default(),
            weather: Weather::default(),
            // Small segments and short tails, so that rotation and truncation happen all the time.
            segment_len: *settings
                .pick(&[16 << 10, 64 << 10, 256 << 10])
                .unwrap_or(&65_536),
            tail_entries: *settings.pick(&[0, 10, 200]).unwrap_or(&10),
            phase: Phase::Busy,
            flowed: SimTime::ZERO,
            ledger: Arc::default(),
        };
        world.begin();
        world
    }

    /// What the scripts of this run are about, if there are any.
    fn subject(&self) -> Option<Subject> {
        Subject::of(self.options.seed, self.options.scenario)
    }

    fn begin(&mut self) {
        if self.options.point.is_some() {
            // So small that the log rotates and is cut again and again.
            (self.segment_len, self.tail_entries) = (16 << 10, 0);
        }
        if self.options.scenario.has_users() {
            let subject = self.subject();
            let drawn = self.dice.users.between(2, 4) + u64::from(subject.is_some());
            let wanted = subject.and_then(Subject::user_count);
            self.invite_users(wanted.unwrap_or_else(|| usize::try_from(drawn).unwrap_or(2)));
        }
        self.observed.is_ensemble = self.machines.count() > 1;
        self.ledger().is_ensemble = self.observed.is_ensemble;
        self.observed.election_ms_max = ELECTION_MS_MAX;
        if !self.options.scenario.has_users() {
            // Production clients stand still as they like, and are judged by what they tell their users.
            self.observed.answer_ms_max = ANSWER_MS_MAX;
        }
        self.invite_gluttons();
        for server in 0..self.machines.count() {
            // The servers of an ensemble are started one after the other, some of them late.
            let late_us = if server > 0 { 400_000 } else { 1 };
            let at = SimTime(self.dice.schedule.below(late_us));
            self.agenda.put(at, Happening::Start(server));
        }
        for actor in 0..self.actors.len() {
            let at = SimTime(self.dice.schedule.below(300_000));
            self.agenda.put(at, Happening::Act(actor));
        }
        for (position, fault) in self.plan.iter().enumerate() {
            self.agenda
                .put(fault.start, Happening::FaultBegins(position));
        }
        let first_stranger = SimTime(self.dice.strangers.below(3_000_000));
        self.agenda.put(first_stranger, Happening::Stranger);
        let last_end = self
            .plan
            .iter()
            .map(|fault| fault.start.after_ms(fault.len_ms))
            .max()
            .unwrap_or_default();
        let calm_at = SimTime::from_ms(self.profile.length_ms).max(last_end.after_ms(100));
        self.agenda.put(calm_at, Happening::Calm);
    }

    /// Lets everything happen and judges it.
    pub(crate) fn run(mut self) -> Report {
        self.play();
        self.judge()
    }

    fn play(&mut self) {
        while let Some((at, happening)) = self.agenda.take() {
            if let Some(until) = self.must_wait(at, happening) {
                self.agenda.put(until, happening);
                continue;
            }
            self.happen(happening);
            if self.is_over() {
                break;
            }
        }
    }

    /// While a server stands still, nothing of it happens: until when.
    fn must_wait(&self, at: SimTime, happening: Happening) -> Option<SimTime> {
        let server = match happening {
            Happening::Turn(server, ..)
            | Happening::LogSpeaks(server, _)
            | Happening::LogIdle(server, _)
            | Happening::RaftTick(server, _)
            | Happening::Sessions(server, _)
            | Happening::SnapshotDue(server, _)
            | Happening::Deadline(server, ..)
            | Happening::Dial(server, _)
            | Happening::LinkGone(server, ..)
            | Happening::Upgrade(server, _)
            | Happening::Start(server) => server,
            Happening::Act(_)
            | Happening::AtServer(_)
            | Happening::AtClient(_)
            | Happening::Frames(_)
            | Happening::Silent(..)
            | Happening::Snapshot(_)
            | Happening::Stranger
            | Happening::UserActs(_)
            | Happening::UserLooks(_)
            | Happening::UserAnswered(..)
            | Happening::FaultBegins(_)
            | Happening::FaultEnds(_)
            | Happening::Calm => return None,
        };
        let until = self.machines[server].paused_until;
        (at < until).then_some(until)
    }

    fn happen(&mut self, happening: Happening) {
        self.counters.happenings += 1;
        match happening {
            Happening::Act(actor) => self.act(actor),
            Happening::AtServer(connection) => self.arrive_at_server(connection),
            Happening::AtClient(connection) => self.arrive_at_client(connection),
            Happening::Turn(server, life, thread) => self.turn(server, life, thread),
            Happening::LogSpeaks(server, life) => self.log_speaks(server, life),
            Happening::LogIdle(server, life) => self.log_idles(server, life),
            Happening::RaftTick(server, life) => self.tick_raft(server, life),
            Happening::Sessions(server, life) => self.tick_sessions(server, life),
            Happening::SnapshotDue(server, life) => self.begin_snapshot(server, life),
            Happening::Deadline(server, life, number, connection) => {
                self.pass_deadline((server, life), number, connection);
            }
            Happening::Dial(server, life) => self.dial(server, life),
            Happening::Frames(link) => self.frames_arrive(link),
            Happening::Silent(link, since) => self.link_is_silent(link, since),
            Happening::LinkGone(server, life, link) => self.link_gone(server, life, link),
            Happening::Snapshot(number) => self.snapshot_arrives(number),
            Happening::Stranger => self.meet_stranger(),
            Happening::UserActs(user) => self.user_acts(user),
            Happening::UserLooks(user) => self.look_at_client(user),
            Happening::UserAnswered(user, client, connection) => {
                self.answer_client(user, client, connection);
            }
            Happening::FaultBegins(position) => self.begin_fault(position),
            Happening::FaultEnds(position) => self.end_fault(position),
            Happening::Start(server) => self.start_server(server),
            Happening::Upgrade(server, life) => self.upgrade(server, life),
            Happening::Calm => self.calm_down(),
        }
    }

    fn now(&self) -> SimTime {
        self.agenda.now()
    }

    /// The time as a server's clocks show it.
    fn server_now(&self, server: usize) -> Now {
        let at = self.now();
        let clock = &self.machines[server].clock;
        Now {
            at,
            moment: Moment {
                mono_ms: clock.monotonic_ms(at),
                wall_ms: clock.wall_ms(at),
            },
        }
    }

    fn note(&mut self, what: &'static str, numbers: (u64, u64)) {
        self.trace.note(self.agenda.now(), what, numbers);
    }

    /// Takes in what a call of production code has to tell, and gives turns to whoever has something to do now.
    fn settle(&mut self, server: usize, told: Told) {
        let now = self.now();
        let mut installed = told.installed.iter().peekable();
        for (place, entry) in told.committed.iter().enumerate() {
            while let Some((_, index)) = installed.next_if(|(behind, _)| *behind <= place) {
                self.witness.skip_to(server, *index);
            }
            self.note("committed", (entry.index.0, entry.term));
            let heard = Heard {
                index: entry.index.0,
                term: entry.term,
                data: &entry.data,
            };
            if let Some(before) = self.witness.hear(server, &heard, now) {
                let again = (id_of(server), entry.index.0, before);
                self.observed.handed_out_again.push(again);
            }
            if let Some(session) = witness::expiry_in(&entry.data) {
                self.mourn_session(session);
            }
        }
        for (_, index) in installed {
            self.witness.skip_to(server, *index);
        }
        for (index, digest) in told.digests {
            self.compare_digest(server, index, digest);
        }
        for session in told.expiries {
            self.note("expiry proposed", (session.cast_unsigned(), 0));
            self.note_expiry(server, session);
        }
        self.note_amounts(server, told.amounts);
        if let Some(rules) = told.rules_proposed {
            self.note_proposed_rules(server, rules);
        }
        for rules in told.rules_held {
            self.note_rules(server, rules);
        }
        for owner in told.heard {
            self.observed.hear(owner, now);
        }
        if let Some(established) = told.established {
            self.note_leader(server, established);
        }
        if let Some(serving) = told.serving {
            self.note_serving(server, serving);
        }
        self.send_frames(told.frames);
        told.cuts
            .into_iter()
            .for_each(|link| self.break_link(link, 1_000));
        self.send_snapshots(server, told.snapshots_out);
        if told.handed_over {
            self.kill(server);
        }
        self.counters.members_changed += told.members_changed;
        self.counters.snapshots += told.snapshots;
        self.counters.snapshots_failed += told.snapshots_failed;
        self.observed.panics.extend(told.wrong);
        if self.machines[server].process.is_some() && self.machines[server].disk.is_down() {
            self.power_goes(server);
        }
        self.schedule_wanted(server);
    }

    /// A server wants a session to expire. One that was replaced as leader, and does not know it, may want what it likes: none of it happens.
    fn note_expiry(&mut self, server: usize, session: i64) {
        let leader = self.leaders.last_key_value().map(|(_, leader)| *leader);
        if leader.is_none_or(|leader| leader == server) {
            let at = self.now();
            let proposed = &mut self.observed.expiry_proposed;
            proposed.entry(session).or_default().push(at);
        }
    }

    /// A server begins to serve clients, or ends it; what it had applied then.
    fn note_serving(&mut self, server: usize, (serves, applied_index): (bool, u64)) {
        let at = self.now();
        let since = std::mem::replace(&mut self.machines[server].idle_since, at);
        if !serves {
            return self.note("serving no more", (server as u64, 0));
        }
        self.note("serving", (server as u64, self.machines[server].life));
        self.observed.serving_begins.push(ServingBegins {
            server: id_of(server),
            since,
            at,
            applied_index,
        });
        self.end_outage(server);
    }

    /// A server leads: in its term nobody else may (G-18), and every session has its full timeout from here on.
    fn note_leader(&mut self, server: usize, established: Established) {
        let Established {
            term,
            applied_index,
            votes,
        } = established;
        self.note("leads", (server as u64, term));
        let at = self.now();
        self.observed.served_from.push(at);
        self.observed.leads.push(Leads {
            server: id_of(server),
            term,
            at,
            applied_index,
            votes,
        });
        self.disturb_before(ELECTION_MS_MAX);
        if self.leaders.insert(term, server).is_none() {
            self.counters.leaders += 1;
        }
    }

    /// How often another server led than before.
    fn leader_changes(&self) -> u64 {
        let (leaders, next) = (self.leaders.values(), self.leaders.values().skip(1));
        leaders.zip(next).filter(|(one, next)| one != next).count() as u64
    }

    /// What recipes said; a panic of a task has ended the run anyway.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compare_digest(&mut self, server: usize, index: u64, digest: u64) {
        let expected = self.witness.digest_at(index);
        if index > 0 && expected != Some(digest) {
            let what = format!(
                "the state of server {} at index {index} has digest {digest:x}, by the whole log it is {expected:x?}",
                server + 1
            );
            self.observed.divergences.push(what);
        }
    }

    fn schedule_wanted(&mut self, server: usize) {
        let machine = &mut self.machines[server];
        let Some(process) = &mut machine.process else {
            return;
        };
        for thread in process.take_wanted() {
            if machine.scheduled.insert((machine.life, thread)) {
                let delay_us = wake_delay_us(&mut self.dice.schedule);
                let turn = Happening::Turn(server, machine.life, thread);
                self.agenda.put_in_us(delay_us, turn);
            }
        }
    }

    fn judge(mut self) -> Report {
        for server in 0..self.machines.count() {
            self.end_poison(server);
            self.end_contact(server);
            self.end_rules(server);
        }
        self.observed.ended_at = self.now();
        self.observed.members_at_rest = self.members_at_rest();
        self.counters.disk_ops = self.machines.iter().map(|it| it.disk.ops()).sum();
        self.counters.snapshots_sent = self.peers.snapshots_sent;
        let replayed = replay(&self.history, &self.witness.applied);
        self.counters.add_steps(&replayed.steps);
        let case = Case {
            history: &self.history,
            applied: &self.witness.applied,
            replayed: &replayed,
            observed: &self.observed,
        };
        let mut violations = checkers::check(case);
        let mut clients = Tally::default();
        for user in self.users.values() {
            clients.add(&user.tally);
            for life in user.lives() {
                violations.extend(clients::judge(life, case, &mut clients));
            }
        }
        violations.extend(self.ledger().judge());
        let mut recipes = self.ledger().tally;
        let ensembles = u64::from(self.observed.is_ensemble);
        let leader_changes = self.leader_changes();
        (clients.ensembles, clients.leader_changes) = (ensembles, leader_changes);
        (recipes.ensembles, recipes.leader_changes) = (ensembles, leader_changes);
        self.counters
            .add_history(&self.history, &self.witness.applied, self.now());
        let fault_kinds: BTreeSet<&'static str> =
            self.plan.iter().map(|fault| fault.kind.name()).collect();
        Report {
            options: self.options,
            plan: self.plan,
            fault_kinds,
            violations,
            counters: self.counters,
            clients,
            recipes,
            trace: self.trace,
            history: self.history,
            entries: self.witness.applied.entries().cloned().collect(),
        }
    }
}

/// The number of a server among its peers.
fn id_of(server: usize) -> u8 {
    u8::try_from(server + 1).unwrap_or(u8::MAX)
}

/// What clients do, and what fails meanwhile.
fn draw((options, cast): (Options, &Cast), rng: &mut Rng) -> (Profile, Vec<Fault>) {
    let servers = cast.machines();
    let mut drawn = Profile::draw(&mut rng.fork("profile"));
    if options.scenario.has_users() {
        drawn = among_users(drawn);
    }
    if options.scenario.has_scripts() {
        drawn = for_scripts(drawn);
    }
    let mut dice = rng.fork("plan");
    if servers > 1 {
        drawn.streams = dice.percent(40);
    }
    if options.plan.power_cuts {
        drawn.length_ms = 30_000;
        drawn.think_us_max = drawn.think_us_max.min(60_000);
    }
    let plan = if options.plan.power_cuts {
        faults::power_cuts(&mut dice, drawn.length_ms, servers)
    } else if servers > 1 {
        faults::ensemble_plan(&mut dice, drawn.length_ms, servers)
    } else {
        faults::plan(&mut dice, drawn.length_ms)
    };
    drawn.ensemble = cast.change(&plan);
    match options.point {
        None if options.scenario.has_users() => (drawn, options.plan.keep(keep_moving(&plan))),
        None => (drawn, options.plan.keep(plan)),
        Some(_) => scenario(drawn),
    }
}

/// The test kit's clients are few where users are the ones to be looked at, and sessions end soon.
fn among_users(drawn: Profile) -> Profile {
    Profile {
        clients: 1 + drawn.clients % 2,
        length_ms: drawn.length_ms / 2,
        think_us_max: drawn.think_us_max.min(60_000),
        pipeline_max: drawn.pipeline_max.min(16),
        data_len_max: drawn.data_len_max.min(20_000),
        big_directory: false,
        timeout_ms: (1_000, drawn.timeout_ms.1.clamp(1_100, 3_500)),
        ..drawn
    }
}

/// Nobody but those with scripts, and long enough for them to meet again after a session has expired.
fn for_scripts(drawn: Profile) -> Profile {
    Profile {
        clients: 0,
        length_ms: drawn.length_ms * 2,
        timeout_ms: (700, drawn.timeout_ms.1.min(2_500)),
        ..drawn
    }
}

/// Without slow networks in a trickle: a full pipe would take minutes to run dry, and nothing else would happen.
fn keep_moving(plan: &[Fault]) -> Vec<Fault> {
    let end = |fault: &Fault| fault.start.after_ms(fault.len_ms);
    let trickles = || plan.iter().filter(|fault| fault.kind == FaultKind::Trickle);
    let overlaps = |slow: &Fault| {
        trickles().any(|trickle| trickle.start <= end(slow) && slow.start <= end(trickle))
    };
    let is_slow = |fault: &Fault| matches!(fault.kind, FaultKind::SlowNetwork { .. });
    let kept = plan
        .iter()
        .filter(|fault| !is_slow(fault) || !overlaps(fault));
    kept.copied().collect()
}

/// A run of a second and a half that appends, rotates, snapshots, cuts, purges and recovers, and is over soon.
fn scenario(drawn: Profile) -> (Profile, Vec<Fault>) {
    let profile = Profile {
        clients: 3,
        length_ms: 1_500,
        think_us_max: 40_000,
        pipeline_max: 3,
        drop_permille: 2,
        close_permille: 2,
        silence_permille: 0,
        data_len_max: 3_000,
        big_directory: false,
        snapshot_every_ms: 120,
        ..drawn
    };
    let restart = Fault {
        kind: FaultKind::Crash(Crash::Process),
        start: SimTime::from_ms(700),
        len_ms: 40,
        server: 0,
    };
    (profile, vec![restart])
}

/// How long a thread takes to wake up: mostly at once, sometimes others come first, rarely the machine is busy.
fn wake_delay_us(rng: &mut Rng) -> u64 {
    match rng.weighted(&[75, 20, 5]) {
        0 => rng.between(1, 50),
        1 => rng.between(50, 900),
        _ => rng.between(900, 7_000),
    }
}
