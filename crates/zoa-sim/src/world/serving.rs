//! The server's side of the world: turns of its threads, arrivals on its connections, starts and ends of its lives.

use super::Failure;
use super::Happening;
use super::Point;
use super::World;
use crate::clients::user_address;
use crate::process::Death;
use crate::process::Process;
use crate::process::Setup;
use crate::process::TaskTurn;
use crate::process::Thread;
use crate::process::Told;
use std::net::IpAddr;
use zoa_testkit::applied::Owner;
use zoa_testkit::disk::Fault as DiskFault;
use zoa_testkit::disk::Persistence;
use zoa_testkit::observed::Span;

/// Where those come from who are no clients.
const STRANGERS_ADDRESS: &str = "10.9.9.9";

/// One unit of the raft loop's time.
const RAFT_TICK_US: u64 = 50_000;

/// How long the log thread waits before it takes an idle step.
const LOG_IDLE_US: u64 = 4_000;

impl World {
    /// Whether this is still the life that asked for something.
    fn lives(&self, life: u64) -> bool {
        self.life == life && self.process.is_some()
    }

    pub(super) fn turn(&mut self, life: u64, thread: Thread) {
        self.scheduled.remove(&(life, thread));
        if !self.lives(life) {
            return;
        }
        if thread == Thread::Log && self.log_is_writing {
            // It will look at its queue when it is done.
            return;
        }
        if let Thread::Connection(number) = thread {
            self.turn_connection(number);
            return;
        }
        let now = self.server_now();
        let mut told = Told::default();
        let failed_before = self.disk.failures();
        let Some(process) = &mut self.process else {
            return;
        };
        let outcome = process.turn(thread, now, &mut told);
        // A segment that is not needed yet may be given up; what the log then acknowledges has to be there all the same.
        let excused = failed_before + told.unprepared;
        if thread == Thread::Log && self.disk.failures() > excused {
            // Whatever the log says of it: from here on it must acknowledge nothing (G-20).
            self.note_poison();
        }
        self.note("turn", (thread_number(thread), 0));
        self.settle(told);
        match outcome {
            Ok(()) if thread == Thread::Log => self.let_log_write(),
            Ok(()) => {}
            Err(death) => self.die(&death),
        }
    }

    /// The log thread's write takes its time; until then it takes no more orders.
    fn let_log_write(&mut self) {
        let Some(process) = &self.process else { return };
        if process.log_has_spoken() {
            self.log_is_writing = true;
            let slow_us = self.dice.disk.below(self.slow_disk_ms * 1000 + 1);
            let usual_us = if self.dice.disk.percent(5) {
                6_000
            } else {
                500
            };
            let delay_us = slow_us + self.dice.disk.between(60, usual_us);
            self.agenda
                .put_in_us(delay_us, Happening::LogSpeaks(self.life));
        } else if process.log_wants_idle_step() {
            self.agenda
                .put_in_us(LOG_IDLE_US, Happening::LogIdle(self.life));
        }
    }

    pub(super) fn log_speaks(&mut self, life: u64) {
        if !self.lives(life) {
            return;
        }
        self.log_is_writing = false;
        let mut told = Told::default();
        if let Some(process) = &mut self.process {
            process.deliver_log_outputs(&mut told);
        }
        self.note("log speaks", (0, 0));
        self.settle(told);
        self.wake_log();
    }

    /// Lets the log thread look at its queue: there may be orders, or an idle step to take.
    fn wake_log(&mut self) {
        let Some(process) = &self.process else { return };
        if process.has_log_orders() {
            if self.scheduled.insert((self.life, Thread::Log)) {
                self.agenda
                    .put_in_us(1, Happening::Turn(self.life, Thread::Log));
            }
        } else if process.log_wants_idle_step() {
            self.agenda
                .put_in_us(LOG_IDLE_US, Happening::LogIdle(self.life));
        }
    }

    pub(super) fn log_idles(&mut self, life: u64) {
        let busy = self.process.as_ref().is_none_or(Process::has_log_orders);
        if self.lives(life)
            && !busy
            && !self.log_is_writing
            && self.scheduled.insert((life, Thread::Log))
        {
            self.turn(life, Thread::Log);
        }
    }

