//! Bytes to the library's messages. Every read is checked, every length is bounded by what is there.

use bytes::Bytes;
use raft::CAMPAIGN_TRANSFER;
use raft::eraftpb::ConfState;
use raft::eraftpb::Entry;
use raft::eraftpb::EntryType;
use raft::eraftpb::Message;
use raft::eraftpb::MessageType;
use raft::eraftpb::Snapshot;

use super::PeerFault;
use super::Reader;
use super::VERSION;
use super::kind;
use crate::members::ChangeEntry;
use crate::members::Members;

/// Reads one message. The entries' data shares the memory of `bytes`.
///
/// # Errors
///
/// When no correct server writes such bytes.
pub(crate) fn decode(bytes: &Bytes) -> Result<Message, PeerFault> {
    let mut reader = Reader::new(bytes.clone());
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
    reader.check_end()?;
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
        kind::TIMEOUT_NOW => MessageType::MsgTimeoutNow,
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
            if reader.read_bool()? {
                message.context = Bytes::from_static(CAMPAIGN_TRANSFER);
            }
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
        let (kind, data) = (reader.read_u8()?, reader.read_bytes()?);
        let mut entry = Entry {
            index,
            term,
            data,
            ..Entry::default()
        };
        entry.set_entry_type(entry_type_of(kind, &entry.data)?);
        entries.push(entry);
    }
    Ok(entries)
}

fn entry_type_of(kind: u8, data: &Bytes) -> Result<EntryType, PeerFault> {
    match kind {
        kind::ENTRY_NORMAL => Ok(EntryType::EntryNormal),
        kind::ENTRY_CHANGE => ChangeEntry::decode(data).map(|_| EntryType::EntryConfChangeV2),
        _ => Err(PeerFault::BadChange),
    }
}

fn decode_snapshot(message_term: u64, reader: &mut Reader) -> Result<Snapshot, PeerFault> {
    let mut snapshot = Snapshot::default();
    let metadata = snapshot.mut_metadata();
    metadata.index = reader.read_number()?;
    metadata.term = reader.read_number()?;
    if metadata.index == 0 || metadata.term == 0 || metadata.term > message_term {
        return Err(PeerFault::NumberOutOfRange);
    }
    let members = Members::read(reader)?;
    if members.is_empty() {
        return Err(PeerFault::BadMembers);
    }
    metadata.set_conf_state(ConfState::from(&members));
    Ok(snapshot)
}
