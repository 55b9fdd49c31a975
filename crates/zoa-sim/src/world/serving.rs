//! The server's side of the world: turns of its threads, arrivals on its connections, starts and ends of its lives.

use super::Failure;
use super::Happening;
use super::Point;
use super::World;
use crate::clients::user_address;
use crate::process::Death;
use crate::process::Process;
use crate::process::Setup;
use crate::process::StartError;
use crate::process::TaskTurn;
use crate::process::Thread;
use crate::process::Told;
use std::net::IpAddr;
use zoa_proto::PeerId;
use zoa_testkit::applied::Owner;
use zoa_testkit::disk::Fault as DiskFault;
use zoa_testkit::disk::Persistence;
use zoa_testkit::faults::CrashPoint;
use zoa_testkit::observed::Span;

/// Where those come from who are no clients.
const STRANGERS_ADDRESS: &str = "10.9.9.9";

/// One unit of the raft loop's time.
const RAFT_TICK_US: u64 = 50_000;

/// How long the log thread waits before it takes an idle step.
const LOG_IDLE_US: u64 = 4_000;

impl World {
    /// Whether this is still the life that asked for something.
    pub(super) fn lives(&self, server: usize, life: u64) -> bool {
        self.machines[server].life == life && self.machines[server].process.is_some()
    }

    pub(super) fn turn(&mut self, server: usize, life: u64, thread: Thread) {
        let late_until = self.machines[server].raft_late_until;
        if thread == Thread::Raft && self.now() < late_until {
            self.agenda
                .put(late_until, Happening::Turn(server, life, thread));
            return;
        }
        self.machines[server].scheduled.remove(&(life, thread));
        if !self.lives(server, life) {
            return;
        }
        if thread == Thread::Log && self.machines[server].log_is_writing {
            // It will look at its queue when it is done.
            return;
        }
        if let Thread::Connection(number) = thread {
            self.turn_connection(server, number);
            return;
        }
        let now = self.server_now(server);
        let mut told = Told::default();
        let failed_before = self.machines[server].disk.failures();
        let Some(process) = &mut self.machines[server].process else {
            return;
        };
        let outcome = process.turn(thread, now, &mut told);
        // A segment that is not needed yet may be given up; what the log then acknowledges has to be there all the same. The disk may
        // fail twice then: in the step itself, and when its file is removed.
        let excused = failed_before + 2 * told.unprepared;
        if thread == Thread::Log && self.machines[server].disk.failures() > excused {
            // Whatever the log says of it: from here on it must acknowledge nothing (G-20).
            self.note_poison(server);
        }
        self.note("turn", (thread_number(thread), server as u64));
        self.settle(server, told);
        match outcome {
            Ok(()) if thread == Thread::Log => self.let_log_write(server),
            Ok(()) => {}
            Err(death) => self.die(server, &death),
        }
    }

    /// The log thread's write takes its time; until then it takes no more orders.
    fn let_log_write(&mut self, server: usize) {
        let Some(process) = &self.machines[server].process else {
            return;
        };
        if process.log_has_spoken() {
            self.machines[server].log_is_writing = true;
            let slow_us = self
                .dice
                .disk
                .below(self.machines[server].slow_disk_ms * 1000 + 1);
            let usual_us = if self.dice.disk.percent(5) {
                6_000
            } else {
                500
            };
            let delay_us = slow_us + self.dice.disk.between(60, usual_us);
            self.agenda.put_in_us(
                delay_us,
                Happening::LogSpeaks(server, self.machines[server].life),
            );
        } else if process.log_wants_idle_step() {
            self.agenda.put_in_us(
                LOG_IDLE_US,
                Happening::LogIdle(server, self.machines[server].life),
            );
        }
    }

