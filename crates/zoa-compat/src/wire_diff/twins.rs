//! The sessions, each held with both servers at once, and the carrying out of steps.
//!
//! After every step each living connection is asked for a ping: the reply to it closes the transcript,
//! since no server may send an event of an earlier write after it (G-07). So a step's transcripts are
//! complete without waiting for time to pass, and a missing event shows as a difference, not as a race.

use super::step::Attach;
use super::step::Request;
use super::step::Slot;
use super::step::Step;
use super::step::Visit;
use crate::link::Incoming;
use crate::link::Link;
use crate::wire::Acl;
use crate::wire::Body;
use crate::wire::ConnectRequest;
use crate::wire::ConnectResponse;
use crate::wire::ReplyHeader;
use crate::wire::XID_EVENT;
use crate::wire::XID_PING;
use crate::wire::frame;
use crate::wire::op;
use std::io;
use std::time::Duration;

/// How long a server may take for an answer before it counts as silent.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// What every session asks for; the servers are started to allow it.
const TIMEOUT_MS: i32 = 300_000;

/// Two ticks: nothing shorter is granted.
const SHORTEST_TIMEOUT_MS: i32 = 4_000;
/// The ephemeral of the session that falls silent.
pub(crate) const EXPIRING: &str = "/expiring";

/// One server of the two, and this side of every session.
pub(crate) struct Twin {
    address: String,
    sessions: Vec<Option<Session>>,
    links: Vec<Option<Link>>,
    last_zxid: i64,
}

struct Session {
    id: i64,
    password: Vec<u8>,
}

/// What one connection got during a step, in order.
pub(crate) type Transcript = Vec<Incoming>;

/// What one server sent during a step, by connection; the last place is for visits and for a connection
/// whose session was taken over.
pub(crate) type Outcome = Vec<Transcript>;

fn request_xid(request: &Request, next: &mut i32) -> i32 {
    request.xid.unwrap_or_else(|| {
        *next += 1;
        *next
    })
}

/// The xids that a step's requests get, the same on both sides.
pub(crate) fn number_requests(requests: &[Request], next: &mut i32) -> Vec<i32> {
    requests
        .iter()
        .map(|request| request_xid(request, next))
        .collect()
}

impl Twin {
    pub(crate) fn new(address: &str, slots: usize) -> Self {
        Self {
            address: address.to_owned(),
            sessions: (0..slots).map(|_| None).collect(),
            links: (0..slots).map(|_| None).collect(),
            last_zxid: 0,
        }
    }

    pub(crate) fn is_attached(&self, slot: Slot) -> bool {
        self.links.get(slot).is_some_and(Option::is_some)
    }

    pub(crate) fn has_session(&self, slot: Slot) -> bool {
        self.sessions.get(slot).is_some_and(Option::is_some)
    }

    pub(crate) fn last_zxid(&self) -> i64 {
        self.last_zxid
    }

    /// Gives up a connection from this side.
    pub(crate) fn detach(&mut self, slot: Slot) {
        if let Some(link) = self.links.get_mut(slot).and_then(Option::take) {
            link.shut();
        }
    }

