//! Whether a message makes sense in this server's situation.
//!
//! The library panics on some messages that only a server with a lost disk, or a forger, can send.
//! Those are refused here, so that such a peer cannot stop this server.

use raft::Raft;
use raft::StateRole;
use raft::Storage;
use raft::eraftpb::Message;
use raft::eraftpb::MessageType;

use super::PeerFault;

/// See the module.
///
/// # Errors
///
/// When stepping the message would be wrong.
pub(crate) fn check<S: Storage>(message: &Message, raft: &Raft<S>) -> Result<(), PeerFault> {
    if message.to != raft.id || message.from == raft.id {
        return Err(PeerFault::Misdirected);
    }
    if message.term < raft.term {
        // The library answers or ignores it without looking further.
        return Ok(());
    }
    let is_sole_voter = raft.promotable() && raft.prs().is_singleton();
    if message.term > raft.term && is_sole_voter && speaks_for_a_leader(message) {
        // A former voter may have raised its term in vain. Its answers say so, and are heard.
        return Err(PeerFault::TermNobodyWon);
    }
    let last_index = raft.raft_log.last_index();
    // Only a leader cares for answers. One that has crashed and come back in the same term, as a
    // follower, may have lost entries that it sent before its own sync and that others have.
    let leads = raft.state == StateRole::Leader && message.term == raft.term;
    let is_joiner = raft.prs().iter().next().is_none();
    match message.get_msg_type() {
        MessageType::MsgAppend
            if is_joiner && message.index == 0 && !message.get_entries().is_empty() =>
        {
            Err(PeerFault::NoMembers)
        }
        MessageType::MsgTimeoutNow
            if message.term != raft.term || message.from != raft.leader_id =>
        {
            Err(PeerFault::TakeOverFromNoLeader)
        }
        MessageType::MsgHeartbeat if message.commit > last_index => Err(PeerFault::CommitBeyondLog),
        MessageType::MsgAppendResponse
            if leads && !message.reject && message.index > last_index =>
        {
            Err(PeerFault::AnswerBeyondLog)
        }
        _ => Ok(()),
    }
}

fn speaks_for_a_leader(message: &Message) -> bool {
    matches!(
        message.get_msg_type(),
        MessageType::MsgAppend
            | MessageType::MsgHeartbeat
            | MessageType::MsgSnapshot
            | MessageType::MsgTimeoutNow
    )
}
