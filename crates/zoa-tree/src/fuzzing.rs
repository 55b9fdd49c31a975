//! Entry points of the fuzz targets, beside the code they exercise.
//!
//! Each takes any bytes, must not panic for a fault of the bytes, and asserts what holds after.
//! They are not tests of meaning: those compare with a model in `tests/it`.

use zoa_proto::OpCode;
use zoa_proto::PeerId;
use zoa_proto::SessionId;
use zoa_proto::Xid;

use crate::hash_key::HashKey;
use crate::identities::Identities;
use crate::session::Owner;
use crate::session::PASSWORD_LEN;
use crate::snapshot::SnapshotStep;
use crate::snapshot::load::TreeLoader;
use crate::tree::Tree;
use crate::txn::Settings;
use crate::txn::Txn;
use crate::txn::TxnOp;

const SESSION: SessionId = SessionId(1);
const OWNER: Owner = Owner {
    server: PeerId(0),
    connection: 0,
};

/// The bytes of an entry of the log: what decodes encodes to the same bytes and can be applied.
pub fn txn(bytes: &[u8]) {
    if let Ok(txn) = Txn::decode(bytes) {
        let mut again = Vec::new();
        txn.encode(&mut again);
        assert_eq!(again, bytes);
        apply_twice(&txn);
    }
}

/// The body of a write: whatever it is, applying it has an outcome, the same on two replicas. The
/// first byte says which operation it is.
pub fn write(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let writes = OpCode::ALL.iter().filter(|op| op.is_write());
    if let Some(op) = writes.cycle().nth(usize::from(*first)).copied() {
        apply_twice(&with_conditions(TxnOp::Request { op, body }));
    }
}

/// The bytes of a snapshot: what loads can be stored again, and then loads to the same.
pub fn snapshot(bytes: &[u8]) {
    let mut loader = TreeLoader::new(HashKey([1, 2]));
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let pushed = loader.push(first).and_then(|()| loader.push(second));
    if let Ok(mut tree) = pushed.and_then(|()| loader.finish()) {
        assert_eq!(stored_and_loaded(&mut tree).digest(), tree.digest());
    }
}

fn apply_twice(txn: &Txn<'_>) {
    let (mut one, mut two) = (tree(HashKey([1, 2])), tree(HashKey([3, 4])));
    for term in [1, 2] {
        assert_eq!(one.apply(term, txn), two.apply(term, txn));
        assert_eq!(one.digest(), two.digest());
        assert_eq!(stored_and_loaded(&mut one).digest(), one.digest());
    }
}

/// A tree with a session and a znode.
fn tree(key: HashKey) -> Tree {
    let mut tree = Tree::new(key);
    let open = TxnOp::OpenSession {
        timeout_ms: 1000,
        password: [0; PASSWORD_LEN],
    };
    assert!(tree.apply(1, &with_conditions(open)).result.is_ok());
    // Path "/a", no data, one entry of everything for world:anyone, an ephemeral.
    let body = b"\0\0\0\x02/a\xff\xff\xff\xff\0\0\0\x01\0\0\0\x1f\0\0\0\x05world\0\0\0\x06anyone\0\0\0\x01";
    let op = OpCode::Create;
    assert!(
        tree.apply(1, &with_conditions(TxnOp::Request { op, body }))
            .result
            .is_ok()
    );
    tree
}

const fn with_conditions(op: TxnOp<'_>) -> Txn<'_> {
    Txn {
        session: SESSION,
        owner: OWNER,
        xid: Xid(1),
        time_ms: 1,
        settings: Settings::NONE,
        identities: Identities::NONE,
        op,
    }
}

fn stored_and_loaded(tree: &mut Tree) -> Tree {
    let mut cursor = tree.begin_snapshot();
    let mut bytes = Vec::new();
    while tree.snapshot_step(&mut cursor, 100, &mut bytes) == SnapshotStep::More {}
    tree.end_snapshot(cursor);
    let mut loader = TreeLoader::new(HashKey([5, 6]));
    loader.push(&bytes).expect("what was stored loads");
    loader.finish().expect("what was stored loads")
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

        #[test]
        fn any_body_of_a_write_has_an_outcome(
            op in any::<u8>(),
            words in vec(prop_oneof![
                Just(b"\0\0\0\x02/a".to_vec()),
                Just(b"\0\0\0\x04/a/b".to_vec()),
                Just(b"\0\0\0\x01\0\0\0\x1f\0\0\0\x05world\0\0\0\x06anyone".to_vec()),
                (-2..25i32).prop_map(|number| number.to_be_bytes().to_vec()),
                vec(any::<u8>(), 0..5),
            ], 0..12),
        ) {
            let mut bytes = vec![op];
            bytes.extend(words.concat());
            super::write(&bytes);
        }

        #[test]
        fn any_bytes_after_a_good_head_are_a_transaction_or_refused(
            kind in 0..11u8,
            rest in vec(any::<u8>(), 0..80),
        ) {
            let mut bytes = vec![1, kind, 0];
            bytes.extend(1i64.to_be_bytes());
            bytes.extend([0; 8]);
            bytes.extend(rest);
            super::txn(&bytes);
            super::snapshot(&bytes);
        }
    }
}
