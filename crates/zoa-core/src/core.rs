//! All that the connections of one server share: the tree, the watch table, the session clock and the registry of lanes.
//!
//! Locks, outermost first; none is taken while an inner one is held:
//!
//! ```text
//!   reaper  ->  tree  ->  watches  ->  clock  ->  local sessions  ->  lanes  ->  throttled, list room, parted  ->  one lane
//! ```

use ::core::net::IpAddr;
use ::core::net::SocketAddr;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Waker;

use hashbrown::HashMap;
use parking_lot::Mutex;
use parking_lot::RwLock;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_tree::Identities;
use zoa_tree::IdentitiesBuf;
use zoa_tree::Owner;
use zoa_tree::Session;
use zoa_tree::Settings;
use zoa_tree::SnapshotCursor;
use zoa_tree::Tree;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use crate::auth;
use crate::config::CoreConfig;
use crate::connection::Connection;
use crate::containers::Reaper;
use crate::ensemble::Role;
use crate::ensemble::Serving;
use crate::hashing::KeyedHasher;
use crate::lane::ConnectionNumber;
use crate::lane::Lane;
use crate::limits::OUTSTANDING_BYTES_MAX;
use crate::limits::OUTSTANDING_MAX;
use crate::limits::PARTED_MAX;
use crate::list_room::ListRoom;
use crate::local_sessions::LocalSessions;
use crate::moment::Moment;
use crate::pipeline::Unanswered;
use crate::propose::Proposals;
use crate::session_clock::SessionClock;
use crate::stats::Stats;
use crate::watches::WatchTable;

/// The server without I/O.
#[derive(Debug)]
pub struct Core {
    pub(crate) config: CoreConfig,
    pub(crate) tree: RwLock<Tree>,
    pub(crate) watches: Mutex<WatchTable>,
    pub(crate) clock: Mutex<SessionClock>,
    pub(crate) lanes: Mutex<Lanes>,
    pub(crate) stats: Stats,
    outstanding: AtomicUsize,
    outstanding_bytes: AtomicUsize,
    /// Written under the exclusive lock of the tree, of which they say how far it is.
    applied_index: AtomicU64,
    applied_term: AtomicU64,
    /// Whose input waits until fewer writes are unanswered.
    throttled: Mutex<Vec<Arc<Lane>>>,
    pub(crate) list_room: ListRoom,
    takes_requests: AtomicBool,
    /// Whom this server serves, as [`Serving::to_byte`].
    pub(crate) serving: AtomicU8,
    pub(crate) role: Mutex<Role>,
    /// How often connections were ended whose proposals may not come true.
    pub(crate) round: AtomicU64,
    /// Sessions that are not replicated.
    pub(crate) local: Mutex<LocalSessions>,
    /// Unused containers on their way out.
    pub(crate) reaper: Mutex<Reaper>,
    /// Sessions that were heard of through connections that are over, and when; nobody has been told yet.
    pub(crate) parted: Mutex<Vec<(SessionId, u64)>>,
    /// When a long list last saw others at work; see `connection/listing.rs`.
    pub(crate) others_seen_ms: AtomicU64,
}

/// The registry of open connections.
#[derive(Debug)]
pub(crate) struct Lanes {
    pub(crate) by_number: HashMap<ConnectionNumber, Arc<Lane>, KeyedHasher>,
    per_address: HashMap<IpAddr, usize, KeyedHasher>,
    next: u64,
}

/// Where in the replicated log a snapshot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotPoint {
    /// The last entry in it.
    pub index: u64,
    /// That entry's term.
    pub term: u64,
    /// The last zxid in it.
    pub zxid: Zxid,
}

/// Why a connection is not taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionRefused {
    /// `maxClientCnxns`: as many connections from this address as it may have.
    TooManyFromAddress {
        /// The limit.
        limit: usize,
    },
    /// `maxCnxns`: as many connections as the server takes.
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// [`Core::stop_taking`] was called.
    Stopping,
}

impl fmt::Display for ConnectionRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyFromAddress { limit } => {
                write!(f, "{limit} from one address is the limit (maxClientCnxns)")
            }
            Self::TooMany { limit } => write!(f, "{limit} in all is the limit (maxCnxns)"),
            Self::Stopping => f.write_str("this server is stopping"),
        }
    }
}

