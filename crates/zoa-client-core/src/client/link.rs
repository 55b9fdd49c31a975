//! Making and ending connections: which server, how long it may take, what becomes of requests when one ends.
//!
//! Invariant: a request that was in flight ends with the connection. It is NotApplied if not all of it was written, if it
//! changes nothing, or if the server said so before it stopped; Unknown else; and requests behind it end too, so that none takes effect after an earlier one was dropped
//! (G-03). Those that waited for the connection go on waiting, unless `Offline::FailWithAttempt` says otherwise.

use core::net::IpAddr;
use core::net::SocketAddr;
use core::ops::ControlFlow;
use std::io;

use super::Client;
use super::Target;
use super::probe::Probing;
use crate::config::Offline;
use crate::connect_string::Host;
use crate::error::ConnectionError;
use crate::error::ProtocolError;
use crate::error::Reason;
use crate::error::TlsFailure;
use crate::event::Action;
use crate::event::ConnectionId;
use crate::event::Event;
use crate::event::ExpiredBy;
use crate::event::Notice;
use crate::event::Outcome;
use crate::event::SessionEvent;
use crate::event::SessionState;
use crate::limits::ADDRESSES_PER_NAME_MAX;
use crate::limits::NOTICES_MAX;
use crate::pending::Entry;
use crate::pending::Intent;
use crate::rearm::Rearm;

/// The least time an attempt gets when nothing is configured.
const CONNECT_TIMEOUT_MS_MIN: u64 = 200;

/// How far the connection has come.
#[derive(Debug)]
pub(super) enum Link {
    /// None until then.
    Down { retry_ms: u64 },
    /// Waiting for the resolver.
    Resolving { deadline_ms: u64 },
    /// Waiting for the socket.
    Connecting { deadline_ms: u64 },
    /// Waiting for the answer to the connect request made then.
    Handshaking { deadline_ms: u64, asked_ms: u64 },
    /// The session is attached.
    Up(Up),
    /// The session is over.
    Ended,
}

impl Link {
    /// Whether bytes go to and fro.
    pub(super) const fn is_talking(&self) -> bool {
        matches!(self, Self::Handshaking { .. } | Self::Up(_))
    }
}

/// A connection with a session.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) established_ms: u64,
    pub(super) sent_ms: u64,
    /// When the ping was made that is not answered yet.
    pub(super) ping_ms: Option<u64>,
    pub(super) read_only: bool,
}

/// The connection is to end, as soon as what was received is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doom {
    error: ConnectionError,
    /// Whether whole frames that were received are still read.
    pub(super) is_drained: bool,
    /// Whether the socket is closed already.
    is_closed: bool,
}

impl Doom {
    /// The server broke the protocol, on a connection that may have been doomed `before`.
    pub(super) fn of_protocol(error: ProtocolError, before: Option<Self>) -> Self {
        Self {
            error: ConnectionError::Protocol(error),
            is_drained: false,
            is_closed: before.is_some_and(|before| before.is_closed),
        }
    }
}

impl<T> Client<T> {
    /// The name was looked up. Of many addresses the first few are tried, in a random order.
    pub fn handle_resolved(&mut self, now_ms: u64, connection: ConnectionId, addresses: &[IpAddr]) {
        self.note_now(now_ms);
        let Link::Resolving { deadline_ms } = self.link else {
            return;
        };
        if connection != self.connection {
            return;
        }
        self.addresses = addresses
            .iter()
            .copied()
            .take(ADDRESSES_PER_NAME_MAX)
            .collect();
        self.random.shuffle(&mut self.addresses);
        match self.addresses.pop() {
            Some(address) => self.connect_to(address, deadline_ms),
            None => self.fail_attempt(ConnectionError::Unresolved, true),
        }
    }

    /// The name could not be looked up.
    pub fn handle_unresolved(&mut self, now_ms: u64, connection: ConnectionId) {
        self.handle_resolved(now_ms, connection, &[]);
    }

    /// The socket is connected.
    pub fn handle_connected(&mut self, now_ms: u64, connection: ConnectionId) {
        self.note_now(now_ms);
        if connection == self.connection && matches!(self.link, Link::Connecting { .. }) {
            self.start_handshake();
        }
    }

