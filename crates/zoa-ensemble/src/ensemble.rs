//! One server's place among its peers: the state machine itself.
//!
//! ```text
//!   Bare --Save--> Saving --Saved--> Opening --LogOpened--> Running { raft }
//!     ^-- Prepare ---'
//! ```
//!
//! Here is what ties the parts together; each part has a file of its own in `ensemble/`. After every event all parts look again at what
//! is so now ([`Ensemble::settle`]), so that nothing depends on the order in which they heard of it.

mod beat;
mod dialing;
mod forward;
mod founding;
mod frames;
mod handover;
mod links;
mod membership;
mod other_lines;
mod raft_effects;
mod reconfig;
mod reminder;
mod serving;
mod stages;
mod stamp;
mod touches;
mod upgrade;
mod writes;

use std::collections::BTreeMap;

use zoa_log::HardState;
use zoa_log::LogIndex;
use zoa_proto::PeerId;
use zoa_raft::LogPosition;
use zoa_raft::PeerFault;
use zoa_raft::RaftEffect;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;
use zoa_tree::MemberLines;
use zoa_tree::MemberRole;

use crate::config::EnsembleConfig;
use crate::config::EnsembleError;
use crate::config::Founders;
use crate::config::Start;
use crate::event::CutReason;
use crate::event::Direction;
use crate::event::Effect;
use crate::event::Event;
use crate::event::LinkId;
use crate::event::PeerAddresses;
use crate::event::Role;
use crate::hello::HelloState;
use crate::hello::answer::HelloRefusal;
use crate::hello::judge::judge;
use crate::identity::Identity;
use crate::node_id::NodeId;
use crate::notice::Notice;
use crate::versions::Versions;
use forward::Forwarder;
use links::Link;
use links::Links;
use other_lines::LinesWatch;
use reminder::Reminder;
use serving::ServingGate;
use stages::Stage;
use stamp::Stamp;
use touches::TouchBook;

/// See the module.
#[derive(Debug)]
pub struct Ensemble {
    config: EnsembleConfig,
    founders: Founders,
    stage: Stage,
    identity: Identity,
    links: Links,
    forwarder: Forwarder,
    stamp: Stamp,
    touches: TouchBook,
    gate: ServingGate,
    /// As the replicated state has them; `None` until it was asked.
    lines: Option<MemberLines>,
    lines_watch: LinesWatch,
    /// The last that was told of: what this server is, who leads, in which term.
    role: Option<(Role, Option<PeerId>, u64)>,
    /// The term in which this server was established as leader.
    established: Option<u64>,
    /// The term in which it said who the servers are.
    lines_said_in: Option<u64>,
    /// The rules that hold in the replicated state; `None` until it was asked.
    semantics: Option<u32>,
    /// The term in which it proposed newer rules, and which.
    raised_in: Option<(u64, u32)>,
    now_ms: u64,
    ticked_ms: Option<u64>,
    ticks: u64,
    /// A peer says that this server is no member any more.
    is_taken_out: bool,
    reminder: Reminder,
    /// Since when this server catches up with a leader, and when that was told of last.
    catches_up: Option<(u64, u64)>,
    handover: Option<handover::Handover>,
    /// When members were last heard of, while this server leads.
    heard_ms: BTreeMap<u64, u64>,
    /// Learners that no line names, and since when they are gone.
    strangers_gone_ms: BTreeMap<u64, u64>,
    dialed: Vec<PeerAddresses>,
    /// Where the log of the leader of a term ended when it was elected.
    elected_behind: Option<(u64, LogPosition)>,
    /// What came out of the replication and is not carried out yet.
    raft_effects: Vec<RaftEffect>,
    /// What the last message of a peer was accused of.
    raft_fault: Option<PeerFault>,
    /// Why the replication did not take what it was last given.
    raft_refusal: Option<zoa_raft::Refusal>,
    /// Snapshots that could not be sent.
    undelivered: Vec<u64>,
    /// Links, lines or members changed, so that the peers have to be looked at again.
    peers_changed: bool,
}

/// What is held in memory, for those who look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// Writes that wait for a leader.
    pub writes: usize,
    /// Their bytes.
    pub writes_len: usize,
    /// Signs of life that the leader does not have yet.
    pub touches: usize,
    /// Connections with peers.
    pub links: usize,
}

