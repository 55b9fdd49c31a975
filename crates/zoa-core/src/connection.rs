//! One client connection, seen from its input side: bytes in, requests admitted, proposals and replies out.
//!
//! ```text
//!   Fresh -- connect request --> Attaching -- applied --> Established -- closeSession --> Closing
//!     `-- four-letter word --> Closing                        `-- expired, moved, hostile --> Closing
//! ```
//!
//! A connection is driven by its own task alone: [`Connection::handle_input`] for bytes, [`Connection::handle_wake`] when its lane
//! woke it, [`Connection::output`] for what is to be sent. It never blocks and never reads a clock.

mod admit;
mod attach;
mod listing;
mod local;

use std::sync::Arc;
use std::task::Waker;

use parking_lot::RwLockReadGuard;
use zoa_proto::frame::next_frame;
use zoa_tree::IdentitiesBuf;
use zoa_tree::Tree;

use crate::core::Core;
use crate::lane::Attachment;
use crate::lane::Lane;
use crate::limits::HANDSHAKE_MS_MAX;
use crate::limits::IDLE_BUFFER_LEN_MAX;
use crate::limits::OUTBOX_HIGH_WATER;
use crate::limits::REQUESTS_PER_HOLD;
use crate::moment::Moment;
use crate::propose::Proposals;
use listing::Listing;

/// What the driver lends a connection for one turn.
pub struct Turn<'a> {
    /// The time.
    pub now: Moment,
    /// Fills its argument with bytes from a secure random source.
    pub random: &'a mut dyn FnMut(&mut [u8]),
    /// Collects what is to be proposed.
    pub proposals: &'a mut Proposals,
}

/// What a connection wants after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More input.
    Reading,
    /// No input until its lane wakes it, or until its output has been sent.
    Blocked,
    /// Another turn soon, with no new input; others should have theirs first.
    Again,
    /// No input ever again: send the output, then close.
    Closed,
}

/// The input side of one client connection.
#[derive(Debug)]
pub struct Connection {
    core: Arc<Core>,
    lane: Arc<Lane>,
    phase: Phase,
    /// What came in and could not be handled yet.
    input: Vec<u8>,
    /// What is being sent, and how much of it is.
    sending: Vec<u8>,
    sent_len: usize,
    identities: Arc<IdentitiesBuf>,
    accepted_ms: u64,
    /// It was taken on by a server that only read; it ends when that changes.
    is_read_only: bool,
    /// The client was told that nothing more is taken.
    has_bid_farewell: bool,
    /// Bytes of long lists for which this connection has room, until it has sent them.
    lists_len: usize,
}

#[derive(Debug)]
enum Phase {
    /// Nothing complete has come in.
    Fresh,
    /// The connect request has been proposed.
    Attaching,
    /// Speaks for a session.
    Established(Attachment),
    /// Walks a long list; what follows waits.
    Listing(Attachment, Box<Listing>),
    /// Reads no more.
    Closing,
}

/// What became of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is dealt with.
    Done,
    /// It waits in the input until the lane wakes us.
    Hold,
    /// It is dealt with, and nothing more is read for now.
    DoneAndWait,
    /// The connection is over.
    Close,
}

/// What waits to be sent.
#[derive(Debug)]
pub struct Output<'a> {
    /// The bytes, possibly none.
    pub bytes: &'a [u8],
    /// The connection is over: when these are sent, or cannot be, close it.
    pub is_last: bool,
}

impl Connection {
    pub(crate) fn new(core: Arc<Core>, lane: Arc<Lane>, now: Moment) -> Self {
        let identities = Arc::clone(&lane.lock().identities);
        Self {
            core,
            lane,
            phase: Phase::Fresh,
            input: Vec::new(),
            sending: Vec::new(),
            sent_len: 0,
            identities,
            accepted_ms: now.mono_ms,
            is_read_only: false,
            has_bid_farewell: false,
            lists_len: 0,
        }
    }

