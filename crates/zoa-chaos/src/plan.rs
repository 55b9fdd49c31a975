//! What is done to the servers, as data: drawn from the seed, printed with it.
//!
//! A plan is a list of waves; a wave is one fault or two at the same time, and ends with everything whole. Whom a fault meets is
//! said by role, since no seed knows who leads. Invariant: no plan destroys the only good copy of acknowledged data: a disk is
//! wiped only where all others are whole.

use std::fmt;

use clap::ValueEnum;
use zoa_testkit::rng::Rng;

/// Kinds of faults, as `--faults` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// SIGKILL, and a start when the fault ends.
    Kill,
    /// SIGTERM: the leadership is given away first.
    Term,
    /// SIGSTOP, then SIGCONT.
    Pause,
    /// SIGKILL right after each start, again and again.
    Storm,
    /// SIGKILL for all servers at once.
    KillAll,
    /// Nothing gets from or to some servers, or only one way.
    Cut,
    /// Bytes between servers are late.
    Slow,
    /// Bytes between servers come few at a time.
    Trickle,
    /// Connections between servers break.
    Reset,
    /// Nothing gets between clients and a server.
    CutClients,
    /// Bytes between clients and servers are late.
    SlowClients,
    /// Connections of clients break.
    ResetClients,
    /// The disk has no room left.
    Full,
    /// The disk takes few writes a second.
    SlowDisk,
    /// The disk is lost and an empty one takes its place.
    Wipe,
    /// A server is taken out by reconfig and added again.
    Reconfig,
}

impl Kind {
    /// Whether nothing else may be amiss at the same time.
    fn is_alone(self) -> bool {
        matches!(self, Self::Storm | Self::KillAll | Self::Wipe | Self::Full)
    }

    /// Shortest and longest, in milliseconds.
    fn length_ms(self) -> (u64, u64) {
        match self {
            Self::Kill | Self::Term | Self::KillAll => (10, 1_500),
            Self::Storm => (500, 2_500),
            Self::Pause | Self::Cut | Self::CutClients => (100, 3_000),
            Self::Slow | Self::Trickle | Self::SlowClients | Self::SlowDisk => (800, 3_000),
            Self::Reset | Self::ResetClients => (0, 0),
            Self::Full => (500, 2_000),
            Self::Wipe => (10, 1_000),
            Self::Reconfig => (300, 1_500),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.to_possible_value();
        f.write_str(named.as_ref().map_or("?", |value| value.get_name()))
    }
}

/// Which connections between servers are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Both ways.
    Alone,
    /// It does not hear the others.
    Deaf,
    /// The others do not hear it.
    Mute,
    /// It and one other do not hear each other, and both hear the rest.
    Pair,
    /// Only it hears everybody.
    Bridge,
}

const SHAPES: [Shape; 5] = [
    Shape::Alone,
    Shape::Deaf,
    Shape::Mute,
    Shape::Pair,
    Shape::Bridge,
];

/// Whom a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The server that leads then.
    Leader,
    /// One that does not, by its place among these.
    Follower(u64),
    /// All of them.
    Everyone,
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) who: Who,
    /// From the beginning of the wave.
    pub(crate) after_ms: u64,
    pub(crate) length_ms: u64,
    /// Of a cut.
    pub(crate) shape: Shape,
    /// Milliseconds of delay, or writes a second, or how often.
    pub(crate) amount: u64,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.who {
            Who::Leader => "leader".to_owned(),
            Who::Follower(number) => format!("follower {}", number + 1),
            Who::Everyone => "all".to_owned(),
        };
        write!(f, "{} {who}", self.kind)?;
        match self.kind {
            Kind::Cut => write!(f, " {:?}", self.shape)?,
            Kind::Slow | Kind::Trickle | Kind::SlowClients => write!(f, " by {} ms", self.amount)?,
            Kind::SlowDisk => write!(f, " to {} writes/s", self.amount)?,
            Kind::Storm => write!(f, " {} times", self.amount)?,
            Kind::Kill
            | Kind::Term
            | Kind::Pause
            | Kind::KillAll
            | Kind::Reset
            | Kind::CutClients
            | Kind::ResetClients
            | Kind::Full
            | Kind::Wipe
            | Kind::Reconfig => {}
        }
        write!(f, " for {} ms", self.length_ms)
    }
}

/// Faults of one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wave {
    /// Quiet before it.
    pub(crate) after_ms: u64,
    pub(crate) faults: Vec<Fault>,
    /// Whether everything must be whole again before the next one.
    pub(crate) waits: bool,
}