    pub(super) fn log_speaks(&mut self, server: usize, life: u64) {
        if !self.lives(server, life) {
            return;
        }
        self.machines[server].log_is_writing = false;
        let mut told = Told::default();
        if let Some(process) = &mut self.machines[server].process {
            let place = CrashPoint::BeforeAcknowledge;
            if process.log_acknowledges() && process.reach(place).is_err() {
                return self.die(server, &Death::AtPlace(place));
            }
            process.deliver_log_outputs(&mut told);
        }
        self.note("log speaks", (0, 0));
        self.settle(server, told);
        self.wake_log(server);
    }

    /// Lets the log thread look at its queue: there may be orders, or an idle step to take.
    fn wake_log(&mut self, server: usize) {
        let Some(process) = &self.machines[server].process else {
            return;
        };
        if process.has_log_orders() {
            let life = self.machines[server].life;
            if self.machines[server].scheduled.insert((life, Thread::Log)) {
                self.agenda.put_in_us(
                    1,
                    Happening::Turn(server, self.machines[server].life, Thread::Log),
                );
            }
        } else if process.log_wants_idle_step() {
            self.agenda.put_in_us(
                LOG_IDLE_US,
                Happening::LogIdle(server, self.machines[server].life),
            );
        }
    }

    pub(super) fn log_idles(&mut self, server: usize, life: u64) {
        let busy = self.machines[server]
            .process
            .as_ref()
            .is_none_or(Process::has_log_orders);
        if self.lives(server, life)
            && !busy
            && !self.machines[server].log_is_writing
            && self.machines[server].scheduled.insert((life, Thread::Log))
        {
            self.turn(server, life, Thread::Log);
        }
    }

    pub(super) fn tick_raft(&mut self, server: usize, life: u64) {
        if !self.lives(server, life) {
            return;
        }
        let now = self.server_now(server);
        if let Some(process) = &mut self.machines[server].process {
            process.tick_raft(now);
        }
        self.look_at_contact(server);
        self.schedule_wanted(server);
        self.agenda
            .put_in_us(RAFT_TICK_US, Happening::RaftTick(server, life));
    }

    pub(super) fn tick_sessions(&mut self, server: usize, life: u64) {
        if !self.lives(server, life) {
            return;
        }
        let now = self.server_now(server);
        let mut told = Told::default();
        let Some(process) = &mut self.machines[server].process else {
            return;
        };
        process.tick_sessions(now, &mut told);
        let sleep_us = process.session_sleep_ms(now) * 1000 + self.dice.schedule.below(2_000);
        self.agenda
            .put_in_us(sleep_us, Happening::Sessions(server, life));
        self.settle(server, told);
    }

    pub(super) fn begin_snapshot(&mut self, server: usize, life: u64) {
        if !self.lives(server, life) {
            return;
        }
        let mut told = Told::default();
        if let Some(process) = &mut self.machines[server].process {
            process.begin_snapshot(&mut told);
        }
        let next_us = self
            .dice
            .schedule
            .between(1, self.profile.snapshot_every_ms * 2000);
        self.agenda
            .put_in_us(next_us, Happening::SnapshotDue(server, life));
        self.note("snapshot begins", (0, 0));
        self.settle(server, told);
    }

