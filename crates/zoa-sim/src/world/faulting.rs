//! Faults of the plan, made to happen and undone.

use super::Happening;
use super::World;
use zoa_testkit::clock::SimTime;
use zoa_testkit::disk::Fault as DiskFault;
use zoa_testkit::faults::Crash;
use zoa_testkit::faults::CrashPoint;
use zoa_testkit::faults::FaultKind;
use zoa_testkit::faults::LEADER;
use zoa_testkit::faults::isolation;
use zoa_testkit::net::Weather;
use zoa_testkit::observed::Span;

/// How long after a fault answers may be late: connections are given up and made again, a leader is elected.
const DISTURBED_MS: u64 = 6_000;

impl World {
    pub(super) fn begin_fault(&mut self, position: usize) {
        let leader = self
            .leaders
            .last_key_value()
            .map_or(0, |(_, leader)| *leader);
        let Some(fault) = self.plan.get_mut(position) else {
            return;
        };
        if fault.server == LEADER {
            fault.server = leader;
        }
        let fault = *fault;
        let now = self.now();
        let server = fault.server;
        let end = now.after_ms(fault.len_ms);
        self.agenda.put(end, Happening::FaultEnds(position));
        self.note(fault.kind.name(), (fault.len_ms, 0));
        match fault.kind {
            FaultKind::Crash(Crash::Process) => self.kill(server),
            FaultKind::Crash(Crash::Power) => self.cut_power(server),
            FaultKind::Crash(Crash::PowerAtIo(after)) => self.machines[server]
                .disk
                .fault_at(self.machines[server].disk.ops() + after, DiskFault::Crash),
            FaultKind::Pause => {
                self.machines[server].paused_until = end;
                if self.machines.count() == 1 {
                    self.observed.outages.push(Span { from: now, to: end });
                }
            }
            FaultKind::ClockJump { by_ms } => self.machines[server].clock.jump_wall(by_ms),
            FaultKind::Reset { percent } => self.reset_connections(percent),
            FaultKind::HalfOpen { percent } => self.lose_sight(percent),
            FaultKind::Trickle => self.set_weather(Weather {
                trickle: true,
                ..self.weather
            }),
            FaultKind::SlowNetwork { by_ms } => {
                self.set_weather(Weather {
                    delay_us_max: self.weather.delay_us_min + by_ms * 1000,
                    ..self.weather
                });
            }
            FaultKind::SlowDisk { by_ms } => self.machines[server].slow_disk_ms = by_ms,
            FaultKind::DiskError { after_ops } => {
                let op = self.machines[server].disk.ops() + after_ops;
                self.machines[server].failing_ops.push(op);
                self.machines[server].disk.fault_at(op, DiskFault::Eio);
            }
            FaultKind::DiskFull => self.fill_disk(server),
            FaultKind::Cut { pairs } => {
                self.peers.cuts.insert(position, pairs);
            }
            FaultKind::PeersReset => self.lose_peers(server, false),
            FaultKind::SlowPeers { by_ms } => self.peers.slow_us = by_ms * 1000,
            FaultKind::AllPower => self.cut_all_power(),
            FaultKind::Isolated { hears, is_heard } => {
                let pairs = isolation(server, self.machines.count(), (hears, is_heard));
                self.peers.cuts.insert(position, pairs);
            }
            FaultKind::CrashAt { point, power } => self.remember_place(server, point, power),
            FaultKind::Wiped => self.wipe(server),
            FaultKind::Restart => self.hand_over(server),
        }
        self.disturb(fault.len_ms);
        self.note_slowness(fault.kind, end);
        self.schedule_wanted(server);
    }

    /// What is under way on a connection while it is slow, or gone without a word, may take as long as it likes.
    fn note_slowness(&mut self, kind: FaultKind, end: SimTime) {
        let slows = matches!(
            kind,
            FaultKind::Trickle | FaultKind::SlowNetwork { .. } | FaultKind::HalfOpen { .. }
        );
        if slows {
            let (from, to) = (self.now(), end.after_ms(1));
            self.observed.slowed.push(Span { from, to });
        }
    }

