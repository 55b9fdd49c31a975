//! Entry points of the fuzz targets for what comes in on the peer port, beside the code they exercise.
//!
//! Each takes any bytes, must not panic for a fault of the bytes, and asserts what holds after decoding. That bytes which decode do no
//! harm either is tested elsewhere (`tests/it/hostile.rs`).
//!
//! Post-conditions: what decodes is within its limits and encodes to the same bytes again; only a server that says all that a member says
//! is judged to be one.

use bytes::Bytes;
use zoa_log::ClusterId;
use zoa_proto::PeerId;
use zoa_raft::Members;

use crate::config::Founders;
use crate::hello::Hello;
use crate::hello::HelloState;
use crate::hello::answer::decode_answer;
use crate::hello::answer::encode_answer;
use crate::hello::judge::judge;
use crate::identity::Identity;
use crate::limits::FRAME_LEN_MAX;
use crate::limits::HELLO_ANSWER_LEN_MAX;
use crate::limits::HELLO_LEN_MAX;
use crate::message::PeerMessage;
use crate::node_id::NodeId;
use crate::versions::Versions;

const CLUSTER: ClusterId = ClusterId([7; 16]);

/// The first frame of whoever connects to the peer port, and the answer to one's own.
pub fn peer_hello(bytes: &[u8]) {
    if let Err(refusal) = decode_answer(bytes) {
        assert!(encode_answer(Err(refusal)).len() <= HELLO_ANSWER_LEN_MAX);
    }
    let Ok(hello) = Hello::decode(bytes) else {
        return;
    };
    assert!(bytes.len() <= HELLO_LEN_MAX);
    let encoded = hello.encode();
    // A later version may say more behind what this one knows.
    let is_all = hello.versions.peer > Versions::THIS.peer || encoded == bytes;
    assert!(is_all && bytes.starts_with(&encoded), "one form only");
    let is_taken = judge(&member(), &hello).is_ok();
    let is_meant = hello.to == PeerId(1) && hello.me != PeerId(1);
    let is_ours = hello.state.cluster().is_none_or(|it| it == CLUSTER);
    assert!(!is_taken || (is_meant && is_ours), "{hello:?}");
}

/// What a peer sends once it was greeted.
pub fn peer_frame(bytes: &[u8]) {
    let Ok(message) = PeerMessage::decode(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    assert!((1..=FRAME_LEN_MAX).contains(&bytes.len()));
    assert_eq!(message.encode(), bytes, "one form only");
}

/// One of three.
fn member() -> Identity {
    Identity {
        epoch: 1,
        me: PeerId(1),
        state: HelloState::Member {
            cluster: CLUSTER,
            node: NodeId::founding(PeerId(1)),
            members_index: 5,
        },
        founders: Founders::default(),
        initialize: false,
        line: String::new(),
        members: Members::of_voters([1, 2, 3]),
        versions: Versions::THIS,
        semantics: Versions::FIRST.semantics,
    }
}

#[cfg(test)]
mod tests;