/// How a peer does, for those who look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerStatus {
    /// Who.
    pub peer: PeerId,
    /// Under which id.
    pub node: NodeId,
    /// Whether both connections stand.
    pub is_connected: bool,
    /// Whether its vote counts.
    pub votes: bool,
    /// Whether its line says that it is an observer. Who neither votes nor is one was taken out, or is to be added.
    pub is_observer: bool,
    /// Up to where it has the log, as a leader knows.
    pub matched: Option<LogIndex>,
    /// Whether it is being sent a snapshot, as a leader knows.
    pub takes_snapshot: bool,
}

impl Ensemble {
    /// Begins with what the disk held. The first effects are added to `effects`.
    ///
    /// # Errors
    ///
    /// When the settings are wrong, the data is another server's, or the log cannot be what this server has written.
    pub fn new(
        config: EnsembleConfig,
        start: Start,
        effects: &mut Vec<Effect>,
    ) -> Result<Self, EnsembleError> {
        config.check()?;
        let founders = config.founders();
        let identity = Identity {
            epoch: 0,
            me: config.me,
            state: HelloState::Empty,
            founders: founders.clone(),
            initialize: config.initialize,
            line: config.line_of(config.me),
            members: zoa_raft::Members::default(),
            versions: config.versions,
            semantics: Versions::FIRST.semantics,
        };
        let mut ensemble = Self {
            founders,
            stage: Stage::Opening,
            identity,
            links: Links::default(),
            forwarder: Forwarder::default(),
            stamp: Stamp::new(config.settings),
            touches: TouchBook::default(),
            gate: ServingGate::new(config.quiet_ms_max),
            lines: None,
            lines_watch: LinesWatch::default(),
            role: None,
            established: None,
            lines_said_in: None,
            semantics: None,
            raised_in: None,
            now_ms: 0,
            ticked_ms: None,
            ticks: 0,
            is_taken_out: false,
            reminder: Reminder::default(),
            catches_up: None,
            handover: None,
            heard_ms: BTreeMap::new(),
            strangers_gone_ms: BTreeMap::new(),
            dialed: Vec::new(),
            elected_behind: None,
            raft_effects: Vec::new(),
            raft_fault: None,
            raft_refusal: None,
            undelivered: Vec::new(),
            peers_changed: true,
            config,
        };
        ensemble.begin(start, effects)?;
        ensemble.settle(effects);
        Ok(ensemble)
    }

