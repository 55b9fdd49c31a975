//! Auth entries: given once, sent again at every connect.
//!
//! They are secrets and have no Debug output (G-25). Invariant: replies come in the order in which entries were sent on this
//! connection; each entry's first answer is told, later ones are not, unless they refuse it.

use std::collections::VecDeque;
use std::fmt;

use zoa_proto::Request;
use zoa_proto::Xid;
use zoa_proto::encode_request;
use zoa_proto::frame::FrameError;
use zoa_proto::request::Auth;

struct Entry<T> {
    scheme: String,
    auth: Vec<u8>,
    /// Until the first answer.
    tag: Option<T>,
}

pub(crate) struct Auths<T> {
    entries: Vec<Entry<T>>,
    /// Sent and not yet answered, by position.
    in_flight: VecDeque<usize>,
}

impl<T> fmt::Debug for Auths<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auths")
            .field("len", &self.entries.len())
            .finish_non_exhaustive()
    }
}

impl<T> Auths<T> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            in_flight: VecDeque::new(),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Keeps an entry for this and all later connections.
    pub(crate) fn push(&mut self, scheme: &str, auth: &[u8], tag: T) {
        self.entries.push(Entry {
            scheme: scheme.to_owned(),
            auth: auth.to_vec(),
            tag: Some(tag),
        });
    }

    /// Writes the last entry.
    pub(crate) fn encode_last(&mut self, buf: &mut Vec<u8>) -> Result<(), FrameError> {
        let last = self.entries.len().saturating_sub(1);
        self.encode_from(last, buf)
    }

    /// Writes all entries, for a new connection.
    pub(crate) fn encode_all(&mut self, buf: &mut Vec<u8>) -> Result<(), FrameError> {
        self.in_flight.clear();
        self.encode_from(0, buf)
    }

    fn encode_from(&mut self, first: usize, buf: &mut Vec<u8>) -> Result<(), FrameError> {
        for (at, entry) in self.entries.iter().enumerate().skip(first) {
            let request = Request::Auth(Auth {
                auth_type: 0,
                scheme: &entry.scheme,
                auth: Some(&entry.auth),
            });
            encode_request(buf, Xid::AUTH, &request)?;
            self.in_flight.push_back(at);
        }
        Ok(())
    }

    /// Takes the entry whose answer came, `None` when none is due; inside, its tag if this is the first answer.
    pub(crate) fn take_answered(&mut self) -> Option<Option<T>> {
        let at = self.in_flight.pop_front()?;
        Some(self.entries.get_mut(at).and_then(|entry| entry.tag.take()))
    }

    /// Takes the tags that are not answered yet.
    pub(crate) fn take_tags(&mut self) -> Vec<T> {
        self.entries
            .iter_mut()
            .filter_map(|entry| entry.tag.take())
            .collect()
    }
}
