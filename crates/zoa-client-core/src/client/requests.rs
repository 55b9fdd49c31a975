//! Taking requests: judged, encoded at once, and queued to be sent or until there is a connection.
//!
//! Invariant: what is refused here was not queued, and comes back with its tag; what is taken ends in one outcome. The queue is
//! bounded in number and in bytes.

use std::sync::Arc;

use zoa_proto::AddWatchMode;
use zoa_proto::OpCode;
use zoa_proto::Path;
use zoa_proto::Request;
use zoa_proto::WatcherType;
use zoa_proto::encode_request;
use zoa_proto::limits::FRAME_PREFIX_LEN;
use zoa_proto::request::ChangeWatches;

use super::Client;
use super::Closing;
use super::link::Link;
use crate::chroot::check_paths;
use crate::error::Reason;
use crate::error::Rejected;
use crate::error::SubmitError;
use crate::event::SessionEvent;
use crate::event::SessionState;
use crate::event::WatcherId;
use crate::limits::AUTHS_MAX;
use crate::pending::Entry;
use crate::pending::Intent;
use crate::watches::WatchKind;

/// A request to send.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// The request; it is encoded at once, nothing of it is kept.
    pub request: Request<'a>,
    /// Whom to tell when the watch fires that the request asks for; `None` when it asks for none.
    pub watcher: Option<WatcherId>,
    /// Whether its paths are the server's, also for a client with a chroot. Such as `/zookeeper/config`.
    pub outside_chroot: bool,
}

impl<'a> From<Request<'a>> for Submission<'a> {
    fn from(request: Request<'a>) -> Self {
        Self {
            request,
            watcher: None,
            outside_chroot: false,
        }
    }
}

/// Which watches to remove.
#[derive(Clone, Copy, Debug)]
pub struct WatchRemoval<'a> {
    /// From which path.
    pub path: &'a str,
    /// Of which kind. Servers before 3.9 know neither of the persistent kinds by itself.
    pub watcher_type: WatcherType,
    /// Whose; `None` for everybody's.
    pub watcher: Option<WatcherId>,
    /// Whether they are removed here also when the server cannot be asked, or knows of none.
    pub local: bool,
}

impl<T> Client<T> {
    /// Sends a request, now or as soon as there is a connection. It ends in one [`Outcome`](crate::Outcome) with this tag.
    ///
    /// # Errors
    /// When it cannot be sent at all; the tag comes back.
    pub fn submit(
        &mut self,
        now_ms: u64,
        submission: Submission<'_>,
        tag: T,
    ) -> Result<(), Rejected<T>> {
        self.note_now(now_ms);
        match self.check_submission(&submission) {
            Ok(intent) => self.enqueue(&submission, intent, tag),
            Err(error) => Err(Rejected { error, tag }),
        }
    }

    /// Removes watches: asks the server when nobody else here needs them, and tells those who watched by
    /// [`Event::WatchGone`](crate::Event::WatchGone), after the outcome.
    ///
    /// # Errors
    /// When there is no such watch, or the request cannot be sent; the tag comes back.
    pub fn remove_watches(
        &mut self,
        now_ms: u64,
        removal: WatchRemoval<'_>,
        tag: T,
    ) -> Result<(), Rejected<T>> {
        self.note_now(now_ms);
        let WatchRemoval {
            path,
            watcher_type,
            watcher,
            local,
        } = removal;
        if let Err(error) = Path::parse(path) {
            let error = SubmitError::BadPath(error);
            return Err(Rejected { error, tag });
        }
        let mut text = String::new();
        let there = self.chroot.join(path, &mut text);
        let may_come = self.pending.may_register(there);
        if !self.watches.has(there, watcher_type, watcher) && !may_come {
            let error = SubmitError::NoWatcher;
            return Err(Rejected { error, tag });
        }
        let others = self.watches.has_others(there, watcher_type, watcher);
        // The server has one watch for all watchers here: it must stay while another one needs it.
        let is_needed = others || (watcher.is_some() && may_come);
        let body = ChangeWatches { path, watcher_type };
        let request = if is_needed {
            Request::CheckWatches(body)
        } else {
            Request::RemoveWatches(body)
        };
        let intent = Intent::Unwatch {
            path: Arc::from(there),
            watcher_type,
            watcher,
            local,
        };
        match self.check_room() {
            Ok(()) => self.enqueue(&request.into(), Some(Box::new(intent)), tag),
            Err(error) => Err(Rejected { error, tag }),
        }
    }

