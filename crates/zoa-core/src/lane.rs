//! A lane is what a connection's own task and the apply loop share: the outbox, and the queue of
//! writes that still wait for their answer.
//!
//! It is not the connection: input, handshake and phase belong to [`crate::connection`], which only its
//! own task touches. The lane's lock is the innermost of all (see [`crate::core`]), is held for
//! moments only, and never while anything is awaited.

use ::core::net::SocketAddr;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Waker;

use parking_lot::Mutex;
use parking_lot::MutexGuard;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::ReplyHeader;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_reply;
use zoa_proto::jute::Writer;
use zoa_tree::IdentitiesBuf;
use zoa_tree::PASSWORD_LEN;

use crate::limits::OUTBOX_EVENTS_LEN_MAX;
use crate::pipeline::Pipeline;

/// Names one connection of this server for as long as the process lives; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionNumber(pub u64);

/// When a session was last heard of, in milliseconds of the monotonic clock; shared with the session clock.
pub(crate) type Pulse = Arc<AtomicU64>;

/// The shared half of a connection.
#[derive(Debug)]
pub struct Lane {
    number: ConnectionNumber,
    peer: SocketAddr,
    state: Mutex<LaneState>,
}

/// What stands behind the lane's lock.
#[derive(Debug)]
pub(crate) struct LaneState {
    /// Encoded replies and events, in the order the client will see them.
    pub(crate) outbox: Vec<u8>,
    /// While a long list is being walked: what must follow its reply. See [`crate::connection`].
    held_back: Option<Vec<u8>>,
    /// Bytes of events since the outbox was last taken.
    events_len: usize,
    /// What was put into the outbox since it was last taken.
    outgoing: Outgoing,
    pub(crate) pipeline: Pipeline,
    pub(crate) identities: Arc<IdentitiesBuf>,
    pub(crate) attachment: Attachment,
    pub(crate) stats: LaneStats,
    /// When the session was heard of last, as far as the leader was told.
    pub(crate) told_ms: Option<u64>,
    /// The session is known to this server only.
    pub(crate) is_local: bool,
    waker: Option<Waker>,
    /// Stands in the list of those whose input waits for fewer unanswered writes.
    is_throttled: bool,
    /// Stands in the list of those whose input waits for room for a long list.
    waits_for_list_room: bool,
    ended: bool,
}

/// What [`Lane::take_output`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// What was taken.
    pub(crate) outgoing: Outgoing,
    /// The connection is over.
    pub(crate) is_last: bool,
}

/// What goes out, for the counters of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Replies and events.
    pub(crate) packets: u64,
    /// Bytes of the events.
    pub(crate) events_len: u64,
    /// Bytes of the replies.
    pub(crate) replies_len: u64,
    /// Of the replies, those to pings left out.
    pub(crate) sizes: Option<ReplySizes>,
}

/// Lengths of some replies, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplySizes {
    pub(crate) last: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
}

impl Outgoing {
    fn reply(&mut self, op: Option<OpCode>, len: usize) {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        self.replies_len = self.replies_len.saturating_add(len);
        if op == Some(OpCode::Ping) {
            return;
        }
        self.sizes = Some(ReplySizes {
            last: len,
            min: self.sizes.map_or(len, |sizes| sizes.min.min(len)),
            max: self.sizes.map_or(len, |sizes| sizes.max.max(len)),
        });
    }
}

/// What `cons` shows of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LaneStats {
    /// Packets put into the outbox.
    pub(crate) sent: u64,
    /// Requests answered.
    pub(crate) answered: u64,
    pub(crate) established_wall_ms: i64,
    pub(crate) last_op: Option<OpCode>,
    pub(crate) last_xid: Xid,
    pub(crate) last_zxid: Zxid,
    /// On the monotonic clock, as the original tells it.
    pub(crate) last_response_ms: u64,
    pub(crate) last_latency_ms: u64,
    pub(crate) latency_ms_max: u64,
    pub(crate) latency_ms_sum: u64,
}

/// Whether this connection speaks for a session.
#[derive(Clone, Debug)]
pub(crate) enum Attachment {
    /// Nothing was asked for yet.
    None,
    /// The connect request has been proposed; this is what its answer needs.
    Requested {
        session: SessionId,
        password: Password,
        read_only: Option<bool>,
        /// The session is one that this server knows, and the password the right one.
        is_known: bool,
    },
    /// The session is attached; its pulse is to be touched by every packet.
    Session {
        session: SessionId,
        timeout_ms: i32,
        pulse: Pulse,
    },
}

