//! The recipes of zoa-recipes on this client.
//!
//! They need a tokio runtime with a timer around them; without one there is [`blocking::recipes`](crate::blocking::recipes). Invariant: what the recipes hear
//! of a failure is what [`Error`](crate::Error) says, no more.

use std::future::Future;
use std::pin::Pin;
use std::pin::pin;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

use zoa_client_core::SessionState;
use zoa_proto::SessionId;
pub use zoa_recipes::*;

use crate::answer;
use crate::answer::MultiDone;
use crate::answer::NodeData;
use crate::client::Client;
use crate::clock;
use crate::error::Error as ClientError;
use crate::error::ErrorKind;
use crate::error::Outcome;
use crate::multi::Multi;
use crate::pending::Pending;
use crate::watch::Watch;

/// How often it is looked whether a session that is in doubt stands differently.
const STANDING_LOOK_EVERY: Duration = Duration::from_millis(50);

/// A watch of a recipe's.
#[derive(Debug)]
pub struct Fired(Watch);

impl Future for Fired {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        pin!(&mut self.0).poll(context).map(drop)
    }
}

impl Keeper for Client {
    type Fired = Fired;

    fn ask(&self, request: Ask) -> impl Future<Output = Result<Answer, Failure>> + Send + use<> {
        let sent = send(self, &request);
        async move { sent.answer().await.map_err(|error| failure(&error)) }
    }

    fn ask_and_watch(
        &self,
        read: Read,
    ) -> impl Future<Output = Result<(Answer, Fired), Failure>> + Send + use<> {
        let sent = send_and_watch(self, &read);
        async move {
            let answered = sent.answer().await;
            let (answer, watch) = answered.map_err(|error| failure(&error))?;
            Ok((answer, Fired(watch)))
        }
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        tokio::time::sleep(duration)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(clock::now_ms())
    }

    fn standing(&self) -> Standing {
        let is_sure = !self.surely_alive_for().is_zero();
        match self.state() {
            SessionState::Connecting => Standing::Connecting,
            SessionState::Connected | SessionState::ConnectedReadOnly if is_sure => Standing::Sure,
            SessionState::Suspended if is_sure => Standing::Suspended,
            SessionState::Connected | SessionState::ConnectedReadOnly | SessionState::Suspended => {
                Standing::Doubtful
            }
            SessionState::Expired | SessionState::AuthFailed | SessionState::Closed => {
                Standing::Ended
            }
        }
    }

    fn standing_change(&self) -> impl Future<Output = ()> + Send + use<> {
        standing_change(self, tokio::time::sleep)
    }

    fn session_id(&self) -> SessionId {
        Self::session_id(self)
    }

    fn random(&self) -> [u8; 16] {
        clock::random_bytes()
    }

    fn detach(&self, task: impl Future<Output = ()> + Send + 'static) {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(task)),
            // Outside a runtime nobody goes on with it, but its first request is sent.
            Err(_) => {
                let _ = pin!(task).poll(&mut Context::from_waker(Waker::noop()));
            }
        }
    }
}

/// Ready when an event tells of another state, or when time alone has changed how the session stands: an answer that comes late leaves
/// it in doubt until the next one, and no event tells of either.
pub(crate) fn standing_change<S: Future<Output = ()> + Send, F: Fn(Duration) -> S + Send>(
    client: &Client,
    sleep: F,
) -> impl Future<Output = ()> + Send + use<S, F> {
    let mut events = client.own_events();
    let (client, before) = (client.clone(), client.standing());
    async move {
        while client.standing() == before {
            let patience = client.surely_alive_for().max(STANDING_LOOK_EVERY);
            tokio::select! {
                biased;
                // Without another event the session has ended, and stands so for ever.
                event = events.next() => match event {
                    Some(_) => return,
                    None if client.standing() == before => std::future::pending().await,
                    None => {}
                },
                () = sleep(patience) => {}
            }
        }
    }
}

/// A request that was sent.
enum Sent {
    Created(Pending<answer::Created>),
    Done(Pending<()>),
    Set(Pending<zoa_proto::Stat>),
    Exists(Pending<Option<zoa_proto::Stat>>),
    Data(Pending<NodeData>),
    Children(Pending<answer::Children>),
    Multi(Pending<Vec<MultiDone>>),
}

