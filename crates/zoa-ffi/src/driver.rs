//! The driver of one session: reads, connects, keeps time and writes, as the core says.
//!
//! ```text
//! turn:  names and attempts -> time -> read -> events -> actions -> write      until nothing is left to do
//! ```
//!
//! It decides nothing, and waits for nothing: who calls it does (`threads`, or the caller's loop in `st`). Invariant: after a turn
//! all that could be done is done; what may happen next is one of: the socket, the wake-up counter, the deadline of `wait_ms`.

mod dial;
mod socket;
mod tls;

use std::ffi::c_char;
use std::ffi::c_int;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::thread::Thread;

use zoa_client_core::Action;
use zoa_client_core::Client;
use zoa_client_core::ConnectionId;
use zoa_client_core::Host;
use zoa_client_core::SessionState;

use crate::abi::ClientId;
use crate::callbacks::Batch;
use crate::codes::ZOK;
use crate::constants;
use crate::events::Circumstances;
use crate::hosts::Hosts;
use crate::log::Line;
use crate::tag::Tag;
use crate::watchers::Watcher;
use crate::watchers::Watchers;
pub(crate) use dial::Dialed;
pub(crate) use dial::Mailbox;
pub(crate) use dial::look_up;
use socket::Received;
use socket::Socket;
pub(crate) use tls::Tls;

/// Reads of one turn; then callbacks and writes have their turn.
const READS_PER_TURN: usize = 16;

/// All that one lock guards.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) core: Client<Tag>,
    pub(crate) watchers: Watchers,
    pub(crate) hosts: Hosts,
    /// What the caller's functions are to be told.
    pub(crate) batch: Batch,
    /// Those who waited and are answered; to be unparked without the lock.
    pub(crate) answered: Vec<Thread>,
    pub(crate) lines: Vec<Line>,
    /// The I/O thread sleeps, or is about to.
    pub(crate) is_sleeping: bool,
    /// It will wake when the socket takes more.
    pub(crate) is_awaiting_room: bool,
    /// What went wrong with the connection in this turn.
    pub(crate) trouble: c_int,
    /// The session has ended and all has been told.
    pub(crate) is_over: bool,
    /// A connection was tried.
    has_tried: bool,
    has_new_ticket: bool,
    /// The server that `zoo_cycle_next_server` went on to, until one is tried.
    pub(crate) cycled: Option<Host>,
    socket: Option<(ConnectionId, Socket)>,
    is_connecting: bool,
    mailbox: Arc<Mailbox>,
    /// How it is spoken, if it is.
    tls: Option<Tls>,
    pub(crate) circumstances: Circumstances,
}

impl State {
    pub(crate) fn new(
        core: Client<Tag>,
        hosts: Hosts,
        mailbox: Arc<Mailbox>,
        tls: Option<Tls>,
        default: Watcher,
    ) -> Self {
        Self {
            circumstances: Circumstances {
                default,
                is_closing: false,
            },
            core,
            watchers: Watchers::new(),
            hosts,
            batch: Batch::default(),
            answered: Vec::new(),
            lines: Vec::new(),
            is_sleeping: false,
            is_awaiting_room: false,
            trouble: ZOK,
            is_over: false,
            has_tried: false,
            has_new_ticket: false,
            cycled: None,
            socket: None,
            is_connecting: false,
            mailbox,
            tls,
        }
    }

    /// The state as the interface numbers them.
    pub(crate) fn code(&self) -> c_int {
        match self.core.state() {
            SessionState::Connected => constants::STATE_CONNECTED,
            SessionState::ConnectedReadOnly => constants::STATE_READONLY,
            SessionState::Expired => constants::STATE_EXPIRED,
            SessionState::AuthFailed => constants::STATE_AUTH_FAILED,
            SessionState::Closed => constants::STATE_CLOSED,
            SessionState::Connecting | SessionState::Suspended => {
                if self.core.is_handshaking() {
                    constants::STATE_ASSOCIATING
                } else if self.is_shaking_hands() {
                    constants::ZOO_SSL_CONNECTING_STATE
                } else if self.is_connecting {
                    constants::STATE_CONNECTING
                } else if self.has_tried {
                    constants::STATE_CLOSED
                } else {
                    constants::STATE_NOTCONNECTED
                }
            }
        }
    }