/// A session's password on its way to the client; never shown (G-25).
#[derive(Clone, Copy)]
pub(crate) struct Password(pub(crate) [u8; PASSWORD_LEN]);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Lane {
    pub(crate) fn new(
        number: ConnectionNumber,
        peer: SocketAddr,
        identities: IdentitiesBuf,
    ) -> Self {
        Self {
            number,
            peer,
            state: Mutex::new(LaneState {
                outbox: Vec::new(),
                held_back: None,
                events_len: 0,
                outgoing: Outgoing::default(),
                pipeline: Pipeline::default(),
                identities: Arc::new(identities),
                attachment: Attachment::None,
                stats: LaneStats::default(),
                told_ms: None,
                is_local: false,
                waker: None,
                is_throttled: false,
                waits_for_list_room: false,
                ended: false,
            }),
        }
    }

    /// The connection's number.
    pub fn number(&self) -> ConnectionNumber {
        self.number
    }

    /// The address the client came from.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Swaps all waiting output into `into`, if that is empty, and says whether the connection is over.
    ///
    /// The bytes are sent without the lane's lock, so that a slow system call never holds up the apply loop.
    /// `waker` is woken when there is more output, or a change that the connection's task must look at.
    pub(crate) fn take_output(&self, into: &mut Vec<u8>, waker: Option<&Waker>) -> Taken {
        let mut state = self.state.lock();
        let mut outgoing = Outgoing::default();
        if into.is_empty() {
            std::mem::swap(&mut state.outbox, into);
            // What is held back has not been taken.
            if state.held_back.is_none() {
                state.events_len = 0;
            }
            outgoing = std::mem::take(&mut state.outgoing);
        }
        if let Some(waker) = waker {
            state.remember(waker);
        }
        Taken {
            outgoing,
            is_last: state.ended,
        }
    }

    /// Ends the connection once what waits in the outbox has been sent.
    pub(crate) fn end(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        state.ended = true;
        state.waker.take()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock()
    }
}

impl LaneState {
    /// Tells a client that nothing more is taken from this connection: what it has sent and was not answered was not applied, and
    /// never will be (G-26). That is so only when all that was taken is answered; `false` as long as it is not.
    ///
    /// It is a reply to a ping with an error, which nothing else sends: the clients of the original look at no error of a ping, and
    /// see the connection end right behind it.
    pub(crate) fn bid_farewell(&mut self, zxid: Zxid) -> bool {
        if self.ended || !self.pipeline.is_empty() || self.held_back.is_some() {
            return false;
        }
        let header = ReplyHeader {
            xid: Xid::PING,
            zxid,
            error: Some(ErrorCode::ConnectionLoss),
        };
        self.reply(Some(OpCode::Ping), header, |_| {});
        self.ended = true;
        true
    }