    /// The socket could not be connected, or is closed: with the error, or `None` when the server closed it in order. What was
    /// received before is still read.
    pub fn handle_disconnected(
        &mut self,
        now_ms: u64,
        connection: ConnectionId,
        error: Option<io::ErrorKind>,
    ) {
        self.note_now(now_ms);
        self.disconnected(connection, error.map(ConnectionError::Socket));
    }

    /// As [`Self::handle_disconnected`], when it was TLS that failed.
    pub fn handle_tls_failed(
        &mut self,
        now_ms: u64,
        connection: ConnectionId,
        failure: TlsFailure,
    ) {
        self.note_now(now_ms);
        self.disconnected(connection, Some(ConnectionError::Tls(failure)));
    }

    fn disconnected(&mut self, connection: ConnectionId, error: Option<ConnectionError>) {
        if connection != self.connection {
            return;
        }
        match self.link {
            Link::Connecting { .. } => {
                let refused = ConnectionError::Socket(io::ErrorKind::ConnectionRefused);
                self.fail_attempt(error.unwrap_or(refused), true);
            }
            Link::Handshaking { .. } | Link::Up(_) => {
                let closed = self.closed_by_server();
                let doom = Doom {
                    error: error.unwrap_or(closed),
                    is_drained: true,
                    is_closed: true,
                };
                self.doom.get_or_insert(doom);
            }
            Link::Down { .. } | Link::Resolving { .. } | Link::Ended => {}
        }
    }

    /// Leaves the server for the next one, soon.
    pub fn reconnect(&mut self, now_ms: u64) {
        self.note_now(now_ms);
        self.end_connection(ConnectionError::ServerChanged);
    }

    /// From now on these are the hosts; a server that is not among them is left. The chroot stays as it is.
    pub fn set_hosts(&mut self, now_ms: u64, hosts: &crate::connect_string::ConnectString) {
        self.note_now(now_ms);
        self.hosts = crate::host_list::HostList::new(hosts.hosts(), self.config.backoff);
        if self.config.shuffles_hosts {
            self.hosts.shuffle(&mut self.random);
        }
        let is_listed = self
            .target
            .as_ref()
            .is_some_and(|target| self.hosts.contains(&target.host));
        if !is_listed {
            self.end_connection(ConnectionError::ServerChanged);
        }
    }

    /// Tries the next address, or the next host.
    pub(super) fn start_attempt(&mut self) {
        self.connections += 1;
        self.connection = ConnectionId(self.connections);
        let deadline_ms = self.now_ms.saturating_add(self.connect_timeout_ms());
        let host = self.hosts.take_next();
        let address = host.address();
        self.target = Some(Target {
            host: host.clone(),
            address: None,
        });
        match address {
            Some(address) => self.connect_to(address, deadline_ms),
            None => {
                self.link = Link::Resolving { deadline_ms };
                self.actions.push_back(Action::Resolve {
                    connection: self.connection,
                    host,
                });
            }
        }
    }

    fn connect_to(&mut self, address: IpAddr, deadline_ms: u64) {
        self.link = Link::Connecting { deadline_ms };
        if let Some(target) = &mut self.target {
            let address = SocketAddr::new(address, target.host.port);
            target.address = Some(address);
            self.actions.push_back(Action::Connect {
                connection: self.connection,
                address,
                host: target.host.clone(),
            });
        }
    }

    /// How long name and socket may take together, and the handshake after them.
    pub(super) fn connect_timeout_ms(&self) -> u64 {
        let hosts = u64::try_from(self.hosts.len()).unwrap_or(u64::MAX);
        let share_ms = u64::from(self.config.session_timeout_ms) / hosts.max(1);
        let default_ms = share_ms.max(CONNECT_TIMEOUT_MS_MIN);
        self.config.connect_timeout_ms.unwrap_or(default_ms)
    }

