//! Admission of one request of an established session: answered now, parked, proposed, held in the input, or the end.

use std::sync::Arc;

use zoa_proto::DecodeError;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::SessionId;
use zoa_proto::Zxid;
use zoa_tree::IdentitiesBuf;
use zoa_tree::Identity;
use zoa_tree::Settings;
use zoa_tree::TxnOp;

use super::Connection;
use super::Phase;
use super::SharedTree;
use super::Step;
use super::Turn;
use crate::auth::Verdict;
use crate::auth::authenticate;
use crate::lane::Attachment;
use crate::limits::IDENTITIES_LEN_PER_CONNECTION_MAX;
use crate::limits::IDENTITIES_PER_CONNECTION_MAX;
use crate::pipeline::PendingWrite;
use crate::pipeline::Turn as ReadTurn;
use crate::reads;
use crate::reads::Frame;
use crate::reads::Reader;
use crate::reads::Watching;
use crate::reads::ephemerals;
use crate::reads::rearm;

impl Connection {
    pub(super) fn handle_request(
        &mut self,
        frame: &[u8],
        turn: &mut Turn<'_>,
        shared: &mut SharedTree<'_>,
    ) -> Step {
        let Ok((header, body)) = RequestHeader::decode(frame) else {
            return Step::Close;
        };
        let Some(op) = header.op() else {
            return self.refuse_unknown(header, shared);
        };
        if self.is_read_only
            && let Some(step) = self.refuse_read_only(header, op, shared)
        {
            return step;
        }
        match op {
            OpCode::Create
            | OpCode::Create2
            | OpCode::CreateContainer
            | OpCode::CreateTtl
            | OpCode::Delete
            | OpCode::DeleteContainer
            | OpCode::SetData
            | OpCode::SetAcl
            | OpCode::Multi
            | OpCode::Reconfig => self
                .handle_write(header, op, body, turn)
                .unwrap_or_else(|| self.refuse_unreadable(header, shared)),
            OpCode::Sync => self
                .handle_sync(header, body, turn)
                .unwrap_or_else(|| self.refuse_unreadable(header, shared)),
            OpCode::CloseSession => self
                .close_local_session(header, shared)
                .unwrap_or_else(|| self.handle_close_session(header, turn)),
            OpCode::Auth => self.handle_auth(header, body, shared),
            // Outside a multi the original 3.9 refuses it as it does what it does not know.
            OpCode::Check => self.refuse_unknown(header, shared),
            OpCode::GetChildren
            | OpCode::GetChildren2
            | OpCode::SetWatches
            | OpCode::SetWatches2
            | OpCode::Exists
            | OpCode::GetData
            | OpCode::GetAcl
            | OpCode::Ping
            | OpCode::CheckWatches
            | OpCode::RemoveWatches
            | OpCode::MultiRead
            | OpCode::Sasl
            | OpCode::GetEphemerals
            | OpCode::GetAllChildrenNumber
            | OpCode::AddWatch
            | OpCode::WhoAmI => self.handle_read(header, op, frame, (turn.now.mono_ms, shared)),
            OpCode::Notification | OpCode::CreateSession | OpCode::Error => {
                self.refuse_unknown(header, shared)
            }
        }
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader {
            core: &self.core,
            lane: &self.lane,
            identities: &self.identities,
            session: self.session(),
        }
    }

    pub(super) fn session(&self) -> SessionId {
        match &self.phase {
            Phase::Established(Attachment::Session { session, .. })
            | Phase::Listing(Attachment::Session { session, .. }, _) => *session,
            _ => SessionId::NONE,
        }
    }

    /// `None` when the body cannot be read.
    fn handle_write(
        &self,
        header: RequestHeader,
        op: OpCode,
        body: &[u8],
        turn: &mut Turn<'_>,
    ) -> Option<Step> {
        let txn_op = match Request::decode(op, body) {
            Ok(_) => TxnOp::Request { op, body },
            // The original numbers a write before it looks at the path, or into a multi; what ends too early it does not number.
            Err(error) if op == OpCode::Multi || matches!(error, DecodeError::NullString) => {
                TxnOp::Refuse {
                    error: ErrorCode::MarshallingError,
                }
            }
            Err(_) => return None,
        };
        Some(self.propose_write(header, op, None, txn_op, turn))
    }

    /// `None` when the body cannot be read.
    fn handle_sync(&self, header: RequestHeader, body: &[u8], turn: &mut Turn<'_>) -> Option<Step> {
        match Request::decode(OpCode::Sync, body) {
            Ok(Request::Sync(sync)) => Some(self.propose_write(
                header,
                OpCode::Sync,
                Some(sync.path.into()),
                TxnOp::Sync,
                turn,
            )),
            _ => None,
        }
    }

    fn handle_close_session(&mut self, header: RequestHeader, turn: &mut Turn<'_>) -> Step {
        match self.propose_write(
            header,
            OpCode::CloseSession,
            None,
            TxnOp::CloseSession,
            turn,
        ) {
            // What is pipelined behind it gets nothing.
            Step::Done => {
                self.phase = Phase::Closing;
                Step::DoneAndWait
            }
            held => held,
        }
    }

