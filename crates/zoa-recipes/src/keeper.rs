//! What a recipe may ask of a client: the one seam between the recipes and whoever runs them.
//!
//! It is *not* a client: `zoa_client::Client` implements it on tokio, and the simulator on its own executor, so that both run the
//! same recipes. A recipe awaits nothing but the futures made here.
//!
//! Invariant every implementation holds: a request is sent when its method is called, requests are answered in the order of the
//! calls (G-03), and a failure never says more than is known (G-26).

use std::future::Future;
use std::time::Duration;

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;

/// A client of one session. All clones speak for the same session.
pub trait Keeper: Clone + Send + Sync + 'static {
    /// A watch that was set: ready when it has fired, or never will.
    type Fired: Future<Output = ()> + Send + Unpin + 'static;

    /// Sends a request.
    fn ask(&self, request: Ask)
    -> impl Future<Output = Result<Answer, Failure>> + Send + use<Self>;

    /// Sends a read that sets a watch. A read that fails sets none, but for `exists` of a znode that is not there.
    fn ask_and_watch(
        &self,
        read: Read,
    ) -> impl Future<Output = Result<(Answer, Self::Fired), Failure>> + Send + use<Self>;

    /// Ready after this time.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<Self>;

    /// The time since any fixed moment, by a clock that never goes back.
    fn now(&self) -> Duration;

    /// How the session stands.
    fn standing(&self) -> Standing;

    /// Ready at the next change of the session's standing after this call.
    fn standing_change(&self) -> impl Future<Output = ()> + Send + use<Self>;

    /// The session; `SessionId::NONE` before there is one.
    fn session_id(&self) -> SessionId;

    /// Fresh random bytes.
    fn random(&self) -> [u8; 16];

    /// Runs a task to its end without anybody waiting for it: what is left to clean up when its owner was dropped.
    fn detach(&self, task: impl Future<Output = ()> + Send + 'static);
}

/// How a session stands, seen from its client.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing {
    /// No session yet.
    Connecting,
    /// Connected, and surely alive.
    Sure,
    /// The connection is lost. The session still lives for sure.
    Suspended,
    /// It may have expired: others may see all that it owned gone.
    Doubtful,
    /// It has ended. Final.
    Ended,
}

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// A read without a watch.
    Read(Read),
    /// Waits until the server has seen all that was written before.
    Sync(String),
    /// One change.
    Change(Step),
    /// Changes that are made together or not at all.
    Multi(Vec<Step>),
}

/// A read of one znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    /// Its stat, if it is there.
    Exists(String),
    /// Its data and stat.
    Data(String),
    /// The names of its children and its stat.
    Children(String),
}

/// One change, or one condition of a multi.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Creates a znode that is open to everybody.
    Create {
        /// Where; a sequential one gets its number behind this.
        path: String,
        /// Its data.
        data: Vec<u8>,
        /// Of the four modes without a TTL.
        mode: CreateMode,
    },
    /// Deletes a znode.
    Delete {
        /// Which.
        path: String,
        /// The version it must have.
        version: Version,
    },
    /// Sets the data of a znode.
    SetData {
        /// Which.
        path: String,
        /// To what.
        data: Vec<u8>,
        /// The version it must have.
        version: Version,
    },
    /// Demands that a znode is there; only in a multi.
    Check {
        /// Which.
        path: String,
        /// The version it must have.
        version: Version,
    },
}

/// What a request found or did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A sync, a deletion, a check.
    Done,
    /// A znode was created. In a multi the stat may be missing.
    Created {
        /// Its path, with its number if sequential.
        path: String,
        /// Its stat.
        stat: Option<Stat>,
    },
    /// Data was set.
    Set(Stat),
    /// The stat of a znode, if it is there.
    Exists(Option<Stat>),
    /// Data and stat.
    Data(Vec<u8>, Stat),
    /// Names in no order, and the stat of the znode they are in.
    Children(Vec<String>, Stat),
    /// What the steps of a multi did.
    Multi(Vec<Self>),
}

/// A request that failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}, {}", match known { Known::Refused => "nothing was applied", Known::NotApplied => "it was not applied",
    Known::Unknown => "it may have been applied", Known::Rejected => "it was not sent", Known::Ended => "the session has ended" })]
pub struct Failure {
    /// The code under which ZooKeeper's libraries know it.
    pub code: ErrorCode,
    /// Which step of a multi was refused, counted from 0.
    pub step: Option<usize>,
    /// What is known of it.
    pub known: Known,
}

/// What is known of a request that failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Known {
    /// The server judged it and said no.
    Refused,
    /// It was not applied and never will be. It may be sent again.
    NotApplied,
    /// It may or may not have been applied; only looking tells.
    Unknown,
    /// The client did not take it, and will not take it next time: it is no request, or a limit is reached.
    Rejected,
    /// The session has ended, and nothing will be applied any more; what became of this is not known.
    Ended,
}

impl Failure {
    /// Whether the server said just this.
    #[must_use]
    pub fn is(&self, code: ErrorCode) -> bool {
        self.known == Known::Refused && self.code == code
    }

    /// Whether the server refused this step of a multi, and why.
    #[must_use]
    pub fn at_step(&self) -> Option<(usize, ErrorCode)> {
        self.step.map(|step| (step, self.code))
    }
}
