//! How a server without data becomes a member: by a founding that all configured servers take part in, or by joining.
//!
//! ```text
//!   Empty --------- all are empty, and the lowest asks ---------> Prepared
//!   Prepared ------ all are prepared (the lowest only) ---------> Founded
//!   Prepared ------ a server has data of that cluster ----------> Founded
//!   Empty, Prepared - a leader of a cluster is heard of --------> Joining
//! ```
//!
//! Two phases, since a founding that a crash interrupts must not look like disks that were wiped, nor wiped disks like a founding
//! (`docs/decisions/0009-founding-in-two-phases.md`).
//!
//! Invariants: a cluster is founded only while every configured server (with the marker `initialize`: a majority of those that vote)
//! says that it has no data, and has that marker where it needs one; a server takes part in the founding of one cluster at most, since what it agreed to is durable before
//! it says so, and what it founds is durable before it votes. Serves G-18, G-23.

use std::collections::BTreeMap;

use zoa_log::ClusterId;
use zoa_proto::PeerId;

use crate::config::Founders;
use crate::config::Prepared;
use crate::hello::Hello;
use crate::hello::HelloState;
use crate::notice::Notice;

/// What a server without data knows.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) me: PeerId,
    pub(super) founders: &'a Founders,
    pub(super) may_found: bool,
    pub(super) initialize: bool,
    /// What this server has agreed to.
    pub(super) prepared: Option<&'a Prepared>,
    /// What the peers that are there have said.
    pub(super) peers: &'a BTreeMap<PeerId, &'a Hello>,
}

/// What it does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Move {
    /// Nothing, until something changes.
    Wait(Notice),
    /// It begins a founding: it agrees itself first.
    Begin,
    /// It asks those that have not agreed yet.
    Ask {
        /// Whom.
        peers: Vec<PeerId>,
    },
    /// What it agreed to has happened, or happens now.
    Found,
    /// An ensemble exists; whoever leads it may be joined.
    AwaitLeader(Notice),
}

impl View<'_> {
    /// See the module.
    pub(super) fn next_move(&self) -> Move {
        if self
            .prepared
            .is_some_and(|prepared| self.has_begun(prepared))
        {
            return Move::Found;
        }
        if let Some(notice) = self.existing_ensemble() {
            return Move::AwaitLeader(notice);
        }
        if !self.is_allowed() {
            return Move::Wait(Notice::MustNotFound);
        }
        let takes_part = match self.quorum() {
            Ok(takes_part) => takes_part,
            Err(notice) => return Move::Wait(notice),
        };
        if takes_part.first() != Some(&self.me) {
            // The lowest asks, and this server answers.
            return Move::Wait(self.waits());
        }
        let Some(prepared) = self.own_founding() else {
            return Move::Begin;
        };
        let agreed = |peer: &PeerId| *peer == self.me || self.has_agreed(*peer, prepared.cluster);
        let missing: Vec<PeerId> = takes_part
            .into_iter()
            .filter(|peer| !agreed(peer))
            .collect();
        if missing.is_empty() {
            Move::Found
        } else {
            Move::Ask { peers: missing }
        }
    }

    /// Whether to agree to what `from` asks for.
    pub(super) fn may_agree(&self, from: PeerId, founders: &Founders) -> bool {
        let Some(hello) = self.peers.get(&from) else {
            return false;
        };
        let lowest = self.founders.participants.first();
        let asks_by_right = lowest == Some(&from)
            || (self.initialize && hello.initialize && self.founders.participants.contains(&from));
        founders == self.founders
            && asks_by_right
            && from < self.me_or_any()
            && self.is_allowed()
            && self.existing_ensemble().is_none()
    }

    /// Whether the operator lets this server begin with nothing, or take part in that.
    fn is_allowed(&self) -> bool {
        self.may_found || self.initialize
    }

    /// An observer answers to anyone who may ask, a participant to lower ones.
    fn me_or_any(&self) -> PeerId {
        if self.founders.participants.contains(&self.me) {
            self.me
        } else {
            PeerId(u8::MAX)
        }
    }

    /// Whether a server has data of the cluster whose founding was agreed to.
    fn has_begun(&self, prepared: &Prepared) -> bool {
        let mut clusters = self
            .peers
            .values()
            .filter_map(|hello| hello.state.cluster());
        clusters.any(|cluster| cluster == prepared.cluster)
    }

    fn existing_ensemble(&self) -> Option<Notice> {
        let mut members = Vec::new();
        let mut empty = vec![self.me];
        let mut first: Option<(PeerId, ClusterId)> = None;
        for (peer, hello) in self.peers {
            let Some(cluster) = hello.state.cluster() else {
                empty.push(*peer);
                continue;
            };
            match first {
                Some((one, known)) if known != cluster => {
                    return Some(Notice::TwoClusters { one, other: *peer });
                }
                Some(_) => {}
                None => first = Some((*peer, cluster)),
            }
            match hello.state {
                HelloState::Member { .. } => members.push(*peer),
                HelloState::Empty | HelloState::Prepared { .. } | HelloState::Joining { .. } => {
                    empty.push(*peer);
                }
            }
        }
        first.map(|_| {
            empty.sort_unstable();
            Notice::NobodyToJoin { members, empty }
        })
    }

    /// Who would found, the one that asks first; or what is missing.
    fn quorum(&self) -> Result<Vec<PeerId>, Notice> {
        let stranger = self.peers.iter().find(|(peer, hello)| {
            self.founders.all().any(|founder| founder == **peer) && hello.founders != *self.founders
        });
        if let Some((peer, _)) = stranger {
            return Err(Notice::OtherFounders { peer: *peer });
        }
        let is_there = |peer: &PeerId| *peer == self.me || self.peers.contains_key(peer);
        let (mut there, missing): (Vec<PeerId>, Vec<PeerId>) =
            self.founders.all().partition(is_there);
        let is_marked = |peer: &PeerId| {
            let hello = self.peers.get(peer);
            hello.map_or(self.initialize, |hello| hello.initialize)
        };
        let voters = self.founders.participants.len();
        let votes = there
            .iter()
            .filter(|peer| self.founders.participants.contains(peer))
            .count();
        let is_allowed = 2 * votes > voters && there.iter().all(is_marked);
        if !missing.is_empty() && !is_allowed {
            return Err(Notice::WaitsForFounding { missing });
        }
        // Participants before observers, each lowest first: who has no vote asks nobody.
        there.sort_by_key(|peer| (!self.founders.participants.contains(peer), *peer));
        Ok(there)
    }

    fn waits(&self) -> Notice {
        let is_missing = |peer: &PeerId| *peer != self.me && !self.peers.contains_key(peer);
        Notice::WaitsForFounding {
            missing: self.founders.all().filter(is_missing).collect(),
        }
    }

    /// The founding that this server has begun, or agreed to in an earlier life, if it is about the same servers.
    fn own_founding(&self) -> Option<&Prepared> {
        self.prepared
            .filter(|prepared| prepared.founders == *self.founders)
    }

    fn has_agreed(&self, peer: PeerId, cluster: ClusterId) -> bool {
        let state = self.peers.get(&peer).map(|hello| hello.state);
        state == Some(HelloState::Prepared { cluster })
    }
}
