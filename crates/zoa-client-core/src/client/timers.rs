//! What is due, and when: retries, deadlines, pings, request timeouts, the end of patience.
//!
//! A ping goes out when nothing was sent for a third of the session timeout, and the connection is given up when nothing came
//! for two thirds: the last third is for finding another server. Invariant: whatever `handle_timeout` would do at a time is
//! announced by `next_timeout_ms`, so a driver that sleeps until then misses nothing.

use zoa_proto::Request;
use zoa_proto::Xid;
use zoa_proto::encode_request;

use super::Client;
use super::link::Link;
use crate::error::ConnectionError;
use crate::error::Reason;
use crate::event::Event;
use crate::event::ExpiredBy;
use crate::event::Outcome;
use crate::event::SessionEvent;
use crate::pending::Entry;

impl<T> Client<T> {
    /// Time has passed.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        self.note_now(now_ms);
        let is_due = |due_ms: u64| due_ms <= self.now_ms;
        match &self.link {
            Link::Ended => return,
            Link::Down { retry_ms } if is_due(*retry_ms) => self.start_attempt(),
            Link::Resolving { deadline_ms } | Link::Connecting { deadline_ms }
                if is_due(*deadline_ms) =>
            {
                self.end_connection(ConnectionError::ConnectTimeout(self.connect_timeout_ms()));
            }
            Link::Handshaking { deadline_ms, .. } if is_due(*deadline_ms) => {
                self.end_connection(ConnectionError::HandshakeTimeout(self.connect_timeout_ms()));
            }
            Link::Up(_) => self.check_connection(),
            Link::Down { .. }
            | Link::Resolving { .. }
            | Link::Connecting { .. }
            | Link::Handshaking { .. } => {}
        }
        self.check_waiting();
        self.check_session();
        self.check_closing();
    }

    /// When the next thing is due.
    pub(super) fn next_timeout_ms(&self) -> Option<u64> {
        if matches!(self.link, Link::Ended) {
            return None;
        }
        // What is doomed ends when events are polled, and not by the clock.
        let link_ms = match &self.link {
            Link::Down { retry_ms } => Some(*retry_ms),
            Link::Resolving { deadline_ms }
            | Link::Connecting { deadline_ms }
            | Link::Handshaking { deadline_ms, .. } => Some(*deadline_ms),
            Link::Up(_) => self.connection_due_ms(),
            Link::Ended => None,
        };
        let (doubt_ms, silence_ms) = self.session_due_ms();
        let waiting_ms = self
            .pending
            .waiting_head()
            .and_then(|head| self.request_due_ms(head));
        let closing_ms = self.closing.map(|closing| closing.give_up_ms);
        let link_ms = link_ms.filter(|_| self.doom.is_none());
        earliest([link_ms, doubt_ms, silence_ms, waiting_ms, closing_ms])
    }

    /// When this request has waited too long.
    fn request_due_ms(&self, entry: &Entry<T>) -> Option<u64> {
        let limit_ms = self.config.request_timeout_ms?;
        Some(entry.submitted_ms.saturating_add(limit_ms))
    }

    /// When the server has been silent for too long.
    const fn silent_ms(&self) -> u64 {
        let patience_ms = self.session.timeout_ms / 3 * 2;
        self.session.heard_ms.saturating_add(patience_ms)
    }

    /// When a ping is due; `None` while one is not answered.
    fn ping_due_ms(&self) -> Option<u64> {
        match &self.link {
            Link::Up(up) if up.ping_ms.is_none() => {
                Some(up.sent_ms.saturating_add(self.session.timeout_ms / 3))
            }
            _ => None,
        }
    }

    fn connection_due_ms(&self) -> Option<u64> {
        let request_ms = self
            .pending
            .head()
            .and_then(|head| self.request_due_ms(head));
        earliest([
            Some(self.silent_ms()),
            self.ping_due_ms(),
            request_ms,
            self.probe_due_ms(),
        ])
    }

    fn check_connection(&mut self) {
        let request_ms = self
            .pending
            .head()
            .and_then(|head| self.request_due_ms(head));
        if self.silent_ms() <= self.now_ms {
            let silence_ms = self.now_ms.saturating_sub(self.session.heard_ms);
            self.end_connection(ConnectionError::Silent(silence_ms));
        } else if request_ms.is_some_and(|due_ms| due_ms <= self.now_ms) {
            let limit_ms = self.config.request_timeout_ms.unwrap_or_default();
            self.end_connection(ConnectionError::RequestTimeout(limit_ms));
        } else {
            if self
                .ping_due_ms()
                .is_some_and(|due_ms| due_ms <= self.now_ms)
            {
                self.send_ping();
            }
            self.check_probe();
        }
    }

    fn send_ping(&mut self) {
        if let Link::Up(up) = &mut self.link {
            up.ping_ms = Some(self.now_ms);
        }
        let encoded = self
            .outbox
            .encode(|buf| encode_request(buf, Xid::PING, &Request::Ping));
        assert!(encoded.is_ok(), "a ping has 8 bytes");
    }

    /// Requests that have waited too long for a connection.
    fn check_waiting(&mut self) {
        while let Some(head) = self.pending.waiting_head() {
            match (self.request_due_ms(head), self.config.request_timeout_ms) {
                (Some(due_ms), Some(limit_ms)) if due_ms <= self.now_ms => {
                    if let Some(entry) = self.pending.pop_waiting() {
                        let reason = Reason::RequestTimeout(limit_ms);
                        self.tell_outcome(entry, Outcome::NotApplied(reason));
                    }
                }
                _ => return,
            }
        }
    }

    /// When to doubt that the session lives, and when to give it up, while there is no connection.
    fn session_due_ms(&self) -> (Option<u64>, Option<u64>) {
        if matches!(self.link, Link::Up(_)) || self.session.ticket().is_none() {
            return (None, None);
        }
        let doubt_ms = self
            .session
            .alive_until_ms()
            .filter(|_| !self.session.is_doubted);
        let silence_ms = self.session.silence_ends_ms();
        (
            doubt_ms,
            silence_ms.filter(|_| self.config.expires_by_silence),
        )
    }

    fn check_session(&mut self) {
        let (doubt_ms, silence_ms) = self.session_due_ms();
        if doubt_ms.is_some_and(|due_ms| due_ms <= self.now_ms) {
            self.session.is_doubted = true;
            self.told
                .push_back(Event::Session(SessionEvent::MayHaveExpired));
        }
        if silence_ms.is_some_and(|due_ms| due_ms <= self.now_ms) {
            self.end_expired(ExpiredBy::Silence);
        }
    }

    fn check_closing(&mut self) {
        if self
            .closing
            .is_some_and(|closing| closing.give_up_ms <= self.now_ms)
        {
            let session_ended = false;
            self.end(SessionEvent::Closed { session_ended }, Reason::Closed);
        }
    }
}

/// The earliest of the times that there are. Never is the latest time: written so, and not by flattening, it compiles to code that
/// looks at no time that is not there, even in passing, which memory checkers of programs around the C library would report.
fn earliest<const COUNT: usize>(dues: [Option<u64>; COUNT]) -> Option<u64> {
    let mut earliest_ms = u64::MAX;
    for due_ms in dues {
        earliest_ms = earliest_ms.min(due_ms.unwrap_or(u64::MAX));
    }
    (earliest_ms < u64::MAX).then_some(earliest_ms)
}
