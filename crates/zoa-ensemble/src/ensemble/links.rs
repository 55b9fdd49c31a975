//! The links that stand, and what is known of the peers through them.
//!
//! Invariant: at most one link a peer and direction; a newer one takes the place of an older one.

use std::collections::BTreeMap;

use zoa_proto::PeerId;
use zoa_tree::ServerLine;

use crate::event::Direction;
use crate::event::LinkId;
use crate::hello::Hello;
use crate::hello::HelloState;
use crate::message::StreamPlace;
use crate::node_id::NodeId;

/// A link that stands.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) peer: PeerId,
    pub(super) direction: Direction,
    pub(super) hello: Hello,
    /// What the peer forwards on it.
    pub(super) stream: StreamIn,
    /// The newest report of touches that came on it.
    pub(super) touches: u64,
    /// The peer was asked on it to agree to a founding, since the last beat.
    pub(super) asked: bool,
    /// Where the leader is whom the peer follows, as it has said on it.
    pub(super) leader_at: Option<(PeerId, ServerLine)>,
}

/// Where a peer's stream of forwarded writes is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum StreamIn {
    /// Nothing came yet.
    #[default]
    None,
    /// This comes next.
    Next(StreamPlace),
    /// Nothing more of this stream, or an older one, is taken.
    Refused {
        /// Which.
        stream: u64,
    },
}

impl Link {
    pub(super) fn new(id: LinkId, direction: Direction, hello: Hello) -> Self {
        Self {
            id,
            peer: hello.me,
            direction,
            hello,
            stream: StreamIn::None,
            touches: 0,
            asked: false,
            leader_at: None,
        }
    }

    pub(super) fn node(&self) -> Option<NodeId> {
        self.hello.state.node()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Links {
    by_id: BTreeMap<LinkId, Link>,
    by_peer: BTreeMap<(PeerId, bool), LinkId>,
}

impl Links {
    /// Takes a link on; returns the one whose place it takes.
    pub(super) fn add(&mut self, link: Link) -> Option<LinkId> {
        let place = (link.peer, is_outgoing(link.direction));
        let before = self.by_peer.insert(place, link.id);
        self.by_id.insert(link.id, link);
        before
    }

    pub(super) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let link = self.by_id.remove(&id)?;
        let place = (link.peer, is_outgoing(link.direction));
        if self.by_peer.get(&place) == Some(&id) {
            self.by_peer.remove(&place);
        }
        Some(link)
    }

    pub(super) fn get(&self, id: LinkId) -> Option<&Link> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.by_id.get_mut(&id)
    }

    /// Who was asked to agree to a founding may be asked again: what kept it from that may have passed.
    pub(super) fn forget_asking(&mut self) {
        self.by_id.values_mut().for_each(|link| link.asked = false);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.by_id.values()
    }

    pub(super) fn ids(&self) -> Vec<LinkId> {
        self.by_id.keys().copied().collect()
    }

    /// The link to send on to a peer.
    pub(super) fn outgoing(&self, peer: PeerId) -> Option<&Link> {
        self.at(peer, true)
    }

    pub(super) fn incoming(&self, peer: PeerId) -> Option<&Link> {
        self.at(peer, false)
    }

    /// The link to send on to this very life of a server.
    pub(super) fn outgoing_to(&self, node: u64) -> Option<&Link> {
        let peer = NodeId::from_raft(node)?.myid();
        let link = self.outgoing(peer)?;
        (link.node()?.raft() == node).then_some(link)
    }

    /// All links to send on.
    pub(super) fn all_outgoing(&self) -> impl Iterator<Item = &Link> {
        self.iter()
            .filter(|link| link.direction == Direction::Outgoing)
    }

    /// Whether this life of a server is there, in both directions.
    pub(super) fn is_connected(&self, node: u64) -> bool {
        let Some(link) = self.outgoing_to(node) else {
            return false;
        };
        let back = self.incoming(link.peer);
        back.is_some_and(|back| back.node() == link.node())
    }

    /// Peers with any link, lowest id first, and what they said. Where two links differ, what the peer said when it was further: it
    /// counts as empty only when nothing says otherwise.
    pub(super) fn peers(&self) -> BTreeMap<PeerId, &Hello> {
        let mut peers: BTreeMap<PeerId, &Hello> = BTreeMap::new();
        for link in self.iter() {
            let known = peers.entry(link.peer).or_insert(&link.hello);
            if rank(link.hello.state) > rank(known.state) {
                *known = &link.hello;
            }
        }
        peers
    }

    fn at(&self, peer: PeerId, outgoing: bool) -> Option<&Link> {
        self.by_id.get(self.by_peer.get(&(peer, outgoing))?)
    }
}

fn is_outgoing(direction: Direction) -> bool {
    direction == Direction::Outgoing
}

fn rank(state: HelloState) -> u8 {
    match state {
        HelloState::Empty => 0,
        HelloState::Prepared { .. } => 1,
        HelloState::Joining { .. } => 2,
        HelloState::Member { .. } => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Founders;
    use crate::hello::Purpose;
    use crate::limits::LINKS_MAX;
    use crate::versions::Versions;

    fn link(id: u64, peer: u8, direction: Direction, state: HelloState) -> Link {
        let hello = Hello {
            me: PeerId(peer),
            to: PeerId(1),
            purpose: Purpose::Messages,
            state,
            founders: Founders::default(),
            initialize: false,
            line: String::new(),
            versions: Versions::THIS,
        };
        Link::new(LinkId(id), direction, hello)
    }

    #[test]
    fn no_more_than_links_max_stand_since_a_newer_one_takes_an_older_ones_place() {
        let mut links = Links::default();
        let mut id = 0;
        for _ in 0..2 {
            for peer in 2..=255 {
                for direction in [Direction::Outgoing, Direction::Incoming] {
                    id += 1;
                    let before = links.add(link(id, peer, direction, HelloState::Empty));
                    before.map(|before| links.remove(before));
                }
            }
        }
        assert_eq!(links.ids().len(), LINKS_MAX);
        assert_eq!(links.outgoing(PeerId(2)).map(|link| link.id.0), Some(509));
    }

    #[test]
    fn a_peer_is_empty_only_when_nothing_says_otherwise() {
        let mut links = Links::default();
        let member = HelloState::Joining {
            cluster: zoa_log::ClusterId([1; 16]),
            node: NodeId::founding(PeerId(2)),
        };
        links.add(link(1, 2, Direction::Outgoing, member));
        links.add(link(2, 2, Direction::Incoming, HelloState::Empty));
        let state = |links: &Links| links.peers().get(&PeerId(2)).map(|hello| hello.state);
        assert_eq!(state(&links), Some(member));
        assert!(!links.is_connected(2));
        links.remove(LinkId(1));
        assert_eq!(state(&links), Some(HelloState::Empty));
    }
}
