//! Faults as data: what breaks, when, and for how long. A plan is drawn from the seed and printed with it.
//!
//! It injects nothing itself; the simulator does as the plan says.
//!
//! Invariant: every plan of [`plan`] is recoverable: it never destroys the only good copy of acknowledged data, so that whatever
//! goes wrong afterwards is the server's mistake. All faults end before the plan's own end.

use crate::clock::SimTime;
use crate::rng::Rng;
use std::collections::BTreeSet;
use std::fmt;

/// How a server process goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed; the operating system keeps what was written.
    Process,
    /// The power goes; what was not synced may be there, in part, or not at all.
    Power,
    /// The power goes in the middle of the disk's operation with this number, counted from the fault's start.
    PowerAtIo(u64),
}

/// A place in a server's work at which it goes down, the next time that it comes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// Entries, a vote or a term are to be written, and messages about them may be out already.
    BeforePersist,
    /// They are synced, and nobody has been told.
    BeforeAcknowledge,
    /// A snapshot of the leader's is on the disk, and the replication does not know.
    SnapshotReceived,
    /// It is about to take the place of the log.
    InstallBegins,
    /// It is about to take the place of the state.
    InstallEnds,
    /// A step of the founding is about to be made durable.
    FoundingStep,
    /// It is durable, and the log is about to be opened.
    LogOpens,
    /// Who takes part has changed, and nothing else has happened.
    MembersChange,
    /// The state machine has judged a change of the servers, and the replication does not know.
    ChangeDecided,
}

impl CrashPoint {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::BeforePersist,
        Self::BeforeAcknowledge,
        Self::SnapshotReceived,
        Self::InstallBegins,
        Self::InstallEnds,
        Self::FoundingStep,
        Self::LogOpens,
        Self::MembersChange,
        Self::ChangeDecided,
    ];
}

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The server goes down and is started again when the fault ends.
    Crash(Crash),
    /// The server's threads stand still.
    Pause,
    /// The server's wall clock jumps by milliseconds, and back at the end when the flag says so.
    ClockJump {
        /// How far, forward or back.
        by_ms: i64,
    },
    /// Connections are reset, this many of a hundred.
    Reset {
        /// Of a hundred.
        percent: u64,
    },
    /// Connections whose server side is not reachable any more, without a word, this many of a hundred.
    HalfOpen {
        /// Of a hundred.
        percent: u64,
    },
    /// All connections deliver byte by byte.
    Trickle,
    /// All connections are slow.
    SlowNetwork {
        /// Each piece takes up to this much longer.
        by_ms: u64,
    },
    /// The disk takes longer for everything.
    SlowDisk {
        /// Each batch takes up to this much longer.
        by_ms: u64,
    },
    /// The disk's operation with this number fails, counted from the fault's start; the server is started again at the end.
    DiskError {
        /// Which operation.
        after_ops: u64,
    },
    /// The disk has no room; the server is started again at the end, when there is.
    DiskFull,
    /// The second server of each pair in the mask does not hear the first: bit `8 * first + second`.
    Cut {
        /// The pairs.
        pairs: u64,
    },
    /// All connections of the server with its peers are reset.
    PeersReset,
    /// The servers hear each other late.
    SlowPeers {
        /// Each frame takes up to this much longer.
        by_ms: u64,
    },
    /// The power of all servers goes at once.
    AllPower,
    /// The server's disk is lost, and an empty one takes its place.
    Wiped,
    /// The server is stopped in order, giving its leadership away, and started again.
    Restart,
    /// The server goes down at a place in its work; the power goes, or only the process.
    CrashAt {
        /// Where.
        point: CrashPoint,
        /// Whether what was not synced goes too.
        power: bool,
    },
    /// The server and the others do not hear each other, or only one side does not hear the other.
    Isolated {
        /// Whether it still hears them.
        hears: bool,
        /// Whether they still hear it.
        is_heard: bool,
    },
}

/// In the place of a server's number: whichever leads when the fault begins.
pub const LEADER: usize = usize::MAX;

