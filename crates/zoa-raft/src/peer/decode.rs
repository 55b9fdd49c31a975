//! Bytes to the library's messages. Every read is checked, every length is bounded by what is there.

use bytes::Buf;
use bytes::Bytes;
use raft::eraftpb::ConfState;
use raft::eraftpb::Entry;
use raft::eraftpb::Message;
use raft::eraftpb::MessageType;
use raft::eraftpb::Snapshot;

use super::PeerFault;
use super::VERSION;
use super::kind;
use crate::limits::MEMBERS_MAX;
use crate::limits::TERM_OR_INDEX_MAX;

/// Reads one message. The entries' data shares the memory of `bytes`.
///
/// # Errors
///
/// When no correct server writes such bytes.
pub(crate) fn decode(bytes: &Bytes) -> Result<Message, PeerFault> {
    let mut reader = Reader(bytes.clone());
    let version = reader.read_u8()?;
    if version != VERSION {
        return Err(PeerFault::UnknownVersion(version));
    }
    let kind = reader.read_u8()?;
    let mut message = Message::default();
    message.set_msg_type(msg_type_of(kind)?);
    message.from = reader.read_number()?;
    message.to = reader.read_number()?;
    message.term = reader.read_number()?;
    // The library takes term 0 for a message to itself, and id 0 for nobody.
    if message.term == 0 || message.from == 0 || message.to == 0 {
        return Err(PeerFault::NumberOutOfRange);
    }
    decode_fields(kind, &mut message, &mut reader)?;
    if reader.0.has_remaining() {
        return Err(PeerFault::TrailingBytes);
    }
    Ok(message)
}

fn msg_type_of(kind: u8) -> Result<MessageType, PeerFault> {
    Ok(match kind {
        kind::APPEND => MessageType::MsgAppend,
        kind::APPEND_ANSWER => MessageType::MsgAppendResponse,
        kind::VOTE => MessageType::MsgRequestVote,
        kind::VOTE_ANSWER => MessageType::MsgRequestVoteResponse,
        kind::PRE_VOTE => MessageType::MsgRequestPreVote,
        kind::PRE_VOTE_ANSWER => MessageType::MsgRequestPreVoteResponse,
        kind::HEARTBEAT => MessageType::MsgHeartbeat,
        kind::HEARTBEAT_ANSWER => MessageType::MsgHeartbeatResponse,
        kind::SNAPSHOT => MessageType::MsgSnapshot,
        unknown => return Err(PeerFault::UnknownKind(unknown)),
    })
}

fn decode_fields(kind: u8, message: &mut Message, reader: &mut Reader) -> Result<(), PeerFault> {
    match kind {
        kind::APPEND => {
            decode_position(message, reader)?;
            message.commit = reader.read_number()?;
            let entries = decode_entries(message, reader)?;
            message.set_entries(entries.into());
        }
        kind::APPEND_ANSWER => {
            message.index = reader.read_number()?;
            message.log_term = reader.read_number()?;
            message.commit = reader.read_number()?;
            message.reject = reader.read_bool()?;
            message.reject_hint = reader.read_number()?;
        }
        kind::VOTE | kind::PRE_VOTE => {
            decode_position(message, reader)?;
            message.commit = reader.read_number()?;
            message.commit_term = reader.read_number()?;
        }
        kind::VOTE_ANSWER | kind::PRE_VOTE_ANSWER => {
            message.commit = reader.read_number()?;
            message.commit_term = reader.read_number()?;
            message.reject = reader.read_bool()?;
        }
        kind::HEARTBEAT | kind::HEARTBEAT_ANSWER => message.commit = reader.read_number()?,
        kind::SNAPSHOT => message.set_snapshot(decode_snapshot(message.term, reader)?),
        _ => {}
    }
    Ok(())
}

/// An index and the term there: both 0 or neither. The library takes term 0 at an index it does not
/// have for a match.
fn decode_position(message: &mut Message, reader: &mut Reader) -> Result<(), PeerFault> {
    message.index = reader.read_number()?;
    message.log_term = reader.read_number()?;
    if (message.index == 0) != (message.log_term == 0) {
        return Err(PeerFault::NumberOutOfRange);
    }
    Ok(())
}

