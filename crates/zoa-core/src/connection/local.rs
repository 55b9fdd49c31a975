//! Connections of sessions that only this server knows, and of servers that only read.
//!
//! A local session is there at once, with nothing proposed; its writes say that they are its. One that wants an ephemeral becomes a
//! replicated session first, if that is allowed: the opening is proposed right before the write, and all that follows is of a replicated
//! session. It is not the table of these sessions: see `local_sessions.rs`.

use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::OpCode;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::request::Create;
use zoa_tree::PASSWORD_LEN;
use zoa_tree::Settings;
use zoa_tree::TxnOp;

use super::Connection;
use super::Phase;
use super::SharedTree;
use super::Step;
use super::Turn;
use crate::ensemble::Serving;
use crate::lane::Attachment;
use crate::lane::Password;
use crate::local_sessions::Opened;

impl Connection {
    /// Whether this client is served now. If not it gets no word, as of the original, and tries another server.
    pub(super) fn may_serve(&self, request: &ConnectRequest<'_>, serving: Serving) -> bool {
        match serving {
            Serving::No => false,
            Serving::Full => true,
            // A replicated session cannot be attached to here; who has one tries elsewhere.
            Serving::ReadOnly => {
                let is_replicated = || {
                    let tree = self.core.tree.read();
                    tree.session(request.session).is_some()
                };
                self.core.config.sessions.local
                    && request.read_only == Some(true)
                    && !is_replicated()
            }
        }
    }

    /// Opens a local session, or attaches to one; nothing when the session is to be a replicated one.
    pub(super) fn attach_locally(
        &mut self,
        request: &ConnectRequest<'_>,
        serving: Serving,
        turn: &mut Turn<'_>,
    ) -> Option<Step> {
        if !self.core.config.sessions.local {
            return None;
        }
        let timeout_ms = self.core.negotiate_timeout(request.timeout_ms);
        let is_new = request.session == SessionId::NONE;
        let (session, mut password) = if is_new {
            self.draw_session(turn)
        } else {
            (request.session, [0; PASSWORD_LEN])
        };
        // In one hold: it must not begin to become a replicated one in between.
        let mut local = self.core.local.lock();
        if !is_new {
            match local.has(session, request.password) {
                Some(true) => password.copy_from_slice(request.password),
                Some(false) => {
                    drop(local);
                    return Some(self.reject(request, serving));
                }
                None if serving == Serving::Full => return None,
                // It may be a replicated one, younger than what this server has: only a leader could say that it is not (G-12).
                None => return Some(Step::Close),
            }
        }
        let opened = local.attach(
            (session, Password(password)),
            (self.lane.number(), timeout_ms),
            turn.now.mono_ms,
        );
        drop(local);
        let Some(Opened { pulse, previous }) = opened else {
            return Some(Step::Close);
        };
        let previous = previous.and_then(|previous| self.core.lane(previous));
        previous
            .and_then(|lane| lane.end())
            .into_iter()
            .for_each(std::task::Waker::wake);
        let attachment = Attachment::Session {
            session,
            timeout_ms,
            pulse,
        };
        self.phase = Phase::Established(attachment.clone());
        self.is_read_only = serving == Serving::ReadOnly;
        let mut state = self.lane.lock();
        if state.has_ended() {
            return Some(Step::Close);
        }
        state.attachment = attachment;
        state.is_local = true;
        state.stats.established_wall_ms = turn.now.wall_ms;
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms,
            session,
            password: &password,
            read_only: request.read_only.map(|_| serving == Serving::ReadOnly),
        };
        let encoded = response.encode_frame(state.reply_buffer());
        assert!(encoded.is_ok(), "a connect response is short");
        Some(Step::Done)
    }

    /// As to a session that is unknown, or whose password this is not.
    fn reject(&self, request: &ConnectRequest<'_>, serving: Serving) -> Step {
        let read_only = request.read_only.map(|_| serving == Serving::ReadOnly);
        let rejected = ConnectResponse::rejected(read_only);
        let encoded = rejected.encode_frame(self.lane.lock().reply_buffer());
        assert!(encoded.is_ok(), "a connect response is short");
        Step::Close
    }

    /// What is to be proposed for a session that is local: its mark, or the opening of a replicated session before it.
    pub(super) fn prepare_local_write(&self, txn_op: &TxnOp<'_>, turn: &mut Turn<'_>) -> Settings {
        if !self.core.config.sessions.upgrade || !wants_ephemeral(txn_op) {
            return Settings::LOCAL_SESSION;
        }
        let Attachment::Session {
            session,
            timeout_ms,
            ..
        } = self.attachment()
        else {
            return Settings::LOCAL_SESSION;
        };
        let number = self.lane.number();
        let Some(Password(password)) = self.core.local.lock().upgrade(session, number) else {
            return Settings::LOCAL_SESSION;
        };
        // From here on everything is of the replicated session, in the order in which it is proposed.
        self.lane.lock().is_local = false;
        let open = TxnOp::OpenSession {
            timeout_ms,
            password,
        };
        self.propose(turn, session, Xid(0), (open, Settings::NONE));
        Settings::NONE
    }

    /// The end of a local session, which nobody else knows; nothing when it is replicated.
    pub(super) fn close_local_session(
        &self,
        header: RequestHeader,
        shared: &mut SharedTree<'_>,
    ) -> Option<Step> {
        if !self.core.config.sessions.local || !self.lane.lock().is_local {
            return None;
        }
        if self.owes_answers(shared) {
            return Some(Step::Hold);
        }
        let reply = ReplyHeader {
            xid: header.xid,
            zxid: shared.tree().last_zxid(),
            error: None,
        };
        shared.release();
        self.core.local.lock().remove(self.session());
        self.lane.lock().reply(header.op(), reply, |_| {});
        Some(Step::Close)
    }

    /// The answer of a server that only reads to what would change something, or asks a leader; nothing when it may.
    pub(super) fn refuse_read_only(
        &self,
        header: RequestHeader,
        op: OpCode,
        shared: &mut SharedTree<'_>,
    ) -> Option<Step> {
        let needs_leader = matches!(op, OpCode::Sync | OpCode::Check)
            || (op.is_write() && op != OpCode::CloseSession);
        if !needs_leader {
            return None;
        }
        let reply = ReplyHeader {
            xid: header.xid,
            zxid: shared.tree().last_zxid(),
            error: Some(ErrorCode::NotReadOnly),
        };
        self.lane.lock().reply(Some(op), reply, |_| {});
        Some(Step::Done)
    }
}

/// Whether a write makes an ephemeral. Only create, create2 and a multi with one of these do (reference 2.5).
fn wants_ephemeral(op: &TxnOp<'_>) -> bool {
    let TxnOp::Request { op, body } = op else {
        return false;
    };
    let is_ephemeral =
        |create: &Create<'_>| create.flags.mode().is_some_and(CreateMode::is_ephemeral);
    match Request::decode(*op, body) {
        Ok(Request::Create(create) | Request::Create2(create)) => is_ephemeral(&create),
        Ok(Request::Multi(ops)) => ops.iter().any(|op| match op {
            MultiOp::Create(create) | MultiOp::Create2(create) => is_ephemeral(&create),
            MultiOp::CreateContainer(_)
            | MultiOp::CreateTtl(_)
            | MultiOp::Delete(_)
            | MultiOp::SetData(_)
            | MultiOp::Check(_)
            | MultiOp::GetData(_)
            | MultiOp::GetChildren(_) => false,
        }),
        _ => false,
    }
}