fn send(client: &Client, request: &Ask) -> Sent {
    match request {
        Ask::Read(Read::Exists(path)) => Sent::Exists(client.exists(path)),
        Ask::Read(Read::Data(path)) => Sent::Data(client.get_data(path)),
        Ask::Read(Read::Children(path)) => Sent::Children(client.get_children2(path)),
        Ask::Sync(path) => Sent::Done(client.sync(path)),
        Ask::Change(Step::Create { path, data, mode }) => {
            Sent::Created(client.create2(path, data, *mode))
        }
        Ask::Change(Step::Delete { path, version }) => Sent::Done(client.delete(path, *version)),
        Ask::Change(Step::SetData {
            path,
            data,
            version,
        }) => Sent::Set(client.set_data(path, data, *version)),
        // A check alone is none of the protocol's requests that clients know.
        Ask::Change(step @ Step::Check { .. }) => {
            Sent::Multi(client.multi(&add(Multi::new(), step)))
        }
        Ask::Multi(steps) => Sent::Multi(client.multi(&steps.iter().fold(Multi::new(), add))),
    }
}

fn add(multi: Multi, step: &Step) -> Multi {
    match step {
        Step::Create { path, data, mode } => multi.create2(path, data, *mode),
        Step::Delete { path, version } => multi.delete(path, *version),
        Step::SetData {
            path,
            data,
            version,
        } => multi.set_data(path, data, *version),
        Step::Check { path, version } => multi.check(path, *version),
    }
}

impl Sent {
    async fn answer(self) -> Result<Answer, ClientError> {
        Ok(match self {
            Self::Created(sent) => {
                let created = sent.await?;
                Answer::Created {
                    path: created.path,
                    stat: Some(created.stat),
                }
            }
            Self::Done(sent) => {
                sent.await?;
                Answer::Done
            }
            Self::Set(sent) => Answer::Set(sent.await?),
            Self::Exists(sent) => Answer::Exists(sent.await?),
            Self::Data(sent) => data(sent.await?),
            Self::Children(sent) => children(sent.await?),
            Self::Multi(sent) => Answer::Multi(sent.await?.into_iter().map(done).collect()),
        })
    }
}

fn data(found: NodeData) -> Answer {
    Answer::Data(found.data.unwrap_or_default(), found.stat)
}

fn children(found: answer::Children) -> Answer {
    Answer::Children(found.names, found.stat)
}

fn done(done: MultiDone) -> Answer {
    match done {
        MultiDone::Created { path, stat } => Answer::Created { path, stat },
        MultiDone::Deleted | MultiDone::Checked => Answer::Done,
        MultiDone::DataSet(stat) => Answer::Set(stat),
    }
}

/// A read that was sent and asked for a watch.
enum Watching {
    Exists(Pending<(Option<zoa_proto::Stat>, Watch)>),
    Data(Pending<(NodeData, Watch)>),
    Children(Pending<(answer::Children, Watch)>),
}

fn send_and_watch(client: &Client, read: &Read) -> Watching {
    match read {
        Read::Exists(path) => Watching::Exists(client.exists_and_watch(path)),
        Read::Data(path) => Watching::Data(client.get_data_and_watch(path)),
        Read::Children(path) => Watching::Children(client.get_children_and_watch(path)),
    }
}

impl Watching {
    async fn answer(self) -> Result<(Answer, Watch), ClientError> {
        Ok(match self {
            Self::Exists(sent) => {
                let (stat, watch) = sent.await?;
                (Answer::Exists(stat), watch)
            }
            Self::Data(sent) => {
                let (found, watch) = sent.await?;
                (data(found), watch)
            }
            Self::Children(sent) => {
                let (found, watch) = sent.await?;
                (children(found), watch)
            }
        })
    }
}

fn failure(error: &ClientError) -> Failure {
    let known = match (error.is_final(), error.kind(), error.outcome()) {
        (true, ..) => Known::Ended,
        (_, ErrorKind::Rejected(_), _) => Known::Rejected,
        (.., Outcome::Done) => Known::Refused,
        (.., Outcome::NotApplied) => Known::NotApplied,
        (.., Outcome::Unknown) => Known::Unknown,
    };
    let step = match error.kind() {
        ErrorKind::Multi { index, .. } => Some(*index),
        ErrorKind::Code(_)
        | ErrorKind::Rejected(_)
        | ErrorKind::NotApplied(_)
        | ErrorKind::Unknown(_) => None,
    };
    Failure {
        code: error.code(),
        step,
        known,
    }
}