fn decode_entries(message: &Message, reader: &mut Reader) -> Result<Vec<Entry>, PeerFault> {
    let count = reader.read_u32()?;
    // The count may lie, so nothing is reserved for it: each entry must be there to take memory.
    let mut entries = Vec::new();
    let mut term_before = message.log_term;
    for offset in 1..=u64::from(count) {
        let (index, term) = (message.index + offset, reader.read_number()?);
        if term < term_before || term == 0 || term > message.term {
            return Err(PeerFault::TermsOutOfOrder);
        }
        term_before = term;
        let data = reader.read_bytes()?;
        entries.push(Entry {
            index,
            term,
            data,
            ..Entry::default()
        });
    }
    Ok(entries)
}

fn decode_snapshot(message_term: u64, reader: &mut Reader) -> Result<Snapshot, PeerFault> {
    let mut snapshot = Snapshot::default();
    let metadata = snapshot.mut_metadata();
    metadata.index = reader.read_number()?;
    metadata.term = reader.read_number()?;
    if metadata.index == 0 || metadata.term == 0 || metadata.term > message_term {
        return Err(PeerFault::NumberOutOfRange);
    }
    metadata.set_conf_state(decode_members(reader)?);
    Ok(snapshot)
}

fn decode_members(reader: &mut Reader) -> Result<ConfState, PeerFault> {
    // Fields of a struct expression are evaluated in the order written.
    let members = ConfState {
        voters: reader.read_ids()?,
        learners: reader.read_ids()?,
        voters_outgoing: reader.read_ids()?,
        learners_next: reader.read_ids()?,
        auto_leave: reader.read_bool()?,
        ..ConfState::default()
    };
    // Joint memberships come with changes of members, which this version cannot make.
    let joint = !members.voters_outgoing.is_empty()
        || !members.learners_next.is_empty()
        || members.auto_leave;
    let both = members
        .voters
        .iter()
        .any(|id| members.learners.contains(id));
    if members.voters.is_empty() || joint || both {
        return Err(PeerFault::BadMembers);
    }
    Ok(members)
}

struct Reader(Bytes);

impl Reader {
    fn read_u8(&mut self) -> Result<u8, PeerFault> {
        self.0.try_get_u8().map_err(|_| PeerFault::Truncated)
    }

    fn read_u32(&mut self) -> Result<u32, PeerFault> {
        self.0.try_get_u32().map_err(|_| PeerFault::Truncated)
    }

    /// A term, an index or an id.
    fn read_number(&mut self) -> Result<u64, PeerFault> {
        let number = self.0.try_get_u64().map_err(|_| PeerFault::Truncated)?;
        if number > TERM_OR_INDEX_MAX {
            return Err(PeerFault::NumberOutOfRange);
        }
        Ok(number)
    }

    fn read_bool(&mut self) -> Result<bool, PeerFault> {
        match self.read_u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(PeerFault::NotABool(other)),
        }
    }

    fn read_bytes(&mut self) -> Result<Bytes, PeerFault> {
        let len = usize::try_from(self.read_u32()?).map_err(|_| PeerFault::Truncated)?;
        if len > self.0.remaining() {
            return Err(PeerFault::Truncated);
        }
        Ok(self.0.split_to(len))
    }

    fn read_ids(&mut self) -> Result<Vec<u64>, PeerFault> {
        let count = usize::try_from(self.read_u32()?).map_err(|_| PeerFault::BadMembers)?;
        if count > MEMBERS_MAX {
            return Err(PeerFault::BadMembers);
        }
        let mut ids = Vec::new();
        for _ in 0..count {
            let id = self.read_number()?;
            if id == 0 || ids.contains(&id) {
                return Err(PeerFault::BadMembers);
            }
            ids.push(id);
        }
        Ok(ids)
    }
}