    /// The session is over, as closeSession said.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.detach(slot);
        if let Some(session) = self.sessions.get_mut(slot) {
            *session = None;
        }
    }

    /// Carries out one step. `pick` chooses this server's zxid of a pair.
    pub(crate) fn carry_out(
        &mut self,
        step: &Step,
        xids: &[i32],
        left: bool,
    ) -> io::Result<Outcome> {
        let mut outcome: Outcome = (0..=self.links.len()).map(|_| Vec::new()).collect();
        let (place, transcript) = match step {
            Step::Requests { slot, requests } => {
                (*slot, self.send_requests(*slot, requests, xids, left))
            }
            Step::Open { slot } => (*slot, self.attach(*slot, &ConnectRequest::new(TIMEOUT_MS))?),
            Step::Drop { slot } => {
                self.detach(*slot);
                (*slot, Vec::new())
            }
            Step::Attach { slot, how } => {
                let (transcript, older) = self.attach_again(*slot, *how)?;
                if let Some(entry) = outcome.last_mut() {
                    *entry = older;
                }
                (*slot, transcript)
            }
            Step::Raw { slot, bytes, .. } => (*slot, self.send_raw(*slot, bytes)),
            Step::Visit(visit) => (self.links.len(), self.visit(visit)?),
        };
        if let Some(entry) = outcome.get_mut(place) {
            *entry = transcript;
        }
        self.settle(&mut outcome);
        Ok(outcome)
    }

    fn send_requests(
        &mut self,
        slot: Slot,
        requests: &[Request],
        xids: &[i32],
        left: bool,
    ) -> Transcript {
        let Some(link) = self.links.get_mut(slot).and_then(Option::as_mut) else {
            return vec![Incoming::Closed];
        };
        let mut bytes = Vec::new();
        for (request, xid) in requests.iter().zip(xids) {
            let relative = request
                .relative
                .map(|pair| if left { pair.left } else { pair.right });
            let mut body = relative
                .map(|zxid| zxid.to_be_bytes().to_vec())
                .unwrap_or_default();
            body.extend_from_slice(&request.body);
            bytes.extend_from_slice(&frame(&crate::wire::request(*xid, request.op, &body)));
        }
        if link.send_raw(&bytes).is_err() {
            return vec![Incoming::Closed];
        }
        let closes = requests
            .iter()
            .any(|request| request.op == op::CLOSE_SESSION);
        let mut transcript = read_replies(link, requests.len(), closes);
        // The close comes a moment after such a reply: a ping sent in between may still be answered.
        if transcript.last().is_some_and(announces_close) {
            transcript.extend(read_replies(link, usize::MAX, true));
        }
        transcript
    }

    fn send_raw(&mut self, slot: Slot, bytes: &[u8]) -> Transcript {
        let Some(link) = self.links.get_mut(slot).and_then(Option::as_mut) else {
            return vec![Incoming::Closed];
        };
        match link.send_raw(bytes) {
            Ok(()) => read_replies(link, usize::MAX, true),
            Err(_) => vec![Incoming::Closed],
        }
    }

    /// What the new connection got, and what the older one got when it was still there.
    fn attach_again(&mut self, slot: Slot, how: Attach) -> io::Result<(Transcript, Transcript)> {
        if how != Attach::Steal {
            self.detach(slot);
        }
        let Some(session) = self.sessions.get(slot).and_then(Option::as_ref) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let mut request = ConnectRequest::new(TIMEOUT_MS);
        request.session = session.id;
        request.password.clone_from(&session.password);
        request.last_zxid = self.last_zxid;
        match how {
            Attach::Right | Attach::Steal => {}
            Attach::OldClient => request.read_only = None,
            Attach::WrongPassword => {
                if let Some(byte) = request.password.last_mut() {
                    *byte ^= 1;
                }
            }
            Attach::FutureZxid => request.last_zxid += 1_000_000,
        }
        let mut older = self.links.get_mut(slot).and_then(Option::take);
        let transcript = self.attach(slot, &request)?;
        let older = older
            .as_mut()
            .map(|older| read_replies(older, usize::MAX, true));
        Ok((transcript, older.unwrap_or_default()))
    }

    /// Opens a connection and shakes hands; keeps it when the server agreed.
    fn attach(&mut self, slot: Slot, request: &ConnectRequest) -> io::Result<Transcript> {
        let mut link = Link::open(&self.address)?;
        let answer = link.handshake(request, ANSWER_WITHIN);
        let response = match &answer {
            Incoming::Frame(frame) => ConnectResponse::read(frame),
            Incoming::Closed | Incoming::Silent => None,
        };
        let mut transcript = vec![answer];
        match response.filter(|response| response.session != 0) {
            Some(response) => {
                let session = Session {
                    id: response.session,
                    password: response.password,
                };
                self.put(slot, Some(session), Some(link));
            }
            None => transcript.extend(read_replies(&mut link, usize::MAX, true)),
        }
        Ok(transcript)
    }

    fn put(&mut self, slot: Slot, session: Option<Session>, link: Option<Link>) {
        if let (Some(kept), Some(place)) = (self.sessions.get_mut(slot), self.links.get_mut(slot)) {
            *kept = session;
            *place = link;
        }
    }

    fn visit(&self, visit: &Visit) -> io::Result<Transcript> {
        let mut link = Link::open(&self.address)?;
        let mut request = ConnectRequest::new(TIMEOUT_MS);
        match visit {
            Visit::Timeout(timeout_ms) => request.timeout_ms = *timeout_ms,
            Visit::UnknownSession => request.session = 0x7777_7777_7777,
            Visit::OldClient => request.read_only = None,
            Visit::Silent => request.timeout_ms = SHORTEST_TIMEOUT_MS,
            Visit::PasswordLen(len) => request.password = vec![7; *len],
            Visit::Garbage(bytes) => {
                let sent = link.send_raw(bytes);
                return Ok(if sent.is_ok() {
                    read_replies(&mut link, usize::MAX, true)
                } else {
                    vec![Incoming::Closed]
                });
            }
        }
        let mut transcript = vec![link.handshake(&request, ANSWER_WITHIN)];
        if matches!(visit, Visit::Silent) {
            let body = Body::new()
                .text(EXPIRING)
                .bytes(None)
                .acl(&Acl::open())
                .int(1)
                .done();
            link.send(1, op::CREATE, &body)?;
            transcript.extend(read_replies(&mut link, 1, false));
            return Ok(transcript);
        }
        if link.send(1, op::CLOSE_SESSION, &[]).is_ok() {
            transcript.extend(read_replies(&mut link, 1, true));
        } else {
            transcript.push(Incoming::Closed);
        }
        Ok(transcript)
    }

    /// Pings every connection and reads up to the answer.
    fn settle(&mut self, outcome: &mut Outcome) {
        for link in self.links.iter_mut().flatten() {
            // An error here is a closed connection: reading tells.
            let _ = link.send(XID_PING, op::PING, &[]);
        }
        for (place, transcript) in self.links.iter_mut().zip(outcome.iter_mut()) {
            let Some(link) = place.as_mut() else { continue };
            let ended_before = transcript.last() == Some(&Incoming::Closed);
            if !ended_before {
                transcript.extend(read_until_ping(link));
            }
            if !matches!(transcript.last(), Some(Incoming::Frame(_))) {
                *place = None;
            }
        }
        for incoming in outcome.iter().flatten() {
            if let Incoming::Frame(frame) = incoming
                && let Some((header, _)) = ReplyHeader::read(frame)
                && header.xid == XID_PING
            {
                self.last_zxid = self.last_zxid.max(header.zxid);
            }
        }
    }
}

