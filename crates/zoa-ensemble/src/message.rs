//! The frames that servers send each other, typed.
//!
//! The first byte says what a frame is. Up to 15 it is a message of the replication, whose own version that byte is; such a frame is
//! handed over as it is, and nothing is copied. The others are this crate's. Byte by byte: `docs/formats/peer.md`.
//!
//! Invariant: no bytes make [`PeerMessage::decode`] panic or take more memory than they have; what no correct server writes is refused.

mod decode;

use std::fmt;

use bytes::BufMut;
use bytes::Bytes;
use zoa_log::ClusterId;
use zoa_proto::PeerId;
use zoa_tree::Touch;

use crate::config::Founders;

/// Kinds of frame, their first byte. Those below belong to the replication.
mod kind {
    pub(super) const FORWARD: u8 = 16;
    pub(super) const FORWARD_REFUSED: u8 = 17;
    pub(super) const TOUCHES: u8 = 18;
    pub(super) const LEADING: u8 = 19;
    pub(super) const PREPARE: u8 = 20;
    pub(super) const HANDING: u8 = 21;
    pub(super) const HELD: u8 = 22;
    pub(super) const SUCCESSION: u8 = 23;
    pub(super) const LEADER_AT: u8 = 24;
}

/// What a frame says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PeerMessage {
    /// A message of the replication.
    Raft(Bytes),
    /// Writes for the leader.
    Forward(Forward),
    /// The leader does not take these writes, nor any behind them on that stream.
    ForwardRefused(StreamPlace),
    /// Sessions that the sender's clients spoke for.
    Touches {
        /// The number of this report; rises on one link.
        number: u64,
        /// Who.
        touches: Vec<Touch>,
    },
    /// The sender leads.
    Leading(Leading),
    /// The sender founds an ensemble: is this server ready?
    Prepare {
        /// The cluster.
        cluster: ClusterId,
        /// By whom.
        founders: Founders,
    },
    /// The leader is about to give its leadership away: nothing more is to be forwarded to it.
    Handing {
        /// The term it leads.
        term: u64,
    },
    /// Nothing comes behind this on any stream for that leader.
    Held {
        /// Its term.
        term: u64,
    },
    /// All that the receiver has forwarded stands in the log of the leader that gives its leadership away.
    Succession {
        /// The term it leads.
        term: u64,
        /// Where its log ends, with an entry of that term.
        last: u64,
    },
    /// Whom the sender follows, for a server that no line of the state names: it may not know where to find that one.
    LeaderAt {
        /// The leader.
        leader: PeerId,
        /// Its `server.N` line, as text.
        line: String,
    },
}

/// A place in a stream of forwarded writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamPlace {
    /// The term of the leader that the stream is for.
    pub term: u64,
    /// The stream; rises with each new one of a server's life.
    pub stream: u64,
    /// The number of the frame in it, from 0.
    pub seq: u64,
}

/// Writes for the leader, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forward {
    /// Where they stand.
    pub place: StreamPlace,
    /// The transactions; none is empty.
    pub proposals: Vec<Bytes>,
}

/// What a leader tells each of its followers at heartbeat pace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leading {
    /// The term it leads.
    pub term: u64,
    /// All that is known to be committed. At least all that was committed before this term.
    pub commit: u64,
    /// The newest report of touches that has arrived from this peer on its present link.
    pub touches: u64,
    /// Where its log ended when it was elected: index and term. 0 and 0 when that is not known any more.
    pub elected_behind: (u64, u64),
    /// It is about to give its leadership away.
    pub is_handing: bool,
}

/// Why bytes are no frame of a correct server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PeerMessageError {
    /// The frame ends too early.
    Truncated,
    /// The frame goes on after its end.
    TrailingBytes,
    /// The first byte is no kind that this server knows.
    UnknownKind(u8),
    /// A field has a value that it cannot have.
    Field(&'static str),
    /// It may not come on this link, or not now.
    OutOfPlace(&'static str),
}

impl fmt::Display for PeerMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the frame ends too early"),
            Self::TrailingBytes => f.write_str("the frame goes on after its end"),
            Self::UnknownKind(kind) => write!(f, "frames of kind {kind} are not known here"),
            Self::Field(name) => write!(f, "the field `{name}` has a value it cannot have"),
            Self::OutOfPlace(what) => write!(f, "{what} came where it cannot"),
        }
    }
}

impl std::error::Error for PeerMessageError {}

impl PeerMessage {
    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut buf = Vec::new();
        match self {
            Self::Raft(message) => return message.clone(),
            Self::Forward(forward) => encode_forward(forward, &mut buf),
            Self::ForwardRefused(place) => {
                buf.put_u8(kind::FORWARD_REFUSED);
                put_place(*place, &mut buf);
            }
            Self::Touches { number, touches } => {
                buf.reserve(16 + 12 * touches.len());
                buf.put_u8(kind::TOUCHES);
                buf.put_u64(*number);
                buf.put_u32(len_u32(touches.len()));
                for touch in touches {
                    buf.put_i64(touch.session.0);
                    buf.put_u32(touch.age_ms);
                }
            }
            Self::Leading(leading) => {
                buf.put_u8(kind::LEADING);
                buf.put_u64(leading.term);
                buf.put_u64(leading.commit);
                buf.put_u64(leading.touches);
                buf.put_u64(leading.elected_behind.0);
                buf.put_u64(leading.elected_behind.1);
                buf.put_u8(u8::from(leading.is_handing));
            }
            Self::Handing { term } => {
                buf.put_u8(kind::HANDING);
                buf.put_u64(*term);
            }
            Self::Held { term } => {
                buf.put_u8(kind::HELD);
                buf.put_u64(*term);
            }
            Self::Succession { term, last } => {
                buf.put_u8(kind::SUCCESSION);
                buf.put_u64(*term);
                buf.put_u64(*last);
            }
            Self::Prepare { cluster, founders } => {
                buf.put_u8(kind::PREPARE);
                buf.put_slice(&cluster.0);
                for peers in [&founders.participants, &founders.observers] {
                    buf.put_u32(len_u32(peers.len()));
                    peers.iter().for_each(|peer| buf.put_u8(peer.0));
                }
            }
            Self::LeaderAt { leader, line } => {
                buf.put_u8(kind::LEADER_AT);
                buf.put_u8(leader.0);
                buf.put_u32(len_u32(line.len()));
                buf.put_slice(line.as_bytes());
            }
        }
        buf.into()
    }
}

fn encode_forward(forward: &Forward, buf: &mut Vec<u8>) {
    let data: usize = forward.proposals.iter().map(|it| 4 + it.len()).sum();
    buf.reserve(32 + data);
    buf.put_u8(kind::FORWARD);
    put_place(forward.place, buf);
    buf.put_u32(len_u32(forward.proposals.len()));
    for proposal in &forward.proposals {
        buf.put_u32(len_u32(proposal.len()));
        buf.put_slice(proposal);
    }
}

fn put_place(place: StreamPlace, buf: &mut Vec<u8>) {
    buf.put_u64(place.term);
    buf.put_u64(place.stream);
    buf.put_u64(place.seq);
}

fn len_u32(len: usize) -> u32 {
    u32::try_from(len).expect("the limits on frames are far below 4 GiB")
}
