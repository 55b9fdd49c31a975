//! The threads between a proposal and its delivery. Each only carries; what happens is decided by `zoa-ensemble`, `zoa-log` and
//! `zoa-core`, which the simulator drives as well.
//!
//! ```text
//!   connections --Propose--> [ ensemble -> log -> ensemble ] --Commit--> [ apply ] --> outboxes, sockets
//!   peers       --frames-->  [      |                      ]
//!               <--frames--  [      +                      ]
//! ```
//!
//! A queue between two threads is emptied whole, so a batch is what came while the one before it was under way: no timer. With one
//! voter nobody waits for the replication but the writes that are to be synced anyway, so the log shares its thread
//! (`docs/decisions/0004-one-thread-for-raft-and-log.md`). With peers the log has a thread of its own, so that peers are heard while the
//! disk is busy (`docs/decisions/0010-a-thread-for-the-log-among-peers.md`). A small batch is applied on the replication thread, a large
//! one beside it (`docs/decisions/0008-replies-from-the-thread-that-applies.md`).
//!
//! Invariant: effects are carried out in the order in which they came; what is for a peer leaves before this server waits for its own
//! disk, and all that is for one peer in one write.

mod apply;
mod arrivals;
mod cut;
pub(crate) mod home;
mod lines;
mod log_seat;
mod view;

use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use zoa_core::Core;
use zoa_core::Proposals;
use zoa_core::Stats;
use zoa_ensemble::Direction;
use zoa_ensemble::Effect;
use zoa_ensemble::Ensemble;
use zoa_ensemble::Event;
use zoa_ensemble::Notice;
use zoa_ensemble::NoticeLevel;
use zoa_ensemble::Role;
use zoa_log::LogIndex;
use zoa_log::LogInput;
use zoa_log::LogOutput;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_tree::MemberLines;
use zoa_tree::Touch;
use zoa_tree::Tree;

pub(crate) use apply::MemberGate;
pub(crate) use home::Home;
pub(crate) use log_seat::LogSeat;
pub(crate) use log_seat::SyncWatch;
pub use view::EnsembleView;

use crate::fatal::Fatal;
use crate::inbox::Inbox;
use crate::limits::APPLIED_AT_ONCE_MAX;
use crate::member_files;
use crate::peers::Line;
use crate::peers::PeerEvent;
use crate::peers::Peers;
use crate::replication::apply::Applier;
use crate::replication::apply::ApplyInput;
use crate::replication::apply::ApplyQueue;
use crate::replication::arrivals::Arrivals;
use crate::replication::cut::Cut;
use crate::replication::lines::Lines;
use crate::snapshots::SnapshotTrigger;
use crate::time;

/// Takes proposals and news; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proposer(Arc<Inbox<Input>>);

impl Proposer {
    pub(crate) fn propose(&self, mut proposals: Proposals) {
        self.0.push(Input::Propose {
            round: proposals.round(),
            proposals: proposals.take(),
        });
    }

    /// All that was proposed, for tests that are the replication themselves.
    #[cfg(test)]
    pub(crate) fn take_all(&self) -> Vec<Bytes> {
        let mut inputs = Vec::new();
        self.0.drain(&mut inputs, Some(Duration::ZERO));
        let proposed = |input| match input {
            Input::Propose { proposals, .. } => proposals,
            _ => Vec::new(),
        };
        inputs.into_iter().flat_map(proposed).collect()
    }

    /// Sessions that spoke to this server since this was last told, as of this time of the monotonic clock.
    pub(crate) fn touched(&self, now_ms: u64, touches: Vec<Touch>) {
        self.0.push(Input::Touched { now_ms, touches });
    }

    /// A snapshot of everything up to here is durable: the log may be cut.
    pub(crate) fn snapshot_taken(&self, position: LogPosition, members: Members) {
        self.0.push(Input::SnapshotTaken { position, members });
    }

    /// A snapshot of a peer is durable and loaded.
    pub(crate) fn snapshot_arrived(&self, arrived: Arrived) {
        self.0.push(Input::Arrived(arrived));
    }

    /// News of the links to peers.
    pub(crate) fn heard(&self, event: PeerEvent) {
        self.0.push(Input::Peer(event));
    }

    /// Leadership is to be given away; `done` is called when it is not held any more.
    pub(crate) fn hand_over(&self, done: impl FnOnce() + Send + 'static) {
        self.0.push(Input::Handover(Box::new(done)));
    }

