//! One server's part in the replication, as a pure state machine: events in, effects out.
//!
//! It drives the tikv `raft` library and nothing else: no clock, no thread, no file, no socket. The
//! server's raft thread, a simulator and a test drive it in the same way.
//!
//! ```text
//!   Propose, Peer, Tick, Persisted ...  ->  step  ->  Ready  ->  Role, Persist, Send, Commit ...
//! ```
//!
//! Invariants:
//! - Every Ready becomes durable in order. One that has nothing to write counts as durable when
//!   all before it are; it costs no write. A commit index alone is never worth a write: it
//!   travels with the next one.
//! - A leader's messages may leave before its own sync, but not before its term and vote are
//!   durable. Everyone else's messages leave when their Ready is (`outbox.rs`).
//! - Entries are handed out once each, in order, committed and durable here (`raft_loop/apply.rs`).
//! - A server that has yet to hear who the members are votes and campaigns for nobody.

mod apply;
mod propose;

use bytes::Bytes;
use raft::Config;
use raft::INVALID_ID;
use raft::ProgressState;
use raft::RaftState;
use raft::RawNode;
use raft::Ready;
use raft::SnapshotStatus;
use raft::StateRole;
use raft::eraftpb;
use raft::eraftpb::Message;
use raft::eraftpb::MessageType;
use zoa_log::Entry;
use zoa_log::HardState;
use zoa_log::LogIndex;
use zoa_log::Persist;

use crate::config::RaftConfig;
use crate::config::RaftError;
use crate::election::ElectionTimeouts;
use crate::event::LogPosition;
use crate::event::RaftEffect;
use crate::event::RaftEvent;
use crate::limits;
use crate::log_view::LogView;
use crate::log_view::from_library;
use crate::members::ChangeEntry;
use crate::members::Members;
use crate::outbox::Outbox;
use crate::peer;
use crate::peer::PeerFault;
use crate::recovery::Recovered;
use crate::recovery::Recovery;

/// See the module.
pub struct RaftLoop {
    node: RawNode<LogView>,
    timeouts: ElectionTimeouts,
    outbox: Outbox,
    /// The newest Ready that the log has acknowledged.
    durable: u64,
    handed_out: LogIndex,
    hard_state: HardState,
    /// The hard state has not been given to the log since it changed.
    hard_state_waits: bool,
    /// The Ready that last changed term or vote, until it is durable.
    vote_under_way: Option<u64>,
    role: Option<Role>,
    established_term: u64,
    /// Those in effect: as of the last entry that was handed out and decided.
    members: Members,
    undecided: Option<apply::Undecided>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Role {
    leader: Option<u64>,
    term: u64,
}

/// How far a member is, as the leader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Its log equals the leader's up to here, durably.
    pub matched: LogIndex,
    /// What it is sent next.
    pub next: LogIndex,
    /// Whether it was heard of since the last check of the quorum, an election timeout ago at most.
    pub is_active: bool,
    /// Whether it is being sent a snapshot.
    pub is_pending_snapshot: bool,
}

impl RaftLoop {
    /// Starts from what recovery found. A server that is the only voter leads from here on, without
    /// waiting for a timeout. The first effects are added to `effects`.
    ///
    /// # Errors
    ///
    /// When the settings are wrong, or the log cannot be what this server has written.
    pub fn new(
        config: RaftConfig,
        recovery: Recovery,
        effects: &mut Vec<RaftEffect>,
    ) -> Result<Self, RaftError> {
        config.check()?;
        let Recovered {
            hard_state,
            snapshot,
            snapshot_members,
            members,
            terms,
            tail,
        } = recovery.finish()?;
        let applied = hard_state.commit;
        let initial = RaftState::new(
            library_hard_state(hard_state),
            eraftpb::ConfState::from(&members),
        );
        let mut view = LogView::new(initial, terms, tail);
        if members != snapshot_members {
            view.set_members(&members);
        }
        // At the founding position there is no file.
        if snapshot.index > LogPosition::FOUNDING.index {
            view.set_snapshot(snapshot, snapshot_members);
        }
        let node = RawNode::new(
            &library_config(&config, applied),
            view,
            &config.notices.logger(),
        )
        .map_err(|error| RaftError::Config(error.to_string()))?;
        let mut raft = Self {
            node,
            timeouts: ElectionTimeouts::new(config.seed, config.election_tick),
            outbox: Outbox::default(),
            durable: 0,
            handed_out: LogIndex(applied),
            hard_state,
            hard_state_waits: false,
            vote_under_way: None,
            role: None,
            established_term: 0,
            members,
            undecided: None,
        };
        raft.timeouts.settle(&mut raft.node);
        raft.report_members(raft.handed_out, effects);
        if raft.is_sole_voter() {
            raft.node
                .campaign()
                .map_err(|error| RaftError::Config(error.to_string()))?;
        }
        raft.finish(effects);
        raft.report_role(effects);
        Ok(raft)
    }

