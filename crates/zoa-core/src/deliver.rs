//! What a committed entry does to the outside: **events of zxid <= z first, then the reply of z, in session order.**
//!
//! And it is a rule about one lock: apply changes the tree and queues the events under *one* hold of the exclusive lock, and a reader
//! registers its watch, reads and queues its reply under *one* hold of the shared lock. So a client can not be shown data newer
//! than an event it has not been sent, nor an event of a watch before the reply that set it.
//!
//! ```text
//!   committed bytes -> tree.apply -> triggers -> watch table -> outboxes of those who watch      (events)
//!                                 -> result   ---------------> outbox of the connection that asked (reply, then parked reads)
//! ```
//!
//! Serves G-04, G-05, G-07, G-08, G-09.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use zoa_proto::ConnectResponse;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::MultiResult;
use zoa_proto::OpCode;
use zoa_proto::Perms;
use zoa_proto::ReplyHeader;
use zoa_proto::SessionId;
use zoa_proto::WatchedEvent;
use zoa_proto::Zxid;
use zoa_proto::encode_event;
use zoa_tree::Applied;
use zoa_tree::IdentitiesBuf;
use zoa_tree::MultiApplied;
use zoa_tree::Outcome;
use zoa_tree::Owner;
use zoa_tree::Settings;
use zoa_tree::Tree;
use zoa_tree::Trigger;
use zoa_tree::Txn;
use zoa_tree::TxnError;
use zoa_tree::TxnOp;

use crate::core::Core;
use crate::ensemble::Role;
use crate::lane::Attachment;
use crate::lane::ConnectionNumber;
use crate::lane::Lane;
use crate::lane::LaneState;
use crate::lane::Pulse;
use crate::limits::ENTRIES_PER_HOLD;
use crate::moment::Moment;
use crate::pipeline::PendingWrite;
use crate::pipeline::Unanswered;
use crate::propose::Committed;
use crate::propose::Verdict;
use crate::reads;
use crate::reads::Frame;
use crate::reads::Reader;
use crate::reads::Watching;
use crate::watches::WatchTable;

impl Core {
    /// The apply loop's body: applies what has been committed, in order, and delivers what follows from it.
    ///
    /// Says what becomes of the entries that are changes of who replicates. An error means that a committed entry cannot be read: this
    /// program must stop, since going on would diverge.
    pub fn handle_committed(
        &self,
        now: Moment,
        committed: &[Committed],
    ) -> Result<Vec<Verdict>, TxnError> {
        let mut verdicts = Vec::new();
        for entries in committed.chunks(ENTRIES_PER_HOLD) {
            let mut delivery = Delivery {
                core: self,
                now,
                wakers: Vec::new(),
                event: Vec::new(),
                verdicts: &mut verdicts,
            };
            let result = delivery.apply_all(entries);
            // Woken after the locks are free, so that nobody wakes up only to wait.
            delivery.wakers.into_iter().for_each(Waker::wake);
            result?;
        }
        self.wake_throttled();
        Ok(verdicts)
    }
}

/// One hold of the exclusive lock.
struct Delivery<'c> {
    core: &'c Core,
    now: Moment,
    wakers: Vec<Waker>,
    /// The event being told, encoded once for all who hear it.
    event: Vec<u8>,
    verdicts: &'c mut Vec<Verdict>,
}

