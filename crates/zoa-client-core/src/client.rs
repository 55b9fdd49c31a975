//! The client: inputs, outputs, and the state between them.
//!
//! ```text
//!            handle_resolved ... handle_connected ... handle_received          submit, add_auth, close
//!                     |                                    |                            |
//!   link:  Down -> Resolving -> Connecting -> Handshaking -> Up          waiting -> in flight -> Outcome
//!            ^                                               |
//!            +---- back-off <------- the connection ends ----+
//! ```
//!
//! This file has the state and the outputs; `link` makes and ends connections, `handshake` attaches the session, `receive`
//! reads frames, `requests` takes requests, `timers` knows what is due, `probe` looks for a writable server.
//!
//! Invariant: a connection ends only when every whole frame received on it was read, or when it broke the protocol. What has an
//! end is told in the order in which it happened.

mod handshake;
mod link;
mod probe;
mod receive;
mod requests;
mod timers;

use core::net::IpAddr;
use core::net::SocketAddr;
use std::collections::VecDeque;
use std::fmt;

use zoa_proto::SessionId;
use zoa_proto::Zxid;

use crate::auths::Auths;
use crate::chroot::Chroot;
use crate::chroot::Scratch;
use crate::config::ClientConfig;
use crate::config::SessionTicket;
use crate::connect_string::Host;
use crate::event::Action;
use crate::event::ConnectionId;
use crate::event::Event;
use crate::event::SessionState;
use crate::event::Transmit;
use crate::event::WatcherId;
use crate::hashing::KeyedHasher;
use crate::host_list::HostList;
use crate::inbox::Inbox;
use crate::outbox::Outbox;
use crate::pending::Pending;
use crate::random::Entropy;
use crate::random::Random;
use crate::rearm::Rearm;
use crate::session::Session;
use crate::watches::WatchTable;
use link::Doom;
use link::Link;
use probe::Probing;
pub use requests::Submission;
pub use requests::WatchRemoval;

/// A client of one session, without I/O. `T` is what the caller wants back with the outcome of each request: a channel, a
/// callback, a number.
///
/// Every method is of one of four kinds: inputs (`handle_*`), requests (`submit` and the like), outputs (`poll_*`) and plain
/// questions. Times are milliseconds of a clock that never goes back, with any zero. After every input and request, ask the
/// outputs in this order:
///
/// 1. [`poll_event`](Self::poll_event) until it has nothing more,
/// 2. [`poll_action`](Self::poll_action) until it has nothing more,
/// 3. [`poll_transmit`](Self::poll_transmit), as long as the socket takes what it gives,
/// 4. [`poll_timeout`](Self::poll_timeout), for the time at which to call [`handle_timeout`](Self::handle_timeout).
pub struct Client<T> {
    config: ClientConfig,
    chroot: Chroot,
    random: Random,
    hosts: HostList,
    /// The time of the last input.
    now_ms: u64,
    session: Session,
    state: SessionState,
    link: Link,
    connection: ConnectionId,
    /// The last number given to an attempt or a probe.
    connections: u64,
    target: Option<Target>,
    /// Addresses of the target's name not yet tried.
    addresses: Vec<IpAddr>,
    doom: Option<Doom>,
    probing: Probing,
    inbox: Inbox,
    outbox: Outbox,
    pending: Pending<T>,
    auths: Auths<T>,
    watches: WatchTable,
    rearm: Rearm,
    closing: Option<Closing>,
    told: VecDeque<Event<'static, T>>,
    notices: usize,
    actions: VecDeque<Action>,
    scratch: Scratch,
    frame: Vec<u8>,
    reply_scratch: Vec<u8>,
    watchers: Vec<WatcherId>,
}

// By hand: the buffers hold passwords and auth entries (G-25).
impl<T> fmt::Debug for Client<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("state", &self.state)
            .field("session", &self.session.id())
            .field("link", &self.link)
            .field("target", &self.target)
            .field("pending", &self.pending.len())
            .field("watches", &self.watches.len())
            .finish_non_exhaustive()
    }
}

/// The server that is tried or used.
#[derive(Clone, Debug)]
struct Target {
    host: Host,
    address: Option<SocketAddr>,
}

/// The user wants the session to end.
#[derive(Clone, Copy, Debug)]
struct Closing {
    give_up_ms: u64,
    is_sent: bool,
}

