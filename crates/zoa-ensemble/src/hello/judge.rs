//! Whether a hello is accepted.
//!
//! Invariant: whoever is accepted either has no data, or data of this server's cluster, and was not taken out of it as far as this
//! server knows. The members of a cluster change in one order; so who was a member as of one place in the log, and is none as of a
//! later one, was taken out in between. And it knows the rules that this server's state goes by (G-24).

use super::Hello;
use super::HelloState;
use super::Purpose;
use super::answer::HelloRefusal;
use crate::identity::Identity;

/// See the module.
///
/// # Errors
/// Why it is not accepted.
pub fn judge(identity: &Identity, hello: &Hello) -> Result<(), HelloRefusal> {
    let me = identity.me;
    if hello.to != me && hello.to.0 != 0 {
        return Err(HelloRefusal::NotMe { me });
    }
    if hello.me == me {
        return Err(HelloRefusal::SameId);
    }
    if hello
        .state
        .node()
        .is_some_and(|node| node.myid() != hello.me)
    {
        return Err(HelloRefusal::Malformed);
    }
    if let (Some(own), Some(other)) = (identity.state.cluster(), hello.state.cluster())
        && own != other
    {
        return Err(HelloRefusal::OtherCluster);
    }
    if was_taken_out(identity, hello) {
        return Err(HelloRefusal::NoMember);
    }
    if hello.versions.semantics < identity.semantics {
        return Err(HelloRefusal::TooOld);
    }
    let both_have_logs = identity.state.node().is_some() && hello.state.node().is_some();
    match hello.purpose {
        Purpose::Snapshot if !both_have_logs => Err(HelloRefusal::TooEarly),
        Purpose::Snapshot | Purpose::Messages => Ok(()),
    }
}

fn was_taken_out(identity: &Identity, hello: &Hello) -> bool {
    let HelloState::Member {
        members_index: own_index,
        ..
    } = identity.state
    else {
        return false;
    };
    match hello.state {
        HelloState::Member {
            node,
            members_index,
            ..
        } => own_index > members_index && !identity.members.contains(node.raft()),
        HelloState::Empty | HelloState::Prepared { .. } | HelloState::Joining { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use zoa_log::ClusterId;
    use zoa_proto::PeerId;
    use zoa_raft::Members;

    use super::*;
    use crate::config::Founders;
    use crate::node_id::NodeId;
    use crate::versions::Versions;

    const OURS: ClusterId = ClusterId([1; 16]);
    const OTHER: ClusterId = ClusterId([2; 16]);

    fn member(cluster: ClusterId, node: NodeId, members_index: u64) -> HelloState {
        HelloState::Member {
            cluster,
            node,
            members_index,
        }
    }

    fn identity(state: HelloState, voters: &[u64]) -> Identity {
        Identity {
            epoch: 0,
            me: PeerId(1),
            state,
            founders: Founders::default(),
            initialize: false,
            line: String::new(),
            members: Members::of_voters(voters.iter().copied()),
            versions: Versions::THIS,
            semantics: Versions::FIRST.semantics,
        }
    }

    fn hello(me: u8, state: HelloState) -> Hello {
        Hello {
            me: PeerId(me),
            to: PeerId(1),
            purpose: Purpose::Messages,
            state,
            founders: Founders::default(),
            initialize: false,
            line: String::new(),
            versions: Versions::THIS,
        }
    }

    fn judge_as_member(said: &Hello) -> Result<(), HelloRefusal> {
        let us = member(OURS, NodeId::founding(PeerId(1)), 10);
        judge(&identity(us, &[1, 2]), said)
    }

    #[test]
    fn only_who_is_meant_is_answered() {
        let to_two = Hello {
            to: PeerId(2),
            ..hello(3, HelloState::Empty)
        };
        let not_me = HelloRefusal::NotMe { me: PeerId(1) };
        assert_eq!(judge_as_member(&to_two), Err(not_me));
        let same = hello(1, HelloState::Empty);
        assert_eq!(judge_as_member(&same), Err(HelloRefusal::SameId));
        let forged = hello(2, member(OURS, NodeId::founding(PeerId(3)), 1));
        assert_eq!(judge_as_member(&forged), Err(HelloRefusal::Malformed));
    }

    #[test]
    fn data_of_another_cluster_is_refused_and_none_is_not() {
        let node = NodeId::founding(PeerId(2));
        let other = hello(2, member(OTHER, node, 1));
        assert_eq!(judge_as_member(&other), Err(HelloRefusal::OtherCluster));
        for state in [
            HelloState::Empty,
            HelloState::Prepared { cluster: OTHER },
            member(OURS, node, 1),
        ] {
            assert_eq!(judge_as_member(&hello(2, state)), Ok(()));
        }
        let empty = identity(HelloState::Empty, &[]);
        assert_eq!(judge(&empty, &other), Ok(()));
    }

    #[test]
    fn who_was_taken_out_is_refused_and_who_joins_is_not() {
        let old = NodeId::founding(PeerId(3));
        let new = NodeId::joining(PeerId(3), [5; 6]);
        let at = |node, index| judge_as_member(&hello(3, member(OURS, node, index)));
        assert_eq!(at(old, 1), Err(HelloRefusal::NoMember));
        assert_eq!(at(old, 9), Err(HelloRefusal::NoMember));
        // It knows more than this server does.
        assert_eq!(at(new, 11), Ok(()));
        let joining = HelloState::Joining {
            cluster: OURS,
            node: new,
        };
        assert_eq!(judge_as_member(&hello(3, joining)), Ok(()));
    }

    #[test]
    fn who_does_not_know_the_rules_that_hold_is_refused_and_who_knows_more_is_not() {
        let us = Identity {
            semantics: 2,
            ..identity(member(OURS, NodeId::founding(PeerId(1)), 10), &[1, 2])
        };
        let knows = |semantics| {
            let said = hello(2, HelloState::Empty);
            let versions = Versions {
                semantics,
                ..said.versions
            };
            judge(&us, &Hello { versions, ..said })
        };
        assert_eq!(knows(1), Err(HelloRefusal::TooOld));
        assert_eq!(knows(2), Ok(()));
        assert_eq!(knows(3), Ok(()));
    }

    #[test]
    fn a_snapshot_needs_a_log_on_both_sides() {
        let for_snapshot = |state| Hello {
            purpose: Purpose::Snapshot,
            ..hello(2, state)
        };
        let empty = for_snapshot(HelloState::Empty);
        assert_eq!(judge_as_member(&empty), Err(HelloRefusal::TooEarly));
        let there = for_snapshot(member(OURS, NodeId::founding(PeerId(2)), 1));
        assert_eq!(judge_as_member(&there), Ok(()));
        let us = identity(HelloState::Empty, &[]);
        assert_eq!(judge(&us, &there), Err(HelloRefusal::TooEarly));
    }
}
