//! Frames from the server, one at a time, each matched strictly.
//!
//! Invariant: a reply is believed only if it is the next one due (G-03), and the watch table changes before the event or reply
//! that changed it is told, so what comes later in the stream meets the new table (G-07, G-09). Anything else ends the
//! connection, never the process.

use core::ops::ControlFlow;
use core::ops::Range;
use std::borrow::Cow;
use std::collections::VecDeque;

use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::WatchedEvent;
use zoa_proto::WatcherType;
use zoa_proto::Xid;
use zoa_proto::Zxid;

use super::Client;
use super::link::Doom;
use super::link::Link;
use crate::chroot::Chroot;
use crate::error::ProtocolError;
use crate::error::Reason;
use crate::event::ConnectionId;
use crate::event::Event;
use crate::event::Outcome;
use crate::event::SessionEvent;
use crate::event::WatchFired;
use crate::event::WatchGone;
use crate::event::WatcherId;
use crate::pending::Entry;
use crate::pending::Intent;
use crate::watches::WatchKind;
use crate::watches::WatchTable;

/// What a frame, or its absence, means for who polls.
pub(super) enum Step<T> {
    /// There is nothing more to read.
    Nothing,
    /// Something was done; there may be more.
    Again,
    /// A request was answered.
    Reply(Answered<T>),
    /// A watch fired; whom to tell is in `watchers`.
    Watch(Fired),
}

pub(super) struct Answered<T> {
    entry: Entry<T>,
    tag: T,
    header: ReplyHeader,
    body: Range<usize>,
}

pub(super) struct Fired {
    header: ReplyHeader,
    body: Range<usize>,
}

impl<T> Client<T> {
    /// Room to read from the socket into; then call [`handle_received`](Self::handle_received). It is empty when replies must
    /// be polled first.
    pub fn receive_buffer(&mut self) -> &mut [u8] {
        self.inbox.spare()
    }

    /// So many bytes were read into the [`receive_buffer`](Self::receive_buffer).
    ///
    /// # Panics
    /// When it is more than the buffer offered.
    pub fn handle_received(&mut self, now_ms: u64, connection: ConnectionId, len: usize) {
        self.note_now(now_ms);
        if connection == self.connection && self.link.is_talking() {
            self.inbox.advance(len);
            if matches!(self.link, Link::Up(_)) {
                self.session.heard_ms = self.now_ms;
            }
        }
    }

    /// Reads the next frame, or ends a connection that is to end.
    pub(super) fn take_step(&mut self) -> Step<T> {
        let is_broken = self.doom.is_some_and(|doom| !doom.is_drained);
        let frame = if is_broken || !self.link.is_talking() {
            None
        } else {
            match self.inbox.take_frame() {
                Ok(frame) => frame,
                Err(error) => return self.broken(error),
            }
        };
        match (frame, &self.link) {
            (None, _) => match self.fall() {
                ControlFlow::Continue(()) => Step::Again,
                ControlFlow::Break(()) => Step::Nothing,
            },
            (Some(frame), Link::Handshaking { asked_ms, .. }) => {
                self.handle_connect_response(frame, *asked_ms);
                Step::Again
            }
            (Some(frame), _) => self.handle_frame(frame),
        }
    }

    fn broken(&mut self, error: impl Into<ProtocolError>) -> Step<T> {
        self.break_off(error);
        Step::Again
    }

    fn handle_frame(&mut self, frame: Range<usize>) -> Step<T> {
        let (header, body_len) = match ReplyHeader::decode(self.inbox.bytes(frame.clone())) {
            Ok((header, body)) => (header, body.len()),
            Err(error) => return self.broken(error),
        };
        let body = frame.end - body_len..frame.end;
        match header.xid {
            Xid::NOTIFICATION => self.handle_event(header, body),
            Xid::PING => self.handle_ping_reply(header),
            Xid::AUTH => self.handle_auth_reply(header),
            Xid::SET_WATCHES => self.handle_set_watches_reply(header),
            _ => self.handle_reply(header, body),
        }
    }

