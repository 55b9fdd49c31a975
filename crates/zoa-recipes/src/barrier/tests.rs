//! A barrier on a server that is behind the others.

use std::future::Pending;
use std::future::pending;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

use zoa_proto::ErrorCode;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Zxid;

use super::Barrier;
use crate::keeper::Answer;
use crate::keeper::Ask;
use crate::keeper::Failure;
use crate::keeper::Keeper;
use crate::keeper::Known;
use crate::keeper::Read;
use crate::keeper::Standing;

/// A client of a server that shows a barrier only after a sync, if one is set.
#[derive(Clone)]
struct Behind {
    is_set: bool,
    has_synced: Arc<AtomicBool>,
}

impl Behind {
    fn look(&self) -> Result<Answer, Failure> {
        if self.is_set && self.has_synced.load(Ordering::Relaxed) {
            return Ok(Answer::Data(Vec::new(), nothing_done()));
        }
        Err(Failure {
            code: ErrorCode::NoNode,
            step: None,
            known: Known::Refused,
        })
    }
}

fn nothing_done() -> Stat {
    Stat {
        czxid: Zxid(1),
        mzxid: Zxid(1),
        ctime_ms: 0,
        mtime_ms: 0,
        version: Version(0),
        cversion: Version(0),
        aversion: Version(0),
        ephemeral_owner: SessionId::NONE,
        data_length: 0,
        num_children: 0,
        pzxid: Zxid(1),
    }
}

impl Keeper for Behind {
    type Fired = Pending<()>;

    fn ask(&self, request: Ask) -> impl Future<Output = Result<Answer, Failure>> + Send + use<> {
        assert!(matches!(request, Ask::Sync(_)), "{request:?}");
        self.has_synced.store(true, Ordering::Relaxed);
        ready(Ok(Answer::Done))
    }

    fn ask_and_watch(
        &self,
        read: Read,
    ) -> impl Future<Output = Result<(Answer, Self::Fired), Failure>> + Send + use<> {
        assert!(matches!(read, Read::Data(_)), "{read:?}");
        ready(self.look().map(|answer| (answer, pending())))
    }

    fn sleep(&self, _: Duration) -> impl Future<Output = ()> + Send + use<> {
        ready(())
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn standing(&self) -> Standing {
        Standing::Sure
    }

    fn standing_change(&self) -> impl Future<Output = ()> + Send + use<> {
        let never: Pending<()> = pending();
        never
    }

    fn session_id(&self) -> SessionId {
        SessionId(1)
    }

    fn random(&self) -> [u8; 16] {
        [0; 16]
    }

    fn detach(&self, _: impl Future<Output = ()> + Send + 'static) {}
}

/// Whether somebody gets through.
fn gets_through(is_set: bool) -> bool {
    let keeper = Behind {
        is_set,
        has_synced: Arc::default(),
    };
    let barrier = Barrier::new(&keeper, "/b");
    let waiting = pin!(barrier.wait());
    matches!(
        waiting.poll(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(Ok(()))
    )
}

#[test]
fn nobody_gets_through_because_its_server_has_not_heard_of_the_barrier_yet() {
    assert!(!gets_through(true));
    assert!(gets_through(false));
}