    pub(super) fn arrive_at_server(&mut self, connection: usize) {
        let now = self.now();
        let Some(server) = self.lines.get(&connection).map(|line| line.server) else {
            return;
        };
        let server_now = self.server_now(server);
        let paused_until = self.machines[server].paused_until;
        let life = self.machines[server].life;
        let Some(line) = self.lines.get_mut(&connection) else {
            return;
        };
        line.wire.arrive_at_server(now);
        if !line.server_listens || !line.wire.is_readable() {
            return;
        }
        let Some(process) = &mut self.machines[server].process else {
            return;
        };
        if line.number.is_none() {
            let actor = line.actor.and_then(|actor| self.actors.get(actor));
            let user = line.user.map(user_address);
            let address = actor.map(|actor| actor.client.address().to_owned());
            let address = user.or(address);
            let address = address
                .as_deref()
                .unwrap_or(STRANGERS_ADDRESS)
                .parse::<IpAddr>()
                .ok();
            line.number = address.and_then(|address| process.accept(address, server_now));
            let Some(number) = line.number else {
                line.server_listens = false;
                return;
            };
            if line.actor.is_some() || line.user.is_some() {
                let owner = owner(server, number);
                self.history.set_owner(connection, owner);
            }
            let deadline_us = process
                .deadline_ms(number)
                .map_or(0, |at_ms| at_ms.saturating_sub(now.as_ms()) * 1000);
            self.agenda.put_in_us(
                deadline_us,
                Happening::Deadline(server, life, number, connection),
            );
        }
        if let Some(number) = line.number {
            process.want_connection(number);
            if now < paused_until && line.wire.has_unread_frame() {
                // It stands in the kernel's buffer: the session is not silent, though nobody listens.
                self.observed.hear(owner(server, number), now);
            }
        }
        self.schedule_wanted(server);
    }

    pub(super) fn pass_deadline(
        &mut self,
        (server, life): (usize, u64),
        number: u64,
        connection: usize,
    ) {
        let now = self.now();
        if self.lives(server, life)
            && let Some(process) = &mut self.machines[server].process
            && process.pass_deadline(number)
            && let Some(line) = self.lines.get_mut(&connection)
        {
            line.number = None;
            line.server_listens = false;
            let at = line.wire.link.to_client.end(now);
            self.agenda.put(at, Happening::AtClient(connection));
        }
    }

    fn turn_connection(&mut self, server: usize, number: u64) {
        let now = self.server_now(server);
        let found = self
            .lines
            .iter_mut()
            .find(|(_, line)| line.server == server && line.number == Some(number));
        let (Some((connection, line)), Some(process)) = (found, &mut self.machines[server].process)
        else {
            return;
        };
        let connection = *connection;
        let mut told = Told::default();
        let turn = process.turn_connection(
            number,
            &mut line.wire,
            (now, &mut self.dice.network),
            &mut told,
        );
        let (arrivals, closed) = match turn {
            TaskTurn::Sent(arrivals) => (arrivals, false),
            TaskTurn::Closed(arrivals) => (arrivals, true),
        };
        if closed {
            line.number = None;
            line.server_listens = false;
        }
        let sent = arrivals.len() as u64;
        for at in arrivals {
            self.agenda.put(at, Happening::AtClient(connection));
        }
        self.note(
            if closed { "task ends" } else { "task" },
            (connection as u64, sent),
        );
        self.settle(server, told);
    }

    pub(super) fn start_server(&mut self, server: usize) {
        if self.machines[server].process.is_some() {
            return;
        }
        self.machines[server].life += 1;
        self.machines[server].idle_since = self.now();
        if let Some(healed_at) = &mut self.observed.healed_at {
            *healed_at = self.agenda.now();
        }
        self.witness.begin_life(server);
        // What the next life commits is not held against the log that failed in the last one, however soon it comes.
        let now = self.now();
        if let Some(failed) = self.observed.poisoned.last_mut() {
            failed.to = failed.to.min(now);
        }
        self.machines[server].scheduled.clear();
        self.machines[server].log_is_writing = false;
        let setup = Setup {
            disk: self.machines[server].disk.clone(),
            server: PeerId(u8::try_from(server + 1).unwrap_or(u8::MAX)),
            lines: self.cast.lines_of(server, self.machines[server].names_all),
            containers: self.options.scenario.containers(),
            crash_at: self.machines[server].crash_at.map(|(place, _)| place),
            raft_tick_ms: RAFT_TICK_US / 1000,
            bounds: self.observed.bounds,
            hash_key: self.options.hash_key,
            life: self.machines[server].life,
            segment_len: self.segment_len,
            tail_entries: self.tail_entries,
            versions: self.versions_of(server),
        };
        self.note_program(server, setup.versions);
        if let Some(point) = self.options.point {
            self.plan_point(server, point);
        } else if self.dice.faults.percent(10)
            && self.phase.is_busy()
            && self.machines[server].life > 1
        {
            // The power is not steady: it may go again while the server recovers.
            self.machines[server].disk.fault_at(
                self.machines[server].disk.ops() + self.dice.faults.between(1, 30),
                DiskFault::Crash,
            );
        }
        let mut told = Told::default();
        let random = self.dice.process.fork("life");
        let started = Process::start(&setup, (self.server_now(server), random), &mut told);
        self.note("start", (self.machines[server].life, 0));
        match started {
            Ok(process) => {
                self.machines[server].process = Some(process);
                self.counters.starts += 1;
                self.schedule_life(server);
                self.settle(server, told);
            }
            Err(error) => {
                self.settle(server, told);
                self.fail_to_start(server, &error);
            }
        }
    }

