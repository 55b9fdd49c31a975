//! What clients see of the replication, in its order: entries, who leads, who is served.
//!
//! What it is not: the meaning of an entry. Invariant: one thread at a time takes from here, and takes everything in the order in which
//! the ensemble said it; so "served" never comes before an entry that it counts on.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;

use parking_lot::Mutex;
use parking_lot::MutexGuard;
use zoa_core::Committed;
use zoa_core::Core;
use zoa_core::Serving;
use zoa_ensemble::Role;
use zoa_log::LogIndex;
use zoa_proto::Zxid;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_tree::Tree;

use super::Call;
use super::Input;
use super::Parts;
use crate::client_port;
use crate::fatal::Fatal;
use crate::inbox::Inbox;
use crate::member_files;
use crate::snapshots::Applied;
use crate::snapshots::SnapshotTrigger;
use crate::time;

/// What the apply thread is told.
pub(super) enum ApplyInput {
    /// These are committed.
    Committed(Vec<Committed>),
    /// Who takes part from here on.
    Members { index: LogIndex, members: Members },
    /// A received snapshot takes the place of everything.
    Install {
        position: LogPosition,
        tree: Box<Tree>,
        members: Members,
    },
    /// What this server is.
    Role(Role),
    /// This server leads.
    Established,
    /// Whether clients are served.
    Serving(bool),
    /// Nothing more will come.
    Stop,
}

impl ApplyInput {
    pub(super) fn committed(committed: Vec<zoa_raft::Committed>) -> Self {
        let to_core = |entry: zoa_raft::Committed| Committed {
            term: entry.term,
            index: entry.index.0,
            bytes: entry.data,
            is_change: entry.is_change,
        };
        Self::Committed(committed.into_iter().map(to_core).collect())
    }

    /// How many entries it is.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Committed(committed) => committed.len(),
            _ => 0,
        }
    }
}

/// What the apply thread has before it.
#[derive(Default)]
pub(super) struct ApplyQueue {
    inbox: Inbox<ApplyInput>,
    /// Inputs that were put in and are not dealt with yet.
    behind: AtomicUsize,
}

impl ApplyQueue {
    pub(super) fn push(&self, input: ApplyInput) {
        self.behind.fetch_add(1, Ordering::Relaxed);
        self.inbox.push(input);
    }

    /// Whether all that was put in has been dealt with; stays true until the one thread that puts in does so again.
    pub(super) fn is_idle(&self) -> bool {
        self.behind.load(Ordering::Acquire) == 0
    }

    fn done(&self) {
        self.behind.fetch_sub(1, Ordering::Release);
    }
}

/// Who takes part as of what is applied, for whoever begins a snapshot.
#[derive(Debug, Default)]
pub(crate) struct MemberGate(Mutex<Known>);

/// The members from each place on.
#[derive(Debug, Default)]
pub(crate) struct Known {
    members: Vec<(LogIndex, Members)>,
    /// A change is being applied: nobody knows the members behind it.
    is_undecided: bool,
}

impl MemberGate {
    /// While this is held, no change of members is applied.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock()
    }

    fn decide(&self, index: LogIndex, members: Members) {
        let mut known = self.0.lock();
        known.members.push((index, members));
        known.is_undecided = false;
    }
}

impl Known {
    /// Whether it is known who takes part as of what is applied.
    pub(crate) fn is_known(&self) -> bool {
        !self.is_undecided && !self.members.is_empty()
    }

    /// The members as of `index`, which is not before any other that was asked for.
    pub(crate) fn at(&mut self, index: LogIndex) -> Option<Members> {
        let behind = self.members.partition_point(|(from, _)| *from <= index);
        self.members.drain(..behind.saturating_sub(1));
        self.members.first().map(|(_, members)| members.clone())
    }
}

/// Applies what is committed: on the replication thread, or on the apply thread.
pub(super) struct Applier {
    core: Arc<Core>,
    snapshots: SnapshotTrigger,
    gate: Arc<MemberGate>,
    inbox: Arc<Inbox<Input>>,
    is_alone: bool,
    read_only: bool,
    fatal: Fatal,
    /// The version of the member lines that was told last.
    told_members: Mutex<(bool, Zxid)>,
    /// The rules that were told last.
    told_semantics: AtomicU32,
    members_told: Option<member_files::Told>,
    first_served: Mutex<Option<Call>>,
}