    /// Nothing more is proposed: the threads end once what is queued has been dealt with.
    pub(crate) fn stop(&self) {
        self.0.push(Input::Stop);
    }
}

/// Something to be done once.
type Call = Box<dyn FnOnce() + Send>;

/// A peer's snapshot, durable and loaded.
pub(crate) struct Arrived {
    pub(crate) position: LogPosition,
    pub(crate) message: Bytes,
    pub(crate) tree: Box<Tree>,
}

/// What the replication thread is told.
enum Input {
    /// Of this server's clients.
    Propose {
        round: u64,
        proposals: Vec<Bytes>,
    },
    Touched {
        now_ms: u64,
        touches: Vec<Touch>,
    },
    Peer(PeerEvent),
    /// What a log with a thread of its own has done.
    Log(Vec<LogOutput>),
    SnapshotTaken {
        position: LogPosition,
        members: Members,
    },
    Arrived(Arrived),
    /// What the tree says to a change of members.
    Decided {
        index: LogIndex,
        accepted: bool,
    },
    MemberLines(MemberLines),
    /// By which rules the tree applies transactions.
    Semantics(u32),
    Handover(Call),
    Stop,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Input")
    }
}

/// What the threads work on.
pub(crate) struct Parts {
    pub(crate) ensemble: Ensemble,
    pub(crate) first_effects: Vec<Effect>,
    pub(crate) log: LogSeat,
    pub(crate) home: Home,
    pub(crate) peers: Option<Peers>,
    pub(crate) core: Arc<Core>,
    pub(crate) snapshots: SnapshotTrigger,
    pub(crate) gate: Arc<MemberGate>,
    pub(crate) view: Arc<EnsembleView>,
    pub(crate) fatal: Fatal,
    /// The pace of the replication, or `None` when nobody is there to keep pace with.
    pub(crate) tick_ms: Option<u64>,
    /// Whether those who can do with reading are served while nobody leads.
    pub(crate) read_only: bool,
    pub(crate) first_members: MemberLines,
    /// Who is told of other servers; `None` for a server alone.
    pub(crate) members_told: Option<member_files::Told>,
}

/// Starts the threads; `serving` is called once this server serves for the first time.
pub(crate) fn start(
    proposer: &Proposer,
    parts: Parts,
    serving: impl FnOnce() + Send + 'static,
) -> std::io::Result<[JoinHandle<()>; 2]> {
    let apply = Arc::new(ApplyQueue::default());
    let applier = Arc::new(Applier::new(
        &parts,
        Arc::clone(&proposer.0),
        Box::new(serving),
    ));
    let first_semantics = parts.core.with_tree(Tree::semantics_version);
    let replication = ReplicationThread {
        ensemble: parts.ensemble,
        inbox: Arc::clone(&proposer.0),
        log: parts.log,
        log_inputs: Vec::new(),
        home: parts.home,
        lines: Lines::new(parts.peers),
        core: parts.core,
        apply: Arc::clone(&apply),
        applier: Arc::clone(&applier),
        snapshots: parts.snapshots,
        view: parts.view,
        events: Vec::new(),
        arrivals: Arrivals::default(),
        cut: Cut::default(),
        handed_over: Vec::new(),
        fatal: parts.fatal,
        tick_ms: parts.tick_ms,
        next_tick_ms: 0,
        spells: Spells::default(),
        is_stopping: false,
    };
    proposer.0.push(Input::MemberLines(parts.first_members));
    proposer.0.push(Input::Semantics(first_semantics));
    let first_effects = parts.first_effects;
    let replication = thread::Builder::new()
        .name("raft".to_owned())
        .spawn(move || replication.run(first_effects))?;
    let apply = thread::Builder::new()
        .name("apply".to_owned())
        .spawn(move || apply::run(&applier, &apply))?;
    Ok([replication, apply])
}

struct ReplicationThread {
    ensemble: Ensemble,
    inbox: Arc<Inbox<Input>>,
    log: LogSeat,
    log_inputs: Vec<LogInput>,
    home: Home,
    lines: Lines,
    core: Arc<Core>,
    apply: Arc<ApplyQueue>,
    applier: Arc<Applier>,
    snapshots: SnapshotTrigger,
    view: Arc<EnsembleView>,
    /// What follows from effects that were carried out.
    events: Vec<Event>,
    arrivals: Arrivals,
    cut: Cut,
    handed_over: Vec<Call>,
    fatal: Fatal,
    tick_ms: Option<u64>,
    next_tick_ms: u64,
    spells: Spells,
    is_stopping: bool,
}