    fn is_shaking_hands(&self) -> bool {
        let socket = self.socket.as_ref();
        self.is_connecting && socket.is_some_and(|(_, socket)| socket.is_shaking_hands())
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(
            self.core.state(),
            SessionState::Connected | SessionState::ConnectedReadOnly
        )
    }

    /// A session was just granted.
    pub(crate) const fn note_ticket(&mut self) {
        self.has_new_ticket = true;
    }

    /// Id and password, when they have changed since the last turn.
    pub(crate) fn new_ticket(&self) -> Option<ClientId> {
        if !self.has_new_ticket {
            return None;
        }
        let mut given = ClientId {
            client_id: self.core.session_id().0,
            ..ClientId::NONE
        };
        if let Some(ticket) = self.core.ticket() {
            for (to, from) in given.passwd.iter_mut().zip(&ticket.password) {
                *to = c_char::from_ne_bytes([*from]);
            }
        }
        Some(given)
    }

    pub(crate) fn socket_number(&self) -> c_int {
        self.socket
            .as_ref()
            .map_or(-1, |(_, socket)| socket.as_raw_fd())
    }

    /// The socket, and whether it is waited for to take more.
    pub(crate) fn socket(&self) -> Option<(BorrowedFd<'_>, bool)> {
        let (_, socket) = self.socket.as_ref()?;
        Some((socket.as_fd(), socket.is_waiting_to_write()))
    }

    /// How long to wait at most, in milliseconds; `None` for ever.
    pub(crate) fn wait_ms(&self, now_ms: u64) -> Option<u64> {
        let socket = self.socket.as_ref();
        if socket.is_some_and(|(_, socket)| socket.has_more()) {
            return Some(0);
        }
        self.due_in_ms(now_ms)
    }

    fn due_in_ms(&self, now_ms: u64) -> Option<u64> {
        let due_ms = self.core.poll_timeout()?;
        Some(due_ms.saturating_sub(now_ms))
    }

    /// Whether something is left that only a turn can do.
    pub(crate) fn needs_turn(&mut self) -> bool {
        match &self.socket {
            // Who filled the socket does not wait until it takes more: the I/O thread does, once it knows.
            Some((_, socket)) if socket.is_waiting_to_write() => !self.is_awaiting_room,
            Some(_) => self.core.poll_transmit().is_some(),
            None => true,
        }
    }

    /// Does all that can be done without waiting.
    pub(crate) fn turn(&mut self, now_ms: u64) {
        self.has_new_ticket = false;
        let mut reads = 0;
        loop {
            let mut goes_on = self.take_mail(now_ms);
            goes_on |= self.finish_connecting(now_ms);
            goes_on |= self.keep_time(now_ms);
            if reads < READS_PER_TURN && self.read(now_ms) {
                reads += 1;
                goes_on = true;
            }
            self.tell_events();
            goes_on |= self.act(now_ms);
            goes_on |= self.write(now_ms);
            if !goes_on {
                break;
            }
        }
    }

    fn keep_time(&mut self, now_ms: u64) -> bool {
        let is_due = self.due_in_ms(now_ms) == Some(0);
        if is_due {
            self.core.handle_timeout(now_ms);
        }
        is_due
    }

    /// Hands over what became of names and probes.
    fn take_mail(&mut self, now_ms: u64) -> bool {
        let Some((connection, dialed)) = self.mailbox.take() else {
            return false;
        };
        match dialed {
            Dialed::Resolved(addresses) if addresses.is_empty() => {
                self.core.handle_unresolved(now_ms, connection);
            }
            Dialed::Resolved(addresses) => {
                self.core.handle_resolved(now_ms, connection, &addresses);
            }
            Dialed::Probed(answer) => self.core.handle_probed(now_ms, connection, &answer),
        }
        true
    }

    /// Looks whether the socket has come up, or failed to.
    fn finish_connecting(&mut self, now_ms: u64) -> bool {
        if !self.is_connecting {
            return false;
        }
        let Some((connection, socket)) = &mut self.socket else {
            return false;
        };
        let connection = *connection;
        match socket.poll_connected() {
            None => return false,
            Some(Ok(())) => {
                self.is_connecting = false;
                self.core.handle_connected(now_ms, connection);
            }
            Some(Err(error)) => self.lose(now_ms, connection, &error),
        }
        true
    }