    /// Encodes a reply behind what is there.
    ///
    /// Nothing follows the end: a client whose events were cut off must not be shown what came after them (G-07).
    pub(crate) fn reply(
        &mut self,
        op: Option<OpCode>,
        header: ReplyHeader,
        body: impl FnOnce(&mut Writer<'_>),
    ) {
        if self.ended {
            return;
        }
        self.stats.answered += 1;
        self.stats.last_op = op;
        self.stats.last_xid = header.xid;
        self.stats.last_zxid = header.zxid;
        let buffer = self.reply_buffer();
        let len_before = buffer.len();
        encode_reply(buffer, header, body);
        let len = buffer.len() - len_before;
        self.outgoing.reply(op, len);
    }

    /// Where the next reply goes. Not for events: those go through [`Self::tell`].
    pub(crate) fn reply_buffer(&mut self) -> &mut Vec<u8> {
        self.count_packet();
        self.held_back.as_mut().unwrap_or(&mut self.outbox)
    }

    /// Puts an encoded event behind what is there; `false` when the connection is over, since the client leaves too much unread.
    ///
    /// Only events are counted against it: a long reply that is on its way is no sign of a client that does not read.
    pub(crate) fn tell(&mut self, event: &[u8]) -> bool {
        if self.ended {
            return false;
        }
        if self.events_len + event.len() > OUTBOX_EVENTS_LEN_MAX {
            self.ended = true;
            self.outbox = Vec::new();
            self.held_back = None;
            return false;
        }
        self.events_len += event.len();
        self.outgoing.events_len += u64::try_from(event.len()).unwrap_or(u64::MAX);
        self.reply_buffer().extend_from_slice(event);
        true
    }

    fn count_packet(&mut self) {
        self.stats.sent += 1;
        self.outgoing.packets += 1;
    }

    /// From here on output waits behind the list that is being walked, whose reply has this length.
    pub(crate) fn hold_back(&mut self, len: usize) {
        assert!(
            self.held_back.is_none(),
            "one connection walks one list at a time"
        );
        self.held_back = Some(Vec::new());
        self.outgoing.reply(None, len);
    }

    /// Takes the next piece of the list that is being walked, if all before it has been taken; otherwise leaves it where it is.
    ///
    /// A list may be tens of megabytes, and whoever wants this lane waits meanwhile: it is handed over, never copied.
    pub(crate) fn pass_on(&mut self, piece: &mut Vec<u8>) -> bool {
        if self.ended {
            piece.clear();
            return true;
        }
        let is_free = self.outbox.is_empty();
        if is_free {
            std::mem::swap(&mut self.outbox, piece);
        }
        is_free
    }

    /// The list has been handed over: what was held back follows.
    pub(crate) fn release_behind_list(&mut self) {
        let held_back = self.held_back.take().unwrap_or_default();
        if self.ended {
            return;
        }
        self.outbox.extend_from_slice(&held_back);
        self.count_packet();
    }

    /// Bytes that wait to be taken, those behind a long list too.
    pub(crate) fn outbox_len(&self) -> usize {
        self.outbox.len() + self.held_back.as_ref().map_or(0, Vec::len)
    }

    /// Bytes of events among them.
    pub(crate) fn events_len(&self) -> usize {
        self.events_len
    }

    /// Whether it speaks for a session, and is not over.
    pub(crate) fn is_in_use(&self) -> bool {
        !self.ended && matches!(self.attachment, Attachment::Session { .. })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    pub(crate) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// Whether its client waits for a write, or for its turn to write or to list, and is not over.
    pub(crate) fn waits_for_the_server(&self) -> bool {
        let has_its_turn = !self.is_throttled && !self.waits_for_list_room;
        !self.ended && (!has_its_turn || !self.pipeline.is_empty())
    }

    /// Whether the session that it speaks for was heard of within its timeout. Under this lock what is answered has been heard.
    pub(crate) fn was_heard_in_time(&self, now_ms: u64) -> bool {
        match &self.attachment {
            Attachment::None | Attachment::Requested { .. } => false,
            Attachment::Session {
                timeout_ms, pulse, ..
            } => {
                let silent_ms = now_ms.saturating_sub(pulse.load(Ordering::Relaxed));
                silent_ms <= u64::try_from(*timeout_ms).unwrap_or(0)
            }
        }
    }

    /// Says that the lane is in the list of the throttled from here on, and whether it was before.
    pub(crate) fn throttle(&mut self) -> bool {
        std::mem::replace(&mut self.is_throttled, true)
    }

    /// Says that it is not in that list any more; who waits is to be woken.
    pub(crate) fn unthrottle(&mut self) -> Option<Waker> {
        self.is_throttled = false;
        self.waker.take()
    }

    /// Says that the lane waits for room for a long list from here on, and whether it did before.
    pub(crate) fn wait_for_list_room(&mut self) -> bool {
        std::mem::replace(&mut self.waits_for_list_room, true)
    }

    /// Says that there may be room; who waits is to be woken.
    pub(crate) fn found_list_room(&mut self) -> Option<Waker> {
        self.waits_for_list_room = false;
        self.waker.take()
    }

    pub(crate) fn waits_for_list_room(&self) -> bool {
        self.waits_for_list_room
    }

    pub(crate) fn remember(&mut self, waker: &Waker) {
        match &self.waker {
            Some(known) if known.will_wake(waker) => {}
            _ => self.waker = Some(waker.clone()),
        }
    }
}

impl Attachment {
    pub(crate) fn touch(&self, now_ms: u64) {
        match self {
            Self::None | Self::Requested { .. } => {}
            Self::Session { pulse, .. } => pulse.store(now_ms, Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn say(lane: &Lane, text: &str) {
        let header = ReplyHeader {
            xid: Xid(1),
            zxid: Zxid::ZERO,
            error: None,
        };
        lane.lock()
            .reply(None, header, |writer| writer.ustring(text));
    }

    fn taken(lane: &Lane) -> (Vec<u8>, bool) {
        let mut output = Vec::new();
        let taken = lane.take_output(&mut output, None);
        (output, taken.is_last)
    }

    #[test]
    fn nothing_follows_what_was_cut_off() {
        let lane = testing::lane(1);
        say(&lane, "before");
        assert!(lane.lock().tell(b"event"));
        assert!(!lane.lock().tell(&vec![0; OUTBOX_EVENTS_LEN_MAX]));
        say(&lane, "after");
        assert!(!lane.lock().tell(b"event"));
        assert_eq!(taken(&lane), (Vec::new(), true));
    }

    #[test]
    fn a_list_that_was_cut_while_it_was_walked_is_not_sent() {
        let lane = testing::lane(1);
        lane.lock().hold_back(100);
        assert!(!lane.lock().tell(&vec![0; OUTBOX_EVENTS_LEN_MAX + 1]));
        assert!(lane.lock().pass_on(&mut b"list".to_vec()));
        lane.lock().release_behind_list();
        assert_eq!(taken(&lane), (Vec::new(), true));
    }

    #[test]
    fn a_list_goes_in_pieces_before_what_was_held_back() {
        let lane = testing::lane(1);
        let mut piece = b"first".to_vec();
        lane.lock().hold_back(100);
        assert!(lane.lock().pass_on(&mut piece));
        assert!(lane.lock().tell(b"event"));
        piece = b"second".to_vec();
        assert!(!lane.lock().pass_on(&mut piece), "the first was not taken");
        assert_eq!(taken(&lane), (b"first".to_vec(), false));
        assert!(lane.lock().pass_on(&mut piece));
        lane.lock().release_behind_list();
        assert_eq!(taken(&lane), (b"secondevent".to_vec(), false));
    }

    #[test]
    fn a_long_reply_on_its_way_is_no_reason_to_cut() {
        let lane = testing::lane(1);
        say(&lane, &"n".repeat(OUTBOX_EVENTS_LEN_MAX));
        assert!(lane.lock().tell(b"event"));
        let (output, is_last) = taken(&lane);
        assert!(output.ends_with(b"event"));
        assert!(!is_last);
    }

    #[test]
    fn events_held_back_count_until_they_are_taken() {
        let lane = testing::lane(1);
        lane.lock().hold_back(100);
        let half = vec![0; OUTBOX_EVENTS_LEN_MAX / 2 + 1];
        assert!(lane.lock().tell(&half));
        taken(&lane);
        assert!(!lane.lock().tell(&half));
        let lane = testing::lane(1);
        for _ in 0..3 {
            assert!(lane.lock().tell(&half), "a client that reads is never cut");
            taken(&lane);
        }
    }

    #[test]
    fn packets_are_counted_when_they_are_taken() {
        let lane = testing::lane(1);
        say(&lane, "one");
        assert!(lane.lock().tell(b"two"));
        assert_eq!(lane.take_output(&mut Vec::new(), None).outgoing.packets, 2);
        assert_eq!(lane.take_output(&mut Vec::new(), None).outgoing.packets, 0);
    }

    #[test]
    fn lengths_of_replies_and_events_are_told_when_they_are_taken() {
        let lane = testing::lane(1);
        say(&lane, "long enough");
        say(&lane, "");
        let ping = ReplyHeader {
            xid: Xid::PING,
            zxid: Zxid::ZERO,
            error: None,
        };
        lane.lock().reply(Some(OpCode::Ping), ping, |_| {});
        assert!(lane.lock().tell(b"event"));
        let outgoing = lane.take_output(&mut Vec::new(), None).outgoing;
        // A length, a header, and the text with a length of its own.
        let sizes = ReplySizes {
            last: 4 + 16 + 4,
            min: 4 + 16 + 4,
            max: 4 + 16 + 4 + 11,
        };
        assert_eq!(outgoing.sizes, Some(sizes));
        assert_eq!(outgoing.replies_len, sizes.min + sizes.max + 4 + 16);
        assert_eq!(outgoing.events_len, 5);
    }
}