    pub(super) fn tick_raft(&mut self, life: u64) {
        if let (true, Some(process)) = (self.life == life, &mut self.process) {
            process.tick_raft();
            self.schedule_wanted();
            self.agenda
                .put_in_us(RAFT_TICK_US, Happening::RaftTick(life));
        }
    }

    pub(super) fn tick_sessions(&mut self, life: u64) {
        if !self.lives(life) {
            return;
        }
        let now = self.server_now();
        let mut told = Told::default();
        let Some(process) = &mut self.process else {
            return;
        };
        process.tick_sessions(now, &mut told);
        let sleep_us = process.session_sleep_ms(now) * 1000 + self.dice.schedule.below(2_000);
        self.agenda.put_in_us(sleep_us, Happening::Sessions(life));
        self.settle(told);
    }

    pub(super) fn begin_snapshot(&mut self, life: u64) {
        if !self.lives(life) {
            return;
        }
        let mut told = Told::default();
        if let Some(process) = &mut self.process {
            process.begin_snapshot(&mut told);
        }
        let next_us = self
            .dice
            .schedule
            .between(1, self.profile.snapshot_every_ms * 2000);
        self.agenda.put_in_us(next_us, Happening::SnapshotDue(life));
        self.note("snapshot begins", (0, 0));
        self.settle(told);
    }

