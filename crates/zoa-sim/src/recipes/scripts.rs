//! What users do with recipes, one script a recipe, and what they say of it in the ledger.
//!
//! Invariant: every script comes to an end by itself once all is calm, whoever else has died.

mod exclusion;
mod farm;
mod following;
mod meeting;
mod numbers;
mod presence;
mod queues;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::Poll;
use std::time::Duration;

use zoa_recipes::Ask;
use zoa_recipes::Error;
use zoa_recipes::Keeper;
use zoa_recipes::Known;
use zoa_testkit::clock::SimTime;
use zoa_testkit::rng::Rng;

use super::desk;
use super::desk::Task;
use super::keeper::SimKeeper;
use super::ledger::Kind;
use super::ledger::Ledger;
use crate::world::Scenario;

/// The longest time that it takes an ensemble to serve again.
const ELECTION: Duration = Duration::from_millis(8_000);

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Lock,
    Election,
    RwLock,
    Semaphore,
    Barrier,
    DoubleBarrier,
    Queue,
    PriorityQueue,
    Counter,
    SharedValue,
    Group,
    Registry,
    NodeCache,
    Settings,
    TreeCache,
    PersistentNode,
    Farm,
}

impl Subject {
    /// All recipes; each seed takes the next.
    const RECIPES: [Self; 16] = [
        Self::Lock,
        Self::Election,
        Self::RwLock,
        Self::Semaphore,
        Self::Barrier,
        Self::DoubleBarrier,
        Self::Queue,
        Self::PriorityQueue,
        Self::Counter,
        Self::SharedValue,
        Self::Group,
        Self::Registry,
        Self::NodeCache,
        Self::Settings,
        Self::TreeCache,
        Self::PersistentNode,
    ];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Election => "election",
            Self::RwLock => "read-write lock",
            Self::Semaphore => "semaphore",
            Self::Barrier => "barrier",
            Self::DoubleBarrier => "double barrier",
            Self::Queue => "queue",
            Self::PriorityQueue => "priority queue",
            Self::Counter => "counter",
            Self::SharedValue => "shared value",
            Self::Group => "group",
            Self::Registry => "registry",
            Self::NodeCache => "node cache",
            Self::Settings => "settings",
            Self::TreeCache => "tree cache",
            Self::PersistentNode => "persistent node",
            Self::Farm => "farm",
        }
    }

    /// How many users there are, where that does not matter to be drawn.
    pub(crate) fn user_count(self) -> Option<usize> {
        (self == Self::Farm).then_some(6)
    }

    /// What a run is about, if it is about recipes.
    pub(crate) fn of(seed: u64, scenario: Scenario) -> Option<Self> {
        match scenario {
            Scenario::Server | Scenario::Clients | Scenario::Ensemble => None,
            Scenario::Recipes => {
                let count = Self::RECIPES.len() as u64;
                let at = usize::try_from(seed % count).unwrap_or(0);
                Self::RECIPES.get(at).copied()
            }
            Scenario::Farm => Some(Self::Farm),
        }
    }
}

/// The script of a user.
pub(super) fn run(subject: Subject, seat: Seat) -> Task {
    Box::pin(async move {
        let mut seat = seat;
        let ended = match subject {
            Subject::Lock => exclusion::lock(&mut seat).await,
            Subject::Election => exclusion::election(&mut seat).await,
            Subject::RwLock => exclusion::rw_lock(&mut seat).await,
            Subject::Semaphore => exclusion::semaphore(&mut seat).await,
            Subject::Barrier => meeting::barrier(&mut seat).await,
            Subject::DoubleBarrier => meeting::double_barrier(&mut seat).await,
            Subject::Queue => queues::queue(&mut seat).await,
            Subject::PriorityQueue => queues::priority_queue(&mut seat).await,
            Subject::Counter => numbers::counter(&mut seat).await,
            Subject::SharedValue => numbers::shared_value(&mut seat).await,
            Subject::Group => presence::group(&mut seat).await,
            Subject::Registry => presence::registry(&mut seat).await,
            Subject::NodeCache => following::node_cache(&mut seat).await,
            Subject::Settings => following::settings(&mut seat).await,
            Subject::TreeCache => following::tree_cache(&mut seat).await,
            Subject::PersistentNode => following::persistent_node(&mut seat).await,
            Subject::Farm => farm::run(&mut seat).await,
        };
        if let Err(error) = ended {
            seat.give_up(&error);
        }
    })
}

