//! The end of a run: faults are over, clients settle down, one of them reads the whole tree, and everything must come to rest.
//!
//! Serves G-21 for one server, and makes sure that what a client never saw was not merely on its way.

use super::Happening;
use super::Line;
use super::World;
use super::actors::Actor;
use super::actors::Probe;
use super::machine::Machine;
use crate::clients::User;
use crate::process::Process;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::ClientId;
use zoa_testkit::net::Weather;
use zoa_testkit::observed::MembersAtRest;
use zoa_testkit::rng::Rng;

/// From calm to the last look: clients come back, what was under way is answered.
const SETTLE_MS: u64 = 1_500;

/// The same for short scenarios, in which nobody is far behind.
const SETTLE_SHORT_MS: u64 = 400;

/// Within this a client's write succeeds on every server: two election timeouts of two seconds, and as much again to hear that a peer
/// is gone, to start and to catch up.
const HEALING_MS_MAX: u64 = 8_000;

/// Nothing takes longer than this once all faults are over and the last bytes have arrived.
const REST_MS_MAX: u64 = 30_000;

/// The same while bytes are under way: a pipe that filled up in a trickle runs dry as slowly, and nobody may hurry it.
const FLOW_MS_MAX: u64 = 10 * REST_MS_MAX;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Faults and work.
    Busy,
    /// Since then all is to come to rest.
    Calm(SimTime),
    /// The server does not start: there is nothing to wait for.
    GivenUp,
}

impl Phase {
    pub(super) fn is_busy(self) -> bool {
        self == Self::Busy
    }

    pub(super) fn give_up(&mut self) {
        *self = Self::GivenUp;
    }
}

impl World {
    pub(super) fn calm_down(&mut self) {
        self.note("calm", (0, 0));
        if self.phase.is_busy() {
            self.phase = Phase::Calm(self.now());
        }
        self.set_weather(Weather::default());
        (0..self.machines.count()).for_each(|server| self.forget_place(server));
        self.end_mistakes();
        self.end_gluttony();
        self.observed.healed_at = Some(self.now());
        self.observed.healing_ms_max = HEALING_MS_MAX;
        for machine in &mut self.machines.0 {
            machine.slow_disk_ms = 0;
            machine.disk.set_capacity(None);
            machine.disk_is_full = false;
        }
        self.peers.cuts.clear();
        self.peers.slow_us = 0;
        self.resume_links();
        self.actors
            .iter_mut()
            .for_each(|actor| actor.program.calm_down());
        let now = self.now();
        self.users.values_mut().for_each(|user| user.calm_down(now));
        self.show_the_way();
        (0..self.machines.count()).for_each(|server| self.start_server(server));
        let mut rng = Rng::new(self.options.seed).fork("last look");
        let number = u32::try_from(self.actors.len()).unwrap_or(u32::MAX);
        self.actors
            .push(Actor::scanning(number, &self.profile, &mut rng));
        let at = self.now().after_ms(self.settle_ms());
        self.agenda.put(at, Happening::Act(self.actors.len() - 1));
        if self.options.point.is_none() {
            self.send_probers();
        }
    }

    /// A server that lost its disk may know by its zoo.cfg none of those that lead by now: its operator writes all of them down, and starts
    /// it anew.
    fn show_the_way(&mut self) {
        let is_member = |machine: &Machine| machine.process.as_ref().map(Process::is_member);
        let members: Vec<Option<bool>> = self.machines.iter().map(is_member).collect();
        if !members.contains(&Some(true)) {
            return;
        }
        for (server, is_member) in members.into_iter().enumerate() {
            if is_member == Some(false) {
                self.machines[server].names_all = true;
                self.kill(server);
            }
        }
    }

    /// One client for each server writes as soon as it can.
    fn send_probers(&mut self) {
        let mut rng = Rng::new(self.options.seed).fork("probers");
        for server in 0..self.machines.count() {
            let number = u32::try_from(self.actors.len()).unwrap_or(u32::MAX);
            self.observed
                .probers
                .insert(ClientId(number), super::id_of(server));
            let prober = Actor::probing(server, number, &self.profile, &mut rng);
            self.actors.push(prober);
            self.agenda
                .put_in_us(1, Happening::Act(self.actors.len() - 1));
        }
    }

