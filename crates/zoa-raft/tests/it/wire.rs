//! Reads just enough of a peer's message to judge it, from `docs/formats/peer.md` and not with the
//! crate's own decoder.

use bytes::Buf;

pub(crate) const APPEND_ANSWER: u8 = 2;
pub(crate) const VOTE: u8 = 3;
pub(crate) const VOTE_ANSWER: u8 = 4;
pub(crate) const PRE_VOTE: u8 = 5;
pub(crate) const PRE_VOTE_ANSWER: u8 = 6;

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) kind: u8,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) term: u64,
    pub(crate) index: u64,
    pub(crate) reject: bool,
}

pub(crate) fn read(mut bytes: &[u8]) -> Wire {
    assert_eq!(bytes.get_u8(), 1, "version");
    let kind = bytes.get_u8();
    let (from, to, term) = (bytes.get_u64(), bytes.get_u64(), bytes.get_u64());
    let (index, reject) = match kind {
        APPEND_ANSWER => {
            let index = bytes.get_u64();
            bytes.advance(16);
            (index, bytes.get_u8() == 1)
        }
        VOTE_ANSWER | PRE_VOTE_ANSWER => {
            bytes.advance(16);
            (0, bytes.get_u8() == 1)
        }
        _ => (0, false),
    };
    Wire {
        kind,
        from,
        to,
        term,
        index,
        reject,
    }
}
