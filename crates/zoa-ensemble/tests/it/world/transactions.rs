//! What the clients of the tests write: transactions whose data are words.

use bytes::Bytes;
use zoa_proto::OpCode;
use zoa_proto::PeerId;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_tree::Identities;
use zoa_tree::Owner;
use zoa_tree::Settings;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

/// A transaction as a server whose clock says this makes it for a client.
pub(crate) fn txn(server: u8, wall_ms: i64, settings: Settings, words: &str) -> Bytes {
    let op = TxnOp::Request {
        op: OpCode::SetData,
        body: words.as_bytes(),
    };
    encoded(server, wall_ms, settings, op)
}

/// What the session clock of this server proposes.
pub(crate) fn expiry(server: u8) -> Bytes {
    encoded(server, 0, Settings::NONE, TxnOp::ExpireSession)
}

fn encoded(server: u8, wall_ms: i64, settings: Settings, op: TxnOp<'_>) -> Bytes {
    let txn = Txn {
        session: SessionId(1),
        owner: Owner {
            server: PeerId(server),
            connection: 1,
        },
        xid: Xid(1),
        time_ms: wall_ms,
        settings,
        identities: Identities::NONE,
        op,
    };
    let mut bytes = Vec::new();
    txn.encode(&mut bytes);
    bytes.into()
}

/// What a client wrote; `None` of what no client did.
pub(crate) fn words_of(data: &[u8]) -> Option<String> {
    let txn = Txn::decode(data).ok()?;
    let TxnOp::Request { op, body } = txn.op else {
        return None;
    };
    let words = (op == OpCode::SetData).then_some(body)?;
    Some(str::from_utf8(words).ok()?.to_owned())
}
