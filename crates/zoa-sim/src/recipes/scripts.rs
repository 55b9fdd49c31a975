//! What users do with recipes, one script a recipe, and what they say of it in the ledger.
//!
//! Invariant: every script comes to an end by itself once all is calm, whoever else has died.

mod lock;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use zoa_recipes::Error;
use zoa_recipes::Keeper;
use zoa_testkit::rng::Rng;

use super::desk;
use super::desk::Task;
use super::keeper::SimKeeper;
use super::ledger::Kind;
use super::ledger::Ledger;

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Lock,
}

impl Subject {
    /// All recipes; each seed takes the next.
    const RECIPES: [Self; 1] = [Self::Lock];

    /// What this seed is about.
    pub(crate) fn of_seed(seed: u64) -> Self {
        let count = Self::RECIPES.len() as u64;
        let at = usize::try_from(seed % count).unwrap_or(0);
        Self::RECIPES.get(at).copied().unwrap_or(Self::Lock)
    }
}

/// The script of a user.
pub(super) fn run(subject: Subject, seat: Seat) -> Task {
    match subject {
        Subject::Lock => Box::pin(lock::run(seat)),
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

    pub(super) fn is_calm(&self) -> bool {
        desk::at(&self.keeper.desk).is_calm
    }

    pub(super) async fn pause(&mut self, low_ms: u64, high_ms: u64) {
        let ms = self.rng.between(low_ms, high_ms);
        self.keeper.sleep(Duration::from_millis(ms)).await;
    }

    pub(super) fn millis(&mut self, low_ms: u64, high_ms: u64) -> Duration {
        Duration::from_millis(self.rng.between(low_ms, high_ms))
    }

    /// A hold was given.
    pub(super) fn acquired(&self, path: &str, kind: Kind, token: Option<u64>) -> u64 {
        self.ledger(|ledger| {
            ledger.tally.rounds += 1;
            ledger.acquired((path, kind), (self.user, &self.keeper.desk), token)
        })
    }

    pub(super) fn ended(&self, number: u64) {
        self.ledger(|ledger| ledger.ended(number));
    }

    /// Whether to go on after this error: the end of the session is the end of the script, and all else is wrong.
    pub(super) fn gave_up(&self, error: &Error) {
        match error {
            Error::SessionEnded => self.ledger(|ledger| ledger.tally.sessions_ended += 1),
            other => self.ledger(|ledger| ledger.wrong(format!("user {}: {other}", self.user))),
        }
    }
}
