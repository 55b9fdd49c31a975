//! Changes of members (G-23), each step of them.

use zoa_raft::MemberChange::AddLearner;
use zoa_raft::MemberChange::AddVoter;
use zoa_raft::MemberChange::Remove;
use zoa_raft::Members;

use crate::cluster::Cluster;

#[test]
fn a_server_joins_by_a_snapshot_though_its_log_is_empty_and_then_votes() {
    let mut cluster = Cluster::founded(3, 1);
    let leader = cluster.elect();
    cluster.propose(leader, &["a"]);
    cluster.settle();
    cluster.join(256 + 4);
    cluster.change(leader, &[AddLearner(256 + 4)], "");
    cluster.run(10);
    assert_eq!(cluster.applied(256 + 4), ["a"]);
    assert_eq!(cluster.server(leader).snapshots_wanted, 1);
    cluster.change(leader, &[AddVoter(256 + 4)], "why");
    cluster.run(5);
    for id in [1, 2, 3, 260] {
        let raft = cluster.server(id).raft.as_ref().expect("it is up");
        assert_eq!(*raft.members(), Members::of_voters([1, 2, 3, 260]));
        assert_eq!(cluster.applied(id), ["a", "why"]);
    }
    cluster.change(leader, &[Remove(260)], "gone");
    cluster.run(5);
    let raft = cluster.server(leader).raft.as_ref().expect("it is up");
    assert_eq!(*raft.members(), Members::of_voters([1, 2, 3]));
}
