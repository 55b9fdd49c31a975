//! The messages of one server's replication to another's, as bytes of our own format.
//!
//! The library's own format is protobuf; none of it is parsed here, on purpose. The bytes are
//! written down in `docs/formats/peer.md`. Numbers are big-endian; what a kind of message does not
//! use is not in it.
//!
//! Invariant: no bytes make the library panic. [`decode`](fn@decode) refuses what no correct server can write,
//! `check` what no correct server can say in this server's situation.

mod check;
mod decode;
mod encode;
mod reader;
#[cfg(test)]
mod tests;

pub(crate) use check::check;
pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub(crate) use reader::Reader;

/// The version in the first byte of every message.
const VERSION: u8 = 1;

/// The kinds of message, the second byte.
mod kind {
    pub(super) const APPEND: u8 = 1;
    pub(super) const APPEND_ANSWER: u8 = 2;
    pub(super) const VOTE: u8 = 3;
    pub(super) const VOTE_ANSWER: u8 = 4;
    pub(super) const PRE_VOTE: u8 = 5;
    pub(super) const PRE_VOTE_ANSWER: u8 = 6;
    pub(super) const HEARTBEAT: u8 = 7;
    pub(super) const HEARTBEAT_ANSWER: u8 = 8;
    pub(super) const SNAPSHOT: u8 = 9;
    pub(super) const TIMEOUT_NOW: u8 = 10;

    /// The kinds of entry in an append.
    pub(super) const ENTRY_NORMAL: u8 = 1;
    pub(super) const ENTRY_CHANGE: u8 = 2;
}

/// What was wrong with a peer's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerFault {
    /// The message ends too early.
    Truncated,
    /// The message goes on after its end.
    TrailingBytes,
    /// The first byte is not a version this server knows.
    UnknownVersion(u8),
    /// The second byte is not a kind of message this server knows.
    UnknownKind(u8),
    /// A yes-or-no byte is neither 0 nor 1.
    NotABool(u8),
    /// A term or an index is 0 where it cannot be, or absurdly large.
    NumberOutOfRange,
    /// Terms go down along the entries, or are above the message's.
    TermsOutOfOrder,
    /// The message is for another server, or from this one.
    Misdirected,
    /// The sender is not a member.
    NotAMember,
    /// The list of members is not one an ensemble can have.
    BadMembers,
    /// An entry is of no kind known here, or changes the members in no way known here.
    BadChange,
    /// The first entries of all came to a server that has yet to hear who the members are.
    NoMembers,
    /// Whoever tells this server to take over does not lead.
    TakeOverFromNoLeader,
    /// The leader believes that this server has entries it does not have: its disk was lost or
    /// replaced.
    CommitBeyondLog,
    /// The sender acknowledges entries that the leader does not have.
    AnswerBeyondLog,
    /// The sender votes before it can have been asked to.
    UnaskedVote,
    /// The sender speaks of a term that began without the vote of this server, the only voter.
    TermNobodyWon,
}

impl std::fmt::Display for PeerFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truncated => f.write_str("the message ends too early"),
            Self::TrailingBytes => f.write_str("the message goes on after its end"),
            Self::UnknownVersion(version) => write!(f, "version {version} is not known here"),
            Self::UnknownKind(kind) => write!(f, "messages of kind {kind} are not known here"),
            Self::NotABool(byte) => write!(f, "{byte} stands where 0 or 1 belongs"),
            Self::NumberOutOfRange => f.write_str("a term or an index is out of range"),
            Self::TermsOutOfOrder => f.write_str("the terms of the entries are out of order"),
            Self::Misdirected => f.write_str("the message is not from a peer to this server"),
            Self::NotAMember => f.write_str("the sender is not a member of the ensemble"),
            Self::BadMembers => f.write_str("no ensemble has such members"),
            Self::BadChange => f.write_str("an entry changes the members in no way known here"),
            Self::NoMembers => {
                f.write_str("entries came before this server has heard who the members are")
            }
            Self::TakeOverFromNoLeader => {
                f.write_str("this server is to take over, but not from the leader it knows")
            }
            Self::CommitBeyondLog => f.write_str(
                "the leader believes that this server has entries that are not in its log",
            ),
            Self::AnswerBeyondLog => f.write_str("entries are acknowledged that do not exist"),
            Self::TermNobodyWon => f.write_str("a term began without its only voter"),
            Self::UnaskedVote => f.write_str("a vote came before it was asked for"),
        }
    }
}

impl std::error::Error for PeerFault {}