    fn propose_write(
        &self,
        header: RequestHeader,
        op: OpCode,
        sync_path: Option<Box<str>>,
        txn_op: TxnOp<'_>,
        turn: &mut Turn<'_>,
    ) -> Step {
        // In this order: a connection that is ended when the round has changed is seen to have ended.
        turn.proposals.begin(self.core.round());
        let is_local = {
            let state = self.lane.lock();
            if state.has_ended() {
                return Step::Close;
            }
            if !state.pipeline.has_room() {
                return Step::Hold;
            }
            state.is_local
        };
        if !self.core.may_propose(&self.lane) {
            return Step::Hold;
        }
        let mark = if is_local {
            self.prepare_local_write(&txn_op, turn)
        } else {
            Settings::NONE
        };
        // What is kept until the answer: the transaction, identities and all, and the path that a sync is answered with.
        let path_len = sync_path.as_ref().map_or(0, |path| path.len());
        let len = path_len + self.propose(turn, self.session(), header.xid, (txn_op, mark));
        self.lane.lock().pipeline.push_write(PendingWrite {
            xid: header.xid,
            op,
            received_ms: turn.now.mono_ms,
            len,
            sync_path,
        });
        self.core.proposed(len);
        Step::Done
    }

    fn handle_read(
        &mut self,
        header: RequestHeader,
        op: OpCode,
        frame: &[u8],
        (now_ms, shared): (u64, &mut SharedTree<'_>),
    ) -> Step {
        let read_turn = {
            let mut state = self.lane.lock();
            let read_turn = state.pipeline.turn_of_read(op, frame.len());
            if read_turn == ReadTurn::Park {
                state.pipeline.park(frame, now_ms);
            }
            read_turn
        };
        match read_turn {
            ReadTurn::Park => Step::Done,
            ReadTurn::Hold => Step::Hold,
            ReadTurn::Now if matches!(op, OpCode::GetChildren | OpCode::GetChildren2) => {
                self.handle_list(header, op, frame, shared)
            }
            ReadTurn::Now if op == OpCode::GetEphemerals => {
                ephemerals::serve(&self.reader(), shared, header, frame);
                Step::Done
            }
            ReadTurn::Now if matches!(op, OpCode::SetWatches | OpCode::SetWatches2) => {
                rearm::serve(&self.reader(), shared, header, op, frame);
                Step::Done
            }
            ReadTurn::Now => {
                let reader = self.reader();
                reads::serve(
                    &reader,
                    shared.tree(),
                    &mut Watching::Shared(&reader.core.watches),
                    Frame::at_once(frame),
                );
                Step::Done
            }
        }
    }

    fn handle_auth(
        &mut self,
        header: RequestHeader,
        body: &[u8],
        shared: &mut SharedTree<'_>,
    ) -> Step {
        if self.owes_answers(shared) {
            return Step::Hold;
        }
        shared.release();
        let verdict = match Request::decode(OpCode::Auth, body) {
            Ok(Request::Auth(auth))
                if IdentitiesBuf::as_ref(&self.identities).iter().count()
                    < IDENTITIES_PER_CONNECTION_MAX =>
            {
                let address = self.lane.peer().ip().to_string();
                let token = auth.auth.unwrap_or_default();
                authenticate(
                    auth.scheme,
                    token,
                    &address,
                    self.core.config.super_digest.as_ref(),
                )
            }
            _ => Verdict::Failed,
        };
        let mut reply = ReplyHeader {
            xid: header.xid,
            zxid: Zxid::ZERO,
            error: None,
        };
        let step = match self.joined(verdict) {
            Some(identities) => {
                self.identities = Arc::new(identities);
                Step::Done
            }
            None => {
                self.core.stats.authentications_failed.add(1);
                reply.error = Some(ErrorCode::AuthFailed);
                Step::Close
            }
        };
        let mut state = self.lane.lock();
        state.identities = Arc::clone(&self.identities);
        state.reply(header.op(), reply, |_| {});
        step
    }

    /// The identities together with those that were granted; `None` when none were, or they are too long.
    fn joined(&self, verdict: Verdict) -> Option<IdentitiesBuf> {
        let Verdict::Granted(granted) = verdict else {
            return None;
        };
        let mut identities = IdentitiesBuf::clone(&self.identities);
        for (scheme, id) in &granted {
            identities.add(Identity { scheme, id });
        }
        let len = IdentitiesBuf::as_ref(&identities).as_bytes().len();
        (len <= IDENTITIES_LEN_PER_CONNECTION_MAX).then_some(identities)
    }

    /// A body that ends too early: an answer in its turn, and the connection lives on.
    fn refuse_unreadable(&self, header: RequestHeader, shared: &mut SharedTree<'_>) -> Step {
        if self.owes_answers(shared) {
            return Step::Hold;
        }
        let reply = ReplyHeader {
            xid: header.xid,
            zxid: shared.tree().last_zxid(),
            error: Some(ErrorCode::MarshallingError),
        };
        self.lane.lock().reply(header.op(), reply, |_| {});
        Step::Done
    }

    /// An opcode that nobody serves: an answer, then the end, as the original.
    fn refuse_unknown(&self, header: RequestHeader, shared: &mut SharedTree<'_>) -> Step {
        if self.owes_answers(shared) {
            return Step::Hold;
        }
        let reply = ReplyHeader {
            xid: header.xid,
            zxid: Zxid::NONE,
            error: Some(ErrorCode::Unimplemented),
        };
        self.lane.lock().reply(header.op(), reply, |_| {});
        Step::Close
    }

    /// Whether something that came before is not answered yet.
    ///
    /// Looked up under the shared lock: an apply loop that has taken the last parked read out holds the exclusive one until it has put
    /// the answer into the outbox.
    pub(super) fn owes_answers(&self, shared: &mut SharedTree<'_>) -> bool {
        shared.tree();
        !self.lane.lock().pipeline.is_empty()
    }
}
