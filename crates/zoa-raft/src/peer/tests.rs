//! There and back: no field that the library uses is lost on the way.

use bytes::Bytes;
use raft::eraftpb::ConfState;
use raft::eraftpb::Entry;
use raft::eraftpb::Message;
use raft::eraftpb::MessageType;
use raft::eraftpb::Snapshot;

use super::*;

fn message(msg_type: MessageType) -> Message {
    let mut message = Message {
        from: 2,
        to: 1,
        term: 30,
        ..Message::default()
    };
    message.set_msg_type(msg_type);
    message
}

fn check(message: &Message) {
    let bytes = encode(message);
    assert_eq!(decode(&bytes).as_ref(), Ok(message));
    for len in 0..bytes.len() {
        let part = decode(&bytes.slice(..len));
        assert_eq!(part, Err(PeerFault::Truncated), "{len} of {}", bytes.len());
    }
}

#[test]
fn appends_come_through_with_their_entries() {
    let entry = |index: u64, term: u64, data: &'static [u8]| Entry {
        index,
        term,
        data: Bytes::from_static(data),
        ..Entry::default()
    };
    let mut append = message(MessageType::MsgAppend);
    (append.index, append.log_term, append.commit) = (10, 7, 9);
    check(&append);
    append.set_entries(vec![entry(11, 7, b"a"), entry(12, 8, b""), entry(13, 30, b"ccc")].into());
    check(&append);
}

// Goal: what is received shares the memory of the frame. Method: compare addresses.
#[test]
fn received_entries_are_not_copied() {
    let mut append = message(MessageType::MsgAppend);
    let data = Bytes::from(vec![7; 1000]);
    append.set_entries(
        vec![Entry {
            index: 1,
            term: 1,
            data,
            ..Entry::default()
        }]
        .into(),
    );
    let frame = encode(&append);
    let received = decode(&frame).expect("it is sound");
    let [entry] = received.get_entries() else {
        panic!("one entry")
    };
    assert!(frame.as_ptr_range().contains(&entry.data.as_ptr()));
}

#[test]
fn answers_to_appends_come_through() {
    let mut answer = message(MessageType::MsgAppendResponse);
    (
        answer.index,
        answer.log_term,
        answer.commit,
        answer.reject_hint,
    ) = (10, 7, 9, 8);
    check(&answer);
    answer.reject = true;
    check(&answer);
}

#[test]
fn votes_and_their_answers_come_through() {
    for msg_type in [MessageType::MsgRequestVote, MessageType::MsgRequestPreVote] {
        let mut vote = message(msg_type);
        (vote.index, vote.log_term, vote.commit, vote.commit_term) = (10, 7, 9, 6);
        check(&vote);
    }
    for msg_type in [
        MessageType::MsgRequestVoteResponse,
        MessageType::MsgRequestPreVoteResponse,
    ] {
        let mut answer = message(msg_type);
        (answer.commit, answer.commit_term, answer.reject) = (9, 6, true);
        check(&answer);
    }
}

#[test]
fn heartbeats_and_their_answers_come_through() {
    for msg_type in [MessageType::MsgHeartbeat, MessageType::MsgHeartbeatResponse] {
        let mut heartbeat = message(msg_type);
        heartbeat.commit = 9;
        check(&heartbeat);
    }
}

#[test]
fn offers_of_snapshots_come_through_with_the_members() {
    let mut offer = message(MessageType::MsgSnapshot);
    let mut snapshot = Snapshot::default();
    let metadata = snapshot.mut_metadata();
    (metadata.index, metadata.term) = (10, 7);
    metadata.set_conf_state(ConfState::from((vec![1, 2, 3], vec![4, 5])));
    offer.set_snapshot(snapshot);
    check(&offer);
}
