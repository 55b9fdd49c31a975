//! What happens when the system reports something of a connection: it is open, readable or writable.
//!
//! ```text
//! event -> read once into the shared buffer -> frames -> the load
//! ```
//!
//! Only the beginning of a frame whose rest is still to come is copied.

use std::io::ErrorKind;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use mio::event::Event;
use zoa_proto::ConnectResponse;
use zoa_proto::ReplyHeader;
use zoa_proto::WatchedEvent;
use zoa_proto::Xid;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;
use zoa_proto::limits::FRAME_LEN_CEILING;

use crate::bench::clock;
use crate::bench::line::Line;
use crate::bench::line::Received;
use crate::bench::line::Stage;
use crate::bench::line::new_session;
use crate::bench::swarm::Lines;
use crate::bench::swarm::Load;
use crate::bench::swarm::Reply;

/// The parts of a [`Swarm`](super::Swarm) that handling an event needs, while the list of events is being walked.
pub(super) struct Hands<'s> {
    pub(super) lines: &'s mut Lines,
    pub(super) buffer: &'s mut [u8],
    pub(super) unfinished: &'s mut Vec<usize>,
    pub(super) session_timeout_ms: i32,
    pub(super) established: &'s mut usize,
}

impl Hands<'_> {
    /// Handles what was reported of one connection.
    pub(super) fn handle(&mut self, load: &mut impl Load, event: &Event) -> Result<()> {
        let connection = event.token().0;
        let Some(line) = self.lines.lines.get_mut(connection) else {
            return Ok(());
        };
        if line.stage == Stage::Opening && !opened(line)? {
            return Ok(());
        }
        if line.stage == Stage::Opening {
            line.greet(&new_session(self.session_timeout_ms))?;
            line.flush()?;
        }
        if event.is_readable() {
            self.receive(load, connection)?;
            // What came with the end of the stream made the read look complete; no other event will
            // tell of the end.
            if event.is_read_closed() {
                self.unfinished.push(connection);
            }
            self.lines.flush_dirty()?;
        }
        if event.is_writable()
            && let Some(line) = self.lines.lines.get_mut(connection)
            && line.stage != Stage::Closed
            && line.has_outgoing()
        {
            line.flush()?;
        }
        Ok(())
    }

    /// Reads once: a read shorter than the buffer has emptied the socket (epoll(7)), a full one is
    /// to be repeated.
    pub(super) fn receive(&mut self, load: &mut impl Load, connection: usize) -> Result<()> {
        let Some(line) = self.lines.lines.get_mut(connection) else {
            return Ok(());
        };
        if line.stage == Stage::Closed {
            return Ok(());
        }
        match line.read(self.buffer)? {
            Received::Nothing => Ok(()),
            Received::End => {
                line.stage = Stage::Closed;
                load.on_closed(connection)
            }
            Received::Bytes(count) => {
                if count == self.buffer.len() {
                    self.unfinished.push(connection);
                }
                self.take(load, connection, count)
            }
        }
    }

    /// Handles the frames in the first `count` bytes of the buffer, and what was left of earlier
    /// ones.
    fn take(&mut self, load: &mut impl Load, connection: usize, count: usize) -> Result<()> {
        let now = clock::now();
        let Some(line) = self.lines.lines.get_mut(connection) else {
            return Ok(());
        };
        let received = self.buffer.get(..count).unwrap_or_default();
        if line.incoming.is_empty() {
            let consumed = frames(
                self.lines,
                self.established,
                load,
                (connection, now, received),
            )?;
            let rest = received.get(consumed..).unwrap_or_default();
            if let Some(line) = self.lines.lines.get_mut(connection) {
                line.incoming.extend_from_slice(rest);
            }
            return Ok(());
        }
        line.incoming.extend_from_slice(received);
        let mut incoming = std::mem::take(&mut line.incoming);
        let consumed = frames(
            self.lines,
            self.established,
            load,
            (connection, now, &incoming),
        )?;
        incoming.drain(..consumed);
        if let Some(line) = self.lines.lines.get_mut(connection) {
            line.incoming = incoming;
        }
        Ok(())
    }
}

/// Handles each whole frame of `bytes`; how many bytes they took.
fn frames(
    lines: &mut Lines,
    established: &mut usize,
    load: &mut impl Load,
    (connection, now, bytes): (usize, Instant, &[u8]),
) -> Result<usize> {
    let limits = FrameLimits {
        frame_len_max: FRAME_LEN_CEILING,
    };
    let mut consumed = 0;
    while let Some((frame, taken)) = next_frame(bytes.get(consumed..).unwrap_or_default(), limits)?
    {
        consumed += taken;
        let Some(line) = lines.lines.get_mut(connection) else {
            break;
        };
        if line.stage == Stage::Greeting {
            check_granted(frame)?;
            line.stage = Stage::Established;
            *established += 1;
            continue;
        }
        let (header, body) = ReplyHeader::decode(frame)?;
        if header.xid == Xid::NOTIFICATION {
            load.on_event(connection, &WatchedEvent::decode(header, body)?, now)?;
            continue;
        }
        let sent = line.answered(&header)?;
        let reply = Reply {
            connection,
            class: sent.class,
            since: sent.since,
            now,
            error: header.error,
            body,
        };
        load.on_reply(lines, &reply)?;
    }
    Ok(consumed)
}

/// Whether the socket is connected by now; an error when it never will be.
fn opened(line: &Line) -> Result<bool> {
    if let Some(error) = line
        .stream
        .take_error()
        .context("cannot look at a socket")?
    {
        return Err(error).context("cannot connect to the server");
    }
    match line.stream.peer_addr() {
        Ok(_) => {
            line.stream
                .set_nodelay(true)
                .context("cannot set TCP_NODELAY")?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error).context("cannot connect to the server"),
    }
}

fn check_granted(frame: &[u8]) -> Result<()> {
    let response = ConnectResponse::decode(frame)
        .context("the server's answer to a ConnectRequest makes no sense")?;
    if response.is_rejected() {
        bail!("the server refused a new session");
    }
    Ok(())
}