impl Delivery<'_> {
    fn apply_all(&mut self, entries: &[Committed]) -> Result<(), TxnError> {
        let core = self.core;
        let mut tree = core.tree.write();
        let mut watches = core.watches.lock();
        for entry in entries {
            let txn = Txn::decode(&entry.bytes)?;
            let outcome = tree.apply(entry.term, &txn);
            self.verdicts.extend(Verdict::on(entry, &outcome));
            for trigger in &outcome.triggers {
                self.fire(&tree, &mut watches, trigger, outcome.zxid);
            }
            self.answer(&tree, &mut watches, &txn, outcome);
        }
        if let Some(last) = entries.last() {
            core.recovered(last.index, last.term);
        }
        core.stats.entries_applied.add(entries.len() as u64);
        if matches!(core.role(), Role::Follower | Role::Observer) {
            core.stats.entries_followed.add(entries.len() as u64);
        }
        let sizes = entries.iter().map(|entry| entry.bytes.len());
        core.stats.proposal_sizes.record_all(sizes);
        Ok(())
    }

    fn fire(&mut self, tree: &Tree, watches: &mut WatchTable, trigger: &Trigger<'_>, zxid: Zxid) {
        self.event.clear();
        let mut told = 0;
        watches.fire(trigger.kind, &trigger.path, |lane| {
            let mut state = lane.lock();
            // The watch is used up, but who may not read the znode is not told (CVE-2024-23944).
            let may_read = self.core.config.settings.contains(Settings::SKIP_ACL)
                || tree.acl_allows(
                    &trigger.acl,
                    Perms::READ,
                    IdentitiesBuf::as_ref(&state.identities),
                );
            if !may_read {
                return;
            }
            if self.event.is_empty() {
                let event = WatchedEvent {
                    kind: trigger.kind,
                    path: &trigger.path,
                    zxid,
                };
                encode_event(&mut self.event, &event);
            }
            told += u64::from(state.tell(&self.event));
            self.wakers.extend(state.take_waker());
        });
        let events = &self.core.stats.events;
        if told > 0
            && let Some(summary) = events.get(event_index(trigger.kind))
        {
            summary.record(told);
        }
    }

    fn answer(
        &mut self,
        tree: &Tree,
        watches: &mut WatchTable,
        txn: &Txn<'_>,
        outcome: Outcome<'_>,
    ) {
        let is_expiry = matches!(txn.op, TxnOp::ExpireSession);
        let pulse = self.follow_session(txn, &outcome, is_expiry);
        if is_expiry {
            return;
        }
        let Some(lane) = self.own_lane(txn.owner) else {
            return;
        };
        match txn.op {
            TxnOp::OpenSession { .. } | TxnOp::AttachSession { .. } => {
                self.answer_attach(&lane, &outcome, pulse)
            }
            TxnOp::CloseSession | TxnOp::Request { .. } | TxnOp::Refuse { .. } | TxnOp::Sync => {
                self.answer_write(&lane, &outcome);
                self.answer_parked(tree, watches, &lane, txn.session);
            }
            TxnOp::ExpireSession
            | TxnOp::FoundMembers { .. }
            | TxnOp::Reap { .. }
            | TxnOp::RaiseSemantics { .. } => {}
        }
    }

    /// What the beginning, the end or the move of a session means for the session clock and for the connection that spoke for it.
    ///
    /// The clock follows the sessions themselves, not their connections: a session whose connection was gone before it was answered,
    /// or belonged to an earlier life of this server, must expire all the same, and after the timeout that was settled last (G-11).
    fn follow_session(
        &mut self,
        txn: &Txn<'_>,
        outcome: &Outcome<'_>,
        is_expiry: bool,
    ) -> Option<Pulse> {
        let session = txn.session;
        match &outcome.result {
            Ok(Applied::SessionClosed { owner }) => {
                self.core.clock.lock().remove(session);
                if is_expiry {
                    self.core.stats.sessions_expired.add(1);
                    self.end_lane(*owner, session);
                }
                None
            }
            Ok(Applied::SessionOpened { timeout_ms }) => Some(self.start_clock(txn, *timeout_ms)),
            Ok(Applied::SessionAttached {
                timeout_ms,
                previous_owner,
            }) => {
                if let Some(owner) = previous_owner {
                    self.end_lane(*owner, session);
                }
                Some(self.start_clock(txn, *timeout_ms))
            }
            _ => None,
        }
    }

    fn start_clock(&self, txn: &Txn<'_>, timeout_ms: i32) -> Pulse {
        let is_remote = txn.owner.server != self.core.config.server;
        let mut clock = self.core.clock.lock();
        let pulse = clock.attach(txn.session, (timeout_ms, is_remote), self.now.mono_ms);
        drop(clock);
        // A session that only this server knew is replicated from here on; its connection goes on touching what it has.
        let had = if self.core.config.sessions.local {
            self.core.local.lock().remove(txn.session)
        } else {
            None
        };
        if let Some(had) = &had {
            had.store(self.now.mono_ms, Ordering::Relaxed);
            self.core.clock.lock().adopt(txn.session, had);
        }
        had.unwrap_or(pulse)
    }

    fn answer_attach(&mut self, lane: &Lane, outcome: &Outcome<'_>, pulse: Option<Pulse>) {
        let mut state = lane.lock();
        let Attachment::Requested {
            session,
            password,
            read_only,
            is_known: _,
        } = state.attachment.clone()
        else {
            return;
        };
        if state.has_ended() {
            return;
        }
        let response = match (&outcome.result, pulse) {
            (
                Ok(
                    Applied::SessionOpened { timeout_ms }
                    | Applied::SessionAttached { timeout_ms, .. },
                ),
                Some(pulse),
            ) => {
                let timeout_ms = *timeout_ms;
                state.attachment = Attachment::Session {
                    session,
                    timeout_ms,
                    pulse,
                };
                state.stats.established_wall_ms = self.now.wall_ms;
                let password = &password.0;
                ConnectResponse {
                    protocol_version: 0,
                    timeout_ms,
                    session,
                    password,
                    read_only: read_only.map(|_| false),
                }
                .encode_frame(state.reply_buffer())
            }
            // Unknown, expired or not the right password: the client is not told which, and takes it for expired.
            _ => {
                let response = ConnectResponse::rejected(read_only.map(|_| false))
                    .encode_frame(state.reply_buffer());
                state.end();
                response
            }
        };
        assert!(response.is_ok(), "a connect response is short");
        self.wakers.extend(state.take_waker());
    }

    fn answer_write(&mut self, lane: &Lane, outcome: &Outcome<'_>) {
        let mut state = lane.lock();
        self.wakers.extend(state.take_waker());
        let Some(pending) = state.pipeline.take_write() else {
            return;
        };
        self.core.answered(Unanswered {
            count: 1,
            bytes: pending.len,
        });
        let latency_ms = self.now.mono_ms.saturating_sub(pending.received_ms);
        self.core.stats.write_latency.record(latency_ms, 1);
        state.stats.last_latency_ms = latency_ms;
        state.stats.latency_ms_max = state.stats.latency_ms_max.max(latency_ms);
        state.stats.latency_ms_sum += latency_ms;
        state.stats.last_response_ms = self.now.mono_ms;
        if state.has_ended() {
            return;
        }
        match &outcome.result {
            // A write that came through a former owner: its connection ends without a word, as the original does.
            Err(ErrorCode::SessionMoved) => state.end(),
            Err(error) => encode_error(&mut state, &pending, outcome.zxid, *error),
            Ok(applied) => encode_applied(&mut state, &pending, outcome.zxid, applied),
        }
        if pending.op == OpCode::CloseSession {
            state.end();
        }
    }

    fn answer_parked(
        &self,
        tree: &Tree,
        watches: &mut WatchTable,
        lane: &Arc<Lane>,
        session: SessionId,
    ) {
        loop {
            let (parked, identities) = {
                let mut state = lane.lock();
                let Some(parked) = state.pipeline.take_parked() else {
                    return;
                };
                if state.has_ended() {
                    continue;
                }
                (parked, Arc::clone(&state.identities))
            };
            let reader = Reader {
                core: self.core,
                lane,
                identities: &identities,
                session,
            };
            let frame = Frame {
                bytes: &parked.frame,
                waited_ms: self.now.mono_ms.saturating_sub(parked.received_ms),
            };
            reads::serve(&reader, tree, &mut Watching::Held(watches), frame);
        }
    }

    fn own_lane(&self, owner: Owner) -> Option<Arc<Lane>> {
        if owner.server != self.core.config.server {
            return None;
        }
        self.core.lane(ConnectionNumber(owner.connection))
    }

    fn end_lane(&mut self, owner: Owner, session: SessionId) {
        let Some(lane) = self.own_lane(owner) else {
            return;
        };
        let mut state = lane.lock();
        let speaks_for_it = matches!(&state.attachment, Attachment::Session { session: own, .. } if *own == session);
        if speaks_for_it {
            state.end();
            self.wakers.extend(state.take_waker());
        }
    }
}