    /// Takes one event and adds what follows from it to `effects`.
    ///
    /// # Panics
    ///
    /// When the driver or the log breaks a promise that safety rests on: an acknowledgement of what
    /// was never handed out, a log cut above what is applied.
    pub fn handle(&mut self, event: RaftEvent, effects: &mut Vec<RaftEffect>) {
        match event {
            RaftEvent::Propose(proposals) => self.handle_propose(proposals, effects),
            RaftEvent::Persisted { number } => self.handle_persisted(number, effects),
            RaftEvent::ChangeMembers { changes, data } => {
                self.handle_change_members(ChangeEntry { changes, data }, effects);
            }
            RaftEvent::ChangeDecided { index, accepted } => {
                self.handle_change_decided(index, accepted, effects);
            }
            RaftEvent::TransferLeader { to } => self.handle_transfer(to),
            RaftEvent::Tick => self.handle_tick(),
            RaftEvent::Peer(message) => self.handle_peer(&message, effects),
            RaftEvent::PeerLost { peer } => self.handle_peer_lost(peer),
            RaftEvent::LogRead { low, entries } => self.handle_log_read(low, entries),
            RaftEvent::Compacted { first_index } => {
                self.node.mut_store().compact(first_index, self.handed_out);
            }
            RaftEvent::SnapshotTaken { position, members } => {
                self.node.mut_store().set_snapshot(position, members);
            }
            RaftEvent::SnapshotSent { peer, delivered } => {
                let status = if delivered {
                    SnapshotStatus::Finish
                } else {
                    SnapshotStatus::Failure
                };
                self.node.report_snapshot(peer, status);
            }
        }
        self.finish(effects);
    }

    /// Who leads, as far as this server knows.
    pub fn leader(&self) -> Option<u64> {
        Some(self.node.raft.leader_id).filter(|id| *id != INVALID_ID)
    }

