//! What decides a run: the seed, whose clients there are, which faults are kept, and where the disk of a short scenario fails.
//!
//! It is the whole of what tells one run from another: equal options are equal runs. What is drawn from them is not here but in `drawing`.

use std::fmt;
use zoa_core::ContainerRules;
use zoa_testkit::disk::Persistence;
use zoa_testkit::faults::Fault;

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
    pub(super) fn keep(self, plan: Vec<Fault>) -> Vec<Fault> {
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
    pub(super) fn has_users(self) -> bool {
        matches!(self, Self::Clients | Self::Recipes | Self::Farm)
    }

    /// How soon what nobody uses goes. Recipes keep things in containers, and are to find them as they would anywhere.
    pub(super) fn containers(self) -> ContainerRules {
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