impl FaultKind {
    /// A name for counting kinds.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crash(Crash::Process) => "process crash",
            Self::Crash(Crash::Power) => "power cut",
            Self::Crash(Crash::PowerAtIo(_)) => "power cut in an I/O",
            Self::Pause => "pause",
            Self::ClockJump { .. } => "clock jump",
            Self::Reset { .. } => "connection reset",
            Self::HalfOpen { .. } => "half-open connection",
            Self::Trickle => "trickle",
            Self::SlowNetwork { .. } => "slow network",
            Self::SlowDisk { .. } => "slow disk",
            Self::DiskError { .. } => "disk error",
            Self::DiskFull => "disk full",
            Self::Cut { .. } => "cut network",
            Self::PeersReset => "peers reset",
            Self::SlowPeers { .. } => "slow peers",
            Self::AllPower => "power cut of all",
            Self::Wiped => "wiped disk",
            Self::Restart => "restart",
            Self::CrashAt { .. } => "crash at a named place",
            Self::Isolated { .. } => "isolated server",
        }
    }

    /// Whether the server stands still or is down during it.
    pub fn stops_server(self) -> bool {
        match self {
            Self::Crash(_)
            | Self::Pause
            | Self::DiskError { .. }
            | Self::DiskFull
            | Self::AllPower
            | Self::Wiped
            | Self::Restart
            | Self::CrashAt { .. } => true,
            Self::Cut { .. }
            | Self::Isolated { .. }
            | Self::PeersReset
            | Self::SlowPeers { .. }
            | Self::ClockJump { .. }
            | Self::Reset { .. }
            | Self::HalfOpen { .. }
            | Self::Trickle
            | Self::SlowNetwork { .. }
            | Self::SlowDisk { .. } => false,
        }
    }
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What breaks.
    pub kind: FaultKind,
    /// When.
    pub start: SimTime,
    /// For how long, in milliseconds.
    pub len_ms: u64,
    /// Of which server, from 0, or [`LEADER`]; of no meaning where a fault concerns all.
    pub server: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            start,
            len_ms,
            server,
        } = self;
        let whose = match *server {
            LEADER => "the leader".to_owned(),
            server => format!("server {}", server + 1),
        };
        write!(f, "{kind:?} of {whose} at {start} for {len_ms} ms")
    }
}

/// Draws a plan of at least three kinds for a run of this length. Faults that stop the server do not overlap.
pub fn plan(rng: &mut Rng, length_ms: u64) -> Vec<Fault> {
    let count = rng.between(4, 14);
    let mut faults: Vec<Fault> = Vec::new();
    let mut kinds = BTreeSet::new();
    while (faults.len() as u64) < count || kinds.len() < 3 {
        let fault = draw(rng, length_ms);
        kinds.insert(fault.kind.name());
        faults.push(fault);
    }
    faults.sort_by_key(|fault| fault.start);
    keep_apart(faults)
}

fn draw(rng: &mut Rng, length_ms: u64) -> Fault {
    let weights = [14, 14, 14, 8, 6, 10, 6, 6, 6, 6, 6, 3];
    let kind = match rng.weighted(&weights) {
        0 => FaultKind::Crash(Crash::Process),
        1 => FaultKind::Crash(Crash::Power),
        2 => FaultKind::Crash(Crash::PowerAtIo(rng.between(1, 40))),
        3 => FaultKind::Pause,
        4 => FaultKind::ClockJump {
            by_ms: i64::try_from(rng.between(1, 120_000)).unwrap_or(1) - 60_000,
        },
        5 => FaultKind::Reset {
            percent: rng.between(10, 100),
        },
        6 => FaultKind::HalfOpen {
            percent: rng.between(10, 60),
        },
        7 => FaultKind::Trickle,
        8 => FaultKind::SlowNetwork {
            by_ms: rng.between(5, 200),
        },
        9 => FaultKind::SlowDisk {
            by_ms: rng.between(2, 80),
        },
        10 => FaultKind::DiskError {
            after_ops: rng.between(1, 40),
        },
        _ => FaultKind::DiskFull,
    };
    let start = SimTime::from_ms(rng.between(length_ms / 20, length_ms * 8 / 10));
    let len_ms = match kind {
        // Sometimes longer than any session timeout, mostly short: what happens at a restart is what is looked for.
        FaultKind::Crash(_) | FaultKind::Pause if rng.percent(15) => rng.between(1_000, 8_000),
        _ => rng.between(20, 900),
    };
    Fault {
        kind,
        start,
        len_ms: len_ms.min(length_ms / 10),
        server: 0,
    }
}

