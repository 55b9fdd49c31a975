//! The simulated world of one seed: a server, its disk, its clients and the network, and the faults among them, in one thread.
//!
//! Invariant: everything that happens is taken from one agenda, ordered by time and then by arrival, and every choice is drawn
//! from the seed. The production code is called from here and nowhere else, and it is told the time and given its random bytes.

mod actors;
mod cast;
mod contact;
mod diet;
mod drawing;
mod ending;
mod faulting;
mod happening;
mod judging;
mod machine;
mod options;
mod peers;
mod serving;
mod settling;
mod strangers;
mod upgrading;
mod users;

#[cfg(test)]
mod tests;

use crate::clients::User;
use crate::process::Now;
use crate::process::Wire;
use crate::recipes::Ledger;
use crate::recipes::Subject;
use crate::report::Counters;
use crate::report::Report;
use crate::trace::Trace;
use crate::witness::Witness;
use actors::Actor;
use cast::Cast;
use ending::Phase;
use happening::Happening;
use machine::Machine;
use machine::Machines;
use peers::PeerNetwork;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use zoa_core::Moment;
use zoa_log::WriteMode;
use zoa_testkit::clock::Agenda;
use zoa_testkit::clock::SimTime;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::faults::Fault;
use zoa_testkit::history::History;
use zoa_testkit::net::Weather;
use zoa_testkit::observed::Observed;
use zoa_testkit::rng::Rng;
use zoa_testkit::workload::Profile;
use zoa_tree::HashKey;

pub use options::Failure;
pub use options::Options;
pub use options::Plan;
pub use options::Point;
pub use options::Scenario;

/// Who reads its answers has them within this while nothing is amiss, whoever else is there: half of the shortest session timeout, behind
/// which its client would have to take the server for lost.
const ANSWER_MS_MAX: u64 = 500;

/// Within this there is a leader once a majority of those that vote is connected: two election timeouts. One timeout is 20 to 40 ticks of
/// 50 ms, so that one is over after two seconds at the latest; the second is for those who wanted to lead at the same time.
const ELECTION_MS_MAX: u64 = 4_000;

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

impl Dice {
    fn new(rng: &mut Rng) -> Self {
        Self {
            network: rng.fork("network"),
            schedule: rng.fork("schedule"),
            disk: rng.fork("disk"),
            process: rng.fork("process"),
            faults: rng.fork("faults"),
            strangers: rng.fork("strangers"),
            users: rng.fork("users"),
        }
    }
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
        let (profile, plan) = drawing::draw((options, &cast), &mut rng);
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
            dice: Dice::new(&mut rng),
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
        let until = self.machines[happening.server()?].paused_until;
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

    /// What recipes said; a panic of a task has ended the run anyway.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of a server among its peers.
fn id_of(server: usize) -> u8 {
    u8::try_from(server + 1).unwrap_or(u8::MAX)
}
