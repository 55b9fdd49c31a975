//! The witness of what was committed: committed bytes become entries for the checkers, and a second tree applies them all again.
//!
//! The second tree has another hash key, never restarts and loads no snapshot. So at every index its digest is what the server's
//! must be, however the server came there: from its whole log, from a snapshot and a tail, after any number of crashes.
//!
//! Invariant: it applies each index once, in order. Serves G-02, G-16.

use bytes::Bytes;
use std::collections::BTreeMap;
use zoa_raft::LogPosition;
use zoa_testkit::applied::Applied;
use zoa_testkit::applied::Asked;
use zoa_testkit::applied::Entry;
use zoa_testkit::applied::Owner;
use zoa_testkit::clock::SimTime;
use zoa_testkit::op::Identity;
use zoa_testkit::wire;
use zoa_tree::HashKey;
use zoa_tree::Tree;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

/// See the module.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) applied: Applied,
    tree: Tree,
    last_index: u64,
    /// What the life of each server that runs now handed out last.
    index_of_life: BTreeMap<usize, u64>,
    digests: BTreeMap<u64, u64>,
}

/// A committed entry as the raft loop hands it out.
#[derive(Clone, Debug)]
pub struct Heard<'a> {
    /// Its place in the log.
    pub index: u64,
    /// The term in which it was proposed.
    pub term: u64,
    /// What was proposed.
    pub data: &'a Bytes,
}

impl Witness {
    pub(crate) fn new(key: HashKey) -> Self {
        let tree = Tree::new(key);
        let digest = tree.digest();
        Self {
            applied: Applied::default(),
            tree,
            last_index: 0,
            index_of_life: BTreeMap::new(),
            digests: BTreeMap::from([(LogPosition::FOUNDING.index.0, digest)]),
        }
    }

    /// A server starts: it hands out again what its log holds.
    pub(crate) fn begin_life(&mut self, server: usize) {
        self.index_of_life.remove(&server);
    }

    /// A server takes a snapshot in the place of all entries up to here.
    pub(crate) fn skip_to(&mut self, server: usize, index: u64) {
        self.index_of_life.insert(server, index);
    }

    /// Hears of a committed entry, for the first time or again. Gives the entry that this life of the server handed out last when it should have been this one or a later one.
    pub(crate) fn hear(&mut self, server: usize, heard: &Heard<'_>, at: SimTime) -> Option<u64> {
        let before = self.index_of_life.insert(server, heard.index);
        if let Some(before) = before {
            self.applied.note_neighbours((before, heard.index));
        }
        self.applied.note(entry_of(heard, at));
        if heard.index > self.last_index {
            self.last_index = heard.index;
            if let Ok(txn) = Txn::decode(heard.data) {
                self.tree.apply(heard.term, &txn);
                self.digests.insert(heard.index, self.tree.digest());
            }
        }
        before.filter(|before| *before >= heard.index)
    }

    /// What a server's digest must be when it has applied everything up to this index.
    pub(crate) fn digest_at(&self, index: u64) -> Option<u64> {
        self.digests
            .range(..=index)
            .next_back()
            .map(|(_, digest)| *digest)
    }
}

/// A committed entry in plain values, as of the time at which it was heard of.
pub fn entry_of(heard: &Heard<'_>, at: SimTime) -> Entry {
    match Txn::decode(heard.data) {
        Ok(txn) => Entry {
            index: heard.index,
            term: heard.term,
            committed_at: at,
            session: txn.session.0,
            owner: Owner {
                server: txn.owner.server.0,
                connection: txn.owner.connection,
            },
            xid: txn.xid.0,
            time_ms: txn.time_ms,
            identities: txn
                .identities
                .iter()
                .map(|identity| Identity::new(identity.scheme, identity.id))
                .collect(),
            asked: asked_of(&txn),
        },
        Err(error) => Entry {
            index: heard.index,
            term: heard.term,
            committed_at: at,
            session: 0,
            owner: Owner::default(),
            xid: 0,
            time_ms: 0,
            identities: Vec::new(),
            asked: Asked::Unreadable(error.to_string()),
        },
    }
}

fn asked_of(txn: &Txn<'_>) -> Asked {
    match txn.op {
        TxnOp::OpenSession {
            timeout_ms,
            password,
        } => Asked::Open {
            timeout_ms,
            password: password.to_vec(),
        },
        TxnOp::AttachSession {
            timeout_ms,
            password,
        } => Asked::Attach {
            timeout_ms,
            password: password.to_vec(),
        },
        TxnOp::CloseSession => Asked::Close,
        TxnOp::ExpireSession => Asked::Expire,
        TxnOp::Request { op, body } => match wire::request::decode(op.to_wire(), body) {
            Ok(op) => Asked::Request(op),
            Err(why) => Asked::Unreadable(why),
        },
        TxnOp::Refuse { error } => Asked::Refuse(error.to_wire()),
        TxnOp::Sync => Asked::Sync,
        TxnOp::FoundMembers { lines } => Asked::FoundMembers(lines.to_owned()),
        TxnOp::RaiseSemantics { version } => Asked::RaiseSemantics(version),
        TxnOp::Reap {
            path,
            never_used_ms_max,
        } => Asked::Reap {
            path: path.to_owned(),
            never_used_ms_max,
        },
    }
}

/// The session whose expiry a proposal asks for.
pub(crate) fn expiry_in(proposal: &Bytes) -> Option<i64> {
    let txn = Txn::decode(proposal).ok()?;
    matches!(txn.op, TxnOp::ExpireSession).then_some(txn.session.0)
}