/// Draws a plan for an ensemble of so many servers. Faults overlap as they like, with two exceptions that keep it recoverable: one disk
/// at most is lost, and nothing else happens to the disks of the others until its server is back.
pub fn ensemble_plan(rng: &mut Rng, length_ms: u64, servers: usize) -> Vec<Fault> {
    let count = rng.between(4, 16);
    let mut faults: Vec<Fault> = (0..count)
        .map(|_| {
            let server = rng.index(servers);
            let fault = if rng.percent(45) {
                let of_one = draw(rng, length_ms);
                Fault { server, ..of_one }
            } else {
                draw_of_ensemble(rng, length_ms, (server, servers))
            };
            let meets_leader = rng.percent(35) && fault.kind != FaultKind::Wiped;
            Fault {
                server: if meets_leader { LEADER } else { server },
                ..fault
            }
        })
        .collect();
    if rng.percent(12) {
        faults.extend(storm(rng, length_ms, servers));
    }
    if rng.percent(12) {
        faults.extend(rolling_restart(rng, length_ms, servers));
    }
    let mut has_wiped = false;
    faults
        .retain(|fault| fault.kind != FaultKind::Wiped || !std::mem::replace(&mut has_wiped, true));
    faults.sort_by_key(|fault| fault.start);
    faults
}

/// The power of all servers goes, again and again, each time when they have hardly begun to work; now and then in the middle of an
/// operation of a disk a moment before.
pub fn power_cuts(rng: &mut Rng, length_ms: u64, servers: usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut at_ms = rng.between(300, 3_000);
    while at_ms < length_ms {
        let len_ms = rng.between(20, 400);
        if rng.percent(40) {
            faults.push(Fault {
                kind: FaultKind::Crash(Crash::PowerAtIo(rng.between(1, 20))),
                start: SimTime::from_ms(at_ms.saturating_sub(20)),
                len_ms: len_ms + 20,
                server: rng.index(servers),
            });
        }
        faults.push(Fault {
            kind: FaultKind::AllPower,
            start: SimTime::from_ms(at_ms),
            len_ms,
            server: 0,
        });
        at_ms += len_ms + rng.between(500, 5_000);
    }
    faults.sort_by_key(|fault| fault.start);
    faults
}

/// One server is killed again and again, hardly started.
fn storm(rng: &mut Rng, length_ms: u64, servers: usize) -> Vec<Fault> {
    let server = rng.index(servers);
    let mut at_ms = rng.between(length_ms / 20, length_ms * 7 / 10);
    let count = rng.between(4, 12);
    let crash = if rng.percent(50) {
        Crash::Process
    } else {
        Crash::Power
    };
    let mut faults = Vec::new();
    for _ in 0..count {
        faults.push(Fault {
            kind: FaultKind::Crash(crash),
            start: SimTime::from_ms(at_ms),
            len_ms: rng.between(1, 60),
            server,
        });
        at_ms += rng.between(40, 400);
    }
    faults
}

/// All servers are stopped in order and started again, one behind the other.
fn rolling_restart(rng: &mut Rng, length_ms: u64, servers: usize) -> Vec<Fault> {
    let mut at_ms = rng.between(length_ms / 20, length_ms / 2);
    let pause_ms = rng.between(100, 1_000);
    let mut faults = Vec::new();
    for server in 0..servers {
        let len_ms = rng.between(50, 400);
        faults.push(Fault {
            kind: FaultKind::Restart,
            start: SimTime::from_ms(at_ms),
            len_ms,
            server,
        });
        at_ms += len_ms + pause_ms;
    }
    faults
}

fn draw_of_ensemble(rng: &mut Rng, length_ms: u64, (server, servers): (usize, usize)) -> Fault {
    let kind = match rng.weighted(&[38, 10, 10, 10, 5, 15, 10, 14]) {
        0 => FaultKind::Cut {
            pairs: draw_cut(rng, server, servers),
        },
        1 => FaultKind::PeersReset,
        2 => FaultKind::SlowPeers {
            by_ms: rng.between(2, 150),
        },
        3 => FaultKind::AllPower,
        4 => FaultKind::Wiped,
        5 => FaultKind::Restart,
        6 => {
            let (hears, is_heard) = *rng
                .pick(&[(false, false), (false, false), (true, false), (false, true)])
                .unwrap_or(&(false, false));
            FaultKind::Isolated { hears, is_heard }
        }
        _ => FaultKind::CrashAt {
            point: *rng
                .pick(&CrashPoint::ALL)
                .unwrap_or(&CrashPoint::BeforePersist),
            power: rng.percent(60),
        },
    };
    let is_early = matches!(
        kind,
        FaultKind::CrashAt {
            point: CrashPoint::FoundingStep | CrashPoint::LogOpens,
            ..
        }
    );
    if is_early && rng.percent(70) {
        return Fault {
            kind,
            start: SimTime::from_ms(rng.below(300)),
            len_ms: rng.between(200, 900),
            server,
        };
    }
    let len_ms = if rng.percent(25) {
        rng.between(2_000, 7_000)
    } else {
        rng.between(20, 1_500)
    };
    Fault {
        kind,
        start: SimTime::from_ms(rng.between(length_ms / 20, length_ms * 8 / 10)),
        len_ms: len_ms.min(length_ms / 6),
        server,
    }
}

