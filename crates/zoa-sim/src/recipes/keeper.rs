//! The recipes' client in the simulator: leaves requests on the desk, and waits there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use zoa_proto::SessionId;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Failure;
use zoa_recipes::Keeper;
use zoa_recipes::Read;
use zoa_recipes::Standing;

use super::answers;
use super::desk;
use super::desk::Desk;
use super::desk::Shared;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct SimKeeper {
    pub(super) desk: Shared,
}

impl SimKeeper {
    fn desk<R>(&self, look: impl FnOnce(&mut Desk) -> R) -> R {
        look(&mut desk::at(&self.desk))
    }
}

/// Waits for an answer.
struct Answered {
    desk: Shared,
    number: u64,
}

impl Future for Answered {
    type Output = Result<Answer, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        desk::at(&self.desk).poll_answer(self.number, context.waker())
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        desk::at(&self.desk).forget_answer(self.number);
    }
}

/// Waits for a watch to fire.
#[derive(Debug)]
pub(crate) struct SimFired {
    desk: Shared,
    number: u64,
}

impl Future for SimFired {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        desk::at(&self.desk).poll_fired(self.number, context.waker())
    }
}

impl Drop for SimFired {
    fn drop(&mut self) {
        desk::at(&self.desk).forget_event(self.number);
    }
}

/// Waits for a time.
struct Slept {
    desk: Shared,
    timer: (Duration, u64),
}

impl Future for Slept {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        desk::at(&self.desk).poll_timer(self.timer, context.waker())
    }
}

impl Drop for Slept {
    fn drop(&mut self) {
        desk::at(&self.desk).forget_timer(self.timer);
    }
}

impl Keeper for SimKeeper {
    type Fired = SimFired;

    fn ask(&self, request: Ask) -> impl Future<Output = Result<Answer, Failure>> + Send + use<> {
        let number = self.desk(|desk| desk.ask(answers::op_of(&request)));
        Answered {
            desk: Arc::clone(&self.desk),
            number,
        }
    }

    fn ask_and_watch(
        &self,
        read: Read,
    ) -> impl Future<Output = Result<(Answer, SimFired), Failure>> + Send + use<> {
        let op = answers::watching(answers::op_of(&Ask::Read(read)));
        let number = self.desk(|desk| {
            let number = desk.ask(op);
            desk.expect_event(number);
            number
        });
        let desk = Arc::clone(&self.desk);
        let fired = SimFired {
            desk: Arc::clone(&desk),
            number,
        };
        let answered = Answered { desk, number };
        async move { answered.await.map(|answer| (answer, fired)) }
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        let timer = self.desk(|desk| (desk.clock + duration, desk.number()));
        Slept {
            desk: Arc::clone(&self.desk),
            timer,
        }
    }

    fn now(&self) -> Duration {
        self.desk(|desk| desk.clock)
    }

    fn standing(&self) -> Standing {
        self.desk(|desk| desk.standing)
    }

    fn standing_change(&self) -> impl Future<Output = ()> + Send + use<> {
        let seen = self.desk(|desk| desk.standing_changes());
        let shared = Arc::clone(&self.desk);
        std::future::poll_fn(move |context| desk::at(&shared).poll_standing(seen, context.waker()))
    }

    fn session_id(&self) -> SessionId {
        SessionId(self.desk(|desk| desk.session))
    }

    fn random(&self) -> [u8; 16] {
        self.desk(|desk| desk.rng.bytes16())
    }

    fn detach(&self, task: impl Future<Output = ()> + Send + 'static) {
        let refused = self.desk(|desk| desk.spawn(Box::pin(task)));
        // Dropped when the desk is free again: the task may come back to it.
        drop(refused);
    }
}
