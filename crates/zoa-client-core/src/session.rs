//! What a client knows of its session: its ticket, how far it has seen, and how long it surely lives.
//!
//! Invariant: two zxids, not one. `seen` is the newest that anything has shown, and no server behind it may serve the client
//! (G-04). `armed` is the newest *reply's* while all watches were armed: all events up to it have arrived, which an event's own
//! zxid does not say, since others of the same transaction may still be on their way.

use zoa_proto::ConnectResponse;
use zoa_proto::SessionId;
use zoa_proto::Zxid;

use crate::config::SessionTicket;

#[derive(Debug)]
pub(crate) struct Session {
    ticket: SessionTicket,
    pub(crate) armed_zxid: Zxid,
    pub(crate) timeout_ms: u64,
    /// When the last request was made that the server is known to have received.
    acknowledged_ms: Option<u64>,
    /// When anything was last heard from a server that holds the session.
    pub(crate) heard_ms: u64,
    /// A read-only server's own, which no other server knows.
    is_local: bool,
    /// Since the last connection the user was told that it may have expired.
    pub(crate) is_doubted: bool,
}

impl Session {
    pub(crate) fn new(ticket: Option<SessionTicket>, timeout_ms: u64, now_ms: u64) -> Self {
        let ticket = ticket.unwrap_or(SessionTicket {
            id: SessionId::NONE,
            password: Vec::new(),
            last_zxid_seen: Zxid::ZERO,
        });
        Self {
            armed_zxid: ticket.last_zxid_seen,
            ticket,
            timeout_ms,
            acknowledged_ms: None,
            heard_ms: now_ms,
            is_local: false,
            is_doubted: false,
        }
    }

    pub(crate) const fn id(&self) -> SessionId {
        self.ticket.id
    }

    pub(crate) const fn seen_zxid(&self) -> Zxid {
        self.ticket.last_zxid_seen
    }

    /// The session, to attach to it from another client; `None` while there is none that another server would know.
    pub(crate) fn ticket(&self) -> Option<&SessionTicket> {
        (self.ticket.id != SessionId::NONE && !self.is_local).then_some(&self.ticket)
    }

    /// Id and password to ask the next server for.
    pub(crate) fn asked(&self) -> (SessionId, &[u8]) {
        match self.ticket() {
            Some(ticket) => (ticket.id, &ticket.password),
            None => (SessionId::NONE, &[]),
        }
    }

    /// A server attached the session to a connection asked for at `asked_ms`. Says whether it is another than before.
    pub(crate) fn attach(&mut self, response: &ConnectResponse<'_>, asked_ms: u64) -> bool {
        let is_new = response.session != self.ticket.id;
        let is_read_only = response.read_only == Some(true);
        if is_new {
            self.acknowledged_ms = None;
        }
        if is_new || !is_read_only {
            self.is_local = is_read_only;
        }
        self.ticket.id = response.session;
        self.ticket.password = response.password.to_vec();
        self.timeout_ms = u64::try_from(response.timeout_ms).unwrap_or_default();
        self.note_acknowledged(asked_ms);
        self.is_doubted = false;
        is_new
    }

    /// The server answered something that was made at this time.
    pub(crate) fn note_acknowledged(&mut self, made_ms: u64) {
        self.acknowledged_ms = self.acknowledged_ms.max(Some(made_ms));
    }

    /// Something showed this zxid; those that name no transaction are not looked at.
    pub(crate) fn note_seen(&mut self, zxid: Zxid) {
        if is_transaction(zxid) {
            self.ticket.last_zxid_seen = self.ticket.last_zxid_seen.max(zxid);
        }
    }

    /// A reply showed this zxid while all watches were armed.
    pub(crate) fn note_armed(&mut self, zxid: Zxid) {
        if is_transaction(zxid) {
            self.armed_zxid = self.armed_zxid.max(zxid);
        }
    }

    /// Until then the session is surely alive, whatever happens: no server ends it before its timeout has passed since it
    /// heard of it, and it heard later than the request was made.
    pub(crate) fn alive_until_ms(&self) -> Option<u64> {
        self.acknowledged_ms
            .map(|made_ms| made_ms.saturating_add(self.timeout_ms))
    }

    /// When the client may give the session up by itself: 4/3 of the timeout after anything was heard.
    pub(crate) fn silence_ends_ms(&self) -> Option<u64> {
        let patience_ms = self.timeout_ms.saturating_add(self.timeout_ms / 3);
        self.ticket()
            .map(|_| self.heard_ms.saturating_add(patience_ms))
    }
}

/// 0 and negative numbers name no transaction.
const fn is_transaction(zxid: Zxid) -> bool {
    zxid.to_wire() > 0
}

#[cfg(test)]
mod tests {
    use super::Session;
    use zoa_proto::ConnectResponse;
    use zoa_proto::SessionId;
    use zoa_proto::Zxid;

    fn response(session: i64, read_only: bool) -> ConnectResponse<'static> {
        ConnectResponse {
            protocol_version: 0,
            timeout_ms: 9_000,
            session: SessionId(session),
            password: b"secret",
            read_only: Some(read_only),
        }
    }

    #[test]
    fn zxids_only_rise_and_those_that_name_nothing_are_ignored() {
        let mut session = Session::new(None, 1, 0);
        for zxid in [Zxid(5), Zxid::NONE, Zxid(4), Zxid::ZERO] {
            session.note_seen(zxid);
            session.note_armed(zxid);
        }
        assert_eq!(
            (session.seen_zxid(), session.armed_zxid),
            (Zxid(5), Zxid(5))
        );
    }

    #[test]
    fn a_session_is_surely_alive_for_its_timeout_after_the_last_request_that_arrived() {
        let mut session = Session::new(None, 1, 0);
        assert_eq!(session.alive_until_ms(), None);
        session.attach(&response(7, false), 100);
        assert_eq!(session.alive_until_ms(), Some(9_100));
        session.note_acknowledged(50);
        assert_eq!(session.alive_until_ms(), Some(9_100));
        session.note_acknowledged(150);
        assert_eq!(session.alive_until_ms(), Some(9_150));
    }

    #[test]
    fn the_session_of_a_read_only_server_is_asked_of_no_other() {
        let mut session = Session::new(None, 1, 0);
        assert!(session.attach(&response(7, true), 0));
        assert_eq!(session.asked().0, SessionId::NONE);
        assert!(session.attach(&response(8, false), 0));
        assert_eq!(session.asked(), (SessionId(8), &b"secret"[..]));
        assert!(!session.attach(&response(8, true), 0));
        assert_eq!(session.asked().0, SessionId(8));
    }
}