/// Since when something lasts that is measured when it ends, in milliseconds.
#[derive(Debug, Default)]
struct Spells {
    leads: bool,
    looking_ms: Option<u64>,
    /// Only after this server has served.
    unavailable_ms: Option<u64>,
}

impl Spells {
    fn be(&mut self, role: Role, stats: &Stats, now_ms: u64) {
        self.leads = role == Role::Leader;
        if role == Role::Looking {
            stats.looked_for_leader.add(1);
            self.looking_ms.get_or_insert(now_ms);
        } else if let Some(since_ms) = self.looking_ms.take() {
            stats.election_time.record(now_ms.saturating_sub(since_ms));
        }
    }

    fn serve(&mut self, serves: bool, stats: &Stats, now_ms: u64) {
        if !serves {
            self.unavailable_ms = Some(now_ms);
            return;
        }
        let Some(since_ms) = self.unavailable_ms.take() else {
            return;
        };
        let took_ms = now_ms.saturating_sub(since_ms);
        stats.unavailable_time.record(took_ms);
        if self.leads {
            stats.leader_unavailable_time.record(took_ms);
        }
    }
}

impl ReplicationThread {
    fn run(mut self, first_effects: Vec<Effect>) {
        let mut effects = first_effects;
        let mut inputs = Vec::new();
        loop {
            self.carry_out(&mut effects);
            if self.is_stopping {
                return self.end();
            }
            if let Some(due) = self.log.due() {
                self.log_inputs.push(due);
                self.run_log(&mut effects);
                continue;
            }
            self.inbox.drain(&mut inputs, self.patience());
            if inputs.is_empty() {
                self.log_inputs.extend(self.log.idle());
            } else {
                self.log.is_busy();
                self.take(&mut inputs, &mut effects);
            }
            self.tick(&mut effects);
        }
    }

    fn end(mut self) {
        let mut effects = Vec::new();
        self.log_inputs.push(LogInput::Mark);
        self.run_log(&mut effects);
        self.log.end();
        self.lines.stop();
        self.apply.push(ApplyInput::Stop);
        self.handed_over.drain(..).for_each(|done| done());
    }

    /// How long to wait for something to do: until the next tick, or an idle moment that the log can use.
    fn patience(&self) -> Option<Duration> {
        let to_tick = self.tick_ms.map(|_| {
            let now_ms = time::now().mono_ms;
            Duration::from_millis(self.next_tick_ms.saturating_sub(now_ms))
        });
        let idle = self.log.patience();
        to_tick.into_iter().chain(idle).min()
    }

    fn tick(&mut self, effects: &mut Vec<Effect>) {
        let Some(tick_ms) = self.tick_ms else {
            return;
        };
        let now_ms = time::now().mono_ms;
        if now_ms < self.next_tick_ms {
            return;
        }
        self.next_tick_ms = now_ms + tick_ms;
        self.ensemble.handle(Event::Tick { now_ms }, effects);
        self.view.show(self.ensemble.peers(), now_ms);
        self.log_inputs.extend(self.cut.take(now_ms));
    }

    /// Hands everything that queued up to the ensemble: all proposals that stand together in one.
    fn take(&mut self, inputs: &mut Vec<Input>, effects: &mut Vec<Effect>) {
        let mut gathered = Vec::new();
        for input in inputs.drain(..) {
            match input {
                Input::Propose {
                    round,
                    mut proposals,
                } => {
                    if effects
                        .iter()
                        .any(|effect| matches!(effect, Effect::Unknown))
                    {
                        self.carry_out(effects);
                    }
                    self.core.drop_orphans(round, &mut proposals);
                    if gathered.is_empty() {
                        gathered = proposals;
                    } else {
                        gathered.append(&mut proposals);
                    }
                }
                other => {
                    self.propose(&mut gathered, effects);
                    self.take_other(other, effects);
                }
            }
        }
        self.propose(&mut gathered, effects);
    }

    fn propose(&mut self, gathered: &mut Vec<Bytes>, effects: &mut Vec<Effect>) {
        if gathered.is_empty() {
            return;
        }
        let proposals = std::mem::take(gathered);
        self.ensemble.handle(Event::Propose(proposals), effects);
    }