    /// Takes bytes as they came from the socket.
    pub fn handle_input(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> Progress {
        self.core.stats.bytes_received.add(bytes.len() as u64);
        if self.input.is_empty() {
            let (used, progress) = self.handle_frames(bytes, turn);
            if progress != Progress::Closed {
                self.input
                    .extend_from_slice(bytes.get(used..).unwrap_or_default());
            }
            return progress;
        }
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(bytes);
        let (used, progress) = self.handle_frames(&input, turn);
        if used == input.len() || progress == Progress::Closed {
            input.clear();
        } else {
            input.drain(..used);
        }
        if !input.is_empty() || input.capacity() <= IDLE_BUFFER_LEN_MAX {
            self.input = input;
        }
        progress
    }

    /// Goes on after the lane woke this connection, or after its output has been sent.
    pub fn handle_wake(&mut self, turn: &mut Turn<'_>) -> Progress {
        self.handle_input(&[], turn)
    }

    /// What is to be sent next. `waker` is woken when the connection must look again.
    pub fn output(&mut self, waker: Option<&Waker>) -> Output<'_> {
        if self.sent_len == self.sending.len() {
            self.sending.clear();
            self.sent_len = 0;
            // Else it would go back to the lane and stay there, however long the reply was that it once held.
            if self.sending.capacity() > IDLE_BUFFER_LEN_MAX {
                self.sending = Vec::new();
            }
        }
        let taken = self.lane.take_output(&mut self.sending, waker);
        if self.sending.is_empty() && self.sending.capacity() > 0 {
            self.sending = Vec::new();
        }
        if self.sending.is_empty() && !matches!(self.phase, Phase::Listing(..)) {
            self.core
                .list_room
                .give_back(std::mem::take(&mut self.lists_len));
        }
        if taken.outgoing.packets > 0 {
            self.core.stats.sent(&taken.outgoing);
        }
        Output {
            bytes: self.sending.get(self.sent_len..).unwrap_or_default(),
            is_last: taken.is_last,
        }
    }

    /// Says who is to be woken when something changes for this connection.
    ///
    /// [`Progress::Blocked`] counts only for a driver that had said so before the turn: what it waits for may happen during the turn.
    pub fn listen(&mut self, waker: &Waker) {
        self.lane.lock().remember(waker);
    }

    /// Says that the connection ends since it has no session yet and its time for one is over.
    pub fn handle_deadline(&self) {
        self.core.stats.sessionless_expired.add(1);
    }

    /// Says how much of [`Self::output`] the socket took.
    pub fn handle_sent(&mut self, len: usize) {
        self.sent_len += len;
        assert!(
            self.sent_len <= self.sending.len(),
            "no more is sent than there was"
        );
    }

