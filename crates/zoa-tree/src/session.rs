//! Sessions: who they are, who speaks for them, which ephemerals go with them.
//!
//! It knows no clock and no connection: the core decides when a session has been silent too long
//! and tells by a transaction. The list of ephemerals has no order that means anything.
//!
//! Invariant: an ephemeral stands in its owner's list exactly once, at the place it remembers, so
//! adding and removing one is O(1) (G-10).

use std::fmt;

use hashbrown::HashMap;
use zoa_proto::PeerId;
use zoa_proto::SessionId;

use crate::hash_key::HashKey;
use crate::limits::SESSIONS_MAX;
use crate::node::NodeId;
use crate::slab::Slab;

/// The connection that speaks for a session now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Owner {
    /// The server that holds the connection.
    pub server: PeerId,
    /// The number of the connection on that server, never used twice.
    pub connection: u64,
}

/// Bytes of a session's password.
pub const PASSWORD_LEN: usize = 16;

/// A live session.
pub struct Session {
    id: SessionId,
    timeout_ms: i32,
    owner: Owner,
    password: [u8; PASSWORD_LEN],
    ephemerals: Vec<NodeId>,
    /// How often the list above has changed; not part of the state.
    ephemerals_changes: u64,
    /// The snapshot that needs this session no more.
    pub(crate) snapshot: u32,
}

impl Session {
    pub(crate) const fn new(
        id: SessionId,
        timeout_ms: i32,
        owner: Owner,
        password: [u8; PASSWORD_LEN],
    ) -> Self {
        Self {
            id,
            timeout_ms,
            owner,
            password,
            ephemerals: Vec::new(),
            ephemerals_changes: 0,
            snapshot: 0,
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The negotiated timeout in milliseconds.
    #[must_use]
    pub const fn timeout_ms(&self) -> i32 {
        self.timeout_ms
    }

    /// The connection that speaks for it.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// How many ephemerals go with it.
    #[must_use]
    pub const fn ephemerals_count(&self) -> usize {
        self.ephemerals.len()
    }

    /// Another connection speaks for it from here on.
    pub(crate) const fn attach(&mut self, owner: Owner, timeout_ms: i32) {
        self.owner = owner;
        self.timeout_ms = timeout_ms;
    }

    pub(crate) const fn password(&self) -> &[u8; PASSWORD_LEN] {
        &self.password
    }

    pub(crate) const fn ephemerals_changes(&self) -> u64 {
        self.ephemerals_changes
    }

    pub(crate) fn ephemerals(&self) -> &[NodeId] {
        &self.ephemerals
    }

    /// Whether this is its password. Compares in a time that does not tell how much of it is right.
    #[must_use]
    pub fn has_password(&self, given: &[u8]) -> bool {
        let differing = self
            .password
            .iter()
            .zip(given)
            .fold(0, |bits, (ours, theirs)| bits | (ours ^ theirs));
        given.len() == PASSWORD_LEN && std::hint::black_box(differing) == 0
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // G-25: no password.
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("timeout_ms", &self.timeout_ms)
            .field("owner", &self.owner)
            .field("ephemerals_count", &self.ephemerals.len())
            .finish_non_exhaustive()
    }
}

/// All live sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    sessions: Slab<Session>,
    by_id: HashMap<SessionId, u32, HashKey>,
}

impl Sessions {
    pub(crate) fn new(key: HashKey) -> Self {
        Self {
            sessions: Slab::new(SESSIONS_MAX),
            by_id: HashMap::with_hasher(key),
        }
    }

    #[cfg(test)]
    pub(crate) fn set_len_max(&mut self, len_max: u32) {
        self.sessions.set_len_max(len_max);
    }

    pub(crate) fn number(&self, id: SessionId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.number(id).map(|number| self.sessions.at(number))
    }

    pub(crate) fn at_mut(&mut self, number: u32) -> &mut Session {
        self.sessions.at_mut(number)
    }

    pub(crate) fn by_number(&self, number: u32) -> Option<&Session> {
        self.sessions.get(number)
    }

    pub(crate) fn numbers_end(&self) -> u64 {
        self.sessions.numbers_end()
    }

    pub(crate) const fn len(&self) -> u32 {
        self.sessions.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().map(|(_, session)| session)
    }

    /// Adds a session; false if its id is taken or there are too many.
    pub(crate) fn add(&mut self, session: Session) -> bool {
        let id = session.id;
        if self.by_id.contains_key(&id) {
            return false;
        }
        let Some(number) = self.sessions.insert(session) else {
            return false;
        };
        self.by_id.insert(id, number);
        true
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let number = self.by_id.remove(&id)?;
        Some(self.sessions.remove(number))
    }

    /// Puts an ephemeral on its owner's list and returns its place there.
    pub(crate) fn add_ephemeral(&mut self, id: SessionId, node: NodeId) -> u32 {
        let number = self.number(id).expect("an ephemeral's session lives");
        let session = self.sessions.at_mut(number);
        session.ephemerals_changes += 1;
        let ephemerals = &mut session.ephemerals;
        ephemerals.push(node);
        u32::try_from(ephemerals.len() - 1).expect("no more ephemerals than znodes")
    }

    /// Takes the ephemeral at this place off the list; returns the one that now has its place.
    pub(crate) fn remove_ephemeral(&mut self, id: SessionId, place: u32) -> Option<NodeId> {
        let number = self.number(id).expect("an ephemeral's session lives");
        let session = self.sessions.at_mut(number);
        session.ephemerals_changes += 1;
        let ephemerals = &mut session.ephemerals;
        let place = usize::try_from(place).expect("usize has 32 bits or more");
        ephemerals.swap_remove(place);
        ephemerals.get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use zoa_proto::PeerId;
    use zoa_proto::SessionId;

    use super::Owner;
    use super::Session;

    #[test]
    fn only_the_whole_password_is_right() {
        let owner = Owner {
            server: PeerId(1),
            connection: 1,
        };
        let password = *b"0123456789abcdef";
        let session = Session::new(SessionId(1), 1000, owner, password);
        assert!(session.has_password(&password));
        assert!(!session.has_password(b""));
        assert!(!session.has_password(b"0123456789abcde"));
        assert!(!session.has_password(b"0123456789abcdef0"));
        for index in 0..password.len() {
            let mut wrong = password;
            wrong[index] ^= 1;
            assert!(!session.has_password(&wrong), "{index}");
        }
        assert!(!format!("{session:?}").contains("password"));
    }
}