    fn take_other(&mut self, input: Input, effects: &mut Vec<Effect>) {
        let event = match input {
            Input::Propose { .. } => return,
            Input::Touched { now_ms, touches } => Event::Touched { now_ms, touches },
            Input::Peer(event) => return self.take_peer_event(event, effects),
            Input::Log(outputs) => return self.take_log_outputs(outputs, effects),
            Input::SnapshotTaken { position, members } => {
                self.cut.be_due(position.index);
                self.log_inputs.extend(self.cut.take(time::now().mono_ms));
                Event::SnapshotTaken { position, members }
            }
            Input::Arrived(arrived) => {
                let (message, before) = (arrived.message.clone(), effects.len());
                self.ensemble
                    .handle(Event::SnapshotReceived { message }, effects);
                let followed = effects.get(before..).unwrap_or_default();
                return self.arrivals.keep(arrived, followed);
            }
            Input::Decided { index, accepted } => Event::ChangeDecided { index, accepted },
            Input::MemberLines(lines) => Event::MemberLines(lines),
            Input::Semantics(version) => Event::Semantics(version),
            Input::Handover(done) => {
                self.handed_over.push(done);
                Event::Handover
            }
            Input::Stop => {
                self.is_stopping = true;
                return;
            }
        };
        self.ensemble.handle(event, effects);
    }

    fn take_peer_event(&mut self, event: PeerEvent, effects: &mut Vec<Effect>) {
        let event = match event {
            PeerEvent::Up {
                link,
                hello,
                epoch,
                line,
            } => {
                let direction = match line {
                    Line::Out(_) => Direction::Outgoing,
                    Line::In(_) => Direction::Incoming,
                };
                self.lines.add(link, line);
                Event::LinkUp {
                    link,
                    peer: hello.me,
                    direction,
                    hello: *hello,
                    epoch,
                }
            }
            PeerEvent::Received { link, frames } => {
                let wall_ms = time::now().wall_ms;
                for frame in &frames.frames {
                    let received = Event::Received {
                        link,
                        frame: frame.clone(),
                        wall_ms,
                    };
                    self.ensemble.handle(received, effects);
                }
                return;
            }
            PeerEvent::Down { link } => {
                self.lines.remove(link);
                Event::LinkDown { link }
            }
            PeerEvent::Refused { peer, refusal } => Event::LinkRefused { peer, refusal },
            PeerEvent::SnapshotSent { node, delivered } => {
                self.core.stats().snapshots_sent.add(u64::from(delivered));
                self.cut.sent(time::now().mono_ms);
                Event::SnapshotSent { node, delivered }
            }
        };
        self.ensemble.handle(event, effects);
    }

    /// Carries out effects, and the effects of those, until none is left.
    fn carry_out(&mut self, effects: &mut Vec<Effect>) {
        loop {
            for effect in effects.drain(..) {
                self.carry_out_one(effect);
            }
            // Peers get what is theirs before this server waits for its own disk.
            self.lines.flush();
            if !self.log_inputs.is_empty() {
                self.run_log(effects);
            }
            for event in self.events.drain(..) {
                self.ensemble.handle(event, effects);
            }
            if effects.is_empty() && self.log_inputs.is_empty() {
                return;
            }
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::Persist(persist) => {
                self.cut.grow(&persist);
                self.log_inputs.push(LogInput::Persist(persist));
            }
            Effect::ReadLog {
                low,
                high,
                bytes_max,
            } => self.log_inputs.push(LogInput::Read {
                token: low.0,
                from: low,
                to: high,
                bytes_max,
            }),
            Effect::Send { link, frame } => self.lines.send(link, frame),
            Effect::Commit(committed) => self.for_clients(ApplyInput::committed(committed)),
            Effect::Members { index, members } => {
                self.for_clients(ApplyInput::Members { index, members });
            }
            Effect::InstallSnapshot { position, members } => self.install(position, members),
            Effect::Role { role, leader, term } => {
                tracing::info!(?role, leader = leader.map(|peer| peer.0), term, "role");
                let now_ms = time::now().mono_ms;
                self.view.be(role, now_ms);
                if self.tick_ms.is_some() {
                    self.spells.be(role, self.core.stats(), now_ms);
                }
                self.for_clients(ApplyInput::Role(role));
            }
            Effect::Established { .. } => self.for_clients(ApplyInput::Established),
            Effect::Serving(serving) => {
                let now_ms = time::now().mono_ms;
                self.spells.serve(serving, self.core.stats(), now_ms);
                self.for_clients(ApplyInput::Serving(serving));
            }
            Effect::Touches(touches) => self.core.handle_touches(time::now(), &touches),
            Effect::Unknown => {
                tracing::info!(
                    "nobody knows what becomes of the writes under way: their connections end"
                );
                self.core.end_unanswered();
            }
            Effect::TakeSnapshot => self.snapshots.take_soon(),
            Effect::SendSnapshot {
                node,
                position,
                message,
                ..
            } => {
                self.cut.sending();
                self.lines.send_snapshot(node, position.index, message);
            }
            Effect::Notice(notice) => tell(&notice),
            Effect::HandoverDone => self.handed_over.drain(..).for_each(|done| done()),
            Effect::CutLink { .. }
            | Effect::Peers(_)
            | Effect::Identity(_)
            | Effect::Save(_)
            | Effect::OpenLog { .. }
            | Effect::RemoveMarkers => self.carry_out_rare(effect),
        }
    }

