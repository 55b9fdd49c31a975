//! The first and the last load of every swarm: while it is being connected, and while it says goodbye.

use std::time::Instant;

use anyhow::Result;
use anyhow::bail;
use zoa_proto::Request;
use zoa_proto::WatchedEvent;

use crate::bench::line::Class;
use crate::bench::swarm::Lines;
use crate::bench::swarm::Load;
use crate::bench::swarm::Next;
use crate::bench::swarm::Reply;

/// The load of a swarm that is only being connected: nothing is sent.
pub(super) struct Connecting;

impl Load for Connecting {
    fn on_tick(&mut self, _: &mut Lines, _: Instant) -> Result<Next> {
        Ok(Next::Finish)
    }

    fn on_reply(&mut self, _: &mut Lines, reply: &Reply<'_>) -> Result<()> {
        bail!(
            "connection {} got a reply before any request was sent",
            reply.connection
        );
    }

    fn on_closed(&mut self, connection: usize) -> Result<()> {
        bail!(
            "the server closed connection {connection} instead of granting a session \
             (its limit on connections? see maxClientCnxns)"
        );
    }
}

/// Says goodbye on every connection. A server that does not answer in time is left alone: the
/// figures are taken.
pub(super) struct Closing {
    left: usize,
    end: Instant,
    begun: bool,
}

impl Closing {
    /// A goodbye that waits until `end` for the server's.
    pub(super) fn new(end: Instant) -> Self {
        Self {
            left: 0,
            end,
            begun: false,
        }
    }
}

impl Load for Closing {
    fn on_tick(&mut self, lines: &mut Lines, now: Instant) -> Result<Next> {
        if !self.begun {
            self.begun = true;
            for connection in 0..lines.len() {
                if !lines.is_closed(connection) {
                    lines.send(connection, (Class(0), now), &Request::CloseSession)?;
                    self.left += 1;
                }
            }
        }
        Ok(if self.left == 0 || self.end <= now {
            Next::Finish
        } else {
            Next::WaitUntil(self.end)
        })
    }

    fn on_reply(&mut self, _: &mut Lines, _: &Reply<'_>) -> Result<()> {
        Ok(())
    }

    fn on_event(&mut self, _: usize, _: &WatchedEvent<'_>, _: Instant) -> Result<()> {
        Ok(())
    }

    fn on_closed(&mut self, _: usize) -> Result<()> {
        self.left = self.left.saturating_sub(1);
        Ok(())
    }
}