impl Applier {
    pub(super) fn new(parts: &Parts, inbox: Arc<Inbox<Input>>, first_served: Call) -> Self {
        let lines = &parts.first_members;
        Self {
            core: Arc::clone(&parts.core),
            snapshots: parts.snapshots.clone(),
            gate: Arc::clone(&parts.gate),
            inbox,
            is_alone: parts.peers.is_none(),
            read_only: parts.read_only,
            fatal: parts.fatal.clone(),
            told_members: Mutex::new((lines.is_empty(), lines.version())),
            told_semantics: AtomicU32::new(parts.core.with_tree(Tree::semantics_version)),
            members_told: parts.members_told.clone(),
            first_served: Mutex::new(Some(first_served)),
        }
    }

    pub(super) fn take(&self, input: ApplyInput) {
        match input {
            ApplyInput::Committed(committed) => self.apply(&committed),
            ApplyInput::Members { index, members } => self.gate.decide(index, members),
            ApplyInput::Install {
                position,
                tree,
                members,
            } => self.install(position, *tree, members),
            ApplyInput::Role(role) => self.be(role),
            ApplyInput::Established => self.core.set_leading(true, time::now()),
            ApplyInput::Serving(serving) => self.serve(serving),
            ApplyInput::Stop => {}
        }
    }

    fn apply(&self, committed: &[Committed]) {
        if committed.last().is_some_and(|last| last.is_change) {
            self.gate.lock().is_undecided = true;
        }
        let outcome = client_port::deliver(|| self.core.handle_committed(time::now(), committed));
        let verdicts = outcome.unwrap_or_else(|error| {
            self.fatal
                .stop(&format!("a committed entry cannot be read: {error}"))
        });
        self.snapshots.applied(Applied::of(committed));
        self.tell_members();
        for verdict in verdicts {
            self.inbox.push(Input::Decided {
                index: LogIndex(verdict.index),
                accepted: verdict.accepted,
            });
        }
    }

    /// Tells the ensemble when the lines of the servers are other ones, or newer rules hold.
    fn tell_members(&self) {
        if self.is_alone {
            return;
        }
        let mut told = self.told_members.lock();
        let lines = self.core.with_tree(|tree| {
            let lines = tree.members();
            let now = (lines.is_empty(), lines.version());
            (std::mem::replace(&mut *told, now) != now).then(|| lines.clone())
        });
        let semantics = self.core.with_tree(Tree::semantics_version);
        if self.told_semantics.swap(semantics, Ordering::Relaxed) != semantics {
            self.inbox.push(Input::Semantics(semantics));
        }
        if let Some(lines) = lines {
            if let Some(told) = &self.members_told {
                // Who does not hear has ended.
                told.send(lines.clone()).ok();
            }
            self.inbox.push(Input::MemberLines(lines));
        }
    }

    fn install(&self, position: LogPosition, tree: Tree, members: Members) {
        let mut gate = self.gate.lock();
        let place = (position.index.0, position.term);
        let before = self.core.install(tree, place, time::now());
        *gate = Known {
            members: vec![(position.index, members)],
            is_undecided: false,
        };
        drop(gate);
        self.tell_members();
        tracing::info!(
            index = position.index.0,
            "a snapshot of the leader took the place of this server's state"
        );
        // To give back its memory takes time that others should not wait.
        let dropping = thread::Builder::new().name("forget".to_owned());
        if let Err(error) = dropping.spawn(move || drop(before)) {
            tracing::debug!(%error, "the old state is given back in passing");
        }
    }

    fn be(&self, role: Role) {
        if role != Role::Leader && !self.is_alone {
            self.core.set_leading(false, time::now());
        }
        self.core.set_role(match role {
            _ if self.is_alone => zoa_core::Role::Standalone,
            Role::Looking => zoa_core::Role::Looking,
            Role::Follower => zoa_core::Role::Follower,
            Role::Leader => zoa_core::Role::Leader,
            Role::Observer => zoa_core::Role::Observer,
        });
    }

    fn serve(&self, serving: bool) {
        tracing::info!(serving, "clients");
        self.core.set_serving(match (serving, self.read_only) {
            (true, _) => Serving::Full,
            (false, true) => Serving::ReadOnly,
            (false, false) => Serving::No,
        });
        let first = self.first_served.lock().take_if(|_| serving);
        if let Some(first) = first {
            first();
        }
    }
}

/// The apply thread.
pub(super) fn run(applier: &Applier, queue: &ApplyQueue) {
    let mut inputs = Vec::new();
    loop {
        queue.inbox.drain(&mut inputs, None);
        for input in inputs.drain(..) {
            if matches!(input, ApplyInput::Stop) {
                return;
            }
            applier.take(input);
            queue.done();
        }
    }
}