    /// Adds an identity to this and every later connection. The outcome is that of its first answer; a refusal ends the
    /// session as [`SessionState::AuthFailed`].
    ///
    /// # Errors
    /// When there are too many, or the session has ended; the tag comes back.
    pub fn add_auth(
        &mut self,
        now_ms: u64,
        scheme: &str,
        auth: &[u8],
        tag: T,
    ) -> Result<(), Rejected<T>> {
        self.note_now(now_ms);
        let len = scheme.len().saturating_add(auth.len());
        let len_max = self.config.request_len_max.saturating_sub(64);
        let error = match self.check_room() {
            Err(error) => error,
            Ok(()) if self.auths.len() >= AUTHS_MAX => SubmitError::TooManyAuths(AUTHS_MAX),
            Ok(()) if len > len_max => SubmitError::RequestTooLong { len, len_max },
            Ok(()) => {
                self.auths.push(scheme, auth, tag);
                if matches!(self.link, Link::Up(_)) {
                    let auths = &mut self.auths;
                    let encoded = self.outbox.encode(|buf| auths.encode_last(buf));
                    assert!(encoded.is_ok(), "its length was checked");
                }
                return Ok(());
            }
        };
        Err(Rejected { error, tag })
    }

    /// Ends the session in order: what is pending is answered first, then the server is asked to end it, so that its
    /// ephemerals go at once. Without a connection one is looked for, for `patience_ms`; after that the session is left to
    /// expire. Ends in [`SessionEvent::Closed`].
    pub fn close(&mut self, now_ms: u64, patience_ms: u64) {
        self.note_now(now_ms);
        if self.closing.is_some() || matches!(self.link, Link::Ended) {
            return;
        }
        if self.session.ticket().is_none() && !matches!(self.link, Link::Up(_)) {
            // A server may be about to make a session; nobody will know its id.
            let session_ended = !matches!(self.link, Link::Handshaking { .. });
            self.end(SessionEvent::Closed { session_ended }, Reason::Closed);
            return;
        }
        self.closing = Some(Closing {
            give_up_ms: self.now_ms.saturating_add(patience_ms),
            is_sent: false,
        });
    }

    /// The socket took so many of the bytes that [`poll_transmit`](Self::poll_transmit) gave.
    ///
    /// A driver that cannot tell how much was taken before an error must report all: a request is called not applied when
    /// not all of it was taken.
    ///
    /// # Panics
    /// When it is more than was given.
    pub fn handle_transmitted(
        &mut self,
        now_ms: u64,
        connection: crate::event::ConnectionId,
        len: usize,
    ) {
        self.note_now(now_ms);
        if connection != self.connection || !self.link.is_talking() {
            return;
        }
        self.outbox.advance(len);
        if let Link::Up(up) = &mut self.link {
            up.sent_ms = self.now_ms;
        }
    }

    /// The outbox is empty: watches to set again come first, then what waited, then the end.
    pub(super) fn refill(&mut self) {
        if !matches!(self.link, Link::Up(_)) {
            return;
        }
        while !self.rearm.is_written() && self.outbox.len() == 0 {
            let Self {
                outbox,
                rearm,
                watches,
                ..
            } = self;
            let encoded = outbox.encode(|buf| rearm.encode_next(watches, buf));
            assert!(
                encoded.is_ok(),
                "every path came in a frame, so a piece fits one"
            );
        }
        if self.outbox.len() > 0 {
            return;
        }
        let Self {
            outbox, pending, ..
        } = self;
        pending.flush_waiting(outbox.queued(), |bytes| outbox.append(bytes));
        if let Some(closing) = &mut self.closing
            && !closing.is_sent
        {
            closing.is_sent = true;
            self.send_close_session();
        }
    }

    fn send_close_session(&mut self) {
        let xid = self.pending.take_xid();
        let encoded = self
            .outbox
            .encode(|buf| encode_request(buf, xid, &Request::CloseSession));
        assert!(encoded.is_ok(), "closeSession has 8 bytes");
        self.pending.push_in_flight(Entry {
            xid,
            op: OpCode::CloseSession,
            submitted_ms: self.now_ms,
            end: self.outbox.queued(),
            intent: None,
            outside_chroot: true,
            tag: None,
        });
    }

    /// Whether there is room for one more request, and a session to send it in.
    fn check_room(&self) -> Result<(), SubmitError> {
        match self.state {
            SessionState::Expired => return Err(SubmitError::Ended(Reason::SessionExpired)),
            SessionState::AuthFailed => return Err(SubmitError::Ended(Reason::AuthFailed)),
            SessionState::Closed => return Err(SubmitError::Ended(Reason::Closed)),
            SessionState::Connecting
            | SessionState::Connected
            | SessionState::ConnectedReadOnly
            | SessionState::Suspended => {}
        }
        if self.closing.is_some() {
            return Err(SubmitError::Ended(Reason::Closed));
        }
        // Outcomes that nobody has polled yet count too.
        if self.pending.len() + self.told.len() >= self.config.pending_max {
            return Err(SubmitError::TooManyPending(self.config.pending_max));
        }
        Ok(())
    }