    /// Something is amiss for so long, and a while behind.
    pub(super) fn disturb(&mut self, len_ms: u64) {
        let from = self.now();
        let to = from.after_ms(len_ms + DISTURBED_MS);
        self.observed.disturbed.push(Span { from, to });
    }

    /// Something was amiss for so long, and is for a while behind.
    pub(super) fn disturb_before(&mut self, len_ms: u64) {
        let now = self.now();
        let from = SimTime(now.0.saturating_sub(len_ms * 1000));
        let to = now.after_ms(DISTURBED_MS);
        self.observed.disturbed.push(Span { from, to });
    }

    pub(super) fn end_fault(&mut self, position: usize) {
        let Some(fault) = self.plan.get(position).copied() else {
            return;
        };
        let server = fault.server;
        self.note("fault ends", (position as u64, 0));
        match fault.kind {
            FaultKind::Crash(Crash::Process | Crash::Power) => self.start_server(server),
            FaultKind::Crash(Crash::PowerAtIo(_)) => {
                // The disk was idle: then the power goes between two operations.
                if self.machines[server].process.is_some() && self.phase.is_busy() {
                    self.cut_power(server);
                }
                self.agenda.put_in_us(30_000, Happening::Start(server));
            }
            FaultKind::Trickle => self.set_weather(Weather {
                trickle: false,
                ..self.weather
            }),
            FaultKind::SlowNetwork { .. } => {
                self.set_weather(Weather {
                    delay_us_max: Weather::default().delay_us_max,
                    ..self.weather
                });
            }
            FaultKind::SlowDisk { .. } => self.machines[server].slow_disk_ms = 0,
            FaultKind::DiskError { .. } => self.agenda.put_in_us(30_000, Happening::Start(server)),
            FaultKind::DiskFull => {
                self.machines[server].disk.set_capacity(None);
                self.machines[server].disk_is_full = false;
                self.agenda.put_in_us(30_000, Happening::Start(server));
            }
            FaultKind::Cut { .. } | FaultKind::Isolated { .. } => {
                self.peers.cuts.remove(&position);
                self.resume_links();
            }
            FaultKind::CrashAt { .. } => self.forget_place(server),
            FaultKind::SlowPeers { .. } => self.peers.slow_us = 0,
            FaultKind::AllPower => {
                for one in 0..self.machines.count() {
                    let after_us = self.dice.faults.below(300_000);
                    self.agenda.put_in_us(after_us, Happening::Start(one));
                }
            }
            FaultKind::Wiped => self.start_server(server),
            FaultKind::Restart => {
                self.kill(server);
                self.start_server(server);
            }
            FaultKind::Pause
            | FaultKind::PeersReset
            | FaultKind::ClockJump { .. }
            | FaultKind::Reset { .. }
            | FaultKind::HalfOpen { .. } => {}
        }
        self.schedule_wanted(server);
    }

    /// From here on the server goes down when it comes there.
    fn remember_place(&mut self, server: usize, point: CrashPoint, power: bool) {
        self.machines[server].crash_at = Some((point, power));
        if let Some(process) = &mut self.machines[server].process {
            process.crash_at = Some(point);
        }
    }

    /// It was not reached, or it was.
    pub(super) fn forget_place(&mut self, server: usize) {
        self.machines[server].crash_at = None;
        if let Some(process) = &mut self.machines[server].process {
            process.crash_at = None;
        }
    }

    /// The power of all servers goes; it counts when most of them run.
    fn cut_all_power(&mut self) {
        let running = self.machines.iter().filter(|it| it.process.is_some());
        let counts = 2 * running.count() > self.machines.count();
        self.counters.whole_power_cuts += u64::from(counts);
        (0..self.machines.count()).for_each(|one| self.cut_power(one));
    }

