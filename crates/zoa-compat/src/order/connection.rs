//! One connection of the order check: keeps some requests in flight and writes down what comes.
//!
//! Not the judge: it never looks at what arrives, but to know which request a reply answers.

use super::arrival::Arrival;
use super::arrival::Asked;
use super::arrival::Persistent;
use super::arrival::read_event;
use super::arrival::read_op;
use super::arrival::read_reply;
use super::node::Node;
use super::node::ROOT;
use crate::link::Incoming;
use crate::link::Link;
use crate::wire::Body;
use crate::wire::ConnectRequest;
use crate::wire::ConnectResponse;
use crate::wire::ReplyHeader;
use crate::wire::XID_EVENT;
use crate::wire::XID_PING;
use crate::wire::XID_SET_WATCHES;
use crate::wire::op;
use anyhow::Context;
use anyhow::bail;
use std::collections::VecDeque;
use std::time::Duration;

const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const TIMEOUT_MS: i32 = 30_000;

/// A connection and its log.
pub(crate) struct Connection {
    address: String,
    link: Link,
    session: ConnectResponse,
    asked: VecDeque<(i32, Asked)>,
    xid: i32,
    last_zxid: i64,
    pub(crate) log: Vec<Arrival>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> anyhow::Result<Self> {
        let mut link = Link::open(address).with_context(|| format!("connecting to {address}"))?;
        let session = link.open_session(&ConnectRequest::new(TIMEOUT_MS), ANSWER_WITHIN)?;
        Ok(Self {
            address: address.to_owned(),
            link,
            session,
            asked: VecDeque::new(),
            xid: 0,
            last_zxid: 0,
            log: Vec::new(),
        })
    }

    /// How many requests wait for their reply.
    pub(crate) fn in_flight(&self) -> usize {
        self.asked.len()
    }

    /// Breaks the connection off, with what is in flight, and attaches the session again.
    pub(crate) fn reattach(&mut self) -> anyhow::Result<()> {
        self.drain()?;
        self.link.shut();
        let mut link = Link::open(&self.address)?;
        let request = ConnectRequest {
            last_zxid: self.last_zxid,
            session: self.session.session,
            password: self.session.password.clone(),
            ..ConnectRequest::new(TIMEOUT_MS)
        };
        self.session = link
            .open_session(&request, ANSWER_WITHIN)
            .context("attaching the session again")?;
        self.link = link;
        self.log.push(Arrival::Attached);
        Ok(())
    }

    fn ask(&mut self, xid: i32, op: i32, body: &[u8], asked: Asked) -> anyhow::Result<()> {
        self.link.send(xid, op, body).context("sending a request")?;
        self.asked.push_back((xid, asked));
        Ok(())
    }

    fn next_xid(&mut self) -> i32 {
        self.xid += 1;
        self.xid
    }

    pub(crate) fn read(&mut self, node: Node, watch: bool) -> anyhow::Result<()> {
        let xid = self.next_xid();
        let body = Body::new().text(&node.path()).flag(watch).done();
        self.ask(xid, read_op(node), &body, Asked::Read { node, watch })
    }

    /// Sends a write. `asked` tells the changes it makes.
    pub(crate) fn write(&mut self, op: i32, body: &[u8], asked: Asked) -> anyhow::Result<()> {
        let xid = self.next_xid();
        self.ask(xid, op, body, asked)
    }

    pub(crate) fn add_watch(&mut self, persistent: Persistent) -> anyhow::Result<()> {
        let (path, mode) = match persistent {
            Persistent::Exact(node) => (node.path(), 0),
            Persistent::Recursive => (ROOT.to_owned(), 1),
        };
        let xid = self.next_xid();
        self.ask(
            xid,
            op::ADD_WATCH,
            &Body::new().text(&path).int(mode).done(),
            Asked::AddWatch(persistent),
        )
    }

    /// Arms data watches as a client does after a reconnect.
    pub(crate) fn set_watches(&mut self, nodes: Vec<Node>) -> anyhow::Result<()> {
        let paths: Vec<String> = nodes.iter().map(|node| node.path()).collect();
        let relative = self.last_zxid;
        let body = Body::new()
            .long(relative)
            .texts(&paths)
            .texts(&[])
            .texts(&[])
            .done();
        self.ask(
            XID_SET_WATCHES,
            op::SET_WATCHES,
            &body,
            Asked::SetWatches { relative, nodes },
        )
    }

    pub(crate) fn ping(&mut self) -> anyhow::Result<()> {
        self.ask(XID_PING, op::PING, &[], Asked::Ping)
    }

    /// Reads one frame and writes it down.
    pub(crate) fn take(&mut self) -> anyhow::Result<()> {
        let frame = match self.link.read(ANSWER_WITHIN) {
            Incoming::Frame(frame) => frame,
            other => bail!("waited for a frame: {other:?}"),
        };
        let (header, body) = ReplyHeader::read(&frame).context("a frame without a header")?;
        let arrival = if header.xid == XID_EVENT {
            read_event(header.zxid, body)
        } else {
            self.reply(header, body)
        };
        self.log.push(arrival);
        Ok(())
    }

    fn reply(&mut self, header: ReplyHeader, body: &[u8]) -> Arrival {
        let Some((xid, asked)) = self.asked.pop_front() else {
            return Arrival::Wrong(format!("a reply that nothing asked for: {header:?}"));
        };
        self.last_zxid = self.last_zxid.max(header.zxid);
        if xid != header.xid {
            return Arrival::Wrong(format!(
                "G-03: the reply of xid {} where that of {xid} was due",
                header.xid
            ));
        }
        match (header.error, asked) {
            (0, asked) => read_reply(asked, header.zxid, body),
            (
                -101,
                Asked::Read {
                    node: Node::Flap,
                    watch,
                },
            ) => Arrival::Read {
                zxid: header.zxid,
                node: Node::Flap,
                watch,
                seen: super::arrival::Seen::Absent,
            },
            (-101 | -103 | -110, Asked::Write(_)) => Arrival::Refused { zxid: header.zxid },
            (error, asked) => Arrival::Wrong(format!("error {error} to {asked:?}")),
        }
    }

    /// Waits for all that is in flight.
    pub(crate) fn drain(&mut self) -> anyhow::Result<()> {
        while !self.asked.is_empty() {
            self.take()?;
        }
        Ok(())
    }

    /// Waits until every event up to now has come: a ping's reply may not overtake them.
    pub(crate) fn settle(&mut self) -> anyhow::Result<()> {
        self.drain()?;
        self.ping()?;
        self.drain()
    }
}
