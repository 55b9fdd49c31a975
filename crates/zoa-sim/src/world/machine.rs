//! A machine: its disk, its clock, and the server process on it when one runs.

use super::contact::Stretch;
use super::contact::Way;
use crate::process::Process;
use crate::process::Thread;
use std::collections::BTreeSet;
use std::ops::Index;
use std::ops::IndexMut;
use zoa_testkit::clock::ServerClock;
use zoa_testkit::clock::SimTime;
use zoa_testkit::disk::SimDisk;
use zoa_testkit::faults::CrashPoint;
use zoa_testkit::observed::RulesHeld;

/// See the module.
pub(super) struct Machine {
    pub(super) disk: SimDisk,
    pub(super) process: Option<Process>,
    pub(super) life: u64,
    pub(super) clock: ServerClock,
    pub(super) slow_disk_ms: u64,
    pub(super) paused_until: SimTime,
    pub(super) down_since: Option<SimTime>,
    /// Since when the log of the running process may acknowledge nothing any more.
    pub(super) poisoned_since: Option<SimTime>,
    pub(super) scheduled: BTreeSet<(u64, Thread)>,
    pub(super) log_is_writing: bool,
    /// The operations of the disk that are to fail.
    pub(super) failing_ops: Vec<u64>,
    pub(super) disk_is_full: bool,
    /// Its zoo.cfg names every server, also those that came later.
    pub(super) names_all: bool,
    /// The place in its work at which its server goes down, and whether the power goes with it.
    pub(super) crash_at: Option<(CrashPoint, bool)>,
    /// Since when its server serves nobody.
    pub(super) idle_since: SimTime,
    /// Its server has the program before this one by mistake.
    pub(super) is_mistaken: bool,
    /// It has lost its disk, and no server was started on the new one yet.
    pub(super) has_new_disk: bool,
    /// By which rules its state went when it was looked at last.
    pub(super) rules: Option<RulesHeld>,
    /// Its way to the leader, as long as it stays the same.
    pub(super) contact: Option<Stretch<Way>>,
    /// The same, as long as it does not hear the leader.
    pub(super) deaf: Option<Stretch<Way>>,
    /// The term in which it leads with a majority behind it, as long as it does.
    pub(super) led: Option<Stretch<u64>>,
    /// The raft thread has no turn before then: the machine is busy with something else.
    pub(super) raft_late_until: SimTime,
}

impl Machine {
    pub(super) fn new(disk: SimDisk) -> Self {
        Self {
            disk,
            process: None,
            life: 0,
            clock: ServerClock::default(),
            slow_disk_ms: 0,
            paused_until: SimTime::ZERO,
            down_since: Some(SimTime::ZERO),
            poisoned_since: None,
            scheduled: BTreeSet::new(),
            log_is_writing: false,
            failing_ops: Vec::new(),
            disk_is_full: false,
            names_all: false,
            crash_at: None,
            idle_since: SimTime::ZERO,
            is_mistaken: false,
            has_new_disk: false,
            rules: None,
            contact: None,
            deaf: None,
            led: None,
            raft_late_until: SimTime::ZERO,
        }
    }

    /// Up to where its server has applied the log.
    pub(super) fn applied_index(&self) -> Option<u64> {
        let process = self.process.as_ref();
        process.map(|process| process.core.applied_index())
    }

    /// For people: how its server does.
    pub(super) fn state(&self) -> String {
        match &self.process {
            None => "down".to_owned(),
            Some(process) => format!(
                "{} at {}{}",
                if process.is_quiet() { "quiet" } else { "busy" },
                process.core.applied_index(),
                if process.serves {
                    ""
                } else {
                    ", serving nobody"
                }
            ),
        }
    }

    pub(super) fn serves(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.serves)
    }
}

/// All machines, numbered from 0; the server of machine 0 is server 1.
pub(super) struct Machines(pub(super) Vec<Machine>);

impl Machines {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Machine> {
        self.0.iter()
    }
}

impl Index<usize> for Machines {
    type Output = Machine;

    fn index(&self, server: usize) -> &Machine {
        self.0.get(server).expect("machines are numbered from 0")
    }
}

impl IndexMut<usize> for Machines {
    fn index_mut(&mut self, server: usize) -> &mut Machine {
        self.0
            .get_mut(server)
            .expect("machines are numbered from 0")
    }
}