/// A hold in the ledger, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    number: u64,
    ledger: Arc<Mutex<Ledger>>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.ended(self.number);
    }
}

/// A user's place in the world: its client, its dice, and the ledger.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) keeper: SimKeeper,
    pub(super) user: usize,
    pub(super) rng: Rng,
    ledger: Arc<Mutex<Ledger>>,
}

impl Seat {
    pub(super) fn new(
        keeper: SimKeeper,
        user: usize,
        (ledger, rng): (Arc<Mutex<Ledger>>, Rng),
    ) -> Self {
        let seat = Self {
            keeper,
            user,
            rng,
            ledger,
        };
        seat.ledger(|ledger| ledger.tally.processes += 1);
        seat
    }

    pub(super) fn ledger<R>(&self, act: impl FnOnce(&mut Ledger) -> R) -> R {
        act(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The world's time.
    pub(super) fn at(&self) -> SimTime {
        desk::at(&self.keeper.desk).at
    }

    pub(super) fn is_calm(&self) -> bool {
        desk::at(&self.keeper.desk).is_calm
    }

    pub(super) async fn pause(&mut self, low_ms: u64, high_ms: u64) {
        let pause = self.millis(low_ms, high_ms);
        self.keeper.sleep(pause).await;
    }

    pub(super) fn millis(&mut self, low_ms: u64, high_ms: u64) -> Duration {
        Duration::from_millis(self.rng.between(low_ms, high_ms))
    }

    /// When all is calm: how long until everybody has come to rest. Several servers need some time until one of them leads, and
    /// give every session its full timeout then.
    pub(super) fn quiet(&self) -> Duration {
        self.longer(Duration::from_millis(6_000))
    }

    /// As long as it takes with one server, or with several.
    pub(super) fn longer(&self, with_one: Duration) -> Duration {
        match self.ledger(|ledger| ledger.is_ensemble) {
            true => with_one + ELECTION,
            false => with_one,
        }
    }

    /// Has its server see all that anybody was told before: of several it may be behind, and show what was some time ago.
    pub(super) async fn catch_up(&self) -> Result<(), Error> {
        if !self.ledger(|ledger| ledger.is_ensemble) {
            return Ok(());
        }
        let path = "/".to_owned();
        while let Err(failure) = self.keeper.ask(Ask::Sync(path.clone())).await {
            if failure.known == Known::Ended {
                return Err(Error::SessionEnded);
            }
            self.keeper.sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Waits for so long at most, and drops what is not ready by then.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        task: impl Future<Output = T>,
    ) -> Option<T> {
        let (mut task, mut sleep) = (pin!(task), pin!(self.keeper.sleep(limit)));
        poll_fn(|context| {
            if let Poll::Ready(output) = task.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            sleep.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    /// A hold was given.
    pub(super) fn claim(&self, path: &str, kind: Kind, token: Option<u64>) -> Claim {
        let number = self.ledger(|ledger| {
            ledger.tally.rounds += 1;
            ledger.acquired((path, kind), (self.user, &self.keeper.desk), token)
        });
        let ledger = Arc::clone(&self.ledger);
        Claim { number, ledger }
    }

    /// Something was not given in time.
    pub(super) fn refused(&self) {
        self.ledger(|ledger| ledger.tally.refused += 1);
    }

    /// Something went round once.
    pub(super) fn round(&self) {
        self.ledger(|ledger| ledger.tally.rounds += 1);
    }

    pub(super) fn wrong(&self, what: &str) {
        let at = self.at();
        self.ledger(|ledger| ledger.wrong(format!("{at}: user {}: {what}", self.user)));
    }

    /// A name that no other process makes.
    pub(super) fn name(&mut self) -> String {
        format!("{}-{:08x}", self.user, self.rng.below(1 << 32))
    }

    /// The end of the session is the end of the script; all else is wrong.
    fn give_up(&self, error: &Error) {
        desk::at(&self.keeper.desk).has_given_up = true;
        match error {
            Error::SessionEnded => self.ledger(|ledger| ledger.tally.sessions_ended += 1),
            other => self.wrong(&other.to_string()),
        }
    }
}