/// An unknown operation, told by a zxid of -1, or a failed authentication: the server closes by itself.
fn announces_close(incoming: &Incoming) -> bool {
    let Incoming::Frame(frame) = incoming else {
        return false;
    };
    let header = ReplyHeader::read(frame).map(|(header, _)| header);
    header.is_some_and(|header| header.error == -115 || (header.error == -6 && header.zxid == -1))
}

/// Reads `count` replies with the events between them; with `closes`, up to the end of the connection.
fn read_replies(link: &mut Link, count: usize, closes: bool) -> Transcript {
    let mut transcript = Vec::new();
    let mut replies = 0;
    while replies < count || closes {
        let incoming = link.read(ANSWER_WITHIN);
        match &incoming {
            Incoming::Frame(frame) => {
                let event =
                    ReplyHeader::read(frame).is_some_and(|(header, _)| header.xid == XID_EVENT);
                replies += usize::from(!event);
                transcript.push(incoming);
            }
            Incoming::Closed | Incoming::Silent => {
                transcript.push(incoming);
                break;
            }
        }
    }
    transcript
}

fn read_until_ping(link: &mut Link) -> Transcript {
    let mut transcript = Vec::new();
    loop {
        let incoming = link.read(ANSWER_WITHIN);
        let more = match &incoming {
            Incoming::Frame(frame) => {
                ReplyHeader::read(frame).is_some_and(|(header, _)| header.xid != XID_PING)
            }
            Incoming::Closed | Incoming::Silent => false,
        };
        transcript.push(incoming);
        if !more {
            return transcript;
        }
    }
}
