//! Waiting for whichever of two things comes first.
//!
//! Invariant: when both are ready the first one wins, so that equal histories give equal runs.

use std::future::Future;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::keeper::Keeper;

/// Which of two came first.
#[derive(Debug)]
pub(crate) enum First<A, B> {
    A(A),
    B(B),
}

/// Waits for the first; the other is dropped.
pub(crate) async fn race<A: Future, B: Future>(a: A, b: B) -> First<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| {
        if let Poll::Ready(output) = a.as_mut().poll(context) {
            return Poll::Ready(First::A(output));
        }
        b.as_mut().poll(context).map(First::B)
    })
    .await
}

/// Waits for `task` for so long at most.
pub(crate) async fn within<K: Keeper, A: Future>(
    keeper: &K,
    limit: Duration,
    task: A,
) -> Option<A::Output> {
    match race(task, keeper.sleep(limit)).await {
        First::A(output) => Some(output),
        First::B(()) => None,
    }
}