    /// The socket could not be connected, or has broken.
    fn lose(&mut self, now_ms: u64, connection: ConnectionId, error: &std::io::Error) {
        self.drop_socket();
        match tls::failure_of(error) {
            Some(failure) => self.core.handle_tls_failed(now_ms, connection, failure),
            None => {
                let kind = Some(error.kind());
                self.core.handle_disconnected(now_ms, connection, kind);
            }
        }
    }

    fn read(&mut self, now_ms: u64) -> bool {
        if self.is_connecting {
            return false;
        }
        let Some((connection, socket)) = &mut self.socket else {
            return false;
        };
        let connection = *connection;
        let buffer = self.core.receive_buffer();
        if buffer.is_empty() {
            return true;
        }
        match socket.receive(buffer) {
            Received::Nothing => return false,
            Received::Bytes { len, is_all } => {
                self.core.handle_received(now_ms, connection, len);
                return !is_all;
            }
            Received::End => {
                self.drop_socket();
                self.core.handle_disconnected(now_ms, connection, None);
            }
            Received::Error(error) => self.lose(now_ms, connection, &error),
        }
        true
    }

    /// Writes what there is to write, as far as the socket takes it.
    pub(crate) fn write(&mut self, now_ms: u64) -> bool {
        if self.is_connecting {
            return false;
        }
        let Self { core, socket, .. } = self;
        let Some((connection, socket)) = socket else {
            return false;
        };
        let mut has_written = false;
        // An error is told by the next read, after what was received before.
        let _ = socket.flush();
        while let Some(transmit) = core.poll_transmit()
            && transmit.connection == *connection
        {
            match socket.send(transmit.bytes) {
                Ok(0) => break,
                Ok(len) => {
                    core.handle_transmitted(now_ms, *connection, len);
                    has_written = true;
                }
                // The next read tells the same, after what was received before.
                Err(_) => break,
            }
        }
        has_written
    }

    /// Does what the core says about names and sockets.
    fn act(&mut self, now_ms: u64) -> bool {
        let mut has_acted = false;
        while let Some(action) = self.core.poll_action() {
            has_acted = true;
            match action {
                Action::Close { connection } => {
                    if self
                        .socket
                        .as_ref()
                        .is_some_and(|(open, _)| *open == connection)
                    {
                        self.drop_socket();
                    }
                }
                Action::Connect {
                    connection,
                    address,
                    host,
                } => {
                    self.has_tried = true;
                    self.cycled = None;
                    match self.dial(address, &host) {
                        Ok(socket) => {
                            self.socket = Some((connection, socket));
                            self.is_connecting = true;
                        }
                        Err(error) => self.lose(now_ms, connection, &error),
                    }
                }
                Action::Resolve { connection, host } => {
                    dial::resolve(&self.mailbox, connection, host);
                }
                Action::Probe { connection, host } => {
                    dial::probe(&self.mailbox, connection, host);
                }
            }
        }
        has_acted
    }

    fn dial(&self, address: SocketAddr, host: &Host) -> std::io::Result<Socket> {
        let encryption = self.tls.as_ref().map(|tls| tls.start(host)).transpose()?;
        Socket::connect(address, encryption)
    }

    fn drop_socket(&mut self) {
        self.socket = None;
        self.is_connecting = false;
    }
}

impl State {
    /// Puts an ended session in the place of this one, which is handed out to be dropped.
    pub(crate) fn give_up(&mut self) -> Option<Client<Tag>> {
        self.is_over = true;
        self.drop_socket();
        let nowhere = zoa_client_core::ConnectString::parse("127.0.0.1:1").ok()?;
        let config = zoa_client_core::ClientConfig::new(nowhere);
        let entropy = zoa_client_core::Entropy {
            hash_key: [0; 2],
            seed: 0,
        };
        let mut ended = Client::new(config, entropy, 0);
        ended.close(0, 0);
        Some(std::mem::replace(&mut self.core, ended))
    }
}
