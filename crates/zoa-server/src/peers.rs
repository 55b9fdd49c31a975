//! The connections to the other servers.
//!
//! ```text
//!   replication thread --push, flush--> Outgoing --one write--> socket ... socket --> Incoming --PeerEvent--> replication thread
//!                      --send_snapshot-> a connection of its own ...                  --take_in-->
//! ```
//!
//! Each server makes one connection to each peer and sends on that; what the peer sends comes on the one that the peer has made. They
//! are driven by one thread of their own, so that nothing between servers waits behind clients.
//!
//! What it is not: a judge. Who may speak, and what frames mean, is decided by `zoa_ensemble`.
//! Invariant: for each link `Up` comes before everything and `Down` after everything that is said of it; bytes that are no whole, intact
//! frame of somebody who was judged fit to speak go nowhere (G-16).

mod accept;
mod dial;
mod framing;
mod greeting;
mod greetings;
mod incoming;
mod link;
mod outgoing;
mod send_queue;
mod snapshot_stream;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Builder;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use zoa_ensemble::Hello;
use zoa_ensemble::HelloRefusal;
use zoa_ensemble::Identity;
use zoa_ensemble::LinkId;
use zoa_ensemble::NodeId;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::SnapshotMeta;
use zoa_log::SnapshotStore;
use zoa_proto::PeerId;
use zoa_tree::ServerLine;

#[cfg(test)]
pub(crate) use dial::Finding;
pub(crate) use dial::Names;
pub(crate) use dial::PeerAddress;
pub(crate) use dial::SystemNames;
pub(crate) use incoming::Frames;
pub(crate) use incoming::Incoming;
pub(crate) use outgoing::Outgoing;
pub(crate) use stream::Plain;
pub(crate) use stream::Security;
pub(crate) use stream::Tls;

use crate::disk::RealDisk;
use crate::peers::snapshot_stream::Arriving;

/// The sending or the receiving end of a link.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// This server sends.
    Out(Outgoing),
    /// This server hears.
    In(Incoming),
}

impl Line {
    /// Ends the connection.
    pub(crate) fn cut(&self, reason: &str) {
        match self {
            Self::Out(outgoing) => outgoing.cut(reason),
            Self::In(incoming) => incoming.cut(),
        }
    }
}

/// What happens on the links.
#[derive(Debug)]
pub(crate) enum PeerEvent {
    /// A link has come to be.
    Up {
        link: LinkId,
        hello: Box<Hello>,
        /// Of the identity that this server has greeted with.
        epoch: u64,
        line: Line,
    },
    /// Frames came.
    Received { link: LinkId, frames: Frames },
    /// The link is over.
    Down { link: LinkId },
    /// A peer did not accept this server.
    Refused { peer: PeerId, refusal: HelloRefusal },
    /// The end of [`Peers::send_snapshot`].
    SnapshotSent { node: NodeId, delivered: bool },
}

/// Makes use of a snapshot that has arrived and is durable; it may take long. The message came with it.
pub(crate) type TakeIn = Arc<
    dyn Fn(&SnapshotStore<RealDisk>, SnapshotMeta, Bytes) -> Result<(), LogError> + Send + Sync,
>;

/// Hears what happens.
pub(crate) type Sink = Arc<dyn Fn(PeerEvent) + Send + Sync>;

/// What the connections need to know.
pub(crate) struct PeerOptions {
    /// Where the others reach this server: a host, or every address.
    pub(crate) listen: Vec<PeerAddress>,
    /// `quorumListenOnAllIPs`: the host of `listen` does not matter.
    pub(crate) listen_on_all: bool,
    /// `syncLimit`, in milliseconds: who is silent for so long is taken for dead.
    pub(crate) silence_max: Duration,
    /// Where the names of the peers are looked up.
    pub(crate) names: Arc<dyn Names>,
    pub(crate) security: Arc<dyn Security>,
    pub(crate) sink: Sink,
    pub(crate) take_in: TakeIn,
}

/// What all connections share.
struct Context {
    options: PeerOptions,
    /// `None` until this server knows who it is: then it speaks with nobody.
    identity: Mutex<Option<Arc<Identity>>>,
    /// `None` until this server belongs to a cluster: before that it can receive no snapshot.
    store: Mutex<Option<SnapshotStore<RealDisk>>>,
    /// What has arrived of a snapshot. One arrives at a time; a new connection ends the one before it.
    arriving: tokio::sync::Mutex<Option<Arriving>>,
    newest_arrival: watch::Sender<u64>,
    next_link: AtomicU64,
    /// By which hosts the peers are known here; `None` until the replication has said that.
    hosts: Mutex<Option<HashMap<PeerId, Vec<String>>>>,
    /// Peers that this server tries to reach, to be hurried when they turn up by themselves.
    nudges: Mutex<HashMap<PeerId, Arc<Notify>>>,
    /// Reasons that were told once already.
    told: Mutex<HashMap<PeerId, String>>,
}

impl Context {
    fn new(options: PeerOptions) -> Self {
        Self {
            options,
            identity: Mutex::new(None),
            store: Mutex::new(None),
            arriving: tokio::sync::Mutex::new(None),
            newest_arrival: watch::Sender::new(0),
            next_link: AtomicU64::new(1),
            hosts: Mutex::default(),
            nudges: Mutex::default(),
            told: Mutex::default(),
        }
    }