    fn handle_event(&mut self, header: ReplyHeader, body: Range<usize>) -> Step<T> {
        let event = match WatchedEvent::decode(header, self.inbox.bytes(body.clone())) {
            Ok(event) => event,
            Err(error) => return self.broken(error),
        };
        self.watches
            .fire(event.kind, event.path, &mut self.watchers);
        self.session.note_seen(header.zxid);
        // One that nobody waits for: the user removed the watch while it was on its way.
        if self.watchers.is_empty() {
            return Step::Again;
        }
        Step::Watch(Fired { header, body })
    }

    fn handle_ping_reply(&mut self, header: ReplyHeader) -> Step<T> {
        if header.error == Some(ErrorCode::ConnectionLoss) {
            self.handle_farewell();
            return Step::Again;
        }
        let made_ms = match &mut self.link {
            Link::Up(up) => up.ping_ms.take(),
            _ => None,
        };
        match made_ms {
            Some(made_ms) => {
                self.session.note_acknowledged(made_ms);
                self.note_reply_zxid(header.zxid);
                Step::Again
            }
            None => self.broken(ProtocolError::UnknownXid(header.xid)),
        }
    }

    fn handle_auth_reply(&mut self, header: ReplyHeader) -> Step<T> {
        let Some(tag) = self.auths.take_answered() else {
            return self.broken(ProtocolError::UnknownXid(header.xid));
        };
        let result = header.error.map_or(Ok(Reply::Empty), Err);
        if let Some(tag) = tag {
            let zxid = header.zxid;
            let outcome = Outcome::Done { zxid, result };
            self.told.push_back(Event::Outcome { tag, outcome });
        }
        if result.is_err() {
            self.end(SessionEvent::AuthFailed, Reason::AuthFailed);
        }
        Step::Again
    }

    fn handle_set_watches_reply(&mut self, header: ReplyHeader) -> Step<T> {
        let Some(op) = self.rearm.take_answered() else {
            return self.broken(ProtocolError::UnknownXid(header.xid));
        };
        if let Some(code) = header.error {
            if op == OpCode::SetWatches2 && code == ErrorCode::Unimplemented {
                self.give_up_persistent_watches();
            }
            return self.broken(ProtocolError::WatchesRefused(code));
        }
        self.note_reply_zxid(header.zxid);
        Step::Again
    }

    /// The server is too old for persistent watches: they end, visibly, and the others are set again on the next connection.
    fn give_up_persistent_watches(&mut self) {
        for path in self.watches.paths() {
            for watcher_type in [WatcherType::Persistent, WatcherType::PersistentRecursive] {
                let gone = self.watches.remove(&path, watcher_type, None);
                let first = self.told.len();
                tell_gone(&mut self.told, &self.chroot, &path, gone);
                for event in self.told.iter_mut().skip(first) {
                    if let Event::WatchGone(gone) = event {
                        gone.is_asked_for = false;
                    }
                }
            }
        }
    }

    fn handle_reply(&mut self, header: ReplyHeader, body: Range<usize>) -> Step<T> {
        let got = header.xid;
        let due = match self.pending.head() {
            // A request cannot be answered before all of it was sent.
            Some(head) if head.end <= self.outbox.transmitted() => head.xid,
            Some(_) | None => return self.broken(ProtocolError::UnknownXid(got)),
        };
        let expected = if self.rearm.has_unanswered() {
            Xid::SET_WATCHES
        } else {
            due
        };
        if expected != got {
            return self.broken(ProtocolError::OutOfOrder { expected, got });
        }
        self.note_reply_zxid(header.zxid);
        let Some(mut entry) = self.pending.pop_in_flight() else {
            return Step::Again;
        };
        self.session.note_acknowledged(entry.submitted_ms);
        match entry.tag.take() {
            Some(tag) => Step::Reply(Answered {
                entry,
                tag,
                header,
                body,
            }),
            None => {
                let session_ended = header.error.is_none();
                self.end(SessionEvent::Closed { session_ended }, Reason::Closed);
                Step::Again
            }
        }
    }