    /// Judges a request, and finds out what its reply will do to the watch table.
    fn check_submission(
        &self,
        submission: &Submission<'_>,
    ) -> Result<Option<Box<Intent>>, SubmitError> {
        let request = &submission.request;
        self.check_room()?;
        check_op(request.op())?;
        check_paths(request).map_err(SubmitError::BadPath)?;
        match (watch_of(request), submission.watcher) {
            (None, None) => Ok(None),
            (Some((path, kind, if_missing)), Some(watcher)) => {
                let watches_max = self.config.watches_max;
                if self.watches.len() + self.pending.watches() >= watches_max {
                    return Err(SubmitError::TooManyWatches(watches_max));
                }
                let path = if submission.outside_chroot || self.chroot.is_none() {
                    Arc::from(path)
                } else {
                    Arc::from(self.chroot.join(path, &mut String::new()))
                };
                Ok(Some(Box::new(Intent::Watch {
                    path,
                    watcher,
                    kind,
                    if_missing,
                })))
            }
            (None, Some(_)) | (Some(_), None) => Err(SubmitError::WatcherMismatch),
        }
    }

    /// Encodes the request: straight into the outbox if nothing has to go before it, else to wait its turn.
    fn enqueue(
        &mut self,
        submission: &Submission<'_>,
        intent: Option<Box<Intent>>,
        tag: T,
    ) -> Result<(), Rejected<T>> {
        let is_direct = matches!(self.link, Link::Up(_))
            && self.doom.is_none()
            && self.rearm.is_written()
            && !self.pending.has_waiting();
        let Self {
            chroot,
            scratch,
            outbox,
            pending,
            frame,
            config,
            ..
        } = self;
        let request = if submission.outside_chroot {
            submission.request
        } else {
            chroot.apply(&submission.request, scratch)
        };
        let mut entry = Entry {
            xid: pending.take_xid(),
            op: request.op(),
            submitted_ms: self.now_ms,
            end: 0,
            intent,
            outside_chroot: submission.outside_chroot,
            tag: Some(tag),
        };
        let (start, unsent) = (outbox.queued(), outbox.len() + pending.waiting_len());
        frame.clear();
        let encoded = if is_direct {
            outbox.encode(|buf| encode_request(buf, entry.xid, &request))
        } else {
            encode_request(frame, entry.xid, &request)
        };
        let framed_len = outbox.len() + pending.waiting_len() + frame.len() - unsent;
        let len = framed_len.saturating_sub(FRAME_PREFIX_LEN);
        let len_max = config.request_len_max;
        let error = if encoded.is_err() || len > len_max {
            SubmitError::RequestTooLong { len, len_max }
        } else if unsent + framed_len > config.unsent_len_max {
            SubmitError::TooMuchUnsent(unsent)
        } else if is_direct {
            entry.end = outbox.queued();
            pending.push_in_flight(entry);
            return Ok(());
        } else {
            pending.push_waiting(entry, frame);
            return Ok(());
        };
        outbox.truncate(start);
        let tag = entry.tag.take();
        Err(Rejected {
            error,
            tag: tag.expect("the tag was put in above"),
        })
    }
}

/// Refuses what the client sends by itself, in its own order.
const fn check_op(op: OpCode) -> Result<(), SubmitError> {
    match op {
        OpCode::RemoveWatches
        | OpCode::SetWatches
        | OpCode::SetWatches2
        | OpCode::Auth
        | OpCode::Ping
        | OpCode::CloseSession
        | OpCode::Notification
        | OpCode::CreateSession
        | OpCode::Error => Err(SubmitError::Reserved(op)),
        OpCode::Create
        | OpCode::Delete
        | OpCode::Exists
        | OpCode::GetData
        | OpCode::SetData
        | OpCode::GetAcl
        | OpCode::SetAcl
        | OpCode::GetChildren
        | OpCode::Sync
        | OpCode::GetChildren2
        | OpCode::Check
        | OpCode::Multi
        | OpCode::Create2
        | OpCode::Reconfig
        | OpCode::CheckWatches
        | OpCode::CreateContainer
        | OpCode::DeleteContainer
        | OpCode::CreateTtl
        | OpCode::MultiRead
        | OpCode::Sasl
        | OpCode::GetEphemerals
        | OpCode::GetAllChildrenNumber
        | OpCode::AddWatch
        | OpCode::WhoAmI => Ok(()),
    }
}

/// The watch a request asks for: its path, its kind when the znode is found, and when not.
const fn watch_of<'r>(request: &Request<'r>) -> Option<(&'r str, WatchKind, Option<WatchKind>)> {
    match request {
        Request::GetData(body) if body.watch => Some((body.path, WatchKind::Data, None)),
        Request::Exists(body) if body.watch => {
            Some((body.path, WatchKind::Data, Some(WatchKind::Exist)))
        }
        Request::GetChildren(body) | Request::GetChildren2(body) if body.watch => {
            Some((body.path, WatchKind::Child, None))
        }
        Request::AddWatch(body) => match body.mode {
            AddWatchMode::Persistent => Some((body.path, WatchKind::Persistent, None)),
            AddWatchMode::PersistentRecursive => Some((body.path, WatchKind::Recursive, None)),
        },
        _ => None,
    }
}