    /// When a connection without a session is to be closed, in milliseconds of the monotonic clock.
    pub fn deadline_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Fresh => Some(self.accepted_ms + HANDSHAKE_MS_MAX),
            Phase::Attaching | Phase::Established(_) | Phase::Listing(..) | Phase::Closing => None,
        }
    }

    /// Whether the server stops: a connection that reads is to have one more turn, with no input.
    pub fn is_of_stopping_server(&self) -> bool {
        !self.core.takes_requests()
    }

    /// Whether the client is told, with the last of the output, that nothing more was taken. It must be able to hear it.
    pub fn has_bid_farewell(&self) -> bool {
        self.has_bid_farewell
    }

    /// Bytes that came in and could not be handled yet.
    pub fn input_len(&self) -> usize {
        self.input.len()
    }

    /// The shared half of this connection.
    pub fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Handles complete frames; returns how many bytes are dealt with.
    fn handle_frames(&mut self, bytes: &[u8], turn: &mut Turn<'_>) -> (usize, Progress) {
        if let Some(progress) = self.continue_phase() {
            return (0, progress);
        }
        let core = Arc::clone(&self.core);
        let mut shared = SharedTree::new(&core);
        let mut used = 0;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            if !core.takes_requests() {
                shared.release();
                return (used, self.bid_farewell());
            }
            if matches!(self.phase, Phase::Fresh)
                && let Some(progress) = self.handle_opening(rest, turn)
            {
                let kept = matches!(progress, Progress::Reading);
                return (if kept { used } else { bytes.len() }, progress);
            }
            let (frame, frame_end) = match next_frame(rest, self.core.config.frame_limits) {
                Ok(Some(found)) => found,
                Ok(None) => return (used, Progress::Reading),
                Err(_) => return (used, self.close()),
            };
            if self.lane.lock().outbox.len() > OUTBOX_HIGH_WATER {
                return (used, Progress::Blocked);
            }
            match self.handle_frame(frame, turn, &mut shared) {
                Step::Done => used += frame_end,
                Step::Hold => return (used, Progress::Blocked),
                Step::DoneAndWait => return (used + frame_end, self.waiting()),
                Step::Close => return (used, self.close()),
            }
        }
    }

    fn handle_frame(
        &mut self,
        frame: &[u8],
        turn: &mut Turn<'_>,
        shared: &mut SharedTree<'_>,
    ) -> Step {
        match &self.phase {
            Phase::Fresh => {
                shared.release();
                self.handle_connect(frame, turn)
            }
            Phase::Established(attachment) => {
                attachment.touch(turn.now.mono_ms);
                self.core.stats.packets_received.add(1);
                self.handle_request(frame, turn, shared)
            }
            Phase::Attaching | Phase::Listing(..) => Step::Hold,
            Phase::Closing => Step::Close,
        }
    }

    /// The server stops: nothing more is taken from here on, and when all is answered, the client is told so.
    fn bid_farewell(&mut self) -> Progress {
        let zxid = self.core.last_zxid();
        let is_attached = matches!(self.phase, Phase::Established(_));
        self.has_bid_farewell = is_attached && self.lane.lock().bid_farewell(zxid);
        if self.has_bid_farewell {
            self.close()
        } else {
            Progress::Blocked
        }
    }

    /// What has to happen before any input is looked at; `Some` when that is all for now.
    fn continue_phase(&mut self) -> Option<Progress> {
        if self.lane.lock().has_ended() {
            return Some(self.close());
        }
        match &self.phase {
            Phase::Fresh | Phase::Established(_) => None,
            Phase::Attaching => self.finish_attaching(),
            Phase::Listing(..) => self.continue_listing(),
            Phase::Closing => Some(Progress::Closed),
        }
    }

    /// The session this connection speaks for, if it does.
    fn attachment(&self) -> Attachment {
        match &self.phase {
            Phase::Established(attachment) | Phase::Listing(attachment, _) => attachment.clone(),
            Phase::Fresh | Phase::Attaching | Phase::Closing => Attachment::None,
        }
    }

    fn waiting(&self) -> Progress {
        match self.phase {
            Phase::Listing(..) => Progress::Again,
            Phase::Closing => Progress::Closed,
            Phase::Fresh | Phase::Attaching | Phase::Established(_) => Progress::Blocked,
        }
    }

    fn close(&mut self) -> Progress {
        self.leave_listing();
        self.phase = Phase::Closing;
        self.lane.lock().end();
        Progress::Closed
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.leave_listing();
        self.core.list_room.give_back(self.lists_len);
        self.core.remove_connection(&self.lane);
    }
}

/// The shared lock on the tree, kept over consecutive reads of one turn and given up for everything else.
pub(crate) struct SharedTree<'a> {
    core: &'a Core,
    guard: Option<RwLockReadGuard<'a, Tree>>,
    served: usize,
}

impl<'a> SharedTree<'a> {
    fn new(core: &'a Core) -> Self {
        Self {
            core,
            guard: None,
            served: 0,
        }
    }

    /// The tree, under a hold that ends after a bounded number of requests.
    pub(crate) fn tree(&mut self) -> &Tree {
        if self.served >= REQUESTS_PER_HOLD {
            self.release();
        }
        self.served += 1;
        self.guard.get_or_insert_with(|| self.core.tree.read())
    }

    pub(crate) fn release(&mut self) {
        self.guard = None;
        self.served = 0;
    }
}

#[cfg(test)]
mod tests;