    pub(super) fn arrive_at_server(&mut self, connection: usize) {
        let now = self.now();
        let server_now = self.server_now();
        let Some(line) = self.lines.get_mut(&connection) else {
            return;
        };
        line.wire.arrive_at_server(now);
        if !line.server_listens || !line.wire.is_readable() {
            return;
        }
        let Some(process) = &mut self.process else {
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
                self.history.set_owner(connection, number);
            }
            let deadline_us = process
                .deadline_ms(number)
                .map_or(0, |at_ms| at_ms.saturating_sub(now.as_ms()) * 1000);
            self.agenda.put_in_us(
                deadline_us,
                Happening::Deadline(self.life, number, connection),
            );
        }
        if let Some(number) = line.number {
            process.want_connection(number);
            if now < self.paused_until && line.wire.has_unread_frame() {
                // It stands in the kernel's buffer: the session is not silent, though nobody listens.
                self.observed.hear(
                    Owner {
                        server: 1,
                        connection: number,
                    },
                    now,
                );
            }
        }
        self.schedule_wanted();
    }

    pub(super) fn pass_deadline(&mut self, life: u64, number: u64, connection: usize) {
        let now = self.now();
        if let (true, Some(process)) = (self.life == life, &mut self.process)
            && process.pass_deadline(number)
            && let Some(line) = self.lines.get_mut(&connection)
        {
            line.number = None;
            line.server_listens = false;
            let at = line.wire.link.to_client.end(now);
            self.agenda.put(at, Happening::AtClient(connection));
        }
    }

    fn turn_connection(&mut self, number: u64) {
        let now = self.server_now();
        let found = self
            .lines
            .iter_mut()
            .find(|(_, line)| line.number == Some(number));
        let (Some((connection, line)), Some(process)) = (found, &mut self.process) else {
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
        self.settle(told);
    }

    pub(super) fn start_server(&mut self) {
        if self.process.is_some() {
            return;
        }
        self.life += 1;
        self.witness.begin_life();
        // What the next life commits is not held against the log that failed in the last one, however soon it comes.
        let now = self.now();
        if let Some(failed) = self.observed.poisoned.last_mut() {
            failed.to = failed.to.min(now);
        }
        self.scheduled.clear();
        self.log_is_writing = false;
        let setup = Setup {
            bounds: self.observed.bounds,
            hash_key: self.options.hash_key,
            life: self.life,
            segment_len: self.segment_len,
            tail_entries: self.tail_entries,
        };
        if let Some(point) = self.options.point {
            self.plan_point(point);
        } else if self.dice.faults.percent(10) && self.phase.is_busy() && self.life > 1 {
            // The power is not steady: it may go again while the server recovers.
            self.disk.fault_at(
                self.disk.ops() + self.dice.faults.between(1, 30),
                DiskFault::Crash,
            );
        }
        let mut told = Told::default();
        let random = self.dice.process.fork("life");
        let started = Process::start(&self.disk, &setup, (self.server_now(), random), &mut told);
        self.note("start", (self.life, 0));
        match started {
            Ok(process) => {
                self.process = Some(process);
                self.counters.starts += 1;
                self.schedule_life();
                self.settle(told);
            }
            Err(error) => {
                self.settle(told);
                self.fail_to_start(&error.to_string());
            }
        }
    }

    fn schedule_life(&mut self) {
        let life = self.life;
        self.agenda.put_in_us(
            self.dice.schedule.below(RAFT_TICK_US),
            Happening::RaftTick(life),
        );
        self.agenda.put_in_us(
            self.dice
                .schedule
                .below(self.profile.snapshot_every_ms * 2000),
            Happening::SnapshotDue(life),
        );
    }

    fn fail_to_start(&mut self, words: &str) {
        let again_us = self.dice.faults.between(10_000, 200_000);
        if self.disk.is_down() {
            self.counters.power_cuts += 1;
            self.failing_op = None;
            let persistence = self.draw_persistence();
            self.disk = self.disk.power_cut(persistence);
            self.note("power goes while starting", (self.disk.ops(), 0));
        } else if self.disk_is_full || self.is_excused() {
            // The disk is not itself: to refuse is right, and to start when it is again.
            self.note("refuses to start on a failing disk", (0, 0));
            self.disk = self.disk.kill();
            let at = self.disk_fault_ends().max(self.now().after_ms(20));
            self.agenda.put(at, Happening::Start);
            return;
        } else {
            self.observed
                .refused_starts
                .push((self.now(), words.to_owned()));
            self.phase.give_up();
        }
        self.agenda.put_in_us(again_us, Happening::Start);
    }

    /// Whether the operation that was to fail has just failed, and with it the start: that it may do once.
    fn is_excused(&mut self) -> bool {
        let ops = self.disk.ops();
        self.failing_op.take_if(|op| *op <= ops).is_some()
    }

    /// Faults of the disk are forgotten with each life; the chosen point is kept until it is passed.
    fn plan_point(&mut self, point: Point) {
        if self.disk.ops() < point.op {
            if !matches!(point.failure, Failure::PowerCut(_)) {
                self.failing_op = Some(point.op);
            }
            let fault = match point.failure {
                Failure::PowerCut(_) => DiskFault::Crash,
                Failure::Error => DiskFault::Eio,
                Failure::Full => DiskFault::Enospc,
            };
            self.disk.fault_at(point.op, fault);
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
    fn die(&mut self, death: &Death) {
        let now = self.now();
        match death {
            Death::LogFailed(words) => {
                self.counters.log_failures += 1;
                let mut told = Told::default();
                if let Some(process) = &mut self.process {
                    process.probe_failed_log(&mut told);
                }
                self.trace.note_bytes(words.as_bytes());
                self.observed.panics.extend(told.wrong);
                self.note_poison();
            }
            Death::Undecodable(words) => self.observed.panics.push(words.clone()),
        }
        self.note("the process ends by itself", (0, 0));
        self.end_process();
        self.disk = self.disk.kill();
        self.lose_connections(false);
        let back_us = self.dice.faults.between(50_000, 400_000);
        let at = self.disk_fault_ends().max(now.after_us(back_us));
        self.agenda.put(at, Happening::Start);
    }

    /// The log has met an error. What was committed in the same instant came before.
    fn note_poison(&mut self) {
        self.poisoned_since
            .get_or_insert_with(|| self.agenda.now().after_us(1));
    }

    /// The span of the poisoned log ends with its process.
    pub(super) fn end_poison(&mut self) {
        if let Some(from) = self.poisoned_since.take() {
            let to = from.max(self.now()).after_ms(1);
            self.observed.poisoned.push(Span { from, to });
        }
    }

    pub(super) fn end_process(&mut self) {
        self.end_poison();
        self.process = None;
        self.failing_op = None;
        self.scheduled.clear();
        self.log_is_writing = false;
        self.down_since = self.down_since.or_else(|| Some(self.now()));
    }

    pub(super) fn end_outage(&mut self) {
        let to = self.now();
        if let Some(from) = self.down_since.take() {
            self.observed.outages.push(Span { from, to });
        }
        self.observed.served_from.push(to);
        self.agenda.put_in_us(1_000, Happening::Sessions(self.life));
        self.end_dead_lines();
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