impl Core {
    /// A server over a recovered tree. Sessions found in it get their full timeout from `now` on.
    pub fn new(config: CoreConfig, tree: Tree, now: Moment) -> Arc<Self> {
        let hasher = KeyedHasher::new(config.hash_key);
        let mut clock = SessionClock::new(config.tick_ms, hasher);
        for session in tree.sessions() {
            let is_remote = session.owner().server != config.server;
            clock.attach(session.id(), (session.timeout_ms(), is_remote), now.mono_ms);
        }
        Arc::new(Self {
            tree: RwLock::new(tree),
            watches: Mutex::new(WatchTable::new(hasher)),
            clock: Mutex::new(clock),
            lanes: Mutex::new(Lanes {
                by_number: HashMap::with_hasher(hasher),
                per_address: HashMap::with_hasher(hasher),
                next: config.first_connection,
            }),
            stats: Stats::default(),
            outstanding: AtomicUsize::new(0),
            outstanding_bytes: AtomicUsize::new(0),
            applied_index: AtomicU64::new(0),
            applied_term: AtomicU64::new(0),
            throttled: Mutex::new(Vec::new()),
            list_room: ListRoom::new(),
            takes_requests: AtomicBool::new(true),
            serving: AtomicU8::new(Serving::Full.to_byte()),
            role: Mutex::default(),
            round: AtomicU64::new(0),
            local: Mutex::new(LocalSessions::new(config.tick_ms, hasher)),
            reaper: Mutex::default(),
            parted: Mutex::default(),
            others_seen_ms: AtomicU64::new(0),
            config,
        })
    }

    /// Takes a new connection on, or says why not.
    pub fn accept(
        self: &Arc<Self>,
        peer: SocketAddr,
        now: Moment,
    ) -> Result<Connection, ConnectionRefused> {
        self.accept_known(peer, None, now)
    }

    /// As [`Self::accept`], for one who has shown a certificate about this `subject`.
    pub fn accept_known(
        self: &Arc<Self>,
        peer: SocketAddr,
        subject: Option<&str>,
        now: Moment,
    ) -> Result<Connection, ConnectionRefused> {
        let mut lanes = self.lanes.lock();
        if !self.takes_requests() {
            return Err(ConnectionRefused::Stopping);
        }
        let limit = self.config.connections_max;
        if limit != 0 && lanes.by_number.len() >= limit {
            self.stats.connections_rejected.add(1);
            return Err(ConnectionRefused::TooMany { limit });
        }
        let limit = self.config.connections_per_address_max;
        let from_address = lanes.per_address.entry(peer.ip()).or_insert(0);
        if limit != 0 && *from_address >= limit {
            self.stats.connections_rejected.add(1);
            return Err(ConnectionRefused::TooManyFromAddress { limit });
        }
        *from_address += 1;
        self.stats.connections_accepted.add(1);
        let number = ConnectionNumber(lanes.next);
        lanes.next += 1;
        let address = peer.ip().to_string();
        let certified = subject.map(auth::certificate_identity);
        let known = [auth::address_identity(&address)].into_iter();
        let identities = IdentitiesBuf::from_iter(known.chain(certified));
        let lane = Arc::new(Lane::new(number, peer, identities));
        lanes.by_number.insert(number, Arc::clone(&lane));
        drop(lanes);
        Ok(Connection::new(Arc::clone(self), lane, now))
    }

    /// The zxid of the last transaction applied.
    pub fn last_zxid(&self) -> Zxid {
        self.tree.read().last_zxid()
    }

    /// Runs `look` on the tree under the shared lock, for the driver's snapshots, metrics and checks.
    pub fn with_tree<R>(&self, look: impl FnOnce(&Tree) -> R) -> R {
        look(&self.tree.read())
    }