    fn new_link(&self) -> LinkId {
        LinkId(self.next_link.fetch_add(1, Ordering::Relaxed))
    }

    fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.lock().clone()
    }

    /// The hosts by which a server is known here: those where it is dialed. One that is not known, and wants to join, is known by its own
    /// line; one that zoo.cfg names is not heard by that before its hosts are known.
    fn hosts_of(&self, hello: &Hello) -> Vec<String> {
        let hosts = self.hosts.lock();
        let known = hosts.as_ref().and_then(|hosts| hosts.get(&hello.me));
        let identity = self.identity();
        let is_named = identity.is_some_and(|it| it.founders.all().any(|peer| peer == hello.me));
        match (known, ServerLine::parse(&hello.line)) {
            (Some(known), _) => known.clone(),
            (None, Some(line)) if hosts.is_some() || !is_named => {
                line.addresses.into_iter().map(|it| it.host).collect()
            }
            (None, _) => Vec::new(),
        }
    }

    fn give(&self, event: PeerEvent) {
        (self.options.sink)(event);
    }

    /// Tells why a peer cannot be spoken with, once for each reason.
    fn tell(&self, peer: PeerId, reason: &str) {
        let mut told = self.told.lock();
        if told.get(&peer).is_none_or(|before| before != reason) {
            told.insert(peer, reason.to_owned());
            tracing::warn!(peer = peer.0, "{reason}");
        }
    }

    fn reached(&self, peer: PeerId) {
        self.told.lock().remove(&peer);
    }
}

/// All connections to other servers.
pub(crate) struct Peers {
    handle: Handle,
    context: Arc<Context>,
    dials: HashMap<PeerId, Dialed>,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
    /// Where the others reach this server, when that is known at start.
    listens_on: Vec<SocketAddr>,
}

/// A peer that this server tries to reach.
struct Dialed {
    places: Vec<PeerAddress>,
    task: AbortHandle,
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers")
            .field("dialed", &self.dials.keys())
            .field("listens_on", &self.listens_on)
            .finish_non_exhaustive()
    }
}

impl Peers {
    /// Listens, and starts the thread that drives the connections.
    ///
    /// # Errors
    /// When the quorum port is taken, or there are no threads. A name of this server's own that has no address yet is no error: it is
    /// tried again.
    pub(crate) fn start(options: PeerOptions) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let context = Arc::new(Context::new(options));
        let listens_on = accept::start(&handle, &context)?;
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("peers".to_owned())
            .spawn(move || {
                runtime.block_on(stopped.notified());
                runtime.shutdown_timeout(Duration::from_millis(100));
            })?;
        Ok(Self {
            handle,
            context,
            dials: HashMap::new(),
            stop,
            thread: Some(thread),
            listens_on,
        })
    }

    /// Where the others reach this server.
    #[cfg(test)]
    pub(crate) fn listens_on(&self) -> &[SocketAddr] {
        &self.listens_on
    }

    /// From now on this server says that it is this one.
    pub(crate) fn be(&self, identity: Identity) {
        *self.context.identity.lock() = Some(Arc::new(identity));
    }

    /// From now on snapshots can be sent from here and received to here.
    pub(crate) fn use_snapshots(&self, store: SnapshotStore<RealDisk>) {
        *self.context.store.lock() = Some(store);
    }

    /// These are to be reached, and no others. A peer whose places have changed is looked for anew.
    pub(crate) fn reach(&mut self, peers: Vec<(PeerId, Vec<PeerAddress>)>) {
        let mut wanted: HashMap<PeerId, Vec<PeerAddress>> = peers.into_iter().collect();
        let hosts = |places: &Vec<PeerAddress>| places.iter().map(|it| it.host.clone()).collect();
        let known = wanted.iter().map(|(peer, places)| (*peer, hosts(places)));
        *self.context.hosts.lock() = Some(known.collect());
        self.dials.retain(|peer, dialed| {
            let stays = wanted.get(peer) == Some(&dialed.places);
            if stays {
                wanted.remove(peer);
            } else {
                dialed.task.abort();
                self.context.nudges.lock().remove(peer);
            }
            stays
        });
        for (peer, places) in wanted {
            let nudge = Arc::new(Notify::new());
            self.context.nudges.lock().insert(peer, Arc::clone(&nudge));
            let dialing =
                link::keep_dialing(Arc::clone(&self.context), peer, places.clone(), nudge);
            let task = self.handle.spawn(dialing).abort_handle();
            self.dials.insert(peer, Dialed { places, task });
        }
    }

    /// Sends the snapshot of `index` to `node` on a connection of its own, then says [`PeerEvent::SnapshotSent`].
    pub(crate) fn send_snapshot(&self, node: NodeId, index: LogIndex, message: Bytes) {
        let dialed = self.dials.get(&node.myid());
        let places = dialed.map(|dialed| dialed.places.clone());
        let sending = link::send_snapshot(
            Arc::clone(&self.context),
            node,
            places.unwrap_or_default(),
            (index, message),
        );
        self.handle.spawn(sending);
    }

    /// Ends all connections and the thread.
    pub(crate) fn stop(mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            thread.join().ok();
        }
    }
}