    /// The connection is to end when what was received is read.
    pub(super) fn end_connection(&mut self, error: ConnectionError) {
        match self.link {
            Link::Up(_) | Link::Handshaking { .. } => {
                let doom = Doom {
                    error,
                    is_drained: true,
                    is_closed: false,
                };
                self.doom.get_or_insert(doom);
            }
            Link::Resolving { .. } | Link::Connecting { .. } => self.fail_attempt(error, false),
            Link::Down { .. } | Link::Ended => {}
        }
    }

    /// The server stops, and has taken nothing that it did not answer: nothing follows this.
    pub(super) fn handle_farewell(&mut self) {
        self.doom = Some(Doom {
            error: ConnectionError::ServerStopping,
            is_drained: false,
            is_closed: self.doom.is_some_and(|doom| doom.is_closed),
        });
    }

    /// The server broke the protocol: nothing more of it is read.
    pub(super) fn break_off(&mut self, error: impl Into<ProtocolError>) {
        self.doom = Some(Doom::of_protocol(error.into(), self.doom));
    }

    /// Ends the doomed connection; breaks when none is.
    pub(super) fn fall(&mut self) -> ControlFlow<()> {
        let Some(doom) = self.doom.take() else {
            return ControlFlow::Break(());
        };
        match self.link {
            Link::Up(_) => self.lose(doom.error, doom.is_closed),
            Link::Down { .. }
            | Link::Resolving { .. }
            | Link::Connecting { .. }
            | Link::Handshaking { .. } => self.fail_attempt(doom.error, doom.is_closed),
            Link::Ended => {}
        }
        ControlFlow::Continue(())
    }

    /// An attempt came to nothing: the next address at once, or the next host after the back-off.
    pub(super) fn fail_attempt(&mut self, error: ConnectionError, is_closed: bool) {
        self.leave(is_closed);
        if let Some(target) = self.target.clone() {
            self.notice(Notice::AttemptFailed {
                host: target.host,
                address: target.address,
                error,
            });
        }
        if self.config.offline == Offline::FailWithAttempt {
            self.end_waiting(Reason::ConnectionLost(error));
        }
        if let Some(address) = self.addresses.pop() {
            self.connections += 1;
            self.connection = ConnectionId(self.connections);
            let deadline_ms = self.now_ms.saturating_add(self.connect_timeout_ms());
            self.connect_to(address, deadline_ms);
            return;
        }
        self.hosts.note_failure();
        self.go_down();
    }

    /// The connection of the session is lost.
    fn lose(&mut self, error: ConnectionError, is_closed: bool) {
        if let Link::Up(up) = &self.link {
            self.hosts
                .note_end(self.now_ms.saturating_sub(up.established_ms));
        }
        self.state = SessionState::Suspended;
        self.told
            .push_back(Event::Session(SessionEvent::Suspended(error)));
        let is_known = error == ConnectionError::ServerStopping;
        self.end_in_flight(is_known, |client, entry| client.reason_for(error, entry));
        if self.config.offline == Offline::FailWithAttempt {
            self.end_waiting(Reason::ConnectionLost(error));
        }
        if let Some(closing) = &mut self.closing {
            closing.is_sent = false;
        }
        self.leave(is_closed);
        self.addresses.clear();
        self.go_down();
        if matches!(
            error,
            ConnectionError::WritableServerFound
                | ConnectionError::ServerChanged
                | ConnectionError::ServerStopping
        ) {
            self.link = Link::Down {
                retry_ms: self.now_ms,
            };
        }
    }

    /// Only the request that was too late timed out; the others lost their connection by it.
    fn reason_for(&self, error: ConnectionError, entry: &Entry<T>) -> Reason {
        match error {
            ConnectionError::RequestTimeout(limit_ms)
                if entry.submitted_ms.saturating_add(limit_ms) <= self.now_ms =>
            {
                Reason::RequestTimeout(limit_ms)
            }
            _ => Reason::ConnectionLost(error),
        }
    }

    /// Waits for the next attempt.
    fn go_down(&mut self) {
        let delay_ms = self.hosts.draw_delay(&mut self.random);
        self.link = Link::Down {
            retry_ms: self.now_ms.saturating_add(delay_ms),
        };
    }