    fn schedule_life(&mut self, server: usize) {
        let life = self.machines[server].life;
        self.agenda.put_in_us(
            self.dice.schedule.below(RAFT_TICK_US),
            Happening::RaftTick(server, life),
        );
        self.agenda.put_in_us(
            self.dice
                .schedule
                .below(self.profile.snapshot_every_ms * 2000),
            Happening::SnapshotDue(server, life),
        );
        if self.machines.count() > 1 {
            let first_us = self.dice.schedule.below(20_000);
            self.agenda
                .put_in_us(first_us, Happening::Dial(server, life));
        }
    }

    fn fail_to_start(&mut self, server: usize, error: &StartError) {
        let words = &error.to_string();
        let died_at_its_place = matches!(error, StartError::Died(Death::AtPlace(_)));
        let again_us = self.dice.faults.between(10_000, 200_000);
        if self.machines[server].disk.is_down() || died_at_its_place {
            self.machines[server].crash_at = None;
            self.counters.power_cuts += 1;
            self.machines[server].failing_ops.clear();
            let persistence = self.draw_persistence();
            self.machines[server].disk = self.machines[server].disk.power_cut(persistence);
            self.note(
                "power goes while starting",
                (self.machines[server].disk.ops(), 0),
            );
        } else if self.machines[server].disk_is_full || self.is_excused(server) {
            // The disk is not itself: to refuse is right, and to start when it is again.
            self.note("refuses to start on a failing disk", (0, 0));
            self.machines[server].disk = self.machines[server].disk.kill();
            let at = self.disk_fault_ends(server).max(self.now().after_ms(20));
            self.agenda.put(at, Happening::Start(server));
            return;
        } else if let StartError::Died(Death::TooOld(words)) = error {
            self.note_too_old(server, words);
            self.machines[server].disk = self.machines[server].disk.kill();
        } else {
            self.observed
                .refused_starts
                .push((self.now(), words.clone()));
            self.phase.give_up();
        }
        self.agenda.put_in_us(again_us, Happening::Start(server));
    }

    /// Whether an operation that was to fail has just failed, and with it the start: that it may do once for each.
    fn is_excused(&mut self, server: usize) -> bool {
        let ops = self.machines[server].disk.ops();
        let failing = &mut self.machines[server].failing_ops;
        let planned = failing.len();
        failing.retain(|op| *op > ops);
        failing.len() < planned
    }

    /// Faults of the disk are forgotten with each life; the chosen point is kept until it is passed.
    fn plan_point(&mut self, server: usize, point: Point) {
        if self.machines[server].disk.ops() < point.op {
            if !matches!(point.failure, Failure::PowerCut(_)) {
                self.machines[server].failing_ops.push(point.op);
            }
            let fault = match point.failure {
                Failure::PowerCut(_) => DiskFault::Crash,
                Failure::Error => DiskFault::Eio,
                Failure::Full => DiskFault::Enospc,
            };
            self.machines[server].disk.fault_at(point.op, fault);
        }
    }

