//! From a peer's name to a link that carries something, for the side that dials.
//!
//! What it is not: the socket ([`super::dial`]) or the frames ([`super::outgoing`]). Invariant: each `Up` has its `Down`, also when the
//! task is ended from outside.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio::time::interval;
use zoa_ensemble::Hello;
use zoa_ensemble::LinkId;
use zoa_ensemble::NodeId;
use zoa_ensemble::Purpose;
use zoa_log::LogIndex;
use zoa_log::SnapshotStore;
use zoa_proto::PeerId;

use super::Context;
use super::Line;
use super::Outgoing;
use super::PeerAddress;
use super::PeerEvent;
use super::dial;
use super::dial::Backoff;
use super::greeting;
use super::greeting::Greeted;
use super::greeting::GreetingFault;
use super::incoming::ALIVE;
use super::snapshot_stream;
use super::stream::PeerStream;
use crate::disk::RealDisk;
use crate::limits::SNAPSHOT_SILENCE_MAX;
use crate::limits::SNAPSHOT_TRIES;

/// A link that lasted so long was a good one: the next try comes at once.
const GOOD_LINK: Duration = Duration::from_secs(1);

/// A living server says so this often within what counts as silence.
const SIGNS_OF_LIFE: u32 = 4;

/// Says `Down` when it goes, however that comes about.
pub(super) struct Up {
    context: Arc<Context>,
    link: LinkId,
}

impl Up {
    /// Says `Up`.
    pub(super) fn new(context: &Arc<Context>, (hello, epoch): (Hello, u64), line: Line) -> Self {
        let link = context.new_link();
        context.give(PeerEvent::Up {
            link,
            hello: Box::new(hello),
            epoch,
            line,
        });
        Self {
            context: Arc::clone(context),
            link,
        }
    }

    pub(super) fn link(&self) -> LinkId {
        self.link
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.context.give(PeerEvent::Down { link: self.link });
    }
}

/// Keeps one link to `peer`, or tries to.
pub(super) async fn keep_dialing(
    context: Arc<Context>,
    peer: PeerId,
    places: Vec<PeerAddress>,
    nudge: Arc<Notify>,
) {
    let mut backoff = Backoff::new();
    loop {
        match reach(&context, (peer, Purpose::Messages), &places).await {
            Ok((stream, (hello, _), epoch)) => {
                context.reached(peer);
                let begun = tokio::time::Instant::now();
                let ending = carry(&context, (hello, epoch), stream).await;
                if begun.elapsed() >= GOOD_LINK {
                    tracing::info!(peer = peer.0, "the link to the peer is over: {ending}");
                    backoff = Backoff::new();
                }
            }
            Err(GreetingFault::Broken(reason)) => {
                tracing::debug!(peer = peer.0, reason, "the peer is not reached");
            }
            Err(fault @ GreetingFault::Unproven(_)) => {
                context.tell(peer, &format!("server {} is not reached: {fault}", peer.0));
            }
            Err(fault @ GreetingFault::RefusedByThem { peer, refusal }) => {
                context.tell(peer, &fault.to_string());
                context.give(PeerEvent::Refused { peer, refusal });
            }
            Err(fault @ (GreetingFault::RefusedByUs { .. } | GreetingFault::Misnamed { .. })) => {
                context.tell(peer, &fault.to_string())
            }
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next()) => {}
            () = nudge.notified() => {}
        }
    }
}

/// Connects and greets.
async fn reach(
    context: &Arc<Context>,
    (peer, purpose): (PeerId, Purpose),
    places: &[PeerAddress],
) -> Result<(PeerStream, Greeted, u64), GreetingFault> {
    let broken = |why: &str| GreetingFault::Broken(why.to_owned());
    let (names, security) = (&context.options.names, &context.options.security);
    let silence_max = match purpose {
        Purpose::Messages => context.options.silence_max,
        Purpose::Snapshot => SNAPSHOT_SILENCE_MAX,
    };
    let mut stream = dial::connect(places, names.as_ref(), security.as_ref(), silence_max)
        .await
        .map_err(GreetingFault::from)?;
    let identity = context.identity();
    let identity = identity.ok_or_else(|| broken("this server does not know yet who it is"))?;
    let greeted = greeting::call(&mut stream, &identity, (peer, purpose)).await?;
    Ok((stream, greeted, identity.epoch))
}

/// Drives a link until it is over.
async fn carry(context: &Arc<Context>, said: (Hello, u64), stream: PeerStream) -> String {
    let outgoing = Outgoing::new(stream);
    let _up = Up::new(context, said, Line::Out(outgoing.clone()));
    let mut signs = interval(context.options.silence_max / SIGNS_OF_LIFE);
    signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            ending = poll_fn(|task| outgoing.poll(task)) => return ending,
            _ = signs.tick() => {
                if !outgoing.was_used() {
                    outgoing.push(Bytes::from_static(ALIVE));
                    outgoing.flush();
                    outgoing.was_used();
                }
            }
        }
    }
}

/// Sends a snapshot; a broken connection is made again a few times.
pub(super) async fn send_snapshot(
    context: Arc<Context>,
    node: NodeId,
    places: Vec<PeerAddress>,
    snapshot: (LogIndex, Bytes),
) {
    let store = context.store.lock().clone();
    let (peer, index) = (node.myid().0, snapshot.0.0);
    let mut backoff = Backoff::new();
    let mut delivered = false;
    for _ in 0..SNAPSHOT_TRIES {
        let Some(store) = &store else { break };
        match try_to_send(&context, node, &places, store, &snapshot).await {
            Ok(bytes) => {
                tracing::info!(peer, index, bytes, "snapshot sent");
                delivered = true;
                break;
            }
            Err(reason) => tracing::warn!(peer, index, "the snapshot was not sent: {reason}"),
        }
        tokio::time::sleep(backoff.next()).await;
    }
    context.give(PeerEvent::SnapshotSent { node, delivered });
}

async fn try_to_send(
    context: &Arc<Context>,
    node: NodeId,
    places: &[PeerAddress],
    store: &SnapshotStore<RealDisk>,
    (index, message): &(LogIndex, Bytes),
) -> Result<u64, String> {
    let reaching = reach(context, (node.myid(), Purpose::Snapshot), places);
    let (mut stream, (hello, mut frames), _) = reaching.await.map_err(|fault| fault.to_string())?;
    if hello.state.node() != Some(node) {
        return Err("the server is not the one that it was meant for".to_owned());
    }
    let snapshot = (*index, message.clone());
    snapshot_stream::send(&mut stream, &mut frames, store, snapshot).await
}
