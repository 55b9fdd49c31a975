//! What the core tells, handed to whom it is for: a caller who waits is answered in place, a function's words go into the batch.
//!
//! Invariant: the order is the core's, which is the wire's. A caller's room is filled before the caller is woken, and not touched
//! after.

use std::ffi::c_int;

use zoa_client_core::Event;
use zoa_client_core::Notice;
use zoa_client_core::Outcome;
use zoa_client_core::SessionEvent;
use zoa_client_core::WatcherId;
use zoa_proto::ErrorCode;
use zoa_proto::EventType;
use zoa_proto::MultiResult;
use zoa_proto::Reply;

use crate::callbacks::Batch;
use crate::callbacks::give_each;
use crate::callbacks::give_failure;
use crate::callbacks::parts_of;
use crate::codes;
use crate::codes::ZAUTHFAILED;
use crate::codes::ZCLOSING;
use crate::codes::ZOK;
use crate::codes::ZSESSIONEXPIRED;
use crate::constants;
use crate::driver::State;
use crate::jute;
use crate::log::Level;
use crate::log::Line;
use crate::tag::Results;
use crate::tag::Room;
use crate::tag::Tag;
use crate::tag::To;
use crate::tag::Waiting;
use crate::watchers::Watcher;
use crate::watchers::Watchers;

/// The default watcher, as it is when an event of the session happens, and whether the handle is being closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) default: Watcher,
    pub(crate) is_closing: bool,
}

impl State {
    /// Hands on everything that the core has to tell.
    pub(crate) fn tell_events(&mut self) {
        loop {
            let Self {
                core,
                watchers,
                batch,
                answered,
                circumstances,
                ..
            } = self;
            let Some(event) = core.poll_event() else {
                break;
            };
            match event {
                Event::Outcome { tag, outcome } => {
                    let result = result_of(&tag, outcome, circumstances.is_closing);
                    if let Some(watcher) = tag.watcher {
                        watchers.settle(watcher);
                    }
                    match tag.to {
                        To::Callback(callback) => {
                            if let Some(callback) = callback.take() {
                                batch.push_reply(callback, result);
                            }
                        }
                        To::Waiting(waiting) => answered.extend(answer(waiting, result)),
                    }
                }
                Event::Watch(fired) => {
                    push_watch(
                        batch,
                        watchers,
                        EventType::Node(fired.kind),
                        fired.path,
                        fired.watchers,
                    );
                }
                // The original tells nobody of watches that were removed.
                Event::WatchGone(_) => {}
                Event::Notice(notice) => {
                    let Notice::AttemptFailed { host, error, .. } = &notice;
                    self.trouble = codes::of_connection_error(*error);
                    let text = format!("Connection to {host} failed: {error}");
                    self.say(Level::Error, text);
                }
                Event::Session(event) => {
                    self.tell_session(event);
                }
            }
        }
        if self.watchers.is_sweep_due() {
            let live = self.core.watcher_ids();
            self.watchers.sweep(live);
        }
    }

    fn tell_session(&mut self, event: SessionEvent) {
        let state = match event {
            SessionEvent::Connected {
                session,
                timeout_ms,
                read_only,
                ..
            } => {
                self.note_ticket();
                let server = self.server_text();
                let mode = if read_only { " (READ-ONLY mode)" } else { "" };
                self.say(
                    Level::Info,
                    format!("session establishment complete on server {server}, sessionId={session}, negotiated timeout={timeout_ms}{mode}"),
                );
                if read_only {
                    constants::STATE_READONLY
                } else {
                    constants::STATE_CONNECTED
                }
            }
            SessionEvent::Suspended(error) => {
                self.trouble = codes::of_connection_error(error);
                let server = self.server_text();
                self.say(
                    Level::Error,
                    format!("Connection to {server} lost: {error}"),
                );
                constants::STATE_CONNECTING
            }
            SessionEvent::Expired(_) => {
                self.is_over = true;
                self.trouble = ZSESSIONEXPIRED;
                let session = self.core.session_id();
                self.say(Level::Error, format!("sessionId={session} has expired."));
                constants::STATE_EXPIRED
            }
            SessionEvent::AuthFailed => {
                self.is_over = true;
                self.trouble = ZAUTHFAILED;
                self.say(
                    Level::Error,
                    "Authentication failed. Connection closed.".to_owned(),
                );
                constants::STATE_AUTH_FAILED
            }
            SessionEvent::Closed { .. } => {
                self.is_over = true;
                return;
            }
            SessionEvent::MayHaveExpired => return,
        };
        if self.circumstances.is_closing {
            return;
        }
        let live = self.core.watcher_ids();
        let told = self.watchers.all(live, self.circumstances.default);
        self.batch
            .push_event(constants::SESSION_EVENT, state, "", told);
    }

    /// Keeps a line until the lock is free.
    pub(crate) fn say(&mut self, level: Level, text: String) {
        if crate::log::is_on(level) {
            let function = c"zookeeper_process";
            self.lines.push(Line {
                level,
                function,
                text,
            });
        }
    }

