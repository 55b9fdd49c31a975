//! Whom this server dials, and where.
//!
//! The lines of the replicated state count, and those of zoo.cfg beside them: for a server that is no member yet, or hears of no leader, and
//! for a member that was away while addresses changed. A peer that dials this server from outside the lines is dialed back, so that it can join.
//! Who has no line may neither know the leader's address nor be known to it: those that it does reach tell it where the leader is.

use std::collections::BTreeMap;

use core::net::IpAddr;

use zoa_proto::PeerId;
use zoa_raft::RaftLoop;
use zoa_tree::ServerAddress;
use zoa_tree::ServerLine;

use super::Ensemble;
use super::links::Link;
use crate::event::Direction;
use crate::event::Effect;
use crate::event::LinkId;
use crate::event::PeerAddresses;
use crate::limits::HELLO_LINE_LEN_MAX;
use crate::message::PeerMessage;
use crate::node_id::NodeId;
use crate::versions::VERSION_OF_LEADER_AT;

impl Ensemble {
    pub(super) fn tell_whom_to_dial(&mut self, effects: &mut Vec<Effect>) {
        let peers = self.whom_to_dial();
        if peers != self.dialed {
            self.dialed.clone_from(&peers);
            effects.push(Effect::Peers(peers));
        }
    }

    fn whom_to_dial(&self) -> Vec<PeerAddresses> {
        let mut peers: BTreeMap<PeerId, Vec<ServerAddress>> = BTreeMap::new();
        for (peer, line) in self.lines().iter() {
            add(peers.entry(peer).or_default(), line);
        }
        for (peer, line) in self.config.lines.iter() {
            if peers.contains_key(&peer) || self.may_count_without_a_line(peer) {
                add(peers.entry(peer).or_default(), line);
            }
        }
        for (peer, line) in self.links.iter().filter_map(|link| link.leader_at.as_ref()) {
            add(peers.entry(*peer).or_default(), line);
        }
        for link in self.links.iter() {
            if link.direction == Direction::Incoming
                && let Some(line) = ServerLine::parse(&link.hello.line)
            {
                add(peers.entry(link.peer).or_default(), &line);
            }
        }
        peers.remove(&self.config.me);
        peers.retain(|_, addresses| !addresses.is_empty());
        peers
            .into_iter()
            .map(|(peer, addresses)| PeerAddresses { peer, addresses })
            .collect()
    }

    /// Tells those that the state has no line of whom this server follows, at heartbeat pace.
    pub(super) fn tell_where_the_leader_is(&self, effects: &mut Vec<Effect>) {
        let leader = self.raft().and_then(RaftLoop::leader);
        let leader = leader.and_then(NodeId::from_raft).map(NodeId::myid);
        let Some(leader) = leader.filter(|leader| *leader != self.config.me) else {
            return;
        };
        let Some(line) = self.lines().get(leader) else {
            return;
        };
        let has_no_line = |link: &&Link| self.lines().get(link.peer).is_none();
        for link in self.links.all_outgoing().filter(has_no_line) {
            if link.peer != leader && link.hello.versions.peer >= VERSION_OF_LEADER_AT {
                let line = line.to_string();
                if line.len() > HELLO_LINE_LEN_MAX {
                    // It would be taken for no line at all, and the link be ended.
                    return;
                }
                let frame = PeerMessage::LeaderAt { leader, line }.encode();
                effects.push(Effect::Send {
                    link: link.id,
                    frame,
                });
            }
        }
    }

    pub(super) fn take_leader_at(&mut self, link: LinkId, (leader, line): (PeerId, &str)) {
        let told = ServerLine::parse(line).map(|line| (leader, line));
        if let Some(known) = self.links.get_mut(link)
            && known.leader_at != told
        {
            known.leader_at = told;
            self.peers_changed = true;
        }
    }

    /// Whether a peer without a line in the state may all the same be one to speak with: it follows still, or nothing says that this state
    /// is of today. A server that was away may have lines from before the present leader was among them.
    fn may_count_without_a_line(&self, peer: PeerId) -> bool {
        let Some(raft) = self.raft() else {
            return true;
        };
        let members = raft.members();
        let follows = |id: u64| NodeId::from_raft(id).is_some_and(|node| node.myid() == peer);
        !members.contains(raft.id())
            || members.ids().into_iter().any(follows)
            || !self.knows_leader()
    }
}

/// Adds the addresses of a line that mean its server wherever they are read.
fn add(addresses: &mut Vec<ServerAddress>, line: &ServerLine) {
    for address in &line.addresses {
        let host: Result<IpAddr, _> = address.host.parse();
        // Servers in containers often name themselves so: any address of whoever reads it.
        let is_any = host.is_ok_and(|host| host.is_unspecified());
        if !is_any && !addresses.contains(address) {
            addresses.push(address.clone());
        }
    }
}