fn encode_error(state: &mut LaneState, pending: &PendingWrite, zxid: Zxid, error: ErrorCode) {
    let header = ReplyHeader {
        xid: pending.xid,
        zxid,
        error: Some(error),
    };
    state.reply(Some(pending.op), header, |_| {});
}

fn encode_applied(
    state: &mut LaneState,
    pending: &PendingWrite,
    zxid: Zxid,
    applied: &Applied<'_>,
) {
    let header = ReplyHeader {
        xid: pending.xid,
        zxid,
        error: None,
    };
    state.reply(Some(pending.op), header, |writer| match applied {
        Applied::Created { path, stat } => {
            writer.ustring(path);
            if let Some(stat) = stat {
                stat.encode(writer);
            }
        }
        Applied::DataSet(stat) | Applied::AclSet(stat) => stat.encode(writer),
        Applied::Multi(results) => {
            results
                .iter()
                .for_each(|result| as_wire(result).encode(writer));
            MultiResult::encode_end(writer);
        }
        Applied::Reconfigured { config, stat } => {
            writer.buffer(Some(config.as_bytes()));
            stat.encode(writer);
        }
        Applied::Synced => writer.ustring(pending.sync_path.as_deref().unwrap_or_default()),
        Applied::Deleted
        | Applied::SessionOpened { .. }
        | Applied::SessionAttached { .. }
        | Applied::SessionClosed { .. }
        | Applied::MembersFounded
        | Applied::SemanticsRaised => {}
    });
}

fn as_wire<'a>(result: &'a MultiApplied<'_>) -> MultiResult<'a> {
    match result {
        MultiApplied::Created { path, stat } => MultiResult::Created { path, stat: *stat },
        MultiApplied::Deleted => MultiResult::Deleted,
        MultiApplied::DataSet(stat) => MultiResult::DataSet(*stat),
        MultiApplied::Checked => MultiResult::Checked,
        MultiApplied::Error(error) => MultiResult::Error(*error),
    }
}

fn event_index(kind: EventKind) -> usize {
    match kind {
        EventKind::NodeCreated => 0,
        EventKind::NodeDeleted => 1,
        EventKind::NodeDataChanged => 2,
        EventKind::NodeChildrenChanged => 3,
    }
}
