//! The handshake: from the first bytes of a connection to the entry that attaches it to a session.
//!
//! Attaching is replicated, for a new session and for one that comes back: the entry checks password and life where they are known,
//! and makes this connection the session's owner. See [`crate::deliver`] for the answer.

use zoa_proto::ConnectRequest;
use zoa_proto::Opening;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_tree::IdentitiesBuf;
use zoa_tree::Owner;
use zoa_tree::PASSWORD_LEN;
use zoa_tree::Settings;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use super::Connection;
use super::Phase;
use super::Progress;
use super::Step;
use super::Turn;
use crate::four_letter;
use crate::lane::Attachment;
use crate::lane::Password;

impl Connection {
    /// Looks at the very first bytes: a four-letter word, a TLS hello, or a frame; `None` when the frames are to be looked at.
    pub(super) fn handle_opening(&mut self, bytes: &[u8], turn: &Turn<'_>) -> Option<Progress> {
        match Opening::of(bytes) {
            Opening::Incomplete | Opening::Frame => None,
            Opening::Word(word) => {
                if bytes.len() < 4 + word.argument_len() {
                    return Some(Progress::Reading);
                }
                let text = four_letter::answer(&self.core, word, turn.now);
                self.lane.lock().outbox.extend_from_slice(text.as_bytes());
                Some(self.close())
            }
            Opening::TlsHello => Some(self.close()),
        }
    }

    pub(super) fn handle_connect(&mut self, frame: &[u8], turn: &mut Turn<'_>) -> Step {
        let Ok(request) = ConnectRequest::decode(frame) else {
            return Step::Close;
        };
        turn.proposals.begin(self.core.round());
        let serving = self.core.serving();
        if !self.may_serve(&request, serving) {
            return Step::Close;
        }
        let is_known = {
            let tree = self.core.tree.read();
            // A client that has seen more than this server must not be taken back in time (G-04). It gets no answer and tries another.
            // Compared with the sign, as the original does: -1 is a client that has seen nothing.
            if request.last_zxid_seen.to_wire() > tree.last_zxid().to_wire() {
                return Step::Close;
            }
            let session = tree.session(request.session);
            session.is_some_and(|session| session.has_password(request.password))
        };
        if let Some(step) = self.attach_locally(&request, serving, turn) {
            return step;
        }
        self.propose_attachment(&request, is_known, turn)
    }

    fn propose_attachment(
        &mut self,
        request: &ConnectRequest<'_>,
        is_known: bool,
        turn: &mut Turn<'_>,
    ) -> Step {
        let timeout_ms = self.core.negotiate_timeout(request.timeout_ms);
        let (session, op, password) = if request.session == SessionId::NONE {
            let (session, password) = self.draw_session(turn);
            let open = TxnOp::OpenSession {
                timeout_ms,
                password,
            };
            (session, open, password)
        } else {
            // From here until the entry is applied the session counts as heard of; but a stranger, who may know its id from any stat
            // of an ephemeral, must not keep it alive.
            if is_known {
                self.core
                    .clock
                    .lock()
                    .touch(request.session, turn.now.mono_ms);
            }
            let mut password = [0; PASSWORD_LEN];
            if request.password.len() == PASSWORD_LEN {
                password.copy_from_slice(request.password);
            }
            (
                request.session,
                TxnOp::AttachSession {
                    timeout_ms,
                    password: request.password,
                },
                password,
            )
        };
        {
            let mut state = self.lane.lock();
            if state.has_ended() {
                return Step::Close;
            }
            state.attachment = Attachment::Requested {
                session,
                password: Password(password),
                read_only: request.read_only,
                is_known,
            };
        }
        self.propose(turn, session, Xid(0), (op, Settings::NONE));
        self.phase = Phase::Attaching;
        Step::DoneAndWait
    }

    /// A new session's id and password.
    pub(super) fn draw_session(&self, turn: &mut Turn<'_>) -> (SessionId, [u8; PASSWORD_LEN]) {
        let mut random = [0; 8];
        (turn.random)(&mut random);
        let mut password = [0; PASSWORD_LEN];
        (turn.random)(&mut password);
        (self.core.new_session_id(random), password)
    }

    /// Goes on once the entry has been applied; `None` when requests may be handled.
    pub(super) fn finish_attaching(&mut self) -> Option<Progress> {
        let attachment = self.lane.lock().attachment.clone();
        match attachment {
            Attachment::Session { .. } => {
                self.phase = Phase::Established(attachment);
                None
            }
            Attachment::None | Attachment::Requested { .. } => Some(Progress::Blocked),
        }
    }

    /// Encodes one transaction with everything that decides its result, `mark` beside the server's settings; returns how many bytes it has.
    pub(super) fn propose(
        &self,
        turn: &mut Turn<'_>,
        session: SessionId,
        xid: Xid,
        (op, mark): (TxnOp<'_>, Settings),
    ) -> usize {
        turn.proposals.push(&Txn {
            session,
            owner: Owner {
                server: self.core.config.server,
                connection: self.lane.number().0,
            },
            xid,
            time_ms: turn.now.wall_ms,
            settings: self.core.config.settings.union(mark),
            identities: IdentitiesBuf::as_ref(&self.identities),
            op,
        })
    }
}