    /// What happens a few times in the life of a server.
    fn carry_out_rare(&mut self, effect: Effect) {
        match effect {
            Effect::CutLink { link, reason } => self.lines.cut(link, &format!("{reason:?}")),
            Effect::Peers(peers) => self.lines.reach(peers),
            Effect::Identity(identity) => self.lines.be(*identity),
            Effect::Save(step) => {
                let saved = self.home.save(&step, &self.core);
                self.must(saved, "the founding cannot be written");
                self.events.push(Event::Saved);
            }
            Effect::OpenLog { .. } => {
                let opened = self.home.open();
                let (log, store) = self.must(opened, "the new log cannot be opened");
                self.log.take_place(log);
                self.lines.use_snapshots(store);
                self.events.push(Event::LogOpened);
            }
            Effect::RemoveMarkers => self.home.remove_markers(),
            other => self
                .fatal
                .stop(&format!("an effect is carried out nowhere: {other:?}")),
        }
    }

    fn must<T>(&self, outcome: Result<T, crate::server::ServeError>, what: &str) -> T {
        outcome.unwrap_or_else(|error| self.fatal.stop(&format!("{what}: {error}")))
    }

    /// What clients see, in order: at once, or behind what the apply thread still has before it.
    fn for_clients(&self, input: ApplyInput) {
        if is_applied_at_once(input.len()) && self.apply.is_idle() {
            self.applier.take(input);
        } else {
            self.apply.push(input);
        }
    }

    fn install(&mut self, position: LogPosition, members: Members) {
        let Some(arrived) = self.arrivals.take(position) else {
            self.fatal
                .stop("a snapshot is to be installed that has not arrived");
        };
        self.log_inputs.push(LogInput::Reset {
            index: position.index,
            term: position.term,
        });
        self.apply.push(ApplyInput::Install {
            position,
            tree: arrived.tree,
            members,
        });
    }

    /// One write and one sync for all that is to be persisted.
    fn run_log(&mut self, effects: &mut Vec<Effect>) {
        let outputs = self.log.run(&mut self.log_inputs);
        self.take_log_outputs(outputs, effects);
    }

    fn take_log_outputs(&mut self, outputs: Vec<LogOutput>, effects: &mut Vec<Effect>) {
        for output in outputs {
            let event = match output {
                LogOutput::Persisted { number } => Event::Persisted { number },
                LogOutput::Compacted { first_index } => Event::Compacted { first_index },
                LogOutput::Entries { token, entries } => Event::LogRead {
                    low: LogIndex(token),
                    entries: entries.unwrap_or_else(|error| {
                        tracing::warn!("old entries for a peer cannot be read: {error}");
                        Vec::new()
                    }),
                },
                LogOutput::ResetDone { .. } => continue,
                LogOutput::Unprepared(error) => {
                    tracing::error!(
                        "a further file of the log cannot be made: {error}; this server goes on as long as the present one has room, \
                         and then stops if there still is none for another"
                    );
                    continue;
                }
                LogOutput::Failed(error) => self
                    .fatal
                    .stop(&format!("the log cannot be written: {error}")),
            };
            self.ensemble.handle(event, effects);
        }
    }
}

fn tell(notice: &Notice) {
    match notice.level() {
        NoticeLevel::Info => tracing::info!("{notice}"),
        NoticeLevel::Warning => tracing::warn!("{notice}"),
        NoticeLevel::Error => tracing::error!("{notice}"),
    }
}

/// Whether so many entries are applied by the replication thread itself, when the apply thread has nothing before them.
fn is_applied_at_once(entries_count: usize) -> bool {
    entries_count <= APPLIED_AT_ONCE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_applied_at_once_max_entries_keep_the_log_waiting() {
        assert!(is_applied_at_once(APPLIED_AT_ONCE_MAX));
        assert!(!is_applied_at_once(APPLIED_AT_ONCE_MAX + 1));
    }
}
