//! Rules that need a state which no short sequence of requests reaches.

use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::CreateFlags;
use zoa_proto::ErrorCode;
use zoa_proto::PeerId;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Version;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::jute::Writer;
use zoa_proto::request::Create;
use zoa_proto::request::Delete;
use zoa_proto::request::SetData;

use crate::hash_key::HashKey;
use crate::identities::Identities;
use crate::node::NodeId;
use crate::outcome::Applied;
use crate::session::Owner;
use crate::tree::Tree;
use crate::txn::Settings;
use crate::txn::Txn;
use crate::txn::TxnOp;

const OPEN: TxnOp<'_> = TxnOp::OpenSession {
    timeout_ms: 1000,
    password: [0; 16],
};

fn txn(session: i64, op: TxnOp<'_>) -> Txn<'_> {
    Txn {
        session: SessionId(session),
        owner: Owner {
            server: PeerId(1),
            connection: 1,
        },
        xid: Xid(1),
        time_ms: 0,
        settings: Settings::NONE,
        identities: Identities::NONE,
        op,
    }
}

fn tree() -> Tree {
    let mut tree = Tree::new(HashKey([1, 2]));
    assert!(tree.apply(1, &txn(1, OPEN)).result.is_ok());
    tree
}

/// Creates a znode; returns its path.
fn create(tree: &mut Tree, path: &str, flags: i32) -> Result<String, ErrorCode> {
    let (mut scratch, mut body) = (Vec::new(), Vec::new());
    let acl = AclList::collect_into([AclRef::OPEN], &mut scratch);
    let flags = CreateFlags(flags);
    let request = Request::Create(Create {
        path,
        data: None,
        acl,
        flags,
    });
    request.encode(&mut Writer::new(&mut body));
    let op = TxnOp::Request {
        op: request.op(),
        body: &body,
    };
    match tree.apply(1, &txn(1, op)).result? {
        Applied::Created { path, .. } => Ok(path.into_owned()),
        other => panic!("{other:?}"),
    }
}

fn delete(tree: &mut Tree, path: &str) -> Result<(), ErrorCode> {
    let mut body = Vec::new();
    let version = Version::ANY;
    let request = Request::Delete(Delete { path, version });
    request.encode(&mut Writer::new(&mut body));
    let op = TxnOp::Request {
        op: request.op(),
        body: &body,
    };
    tree.apply(1, &txn(1, op)).result.map(drop)
}

#[test]
fn the_sequence_stays_at_its_largest_number() {
    let mut tree = tree();
    tree.node_mut(NodeId::ROOT).versions.cversion = i32::MAX - 1;
    assert_eq!(create(&mut tree, "/n", 2).unwrap(), "/n2147483646");
    assert_eq!(create(&mut tree, "/n", 2).unwrap(), "/n2147483647");
    assert_eq!(create(&mut tree, "/n", 2), Err(ErrorCode::NodeExists));
    assert_eq!(create(&mut tree, "/m", 2).unwrap(), "/m2147483647");
    assert_eq!(tree.find("/").unwrap().stat().cversion, Version(-2 - 4));
}

#[test]
fn versions_wrap_around_minus_one() {
    let mut tree = tree();
    create(&mut tree, "/a", 0).unwrap();
    let id = tree.find_id("/a").unwrap();
    let mut set = |before: i32| {
        tree.node_mut(id).versions.version = before;
        let mut body = Vec::new();
        let version = Version::ANY;
        let request = Request::SetData(SetData {
            path: "/a",
            data: None,
            version,
        });
        request.encode(&mut Writer::new(&mut body));
        let op = TxnOp::Request {
            op: request.op(),
            body: &body,
        };
        match tree.apply(1, &txn(1, op)).result {
            Ok(Applied::DataSet(stat)) => stat.version.0,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(set(i32::MAX), i32::MIN);
    assert_eq!(set(-2), 0);
    assert_eq!(set(-3), -2);
}

#[test]
fn the_epoch_rises_when_the_counter_is_used_up() {
    let mut tree = tree();
    assert_eq!(tree.last_zxid(), Zxid::new(1, 1));
    tree.last_zxid = Zxid::new(1, u32::MAX - 1);
    create(&mut tree, "/a", 0).unwrap();
    assert_eq!(tree.last_zxid(), Zxid::new(1, u32::MAX));
    create(&mut tree, "/b", 0).unwrap();
    assert_eq!(tree.last_zxid(), Zxid::new(2, 1));
    tree.leave_out_epochs(10);
    assert_eq!(tree.last_zxid(), Zxid::new(12, 0));
}

#[test]
fn a_parent_that_is_gone_is_not_found_again_though_its_number_is_in_use() {
    let mut tree = tree();
    create(&mut tree, "/a", 0).unwrap();
    create(&mut tree, "/a/b", 0).unwrap();
    let number = tree.find_id("/a");
    assert_eq!(delete(&mut tree, "/a/b"), Ok(()));
    assert_eq!(delete(&mut tree, "/a"), Ok(()));
    create(&mut tree, "/c", 0).unwrap();
    create(&mut tree, "/d", 0).unwrap();
    assert!([tree.find_id("/c"), tree.find_id("/d")].contains(&number));
    assert_eq!(create(&mut tree, "/a/e", 0), Err(ErrorCode::NoNode));
    assert_eq!(delete(&mut tree, "/a/e"), Err(ErrorCode::NoNode));
    assert_eq!(tree.find("/c").unwrap().stat().num_children, 0);
    assert_eq!(tree.find("/d").unwrap().stat().num_children, 0);
}

#[test]
fn one_znode_more_than_nodes_max_is_refused() {
    let mut tree = tree();
    tree.nodes.set_len_max(tree.nodes.len() + 1);
    create(&mut tree, "/a", 0).unwrap();
    let digest = tree.totals.digest_sum;
    assert_eq!(create(&mut tree, "/b", 0), Err(ErrorCode::SystemError));
    assert_eq!(tree.totals.digest_sum, digest);
    assert_eq!(create(&mut tree, "/a", 0), Err(ErrorCode::NodeExists));
}

#[test]
fn one_session_more_than_sessions_max_is_refused() {
    let mut tree = tree();
    tree.sessions.set_len_max(3);
    assert!(tree.apply(1, &txn(2, OPEN)).result.is_ok());
    assert!(tree.apply(1, &txn(3, OPEN)).result.is_ok());
    let refused = tree.apply(1, &txn(4, OPEN)).result;
    assert_eq!(refused, Err(ErrorCode::SystemError));
    assert!(tree.session(SessionId(4)).is_none());
}
