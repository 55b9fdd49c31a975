//! The connections of a swarm, as a load sees them: something to send on.
//!
//! What is sent is written when the load has returned, once for all that it sent on a connection.

use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use zoa_proto::Request;

use crate::bench::line::Class;
use crate::bench::line::Line;
use crate::bench::line::Stage;

/// The connections, for a load to send on.
pub(crate) struct Lines {
    pub(super) lines: Vec<Line>,
    /// Connections with bytes to write since the last flush.
    dirty: Vec<usize>,
}

impl Lines {
    /// None yet, with room for so many.
    pub(super) fn with_capacity(connections: usize) -> Self {
        Self {
            lines: Vec::with_capacity(connections),
            dirty: Vec::new(),
        }
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// How many requests on `connection` are not yet answered.
    pub(crate) fn in_flight(&self, connection: usize) -> usize {
        self.lines
            .get(connection)
            .map_or(0, |line| line.in_flight.len())
    }

    /// Whether the server has closed `connection`.
    pub(super) fn is_closed(&self, connection: usize) -> bool {
        self.lines
            .get(connection)
            .is_none_or(|line| line.stage == Stage::Closed)
    }

    /// Sends a request on `connection`; its latency counts from `since`.
    pub(crate) fn send(
        &mut self,
        connection: usize,
        (class, since): (Class, Instant),
        request: &Request<'_>,
    ) -> Result<()> {
        let line = self
            .lines
            .get_mut(connection)
            .context("there is no such connection")?;
        if !line.has_outgoing() {
            self.dirty.push(connection);
        }
        line.send(class, since, request)
    }

    /// Writes what was sent since the last time.
    pub(super) fn flush_dirty(&mut self) -> Result<()> {
        for connection in self.dirty.drain(..) {
            if let Some(line) = self.lines.get_mut(connection) {
                line.flush()?;
            }
        }
        Ok(())
    }
}