    /// Who votes in the end, and who should, as each server knows it; of an ensemble that has come to rest.
    pub(super) fn members_at_rest(&self) -> Vec<MembersAtRest> {
        let count = self.machines.count();
        if count == 1 || !matches!(self.phase, Phase::Calm(_)) {
            return Vec::new();
        }
        let of_machine = |(server, machine): (usize, &Machine)| {
            let process = machine.process.as_ref()?;
            let is_there = |id: &u8| usize::from(*id) <= count;
            Some(MembersAtRest {
                server: super::id_of(server),
                voters: process.voters().unwrap_or_default(),
                wanted: process
                    .participants()
                    .into_iter()
                    .filter(is_there)
                    .collect(),
            })
        };
        self.machines
            .iter()
            .enumerate()
            .filter_map(of_machine)
            .collect()
    }

    /// Whether those vote that should, or it is too late to wait for it.
    fn has_settled_members(&self) -> bool {
        let settled = |it: &MembersAtRest| it.voters == it.wanted;
        self.members_at_rest().iter().all(settled)
    }

    pub(super) fn is_over(&mut self) -> bool {
        let since = match self.phase {
            Phase::Busy => return false,
            Phase::GivenUp => return true,
            Phase::Calm(since) => since,
        };
        let waited_ms = self.now().ms_since(since);
        // Sessions of clients that are gone expire in this time, too, or G-11 reports them.
        let timeout_ms = u64::try_from(self.observed.bounds.session_timeout_ms_max).unwrap_or(0);
        let watched_ms = if self.options.point.is_some() {
            0
        } else {
            timeout_ms / 2
        };
        if waited_ms < self.settle_ms() + watched_ms {
            return false;
        }
        if !self.has_quiet_wires() {
            self.flowed = self.now();
        }
        let idle_ms = self.now().ms_since(self.flowed.max(since));
        if idle_ms > REST_MS_MAX || waited_ms > FLOW_MS_MAX {
            let words = self.what_moves();
            self.observed.stuck.push(words);
            return true;
        }
        self.is_at_rest()
    }

    fn settle_ms(&self) -> u64 {
        if self.options.point.is_some() {
            SETTLE_SHORT_MS
        } else {
            SETTLE_MS
        }
    }

    fn is_at_rest(&self) -> bool {
        let scanned = self
            .actors
            .iter()
            .filter_map(|actor| actor.scan.as_ref())
            .all(|scan| scan.is_done());
        let settled = self
            .actors
            .iter()
            .all(|actor| actor.client.is_established() && actor.client.awaiting_count() == 0);
        let probed = self
            .actors
            .iter()
            .all(|actor| actor.probe != Some(Probe::Due));
        let quiet_server = self.has_quiet_servers() && self.has_settled_members() && probed;
        let users_done = self.users.values().all(User::is_done);
        scanned && settled && users_done && self.has_quiet_wires() && quiet_server
    }

    /// Whether all servers serve, and have nothing to do, and are equally far.
    fn has_quiet_servers(&self) -> bool {
        let is_quiet = |machine: &Machine| {
            let process = machine.process.as_ref();
            process.is_some_and(|process| process.serves && process.is_quiet())
                && machine.scheduled.is_empty()
        };
        let mut indexes = self.machines.iter().filter_map(Machine::applied_index);
        let first = indexes.next();
        self.machines.iter().all(is_quiet) && indexes.all(|index| Some(index) == first)
    }

    fn has_quiet_wires(&self) -> bool {
        self.lines.values().all(Line::is_quiet)
    }

    fn what_moves(&self) -> String {
        let mut waiting: Vec<String> = self
            .actors
            .iter()
            .filter(|actor| !actor.client.is_established() || actor.client.awaiting_count() > 0)
            .map(|actor| {
                let state = if actor.client.is_established() {
                    "waits for"
                } else {
                    "has no session;"
                };
                format!(
                    "client {} {state} {} replies",
                    actor.client.id().0,
                    actor.client.awaiting_count()
                )
            })
            .collect();
        let busy = self.users.values().filter(|user| !user.is_done());
        waiting.extend(busy.map(User::what_moves));
        if !self.has_settled_members() {
            waiting.push(format!("{:?}", self.members_at_rest()));
        }
        let moving = self.lines.iter().filter(|(_, line)| !line.is_quiet());
        waiting.extend(moving.map(|(connection, _)| format!("bytes on connection {connection}")));
        let server: Vec<String> = self.machines.iter().map(Machine::state).collect();
        let server = server.join(", ");
        let scan = self
            .actors
            .iter()
            .filter_map(|actor| actor.scan.as_ref())
            .all(|scan| scan.is_done());
        format!(
            "the servers: {server}; the last look is done: {scan}; {}",
            waiting.join(", ")
        )
    }
}
