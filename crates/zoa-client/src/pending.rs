//! A request that was sent and is not yet answered.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use crate::answer::Answer;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::park;
use crate::slot::Slot;
use crate::watch::WatchEvents;

/// A request that was sent when the method was called: await it for its result, or [`wait`](Self::wait) for it on a thread.
///
/// Requests are answered in the order in which they were made, so many may be under way at once. To drop it does not take the
/// request back: it will be applied, or not, and nobody hears of it.
#[must_use = "the request is sent, but how it ended is only told when this is awaited or waited for"]
pub struct Pending<R> {
    state: State,
    watch: Option<WatchEvents>,
    finish: Finish<R>,
}

/// Makes the result out of the answer and the watch that was asked for.
pub(crate) type Finish<R> =
    fn(Result<Answer, ErrorKind>, Option<WatchEvents>) -> Result<R, ErrorKind>;

enum State {
    Sent(Arc<Slot>),
    Rejected(Option<Error>),
}

impl<R> Pending<R> {
    pub(crate) fn new(
        sent: Result<Arc<Slot>, Error>,
        watch: Option<WatchEvents>,
        finish: Finish<R>,
    ) -> Self {
        let state = match sent {
            Ok(slot) => State::Sent(slot),
            Err(error) => State::Rejected(Some(error)),
        };
        Self {
            state,
            watch,
            finish,
        }
    }

    /// Blocks this thread until the answer is there. Not for asynchronous code: the thread may be the one that should fetch
    /// the answer.
    ///
    /// # Errors
    /// As the method that made the request.
    ///
    /// # Panics
    /// When the result was taken already.
    pub fn wait(mut self) -> Result<R, Error> {
        let result = park::wait(None, |context| self.poll_result(context));
        result.expect("there is no deadline")
    }

    fn poll_result(&mut self, context: &Context<'_>) -> Poll<Result<R, Error>> {
        match &mut self.state {
            State::Sent(slot) => {
                let Poll::Ready(answer) = slot.poll_take(context) else {
                    return Poll::Pending;
                };
                let result = (self.finish)(answer, self.watch.take());
                Poll::Ready(result.map_err(|kind| slot.error(kind)))
            }
            State::Rejected(error) => {
                let error = error.take();
                let error = error.expect("a request is not polled after its result was taken");
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<R> Future for Pending<R> {
    type Output = Result<R, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_result(context)
    }
}

impl<R> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Pending");
        match &self.state {
            State::Sent(slot) => shown.field("slot", slot),
            State::Rejected(error) => shown.field("error", error),
        };
        shown.finish_non_exhaustive()
    }
}