    /// Runs `change` on the tree under the exclusive lock. Only for the beginning and the end of a snapshot, which change no znode.
    pub fn with_tree_mut<R>(&self, change: impl FnOnce(&mut Tree) -> R) -> R {
        change(&mut self.tree.write())
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The settings that decide results, as this server has them.
    pub fn settings(&self) -> Settings {
        self.config.settings
    }

    /// `minSessionTimeout`, in milliseconds.
    pub fn session_timeout_ms_min(&self) -> u64 {
        u64::try_from(self.config.session_timeout_ms_min).unwrap_or(0)
    }

    /// Gives every session its full timeout, as a new leader does.
    pub fn restart_session_clock(&self, now: Moment) {
        self.clock.lock().restart(now.mono_ms);
    }

    /// Proposes the expiry of every session that has been silent for too long, and the deletion of containers that nobody uses. Only a
    /// leader does, and one that serves.
    ///
    /// What a client sends behind a request that waits for the log is not read, and tells nothing while it lies in the socket. So
    /// nobody is called silent who is owed an answer, however slow the disk is (G-11).
    pub fn handle_tick(&self, now: Moment, proposals: &mut Proposals) {
        let expired = self.clock.lock().handle_tick(now.mono_ms);
        for session in expired {
            if !self.hang_up(session, now) {
                self.clock.lock().excuse(session, now.mono_ms);
                continue;
            }
            proposals.push(&Txn {
                session,
                owner: Owner {
                    server: self.config.server,
                    connection: 0,
                },
                xid: Xid(0),
                time_ms: now.wall_ms,
                settings: self.config.settings,
                identities: Identities::NONE,
                op: TxnOp::ExpireSession,
            });
        }
        self.expire_local_sessions(now);
        self.propose_reaping(now, proposals);
    }

    /// Ends the connection that speaks for a silent session: with an answer from here on its client would count on a session that is
    /// about to end (G-29). `false` when it is not silent: it waits for the log, or for room, or was heard of a moment ago.
    fn hang_up(&self, session: SessionId, now: Moment) -> bool {
        let owner = self.tree.read().session(session).map(Session::owner);
        let owner = owner.filter(|owner| owner.server == self.config.server);
        let Some(lane) = owner.and_then(|owner| self.lane(ConnectionNumber(owner.connection)))
        else {
            return true;
        };
        let mut state = lane.lock();
        if state.waits_for_the_server() || state.was_heard_in_time(now.mono_ms) {
            return false;
        }
        state.end();
        let waker = state.take_waker();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        true
    }

    /// When [`Self::handle_tick`] has something to do next, in milliseconds of the monotonic clock.
    pub fn next_tick_ms(&self) -> Option<u64> {
        let due_ms = self.clock.lock().next_due_ms();
        if !self.config.sessions.local {
            return due_ms;
        }
        let local_ms = self.local.lock().next_due_ms();
        due_ms.into_iter().chain(local_ms).min()
    }

    /// The beginning of a shutdown: no new connection is taken and no further request is looked at; what is under way is answered, and
    /// then clients are told that nothing more was taken.
    pub fn stop_taking(&self) {
        self.takes_requests.store(false, Ordering::SeqCst);
        self.lanes_now()
            .iter()
            .filter_map(|lane| lane.lock().take_waker())
            .for_each(Waker::wake);
    }

    /// How many clients have yet to be told so: their connections do it, each in its own task.
    pub fn connections_to_tell(&self) -> usize {
        let lanes = self.lanes_now();
        lanes.iter().filter(|lane| lane.lock().is_in_use()).count()
    }

    pub(crate) fn takes_requests(&self) -> bool {
        self.takes_requests.load(Ordering::Relaxed)
    }

    /// Ends every connection, for a shutdown; what waits in their outboxes is still sent.
    pub fn end_connections(&self) {
        self.lanes_now()
            .iter()
            .filter_map(|lane| lane.end())
            .for_each(Waker::wake);
    }

    /// How many connections are open.
    pub fn connections_count(&self) -> usize {
        self.lanes.lock().by_number.len()
    }

    /// Begins a snapshot: exact at the point that is returned, however long it is read in steps.
    pub fn begin_snapshot(&self) -> (SnapshotCursor, SnapshotPoint) {
        let mut tree = self.tree.write();
        let point = SnapshotPoint {
            index: self.applied_index.load(Ordering::Relaxed),
            term: self.applied_term.load(Ordering::Relaxed),
            zxid: tree.last_zxid(),
        };
        (tree.begin_snapshot(), point)
    }

    /// Says which entry the recovered tree ends with.
    pub fn recovered(&self, index: u64, term: u64) {
        self.applied_index.store(index, Ordering::Relaxed);
        self.applied_term.store(term, Ordering::Relaxed);
    }

    /// The index of the last entry applied.
    pub fn applied_index(&self) -> u64 {
        self.applied_index.load(Ordering::Relaxed)
    }

    /// Writes that are not answered yet.
    pub fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// Their bytes.
    pub(crate) fn outstanding_len(&self) -> usize {
        self.outstanding_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn lane(&self, number: ConnectionNumber) -> Option<Arc<Lane>> {
        self.lanes.lock().by_number.get(&number).map(Arc::clone)
    }

    /// Forgets a connection that is over: its watches die with it.
    pub(crate) fn remove_connection(&self, lane: &Lane) {
        let mut state = lane.lock();
        state.end();
        let touch = state.take_touch(None);
        let unanswered = state.pipeline.clear();
        let waits_for_list_room = state.waits_for_list_room();
        drop(state);
        self.note_parting(touch);
        if waits_for_list_room {
            self.list_room.forget(lane);
        }
        let mut lanes = self.lanes.lock();
        lanes.by_number.remove(&lane.number());
        if let Some(count) = lanes.per_address.get_mut(&lane.peer().ip()) {
            *count -= 1;
            if *count == 0 {
                lanes.per_address.remove(&lane.peer().ip());
            }
        }
        drop(lanes);
        // Last: an apply loop that found the lane open may be setting watches for its parked reads until it lets go of this lock.
        self.watches.lock().remove_connection(lane.number());
        self.answered(unanswered);
        self.wake_throttled();
    }

    /// Keeps what was last heard of a session through a connection that is over, if there may be a leader elsewhere to be told: who leads
    /// may have been deposed without knowing it yet.
    fn note_parting(&self, touch: Option<(SessionId, u64)>) {
        let Some(touch) = touch else { return };
        if self.role() == Role::Standalone {
            return;
        }
        let mut parted = self.parted.lock();
        if parted.len() < PARTED_MAX {
            parted.push(touch);
        }
    }

    /// Whether one more write may get under way; when it may not, `lane` is woken later.
    pub(crate) fn may_propose(&self, lane: &Arc<Lane>) -> bool {
        if self.has_room(1) {
            return true;
        }
        let mut throttled = self.throttled.lock();
        if !lane.lock().throttle() {
            throttled.push(Arc::clone(lane));
        }
        drop(throttled);
        // Answers may have come in between the look and the push; then nobody would wake this lane.
        self.has_room(2)
    }

    /// Whether less than one `share`-th of what may be unanswered is.
    fn has_room(&self, share: usize) -> bool {
        self.outstanding.load(Ordering::Relaxed) < OUTSTANDING_MAX / share
            && self.outstanding_bytes.load(Ordering::Relaxed) < OUTSTANDING_BYTES_MAX / share
    }

    pub(crate) fn proposed(&self, len: usize) {
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        self.outstanding_bytes.fetch_add(len, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self, answered: Unanswered) {
        self.outstanding
            .fetch_sub(answered.count, Ordering::Relaxed);
        self.outstanding_bytes
            .fetch_sub(answered.bytes, Ordering::Relaxed);
    }

    /// Wakes those whose input waited, once there is room again.
    pub(crate) fn wake_throttled(&self) {
        if !self.has_room(2) {
            return;
        }
        let throttled = std::mem::take(&mut *self.throttled.lock());
        for lane in throttled {
            let waker = lane.lock().unthrottle();
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// Settles the timeout a client asked for.
    pub(crate) fn negotiate_timeout(&self, asked_ms: i32) -> i32 {
        asked_ms.clamp(
            self.config.session_timeout_ms_min,
            self.config.session_timeout_ms_max,
        )
    }

    /// A new session id: this server's number in the high byte, as the original, and 56 random bits.
    pub(crate) fn new_session_id(&self, random: [u8; 8]) -> SessionId {
        let random = i64::from_be_bytes(random) & 0x00ff_ffff_ffff_ffff;
        SessionId((i64::from(self.config.server.0) << 56) | random)
    }
}

#[cfg(test)]
mod tests;
