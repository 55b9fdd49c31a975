//! The library's messages to bytes.

use bytes::BufMut;
use bytes::Bytes;
use raft::CAMPAIGN_TRANSFER;
use raft::eraftpb::Entry;
use raft::eraftpb::EntryType;
use raft::eraftpb::Message;
use raft::eraftpb::MessageType;

use super::VERSION;
use super::kind;
use crate::members::Members;

/// What every message begins with, and what an entry needs beside its data.
const HEAD_LEN: usize = 2 + 3 * 8;
const FIELDS_LEN_MAX: usize = 48;
const ENTRY_HEAD_LEN: usize = 8 + 1 + 4;

/// Writes a message that the library wants sent.
///
/// # Panics
///
/// On kinds that are never sent: local ones, and forwarded proposals, reads or transfers (they travel
/// another way).
pub(crate) fn encode(message: &Message) -> Bytes {
    let entries_len: usize = message
        .get_entries()
        .iter()
        .map(|entry| ENTRY_HEAD_LEN + entry.data.len())
        .sum();
    let mut buf = Vec::with_capacity(HEAD_LEN + FIELDS_LEN_MAX + entries_len);
    buf.put_u8(VERSION);
    buf.put_u8(kind_of(message.get_msg_type()));
    buf.put_u64(message.from);
    buf.put_u64(message.to);
    buf.put_u64(message.term);
    encode_fields(message, &mut buf);
    buf.into()
}

fn kind_of(msg_type: MessageType) -> u8 {
    match msg_type {
        MessageType::MsgAppend => kind::APPEND,
        MessageType::MsgAppendResponse => kind::APPEND_ANSWER,
        MessageType::MsgRequestVote => kind::VOTE,
        MessageType::MsgRequestVoteResponse => kind::VOTE_ANSWER,
        MessageType::MsgRequestPreVote => kind::PRE_VOTE,
        MessageType::MsgRequestPreVoteResponse => kind::PRE_VOTE_ANSWER,
        MessageType::MsgHeartbeat => kind::HEARTBEAT,
        MessageType::MsgHeartbeatResponse => kind::HEARTBEAT_ANSWER,
        MessageType::MsgSnapshot => kind::SNAPSHOT,
        MessageType::MsgTimeoutNow => kind::TIMEOUT_NOW,
        MessageType::MsgHup
        | MessageType::MsgBeat
        | MessageType::MsgPropose
        | MessageType::MsgUnreachable
        | MessageType::MsgSnapStatus
        | MessageType::MsgCheckQuorum
        | MessageType::MsgTransferLeader
        | MessageType::MsgReadIndex
        | MessageType::MsgReadIndexResp => {
            unreachable!("nothing steps a message that makes the library send {msg_type:?}")
        }
    }
}

fn encode_fields(message: &Message, buf: &mut Vec<u8>) {
    match kind_of(message.get_msg_type()) {
        kind::APPEND => {
            buf.put_u64(message.index);
            buf.put_u64(message.log_term);
            buf.put_u64(message.commit);
            encode_entries(message.get_entries(), buf);
        }
        kind::APPEND_ANSWER => {
            buf.put_u64(message.index);
            buf.put_u64(message.log_term);
            buf.put_u64(message.commit);
            buf.put_u8(u8::from(message.reject));
            buf.put_u64(message.reject_hint);
        }
        kind::VOTE | kind::PRE_VOTE => {
            buf.put_u64(message.index);
            buf.put_u64(message.log_term);
            buf.put_u64(message.commit);
            buf.put_u64(message.commit_term);
            buf.put_u8(u8::from(message.context == CAMPAIGN_TRANSFER));
        }
        kind::VOTE_ANSWER | kind::PRE_VOTE_ANSWER => {
            buf.put_u64(message.commit);
            buf.put_u64(message.commit_term);
            buf.put_u8(u8::from(message.reject));
        }
        kind::HEARTBEAT | kind::HEARTBEAT_ANSWER => buf.put_u64(message.commit),
        kind::SNAPSHOT => {
            let metadata = message.get_snapshot().get_metadata();
            buf.put_u64(metadata.index);
            buf.put_u64(metadata.term);
            Members::from(metadata.get_conf_state()).put(buf);
        }
        _ => {}
    }
}

/// Entries follow `index` without a gap, so their own indexes are not sent.
fn encode_entries(entries: &[Entry], buf: &mut Vec<u8>) {
    buf.put_u32(len_u32(entries.len()));
    for entry in entries {
        buf.put_u64(entry.term);
        buf.put_u8(match entry.get_entry_type() {
            EntryType::EntryNormal => kind::ENTRY_NORMAL,
            EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => kind::ENTRY_CHANGE,
        });
        buf.put_u32(len_u32(entry.data.len()));
        buf.put_slice(&entry.data);
    }
}

fn len_u32(len: usize) -> u32 {
    u32::try_from(len).expect("the limits on entries and messages are far below 4 GiB")
}
