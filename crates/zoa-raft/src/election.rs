//! The election timeouts, drawn from a seeded source.
//!
//! The library draws them from the operating system's random source, its only one. To make a
//! cluster repeatable from its seed, each drawn value is overwritten by ours. Whether the library
//! drew one is told from its role, term and leader, never from the drawn value itself: that could
//! by chance equal the old one, and one seed would take two ways.

use raft::RawNode;
use raft::StateRole;
use raft::Storage;

/// Draws and re-applies the election timeout of one node.
#[derive(Debug)]
pub(crate) struct ElectionTimeouts {
    state: u64,
    election_tick: usize,
    current: usize,
    drawn_for: Option<(StateRole, u64, u64)>,
}

impl ElectionTimeouts {
    pub(crate) fn new(seed: u64, election_tick: usize) -> Self {
        assert!(election_tick > 0, "checked by RaftConfig");
        Self {
            state: seed,
            election_tick,
            current: election_tick,
            drawn_for: None,
        }
    }

    /// Puts our timeout in the place of the library's; to be called after every call into it.
    pub(crate) fn settle<S: Storage>(&mut self, node: &mut RawNode<S>) {
        let situation = (node.raft.state, node.raft.term, node.raft.leader_id);
        if self.drawn_for != Some(situation) {
            self.drawn_for = Some(situation);
            self.current = self.election_tick + self.draw_below(self.election_tick);
        }
        node.raft.set_randomized_election_timeout(self.current);
    }

    /// Lets this follower campaign after a few ticks instead of a whole timeout: for when `lost`, who
    /// led, is known to be gone. Drawn staggers of a few ticks would often be equal and split the
    /// votes, so they go by rank: two ticks apart, since the others may notice a tick later.
    pub(crate) fn hasten<S: Storage>(&self, node: &mut RawNode<S>, lost: u64) {
        let id = node.raft.id;
        let voters = node.raft.prs().conf().voters().ids();
        let rank = voters
            .iter()
            .filter(|voter| *voter < id && *voter != lost)
            .count();
        let stagger = (1 + 2 * rank).min(self.current);
        node.raft.election_elapsed = self.current - stagger;
    }

    fn draw_below(&mut self, bound: usize) -> usize {
        // SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to spread timeouts.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let bound_wide = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(z % bound_wide).unwrap_or(0)
    }
}