impl<T> Client<T> {
    /// A client that starts to connect; the first action is there to be polled.
    #[must_use]
    pub fn new(config: ClientConfig, entropy: Entropy, now_ms: u64) -> Self {
        let mut random = Random::new(entropy.seed);
        let mut hosts = HostList::new(config.connect_string.hosts(), config.backoff);
        if config.shuffles_hosts {
            hosts.shuffle(&mut random);
        }
        let timeout_ms = u64::from(config.session_timeout_ms);
        let mut client = Self {
            chroot: Chroot::new(config.connect_string.chroot()),
            random,
            hosts,
            now_ms,
            session: Session::new(config.session.clone(), timeout_ms, now_ms),
            state: SessionState::Connecting,
            link: Link::Down { retry_ms: now_ms },
            connection: ConnectionId::default(),
            connections: 0,
            target: None,
            addresses: Vec::new(),
            doom: None,
            probing: Probing::default(),
            inbox: Inbox::new(config.reply_len_max),
            outbox: Outbox::default(),
            pending: Pending::new(),
            auths: Auths::new(),
            watches: WatchTable::new(KeyedHasher(entropy.hash_key)),
            rearm: Rearm::default(),
            closing: None,
            told: VecDeque::new(),
            notices: 0,
            actions: VecDeque::new(),
            scratch: Scratch::default(),
            frame: Vec::new(),
            reply_scratch: Vec::new(),
            watchers: Vec::new(),
            config,
        };
        client.start_attempt();
        client
    }

    /// The next event, borrowed until the next call.
    pub fn poll_event(&mut self) -> Option<Event<'_, T>> {
        loop {
            if let Some(event) = self.told.pop_front() {
                self.notices -= usize::from(matches!(event, Event::Notice(_)));
                return Some(event);
            }
            match self.take_step() {
                receive::Step::Nothing => return None,
                receive::Step::Again => {}
                receive::Step::Reply(answered) => return Some(self.finish_reply(answered)),
                receive::Step::Watch(fired) => return Some(self.finish_watch(fired)),
            }
        }
    }

    /// The next thing to do about names and sockets.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What to write next, from the first byte not yet taken on. Report what was taken with
    /// [`handle_transmitted`](Self::handle_transmitted), before any bytes that were read later.
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        if self.doom.is_some() || !self.link.is_talking() {
            return None;
        }
        if self.outbox.len() == 0 {
            self.refill();
        }
        let bytes = self.outbox.bytes();
        (!bytes.is_empty()).then_some(Transmit {
            connection: self.connection,
            bytes,
        })
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing happens before; `None` for never. Any time from the
    /// past on means now.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        self.next_timeout_ms()
    }

    /// The state of the session, as the last input has made it. [`Event::Session`] tells of every change.
    #[must_use]
    pub const fn state(&self) -> SessionState {
        self.state
    }

    /// The connection in use, once the handshake is answered.
    #[must_use]
    pub const fn connection(&self) -> Option<ConnectionId> {
        match &self.link {
            Link::Up(_) => Some(self.connection),
            Link::Down { .. }
            | Link::Resolving { .. }
            | Link::Connecting { .. }
            | Link::Handshaking { .. }
            | Link::Ended => None,
        }
    }

    /// Whether a connection stands on which the handshake is not answered yet.
    #[must_use]
    pub const fn is_handshaking(&self) -> bool {
        matches!(self.link, Link::Handshaking { .. })
    }

    /// The server in use, or being tried.
    #[must_use]
    pub fn server(&self) -> Option<(&Host, Option<SocketAddr>)> {
        self.target
            .as_ref()
            .map(|target| (&target.host, target.address))
    }

    /// The session's id; `SessionId::NONE` before there is one.
    #[must_use]
    pub const fn session_id(&self) -> SessionId {
        self.session.id()
    }

    /// All it takes to attach to this session from another client; `None` while there is none.
    #[must_use]
    pub fn ticket(&self) -> Option<&SessionTicket> {
        self.session.ticket()
    }

    /// The session timeout agreed on, in milliseconds; before a server agreed, the one asked for.
    #[must_use]
    pub const fn session_timeout_ms(&self) -> u64 {
        self.session.timeout_ms
    }

    /// Until this time the session is surely alive on the servers; later it may be, or not. `None` before there is one, and
    /// after its end. Whoever acts in the name of the session, such as a leader, must not rely on it any longer.
    #[must_use]
    pub fn alive_until_ms(&self) -> Option<u64> {
        match self.state {
            SessionState::Expired | SessionState::AuthFailed | SessionState::Closed => None,
            SessionState::Connecting
            | SessionState::Connected
            | SessionState::ConnectedReadOnly
            | SessionState::Suspended => self.session.alive_until_ms(),
        }
    }

    /// The newest zxid that a server has shown.
    #[must_use]
    pub const fn last_zxid_seen(&self) -> Zxid {
        self.session.seen_zxid()
    }

    /// The chroot; empty for none.
    #[must_use]
    pub fn chroot(&self) -> &str {
        self.chroot.as_str()
    }

    /// Requests that are not yet told how they ended.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Watches that are set.
    #[must_use]
    pub const fn watch_count(&self) -> usize {
        self.watches.len()
    }

    /// Everybody who watches anything, in no order, and as often as they watch.
    #[must_use]
    pub fn watcher_ids(&self) -> Vec<WatcherId> {
        self.watches.watchers().collect()
    }

    /// Time goes on, never back.
    fn note_now(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
    }
}
