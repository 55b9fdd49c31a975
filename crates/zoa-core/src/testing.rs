//! What the tests of this crate's insides build upon. Tests that need no insides stand in `tests/it`.

use ::core::net::Ipv4Addr;
use ::core::net::SocketAddr;
use std::sync::Arc;

use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::CreateFlags;
use zoa_proto::OpCode;
use zoa_proto::PeerId;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Version;
use zoa_proto::Xid;
use zoa_proto::frame::FrameLimits;
use zoa_proto::jute::Writer;
use zoa_proto::request;
use zoa_tree::HashKey;
use zoa_tree::Identities;
use zoa_tree::IdentitiesBuf;
use zoa_tree::Owner;
use zoa_tree::PASSWORD_LEN;
use zoa_tree::Settings;
use zoa_tree::Tree;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use crate::config::ContainerRules;
use crate::config::CoreConfig;
use crate::config::Facts;
use crate::config::Gauges;
use crate::config::SessionRules;
use crate::config::WordList;
use crate::connection::Connection;
use crate::core::Core;
use crate::lane::ConnectionNumber;
use crate::lane::Lane;
use crate::moment::Moment;
use crate::pipeline::PendingWrite;
use crate::propose::Committed;
use crate::propose::Proposals;

pub(crate) const PEER: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 1);

pub(crate) const NOW: Moment = Moment {
    mono_ms: 1_000,
    wall_ms: 1_700_000_000_000,
};

/// A lane that no server knows.
pub(crate) fn lane(number: u64) -> Arc<Lane> {
    Arc::new(Lane::new(
        ConnectionNumber(number),
        SocketAddr::from(PEER),
        IdentitiesBuf::default(),
    ))
}

/// A server with an empty tree.
pub(crate) fn core() -> Arc<Core> {
    let config = CoreConfig {
        server: PeerId(1),
        tick_ms: 1_000,
        session_timeout_ms_min: 2_000,
        session_timeout_ms_max: 20_000,
        frame_limits: FrameLimits::default(),
        connections_per_address_max: 0,
        connections_max: 0,
        settings: Settings::NONE,
        super_digest: None,
        words: WordList::All,
        facts: Facts {
            version: String::new(),
            built_on: String::new(),
            configuration: Vec::new(),
            environment: Vec::new(),
            gauges: Box::new(Gauges::default),
        },
        sessions: SessionRules::default(),
        containers: ContainerRules::default(),
        hash_key: HashKey([3, 4]),
        first_connection: 1,
    };
    Core::new(config, Tree::new(HashKey([1, 2])), NOW)
}

/// Applies what makes these znodes, open to everyone.
pub(crate) fn create(core: &Core, paths: &[&str]) {
    let mut proposals = Proposals::default();
    open_session(&mut proposals);
    for path in paths {
        propose_create(&mut proposals, OpCode::Create, path);
    }
    commit(core, &mut proposals);
    let is_there = |path: &&str| core.with_tree(|tree| tree.find(path).is_some());
    assert!(paths.iter().all(is_there));
}

/// Applies what makes these containers, each with a child that is gone again.
pub(crate) fn create_used_containers(core: &Core, paths: &[String]) {
    let mut proposals = Proposals::default();
    open_session(&mut proposals);
    for path in paths {
        propose_create(&mut proposals, OpCode::CreateContainer, path);
        let child = format!("{path}/child");
        propose_create(&mut proposals, OpCode::Create, &child);
        let mut body = Vec::new();
        let delete = request::Delete {
            path: &child,
            version: Version::ANY,
        };
        Request::Delete(delete).encode(&mut Writer::new(&mut body));
        let op = OpCode::Delete;
        propose(&mut proposals, TxnOp::Request { op, body: &body });
    }
    commit(core, &mut proposals);
    assert_eq!(core.with_tree(Tree::reaped_count), paths.len());
}

fn open_session(proposals: &mut Proposals) {
    let op = TxnOp::OpenSession {
        timeout_ms: 10_000,
        password: [0; PASSWORD_LEN],
    };
    propose(proposals, op);
}

fn propose_create(proposals: &mut Proposals, op: OpCode, path: &str) {
    let mut scratch = Vec::new();
    let flags = if op == OpCode::Create { 0 } else { 4 };
    let create = request::Create {
        path,
        data: None,
        acl: AclList::collect_into([AclRef::OPEN], &mut scratch),
        flags: CreateFlags(flags),
    };
    let mut body = Vec::new();
    Request::Create(create).encode(&mut Writer::new(&mut body));
    propose(proposals, TxnOp::Request { op, body: &body });
}

fn commit(core: &Core, proposals: &mut Proposals) {
    let as_committed = |(number, bytes)| Committed {
        term: 1,
        index: core.applied_index() + number,
        bytes,
        is_change: false,
    };
    let committed: Vec<_> = (1..).zip(proposals.take()).map(as_committed).collect();
    core.handle_committed(NOW, &committed)
        .expect("the core reads what it wrote");
}

fn propose(proposals: &mut Proposals, op: TxnOp<'_>) {
    proposals.push(&Txn {
        session: SessionId(7),
        owner: Owner {
            server: PeerId(1),
            connection: 0,
        },
        xid: Xid(0),
        time_ms: NOW.wall_ms,
        settings: Settings::NONE,
        identities: Identities::NONE,
        op,
    });
}

/// A connection that has sent nothing.
pub(crate) fn dial(core: &Arc<Core>) -> Connection {
    let connection = core.accept(SocketAddr::from(PEER), NOW);
    connection.expect("the server takes it on")
}

/// A write that waits for its answer.
pub(crate) fn write() -> PendingWrite {
    PendingWrite {
        xid: Xid(1),
        op: OpCode::SetData,
        received_ms: 0,
        len: 0,
        sync_path: None,
    }
}