/// Which pairs do not hear each other: one server alone, one that is not heard or hears nobody, two halves, halves with a bridge, a
/// ring in which each hears its neighbours only.
fn draw_cut(rng: &mut Rng, server: usize, servers: usize) -> u64 {
    let shape = rng.below(6);
    let side = rng.next_u64();
    let is_left = |one: usize| side >> one & 1 == 1;
    let cuts = |from: usize, to: usize| match shape {
        0 => from == server || to == server,
        1 => from == server,
        2 => to == server,
        3 => is_left(from) != is_left(to),
        4 => is_left(from) != is_left(to) && from != server && to != server,
        _ => (from + 1) % servers != to && (to + 1) % servers != from,
    };
    mask_of(servers, cuts)
}

/// Which pairs do not hear each other when a server is isolated.
pub fn isolation(server: usize, servers: usize, (hears, is_heard): (bool, bool)) -> u64 {
    mask_of(servers, |from, to| {
        (from == server && !is_heard) || (to == server && !hears)
    })
}

fn mask_of(servers: usize, cuts: impl Fn(usize, usize) -> bool) -> u64 {
    let pairs = (0..servers).flat_map(|from| (0..servers).map(move |to| (from, to)));
    pairs
        .filter(|(from, to)| from != to && cuts(*from, *to))
        .fold(0, |mask, (from, to)| mask | 1 << (8 * from + to))
}

/// Moves faults that stop the server behind one another.
fn keep_apart(mut faults: Vec<Fault>) -> Vec<Fault> {
    let mut free_from = SimTime::ZERO;
    for fault in faults.iter_mut().filter(|fault| fault.kind.stops_server()) {
        fault.start = fault.start.max(free_from);
        // A server forgives itself one standstill at a time, as it must, or one that is always late would never expire anybody.
        let gap_ms = if fault.kind == FaultKind::Pause {
            1_500
        } else {
            50
        };
        free_from = fault.start.after_ms(fault.len_ms + gap_ms);
    }
    faults.sort_by_key(|fault| fault.start);
    faults
}

#[cfg(test)]
mod tests {
    use super::FaultKind;
    use super::ensemble_plan;
    use super::isolation;
    use super::plan;
    use super::power_cuts;
    use crate::clock::SimTime;
    use crate::rng::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn every_plan_has_three_kinds_and_servers_stop_one_at_a_time() {
        for seed in 0..200 {
            let faults = plan(&mut Rng::new(seed), 20_000);
            let kinds: BTreeSet<_> = faults.iter().map(|fault| fault.kind.name()).collect();
            assert!(kinds.len() >= 3, "seed {seed}: {kinds:?}");
            let mut free_from = SimTime::ZERO;
            for fault in faults.iter().filter(|fault| fault.kind.stops_server()) {
                assert!(fault.start >= free_from, "seed {seed}: {fault} overlaps");
                free_from = fault.start.after_ms(fault.len_ms);
            }
        }
    }

    #[test]
    fn ensembles_meet_every_kind_and_lose_one_disk_at_most() {
        let mut rng = Rng::new(1);
        let mut kinds = BTreeSet::new();
        for _ in 0..300 {
            let plan = ensemble_plan(&mut rng, 10_000, 5);
            let wiped = plan.iter().filter(|fault| fault.kind == FaultKind::Wiped);
            assert!(wiped.count() <= 1, "{plan:?}");
            kinds.extend(plan.iter().map(|fault| fault.kind.name()));
        }
        assert_eq!(kinds.len(), 20, "{kinds:?}");
    }

    #[test]
    fn an_isolated_server_hears_and_is_heard_as_the_fault_says() {
        assert_eq!(isolation(1, 2, (true, true)), 0);
        assert_eq!(isolation(1, 2, (false, true)), 1 << 1);
        assert_eq!(isolation(1, 2, (true, false)), 1 << 8);
    }

    #[test]
    fn the_power_of_all_goes_many_times() {
        let plan = power_cuts(&mut Rng::new(1), 30_000, 3);
        let cuts = plan
            .iter()
            .filter(|fault| fault.kind == FaultKind::AllPower);
        assert!(cuts.count() >= 5, "{plan:?}");
    }

    #[test]
    fn all_kinds_come_up() {
        let mut rng = Rng::new(1);
        let kinds: BTreeSet<_> = (0..200)
            .flat_map(|_| plan(&mut rng, 20_000))
            .map(|fault| fault.kind.name())
            .collect();
        assert_eq!(kinds.len(), 12, "{kinds:?}");
    }
}
