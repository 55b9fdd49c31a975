//! A simulated client program: real bytes out, real bytes in, everything noted in the history.
//!
//! It holds what a client library holds (session, password, last zxid, watches to re-arm, logins) and decides nothing: what it
//! does next comes from [`crate::workload`]. It may have several connections open at once, as a program has that gave a
//! connection up while the server has not noticed.
//!
//! Invariant: what is noted is what went over the wire; the client neither retries nor hides anything.

mod rearm;

use crate::clock::SimTime;
use crate::history::Call;
use crate::history::CallOutcome;
use crate::history::ClientId;
use crate::history::ConnectAnswer;
use crate::history::ConnectAsk;
use crate::history::Connection;
use crate::history::ConnectionId;
use crate::history::End;
use crate::history::History;
use crate::history::Received;
use crate::op::Op;
use crate::wire;
use crate::wire::answer::Header;
use crate::wire::reserved_xid;
use rearm::Rearm;
use std::collections::VecDeque;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;

/// The error of a connection that is lost (reference: section 1.5).
const CONNECTION_LOSS: i32 = -4;

/// The longest frame a client takes; lists may be long.
const FRAME_LEN_MAX: usize = 64 << 20;

/// A session as its client knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub session: i64,
    /// Its secret.
    pub password: Vec<u8>,
    /// The negotiated timeout.
    pub timeout_ms: i32,
}

/// One connection of the client.
#[derive(Debug)]
struct Live {
    id: ConnectionId,
    input: Vec<u8>,
    established: bool,
    /// Calls without a reply, in the order of sending.
    awaiting: VecDeque<usize>,
    last_sent: SimTime,
    last_received: SimTime,
    /// How the server may close it without being asked: it was told so, or it answered what ends a connection.
    expects_end: bool,
}

/// A client program.
#[derive(Debug)]
pub struct Client {
    id: ClientId,
    address: String,
    held: Option<Held>,
    last_zxid: i64,
    next_xid: i32,
    connections: Vec<Live>,
    logins: Vec<&'static str>,
    rearm: Rearm,
}

impl Client {
    /// A client that has never connected; `address` is what servers see.
    pub fn new(id: ClientId, address: String) -> Self {
        Self {
            id,
            address,
            held: None,
            last_zxid: 0,
            next_xid: 1,
            connections: Vec::new(),
            logins: Vec::new(),
            rearm: Rearm::default(),
        }
    }

    /// Its number.
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// The address that servers see.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The session it believes to have.
    pub fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// The highest zxid it has seen.
    pub fn last_zxid(&self) -> i64 {
        self.last_zxid
    }

    /// The connection it uses, the newest.
    pub fn current(&self) -> Option<ConnectionId> {
        self.connections.last().map(|live| live.id)
    }

