//! Whether a message makes sense in this server's situation.
//!
//! The library panics on some messages that only a server with a lost disk, or a forger, can send.
//! Those are refused here, so that such a peer cannot stop this server.

use raft::Raft;
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
    let last_index = raft.raft_log.last_index();
    match message.get_msg_type() {
        MessageType::MsgHeartbeat if message.commit > last_index => Err(PeerFault::CommitBeyondLog),
        MessageType::MsgAppendResponse
            if message.term == raft.term && !message.reject && message.index > last_index =>
        {
            Err(PeerFault::AnswerBeyondLog)
        }
        _ => Ok(()),
    }
}
