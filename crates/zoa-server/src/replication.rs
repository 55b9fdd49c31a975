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
mod effects;
pub(crate) mod home;
mod lines;
mod log_seat;
mod proposer;
mod spells;
mod view;

use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use zoa_core::Core;
use zoa_ensemble::Direction;
use zoa_ensemble::Effect;
use zoa_ensemble::Ensemble;
use zoa_ensemble::Event;
use zoa_log::LogInput;
use zoa_tree::MemberLines;
use zoa_tree::Tree;

pub(crate) use apply::MemberGate;
pub(crate) use home::Home;
pub(crate) use log_seat::LogSeat;
pub(crate) use log_seat::SyncWatch;
pub(crate) use proposer::Arrived;
pub(crate) use proposer::Proposer;
pub use view::EnsembleView;

use crate::fatal::Fatal;
use crate::inbox::Inbox;
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
use crate::replication::proposer::Call;
use crate::replication::proposer::Input;
use crate::replication::spells::Spells;
use crate::snapshots::SnapshotTrigger;
use crate::time;

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
}
