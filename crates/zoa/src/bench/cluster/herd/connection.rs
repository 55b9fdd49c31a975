//! One session and the connection it has at the moment, if any.
//!
//! Invariant: whatever goes wrong with a connection ends that connection and nothing else.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use mio::Interest;
use mio::Registry;
use mio::Token;
use mio::net::TcpStream;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::ErrorCode;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;
use zoa_proto::limits::FRAME_LEN_CEILING;

use crate::bench::line::Class;
use crate::bench::line::InFlight;
use crate::bench::line::Line;
use crate::bench::line::Received;
use crate::bench::line::Stage;
use crate::bench::operations::Dice;

/// See the module.
pub(super) struct Member {
    token: Token,
    line: Option<Line>,
    /// Which server it has, or tried last.
    server: usize,
    /// Where it is to go next, if it was told.
    next: Option<usize>,
    /// Chooses the next one, so that those that lose a server spread over all others.
    dice: Dice,
    session: SessionId,
    password: Vec<u8>,
    last_zxid: Zxid,
}

/// What a frame means.
pub(super) enum News {
    /// The session is attached.
    Attached,
    /// The session is over.
    Expired,
    /// A request was answered.
    Reply(Answered),
    /// The connection is of no use any more.
    Broken,
}

/// A request and how it ended.
pub(super) struct Answered {
    pub(super) sent: InFlight,
    pub(super) error: Option<ErrorCode>,
}

impl Member {
    /// The session of this number; it begins with the server of the same number.
    pub(super) fn new(number: usize) -> Self {
        Self {
            token: Token(number),
            line: None,
            server: number,
            next: None,
            dice: Dice::seeded(number),
            session: SessionId::NONE,
            password: vec![0; 16],
            last_zxid: Zxid::ZERO,
        }
    }

    pub(super) fn session(&self) -> i64 {
        self.session.0
    }

    pub(super) fn is_attached(&self) -> bool {
        self.stage() == Some(Stage::Established)
    }

    pub(super) fn is_opening(&self) -> bool {
        matches!(self.stage(), Some(Stage::Opening | Stage::Greeting))
    }

    pub(super) fn is_down(&self) -> bool {
        self.line.is_none()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.in_flight.len())
    }

    fn stage(&self) -> Option<Stage> {
        self.line.as_ref().map(|line| line.stage)
    }

    /// Tells one that has another server to go to this one; whether it is to.
    pub(super) fn go_to(&mut self, server: usize, servers: usize) -> bool {
        let goes = self.is_attached() && self.server % servers.max(1) != server;
        if goes {
            self.next = Some(server);
        }
        goes
    }

    /// Begins an attempt with the server whose turn it is.
    pub(super) fn open(&mut self, servers: &[SocketAddr], registry: &Registry) -> Result<()> {
        let server = servers.get(self.server % servers.len().max(1));
        let mut stream = TcpStream::connect(*server.context("there is a server")?)?;
        registry.register(
            &mut stream,
            self.token,
            Interest::READABLE | Interest::WRITABLE,
        )?;
        self.line = Some(Line::new(stream));
        Ok(())
    }

    /// Closes the connection; the next attempt is with one of the other servers. What was not answered.
    pub(super) fn leave(&mut self, servers: usize) -> VecDeque<InFlight> {
        let others = servers.saturating_sub(1).max(1);
        let drawn = (self.server + 1 + self.dice.below(others)) % servers.max(1);
        self.server = self.next.take().unwrap_or(drawn);
        self.line
            .take()
            .map(|line| line.in_flight)
            .unwrap_or_default()
    }

    /// Asks for the session once the socket is open.
    pub(super) fn greet_when_open(&mut self, timeout_ms: i32) -> Result<()> {
        let opening = self
            .line
            .as_mut()
            .filter(|line| line.stage == Stage::Opening);
        let Some(line) = opening else {
            return Ok(());
        };
        if let Some(error) = line.stream.take_error()? {
            return Err(error.into());
        }
        match line.stream.peer_addr() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        line.stream.set_nodelay(true)?;
        line.greet(&ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: self.last_zxid,
            timeout_ms,
            session: self.session,
            password: &self.password,
            read_only: Some(false),
        })?;
        line.flush()
    }

    pub(super) fn has_outgoing(&self) -> bool {
        self.line.as_ref().is_some_and(Line::has_outgoing)
    }

    /// Puts a request into the outgoing buffer; whether there is a connection.
    pub(super) fn send(
        &mut self,
        (class, since): (Class, Instant),
        request: &Request<'_>,
    ) -> Result<bool> {
        match &mut self.line {
            Some(line) => line.send(class, since, request).map(|()| true),
            None => Ok(false),
        }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.line.as_mut().map_or(Ok(()), Line::flush)
    }

    /// Reads once, behind what is there; `None` when the server has closed the connection.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let Some(line) = &mut self.line else {
            return Ok(Some(0));
        };
        if line.stage == Stage::Opening {
            return Ok(Some(0));
        }
        match line.read(buffer)? {
            Received::Nothing => Ok(Some(0)),
            Received::End => Ok(None),
            Received::Bytes(count) => {
                line.incoming
                    .extend_from_slice(buffer.get(..count).unwrap_or_default());
                Ok(Some(count))
            }
        }
    }

    /// What the next whole frame says.
    pub(super) fn next_news(&mut self) -> Option<News> {
        let line = self.line.as_mut()?;
        let limits = FrameLimits {
            frame_len_max: FRAME_LEN_CEILING,
        };
        let (frame, taken) = match next_frame(&line.incoming, limits) {
            Ok(Some((frame, taken))) => (frame.to_vec(), taken),
            Ok(None) => return None,
            Err(_) => return Some(News::Broken),
        };
        line.incoming.drain(..taken);
        let news = if line.stage == Stage::Greeting {
            self.take_grant(&frame)
        } else {
            self.take_reply(&frame)
        };
        Some(news.unwrap_or(News::Broken))
    }

    fn take_grant(&mut self, frame: &[u8]) -> Result<News> {
        let response = ConnectResponse::decode(frame)?;
        if response.is_rejected() {
            self.session = SessionId::NONE;
            self.password = vec![0; 16];
            return Ok(News::Expired);
        }
        if self.session != SessionId::NONE && self.session != response.session {
            bail!("a session was answered with another one");
        }
        self.session = response.session;
        self.password = response.password.to_vec();
        if let Some(line) = &mut self.line {
            line.stage = Stage::Established;
        }
        Ok(News::Attached)
    }

    fn take_reply(&mut self, frame: &[u8]) -> Result<News> {
        let (header, _) = ReplyHeader::decode(frame)?;
        let line = self.line.as_mut().context("a frame came on a connection")?;
        if header.xid == Xid::PING && header.error.is_some() {
            // The farewell of a server that stops.
            return Ok(News::Broken);
        }
        let sent = line.answered(&header)?;
        if self.last_zxid < header.zxid {
            self.last_zxid = header.zxid;
        }
        let error = header.error;
        Ok(News::Reply(Answered { sent, error }))
    }
}
