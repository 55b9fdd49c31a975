//! One production client from its making to its end: its sockets, what was asked of it and what it told.
//!
//! Invariant: `asked` stands in the order of submission, and the request at position n has tag n + 1, which is also its xid on the
//! wire: the client numbers what it takes from 1 on. `told` stands in the order of telling.

use super::ask;
use super::tap::Tap;
use super::told;
use super::told::LOGIN_TAG;
use super::told::Told;
use core::net::SocketAddr;
use std::collections::BTreeMap;
use zoa_client_core::Client;
use zoa_client_core::ConnectionId;
use zoa_client_core::SessionEvent;
use zoa_client_core::SubmitError;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::ClientId;
use zoa_testkit::op::Op;

/// A request that the client has taken.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// As the user asked it.
    pub(crate) op: Op,
}

/// Whom a socket leads to.
#[derive(Debug)]
pub(crate) enum Peer {
    /// Not connected yet.
    Connecting(SocketAddr),
    /// The server, by the number of the connection in the history.
    Server(usize, Tap),
    /// Somebody who is not the server.
    Stranger,
}

/// A socket of the client's.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) peer: Peer,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Life {
    /// Under which its connections stand in the history.
    pub(crate) id: ClientId,
    pub(crate) chroot: &'static str,
    /// The session it was made to take over.
    pub(crate) taken_over: Option<i64>,
    pub(crate) client: Client<u32>,
    pub(crate) sockets: BTreeMap<u64, Socket>,
    /// Names that are being looked up.
    pub(crate) names: BTreeMap<u64, String>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) logins: Vec<(SimTime, Op)>,
    pub(crate) told: Vec<(SimTime, Told)>,
    /// What it did that no client may do, seen at once, and against which guarantee.
    pub(crate) wrong: Vec<(&'static str, String)>,
    /// The user's process died with it.
    pub(crate) killed: bool,
    /// When the world will look at it next.
    pub(crate) looks_at: Option<SimTime>,
}

impl Life {
    pub(crate) fn new(id: ClientId, chroot: &'static str, client: Client<u32>) -> Self {
        Self {
            id,
            chroot,
            taken_over: client.ticket().map(|ticket| ticket.id.0),
            client,
            sockets: BTreeMap::new(),
            names: BTreeMap::new(),
            asked: Vec::new(),
            logins: Vec::new(),
            told: Vec::new(),
            wrong: Vec::new(),
            killed: false,
            looks_at: None,
        }
    }

    /// The socket of a connection in the history.
    pub(crate) fn socket_of(&mut self, line: usize) -> Option<(ConnectionId, &mut Tap)> {
        self.sockets
            .iter_mut()
            .find_map(|(number, socket)| match &mut socket.peer {
                Peer::Server(id, tap) if *id == line => Some((ConnectionId(*number), tap)),
                Peer::Server(..) | Peer::Connecting(_) | Peer::Stranger => None,
            })
    }

    /// Hands a request to the client; its tag, unless it was refused or is none that users ask.
    pub(crate) fn ask(
        &mut self,
        (now, now_ms): (SimTime, u64),
        op: &Op,
        whose: Option<u32>,
    ) -> Result<u32, Option<SubmitError>> {
        if let Op::AddAuth { scheme, auth } = op {
            let tag = LOGIN_TAG + u32::try_from(self.logins.len()).unwrap_or(0);
            let taken = self.client.add_auth(now_ms, scheme, auth, tag);
            taken.map_err(|rejected| Some(rejected.error))?;
            self.logins.push((now, op.clone()));
            return Ok(tag);
        }
        let tag = u32::try_from(self.asked.len()).unwrap_or(0) + 1;
        ask::submit(&mut self.client, (now_ms, tag), op, whose)
            .ok_or(None)?
            .map_err(Some)?;
        self.asked.push(Asked { op: op.clone() });
        Ok(tag)
    }

    /// Takes down all that the client has to tell now.
    pub(crate) fn listen(&mut self, now: SimTime) {
        let Self {
            client,
            asked,
            logins,
            told,
            wrong,
            chroot,
            ..
        } = self;
        while let Some(event) = client.poll_event() {
            let op_of = |tag: u32| match tag.checked_sub(LOGIN_TAG) {
                Some(login) => {
                    let at = usize::try_from(login).ok()?;
                    logins.get(at).map(|(_, op)| op)
                }
                None => {
                    let at = usize::try_from(tag.checked_sub(1)?).ok()?;
                    asked.get(at).map(|asked| &asked.op)
                }
            };
            match told::take_down(event, chroot, op_of) {
                Ok(happened) => told.push((now, happened)),
                Err(what) => wrong.push(("G-27", what)),
            }
        }
    }

    /// How the session ended, when it was told.
    pub(crate) fn end(&self) -> Option<SessionEvent> {
        self.told.iter().rev().find_map(|(_, told)| match told {
            Told::Session(
                event @ (SessionEvent::Expired(_)
                | SessionEvent::AuthFailed
                | SessionEvent::Closed { .. }),
            ) => Some(*event),
            _ => None,
        })
    }

    /// A watch that was set and has not been told of, or any tag.
    pub(crate) fn some_watcher(&self, draw: usize) -> Option<u32> {
        let set: Vec<u32> = self
            .asked
            .iter()
            .enumerate()
            .filter(|(_, asked)| ask::sets_watch(&asked.op))
            .filter_map(|(at, _)| u32::try_from(at + 1).ok())
            .collect();
        set.get(draw % set.len().max(1)).copied()
    }
}