    /// The disk is gone, and an empty one is there.
    fn wipe(&mut self, server: usize) {
        self.kill(server);
        self.counters.wipes += 1;
        let seed = self.dice.disk.next_u64();
        self.machines[server].disk = zoa_testkit::disk::SimDisk::new(seed);
        self.machines[server].has_new_disk = true;
    }

    /// The server is asked to stop: it gives its leadership away first.
    fn hand_over(&mut self, server: usize) {
        if let Some(process) = &mut self.machines[server].process {
            process.meet(zoa_ensemble::Event::Handover);
        }
    }

    pub(super) fn kill(&mut self, server: usize) {
        if self.machines[server].process.is_none() {
            return;
        }
        self.counters.kills += 1;
        self.end_process(server);
        self.lose_peers(server, false);
        self.machines[server].disk = self.machines[server].disk.kill();
        self.lose_connections(server, false);
    }

    pub(super) fn cut_power(&mut self, server: usize) {
        if self.machines[server].process.is_none() {
            return;
        }
        self.end_process(server);
        self.lose_peers(server, true);
        self.counters.power_cuts += 1;
        let persistence = self.draw_persistence();
        self.machines[server].disk = self.machines[server].disk.power_cut(persistence);
        self.lose_connections(server, true);
    }

    /// The disk went down in the middle of an operation: everything goes with it.
    pub(super) fn power_goes(&mut self, server: usize) {
        self.note(
            "power goes in an operation",
            (self.machines[server].disk.ops(), 0),
        );
        self.cut_power(server);
        let back_us = self.dice.faults.between(20_000, 400_000);
        self.agenda.put_in_us(back_us, Happening::Start(server));
    }

    fn reset_connections(&mut self, percent: u64) {
        let now = self.now();
        let mut looks = Vec::new();
        for (connection, line) in &mut self.lines {
            if !self.dice.faults.percent(percent) {
                continue;
            }
            for pipe in [&mut line.wire.link.to_server, &mut line.wire.link.to_client] {
                let kept = self.dice.faults.index(pipe.in_flight_len() + 1);
                pipe.reset(kept);
            }
            let at = line
                .wire
                .link
                .to_server
                .end(now)
                .max(line.wire.link.to_client.end(now));
            looks.push((*connection, at));
        }
        for (connection, at) in looks {
            self.agenda.put(at, Happening::AtServer(connection));
            self.agenda.put(at, Happening::AtClient(connection));
        }
    }

    fn lose_sight(&mut self, percent: u64) {
        for line in self.lines.values_mut() {
            if self.dice.faults.percent(percent) {
                line.wire.link.to_server.vanish();
                line.wire.link.to_client.vanish();
            }
        }
    }

    pub(super) fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
        for line in self.lines.values_mut() {
            line.wire.link.weather = weather;
        }
    }

    fn fill_disk(&mut self, server: usize) {
        let files = self.machines[server].disk.files();
        let len: u64 = files
            .iter()
            .filter_map(|name| self.machines[server].disk.bytes(name))
            .map(|bytes| bytes.len() as u64)
            .sum();
        self.machines[server].disk_is_full = true;
        self.machines[server]
            .disk
            .set_capacity(Some(len + self.dice.faults.below(8_000)));
    }

    /// When the faults of the disk that are under way end.
    pub(super) fn disk_fault_ends(&self, server: usize) -> SimTime {
        let now = self.now();
        let of_disk = self.plan.iter().filter(|fault| {
            fault.server == server
                && matches!(
                    fault.kind,
                    FaultKind::DiskError { .. } | FaultKind::DiskFull
                )
        });
        let ends = of_disk
            .filter(|fault| fault.start <= now)
            .map(|fault| fault.start.after_ms(fault.len_ms + 30));
        ends.max().unwrap_or(now)
    }
}
