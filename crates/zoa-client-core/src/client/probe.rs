//! While the server is read-only: asking the others, one after another, whether they take writes.
//!
//! The question is a four-letter word on a connection of its own, which the driver makes; when one says `rw`, the session moves
//! there. Questions come less and less often, so that a long loss of the quorum costs nothing.

use super::Client;
use super::link::Link;
use crate::connect_string::Host;
use crate::error::ConnectionError;
use crate::event::Action;
use crate::event::ConnectionId;

/// Before the first question.
const DELAY_MS_MIN: u64 = 100;
/// Between questions, in the end.
const DELAY_MS_MAX: u64 = 60_000;
/// What a server says that takes writes.
const WRITABLE: &[u8] = b"rw";

#[derive(Debug, Default)]
pub(super) struct Probing {
    /// When the next server is asked; `None` while it is not needed.
    due_ms: Option<u64>,
    delay_ms: u64,
    asked: Option<(ConnectionId, Host)>,
}

impl<T> Client<T> {
    /// The answer to a probe: what the server sent until it closed the connection, empty when it could not be reached.
    pub fn handle_probed(&mut self, now_ms: u64, connection: ConnectionId, answer: &[u8]) {
        self.note_now(now_ms);
        let asked = self
            .probing
            .asked
            .take_if(|(asked, _)| *asked == connection);
        if let Some((_, host)) = asked
            && answer.starts_with(WRITABLE)
        {
            self.hosts.prefer(&host);
            self.end_connection(ConnectionError::WritableServerFound);
        }
    }

    /// A connection was made: if it is to a read-only server, the search begins.
    pub(super) fn start_probing(&mut self) {
        let is_read_only = matches!(&self.link, Link::Up(up) if up.read_only);
        if is_read_only && self.hosts.len() > 1 {
            self.probing.delay_ms = DELAY_MS_MIN;
            self.probing.due_ms = Some(self.now_ms.saturating_add(DELAY_MS_MIN));
        }
    }

    pub(super) const fn probe_due_ms(&self) -> Option<u64> {
        self.probing.due_ms
    }

    /// Asks the next server if it is time to; one that has not answered by now is given up.
    pub(super) fn check_probe(&mut self) {
        if self
            .probing
            .due_ms
            .is_none_or(|due_ms| due_ms > self.now_ms)
        {
            return;
        }
        self.stop_probe();
        let mut host = self.hosts.take_next();
        if self.target_host() == Some(&host) {
            host = self.hosts.take_next();
        }
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.probing.asked = Some((connection, host.clone()));
        self.actions.push_back(Action::Probe { connection, host });
        let delay_ms = (self.probing.delay_ms * 2).min(DELAY_MS_MAX);
        self.probing.delay_ms = delay_ms;
        self.probing.due_ms = Some(self.now_ms.saturating_add(delay_ms));
    }

    /// Gives up a question that is not answered.
    pub(super) fn stop_probe(&mut self) {
        if let Some((connection, _)) = self.probing.asked.take() {
            let queued = self.actions.len();
            self.actions
                .retain(|action| action.connection() != connection);
            if queued == self.actions.len() {
                self.actions.push_back(Action::Close { connection });
            }
        }
    }
}