    /// Takes one event and adds what follows from it to `effects`.
    ///
    /// # Panics
    ///
    /// When the driver breaks a promise that safety rests on; see [`zoa_raft::RaftLoop::handle`].
    pub fn handle(&mut self, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Propose(proposals) => self.handle_propose(proposals, effects),
            Event::Touched { now_ms, touches } => self.touches.add(now_ms, &touches),
            Event::LinkUp {
                link,
                peer,
                direction,
                hello,
                epoch,
            } => {
                if epoch < self.identity.epoch || peer != hello.me {
                    let reason = CutReason::NewIdentity;
                    effects.push(Effect::CutLink { link, reason });
                } else {
                    self.handle_link_up(Link::new(link, direction, hello), effects);
                }
            }
            Event::LinkDown { link } => self.handle_link_gone(link, effects),
            Event::LinkRefused { peer, refusal } => {
                self.handle_link_refused(peer, refusal, effects);
            }
            Event::Received {
                link,
                frame,
                wall_ms,
            } => {
                self.stamp.tell(wall_ms);
                self.handle_frame(link, frame, effects);
            }
            Event::Tick { now_ms } => self.handle_tick(now_ms, effects),
            Event::Persisted { number } => {
                self.run_raft(RaftEvent::Persisted { number }, effects);
            }
            Event::LogRead { low, entries } => {
                self.run_raft(RaftEvent::LogRead { low, entries }, effects);
            }
            Event::Compacted { first_index } => {
                self.run_raft(RaftEvent::Compacted { first_index }, effects);
            }
            Event::SnapshotTaken { position, members } => {
                self.run_raft(RaftEvent::SnapshotTaken { position, members }, effects);
            }
            Event::SnapshotSent { node, delivered } => {
                let peer = node.raft();
                self.run_raft(RaftEvent::SnapshotSent { peer, delivered }, effects);
            }
            Event::SnapshotReceived { message } => {
                self.run_raft(RaftEvent::Peer(message), effects);
            }
            Event::ChangeDecided { index, accepted } => {
                self.run_raft(RaftEvent::ChangeDecided { index, accepted }, effects);
            }
            Event::MemberLines(lines) => self.handle_lines(lines, effects),
            Event::Semantics(version) => self.handle_semantics(version, effects),
            Event::Saved => self.handle_saved(effects),
            Event::LogOpened => self.handle_log_opened(effects),
            Event::Handover => self.handle_handover(effects),
        }
        self.settle(effects);
    }

    /// The newest hard state, which at a clean stop is worth storing; `None` while there is no log.
    #[must_use]
    pub fn hard_state(&self) -> Option<HardState> {
        self.raft().map(RaftLoop::hard_state)
    }

    /// How the other members do.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerStatus> {
        let Some(raft) = self.raft() else {
            return Vec::new();
        };
        let others = raft
            .members()
            .ids()
            .into_iter()
            .filter(|id| *id != raft.id());
        others
            .filter_map(|id| {
                let node = NodeId::from_raft(id)?;
                let progress = raft.progress(id);
                Some(PeerStatus {
                    peer: node.myid(),
                    node,
                    is_connected: self.links.is_connected(id),
                    votes: raft.members().votes(id),
                    is_observer: self.is_observer(node.myid()),
                    matched: progress.map(|progress| progress.matched),
                    takes_snapshot: progress.is_some_and(|it| it.is_pending_snapshot),
                })
            })
            .collect()
    }

    /// The newer rules that this server has proposed as a leader, and in which term.
    #[must_use]
    pub fn proposed_rules(&self) -> Option<(u64, u32)> {
        self.raised_in
    }

    /// What this server holds in memory for its clients and for the leader; each number has a bound in [`crate::limits`].
    #[must_use]
    pub fn held(&self) -> Held {
        let (writes, writes_len) = self.forwarder.waiting.held();
        Held {
            writes,
            writes_len,
            touches: self.touches.count(),
            links: self.links.ids().len(),
        }
    }

    fn raft(&self) -> Option<&RaftLoop> {
        match &self.stage {
            Stage::Running(raft) => Some(raft),
            Stage::Bare(_) | Stage::Saving { .. } | Stage::Opening => None,
        }
    }

    /// Whether this server leads, and everything of its predecessors is handed out.
    fn leads(&self) -> Option<&RaftLoop> {
        let raft = self.raft()?;
        let leads = raft.is_leader() && self.established == Some(raft.term());
        leads.then_some(raft)
    }

    /// What the ensemble's lines are, as far as anybody knows.
    fn lines(&self) -> &MemberLines {
        let known = self.lines.as_ref().filter(|lines| !lines.is_empty());
        known.unwrap_or(&self.config.lines)
    }

    fn is_observer(&self, peer: PeerId) -> bool {
        let line = self.lines().get(peer);
        line.is_some_and(|line| line.role == MemberRole::Observer)
    }

    /// All parts look again.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        if self.peers_changed {
            self.peers_changed = false;
            self.cut_those_taken_out(effects);
            self.tell_whom_to_dial(effects);
        }
        self.settle_founding(effects);
        self.settle_snapshots(effects);
        self.settle_role(effects);
        self.found_lines(effects);
        self.settle_writes(effects);
        self.settle_serving(effects);
        self.settle_handover(effects);
    }

    fn settle_role(&mut self, effects: &mut Vec<Effect>) {
        let Some(raft) = self.raft() else { return };
        let term = raft.term();
        let leader = raft.leader().and_then(NodeId::from_raft);
        let leader = leader.map(NodeId::myid);
        let role = match leader {
            None => Role::Looking,
            Some(_) if raft.is_leader() => Role::Leader,
            Some(_) if self.is_observer(self.config.me) => Role::Observer,
            Some(_) => Role::Follower,
        };
        if self.role == Some((role, leader, term)) {
            return;
        }
        self.role = Some((role, leader, term));
        self.peers_changed = true;
        effects.push(Effect::Role { role, leader, term });
    }

    fn settle_serving(&mut self, effects: &mut Vec<Effect>) {
        let now_ms = self.now_ms;
        let led = self.leads().map(|raft| (raft.term(), raft.commit()));
        if let Some((term, commit)) = led {
            // It was elected, whatever a peer has said.
            self.is_taken_out = false;
            self.gate.hear(term, commit, now_ms);
        }
        let Some(raft) = self.raft() else { return };
        let is_member = !self.is_taken_out && raft.members().contains(raft.id());
        let handed_out = raft.handed_out();
        let was_in_touch = !self.gate.is_out_of_touch();
        let said = self.gate.look(handed_out, is_member, now_ms);
        if let Some(serves) = said {
            if !serves && self.forwarder.has_unknown() {
                self.give_up_writes(effects);
            }
            effects.push(Effect::Serving(serves));
        }
        // Also when nobody was served yet: it was about to be.
        if self.gate.is_out_of_touch() && (was_in_touch || said == Some(false)) {
            self.cut_what_waits(effects);
        }
    }

    /// Ends the connections on which others send. What a leader said while nothing came through may wait on them, and tells of commits that
    /// were the newest then; the next contact has to be a new one (G-04).
    fn cut_what_waits(&mut self, effects: &mut Vec<Effect>) {
        for id in self.links_of(|link| link.direction == Direction::Incoming) {
            self.cut(id, CutReason::OutOfTouch, effects);
        }
    }

    fn links_of(&self, is_wanted: impl Fn(&Link) -> bool) -> Vec<LinkId> {
        let wanted = self.links.iter().filter(|link| is_wanted(link));
        wanted.map(|link| link.id).collect()
    }

    fn handle_link_up(&mut self, link: Link, effects: &mut Vec<Effect>) {
        let id = link.id;
        if judge(&self.identity, &link.hello).is_err() {
            self.cut_unknown(id, CutReason::NoMember, effects);
            return;
        }
        if let Some(before) = self.links.add(link) {
            self.cut(before, CutReason::Superseded, effects);
        }
        self.peers_changed = true;
        self.tell_leading(Some(id), effects);
    }

    /// A link is gone, or as good as gone.
    fn handle_link_gone(&mut self, id: LinkId, effects: &mut Vec<Effect>) {
        let Some(link) = self.links.remove(id) else {
            return;
        };
        self.peers_changed = true;
        if link.direction == Direction::Outgoing {
            self.cut_refused_stream(link.peer, effects);
        }
        let Some(node) = link.node() else { return };
        let is_replaced = match link.direction {
            Direction::Outgoing => self.links.outgoing_to(node.raft()).is_some(),
            Direction::Incoming => {
                let other = self.links.incoming(link.peer);
                other.is_some_and(|other| other.node() == Some(node))
            }
        };
        // A leader whose link to this server is gone is gone. What this server sends it may take another way soon.
        let leads = self.raft().and_then(RaftLoop::leader) == Some(node.raft());
        if !is_replaced && (link.direction == Direction::Incoming || !leads) {
            self.run_raft(RaftEvent::PeerLost { peer: node.raft() }, effects);
        }
    }

    /// Who is told that it is no member any more believes that only while it hears of no leader: a leader that has gone on without this
    /// server has ended its links to it before.
    fn handle_link_refused(
        &mut self,
        peer: PeerId,
        refusal: HelloRefusal,
        effects: &mut Vec<Effect>,
    ) {
        let is_believed = self.raft().is_some() && !self.knows_leader() && !self.is_taken_out;
        if refusal == HelloRefusal::NoMember && is_believed {
            self.is_taken_out = true;
            effects.push(Effect::Notice(Notice::NoMember));
        }
        if self.reminder.is_new_refusal(peer, refusal) {
            effects.push(Effect::Notice(Notice::RefusedBy { peer, refusal }));
        }
    }

    fn handle_lines(&mut self, lines: MemberLines, effects: &mut Vec<Effect>) {
        self.lines = Some(lines);
        self.peers_changed = true;
        let line = self.lines().get(self.config.me).map(ToString::to_string);
        if let Some(line) = line
            && line != self.identity.line
        {
            self.identity.line = line;
            self.tell_identity(effects);
        }
    }

    fn tell_identity(&self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Identity(Box::new(self.identity.clone())));
    }

    /// Ends a link that stands.
    fn cut(&mut self, id: LinkId, reason: CutReason, effects: &mut Vec<Effect>) {
        self.cut_unknown(id, reason, effects);
        self.handle_link_gone(id, effects);
    }

    fn cut_unknown(&self, link: LinkId, reason: CutReason, effects: &mut Vec<Effect>) {
        effects.push(Effect::CutLink { link, reason });
    }

    /// Ends the links of those that the members have gone on without.
    fn cut_those_taken_out(&mut self, effects: &mut Vec<Effect>) {
        let out = self.links_of(|link| judge(&self.identity, &link.hello).is_err());
        for id in out {
            self.cut(id, CutReason::NoMember, effects);
        }
    }
}