impl fmt::Display for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.faults.iter().map(Fault::to_string).collect();
        write!(f, "{}", faults.join(" + "))
    }
}

/// Draws waves without end; every kind has its turn before one comes a second time.
#[derive(Debug)]
pub(crate) struct Plan {
    rng: Rng,
    kinds: Vec<Kind>,
    deck: Vec<Kind>,
    /// There is time for pauses longer than session timeouts, and for quiet.
    has_long_pauses: bool,
}

impl Plan {
    /// For these kinds.
    pub(crate) fn new(rng: Rng, kinds: &[Kind], has_long_pauses: bool) -> Self {
        Self {
            rng,
            kinds: kinds.to_vec(),
            deck: Vec::new(),
            has_long_pauses,
        }
    }

    /// The next wave.
    pub(crate) fn next(&mut self) -> Option<Wave> {
        let first = self.deal()?;
        let mut faults = vec![self.draw(first)];
        if !first.is_alone() && self.rng.percent(40) {
            let others: Vec<Kind> = self
                .kinds
                .iter()
                .copied()
                .filter(|it| !it.is_alone() && *it != Kind::Reconfig)
                .collect();
            if let Some(second) = self.rng.pick(&others).copied() {
                let after_ms = self.rng.between(0, 800);
                faults.push(Fault {
                    after_ms,
                    ..self.draw(second)
                });
            }
        }
        // Sometimes there is time to see that nothing happens where nothing is done.
        let is_quiet = self.has_long_pauses && self.rng.percent(8);
        let after_ms = if is_quiet {
            self.rng.between(5_000, 12_000)
        } else {
            self.rng.between(100, 1_200)
        };
        Some(Wave {
            after_ms,
            faults,
            waits: first.is_alone() || first == Kind::Reconfig || self.rng.percent(60),
        })
    }

    fn deal(&mut self) -> Option<Kind> {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.kinds);
        }
        let at = self.rng.index(self.deck.len());
        (at < self.deck.len()).then(|| self.deck.swap_remove(at))
    }

    fn draw(&mut self, kind: Kind) -> Fault {
        let (low, high) = kind.length_ms();
        let is_long = self.has_long_pauses && kind == Kind::Pause && self.rng.percent(30);
        let length_ms = if is_long {
            self.rng.between(10_500, 13_000)
        } else {
            self.rng.between(low, high)
        };
        let who = match kind {
            Kind::KillAll => Who::Everyone,
            Kind::Slow | Kind::Trickle | Kind::SlowClients | Kind::Reset | Kind::ResetClients
                if self.rng.percent(50) =>
            {
                Who::Everyone
            }
            Kind::Reconfig => Who::Follower(self.rng.below(8)),
            _ if self.rng.percent(50) => Who::Leader,
            _ => Who::Follower(self.rng.below(8)),
        };
        let amount = match kind {
            Kind::Slow | Kind::SlowClients => self.rng.between(5, 150),
            Kind::Trickle => self.rng.between(0, 1),
            Kind::SlowDisk => self.rng.between(10, 60),
            Kind::Storm => self.rng.between(3, 8),
            _ => 0,
        };
        Fault {
            kind,
            who,
            after_ms: 0,
            length_ms,
            shape: *self.rng.pick(&SHAPES).unwrap_or(&Shape::Alone),
            amount,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use super::Plan;
    use clap::ValueEnum;
    use zoa_testkit::rng::Rng;

    #[test]
    fn equal_seeds_give_equal_plans_and_every_kind_has_its_turn() {
        let kinds = Kind::value_variants();
        let draw = |seed| {
            let mut plan = Plan::new(Rng::new(seed), kinds, true);
            (0..kinds.len())
                .filter_map(|_| plan.next())
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
        let mut first: Vec<Kind> = draw(7).iter().map(|wave| wave.faults[0].kind).collect();
        first.sort_unstable();
        assert_eq!(first, kinds);
    }

    #[test]
    fn a_disk_is_wiped_only_where_nothing_else_is_amiss() {
        let mut plan = Plan::new(Rng::new(1), Kind::value_variants(), true);
        for wave in (0..2_000).filter_map(|_| plan.next()) {
            let wipes = wave.faults.iter().any(|fault| fault.kind == Kind::Wipe);
            assert!(!wipes || (wave.faults.len() == 1 && wave.waits), "{wave}");
        }
    }
}