    /// Forgets the connection or attempt, and has its socket closed if there is one.
    fn leave(&mut self, is_closed: bool) {
        let connection = self.connection;
        let queued = self.actions.len();
        // What was not even polled has not begun.
        self.actions
            .retain(|action| action.connection() != connection);
        let has_begun = queued == self.actions.len();
        if !is_closed && has_begun && !matches!(self.link, Link::Down { .. } | Link::Ended) {
            self.actions.push_back(Action::Close { connection });
        }
        self.stop_probe();
        self.doom = None;
        self.inbox.clear();
        self.outbox.clear();
        self.rearm = Rearm::default();
        self.probing = Probing::default();
    }

    /// The session is over: everything that waits ends with this reason.
    pub(super) fn end(&mut self, event: SessionEvent, reason: Reason) {
        self.state = match event {
            SessionEvent::AuthFailed => SessionState::AuthFailed,
            SessionEvent::Closed { .. } => SessionState::Closed,
            SessionEvent::Expired(_)
            | SessionEvent::Connected { .. }
            | SessionEvent::Suspended(_)
            | SessionEvent::MayHaveExpired => SessionState::Expired,
        };
        self.told.push_back(Event::Session(event));
        self.end_in_flight(false, |_, _| reason);
        self.end_waiting(reason);
        for tag in self.auths.take_tags() {
            let outcome = Outcome::NotApplied(reason);
            self.told.push_back(Event::Outcome { tag, outcome });
        }
        self.leave(false);
        self.closing = None;
        self.link = Link::Ended;
    }

    /// The session has expired, or, when it was to be closed, has ended as wished.
    pub(super) fn end_expired(&mut self, by: ExpiredBy) {
        if self.closing.is_some() {
            let session_ended = by == ExpiredBy::Server;
            self.end(SessionEvent::Closed { session_ended }, Reason::Closed);
        } else {
            self.end(SessionEvent::Expired(by), Reason::SessionExpired);
        }
    }

    /// `is_known`: the server has said that it applied none of them.
    fn end_in_flight(&mut self, is_known: bool, reason: impl Fn(&Self, &Entry<T>) -> Reason) {
        while let Some(entry) = self.pending.pop_in_flight() {
            let reason = reason(self, &entry);
            let is_sent = entry.end <= self.outbox.transmitted();
            let outcome = if is_sent && entry.op.is_write() && !is_known {
                Outcome::Unknown(reason)
            } else {
                Outcome::NotApplied(reason)
            };
            self.tell_outcome(entry, outcome);
        }
    }

    fn end_waiting(&mut self, reason: Reason) {
        while let Some(entry) = self.pending.pop_waiting() {
            self.tell_outcome(entry, Outcome::NotApplied(reason));
        }
    }

    /// Tells how a request without a reply ended.
    pub(super) fn tell_outcome(&mut self, entry: Entry<T>, outcome: Outcome<'static>) {
        if let Some(tag) = entry.tag {
            self.told.push_back(Event::Outcome { tag, outcome });
        }
        // Nothing has to be asked of a server to which there is no connection.
        if let Some(Intent::Unwatch {
            path,
            watcher_type,
            watcher,
            local: true,
        }) = entry.intent.map(|intent| *intent)
        {
            let gone = self.watches.remove(&path, watcher_type, watcher);
            super::receive::tell_gone(&mut self.told, &self.chroot, &path, gone);
        }
    }

    fn notice(&mut self, notice: Notice) {
        if self.notices < NOTICES_MAX {
            self.notices += 1;
            self.told.push_back(Event::Notice(notice));
        }
    }

    const fn closed_by_server(&self) -> ConnectionError {
        match self.link {
            Link::Handshaking { .. } => ConnectionError::ClosedInHandshake,
            Link::Down { .. }
            | Link::Resolving { .. }
            | Link::Connecting { .. }
            | Link::Up(_)
            | Link::Ended => ConnectionError::ClosedByServer,
        }
    }

    /// The host in use or being tried.
    pub(super) fn target_host(&self) -> Option<&Host> {
        self.target.as_ref().map(|target| &target.host)
    }
}
