//! The process of one user that has a script: its tasks, and the desk between them and its client.
//!
//! Invariant: all that its client told is heard before a task runs, so that no task acts on a standing that is known to be over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::Waker;
use std::time::Duration;

use zoa_client_core::SessionState;
use zoa_recipes::Standing;
use zoa_testkit::clock::SimTime;
use zoa_testkit::op::Op;
use zoa_testkit::rng::Rng;

use super::answers;
use super::desk;
use super::desk::Desk;
use super::desk::Shared;
use super::executor::Executor;
use super::keeper::SimKeeper;
use super::ledger::Ledger;
use super::scripts;
use super::scripts::Seat;
use super::scripts::Subject;
use crate::clients::Life;
use crate::clients::Told;

/// See the module.
#[derive(Debug)]
pub(crate) struct Program {
    desk: Shared,
    executor: Executor,
    /// Requests under way, by the client's tags: the desk's number, and what was asked.
    tags: BTreeMap<u32, (u64, Op)>,
    /// How much of what was told is heard.
    heard: usize,
    /// Its owner closes the session, and so counts on nothing in it any more.
    is_closing: bool,
}

impl Program {
    /// Starts the script of this user.
    pub(crate) fn start(
        subject: Subject,
        user: usize,
        (ledger, mut rng): (&Arc<Mutex<Ledger>>, Rng),
    ) -> Self {
        let shared = Arc::new(Mutex::new(Desk::new(rng.fork("desk"))));
        let keeper = SimKeeper {
            desk: Arc::clone(&shared),
        };
        let seat = Seat::new(keeper, user, (Arc::clone(ledger), rng));
        let mut executor = Executor::default();
        executor.spawn(scripts::run(subject, seat));
        Self {
            desk: shared,
            executor,
            tags: BTreeMap::new(),
            heard: 0,
            is_closing: false,
        }
    }

    /// The session will be closed.
    pub(crate) const fn close(&mut self) {
        self.is_closing = true;
    }

    /// The end of the session was committed, whatever its client knows; whether that is news.
    pub(crate) fn outlive_session(&self) -> bool {
        let mut desk = desk::at(&self.desk);
        !std::mem::replace(&mut desk.has_outlived, true)
    }

    /// The faults are over.
    pub(crate) fn calm_down(&self) {
        desk::at(&self.desk).is_calm = true;
    }

    /// Whether all tasks have ended.
    pub(crate) fn is_done(&self) -> bool {
        self.executor.is_empty()
    }

    /// Whether its session ended before its script did.
    pub(crate) fn has_given_up(&self) -> bool {
        desk::at(&self.desk).has_given_up
    }

    /// When a task wants to be woken, in milliseconds of the client's clock.
    pub(crate) fn next_timer_ms(&self) -> Option<u64> {
        let due = desk::at(&self.desk).next_timer()?;
        u64::try_from(due.as_millis()).ok()
    }

    /// Hears what the client told, lets the tasks run, and hands on what they ask; whether anything was asked.
    pub(crate) fn run(
        &mut self,
        life: &mut Life,
        (now, clock_ms): (SimTime, u64),
        alive_until: SimTime,
    ) -> bool {
        let alive_until = if self.is_closing {
            SimTime::ZERO
        } else {
            alive_until
        };
        self.hear(life);
        self.look(life, (now, clock_ms), alive_until);
        loop {
            let spawned = desk::at(&self.desk).take_spawned();
            for task in spawned {
                self.executor.spawn(task);
            }
            if !self.executor.step() {
                break;
            }
        }
        self.hand_on(life, (now, clock_ms))
    }

    /// Time and standing, as the client has them.
    fn look(&self, life: &Life, (now, clock_ms): (SimTime, u64), alive_until: SimTime) {
        let is_sure = alive_until > now;
        let standing = match life.client.state() {
            SessionState::Connecting => Standing::Connecting,
            SessionState::Connected | SessionState::ConnectedReadOnly if is_sure => Standing::Sure,
            SessionState::Suspended if is_sure => Standing::Suspended,
            SessionState::Connected | SessionState::ConnectedReadOnly | SessionState::Suspended => {
                Standing::Doubtful
            }
            SessionState::Expired | SessionState::AuthFailed | SessionState::Closed => {
                Standing::Ended
            }
        };
        let mut wakers = {
            let mut desk = desk::at(&self.desk);
            desk.at = now;
            desk.clock = Duration::from_millis(clock_ms);
            desk.alive_until = alive_until;
            desk.session = life.client.session_id().0;
            let mut wakers = desk.take_due();
            if desk.standing != standing {
                wakers.extend(desk.change_standing(standing));
            }
            wakers
        };
        if standing == Standing::Ended {
            wakers.extend(desk::at(&self.desk).fire_all());
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    fn hear(&mut self, life: &Life) {
        for (_, told) in life.told.iter().skip(self.heard) {
            let wakers: Vec<Waker> = match told {
                Told::Outcome(tag, verdict) => {
                    let Some((number, op)) = self.tags.get(tag) else {
                        continue;
                    };
                    let answer = answers::answer_of(op, verdict);
                    desk::at(&self.desk)
                        .answer(*number, answer)
                        .into_iter()
                        .collect()
                }
                Told::Watch(fired) => self.fire(&fired.watchers),
                Told::Gone(_, watchers) => self.fire(watchers),
                Told::Session(_) | Told::Notice(_) => continue,
            };
            wakers.into_iter().for_each(Waker::wake);
        }
        self.heard = life.told.len();
    }

    fn fire(&self, watchers: &[u32]) -> Vec<Waker> {
        let numbers = watchers.iter().filter_map(|tag| self.tags.get(tag));
        let mut desk = desk::at(&self.desk);
        numbers
            .filter_map(|(number, _)| desk.fire(*number))
            .collect()
    }

    fn hand_on(&mut self, life: &mut Life, times: (SimTime, u64)) -> bool {
        let mut has_asked = false;
        loop {
            let Some((number, op)) = desk::at(&self.desk).take_asked() else {
                return has_asked;
            };
            has_asked = true;
            match life.ask(times, &op, None) {
                Ok(tag) => drop(self.tags.insert(tag, (number, op))),
                Err(Some(error)) => {
                    let waker =
                        desk::at(&self.desk).answer(number, Err(answers::not_taken(&error)));
                    waker.into_iter().for_each(Waker::wake);
                }
                Err(None) => panic!("no client can be asked for {op:?}"),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        desk::at(&self.desk).die();
        let spawned = desk::at(&self.desk).take_spawned();
        self.executor.clear();
        drop(spawned);
    }
}