    /// All its connections, oldest first.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.connections.iter().map(|live| live.id)
    }

    /// Whether the connection it uses was answered by the server.
    pub fn is_established(&self) -> bool {
        self.connections.last().is_some_and(|live| live.established)
    }

    /// Calls on the connection it uses that are not answered yet.
    pub fn awaiting_count(&self) -> usize {
        self.connections
            .last()
            .map_or(0, |live| live.awaiting.len())
    }

    /// When it last sent something.
    pub fn last_sent(&self) -> SimTime {
        self.connections
            .last()
            .map(|live| live.last_sent)
            .unwrap_or_default()
    }

    /// When something came in last on the connection it uses.
    pub fn last_received(&self) -> SimTime {
        self.connections
            .last()
            .map(|live| live.last_received)
            .unwrap_or_default()
    }

    /// Forgets session and watches, as a program that starts anew.
    pub fn start_anew(&mut self) {
        self.held = None;
        self.rearm = Rearm::default();
        self.logins.clear();
    }

    /// Opens a connection that asks for this; gives the bytes to send. A client that comes back sends its logins and its watches
    /// right behind, without waiting for the answer, as the original's does.
    pub fn connect(
        &mut self,
        now: SimTime,
        asked: ConnectAsk,
        history: &mut History,
    ) -> (ConnectionId, Vec<u8>) {
        let mut bytes = wire::connect::encode(&asked);
        let comes_back = asked.session != 0;
        let id = history.open(Connection {
            client: self.id,
            opened_at: now,
            address: self.address.clone(),
            asked,
            ..Connection::default()
        });
        self.connections.push(Live {
            id,
            input: Vec::new(),
            established: false,
            awaiting: VecDeque::new(),
            last_sent: now,
            last_received: now,
            expects_end: false,
        });
        if comes_back {
            for login in self.logins.clone() {
                let op = Op::AddAuth {
                    scheme: "digest".to_owned(),
                    auth: login.as_bytes().to_vec(),
                };
                bytes.extend(self.send_on(id, now, op, history));
            }
            if let Some(op) = self.rearm.request(self.last_zxid) {
                bytes.extend(self.send_on(id, now, op, history));
            }
        }
        (id, bytes)
    }

    /// What to ask for: the session it has, or a new one.
    pub fn ask(&self, timeout_ms: i32) -> ConnectAsk {
        let (session, password) = match &self.held {
            Some(held) => (held.session, held.password.clone()),
            None => (0, vec![0; 16]),
        };
        ConnectAsk {
            last_zxid_seen: self.last_zxid,
            timeout_ms,
            session,
            password,
        }
    }

    /// Notes a call on one of the connections and gives its bytes.
    pub fn send_on(
        &mut self,
        id: ConnectionId,
        now: SimTime,
        op: Op,
        history: &mut History,
    ) -> Vec<u8> {
        let xid = wire::request::reserved_xid_of(&op).unwrap_or_else(|| {
            self.next_xid += 1;
            self.next_xid
        });
        let bytes = wire::request::encode(xid, &op);
        let Some(live) = self.connections.iter_mut().find(|live| live.id == id) else {
            return Vec::new();
        };
        let Some(connection) = history.connections.get_mut(id.0) else {
            return Vec::new();
        };
        live.last_sent = now;
        live.expects_end |= matches!(op, Op::CloseSession);
        live.awaiting.push_back(connection.calls.len());
        connection.calls.push(Call {
            xid,
            op,
            invoked_at: now,
            outcome: CallOutcome::Unknown,
        });
        bytes
    }

    /// Remembers a login, to be repeated when it connects again.
    pub fn remember_login(&mut self, login: &'static str) {
        if !self.logins.contains(&login) {
            self.logins.push(login);
        }
    }

    /// Takes bytes as they came.
    pub fn receive(&mut self, id: ConnectionId, now: SimTime, bytes: &[u8], history: &mut History) {
        let Some(position) = self.connections.iter().position(|live| live.id == id) else {
            return;
        };
        let Some(mut live) = self
            .connections
            .get_mut(position)
            .map(|live| std::mem::take(&mut live.input))
        else {
            return;
        };
        live.extend_from_slice(bytes);
        let mut used = 0;
        loop {
            let rest = live.get(used..).unwrap_or_default();
            match next_frame(
                rest,
                FrameLimits {
                    frame_len_max: FRAME_LEN_MAX,
                },
            ) {
                Ok(Some((frame, len))) => {
                    self.handle_frame(id, now, frame, history);
                    used += len;
                }
                Ok(None) => break,
                Err(error) => {
                    note(history, id, now, Received::Nonsense(error.to_string()));
                    used = live.len();
                    break;
                }
            }
        }
        live.drain(..used);
        if let Some(connection) = self
            .connections
            .iter_mut()
            .find(|connection| connection.id == id)
        {
            connection.input = live;
        }
    }

    fn handle_frame(
        &mut self,
        id: ConnectionId,
        now: SimTime,
        frame: &[u8],
        history: &mut History,
    ) {
        let established = self
            .connections
            .iter()
            .find(|live| live.id == id)
            .is_some_and(|live| live.established);
        if !established {
            match wire::connect::decode(frame) {
                Ok(answer) => self.handle_answer(id, now, answer, history),
                Err(wrong) => note(history, id, now, Received::Nonsense(wrong)),
            }
            return;
        }
        let handled = wire::answer::split(frame).and_then(|(header, body)| {
            if header.xid == reserved_xid::NOTIFICATION {
                self.handle_event(id, now, (header, body), history)
            } else if is_farewell(header) {
                Ok(())
            } else {
                self.handle_reply(id, now, (header, body), history)
            }
        });
        if let Err(wrong) = handled {
            note(history, id, now, Received::Nonsense(wrong));
        }
    }

    fn handle_answer(
        &mut self,
        id: ConnectionId,
        now: SimTime,
        answer: ConnectAnswer,
        history: &mut History,
    ) {
        let Some(live) = self.connections.iter_mut().find(|live| live.id == id) else {
            return;
        };
        live.established = true;
        if let Some(connection) = history.connections.get_mut(id.0) {
            connection.answered = Some((now, answer.clone()));
        }
        if answer.session == 0 {
            live.expects_end = true;
            // Only the answer to what was shown as one's own says anything about one's own session.
            let own =
                history
                    .connection(id)
                    .zip(self.held.as_ref())
                    .is_some_and(|(connection, held)| {
                        connection.asked.session == held.session
                            && connection.asked.password == held.password
                    });
            if own {
                self.start_anew();
            }
            return;
        }
        let ConnectAnswer {
            timeout_ms,
            session,
            password,
        } = answer;
        if self
            .held
            .as_ref()
            .is_none_or(|held| held.session != session)
        {
            self.start_anew();
        }
        self.held = Some(Held {
            session,
            password,
            timeout_ms,
        });
    }

    fn handle_event(
        &mut self,
        id: ConnectionId,
        now: SimTime,
        (header, body): (Header, &[u8]),
        history: &mut History,
    ) -> Result<(), String> {
        let event = wire::answer::decode_event(header, body)?;
        self.last_zxid = self.last_zxid.max(event.zxid);
        if self.current() == Some(id) {
            self.rearm.handle_event(&event);
        }
        note(history, id, now, Received::Event(event));
        Ok(())
    }

    fn handle_reply(
        &mut self,
        id: ConnectionId,
        now: SimTime,
        (header, body): (Header, &[u8]),
        history: &mut History,
    ) -> Result<(), String> {
        let is_current = self.current() == Some(id);
        let live = self
            .connections
            .iter_mut()
            .find(|live| live.id == id)
            .ok_or("a reply to a closed connection")?;
        let connection = history
            .connections
            .get_mut(id.0)
            .ok_or("a reply to no connection")?;
        let xid_of = |position: &usize| connection.calls.get(*position).map(|call| call.xid);
        let awaited = live
            .awaiting
            .iter()
            .position(|position| xid_of(position) == Some(header.xid));
        let position = awaited.and_then(|awaited| live.awaiting.remove(awaited));
        let position =
            position.ok_or_else(|| format!("a reply to nothing that was asked: {header:?}"))?;
        let call = connection
            .calls
            .get_mut(position)
            .ok_or("a reply to no call")?;
        let outcome = match header.error {
            0 => Ok(wire::answer::decode(&call.op, body)?),
            _ if body.is_empty() => Err(header.error),
            _ => return Err(format!("an error with a body: {header:?}")),
        };
        if header.zxid > 0 {
            self.last_zxid = self.last_zxid.max(header.zxid);
        }
        if is_current {
            self.rearm.handle_reply(&call.op, &outcome);
        }
        let closed = matches!(call.op, Op::CloseSession) && outcome.is_ok();
        call.outcome = CallOutcome::Replied {
            at: now,
            zxid: header.zxid,
            outcome,
        };
        note(history, id, now, Received::Reply(position));
        if closed && is_current {
            self.start_anew();
        }
        Ok(())
    }

    /// The connection is over, for the reason given.
    pub fn handle_end(&mut self, id: ConnectionId, now: SimTime, end: End, history: &mut History) {
        self.connections.retain(|live| live.id != id);
        if let Some(connection) = history.connections.get_mut(id.0) {
            connection.end = end;
            connection.ended_at = Some(now);
        }
    }
}