    /// Whether this server leads, so that it may propose.
    pub fn is_leader(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    /// The newest hard state, which at a clean stop is worth storing: its commit index may be ahead
    /// of the stored one.
    pub fn hard_state(&self) -> HardState {
        self.hard_state
    }

    /// This server's raft id.
    pub fn id(&self) -> u64 {
        self.node.raft.id
    }

    /// The current term.
    pub fn term(&self) -> u64 {
        self.node.raft.term
    }

    /// The last entry known to be committed; it may not be handed out yet.
    pub fn commit(&self) -> LogIndex {
        LogIndex(self.node.raft.raft_log.committed)
    }

    /// The last entry that was handed out and decided, or belongs to the replication itself.
    pub fn handed_out(&self) -> LogIndex {
        self.handed_out
    }

    /// The last entry of the log, which may not be durable yet.
    pub fn last_index(&self) -> LogIndex {
        LogIndex(self.node.raft.raft_log.last_index())
    }

    /// Where this leader's log ended when it was elected; `None` when it does not lead, or that place was cut away. Whoever's
    /// entries stood up to there in the term of that place has lost none of them: all of that is committed
    /// once this leader is established.
    pub fn elected_behind(&self) -> Option<LogPosition> {
        let before = || self.node.store().before_term(self.term());
        self.is_leader().then(before).flatten()
    }

    /// The members in effect here. A change that is committed but not handed out is not.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// Whether a change of members is not over, or may not be known of, since this leader has not committed anything in its own term yet.
    pub fn is_change_under_way(&self) -> bool {
        self.established_term != self.node.raft.term
            || self.node.raft.has_pending_conf()
            || self.members.is_joint()
    }

    /// To whom this leader is giving the leadership.
    pub fn transferring(&self) -> Option<u64> {
        self.node.raft.lead_transferee
    }

    /// How far a member is; `None` when this server does not lead, or that one is no member.
    pub fn progress(&self, id: u64) -> Option<Progress> {
        if !self.is_leader() {
            return None;
        }
        let progress = self.node.raft.prs().get(id)?;
        Some(Progress {
            matched: LogIndex(progress.matched),
            next: LogIndex(progress.next_idx),
            is_active: progress.recent_active || id == self.node.raft.id,
            is_pending_snapshot: progress.state == ProgressState::Snapshot,
        })
    }

    fn is_sole_voter(&self) -> bool {
        self.node.raft.promotable() && self.node.raft.prs().is_singleton()
    }

    /// Whether this server could win an election by itself at once, before its disk has all of its log. The
    /// library counts on a winner's log being durable; other winners wait for answers, and those for the disk.
    fn must_wait_for_disk(&self) -> bool {
        let log = &self.node.raft.raft_log;
        !self.is_leader() && self.is_sole_voter() && log.persisted < log.last_index()
    }

    fn handle_tick(&mut self) {
        if self.must_wait_for_disk() {
            return;
        }
        self.node.tick();
        if self.is_sole_voter() && !self.is_leader() {
            // There is nobody to wait for. If a change waits for its decision, nothing comes of this.
            self.node
                .campaign()
                .expect("the library always takes this message");
        }
    }

    fn handle_persisted(&mut self, number: u64, effects: &mut Vec<RaftEffect>) {
        self.durable = self.durable.max(number);
        self.release(effects);
    }

    fn handle_peer(&mut self, bytes: &Bytes, effects: &mut Vec<RaftEffect>) {
        let message = match peer::decode(bytes) {
            Ok(message) => message,
            Err(fault) => {
                effects.push(RaftEffect::PeerFault { from: None, fault });
                return;
            }
        };
        let from = Some(message.from);
        if self.is_nothing_to(&message) {
            return;
        }
        if let Err(fault) = self.check_peer(&message) {
            effects.push(RaftEffect::PeerFault { from, fault });
        } else if self.node.step(message).is_err() {
            // The one error left: an answer from someone who is not a member (any more).
            effects.push(RaftEffect::PeerFault {
                from,
                fault: PeerFault::NotAMember,
            });
        }
    }

    /// Whether a message says nothing to this server as it is, though it is in order.
    fn is_nothing_to(&self, message: &Message) -> bool {
        match message.get_msg_type() {
            // The only voter elects nobody but itself; whoever asks has missed a change of members.
            MessageType::MsgRequestVote | MessageType::MsgRequestPreVote => {
                self.members.is_empty() || self.is_sole_voter()
            }
            MessageType::MsgRequestVoteResponse | MessageType::MsgRequestPreVoteResponse => {
                self.is_sole_voter()
            }
            // A leader that this server has given up may still ask it to take over.
            MessageType::MsgTimeoutNow => self.must_wait_for_disk() || self.leader().is_none(),
            _ => false,
        }
    }

    fn check_peer(&self, message: &Message) -> Result<(), PeerFault> {
        let is_vote = message.get_msg_type() == MessageType::MsgRequestVoteResponse;
        if is_vote && message.term == self.node.raft.term && self.vote_under_way.is_some() {
            // The request waits in the outbox. The library counts on that: whoever wins an election
            // has everything on disk.
            return Err(PeerFault::UnaskedVote);
        }
        peer::check(message, &self.node.raft)
    }

    fn handle_peer_lost(&mut self, peer: u64) {
        self.node.report_unreachable(peer);
        if self.node.raft.state == StateRole::Follower && self.node.raft.leader_id == peer {
            // As long as a leader is remembered, check-quorum makes this server ignore the others'
            // elections; so it is forgotten, and an election comes soon.
            let term = self.node.raft.term;
            self.node.raft.become_follower(term, INVALID_ID);
            self.timeouts.settle(&mut self.node);
            self.timeouts.hasten(&mut self.node, peer);
        }
    }

    fn handle_log_read(&mut self, low: LogIndex, entries: Vec<Entry>) {
        // Nothing there: the log was cut meanwhile. Whoever waits asks again with a heartbeat, and
        // is sent a snapshot then.
        let nothing = entries.is_empty();
        for wanted in self.node.mut_store().fetch(low, entries) {
            if !nothing {
                self.node.on_entries_fetched(wanted.context);
            }
        }
        self.node.mut_store().drop_fetched();
    }

    fn finish(&mut self, effects: &mut Vec<RaftEffect>) {
        self.timeouts.settle(&mut self.node);
        while self.node.has_ready() {
            self.handle_ready(effects);
        }
        for (low, high, bytes_max) in self.node.mut_store().take_unasked() {
            effects.push(RaftEffect::ReadLog {
                low,
                high,
                bytes_max,
            });
        }
        if self.node.store().take_snapshot_wanted() {
            effects.push(RaftEffect::SnapshotWanted);
        }
    }

    fn handle_ready(&mut self, effects: &mut Vec<RaftEffect>) {
        let mut ready = self.node.ready();
        let number = ready.number();
        self.note_hard_state(&ready);
        self.report_role(effects);
        self.install_snapshot(&ready, effects);
        self.persist(&mut ready, effects);

        let mut waiting = ready.take_persisted_messages();
        let at_once = ready.take_messages();
        if self.vote_under_way.is_some() {
            // The library lets a leader speak before its own sync. That is sound for entries, which
            // count only once synced, but not for its term: a sole voter leads before its vote
            // is durable, and could lead the same term again after a crash.
            waiting.extend(at_once);
        } else {
            self.send(at_once, effects);
        }
        self.outbox.push(number, ready.must_sync(), waiting);

        let committed = ready.take_committed_entries();
        let installed = !ready.snapshot().is_empty();
        self.node.advance_append_async(ready);
        if installed {
            // The snapshot's file was durable before its message was stepped, and the entries of
            // earlier Readies are void. The library must hear of it now: an election that begins
            // before would read entries that are gone. Messages still wait, in the outbox.
            self.node.on_persist_ready(number);
            self.node.advance_apply_to(self.handed_out.0);
        }
        self.hand_out(committed, effects);
        self.release(effects);
    }

    fn note_hard_state(&mut self, ready: &Ready) {
        let Some(newest) = ready.hs() else { return };
        if (newest.term, newest.vote) != (self.hard_state.term, self.hard_state.vote) {
            self.vote_under_way = Some(ready.number());
        }
        self.hard_state = HardState {
            term: newest.term,
            vote: newest.vote,
            commit: newest.commit,
        };
        self.hard_state_waits = true;
    }

    fn report_role(&mut self, effects: &mut Vec<RaftEffect>) {
        let role = Role {
            leader: self.leader(),
            term: self.node.raft.term,
        };
        if self.role != Some(role) {
            self.role = Some(role);
            effects.push(RaftEffect::Role {
                leader: role.leader,
                term: role.term,
            });
        }
    }

    fn install_snapshot(&mut self, ready: &Ready, effects: &mut Vec<RaftEffect>) {
        if ready.snapshot().is_empty() {
            return;
        }
        let metadata = ready.snapshot().get_metadata();
        let position = LogPosition {
            index: LogIndex(metadata.index),
            term: metadata.term,
        };
        let members = Members::from(metadata.get_conf_state());
        self.node.mut_store().install(position, members.clone());
        self.members = members.clone();
        self.undecided = None;
        self.handed_out = position.index;
        effects.push(RaftEffect::InstallSnapshot { position, members });
        self.report_members(position.index, effects);
    }

    fn persist(&mut self, ready: &mut Ready, effects: &mut Vec<RaftEffect>) {
        if !ready.must_sync() {
            return;
        }
        let entries: Vec<Entry> = ready.take_entries().into_iter().map(from_library).collect();
        self.node.mut_store().append(&entries);
        let hard_state = self.hard_state_waits.then_some(self.hard_state);
        self.hard_state_waits = false;
        effects.push(RaftEffect::Persist(Persist {
            number: ready.number(),
            hard_state,
            entries,
        }));
    }

    /// Tells the library what is durable, and lets go of the messages that waited for it.
    fn release(&mut self, effects: &mut Vec<RaftEffect>) {
        let Some((number, messages)) = self.outbox.take_durable(self.durable) else {
            return;
        };
        if self
            .vote_under_way
            .is_some_and(|under_way| under_way <= number)
        {
            self.vote_under_way = None;
        }
        self.node.on_persist_ready(number);
        self.send(messages, effects);
    }

    fn send(&self, messages: Vec<Message>, effects: &mut Vec<RaftEffect>) {
        for message in messages {
            let bytes = peer::encode(&message);
            effects.push(if message.get_msg_type() == MessageType::MsgSnapshot {
                let metadata = message.get_snapshot().get_metadata();
                let position = LogPosition {
                    index: LogIndex(metadata.index),
                    term: metadata.term,
                };
                RaftEffect::SendSnapshot {
                    to: message.to,
                    position,
                    message: bytes,
                }
            } else {
                RaftEffect::Send {
                    to: message.to,
                    message: bytes,
                }
            });
        }
    }
}

impl std::fmt::Debug for RaftLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RaftLoop")
            .field("id", &self.node.raft.id)
            .field("role", &self.node.raft.state)
            .field("hard_state", &self.hard_state)
            .field("handed_out", &self.handed_out)
            .finish_non_exhaustive()
    }
}

fn library_config(config: &RaftConfig, applied: u64) -> Config {
    Config {
        id: config.id,
        election_tick: config.election_tick,
        heartbeat_tick: config.heartbeat_tick,
        applied,
        max_size_per_msg: limits::APPEND_BYTES_MAX,
        max_inflight_msgs: limits::APPENDS_IN_FLIGHT_MAX,
        check_quorum: true,
        pre_vote: true,
        max_uncommitted_size: limits::UNCOMMITTED_BYTES_MAX,
        ..Config::default()
    }
}

fn library_hard_state(hard_state: HardState) -> eraftpb::HardState {
    let HardState { term, vote, commit } = hard_state;
    eraftpb::HardState {
        term,
        vote,
        commit,
        ..eraftpb::HardState::default()
    }
}
