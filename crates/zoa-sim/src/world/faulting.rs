//! Faults of the plan, made to happen and undone.

use super::Happening;
use super::World;
use zoa_testkit::clock::SimTime;
use zoa_testkit::disk::Fault as DiskFault;
use zoa_testkit::faults::Crash;
use zoa_testkit::faults::FaultKind;
use zoa_testkit::net::Weather;
use zoa_testkit::observed::Span;

impl World {
    pub(super) fn begin_fault(&mut self, position: usize) {
        let Some(fault) = self.plan.get(position).copied() else {
            return;
        };
        let now = self.now();
        let end = now.after_ms(fault.len_ms);
        self.agenda.put(end, Happening::FaultEnds(position));
        self.note(fault.kind.name(), (fault.len_ms, 0));
        match fault.kind {
            FaultKind::Crash(Crash::Process) => self.kill(),
            FaultKind::Crash(Crash::Power) => self.cut_power(),
            FaultKind::Crash(Crash::PowerAtIo(after)) => self
                .disk
                .fault_at(self.disk.ops() + after, DiskFault::Crash),
            FaultKind::Pause => {
                self.paused_until = end;
                self.observed.outages.push(Span { from: now, to: end });
            }
            FaultKind::ClockJump { by_ms } => self.clock.jump_wall(by_ms),
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
            FaultKind::SlowDisk { by_ms } => self.slow_disk_ms = by_ms,
            FaultKind::DiskError { after_ops } => {
                let op = self.disk.ops() + after_ops;
                self.failing_op = Some(op);
                self.disk.fault_at(op, DiskFault::Eio);
            }
            FaultKind::DiskFull => self.fill_disk(),
        }
        self.schedule_wanted();
    }

    pub(super) fn end_fault(&mut self, position: usize) {
        let Some(fault) = self.plan.get(position).copied() else {
            return;
        };
        self.note("fault ends", (position as u64, 0));
        match fault.kind {
            FaultKind::Crash(Crash::Process | Crash::Power) => self.start_server(),
            FaultKind::Crash(Crash::PowerAtIo(_)) => {
                // The disk was idle: then the power goes between two operations.
                if self.process.is_some() && self.phase.is_busy() {
                    self.cut_power();
                }
                self.agenda.put_in_us(30_000, Happening::Start);
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
            FaultKind::SlowDisk { .. } => self.slow_disk_ms = 0,
            FaultKind::DiskError { .. } => self.agenda.put_in_us(30_000, Happening::Start),
            FaultKind::DiskFull => {
                self.disk.set_capacity(None);
                self.disk_is_full = false;
                self.agenda.put_in_us(30_000, Happening::Start);
            }
            FaultKind::Pause
            | FaultKind::ClockJump { .. }
            | FaultKind::Reset { .. }
            | FaultKind::HalfOpen { .. } => {}
        }
        self.schedule_wanted();
    }

    fn kill(&mut self) {
        if self.process.is_none() {
            return;
        }
        self.counters.kills += 1;
        self.end_process();
        self.disk = self.disk.kill();
        self.lose_connections(false);
    }

    fn cut_power(&mut self) {
        if self.process.is_none() {
            return;
        }
        self.end_process();
        self.counters.power_cuts += 1;
        let persistence = self.draw_persistence();
        self.disk = self.disk.power_cut(persistence);
        self.lose_connections(true);
    }

    /// The disk went down in the middle of an operation: everything goes with it.
    pub(super) fn power_goes(&mut self) {
        self.note("power goes in an operation", (self.disk.ops(), 0));
        self.cut_power();
        let back_us = self.dice.faults.between(20_000, 400_000);
        self.agenda.put_in_us(back_us, Happening::Start);
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

    fn fill_disk(&mut self) {
        let files = self.disk.files();
        let len: u64 = files
            .iter()
            .filter_map(|name| self.disk.bytes(name))
            .map(|bytes| bytes.len() as u64)
            .sum();
        self.disk_is_full = true;
        self.disk
            .set_capacity(Some(len + self.dice.faults.below(8_000)));
    }

    /// When the faults of the disk that are under way end.
    pub(super) fn disk_fault_ends(&self) -> SimTime {
        let now = self.now();
        let of_disk = self.plan.iter().filter(|fault| {
            matches!(
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