    fn note_reply_zxid(&mut self, zxid: Zxid) {
        self.session.note_seen(zxid);
        if self.rearm.is_done() {
            self.session.note_armed(zxid);
        }
    }

    /// Reads the body of the reply, and does to the watch table what it says.
    pub(super) fn finish_reply(&mut self, answered: Answered<T>) -> Event<'_, T> {
        let Answered {
            entry,
            tag,
            header,
            body,
        } = answered;
        let Self {
            inbox,
            chroot,
            reply_scratch,
            doom,
            told,
            watches,
            ..
        } = self;
        let read = match header.error {
            Some(code) => Ok(Err(code)),
            None => Reply::decode(entry.op, inbox.bytes(body))
                .map_err(ProtocolError::from)
                .and_then(|reply| {
                    if entry.outside_chroot {
                        return Ok(Ok(reply));
                    }
                    let stripped = chroot.strip_reply(entry.op, reply, reply_scratch);
                    stripped.map(Ok).ok_or(ProtocolError::OutsideChroot)
                }),
        };
        let outcome = match read {
            Ok(result) => {
                // addWatch tells its error once more in the body.
                let result = match result {
                    Ok(Reply::ErrorResponse(Some(code))) => Err(code),
                    result => result,
                };
                let error = result.err();
                if let Some(intent) = entry.intent {
                    fulfil(*intent, error, watches, |path, gone| {
                        tell_gone(told, chroot, path, gone)
                    });
                }
                let zxid = header.zxid;
                Outcome::Done { zxid, result }
            }
            Err(error) => {
                *doom = Some(Doom::of_protocol(error, *doom));
                let reason = Reason::ConnectionLost(error.into());
                if entry.op.is_write() {
                    Outcome::Unknown(reason)
                } else {
                    Outcome::NotApplied(reason)
                }
            }
        };
        Event::Outcome { tag, outcome }
    }

    /// Tells of a watch that fired.
    pub(super) fn finish_watch(&self, fired: Fired) -> Event<'_, T> {
        let event = WatchedEvent::decode(fired.header, self.inbox.bytes(fired.body));
        let event = event.expect("the event was read once, and its bytes are still there");
        Event::Watch(WatchFired {
            kind: event.kind,
            path: self.chroot.strip(event.path).unwrap_or(event.path),
            zxid: (event.zxid.to_wire() > 0).then_some(event.zxid),
            watchers: &self.watchers,
        })
    }
}

/// Does what a reply means for the watches.
fn fulfil(
    intent: Intent,
    error: Option<ErrorCode>,
    watches: &mut WatchTable,
    mut tell: impl FnMut(&str, Vec<(WatchKind, Vec<WatcherId>)>),
) {
    match intent {
        Intent::Watch {
            path,
            watcher,
            kind,
            if_missing,
        } => match (error, if_missing) {
            (None, _) => watches.add(&path, kind, watcher),
            (Some(ErrorCode::NoNode), Some(kind)) => watches.add(&path, kind, watcher),
            (Some(_), _) => {}
        },
        Intent::Unwatch {
            path,
            watcher_type,
            watcher,
            local,
        } => {
            if error.is_none() || local {
                let gone = watches.remove(&path, watcher_type, watcher);
                tell(&path, gone);
            }
        }
    }
}

/// Tells the watchers of removed watches.
pub(super) fn tell_gone<T>(
    told: &mut VecDeque<Event<'static, T>>,
    chroot: &Chroot,
    path: &str,
    gone: Vec<(WatchKind, Vec<WatcherId>)>,
) {
    for (kind, watchers) in gone {
        told.push_back(Event::WatchGone(WatchGone {
            event: kind.removed_event(),
            path: Cow::Owned(chroot.strip(path).unwrap_or(path).to_owned()),
            watcher_type: kind.watcher_type(),
            watchers,
            is_asked_for: true,
        }));
    }
}