/// A server that stops says so on each connection before it ends: as an answer to a ping that nobody sent, with the error of a lost
/// connection.
fn is_farewell(header: Header) -> bool {
    header.xid == reserved_xid::PING && header.error == CONNECTION_LOSS
}

fn note(history: &mut History, id: ConnectionId, now: SimTime, received: Received) {
    if let Some(connection) = history.connections.get_mut(id.0) {
        connection.received.push((now, received));
    }
}

#[cfg(test)]
mod tests {
    use super::Client;
    use crate::clock::SimTime;
    use crate::history::CallOutcome;
    use crate::history::ClientId;
    use crate::history::ConnectionId;
    use crate::history::End;
    use crate::history::History;
    use crate::history::Received;
    use crate::op::Answer;
    use crate::op::Op;
    use zoa_proto::frame::encode_frame;
    use zoa_proto::jute::Writer;

    fn frame(body: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_frame(&mut bytes, body).expect("a short frame");
        bytes
    }

    fn granted() -> Vec<u8> {
        frame(|writer| {
            writer.int(0);
            writer.int(4000);
            writer.long(0x77);
            writer.buffer(Some(&[9; 16]));
            writer.boolean(false);
        })
    }

    fn reply(xid: i32, zxid: i64, error: i32) -> Vec<u8> {
        frame(|writer| {
            writer.int(xid);
            writer.long(zxid);
            writer.int(error);
        })
    }