    pub(super) fn draw_persistence(&mut self) -> Persistence {
        if let Some(Point {
            failure: Failure::PowerCut(persistence),
            ..
        }) = self.options.point
        {
            return persistence;
        }
        *self
            .dice
            .faults
            .pick(&Persistence::ALL)
            .unwrap_or(&Persistence::Nothing)
    }

    /// The process ends by itself.
    pub(super) fn die(&mut self, server: usize, death: &Death) {
        let now = self.now();
        match death {
            Death::LogFailed(words) => {
                self.counters.log_failures += 1;
                let mut told = Told::default();
                if let Some(process) = &mut self.machines[server].process {
                    process.probe_failed_log(&mut told);
                }
                self.trace.note_bytes(words.as_bytes());
                self.observed.panics.extend(told.wrong);
                self.note_poison(server);
            }
            Death::AtPlace(_) => {
                self.counters.at_places += 1;
                if let Some((_, true)) = self.machines[server].crash_at.take() {
                    self.cut_power(server);
                    let back_us = self.dice.faults.between(20_000, 400_000);
                    self.agenda.put_in_us(back_us, Happening::Start(server));
                    return;
                }
            }
            Death::DiskFailed(words) => self.trace.note_bytes(words.as_bytes()),
            Death::Undecodable(words) => self.observed.panics.push(words.clone()),
            Death::TooOld(words) => self.note_too_old(server, words),
        }
        self.note("the process ends by itself", (server as u64, 0));
        self.end_process(server);
        self.lose_peers(server, false);
        self.machines[server].disk = self.machines[server].disk.kill();
        self.lose_connections(server, false);
        let back_us = self.dice.faults.between(50_000, 400_000);
        let at = self.disk_fault_ends(server).max(now.after_us(back_us));
        self.agenda.put(at, Happening::Start(server));
    }

    /// The log has met an error. What was committed in the same instant came before.
    fn note_poison(&mut self, server: usize) {
        self.machines[server]
            .poisoned_since
            .get_or_insert_with(|| self.agenda.now().after_us(1));
    }

    /// The span of the poisoned log ends with its process.
    pub(super) fn end_poison(&mut self, server: usize) {
        if let Some(from) = self.machines[server].poisoned_since.take() {
            let to = from.max(self.now()).after_ms(1);
            // Of an ensemble, the others go on committing; that this log acknowledges nothing was asked of itself.
            if self.machines.count() == 1 {
                self.observed.poisoned.push(Span { from, to });
            }
        }
    }

    pub(super) fn end_process(&mut self, server: usize) {
        self.end_poison(server);
        self.end_contact(server);
        self.end_rules(server);
        self.disturb(0);
        self.machines[server].process = None;
        self.end_waiting();
        self.machines[server].failing_ops.clear();
        self.machines[server].scheduled.clear();
        self.machines[server].log_is_writing = false;
        self.machines[server].down_since = self.machines[server]
            .down_since
            .or_else(|| Some(self.now()));
    }

    pub(super) fn end_outage(&mut self, server: usize) {
        let to = self.now();
        let from = self.machines[server].down_since.take();
        if let Some(from) = from.filter(|_| self.machines.count() == 1) {
            self.observed.outages.push(Span { from, to });
        }
        let life = self.machines[server].life;
        self.agenda
            .put_in_us(1_000, Happening::Sessions(server, life));
        self.end_dead_lines(server);
    }
}

pub(super) fn owner(server: usize, connection: u64) -> Owner {
    Owner {
        server: u8::try_from(server + 1).unwrap_or(u8::MAX),
        connection,
    }
}

fn thread_number(thread: Thread) -> u64 {
    match thread {
        Thread::Raft => 1,
        Thread::Log => 2,
        Thread::Apply => 3,
        Thread::Snapshots => 4,
        Thread::Connection(number) => number,
    }
}
