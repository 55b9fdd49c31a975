//! The handshake: asking a server for the session, and believing only an answer that can be true.
//!
//! Nothing but the connect request is sent before it is answered, so no request of the user's can be lost in a handshake that
//! a server refuses. Invariant: the session that was asked for, or a new one where none was, or none (G-12).

use core::ops::Range;

use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::SessionId;

use super::Client;
use super::link::Link;
use super::link::Up;
use crate::error::ConnectionError;
use crate::error::ProtocolError;
use crate::event::Event;
use crate::event::ExpiredBy;
use crate::event::SessionEvent;
use crate::event::SessionState;
use crate::limits::PASSWORD_LEN_MAX;
use crate::rearm::Rearm;

/// What a handshake came to.
enum Verdict {
    Attached { is_new: bool, read_only: bool },
    Expired,
    Refused,
}

impl<T> Client<T> {
    /// Asks for the session on a connection that was just made.
    pub(super) fn start_handshake(&mut self) {
        let (session, password) = self.session.asked();
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: self.session.seen_zxid(),
            timeout_ms: i32::try_from(self.config.session_timeout_ms).unwrap_or(i32::MAX),
            session,
            password,
            read_only: Some(self.config.read_only_allowed),
        };
        let encoded = self.outbox.encode(|buf| request.encode_frame(buf));
        assert!(
            encoded.is_ok(),
            "a connect request has less than a hundred bytes"
        );
        self.link = Link::Handshaking {
            deadline_ms: self.now_ms.saturating_add(self.connect_timeout_ms()),
            asked_ms: self.now_ms,
        };
    }

    /// The server answered the connect request made at `asked_ms`.
    pub(super) fn handle_connect_response(&mut self, frame: Range<usize>, asked_ms: u64) {
        let verdict = ConnectResponse::decode(self.inbox.bytes(frame))
            .map_err(ProtocolError::from)
            .and_then(|response| {
                check_response(
                    &response,
                    self.session.asked().0,
                    self.config.read_only_allowed,
                )?;
                if !response.is_rejected() {
                    let read_only = response.read_only == Some(true);
                    let is_new = self.session.attach(&response, asked_ms);
                    return Ok(Verdict::Attached { is_new, read_only });
                }
                Ok(match self.session.asked().0 {
                    SessionId::NONE => Verdict::Refused,
                    _ => Verdict::Expired,
                })
            });
        match verdict {
            Ok(Verdict::Attached { is_new, read_only }) => self.come_up(is_new, read_only),
            Ok(Verdict::Expired) => self.end_expired(ExpiredBy::Server),
            Ok(Verdict::Refused) => self.fail_attempt(ConnectionError::SessionRefused, false),
            Err(error) => self.break_off(error),
        }
    }

    /// The session is attached: identities first, then the watches, then what waits.
    fn come_up(&mut self, is_new: bool, read_only: bool) {
        self.session.heard_ms = self.now_ms;
        self.addresses.clear();
        self.link = Link::Up(Up {
            established_ms: self.now_ms,
            sent_ms: self.now_ms,
            ping_ms: None,
            read_only,
        });
        self.state = if read_only {
            SessionState::ConnectedReadOnly
        } else {
            SessionState::Connected
        };
        self.told.push_back(Event::Session(SessionEvent::Connected {
            session: self.session.id(),
            timeout_ms: self.session.timeout_ms,
            read_only,
            is_new,
        }));
        let auths = &mut self.auths;
        let encoded = self.outbox.encode(|buf| auths.encode_all(buf));
        assert!(
            encoded.is_ok(),
            "auth entries were checked when they were added"
        );
        self.rearm = Rearm::start(&self.watches, self.session.armed_zxid);
        self.start_probing();
    }
}

/// Whether the answer can be true.
fn check_response(
    response: &ConnectResponse<'_>,
    asked: SessionId,
    read_only_allowed: bool,
) -> Result<(), ProtocolError> {
    if response.is_rejected() {
        return Ok(());
    }
    let got = response.session;
    if got == SessionId::NONE {
        return Err(ProtocolError::NoSession);
    }
    if asked != SessionId::NONE && asked != got {
        return Err(ProtocolError::WrongSession { asked, got });
    }
    if response.read_only == Some(true) && !read_only_allowed {
        return Err(ProtocolError::ReadOnlyUnasked);
    }
    if response.password.len() > PASSWORD_LEN_MAX {
        return Err(ProtocolError::PasswordTooLong(response.password.len()));
    }
    Ok(())
}