    fn connected() -> (Client, ConnectionId, History) {
        let mut history = History::default();
        let mut client = Client::new(ClientId(1), "10.0.0.1".to_owned());
        let (id, _) = client.connect(SimTime(1), client.ask(4000), &mut history);
        for byte in granted() {
            client.receive(id, SimTime(2), &[byte], &mut history);
        }
        (client, id, history)
    }

    #[test]
    fn frames_split_anywhere_are_put_together() {
        let (client, _, history) = connected();
        assert!(client.is_established());
        assert_eq!(client.held().map(|held| held.session), Some(0x77));
        assert_eq!(history.connections[0].session(), Some(0x77));
    }

    #[test]
    fn replies_are_noted_with_their_calls_and_strays_as_nonsense() {
        let (mut client, id, mut history) = connected();
        client.send_on(id, SimTime(3), Op::Ping, &mut history);
        client.receive(id, SimTime(4), &reply(-2, 5, 0), &mut history);
        client.receive(id, SimTime(5), &reply(-2, 5, 0), &mut history);
        let outcome = CallOutcome::Replied {
            at: SimTime(4),
            zxid: 5,
            outcome: Ok(Answer::Done),
        };
        assert_eq!(history.connections[0].calls[0].outcome, outcome);
        assert!(matches!(
            history.connections[0].received[1].1,
            Received::Nonsense(_)
        ));
        assert_eq!(client.last_zxid(), 5);
    }

    #[test]
    fn a_client_that_comes_back_rearms_its_watches_behind_its_first_frame() {
        let (mut client, id, mut history) = connected();
        client.send_on(
            id,
            SimTime(3),
            Op::Exists {
                path: "/a".to_owned(),
                watch: true,
            },
            &mut history,
        );
        client.receive(id, SimTime(4), &reply(2, 5, -101), &mut history);
        client.handle_end(id, SimTime(5), End::Dropped, &mut history);
        client.connect(SimTime(6), client.ask(4000), &mut history);
        let rearmed = history.connections[1]
            .calls
            .first()
            .map(|call| call.op.clone());
        let Some(Op::SetWatches {
            relative_zxid: 5,
            lists,
        }) = rearmed
        else {
            panic!("{rearmed:?}")
        };
        assert_eq!(lists.exist, ["/a"]);
    }
}