    /// The server in use or being tried, as `zoo_get_current_server` shows it.
    pub(crate) fn server_text(&self) -> String {
        if let Some(host) = &self.cycled {
            return host.to_string();
        }
        match self.core.server() {
            Some((_, Some(address))) => address.to_string(),
            Some((host, None)) => host.to_string(),
            None => String::new(),
        }
    }
}

/// What the caller hears of an outcome.
fn result_of<'a>(tag: &Tag, outcome: Outcome<'a>, is_closing: bool) -> Result<Reply<'a>, c_int> {
    if is_closing {
        return Err(ZCLOSING);
    }
    match codes::of_outcome(outcome) {
        // The watches are gone here, which is all that was asked for.
        Err(_) if tag.is_local => Ok(Reply::Empty),
        result => result,
    }
}

fn push_watch(
    batch: &mut Batch,
    watchers: &Watchers,
    event: EventType,
    path: &str,
    told: &[WatcherId],
) {
    let told = told.iter().filter_map(|id| watchers.get(*id));
    batch.push_event(event.to_wire(), constants::STATE_CONNECTED, path, told);
}

/// Fills a caller's room and answers; the thread to unpark.
fn answer(waiting: Waiting, result: Result<Reply<'_>, c_int>) -> Option<std::thread::Thread> {
    let room = waiting.room();
    let rc = match result {
        // SAFETY: the caller waits, so its room is there and nobody else's.
        Ok(reply) => unsafe { fill(room, &reply) },
        Err(rc) => {
            if let Room::Multi(results) = room {
                give_failure(results, rc);
            }
            rc
        }
    };
    waiting.answer(rc)
}

/// # Safety
/// Every pointer of the room is null or points at what its type says, and `buffer` has as many bytes as `len` tells.
unsafe fn fill(room: Room, reply: &Reply<'_>) -> c_int {
    let put_stat = |to: *mut crate::abi::Stat, stat: zoa_proto::Stat| {
        if !to.is_null() {
            // SAFETY: not null, so a stat by contract.
            unsafe { *to = stat.into() };
        }
    };
    match (room, reply) {
        (Room::Nothing, _) => {}
        (Room::Stat(to), Reply::Stat(stat)) => put_stat(to, *stat),
        (
            Room::Data {
                buffer,
                len,
                stat: to,
            },
            Reply::Data { data, stat },
        ) => {
            // SAFETY: `len` is a number and tells the buffer's length, by contract.
            unsafe { put_data(buffer, len, *data) };
            put_stat(to, *stat);
        }
        (Room::Strings { strings, .. }, Reply::Children(names)) => {
            if !strings.is_null() {
                // SAFETY: not null, so a vector by contract.
                unsafe { *strings = jute::strings_from(names) };
            }
        }
        (Room::Strings { strings, stat: to }, Reply::ChildrenAndStat { children, stat }) => {
            if !strings.is_null() {
                // SAFETY: not null, so a vector by contract.
                unsafe { *strings = jute::strings_from(children) };
            }
            put_stat(to, *stat);
        }
        (Room::Path { buffer, len, .. }, Reply::Path(path)) => {
            // SAFETY: null or `len` bytes, by contract.
            unsafe { crate::arguments::put_path(path.as_bytes(), buffer, len) };
        }
        (
            Room::Path {
                buffer,
                len,
                stat: to,
            },
            Reply::PathAndStat { path, stat },
        ) => {
            // SAFETY: null or `len` bytes, by contract.
            unsafe { crate::arguments::put_path(path.as_bytes(), buffer, len) };
            put_stat(to, *stat);
        }
        (
            Room::Acl {
                acl: to,
                stat: to_stat,
            },
            Reply::Acl { acl, stat },
        ) => {
            if !to.is_null() {
                // SAFETY: not null, so a vector by contract.
                unsafe { *to = jute::acl_from(acl) };
            }
            put_stat(to_stat, *stat);
        }
        (Room::Multi(results), Reply::Multi(given)) => return put_results(results, given.iter()),
        // A reply of another shape than its request's has; the core has matched them.
        _ => return ErrorCode::MarshallingError.to_wire(),
    }
    ZOK
}

fn put_results<'a>(results: Results, given: impl Iterator<Item = MultiResult<'a>>) -> c_int {
    let parts = given.map(|result| {
        let (err, path, stat) = parts_of(&result);
        (err, path.map(str::as_bytes), stat)
    });
    give_each(results, parts)
}

/// # Safety
/// `len` points at a number, and `buffer` has so many bytes if it is positive.
unsafe fn put_data(buffer: *mut u8, len: *mut c_int, data: Option<&[u8]>) {
    // SAFETY: both by contract; no more is copied than there is room.
    unsafe {
        *len = match data {
            None => -1,
            Some(data) => {
                let room = usize::try_from(*len).unwrap_or(0);
                let count = data.len().min(room);
                if count > 0 {
                    std::ptr::copy_nonoverlapping(data.as_ptr(), buffer, count);
                }
                c_int::try_from(count).unwrap_or(c_int::MAX)
            }
        };
    }
}
