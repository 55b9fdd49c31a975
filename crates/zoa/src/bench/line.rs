//! One client connection of the bench: bytes out, bytes in, and the requests that wait for their
//! replies.
//!
//! Not a client library: it never reconnects, keeps no watches, and whatever goes wrong ends the
//! run.
//!
//! Invariant: replies come in the order of the requests (the protocol's promise), so the oldest
//! request in flight is the one answered; a reply with another xid is an error of the server and is
//! reported as such.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::io::Read as _;
use std::io::Write as _;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use mio::net::TcpStream;
use zoa_proto::ConnectRequest;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_request;

/// A buffer that was once long is given back when a connection has gone quiet with more than this,
/// bytes.
const IDLE_BUFFER_LEN_MAX: usize = 64 * 1024;

/// What asks for a new session with this timeout, in milliseconds.
pub(crate) const fn new_session(timeout_ms: i32) -> ConnectRequest<'static> {
    ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid::ZERO,
        timeout_ms,
        session: SessionId::NONE,
        password: &[0; 16],
        read_only: Some(false),
    }
}

/// Which of a workload's kinds of request one is; an index into its histograms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(pub(crate) usize);

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The socket is being connected.
    Opening,
    /// The ConnectRequest is sent.
    Greeting,
    /// The session stands.
    Established,
    /// The server has closed the connection.
    Closed,
}

/// A request that was sent and not yet answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    pub(crate) xid: Xid,
    pub(crate) class: Class,
    /// From when its latency counts.
    pub(crate) since: Instant,
}

/// One connection.
pub(crate) struct Line {
    pub(crate) stream: TcpStream,
    pub(crate) stage: Stage,
    pub(crate) in_flight: VecDeque<InFlight>,
    xid_last: i32,
    outgoing: Vec<u8>,
    outgoing_sent: usize,
    /// The beginning of a frame whose rest has not come yet.
    pub(crate) incoming: Vec<u8>,
}

impl Line {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            stage: Stage::Opening,
            in_flight: VecDeque::new(),
            xid_last: 0,
            outgoing: Vec::new(),
            outgoing_sent: 0,
            incoming: Vec::new(),
        }
    }

    /// Asks for a session; called once the socket is connected.
    pub(crate) fn greet(&mut self, request: &ConnectRequest<'_>) -> Result<()> {
        request.encode_frame(&mut self.outgoing)?;
        self.stage = Stage::Greeting;
        Ok(())
    }

    /// Puts a request into the outgoing buffer; its latency counts from `since`.
    pub(crate) fn send(
        &mut self,
        class: Class,
        since: Instant,
        request: &Request<'_>,
    ) -> Result<()> {
        let xid = match request {
            Request::Ping => Xid::PING,
            _ => {
                self.xid_last = self.xid_last.checked_add(1).unwrap_or(1);
                Xid(self.xid_last)
            }
        };
        encode_request(&mut self.outgoing, xid, request)?;
        self.in_flight.push_back(InFlight { xid, class, since });
        Ok(())
    }

    /// The request that this reply answers.
    pub(crate) fn answered(&mut self, header: &ReplyHeader) -> Result<InFlight> {
        match self.in_flight.pop_front() {
            Some(sent) if sent.xid == header.xid => Ok(sent),
            Some(sent) => bail!(
                "the server answered xid {} where {} was due",
                header.xid.0,
                sent.xid.0
            ),
            None => bail!(
                "the server answered xid {}, which was never sent",
                header.xid.0
            ),
        }
    }

    /// Whether bytes wait to be written.
    pub(crate) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Writes what the socket takes; the rest goes when it is writable again.
    pub(crate) fn flush(&mut self) -> Result<()> {
        while let Some(rest) = self.outgoing.get(self.outgoing_sent..)
            && !rest.is_empty()
        {
            match self.stream.write(rest) {
                Ok(count) => self.outgoing_sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot send to the server"),
            }
        }
        self.outgoing_sent = 0;
        self.outgoing.clear();
        if self.outgoing.capacity() > IDLE_BUFFER_LEN_MAX {
            self.outgoing = Vec::new();
        }
        Ok(())
    }

    /// Reads once into `buffer`.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<Received> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Ok(Received::End),
                Ok(count) => return Ok(Received::Bytes(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Received::Nothing);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    return Ok(Received::End);
                }
                Err(error) => return Err(error).context("cannot receive from the server"),
            }
        }
    }
}

/// What one read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes.
    Bytes(usize),
    /// None now.
    Nothing,
    /// The server has closed the connection.
    End,
}
