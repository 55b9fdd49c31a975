//! A rolling upgrade ends: newer rules begin to hold when every server knows them.
//!
//! ```text
//!   1 1 1 -> 2 1 1 -> 2 2 1 -> 2 2 2     what the members have announced
//!      the rules of version 1 hold  | RaiseSemantics(2) is proposed, and holds from its entry on
//! ```
//!
//! Invariants: a leader proposes a version only when every member, learners too, has announced on a connection that stands now that it
//! knows it; from then on nobody is taken on who does not. A member that comes back with an earlier program all the same meets an entry
//! that it cannot read, and stops (G-24).

use zoa_raft::RaftLoop;
use zoa_tree::TxnOp;

use super::Ensemble;
use super::links::Link;
use crate::event::Effect;
use crate::notice::Notice;

impl Ensemble {
    /// The state goes by these rules from here on.
    pub(super) fn handle_semantics(&mut self, version: u32, effects: &mut Vec<Effect>) {
        let before = self.semantics.replace(version);
        if before.is_some_and(|before| before < version) {
            effects.push(Effect::Notice(Notice::NewerRules { version }));
        }
        if self.identity.semantics != version {
            self.identity.semantics = version;
            self.tell_identity(effects);
            self.cut_those_taken_out(effects);
        }
    }

    /// A leader proposes newer rules when all can follow.
    pub(super) fn raise_semantics(&mut self, effects: &mut Vec<Effect>) {
        let Some(version) = self.next_semantics() else {
            return;
        };
        self.raised_in = self.established.map(|term| (term, version));
        self.propose_unasked(TxnOp::RaiseSemantics { version }, effects);
    }

    /// Whether the server at the other end knows the rules that hold, and those that this leader has proposed.
    pub(super) fn knows_the_rules(&self, link: &Link) -> bool {
        let proposed = self.raised_in.map(|(_, version)| version);
        link.hello.versions.semantics >= self.identity.semantics.max(proposed.unwrap_or_default())
    }

    /// A server alone has nobody to wait for, and nothing that needs newer rules: it stays with those that earlier programs know, too.
    fn next_semantics(&self) -> Option<u32> {
        let raft = self
            .leads()
            .filter(|_| !self.is_handing() && !self.config.is_alone())?;
        let ids = raft.members().ids().into_iter();
        let known = ids
            .map(|id| self.semantics_of(raft, id))
            .min()
            .flatten()
            .filter(|known| Some(*known) > self.semantics)?;
        let proposed = self.established.map(|term| (term, known));
        (self.semantics.is_some() && self.raised_in != proposed).then_some(known)
    }

    /// What a member has announced on a connection that stands.
    fn semantics_of(&self, raft: &RaftLoop, id: u64) -> Option<u32> {
        if id == raft.id() {
            return Some(self.config.versions.semantics);
        }
        let link = self
            .links
            .outgoing_to(id)
            .filter(|_| self.links.is_connected(id));
        link.map(|link| link.hello.versions.semantics)
    }
}
